"""Secrets and ConfigMaps as files, below a folder that only this process reads and that should be kept in memory.

    <root>/ml/4b0e0f2e-…/secret/forge/token            one key
    <root>/ml/4b0e0f2e-…/secret/mlflow-headers/…       every key of a Secret of which all are wanted

Folders are 0700, files 0600. A changed key replaces its file in one step, so that a reader sees the old value or the
new one; a key that is gone takes its file along.
"""

import base64
import binascii
import hashlib
import os
import re
import shutil
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from stagewright.adapters.kubernetes.client import CONFIG_MAPS, SECRETS, Cluster
from stagewright.errors import InvalidError, NotFoundError, ReferenceNotFoundError, UnreachableError, UsageError
from stagewright.model.custom_resource import CustomResource, Reference, ReferenceKind

# what a key may be here; the API server allows no more
_KEY = re.compile(r"\.?[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}")
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")
# no key begins like this, so nothing is ever overwritten by it
_NEW = "..new"
_TOLD = 5
# Of one object. All share one volume in memory; a Secret for headers may hold 1 MiB by itself, a bundle of CAs 300 kB.
MAX_BYTES = 1024**2

Files = dict[str, bytes]


class ReferenceReader(Protocol):
    """Reads Secrets and ConfigMaps by name."""

    def read(self, namespace: str, kind: ReferenceKind, name: str) -> Mapping[str, bytes] | None:
        """What is in it, by key; None when there is none. UnreachableError, ForbiddenError."""
        ...


class ClusterReferences:
    """A `ReferenceReader` that asks the API server."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def read(self, namespace: str, kind: ReferenceKind, name: str) -> Mapping[str, bytes] | None:
        """See the protocol.

        {"kind": "Secret", "data": {"token": "aHVudGVyMg=="}}
        {"kind": "ConfigMap", "data": {"ca.crt": "-----BEGIN…"}, "binaryData": {"ca.der": "MIIB…"}}
        """
        try:
            found = self._cluster.get(SECRETS if kind == "Secret" else CONFIG_MAPS, namespace, name)
        except NotFoundError:
            return None
        text = {} if kind == "Secret" else found.get("data") or {}
        encoded = found.get("data" if kind == "Secret" else "binaryData") or {}
        try:
            return {key: value.encode() for key, value in text.items()} | {
                key: base64.b64decode(value, validate=True) for key, value in encoded.items()
            }
        except (AttributeError, TypeError, ValueError, binascii.Error):
            # what is in it is not told
            raise UnreachableError(f"the API server answers with no {kind} for {namespace}/{name}") from None


class ReferenceFiles:
    """Keeps the files of every object's references up to date below one folder. Any thread may ask."""

    def __init__(self, root: Path, reader: ReferenceReader) -> None:
        self._root = root
        self._reader = reader
        self._lock = threading.Lock()

    def materialise(self, resource: CustomResource) -> str:
        """Write what `resource` refers to, and remove what it does not any more; a digest of all of it.

        What is there is written even where something else is missing. ReferenceNotFoundError names what is missing;
        UnreachableError and ForbiddenError come from the cluster, and leave the files as they were.
        """
        folder = self._folder(resource.namespace, resource.uid)
        if folder != Path(resource.folder):
            raise UsageError(f"the files of {resource.namespace}/{resource.name} belong to {folder}")
        wanted, missing = self._wanted(resource, folder)
        size = sum(len(content) for content in wanted.values())
        if size > MAX_BYTES:
            raise InvalidError(
                f"what {resource.namespace}/{resource.name} refers to has {size} bytes, more than {MAX_BYTES}",
                hint="name Secrets and ConfigMaps that hold what is needed, and nothing else",
            )
        try:
            with self._lock:
                self._write(folder, wanted)
        except OSError as error:
            raise UnreachableError(
                f"what {resource.namespace}/{resource.name} refers to cannot be written: {error.strerror}",
                hint="see the volume of --secrets-root",
            ) from error
        if missing:
            told = "; ".join(missing[:_TOLD])
            more = f"; and {len(missing) - _TOLD} more" if len(missing) > _TOLD else ""
            raise ReferenceNotFoundError(
                f"{told}{more}", hint=f"make it in the namespace {resource.namespace}, or name another"
            )
        return _digest(wanted)

    def remove(self, namespace: str, uid: str) -> None:
        """Remove every file of one object."""
        folder = self._folder(namespace, uid)
        with self._lock:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):
                folder.parent.rmdir()

    def _folder(self, namespace: str, uid: str) -> Path:
        if not _SEGMENT.fullmatch(namespace) or not _SEGMENT.fullmatch(uid):
            raise UsageError("an object's namespace and uid are letters, digits and hyphens")
        return self._root / namespace / uid

    def _wanted(self, resource: CustomResource, folder: Path) -> tuple[Files, list[str]]:
        """The files by their path below the folder, and what is missing, in sentences."""
        read: dict[tuple[ReferenceKind, str], Mapping[str, bytes] | None] = {}
        wanted: Files = {}
        missing: list[str] = []
        for reference in resource.references:
            name = reference.kind, reference.name
            if name not in read:
                read[name] = self._reader.read(resource.namespace, *name)
                if read[name] is None:
                    missing.append(f"{reference.place}: there is no {reference.kind} {reference.name}")
            found = read[name]
            if found is None:
                continue
            if reference.key is not None and reference.key not in found:
                what = f"the {reference.kind} {reference.name} has no key {reference.key}"
                missing.append(f"{reference.place}: {what}")
                continue
            for key in sorted(found) if reference.key is None else (reference.key,):
                path = _path(reference, key)
                if not path.is_relative_to(folder):
                    raise UsageError(f"{reference.place}: its file would lie outside of {folder}")
                wanted[str(path.relative_to(folder))] = found[key]
        return wanted, missing

    def _write(self, folder: Path, wanted: Files) -> None:
        for path in [folder, *(folder / name for name in sorted({str(Path(file).parent) for file in wanted}))]:
            _make_private(path, self._root)
        for file, content in wanted.items():
            _replace(folder / file, content)
        for there in sorted(folder.rglob("*"), reverse=True):
            if there.is_dir() and not there.is_symlink():
                with suppress(OSError):  # it goes when it is empty
                    there.rmdir()
            elif str(there.relative_to(folder)) not in wanted:
                there.unlink(missing_ok=True)


def _path(reference: Reference, key: str) -> Path:
    if not _KEY.fullmatch(key):
        raise InvalidError(f"{reference.place}: a key of the {reference.kind} {reference.name} is no file's name")
    return Path(reference.path) / key if reference.key is None else Path(reference.path)


def _make_private(folder: Path, root: Path) -> None:
    if folder != root:
        _make_private(folder.parent, root)
    folder.mkdir(mode=0o700, exist_ok=True, parents=folder == root)


def _replace(path: Path, content: bytes) -> None:
    with suppress(FileNotFoundError):
        if not path.is_symlink() and path.read_bytes() == content:
            return
    fresh = path.parent / _NEW
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    fresh.replace(path)


def _digest(wanted: Files) -> str:
    digest = hashlib.sha256()
    for file, content in sorted(wanted.items()):
        digest.update(f"{len(file)}:{file}{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()
