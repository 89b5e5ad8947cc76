"""What one controller keeps in step: a branch of a repository, a forge, a registry and a ledger."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

ForgeType = Literal["git"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReference:
    """Where a signing key is, as a URI; `scheme` decides who reads it (`file`)."""

    scheme: str
    location: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.location}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySync:
    """One configuration. Paths are absolute; `path` is a folder of the repository, "" its root.

    `trust_root` is the commit (40 hex digits) that a new ledger begins from; `mirror` None leaves its place to the
    caller.
    """

    name: str
    url: str
    branch: str
    path: str
    forge: ForgeType
    registry_uri: str
    ledger_directory: str
    log_key: KeyReference
    entry_key: KeyReference
    trust_root: str | None
    mirror: str | None
    interval: timedelta
    suspend: bool
    dry_run: bool
