"""A ledger store on a directory: durable writes, one atomic conditional replacement, a lock against other processes.

    <root>/.lock      held (flock) for the length of an append
    <root>/.tmp/      files that are being written; what a crash leaves there is removed under the next lock
    <root>/…          the names themselves

No symbolic link is ever followed below the root. flock works on local file systems and on NFSv4.
"""

import errno
import fcntl
import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stagewright.errors import ForbiddenError, LedgerConflictError, LedgerDamagedError, UnreachableError, UsageError

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_NAME = re.compile(rf"{_PART}(/{_PART}){{0,15}}")
_LOCK = ".lock"
_TMP = ".tmp"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class DirectoryStore:
    """A `LedgerStore` below `root`, which is made on the first lock or write. Safe to use from several threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._holder: int | None = None

    def read(self, name: str) -> bytes | None:
        """See `LedgerStore.read`. LedgerDamagedError where a link or anything but a file lies under the name."""
        *folders, last = _parts(name)
        with _translated(name), suppress(FileNotFoundError), self._folder(folders, create=False) as folder:
            return _read_at(folder, last, name)
        return None

    def write(self, name: str, data: bytes) -> None:
        """See `LedgerStore.write`: file, fsync, rename, fsync of the folder."""
        *folders, last = _parts(name)
        with _translated(name), self._folder(folders, create=True) as folder:
            try:
                self._put(folder, last, data)
            except FileNotFoundError as error:
                raise UnreachableError(f"the draft of {name} was taken away while it was written") from error

    def replace(self, name: str, data: bytes, *, expected: bytes | None) -> None:
        """See `LedgerStore.replace`. Takes the lock for itself where the caller does not hold it."""
        _parts(name)
        if self._holder != threading.get_ident():
            with self.lock():
                self.replace(name, data, expected=expected)
            return
        if self.read(name) != expected:
            raise LedgerConflictError(f"{name} is not what it was when it was read", hint="read it again")
        self.write(name, data)

    def names(self, prefix: str) -> Iterator[str]:
        """See `LedgerStore.names`. What could not be a name (hidden files, `lost+found`) is not listed."""
        start = prefix.rpartition("/")[0]
        folders = _parts(start) if start else []
        found: list[str] = []
        with _translated(prefix), suppress(FileNotFoundError), self._folder(folders, create=False) as folder:
            _list(folder, f"{start}/" if start else "", found)
        yield from sorted(name for name in found if name.startswith(prefix))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """See `LedgerStore.lock`; ends with the process, however that ends."""
        with _translated(_LOCK), self._folder([], create=True) as root:
            handle = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=root)
        try:
            with _translated(_LOCK):
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise LedgerConflictError(
                        f"somebody else is writing to the ledger in {self._root}", hint="wait for them, or end them"
                    ) from error
                self._sweep()
            self._holder = threading.get_ident()
            try:
                yield
            finally:
                self._holder = None
        finally:
            os.close(handle)

    def _put(self, folder: int, last: str, data: bytes) -> None:
        with self._folder([_TMP], create=True) as drafts:
            draft = f"{os.getpid()}-{threading.get_ident()}-{last}"
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644, dir_fd=drafts)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(draft, last, src_dir_fd=drafts, dst_dir_fd=folder)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(draft, dir_fd=drafts)
                raise
            os.fsync(folder)

    def _sweep(self) -> None:
        """Remove the drafts that a crash left. Only under the lock: nobody else is writing then."""
        with self._folder([_TMP], create=True) as drafts:
            for draft in os.scandir(drafts):
                os.unlink(draft.name, dir_fd=drafts)

    @contextmanager
    def _folder(self, parts: list[str], *, create: bool) -> Iterator[int]:
        """A descriptor of a folder below the root, opened step by step so that no link is followed."""
        if create and not self._root.exists():
            self._root.mkdir(parents=True, exist_ok=True)
            _sync(self._root.parent)
        # the root itself may be a link: the operator chose it
        handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                if create:
                    with suppress(FileExistsError):
                        os.mkdir(part, 0o755, dir_fd=handle)
                        os.fsync(handle)
                below = os.open(part, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = below
            yield handle
        finally:
            os.close(handle)


def _parts(name: str) -> list[str]:
    """The parts of a name. UsageError for one that is absolute, climbs, is hidden or needs escaping anywhere."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"not a name in a ledger: {name[:200]!r}", hint="use letters, digits, `.`, `_`, `-` and `/`")
    return name.split("/")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_at(folder: int, last: str, name: str) -> bytes:
    handle = os.open(last, _FILE, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise LedgerDamagedError(f"{name} is not a regular file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(handle)


def _list(folder: int, prefix: str, found: list[str]) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if not _NAME.fullmatch(name):
                continue
            if entry.is_dir(follow_symlinks=False):
                below = os.open(entry.name, _FOLDER, dir_fd=folder)
                try:
                    _list(below, f"{name}/", found)
                finally:
                    os.close(below)
            else:
                found.append(name)


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """The errors of the operating system as ours; what is merely not there stays what it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except PermissionError as error:
        raise ForbiddenError(
            f"not allowed to use {name} in the ledger's directory: {error.strerror}",
            hint="check the owner and mode of the directory",
        ) from error
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.EISDIR}:
            raise LedgerDamagedError(
                f"{name} is a link, or a folder lies where a file should: {error.strerror}"
            ) from error
        raise UnreachableError(f"cannot use {name} in the ledger's directory: {error.strerror}") from error
