"""The double's GraphQL API, seen from outside."""

from typing import Any

import pytest
from graphql import parse

from tests.doubles.github.company import NAME, Company
from tests.doubles.github.graph import cost
from tests.doubles.github.person import Person

BROUGHT = """
query($owner: String!, $name: String!, $commit: GitObjectID!) {
  rateLimit { cost remaining }
  repository(owner: $owner, name: $name) {
    object(oid: $commit) { ... on Commit { associatedPullRequests(first: 5) { totalCount nodes {
      number fullDatabaseId merged mergeCommit { oid } baseRefName headRefOid isCrossRepository
      author { __typename login ... on User { databaseId } ... on Bot { databaseId } }
      reviews(first: 100) { totalCount pageInfo { hasNextPage } nodes {
        databaseId state commit { oid } author { login ... on User { databaseId } } submittedAt } }
      commits(first: 100) { totalCount nodes { commit { oid author { user { login } } } } }
      timelineItems(first: 100, itemTypes: [REVIEW_DISMISSED_EVENT, MERGED_EVENT]) { totalCount nodes {
        __typename
        ... on ReviewDismissedEvent { previousReviewState actor { login } review { databaseId } }
        ... on MergedEvent { commit { oid } actor { login } } } }
    } } } }
  }
}
"""


def ask(person: Person, query: str, **variables: Any) -> dict[str, Any]:
    return dict(person.call("POST", "/graphql", {"query": query, "variables": variables}))


def test_graph_of_a_merged_commit_tells_pull_reviews_commits_and_dismissals(company: Company):
    company.dana.push(NAME, "promote", {"a.txt": b"a"})
    head = company.lee.push(NAME, "promote", {"b.txt": b"b"})
    number = company.dana.open(NAME, "promote")
    veto = company.lee.review(NAME, number, "REQUEST_CHANGES")
    company.ada.dismiss(NAME, number, veto)
    approval = company.noor.review(NAME, number, "APPROVE")
    merge = company.ada.merge(NAME, number, "squash")

    answer = ask(company.dana, BROUGHT, owner="acme", name="models", commit=merge)

    (pull,) = answer["data"]["repository"]["object"]["associatedPullRequests"]["nodes"]
    assert (pull["number"], pull["merged"], pull["mergeCommit"]["oid"]) == (number, True, merge)
    assert pull["author"] == {"__typename": "User", "login": "dana", "databaseId": company.dana.account.id}
    assert [(r["databaseId"], r["state"], r["commit"]["oid"]) for r in pull["reviews"]["nodes"]] == [
        (veto, "DISMISSED", head),
        (approval, "APPROVED", head),
    ]
    assert [c["commit"]["author"]["user"]["login"] for c in pull["commits"]["nodes"]] == ["dana", "lee"]
    dismissed, merged = pull["timelineItems"]["nodes"]
    assert dismissed == {
        "__typename": "ReviewDismissedEvent",
        "previousReviewState": "CHANGES_REQUESTED",
        "actor": {"login": "ada"},
        "review": {"databaseId": veto},
    }
    assert merged == {"__typename": "MergedEvent", "commit": {"oid": merge}, "actor": {"login": "ada"}}


def test_graph_pages_a_list_to_its_end(company: Company):
    company.dana.push(NAME, "promote", {"a.txt": b"a"})
    number = company.dana.open(NAME, "promote")
    made = [company.noor.review(NAME, number, "COMMENT", body=str(turn)) for turn in range(5)]
    query = """query($after: String) { repository(owner: "acme", name: "models") { pullRequest(number: 1) {
        reviews(first: 2, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes { databaseId } } } } }"""

    found, after, totals = [], None, set()
    while True:
        page = ask(company.dana, query, after=after)["data"]["repository"]["pullRequest"]["reviews"]
        found += [review["databaseId"] for review in page["nodes"]]
        totals.add(page["totalCount"])
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]

    assert (found, totals) == (made, {5})


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        pytest.param('{ repository(owner: "acme", name: "none") { id } }', "NOT_FOUND", id="no such repository"),
        pytest.param(
            '{ repository(owner: "acme", name: "models") { pullRequests { totalCount } } }',
            "MISSING_PAGINATION_BOUNDARIES",
            id="a list without a size",
        ),
        pytest.param(
            '{ repository(owner: "acme", name: "models") { pullRequests(first: 101) { totalCount } } }',
            "EXCESSIVE_PAGINATION",
            id="too large a page",
        ),
    ],
)
def test_graph_error_stands_beside_the_data(company: Company, query: str, kind: str):
    answer = ask(company.dana, query)

    assert [error["type"] for error in answer["errors"]] == [kind]


def test_graph_of_an_unknown_field_is_refused(company: Company):
    answer = ask(company.dana, "{ viewer { shoeSize } }")

    assert "data" not in answer
    assert "shoeSize" in answer["errors"][0]["message"]


def test_graph_of_a_team_counts_child_teams(company: Company):
    query = """{ organization(login: "acme") { team(slug: "model-risk") {
        all: members(first: 10) { totalCount nodes { login } }
        own: members(first: 10, membership: IMMEDIATE) { totalCount } } } }"""

    team = ask(company.dana, query)["data"]["organization"]["team"]

    assert [member["login"] for member in team["all"]["nodes"]] == ["noor", "kim"]
    assert team["own"]["totalCount"] == 1


def test_graph_over_its_limit_is_200_with_an_error(company: Company):
    identity = company.github.world.identify(company.dana.token.secret)
    company.github.limits.exhaust(identity, "graphql")

    answer = company.dana.ask("POST", "/graphql", {"query": "{ viewer { login } }"})

    assert answer.status_code == 200
    assert answer.json()["errors"][0]["type"] == "RATE_LIMITED"
    assert answer.headers["X-RateLimit-Remaining"] == "0"


def test_graph_after_a_rename_follows(company: Company):
    company.github.world.transfer(company.repository, company.organization, "registry")
    query = '{ repository(owner: "acme", name: "models") { nameWithOwner } }'

    assert ask(company.dana, query)["data"]["repository"]["nameWithOwner"] == "acme/registry"


def test_graph_queues_and_names_a_bot_without_its_suffix(company: Company):
    company.repository.queue_method = "merge"
    company.dana.push(NAME, "promote", {"a.txt": b"a"})
    number = company.dana.open(NAME, "promote")
    node = company.dana.call("GET", f"/repos/{NAME}/pulls/{number}")["node_id"]
    queue = "mutation($id: ID!) { enqueuePullRequest(input: {pullRequestId: $id}) { mergeQueueEntry { position } } }"
    entry = ask(company.ada, queue, id=node)["data"]["enqueuePullRequest"]["mergeQueueEntry"]
    company.github.forge.run_queue(company.repository)

    found = ask(
        company.dana, "query($id: ID!) { node(id: $id) { ... on PullRequest { mergedBy { login } } } }", id=node
    )

    assert entry == {"position": 1}
    assert found["data"]["node"] == {"mergedBy": {"login": "github-merge-queue"}}


def test_cost_of_nested_lists_is_requests_over_a_hundred():
    """One list of fifty pull requests and two lists in each: 101 requests are one point, 201 are two."""
    query = """{ repository(owner: "a", name: "b") { pullRequests(first: 50) { nodes {
        reviews(first: 20) { nodes { author { login } } } comments(first: 10) { nodes { body } } } } } }"""

    assert cost(parse(query), {}) == (1, 50 + 50 * 20 + 50 * 10)
    assert cost(parse(query.replace("first: 50", "first: 100")), {})[0] == 2
