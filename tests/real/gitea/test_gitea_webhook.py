"""Webhooks that a real Gitea signs and sends."""

from queue import Empty, Queue

import pytest

from stagewright.adapters.webhook import WebhookListener
from tests.gitea.world import PATIENCE_S, GiteaWorld

SECRET, OTHER = "the secret of the bank", "somebody else's secret"
EVENTS = ["push", "pull_request", "pull_request_review_approved", "pull_request_review_rejected", "issue_comment"]


def listening(world: GiteaWorld, port: int, secret: str) -> None:
    config = {"url": f"http://127.0.0.1:{port}/webhook", "content_type": "json", "secret": secret}
    world.call("POST", "/hooks", {"type": "gitea", "active": True, "events": EVENTS, "config": config})


def test_push_review_and_merge_wake_the_loop(world: GiteaWorld):
    woken: Queue[None] = Queue()
    with WebhookListener(("127.0.0.1", 0), lambda: (OTHER.encode(), SECRET.encode()), lambda: woken.put(None)) as door:
        listening(world, door.port, SECRET)

        world.commit("dana", {"a": "1\n"}, branch="promote")
        woken.get(timeout=PATIENCE_S)
        number = world.open("promote")
        woken.get(timeout=PATIENCE_S)
        world.settle(number)
        world.review("noor", number, "approve")
        woken.get(timeout=PATIENCE_S)
        world.review("ravi", number, "reject")
        woken.get(timeout=PATIENCE_S)
        world.merge_pull(number)
        woken.get(timeout=PATIENCE_S)

        row = world.call("GET", f"/pulls/{number}")

    assert row["merged"] is True


def test_webhook_with_another_secret_wakes_nobody(world: GiteaWorld):
    woken: Queue[str] = Queue()
    with (
        WebhookListener(("127.0.0.1", 0), lambda: (SECRET.encode(),), lambda: woken.put("wrong")) as wrong,
        WebhookListener(("127.0.0.1", 0), lambda: (SECRET.encode(),), lambda: woken.put("right")) as right,
    ):
        listening(world, wrong.port, OTHER)
        listening(world, right.port, SECRET)

        world.commit("dana", {"a": "1\n"}, branch="promote")
        first = woken.get(timeout=PATIENCE_S)
        world.commit("dana", {"a": "2\n"}, branch="promote")
        second = woken.get(timeout=PATIENCE_S)

    assert [first, second] == ["right", "right"]
    with pytest.raises(Empty):
        woken.get_nowait()
