"""From desired states to promotions: which keys a step changes, and what each change would be signed off as."""

from collections.abc import Sequence

from stagewright.core.identity import promotion_id, subject_of, surroundings
from stagewright.model.desired import DesiredState, GovernanceValue
from stagewright.model.keys import Key, key_order
from stagewright.model.promotion import Promotion, Step


def changed_keys(before: DesiredState, after: DesiredState) -> tuple[Key, ...]:
    """The keys whose declared value differs, in key order. Values are compared, never text."""
    keys = {*before.values, *after.values}
    return tuple(sorted((k for k in keys if before.values.get(k) != after.values.get(k)), key=key_order))


def subjects(origin: str, before: DesiredState, after: DesiredState) -> frozenset[str]:
    """The subject of every promotion that going from `before` to `after` would be."""
    return frozenset(
        subject_of(origin=origin, key=key, before=before.values.get(key), after=after)
        for key in changed_keys(before, after)
    )


def touched_keys(state: DesiredState, parents: Sequence[DesiredState]) -> frozenset[Key]:
    """The keys whose value, spec or card a commit changes against *all* of its parents.

    Merging the branch's base in touches nothing: each key stands so in one parent or the other.
    """
    keys = {*state.values, *(key for parent in parents for key in parent.values)}
    return frozenset(key for key in keys if all(_shape(state, key) != _shape(parent, key) for parent in parents))


def brought_keys(
    state: DesiredState, inside: Sequence[DesiredState], head: DesiredState, base: DesiredState
) -> frozenset[Key]:
    """The keys that a commit of a pull request gives the shape that is promoted, taken from outside of it.

    `inside` are those of its parents that belong to the pull request, `head` what the pull request proposes in the
    end, `base` what the branch declares. So merging an old commit of the branch brings back what stood there.
    """
    return frozenset(
        key
        for key in {*head.values, *base.values}
        if _shape(base, key) != _shape(head, key) == _shape(state, key)
        and all(_shape(parent, key) != _shape(head, key) for parent in inside)
    )


def _shape(state: DesiredState, key: Key) -> object:
    return (state.values.get(key), *surroundings(state, key))


def merged(ancestor: DesiredState, ours: DesiredState, theirs: DesiredState) -> DesiredState:
    """What `ours` would declare once the changes from `ancestor` to `theirs` were merged in, theirs winning."""
    values = dict(ours.values)
    for key in changed_keys(ancestor, theirs):
        values.pop(key, None)
        if key in theirs.values:
            values[key] = theirs.values[key]
    cards = dict(ours.cards)
    for model in {*ancestor.cards, *theirs.cards}:
        if ancestor.cards.get(model) != theirs.cards.get(model):
            cards.pop(model, None)
            if model in theirs.cards:
                cards[model] = theirs.cards[model]
    return DesiredState(commit=theirs.commit, values=values, cards=cards, problems=theirs.problems)


def promotions_of(origin: str, step: Step, governance: GovernanceValue) -> tuple[Promotion, ...]:
    """The promotions of one step, in key order. `governance` is what is authorized just before it."""
    return tuple(_promotion(origin, step, governance, key) for key in changed_keys(step.before, step.after))


def _promotion(origin: str, step: Step, governance: GovernanceValue, key: Key) -> Promotion:
    before, after = step.before.values.get(key), step.after.values.get(key)
    spec, card = surroundings(step.after, key)
    return Promotion(
        id=promotion_id(origin=origin, commit=step.commit, key=key, before=before, after=after),
        key=key,
        before=before,
        after=after,
        subject=subject_of(origin=origin, key=key, before=before, after=step.after),
        first_parent=step.first_parent,
        commit=step.commit,
        position=step.position,
        parents=step.parents,
        governance=governance,
        spec=spec,
        card=card,
        pull=step.pull,
    )
