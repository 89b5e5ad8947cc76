"""A ledger in a bucket when other writers, the clock, the network and the store itself are against it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from stagewright.adapters.s3 import HOLD_S, LOCK_LIFE_S, S3Store, open_s3_store
from stagewright.errors import ForbiddenError, LedgerConflictError, StagewrightError, UnreachableError, UsageError
from stagewright.model.sync import S3Place
from tests.s3_server import KEYS, counting, s3_client, s3_place, s3_server

__all__ = ["s3_client", "s3_place", "s3_server"]


class Client:
    """The real client, with a store's clock that can be moved on and with faults in the writes to come."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.ahead_s = 0.0
        self.ignored: frozenset[str] = frozenset()
        self.before_put: Callable[[], None] = lambda: None
        self.after_put: Callable[[], None] = lambda: None

    def get_object(self, **arguments: Any) -> Any:
        answer = self._inner.get_object(**arguments)
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        later = parsedate_to_datetime(headers["date"]) + timedelta(seconds=self.ahead_s)
        headers["date"] = format_datetime(later, usegmt=True)
        return answer

    def put_object(self, **arguments: Any) -> Any:
        arguments = {name: value for name, value in arguments.items() if name not in self.ignored}
        before, self.before_put = self.before_put, lambda: None
        before()
        answer = self._inner.put_object(**arguments)
        after, self.after_put = self.after_put, lambda: None
        after()
        return answer

    def get_paginator(self, name: str) -> Any:
        return self._inner.get_paginator(name)


class Two:
    """Two writers at one ledger, each with a client and a clock of its own."""

    def __init__(self, client: Any, place: S3Place) -> None:
        self.client, self.other_client = Client(client), Client(client)
        self.now = 0.0
        self.store = S3Store(self.client, place, nonce=counting(), monotonic=lambda: self.now)
        self.other = S3Store(self.other_client, place, nonce=counting())


@pytest.fixture
def two(s3_client: Any, s3_place: S3Place) -> Two:
    return Two(s3_client, s3_place)


def no_network() -> None:
    raise EndpointConnectionError(endpoint_url="https://s3.example?X-Amz-Signature=secret")


def test_lock_of_a_writer_that_vanished_is_taken_over_when_the_store_says_that_it_is_old(two: Two):
    with two.store.lock():
        with pytest.raises(LedgerConflictError, match="somebody else is writing"), two.other.lock():
            pytest.fail("two hold one lock")
        two.other_client.ahead_s = LOCK_LIFE_S + 1
        with two.other.lock():
            two.other.replace("checkpoint", b"theirs", expected=None)
    assert two.store.read("checkpoint") == b"theirs"


def test_writer_that_slept_through_the_end_of_its_lock_writes_nothing_more(two: Two):
    with two.store.lock():
        two.store.write("tile/entries/000.p/1", b"mine")
        two.now += HOLD_S
        with pytest.raises(LedgerConflictError, match="ran out"):
            two.store.write("tile/entries/000.p/2", b"mine")
        with pytest.raises(LedgerConflictError, match="ran out"):
            two.store.replace("checkpoint", b"mine", expected=None)
    assert two.store.read("checkpoint") is None


@pytest.mark.parametrize("there", [None, b"debris of a crash"])
def test_writer_that_slept_between_looking_and_writing_overwrites_nothing_of_its_successor(
    two: Two, there: bytes | None
):
    """The sleep lies where no clock can be asked any more: the request is on its way."""
    name = "tile/entries/000.p/5"
    if there is not None:
        two.store.write(name, there)
    with two.store.lock():
        two.client.before_put = lambda: two.other.write(name, b"the successor's")
        with pytest.raises(LedgerConflictError, match="written by somebody else"):
            two.store.write(name, b"mine")
    assert two.store.read(name) == b"the successor's"


def test_lock_taken_over_is_not_given_back_by_the_one_who_lost_it(two: Two):
    with two.store.lock():
        two.other_client.ahead_s = LOCK_LIFE_S + 1
        held = two.other.lock()
        held.__enter__()
    two.other_client.ahead_s = 0
    third = S3Store(two.client, two.store._place, nonce=counting())
    with pytest.raises(LedgerConflictError, match="somebody else is writing"), third.lock():
        pytest.fail("the lock was given back by somebody who had lost it")
    held.__exit__(None, None, None)
    with third.lock():
        assert third.read("checkpoint") is None


@pytest.mark.parametrize(("fault", "kept"), [("before_put", None), ("after_put", b"new")], ids=["lost", "reply lost"])
def test_write_whose_reply_is_missing_is_an_error_and_is_read_back_as_it_is(two: Two, fault: str, kept: bytes | None):
    with two.store.lock():
        setattr(two.client, fault, no_network)
        with pytest.raises(UnreachableError, match="does not answer: EndpointConnectionError") as caught:
            two.store.replace("checkpoint", b"new", expected=None)
        assert two.store.read("checkpoint") == kept
    assert "secret" not in str(caught.value) + repr(caught.value.__cause__)


def test_lock_that_cannot_be_given_back_ends_by_itself(two: Two):
    with two.store.lock():
        two.client.before_put = no_network
    with pytest.raises(LedgerConflictError), two.other.lock():
        pytest.fail("the lock was free at once")
    two.other_client.ahead_s = LOCK_LIFE_S + 1
    with two.other.lock():
        assert two.other.read("checkpoint") is None


@pytest.mark.parametrize("ignored", [{"IfMatch", "IfNoneMatch"}, {"IfMatch"}, {"IfNoneMatch"}], ids=sorted)
def test_store_that_does_not_keep_conditions_is_refused_before_anything_is_written(two: Two, ignored: set[str]):
    two.client.ignored = frozenset(ignored)
    with pytest.raises(UsageError, match="does not keep conditional writes"), two.store.lock():
        pytest.fail("it was trusted")
    assert list(two.store.names("")) == []


def test_lock_is_no_name_of_the_ledger(two: Two):
    with two.store.lock():
        assert list(two.store.names("")) == []
        with pytest.raises(UsageError):
            two.store.read("lock")


def test_ledgers_below_two_prefixes_do_not_see_each_other(s3_client: Any, s3_place: S3Place):
    one = S3Store(s3_client, s3_place, nonce=counting())
    other = S3Store(s3_client, replace(s3_place, prefix="acme/prod2"), nonce=counting())
    root = S3Store(s3_client, replace(s3_place, prefix=""), nonce=counting())
    with one.lock(), other.lock():
        one.write("checkpoint", b"one")
        other.write("checkpoint", b"two")
    assert (one.read("checkpoint"), other.read("checkpoint")) == (b"one", b"two")
    assert (list(one.names("")), list(other.names(""))) == (["checkpoint"], ["checkpoint"])
    assert set(root.names("acme/")) == {
        f"acme/{name}" for name in ("prod/checkpoint", "prod/lock", "prod2/checkpoint", "prod2/lock")
    }


def test_names_go_on_after_the_first_page(s3_client: Any, s3_place: S3Place):
    class Narrow(Client):
        def get_paginator(self, name: str) -> Any:
            return PagesOf(super().get_paginator(name))

    class PagesOf:
        def __init__(self, whole: Any) -> None:
            self._whole = whole

        def paginate(self, **arguments: Any) -> Any:
            return self._whole.paginate(**arguments, PaginationConfig={"PageSize": 2})

    store = S3Store(Narrow(s3_client), s3_place, nonce=counting())
    names = [f"evidence/{number}" for number in range(5)]
    for name in names:
        store.write(name, b"")
    assert list(store.names("evidence/")) == names


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"bucket": "no-such-bucket"}, UsageError, "there is no bucket 'no-such-bucket'"),
        ({"endpoint": "http://127.0.0.1:9"}, UnreachableError, "does not answer: EndpointConnectionError"),
    ],
    ids=["no bucket", "nobody there"],
)
def test_store_that_cannot_be_used_says_why(
    s3_place: S3Place, change: dict[str, Any], kind: type[StagewrightError], message: str
):
    store = open_s3_store(replace(s3_place, **change), nonce=counting())
    with pytest.raises(kind, match=message):
        store.read("checkpoint")


def test_store_that_denies_is_forbidden(s3_client: Any, s3_place: S3Place):
    class Denying(Client):
        def get_object(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")

    with pytest.raises(ForbiddenError, match="refuses checkpoint: AccessDenied") as caught:
        S3Store(Denying(s3_client), s3_place, nonce=counting()).read("checkpoint")
    assert "s3:PutObject" in caught.value.hint


@pytest.mark.parametrize("flaw", ["missing", "empty", "no text"])
def test_credentials_that_are_none_are_refused_and_not_repeated(s3_place: S3Place, flaw: str):
    file = Path(str(s3_place.credentials_folder)) / "secret-access-key"
    match flaw:
        case "missing":
            file.unlink()
        case "empty":
            file.write_bytes(b" \n")
        case _:
            file.write_bytes(b"\xff" + KEYS["secret-access-key"].encode())
    with pytest.raises(UsageError, match="the credentials for S3") as caught:
        open_s3_store(s3_place, nonce=counting())
    assert KEYS["secret-access-key"] not in str(caught.value) + repr(caught.value.__cause__)
