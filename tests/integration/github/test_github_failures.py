"""GitHub failing: what is told, that nothing is decided from half an answer, and that all is as it would have been."""

from collections.abc import Callable
from datetime import timedelta
from typing import cast

import pytest

from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.github.forge import GitHubForge
from stagewright.errors import ForbiddenError, IncompleteError, StagewrightError, UnreachableError
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.faults import Fault
from tests.doubles.github.limits import Secondary
from tests.github_world import GitHubWorld

Answers = tuple[object, ...]


def everything(world: GitHubWorld, merge: str, *, forge: GitHubForge | None = None) -> Answers:
    """All that the port tells of one merge."""
    asked = forge or world.forge
    pull = asked.pull(merge, world.source.commit(merge).parents[0])
    assert pull is not None
    return pull, asked.reviews(pull), asked.members("@acme/model-risk"), asked.writers()


def merged(world: GitHubWorld) -> tuple[str, Answers]:
    """A merge with a veto that was dismissed, and what an adapter without any trouble tells of it."""
    world.team("model-risk", "noor", "ravi")
    number, _, merge = world.merged(method="rebase", commits=2)
    world.review("noor", number, "approve")
    world.dismiss("maintainer", number, world.review("ravi", number, "reject"))
    world.fetch()
    return merge, everything(world, merge, forge=fresh(world))


PLACES = ["/graphql", "/activity", "/reviews", "/members", "/collaborators"]
FAULTS: dict[str, Callable[[str], Fault]] = {
    "500": lambda path: Fault(kind="status", path=path, status=500, times=None),
    "502": lambda path: Fault(kind="status", path=path, status=502, times=None),
    "a page of HTML with 200": lambda path: Fault(kind="html", path=path, times=None),
    "a page of HTML with 503": lambda path: Fault(
        kind="status", path=path, status=503, headers={"Content-Type": "text/html"}, body=b"<html>", times=None
    ),
    "cut in the middle": lambda path: Fault(kind="truncated", path=path, times=None),
    "no answer": lambda path: Fault(kind="reset", path=path, times=None),
    "other JSON": lambda path: Fault(kind="body", path=path, body=b'"fine"', times=None),
    "null": lambda path: Fault(kind="body", path=path, body=b"null", times=None),
    "JSON that ends early": lambda path: Fault(kind="body", path=path, body=b'[{"id": 1', times=None),
    "a redirect": lambda path: Fault(
        kind="status", path=path, status=302, headers={"Location": "https://login.example/"}, times=None
    ),
}


def fresh(world: GitHubWorld) -> GitHubForge:
    """An adapter that knows nothing yet."""
    return GitHubForge(world.connect(), world.source, grace=timedelta(0))


@pytest.mark.parametrize("fault", FAULTS)
def test_failure_of_any_kind_and_place_decides_nothing_and_passes(world: GitHubWorld, github: GitHubDouble, fault: str):
    merge, expected = merged(world)
    for place in PLACES:
        forge = fresh(world)
        github.faults.add(FAULTS[fault](place))

        with pytest.raises(IncompleteError) as raised:
            everything(world, merge, forge=forge)

        assert str(raised.value), place
        github.faults.clear()
        assert everything(world, merge, forge=forge) == expected, place


def test_failure_that_passes_is_not_noticed(world: GitHubWorld, github: GitHubDouble):
    merge, expected = merged(world)
    for place in PLACES:
        github.faults.add(Fault(kind="status", path=place, status=502, times=2))

    assert everything(world, merge) == expected


def test_answer_that_does_not_come_is_given_up(
    world: GitHubWorld, github: GitHubDouble, monkeypatch: pytest.MonkeyPatch
):
    merge, expected = merged(world)
    monkeypatch.setattr(world.client._exchange._wire, "timeout", 0.05)
    github.faults.add(Fault(kind="hang", path="/collaborators", times=None))

    with pytest.raises(IncompleteError, match=r"does not answer: (Read)?Timeout(Error)?"):
        everything(world, merge)

    github.faults.clear()
    monkeypatch.undo()
    assert everything(world, merge) == expected


def test_answer_without_an_end_is_given_up(world: GitHubWorld, monkeypatch: pytest.MonkeyPatch):
    merge, _ = merged(world)
    monkeypatch.setattr("stagewright.adapters.github.exchange.MAX_ANSWER_BYTES", 100)

    with pytest.raises(IncompleteError, match="more than 100 bytes"):
        everything(world, merge)


def test_primary_limit_is_told_and_kept_to(world: GitHubWorld, github: GitHubDouble):
    merge, expected = merged(world)
    identity = github.world.identify(world.person("robot").token.secret)
    github.limits.exhaust(identity)
    world.forge = GitHubForge(world.client, world.source, grace=timedelta(0))

    with pytest.raises(IncompleteError, match="rate limit") as raised:
        everything(world, merge)
    asked = len(github.seen)
    with pytest.raises(IncompleteError, match="rate limit"):
        everything(world, merge)

    assert 3500 < cast("float", raised.value.retry_after_s) <= 3601
    assert [one.template for one in github.seen[asked:] if one.template != "/graphql"] == []
    github.world.clock.advance(seconds=3602)
    assert everything(world, merge) == expected


def test_primary_limit_of_queries_is_told_and_kept_to(world: GitHubWorld, github: GitHubDouble):
    merge, expected = merged(world)
    github.limits.exhaust(github.world.identify(world.person("robot").token.secret), "graphql")

    with pytest.raises(IncompleteError, match=r"rate limit \(graphql\)") as raised:
        everything(world, merge)

    assert 3500 < cast("float", raised.value.retry_after_s) <= 3601
    github.world.clock.advance(seconds=3602)
    assert everything(world, merge) == expected


@pytest.mark.parametrize(("headers", "wait_s"), [(17, 17.0), (None, 60.0)], ids=["with a header", "without"])
@pytest.mark.parametrize("status", [403, 429])
def test_secondary_limit_is_told_and_kept_to(
    world: GitHubWorld, github: GitHubDouble, status: int, headers: int | None, wait_s: float
):
    merge, expected = merged(world)
    github.limits.secondary = Secondary(times=1, retry_after=headers, status=status)

    with pytest.raises(IncompleteError, match="rate limit") as raised:
        world.forge.writers()
    asked = len(github.seen)
    with pytest.raises(IncompleteError, match="rate limit"):
        world.forge.writers()

    assert (raised.value.retry_after_s, len(github.seen)) == (wait_s, asked)
    github.world.clock.advance(seconds=wait_s + 1)
    assert everything(world, merge) == expected


def test_last_quarter_of_the_limit_is_kept_for_what_was_merged(world: GitHubWorld, github: GitHubDouble):
    """Whoever opens a thousand pull requests delays what is shown on them, and nothing else."""
    merge, expected = merged(world)
    world.put("dana", {"z.txt": "1\n"}, branch="open")
    number = world.open("open")
    identity = github.world.identify(world.person("robot").token.secret)
    github.limits.bucket(identity, "core").used = 3800
    world.forge.writers()

    with pytest.raises(UnreachableError, match="kept for what is merged") as raised:
        world.conversation.open_pulls()

    assert cast("float", raised.value.retry_after_s) > 3000
    assert everything(world, merge) == expected
    github.world.clock.advance(seconds=3602)
    world.fetch()
    assert [pull.number for pull in world.conversation.open_pulls()] == [number]


def test_token_that_was_revoked_in_the_middle(world: GitHubWorld, github: GitHubDouble):
    merge, expected = merged(world)
    everything(world, merge)
    token = github.world.tokens[world.person("robot").token.secret]
    token.revoked = True

    with pytest.raises(ForbiddenError, match="does not accept the credentials"):
        everything(world, merge)

    token.revoked = False
    assert everything(world, merge) == expected


def test_app_token_is_renewed_before_it_ends(app_world: GitHubWorld, github: GitHubDouble):
    merge, expected = merged(app_world)

    def tokens() -> int:
        return len([one for one in github.seen if one.template == "/app/installations/{installation_id}/access_tokens"])

    before = tokens()
    for minutes, made in ((1, 0), (53, 0), (2, 1), (50, 1), (10, 2)):
        github.world.clock.advance(minutes=minutes)
        assert everything(app_world, merge) == expected
        assert tokens() - before == made


def test_app_token_that_was_revoked_is_replaced(app_world: GitHubWorld, github: GitHubDouble):
    merge, expected = merged(app_world)
    everything(app_world, merge)
    for token in github.world.tokens.values():
        token.revoked = token.revoked or token.installation is not None

    assert everything(app_world, merge) == expected


def test_app_that_was_uninstalled_is_told(app_world: GitHubWorld):
    merge, expected = merged(app_world)
    everything(app_world, merge)
    app_world.installation.gone = True

    with pytest.raises(ForbiddenError, match="gives the App no token"):
        everything(app_world, merge)

    app_world.installation.gone = False
    assert everything(app_world, merge) == expected


def renamed(world: GitHubWorld) -> Callable[[], None]:
    world.github.world.transfer(world.hosted, world.organization, "models-2")
    return lambda: world.github.world.transfer(world.hosted, world.organization, "models")


def transferred(world: GitHubWorld) -> Callable[[], None]:
    other = world.github.world.organization("other", world.person("maintainer").account, world.person("robot").account)
    world.github.world.transfer(world.hosted, other)
    return lambda: world.github.world.transfer(world.hosted, world.organization)


def gone(world: GitHubWorld) -> Callable[[], None]:
    world.hosted.gone = True
    return lambda: setattr(world.hosted, "gone", False)


def hidden(world: GitHubWorld) -> Callable[[], None]:
    robot = world.person("robot").account.id
    world.hosted.collaborators.pop(robot)
    return lambda: world.hosted.collaborators.update({robot: "maintain"})


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (renamed, "the repository acme/models was renamed to acme/models-2"),
        (transferred, "the repository acme/models was transferred, and is other/models"),
        (gone, "the repository acme/models is gone, or GitHub at {url} does not show it (any more)"),
        (hidden, "the repository acme/models is gone, or GitHub at {url} does not show it (any more)"),
    ],
)
@pytest.mark.parametrize("known", [True, False], ids=["asked before", "asked first"])
def test_repository_that_went_away_is_told(
    world: GitHubWorld, happens: Callable[[GitHubWorld], Callable[[], None]], said: str, *, known: bool
):
    merge, expected = merged(world)
    if known:
        everything(world, merge)
    undo = happens(world)

    with pytest.raises(IncompleteError) as raised:
        everything(world, merge)

    assert str(raised.value) == said.format(url=world.github.url)
    assert raised.value.hint
    undo()
    assert everything(world, merge) == expected


def test_archived_repository_is_read_and_not_written(world: GitHubWorld):
    merge, expected = merged(world)
    number = int(cast("str", getattr(expected[0], "id", "")))
    world.hosted.archived = True

    with pytest.raises(ForbiddenError, match="acme/models is archived"):
        world.conversation.say(number, "x")

    assert everything(world, merge) == expected


def test_secrets_are_in_no_error(world: GitHubWorld, app_world_client: GitHubClient, github: GitHubDouble):
    secrets = [token.secret for token in github.world.tokens.values()]
    told: list[StagewrightError] = []
    for fault in FAULTS.values():
        github.faults.add(fault("/collaborators"))
        for client in (world.client, app_world_client):
            with pytest.raises(UnreachableError) as raised:
                client.rows(f"{client.repo}/collaborators")
            told.append(raised.value)
        github.faults.clear()

    texts = [f"{error} {error.hint} {error.__cause__}" for error in told]
    assert [text for text in texts for secret in secrets if secret in text] == []
    assert world.person("robot").token.secret not in repr(world.client._credentials)


@pytest.fixture
def app_world_client(world: GitHubWorld) -> GitHubClient:
    return world.connect(app=True)
