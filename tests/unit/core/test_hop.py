from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagewright.core.hop import due, news
from stagewright.model.keys import StageKey
from stagewright.model.workload import Move, Sighting, Workload

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SERVER = Workload(
    kind="Deployment",
    namespace="ml",
    name="scorer",
    uid="u1",
    model="credit-risk",
    stage="Production",
    images=("registry.example/serve@sha256:aa",),
    version="7",
    rolled_for=None,
    created_at=NOW - timedelta(days=1),
)
KEY = StageKey("credit-risk", "Production")


def known(*workloads: Workload) -> dict[str, Sighting]:
    return {workload.uid: Sighting(workload=workload, since=NOW - timedelta(hours=1)) for workload in workloads}


def test_news_of_a_workload_never_seen_is_its_beginning():
    assert news({}, (SERVER,), frozenset(), NOW) == ((), (Sighting(workload=SERVER, since=NOW),))


@pytest.mark.parametrize(
    "change",
    [
        {"version": "8"},
        {"version": None},
        {"images": ("registry.example/serve@sha256:bb",)},
        {"stage": "Staging"},
        {"model": "churn"},
        {"rolled_for": 42},
        {"name": "renamed"},
    ],
    ids=str,
)
def test_news_of_a_workload_that_changed_ends_the_one_and_begins_the_other(change: dict[str, object]):
    after = replace(SERVER, **change)  # type: ignore[arg-type] # a row of the table
    before = known(SERVER)
    assert news(before, (after,), frozenset(), NOW) == ((before["u1"],), (Sighting(workload=after, since=NOW),))


def test_news_of_what_is_as_it_was_being_rolled_out_or_allowed_otherwise_is_none():
    before = known(SERVER)
    assert news(before, (SERVER,), frozenset(), NOW) == ((), ())
    assert news(before, (), frozenset(), NOW) == ((), ())
    assert news(before, (replace(SERVER, may_roll=False, created_at=NOW),), frozenset(), NOW) == ((), ())


def test_news_of_a_workload_that_is_gone_is_its_end():
    before = known(SERVER)
    assert news(before, (), frozenset({"u1"}), NOW) == ((before["u1"],), ())


MOVE = Move(intent=42, at=NOW)


@pytest.mark.parametrize(
    ("workload", "expected"),
    [
        pytest.param(SERVER, [42], id="older than the change"),
        pytest.param(replace(SERVER, created_at=NOW + timedelta(seconds=1)), [], id="began after the change"),
        pytest.param(replace(SERVER, rolled_for=42), [], id="rolled for it already"),
        pytest.param(replace(SERVER, rolled_for=41), [42], id="rolled for an older change"),
        pytest.param(
            replace(SERVER, rolled_for=41, created_at=NOW + timedelta(days=1)),
            [42],
            id="rolled before, whatever its age",
        ),
        pytest.param(replace(SERVER, rolled_for=43), [], id="rolled for something later"),
        pytest.param(replace(SERVER, may_roll=False), [], id="its owner wants none"),
        pytest.param(replace(SERVER, stage="Staging"), [], id="another stage"),
        pytest.param(replace(SERVER, model="churn"), [], id="another model"),
    ],
)
def test_due_is_each_workload_once_per_change_of_its_stage(workload: Workload, expected: list[int]):
    assert [intent for _, intent in due((workload,), {KEY: MOVE})] == expected


def test_due_without_any_change_is_nothing():
    assert due((SERVER,), {}) == ()


WORKLOADS = st.builds(
    lambda uid, version, stage, rolled: replace(
        SERVER, uid=uid, name=f"w{uid}", version=version, stage=stage, rolled_for=rolled
    ),
    st.sampled_from("abc"),
    st.sampled_from([None, "1", "2"]),
    st.sampled_from(["Production", "Staging"]),
    st.sampled_from([None, 1, 42]),
)


@given(st.lists(st.lists(WORKLOADS, unique_by=lambda w: w.uid, max_size=3), max_size=5))
def test_news_taken_again_is_none_and_every_sighting_is_ended_once(looks: list[list[Workload]]):
    standing: dict[str, Sighting] = {}
    open_now: set[str] = set()
    for at, look in enumerate(looks):
        gone = frozenset(standing) - {workload.uid for workload in look}
        now = NOW + timedelta(minutes=at)
        ended, begun = news(standing, tuple(look), gone, now)
        for sighting in ended:
            assert sighting.workload.uid in open_now
            open_now.remove(sighting.workload.uid)
            del standing[sighting.workload.uid]
        for sighting in begun:
            assert sighting.workload.uid not in open_now
            open_now.add(sighting.workload.uid)
            standing[sighting.workload.uid] = sighting
        assert {uid: s.workload for uid, s in standing.items()} == {workload.uid: workload for workload in look}
        assert news(standing, tuple(look), frozenset(), now) == ((), ())
