"""Rejections beyond their pull request: which are remembered, and which of them stand where the same is proposed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stagewright.app.vetoes import rejections_in, standing
from stagewright.model.review import Account, PullRequest, Reach, Review, SigningKey
from stagewright.model.source import KnownRejection, PullFacts, ReviewFacts
from tests.fakes.forge import FakeForge

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOOR, OLGA = Account(id="3", login="noor"), Account(id="4", login="olga")
HEAD = Reach(commit="c1", in_pull=True, ancestor_of_first_parent=False, merge_bases=1, subjects=frozenset({"s1", "s2"}))
VETO = KnownRejection(
    review="r1", pull="1", author=NOOR, commit="c1", subjects=frozenset({"s1", "s2"}), first_seen=NOW
)  # fmt: skip
SECOND = PullFacts(
    id="2", title="", url=None, base_branch="main", author=OLGA, merged_head="c2", first_parent="c0"
)  # fmt: skip


def review(**changes: object) -> Review:
    fields: dict[str, object] = {"id": "r1", "author": NOOR, "decision": "reject", "first_seen": NOW, "reach": HEAD}
    return Review(**(fields | changes))  # type: ignore[arg-type] -- the fields of a review


def said(decision: str, commit: str = "c1", *, name: str = "r2", author: Account = NOOR, later: int = 1) -> ReviewFacts:
    return ReviewFacts(
        id=name,
        author=author,
        decision=decision,  # type: ignore[arg-type] -- one of the four words
        commit=commit,
        first_seen=NOW + timedelta(minutes=later),
    )


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        pytest.param({}, True, id="a rejection"),
        pytest.param({"decision": "approve"}, False, id="an approval"),
        pytest.param({"decision": "dismissed"}, False, id="one that its author took back"),
        pytest.param({"author": OLGA}, False, id="of somebody whom the governance does not know"),
        pytest.param({"author": SigningKey(fingerprint="SHA256:x")}, False, id="signed: that is an observation"),
        pytest.param({"claims": frozenset({"s1"})}, False, id="recalled from another pull request"),
        pytest.param({"reach": Reach(commit="c9", in_pull=False, ancestor_of_first_parent=False, merge_bases=0,
                                     subjects=None)}, False, id="of a commit that cannot be read"),
    ],
)  # fmt: skip
def test_rejections_that_are_remembered(changes: dict[str, object], kept: bool):
    pull = PullRequest(
        id="1", title="", url=None, base_branch="main", author=OLGA, head=HEAD, commits=(), reviews=(review(**changes),)
    )  # fmt: skip
    assert rejections_in(pull, {"3"}) == ((VETO,) if kept else ())


@pytest.mark.parametrize(
    ("there", "wanted", "claims"),
    [
        pytest.param([said("reject", name="r1", later=0)], {"s1", "s3"}, {"s1"}, id="it stands for what is proposed"),
        pytest.param([], {"s1"}, {"s1"}, id="it is not shown any more"),
        pytest.param([said("dismissed", name="r1", later=0)], {"s1"}, None, id="its author dismissed it"),
        pytest.param([said("approve")], {"s1", "s2"}, {"s2"}, id="they approved one of the two later on"),
        pytest.param([said("approve", "c7")], {"s1"}, {"s1"}, id="they approved something else later on"),
        pytest.param([said("approve", later=-1)], {"s1"}, {"s1"}, id="they had approved before"),
        pytest.param([said("approve", author=OLGA)], {"s1"}, {"s1"}, id="somebody else approved"),
        pytest.param([], {"s3"}, None, id="another change"),
    ],
)
def test_rejections_that_stand_in_another_pull_request(
    there: list[ReviewFacts], wanted: set[str], claims: set[str] | None
):
    forge = FakeForge()
    forge.review(replace(SECOND, id="1"), *there)
    proposed = {"c1": frozenset({"s1"}), "c7": frozenset({"s7"})}
    found = standing(
        SECOND, set(), frozenset(wanted), {"r1": VETO}, forge=forge, proposed=lambda commit: proposed[commit]
    )  # fmt: skip
    assert [(one.id, one.author, one.decision, one.claims) for one in found] == (
        [] if claims is None else [("r1", NOOR, "reject", frozenset(claims))]
    )


@pytest.mark.parametrize("shown", [True, False])
def test_rejection_of_the_pull_request_itself_is_the_forges_while_it_shows_it(shown: bool):
    own = replace(SECOND, id="1")
    found = standing(
        own,
        {"r1"} if shown else set(),
        frozenset({"s1"}),
        {"r1": VETO},
        forge=FakeForge(),
        proposed=lambda _: frozenset(),
    )
    assert [one.id for one in found] == ([] if shown else ["r1"])
