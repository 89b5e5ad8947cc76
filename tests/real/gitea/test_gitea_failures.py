"""A real Gitea that fails: through a proxy that lies, and by what is done to the repository."""

import json
from datetime import timedelta

import pytest

from stagewright.adapters.gitea.forge import GiteaForge
from stagewright.errors import ForbiddenError, IncompleteError, NotFoundError, StagewrightError, UnreachableError
from tests.gitea.world import GiteaWorld
from tests.loopback import Answer, LoopbackProxy

JSON = {"Content-Type": "application/json"}


def merged(world: GiteaWorld) -> tuple[str, int]:
    head = world.commit("dana", {"a": "1\n"}, branch="promote")
    number = world.open("promote")
    world.settle(number)
    world.review("noor", number, "approve", commit=head)
    world.review("ravi", number, "reject", commit=head)
    merge = world.merge_pull(number)
    world.settle_feed(merge)
    return merge, number


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(Answer(status=500), UnreachableError, id="a server error"),
        pytest.param(Answer(status=503, headers={"Retry-After": "3600"}), UnreachableError, id="busy for an hour"),
        pytest.param(Answer(status=429, headers={"Retry-After": "1"}), UnreachableError, id="too many requests"),
        pytest.param(
            Answer(status=200, headers={"Content-Type": "text/html"}, body=b"<html>Sign in</html>"),
            UnreachableError,
            id="a page with status 200",
        ),
        pytest.param(Answer(status=302, headers={"Location": "/user/login"}), UnreachableError, id="a login page"),
        pytest.param(Answer(headers=JSON, body=b'[{"id": 1'), UnreachableError, id="half a text"),
        pytest.param(
            Answer(headers={**JSON, "Content-Length": "4000"}, body=b"[]", cut=True), UnreachableError, id="cut off"
        ),
        pytest.param(Answer(headers={**JSON, "X-Total-Count": "2"}, body=b"[]"), IncompleteError, id="an empty page"),
        pytest.param(Answer(headers=JSON, body=b"[]"), IncompleteError, id="no count"),
        pytest.param(Answer(status=401, headers=JSON, body=b"{}"), ForbiddenError, id="the token was revoked"),
        pytest.param(Answer(status=404, headers=JSON, body=b"{}"), StagewrightError, id="gone"),
    ],
)
def test_no_answer_is_drawn_from_a_failing_forge_and_recovery_is_whole(
    world: GiteaWorld, fault: Answer, error: type[StagewrightError]
):
    merge, number = merged(world)
    source = world.source()
    source.fetch()
    forge = world.forge(source)
    expected = forge.pull(merge, world.first)
    assert expected is not None
    reviews = forge.reviews(expected)
    assert [review.decision for review in reviews] == ["approve", "reject"]
    paths = [
        f"/api/v1/repos/{world.repository}/{tail}"
        for tail in (
            f"pulls/{number}/reviews",
            f"issues/{number}/timeline",
            "activities/feeds",
            f"commits/{merge}/pull",
        )
    ]
    with LoopbackProxy(world.server.url) as proxy:
        for path in paths:
            through = world.forge(source, client=world.client(url=proxy.uri))
            proxy.instead = {path: fault}
            if path.endswith("timeline") and error is IncompleteError:
                continue  # the count of that list says nothing: it is held against the other two
            with pytest.raises(error):
                _ask(through, merge, world)
            proxy.instead = {}
            found = through.pull(merge, world.first)
            assert found is not None
            assert (found.id, found.merged_head, found.author) == (expected.id, expected.merged_head, expected.author)
            assert through.reviews(found) == reviews


def _ask(forge: GiteaForge, merge: str, world: GiteaWorld) -> None:
    pull = forge.pull(merge, world.first)
    if pull is None:
        raise AssertionError("a failing forge was taken for one without the pull request")
    forge.reviews(pull)


def test_page_of_reviews_without_one_of_them_is_noticed_by_the_timeline(world: GiteaWorld):
    merge, number = merged(world)
    source = world.source()
    source.fetch()
    path = f"/repos/{world.repository}/pulls/{number}/reviews"
    rows = world.call("GET", f"/pulls/{number}/reviews")
    shorter = json.dumps([row for row in rows if row["state"] == "APPROVED"]).encode()
    with LoopbackProxy(world.server.url) as proxy:
        proxy.instead = {f"/api/v1{path}": Answer(headers={**JSON, "X-Total-Count": "2"}, body=shorter)}
        forge = world.forge(source, client=world.client(url=proxy.uri))
        pull = forge.pull(merge, world.first)
        assert pull is not None
        with pytest.raises(IncompleteError, match="leaves out review"):
            forge.reviews(pull)


def test_feed_that_lost_a_page_is_not_believed(world: GiteaWorld):
    pushed = world.push_main("dana", {"a": "1\n"})
    world.settle_feed(pushed)
    source = world.source()
    source.fetch()
    with LoopbackProxy(world.server.url) as proxy:
        proxy.instead = {
            f"/api/v1/repos/{world.repository}/activities/feeds": Answer(
                headers={**JSON, "X-Total-Count": "900"}, body=b"[]"
            )
        }
        with pytest.raises(IncompleteError, match="does not show the whole"):
            world.forge(source, client=world.client(url=proxy.uri), grace=timedelta(0)).pull(pushed, world.first)


def test_token_that_was_revoked_is_said_to_be(world: GiteaWorld):
    pushed = world.push_main("dana", {"a": "1\n"})
    client = world.client(token="0" * 40)
    source = world.source()
    source.fetch()

    with pytest.raises(ForbiddenError, match="does not accept the token"):
        world.forge(source, client=client).pull(pushed, world.first)


def test_token_without_the_scope_is_said_to_be_too_weak(world: GiteaWorld):
    weak = world.server.token("robot", ("read:user",))
    merge, _ = merged(world)
    source = world.source()
    source.fetch()

    with pytest.raises(ForbiddenError, match="forbids"):
        world.forge(source, client=world.client(token=weak)).pull(merge, world.first)


def test_repository_that_was_renamed_names_its_new_name(world: GiteaWorld):
    merge, _ = merged(world)
    source = world.source()
    source.fetch()
    forge = world.forge(source)
    world.patch("", {"name": "renamed"})

    with pytest.raises(NotFoundError, match=f"renamed or transferred, to {world.org}/renamed"):
        forge.pull(merge, world.first)


def test_repository_that_is_gone_is_no_commit_without_a_pull_request(world: GiteaWorld):
    merge, _ = merged(world)
    source = world.source()
    source.fetch()
    forge = world.forge(source, grace=timedelta(0))
    world.server.call("DELETE", f"/repos/{world.repository}")

    with pytest.raises(NotFoundError, match="has no repository"):
        forge.pull(merge, world.first)


def test_repository_that_is_archived_can_be_read_and_not_spoken_in(world: GiteaWorld):
    merge, number = merged(world)
    source = world.source()
    source.fetch()
    world.patch("", {"archived": True})

    assert world.forge(source).pull(merge, world.first) is not None
    with pytest.raises(ForbiddenError, match="archived"):
        world.conversation(source).say(number, "applied")


def test_server_that_is_away_is_unreachable(world: GiteaWorld):
    pushed = world.push_main("dana", {"a": "1\n"})
    source = world.source()
    source.fetch()

    with pytest.raises(UnreachableError, match="does not answer"):
        world.forge(source, client=world.client(url="http://127.0.0.1:9")).pull(pushed, world.first)
