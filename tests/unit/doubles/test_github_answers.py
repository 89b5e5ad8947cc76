"""How the double answers: pages, conditional requests, limits, faults, and who is let in."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from tests.doubles.github.company import NAME, Company
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.faults import Fault
from tests.doubles.github.limits import Secondary
from tests.doubles.github.person import Person

PULLS = f"/repos/{NAME}/pulls"


def commented(company: Company, comments: int) -> str:
    company.dana.push(NAME, "promote", {"a.txt": b"a"})
    number = company.dana.open(NAME, "promote")
    for turn in range(comments):
        company.dana.call("POST", f"/repos/{NAME}/issues/{number}/comments", {"body": str(turn)})
    return f"/repos/{NAME}/issues/{number}/comments"


@pytest.mark.parametrize("root", ["api", "ghes"])
def test_pages_lead_to_the_next_until_the_last(company: Company, root: str):
    path = commented(company, 5)
    address = getattr(company.github, root) + path

    found, following, query = [], address, {"per_page": "2"}
    while following:
        answer = company.dana.ask("GET", following, **query)
        found += [comment["body"] for comment in answer.json()]
        following, query = answer.links.get("next", {}).get("url", ""), {}
        assert not following or following.startswith(getattr(company.github, root) + "/repositories/")

    assert found == ["0", "1", "2", "3", "4"]


def test_activity_is_read_by_cursor(company: Company):
    for turn in range(3):
        company.dana.push(NAME, "promote", {"a.txt": str(turn).encode()})

    first = company.dana.ask("GET", f"/repos/{NAME}/activity", ref="promote", per_page="2")
    second = company.dana.ask("GET", first.links["next"]["url"])

    kinds = [[one["activity_type"] for one in page.json()] for page in (first, second)]
    assert kinds == [["push", "push"], ["branch_creation"]]
    assert "next" not in second.links


def test_unchanged_answer_is_304_and_free(company: Company):
    identity = company.github.world.identify(company.dana.token.secret)
    tag = company.dana.ask("GET", PULLS).headers["ETag"]
    used = company.github.limits.used(identity)

    again = requests.get(
        company.github.api + PULLS, timeout=30,
        headers={"Authorization": f"Bearer {company.dana.token.secret}", "If-None-Match": tag},
    )  # fmt: skip

    assert (again.status_code, again.content, company.github.limits.used(identity)) == (304, b"", used)
    company.dana.push(NAME, "promote", {"a.txt": b"a"})
    company.dana.open(NAME, "promote")
    assert company.dana.ask("GET", PULLS).headers["ETag"] != tag


@pytest.mark.parametrize("shown", [True, False], ids=["with headers", "without headers"])
def test_primary_limit_refuses_until_it_is_reset(company: Company, *, shown: bool):
    company.github.limits.show_headers = shown
    company.github.limits.exhaust(company.github.world.identify(company.dana.token.secret))

    answer = company.dana.ask("GET", PULLS)

    assert answer.status_code == 403
    assert answer.json()["message"].startswith("API rate limit exceeded for user ID")
    assert answer.headers.get("X-RateLimit-Remaining") == ("0" if shown else None)
    company.github.world.clock.advance(hours=1)
    assert company.dana.ask("GET", PULLS).status_code == 200


@pytest.mark.parametrize("wait", [17, None])
def test_secondary_limit_refuses_as_often_as_it_is_told(company: Company, wait: int | None):
    company.github.limits.secondary = Secondary(times=1, retry_after=wait)

    answer = company.dana.ask("GET", PULLS)

    assert (answer.status_code, answer.headers.get("Retry-After")) == (403, None if wait is None else str(wait))
    assert "secondary rate limit" in answer.json()["message"]
    assert company.dana.ask("GET", PULLS).status_code == 200


def test_fault_of_each_kind_shows_and_passes(company: Company):
    company.dana.push(NAME, "promote", {"a.txt": b"a"})
    before = company.dana.call("GET", PULLS)
    company.dana.open(NAME, "promote")
    faults = company.github.faults

    faults.add(Fault(kind="status", path="/pulls", status=503, headers={"Retry-After": "1"}))
    refused = company.dana.ask("GET", PULLS)
    faults.add(Fault(kind="html", path="/pulls"))
    page = company.dana.ask("GET", PULLS)
    faults.add(Fault(kind="empty", path="/pulls"))
    empty = company.dana.call("GET", PULLS)
    faults.add(Fault(kind="short", path="/pulls"))
    short = company.dana.call("GET", PULLS)
    faults.add(Fault(kind="stale", path="/pulls"))
    stale = company.dana.call("GET", PULLS)
    faults.add(Fault(kind="truncated", path="/pulls"))
    with pytest.raises(requests.RequestException):
        company.dana.ask("GET", PULLS)
    faults.add(Fault(kind="reset", path="/pulls", method="GET"))
    with pytest.raises(requests.ConnectionError):
        company.dana.ask("GET", PULLS)

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert (before, empty, short, stale) == ([], [], [], [])
    assert [pull["number"] for pull in company.dana.call("GET", PULLS)] == [1]


def test_fault_that_hangs_is_let_go(company: Company):
    company.github.faults.add(Fault(kind="hang", path="/pulls"))

    with pytest.raises(requests.ReadTimeout):
        requests.get(company.github.api + PULLS, timeout=0.05)


def test_fault_that_forwards_loses_only_the_answer(company: Company):
    path = commented(company, 0)
    company.github.faults.add(Fault(kind="reset", path="/comments", method="POST", forward=True))

    with pytest.raises(requests.ConnectionError):
        company.dana.ask("POST", path, {"body": "once"})

    assert [comment["body"] for comment in company.dana.call("GET", path)] == ["once"]


def test_fault_after_some_requests_lasts(company: Company):
    company.github.faults.add(Fault(kind="status", path="/pulls", status=401, skip=1, times=None))

    assert [company.dana.ask("GET", PULLS).status_code for _ in range(3)] == [200, 401, 401]


@pytest.mark.parametrize(
    ("secret", "status"), [("ghp_unknown", 401), ("", 404)], ids=["a token that is nobody's", "nobody"]
)
def test_private_repository_is_hidden_from(company: Company, secret: str, status: int):
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}

    assert requests.get(company.github.api + f"/repos/{NAME}", headers=headers, timeout=30).status_code == status


def test_stranger_neither_reads_nor_pushes(company: Company, tmp_path: Path):
    stranger = Person(company.github, "mallory")

    assert stranger.ask("GET", f"/repos/{NAME}").status_code == 404
    assert stranger.git("clone", "-q", stranger.remote(NAME), "x", cwd=tmp_path).returncode != 0


def test_revoked_token_is_refused_by_api_and_git(company: Company, tmp_path: Path):
    company.dana.token.revoked = True

    assert company.dana.ask("GET", f"/repos/{NAME}").status_code == 401
    assert company.dana.git("ls-remote", company.dana.remote(NAME), cwd=tmp_path).returncode != 0


def test_moved_repository_leads_to_its_new_name_for_reads_and_git(company: Company, tmp_path: Path):
    company.github.world.transfer(company.repository, company.organization, "registry")

    answer = company.dana.ask("GET", f"/repos/{NAME}/pulls")
    assert [one.status_code for one in answer.history] == [301]
    assert answer.json() == []
    assert company.dana.git("ls-remote", company.dana.remote(NAME), cwd=tmp_path).returncode == 0


def test_archived_repository_is_read_only(company: Company, tmp_path: Path):
    path = commented(company, 1)
    company.ada.call("PATCH", f"/repos/{NAME}", {"archived": True})

    assert company.dana.ask("POST", path, {"body": "x"}).status_code == 403
    assert len(company.dana.call("GET", path)) == 1
    assert company.dana.git("clone", "-q", company.dana.remote(NAME), "clone", cwd=tmp_path).returncode == 0
    pushed = company.dana.git("push", "origin", "HEAD:refs/heads/new", cwd=tmp_path / "clone")
    assert "archived" in pushed.stderr


def test_gone_repository_is_not_found(company: Company):
    company.ada.call("DELETE", f"/repos/{NAME}")

    assert company.dana.ask("GET", f"/repos/{NAME}").status_code == 404


def test_request_that_lacks_a_field_is_422(company: Company):
    answer = company.dana.ask("POST", PULLS, {"base": "main"})

    assert (answer.status_code, company.github.violations) == (422, [])


def test_operation_that_the_double_lacks_is_told_to_the_test(company: Company):
    answer = company.dana.ask("GET", f"/repos/{NAME}/stargazers")

    assert answer.status_code == 404
    assert company.github.violations == [f"the double does not know GET /repos/{NAME}/stargazers"]
    company.github.violations.clear()


def test_everything_that_came_in_was_noted(company: Company):
    company.github.seen.clear()

    company.dana.call("GET", PULLS, state="all")

    (seen,) = company.github.seen
    assert (seen.method, seen.template, seen.query) == ("GET", "/repos/{owner}/{repo}/pulls", {"state": "all"})
    assert (seen.status, seen.points, seen.caller) == (200, 1, f"user ID {company.dana.account.id}")


def test_double_over_tls_is_known_by_its_certificate(tmp_path: Path):
    with GitHubDouble(tmp_path, tls=True) as github:
        assert github.url.startswith("https://")
        answer = requests.get(f"{github.api}/rate_limit", verify=str(github.certificate), timeout=30)
        assert json.loads(answer.text)["rate"]["limit"] == 60
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{github.api}/rate_limit", timeout=30)


def test_clock_put_ahead_shows_in_what_is_made_then(company: Company):
    path = commented(company, 0)
    before = company.github.world.clock.now()
    company.github.world.clock.advance(days=2)

    made = company.dana.call("POST", path, {"body": "later"})["created_at"]

    assert made >= (before + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
