"""Gitea's REST API over HTTP: one request at a time, in Gitea's own protocol or not at all.

A read is tried again where the next moment may mend it; a write never is. A list is read to its end and its count is
compared with what the server says, so that a page that was cut or left out is an error and not a shorter list.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests

from stagewright.errors import (
    ForbiddenError,
    ForeignAnswerError,
    IncompleteError,
    InvalidError,
    NotFoundError,
    UnreachableError,
    UsageError,
)

API = "/api/v1"
TIMEOUT_S = 15.0
# One answer as a whole; the time-out above is only about its next byte.
DEADLINE_S = 60.0
MAX_ANSWER_BYTES = 32 * 1024**2
CHUNK_BYTES = 256 * 1024
READ_TRIES = 3
LIST_TRIES = 3
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
PAGE_SIZE = 50
MAX_PAGES = 400
BUSY = frozenset({429, 500, 502, 503, 504})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
WRONG_URL_HINT = "give the forge's own address as its url (https://git.example.com), not that of a login page"
TOKEN_HINT = "give a token of an account that exists, with the scopes that docs/forges.md lists"  # noqa: S105 -- a sentence

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+")
_ACCOUNT = re.compile(r"/api/v1/users/[^/]+\Z")
_RENAMED = re.compile(r"/(?:api/v1/)?repos(?:itories)?/(?P<where>[^?#]+)")

Fields = Mapping[str, str | int]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class GiteaAddress:
    """Where a Gitea is and what it is shown. `ca` is a file of certificates to trust instead of the usual ones.

    `token` is never printed, and sent over https or to this machine only. Proxies are the usual variables'.
    """

    url: str
    token: str = field(repr=False)
    ca: Path | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise UsageError(f"{self.url!r} is no url of a Gitea", hint=WRONG_URL_HINT)
        if parts.username is not None or parts.password is not None:
            raise UsageError("the forge's url carries a user or a password", hint="give the token in a file")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise UsageError(f"a token is not sent to {self.url} in clear text", hint="use https://")
        if not self.token.isascii() or not self.token.isprintable() or not self.token or " " in self.token:
            raise UsageError("the token of the forge is empty, or no token", hint=TOKEN_HINT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    value: Any
    total: int | None


class _TokenAuth(requests.auth.AuthBase):
    """As a request's `auth`, so that a ~/.netrc never puts another in its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"token {self._token}"
        return request


class GiteaClient:
    """One account's sight of one Gitea."""

    def __init__(
        self,
        address: GiteaAddress,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`sleep` and `monotonic` (seconds) are there for tests. Nothing is asked yet."""
        self._base = address.url.rstrip("/")
        self._auth = _TokenAuth(address.token)
        self._session = requests.Session()
        self._verify: bool | str = str(address.ca) if address.ca is not None else True
        self._sleep = sleep
        self._monotonic = monotonic
        self._page_size: int | None = None
        self._told: datetime | None = None

    @property
    def place(self) -> str:
        """For messages."""
        return f"Gitea at {self._base}"

    @property
    def server_time(self) -> datetime:
        """The server's own clock at its last answer. IncompleteError where it did not tell."""
        if self._told is None:
            raise IncompleteError(f"{self.place} does not tell the time with its answers (the Date header)")
        return self._told

    def get(self, path: str, fields: Fields | None = None) -> Any | None:
        """The JSON at a path below `/api/v1`; None for 404."""
        page = self._patiently(path, fields or {})
        return None if page is None else page.value

    def row(self, path: str, what: str) -> Row:
        """The JSON object at a path. NotFoundError says that `what` is not there."""
        found = self.get(path)
        if found is None:
            raise NotFoundError(f"{self.place} has no {what}, or does not show it to this token", hint=TOKEN_HINT)
        return self._as_row(found, path)

    def rows(self, path: str, fields: Fields | None = None, *, hidden: bool = False) -> tuple[Row, ...]:
        """Every row of a list, by `id`, in the server's order. NotFoundError; IncompleteError where it is not whole.

        `hidden`: the server counts rows in that it does not show, so that there may be fewer; never more.
        """
        for _ in range(LIST_TRIES - 1):
            try:
                return self._rows(path, fields or {}, hidden=hidden)
            except IncompleteError:
                # the list changed while it was read, or a page was cut: the next reading tells
                continue
        return self._rows(path, fields or {}, hidden=hidden)

    def plain_rows(self, path: str) -> tuple[Row, ...]:
        """A list that Gitea gives in one piece, and whose count it only sometimes tells. NotFoundError."""
        page = self._patiently(path, {})
        if page is None:
            raise NotFoundError(f"{self.place} has no {path}, or does not show it to this token", hint=TOKEN_HINT)
        rows = self._as_rows(page.value, path)
        if page.total is not None and page.total != len(rows):
            raise IncompleteError(f"{self.place} says that {path} has {page.total} entries, and shows {len(rows)}")
        return rows

    def page(self, path: str, number: int, fields: Fields | None = None) -> tuple[tuple[Row, ...], int | None]:
        """One page of a list (the first is 1), and the count that the server gives with it, if any. NotFoundError."""
        found = self._patiently(path, {**(fields or {}), "page": number, "limit": self._limit()})
        if found is None:
            raise NotFoundError(f"{self.place} has no {path}, or does not show it to this token", hint=TOKEN_HINT)
        return self._as_rows(found.value, path), found.total

    def send(self, method: str, path: str, body: Row | None = None) -> Any | None:
        """One request that changes something, sent once; its JSON, None for an empty answer.

        UnreachableError: it may or may not have happened. InvalidError: the server refuses it. NotFoundError.
        """
        page = self._ask(method, path, {}, body)
        if page is None:
            raise NotFoundError(f"{self.place} does not know what {method} {path} is about")
        return page.value

    def _rows(self, path: str, fields: Fields, *, hidden: bool) -> tuple[Row, ...]:
        found: dict[Any, Row] = {}
        total, number = 0, 0
        while number == 0 or number * self._limit() < total:
            number += 1
            if number > MAX_PAGES:
                raise IncompleteError(f"{self.place} has more than {MAX_PAGES} pages of {path}")
            rows, counted = self.page(path, number, fields)
            if counted is None:
                raise IncompleteError(f"{self.place} does not say how long the list {path} is (X-Total-Count)")
            total = counted
            found.update((item.get("id"), item) for item in rows)
        if len(found) > total or (len(found) < total and not hidden):
            raise IncompleteError(f"{self.place} says that {path} has {total} entries, and shows {len(found)}")
        return tuple(found.values())

    def _limit(self) -> int:
        """How many rows a page has: what we want, or the server's own limit."""
        if self._page_size is None:
            settings = self._as_row(self.get("/settings/api") or {}, "/settings/api")
            most = settings.get("max_response_items")
            if not isinstance(most, int) or most < 1:
                raise UnreachableError(f"{self.place} does not tell its page size, as Gitea does", hint=WRONG_URL_HINT)
            self._page_size = min(PAGE_SIZE, most)
        return self._page_size

    def _patiently(self, path: str, fields: Fields) -> _Page | None:
        pause_s = FIRST_PAUSE_S
        for _ in range(READ_TRIES - 1):
            try:
                return self._ask("GET", path, fields, None)
            except _BusyError as error:
                asked_s = error.retry_after_s
                if asked_s is not None and asked_s > LONGEST_PAUSE_S:
                    raise
                self._sleep(pause_s if asked_s is None else asked_s)
                pause_s *= 2
        return self._ask("GET", path, fields, None)

    def _ask(self, method: str, path: str, fields: Fields, body: Row | None) -> _Page | None:
        try:
            response = self._session.request(
                method,
                f"{self._base}{API}{path}",
                params=dict(fields),
                json=body,
                headers={"Accept": "application/json"},
                auth=self._auth,
                timeout=TIMEOUT_S,
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            )
        except (requests.RequestException, OSError) as error:
            # Its text may quote what was sent: the kind of the failure is enough.
            kind = type(error.__context__ or error).__name__
            raise _BusyError(
                f"{self.place} does not answer: {kind}", hint="is it running, are its url, CA and proxy right?"
            ) from None
        with response:
            return self._page_of(response, f"{method} {path}")

    def _page_of(self, response: requests.Response, what: str) -> _Page | None:
        status = response.status_code
        if 300 <= status < 400:
            raise self._redirect(response, what)
        if status in BUSY:
            raise _BusyError(f"{self.place} answers {status} to {what}", retry_after_s=_retry_after(response))
        if status == requests.codes.unauthorized:
            raise ForbiddenError(f"{self.place} does not accept the token (any more)", hint=TOKEN_HINT)
        if status == requests.codes.no_content:
            return _Page(value=None, total=None)
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        data = self._body(response, what)
        if status in {200, 201, 202} and not data:
            return _Page(value=None, total=None)
        if status in {200, 201, 202}:
            if kind != "application/json":
                raise ForeignAnswerError(f"{self.place} answers {what} with {kind or 'no kind'}", hint=WRONG_URL_HINT)
            self._told = _date(response) or self._told
            return _Page(value=self._parse(data, what), total=_total(response))
        reason = _message(data) if kind == "application/json" else ""
        if status == requests.codes.forbidden:
            raise ForbiddenError(f"{self.place} forbids {what}: {reason}", hint=TOKEN_HINT)
        if status == requests.codes.locked:
            raise ForbiddenError(f"{self.place}: the repository is archived, {what} is refused", hint="unarchive it")
        if status == requests.codes.not_found and kind == "application/json":
            self._told = _date(response) or self._told
            return None
        if 400 <= status < 500 and kind == "application/json":
            raise InvalidError(f"{self.place} refuses {what} ({status}): {reason}")
        raise UnreachableError(f"{self.place} answers {status} to {what}", hint=WRONG_URL_HINT)

    def _redirect(self, response: requests.Response, what: str) -> UnreachableError | NotFoundError:
        target = urlsplit(response.headers.get("Location", ""))
        base = urlsplit(self._base)
        here = not target.hostname or (target.hostname, target.port) == (base.hostname, base.port)
        renamed = _RENAMED.search(target.path) if here and "/login" not in target.path else None
        if renamed:
            where = "/".join(renamed["where"].split("/")[:2])
            return NotFoundError(
                f"{self.place}: the repository was renamed or transferred, to {where}",
                hint="say so in the configuration, and record it: another repository is another history",
            )
        if here and _ACCOUNT.search(target.path):
            return NotFoundError(f"{self.place}: the account of {what} has another name by now")
        return UnreachableError(f"{self.place} answers {what} with a redirect", hint=WRONG_URL_HINT)

    def _body(self, response: requests.Response, what: str) -> bytes:
        end = self._monotonic() + DEADLINE_S
        parts, length = [], 0
        try:
            for chunk in response.iter_content(CHUNK_BYTES):
                length += len(chunk)
                if length > MAX_ANSWER_BYTES:
                    raise UnreachableError(f"{self.place} answers {what} with more than {MAX_ANSWER_BYTES} bytes")
                if self._monotonic() > end:
                    raise UnreachableError(f"{self.place} did not end its answer to {what} in {DEADLINE_S} s")
                parts.append(chunk)
        except requests.RequestException as error:
            raise _BusyError(f"{self.place} broke off its answer to {what}") from error
        data = b"".join(parts)
        promised = response.headers.get("Content-Length", "")
        if "Content-Encoding" not in response.headers and promised.isdigit() and int(promised) != length:
            raise _BusyError(f"{self.place} broke off its answer to {what}")
        return data

    def _parse(self, data: bytes, what: str) -> Any:
        """One JSON text, as RFC 8259 knows it: no NaN, nothing after it."""
        try:
            return json.loads(data, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise UnreachableError(f"{self.place} answers {what} with broken JSON", hint=WRONG_URL_HINT) from error

    def _as_rows(self, value: object, path: str) -> tuple[Row, ...]:
        # Go writes an empty list as null
        if not isinstance(value, list | None):
            raise UnreachableError(f"{self.place} answers {path} with no list", hint=WRONG_URL_HINT)
        return tuple(self._as_row(item, path) for item in value or ())

    def _as_row(self, value: object, path: str) -> Row:
        if not isinstance(value, dict):
            raise UnreachableError(f"{self.place} answers {path} with JSON that is no object", hint=WRONG_URL_HINT)
        return value


class _BusyError(UnreachableError):
    """A failure that the next moment may mend; a read is tried again."""


def checked_repository(name: str) -> str:
    """`owner/name` as it was given. UsageError for anything else."""
    if not _REPOSITORY.fullmatch(name):
        raise UsageError(f"{name!r} is no repository of a Gitea", hint="write it as owner/name")
    return name


def _total(response: requests.Response) -> int | None:
    text = response.headers.get("X-Total-Count", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _date(response: requests.Response) -> datetime | None:
    """`Date: Tue, 24 Nov 2026 22:18:55 GMT`."""
    try:
        told = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
    return told.astimezone(UTC) if told.tzinfo is not None else None


def _retry_after(response: requests.Response) -> float | None:
    """Retry-After in whole seconds; a date is not honoured, for there is no clock here."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _message(data: bytes) -> str:
    """What an error says: `{"message": "…", "url": "…/api/swagger"}`."""
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    text = answer.get("message") if isinstance(answer, dict) else None
    return repr(str(text)[:300]) if text else ""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
