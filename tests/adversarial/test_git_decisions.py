"""Decision tags that must not count, each with the reason people are shown, and those that must."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from stagewright.adapters.git import forge as forge_module
from stagewright.adapters.git.forge import GitForge
from stagewright.adapters.git.source import GitSource
from stagewright.errors import IncompleteError, StalledError, UnreachableError
from stagewright.model.review import SigningKey
from stagewright.model.source import PullFacts, ReviewFacts
from tests.git_world import KEY_KINDS, World, decision_message, person, ssh_sign

SUBJECT, OTHER = "a" * 64, "b" * 64
TRAILERS = decision_message("approve", [SUBJECT])


class Story:
    """A branch of dana's with two commits, merged onto a main that has gone on."""

    def __init__(self, root: Path) -> None:
        self.world = World(root / "world")
        self.early = self.world.commit("dana", {"a": "1\n"}, branch="promote")
        self.head = self.world.commit("dana", {"a": "2\n"}, branch="promote")
        self.base = self.world.push_main("ravi", {"b": "1\n"})
        self.merge = self.world.merge("promote", by="maintainer")


class Case:
    """That story, for one test to put tags on."""

    def __init__(self, story: Story, root: Path) -> None:
        self.world = story.world.copy(root / "world")
        self.early, self.head, self.base, self.merge = story.early, story.head, story.base, story.merge
        self._source = GitSource(url=str(self.world.origin), branch="main", mirror=root / "mirror")
        self.forge = GitForge(self._source)

    def pull(self, merge: str | None = None, first_parent: str | None = None) -> PullFacts:
        self._source.fetch()
        pull = self.forge.pull(merge or self.merge, first_parent or self.base)
        assert pull is not None
        return pull

    def reviews(self) -> tuple[ReviewFacts, ...]:
        return self.forge.reviews(self.pull())

    def tag(
        self,
        message: str = TRAILERS,
        *,
        target: str | None = None,
        kind: str = "commit",
        tag: str = "stagewright/raw",
        namespace: str | None = "git",
        signature: bytes | None = None,
    ) -> str:
        """A tag of noor's, byte by byte."""
        return self.world.raw_tag(
            "noor", target=target or self.head, message=message, kind=kind, tag=tag, namespace=namespace,
            signature=signature,
        )  # fmt: skip


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return Story(tmp_path_factory.mktemp("story"))


@pytest.fixture
def case(story: Story, tmp_path: Path) -> Case:
    return Case(story, tmp_path)


def noor() -> SigningKey:
    return SigningKey(fingerprint=person("noor").fingerprint)


# -- what counts


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_an_approval_made_with_any_type_of_key_is_read(case: Case, kind: str):
    who = person("signer", kind)
    case.world.clone("noor")
    case.world.git("noor", "config", "user.signingkey", str(who.key))
    tag = case.world.approve("noor", case.head, [SUBJECT, OTHER])

    (review,) = case.reviews()

    assert (review.id, review.author, review.decision, review.commit, review.claims, review.standing, review.flaw) == (
        tag, SigningKey(fingerprint=who.fingerprint), "approve", case.head, frozenset({SUBJECT, OTHER}), False, None,
    )  # fmt: skip
    assert (review.first_seen, review.withdraws) == (None, ())


def test_a_review_carries_the_signed_object_for_the_evidence_store(case: Case):
    tag = case.world.approve("noor", case.head, [SUBJECT])

    (review,) = case.reviews()

    assert review.body is not None
    assert case.world.git_origin("hash-object", "-t", "tag", "--stdin", stdin=review.body) == tag


def test_a_rejection_stands_and_is_withdrawn_by_name(case: Case):
    rejection = case.world.reject("noor", case.head, [SUBJECT])
    approval = case.world.approve("noor", case.head, [SUBJECT], withdraws=[rejection])

    found = {review.id: (review.decision, review.standing, review.withdraws) for review in case.reviews()}

    assert found == {rejection: ("reject", True, ()), approval: ("approve", False, (rejection,))}


@pytest.mark.parametrize("name", ["approved-by-noor", "x/y/z", "stagewright/x"])
def test_any_name_of_a_tag_is_read(case: Case, name: str):
    tag = case.tag(tag=name)

    assert [(review.id, review.flaw) for review in case.reviews()] == [(tag, None)]


def test_a_tag_on_an_earlier_commit_of_the_branch_is_its_review(case: Case):
    tag = case.tag(target=case.early)

    assert [(review.id, review.commit, review.flaw) for review in case.reviews()] == [(tag, case.early, None)]


def test_a_tag_on_a_deleted_branch_is_still_read_after_the_merge(case: Case):
    tag = case.tag()
    pull = case.pull()
    case.world.delete_branch("promote")

    assert case.pull() == pull
    assert [review.id for review in case.reviews()] == [tag]


def test_the_date_and_the_name_of_the_tagger_mean_nothing(case: Case):
    payload = f"object {case.head}\ntype commit\ntag t\ntagger Ravi <ravi@example.com> 1 +0000\n\n{TRAILERS}".encode()
    tag = case.world.put_tag(payload + ssh_sign(person("noor"), payload), ref="t")

    assert [(review.id, review.author, review.first_seen) for review in case.reviews()] == [(tag, noor(), None)]


def test_a_tag_without_a_tagger_is_read(case: Case):
    payload = f"object {case.head}\ntype commit\ntag t\n\n{TRAILERS}".encode()
    tag = case.world.put_tag(payload + ssh_sign(person("noor"), payload), ref="t")

    assert [(review.id, review.author, review.flaw) for review in case.reviews()] == [(tag, noor(), None)]


# -- what is somebody else's business


def test_tags_on_commits_that_the_merge_did_not_bring_are_no_reviews_of_it(case: Case):
    outside = case.world.commit("dana", {"z": "1\n"}, branch="other")
    for target in (case.world.first, case.base):
        case.tag(target=target, tag=f"t/{target}")
    case.tag(target=outside, tag="t/other")
    case.tag(target=case.merge, tag="t/merge")

    assert case.reviews() == ()
    assert sorted(review.commit for review in case.forge.observations()) == sorted(
        (case.world.first, case.base, outside, case.merge)
    )


def test_tags_that_are_no_decisions_are_passed_by(case: Case):
    case.world.git_origin("tag", "lightweight", case.head)
    case.world.git_origin("tag", "stagewright/lightweight", case.head)
    case.world.git_origin("-c", "user.name=x", "-c", "user.email=x@x", "tag", "-a", "-m", "Release", "v1", case.head)
    blob = case.world.git_origin("hash-object", "-w", "--stdin", stdin=b"x")
    tree = case.world.git_origin("rev-parse", f"{case.head}^{{tree}}")
    case.tag(target=blob, kind="blob", tag="blob")
    case.tag(target=tree, kind="tree", tag="tree")
    case.world.put_tag(f"object {case.head}\ntype commit\ntag big\n\n{TRAILERS}{'x' * 200_000}".encode(), ref="big")

    assert case.reviews() == ()
    assert case.forge.observations() == ()


# -- what must not count, and says why

PGP = b"-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"


def moved_name(case: Case) -> None:
    tag = case.tag(tag="honest")
    case.world.git_origin("update-ref", "refs/tags/renamed", tag)
    case.world.git_origin("update-ref", "-d", "refs/tags/honest")


def moved_commit(case: Case) -> None:
    """Somebody writes the signed text of an approval of the earlier commit into a tag of the later one."""
    honest = case.world.git_origin("cat-file", "tag", case.tag(target=case.early, tag="t"))
    case.world.put_tag(honest.replace(case.early, case.head).encode() + b"\n", ref="t")


def tag_of_tag(case: Case) -> None:
    inner = case.tag(tag="inner", message="Just a tag.\n")
    case.tag(target=inner, kind="tag", tag="outer")


def changed_text(case: Case) -> None:
    honest = case.world.git_origin("cat-file", "tag", case.tag(tag="t"))
    case.world.put_tag(honest.replace(SUBJECT, OTHER).encode() + b"\n", ref="t")


def signature_of_a_commit(case: Case) -> None:
    body = case.world.git_origin("cat-file", "commit", case.head)
    armor = body.split("gpgsig ")[1].split("\n\n")[0].replace("\n ", "\n") + "\n"
    case.tag(signature=armor.encode(), tag="t")


def two_signatures(case: Case) -> None:
    honest = case.world.git_origin("cat-file", "tag", case.tag(tag="t"))
    case.world.put_tag(honest.encode() + b"\n" + ssh_sign(person("ravi"), honest.encode() + b"\n"), ref="t")


def text_after_the_signature(case: Case) -> None:
    honest = case.world.git_origin("cat-file", "tag", case.tag(tag="t"))
    case.world.put_tag(f"{honest}\nstagewright-decision: reject\n".encode(), ref="t")


FORGED: Mapping[str, tuple[Callable[[Case], object], str]] = {
    "unsigned": (lambda case: case.tag(namespace=None), "it is not signed"),
    "wrong namespace": (lambda case: case.tag(namespace="file"), "namespace 'file'"),
    "namespace of e-mail": (lambda case: case.tag(namespace="email"), "namespace 'email'"),
    "pgp": (lambda case: case.world.raw_tag("noor", target=case.head, message=TRAILERS, signature=PGP), "OpenPGP"),
    "under another name": (moved_name, "it lies under the name 'renamed', but was signed as 'honest'"),
    "moved to another commit": (moved_commit, "does not fit"),
    "tag of a tag": (tag_of_tag, "it is a tag of a tag"),
    "text changed": (changed_text, "does not fit"),
    "signature of a commit": (signature_of_a_commit, "does not fit"),
    "two signatures": (two_signatures, "more than one signature"),
    "text after the signature": (text_after_the_signature, "not one armored"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_tag_is_shown_with_its_flaw_and_never_observed(case: Case, name: str):
    forge, reason = FORGED[name]
    forge(case)

    flaws = [review.flaw for review in case.reviews()]

    assert [reason in (flaw or "") for flaw in flaws] == [True]
    assert case.forge.observations() == ()


@pytest.mark.parametrize(
    ("was", "becomes"), [("type commit", "type tag"), ("tag t\n", "not a tag\n")], ids=["lies about its kind", "no tag"]
)
def test_a_tag_that_git_itself_cannot_read_stops_the_fetch_and_does_no_lasting_harm(case: Case, was: str, becomes: str):
    pull = case.pull()
    honest = case.world.approve("ravi", case.head, [SUBJECT])
    body = f"object {case.head}\ntype commit\ntag t\n\n{TRAILERS}".replace(was, becomes)
    case.world.put_tag(body.encode(), ref="t")

    with pytest.raises(UnreachableError):
        case.pull()
    assert case.forge.reviews(pull) == ()

    (case.world.origin / "refs" / "tags" / "t").unlink()
    assert [review.id for review in case.reviews()] == [honest]


def test_a_copy_of_a_tag_under_a_second_name_takes_nothing_from_the_first(case: Case):
    tag = case.tag(tag="m")
    for copy in ("a", "z"):
        case.world.git_origin("update-ref", f"refs/tags/{copy}", tag)

    assert [(review.id, review.flaw) for review in case.reviews()] == [(tag, None)]


LINES = f"stagewright-decision: approve\nstagewright-subject: {SUBJECT}\n"
MALFORMED: Mapping[str, tuple[str, str]] = {
    "no trailers": ("Just text.\n", "is no trailer"),
    "no decision": (f"stagewright-subject: {SUBJECT}\n", "exactly one stagewright-decision"),
    "two decisions": (f"{LINES}stagewright-decision: reject\n", "exactly one stagewright-decision"),
    "one decision twice": (f"{LINES}stagewright-decision: approve\n", "repeats"),
    "another decision": (LINES.replace("approve", "comment"), "is no trailer"),
    "capitals": (LINES.replace("approve", "Approve"), "is no trailer"),
    "capital key": (LINES.replace("stagewright-decision", "Stagewright-Decision"), "is no trailer"),
    "no subject": ("stagewright-decision: approve\n", "no stagewright-subject"),
    "short subject": (LINES.replace(SUBJECT, SUBJECT[:-1]), "is no trailer"),
    "subject in capitals": (LINES.replace(SUBJECT, SUBJECT.upper()), "is no trailer"),
    "subject twice": (f"{LINES}stagewright-subject: {SUBJECT}\n", "repeats"),
    "two origins": (f"{LINES}stagewright-origin: a\nstagewright-origin: b\n", "more than one stagewright-origin"),
    "withdraws a name": (f"{LINES}stagewright-withdraws: honest\n", "is no trailer"),
    "unknown trailer": (f"{LINES}stagewright-emergency: true\n", "is no trailer"),
    "another trailer": (f"{LINES}Signed-off-by: Noor <noor@example.com>\n", "is no trailer"),
    "space at the end": (LINES.replace("approve\n", "approve \n"), "is no trailer"),
    "two spaces": (LINES.replace(": ", ":  "), "is no trailer"),
    "carriage returns": (LINES.replace("\n", "\r\n"), "is no trailer"),
    "folded line": (LINES.replace(": ", ":\n "), "is no trailer"),
    "not the last paragraph": (f"{LINES}\nText below.\n", "outside of the last paragraph"),
    "a second block": (f"{LINES}\n{LINES.replace('approve', 'reject')}", "outside of the last paragraph"),
    "no newline at the end": (LINES[:-1], "does not end with a newline"),
    "empty line at the end": (f"{LINES}\n", "is no trailer"),
    "too long": (f"{'x' * 70_000}\n\n{LINES}", "longer than"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_signed_tag_with_trailers_in_another_spelling_does_not_count(case: Case, name: str):
    message, reason = MALFORMED[name]
    tag = case.tag(message=message, tag="stagewright/t")

    found = [(review.id, review.author, review.decision, review.claims) for review in case.reviews()]
    flaws = [review.flaw or "" for review in case.reviews()]

    # without a newline the first line of the armor is part of the last trailer, and so there is no signature
    if name == "no newline at the end":
        assert (found, flaws) == ([(tag, None, "comment", None)], ["it is not signed"])
    else:
        assert found == [(tag, noor(), "comment", None)]
        assert reason in flaws[0]
    assert case.forge.observations() == ()


def test_a_message_that_is_not_text_does_not_count(case: Case):
    payload = f"object {case.head}\ntype commit\ntag stagewright/t\n\n".encode() + b"\xff\n\n" + LINES.encode()
    case.world.put_tag(payload + ssh_sign(person("noor"), payload), ref="stagewright/t")

    assert [review.flaw for review in case.reviews()] == ["its message is not UTF-8"]


# -- pulls


def test_the_author_of_a_pull_is_who_signed_its_first_commit(case: Case):
    assert case.pull().author == SigningKey(fingerprint=person("dana").fingerprint)


def test_the_author_of_a_pull_whose_first_commit_is_unsigned_is_not_known(tmp_path: Path):
    """Whatever name the commit carries, and whoever signed the rest."""
    world = World(tmp_path / "world")
    world.commit("dana", {"a": "1\n"}, branch="p", sign=False)
    world.commit("ravi", {"a": "2\n"}, branch="p")
    merge = world.merge("p", by="maintainer")
    source = GitSource(url=str(world.origin), branch="main", mirror=tmp_path / "mirror")
    source.fetch()

    pull = GitForge(source).pull(merge, world.first)

    assert pull is not None
    assert pull.author is None


def test_updating_the_branch_does_not_make_somebody_its_author(case: Case):
    case.world.commit("dana", {"c": "1\n"}, branch="second", start="promote")
    case.world.update_branch("second", "ravi")
    merge = case.world.merge("second", by="maintainer")

    assert case.pull(merge, case.merge).author == SigningKey(fingerprint=person("dana").fingerprint)


def test_a_merge_of_more_than_two_is_no_pull(case: Case):
    for name in ("x", "y"):
        case.world.commit("dana", {name: "1\n"}, branch=name)
    merge = case.world.octopus(["x", "y"], by="maintainer")
    case.pull()

    assert case.forge.pull(merge, case.merge) is None


def test_the_first_commit_of_all_is_no_pull(case: Case):
    case.pull()

    assert case.forge.pull(case.world.first, case.world.first) is None


def test_a_first_parent_that_is_none_stalls(case: Case):
    case.pull()

    with pytest.raises(StalledError, match="not the first parent"):
        case.forge.pull(case.merge, case.world.first)


def test_the_title_of_a_pull_cannot_steer_a_terminal(case: Case):
    case.world.commit("dana", {"c": "1\n"}, branch="second")
    merge = case.world.merge("second", by="maintainer", message="Red \x1b[31m alert\x07\nmore")

    assert case.pull(merge, case.merge).title == "Red �[31m alert�"


def test_more_decision_tags_than_can_be_read_are_incomplete_not_cut_off(case: Case, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forge_module, "MAX_DECISIONS", 2)
    for number in range(3):
        case.world.raw_tag("noor", target=case.head, message=TRAILERS, tag=f"t{number}", namespace=None)
    pull = case.pull()

    for ask in (lambda: case.forge.reviews(pull), case.forge.observations):
        with pytest.raises(IncompleteError, match="more than 2"):
            ask()
