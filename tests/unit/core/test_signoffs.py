from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stagewright.core.change import promotions_of
from stagewright.core.people import Directory
from stagewright.core.signoffs import accounts_in, contributors, reaches, rejects, tally
from stagewright.model.keys import parse_key
from stagewright.model.promotion import Promotion
from stagewright.model.review import Account, Reach, SigningKey
from tests.fold_world import ORIGIN, World, governance, governance_value, version_facts

SUBJECT = "a subject"
HEAD = Reach(commit="x", in_pull=True, ancestor_of_first_parent=False, merge_bases=1, subjects=frozenset({SUBJECT}))
STAGING = parse_key("credit/Staging")


@pytest.mark.parametrize(
    ("difference", "reason"),
    [
        pytest.param({}, "", id="it counts"),
        pytest.param({"in_pull": False}, "does not belong to the pull request", id="of another pull request"),
        pytest.param({"ancestor_of_first_parent": True}, "was on the branch before", id="an ancestor of the base"),
        pytest.param({"merge_bases": 2}, "has 2 merge bases", id="a criss-cross merge"),
        pytest.param({"merge_bases": 0}, "has 0 merge bases", id="no common history"),
        pytest.param({"subjects": None}, "cannot be read any more", id="unreadable"),
        pytest.param({"subjects": frozenset({"another"})}, "proposed something else", id="another subject"),
        pytest.param({"subjects": frozenset()}, "proposed something else", id="no subject"),
    ],
)
def test_reaches_of_a_reviewed_commit_says_why_it_cannot_count(difference: Mapping[str, Any], reason: str):
    found = reaches(replace(HEAD, **difference), SUBJECT)
    assert (found == "") is (reason == "")
    assert reason in found


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        pytest.param({}, True, id="of the head"),
        pytest.param({"in_pull": False}, True, id="pushed over by the same"),
        pytest.param({"in_pull": False, "subjects": None}, True, id="pushed over and unreadable"),
        pytest.param({"merge_bases": 2, "subjects": None}, True, id="a criss-cross merge"),
        pytest.param({"in_pull": False, "subjects": frozenset({"another"})}, False, id="pushed over by another"),
        pytest.param({"ancestor_of_first_parent": True, "subjects": frozenset()}, False, id="an ancestor of the base"),
    ],
)
def test_rejects_is_in_doubt_a_rejection(difference: Mapping[str, Any], expected: bool):
    assert rejects(replace(HEAD, **difference), SUBJECT) is expected


class Scene:
    """@dana proposes credit 2 for Staging; what else happens is up to the test."""

    def __init__(self, forge: str = "git", change: Any = 2) -> None:
        self.world = World(forge=forge)
        self.world.begin({"@governance": "standard", "credit/@spec": "high", "credit/Staging": 1})
        self.world.commit("dana", "p", {"credit/Staging": change})

    def promotion(self) -> Promotion:
        law = governance_value("standard")
        assert law is not None
        (found,) = promotions_of(ORIGIN, self.world.merge("p", "merge", {}), law)
        return found

    @staticmethod
    def directory(promotion: Promotion) -> Directory:
        accounts = accounts_in(promotion.pull) if promotion.pull else ()
        return Directory(governance(promotion.governance), teams={}, accounts=accounts)

    def tallied(self, promotion: Promotion | None = None) -> tuple[list[str], list[str], dict[str, tuple[bool, str]]]:
        promotion = promotion or self.promotion()
        directory = self.directory(promotion)
        found = tally(promotion, directory, contributors(promotion, directory, None))
        fates = {s.review: (s.counted, s.reason) for s in found.sign_offs}
        return list(found.approvers), list(found.rejecters), fates


def test_tally_without_reviews_is_empty():
    assert Scene().tallied() == ([], [], {})


def test_tally_without_a_pull_request_is_empty():
    scene = Scene()
    assert scene.tallied(replace(scene.promotion(), pull=None)) == ([], [], {})


def test_tally_of_reviews_says_of_each_why_it_counts_or_not():
    scene = Scene()
    world = scene.world
    world.review("dana", "p", "approve", name="author")
    world.review("omar", "p", "approve", name="omar's first")
    world.review("omar", "p", "approve", name="omar's second")
    world.review("olga", "p", "comment", name="comment")
    world.review("rita", "p", "reject", name="veto")
    world.review("rob", "p", "approve", name="gone", present=False)
    world.review("rob", "p", "reject", name="gone veto", present=False)
    world.review("stranger", "p", "approve", name="stranger")
    world.review("nobody", "p", "approve", name="nobody")
    world.review("nobody", "p", "approve", name="unsigned", flaw="it is not signed")
    world.review("tess", "p", "approve", name="flawed", flaw="the tag was moved")
    world.review("vera", "p", "approve", name="other subject", claims=frozenset({"another"}))
    approvers, rejecters, fates = scene.tallied()
    assert approvers == ["@omar"]
    assert rejecters == ["@rita", "@rob"]
    assert fates == {
        "author": (False, "@dana opened the pull request, and nobody approves their own work"),
        "omar's first": (False, "a later decision of the same person, or its withdrawal, replaces it"),
        "omar's second": (True, ""),
        "comment": (False, "a comment decides nothing"),
        "veto": (True, ""),
        "gone": (False, "it was withdrawn: the approval is gone from the forge"),
        "gone veto": (True, ""),
        "stranger": (False, "the key SHA256:stranger is not among the allowed signers"),
        "nobody": (False, "who gave it is not known"),
        "unsigned": (False, "it is not signed"),
        "flawed": (False, "the tag was moved"),
        "other subject": (False, "it names other subjects than this promotion's"),
    }


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        pytest.param("approve", "yes", id="approve"),
        pytest.param("reject", "no", id="reject"),
        pytest.param("dismissed", "nothing", id="dismissed"),
        pytest.param("comment", "nothing", id="comment"),
        pytest.param("reject approve", "yes", id="reject, then approve"),
        pytest.param("approve reject", "no", id="approve, then reject"),
        pytest.param("approve comment", "yes", id="a comment changes nothing"),
        pytest.param("approve dismissed", "nothing", id="approve, then one that was dismissed"),
        pytest.param("dismissed approve", "yes", id="dismissed, then approved anew"),
    ],
)
def test_tally_of_an_account_counts_its_latest_decision(decisions: str, expected: str):
    scene = Scene("accounts")
    for decision in decisions.split():
        scene.world.review("omar", "p", decision)  # type: ignore[arg-type] # decisions are spelled right here
    approvers, rejecters, _ = scene.tallied()
    assert (approvers, rejecters) == {"yes": (["@omar"], []), "no": ([], ["@omar"]), "nothing": ([], [])}[expected]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param("approve", "dismissed", ([], []), id="dismissed over approve"),
        pytest.param("dismissed", "reject", ([], ["@omar"]), id="reject over dismissed"),
        pytest.param("reject", "approve", ([], ["@omar"]), id="reject over approve"),
    ],
)
def test_tally_of_decisions_at_the_same_moment_counts_the_stricter(one: str, other: str, expected: tuple[Any, Any]):
    scene = Scene("accounts")
    moment = scene.world.now + timedelta(hours=1)
    for name, decision in (("a", one), ("b", other), ("c", one)):
        scene.world.review("omar", "p", decision, name=name, first_seen=moment)  # type: ignore[arg-type] # as above
    approvers, rejecters, _ = scene.tallied()
    assert (approvers, rejecters) == expected


def test_contributors_to_a_promotion_are_named_with_what_they_did():
    scene = Scene(change={"v": 2, "trainer": {"declared": "@tess"}})
    scene.world.commit("dev", "p", {"credit/@spec": {"tier": "high", "purpose": "Other"}}, naming="olga eve2")
    scene.world.commit("rob", "p", {"fraud/Staging": 1})
    step = scene.world.merge("p", "merge", {})
    law = governance_value("standard")
    assert law is not None
    promotion = next(p for p in promotions_of(ORIGIN, step, law) if p.key == STAGING)
    found = contributors(promotion, scene.directory(promotion), version_facts("credit", 2, trainer="ml-rita"))
    (commit,) = [c.id for c in step.pull.commits if c.named] if step.pull else [""]
    assert found.persons == {
        "@dana": "opened the pull request",
        "@dev": f"made commit {commit}, which changes what is promoted",
        "@olga": f"made commit {commit}, which changes what is promoted",
        "@rita": "trained the version",
        "@tess": "trained the version",
    }
    assert (found.author_unknown, found.committers_unknown, found.trainer_unknown) == ("", "", "")


@pytest.mark.parametrize(
    ("difference", "author", "committers"),
    [
        pytest.param({}, "", "", id="all is known"),
        pytest.param({"author": None}, "not proven", "", id="no author"),
        pytest.param({"author": SigningKey(fingerprint="SHA256:x")}, "not proven", "", id="an unknown key as author"),
        pytest.param({"commits": ()}, "", "no commit of the pull request", id="no commits"),
    ],
)
def test_contributors_that_cannot_be_told_are_said_to_be_unknown(
    difference: Mapping[str, Any], author: str, committers: str
):
    promotion = Scene().promotion()
    assert promotion.pull is not None
    changed = replace(promotion, pull=replace(promotion.pull, **difference))
    found = contributors(changed, Scene.directory(promotion), None)
    for said, expected in ((found.author_unknown, author), (found.committers_unknown, committers)):
        assert (said == "") is (expected == "")
        assert expected in said


@pytest.mark.parametrize("actors", [(), (SigningKey(fingerprint="SHA256:x"),)], ids=["nobody", "an unknown key"])
def test_contributors_of_a_commit_that_nobody_is_proven_to_have_made_are_unknown(actors: tuple[SigningKey, ...]):
    promotion = Scene().promotion()
    assert promotion.pull is not None
    (commit,) = promotion.pull.commits
    pull = replace(promotion.pull, commits=(replace(commit, actors=actors),))
    found = contributors(replace(promotion, pull=pull), Scene.directory(promotion), None)
    assert found.committers_unknown.startswith(f"who made commit {commit.id[:12]} is not proven")


def test_contributors_without_a_pull_request_are_unknown():
    promotion = replace(Scene().promotion(), pull=None)
    found = contributors(promotion, Scene.directory(promotion), None)
    assert found.persons == {"@tess": "trained the version"}
    assert found.author_unknown == "who opened the pull request is not proven"


def test_accounts_in_a_pull_request_are_all_that_occur_in_it():
    scene = Scene("accounts")
    scene.world.review("omar", "p", "approve")
    scene.world.commit("dev", "p", {"credit/Staging": 3})
    pull = scene.promotion().pull
    assert pull is not None
    names = [account.login for account in accounts_in(pull)]
    assert set(names) == {"dana", "omar", "dev"}
    assert accounts_in(replace(pull, author=Account(id="1", login="x"), reviews=(), commits=())) == (
        Account(id="1", login="x"),
    )


@pytest.mark.parametrize(
    ("trainer", "law", "unknown"),
    [
        pytest.param({"declared": "@tess"}, "standard", "", id="declared"),
        pytest.param({"mlflow": "ml-tess"}, "authenticated", "", id="as an MLflow that knows its users says"),
        pytest.param({"mlflow": "ml-tess"}, "standard", "is not authenticated", id="as any MLflow says"),
        pytest.param(None, "standard", "the entry names no trainer", id="not said"),
        pytest.param({"declared": "airflow"}, "standard", "'airflow' is a shared account", id="a shared account"),
        pytest.param({"mlflow": "who"}, "authenticated", "'who' is a shared account or nobody", id="a stranger"),
    ],
)
def test_contributors_trainer_is_known_or_it_is_said_why_not(trainer: Any, law: str, unknown: str):
    promotion = Scene(change={"v": 2, "trainer": trainer}).promotion()
    value = governance_value(law)
    assert value is not None
    found = contributors(promotion, Directory(governance(value), teams={}), None)
    assert (found.trainer_unknown == "") is (unknown == "")
    assert unknown in found.trainer_unknown
