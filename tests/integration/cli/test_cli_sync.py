"""`sync`, `plan` and `status` in every situation, and the exit code of each."""

import pytest

from stagewright.bootstrap import engine
from tests.cli_desk import Desk
from tests.fakes.fence import FakeFence


def aliases(desk: Desk) -> dict[str, int]:
    return desk.registry.models["credit-risk"].aliases


def test_plan_shows_what_sync_then_does(enforced: Desk):
    planned = enforced.run("max", "plan", "--exit-code", expect=1)
    assert "+ credit-risk/Staging  credit-risk alias challenger: nobody → 2  (promotion " in planned.out
    assert "next: stagewright sync --once" in planned.err
    told = enforced.run("max", "sync", "--once")
    assert "✓ seen       3 signed decisions" in told.out
    assert "✓ approved  credit-risk/@spec  mode observe → enforce" in told.out
    assert "✓ applied    credit-risk/Staging  challenger: nobody → 2" in told.out
    assert aliases(enforced) == {"champion": 1, "challenger": 2}
    enforced.run("max", "plan", "--exit-code")
    enforced.run("max", "status", "--exit-code")


def test_sync_before_the_trust_root_is_named_is_a_usage_error(desk: Desk):
    desk.init()
    desk.config.write_text(
        "".join(line for line in desk.config.read_text().splitlines(keepends=True) if "trustRoot" not in line)
    )
    told = desk.run("max", "sync", "--once", expect=2)
    assert "hint: name the commit whose governance you trust: spec.trustRoot, or --trust-root SHA" in told.err
    head = desk.git(desk.home / "origin.git", "rev-parse", "main")
    assert f"✓ began      the ledger, from commit {head[:12]}" in desk.run("max", "sync", "--trust-root", head).out


def test_sync_with_half_a_trust_root_is_a_usage_error(desk: Desk):
    desk.init()
    assert "no whole commit id" in desk.run("max", "sync", "--trust-root", "abc123", expect=2).err


@pytest.mark.parametrize("command", [("status",), ("plan",), ("trace", "a@b"), ("history", "a"), ("ledger", "log")])
def test_reading_before_the_first_sync_says_what_to_do(command: tuple[str, ...], desk: Desk):
    desk.init()
    assert "hint:" in desk.run("max", *command, expect=2).err


def test_sync_with_the_registry_away_could_not_finish(enforced: Desk):
    enforced.registry.down = True
    assert "does not answer" in enforced.run("max", "sync", "--once", expect=3).err
    enforced.registry.down = False
    assert "✓ applied " in enforced.run("max", "sync", "--once").out


def test_sync_with_a_lost_write_could_not_finish_and_the_next_one_does(enforced: Desk):
    enforced.registry.lose_next_write()
    told = enforced.run("max", "sync", "--once", expect=None)
    assert "✗ failed     credit-risk/Staging" in told.out
    enforced.run("max", "sync", "--once")
    assert aliases(enforced)["challenger"] == 2


def test_sync_with_the_repository_away_waits_and_says_so(enforced: Desk):
    (enforced.home / "origin.git").rename(enforced.home / "gone.git")
    told = enforced.run("max", "sync", "--once", expect=3)
    assert "… waiting    the repository did not answer" in told.out


def test_sync_of_a_clusters_ledger_is_stalled_until_told_to_take_it_over(
    enforced: Desk, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as cluster:
        cluster.setattr(engine, "LocalFence", lambda *_name, **_how: FakeFence(transitions=4, holder="pod-0"))
        enforced.run("max", "sync", "--once")
    enforced.registry.set_alias("credit-risk", "challenger", 3)
    told = enforced.run("max", "sync", "--once", expect=1)
    assert "the controller that holds lease 'ml/stagewright' (pod-0, turn 4)" in told.err
    assert "go on from here with --take-over" in told.err
    assert aliases(enforced)["challenger"] == 3
    enforced.run("max", "sync", "--once", "--take-over")
    assert aliases(enforced)["challenger"] == 2
    # it is said once
    enforced.registry.set_alias("credit-risk", "challenger", 3)
    enforced.run("max", "sync", "--once")
    assert aliases(enforced)["challenger"] == 2
    enforced.run("max", "ledger", "verify")


def test_sync_of_rewritten_history_is_stalled(enforced: Desk):
    enforced.run("max", "sync", "--once")
    clone = enforced.clone("max")
    enforced.git(clone, "fetch", "-q", "origin")
    enforced.git(clone, "push", "-q", "--force", "origin", "HEAD~1:main")
    told = enforced.run("max", "sync", "--once", expect=1)
    assert "✗ stalled " in told.out
    assert "✗ stalled:" in enforced.run("max", "status", "--exit-code", expect=1).out


def test_sync_of_a_swapped_artifact_refuses_it_and_says_why(enforced: Desk):
    enforced.registry.stored("credit-risk", 2).files["model.bin"] = b"swapped"
    told = enforced.run("max", "sync", "--once")
    assert "✗ refused   credit-risk/Staging" in told.out
    assert "✗ identity: pins: the artifact digest is" in told.out
    assert "challenger" not in aliases(enforced)
    assert "✗ Refused" in enforced.run("max", "status", "--exit-code", expect=1).out


def test_sync_of_a_version_that_was_deleted_later_is_blocked(enforced: Desk):
    enforced.run("max", "sync", "--once")
    enforced.registry.delete_version("credit-risk", 2)
    told = enforced.run("max", "sync", "--once", expect=1)
    assert "✗ blocked    credit-risk/Staging  MLflow has no version 2" in told.out


def test_sync_of_drift_corrects_it_and_plan_tells_before(enforced: Desk):
    enforced.run("max", "sync", "--once")
    enforced.registry.set_alias("credit-risk", "challenger", 3)
    assert "~ credit-risk/Staging  credit-risk alias challenger: 3 → 2  (drift)" in enforced.run("max", "plan").out
    assert "! Drifted" in enforced.run("max", "status").out
    assert "challenger: 3 → 2  (drift corrected" in enforced.run("max", "sync", "--once").out
    assert aliases(enforced)["challenger"] == 2


def test_plan_of_a_stage_that_is_taken_away_begins_with_a_minus(enforced: Desk):
    enforced.run("max", "sync", "--once")
    enforced.promote("promote", "credit-risk", "--none", "--to", "Staging", by="dana", approved_by=("cody",))
    out = enforced.run("max", "plan").out
    assert "- credit-risk/Staging  credit-risk alias challenger: 2 → nobody" in out


def test_sync_of_a_push_straight_to_main_refuses_it(enforced: Desk):
    text = (enforced.home / "desired/models/credit-risk.yaml").read_text()
    enforced.edit("dana", {"models/credit-risk.yaml": text.replace("riskTier: high", "riskTier: low")}, branch="main")
    told = enforced.run("max", "sync", "--once")
    assert "✗ refused   credit-risk/@spec  risk tier high → low" in told.out
    assert "was pushed without a pull request" in told.out


def test_sync_with_an_invalid_document_goes_on_with_the_rest(enforced: Desk):
    enforced.edit("dana", {"models/other.yaml": "kind: Model\n"}, branch="other")
    enforced.merge("other")
    told = enforced.run("max", "sync", "--once")
    assert "✗ invalid    models/other.yaml:1:1:" in told.out
    assert "✓ applied    credit-risk/Staging" in told.out
    assert "✗ invalid models/other.yaml:1:1:" in enforced.run("max", "status", "--exit-code", expect=1).out


@pytest.mark.parametrize(
    ("line", "said"), [("  suspend: true\n", "suspended"), ("  dryRun: true\n", "dry run")], ids=["suspend", "dryRun"]
)
def test_sync_that_is_suspended_or_dry_writes_nothing(line: str, said: str, enforced: Desk):
    size = enforced.run("max", "status", "-o", "json").json()["ledgerSize"]
    enforced.config.write_text(enforced.config.read_text() + line)
    assert said in enforced.run("max", "sync", "--once").err
    assert enforced.run("max", "status", "-o", "json").json()["ledgerSize"] == size
    assert "challenger" not in aliases(enforced)


def test_status_names_commits_that_were_not_judged_yet(enforced: Desk):
    told = enforced.run("max", "status")
    assert "… Behind" in told.out
    assert "2 commits behind" in told.err
    assert "next: stagewright sync --once" in told.err


def test_hostile_text_from_git_and_mlflow_reaches_no_terminal(enforced: Desk):
    hostile = "\x1b[2J[red]\u202eevil"
    enforced.registry.stored("credit-risk", 2).status = hostile
    enforced.edit("dana", {"models/other.yaml": f'"{hostile[4:]}": 1\n'}, branch="other", message=hostile)
    enforced.merge("other")
    for command in (("plan",), ("sync", "--once"), ("status",), ("history", "credit-risk"), ("ledger", "log")):
        told = enforced.run("max", *command, expect=None)
        assert not {"\x1b", "\u202e"} & set(told.out + told.err)
    assert "is \\x1b[2J[red]\\u202eevil, not READY" in enforced.run("max", "status").out
