"""The commands of docs/ledger.md, run as an auditor would, with openssl and coreutils and none of our code."""

import re
import subprocess
from pathlib import Path

import pytest

from stagewright.adapters.directory import DirectoryStore
from stagewright.ledger.keys import key_id
from tests.fakes import ledger_entries as given

COMMANDS = "\n".join(
    re.findall(
        r"^```sh\n(.*?)^```$", (Path(__file__).parents[3] / "docs/ledger.md").read_text(), re.MULTILINE | re.DOTALL
    )
)


def _run(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", COMMANDS], cwd=root, capture_output=True, text=True, check=False)


def test_commands_for_auditors_verify_a_ledger(tmp_path: Path):
    ledger = given.story(DirectoryStore(tmp_path))
    lines = _run(tmp_path).stdout.splitlines()
    assert lines.count("Signature Verified Successfully") == 2
    assert lines[1].split()[0] == key_id(given.LOG.public_key)
    assert lines[2].split()[0] == lines[3]
    assert lines[5].split()[0] == key_id(given.ENTRY.public_key)
    assert lines[6].encode() == bytes(ledger.entry(0).statement)


@pytest.mark.parametrize("name", ["checkpoint", "tile/entries/000.p/11"])
def test_commands_for_auditors_find_a_change(tmp_path: Path, name: str):
    given.story(DirectoryStore(tmp_path))
    changed = tmp_path / name
    data = changed.read_bytes()
    changed.write_bytes(data.replace(b"ledger", b"Ledger", 1) if name == "checkpoint" else data.replace(b"A", b"B", 1))
    assert _run(tmp_path).stdout.count("Signature Verified Successfully") == 1
