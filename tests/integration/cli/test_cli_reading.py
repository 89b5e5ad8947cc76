"""What the reading commands print: every form, the fields of each document pinned."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
import yaml

from tests.cli_desk import ORIGIN, Desk
from tests.git_world import environment
from tests.git_world import run as call

MISSING = "production-is-heavy: 1 approval from @bank/model-risk as Model risk"
FORMS = ("table", "wide", "json", "yaml", "name")
READING = (
    ("status",),
    ("plan",),
    ("trace", "credit-risk@Staging"),
    ("history", "credit-risk"),
    ("digest", "credit-risk@2"),
    ("ledger", "log"),
    ("ledger", "show", "0"),
    ("ledger", "prove", "3"),
    ("ledger", "verify"),
    ("doctor",),
    ("sync", "--once"),
)


def fields(document: dict[str, Any]) -> list[str]:
    return list(document)


@pytest.mark.parametrize("command", READING, ids=" ".join)
@pytest.mark.parametrize("form", FORMS)
def test_reading_commands_answer_in_every_form(command: Sequence[str], form: str, settled: Desk):
    told = settled.run("max", *command, "-o", form)
    if form in {"json", "yaml"}:
        document = told.json() if form == "json" else yaml.safe_load(told.out)
        assert document["apiVersion"] == "stagewright.dev/v1alpha1"
        assert document["kind"][0].isupper()
    # by name nothing is listed where nothing is to be done, or nothing is amiss
    assert told.out or form == "name"
    assert "\x1b" not in told.out + told.err


def test_status_table_says_what_is_missing_and_who_can_give_it(settled: Desk):
    row = settled.run("max", "status", "-o", "json").json()["rows"][0]
    since, due = (f"{datetime.fromisoformat(row[name]):%Y-%m-%d %H:%M} UTC" for name in ("since", "due"))
    assert settled.run("max", "status").out.splitlines() == [
        "MODEL        STAGE       MODE     DECLARED  AUTHORIZED  ACTUAL  STATE",
        "credit-risk  Production  enforce  2         1           1       … Pending",
        "credit-risk  Staging     enforce  2         2           2       ✓ Synced",
        f"… credit-risk/Production: pending since {since}, target for the review {due}:",
        f"    … {MISSING}: 0 of 1 given; 1 more from: @mo, @pat",
    ]


def test_status_document_has_these_fields(settled: Desk):
    document = settled.run("max", "status", "-o", "json").json()
    assert fields(document) == [
        "apiVersion", "kind", "name", "origin", "head", "away", "revision", "behind", "stalled", "rows", "problems",
        "alarms", "unmanaged", "ledgerSize", "root",
    ]  # fmt: skip
    assert (document["kind"], document["name"], document["origin"]) == ("Status", "bank", ORIGIN)
    row = document["rows"][0]
    assert fields(row) == [
        "key", "model", "stage", "mode", "declared", "authorized", "actual", "state", "why", "promotion", "waiting",
        "since", "due", "overdue",
    ]  # fmt: skip
    assert row["waiting"] == [
        {
            "requirement": MISSING,
            "detail": "0 of 1 given; 1 more from: @mo, @pat",
            "state": "missing",
        }
    ]


@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--exit-code",), 8)], ids=["plain", "exit-code"])
def test_status_of_a_pending_promotion_exits_with_eight_only_when_asked(
    arguments: tuple[str, ...], code: int, settled: Desk
):
    settled.run("max", "status", *arguments, expect=code)


def test_plan_document_has_these_fields(settled: Desk):
    document = settled.run("max", "plan", "-o", "json").json()
    assert fields(document) == [
        "apiVersion", "kind", "head", "verdicts", "pending", "pairs", "blocked", "unmanaged", "waiting",
    ]  # fmt: skip
    assert (document["kind"], document["pairs"], document["blocked"], document["waiting"]) == ("Plan", [], [], "")


def test_plan_with_nothing_to_do_says_so_and_names_what_waits(settled: Desk):
    told = settled.run("max", "plan", "--exit-code")
    assert told.out.splitlines() == [
        "… waits      credit-risk/Production",
        f"    … {MISSING}: 0 of 1 given; 1 more from: @mo, @pat",
        "✓ nothing to do: MLflow holds what is authorized",
    ]


def test_plan_document_names_what_waits(settled: Desk):
    (waiting,) = settled.run("max", "plan", "-o", "json").json()["pending"]
    assert fields(waiting) == ["key", "promotion", "reason", "missing"]
    assert [f"{lack['rule']}: {lack['name']}" for lack in waiting["missing"]] == [MISSING]


def test_sync_with_nothing_to_do_says_so_and_appends_nothing(settled: Desk):
    size = settled.run("max", "status", "-o", "json").json()["ledgerSize"]
    assert settled.run("max", "sync", "--once").out == "✓ nothing to do: MLflow holds what is authorized\n"
    assert settled.run("max", "status", "-o", "json").json()["ledgerSize"] == size


def test_sync_document_has_these_fields(settled: Desk):
    document = settled.run("max", "sync", "--once", "-o", "json").json()
    assert fields(document) == [
        "apiVersion", "kind", "head", "revision", "began", "recovered", "observed", "verdicts", "applied", "blocked",
        "problems", "unmanaged", "stalled", "waiting", "ledgerSize",
    ]  # fmt: skip
    assert document["kind"] == "SyncReport"


def test_trace_document_has_every_hop(settled: Desk):
    document = settled.run("max", "trace", "credit-risk@Staging", "-o", "json").json()
    assert fields(document) == ["apiVersion", "kind", "model", "stage", "version", "hops", "ledgerSize", "root"]
    assert [hop["name"] for hop in document["hops"]] == [
        "data set", "run", "artifact", "version", "promotion", "approvals", "in the registry",
    ]  # fmt: skip
    assert all(fields(hop) == ["name", "text", "detail", "entries"] for hop in document["hops"])
    texts = {hop["name"]: hop["text"] for hop in document["hops"]}
    assert texts["version"] == "models:/credit-risk/2"
    assert texts["approvals"].startswith("@cody approved commit ")


def test_trace_of_an_adopted_pair_shows_the_missing_hop_as_missing(settled: Desk):
    out = settled.run("max", "trace", "credit-risk@Production").out
    assert "approvals       missing\n" in out
    assert "adopted at genesis, not approved  ledger 0\n" in out


@pytest.mark.parametrize(
    ("selector", "error", "hint"),
    [
        ("credit-risk", "not a model and a stage", "write MODEL@STAGE"),
        ("credit-risk@Shadow", "no version is authorized", "credit-risk@Production, credit-risk@Staging"),
    ],
)
def test_trace_of_what_is_not_there_names_what_is(selector: str, error: str, hint: str, settled: Desk):
    told = settled.run("max", "trace", selector, expect=2)
    assert error in told.err
    assert hint in told.err


def test_history_document_has_these_fields(settled: Desk):
    document = settled.run("max", "history", "credit-risk", "-o", "json").json()
    assert fields(document) == ["apiVersion", "kind", "items"]
    assert document["kind"] == "History"
    assert all(fields(item) == ["index", "at", "kind", "key", "text"] for item in document["items"])
    assert [item["kind"] for item in document["items"]] == [
        "genesis", "genesis", "verdict", "verdict", "intent", "outcome", "verdict",
    ]  # fmt: skip


def test_history_of_an_unknown_model_names_those_known(settled: Desk):
    assert "it knows credit-risk" in settled.run("max", "history", "fraud", expect=2).err


def test_digest_of_a_version_is_what_its_entry_pins(settled: Desk):
    document = settled.run("max", "digest", "credit-risk@2", "-o", "json").json()
    assert fields(document) == [
        "apiVersion", "kind", "target", "digest", "evidence", "status", "runId", "modelId", "source",
    ]  # fmt: skip
    pinned = settled.git(settled.home / "origin.git", "show", "main:models/credit-risk.yaml")
    assert f"digest: {document['digest']}" in pinned
    assert f"evidence: {document['evidence']}" in pinned


def test_digest_of_a_folder_is_that_of_sha256sum(settled: Desk):
    folder = settled.root / "model"
    folder.mkdir(exist_ok=True)
    (folder / "weights").write_bytes(b"abc")
    by_hand = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"
    expected = call("bash", "-c", by_hand, cwd=folder, env=environment(settled.root)).decode().split()[0]
    assert settled.run("max", "digest", str(folder)).out == f"sha256:{expected}\n"


@pytest.mark.parametrize("target", ["/nonexistent/model", "credit-risk", "credit-risk@0", "credit-risk@9"])
def test_digest_of_what_is_not_there_is_a_usage_error(target: str, settled: Desk):
    assert "hint:" in settled.run("max", "digest", target, expect=2).err


def test_doctor_lists_every_check(settled: Desk):
    document = settled.run("max", "doctor", "-o", "json").json()
    assert [item["name"] for item in document["items"]] == [
        "git", "ssh-keygen", "repository", "policy", "CODEOWNERS", "allowed_signers", "documents", "own signing key",
        "registry", "ledger keys", "ledger", "clock", "trust root", "disk",
    ]  # fmt: skip
    assert {item["well"] for item in document["items"]} == {True}
