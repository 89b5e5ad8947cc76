"""Every operation of the double is asked once on each of its roots, and held against what is published."""

import base64

import jwt
import pytest
import requests

from tests.doubles.github.call import ROUTES
from tests.doubles.github.company import NAME, Company
from tests.doubles.github.person import Person

ORG = "/orgs/acme"
REPO = f"/repos/{NAME}"
TEAM = f"{ORG}/teams/model-risk"
GRANTED = ("administration", "checks", "contents", "deployments", "members", "pull_requests", "statuses")
EVERYTHING = dict.fromkeys(GRANTED, "write")


class Tour:
    """Asks at one root, as people and as an App."""

    def __init__(self, company: Company, root: str) -> None:
        self.company = company
        self.root = root

    def ask(self, person: Person, method: str, path: str, body: object = None, **query: str) -> object:
        return person.call(method, self.root + path, body, **query)

    def bear(self, secret: str, method: str, path: str, body: object = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {secret}"}
        answer = requests.request(method, self.root + path, json=body, headers=headers, timeout=30)
        assert answer.ok, f"{method} {path}: {answer.text}"
        return answer


def pulls(tour: Tour) -> str:
    """Pull requests, reviews and comments; the merge that came of them."""
    company = tour.company
    dana, noor, ada = company.dana, company.noor, company.ada
    dana.push(NAME, "one", {"models/a.yaml": b"a"})
    wanted = {"head": "one", "base": "main", "title": "One", "body": "text"}
    number = tour.ask(dana, "POST", f"{REPO}/pulls", wanted)["number"]
    pull, issue = f"{REPO}/pulls/{number}", f"{REPO}/issues/{number}"
    for path in ("", "/commits", "/files", "/reviews", "/requested_reviewers"):
        tour.ask(dana, "GET", pull + path)
    tour.ask(dana, "GET", f"{REPO}/pulls", state="open", base="main", head="acme:one", sort="updated", direction="asc")
    tour.ask(dana, "PATCH", pull, {"title": "Two", "body": "other"})
    tour.ask(dana, "POST", f"{pull}/requested_reviewers", {"reviewers": ["lee"]})
    tour.ask(dana, "DELETE", f"{pull}/requested_reviewers", {"reviewers": ["lee"]})
    company.lee.push(NAME, "main", {"other.txt": b"moved on"})
    tour.ask(dana, "PUT", f"{pull}/update-branch", {})
    for thrown_away in (True, False):
        review = tour.ask(noor, "POST", f"{pull}/reviews", {"body": "draft"})["id"]
        tour.ask(noor, "PUT", f"{pull}/reviews/{review}", {"body": "better"})
        tour.ask(noor, "GET", f"{pull}/reviews/{review}")
        if thrown_away:
            tour.ask(noor, "DELETE", f"{pull}/reviews/{review}")
    tour.ask(noor, "POST", f"{pull}/reviews/{review}/events", {"event": "APPROVE"})
    tour.ask(ada, "PUT", f"{pull}/reviews/{review}/dismissals", {"message": "no", "event": "DISMISS"})
    comments = [tour.ask(dana, "POST", f"{issue}/comments", {"body": "x"})["id"] for _ in range(2)]
    tour.ask(dana, "GET", f"{issue}/comments")
    tour.ask(dana, "GET", f"{REPO}/issues/comments/{comments[0]}")
    tour.ask(dana, "PATCH", f"{REPO}/issues/comments/{comments[0]}", {"body": "y"})
    tour.ask(dana, "DELETE", f"{REPO}/issues/comments/{comments[1]}")
    merge = tour.ask(ada, "PUT", f"{pull}/merge", {"merge_method": "squash", "commit_title": "Two (#1)"})["sha"]
    tour.ask(dana, "GET", f"{pull}/merge")
    for path in ("", "/events", "/timeline"):
        tour.ask(dana, "GET", issue + path)
    tour.ask(dana, "GET", f"{REPO}/commits/{merge}/pulls")
    return str(merge)


def commits(tour: Tour, merge: str) -> None:
    """What lies in the repository, and what is said on its commits."""
    company = tour.company
    dana = company.dana
    for path in ("", "/branches", "/branches/main", "/commits", f"/commits/{merge}", "/git/ref/heads/main"):
        tour.ask(dana, "GET", REPO + path)
    tour.ask(dana, "GET", f"{REPO}/contents/README.md", ref="main")
    tour.ask(dana, "GET", f"{REPO}/contents/models", ref="main")
    content = base64.b64encode(b"new").decode()
    body = {"message": "Put", "content": content, "branch": "put"}
    tour.ask(dana, "POST", f"{REPO}/git/refs", {"ref": "refs/heads/put", "sha": merge})
    tour.ask(dana, "PUT", f"{REPO}/contents/new.txt", body)
    tour.ask(dana, "GET", f"{REPO}/compare/main...put")
    tour.ask(dana, "DELETE", f"{REPO}/git/refs/heads/put")
    tour.ask(dana, "GET", f"{REPO}/activity", ref="refs/heads/main", direction="desc", time_period="week", actor="ada")
    tour.ask(dana, "POST", f"{REPO}/statuses/{merge}", {"state": "success", "context": "x", "description": "y"})
    for path in ("status", "statuses", "check-runs"):
        tour.ask(dana, "GET", f"{REPO}/commits/{merge}/{path}")
    wanted = {"ref": merge, "environment": "Staging", "auto_merge": False, "required_contexts": [], "payload": "{}"}
    made = tour.ask(dana, "POST", f"{REPO}/deployments", wanted)["id"]
    state = {"state": "success", "description": "done", "log_url": "https://stagewright.example/1"}
    tour.ask(dana, "POST", f"{REPO}/deployments/{made}/statuses", state)
    for path in ("", f"/{made}", f"/{made}/statuses"):
        tour.ask(dana, "GET", f"{REPO}/deployments{path}")
    tour.ask(dana, "GET", f"{REPO}/codeowners/errors")


def people(tour: Tour) -> None:
    """Accounts, teams, and what they may do."""
    ada, lee = tour.company.ada, tour.company.lee
    for path in ("/user", "/user/repos", "/users/dana", f"/user/{lee.account.id}", "/rate_limit", ORG, f"{ORG}/teams"):
        tour.ask(ada, "GET", path)
    tour.ask(ada, "PUT", f"{TEAM}/memberships/lee", {"role": "member"})
    for path in ("", "/members", "/teams", "/memberships/lee", f"{REPO}"):
        tour.ask(ada, "GET", TEAM + path)
    tour.ask(ada, "DELETE", f"{TEAM}/memberships/lee")
    tour.ask(ada, "PUT", TEAM + REPO, {"permission": "push"})
    tour.ask(ada, "PUT", f"{REPO}/collaborators/kim", {"permission": "pull"})
    for path in ("/collaborators", "/collaborators/kim", "/collaborators/kim/permission", "/teams"):
        tour.ask(ada, "GET", REPO + path)
    tour.ask(ada, "DELETE", f"{REPO}/collaborators/kim")


def settings(tour: Tour) -> None:
    """Webhooks and branch protection."""
    ada, webhooks = tour.company.ada, tour.company.github.webhooks
    wanted = {"config": {"url": "http://127.0.0.1:9/", "content_type": "json", "secret": "s"}, "events": ["push"]}
    hook = f"{REPO}/hooks/{tour.ask(ada, 'POST', f'{REPO}/hooks', wanted)['id']}"
    tour.ask(ada, "POST", f"{hook}/pings")
    webhooks.drain()
    made = tour.ask(ada, "GET", f"{hook}/deliveries")[0]["id"]
    tour.ask(ada, "GET", f"{hook}/deliveries/{made}")
    tour.ask(ada, "POST", f"{hook}/deliveries/{made}/attempts")
    webhooks.drain()
    tour.ask(ada, "PATCH", hook, {"active": False})
    tour.ask(ada, "GET", hook)
    tour.ask(ada, "GET", f"{REPO}/hooks")
    tour.ask(ada, "DELETE", hook)
    key = tour.ask(ada, "POST", f"{REPO}/keys", {"title": "robot", "key": "ssh-ed25519 AAAA", "read_only": True})["id"]
    tour.ask(ada, "GET", f"{REPO}/keys")
    tour.ask(ada, "DELETE", f"{REPO}/keys/{key}")
    protection = f"{REPO}/branches/main/protection"
    rules = {
        "required_status_checks": {"strict": True, "contexts": ["stagewright"]}, "enforce_admins": True,
        "required_pull_request_reviews": {"required_approving_review_count": 1}, "restrictions": None,
    }  # fmt: skip
    tour.ask(ada, "PUT", protection, rules)
    tour.ask(ada, "GET", protection)
    tour.ask(ada, "GET", f"{REPO}/branches/main")
    tour.ask(ada, "DELETE", protection)
    tour.company.repository.rules["main"] = [{"type": "deletion"}]
    tour.ask(ada, "GET", f"{REPO}/rules/branches/main")


def apps(tour: Tour, merge: str) -> None:
    """An App, its installation and its checks."""
    world = tour.company.github.world
    app = world.app("stagewright", tour.company.organization, permissions=EVERYTHING)
    installation = world.install(app, tour.company.organization).id
    now = int(world.clock.now().timestamp())
    proof = jwt.encode({"iat": now - 5, "exp": now + 300, "iss": app.client_id}, app.private_key, algorithm="RS256")
    one = f"/app/installations/{installation}"
    for path in ("/app", "/app/installations", one, f"{REPO}/installation", f"{ORG}/installation"):
        tour.bear(proof, "GET", path)
    token = tour.bear(proof, "POST", f"{one}/access_tokens", {"permissions": EVERYTHING}).json()["token"]
    tour.bear(token, "GET", "/installation/repositories")
    run = {"name": "stagewright", "head_sha": merge, "status": "in_progress", "external_id": "1"}
    made = tour.bear(token, "POST", f"{REPO}/check-runs", run).json()["id"]
    done = {"conclusion": "success", "output": {"title": "t", "summary": "s"}}
    tour.bear(token, "PATCH", f"{REPO}/check-runs/{made}", done)
    tour.bear(token, "GET", f"{REPO}/check-runs/{made}")
    tour.bear(token, "GET", f"{REPO}/commits/{merge}/check-runs")
    tour.bear(token, "DELETE", "/installation/token")


def ending(tour: Tour) -> None:
    """Forks, another name, and the end of it."""
    ada = tour.company.ada
    fork = tour.ask(tour.company.kim, "POST", f"{REPO}/forks", {})["full_name"]
    assert fork == "kim/models"
    tour.ask(ada, "PATCH", REPO, {"allow_squash_merge": False, "archived": False})
    tour.ask(ada, "POST", f"{REPO}/transfer", {"new_owner": "ada", "new_name": "registry"})
    tour.ask(ada, "DELETE", "/repos/ada/registry")


@pytest.mark.parametrize("root", ["api", "ghes"])
def test_tour_of_every_operation_is_as_published(company: Company, root: str):
    tour = Tour(company, getattr(company.github, root))
    company.github.seen.clear()

    merge = pulls(tour)
    commits(tour, merge)
    people(tour)
    settings(tour)
    apps(tour, merge)
    ending(tour)

    asked = {(seen.method, seen.template) for seen in company.github.seen if seen.status < 300}
    assert {(route.method, route.template) for route in ROUTES} - asked == set()
    assert company.github.violations == []
