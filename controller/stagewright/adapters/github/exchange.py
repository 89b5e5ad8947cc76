"""One request to GitHub and its answer, by PyGithub's requester over a connection of our own.

PyGithub signs, paces and addresses the requests. What it would do with the answers is not for a place where decisions
rest on them, and does not happen here: it follows a renamed repository without a word and forgets the parameters on the
way, takes a page of HTML for data, waits for hours where a limit is used up, and reads without an end.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from github.Auth import Auth
from github.Requester import HTTPSRequestsConnectionClass, Requester, RequestsResponse

from stagewright.adapters.github.address import GitHubAddress
from stagewright.errors import IncompleteError, UnreachableError

TIMEOUT_S = 20.0
# One answer as a whole; the time-out above is only about its next byte.
DEADLINE_S = 60.0
MAX_ANSWER_BYTES = 32 * 1024**2
CHUNK_BYTES = 256 * 1024
USER_AGENT = "stagewright"
API_VERSION = "2022-11-28"
# GitHub asks for at least a second between writes.
WRITE_PAUSE_S = 1.0
URL_HINT = "give the forge's own address as its url (https://github.com), and look at its CA and proxy"

# At its debug level PyGithub logs the bodies of answers, and one of them is a token.
logging.getLogger("github.Requester").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as it came: `headers` by name in lower case, `text` as it was sent."""

    status: int
    headers: Mapping[str, str]
    text: str


class BusyError(UnreachableError):
    """A failure that the next moment may mend; a read is tried again."""


class MovedError(UnreachableError):
    """A redirect, which is never followed. `location` is where it leads."""

    def __init__(self, message: str, *, location: str) -> None:
        super().__init__(message, hint=URL_HINT)
        self.location = location


class Exchange:
    """Sends requests to one GitHub, one at a time."""

    def __init__(
        self,
        address: GitHubAddress,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        write_pause_s: float = WRITE_PAUSE_S,
    ) -> None:
        """`monotonic` (seconds) is there for tests. Nothing is asked yet."""
        self._shown = _Shown()
        self._wire = _Wire(address, monotonic)
        self._requester = Requester(
            auth=self._shown,
            base_url=address.api,
            timeout=int(TIMEOUT_S),
            user_agent=USER_AGENT,
            per_page=100,
            verify=True,
            retry=None,
            pool_size=None,
            seconds_between_writes=write_pause_s or None,
            api_version=API_VERSION,
        )
        self.graphql = urlsplit(self._requester.graphql_url).path

    def ask(
        self,
        secret: str,
        method: str,
        path: str,
        *,
        fields: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Reply:
        """The answer to one request below the API's root, or to `graphql` itself, which is sent once and never again.

        BusyError: no answer, or not all of it. MovedError: a redirect.
        """
        self._shown.secret = secret
        url = self._requester.graphql_url if path == self.graphql else path
        try:
            status, found, text = self._requester.requestJson(
                method,
                url,
                parameters=dict(fields or {}),
                headers={"Accept": "application/vnd.github+json", **(headers or {})},
                input=body,
                cnx=self._wire,
            )
        except (requests.RequestException, OSError) as error:
            # Its text may quote what was sent: the kind of the failure is enough.
            kind = type(error.__context__ or error).__name__
            raise BusyError(f"{self._wire.place} does not answer: {kind}", hint=URL_HINT) from None
        return Reply(status=status, headers=found, text=text)


class _Shown(Auth):
    """What is shown with the next request; set anew for each."""

    def __init__(self) -> None:
        self.secret = ""

    @property
    def token_type(self) -> str:
        return "Bearer"

    @property
    def token(self) -> str:
        return self.secret


class _Whole(RequestsResponse):
    """An answer that was read to its end."""

    def __init__(self, response: requests.Response, text: str) -> None:
        super().__init__(response)
        self._text = text

    def read(self) -> str:
        return self._text


class _Wire(HTTPSRequestsConnectionClass):
    """Reads an answer whole or not at all, and goes where it was sent only."""

    def __init__(self, address: GitHubAddress, monotonic: Callable[[], float]) -> None:
        parts = urlsplit(address.api)
        super().__init__(
            parts.hostname or "",
            parts.port or (80 if parts.scheme == "http" else 443),
            timeout=int(TIMEOUT_S),
            verify=True if address.ca is None else str(address.ca),
        )
        self.protocol = parts.scheme
        self.place = f"GitHub at {address.url}"
        self._monotonic = monotonic

    def getresponse(self) -> RequestsResponse:
        response = self.session.request(
            self.verb,
            f"{self.protocol}://{self.host}:{self.port}{self.url}",
            headers=self.headers,
            data=self.input,
            timeout=self.timeout,
            verify=self.verify,
            allow_redirects=False,
            stream=True,
        )
        what = f"{self.verb} {self.url.partition('?')[0]}"
        with response:
            if 300 <= response.status_code < 400 and response.status_code != requests.codes.not_modified:
                raise MovedError(
                    f"{self.place} answers {what} with a redirect", location=response.headers.get("Location", "")
                )
            if response.status_code == requests.codes.accepted and self.verb == "GET":
                raise BusyError(f"{self.place} is still working on its answer to {what}")
            data = self._read(response, what)
        try:
            return _Whole(response, data.decode())
        except UnicodeDecodeError as error:
            raise UnreachableError(f"{self.place} answers {what} with no UTF-8", hint=URL_HINT) from error

    def _read(self, response: requests.Response, what: str) -> bytes:
        end = self._monotonic() + DEADLINE_S
        parts, length = [], 0
        try:
            chunks: Iterable[bytes] = response.iter_content(CHUNK_BYTES)
            for chunk in chunks:
                length += len(chunk)
                if length > MAX_ANSWER_BYTES:
                    raise IncompleteError(f"{self.place} answers {what} with more than {MAX_ANSWER_BYTES} bytes")
                if self._monotonic() > end:
                    raise BusyError(f"{self.place} did not end its answer to {what} in {DEADLINE_S:.0f} s")
                parts.append(chunk)
        except requests.RequestException as error:
            raise BusyError(f"{self.place} broke off its answer to {what}") from error
        data = b"".join(parts)
        promised = response.headers.get("Content-Length", "")
        if "Content-Encoding" not in response.headers and promised.isdigit() and int(promised) != length:
            raise BusyError(f"{self.place} broke off its answer to {what}")
        return data
