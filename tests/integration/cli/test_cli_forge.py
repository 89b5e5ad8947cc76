"""The command line on a forge with accounts: pull requests are opened, reviewed and followed from it."""

import http.client
import os
import signal
from collections.abc import Callable
from hashlib import sha256
from hmac import new as hmac
from pathlib import Path
from typing import Any

import pytest

from stagewright import bootstrap
from stagewright.errors import ForbiddenError, UnreachableError
from stagewright.model.conversation import Finding
from tests.cli_desk import Desk
from tests.hosted_desk import SECRET, HostedDesk

PROMOTE = ("promote", "credit-risk", "--version", "2", "--to", "Staging", "--trainer", "@dana", "--yes")
REASON = ("--reason", "Retrained on the October data")
BRANCH = "promote/credit-risk-staging-v2"


@pytest.fixture(scope="session")
def _hosted(tmp_path_factory: pytest.TempPathFactory) -> HostedDesk:
    desk = HostedDesk(tmp_path_factory.mktemp("hosted"))
    for weights in (b"1", b"2"):
        desk.version(weights=weights)
    desk.registry.set_alias("credit-risk", "champion", 1)
    desk.init()
    desk.run("max", "import", "credit-risk", "--owner", "@cody", "--purpose", "Score", "--card", "cards/EXAMPLE.md")
    desk.run("max", "sync", "--once")
    desk.run("dana", "mode", "credit-risk", "enforce", "--reason", "All went well", "--yes")
    for name in ("cody", "mo"):
        desk.run(name, "approve", "--pr", "1", "--yes")
    desk.merge_pull(1)
    desk.run("max", "sync", "--once")
    desk.save()
    return desk


@pytest.fixture
def hosted(_hosted: HostedDesk) -> HostedDesk:
    """A bank on a forge, with a ledger and one model that is enforced."""
    _hosted.restore()
    return _hosted


def test_promote_opens_a_pull_request_and_prints_its_address_and_who_approves(hosted: HostedDesk):
    told = hosted.run("dana", *PROMOTE, *REASON)
    assert "✓ opened pull request 2: https://forge.example/pulls/2" in told.out
    assert "1 approval from codeowners: 0 of 1 given; 1 more from: @cody" in told.out
    assert "next: stagewright approve --pr 2" in told.err
    title, body = hosted.people["dana"].bodies[2]
    assert title == "Promote credit-risk: version 2 for Staging"
    assert body.startswith("Retrained on the October data\n\n- `models/credit-risk.yaml`\n- version `2`\n- run `4444")
    assert "- trained by `@dana`" in body


def test_promote_again_finds_its_open_pull_request_and_pushes_nothing(hosted: HostedDesk):
    hosted.run("dana", *PROMOTE, *REASON)
    head = hosted.origin("rev-parse", BRANCH)
    told = hosted.run("dana", *PROMOTE, *REASON)
    assert "✓ there is already pull request 2: https://forge.example/pulls/2" in told.out
    assert hosted.origin("rev-parse", BRANCH) == head


def test_promote_by_somebody_without_the_ledger_opens_it_all_the_same(hosted: HostedDesk):
    (hosted.home / "ledger").rename(hosted.home / "elsewhere")
    told = hosted.run("dana", *PROMOTE, *REASON)
    assert "✓ opened pull request 2" in told.out
    assert "who has to approve it, the controller says on its page" in told.err


def test_import_after_the_beginning_opens_a_pull_request(hosted: HostedDesk):
    hosted.version("fraud")
    hosted.registry.set_alias("fraud", "champion", 1)
    before = hosted.origin("rev-parse", "main")
    told = hosted.run("dana", "import", "fraud", "--owner", "@cody")
    assert "✓ opened pull request 2" in told.out
    assert "fraud/@spec" in told.out
    assert hosted.origin("rev-parse", "main") == before


def test_import_by_somebody_without_the_ledger_never_goes_straight_to_the_branch(hosted: HostedDesk):
    (hosted.home / "ledger").rename(hosted.home / "elsewhere")
    for kept in hosted.home.glob("mirror*.checkpoint"):
        kept.unlink()
    hosted.version("fraud")
    hosted.registry.set_alias("fraud", "champion", 1)
    before = hosted.origin("rev-parse", "main")
    told = hosted.run("dana", "import", "fraud", "--owner", "@cody")
    assert "✓ opened pull request 2" in told.out
    assert hosted.origin("rev-parse", "main") == before


def test_promote_with_dry_run_opens_nothing(hosted: HostedDesk):
    hosted.run("dana", *PROMOTE, "--dry-run")
    assert hosted.talk.open_pulls() == ()


def test_approve_reviews_the_pull_request_and_the_next_sync_applies_it(hosted: HostedDesk):
    hosted.run("dana", *PROMOTE, *REASON)
    told = hosted.run("cody", "approve", "--pr", "2", "--yes", "--reason", "Back-tested")
    assert "~ credit-risk/Staging  not governed → version 2 (" in told.out
    assert "✓ approve as @cody, review cody-2 of pull request 2" in told.out
    ((number, decision, commit),) = hosted.people["cody"].decisions[1:]
    assert (number, decision.text, commit) == (2, "Back-tested", hosted.origin("rev-parse", BRANCH))
    assert hosted.run("max", "status", "--pr", "2", "--exit-code").out.startswith("✓ approved")
    hosted.merge_pull(2)
    hosted.run("max", "sync", "--once")
    told = hosted.run("max", "status", "--pr", "2", "--exit-code")
    assert "pull request 2, merged as " in told.out
    assert "✓ approved    credit-risk/Staging  not governed → version 2 (" in told.out
    assert "    applied " in told.out
    assert "Applied " in hosted.talk.comments[2]


def test_reject_is_a_review_that_keeps_it_from_being_applied(hosted: HostedDesk):
    hosted.run("dana", *PROMOTE, *REASON)
    hosted.run("cody", "reject", "--pr", "2", "--yes", "--reason", "Trained on too little")
    hosted.merge_pull(2)
    hosted.run("max", "sync", "--once")
    told = hosted.run("max", "status", "--pr", "2", "--exit-code", expect=8)
    assert "veto by @cody" in told.out


def test_nobody_is_there_to_confirm_so_nothing_is_reviewed(hosted: HostedDesk):
    hosted.run("dana", *PROMOTE, *REASON)
    told = hosted.run("cody", "approve", "--pr", "2", expect=2)
    assert "nobody is there to confirm this" in told.err
    assert len(hosted.people["cody"].decisions) == 1


def test_head_that_moved_while_one_looked_is_not_reviewed(hosted: HostedDesk, monkeypatch: pytest.MonkeyPatch):
    hosted.run("dana", *PROMOTE, *REASON)
    whoami = hosted.people["cody"].whoami

    def meanwhile() -> Any:
        hosted.edit("dana", {"models/credit-risk.yaml": "x: 1\n"}, branch="other")
        hosted.origin("update-ref", f"refs/heads/{BRANCH}", "other")
        hosted.propose(BRANCH, "dana")
        hosted.talk.opened(hosted.pulls[2])
        return whoami()

    monkeypatch.setattr(hosted.people["cody"], "whoami", meanwhile)
    hosted.run("cody", "approve", "--pr", "2", "--yes", expect=2)
    assert len(hosted.people["cody"].decisions) == 1


def test_approve_looks_at_a_pull_request_only_after_a_fetch(hosted: HostedDesk, monkeypatch: pytest.MonkeyPatch):
    hosted.run("dana", *PROMOTE, *REASON)
    hosted.edit("dana", {"README.md": "More.\n"}, branch="other")
    find, mirrored = hosted.people["cody"].find, []

    def looking(number: int) -> Any:
        mirrored.append(hosted.git(hosted.home / "mirror.git", "rev-parse", "refs/origin/heads/other"))
        return find(number)

    monkeypatch.setattr(hosted.people["cody"], "find", looking)
    hosted.run("cody", "approve", "--pr", "2", "--yes")
    assert set(mirrored) == {hosted.origin("rev-parse", "other")}


def test_status_of_an_open_pull_request_predicts_it(hosted: HostedDesk):
    hosted.run("dana", *PROMOTE, *REASON)
    told = hosted.run("max", "status", "--pr", "2", "--exit-code", expect=8)
    assert "… pending   credit-risk/Staging" in told.out
    assert "next: stagewright approve --pr 2" in told.err
    assert hosted.run("max", "status", "--pr", "2").code == 0


def test_status_of_a_merged_pull_request_as_json(hosted: HostedDesk):
    told = hosted.run("max", "status", "--pr", "1", "-o", "json").json()
    assert (told["kind"], told["number"], told["promotions"][0]["answer"]) == ("MergedPull", 1, "approved")


def test_status_of_a_pull_request_that_is_not_there_says_so(hosted: HostedDesk):
    assert "there is no pull request 99" in hosted.run("max", "status", "--pr", "99", expect=2).err


def test_check_of_a_branch_uses_its_pull_request(hosted: HostedDesk):
    hosted.run("dana", *PROMOTE, *REASON)
    assert "1 more from: @cody" in hosted.run("dana", "check", BRANCH, expect=8).out
    hosted.edit("dana", {"README.md": "More.\n"}, branch="other")
    told = hosted.run("dana", "check", "other", expect=2)
    assert "no open pull request has the head" in told.err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("approve", "--yes"), "say what is decided on"),
        (("approve", BRANCH, "--pr", "1", "--yes"), "say what is decided on"),
        (("approve", BRANCH, "--yes"), "a pull request is reviewed, not a branch"),
        (("reject", "--pr", "1", "--yes"), "a rejection needs its reason"),
        (("approve", "--pr", "99", "--yes"), "there is no pull request 99"),
        (("sync", "--once", "--webhook", "127.0.0.1:9000"), "there is none"),
        (("sync", "--watch", "--webhook", "9000x"), "no address to listen on"),
    ],
    ids=["nothing", "both", "a branch", "no reason", "unknown", "a webhook without a loop", "no address"],
)
def test_wrong_command_lines_are_refused_with_a_hint(hosted: HostedDesk, arguments: tuple[str, ...], reason: str):
    told = hosted.run("cody", *arguments, expect=2)
    assert reason in told.err
    assert "hint: " in told.err


@pytest.mark.parametrize(
    "arguments",
    [("approve", "--pr", "1", "--yes"), ("status", "--pr", "1"), ("sync", "--watch", "--webhook", "9000")],
    ids=["approve", "status", "webhook"],
)
def test_git_alone_has_no_pull_requests(begun: Desk, arguments: tuple[str, ...]):
    told = begun.run("cody", *arguments, expect=2)
    assert "git alone" in told.err
    assert "hint: " in told.err


# -- doctor ----------------------------------------------------------------------------------------------------------


def test_doctor_tells_what_the_forge_says_with_its_remedy(hosted: HostedDesk):
    hosted.people["max"].findings = (
        Finding(name="write access", fine=True, detail="comments can be written", remedy=""),
        Finding(name="branch protection", fine=False, detail="main can be pushed to", remedy="forbid pushes to it"),
    )
    told = hosted.run("max", "doctor", expect=1)
    assert "✓ write access" in told.out
    assert "✗ branch protection" in told.out
    assert "remedy: forbid pushes to it" in told.out
    assert "own signing key" not in told.out


def test_doctor_on_a_forge_where_all_is_well_answers_zero(hosted: HostedDesk):
    hosted.run("max", "doctor")


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (UnreachableError("the forge is away"), "check spec.forge, its token and the network"),
        (ForbiddenError("no scope", hint="give it the scope"), "give it the scope"),
    ],
    ids=["away", "forbidden"],
)
def test_doctor_runs_to_its_end_where_the_forge_does_not_answer(
    hosted: HostedDesk, monkeypatch: pytest.MonkeyPatch, error: Exception, remedy: str
):
    def fail() -> Any:
        raise error

    monkeypatch.setattr(hosted.people["max"], "examine", fail)
    told = hosted.run("max", "doctor", expect=1)
    assert f"✗ forge            {error}" in told.out
    assert f"remedy: {remedy}" in told.out


# -- check --files ---------------------------------------------------------------------------------------------------


def test_check_of_files_needs_nothing_but_the_files(begun: Desk):
    begun.git(begun.home / "desired", "pull", "-q", "origin", "main")
    begun.config.unlink()
    told = begun.run("max", "check", "--files", str(begun.home / "desired"))
    assert "4 documents, all valid" in told.err


def test_check_of_files_advises_what_is_valid_and_cannot_work(begun: Desk):
    folder = begun.home / "desired"
    begun.git(folder, "pull", "-q", "origin", "main")
    assert "! " not in begun.run("max", "check", "--files", str(folder), "--strict").err
    (folder / ".gitattributes").write_text("*.ipynb -diff\nmodels/** linguist-generated\n")
    (folder / "cards/EXAMPLE.md").unlink()
    (folder / "CODEOWNERS").write_text("*  @cody\n[abc] @cody\n/models/\n")
    told = begun.run("max", "check", "--files", str(folder))
    assert told.err.splitlines()[:-1] == [
        "✓ 4 documents, all valid",
        "! CODEOWNERS:2: this line counts for nothing: character ranges are not supported in CODEOWNERS",
        "! models/credit-risk.yaml:1: CODEOWNERS gives it to nobody, and its rules ask for code owners: it is refused",
        "! models/credit-risk.yaml:1: its card cards/EXAMPLE.md is not there",
    ]
    assert told.err.splitlines()[-1] == (
        "! .gitattributes:2: linguist-generated hides models/credit-risk.yaml from review: "
        "the forge folds its changes up"
    )
    assert begun.run("max", "check", "--files", str(folder), "--strict", expect=1).err == told.err


def _twice(folder: Path) -> str:
    (folder / "models" / "twice.yaml").write_text("kind: Model\nkind: Model\n")
    return "models/twice.yaml:2:1: "


def _link(folder: Path) -> str:
    (folder / "models" / "link.yaml").symlink_to("/etc/passwd")
    return "models/link.yaml:1:1: a symbolic link"


def _policy(folder: Path) -> str:
    (folder / "stagewright.yaml").write_text("kind: Nothing\n")
    return "stagewright.yaml:"


@pytest.mark.parametrize("damage", [_twice, _link, _policy])
def test_check_of_files_names_every_problem_with_its_place(begun: Desk, damage: Callable[[Path], str]):
    place = damage(begun.home / "desired")
    told = begun.run("max", "check", "--files", str(begun.home / "desired"), expect=2)
    assert f"✗ invalid   {place}" in told.out
    assert "root:" not in told.out
    found = begun.run("max", "check", "--files", str(begun.home / "desired"), "-o", "json", expect=2).json()
    assert found["kind"] == "Problems"


def test_check_of_files_in_no_folder_says_so(begun: Desk):
    assert "is no folder" in begun.run("max", "check", "--files", "/nowhere", expect=2).err


# -- webhooks --------------------------------------------------------------------------------------------------------


def test_webhook_begins_the_next_sync_at_once(hosted: HostedDesk, monkeypatch: pytest.MonkeyPatch):
    listener, syncer, count = bootstrap.webhook_listener, bootstrap.syncer, 0
    doors: list[Any] = []

    def listening(*arguments: Any) -> Any:
        doors.append(listener(*arguments))
        return doors[0]

    class Counting:
        def __init__(self, *arguments: Any, **more: Any) -> None:
            self._syncer = syncer(*arguments, **more)

        def sync(self) -> Any:
            nonlocal count
            count += 1
            if count == 1:
                body = b"{}"
                headers = {
                    "X-Hub-Signature-256": f"sha256={hmac(SECRET, body, sha256).hexdigest()}",
                    "X-GitHub-Event": "push",
                }
                connection = http.client.HTTPConnection("127.0.0.1", doors[0].port)
                connection.request("POST", "/webhook", body, headers)
                assert connection.getresponse().status == 202
                connection.close()
            else:
                os.kill(os.getpid(), signal.SIGTERM)
            return self._syncer.sync()

    monkeypatch.setattr(bootstrap, "webhook_listener", listening)
    monkeypatch.setattr(bootstrap, "syncer", Counting)
    told = hosted.run("max", "sync", "--watch", "--interval", "3600", "--webhook", "127.0.0.1:0")
    assert count == 2
    assert f"listening for webhooks on port {doors[0].port}, at /webhook" in told.err
