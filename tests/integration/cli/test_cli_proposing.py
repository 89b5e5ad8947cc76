"""`promote`, `mode`, `check`, `approve`, `reject`: what is proposed, predicted, signed, and what is not."""

from pathlib import Path

import pytest

from stagewright.cli.completion import model_names
from tests.cli_desk import Desk


def branches(desk: Desk) -> list[str]:
    listed = desk.git(desk.home / "origin.git", "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads")
    return [name for name in listed.splitlines() if name != "main"]


def tags(desk: Desk) -> list[str]:
    return desk.git(desk.home / "origin.git", "for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags").splitlines()


def test_promote_pushes_a_signed_branch_and_names_the_next_steps(begun: Desk):
    told = begun.run("dana", "promote", "credit-risk", "--version", "2", "--to", "Staging", "-m", "Better", "--yes")
    branch = "promote/credit-risk-staging-v2"
    assert branches(begun) == [branch]
    assert told.err.splitlines() == [
        f"next: stagewright check {branch}   # what it would come to, and who must sign off",
        f"next: stagewright approve {branch}   # by each reviewer, then merge it with git merge --no-ff",
    ]
    assert "+      version: 2" in told.out
    message = begun.git(begun.home / "origin.git", "log", "-1", "--format=%B", branch)
    assert message.strip() == "Promote credit-risk: version 2 for Staging\n\nBetter"


def test_promote_with_dry_run_shows_the_change_and_pushes_nothing(begun: Desk):
    told = begun.run("dana", "promote", "credit-risk", "--version", "2", "--to", "Staging", "--dry-run")
    assert "+      version: 2" in told.out
    assert (branches(begun), told.err) == ([], "")


def test_promote_without_a_person_to_ask_pushes_nothing(begun: Desk):
    told = begun.run("dana", "promote", "credit-risk", "--version", "2", "--to", "Staging", "-m", "x", expect=2)
    assert "nobody is there to confirm this" in told.err
    assert branches(begun) == []


def test_promote_none_takes_the_stage_from_everyone(begun: Desk):
    told = begun.run("dana", "promote", "credit-risk", "--none", "--to", "Production", "-m", "Out of service", "--yes")
    assert "+    Production: none" in told.out
    assert branches(begun) == ["promote/credit-risk-production-none"]


def test_promote_refresh_pins_the_same_version_anew(begun: Desk):
    begun.registry.stored("credit-risk", 1).files["model.bin"] = b"other"
    told = begun.run("dana", "promote", "credit-risk", "--refresh", "--to", "Production", "-m", "Repacked", "--yes")
    changed = [line.split(":")[0].strip(" +-") for line in told.out.splitlines() if line[:2] in {"+ ", "- "}]
    assert changed == ["digest", "digest"]


def test_promote_of_a_new_model_writes_its_document_and_takes_its_card_along(begun: Desk):
    begun.version("churn")
    (begun.clone("dana") / "cards" / "churn.md").write_text("# Churn\n")
    begun.run(
        "dana", "promote", "churn", "--version", "1", "--to", "Staging", "-m", "First", "--yes", "--risk-tier", "low",
        "--owner", "@cody", "--purpose", "Keep customers", "--card", "cards/churn.md", "--branch", "new/churn",
    )  # fmt: skip
    assert branches(begun) == ["new/churn"]
    origin = begun.home / "origin.git"
    assert begun.git(origin, "show", "new/churn:cards/churn.md") == "# Churn"
    assert "riskTier: low" in begun.git(origin, "show", "new/churn:models/churn.yaml")


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        pytest.param(("--version", "9", "--to", "Staging"), "no version 9", "it has 1, 2, 3", id="version"),
        pytest.param(("--version", "2", "--to", "Shadow"), "no stage 'Shadow'", "Staging, Production", id="stage"),
        pytest.param(("--to", "Staging"), "say what is to hold", "--version N, --none and --refresh", id="nothing"),
        pytest.param(("--version", "2", "--none", "--to", "Staging"), "say what", "one of", id="two at once"),
        pytest.param(("--refresh", "--to", "Staging"), "declares no version", "--version", id="nothing to refresh"),
        pytest.param(("--refresh", "--to", "Production"), "says so already", "nothing to propose", id="no change"),
        pytest.param(
            ("--version", "2", "--to", "Staging", "--owner", "@x"), "needs its --risk-tier", "low", id="not a new model"
        ),
    ],
)
def test_promote_of_what_cannot_be_is_refused_with_a_hint(
    arguments: tuple[str, ...], error: str, hint: str, begun: Desk
):
    told = begun.run("dana", "promote", "credit-risk", *arguments, "-m", "x", "--yes", expect=2)
    assert error in told.err
    assert hint in told.err.partition("hint:")[2]
    assert branches(begun) == []


def test_promote_without_a_reason_is_refused(begun: Desk):
    told = begun.run("dana", "promote", "credit-risk", "--version", "2", "--to", "Staging", "--yes", expect=2)
    assert "a change needs its reason" in told.err


def test_promote_of_a_model_that_is_not_declared_names_those_that_are(begun: Desk):
    told = begun.run("dana", "promote", "fraud", "--version", "1", "--to", "Staging", "-m", "x", "--yes", expect=2)
    assert "declared are credit-risk" in told.err


def test_mode_proposes_that_line_only(begun: Desk):
    told = begun.run("dana", "mode", "credit-risk", "enforce", "-m", "Ready", "--yes")
    assert [line for line in told.out.splitlines() if line[:2] in {"+ ", "- "}] == [
        "-  mode: observe",
        "+  mode: enforce",
    ]
    assert "no mode" in begun.run("dana", "mode", "credit-risk", "never", "-m", "x", "--yes", expect=2).err


def test_check_answers_eight_one_and_zero(begun: Desk):
    branch = begun.promote(
        "promote", "credit-risk", "--version", "2", "--to", "Staging", by="dana", approved_by=(), merge=False
    )
    pending = begun.run("dana", "check", branch, expect=8)
    assert "… pending   credit-risk/Staging  not governed → version 2" in pending.out
    assert "1 approval from codeowners: 0 of 1 given; 1 more from: @cody" in pending.out
    begun.run("cody", "approve", branch, "--yes")
    assert f"next: git merge --no-ff origin/{branch}" in begun.run("dana", "check", branch).err
    begun.registry.stored("credit-risk", 2).files["model.bin"] = b"swapped"
    refused = begun.run("dana", "check", branch, expect=1)
    assert "✗ identity: pins: the artifact digest is sha256:" in refused.out


def test_check_document_has_these_fields(begun: Desk):
    begun.edit("dana", {"models/other.yaml": "kind: Model\n"}, branch="broken")
    branch = begun.promote(
        "promote", "credit-risk", "--version", "2", "--to", "Staging", by="dana", approved_by=(), merge=False
    )
    document = begun.run("dana", "check", branch, "-o", "json", expect=8).json()
    assert list(document) == [
        "apiVersion", "kind", "head", "base", "answer", "verdicts", "incumbents", "problems", "advice",
    ]  # fmt: skip
    assert list(document["verdicts"][0]) == [
        "promotion", "key", "before", "after", "answer", "restore", "reason", "commit", "subject", "requirements",
        "signOffs",
    ]  # fmt: skip
    assert (document["kind"], document["answer"]) == ("Check", "pending")
    assert document["verdicts"][0]["requirements"][1]["candidates"] == ["@cody"]


def test_check_warns_of_attributes_that_hide_what_is_declared(begun: Desk):
    text = (begun.home / "desired/models/credit-risk.yaml").read_text()
    files = {"models/credit-risk.yaml": text.replace("mode: observe", "mode: enforce")}
    begun.edit("dana", files, branch="shown")
    assert "hides" not in begun.run("dana", "check", "shown", expect=8).err
    begun.edit("dana", {**files, ".gitattributes": "# as generated\n/models/* -diff\n"}, branch="hiding")
    told = begun.run("dana", "check", "hiding", expect=8)
    assert "! .gitattributes:2: diff hides models/credit-risk.yaml from review: no change of it is shown" in told.err
    (advice,) = begun.run("dana", "check", "hiding", "-o", "json", expect=8).json()["advice"]
    assert (advice["file"], advice["line"]) == (".gitattributes", 2)


def test_check_of_the_current_branch_needs_no_name(begun: Desk):
    begun.edit("dana", {"models/credit-risk.yaml": "nonsense"}, branch="mine")
    clone = begun.clone("dana")
    begun.git(clone, "branch", "-m", "mine")
    told = begun.run("dana", "check", expect=2)
    assert "declares nothing" in told.err
    assert "models/credit-risk.yaml:1:1" in told.err


def test_check_of_a_branch_with_an_invalid_document_exits_with_two(begun: Desk):
    text = (begun.home / "desired/models/credit-risk.yaml").read_text()
    files = {"models/credit-risk.yaml": text.replace("mode: observe", "mode: enforce"), "models/x.yaml": "kind: Model"}
    begun.edit("dana", files, branch="half")
    told = begun.run("dana", "check", "half", expect=2)
    assert "✗ invalid   models/x.yaml:1:1:" in told.out


def test_check_of_an_unknown_branch_names_those_there_are(begun: Desk):
    begun.promote("mode", "credit-risk", "enforce", by="dana", approved_by=(), merge=False)
    told = begun.run("dana", "check", "promote/credit", expect=2)
    assert "it has mode/credit-risk-enforce" in told.err


def test_check_with_the_repository_away_could_not_find_out(begun: Desk):
    (begun.home / "origin.git").rename(begun.home / "gone.git")
    assert "did not answer" in begun.run("max", "check", "main", expect=3).err


def test_approve_shows_each_change_and_signs_just_those(begun: Desk):
    branch = begun.promote(
        "promote", "credit-risk", "--version", "2", "--to", "Staging", by="dana", approved_by=(), merge=False
    )
    told = begun.run("cody", "approve", branch, "--yes", "--reason", "Back-tested")
    assert "~ credit-risk/Staging  not governed → version 2" in told.out
    subject = next(line.split()[1] for line in told.out.splitlines() if line.strip().startswith("subject"))
    (tag,) = tags(begun)
    text = begun.git(begun.home / "origin.git", "cat-file", "tag", tag)
    assert "Back-tested\n\nstagewright-decision: approve\n" in text
    assert f"stagewright-subject: {subject}\n" in text


@pytest.mark.parametrize("command", [("approve",), ("reject", "--reason", "No")], ids=["approve", "reject"])
def test_decisions_without_a_person_to_ask_sign_nothing(command: tuple[str, ...], begun: Desk):
    branch = begun.promote("mode", "credit-risk", "enforce", by="dana", approved_by=(), merge=False)
    assert "nobody is there" in begun.run("cody", command[0], branch, *command[1:], expect=2).err
    assert tags(begun) == []


def test_reject_without_a_reason_signs_nothing(begun: Desk):
    branch = begun.promote("mode", "credit-risk", "enforce", by="dana", approved_by=(), merge=False)
    assert "a rejection needs its reason" in begun.run("mo", "reject", branch, "--yes", expect=2).err
    assert tags(begun) == []


def test_reject_stands_until_the_same_person_approves(begun: Desk):
    branch = begun.promote("mode", "credit-risk", "enforce", by="dana", approved_by=("cody", "mo"), merge=False)
    begun.run("mo", "reject", branch, "--yes", "--reason", "On second thought")
    assert "veto by @mo" in begun.run("dana", "check", branch, expect=8).out
    told = begun.run("mo", "approve", branch, "--yes")
    assert "it withdraws your earlier rejection" in told.err
    begun.run("dana", "check", branch)


def test_approve_of_what_proposes_nothing_signs_nothing(begun: Desk):
    assert "proposes nothing to decide on" in begun.run("cody", "approve", "main", "--yes", expect=2).err
    assert "names no commit" in begun.run("cody", "approve", "no-such-branch", "--yes", expect=2).err
    assert tags(begun) == []


def test_approve_of_what_was_merged_already_names_the_sync_as_next_step(enforced: Desk):
    branch = enforced.promote(
        "promote", "credit-risk", "--version", "2", "--to", "Production", by="dana", approved_by=("cody",)
    )
    told = enforced.run("mo", "approve", branch, "--yes")
    assert "next: stagewright sync --once" in told.err
    assert "is it merged already?" in enforced.run("mo", "check", branch, expect=2).err


def test_commands_in_another_clone_find_its_configuration(begun: Desk):
    branch = begun.promote("mode", "credit-risk", "enforce", by="dana", approved_by=(), merge=False)
    begun.run("max", "approve", branch, "--yes", "-C", str(begun.clone("cody")), cwd=Path("/"))
    assert len(tags(begun)) == 1


def test_names_are_completed_where_they_are_cheap(begun: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(begun.home / "desired" / "models")
    assert (model_names("cred"), model_names("x")) == (["credit-risk"], [])
    monkeypatch.chdir(begun.root)
    assert model_names("") == []
