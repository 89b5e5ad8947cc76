"""Binding a ledger anew: its configuration was moved on purpose, and whoever writes the ledger says so in it.

The same for the command line and for a controller in a cluster. What history is followed may not change by it: the
last revision has to lie on the new branch's first-parent chain.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from stagewright.app.beginning import binding_of, moved_from, rebinding_digest
from stagewright.app.continuity import keep
from stagewright.app.desired import DesiredReader
from stagewright.app.fenced import Gate
from stagewright.app.journal import LedgerJournal
from stagewright.app.memory import Memory
from stagewright.app.outside import Outside
from stagewright.app.record import Scribe
from stagewright.app.reopening import reopen
from stagewright.core.change import changed_keys
from stagewright.errors import InvalidError, StalledError, UsageError
from stagewright.ledger import predicates as entry
from stagewright.ledger.log import Ledger
from stagewright.ledger.statement import commit_subject
from stagewright.model.desired import DesiredState
from stagewright.model.sync import RegistrySync


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebinding:
    """A move that can be confirmed: what the ledger is bound to before and after, and the digest that names the move.

    `waiting` are the keys whose promotions wait, and are judged by what the new forge says; `intents` those entries
    whose outcome stays unknown, since their registry is left.
    """

    before: Mapping[str, str]
    after: Mapping[str, str]
    digest: str
    revision: str
    waiting: tuple[str, ...]
    intents: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebound:
    """A move that was written down, as entry `index`."""

    rebinding: Rebinding
    index: int


class Rebinder:
    """Moves what the ledger of one configuration is bound to. `outside` is built from the new configuration."""

    def __init__(self, config: RegistrySync, outside: Outside) -> None:
        self._config = config
        self._outside = outside

    def proposed(self) -> Rebinding:
        """What confirming would move. Nothing is written.

        UsageError when the configuration did not move. StalledError when the new branch does not hold the last revision
        in its first-parent history; InvalidError when the new folder declares something else there.
        """
        with self._outside.exclusive():
            return self._look()[0]

    def rebind(self, *, digest: str, who: entry.Person | None, reason: str) -> Rebound:
        """Write the move down that `digest` names, as `proposed` gave it. UsageError when it is another one by now."""
        if not reason.strip():
            raise UsageError("a rebind needs its reason", hint="say why the configuration was moved")
        with self._outside.exclusive():
            found, ledger, memory, scribe = self._look()
            journal = LedgerJournal(ledger, memory)
            if found.digest != digest:
                raise UsageError(
                    f"the configuration was moved in another way: {found.digest}, confirmed was {digest}",
                    hint="look at it, and confirm this one",
                )
            left = [
                scribe.outcome(
                    (commit_subject(scribe.origin, memory.revision),),
                    intent=index,
                    result="unknown",
                    recovered=True,
                    after=tuple(None for _ in intent.actions),
                    error="its registry was left before it could be read",
                )
                for index, intent in _left_intents(memory, self._config)
            ]
            after = {name: value for name, value in found.after.items() if name != "origin"}
            before = {name: value for name, value in found.before.items() if name != "origin"}
            said = scribe.rebind(before, after, who=who, reason=reason, commit=memory.revision)
            indices = journal.append([*left, said])
            keep(ledger, self._outside.known)
            return Rebound(rebinding=found, index=indices[-1])

    def _look(self) -> tuple[Rebinding, Ledger, Memory, Scribe]:
        config, gate = self._config, Gate(self._outside.fence, self._outside.write_s)
        outside = self._outside.behind(gate)
        now = outside.clock.now()
        ledger, kept, epoch = reopen(
            store=outside.store,
            known=outside.known,
            log_signer=outside.log_signer,
            entry_signer=outside.entry_signer,
            gate=gate,
            now=now,
        )
        memory = kept.memory
        if not moved_from(config, memory.binding):
            raise UsageError("the configuration is the one that the ledger is bound to: there is nothing to rebind")
        head = outside.source.fetch()
        _require_history(outside, memory.revision, head)
        desired = DesiredReader(outside.source, config.path)
        if config.path != memory.binding["path"]:
            _require_same(desired.at(memory.revision), memory, config.path)
        found = Rebinding(
            before=memory.binding,
            after=binding_of(config, memory.binding["origin"]),
            digest=rebinding_digest(config, memory.binding, memory.bound_since),
            revision=memory.revision,
            waiting=tuple(sorted(str(key) for key in memory.open)),
            intents=tuple(index for index, _ in _left_intents(memory, config)),
        )
        origin, image = memory.genesis.origin, outside.image
        scribe = Scribe(sync=config.name, epoch=epoch, now=now, origin=origin, names={}, image=image)
        return found, ledger, memory, scribe


def _require_history(outside: Outside, revision: str, head: str) -> None:
    if head == revision:
        return
    try:
        outside.source.first_parents(revision, head)
    except StalledError as error:
        raise StalledError(
            f"the ledger cannot be bound to this branch: {error}",
            hint="push the same history there; one that was rewritten is accepted with `stagewright history accept`",
        ) from error


def _require_same(state: DesiredState, memory: Memory, path: str) -> None:
    """The new folder declares at the last revision just what is authorized, so that the move changes nothing."""
    authorized = DesiredState(commit=state.commit, values=memory.authorized, cards={}, problems=())
    differing = [str(key) for key in changed_keys(authorized, state)]
    if differing or memory.open:
        reason = f"{', '.join(differing)}" if differing else "promotions wait"
        raise InvalidError(
            f"the folder {path or 'at the root'!r} does not hold at {state.commit[:12]} what is authorized: {reason}",
            hint="copy the documents there first, with lines of CODEOWNERS that say the same for both, and sync",
        )


def _left_intents(memory: Memory, config: RegistrySync) -> tuple[tuple[int, entry.Intent], ...]:
    return memory.open_intents if config.registry_uri != memory.binding["registry"] else ()
