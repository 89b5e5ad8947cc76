"""What a sync talks to, and whose turn it is to write."""

import os
import re
from collections.abc import Mapping
from functools import partial

from stagewright.adapters.clock import SystemClock
from stagewright.adapters.deferred import DeferredRegistry
from stagewright.adapters.fence_local import LocalFence
from stagewright.adapters.known import CheckpointFile
from stagewright.adapters.lock import exclusive
from stagewright.adapters.signers import load_signer
from stagewright.app.outside import Outside
from stagewright.bootstrap.places import mirror_of, place_of
from stagewright.bootstrap.stores import store_of
from stagewright.ledger.records import IMAGE_PATTERN
from stagewright.model.sync import RegistrySync
from stagewright.ports import Deaf, Fence, Known, Registry, Telemetry

IMAGE_VARIABLE = "STAGEWRIGHT_IMAGE"


def registry_of(config: RegistrySync, env: Mapping[str, str], telemetry: Telemetry | None = None) -> Registry:
    """The configured MLflow registry, opened when it is first asked something."""

    def opened() -> Registry:
        # MLflow takes seconds to import, and half of the commands never ask it anything
        from stagewright.adapters.mlflow import open_registry  # noqa: PLC0415 # as said above

        return open_registry(
            config.registry_uri, env=env, clock=SystemClock(), access=config.registry_access, telemetry=telemetry
        )

    return DeferredRegistry(opened)


def image_digest(reference: str) -> str | None:
    """A reference to an image if it says by digest which one (`name@sha256:…`); None for a tag, which moves."""
    return reference if re.fullmatch(IMAGE_PATTERN, reference) else None


def outside_of(
    config: RegistrySync,
    env: Mapping[str, str] = os.environ,
    *,
    fence: Fence | None = None,
    known: Known | None = None,
    image: str | None = None,
    take_over: bool = False,
    telemetry: Telemetry | None = None,
) -> Outside:
    """Everything that a sync talks to. ForbiddenError or UsageError when a key cannot be loaded.

    `fence` is the turn of one of several controllers; without it the machine's lock is enough, and `take_over` says to
    go on with a ledger that a controller in a cluster wrote. `known` keeps the last checkpoint where a file beside the
    mirror does not last. `image` is what runs, by its digest; otherwise STAGEWRIGHT_IMAGE says so.
    `telemetry` hears how it goes.
    """
    place = place_of(config, env, telemetry)
    return Outside(
        source=place.source,
        forge=place.forge,
        conversation=place.conversation,
        registry=registry_of(config, env, telemetry),
        store=store_of(config),
        log_signer=load_signer(str(config.log_key)),
        entry_signer=load_signer(str(config.entry_key)),
        clock=SystemClock(),
        exclusive=partial(exclusive, mirror_of(config, env).with_suffix(".lock"), f"syncing {config.name}"),
        known=known or CheckpointFile(mirror_of(config, env).with_suffix(".checkpoint")),
        fence=fence or LocalFence(config.name, take_over=take_over),
        telemetry=telemetry or Deaf(),
        image=image_digest(image or env.get(IMAGE_VARIABLE, "")),
    )
