"""The RegistrySync document: the configuration of one controller, on a command line or in a cluster.

    apiVersion: stagewright.dev/v1alpha1
    kind: RegistrySync
    metadata:
      name: bank
    spec:
      source: {url: ../origin.git, branch: main}
      forge: {type: git}
      registry: {uri: "http://127.0.0.1:5000"}
      ledger:
        directory: ledger
        logKey: file:keys/log.pem
        entryKey: file:keys/entry.pem
      interval: 1m30s

Relative paths, also those of `file:` keys and of a `source.url` that is a path, are relative to the document's folder.
"""

import posixpath
import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from stagewright.errors import DocumentError
from stagewright.model.sync import KeyReference, RegistrySync
from stagewright.schema.nodes import Document, raise_problems
from stagewright.schema.shape import API_VERSION, Shape, pattern, read_shape
from stagewright.schema.vocabulary import RELATIVE_PATH, Line, ModelName
from stagewright.schema.yaml import parse_yaml

_DURATION = re.compile(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_URL_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/@\s]*:[^/@\s]*@")
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://|[A-Za-z0-9._-]+@[^/:]+:")

KeyUri = Annotated[str, pattern(r"^file:\S(.{0,1022}\S)?$", "a key's URI: file: and a path")]
Branch = Annotated[
    str,
    pattern(r"^[A-Za-z0-9_][A-Za-z0-9_-]*([./][A-Za-z0-9_-]+)*$", "a branch's name", max_length=200),
]
Duration = Annotated[
    str, pattern(r"^([0-9]{1,4}h)?([0-9]{1,4}m)?([0-9]{1,5}s)?$", "a duration such as 60s, 5m or 1h30m")
]


SourcePath = Annotated[
    str,
    pattern(f"^$|{RELATIVE_PATH}", "a folder of the repository, without a leading slash", max_length=1024),
]


class SyncMetadataShape(Shape):
    """`metadata`."""

    name: ModelName


class SourceShape(Shape):
    """The repository of the desired state."""

    url: Line
    branch: Branch = "main"
    path: SourcePath = ""


class ForgeShape(Shape):
    """Where people review."""

    type: Literal["git"]


class RegistryShape(Shape):
    """The MLflow server."""

    uri: Line


class LedgerShape(Shape):
    """The ledger's folder and the keys that sign it."""

    directory: Line
    log_key: KeyUri
    entry_key: KeyUri


class SyncSpecShape(Shape):
    """`spec`."""

    source: SourceShape
    forge: ForgeShape
    registry: RegistryShape
    ledger: LedgerShape
    trust_root: Annotated[str, pattern(r"^[0-9a-f]{40}$", "a commit: 40 lower-case hex digits")] | None = None
    mirror: Line | None = None
    interval: Duration = "60s"
    suspend: bool = False
    dry_run: bool = False


class RegistrySyncShape(Shape):
    """Keeps one registry in step with one branch."""

    api_version: Literal["stagewright.dev/v1alpha1"] = Field(description=API_VERSION)
    kind: Literal["RegistrySync"]
    metadata: SyncMetadataShape
    spec: SyncSpecShape


def parse_registry_sync(data: bytes, file: str, *, folder: str) -> RegistrySync:
    """The configuration in `data`. `folder` is the absolute path that relative ones start from.

    DocumentError with every problem found; a secret in a URL is one, and is not repeated in the message.
    """
    document = parse_yaml(data, file)
    shape = read_shape(document, RegistrySyncShape)
    spec = shape.spec
    problems: list[DocumentError] = []
    for place, url in ((("spec", "source", "url"), spec.source.url), (("spec", "registry", "uri"), spec.registry.uri)):
        if _URL_PASSWORD.match(url):
            hint = "give credentials by the environment, never in a document"
            problems.append(document.error("a URL with a password", place, hint=hint))
    interval = _duration(document, spec.interval, ("spec", "interval"), problems)
    raise_problems(problems)
    return RegistrySync(
        name=shape.metadata.name,
        url=spec.source.url if _REMOTE.match(spec.source.url) else _resolve(folder, spec.source.url),
        branch=spec.source.branch,
        path=spec.source.path,
        forge=spec.forge.type,
        registry_uri=spec.registry.uri,
        ledger_directory=_resolve(folder, spec.ledger.directory),
        log_key=_key(folder, spec.ledger.log_key),
        entry_key=_key(folder, spec.ledger.entry_key),
        trust_root=spec.trust_root,
        mirror=None if spec.mirror is None else _resolve(folder, spec.mirror),
        interval=interval,
        suspend=spec.suspend,
        dry_run=spec.dry_run,
    )


def _resolve(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path))


def _key(folder: str, uri: str) -> KeyReference:
    scheme, _, location = uri.partition(":")
    return KeyReference(scheme=scheme, location=_resolve(folder, location))


def _duration(document: Document, text: str, place: tuple[str, ...], problems: list[DocumentError]) -> timedelta:
    found = _DURATION.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    interval = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if interval <= timedelta(0):
        problems.append(document.error("the interval is zero", place, hint="60s is the default"))
    return interval
