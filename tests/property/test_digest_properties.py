import hashlib
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stagewright.adapters.mlflow import folder_digest
from stagewright.core.digest import artifact_digest, artifact_lines, path_flaw
from stagewright.errors import InvalidError

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\x00"), min_size=1, max_size=6)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TREES = st.dictionaries(PATHS, st.binary(max_size=4), max_size=6)


def pairs(tree: dict[str, bytes]) -> list[tuple[str, str]]:
    return [(path, hashlib.sha256(content).hexdigest()) for path, content in tree.items()]


def digest_or_none(tree: dict[str, bytes]) -> str | None:
    try:
        return artifact_digest(pairs(tree))
    except InvalidError:
        return None


@given(TREES)
def test_artifact_lines_can_be_read_back_in_one_way_only(tree: dict[str, bytes]):
    if digest_or_none(tree) is None:
        return
    lines = artifact_lines(pairs(tree)).decode()
    read = [(line[68:], line[:64]) for line in lines.split("\n")[:-1]]
    assert sorted(read) == sorted(pairs(tree))


@given(TREES)
def test_artifact_digest_in_any_order_is_the_same(tree: dict[str, bytes]):
    backwards = dict(reversed(tree.items()))
    assert digest_or_none(tree) == digest_or_none(backwards)


@given(TREES, TREES)
def test_artifact_digest_of_two_trees_is_the_same_only_for_the_same_tree(
    one: dict[str, bytes], other: dict[str, bytes]
):
    first, second = digest_or_none(one), digest_or_none(other)
    if first is not None:
        assert (first == second) == (one == other)


@given(TREES)
def test_artifact_digest_of_a_folder_is_that_of_its_files(tree: dict[str, bytes]):
    wanted = digest_or_none(tree)
    if wanted is None or any(path_flaw(path) for path in tree):
        return
    with tempfile.TemporaryDirectory() as folder:
        for path, content in tree.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        assert folder_digest(Path(folder)) == wanted
