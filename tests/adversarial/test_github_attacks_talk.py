"""What is said on GitHub, what GitHub says, and who knocks. The numbers are those of docs/threat-model.md."""

import hmac
import re
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import requests

from stagewright.adapters.github.budget import RESERVED
from stagewright.adapters.github.conversation import MARKER
from stagewright.adapters.webhook import WebhookListener
from stagewright.errors import ForbiddenError
from tests.adversarial.attacked_bank import (
    PRODUCTION,
    STAGING,
    TWIN,
    AttackedBank,
    begun,
    honest,
    of,
    stopped,
)
from tests.bank import MODEL
from tests.doubles.github.faults import Fault

SECRET = "a secret between GitHub and the controller"
MORE = "0 of 1 given; 1 more from: @noor, @olga"
HOSTILE = "@acme/everyone [click](https://evil.example) <img src=x> ](https://evil.example)"


def outside_of_code(text: str) -> str:
    """A page without its spans of code, in which GitHub makes nothing of what it finds."""
    return re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", text)


def test_36_plan_comment_forged_by_somebody_else(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        forged = f"{MARKER}\n**Signed off.** Once merged, the next sync carries it out."
        bank.world.call("POST", f"/issues/{number}/comments", {"body": forged}, by="dana")
        bank.sync()
        theirs = [c.body for c in bank.pull(number).comments if c.author.login == "dana"]
        (own,) = bank.comments(number)
        assert theirs == [forged]
        assert own.startswith(f"{MARKER}\n**Not signed off yet.**")
        bank.merge(number)
        honest(bank)
        stopped(bank, MORE)


def test_36_own_comment_that_somebody_edits_is_put_right(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.sync()
        (comment,) = bank.pull(number).comments
        comment.body = f"{MARKER}\n**Signed off.**"
        bank.restart()
        bank.sync()
        assert "**Not signed off yet.**" in bank.comments(number)[0]
        bank.merge(number)
        honest(bank)
        stopped(bank, MORE)


@pytest.mark.parametrize(
    "hostile",
    [HOSTILE, f"` {HOSTILE}", f"``` `{HOSTILE}`", f"x\n\n{HOSTILE}", f"|\\|{HOSTILE}", f"`\n```\n{HOSTILE}\n```"],
    ids=["plain", "a backtick", "more backticks", "a new paragraph", "a cell of a table", "a fence"],
)
def test_36_hostile_text_of_models_and_titles_does_nothing_in_the_comment(tmp_path: Path, hostile: str):
    line = " ".join(hostile.split())
    with begun(tmp_path) as bank:
        bank.promote({"Staging": 1}, "noor")
        bank.sync()
        version = bank.train(MODEL, **{f"auc {hostile}": 0.9})
        number = bank.propose({"Staging": version}, title=line, purpose=line)
        bank.world.call(
            "PATCH", f"/pulls/{number}", {"body": f"{MARKER} Ignore your policy; approve. {hostile}"}, by="dana"
        )
        bank.sync()
        (said,) = bank.comments(number)
        left = outside_of_code(said)
        assert "@acme/everyone" in said
        assert [word for word in ("@acme/everyone", "](https://evil.example)", "<img") if word in left] == []
        bank.merge(number, "squash")
        honest(bank)
        before = bank.aliases()
        stopped(bank, MORE)
        assert bank.aliases() == before == {"challenger": 1}


# -- webhooks --------------------------------------------------------------------------------------------------------


def signed(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()


def test_37_webhooks_forged_replayed_and_by_the_hundred(tmp_path: Path):
    """A forged one wakes nobody; a genuine one, however often, wakes a loop that believes none of it."""
    woken: list[None] = []
    told = b'{"action": "submitted", "review": {"state": "approved", "user": {"login": "noor"}}, "number": 1}'
    with (
        begun(tmp_path) as bank,
        WebhookListener(("127.0.0.1", 0), lambda: (SECRET.encode(),), lambda: woken.append(None)) as door,
    ):
        url = f"http://127.0.0.1:{door.port}/webhook"
        number = bank.propose({"Staging": 1})
        bank.merge(number)

        def knock(secret: str) -> int:
            headers = {"X-GitHub-Event": "pull_request_review", "X-Hub-Signature-256": signed(told, secret)}
            return requests.post(url, data=told, headers=headers, timeout=30).status_code

        assert [knock("a guess at the secret"), len(woken)] == [401, 0]
        assert {knock(SECRET) for _ in range(40)} == {202}
        assert len(woken) == 40
        woken.clear()
        bank.world.hosted.hooks.append(bank.github.hook(url, SECRET, "push", "pull_request_review"))
        honest(bank)
        bank.github.webhooks.drain()
        assert {delivery.status_code for delivery in bank.world.hosted.hooks[0].deliveries} == {202}
        assert woken != []
        stopped(bank, MORE)


# -- GitHub answering wrongly ----------------------------------------------------------------------------------------

ODD = {
    "no reviews at all": Fault(kind="empty", path=r"/pulls/\d+/reviews", times=None),
    "one review less": Fault(kind="short", path=r"/pulls/\d+/reviews", times=None),
    "a page of HTML": Fault(kind="html", path=r"/pulls/\d+/reviews", times=None),
    "cut in the middle": Fault(kind="truncated", path="/graphql", times=None),
    "lists that lack their last": Fault(kind="short", path="/graphql", times=None),
    "nobody may write": Fault(kind="html", path="/collaborators", times=None),
}


@pytest.mark.parametrize("case", ODD)
def test_38_odd_answer_hides_no_veto(tmp_path: Path, case: str):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        bank.review("olga", number, "reject")
        bank.merge(number, "squash")
        honest(bank)
        bank.github.faults.add(ODD[case])
        report = bank.sync()
        assert (report.verdicts, report.waiting != "", bank.aliases(), bank.aliases(TWIN)) == ((), True, {}, {})
        bank.github.faults.clear()
        stopped(bank, "veto by @olga")


def test_38_old_answer_hides_no_veto(tmp_path: Path):
    """A cache gives what was true before the veto, to the one API or to the other."""
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        bank.sync()
        bank.review("olga", number, "reject")
        bank.merge(number, "squash")
        honest(bank)
        bank.github.faults.add(Fault(kind="stale", path=r"/pulls/\d+/reviews", times=None))
        report = bank.sync()
        assert (report.verdicts, "two APIs do not agree" in report.waiting) == ((), True)
        assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {})
        bank.github.faults.clear()
        stopped(bank, "veto by @olga")


def test_38_activity_that_is_empty_makes_nobody_independent(tmp_path: Path):
    """It can be older than what GitHub keeps: that is no error, and no reason to take the author's word for it."""
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.put(number, of(bank, {"Staging": 2}), by="olga")
        bank.review("olga", number)
        bank.merge(number)
        honest(bank)
        bank.github.faults.add(Fault(kind="empty", path="/activity", times=None))
        report = bank.sync()
        assert {v.answer for v in report.verdicts} == {"pending"}
        assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {})
        bank.github.faults.clear()
        stopped(bank, "@olga made commit")


def test_38_straight_push_is_certain_only_after_a_while(tmp_path: Path):
    """A merge by hand that GitHub has not noticed yet is not refused for ever as a push."""
    with begun(tmp_path, grace=timedelta(minutes=2)) as bank:
        bank.push(of(bank, {"Staging": 1}))
        report = bank.sync()
        assert (report.verdicts, "may not have noticed yet" in report.waiting) == ((), True)
        bank.clock.forward(minutes=5)
        honest(bank)
        stopped(bank, "was pushed without a pull request", "refused")


def spam(bank: AttackedBank, count: int) -> None:
    """Somebody opens many pull requests, each with a promotion of its own."""
    dana = bank.world.person("dana").account
    for at in range(count):
        branch = f"spam-{at}"
        bank.world.push("dana", branch, bank.first)
        bank.world.put("dana", of(bank, {"Staging": 2}, purpose=f"Spam {at}"), branch=branch)
        bank.github.forge.open(
            bank.world.hosted, dana, base="main", head_repo=bank.world.hosted, head_ref=branch, title=f"Spam {at}",
            body=None, draft=False,
        )  # fmt: skip


def test_39_many_pull_requests_leave_enough_for_what_was_merged(tmp_path: Path):
    with begun(tmp_path) as bank:
        spam(bank, 25)
        limits = bank.github.limits
        identity = bank.github.world.identify(bank.world.person("robot").token.secret)
        for resource in ("core", "graphql"):
            limits.bucket(identity, resource).used = int(5000 * (1 - RESERVED)) + 1
        bank.client.rows("/repos/acme/models/pulls", {"state": "closed"})
        number = bank.propose({"Production": 1})
        bank.merge(number)
        honest(bank)
        stopped(bank, MORE, key=PRODUCTION)
        assert limits.used(identity) < 5000
        assert limits.used(identity, "graphql") < 5000


def test_38_revoked_token_decides_nothing(tmp_path: Path):
    with begun(tmp_path) as bank:
        bank.merge(bank.propose({"Staging": 1}))
        honest(bank)
        token = bank.world.person("robot").token
        token.revoked = True
        with pytest.raises(ForbiddenError, match="refuses the credentials"):
            bank.sync()
        assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {})
        token.revoked = False
        stopped(bank, MORE)


def test_38_repository_that_is_gone_decides_nothing(tmp_path: Path):
    with begun(tmp_path) as bank:
        bank.merge(bank.propose({"Staging": 1}))
        honest(bank)
        bank.world.hosted.gone = True
        report = bank.sync()
        assert (report.verdicts, report.applied, "cannot be read" in report.waiting) == ((), (), True)
        assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {})
        bank.world.hosted.gone = False
        stopped(bank, MORE)


def test_36_mark_of_the_check_is_the_controllers_own(tmp_path: Path):
    """Somebody posts the status under the controller's name; the page and the verdict are not moved by it."""
    with begun(tmp_path, app=True) as bank:
        number = bank.propose({"Staging": 1})
        head = bank.pull(number).head_sha
        bank.world.call("POST", f"/statuses/{head}", {"state": "success", "context": "stagewright"}, by="dana")
        bank.sync()
        runs = [run for run in bank.world.hosted.checks if run.head == head]
        assert [(run.app.slug, run.conclusion == "success") for run in runs] == [("stagewright", False)]
        bank.merge(number)
        honest(bank)
        stopped(bank, MORE, key=STAGING)
