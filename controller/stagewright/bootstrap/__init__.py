"""The one place that builds adapters and wires them to ports."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from stagewright.adapters.clock import SystemClock
from stagewright.adapters.directory import DirectoryStore
from stagewright.adapters.folder import read_folder, read_names
from stagewright.adapters.git.forge import GitForge
from stagewright.adapters.git.own_key import read_public_key
from stagewright.adapters.git.signoffs import observation_flaw
from stagewright.adapters.git.source import GitSource
from stagewright.adapters.git.workspace import Workspace, init_origin
from stagewright.adapters.known import CheckpointFile
from stagewright.adapters.machine import free_bytes, git_version, ssh_keygen
from stagewright.adapters.signers import create_signer, load_signer
from stagewright.adapters.webhook import WebhookListener, parse_address, read_secrets
from stagewright.app.decisions import Decider, Reviewer
from stagewright.app.desired import DesiredReader
from stagewright.app.doctor import Doctor, Machine
from stagewright.app.inspection import Inspected, inspect
from stagewright.app.proposals import Proposer
from stagewright.app.sync import Syncer
from stagewright.app.view import Sight
from stagewright.bootstrap.engine import outside_of
from stagewright.bootstrap.engine import registry_of as registry_of
from stagewright.bootstrap.places import for_looking, in_own_name, mirror_of, place_of
from stagewright.bootstrap.stores import store_of
from stagewright.errors import LedgerMissingError, NotFoundError, UsageError
from stagewright.ledger.keys import key_id
from stagewright.ledger.log import Ledger
from stagewright.model.conversation import Finding
from stagewright.model.review import SigningKey
from stagewright.model.source import PullFacts
from stagewright.model.sync import HostedForge, RegistrySync
from stagewright.ports import Fence, Known, LedgerStore, PullRequests
from stagewright.schema.registry_sync import parse_registry_sync

CONFIG_VARIABLE = "STAGEWRIGHT_CONFIG"
CONFIG_FILE = "registrysync.yaml"


def load_config(path: str | None, env: Mapping[str, str] = os.environ, *, start: Path = Path()) -> RegistrySync:
    """The configuration at `path`, else where STAGEWRIGHT_CONFIG says, else the nearest from `start` upwards."""
    place = find_config(path, env, start=start)
    return parse_registry_sync(place.read_bytes(), str(place), folder=str(place.resolve().parent))


def find_config(path: str | None, env: Mapping[str, str] = os.environ, *, start: Path = Path()) -> Path:
    """Where the configuration lies. UsageError when it is not there."""
    named = path or env.get(CONFIG_VARIABLE)
    places = (
        [Path(named)] if named else [folder / CONFIG_FILE for folder in (start.absolute(), *start.absolute().parents)]
    )
    for place in places:
        if place.is_file():
            return place
    raise UsageError(
        f"no configuration: {named or CONFIG_FILE} is not there",
        hint=f"make one with `stagewright init`, or name it with --config or {CONFIG_VARIABLE}",
    )


def source_of(config: RegistrySync, env: Mapping[str, str]) -> GitSource:
    """The configured branch of the configured repository."""
    return place_of(config, env).source


def syncer(
    config: RegistrySync,
    env: Mapping[str, str] = os.environ,
    *,
    fence: Fence | None = None,
    known: Known | None = None,
    image: str | None = None,
    take_over: bool = False,
) -> Syncer:
    """What changes MLflow; see `outside_of`."""
    return Syncer(config, outside_of(config, env, fence=fence, known=known, image=image, take_over=take_over))


def sight(config: RegistrySync, env: Mapping[str, str] = os.environ) -> Sight:
    """What looks, and changes nothing; it needs no key."""
    place = place_of(for_looking(config, env), env)
    return Sight(
        config=config,
        source=place.source,
        forge=place.forge,
        registry=registry_of(config, env),
        store=store_of(config),
        clock=SystemClock(),
    )


def ledger_store(directory: Path) -> LedgerStore:
    """A ledger's folder, to read. UsageError when it is no folder."""
    if not directory.is_dir():
        raise UsageError(f"{directory} is no folder", hint="name the folder that holds the ledger's `checkpoint`")
    return DirectoryStore(directory)


def ledger_at(config: RegistrySync | None, directory: Path | None) -> LedgerStore:
    """The store of a configuration, else of a folder. UsageError when that is no folder."""
    if config is not None and config.ledger_s3 is not None:
        return store_of(config)
    folder = Path(config.ledger_directory) if config is not None else directory
    assert folder is not None
    return ledger_store(folder)


def workspace(start: Path, *, signing_key: Path | None = None) -> Workspace:
    """The person's clone that `start` lies in."""
    return Workspace.find(start, signing_key=signing_key)


def own_key(clone: Workspace) -> SigningKey:
    """Whose decisions those of this person are: the key that signs in the clone."""
    return clone.own_key()


def proposer(config: RegistrySync, clone: Workspace, env: Mapping[str, str] = os.environ) -> Proposer:
    """What proposes changes in a person's name."""
    source = source_of(in_own_name(config), env)
    return Proposer(
        workspace=clone,
        source=source,
        registry=registry_of(config, env),
        desired=DesiredReader(source, config.path),
        branch=config.branch,
        path=config.path,
    )


def decider(config: RegistrySync, clone: Workspace, env: Mapping[str, str] = os.environ) -> Decider:
    """What approves and rejects in a person's name; it never asks MLflow anything."""
    place = place_of(in_own_name(config), env)
    return Decider(
        workspace=clone,
        source=place.source,
        forge=place.forge,
        desired=DesiredReader(place.source, config.path),
        branch=config.branch,
    )


def own_pull_requests(config: RegistrySync, env: Mapping[str, str] = os.environ) -> PullRequests | None:
    """A person's own access to the pull requests of the forge; None where git alone is the forge."""
    return place_of(in_own_name(config), env).pull_requests


def reviewer(config: RegistrySync, env: Mapping[str, str] = os.environ) -> Reviewer:
    """What reviews pull requests in a person's name. UsageError where git alone is the forge."""
    place = place_of(in_own_name(config), env)
    if place.pull_requests is None:
        raise UsageError("git alone has no pull requests", hint="name a branch, whose head is signed off by a tag")
    return Reviewer(
        pull_requests=place.pull_requests,
        source=place.source,
        desired=DesiredReader(place.source, config.path),
        branch=config.branch,
    )


def pull_request(config: RegistrySync, number: int, env: Mapping[str, str] = os.environ) -> PullFacts:
    """A pull request by its number, for looking. NotFoundError; UsageError where git alone is the forge."""
    place = place_of(for_looking(config, env), env)
    if place.pull_requests is None:
        raise UsageError("git alone has no pull requests", hint="name a branch: stagewright check BRANCH")
    return place.pull_requests.find(number).facts


def forge_findings(config: RegistrySync, env: Mapping[str, str] = os.environ) -> tuple[Finding, ...]:
    """What the forge lets the controller do, for `doctor`; nothing where git alone is the forge."""
    pull_requests = place_of(config, env).pull_requests
    return pull_requests.examine() if pull_requests is not None else ()


def webhook_listener(config: RegistrySync, address: str, wake: Callable[[], None]) -> WebhookListener:
    """What lets the forge wake the loop. UsageError where it has no secret, or nothing can listen there."""
    if not isinstance(config.forge, HostedForge):
        raise UsageError("git alone sends no webhooks", hint="leave --webhook out: each interval is enough")
    files = config.forge.webhook_secret_files
    return WebhookListener(parse_address(address), lambda: read_secrets(files), wake)


def inspect_folder(folder: Path, path: str) -> Inspected:
    """The documents in a folder, the repository's root, looked at by themselves."""
    files, blobs = read_folder(folder, path)
    there, attributes = read_names(folder)
    return inspect(files, blobs, path=path, attributes=attributes, there=there)


def new_origin(path: Path, *, branch: str) -> None:
    """Make an empty bare repository. UsageError where something lies already."""
    init_origin(path, branch=branch)


def new_clone(url: str, target: Path, *, signing_key: Path | None = None) -> Workspace:
    """Clone a repository, to propose and decide in."""
    return Workspace.clone(url, target, signing_key=signing_key)


def unbound_clone(folder: Path, *, signing_key: Path | None = None) -> Workspace:
    """Git as it knows the person in any folder, before there is a clone."""
    return Workspace(folder, signing_key=signing_key)


def public_key(path: Path) -> str:
    """Type and base64 of the SSH public key in a file."""
    return read_public_key(path)


def new_ledger_keys(config: RegistrySync) -> None:
    """Make the two keys that sign the ledger. UsageError where one lies already."""
    for key in (config.log_key, config.entry_key):
        create_signer(str(key))


def past_beginning(config: RegistrySync, env: Mapping[str, str] = os.environ) -> str:
    """Why the bank is no longer being set up, so that every change is reviewed; empty while it is.

    LedgerDamagedError where a ledger lies that cannot be read.
    """
    if config.trust_root is None:
        return "the configuration names no trust root"
    if CheckpointFile(mirror_of(config, env).with_suffix(".checkpoint")).read() is not None:
        return "a ledger is known"
    source = source_of(in_own_name(config), env)
    since = source.first_parents(config.trust_root, source.fetch())
    # on a forge with accounts a merge may look like any commit
    if any(config.forge != "git" or len(source.tree(commit).parents) > 1 for commit in since):
        return f"{config.branch} has gone on since the trust root {config.trust_root[:12]}"
    try:
        Ledger.read(store_of(config))
    except LedgerMissingError:
        return ""
    return "there is a ledger"


def card_files(config: RegistrySync, clone: Workspace, card: str | None) -> dict[str, str]:
    """The model card as it lies in the work tree of a clone, by its path in the repository; none where it is not there.

    UsageError when the path leads out of the source's folder, or to no text.
    """
    folder = (clone.root / config.path).resolve()
    if card is None:
        return {}
    place = (folder / card).resolve()
    if not place.is_relative_to(folder):
        raise UsageError(f"the card {card} lies outside of {folder}", hint="name it relative to that folder")
    if not place.is_file():
        return {}
    try:
        return {f"{config.path}/{card}" if config.path else card: place.read_text(encoding="utf-8")}
    except UnicodeDecodeError as error:
        raise UsageError(f"the card {place} is not UTF-8", hint="save it as UTF-8") from error


def ledger_reader(config: RegistrySync | None, directory: Path | None) -> Ledger:
    """The ledger in a folder, else the configured one, to read. LedgerMissingError, LedgerDamagedError."""
    if directory is None:
        assert config is not None
        return Ledger.read(store_of(config))
    return Ledger.read(ledger_store(directory))


def own_log_key(config: RegistrySync) -> str:
    """The fingerprint of the key that signs the configured ledger's checkpoints: a pin that lies outside of it."""
    return key_id(load_signer(str(config.log_key)).public_key)


SIGNOFF_CHECKER = observation_flaw
"""Verifies the signatures of people that a ledger keeps as evidence."""


def current_branch() -> str:
    """The branch that is checked out where the person is. UsageError on a detached head or outside of a clone."""
    branch = Workspace.find(Path.cwd()).current_branch()
    if branch is None:
        raise UsageError("no branch is checked out here", hint="name a branch or a commit")
    return branch


def candidate(config: RegistrySync, revision: str, onto: str, env: Mapping[str, str] = os.environ) -> PullFacts:
    """What the merge of `revision` onto the commit `onto` would be. NotFoundError: no such branch or commit."""
    place = place_of(for_looking(config, env), env)
    commit = place.source.resolve(revision)
    if place.conversation is None:
        return GitForge(place.source).candidate(commit, onto)
    for pull in place.conversation.open_pulls():
        if pull.facts.merged_head == commit:
            return replace(pull.facts, first_parent=onto)
    raise NotFoundError(
        f"no open pull request has the head {commit[:12]}", hint="open one first: its reviews are the sign-offs"
    )


def folder_digest(folder: Path, *, download: bool) -> str:
    """The artifact digest of a folder of this machine. InvalidError where it has none."""
    from stagewright.adapters.mlflow import folder_digest as compute  # noqa: PLC0415 # MLflow takes seconds to import

    return compute(folder, download=download)


def doctor(
    config: RegistrySync, start: Path, *, signing_key: Path | None = None, env: Mapping[str, str] = os.environ
) -> Doctor:
    """What looks at everything that a sync, and the signature of whoever works at `start`, rest on."""
    registry = registry_of(config, env)

    def registry_there() -> str:
        models = registry.snapshot().models
        return f"{registry_version(config, env)} at {config.registry_uri}, {len(models)} registered models"

    def ledger_keys() -> str:
        log, entry = (key_id(load_signer(str(key)).public_key) for key in (config.log_key, config.entry_key))
        return f"log sha256:{log[:16]}…, entries sha256:{entry[:16]}…"

    return Doctor(
        config=config,
        source=source_of(config, env),
        store=store_of(config),
        clock=SystemClock(),
        machine=Machine(
            git=git_version,
            ssh_keygen=ssh_keygen,
            own_key=lambda: Workspace.find(start, signing_key=signing_key).own_key().fingerprint,
            registry=registry_there,
            ledger_keys=ledger_keys,
            free_bytes=lambda: None if config.ledger_s3 else free_bytes(Path(config.ledger_directory)),
        ),
    )


def registry_version(config: RegistrySync, env: Mapping[str, str]) -> str:
    """`MLflow 3.17.0`."""
    from stagewright.adapters.mlflow import server_version  # noqa: PLC0415 # MLflow takes seconds to import

    return f"MLflow {server_version(config.registry_uri, env=env, access=config.registry_access)}"
