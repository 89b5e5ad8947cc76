"""A person's own access: proposing, deciding, and what doctor finds."""

import pytest

from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.github.forge import GitHubForge
from stagewright.adapters.github.pull_requests import GitHubPullRequests
from stagewright.errors import ForbiddenError, InvalidError, NotFoundError, UnreachableError
from stagewright.model.review import DecisionText
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.faults import Fault
from tests.doubles.github.person import Person
from tests.github_world import GitHubWorld

SUBJECTS = ("7" * 64, "8" * 64)


def access(world: GitHubWorld, name: str) -> GitHubPullRequests:
    client: GitHubClient = world.connect(name=name)
    return GitHubPullRequests(client, world.source, GitHubForge(client, world.source))


def test_whoami_is_whose_token_it_is(world: GitHubWorld):
    assert access(world, "dana").whoami() == world.account("dana")


def test_whoami_of_an_app_is_nobody(app_world: GitHubWorld):
    with pytest.raises(ForbiddenError, match="nobody's"):
        app_world.pull_requests.whoami()


def test_open_is_safe_to_repeat(world: GitHubWorld, github: GitHubDouble):
    world.put("dana", {"a.txt": "1\n"}, branch="promote")
    dana = access(world, "dana")
    github.faults.add(Fault(kind="reset", path="/pulls$", method="POST", forward=True))
    with pytest.raises(UnreachableError):
        dana.open("promote", title="Promote", body="why")

    again = dana.open("promote", title="Promote", body="why")

    assert (again.number, again.created, again.url) == (1, False, f"{github.url}/acme/models/pull/1")
    pull = world.hosted.pulls[1]
    assert (len(world.hosted.pulls), pull.title, pull.body, pull.base_ref, pull.author.login) == (
        1, "Promote", "why", "main", "dana",
    )  # fmt: skip


def test_open_of_a_new_branch_says_that_it_is_new(world: GitHubWorld):
    world.put("dana", {"a.txt": "1\n"}, branch="promote")

    assert access(world, "dana").open("promote", title="Promote", body="").created is True


def test_open_of_a_branch_without_commits_is_refused(world: GitHubWorld):
    world.push("dana", "promote", world.first)

    with pytest.raises(InvalidError, match="No commits between main and promote"):
        access(world, "dana").open("promote", title="Promote", body="")


def test_find_tells_an_open_one_and_a_merged_one(world: GitHubWorld):
    head = world.put("dana", {"a.txt": "1\n"}, branch="promote")
    number = world.open("promote")
    world.fetch()
    dana = access(world, "dana")
    opened = dana.find(number)
    merge = world.merge_pull(number, method="squash")
    world.put("maintainer", {"b.txt": "1\n"})
    world.fetch()
    merged = dana.find(number)

    assert [(p.number, p.facts.merged_head, p.facts.first_parent, p.facts.brought) for p in (opened, merged)] == [
        (number, head, world.first, ()), (number, head, world.first, (merge,)),
    ]  # fmt: skip


def test_find_of_none_and_of_a_closed_one(world: GitHubWorld):
    world.put("dana", {"a.txt": "1\n"}, branch="promote")
    number = world.open("promote")
    world.call("PATCH", f"/pulls/{number}", {"state": "closed"})
    world.fetch()
    dana = access(world, "dana")

    with pytest.raises(NotFoundError, match="closed without a merge"):
        dana.find(number)
    with pytest.raises(NotFoundError, match="no pull request 77"):
        dana.find(77)


@pytest.mark.parametrize(("decision", "state"), [("approve", "APPROVED"), ("reject", "CHANGES_REQUESTED")])
def test_decide_reviews_the_commit_that_was_shown(world: GitHubWorld, decision: str, state: str):
    first = world.put("dana", {"a.txt": "1\n"}, branch="promote")
    number = world.open("promote")
    world.put("dana", {"b.txt": "1\n"}, branch="promote")
    text = DecisionText(decision="approve" if decision == "approve" else "reject", subjects=SUBJECTS, text="Read it.")

    own = access(world, "noor").decide(number, text, commit=first)

    review = world.hosted.pulls[number].reviews[0]
    assert (str(review.id), review.state, review.commit, review.author.login) == (own, state, first, "noor")
    assert review.body == "Read it.\n\n" + "\n".join(f"stagewright-subject: {subject}" for subject in SUBJECTS)


def test_decide_on_ones_own_is_refused(world: GitHubWorld):
    head = world.put("dana", {"a.txt": "1\n"}, branch="promote")
    number = world.open("promote")

    with pytest.raises(InvalidError, match="Can not approve your own pull request"):
        access(world, "dana").decide(number, DecisionText(decision="approve", subjects=SUBJECTS), commit=head)


def findings(pulls: GitHubPullRequests) -> dict[str, tuple[bool, str]]:
    found = pulls.examine()
    assert all(finding.remedy for finding in found if not finding.fine)
    return {finding.name: (finding.fine, finding.detail) for finding in found}


def test_examine_finds_what_is_amiss_with_a_token(world: GitHubWorld):
    world.fetch()
    weak = Person(world.github, "noor", "repo:status")
    world.people["noor"] = weak
    world.put("maintainer", {".github/CODEOWNERS": "/models/ @nobody-there\n"})

    found = findings(access(world, "noor"))

    assert found["access"] == (False, "the token of noor lacks the scopes repo, read:org")
    assert found["CODEOWNERS on GitHub"][0] is False
    assert found["webhook"] == (
        True, "these credentials may not see it; without one, polling finds the same later",
    )  # fmt: skip


def test_examine_holds_branch_protection_against_what_is_asked_for(world: GitHubWorld):
    world.fetch()
    owner = access(world, "maintainer")
    before = findings(owner)["branch protection"]
    world.call(
        "PUT",
        "/branches/main/protection",
        {
            "required_status_checks": {"strict": False, "contexts": ["stagewright"]},
            "enforce_admins": True,
            "required_pull_request_reviews": {"require_code_owner_reviews": True, "required_approving_review_count": 1},
            "restrictions": None,
        },
    )

    assert (before, findings(owner)["branch protection"]) == (
        (False, "main is not protected"), (True, "main agrees with the policy"),
    )  # fmt: skip


def test_examine_of_an_app_names_the_permissions_that_it_lacks(app_world: GitHubWorld):
    app_world.fetch()
    before = findings(app_world.pull_requests)["access"]
    app_world.app.permissions.pop("checks")
    app_world.app.permissions["pull_requests"] = "read"

    after = findings(app_world.pull_requests)["access"]

    assert (before, after) == (
        (True, "the App stagewright"),
        (False, "the App stagewright lacks the permissions pull_requests: write, checks: write"),
    )


def test_examine_goes_on_when_one_thing_cannot_be_found_out(world: GitHubWorld, github: GitHubDouble):
    world.fetch()
    github.faults.add(Fault(kind="status", path="/activity", status=502, times=None))

    found = findings(access(world, "maintainer"))

    assert found["activity"][0] is False
    assert (found["repository"], found["code owners"]) == ((True, "acme/models"), (True, "5 accounts may write"))
