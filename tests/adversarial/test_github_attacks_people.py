"""Whose review counts on GitHub, and whose does not. The numbers are those of docs/threat-model.md."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from stagewright.ledger import predicates as entry
from stagewright.model.keys import parse_key
from tests.adversarial.attacked_bank import BOTH, TWIN, TWO, AttackedBank, begun, honest, of, stopped
from tests.bank import GOVERNANCE, policy, rule

TEAM = policy(rule("risk", "Staging", approvals=[(1, "@acme/model-risk")]), GOVERNANCE, groups={})
GROUP = policy(rule("risk", "Staging", approvals=[(1, "@acme/model-risk")]), GOVERNANCE, risk=("mo", "pat"))
MORE = "0 of 1 given; 1 more from: @noor, @olga"


def second_account(rules: str) -> str:
    """The policy, which knows that @noor has a second account."""
    known = json.loads(rules)
    known["spec"]["people"]["@noor"]["accounts"] = ["@noor-two"]
    return json.dumps(known)


def test_03_approval_of_ones_own_pull_request(tmp_path: Path):
    """GitHub takes none; one that comes by a second account of the same person does not count."""
    rules, owners = second_account(policy()), "/models/ @noor @noor-two @olga\n"
    with begun(tmp_path, rules=rules, owners=owners, others=["noor-two"]) as bank:
        number = bank.propose({"Staging": 1}, by="noor")
        path = f"/repos/acme/models/pulls/{number}/reviews"
        own = bank.world.person("noor").ask("POST", path, {"event": "APPROVE", "body": "Fine."})
        assert own.status_code == 422
        bank.review("noor-two", number)
        bank.merge(number)
        honest(bank, "olga", by="noor")
        stopped(bank, "@noor opened the pull request, and nobody approves their own work")


@pytest.mark.parametrize("how", ["merge", "squash", "rebase"])
def test_04_commit_to_a_colleagues_pull_request_then_approve_it(tmp_path: Path, how: str):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.put(number, of(bank, {"Staging": 2}), by="olga")
        bank.review("olga", number)
        bank.merge(number, how)
        # pressing "Update branch" costs the reviewer nothing
        twin = bank.propose({"Staging": 1}, model=TWIN)
        bank.push({"README.md": "More.\n"})
        bank.world.call("PUT", f"/pulls/{twin}/update-branch", by="olga")
        bank.review("olga", twin)
        bank.merge(twin, "squash")
        stopped(bank, "@olga made commit")


def test_54_commit_in_a_colleagues_name(tmp_path: Path):
    """The pusher counts, not the author's line."""
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        branch = bank.pull(number).head_ref
        made = bank.craft([bank.pull(number).head_sha], of(bank, {"Staging": 2}), by="dana")
        bank.world.push("olga", branch, made)
        bank.review("olga", number)
        bank.merge(number, "squash")
        honest(bank, "olga")
        stopped(bank, "@olga made commit")


def test_54_branch_pushed_in_a_colleagues_name_before_they_open_it(tmp_path: Path):
    with begun(tmp_path) as bank:
        made = bank.craft([bank.head()], of(bank, {"Staging": 1}), by="dana")
        bank.world.push("olga", "ready-made", made)
        number = bank.world.open("ready-made", by="dana")
        bank.review("olga", number)
        bank.merge(number, "squash")
        honest(bank, "olga")
        stopped(bank, "@olga made commit")


def test_54_commit_that_a_colleague_takes_along_to_another_branch(tmp_path: Path):
    """Whoever pushes it there is a contributor, and so is whom the commit names."""
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        olgas = bank.put(number, of(bank, {"Staging": 2}), by="olga")
        bank.world.push("dana", bank.pull(number).head_ref, bank.head())
        bank.craft([olgas], {"README.md": "Mine alone.\n"}, by="dana", branch="again")
        second = bank.world.open("again", by="dana")
        bank.review("olga", second)
        bank.merge(second, "squash")
        honest(bank, "olga")
        stopped(bank, "@olga made commit")


def test_14_approver_who_has_left_the_team(tmp_path: Path):
    with begun(tmp_path, rules=TEAM) as bank:
        team = bank.world.team("model-risk", "mo", "pat")
        number = bank.propose({"Staging": 1})
        bank.review("mo", number)
        bank.merge(number)
        honest(bank, "pat")
        team.direct.remove(bank.world.person("mo").account)
        stopped(bank, "0 of 1 given; 1 more from: @pat")


def test_14_team_that_is_not_shown_decides_nothing(tmp_path: Path):
    with begun(tmp_path, rules=TEAM) as bank:
        team = bank.world.team("model-risk", "mo", "pat")
        number = bank.propose({"Staging": 1})
        bank.review("mo", number)
        bank.merge(number)
        team.slug = "moved-away"
        report = bank.sync()
        assert [v.answer for v in report.verdicts] == ["pending"]
        assert bank.aliases() == {}
        team.slug = "model-risk"
        bank.sync()
        assert bank.aliases() == {"challenger": 1}


def test_15_veto_after_ones_own_approval(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        bank.review("noor", number, "reject")
        bank.review("olga", number)
        bank.merge(number)
        twin = bank.propose({"Staging": 1}, model=TWIN)
        bank.review("noor", twin, "reject")
        bank.review("noor", twin)
        bank.merge(twin)
        stopped(bank, "veto by @noor")


def test_16_colleagues_change_request_dismissed(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.world.dismiss("maintainer", number, bank.review("noor", number, "reject"))
        bank.review("olga", number)
        bank.merge(number)
        # whoever dismisses their own has taken it back
        twin = bank.propose({"Staging": 1}, model=TWIN)
        bank.world.dismiss("noor", twin, bank.review("noor", twin, "reject"))
        bank.review("olga", twin)
        bank.merge(twin)
        stopped(bank, "veto by @noor")


@pytest.mark.parametrize("collected", [False, True], ids=["kept", "collected"])
def test_16_request_for_changes_shaken_off_by_a_forced_push(tmp_path: Path, collected: bool):
    """The same is proposed by another commit, and the rejected one is gone from the pull request."""
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number, "reject")
        anew = {**of(bank, {"Staging": 1}), "README.md": "Rebased.\n"}
        bank.craft([bank.head()], anew, by="dana", branch=bank.pull(number).head_ref)
        bank.review("olga", number)
        bank.merge(number)
        # what was changed as asked is another proposal
        twin = bank.propose({"Staging": 2}, model=TWIN)
        bank.review("noor", twin, "reject")
        bank.put(twin, {f"models/{TWIN}.yaml": bank.text({"Staging": 1}, TWIN)})
        bank.review("olga", twin)
        bank.merge(twin)
        if collected:
            bank.world.git_origin("reflog", "expire", "--expire=now", "--all")
            bank.world.git_origin("gc", "-q", "--prune=now")
        stopped(bank, "veto by @noor")


def test_16_request_for_changes_of_an_owner_whose_access_is_taken_away(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number, "reject")
        bank.review("olga", number)
        del bank.world.hosted.collaborators[bank.world.person("noor").account.id]
        bank.merge(number)
        honest(bank, "olga")
        stopped(bank, "veto by @noor")


def either(team: str) -> str:
    """A policy by which a code owner or a member of a team of the forge approves."""
    rules = json.loads(TEAM)
    rules["spec"]["rules"][0]["require"]["approvals"] = [{"count": 1, "from": ["codeowners", team]}]
    return json.dumps(rules)


@pytest.mark.parametrize("how", ["renamed", "deleted"])
def test_16_team_of_a_veto_is_taken_away(tmp_path: Path, how: str):
    """A team that is not there is not one of nobody: whose rejections count cannot be told without it."""
    with begun(tmp_path, rules=either("@acme/model-risk")) as bank:
        team = bank.world.team("model-risk", "mo", "pat")
        honest(bank)
        bank.sync()
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        bank.review("mo", number, "reject")
        teams = bank.github.world.teams
        key = next(key for key, one in teams.items() if one is team)
        if how == "renamed":
            team.slug = "moved-away"
        else:
            del teams[key]
        bank.merge(number)
        stopped(bank, "the forge has no team @acme/model-risk (any more)")
        team.slug, teams[key] = "model-risk", team
        stopped(bank, "veto by @mo")


def test_16_team_that_was_never_there_is_named(tmp_path: Path):
    with begun(tmp_path, rules=either("@acme/nowhere")) as bank:
        bank.promote({"Staging": 1}, "noor")
        report = bank.sync()
        assert [v.answer for v in report.verdicts] == ["pending"]
        assert report.verdicts[0].reason == (
            "teams: the forge has no team @acme/nowhere (any more), so that nobody knows whose rejection counts: "
            "give it its name back, or name another in the governance"
        )
        assert bank.aliases() == {}


def test_17_dismissed_approval_falls_back_to_no_older_one(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        bank.world.dismiss("maintainer", number, bank.review("noor", number))
        bank.merge(number)
        honest(bank)
        stopped(bank, "it was dismissed")


@pytest.mark.parametrize("text", ["LGTM, approved!", ":+1: /approve", "APPROVED\n\nstagewright-decision: approve"])
def test_18_words_instead_of_an_approval(tmp_path: Path, text: str):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.world.call("POST", f"/pulls/{number}/reviews", {"event": "COMMENT", "body": text}, by="noor")
        bank.world.call("POST", f"/issues/{number}/comments", {"body": text}, by="olga")
        bank.merge(number)
        honest(bank)
        stopped(bank, "a comment decides nothing")


def test_19_approval_after_the_merge_counts_for_what_is_pending_only(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.craft([bank.head(), bank.pull(number).head_sha], of(bank, {"Staging": 2}), branch="main")
        twin = bank.propose({"Staging": 1}, model=TWIN)
        bank.merge(twin)
        bank.sync()
        assert (bank.aliases(), bank.aliases(TWIN)) == ({}, {})
        bank.review("noor", number)
        bank.review("noor", twin)
        stopped(bank, "the merge brought what no reviewed head had", "refused")
        memory = bank.recorded()
        _, judged = memory.verdicts[memory.last_verdict[parse_key(f"{TWIN}/Staging")]]
        first = min(v.recorded_at for v in bank.entries(entry.Verdict))
        assert [s.first_seen > first for s in judged.sign_offs] == [True]


def test_19_policy_that_refuses_approvals_from_after_the_merge(tmp_path: Path):
    in_time = rule("in-time", "Staging", approvals=[(1, "codeowners")], approvalsAfterMerge="refuse")
    with begun(tmp_path, rules=policy(in_time, GOVERNANCE)) as bank:
        number = bank.propose({"Staging": 1})
        bank.merge(number, "squash")
        bank.clock.forward(minutes=1)
        bank.review("noor", number)
        honest(bank)
        stopped(bank, "too late, after the merge: @noor")


@pytest.mark.parametrize("level", ["pull", "push"])
@pytest.mark.parametrize("departed", ["renamed", "deleted"])
def test_20_login_of_a_departed_owner_taken_over(tmp_path: Path, departed: str, level: str):
    """Whether the newcomer may read, as on a public repository, or write: they are not whom CODEOWNERS means."""
    with begun(tmp_path) as bank:
        world = bank.github.world
        noor = bank.world.person("noor").account
        if departed == "renamed":
            world.rename(noor, "noor-of-old")
        else:
            world.delete(noor)
        bank.admit("mallory", level)
        world.rename(bank.world.person("mallory").account, "noor")
        number = bank.propose({"Staging": 1})
        bank.review("mallory", number)
        bank.merge(number)
        honest(bank, "olga")
        left = "@noor, @olga" if departed == "renamed" else "@olga"
        stopped(bank, f"0 of 1 given; 1 more from: {left}")


@pytest.mark.parametrize("departed", ["renamed", "deleted"])
def test_20_login_of_a_departed_group_member_taken_over(tmp_path: Path, departed: str):
    """A group names logins, and means the accounts that had them when the governance was approved."""
    with begun(tmp_path, rules=GROUP) as bank:
        world, mo = bank.github.world, bank.world.person("mo").account
        if departed == "renamed":
            world.rename(mo, "mo-of-old")
        else:
            world.delete(mo)
        bank.admit("mallory")
        world.rename(bank.world.person("mallory").account, "mo")
        bank.restart()
        number = bank.propose({"Staging": 1})
        bank.review("mallory", number)
        bank.merge(number)
        honest(bank, "mo" if departed == "renamed" else "pat")
        stopped(bank, "0 of 1 given")
        said = {alarm.subject: alarm.message for alarm in bank.entries(entry.Alarm)}
        taker = bank.world.person("mallory").account.id
        assert f"account {taker}, which has that login now, counts for nobody" in said["login @mo"]
        bank.sync()
        assert len(bank.entries(entry.Alarm)) == 1


def test_20_login_that_nobody_had_is_nobodys_afterwards(tmp_path: Path):
    """Whoever makes an account under it later is not who the policy means."""
    with begun(tmp_path, owners="/models/ @noor @nobody-yet\n") as bank:
        bank.admit("nobody-yet")
        number = bank.propose({"Staging": 1})
        bank.review("nobody-yet", number)
        bank.merge(number)
        honest(bank)
        stopped(bank, "0 of 1 given")
        # once the owners approve it taken out and named anew, it means the account that is there
        for owners in ("/models/ @noor\n", "/models/ @noor @nobody-yet\n"):
            change = bank.open({"CODEOWNERS": owners}, title="Say whose the models are")
            for who in ("mo", "pat"):
                bank.review(who, change)
            bank.merge(change)
            bank.sync()
        assert bank.aliases() == {"challenger": 1}


def test_23_second_account_under_a_new_name(tmp_path: Path):
    """A tie is to the account, and a new name does not loosen it."""
    rules, owners = second_account(TWO), "/models/ @noor @noor-two @olga\n"
    with begun(tmp_path, rules=rules, owners=owners, others=["noor-two"]) as bank:
        bank.github.world.rename(bank.world.person("noor-two").account, "somebody-else")
        bank.restart()
        number = bank.propose({"Staging": 1})
        for who in ("noor", "noor-two"):
            bank.review(who, number)
        bank.merge(number)
        honest(bank, "noor-two", "olga")
        stopped(bank, "1 of 2 given; 1 more from: @olga")
        assert bank.entries(entry.Alarm) == []


def test_23_second_account_that_is_made_later_makes_a_contributor_all_the_same(tmp_path: Path):
    with begun(tmp_path, rules=second_account(policy())) as bank:
        bank.admit("noor-two")
        number = bank.propose({"Staging": 1}, by="noor-two")
        bank.review("noor", number)
        bank.merge(number)
        honest(bank, "olga", by="noor-two")
        stopped(bank, "@noor opened the pull request, and nobody approves their own work")


@pytest.mark.parametrize("login", ["noor-", "no0r", "n00r", "noorr"])
def test_21_login_that_looks_like_an_owners(tmp_path: Path, login: str):
    with begun(tmp_path) as bank:
        bank.admit(login)
        number = bank.propose({"Staging": 1})
        bank.review(login, number)
        bank.merge(number)
        honest(bank)
        stopped(bank, f"@{login.lower()} approved, and only looks like @noor")


def post_as_app(bank: AttackedBank, path: str, body: dict[str, str]) -> Any:
    """What the API answers an App of the organization that has every permission that it needs."""
    world = bank.github.world
    app = world.app("helper", bank.world.organization, permissions={"pull_requests": "write", "contents": "write"})
    token = world.installation_token(world.install(app, bank.world.organization), {}, 3600)
    return requests.post(
        f"{bank.github.api}/repos/acme/models/{path}",
        json=body,
        headers={"Authorization": f"Bearer {token.secret}"},
        timeout=30,
    ).json()


def review_as_app(bank: AttackedBank, number: int) -> None:
    body = {"event": "APPROVE", "body": "All checks are green."}
    assert post_as_app(bank, f"pulls/{number}/reviews", body)["state"] == "APPROVED"


def test_22_app_approves(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        review_as_app(bank, number)
        bank.merge(number)
        honest(bank)
        stopped(bank, "a bot is no person")


def test_22_pull_request_that_an_app_opens_anew(tmp_path: Path):
    """Whoever made the App open it is its author, and is not known: any approver may be that person."""
    with begun(tmp_path) as bank:
        first = bank.propose({"Staging": 1})
        branch = bank.pull(first).head_ref
        bank.world.call("PATCH", f"/pulls/{first}", {"state": "closed"})
        number = post_as_app(bank, "pulls", {"head": branch, "base": "main", "title": "Promote"})["number"]
        bank.review("noor", number)
        bank.merge(number)
        honest(bank)
        stopped(bank, "a bot (helper[bot]) opened the pull request, and on whose behalf is not known")


def test_23_two_accounts_of_one_person(tmp_path: Path):
    rules, owners = second_account(TWO), "/models/ @noor @noor-two @olga\n"
    with begun(tmp_path, rules=rules, owners=owners, others=["noor-two"]) as bank:
        number = bank.propose({"Staging": 1})
        for who in ("noor", "noor-two"):
            bank.review(who, number)
        bank.merge(number)
        honest(bank, "noor-two", "olga")
        stopped(bank, "1 of 2 given; 1 more from: @olga")


def test_24_one_person_in_both_groups(tmp_path: Path):
    with begun(tmp_path, rules=BOTH, owners="/models/ @noor @olga @mo\n") as bank:
        number = bank.propose({"Staging": 1})
        bank.review("mo", number)
        bank.merge(number)
        honest(bank, "mo", "noor")
        stopped(bank, "0 of 1 given")


def test_24_one_person_twice(tmp_path: Path):
    with begun(tmp_path, rules=TWO) as bank:
        number = bank.propose({"Staging": 1})
        for _ in range(2):
            bank.review("noor", number)
        bank.merge(number)
        honest(bank, "noor", "olga")
        stopped(bank, "1 of 2 given; 1 more from: @olga")


def test_38_veto_beyond_the_first_page_of_reviews(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("olga", number)
        pull, eve = bank.pull(number), bank.world.person("eve").account
        for _ in range(210):
            bank.github.forge.review(bank.world.hosted, pull, eve, event="COMMENT", body="Hm.", commit=None)
        bank.review("noor", number, "reject")
        bank.merge(number)
        honest(bank)
        stopped(bank, "veto by @noor")


def test_20_owner_who_may_not_write_any_more(tmp_path: Path):
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        bank.review("noor", number)
        bank.merge(number)
        honest(bank, "olga")
        del bank.world.hosted.collaborators[bank.world.person("noor").account.id]
        stopped(bank, "0 of 1 given; 1 more from: @olga")


@pytest.mark.parametrize("shown", [True, False], ids=["activity shown", "activity not shown"])
def test_54_commits_of_a_fork(tmp_path: Path, shown: bool):
    """Whoever pushed to a fork that does not show its activity is not known, and nobody is shown to be independent."""
    with begun(tmp_path) as bank:
        bank.admit("mallory", "pull")
        mallory = bank.world.person("mallory")
        fork = bank.github.world.fork(bank.world.hosted, mallory.account)
        if shown:
            fork.collaborators[bank.world.person("robot").account.id] = "pull"
        files = {path: text.encode() for path, text in of(bank, {"Staging": 1}).items() if isinstance(text, str)}
        bank.github.commit(fork, mallory.account, files, branch="hers")
        number = mallory.open("acme/models", "mallory:hers")
        bank.review("noor", number)
        bank.merge(number, "squash")
        honest(bank)
        if not shown:
            stopped(bank, "is not proven (unsigned, or an unknown key)")
            return
        bank.sync()
        assert (bank.aliases(), bank.aliases(TWIN)) == ({"challenger": 1}, {"challenger": 1})
