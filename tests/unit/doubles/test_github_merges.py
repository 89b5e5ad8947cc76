"""What the double does with pushes and merges, seen from outside."""

from pathlib import Path
from typing import Literal

import pytest

from tests.doubles.github.company import NAME, Company


@pytest.mark.parametrize(
    ("method", "parents", "committer"), [("merge", 2, "GitHub"), ("squash", 1, "GitHub"), ("rebase", 1, "ada")]
)
def test_merge_by_each_method_names_its_pull(
    company: Company, method: Literal["merge", "squash", "rebase"], parents: int, committer: str
):
    company.lee.push(NAME, "main", {"other.txt": b"moved on"})
    number, merge = company.merged("promote", method=method)

    commit = company.dana.call("GET", f"/repos/{NAME}/commits/{merge}")
    pull = company.dana.call("GET", f"/repos/{NAME}/pulls/{number}")
    pulls = company.dana.call("GET", f"/repos/{NAME}/commits/{merge}/pulls")

    assert (len(commit["parents"]), commit["commit"]["committer"]["name"]) == (parents, committer)
    assert (pull["merged"], pull["merge_commit_sha"], pull["merged_by"]["login"]) == (True, merge, "ada")
    assert [found["number"] for found in pulls] == [number]


def test_rebase_of_two_commits_brings_both(company: Company):
    company.dana.push(NAME, "promote", {"a.txt": b"a"})
    company.dana.push(NAME, "promote", {"b.txt": b"b"})
    number = company.dana.open(NAME, "promote")
    company.lee.push(NAME, "main", {"other.txt": b"moved on"})

    merge = company.ada.merge(NAME, number, "rebase")

    first = company.dana.call("GET", f"/repos/{NAME}/commits/{merge}")["parents"][0]["sha"]
    assert company.repository.pulls[number].brought == (first, merge)
    pulls = company.dana.call("GET", f"/repos/{NAME}/commits/{first}/pulls")
    assert [found["number"] for found in pulls] == [number]


def test_direct_push_has_no_pull(company: Company):
    commit = company.lee.push(NAME, "main", {"other.txt": b"straight"})

    assert company.dana.call("GET", f"/repos/{NAME}/commits/{commit}/pulls") == []


def test_merge_pushed_by_hand_merges_the_pull(company: Company, tmp_path: Path):
    head = company.dana.push(NAME, "promote", {"a.txt": b"a"})
    number = company.dana.open(NAME, "promote")
    clone = tmp_path / "clone"
    clone.mkdir()
    for command in (
        ["clone", "-q", company.lee.remote(NAME), "."],
        ["merge", "-q", "--no-ff", "-m", "by hand", head],
        ["push", "-q", "origin", "main"],
    ):
        assert company.lee.git(*command, cwd=clone).returncode == 0

    pull = company.dana.call("GET", f"/repos/{NAME}/pulls/{number}")
    tip = company.github.world.git.tip(company.repository.id, "main")
    assert (pull["merged"], pull["merged_by"]["login"], pull["merge_commit_sha"]) == (True, "lee", tip)


def test_activity_names_who_pushed_and_who_merged(company: Company):
    company.dana.push(NAME, "promote", {"a.txt": b"a"})
    company.lee.push(NAME, "promote", {"b.txt": b"b"})
    number = company.dana.open(NAME, "promote")
    company.ada.merge(NAME, number)

    listed = company.dana.call("GET", f"/repos/{NAME}/activity")

    assert [(one["activity_type"], one["ref"], one["actor"]["login"]) for one in listed] == [
        ("pr_merge", "refs/heads/main", "ada"),
        ("push", "refs/heads/promote", "lee"),
        ("branch_creation", "refs/heads/promote", "dana"),
        ("branch_creation", "refs/heads/main", "ada"),
    ]


def test_queue_merges_a_group_by_one_push(company: Company):
    company.repository.queue_method = "squash"
    numbers = []
    for branch in ("one", "two"):
        company.dana.push(NAME, branch, {f"{branch}.txt": b"x"})
        numbers.append(company.dana.open(NAME, branch))
    pulls = [company.repository.pulls[number] for number in numbers]
    for pull in pulls:
        company.github.forge.enqueue(company.repository, pull, company.ada.account)

    brought = company.github.forge.run_queue(company.repository)

    assert [pull.brought for pull in pulls] == [brought[:1], brought[1:]]
    newest = company.dana.call("GET", f"/repos/{NAME}/activity", ref="refs/heads/main")[0]
    assert (newest["activity_type"], newest["after"]) == ("merge_queue_merge", brought[-1])
    assert newest["actor"]["login"] == "github-merge-queue[bot]"


def test_conflicting_pull_is_not_merged(company: Company):
    company.dana.push(NAME, "promote", {"README.md": b"one"})
    number = company.dana.open(NAME, "promote")
    company.lee.push(NAME, "main", {"README.md": b"two"})

    shown = company.ada.call("GET", f"/repos/{NAME}/pulls/{number}")
    answer = company.ada.ask("PUT", f"/repos/{NAME}/pulls/{number}/merge", {})

    assert (shown["mergeable"], shown["mergeable_state"]) == (False, "dirty")
    assert (answer.status_code, answer.json()["message"]) == (405, "Pull Request is not mergeable")


def test_head_of_a_fork_is_readable_in_the_base(company: Company):
    fork = company.github.world.fork(company.repository, company.kim.account)
    head = company.kim.push(fork.full_name, "mine", {"a.txt": b"a"})
    number = company.kim.open(NAME, "kim:mine")

    pull = company.dana.call("GET", f"/repos/{NAME}/pulls/{number}")

    assert (pull["head"]["repo"]["full_name"], pull["head"]["sha"]) == ("kim/models", head)
    assert company.github.world.git.read(company.repository.id, head, "a.txt") == b"a"


def test_bytes_that_are_no_text_are_told_with_replacements(company: Company):
    company.dana.push(NAME, "promote", {"a.txt": b"\xff\xfe\n"}, message="plain")
    number = company.dana.open(NAME, "promote")

    (file,) = company.dana.call("GET", f"/repos/{NAME}/pulls/{number}/files")

    assert (file["filename"], file["status"]) == ("a.txt", "added")
