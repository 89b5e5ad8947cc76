"""GitHub's API for one repository and one set of credentials.

A read is tried again where the next moment may mend it; a write never is. Reads are conditional: what did not change
costs nothing of the rate limit. A list is read to its end, or it is an error.

    Link: <https://api.github.com/repositories/7/pulls?page=2>; rel="next", <…?page=9>; rel="last"
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from stagewright.adapters.git.access import GitCredentials
from stagewright.adapters.github.access import Credentials
from stagewright.adapters.github.address import GitHubAddress
from stagewright.adapters.github.answers import as_row, as_rows, parse, rows
from stagewright.adapters.github.budget import Budget, Resource
from stagewright.adapters.github.exchange import WRITE_PAUSE_S, BusyError, Exchange, MovedError, Reply
from stagewright.adapters.rows import Row, text
from stagewright.errors import (
    ForbiddenError,
    ForeignAnswerError,
    IncompleteError,
    InvalidError,
    NotFoundError,
    UnreachableError,
)
from stagewright.ports import Clock, Telemetry

READ_TRIES = 3
FIRST_PAUSE_S = 0.5
PAGE_SIZE = 100
MAX_PAGES = 300
# What is kept of answers to conditional reads, in characters.
MAX_KEPT = 64 * 1024**2
TOKEN_HINT = "give a token or an App with the permissions that docs/forges.md lists"  # noqa: S105 -- a sentence
GIT_USER = "x-access-token"
PAGE_HINT = "give the forge's own address as its url (https://github.com), not that of a login page or a proxy"
MOVED_HINT = "say so in spec.forge.repository and spec.source.url, and record it: genesis bound the old name"

_BY_ID = re.compile(r"/repositories/([0-9]{1,18})(?:/|$)")
_NEXT = re.compile(r'<([^>]*)>;\s*rel="next"')

Fields = Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    etag: str
    text: str
    link: str


class GitHubClient:
    """Asks, understands refusals, and keeps what did not change. Not for several threads at once."""

    def __init__(
        self,
        address: GitHubAddress,
        credentials: Credentials,
        *,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        write_pause_s: float = WRITE_PAUSE_S,
        telemetry: Telemetry | None = None,
    ) -> None:
        """`sleep` and `monotonic` (seconds) are there for tests. Nothing is asked yet."""
        self.address = address
        self.budget = Budget(clock, telemetry)
        self._credentials = credentials
        self._exchange = Exchange(address, monotonic=monotonic, write_pause_s=write_pause_s)
        self._sleep = sleep
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._kept_size = 0

    @property
    def place(self) -> str:
        """For messages."""
        return f"GitHub at {self.address.url}"

    @property
    def repo(self) -> str:
        """The path of the repository."""
        return f"/repos/{self.address.repository}"

    @property
    def server_time(self) -> datetime:
        """GitHub's own clock at its last answer; ours where it did not tell."""
        return self.budget.server_time

    @property
    def is_app(self) -> bool:
        """Whether an App asks, and not a person's token."""
        return self._credentials.app_secret() is not None

    def git_credentials(self) -> GitCredentials:
        """What git shows to fetch now. An App's ends within the hour: ask anew before each fetch."""
        secret = self._credentials.secret(self._exchange)
        return GitCredentials(username=GIT_USER, password=secret, ca=self.address.ca)

    # reading

    def row(self, path: str, *, spare: bool = False) -> Row:
        """The JSON object at a path. NotFoundError: there is none. `spare`: it can wait when the limit runs low."""
        return as_row(parse(self._read(path, {}, spare=spare).text, path), path)

    def rows(
        self, path: str, fields: Fields | None = None, *, within: str = "", spare: bool = False
    ) -> tuple[Row, ...]:
        """Every row of a list, in GitHub's order; `within` is the field of an object with a `total_count`.

        NotFoundError; IncompleteError where it is not whole.
        """
        found: list[Row] = []
        total: object = None
        for page in self._pages(path, fields or {}, spare=spare):
            answer = parse(page.text, path)
            if within:
                whole = as_row(answer, path)
                found += rows(whole, within)
                total = whole.get("total_count")
            else:
                found += as_rows(answer, path)
        if isinstance(total, int) and total != len(found):
            raise IncompleteError(f"{self.place} says that {path} has {total} entries, and shows {len(found)}")
        ids = [row["id"] for row in found if "id" in row]
        if len(set(ids)) != len(ids):
            raise IncompleteError(f"{self.place} changed the list {path} while it was read")
        return tuple(found)

    def first_rows(self, path: str, fields: Fields, wanted: Callable[[tuple[Row, ...]], bool]) -> tuple[Row, ...]:
        """The rows of a list page by page, until `wanted` says of those read so far that they are enough."""
        found: tuple[Row, ...] = ()
        for page in self._pages(path, fields, spare=False):
            found += as_rows(parse(page.text, path), path)
            if wanted(found):
                break
        return found

    def query(self, document: str, variables: Mapping[str, Any], *, spare: bool = False) -> Row:
        """The `data` of a GraphQL query. Whatever it could not answer makes it IncompleteError."""
        reply = self._patiently(
            "POST", self._exchange.graphql, {}, {}, {"query": document, "variables": variables}, spare=spare
        )
        answer = as_row(parse(reply.text, "a query"), "a query")
        for error in _errors(answer):
            kind, said = error.get("type"), repr(str(error.get("message"))[:300])
            if kind == "RATE_LIMITED":
                raise self.budget.refused("graphql", reply.headers)
            if kind == "FORBIDDEN":
                raise ForbiddenError(f"{self.place} forbids a query: {said}", hint=TOKEN_HINT)
            # what is not found is null in the data, and for whoever asked
            if kind != "NOT_FOUND":
                raise IncompleteError(f"{self.place} answers a query in part: {said}")
        return as_row(answer.get("data"), "a query")

    # writing

    def send(self, method: str, path: str, body: Row | None = None) -> Any:
        """One request that changes something, sent once; its JSON, None for an empty answer.

        UnreachableError: it may or may not have happened. InvalidError: GitHub refuses it. NotFoundError.
        """
        reply = self._ask(method, path, {}, {}, dict(body) if body is not None else None, spare=False)
        return parse(reply.text, path) if reply.text else None

    def as_app(self, path: str) -> Row:
        """The JSON object at a path that only the App itself may read."""
        secret = self._credentials.app_secret()
        if secret is None:
            raise ForbiddenError("only an App may ask this", hint="name it in spec.forge.app")
        return as_row(
            parse(self._checked(self._exchange.ask(secret, "GET", path), f"GET {path}", "core").text, path), path
        )

    def scopes(self) -> tuple[str, frozenset[str] | None]:
        """The login of a token and its scopes; None for a fine-grained token, which has none."""
        reply = self._patiently("GET", "/user", {}, {}, None, spare=False)
        told = reply.headers.get("x-oauth-scopes")
        scopes = None if told is None else frozenset(part.strip() for part in told.split(",") if part.strip())
        return text(as_row(parse(reply.text, "/user"), "/user"), "login"), scopes

    # inside

    def _pages(self, path: str, fields: Fields, *, spare: bool) -> Iterator[_Kept]:
        wanted: dict[str, str | int] = {"per_page": PAGE_SIZE, **fields}
        asked: set[str] = set()
        while True:
            page = self._read(path, wanted, spare=spare)
            yield page
            following = _NEXT.search(page.link)
            if following is None:
                return
            # only where in the list it goes on is taken from the link: whose list it is, is known
            query = urlsplit(following[1]).query
            if query in asked or len(asked) >= MAX_PAGES:
                raise IncompleteError(f"{self.place} has no end to the list {path}")
            asked.add(query)
            wanted = dict(parse_qsl(query, keep_blank_values=True))

    def _read(self, path: str, fields: Fields, *, spare: bool) -> _Kept:
        key = f"{path}?{urlencode(sorted(fields.items()))}"
        kept = self._kept.get(key)
        headers = {} if kept is None else {"If-None-Match": kept.etag}
        reply = self._patiently("GET", path, fields, headers, None, spare=spare)
        if reply.status == 304:
            if kept is None:
                raise IncompleteError(f"{self.place} says that {path} did not change, and was never asked before")
            self._kept.move_to_end(key)
            return kept
        fresh = _Kept(etag=reply.headers.get("etag", ""), text=reply.text, link=reply.headers.get("link", ""))
        if kept is not None:
            self._kept_size -= len(self._kept.pop(key).text)
        if fresh.etag:
            self._kept[key] = fresh
            self._kept_size += len(fresh.text)
        while self._kept_size > MAX_KEPT:
            self._kept_size -= len(self._kept.popitem(last=False)[1].text)
        return fresh

    def _patiently(
        self, method: str, path: str, fields: Fields, headers: Mapping[str, str], body: Any, *, spare: bool
    ) -> Reply:
        pause_s = FIRST_PAUSE_S
        for _ in range(READ_TRIES - 1):
            try:
                return self._ask(method, path, fields, headers, body, spare=spare)
            except BusyError:
                self._sleep(pause_s)
                pause_s *= 2
        return self._ask(method, path, fields, headers, body, spare=spare)

    def _ask(
        self, method: str, path: str, fields: Fields, headers: Mapping[str, str], body: Any, *, spare: bool
    ) -> Reply:
        resource: Resource = "graphql" if path == self._exchange.graphql else "core"
        what = f"{method} {path}"
        try:
            self.budget.require(resource, spare=spare)
            reply = self._once(method, path, fields, headers, body)
            if reply.status == 401 and self._credentials.renewed():
                reply = self._once(method, path, fields, headers, body)
            return self._checked(reply, what, resource)
        except MovedError as error:
            raise self._moved(error, path) from error
        except NotFoundError as error:
            raise self._missing(error, path) from error

    def _once(self, method: str, path: str, fields: Fields, headers: Mapping[str, str], body: Any) -> Reply:
        secret = self._credentials.secret(self._exchange)
        return self._exchange.ask(secret, method, path, fields=fields, headers=headers, body=body)

    def _checked(self, reply: Reply, what: str, resource: Resource) -> Reply:
        """The answer, if it is one."""
        status, kind = reply.status, reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        self.budget.note(resource, reply.headers)
        if status >= 500:
            raise BusyError(f"{self.place} answers {status} to {what}")
        if status == 304 or (200 <= status < 300 and not reply.text):
            return reply
        if kind != "application/json":
            raise ForeignAnswerError(
                f"{self.place} answers {what} with {status} and {kind or 'no kind'}", hint=PAGE_HINT
            )
        if 200 <= status < 300:
            return reply
        said = _message(reply.text)
        if status == 401:
            raise ForbiddenError(f"{self.place} does not accept the credentials (any more): {said}", hint=TOKEN_HINT)
        if status in {403, 429}:
            raise self._forbidden(reply, what, said, resource)
        if status in {404, 410}:
            raise NotFoundError(f"{self.place} has no {what.partition(' ')[2]}, or does not show it", hint=TOKEN_HINT)
        if status == 451:
            raise ForbiddenError(f"{self.place} may not show {what.partition(' ')[2]} for legal reasons: {said}")
        raise InvalidError(f"{self.place} refuses {what} ({status}): {said}")

    def _forbidden(
        self, reply: Reply, what: str, said: str, resource: Resource
    ) -> UnreachableError | ForbiddenError | InvalidError:
        limited = (
            reply.status == 429
            or "retry-after" in reply.headers
            or reply.headers.get("x-ratelimit-remaining") == "0"
            or "rate limit" in said.casefold()
        )
        if limited:
            return self.budget.refused(resource, reply.headers)
        if "archived" in said.casefold():
            return ForbiddenError(
                f"{self.address.repository} is archived: nothing can be written to it", hint="unarchive it"
            )
        wanted = reply.headers.get("x-accepted-github-permissions", "")
        hint = f"it needs {wanted}; {TOKEN_HINT}" if wanted else TOKEN_HINT
        return ForbiddenError(f"{self.place} forbids {what}: {said}", hint=hint)

    def _moved(self, error: MovedError, path: str) -> UnreachableError:
        """Why a request was sent elsewhere: most often the repository has another name by now."""
        target = urlsplit(error.location)
        found = _BY_ID.search(target.path)
        api = urlsplit(self.address.api)
        if (
            not path.startswith(self.repo)
            or found is None
            or (target.hostname, target.port) != (api.hostname, api.port)
        ):
            return error
        reply = self._once("GET", f"/repositories/{found[1]}", {}, {}, None)
        if reply.status != 200:
            return UnreachableError(f"{self.address.repository} has another name, which is not shown", hint=MOVED_HINT)
        name = text(as_row(parse(reply.text, "a repository"), "a repository"), "full_name")
        same = name.partition("/")[0].casefold() == self.address.owner.casefold()
        how = "was renamed to" if same else "was transferred, and is"
        return UnreachableError(f"the repository {self.address.repository} {how} {name}", hint=MOVED_HINT)

    def _missing(self, error: NotFoundError, path: str) -> NotFoundError | UnreachableError:
        """Whether a thing is missing, or the repository that it should be in."""
        if path != self.repo and not path.startswith(f"{self.repo}/"):
            return error
        reply = self._once("GET", self.repo, {}, {}, None) if path != self.repo else None
        if reply is not None and reply.status == 200:
            return error
        if reply is not None and reply.status != 404:
            return UnreachableError(f"{self.place} does not say whether {self.address.repository} is there")
        return UnreachableError(
            f"the repository {self.address.repository} is gone, or {self.place} does not show it (any more)",
            hint=f"was it deleted, or made private? {TOKEN_HINT}",
        )


def _message(body: str) -> str:
    """What a refusal says: `{"message": "Validation Failed", "errors": [{"message": "…"}, "…"], …}`."""
    try:
        answer = as_row(parse(body, "a refusal"), "a refusal")
    except IncompleteError:
        return ""
    listed = answer.get("errors")
    errors = listed if isinstance(listed, list) else []
    told = [answer.get("message"), *(e.get("message") if isinstance(e, dict) else e for e in errors)]
    return repr("; ".join(str(part) for part in told if part)[:300])


def _errors(answer: Row) -> tuple[Row, ...]:
    """`{"data": {…}, "errors": [{"type": "NOT_FOUND", "path": […], "message": "…"}]}`."""
    listed = answer.get("errors")
    if listed is None:
        return ()
    return as_rows(listed, "a query") or ({"message": "no error is named"},)
