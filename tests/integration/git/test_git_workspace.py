"""Writing in a person's clone with the real git, and reading back what was written."""

import os
from pathlib import Path

import pytest

from stagewright.adapters.git.forge import GitForge
from stagewright.adapters.git.gitcli import explain
from stagewright.adapters.git.source import GitSource
from stagewright.adapters.git.workspace import Branch, Workspace, init_origin
from stagewright.errors import ForbiddenError, NotFoundError, UnreachableError, UsageError
from stagewright.model.review import DecisionText, SigningKey
from tests.git_world import LEDGER, World, person

SUBJECT = "5" * 64
APPROVAL = DecisionText(decision="approve", subjects=(SUBJECT,), origin=LEDGER, text="Back-tested.")


@pytest.fixture(autouse=True)
def _no_configuration_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def workspace(world: World, name: str, *, with_key: bool = True) -> Workspace:
    made = Workspace(world.clone(name), signing_key=person(name).key if with_key else None)
    made.fetch()
    return made


def source(world: World) -> GitSource:
    made = GitSource(url=str(world.origin), branch="main", mirror=world.root / "mirror")
    made.fetch()
    return made


def key(name: str) -> SigningKey:
    return SigningKey(fingerprint=person(name).fingerprint)


def test_init_origin_and_first_commit_make_a_signed_history(tmp_path: Path):
    origin = tmp_path / "origin.git"
    init_origin(origin)
    clone = Workspace.clone(str(origin), tmp_path / "clone", signing_key=person("dana").key)
    clone.set_config("user.name", "Dana")
    clone.set_config("user.email", "dana@example.com")

    first = clone.commit(branch="main", onto=None, files={"README.md": b"Hello\n"}, message="Begin\n")
    clone.fetch()
    clone.checkout("main")

    mirror = GitSource(url=str(origin), branch="main", mirror=tmp_path / "mirror")
    assert mirror.fetch() == first
    assert [commit.signer for commit in mirror.commits(reachable_from=first, not_from=first)] == []
    assert mirror.commit(first).named == ("dana@example.com",)
    assert (tmp_path / "clone" / "README.md").read_bytes() == b"Hello\n"
    assert clone.current_branch() == "main"


def test_init_origin_over_existing_files_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("precious")

    with pytest.raises(UsageError, match="is not empty"):
        init_origin(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_commit_on_a_branch_is_signed_and_leaves_the_work_tree_alone(world: World):
    dana = workspace(world, "dana")
    (dana.root / "README.md").write_text("in the middle of something\n")

    made = dana.commit(
        branch="promote", onto=world.first, files={"models/a.yaml": b"a: 1\n", "README.md": None}, message="Promote a\n"
    )

    mirror = source(world)
    (read,) = mirror.commits(reachable_from=made, not_from=world.first)
    assert (read.signer, read.parents, read.named) == (key("dana"), (world.first,), ("dana@example.com",))
    assert [file.path for file in mirror.tree(made).files] == ["models/a.yaml"]
    assert world.head("promote") == made
    assert (dana.root / "README.md").read_text() == "in the middle of something\n"
    assert dana.current_branch() == "main"


def test_commit_without_a_change_is_refused(world: World):
    dana = workspace(world, "dana")

    with pytest.raises(UsageError, match="nothing would change"):
        dana.commit(branch="p", onto=world.first, files={"README.md": b"Desired state.\n"}, message="Nothing\n")

    assert world.branches() == ("main",)


def test_commit_onto_a_branch_that_went_on_is_refused_and_nothing_is_lost(world: World):
    dana = workspace(world, "dana")
    ahead = world.commit("noor", {"b": "1\n"})

    with pytest.raises(UsageError, match="rejected") as caught:
        dana.commit(branch="main", onto=world.first, files={"c": b"1\n"}, message="Late\n")

    assert "fetch" in caught.value.hint
    assert world.head() == ahead


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../out", "a/../b", ".git/config", "a//b", ".GIT/hooks/x", "a\0b"])
def test_commit_of_a_path_outside_of_the_repository_is_refused(world: World, path: str):
    dana = workspace(world, "dana")

    with pytest.raises(UsageError, match="no path of a file"):
        dana.commit(branch="p", onto=world.first, files={path: b"x"}, message="Out\n")


@pytest.mark.parametrize("branch", ["", "-f", "a..b", "a b", "refs^", "x.lock"])
def test_commit_to_a_name_that_is_no_branch_is_refused(world: World, branch: str):
    dana = workspace(world, "dana")

    with pytest.raises(UsageError, match="no name for a branch"):
        dana.commit(branch=branch, onto=world.first, files={"x": b"x"}, message="Bad\n")


def test_decide_pushes_a_tag_that_the_forge_reads_back(world: World):
    head = world.commit("dana", {"a": "1\n"}, branch="p")
    noor = workspace(world, "noor")

    tag = noor.decide(head, APPROVAL, slug="Noor@Example.com")

    (review,) = GitForge(source(world)).observations()
    assert (review.id, review.author, review.decision, review.commit, review.claims, review.flaw) == (
        tag.id, key("noor"), "approve", head, frozenset({SUBJECT}), None,
    )  # fmt: skip
    assert tag.name == f"stagewright/{head[:12]}/noor-example-com-approve-1"


def test_decide_twice_takes_the_next_number(world: World):
    head = world.commit("dana", {"a": "1\n"}, branch="p")
    noor, second_clone = workspace(world, "noor"), workspace(world, "ravi")

    names = [clone.decide(head, APPROVAL, slug="x").name for clone in (noor, second_clone, noor)]

    assert names == [f"stagewright/{head[:12]}/x-approve-{number}" for number in (1, 2, 3)]


def test_decide_that_cannot_be_pushed_leaves_no_tag_behind(world: World):
    head = world.commit("dana", {"a": "1\n"}, branch="p")
    noor = workspace(world, "noor")
    noor.set_config("remote.origin.pushurl", str(world.root / "nowhere.git"))

    with pytest.raises(UnreachableError):
        noor.decide(head, APPROVAL, slug="noor")

    assert world.git("noor", "tag", "--list") == ""


def test_merge_is_signed_and_has_the_branch_as_second_parent(world: World):
    head = world.commit("dana", {"a": "1\n"}, branch="p")
    other = world.push_main("ravi", {"b": "1\n"})
    maintainer = workspace(world, "maintainer")

    made = maintainer.merge("p", into="main")

    mirror = source(world)
    assert mirror.commit(made).parents == (other, head)
    assert mirror.commit(made).subject == "Merge branch 'p'"
    assert mirror.commits(reachable_from=made, not_from=other)[-1].signer == key("maintainer")
    assert world.head() == made


def test_merge_with_conflicts_pushes_nothing_and_cleans_up(world: World):
    world.commit("dana", {"README.md": "one\n"}, branch="p")
    other = world.push_main("ravi", {"README.md": "two\n"})
    maintainer = workspace(world, "maintainer")

    with pytest.raises(UsageError):
        maintainer.merge("p", into="main")

    assert world.head() == other
    assert len(world.git("maintainer", "worktree", "list").splitlines()) == 1


def test_merge_of_what_is_merged_is_refused(world: World):
    world.commit("dana", {"a": "1\n"}, branch="p")
    world.merge("p", by="maintainer")

    with pytest.raises(UsageError, match="holds p already"):
        workspace(world, "maintainer").merge("p", into="main")


def test_candidates_are_the_branches_that_are_not_merged(world: World):
    open_head = world.commit("dana", {"a": "1\n"}, branch="open/a")
    world.commit("dana", {"b": "1\n"}, branch="merged")
    world.merge("merged", by="maintainer")

    assert workspace(world, "noor").candidates("main") == (Branch(name="open/a", head=open_head),)


def test_show_reads_a_file_at_a_commit(world: World):
    dana = workspace(world, "dana")

    assert dana.show("main", "README.md") == b"Desired state.\n"
    assert dana.show(world.first, "missing") is None
    assert dana.show(world.first, "*.md") is None
    with pytest.raises(NotFoundError, match="names no commit"):
        dana.show("nothing", "README.md")
    with pytest.raises(NotFoundError, match="names no commit"):
        dana.show("--all", "README.md")


def test_a_branch_named_like_a_commit_does_not_stand_for_it(world: World):
    """Else whoever says `approve ID` signs what somebody else put under that name."""
    evil = world.commit("mallory", {"a": "evil\n"}, branch=world.first)
    world.git_origin("update-ref", f"refs/heads/{world.first}", evil)

    assert workspace(world, "noor").resolve(world.first) == world.first
    assert source(world).resolve(world.first) == world.first


def test_resolve_names_a_branch_or_says_which_there_are(world: World):
    head = world.commit("dana", {"a": "1\n"}, branch="promote")
    git = source(world)

    assert (git.resolve("promote"), git.resolve(head)) == (head, head)
    with pytest.raises(NotFoundError, match="no branch 'promoto'") as caught:
        git.resolve("promoto")
    assert caught.value.hint == "it has promote"
    with pytest.raises(NotFoundError, match="cannot be read"):
        git.resolve("0" * 40)


def test_require_clean_names_the_file(world: World):
    dana = workspace(world, "dana")
    dana.require_clean(("README.md", "models"))
    (dana.root / "models").mkdir()
    (dana.root / "models" / "new.yaml").write_text("x")

    with pytest.raises(UsageError, match=r"^models/new\.yaml has changes"):
        dana.require_clean(("README.md", "models"))


def test_checkout_keeps_what_was_not_committed(world: World):
    dana = workspace(world, "dana")
    world.commit("noor", {"README.md": "newer\n"})
    dana.fetch()
    (dana.root / "README.md").write_text("mine\n")

    with pytest.raises(UsageError):
        dana.checkout("main")

    assert (dana.root / "README.md").read_text() == "mine\n"


def test_find_goes_up_to_the_top_of_the_clone(world: World):
    below = world.clone("dana") / "a" / "b"
    below.mkdir(parents=True)

    assert Workspace.find(below).root == world.clone("dana")


def test_find_outside_of_any_clone_says_what_to_do(tmp_path: Path):
    with pytest.raises(UsageError, match="not inside a clone") as caught:
        Workspace.find(tmp_path)

    assert "stagewright init" in caught.value.hint


def test_signing_uses_the_persons_own_configuration(world: World):
    made = workspace(world, "dana", with_key=False).commit(
        branch="p", onto=world.first, files={"a": b"1\n"}, message="By configuration\n"
    )

    assert [commit.signer for commit in source(world).commits(reachable_from=made, not_from=world.first)] == [
        key("dana")
    ]


def test_signing_without_any_key_configured_says_how_to_set_it_up(world: World):
    dana = workspace(world, "dana", with_key=False)
    world.git("dana", "config", "--unset", "user.signingkey")

    with pytest.raises(UsageError, match="not set up to sign") as caught:
        dana.decide(world.first, APPROVAL, slug="dana")

    assert "gpg.format ssh" in caught.value.hint


def test_signing_with_a_key_that_is_not_there_is_refused(world: World, tmp_path: Path):
    clone = Workspace(world.clone("dana"), signing_key=tmp_path / "none")

    with pytest.raises(UsageError, match="there is no key at"):
        clone.decide(world.first, APPROVAL, slug="dana")


def test_signing_with_a_broken_key_is_refused(world: World, tmp_path: Path):
    broken = tmp_path / "broken"
    broken.write_text("no key\n")
    broken.chmod(0o600)
    clone = Workspace(world.clone("dana"), signing_key=broken)

    with pytest.raises(UsageError, match="nothing was signed"):
        clone.decide(world.first, APPROVAL, slug="dana")


def test_a_person_unknown_to_git_is_told_how_to_introduce_themselves(world: World):
    dana = workspace(world, "dana")
    world.git("dana", "config", "--unset", "user.email")

    with pytest.raises(UsageError, match="does not know who you are") as caught:
        dana.commit(branch="p", onto=world.first, files={"a": b"1\n"}, message="Who\n")

    assert "user.email" in caught.value.hint


def test_hooks_of_the_clone_are_not_run(world: World):
    dana = workspace(world, "dana")
    hooks = dana.root / ".git" / "hooks"
    hooks.mkdir()
    for name in ("pre-push", "commit-msg", "post-checkout", "pre-merge-commit", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {world.root}/hook-ran\nexit 1\n")
        (hooks / name).chmod(0o755)

    dana.commit(branch="p", onto=world.first, files={"a": b"1\n"}, message="Quiet\n")
    dana.fetch()
    dana.merge("p", into="main")

    assert not (world.root / "hook-ran").exists()


def test_a_push_that_the_origin_forbids_is_a_forbidden_error(world: World):
    hook = world.origin / "hooks" / "pre-receive"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    dana = workspace(world, "dana")

    with pytest.raises(ForbiddenError, match="pre-receive hook declined"):
        dana.commit(branch="p", onto=world.first, files={"a": b"1\n"}, message="No\n")


def test_fetch_from_an_origin_that_is_away_is_unreachable(world: World):
    dana = workspace(world, "dana")
    world.origin.rename(world.root / "gone")

    with pytest.raises(UnreachableError):
        dana.fetch()


def test_fetch_forgets_tags_and_branches_that_were_deleted(world: World):
    head = world.commit("dana", {"a": "1\n"}, branch="p")
    tag = world.approve("noor", head, [SUBJECT])
    ravi = workspace(world, "ravi")
    assert world.git("ravi", "tag", "--list") != ""
    world.delete_tag(tag)
    world.delete_branch("p")

    ravi.fetch()

    assert world.git("ravi", "tag", "--list") == ""
    assert ravi.candidates("main") == ()


def test_errors_of_git_never_show_the_password_of_a_url(world: World):
    dana = workspace(world, "dana")
    dana.set_config("remote.origin.url", "http://dana:secret-word@127.0.0.1:1/x.git")

    with pytest.raises(UnreachableError) as caught:
        dana.fetch()

    assert "secret-word" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_refused_push_of_a_commit_whose_id_holds_a_status_is_no_question_of_rights():
    behind = explain("push", "! [rejected] 7044f7d53eefca185a940132ed44cfb97a2f554d -> main (fetch first)")
    denied = explain("push", "fatal: unable to access 'https://git.example/': The requested URL returned error: 403")
    assert (type(behind), type(denied)) == (UsageError, ForbiddenError)
