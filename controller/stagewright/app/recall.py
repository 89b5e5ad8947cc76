"""The fold's state from memory and git: the same after a restart as before it."""

from stagewright.app.desired import DesiredReader
from stagewright.app.memory import Memory, OpenPromotion
from stagewright.core.identity import subject_of, surroundings
from stagewright.model.promotion import Promotion
from stagewright.model.state import State
from stagewright.ports import Source


def recall(memory: Memory, source: Source, desired: DesiredReader) -> State:
    """The state that the ledger's entries add up to; what is declared is read from git."""
    return State(
        origin=memory.genesis.origin,
        revision=memory.revision,
        position=memory.position,
        declared=desired.at(memory.revision),
        authorized=dict(memory.authorized),
        authorized_by=dict(memory.authorized_by),
        open={key: _promotion(memory, waiting, source, desired) for key, waiting in memory.open.items()},
        held=dict(memory.held),
        ever_held=frozenset(memory.ever_held),
        accounts={memory.governances[digest]: bound for digest, bound in memory.accounts.items()},
    )


def _promotion(memory: Memory, waiting: OpenPromotion, source: Source, desired: DesiredReader) -> Promotion:
    after = desired.at(waiting.commit)
    spec, card = surroundings(after, waiting.key)
    return Promotion(
        id=waiting.id,
        key=waiting.key,
        before=waiting.before,
        after=waiting.after,
        subject=subject_of(origin=memory.genesis.origin, key=waiting.key, before=waiting.before, after=after),
        first_parent=waiting.first_parent,
        commit=waiting.commit,
        position=waiting.position,
        parents=len(source.tree(waiting.commit).parents),
        governance=waiting.governance,
        spec=spec,
        card=card,
        pull=None,
        since=memory.pending_since[waiting.id][1],
    )
