"""The git source beyond its contract: transports, signatures of commits, odd trees, mirrors in trouble."""

import shutil
from pathlib import Path

import pytest

from stagewright.adapters.git import source as source_module
from stagewright.adapters.git import transport
from stagewright.adapters.git.access import GitCredentials
from stagewright.adapters.git.source import GitSource
from stagewright.errors import (
    ForbiddenError,
    IncompleteError,
    NotFoundError,
    StalledError,
    UnreachableError,
    UsageError,
)
from stagewright.model.review import SigningKey
from stagewright.model.source import SourceFile
from tests.fakes.source import blob_id
from tests.git_http import GitHttpServer
from tests.git_world import KEY_KINDS, World, person, ssh_sign


def source(world: World, url: str | None = None, *, mirror: str = "mirror", path: str = "") -> GitSource:
    return GitSource(url=url or str(world.origin), branch="main", path=path, mirror=world.root / mirror)


def fetched(world: World, *, path: str = "") -> GitSource:
    made = source(world, path=path)
    made.fetch()
    return made


def packs(world: World, mirror: str = "mirror") -> list[Path]:
    return sorted((world.root / mirror / "objects" / "pack").iterdir())


# -- fetching


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_fetch_reads_paths_and_file_urls(world: World, scheme: str):
    assert source(world, f"{scheme}{world.origin}").fetch() == world.first


def test_fetch_that_finds_nothing_new_writes_nothing(world: World):
    git = fetched(world)
    before = packs(world)

    assert git.fetch() == world.first

    assert packs(world) == before


def test_fetch_brings_only_what_is_new(world: World):
    world.linear_history(200)
    git = fetched(world)
    (pack,) = [file for file in packs(world) if file.suffix == ".pack"]
    world.commit("dana", {"b": "1\n"})

    git.fetch()

    (new,) = [file for file in packs(world) if file.suffix == ".pack" and file != pack]
    assert new.stat().st_size < pack.stat().st_size / 10


def test_fetch_follows_tags_that_are_moved_and_deleted(world: World):
    head = world.commit("dana", {"a": "1\n"}, branch="p")
    one, other = (world.raw_tag("noor", target=head, message=f"{text}\n", tag="t") for text in ("one", "other"))
    world.git_origin("update-ref", "refs/tags/t", one)
    git = fetched(world)
    seen = [git.tags()]

    world.git_origin("update-ref", "refs/tags/t", other)
    git.fetch()
    seen.append(git.tags())
    world.git_origin("update-ref", "-d", "refs/tags/t")
    git.fetch()
    seen.append(git.tags())

    assert seen == [(("t", one),), (("t", other),), ()]


def test_fetch_follows_a_branch_that_becomes_a_folder_and_back(world: World):
    world.commit("dana", {"a": "1\n"}, branch="p")
    git = fetched(world)

    world.delete_branch("p")
    below = world.commit("dana", {"a": "2\n"}, branch="p/below")
    git.fetch()
    assert git.branches() == (("main", world.first), ("p/below", below))

    world.delete_branch("p/below")
    above = world.commit("dana", {"a": "3\n"}, branch="p")
    git.fetch()
    assert git.branches() == (("main", world.first), ("p", above))


def test_fetch_keeps_the_origins_other_refs_away(world: World):
    for ref in ("refs/notes/commits", "refs/stash", "refs/remotes/origin/main", f"refs/replace/{'1' * 40}"):
        world.git_origin("update-ref", ref, world.first)

    fetched(world)

    listed = world.git_origin("--git-dir", str(world.root / "mirror"), "for-each-ref", "--format=%(refname)")
    assert listed == "refs/origin/heads/main"


def test_fetch_of_further_refs_when_they_are_asked_for(world: World):
    head = world.commit("dana", {"a": "1\n"}, branch="p")
    world.git_origin("update-ref", "refs/pull/7/head", head)
    world.delete_branch("p")
    refs = ("refs/heads/*", "refs/tags/*", "refs/pull/*")
    git = GitSource(url=str(world.origin), branch="main", mirror=world.root / "mirror", refs=refs)

    git.fetch()

    assert git.merge_bases(head, world.first) == (world.first,)


def test_fetch_cleans_up_after_one_that_was_killed(world: World):
    git = fetched(world)
    leftover = world.root / "mirror" / "incoming-killed"
    leftover.mkdir()
    head = world.commit("dana", {"a": "1\n"})

    assert git.fetch() == head

    assert not leftover.exists()


def test_two_sources_share_a_mirror(world: World):
    one, other = source(world), source(world)
    one.fetch()
    head = world.commit("dana", {"a": "1\n"})
    other.fetch()

    assert one.last_head() == head
    assert one.first_parents(world.first, head) == (head,)


def test_mirrors_that_were_read_do_not_keep_their_packs_open(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source(world).fetch()
    monkeypatch.setattr(transport, "MAX_OPEN_PACKS", 8)
    read = []
    for number in range(40):
        mirror = tmp_path / f"mirror-{number}"
        shutil.copytree(world.root / "mirror", mirror)
        read.append(GitSource(url=str(world.origin), branch="main", mirror=mirror))
        assert read[-1].tree(world.first).files
    opened = [str(file.readlink()) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    assert len([file for file in opened if file.startswith(str(tmp_path)) and file.endswith(".pack")]) <= 16
    monkeypatch.undo()
    transport.isolate()


def test_last_head_before_any_fetch_is_not_found(world: World):
    with pytest.raises(NotFoundError, match="holds no branch 'main' yet"):
        source(world).last_head()


def test_settings_of_the_person_do_not_lead_to_another_origin(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / ".gitconfig").write_text(f'[url "{tmp_path}/evil"]\n\tinsteadOf = {world.origin}\n')
    monkeypatch.setenv("HOME", str(tmp_path))

    assert source(world).fetch() == world.first


# -- over HTTP


def test_fetch_over_http_is_incremental_and_sees_every_ref(world: World):
    with GitHttpServer(world.root) as server:
        git = source(world, server.url("origin.git"))
        git.fetch()
        head = world.commit("dana", {"a": "1\n"}, branch="p")
        tag = world.approve("noor", head, ["1" * 64])
        merge = world.merge("p", by="maintainer")

        assert git.fetch() == merge
        assert [oid for _, oid in git.tags()] == [tag]
        assert git.first_parents(world.first, merge) == (merge,)


def test_fetch_over_http_with_a_token(world: World):
    with GitHttpServer(world.root, login="robot:s3cret") as server:
        git = GitSource(
            url=server.url("origin.git"), branch="main", mirror=world.root / "mirror",
            credentials=GitCredentials(username="robot", password="s3cret"),
        )  # fmt: skip

        assert git.fetch() == world.first


@pytest.mark.parametrize(
    "credentials", [None, GitCredentials(username="robot", password="wrong")], ids=["none", "wrong"]
)
def test_fetch_over_http_without_the_right_token_is_forbidden(world: World, credentials: GitCredentials | None):
    with GitHttpServer(world.root, login="robot:s3cret") as server:
        git = GitSource(
            url=server.url("origin.git"), branch="main", mirror=world.root / "mirror", credentials=credentials
        )

        with pytest.raises(ForbiddenError) as caught:
            git.fetch()

    assert "wrong" not in str(caught.value)


def test_fetch_over_http_gives_its_token_to_no_other_host(world: World):
    with (
        GitHttpServer(world.root, login="robot:s3cret") as other,
        GitHttpServer(world.root, login="robot:s3cret") as server,
    ):
        server.redirect = other.url("origin.git/info/refs?service=git-upload-pack")
        git = GitSource(
            url=server.url("origin.git"), branch="main", mirror=world.root / "mirror",
            credentials=GitCredentials(username="robot", password="s3cret"),
        )  # fmt: skip

        with pytest.raises(ForbiddenError):
            git.fetch()

        assert set(other.authorizations) == {""}


def test_fetch_from_a_page_that_is_no_git_is_unreachable(world: World):
    with GitHttpServer(world.root) as server:
        git = source(world, server.url("nothing.git"))

        with pytest.raises(UnreachableError, match=r"nothing\.git"):
            git.fetch()


def test_credentials_never_show_their_secrets():
    shown = repr(GitCredentials(username="robot", password="s3cret", passphrase="s3cret"))

    assert "robot" in shown
    assert "s3cret" not in shown


URLS = {
    "password in it": "https://robot:s3cret@git.example.com/x.git",
    "git protocol": "git://git.example.com/x.git",
    "ftp": "ftp://git.example.com/x.git",
    "a program": "ext::sh -c touch% /tmp/x",
    "another helper": "fd::17",
    "an option": "--upload-pack=touch /tmp/x",
    "nothing": "",
    "two lines": "https://git.example.com/\nx",
}


@pytest.mark.parametrize("name", URLS)
def test_source_of_a_url_that_is_not_read_is_refused(tmp_path: Path, name: str):
    with pytest.raises(UsageError) as caught:
        GitSource(url=URLS[name], branch="main", mirror=tmp_path / "mirror")

    assert "s3cret" not in str(caught.value)
    assert caught.value.hint != ""


@pytest.mark.parametrize("path", ["/", "/abs", "a/", "./a", "a//b", "..", "a/../b"])
def test_source_with_a_path_in_another_spelling_is_refused(tmp_path: Path, path: str):
    with pytest.raises(UsageError, match="one spelling"):
        GitSource(url=str(tmp_path), branch="main", path=path, mirror=tmp_path / "mirror")


def test_mirror_that_is_something_else_is_refused(world: World, tmp_path: Path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "precious").write_text("x")

    for place in (tmp_path / "file", tmp_path / "folder", world.clone("dana")):
        with pytest.raises(UsageError):
            GitSource(url=str(world.origin), branch="main", mirror=place)

    assert (tmp_path / "folder" / "precious").read_text() == "x"


# -- signatures of commits


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_commits_tell_who_signed_them(world: World, kind: str):
    who = person("signer", kind)
    world.clone("dana")
    world.git("dana", "config", "user.signingkey", str(who.key))
    head = world.commit("dana", {"a": "1\n"}, author="Somebody Else <else@example.com>")

    (commit,) = fetched(world).commits(reachable_from=head, not_from=world.first)

    assert commit.signer == SigningKey(fingerprint=who.fingerprint)
    assert commit.named == ("else@example.com", "dana@example.com")


def test_commits_without_a_signature_have_no_signer(world: World):
    head = world.commit("dana", {"a": "1\n"}, sign=False)

    (commit,) = fetched(world).commits(reachable_from=head, not_from=world.first)

    assert commit.signer is None


def test_commits_name_their_co_authors(world: World):
    message = "Work\n\nCo-authored-by: Noor <noor@example.com>\nCO-AUTHORED-BY: R <ravi@example.com>\n"
    head = world.commit("dana", {"a": "1\n"}, message=message)

    (commit,) = fetched(world).commits(reachable_from=head, not_from=world.first)

    assert commit.named == ("dana@example.com", "noor@example.com", "ravi@example.com")


def raw_commit(world: World, body: bytes) -> str:
    made = world.git_origin("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=body)
    world.force("raw", made)
    return made


def signed_commit(world: World, *, headers: bytes = b"", namespace: str = "git", change: bytes = b"") -> bytes:
    """The bytes of a commit signed by dana, with further headers, or changed after it was signed."""
    tree = world.git_origin("rev-parse", f"{world.first}^{{tree}}")
    head = f"tree {tree}\nparent {world.first}\nauthor D <d@example.com> 1 +0000\n".encode()
    head += b"committer D <d@example.com> 1 +0000\n"
    armor = ssh_sign(person("dana"), head + b"\nText\n", namespace=namespace).replace(b"\n", b"\n ")
    header = b"gpgsig " + armor.removesuffix(b" ")
    return head + header + headers.replace(b"AGAIN", header) + b"\nText\n" + change


UNVERIFIED = {
    "changed afterwards": {"change": b"more\n"},
    "other namespace": {"namespace": "file"},
    "two signatures": {"headers": b"AGAIN"},
    "pgp": {"headers": b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----\n"},
    "signature of the other object format": {"headers": b"gpgsig-sha256 x\n"},
    "header added afterwards": {"headers": b"x-added after\n"},
}


@pytest.mark.parametrize("name", UNVERIFIED)
def test_commits_whose_signature_does_not_verify_have_no_signer(world: World, name: str):
    made = raw_commit(world, signed_commit(world, **UNVERIFIED[name]))
    good = raw_commit(world, signed_commit(world))
    world.force("raw-bad", made)

    git = fetched(world)

    assert [commit.signer for commit in git.commits(reachable_from=made, not_from=world.first)] == [None]
    assert [commit.signer for commit in git.commits(reachable_from=good, not_from=world.first)] == [
        SigningKey(fingerprint=person("dana").fingerprint)
    ]


# -- trees and blobs


def test_tree_tells_modes_of_links_programs_and_submodules(world: World):
    listing = (
        f"120000 blob {blob_id(b'a')}\tlink\n100755 blob {blob_id(b'a')}\tprogram\n160000 commit {'5' * 40}\tsub\n"
    )
    world.git_origin("hash-object", "-w", "--stdin", stdin=b"a")
    tree = world.git_origin("mktree", "--missing", stdin=listing.encode())
    head = world.git_origin("-c", "user.name=x", "-c", "user.email=x@example.com", "commit-tree", "-m", "x", tree)
    world.force("main", head)

    assert fetched(world).tree(head).files == (
        SourceFile(path="link", mode=0o120000, blob=blob_id(b"a"), size=1),
        SourceFile(path="program", mode=0o100755, blob=blob_id(b"a"), size=1),
        SourceFile(path="sub", mode=0o160000, blob="5" * 40, size=0),
    )


def test_tree_below_a_path_that_is_a_file_or_a_link_is_that_alone(world: World):
    head = world.commit("dana", {"models": "no folder\n", "CODEOWNERS": "* @x\n"})

    assert [file.path for file in fetched(world, path="models").tree(head).files] == ["CODEOWNERS", "models"]
    assert [file.path for file in fetched(world, path="models/a").tree(head).files] == ["CODEOWNERS"]


def test_tree_shows_names_that_are_not_text(world: World):
    blob = world.git_origin("hash-object", "-w", "--stdin", stdin=b"a")
    tree = world.git_origin("mktree", "-z", stdin=f"100644 blob {blob}\t".encode() + b"caf\xe9\n.yaml\0")
    head = world.git_origin("-c", "user.name=x", "-c", "user.email=x@example.com", "commit-tree", "-m", "x", tree)
    world.force("main", head)

    assert [file.path for file in fetched(world).tree(head).files] == ["caf\\xe9\n.yaml"]


def commit_of_tree(world: World, entries: bytes) -> str:
    tree = world.git_origin("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=entries)
    head = world.git_origin("-c", "user.name=x", "-c", "user.email=x@example.com", "commit-tree", "-m", "x", tree)
    world.force("main", head)
    return head


@pytest.mark.parametrize("entries", [b"100644 a\0%b100644 a\0%b", b"100644 a/b\0%b"], ids=["one name twice", "a slash"])
def test_tree_that_git_itself_refuses_stalls(world: World, entries: bytes):
    blob = bytes.fromhex(world.git_origin("hash-object", "-w", "--stdin", stdin=b"a"))
    head = commit_of_tree(world, entries.replace(b"%b", blob))

    git = fetched(world)

    with pytest.raises(StalledError, match="malformed"):
        git.tree(head)


def test_tree_with_too_many_files_stalls_soon(world: World):
    """Forty objects that stand for a million million files."""
    blob = bytes.fromhex(world.git_origin("hash-object", "-w", "--stdin", stdin=b"a"))
    entries = b"".join(b"100644 f%d\0" % number + blob for number in range(10))
    for _ in range(12):
        tree = world.git_origin("hash-object", "-t", "tree", "-w", "--stdin", stdin=entries)
        entries = b"".join(b"40000 d%d\0" % number + bytes.fromhex(tree) for number in range(10))
    head = commit_of_tree(world, entries)
    git = fetched(world)

    with pytest.raises(StalledError, match="more than 100000 files"):
        git.tree(head)


def test_tree_that_is_too_deep_stalls(world: World):
    head = world.commit("dana", {"/".join(["d"] * 70): "x"})
    git = fetched(world)

    with pytest.raises(StalledError, match="deeper than 64"):
        git.tree(head)


def test_blob_above_the_limit_is_not_read(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(source_module, "MAX_BLOB_BYTES", 10)
    head = world.commit("dana", {"big": "12345678901", "fits": "1234567890"})
    git = fetched(world)
    blobs = {file.path: file for file in git.tree(head).files}

    assert git.blob(blobs["fits"].blob) == b"1234567890"
    assert blobs["big"].size == 11
    with pytest.raises(NotFoundError, match="has 11 bytes, and at most 10"):
        git.blob(blobs["big"].blob)


@pytest.mark.parametrize("oid", ["", "HEAD", "abc", "G" * 40, "A" * 40, "a" * 39, "a" * 64])
def test_ids_in_another_spelling_are_not_found(world: World, oid: str):
    git = fetched(world)

    with pytest.raises(NotFoundError, match="is no object id"):
        git.blob(oid)


def test_objects_of_another_kind_are_not_found(world: World):
    git = fetched(world)
    blob = git.tree(world.first).files[0].blob

    with pytest.raises(NotFoundError, match="is no commit"):
        git.tree(blob)
    with pytest.raises(NotFoundError, match="is no blob"):
        git.blob(world.first)


# -- long and odd histories


def test_a_thousand_commits_are_walked_in_one_go(world: World):
    head = world.linear_history(1000)
    git = fetched(world)

    chain = git.first_parents(world.first, head)

    assert (len(chain), chain[-1]) == (1000, head)
    assert list(chain) == world.git_origin("rev-list", "--reverse", "--first-parent", f"{world.first}..{head}").split()
    assert git.merge_bases(chain[10], head) == (chain[10],)
    assert [commit.id for commit in git.commits(reachable_from=head, not_from=chain[989])] == list(chain[990:])


def test_dates_that_lie_change_no_walk(world: World):
    """git's own walks go by date; here commits claim to be younger than their children."""
    base = world.plant([world.first], {"n": "1"}, seconds=4_000_000_000, branch="b")
    old = world.plant([base], {"n": "2"}, seconds=1, branch="old")
    older = world.plant([old], {"n": "3"}, seconds=2_000_000_000, branch="older")
    main = world.plant([base], {"m": "1"}, seconds=2, branch="main")

    git = fetched(world)

    assert git.merge_bases(older, main) == (base,)
    assert [commit.id for commit in git.commits(reachable_from=older, not_from=main)] == [old, older]


# -- a mirror in trouble


def test_mirror_that_lost_objects_is_incomplete_and_says_how_to_mend_it(world: World):
    head = world.commit("dana", {"a": "1\n"})
    git = fetched(world)
    for file in packs(world):
        file.unlink()
    fresh = source(world)

    with pytest.raises(NotFoundError):
        fresh.tree(head)
    with pytest.raises((IncompleteError, NotFoundError)):
        fresh.first_parents(world.first, head)
    assert git.branches() == (("main", head),)
