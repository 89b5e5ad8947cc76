"""The artifact digest by four hands: coreutils, the script shipped for auditors, the adapter, the golden value."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from stagewright.adapters.mlflow import folder_digest
from stagewright.errors import InvalidError

SCRIPT = Path(__file__).parents[2] / "docs" / "digest.py"
COREUTILS = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
DEEP = "/".join("abcdefghij" * 4)

# Written by coreutils 9.1 on Linux, not by any of the code under test.
TREES: Mapping[str, tuple[Mapping[str, bytes], str]] = {
    "one empty file": ({"a": b""}, "sha256:f3b5d1d85e485af3454f02f42dd9e3abea37fe2d6cef62deb3fd090c6e94bdac"),
    "a model": (
        {"MLmodel": b"flavors: {}\n", "model.pkl": b"\x80\x04", "data/x.csv": b"a,b\r\n"},
        "sha256:dc5d8fa29437ad3df26bbc49956bb2ce4765ba85ae4f1814a97cde486f1bd507",
    ),
    "spaces and quotes": (
        {" ": b"1", "a b": b"2", "'": b"3", '"': b"4", "`$(id)`;&|": b"5"},
        "sha256:88280961cd8e2e44fa93a9b65ef6917f3c8a9a06c4250d0b6addb3b7ef85f52a",
    ),
    "leading dashes": (
        {"-rf": b"1", "--help": b"2", "-": b"3", "d/-z": b"4"},
        "sha256:2b58f2762fe9bc0140615095a91f5f72cab81bed448e28acce1dce0babceee0e",
    ),
    "unicode in two normal forms": (
        {"\u00fc": b"1", "u\u0308": b"2", "\uff5e": b"3", "\U0001f600": b"4"},
        "sha256:7dab495579e79248efeb363d9caac17c72f211d33f452da073163fa890002c71",
    ),
    "order of folders and files": (
        {"a": b"1", "a.b": b"2", "a-b": b"3", "B": b"4", "a b/c": b"5", "b/c": b"6"},
        "sha256:46d9a7815de9989ca87a326cf0cd79fd162be4fe03063c87ad6aa4321ac0687d",
    ),
    "globs, comments, percent signs": (
        {"*": b"1", "#x": b"2", "%41": b"3", "?": b"4", "~": b"5", ".hidden": b"6"},
        "sha256:bcdea6d35b0a1145d2d467b1405ab12ad83a6e4a7b9a9980866a620ed750922b",
    ),
    "deep": ({DEEP: b"1", "a/z": b"2"}, "sha256:4a7897e8b2ae97e0a52f671dd6251c0c3a361ba64f62e3480652ff37df57699d"),
    "one file above a chunk": (
        {"big": b"stagewright" * 200_000},
        "sha256:661a58545a5f7c86f2d194aae88bacd068de2ccb6d5475d59e98e9f91b103eab",
    ),
}


def grow(root: Path, files: Mapping[str, bytes]) -> Path:
    root.mkdir()
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def script(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-I", SCRIPT, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", TREES)
def test_artifact_digest_by_every_hand_is_the_same(tmp_path: Path, name: str):
    files, golden = TREES[name]
    root = grow(tmp_path / "root", files)
    (root / "an empty folder").mkdir()
    coreutils = subprocess.run(COREUTILS, shell=True, cwd=root, capture_output=True, text=True, check=True)
    assert "sha256:" + coreutils.stdout.split()[0] == golden
    assert folder_digest(root) == golden
    assert script(str(root)).stdout == golden + "\n"


def link(root: Path) -> None:
    (root / "link").symlink_to("MLmodel")


def link_to_folder(root: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "link").symlink_to("/etc")


def dangling_link(root: Path) -> None:
    (root / "link").symlink_to("nowhere")


def pipe(root: Path) -> None:
    os.mkfifo(root / "pipe")


def named(name: bytes) -> Callable[[Path], None]:
    return lambda root: Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_bytes(b"")


def folder_named(name: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        (root / name).mkdir()
        (root / name / "file").write_bytes(b"")

    return make


def emptied(root: Path) -> None:
    (root / "MLmodel").unlink()


def replaced_by_a_link(root: Path) -> None:
    shutil.move(root, root.with_name("elsewhere"))
    root.symlink_to(root.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        pytest.param(emptied, "no files", id="an empty tree"),
        pytest.param(link, "'link' is a symbolic link", id="a symbolic link"),
        pytest.param(link_to_folder, "'sub/link' is a symbolic link", id="a symbolic link to a folder"),
        pytest.param(dangling_link, "'link' is a symbolic link", id="a symbolic link to nowhere"),
        pytest.param(replaced_by_a_link, "symbolic link|not a folder", id="the root is a symbolic link"),
        pytest.param(pipe, "'pipe' is neither a file nor a folder", id="a named pipe"),
        pytest.param(named(b"a\nb"), "control character", id="line feed"),
        pytest.param(named(b"a\rb"), "control character", id="carriage return"),
        pytest.param(named(b"a\\b"), "backslash", id="backslash"),
        pytest.param(named(b"\x1b[2J"), "control character", id="terminal escape"),
        pytest.param(named("\u0085".encode()), "control character", id="C1 control"),
        pytest.param(named(b"\xff"), "not UTF-8", id="not UTF-8"),
        pytest.param(folder_named("a\nb"), "control character", id="a folder's name"),
    ],
)
def test_artifact_digest_of_a_tree_with_two_readings_is_refused_by_both(
    tmp_path: Path, spoil: Callable[[Path], None], reason: str
):
    root = grow(tmp_path / "root", {"MLmodel": b""})
    spoil(root)
    with pytest.raises(InvalidError, match=reason):
        folder_digest(root)
    answer = script(str(root))
    assert (answer.returncode, answer.stdout) == (1, "")
    assert any(part in answer.stderr for part in reason.split("|"))


def test_artifact_digest_of_a_download_leaves_out_what_the_client_added(tmp_path: Path):
    stored = grow(tmp_path / "stored", {"MLmodel": b"", "sub/registered_model_meta": b"this one is the model's own"})
    shutil.copytree(stored, tmp_path / "download")
    (tmp_path / "download" / "registered_model_meta").write_text("model_name: credit-risk\nmodel_version: '1'\n")
    assert folder_digest(tmp_path / "download", download=True) == folder_digest(stored)
    assert folder_digest(tmp_path / "download") != folder_digest(stored)
    assert script("--download", str(tmp_path / "download")).stdout == script(str(stored)).stdout


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--help"], ["--downloads", "a"]])
def test_digest_script_used_wrongly_explains_itself(arguments: list[str]):
    answer = script(*arguments)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "sort -z" in answer.stderr
