"""What only a real directory can show: links, foreign files, drafts, durability."""

import os
from pathlib import Path

import pytest

from stagewright.adapters import directory
from stagewright.adapters.directory import DirectoryStore
from stagewright.errors import ForbiddenError, LedgerDamagedError, UnreachableError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
def store(root: Path) -> DirectoryStore:
    store = DirectoryStore(root)
    store.write("tile/0/000", b"hashes")
    return store


def test_read_follows_no_link_to_a_file(root: Path, store: DirectoryStore, tmp_path: Path):
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "checkpoint").symlink_to(tmp_path / "secret")
    with pytest.raises(LedgerDamagedError, match="checkpoint is a link"):
        store.read("checkpoint")


def test_read_and_write_follow_no_link_to_a_folder(root: Path, store: DirectoryStore, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/log.vkey").write_bytes(b"key")
    (root / "keys").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LedgerDamagedError):
        store.read("keys/log.vkey")
    with pytest.raises(LedgerDamagedError):
        store.write("keys/log.vkey", b"other")
    assert (tmp_path / "elsewhere/log.vkey").read_bytes() == b"key"


def test_write_over_a_link_replaces_the_link_and_not_its_target(root: Path, store: DirectoryStore, tmp_path: Path):
    (tmp_path / "target").write_bytes(b"target")
    (root / "checkpoint").symlink_to(tmp_path / "target")
    store.write("checkpoint", b"new")
    assert (tmp_path / "target").read_bytes() == b"target"
    assert store.read("checkpoint") == b"new"


def test_read_of_a_folder_or_a_pipe_is_damage(root: Path, store: DirectoryStore):
    with pytest.raises(LedgerDamagedError):
        store.read("tile/0")
    os.mkfifo(root / "checkpoint")
    with pytest.raises(LedgerDamagedError, match="checkpoint is not a regular file"):
        store.read("checkpoint")


def test_write_where_a_file_lies_in_place_of_a_folder_is_damage(store: DirectoryStore):
    with pytest.raises(LedgerDamagedError):
        store.write("tile/0/000/001", b"")


def test_names_list_links_but_nothing_that_could_not_be_a_name(root: Path, store: DirectoryStore, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/file").write_bytes(b"")
    (root / "tile/link").symlink_to(tmp_path / "elsewhere")
    (root / "tile/.hidden").write_bytes(b"")
    (root / "tile/lost+found").mkdir()
    assert list(store.names("tile/")) == ["tile/0/000", "tile/link"]


def test_names_below_a_file_or_a_link_are_damage(root: Path, store: DirectoryStore, tmp_path: Path):
    (root / "evidence").symlink_to(tmp_path)
    with pytest.raises(LedgerDamagedError):
        list(store.names("evidence/"))


def test_read_makes_no_directory(tmp_path: Path):
    store = DirectoryStore(tmp_path / "absent")
    assert store.read("checkpoint") is None
    assert list(store.names("tile/")) == []
    assert not (tmp_path / "absent").exists()


def test_lock_removes_the_drafts_of_a_crash_but_no_file(root: Path, store: DirectoryStore):
    (root / ".tmp").mkdir(exist_ok=True)
    (root / ".tmp/4711-1-checkpoint").write_bytes(b"half")
    with store.lock():
        assert list((root / ".tmp").iterdir()) == []
    assert store.read("tile/0/000") == b"hashes"


def test_write_that_fails_leaves_the_old_bytes_and_no_draft(
    root: Path, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(directory.os, "fsync", full)
    with pytest.raises(UnreachableError, match="cannot use tile/0/000 in the ledger's directory: No space left"):
        store.write("tile/0/000", b"other")
    assert store.read("tile/0/000") == b"hashes"
    assert list((root / ".tmp").iterdir()) == []


def test_write_syncs_the_file_before_its_rename_and_the_folder_after(
    root: Path, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch
):
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink().relative_to(root)
        calls.append(f"fsync {path}".split("-")[0])
        fsync(handle)

    def noted_replace(source: str, target: str, **folders: int) -> None:
        calls.append(f"rename {target}")
        replace(source, target, **folders)

    monkeypatch.setattr(directory.os, "fsync", noted_fsync)
    monkeypatch.setattr(directory.os, "replace", noted_replace)
    store.write("tile/0/001", b"more")
    assert calls == [f"fsync .tmp/{os.getpid()}", "rename 001", "fsync tile/0"]


def test_write_whose_draft_is_taken_away_is_unreachable(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch):
    def gone(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(directory.os, "replace", gone)
    with pytest.raises(UnreachableError, match="the draft of checkpoint was taken away"):
        store.write("checkpoint", b"new")


def test_what_the_system_forbids_is_forbidden(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch):
    """The tests may run as root, whom no mode stops; so the answer is given for the system."""

    def denied(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(directory.os, "open", denied)
    with pytest.raises(ForbiddenError, match="not allowed to use checkpoint"):
        store.read("checkpoint")
