"""A version's files, wherever they lie, as pairs of path and SHA-256. Every file is streamed; none is held whole.

Three kinds of place: MLflow's artifact proxy (`mlflow-artifacts:/…`), a folder of this machine, an object store that
MLflow has a client for. Whoever may write to MLflow chooses the place, so anything else is refused: a place on
another host would be sent this server's credentials, and a folder of a remote server's is none of ours.
"""

import hashlib
import ipaddress
import os
import posixpath
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from stagewright.adapters.mlflow.rest import CHUNK_BYTES, RestGateway
from stagewright.core.digest import artifact_digest, path_flaw
from stagewright.errors import IncompleteError, InvalidError, UnreachableError
from stagewright.model.custom_resource import OBJECT_STORES

MAX_FILES = 100_000
MAX_DEPTH = 64
# The model's own description, of which the evidence quotes the signature.
MODEL_FILE = "MLmodel"
MAX_MODEL_FILE_BYTES = 1024 * 1024
# What MLflow's client writes into a download of a registered version; it does not lie in the store.
DOWNLOAD_META = "registered_model_meta"
STORES = OBJECT_STORES
FOLDERS = "file"
ARTIFACT_PLACES = frozenset({FOLDERS, *STORES})


class Tree(Protocol):
    """The files under one artifact root."""

    def files(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Each file's path, relative to the root, and its bytes in chunks; the bytes are to be read before the next.

        InvalidError: something lies there that can be in no digest. UnreachableError: the store does not answer.
        """
        ...


def tree_at(uri: str, gateway: object, places: frozenset[str] = ARTIFACT_PLACES) -> Tree:
    """The tree at an artifact URI of `gateway`'s MLflow. InvalidError for a place that is not read.

    `places` are the kinds that may be read with what this machine holds and knows: folders, and object stores with the
    credentials of this process. Files behind the artifact proxy need none of it.
    """
    parts = urlsplit(uri)
    server = gateway if isinstance(gateway, RestGateway) else None
    if parts.scheme == "mlflow-artifacts":
        if server is None:
            raise InvalidError(
                "the files lie behind the artifact proxy of an MLflow server", hint="give the server's URI instead"
            )
        if parts.netloc not in {"", urlsplit(server.address).netloc}:
            raise InvalidError(f"the files lie behind another MLflow server: {parts.netloc!r}")
        return ProxyTree(server, uri.partition(":")[2].removeprefix("//" + parts.netloc).strip("/"))
    kind = parts.scheme or FOLDERS
    if kind in ARTIFACT_PLACES and kind not in places:
        raise InvalidError(
            f"files at {kind}: are not read here",
            hint="let the MLflow server hand them out (--serve-artifacts), or the operator allow this kind of place",
        )
    if kind == FOLDERS and parts.netloc in {"", "localhost"}:
        if server is not None and not _is_loopback(urlsplit(server.address).hostname or ""):
            raise InvalidError(
                "the files lie on the MLflow server's own disk",
                hint="let the server hand them out: mlflow server --serve-artifacts --artifacts-destination …",
            )
        return FolderTree(Path(unquote(parts.path) if parts.scheme else uri))
    if parts.scheme in STORES:
        with _store_errors():
            return StoreTree(get_artifact_repository(uri))
    raise InvalidError(f"files at {parts.scheme}: are not read", hint=f"supported: mlflow-artifacts, {_names(STORES)}")


def tree_digest(tree: Tree) -> tuple[str, bytes | None]:
    """The artifact digest of a tree, and the content of its MLmodel file where that is there and not too long."""
    hashes: list[tuple[str, str]] = []
    model_file: bytes | None = None
    for path, chunks in tree.files():
        if len(hashes) >= MAX_FILES:
            raise InvalidError(f"there are more than {MAX_FILES} files")
        kept: bytes | None = b"" if path == MODEL_FILE else None
        sha256 = hashlib.sha256()
        for chunk in chunks:
            sha256.update(chunk)
            if kept is not None:
                kept = kept + chunk if len(kept) + len(chunk) <= MAX_MODEL_FILE_BYTES else None
        hashes.append((path, sha256.hexdigest()))
        model_file = kept if path == MODEL_FILE else model_file
    return artifact_digest(hashes), model_file


def folder_digest(folder: Path, *, download: bool = False) -> str:
    """The artifact digest of a folder of this machine. `download`: without the file that MLflow's client adds."""
    return tree_digest(FolderTree(folder, without=frozenset({DOWNLOAD_META}) if download else frozenset()))[0]


class ProxyTree:
    """Files behind MLflow's artifact proxy. What it lists and what it sends must be of the same size."""

    def __init__(self, server: RestGateway, root: str) -> None:
        """`root` is the path below `mlflow-artifacts:/`."""
        self._server = server
        self._root = root

    def files(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """See Tree."""
        if "%" in self._root or path_flaw(self._root) is not None:
            raise InvalidError(f"{self._root!r} is no artifact path that can be read")
        for path, size in _walk(self._list):
            yield path, self._read(path, size)

    def _list(self, folder: str) -> Iterator[tuple[str, bool, int]]:
        answer = self._server.list_artifacts(posixpath.join(self._root, folder) if folder else self._root)
        rows: Any = answer.get("files", [])
        for row in rows if isinstance(rows, list) else [None]:
            match row:
                case {"path": str(name), "is_dir": bool(is_folder), "file_size": int(size)}:
                    yield name, is_folder, size
                # MLflow leaves the size out of a folder and of an empty file
                case {"path": str(name), "is_dir": bool(is_folder), **others} if "file_size" not in others:
                    yield name, is_folder, 0
                case _:
                    raise UnreachableError("MLflow's artifact proxy answers with something that is no listing")

    def _read(self, path: str, size: int) -> Iterator[bytes]:
        sent = 0
        for chunk in self._server.read_artifact(posixpath.join(self._root, path)):
            sent += len(chunk)
            yield chunk
        if sent != size:
            raise IncompleteError(f"MLflow listed {size} bytes of {path!r} and sent {sent}", hint="try again")


class FolderTree:
    """Files in a folder of this machine. Whatever is neither a regular file nor a folder is refused, never followed."""

    def __init__(self, root: Path, *, without: frozenset[str] = frozenset()) -> None:
        """`without` are names at the root that are passed over."""
        self._root = root
        self._without = without

    def files(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """See Tree."""
        if self._root.is_symlink():
            raise InvalidError(f"{self._root.name!r} is a symbolic link")
        if not self._root.is_dir():
            raise InvalidError("there is no folder of files", hint="was it deleted, or does it lie on another machine?")
        for path, _ in _walk(self._list):
            yield path, self._read(path)

    def _list(self, folder: str) -> Iterator[tuple[str, bool, int]]:
        try:
            with os.scandir(self._root / folder) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    path = posixpath.join(folder, entry.name)
                    if path in self._without:
                        continue
                    if entry.is_symlink():
                        raise InvalidError(f"{path!r} is a symbolic link", hint="log the file itself")
                    if not (entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)):
                        raise InvalidError(f"{path!r} is neither a file nor a folder")
                    yield entry.name, entry.is_dir(follow_symlinks=False), 0
        except OSError as error:
            raise UnreachableError(f"{folder!r} of the artifacts cannot be read: {error.strerror}") from error

    def _read(self, path: str) -> Iterator[bytes]:
        try:
            # O_NONBLOCK: a pipe that took the file's place just now would keep us waiting for ever
            descriptor = os.open(self._root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise IncompleteError(f"{path!r} changed while it was read")
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise UnreachableError(f"{path!r} of the artifacts cannot be read: {error.strerror}") from error


class StoreTree:
    """Files in an object store, through MLflow's client of it; one at a time lies in a folder that is then removed."""

    def __init__(self, repository: Any) -> None:
        """`repository` is an `ArtifactRepository` of MLflow's."""
        self._repository = repository

    def files(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """See Tree."""
        for path, _ in _walk(self._list):
            yield path, self._read(path)

    def _list(self, folder: str) -> Iterator[tuple[str, bool, int]]:
        with _store_errors():
            found = list(self._repository.list_artifacts(folder or None))
        for info in found:
            yield posixpath.relpath(str(info.path), folder or "."), bool(info.is_dir), info.file_size or 0

    def _read(self, path: str) -> Iterator[bytes]:
        with tempfile.TemporaryDirectory(prefix="stagewright-") as folder:
            with _store_errors():
                local = Path(self._repository.download_artifacts(path, folder))
            with local.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise UnreachableError(
            f"the artifact store needs a library that is not installed: {error.name}",
            hint="install what MLflow's documentation names for this store",
        ) from error
    except Exception as error:
        raise UnreachableError(f"the artifact store does not answer: {type(error).__name__}") from error


def _walk(listing: Callable[[str], Iterable[tuple[str, bool, int]]]) -> Iterator[tuple[str, int]]:
    """Every file below the root: path and size. A name is looked at before anything is asked about it."""
    folders: list[str] = [""]
    seen = 0
    while folders:
        folder = folders.pop()
        for name, is_folder, size in listing(folder):
            path = posixpath.join(folder, name)
            seen += 1
            flaw = path_flaw(path) if "/" not in name else f"{name!r} is no name"
            if flaw is not None:
                raise InvalidError(flaw, hint="rename it and log the model again")
            if seen > MAX_FILES or path.count("/") >= MAX_DEPTH:
                raise InvalidError(f"there are more than {MAX_FILES} files, or more than {MAX_DEPTH} levels of folders")
            if is_folder:
                folders.append(path)
            else:
                yield path, size


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
