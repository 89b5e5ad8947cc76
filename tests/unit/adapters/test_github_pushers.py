"""Who pushed what, from the moves of a branch: nobody where it is not certain."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from stagewright.adapters.github.activity import Move, pushers
from stagewright.model.review import Account
from stagewright.model.source import SourceCommit

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DANA, NOOR = Account(id="1", login="dana"), Account(id="2", login="noor")
BOT = Account(id="3", login="helper[bot]", bot=True)
WHO = {"d": DANA, "n": NOOR, "b": BOT, "-": None}

# a ── b ── c, and x on a
COMMITS = tuple(
    SourceCommit(id=own, parents=parents, signer=None, named=())
    for own, parents in (("a", ("base",)), ("b", ("a",)), ("c", ("b",)), ("x", ("a",)))
)


def moves(*told: str) -> list[Move]:
    """`d:>b` dana made the branch at b, `n:b>c` noor moved it from b to c, `n:c>` noor deleted it."""
    found = []
    for at, one in enumerate(told):
        who, _, rest = one.partition(":")
        before, _, after = rest.partition(">")
        found.append(
            Move(
                id=at,
                kind="push",
                before=before or None,
                after=after or None,
                actor=WHO[who],
                at=START + timedelta(minutes=at),
            )
        )
    return found


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (("d:>c",), {"a": DANA, "b": DANA, "c": DANA}),
        (("d:>a", "n:a>b", "d:b>c"), {"a": DANA, "b": NOOR, "c": DANA}),
        (("d:>c", "n:c>"), {"a": DANA, "b": DANA, "c": DANA}),
        (("d:>b", "d:b>", "n:>c"), {"a": DANA, "b": DANA, "c": NOOR}),
        (("d:>b", "n:b>x"), {"a": DANA, "b": DANA, "x": NOOR}),
        (("-:>b", "n:b>c"), {"c": NOOR}),
        (("b:>b", "n:b>c"), {"c": NOOR}),
        (("n:b>c",), {"c": NOOR}),
        (("d:>a", "n:b>c"), {"a": DANA, "c": NOOR}),
        (("d:>lost", "d:lost>c"), {"a": DANA, "b": DANA, "c": DANA}),
        (("d:>lost", "n:lost>c"), {}),
        (("d:lost>a",), {}),
        (("d:>a", "n:lost>c"), {"a": DANA}),
        ((), {}),
    ],
    ids=[
        "one push", "taking turns", "deleted afterwards", "deleted and made again", "forced to another",
        "nobody's push", "a bot's push", "the beginning is missing", "a gap", "pushed over by its own author",
        "pushed over by another", "the beginning cannot be read", "a gap that cannot be read", "nothing is told",
    ],
)  # fmt: skip
def test_pushers_of_moves(told: tuple[str, ...], expected: Mapping[str, Account]):
    def has(tip: str) -> frozenset[str] | None:
        return None if tip == "lost" else frozenset()

    assert dict(pushers(COMMITS, moves(*told), has, opened=START + timedelta(hours=1))) == expected


def test_pushers_of_what_was_pushed_over_and_is_remembered():
    def has(tip: str) -> frozenset[str]:
        return frozenset({"a", "other"}) if tip == "lost" else frozenset()

    found = pushers(COMMITS, moves("d:>lost", "n:lost>c"), has, opened=START + timedelta(hours=1))

    assert dict(found) == {"a": DANA, "b": NOOR, "c": NOOR}


def test_pushers_of_a_branch_that_is_younger_than_its_pull_request():
    found = pushers(COMMITS, moves("n:>b", "n:b>c"), lambda _: frozenset(), opened=START - timedelta(seconds=1))

    assert found == ()
