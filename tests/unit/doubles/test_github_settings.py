"""Webhooks, branch protection, statuses and deployments of the double, seen from outside."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.doubles.github.company import NAME, Company

SECRET = "a secret of the test"


@dataclass
class Receiver:
    """Takes deliveries; `status` is what it answers."""

    url: str = ""
    status: int = 202
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            pass

        def do_POST(self) -> None:
            made.got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(made.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}/"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def hooked(company: Company, receiver: Receiver, *events: str) -> int:
    config = {"url": receiver.url, "content_type": "json", "secret": SECRET}
    return int(company.ada.call("POST", f"/repos/{NAME}/hooks", {"config": config, "events": list(events)})["id"])


def test_webhooks_tell_what_happens_and_are_signed(company: Company, receiver: Receiver):
    hooked(company, receiver, "pull_request", "pull_request_review")

    number, merge = company.merged("promote")
    company.github.webhooks.drain()

    told = [(headers["X-GitHub-Event"], json.loads(body)) for headers, body in receiver.got]
    assert [(event, body.get("action")) for event, body in told] == [
        ("ping", None),
        ("pull_request", "opened"),
        ("pull_request_review", "submitted"),
        ("pull_request", "closed"),
    ]
    assert (told[-1][1]["number"], told[-1][1]["pull_request"]["merge_commit_sha"]) == (number, merge)
    for headers, body in receiver.got:
        wanted = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Hub-Signature-256"] == f"sha256={wanted}"


def test_webhook_of_an_app_names_the_installation(company: Company, receiver: Receiver):
    world = company.github.world
    app = world.app("stagewright", company.organization, permissions={"contents": "read"})
    app.hook = company.github.hook(receiver.url, SECRET, "push")
    installation = world.install(app, company.organization)

    company.lee.push(NAME, "main", {"a.txt": b"a"})
    company.github.webhooks.drain()

    (told,) = [json.loads(body) for _, body in receiver.got]
    assert (told["ref"], told["installation"]["id"]) == ("refs/heads/main", installation.id)


def test_redelivery_has_the_guid_and_body_of_the_first(company: Company, receiver: Receiver):
    receiver.status = 500
    hook = hooked(company, receiver, "push")
    company.github.webhooks.drain()
    path = f"/repos/{NAME}/hooks/{hook}/deliveries"
    (failed,) = company.ada.call("GET", path)
    receiver.status = 202

    company.ada.call("POST", f"{path}/{failed['id']}/attempts")
    company.github.webhooks.drain()

    again = company.ada.call("GET", path)[0]
    assert (failed["status_code"], failed["redelivery"]) == (500, False)
    assert (again["status_code"], again["redelivery"], again["guid"]) == (202, True, failed["guid"])
    assert receiver.got[0][1] == receiver.got[1][1]


def test_webhook_that_reaches_nobody_is_noted(company: Company, receiver: Receiver):
    receiver.url = "http://127.0.0.1:9/"
    hook = hooked(company, receiver, "push")
    company.github.webhooks.drain()

    (made,) = company.ada.call("GET", f"/repos/{NAME}/hooks/{hook}/deliveries")

    assert (made["status"], made["status_code"]) == ("failed to connect to host", 502)


def protect(company: Company, *, admins: bool) -> None:
    rules = {
        "required_status_checks": {"strict": False, "contexts": ["stagewright"]},
        "enforce_admins": admins,
        "required_pull_request_reviews": {"required_approving_review_count": 1},
        "restrictions": None,
    }
    company.ada.call("PUT", f"/repos/{NAME}/branches/main/protection", rules)


def test_protection_keeps_out_all_but_admins_who_may_go_past_it(company: Company, tmp_path: Path):
    company.dana.push(NAME, "promote", {"a.txt": b"a"})
    number = company.dana.open(NAME, "promote")
    protect(company, admins=False)

    clone = tmp_path / "clone"
    assert company.lee.git("clone", "-q", company.lee.remote(NAME), str(clone), cwd=tmp_path).returncode == 0
    assert company.lee.git("commit", "-q", "--allow-empty", "-m", "x", cwd=clone).returncode == 0
    assert "protected branch" in company.lee.git("push", "origin", "main", cwd=clone).stderr.lower()
    assert company.lee.ask("PUT", f"/repos/{NAME}/pulls/{number}/merge", {}).status_code == 405
    assert company.ada.merge(NAME, number) == company.github.world.git.tip(company.repository.id, "main")


def test_protection_that_holds_for_admins_wants_an_approval(company: Company):
    company.dana.push(NAME, "promote", {"a.txt": b"a"})
    number = company.dana.open(NAME, "promote")
    protect(company, admins=True)
    refused = company.ada.ask("PUT", f"/repos/{NAME}/pulls/{number}/merge", {}).status_code
    company.noor.review(NAME, number, "APPROVE")

    merge = company.ada.merge(NAME, number)

    assert refused == 405
    assert company.github.world.git.tip(company.repository.id, "main") == merge
    shown = company.ada.call("GET", f"/repos/{NAME}/branches/main/protection")
    assert shown["required_pull_request_reviews"]["required_approving_review_count"] == 1
    assert company.dana.ask("GET", f"/repos/{NAME}/branches/main/protection").status_code == 403


def test_codeowners_errors_name_whoever_cannot_own(company: Company):
    company.ada.push(NAME, "main", {".github/CODEOWNERS": b"# who\n/models/ @acme/model-risk @mallory\n"})

    (error,) = company.dana.call("GET", f"/repos/{NAME}/codeowners/errors")["errors"]

    assert (error["line"], error["kind"], error["path"]) == (2, "Unknown owner", ".github/CODEOWNERS")
    assert error["column"] == len("/models/ @acme/model-risk ") + 1


def test_newest_status_of_a_context_counts(company: Company):
    head = company.github.world.git.tip(company.repository.id, "main")
    for state in ("pending", "success"):
        body = {"state": state, "context": "stagewright", "description": state}
        company.dana.call("POST", f"/repos/{NAME}/statuses/{head}", body)

    combined = company.dana.call("GET", f"/repos/{NAME}/commits/{head}/status")
    every = company.dana.call("GET", f"/repos/{NAME}/commits/{head}/statuses")

    assert (combined["state"], combined["total_count"]) == ("success", 1)
    assert [status["state"] for status in every] == ["success", "pending"]


def test_description_longer_than_140_characters_is_refused(company: Company):
    head = company.github.world.git.tip(company.repository.id, "main")

    answer = company.dana.ask("POST", f"/repos/{NAME}/statuses/{head}", {"state": "success", "description": "x" * 141})

    assert answer.status_code == 422


def test_deployment_has_its_statuses_newest_first(company: Company):
    head = company.github.world.git.tip(company.repository.id, "main")
    body = {
        "ref": head, "environment": "Production", "auto_merge": False, "required_contexts": [],
        "payload": {"promotion": "p1"}, "production_environment": True,
    }  # fmt: skip
    made = company.dana.call("POST", f"/repos/{NAME}/deployments", body)
    for state in ("in_progress", "success"):
        company.dana.call("POST", f"/repos/{NAME}/deployments/{made['id']}/statuses", {"state": state})

    (found,) = company.dana.call("GET", f"/repos/{NAME}/deployments", environment="Production")
    statuses = company.dana.call("GET", f"/repos/{NAME}/deployments/{made['id']}/statuses")

    assert (found["id"], found["payload"], found["sha"]) == (made["id"], {"promotion": "p1"}, head)
    assert [status["state"] for status in statuses] == ["success", "in_progress"]


def test_deployment_waits_for_green_statuses_unless_told_otherwise(company: Company):
    head = company.github.world.git.tip(company.repository.id, "main")
    company.dana.call("POST", f"/repos/{NAME}/statuses/{head}", {"state": "failure", "context": "stagewright"})

    assert company.dana.ask("POST", f"/repos/{NAME}/deployments", {"ref": head}).status_code == 409


def test_comment_is_edited_in_place_by_its_author(company: Company):
    company.dana.push(NAME, "promote", {"a.txt": b"a"})
    path = f"/repos/{NAME}/issues/{company.dana.open(NAME, 'promote')}/comments"
    made = company.noor.call("POST", path, {"body": "one"})["id"]

    company.noor.call("PATCH", f"/repos/{NAME}/issues/comments/{made}", {"body": "two"})

    assert [(one["id"], one["body"]) for one in company.dana.call("GET", path)] == [(made, "two")]
    assert company.noor.ask("POST", path, {"body": "x" * 65537}).status_code == 422
