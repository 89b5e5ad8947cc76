"""One person fills one slot: a maximum bipartite matching of people to the approvals a rule asks for."""

from collections.abc import Sequence


def fill(slots: Sequence[frozenset[str]]) -> tuple[str | None, ...]:
    """For each slot, given who could fill it, the person who does, or None; as many slots are filled as can be.

    Kuhn's augmenting paths, in slot and name order, so that the answer depends on nothing else.
    """
    filled: dict[str, int] = {}

    def place(slot: int, tried: set[str]) -> bool:
        for person in sorted(slots[slot] - tried):
            tried.add(person)
            if person not in filled or place(filled[person], tried):
                filled[person] = slot
                return True
        return False

    for slot in range(len(slots)):
        place(slot, set())
    by_slot = {slot: person for person, slot in filled.items()}
    return tuple(by_slot.get(slot) for slot in range(len(slots)))
