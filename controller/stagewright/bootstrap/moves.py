"""What moves a ledger on purpose: to another configuration, or to another history."""

import os
from collections.abc import Mapping

from stagewright.adapters.git.workspace import Workspace
from stagewright.adapters.machine import whose_process
from stagewright.app.acceptance import Acceptance, Acceptor
from stagewright.app.desired import DesiredReader
from stagewright.app.history_decisions import HistoryDecider, ask_for_history
from stagewright.app.rebind import Rebinder
from stagewright.bootstrap.engine import outside_of
from stagewright.bootstrap.places import in_own_name, place_of
from stagewright.errors import UsageError
from stagewright.ledger.predicates import Person
from stagewright.model.conversation import PullLink
from stagewright.model.sync import RegistrySync


def rebinder(config: RegistrySync, env: Mapping[str, str] = os.environ) -> Rebinder:
    """What binds the ledger anew. ForbiddenError or UsageError when a key cannot be loaded."""
    return Rebinder(config, outside_of(config, env))


def acceptor(config: RegistrySync, env: Mapping[str, str] = os.environ) -> Acceptor:
    """What accepts another history. ForbiddenError or UsageError when a key cannot be loaded."""
    return Acceptor(config, outside_of(config, env))


def operator() -> Person:
    """Whose process this is: who answers for what it writes into the ledger."""
    number, login = whose_process()
    return Person(id=f"uid:{number}", login=login)


def history_decider(config: RegistrySync, clone: Workspace, env: Mapping[str, str] = os.environ) -> HistoryDecider:
    """What signs decisions about histories in a person's name. UsageError on a forge with accounts."""
    if config.forge != "git":
        raise UsageError(
            f"on {config.forge} a history is approved on the page of its pull request",
            hint="stagewright history accept opens it",
        )
    place = place_of(in_own_name(config), env)
    return HistoryDecider(
        workspace=clone, source=place.source, forge=place.forge, desired=DesiredReader(place.source, config.path)
    )


def ask_on_forge(
    config: RegistrySync, clone: Workspace, found: Acceptance, reason: str, env: Mapping[str, str] = os.environ
) -> PullLink:
    """Open the pull request that asks for an acceptance, in a person's name. UsageError on git alone."""
    pull_requests = place_of(in_own_name(config), env).pull_requests
    if pull_requests is None:
        raise UsageError("git alone has no pull requests", hint="each signs: stagewright approve --history FROM..TO")
    return ask_for_history(
        clone,
        pull_requests,
        origin=found.origin,
        before=found.before,
        after=found.after,
        reason=reason,
        path=config.path,
    )
