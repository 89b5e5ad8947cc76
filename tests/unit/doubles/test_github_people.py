"""Accounts, teams, Apps and reviews on the double, seen from outside."""

import jwt
import pytest
import requests

from tests.doubles.github.accounts import App
from tests.doubles.github.company import NAME, Company
from tests.doubles.github.person import Person

PERMISSIONS = {"checks": "write", "contents": "read", "pull_requests": "write", "members": "read"}


def opened(company: Company) -> int:
    company.dana.push(NAME, "promote", {"models/a.yaml": b"a"})
    return company.dana.open(NAME, "promote")


def signed(app: App, *, key: str | None = None, ends_in_s: int = 300, issuer: str | None = None) -> str:
    now = int(app.created.timestamp())
    claims = {"iat": now - 30, "exp": now + ends_in_s, "iss": issuer or str(app.id)}
    return jwt.encode(claims, key or app.private_key, algorithm="RS256")


def bearer(company: Company, secret: str, method: str, path: str, body: object = None) -> requests.Response:
    return requests.request(
        method, company.github.api + path, json=body, headers={"Authorization": f"Bearer {secret}"}, timeout=30
    )


def installed(company: Company) -> tuple[App, int]:
    world = company.github.world
    app = world.app("stagewright", company.organization, permissions=PERMISSIONS)
    return app, world.install(app, company.organization).id


# reviews


def test_reviews_keep_the_commit_that_was_seen(company: Company):
    number = opened(company)
    first = company.repository.pulls[number].head_sha
    company.noor.review(NAME, number, "APPROVE")
    second = company.dana.push(NAME, "promote", {"models/a.yaml": b"b"})
    company.noor.review(NAME, number, "APPROVE")

    listed = company.dana.call("GET", f"/repos/{NAME}/pulls/{number}/reviews")

    assert [(review["state"], review["commit_id"]) for review in listed] == [("APPROVED", first), ("APPROVED", second)]


def test_dismissal_overwrites_the_state_and_only_the_timeline_tells(company: Company):
    number = opened(company)
    review = company.noor.review(NAME, number, "REQUEST_CHANGES")

    company.lee.dismiss(NAME, number, review, "we are late")

    listed = company.dana.call("GET", f"/repos/{NAME}/pulls/{number}/reviews")
    lines = company.dana.call("GET", f"/repos/{NAME}/issues/{number}/timeline")
    (line,) = [line for line in lines if line["event"] == "review_dismissed"]
    assert [found["state"] for found in listed] == ["DISMISSED"]
    assert (line["actor"]["login"], line["dismissed_review"]) == (
        "lee",
        {"state": "changes_requested", "review_id": review, "dismissal_message": "we are late"},
    )


def test_push_dismisses_approvals_where_the_branch_wants_it(company: Company):
    rules = {"required_pull_request_reviews": {"dismiss_stale_reviews": True}}
    company.ada.call(
        "PUT", f"/repos/{NAME}/branches/main/protection",
        {"required_status_checks": None, "enforce_admins": None, "restrictions": None, **rules},
    )  # fmt: skip
    number = opened(company)
    company.noor.review(NAME, number, "APPROVE")

    company.dana.push(NAME, "promote", {"models/a.yaml": b"b"})

    listed = company.dana.call("GET", f"/repos/{NAME}/pulls/{number}/reviews")
    assert [found["state"] for found in listed] == ["DISMISSED"]


@pytest.mark.parametrize("event", ["APPROVE", "REQUEST_CHANGES"])
def test_nobody_decides_on_their_own_pull(company: Company, event: str):
    number = opened(company)

    answer = company.dana.ask("POST", f"/repos/{NAME}/pulls/{number}/reviews", {"event": event, "body": "x"})

    assert answer.status_code == 422
    assert "your own pull request" in answer.json()["errors"][0]


def test_pending_review_is_its_authors_alone(company: Company):
    number = opened(company)
    path = f"/repos/{NAME}/pulls/{number}/reviews"
    review = company.noor.call("POST", path, {"body": "draft"})["id"]
    assert company.dana.call("GET", path) == []

    company.noor.call("POST", f"{path}/{review}/events", {"event": "APPROVE"})

    assert [(found["id"], found["state"]) for found in company.dana.call("GET", path)] == [(review, "APPROVED")]


def test_owners_are_asked_and_are_not_after_their_review(company: Company):
    number = opened(company)
    path = f"/repos/{NAME}/pulls/{number}/requested_reviewers"
    asked = company.dana.call("GET", path)
    company.noor.review(NAME, number, "COMMENT")

    assert [team["slug"] for team in asked["teams"]] == ["model-risk"]
    assert company.dana.call("GET", path) == {"users": [], "teams": []}


def test_stranger_is_not_asked_for_a_review(company: Company):
    Person(company.github, "mallory")
    number = opened(company)
    path = f"/repos/{NAME}/pulls/{number}/requested_reviewers"

    assert company.dana.ask("POST", path, {"reviewers": ["mallory"]}).status_code == 422
    assert company.dana.ask("POST", path, {"reviewers": ["lee"], "team_reviewers": ["model-risk"]}).status_code == 201


# accounts


def test_renamed_user_keeps_the_id_and_whoever_takes_the_login_has_another(company: Company):
    number = opened(company)
    company.noor.review(NAME, number, "APPROVE")
    company.github.world.rename(company.noor.account, "noor-new")
    taken = company.github.world.account("noor")

    (review,) = company.dana.call("GET", f"/repos/{NAME}/pulls/{number}/reviews")

    assert (review["user"]["login"], review["user"]["id"]) == ("noor-new", company.noor.account.id)
    assert company.dana.call("GET", "/users/noor")["id"] == taken.id != company.noor.account.id


def test_deleted_user_is_nobody_or_the_ghost(company: Company):
    number = opened(company)
    company.noor.review(NAME, number, "APPROVE")
    company.github.world.delete(company.noor.account)
    company.github.world.delete(company.dana.account)

    (review,) = company.lee.call("GET", f"/repos/{NAME}/pulls/{number}/reviews")
    pull = company.lee.call("GET", f"/repos/{NAME}/pulls/{number}")
    members = company.lee.call("GET", "/orgs/acme/teams/model-risk/members")

    assert (review["user"], pull["user"]["login"]) == (None, "ghost")
    assert [member["login"] for member in members] == ["kim"]


def test_members_of_child_teams_are_marked(company: Company):
    members = company.dana.call("GET", "/orgs/acme/teams/model-risk/members")

    assert [(member["login"], member["inherited"]) for member in members] == [("noor", False), ("kim", True)]


def test_teams_are_hidden_from_outside_and_need_their_scope(company: Company):
    outsider = Person(company.github, "mallory")
    narrow = Person(company.github, "lee", "repo")

    assert outsider.ask("GET", "/orgs/acme/teams/model-risk/members").status_code == 404
    assert narrow.ask("GET", "/orgs/acme/teams/model-risk/members").status_code == 403


@pytest.mark.parametrize(
    ("login", "permission"), [("ada", "admin"), ("dana", "write"), ("kim", "write"), ("mallory", "none")]
)
def test_permission_comes_by_ownership_invitation_or_a_parent_team(company: Company, login: str, permission: str):
    Person(company.github, "mallory")

    answer = company.ada.call("GET", f"/repos/{NAME}/collaborators/{login}/permission")

    assert answer["permission"] == permission


# Apps


def test_app_becomes_its_installation_and_acts_as_its_bot(company: Company):
    app, installation = installed(company)
    number = opened(company)
    granted = bearer(company, signed(app), "POST", f"/app/installations/{installation}/access_tokens").json()

    made = bearer(
        company, granted["token"], "POST", f"/repos/{NAME}/issues/{number}/comments", {"body": "checked"}
    ).json()

    assert (made["user"]["login"], made["user"]["type"]) == ("stagewright[bot]", "Bot")
    assert made["performed_via_github_app"]["id"] == app.id
    assert bearer(company, signed(app), "GET", f"/repos/{NAME}/installation").json()["id"] == installation


def test_installation_token_ends_after_an_hour(company: Company):
    app, installation = installed(company)
    token = bearer(company, signed(app), "POST", f"/app/installations/{installation}/access_tokens").json()["token"]
    assert bearer(company, token, "GET", f"/repos/{NAME}").status_code == 200

    company.github.world.clock.advance(hours=1)

    assert bearer(company, token, "GET", f"/repos/{NAME}").status_code == 401


def test_token_of_an_app_is_refused(company: Company):
    app, _ = installed(company)
    other = jwt.encode({"iat": 1, "exp": 2, "iss": str(app.id)}, "x" * 32, algorithm="HS256")
    forged = {
        "too long a life": signed(app, ends_in_s=1000),
        "ended": signed(app, ends_in_s=-100),
        "another kind of signature": other,
    }

    statuses = {name: bearer(company, text, "GET", "/app").status_code for name, text in forged.items()}

    assert statuses == dict.fromkeys(forged, 401)
    assert bearer(company, signed(app, issuer="999999"), "GET", "/app").status_code == 404
    assert bearer(company, signed(app), "GET", "/app").json()["slug"] == "stagewright"


def test_app_does_only_what_it_was_permitted(company: Company):
    app, installation = installed(company)
    token = bearer(company, signed(app), "POST", f"/app/installations/{installation}/access_tokens").json()["token"]
    head = company.github.world.git.tip(company.repository.id, "main")

    refused = bearer(company, token, "POST", f"/repos/{NAME}/statuses/{head}", {"state": "success"})
    run = {"name": "stagewright", "head_sha": head, "status": "completed", "conclusion": "success"}

    assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by integration")
    assert bearer(company, token, "POST", f"/repos/{NAME}/check-runs", run).status_code == 201
    assert company.dana.ask("POST", f"/repos/{NAME}/check-runs", run).status_code == 403


def test_checks_are_told_with_their_app(company: Company):
    app, installation = installed(company)
    token = bearer(company, signed(app), "POST", f"/app/installations/{installation}/access_tokens").json()["token"]
    head = company.github.world.git.tip(company.repository.id, "main")
    for conclusion in ("failure", "success"):
        run = {"name": "validation", "head_sha": head, "conclusion": conclusion, "external_id": "7"}
        bearer(company, token, "POST", f"/repos/{NAME}/check-runs", run)

    listed = company.dana.call("GET", f"/repos/{NAME}/commits/{head}/check-runs", check_name="validation")

    assert listed["total_count"] == 1
    (run,) = listed["check_runs"]
    assert (run["conclusion"], run["app"]["id"], run["external_id"]) == ("success", app.id, "7")
