"""What every `LedgerStore` promises, on the fake, the directory and a bucket alike."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from stagewright.adapters.directory import DirectoryStore
from stagewright.adapters.s3 import S3Store
from stagewright.errors import LedgerConflictError, UsageError
from stagewright.model.sync import S3Place
from stagewright.ports import LedgerStore
from tests.fakes.ledger_store import MemoryStore
from tests.s3_server import counting, s3_client, s3_place, s3_server

__all__ = ["s3_client", "s3_place", "s3_server"]

Opener = Callable[[], LedgerStore]


@pytest.fixture(params=["memory", "directory", "s3"])
def again(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Opens the same store once more, as another process would."""
    if request.param == "directory":
        return lambda: DirectoryStore(tmp_path / "ledger")
    if request.param == "s3":
        place: S3Place = request.getfixturevalue("s3_place")
        client = request.getfixturevalue("s3_client")
        return lambda: S3Store(client, place, nonce=counting())
    memory = MemoryStore()
    return lambda: memory


def test_read_of_a_name_never_written_is_none(again: Opener):
    store = again()
    assert store.read("checkpoint") is None
    assert store.read("tile/0/000.p/3") is None
    store.write("tile/0/000", b"full")
    assert store.read("tile/0/001") is None


def test_write_is_seen_by_everyone_and_repeating_it_is_harmless(again: Opener):
    store = again()
    for _ in range(2):
        store.write("tile/0/x001/234.p/5", b"hashes")
        assert store.read("tile/0/x001/234.p/5") == b"hashes"
        assert again().read("tile/0/x001/234.p/5") == b"hashes"
    store.write("tile/0/x001/234.p/5", b"")
    assert again().read("tile/0/x001/234.p/5") == b""


def test_write_of_a_tile_and_its_partial_tiles_do_not_collide(again: Opener):
    store = again()
    store.write("tile/0/000.p/1", b"one")
    store.write("tile/0/000", b"full")
    assert (store.read("tile/0/000"), store.read("tile/0/000.p/1")) == (b"full", b"one")


def test_replace_only_of_what_is_expected(again: Opener):
    store = again()
    store.replace("checkpoint", b"one", expected=None)
    with pytest.raises(LedgerConflictError):
        store.replace("checkpoint", b"two", expected=None)
    with pytest.raises(LedgerConflictError):
        store.replace("checkpoint", b"two", expected=b"other")
    assert again().read("checkpoint") == b"one"
    store.replace("checkpoint", b"two", expected=b"one")
    assert again().read("checkpoint") == b"two"


def test_replace_of_what_is_not_there_is_a_conflict(again: Opener):
    store = again()
    with pytest.raises(LedgerConflictError):
        store.replace("checkpoint", b"two", expected=b"one")
    assert store.read("checkpoint") is None


def test_replace_works_under_the_lock(again: Opener):
    store = again()
    with store.lock():
        store.replace("checkpoint", b"one", expected=None)
    assert store.read("checkpoint") == b"one"


def test_lock_excludes_everybody_else_and_ends_with_its_block(again: Opener):
    one, other = again(), again()
    with one.lock(), pytest.raises(LedgerConflictError), other.lock():
        pytest.fail("two hold one lock")
    with pytest.raises(KeyError), other.lock():
        raise KeyError
    with one.lock():
        one.write("checkpoint", b"one")
    assert other.read("checkpoint") == b"one"


def test_lock_is_not_taken_twice_and_survives_the_attempt(again: Opener):
    store = again()
    with store.lock():
        with pytest.raises(LedgerConflictError), store.lock():
            pytest.fail("one lock was taken twice")
        store.replace("checkpoint", b"one", expected=None)
        with pytest.raises(LedgerConflictError), again().lock():
            pytest.fail("the lock was lost")
    assert store.read("checkpoint") == b"one"


def test_lock_excludes_another_thread(again: Opener):
    store = again()
    refused: list[Exception] = []

    def other() -> None:
        try:
            with store.lock():
                pass
        except LedgerConflictError as error:
            refused.append(error)

    with store.lock():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(refused) == 1


def test_names_are_sorted_and_begin_with_the_prefix(again: Opener):
    store = again()
    assert list(store.names("tile/")) == []
    for name in ("tile/1/000.p/2", "tile/0/001", "tile/0/000.p/9", "tile/0/000", "keys/log.vkey", "checkpoint"):
        store.write(name, b"")
    assert list(store.names("tile/")) == ["tile/0/000", "tile/0/000.p/9", "tile/0/001", "tile/1/000.p/2"]
    assert list(store.names("tile/0/000")) == ["tile/0/000", "tile/0/000.p/9"]
    assert list(store.names("check")) == ["checkpoint"]
    assert list(store.names("")) == sorted(store.names(""))
    assert list(store.names("evidence/")) == []


HOSTILE = {
    "empty": "",
    "absolute": "/etc/passwd",
    "climbs": "tile/../checkpoint",
    "only climbs": "..",
    "dot": "tile/./0",
    "hidden": ".lock",
    "empty part": "tile//0",
    "trailing slash": "tile/",
    "space": "tile/0 0",
    "newline": "checkpoint\n",
    "null byte": "check\0point",
    "backslash": "tile\\0",
    "another script": "tile/٠",
    "option": "-rf",
    "long part": "a" * 129,
    "deep": "/".join("a" * 17),
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_name_is_refused_by_every_call(again: Opener, name: str):
    store = again()
    with pytest.raises(UsageError):
        store.read(name)
    with pytest.raises(UsageError):
        store.write(name, b"")
    with pytest.raises(UsageError):
        store.replace(name, b"", expected=None)
