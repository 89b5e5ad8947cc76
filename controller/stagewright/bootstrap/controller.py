"""What the controller in a cluster is built from: engines, informers, writers."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from urllib.request import getproxies_environment

from stagewright.adapters.addresses import require_admitted
from stagewright.adapters.chance import fraction
from stagewright.adapters.known import CheckpointInHand
from stagewright.adapters.kubernetes.client import CONFIG_MAPS, PROMOTIONS, REGISTRY_SYNCS, SECRETS, Cluster, Object
from stagewright.adapters.kubernetes.informer import Change, Informer, Selection
from stagewright.adapters.trees import remove_tree
from stagewright.app.acceptance import Acceptor
from stagewright.app.apply import Applied
from stagewright.app.consent import NO_CONSENT, Consent, Mover
from stagewright.app.memory import Memory
from stagewright.app.rebind import Rebinder
from stagewright.app.rehearsal import rehearse
from stagewright.app.sync import Syncer, SyncReport
from stagewright.app.view import Sight, look
from stagewright.bootstrap.engine import outside_of
from stagewright.bootstrap.engine import registry_of as _registry_of
from stagewright.bootstrap.places import place_of
from stagewright.bootstrap.stores import store_of
from stagewright.errors import System
from stagewright.model.custom_resource import CustomResource, Places
from stagewright.model.sync import HostedForge, RegistrySync
from stagewright.ports import Claims, Clock, Fence, Telemetry, Workloads

# What an object's sync may take from the controller's own environment: the machine's, and never anybody's credentials.
INHERITED = frozenset(
    {
        "PATH", "TMPDIR", "LANG", "LC_ALL", "TZ",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
        "MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
    }
)  # fmt: skip


class SyncEngine:
    """Syncs one object for real."""

    def __init__(self, mover: Mover, known: CheckpointInHand, *, door: Callable[[], None]) -> None:
        """`door` raises where something may not be asked at all."""
        self._mover = mover
        self._known = known
        self._door = door

    def sync(self, consent: Consent) -> SyncReport:
        """See `Mover.sync`. UnreachableError where a name leads to where nobody may ask."""
        self._door()
        return self._mover.sync(consent)

    @property
    def memory(self) -> Memory | None:
        """The ledger as the last sync left it."""
        return self._mover.syncer.memory

    @property
    def checkpoint(self) -> bytes | None:
        """The last checkpoint known."""
        return self._known.read()


class RehearsalEngine:
    """Judges and plans for a dry run: nothing is written, so there is nothing to remember."""

    memory: Memory | None = None

    def __init__(self, sight: Sight, checkpoint: bytes | None, *, door: Callable[[], None]) -> None:
        self._sight = sight
        self._door = door
        self.checkpoint = checkpoint

    def sync(self, consent: Consent = NO_CONSENT) -> SyncReport:
        """What a sync would do, as its report. LedgerMissingError where there never was one."""
        del consent  # nothing is recorded
        self._door()
        view = look(self._sight)
        done = rehearse(view)
        return SyncReport(
            head=done.head,
            revision=view.memory.revision,
            began=False,
            recovered=(),
            observed=0,
            verdicts=done.verdicts,
            applied=tuple(
                Applied(pair=pair, result="reported", detail="a dry run") for pair in done.plan.pairs if pair.write
            ),
            blocked=done.plan.blocked,
            problems=view.desired.at(view.memory.revision).problems,
            unmanaged=done.plan.unmanaged,
            stalled="",
            waiting=done.waiting,
            ledger_size=view.ledger.size,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterEngines:
    """Builds what syncs objects. `env` is the controller's environment, `mirrors` where its mirrors are.

    `workloads` gives those of a namespace, `telemetry` hears how the syncs of one object go, `claims` knows what the
    other objects keep.
    """

    fence: Fence | None
    env: Mapping[str, str]
    mirrors: Path
    image: str | None
    clock: Clock
    places: Places
    workloads: Callable[[str], Workloads] | None = None
    telemetry: Callable[[CustomResource], Telemetry] | None = None
    claims: Callable[[CustomResource], Claims] | None = None

    def engine(self, resource: CustomResource, checkpoint: bytes | None) -> SyncEngine:
        """What syncs `resource`, whose status knows `checkpoint`. ForbiddenError, UsageError: a key is no key."""
        known = CheckpointInHand(checkpoint, place=f"the status of RegistrySync {resource.namespace}/{resource.name}")
        telemetry = self.telemetry(resource) if self.telemetry is not None else None
        config = self._bounded(resource.sync)
        outside = outside_of(config, self._env(), fence=self.fence, known=known, image=self.image, telemetry=telemetry)
        if self.claims is not None:
            outside = replace(outside, claims=self.claims(resource))
        if resource.workloads.observe and self.workloads is not None:
            seen = self.workloads(resource.namespace)
            outside = replace(outside, workloads=seen, roll=resource.workloads.restart)
        mover = Mover(
            syncer=Syncer(config, outside), rebinder=Rebinder(config, outside), acceptor=Acceptor(config, outside)
        )
        return SyncEngine(mover, known, door=partial(self._door, resource))

    def rehearse(self, resource: CustomResource, checkpoint: bytes | None) -> RehearsalEngine:
        """What judges and plans only."""
        place = place_of(self._bounded(resource.sync), self._env())
        sight = Sight(
            config=resource.sync,
            source=place.source,
            forge=place.forge,
            registry=_registry_of(resource.sync, self._env()),
            store=store_of(resource.sync),
            clock=self.clock,
        )
        return RehearsalEngine(sight, checkpoint, door=partial(self._door, resource))

    def remove(self, namespace: str, uid: str) -> None:
        """Remove the mirror of an object."""
        remove_tree(self.mirrors / namespace / uid)

    def _door(self, resource: CustomResource) -> None:
        if self.places.insecure_urls:
            return
        for url, system in named_urls(resource.sync):
            require_admitted(url, system, cluster=self.places.cluster_addresses, proxies=getproxies_environment())

    def _bounded(self, config: RegistrySync) -> RegistrySync:
        return replace(config, repository_bytes=self.places.repository_bytes)

    def _env(self) -> dict[str, str]:
        return {name: text for name, text in self.env.items() if name in INHERITED}


def named_urls(config: RegistrySync) -> tuple[tuple[str, System | None], ...]:
    """Every URL that a configuration names, with the system that it leads to."""
    found: list[tuple[str, System | None]] = [(config.url, "repository"), (config.registry_uri, "registry")]
    if isinstance(config.forge, HostedForge):
        found.append((config.forge.url, "forge"))
    if config.registry_access is not None and config.registry_access.oauth2 is not None:
        found.append((config.registry_access.oauth2.token_url, "registry"))
    if config.ledger_s3 is not None and config.ledger_s3.endpoint is not None:
        found.append((config.ledger_s3.endpoint, None))
    return tuple(found)


Seen = Callable[[Change, Object], None]
"""What hears of the changes of a kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Informers:
    """The copies that a controller keeps. Without `secrets` and `config_maps` it can work, and asks more often."""

    syncs: tuple[Informer, ...]
    rows: tuple[Informer, ...]
    secrets: tuple[Informer, ...]
    config_maps: tuple[Informer, ...]

    @property
    def needed(self) -> tuple[Informer, ...]:
        """Those without which nothing can be said."""
        return (*self.syncs, *self.rows)

    @property
    def every(self) -> tuple[Informer, ...]:
        """All of them."""
        return (*self.needed, *self.secrets, *self.config_maps)

    def live(self, namespace: str) -> bool:
        """Whether changes of Secrets and ConfigMaps in a namespace are seen as they happen."""
        here = [i for i in (*self.secrets, *self.config_maps) if i.selection.namespace in {None, namespace}]
        return bool(here) and all(informer.live for informer in here)


def informers(
    cluster: Cluster,
    namespaces: Sequence[str] | None,
    *,
    selector: str,
    rows: str,
    syncs_seen: Seen,
    rows_seen: Seen,
    secrets_seen: Seen,
    config_maps_seen: Seen,
) -> Informers:
    """Copies of all that matters in these namespaces (None: in all). `rows` are the labels that our Promotions bear."""
    places = [None] if namespaces is None else list(namespaces)

    def each(selection: Selection, seen: Seen) -> Informer:
        return Informer(cluster, selection, seen, fraction=fraction)

    return Informers(
        syncs=tuple(
            each(Selection(resource=REGISTRY_SYNCS, namespace=place, labels=selector), syncs_seen) for place in places
        ),
        rows=tuple(each(Selection(resource=PROMOTIONS, namespace=place, labels=rows), rows_seen) for place in places),
        secrets=tuple(
            each(Selection(resource=SECRETS, namespace=place, metadata_only=True), secrets_seen) for place in places
        ),
        config_maps=tuple(
            each(Selection(resource=CONFIG_MAPS, namespace=place, metadata_only=True), config_maps_seen)
            for place in places
        ),
    )


def seconds() -> float:
    """A clock that never runs back, in seconds."""
    return time.monotonic()


def warm_up() -> None:
    """Import what takes seconds, so that the first sync after a take-over need not."""
    import_module("stagewright.adapters.mlflow")
