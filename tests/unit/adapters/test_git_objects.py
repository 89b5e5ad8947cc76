"""Git's objects from their bytes: the rows that a random search would seldom meet."""

from collections.abc import Mapping

import pytest

from stagewright.adapters.git.objects import (
    CommitObject,
    MalformedObjectError,
    TagObject,
    TreeEntry,
    parse_commit,
    parse_parents,
    parse_tag,
    parse_tree,
)

A, B, C = "a" * 40, "b" * 40, "c" * 40
PEOPLE = "author Dana <dana@example.com> 1 +0000\ncommitter Bot <bot@example.com> 2 +0100\n"


def test_parse_commit_reads_tree_parents_people_and_subject():
    body = f"tree {A}\nparent {B}\nparent {C}\n{PEOPLE}\nSubject line\n\nText\n".encode()

    assert parse_commit(body) == CommitObject(
        tree=A, parents=(B, C), named=("dana@example.com", "bot@example.com"), subject="Subject line", signed=None
    )
    assert parse_parents(body) == (B, C)


def test_parse_commit_takes_no_parent_from_a_later_header_or_the_message():
    body = f"tree {A}\n{PEOPLE}mergetag object {B}\n parent {C}\nparent {C}\n\nparent {C}\n".encode()

    assert (parse_commit(body).parents, parse_parents(body)) == ((), ())


def test_parse_commit_takes_no_signature_from_a_merged_tag():
    body = f"tree {A}\n{PEOPLE}mergetag object {B}\n gpgsig x\n -----BEGIN SSH SIGNATURE-----\n\nText\n".encode()

    assert parse_commit(body).signed is None


def test_parse_commit_takes_one_address_of_a_line_that_holds_two():
    """git takes the first; a second one is part of no field."""
    body = f"tree {A}\nauthor X <x@example.com> <y@example.com> 1 +0000\ncommitter <> 1 +0000\n\n".encode()

    assert parse_commit(body).named == ("x@example.com", "")


BAD_COMMITS: Mapping[str, str] = {
    "empty": "",
    "no tree": f"{PEOPLE}\n",
    "short id": f"tree {A[:-1]}\n{PEOPLE}\n",
    "capital id": f"tree {A.upper()}\n{PEOPLE}\n",
    "parent before tree": f"parent {B}\ntree {A}\n{PEOPLE}\n",
    "committer first": f"tree {A}\ncommitter x\nauthor x\n\n",
    "carriage returns": f"tree {A}\n{PEOPLE}\n".replace("\n", "\r\n"),
}


@pytest.mark.parametrize("name", BAD_COMMITS)
def test_parse_commit_of_anything_else_is_malformed(name: str):
    for parse in (parse_commit, parse_parents):
        with pytest.raises(MalformedObjectError, match="no commit"):
            parse(BAD_COMMITS[name].encode())


def test_parse_commit_without_an_end_of_its_header_is_malformed():
    with pytest.raises(MalformedObjectError, match="has no end"):
        parse_commit(f"tree {A}\n{PEOPLE}".encode())


def test_parse_tag_reads_target_kind_name_and_message():
    body = f"object {A}\ntype commit\ntag v1\ntagger Dana <dana@example.com> 1 +0000\n\nText\n".encode()

    assert parse_tag(body) == TagObject(target=A, kind="commit", name="v1", message=b"Text\n", signed=None)


@pytest.mark.parametrize("kind", ["commit", "tag", "tree", "blob"])
def test_parse_tag_reads_every_kind_of_target(kind: str):
    assert parse_tag(f"object {A}\ntype {kind}\ntag v1\n\n".encode()).kind == kind


BAD_TAGS: Mapping[str, str] = {
    "empty": "",
    "other kind": f"object {A}\ntype note\ntag v1\n\n",
    "no name": f"object {A}\ntype commit\ntag \n\n",
    "order": f"type commit\nobject {A}\ntag v1\n\n",
    "further header": f"object {A}\ntype commit\ntag v1\ntagger x\nmore x\n\n",
    "two objects": f"object {A}\nobject {B}\ntype commit\ntag v1\n\n",
    "no end": f"object {A}\ntype commit\ntag v1\n",
}


@pytest.mark.parametrize("name", BAD_TAGS)
def test_parse_tag_of_anything_else_is_malformed(name: str):
    with pytest.raises(MalformedObjectError, match="no tag"):
        parse_tag(BAD_TAGS[name].encode())


RAW = b"\x05" * 20


def test_parse_tree_reads_mode_name_and_id():
    assert parse_tree(b"100644 a b\0" + RAW + b"40000 c\0" + RAW) == (
        TreeEntry(mode=0o100644, name=b"a b", id="05" * 20),
        TreeEntry(mode=0o040000, name=b"c", id="05" * 20),
    )
    assert parse_tree(b"") == ()


BAD_TREES: Mapping[str, bytes] = {
    "one name twice": b"100644 a\0" + RAW + b"100755 a\0" + RAW,
    "a slash": b"100644 a/b\0" + RAW,
    "dot": b"40000 .\0" + RAW,
    "dot dot": b"40000 ..\0" + RAW,
    "no name": b"100644 \0" + RAW,
    "no mode": b" a\0" + RAW,
    "mode of letters": b"10064x a\0" + RAW,
    "long mode": b"0100644 a\0" + RAW,
    "cut off": b"100644 a\0" + RAW[:-1],
    "no separator": b"100644",
    "rest": b"100644 a\0" + RAW + b"1",
}


@pytest.mark.parametrize("name", BAD_TREES)
def test_parse_tree_of_anything_else_is_malformed(name: str):
    with pytest.raises(MalformedObjectError, match="no tree"):
        parse_tree(BAD_TREES[name])
