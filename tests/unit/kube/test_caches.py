"""Which changes are a reason to look, and which are only an echo of what the controller wrote."""

from typing import Any

import pytest

from stagewright.kube.caches import RowIndex, SyncCache
from stagewright.schema.custom_resource import FINALIZER, REQUESTED_AT


def _object(**metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "ml", "name": "bank", "uid": "1", "generation": 1, "finalizers": [FINALIZER]}
        | metadata
    }


ECHOES: dict[str, dict[str, Any]] = {
    "a status was written": _object(resourceVersion="9"),
    "a label was set": _object(labels={"a": "b"}),
    "listed anew": _object(),
}
REASONS: dict[str, dict[str, Any]] = {
    "spec changed": _object(generation=2),
    "asked for": _object(annotations={REQUESTED_AT: "now"}),
    "being deleted": _object(deletionTimestamp="2026-11-24T09:00:00Z"),
    "finalizer taken away": _object(finalizers=[]),
    "made anew": _object(uid="2"),
}


@pytest.mark.parametrize("name", ECHOES)
def test_sync_cache_of_an_echo_wakes_nobody_and_keeps_it(name: str):
    woken: list[str] = []
    cache = SyncCache(woken.append)
    cache.changed("ADDED", _object())
    woken.clear()

    cache.changed("MODIFIED", ECHOES[name])

    assert woken == []
    assert cache.get("ml", "bank") == ECHOES[name]


@pytest.mark.parametrize("name", REASONS)
def test_sync_cache_of_a_reason_wakes(name: str):
    woken: list[str] = []
    cache = SyncCache(woken.append)
    cache.changed("ADDED", _object())

    cache.changed("MODIFIED", REASONS[name])

    assert woken == ["ml/bank", "ml/bank"]


def test_sync_cache_of_an_object_that_is_gone_wakes_and_forgets_it():
    woken: list[str] = []
    cache = SyncCache(woken.append)
    cache.changed("ADDED", _object())

    cache.changed("DELETED", _object())

    assert woken == ["ml/bank", "ml/bank"]
    assert cache.get("ml", "bank") is None
    assert cache.every_key() == ()


def _row(name: str, sync: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "ml", "name": name, "labels": {"stagewright.dev/sync": sync}}}


def test_row_index_gives_each_sync_its_own():
    index = RowIndex()
    for name, sync in (("bank-1", "bank"), ("bank-2", "bank"), ("shop-1", "shop")):
        index.changed("ADDED", _row(name, sync))

    index.changed("DELETED", _row("bank-1", "bank"))

    assert index.of("ml", "bank") == {"bank-2": _row("bank-2", "bank")}
    assert set(index.of("ml", "shop")) == {"shop-1"}
    assert index.of("other", "bank") == {}
