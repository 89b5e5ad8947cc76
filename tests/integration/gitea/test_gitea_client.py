"""The client against a server that says what a test wants: real HTTP on loopback."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from stagewright.adapters.gitea.client import MAX_ANSWER_BYTES, GiteaAddress, GiteaClient, _date, checked_repository
from stagewright.errors import (
    ForbiddenError,
    ForeignAnswerError,
    IncompleteError,
    InvalidError,
    NotFoundError,
    StagewrightError,
    UnreachableError,
    UsageError,
)
from tests.loopback import Answer, LoopbackProxy

JSON = {"Content-Type": "application/json;charset=utf-8", "Date": "Tue, 24 Nov 2026 22:18:55 GMT"}
SETTINGS = "/api/v1/settings/api"
TOKEN = "5" * 40


@pytest.fixture
def server() -> Iterator[LoopbackProxy]:
    with LoopbackProxy() as proxy:
        proxy.instead[SETTINGS] = said({"max_response_items": 2})
        yield proxy


def said(value: Any, *, total: int | None = None, status: int = 200, **headers: str) -> Answer:
    extra = {} if total is None else {"X-Total-Count": str(total)}
    return Answer(status=status, headers={**JSON, **extra, **headers}, body=json.dumps(value).encode())


def client_of(server: LoopbackProxy, pauses: list[float] | None = None) -> GiteaClient:
    address = GiteaAddress(url=server.uri, token=TOKEN)
    return GiteaClient(address, sleep=(pauses if pauses is not None else []).append)


def rows(*ids: int) -> list[dict[str, int]]:
    return [{"id": number} for number in ids]


def test_token_goes_into_a_header_whatever_netrc_says(
    server: LoopbackProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login dana password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server.always = said({"id": 1})

    assert client_of(server).row("/user", "account") == {"id": 1}

    assert server.authorizations == [f"token {TOKEN}"]
    assert server.targets == ["/api/v1/user"]


@pytest.mark.parametrize(
    ("url", "token", "message"),
    [
        ("http://git.example.com", TOKEN, "clear text"),
        ("https://dana:x@git.example.com", TOKEN, "carries a user"),
        ("ftp://git.example.com", TOKEN, "no url"),
        ("git.example.com", TOKEN, "no url"),
        ("https://git.example.com/?a=b", TOKEN, "no url"),
        ("https://git.example.com", "", "token"),
        ("https://git.example.com", "two words", "token"),
        ("https://git.example.com", "line\n", "token"),
    ],
)
def test_address_that_would_leak_or_lead_nowhere_is_refused(url: str, token: str, message: str):
    with pytest.raises(UsageError, match=message):
        GiteaAddress(url=url, token=token)


def test_address_does_not_print_its_token():
    assert TOKEN not in repr(GiteaAddress(url="https://git.example.com/forge", token=TOKEN))


@pytest.mark.parametrize("name", ["acme", "acme/models/x", "../models", "acme/mod els", "acme/mod?x", ""])
def test_repository_of_another_spelling_is_refused(name: str):
    with pytest.raises(UsageError, match="no repository"):
        checked_repository(name)


def test_rows_are_read_page_by_page_to_the_end(server: LoopbackProxy):
    client = client_of(server)
    server.answers.extend(
        [said({"max_response_items": 2}), *(said(r, total=5) for r in (rows(1, 2), rows(3, 4), rows(5)))]
    )

    assert [row["id"] for row in client.rows("/list", {"state": "open"})] == [1, 2, 3, 4, 5]

    assert server.targets[1:] == [f"/api/v1/list?state=open&page={page}&limit=2" for page in (1, 2, 3)]


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param([said(rows(1), total=3), said(rows(3), total=3)], id="a page that was cut"),
        pytest.param([said(rows(1, 2), total=3), said(None, total=3)], id="a page that is empty"),
        pytest.param([said(rows(1, 2), total=3), said(rows(1, 2), total=3)], id="a page twice"),
        pytest.param([said(rows(1, 2, 3), total=2)], id="more than there are"),
        pytest.param([said(rows(1, 2))], id="no count"),
        pytest.param([said(rows(1, 2), **{"X-Total-Count": "-2"})], id="a count that is none"),
    ],
)
def test_rows_that_do_not_fit_their_count_are_incomplete(server: LoopbackProxy, pages: list[Answer]):
    server.answers.extend([said({"max_response_items": 2}), *(pages * 3)])

    with pytest.raises(IncompleteError):
        client_of(server).rows("/list")


def test_rows_that_changed_while_they_were_read_are_read_again(server: LoopbackProxy):
    server.answers.extend([
        said({"max_response_items": 2}),
        said(rows(1, 2), total=3), said(rows(2), total=3), said(rows(0, 1), total=3), said(rows(2), total=3),
    ])  # fmt: skip

    assert [row["id"] for row in client_of(server).rows("/list")] == [0, 1, 2]


def test_rows_that_may_be_hidden_are_fewer_but_never_more(server: LoopbackProxy):
    server.answers.extend([said({"max_response_items": 2}), said(rows(1), total=3), said(rows(3), total=3)])
    assert [row["id"] for row in client_of(server).rows("/list", hidden=True)] == [1, 3]

    server.answers.extend([said({"max_response_items": 2}), *[said(rows(1, 2), total=1)] * 3])
    with pytest.raises(IncompleteError, match="1 entries, and shows 2"):
        client_of(server).rows("/list", hidden=True)


def test_list_in_one_piece_is_held_against_its_count_where_it_tells(server: LoopbackProxy):
    server.answers.extend(
        [said(None), said(rows(1), total=1), said(rows(1), total=2), said({}), said(None, status=404)]
    )
    client = client_of(server)

    assert [client.plain_rows("/list"), client.plain_rows("/list")] == [(), ({"id": 1},)]
    with pytest.raises(IncompleteError):
        client.plain_rows("/list")
    with pytest.raises(UnreachableError, match="no list"):
        client.plain_rows("/list")
    with pytest.raises(NotFoundError):
        client.plain_rows("/list")


@pytest.mark.parametrize(
    ("faults", "pauses"),
    [
        ([Answer(status=502)], [0.5]),
        ([Answer(status=503, headers={"Retry-After": "3"}), Answer(status=500)], [3.0, 1.0]),
        ([Answer(status=429, headers={"Retry-After": "soon"})], [0.5]),
        ([Answer(status=200, headers={**JSON, "Content-Length": "99"}, body=b"{}", cut=True)], [0.5]),
    ],
)
def test_read_that_the_next_moment_mends_is_tried_again(
    server: LoopbackProxy, faults: list[Answer], pauses: list[float]
):
    server.answers.extend([*faults, said({"id": 1})])
    waited: list[float] = []

    assert client_of(server, waited).get("/user") == {"id": 1}
    assert waited == pauses


def test_read_that_is_asked_to_wait_long_says_so_at_once(server: LoopbackProxy):
    server.always = Answer(status=429, headers={"Retry-After": "90"})

    with pytest.raises(UnreachableError) as caught:
        client_of(server).get("/user")

    assert (caught.value.retry_after_s, len(server.requests)) == (90.0, 1)


def test_write_is_never_sent_twice(server: LoopbackProxy):
    server.always = Answer(status=502)

    with pytest.raises(UnreachableError, match="502"):
        client_of(server).send("POST", "/list", {"a": 1})

    assert server.requests == [("POST", "/api/v1/list")]


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (Answer(status=401, headers=JSON, body=b"{}"), ForbiddenError, "does not accept the token"),
        (said({"message": "no scope"}, status=403), ForbiddenError, "no scope"),
        (said({"message": "archived"}, status=423), ForbiddenError, "archived"),
        (said({"message": "closed"}, status=422), InvalidError, "closed"),
        (said([], status=409), InvalidError, "409"),
        (said(None, status=404), NotFoundError, "has no account"),
        (Answer(status=404, headers={"Content-Type": "text/html"}, body=b"<p>"), UnreachableError, "404"),
        (Answer(headers={"Content-Type": "text/html"}, body=b"<p>"), ForeignAnswerError, "text/html"),
        (Answer(headers=JSON, body=b'{"id": NaN}'), UnreachableError, "broken JSON"),
        (Answer(headers=JSON, body=b"[" * 100_000), UnreachableError, "broken JSON"),
        (Answer(headers=JSON, body=b"[]"), UnreachableError, "no object"),
        (Answer(status=302, headers={"Location": "/user/login"}), UnreachableError, "redirect"),
        (
            Answer(status=302, headers={"Location": "https://evil.example/api/v1/repos/a/b"}),
            UnreachableError,
            "redirect",
        ),
        (
            Answer(status=301, headers={"Location": "/api/v1/repos/acme/new-name/pulls"}),
            NotFoundError,
            "transferred, to acme/new-name",
        ),
    ],
)
def test_answer_that_is_no_answer_is_told_apart(
    server: LoopbackProxy, answer: Answer, error: type[StagewrightError], message: str
):
    server.always = answer

    with pytest.raises(error, match=message) as caught:
        client_of(server).row("/user", "account")

    assert type(caught.value) is error
    assert TOKEN not in str(caught.value)


def test_answer_without_end_is_cut_off(server: LoopbackProxy):
    server.always = Answer(headers=JSON, body=b" " * (MAX_ANSWER_BYTES + 1))

    with pytest.raises(UnreachableError, match="more than"):
        client_of(server).get("/user")


def test_server_that_does_not_listen_is_unreachable_and_no_secret_is_told():
    client = GiteaClient(GiteaAddress(url="http://127.0.0.1:9", token=TOKEN), sleep=lambda _: None)

    with pytest.raises(UnreachableError, match="does not answer") as caught:
        client.get("/user")

    assert TOKEN not in str(caught.value) + caught.value.hint


def test_page_size_that_gitea_does_not_tell_is_no_gitea(server: LoopbackProxy):
    server.instead[SETTINGS] = said({"version": "1"})

    with pytest.raises(UnreachableError, match="page size"):
        client_of(server).rows("/list")


def test_server_time_is_that_of_its_last_answer(server: LoopbackProxy):
    client = client_of(server)
    with pytest.raises(IncompleteError, match="Date"):
        _ = client.server_time

    server.always = said({"id": 1})
    client.get("/user")

    assert client.server_time.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tue, 24 Nov 2026 22:18:55 GMT", datetime(2026, 11, 24, 22, 18, 55, tzinfo=UTC)),
        ("Tue, 24 Nov 2026 22:18:55 +0100", datetime(2026, 11, 24, 21, 18, 55, tzinfo=UTC)),
        ("Tue, 24 Nov 2026 22:18:55 -0000", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_date_of_an_answer_is_read_or_not_known(text: str, expected: datetime | None):
    response = requests.Response()
    response.headers["Date"] = text

    assert _date(response) == expected
