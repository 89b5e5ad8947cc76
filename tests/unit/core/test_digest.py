import hashlib

import pytest

from stagewright.core.digest import artifact_digest, artifact_lines, content_digest, path_flaw
from stagewright.errors import InvalidError

EMPTY = hashlib.sha256(b"").hexdigest()
OTHER = hashlib.sha256(b"x").hexdigest()


def test_content_digest_of_nothing_is_the_well_known_one():
    assert content_digest(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_artifact_lines_are_sorted_by_the_bytes_of_the_path():
    paths = ["b", "a/b", "a b", "a-b", "\U0001f600", "\uff5e", "-", "a.b", "A"]
    lines = artifact_lines((path, EMPTY) for path in paths).decode().splitlines()
    assert [line.split("  ./")[1] for line in lines] == [
        "-",
        "A",
        "a b",
        "a-b",
        "a.b",
        "a/b",
        "b",
        "\uff5e",
        "\U0001f600",
    ]


def test_artifact_digest_is_the_digest_of_the_lines():
    lines = f"{EMPTY}  ./MLmodel\n{OTHER}  ./data/weights.bin\n".encode()
    assert artifact_lines([("data/weights.bin", OTHER), ("MLmodel", EMPTY)]) == lines
    assert artifact_digest([("MLmodel", EMPTY), ("data/weights.bin", OTHER)]) == content_digest(lines)


@pytest.mark.parametrize(
    "path",
    ["a", "a b", " ", "-rf", "a/b/c", "'\"", "\u00fc", "u\u0308", "...", "a#b?c%20", "\u202e", "*", "$(id)", "\u2028"],
)
def test_path_flaw_of_an_odd_name_is_none(path: str):
    assert path_flaw(path) is None


@pytest.mark.parametrize(
    ("path", "flaw"),
    [
        pytest.param("", "shortest form", id="empty"),
        pytest.param("/a", "shortest form", id="absolute"),
        pytest.param("a/", "shortest form", id="slash at the end"),
        pytest.param("a//b", "shortest form", id="two slashes"),
        pytest.param("./a", "shortest form", id="dot"),
        pytest.param("a/../b", "shortest form", id="dot dot"),
        pytest.param("a\\b", "backslash", id="backslash"),
        pytest.param("a\nb", "control character", id="line feed"),
        pytest.param("a\rb", "control character", id="carriage return"),
        pytest.param("a\tb", "control character", id="tab"),
        pytest.param("a\x00b", "control character", id="nul"),
        pytest.param("a\x7fb", "control character", id="delete"),
        pytest.param("a\x85b", "control character", id="next line, C1"),
        pytest.param("a\udcffb", "not UTF-8", id="a byte that is not UTF-8"),
    ],
)
def test_path_flaw_of_a_name_with_two_spellings_says_so(path: str, flaw: str):
    assert flaw in str(path_flaw(path))
    with pytest.raises(InvalidError, match=flaw):
        artifact_digest([("fine", EMPTY), (path, EMPTY)])


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        pytest.param([], "there are no files", id="empty tree"),
        pytest.param(["a", "b", "a"], "'a' is there twice", id="twice"),
        pytest.param(["a/b", "a"], "'a' is both a file and a folder", id="file and folder"),
        pytest.param(["a/b/c/d", "a/b"], "'a/b' is both a file and a folder", id="deeper"),
    ],
)
def test_artifact_digest_of_what_is_no_tree_is_refused(paths: list[str], reason: str):
    with pytest.raises(InvalidError, match=reason):
        artifact_digest((path, EMPTY) for path in paths)


@pytest.mark.parametrize("sha256", ["", EMPTY.upper(), EMPTY[1:], EMPTY + "\n"])
def test_artifact_digest_of_a_hash_in_another_spelling_is_impossible(sha256: str):
    with pytest.raises(AssertionError):
        artifact_digest([("a", sha256)])
