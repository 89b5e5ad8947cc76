"""MLflow over HTTP: one request at a time, in MLflow's own protocol or not at all.

The requests go through MLflow's own client function, so that its authentication, TLS and workspace settings and the
plugins for them work; its retries, its two-minute time-out and its following of redirects are all turned off.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal, NoReturn
from urllib.parse import quote

import requests
from mlflow.exceptions import MlflowException
from mlflow.utils.rest_utils import http_request

from stagewright.adapters.mlflow.access import Access
from stagewright.adapters.mlflow.gateway import Answer, Fields
from stagewright.errors import (
    ForbiddenError,
    ForeignAnswerError,
    IncompleteError,
    InvalidError,
    NotFoundError,
    UnreachableError,
)
from stagewright.ports import Deaf, Telemetry

API = "/api/2.0/mlflow/"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
TIMEOUT_S = 10.0
# To connect, and until the answer begins, of a write: together less than whoever fences it reckons with.
WRITE_TIMEOUTS_S = (3.0, 6.0)
# A write that was refused is only made anew with another token if that was had within this.
TOKEN_WITHIN_S = 1.0
# One answer as a whole; the time-out above is only about its next byte.
DEADLINE_S = 120.0
# 200,000 versions, the most that MLflow gives in one page, are about 112 MB.
MAX_ANSWER_BYTES = 160 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
MAX_VERSION_BYTES = 1024 * 1024
_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9A-Za-z]{1,20}){1,4}")
READ_TRIES = 3
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
BUSY = frozenset({429, 502, 503, 504})
LOGIN_HINT = "point the registry's URI at MLflow itself, not at a login page, and see that credentials are set"
# MLflow starts several workers unless told otherwise, and then each answer on a kept-alive connection waits 40 ms for
# a delayed ACK: a new connection per request was measured at 12 ms against 52. It also means that a write never
# goes out on a connection that the server is just closing, which could not be told from a write that happened.
HEADERS = {"Connection": "close"}


class RestGateway:
    """MLflow's REST API over HTTP."""

    def __init__(
        self,
        access: Access,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        telemetry: Telemetry | None = None,
    ) -> None:
        """`access` says where MLflow is and who we are there. `sleep`, `monotonic` (seconds) are there for tests."""
        self._access = access
        self._telemetry = telemetry or Deaf()
        self._sleep = sleep
        self._monotonic = monotonic

    @property
    def address(self) -> str:
        """The server's URI, which holds no user and no password."""
        return self._access.address

    @property
    def place(self) -> str:
        """See Gateway."""
        return f"MLflow at {self.address}"

    def get(self, path: str, fields: Fields) -> Answer | None:
        """See Gateway."""
        return self._patiently(lambda: self._read_object("GET", API + path, {"params": dict(fields)}))

    def send(self, method: Literal["POST", "DELETE"], path: str, fields: Fields) -> None:
        """See Gateway."""
        if self._read_object(method, API + path, {"json": dict(fields)}) is None:
            raise NotFoundError(f"{self.place} does not know what {method} {path} is about")

    def version(self) -> str:
        """The server's version, `3.17.0`. UnreachableError where what answers is no MLflow."""
        with self._request("GET", "/version", {}) as response:
            text = b"".join(self._chunks(response, at_most=MAX_VERSION_BYTES)).decode("utf-8", "replace").strip()
        if response.status_code != requests.codes.ok or not _VERSION.fullmatch(text):
            raise UnreachableError(f"{self.place} does not tell its version, as MLflow does", hint=LOGIN_HINT)
        return text

    def list_artifacts(self, folder: str) -> Answer:
        """One level of the artifact proxy: `{"files": [{"path": "MLmodel", "is_dir": false, "file_size": 5}, …]}`."""
        answer = self._patiently(lambda: self._read_object("GET", ARTIFACTS, {"params": {"path": folder}}))
        if answer is None:
            raise IncompleteError(f"{self.place} listed {folder!r} and then could not find it")
        return answer

    def read_artifact(self, path: str) -> Iterator[bytes]:
        """The bytes of one file behind the artifact proxy, in chunks. InvalidError: the proxy refuses the name."""
        # The proxy undoes percent-escapes for as long as it finds any, and so answers `a%62` with the file `ab`.
        if "%" in path:
            raise InvalidError(f"{path!r} holds a percent sign, for which MLflow's artifact proxy reads another file")
        response = self._request("GET", f"{ARTIFACTS}/{quote(path)}", {})
        with response:
            if response.status_code != requests.codes.ok:
                self._object_of(response)
                raise IncompleteError(f"{self.place} listed {path!r} and then could not find it")
            yield from self._chunks(response)

    def _patiently(self, read: Callable[[], Answer | None]) -> Answer | None:
        pause_s = FIRST_PAUSE_S
        for _ in range(READ_TRIES - 1):
            try:
                return read()
            except _BusyError as error:
                asked_s = error.retry_after_s
                if asked_s is not None and asked_s > LONGEST_PAUSE_S:
                    raise
                self._sleep(pause_s if asked_s is None else asked_s)
                pause_s *= 2
        return read()

    def _read_object(self, method: str, endpoint: str, arguments: dict[str, Any]) -> Answer | None:
        with self._request(method, endpoint, arguments) as response:
            return self._object_of(response)

    def _request(self, method: str, endpoint: str, arguments: dict[str, Any]) -> requests.Response:
        response = self._once(method, endpoint, arguments)
        if response.status_code != requests.codes.unauthorized:
            return response
        began = self._monotonic()
        # what was refused did not happen, so asking again with a new token repeats no write
        if self._access.rejected() and (method == "GET" or self._monotonic() - began <= TOKEN_WITHIN_S):
            response.close()
            response = self._once(method, endpoint, arguments)
        return response

    def _once(self, method: str, endpoint: str, arguments: dict[str, Any]) -> requests.Response:
        shown = self._access.credentials()
        began, outcome = self._monotonic(), "unreachable"
        try:
            response: requests.Response = http_request(
                shown.creds,
                endpoint,
                method,
                max_retries=0,
                retry_codes=(),
                raise_on_status=False,
                respect_retry_after_header=False,
                timeout=TIMEOUT_S if method == "GET" else WRITE_TIMEOUTS_S,
                extra_headers={**shown.headers, **HEADERS},
                allow_redirects=False,
                stream=True,
                **arguments,
            )
        except (MlflowException, requests.RequestException, ValueError) as error:
            # Its text may quote a header, and so a credential: the kind of the failure is enough, and chaining it
            # would put the text into every traceback.
            kind = type(error.__context__ or error).__name__
            raise _BusyError(
                f"{self.place} does not answer: {kind}", hint="is it running, and is the URI right?"
            ) from None
        else:
            outcome = _outcome(response)
        finally:
            self._telemetry.registry_request(_operation(method, endpoint), outcome, self._monotonic() - began)
        return response

    def _object_of(self, response: requests.Response) -> Answer | None:
        """The JSON object of an answer; None for RESOURCE_DOES_NOT_EXIST; the error that any other answer is."""
        status = response.status_code
        if 300 <= status < 400:
            raise ForeignAnswerError(f"{self.place} answers with a redirect, as a login page does", hint=LOGIN_HINT)
        if status in {requests.codes.unauthorized, requests.codes.forbidden}:
            raise ForbiddenError(
                f"{self.place} answers {status}: {_path(response)} is not allowed",
                hint="see who the controller is to MLflow (spec.registry, or MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD); docs/mlflow.md lists the permissions",
            )
        if status in BUSY:
            raise _BusyError(f"{self.place} answers {status}", retry_after_s=_retry_after(response))
        if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
            raise ForeignAnswerError(
                f"{self.place} answers {status} and no JSON, as a login page does", hint=LOGIN_HINT
            )
        answer = self._parse(b"".join(self._chunks(response, at_most=MAX_ANSWER_BYTES)))
        if status == requests.codes.ok:
            return answer
        code, message = answer.get("error_code"), str(answer.get("message"))[:500]
        if status == requests.codes.not_found and code == "RESOURCE_DOES_NOT_EXIST":
            return None
        if status == requests.codes.bad_request:
            raise InvalidError(f"{self.place} refuses {_path(response)}: {message!r}")
        raise UnreachableError(f"{self.place} answers {status} to {_path(response)}: {message!r}")

    def _parse(self, data: bytes) -> Answer:
        """One JSON object, as RFC 8259 knows it: no NaN, nothing after it."""
        try:
            answer = json.loads(data, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise ForeignAnswerError(
                f"{self.place} answers with broken JSON: {error}"[:500], hint=LOGIN_HINT
            ) from error
        if not isinstance(answer, dict):
            raise ForeignAnswerError(f"{self.place} answers with JSON that is no object", hint=LOGIN_HINT)
        return answer

    def _chunks(self, response: requests.Response, *, at_most: int | None = None) -> Iterator[bytes]:
        end = self._monotonic() + DEADLINE_S
        total = 0
        try:
            for chunk in response.iter_content(CHUNK_BYTES):
                total += len(chunk)
                if at_most is not None and total > at_most:
                    raise UnreachableError(f"{self.place} answers with more than {at_most} bytes to {_path(response)}")
                if at_most is not None and self._monotonic() > end:
                    raise UnreachableError(
                        f"{self.place} did not end its answer to {_path(response)} in {DEADLINE_S} s"
                    )
                yield chunk
        except requests.RequestException as error:
            raise _BusyError(f"{self.place} broke off its answer to {_path(response)}") from error


class _BusyError(UnreachableError):
    """A failure that the next moment may mend; a read is tried again."""


def _operation(method: str, endpoint: str) -> str:
    if endpoint.startswith(ARTIFACTS):
        return "artifact"
    return "read" if method == "GET" else "write"


def _outcome(response: requests.Response) -> str:
    if response.status_code in BUSY:
        return "unreachable"
    answered = response.status_code in {requests.codes.ok, requests.codes.not_found}
    return "answered" if answered else "refused"


def _path(response: requests.Response) -> str:
    return (response.request.path_url or "").partition("?")[0]


def _retry_after(response: requests.Response) -> float | None:
    """Retry-After in whole seconds; a date is not honoured, for there is no clock here."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
