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

On a forge with accounts `forge` says which, and how the controller gets in; without `app` and `tokenFile` the token
comes from the environment:

      forge:
        type: github
        url: https://github.com
        repository: acme/models
        app: {id: "123456", installation: 7890123, privateKey: file:keys/app.pem}
        webhook: {secretFiles: [keys/webhook]}

How it gets into MLflow and into a bucket is said in `registry_sync_access`. Relative paths, also those of `file:` keys
and of a `source.url` that is a path, are relative to the document's folder.
"""

import posixpath
import re
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal

from pydantic import Field
from pydantic.alias_generators import to_camel

from stagewright.errors import DocumentError
from stagewright.model.sync import AppInstallation, ForgeChoice, HostedForge, KeyReference, RegistrySync
from stagewright.schema.nodes import Document, raise_problems
from stagewright.schema.registry_sync_access import (
    RegistryShape,
    S3FilesShape,
    SourceCredentialsShape,
    registry_access,
    s3_place,
    source_access,
)
from stagewright.schema.shape import API_VERSION, Shape, pattern, read_shape
from stagewright.schema.vocabulary import RELATIVE_PATH, Line, ModelName
from stagewright.schema.yaml import parse_yaml

REPOSITORY = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}/[A-Za-z0-9._-]{1,100}$"
GITHUB = "https://github.com"
_DURATION = re.compile(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_URL_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/@\s]*:[^/@\s]*@")
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://|[A-Za-z0-9._-]+@[^/:]+:")

KeyUri = Annotated[str, pattern(r"^file:\S(.{0,1022}\S)?$", "a key's URI: file: and a path")]
BaseUrl = Annotated[
    str,
    pattern(
        r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*$",
        "a forge's address: https://host, without a slash at its end",
    ),
]
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
AppId = Annotated[str, pattern(r"^[A-Za-z0-9.]{1,40}$", "an app id or client id")]
Repository = Annotated[str, pattern(REPOSITORY, 'a repository, written "owner/name"')]
CommitId = Annotated[str, pattern(r"^[0-9a-f]{40}$", "a commit: 40 lower-case hex digits")]


class SyncMetadataShape(Shape):
    """`metadata`."""

    name: ModelName


class SourceShape(Shape):
    """The repository of the desired state."""

    url: Line
    branch: Branch = "main"
    path: SourcePath = ""
    credentials: SourceCredentialsShape | None = None
    ca_file: Line | None = None


class AppShape(Shape):
    """A GitHub App and where it is installed."""

    id: AppId
    installation: Annotated[int, Field(ge=1)]
    private_key: KeyUri


class WebhookShape(Shape):
    """What signs the forge's webhooks."""

    secret_files: Annotated[list[Line], Field(min_length=1, max_length=2)]


class ForgeShape(Shape):
    """Where people review: git alone, or a forge with accounts."""

    type: Literal["git", "gitea", "github"]
    url: BaseUrl | None = None
    repository: Repository | None = None
    app: AppShape | None = None
    token_file: Line | None = None
    ca_file: Line | None = None
    webhook: WebhookShape | None = None


class LedgerShape(Shape):
    """The ledger's folder or bucket, and the keys that sign it."""

    directory: Line | None = None
    s3: S3FilesShape | None = None
    log_key: KeyUri
    entry_key: KeyUri


class SyncSpecShape(Shape):
    """`spec`."""

    source: SourceShape
    forge: ForgeShape
    registry: RegistryShape
    ledger: LedgerShape
    trust_root: CommitId | None = None
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
    forge = _forge(document, spec.forge, folder, problems)
    access = registry_access(spec.registry, document, partial(_resolve, folder), problems)
    token_url = access.oauth2.token_url if access is not None and access.oauth2 is not None else ""
    if _URL_PASSWORD.match(token_url):
        problems.append(document.error("a URL with a password", ("spec", "registry", "oauth2", "tokenUrl")))
    if (spec.ledger.directory is None) == (spec.ledger.s3 is None):
        hint = "a folder of this machine, or a bucket"
        problems.append(document.error("exactly one of directory and s3 is wanted", ("spec", "ledger"), hint=hint))
    raise_problems(problems)
    return RegistrySync(
        name=shape.metadata.name,
        url=spec.source.url if _REMOTE.match(spec.source.url) else _resolve(folder, spec.source.url),
        source_access=source_access(spec.source.credentials, spec.source.ca_file, partial(_resolve, folder)),
        branch=spec.source.branch,
        path=spec.source.path,
        forge=forge,
        registry_uri=spec.registry.uri,
        registry_access=access,
        ledger_directory=_resolve(folder, spec.ledger.directory or "ledger"),
        ledger_s3=s3_place(spec.ledger.s3, partial(_resolve, folder)),
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


def _forge(document: Document, shape: ForgeShape, folder: str, problems: list[DocumentError]) -> ForgeChoice:
    place = ("spec", "forge")
    if shape.type == "git":
        given = [name for name in ForgeShape.model_fields if name != "type" and getattr(shape, name) is not None]
        problems += [
            document.error("git alone has no such thing", (*place, to_camel(name)), hint="leave it out", at_key=True)
            for name in given
        ]
        return "git"
    url = shape.url or (GITHUB if shape.type == "github" else "")
    if not url:
        problems.append(document.error("url is missing", place, hint="where people open the forge: https://host"))
    if shape.repository is None:
        problems.append(document.error("repository is missing", place, hint='write "owner/name"'))
    if shape.app is not None and shape.type != "github":
        problems.append(document.error("only github has apps", (*place, "app"), hint="use tokenFile", at_key=True))
    if shape.app is not None and shape.token_file is not None:
        hint = "keep the app, and leave tokenFile out"
        problems.append(document.error("an app has tokens of its own", (*place, "tokenFile"), hint=hint, at_key=True))
    return HostedForge(
        type=shape.type,
        url=url,
        repository=shape.repository or "",
        app=None
        if shape.app is None
        else AppInstallation(
            id=shape.app.id, installation=shape.app.installation, private_key=_key(folder, shape.app.private_key)
        ),
        token_file=None if shape.token_file is None else _resolve(folder, shape.token_file),
        ca_file=None if shape.ca_file is None else _resolve(folder, shape.ca_file),
        webhook_secret_files=tuple(_resolve(folder, file) for file in shape.webhook.secret_files)
        if shape.webhook
        else (),
    )


def read_duration(text: str) -> timedelta:
    """The length of a duration in its one spelling: `60s`, `5m`, `1h30m`. Zero where it says nothing."""
    found = _DURATION.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _duration(document: Document, text: str, place: tuple[str, ...], problems: list[DocumentError]) -> timedelta:
    interval = read_duration(text)
    if interval <= timedelta(0):
        problems.append(document.error("the interval is zero", place, hint="60s is the default"))
    return interval
