"""A ledger store in memory, one that fails on purpose, and signers with throw-away keys."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stagewright.errors import LedgerConflictError, UnreachableError, UsageError

_PART = "[A-Za-z0-9][A-Za-z0-9._-]{0,127}"


@dataclass(slots=True)
class MemoryStore:
    """A `LedgerStore` over a dictionary; `files` may be looked into and tampered with."""

    files: dict[str, bytes] = field(default_factory=dict)
    held: bool = False

    def read(self, name: str) -> bytes | None:
        return self.files.get(_checked(name))

    def write(self, name: str, data: bytes) -> None:
        self.files[_checked(name)] = data

    def replace(self, name: str, data: bytes, *, expected: bytes | None) -> None:
        if self.read(name) != expected:
            raise LedgerConflictError(f"{name} is not what it was")
        self.write(name, data)

    def names(self, prefix: str) -> Iterator[str]:
        yield from sorted(name for name in self.files if name.startswith(prefix))

    @contextmanager
    def lock(self) -> Iterator[None]:
        if self.held:
            raise LedgerConflictError("the store is held")
        self.held = True
        try:
            yield
        finally:
            self.held = False


def _checked(name: str) -> str:
    if not re.fullmatch(f"{_PART}(/{_PART}){{0,15}}", name):
        raise UsageError(f"not a name: {name!r}")
    return name


@dataclass(slots=True)
class FaultyStore:
    """Lets `calls` changing calls through, then breaks for good: before the change, or (`late`) just after it."""

    store: MemoryStore
    calls: int
    late: bool
    broken: bool = False

    def read(self, name: str) -> bytes | None:
        self._alive()
        return self.store.read(name)

    def names(self, prefix: str) -> Iterator[str]:
        self._alive()
        return self.store.names(prefix)

    def write(self, name: str, data: bytes) -> None:
        self._change(lambda: self.store.write(name, data))

    def replace(self, name: str, data: bytes, *, expected: bytes | None) -> None:
        self._change(lambda: self.store.replace(name, data, expected=expected))

    @contextmanager
    def lock(self) -> Iterator[None]:
        self._alive()
        with self.store.lock():
            yield

    def _alive(self) -> None:
        if self.broken:
            raise UnreachableError("the disk is gone")

    def _change(self, change: Callable[[], None]) -> None:
        self._alive()
        self.calls -= 1
        self.broken = self.calls < 0
        if not self.broken or self.late:
            change()
        self._alive()


class SeedSigner:
    """A `Signer` whose key follows from a number, so that tests repeat."""

    def __init__(self, seed: int) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)
