"""The double of GitHub held against what GitHub publishes: OpenAPI, webhooks and the GraphQL schema."""

from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, find_breaking_changes

from tests.doubles.github import graph
from tests.doubles.github.call import ROUTES
from tests.doubles.github.company import NAME, Company
from tests.doubles.github.faults import Fault
from tests.doubles.github.schemas import GHES, GITHUB, Checker, component, delivery, folder

TOKEN_PERMISSIONS = {
    "checks": "write", "contents": "read", "pull_requests": "write", "statuses": "write", "deployments": "write"
}  # fmt: skip
PULL = "/repos/{owner}/{repo}/pulls/{pull_number}"


def part() -> GraphQLSchema:
    return build_schema(graph.PART.read_text())


def test_part_of_the_graph_is_a_part_of_what_is_published():
    assert find_breaking_changes(part(), graph.schema()) == []


def test_part_of_the_graph_with_a_field_of_its_own_would_be_found():
    wrong = build_schema(graph.PART.read_text().replace("  isDraft: Boolean!", "  isDraft: Boolean!\n  shoeSize: Int"))

    found = find_breaking_changes(wrong, graph.schema())

    assert [change.description for change in found] == ["PullRequest.shoeSize was removed."]


@pytest.mark.parametrize("document", [GITHUB, GHES])
def test_every_route_is_an_operation_that_is_published(document: str):
    checker = Checker(document)

    unknown = [
        f"{route.method} {route.template}"
        for route in ROUTES
        if f"{route.method} {route.template} is not in {document}"
        in checker.request(route.method, route.template, {}, None)
    ]

    assert unknown == []


@pytest.mark.parametrize(
    ("status", "body", "wrong"),
    [
        pytest.param(200, {"id": "one"}, "id: 'one' is not of type 'integer'", id="another type"),
        pytest.param(200, {}, "'number' is a required property", id="a field missing"),
        pytest.param(201, {}, "201 is not among its answers", id="another status"),
        pytest.param(200, None, "200 has no body", id="no body"),
    ],
)
def test_answer_that_is_not_github_s_is_found(status: int, body: Any, wrong: str):
    assert any(wrong in found for found in Checker(GITHUB).answer("GET", PULL, status, body))


@pytest.mark.parametrize(
    ("query", "body", "wrong"),
    [
        pytest.param({}, {"event": "LGTM"}, "'LGTM' is not one of", id="another word"),
        pytest.param({}, {"evnt": "APPROVE"}, "body: evnt is unknown", id="a field misspelt"),
        pytest.param({"page": "1"}, {}, "query parameter page is unknown", id="a parameter that is none"),
    ],
)
def test_request_that_is_not_github_s_is_found(query: dict[str, str], body: Any, wrong: str):
    assert any(wrong in found for found in Checker(GITHUB).request("POST", PULL + "/reviews", query, body))


def test_payload_that_is_not_github_s_is_found():
    found = delivery("pull_request", "opened", {"action": "opened", "number": "1"})

    assert any("number: '1' is not of type 'integer'" in one for one in found)
    assert delivery("pull_request", "tickled", {}) == ["webhook pull-request-tickled is unknown"]


def test_double_that_answers_wrongly_says_so(company: Company, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(company.github.forge), "commits", lambda *_: (1, 2))
    company.dana.push(NAME, "promote", {"a.txt": b"a"})
    monkeypatch.setattr("tests.doubles.github.render_pulls.RenderPulls.pull", lambda *_, **__: {"number": "one"})

    company.dana.ask("POST", f"/repos/{NAME}/pulls", {"head": "promote", "base": "main", "title": "x"})

    assert any("number: 'one' is not of type 'integer'" in found for found in company.github.violations)
    company.github.violations.clear()


def test_fault_is_no_violation(company: Company):
    company.github.faults.add(Fault(kind="body", path="/pulls", body=b'{"nothing": "known"}'))

    assert company.dana.call("GET", f"/repos/{NAME}/pulls") == {"nothing": "known"}
    assert company.github.violations == []


@pytest.mark.parametrize("root", ["api", "ghes"])
def test_lines_of_a_timeline_are_each_what_they_say(company: Company, root: str):
    """The list of all kinds of lines lets almost anything pass; each line is held against its own kind."""
    company.dana.push(NAME, "promote", {"models/a.yaml": b"a"})
    number = company.dana.open(NAME, "promote")
    company.lee.dismiss(NAME, number, company.noor.review(NAME, number, "APPROVE"))
    path = f"/repos/{NAME}/issues/{number}"
    company.noor.call("POST", f"{path}/comments", {"body": "x"})
    company.dana.call("PATCH", f"/repos/{NAME}/pulls/{number}", {"title": "Another title"})
    company.dana.call("POST", f"/repos/{NAME}/pulls/{number}/requested_reviewers", {"reviewers": ["kim"]})
    company.ada.merge(NAME, number)
    kinds = {
        "review_dismissed": "review-dismissed-issue-event", "review_requested": "review-requested-issue-event",
        "reviewed": "timeline-reviewed-event", "commented": "timeline-comment-event",
        "renamed": "renamed-issue-event", "merged": "state-change-issue-event", "closed": "state-change-issue-event",
    }  # fmt: skip

    lines = company.dana.call("GET", getattr(company.github, root) + f"{path}/timeline", per_page="100")

    assert {line["event"] for line in lines} == kinds.keys()
    assert [wrong for line in lines for wrong in component(kinds[line["event"]], line)] == []


def test_schemas_are_kept_outside_of_the_checkout():
    assert not folder().resolve().is_relative_to(Path(__file__).resolve().parents[3])
