"""`ledger verify` and its siblings: on the whole ledger, on a damaged copy, with and without a key."""

import json
import shutil
from pathlib import Path

import pytest

from stagewright.ledger import merkle
from stagewright.ledger.keys import key_id
from stagewright.ledger.note import parse_verifier_key
from tests.cli_desk import ORIGIN, Desk


def fingerprint(desk: Desk) -> str:
    return f"sha256:{key_id(parse_verifier_key((desk.home / 'ledger/keys/log.vkey').read_text().strip()).key)}"


@pytest.fixture
def copy(settled: Desk, tmp_path: Path) -> Path:
    return Path(shutil.copytree(settled.home / "ledger", tmp_path / "ledger"))


def test_verify_with_the_key_pinned_verifies_every_step(settled: Desk, copy: Path):
    document = settled.run("max", "ledger", "verify", str(copy), "--key", fingerprint(settled), "-o", "json").json()
    assert list(document) == [
        "apiVersion", "kind", "verified", "origin", "size", "root", "steps", "proven", "asserted",
    ]  # fmt: skip
    assert (document["kind"], document["verified"], document["origin"]) == ("Report", True, ORIGIN)
    assert [step["number"] for step in document["steps"]] == [*range(1, 14), 16]
    assert {step["number"]: step["status"] for step in document["steps"] if step["status"] != "OK"} == {
        3: "not applicable",
        13: "not applicable",
    }
    assert "people: 4 decisions carry valid signatures of their own" in document["proven"]


def test_verify_with_the_verifier_key_is_the_same_as_with_its_fingerprint(settled: Desk, copy: Path):
    vkey = (copy / "keys/log.vkey").read_text().strip()
    assert "✓ verified: " in settled.run("max", "ledger", "verify", str(copy), "--key", vkey).out


def test_verify_without_a_key_is_not_verified_and_says_how(settled: Desk, copy: Path):
    told = settled.run("max", "ledger", "verify", str(copy), expect=3)
    assert " 2  SKIPPED" in told.out
    assert "… not verified: nothing fails" in told.out
    assert "hint: pin the log's key with --key" in told.err


def test_verify_of_the_configured_folder_expects_the_configured_key(settled: Desk):
    own = settled.run("max", "ledger", "verify", str(settled.home / "ledger"))
    assert "✓ verified: " in own.out
    assert "pinned to spec.ledger.logKey" in own.err


def test_verify_with_another_key_fails(settled: Desk, copy: Path):
    told = settled.run("max", "ledger", "verify", str(copy), "--key", "sha256:" + "0" * 64, expect=1)
    assert " 2  FAIL " in told.out
    assert "✗ NOT verified" in told.out


def test_verify_of_one_flipped_bit_in_an_entry_fails_and_says_where(settled: Desk, copy: Path):
    bundle = max((copy / "tile/entries").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    told = settled.run("max", "ledger", "verify", str(copy), "--key", fingerprint(settled), "-o", "json", expect=1)
    places = [f["place"] for step in told.json()["steps"] for f in step["findings"]]
    assert any(place.startswith("entry ") for place in places)


def test_verify_of_a_changed_signed_decision_fails_at_the_evidence(settled: Desk, copy: Path):
    tag = next(path for path in (copy / "evidence").rglob("*") if path.is_file() and b"tagger" in path.read_bytes())
    tag.write_bytes(tag.read_bytes().replace(b"Approved", b"Approvef"))
    told = settled.run("max", "ledger", "verify", str(copy), "--key", fingerprint(settled), expect=1)
    assert "12  FAIL " in told.out


def test_verify_with_an_earlier_checkpoint_of_another_history_fails(settled: Desk, copy: Path, tmp_path: Path):
    known = tmp_path / "known"
    shutil.copyfile(copy / "checkpoint", known)
    arguments = ("ledger", "verify", str(copy), "--key", fingerprint(settled), "--checkpoint", str(known))
    assert "13  OK " in settled.run("max", *arguments).out
    known.write_text(known.read_text().replace("\n", "\n1", 1))
    assert "13  FAIL " in settled.run("max", *arguments, expect=1).out


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("/nonexistent/ledger",), "is no folder"),
        ((".", "--key", "wat"), "neither a verifier key nor a fingerprint"),
        ((".", "--checkpoint", "/nonexistent/file"), "cannot be read"),
    ],
    ids=["folder", "key", "checkpoint"],
)
def test_verify_of_a_wrong_command_line_is_a_usage_error(arguments: tuple[str, ...], error: str, settled: Desk):
    assert error in settled.run("max", "ledger", "verify", *arguments, expect=2).err


def test_verify_of_a_folder_without_a_ledger_fails(settled: Desk, tmp_path: Path):
    assert " 1  FAIL " in settled.run("max", "ledger", "verify", str(tmp_path), expect=1).out


def test_verify_reads_and_writes_nothing_else(settled: Desk, copy: Path):
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    settled.run("max", "ledger", "verify", str(copy), "--key", fingerprint(settled))
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before


def test_prove_gives_a_path_that_leads_to_the_root(settled: Desk, copy: Path):
    document = settled.run("max", "ledger", "prove", "3", "--dir", str(copy), "-o", "json").json()
    assert list(document) == [
        "apiVersion", "kind", "index", "size", "leafHash", "path", "root", "holds", "checkpoint",
    ]  # fmt: skip
    path = [bytes.fromhex(step) for step in document["path"]]
    leaf, root = bytes.fromhex(document["leafHash"]), bytes.fromhex(document["root"])
    assert merkle.check_inclusion(leaf, 3, document["size"], path, root) is True
    assert document["checkpoint"] == (copy / "checkpoint").read_text()


def test_show_gives_the_statement_as_it_was_signed(settled: Desk):
    document = settled.run("max", "ledger", "show", "0", "-o", "json").json()
    assert list(document) == ["apiVersion", "kind", "index", "leafHash", "keyId", "statement", "envelope"]
    assert document["statement"]["_type"] == "https://in-toto.io/Statement/v1"
    assert document["statement"]["predicateType"] == "https://stagewright.dev/genesis/v1"
    assert document["envelope"]["payloadType"] == "application/vnd.in-toto+json"


def test_log_lists_every_entry_or_those_of_one_kind(settled: Desk):
    document = settled.run("max", "ledger", "log", "-o", "json").json()
    assert (document["kind"], [item["index"] for item in document["items"][:3]]) == ("LedgerLog", [0, 1, 2])
    assert list(document["items"][0]) == ["index", "kind", "recordedAt", "subject", "keyId"]
    verdicts = settled.run("max", "ledger", "log", "--kind", "verdict", "-o", "name").out.split()
    assert verdicts == [str(item["index"]) for item in document["items"] if item["kind"] == "verdict"]
    later = settled.run("max", "ledger", "log", "--from", "2", "-o", "name").out.split()
    assert later == [str(item["index"]) for item in document["items"][2:]]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("log", "--kind", "wat"), "is no kind of entry"),
        (("show", "999"), "there is no entry 999"),
        (("prove", "999"), "there is no entry 999"),
    ],
    ids=["kind", "show", "prove"],
)
def test_reading_what_is_not_there_is_a_usage_error(arguments: tuple[str, ...], error: str, settled: Desk):
    assert error in settled.run("max", "ledger", *arguments, expect=2).err


def test_ledger_documents_are_plain_ascii(settled: Desk):
    told = settled.run("max", "ledger", "show", "0", "-o", "json")
    assert told.out.isascii()
    assert json.loads(told.out) == told.json()


# -- rebind --------------------------------------------------------------------------------------------------------


def test_rebind_shows_the_move_and_records_it_only_when_confirmed(begun: Desk):
    shutil.copytree(begun.home / "origin.git", begun.root / "moved.git", dirs_exist_ok=True)
    before = begun.config.read_text()
    begun.config.write_text(before.replace("origin.git", "../moved.git"))
    assert "configuration is not the one" in begun.run("max", "sync", "--once", expect=1).out
    told = begun.run("max", "ledger", "rebind", "--reason", "The server was renamed", "--dry-run")
    assert "repository" in told.out
    assert "moved.git" in told.out
    assert "nothing was recorded" in told.err
    assert "nobody is there to confirm" in begun.run("max", "ledger", "rebind", "-m", "Renamed", expect=2).err
    assert begun.run("max", "sync", "--once", expect=1).code == 1
    told = begun.run("max", "ledger", "rebind", "--reason", "The server was renamed", "--yes")
    assert "recorded as entry" in told.out
    assert "stalled" not in begun.run("max", "sync", "--once").out
    index = begun.run("max", "ledger", "log", "--kind", "rebind", "-o", "name").out.strip()
    predicate = begun.run("max", "ledger", "show", index, "-o", "json").json()["statement"]["predicate"]
    assert predicate["reason"] == "The server was renamed"
    assert predicate["after"]["repository"].endswith("moved.git")
    assert "nothing to rebind" in begun.run("max", "ledger", "rebind", "-m", "Again", "--yes", expect=2).err
