"""At most one configuration keeps a registered model, and at most one a ledger: asked before anything is written."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from stagewright.app.memory import Memory
from stagewright.core.requirements import registered_name
from stagewright.errors import ClaimedError, IncompleteError
from stagewright.model.keys import StageKey, key_order
from stagewright.model.plan import Blocked, Plan
from stagewright.model.sync import RegistrySync
from stagewright.ports import Claims


class Claimant:
    """One sync's side of the question. `waiting` says why it was not answered; empty where it was."""

    def __init__(self, config: RegistrySync, claims: Claims) -> None:
        self._config = config
        self._claims = claims
        self.waiting = ""

    def begin(self, origin: str, now: datetime) -> None:
        """Claim the ledger that is about to begin. ClaimedError where another configuration keeps it."""
        other = self._claims.ledger(origin, now)
        if other:
            raise ClaimedError(
                f"the ledger {origin} is that of {other} already",
                hint="give this one's policy an origin of its own, or delete the other",
            )

    def go_on(self, memory: Memory) -> None:
        """Claim what a ledger keeps, as soon as it is read. ClaimedError as above."""
        self.begin(memory.genesis.origin, memory.genesis.recorded_at)
        if memory.binding["registry"] == self._config.registry_uri:
            self._ask(memory)

    def sift(self, made: Plan, memory: Memory) -> Plan:
        """The plan without the pairs of registered models that are another's, which are blocked instead.

        While it is not known what others keep nothing is left of it, and `waiting` says so.
        """
        taken = self._ask(memory)
        if self.waiting:
            return replace(made, pairs=())
        if not taken:
            return made
        theirs = {key: name for key, name in _governed(memory).items() if name.casefold() in taken}
        blocked = [
            Blocked(key=key, reason=_kept(name, taken[name.casefold()]), identity=False, claimed=True)
            for key, name in sorted(theirs.items(), key=lambda pair: key_order(pair[0]))
        ]
        return replace(
            made,
            pairs=tuple(pair for pair in made.pairs if pair.key not in theirs),
            blocked=(*(one for one in made.blocked if one.key not in theirs), *blocked),
        )

    def _ask(self, memory: Memory) -> Mapping[str, str]:
        self.waiting = ""
        names = {name.casefold() for name in _governed(memory).values()}
        try:
            return self._claims.models({name: memory.first_written.get(name) for name in sorted(names)})
        except IncompleteError as error:
            self.waiting = f"nothing was applied: {error}"
            return {}


def _governed(memory: Memory) -> dict[StageKey, str]:
    """The pairs that are authorized, each with its model's name in MLflow."""
    pairs = (key for key in memory.authorized if isinstance(key, StageKey))
    return {key: registered_name(memory.authorized, key.model) for key in pairs}


def _kept(name: str, other: str) -> str:
    return f"{name!r} in MLflow is kept by {other}"
