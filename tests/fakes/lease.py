"""A Lease on an API server in memory, and lines to it on which requests and replies get lost.

server = LeaseServer()
line = LeaseLine(server)
line.fault = "write"          # the next request does not arrive
line.fault = "reply"          # the next one arrives, and nobody hears of it
server.down = True            # nothing answers
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from stagewright.adapters.kubernetes.lease import Claim, LeaseState, claimed, lease_state
from stagewright.errors import ConflictError, NotFoundError, UnreachableError

Answer = TypeVar("Answer")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
NAME = {"metadata": {"name": "stagewright", "namespace": "ml"}}


@dataclass(slots=True)
class HandTime:
    """Seconds that pass when a test says so, for everybody; and the time of day of a machine whose clock is wrong."""

    seconds: float = 1000.0
    day: datetime = NOW

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.day


@dataclass(slots=True)
class LeaseServer:
    """The Lease as JSON, and the version that each change counts up."""

    lease: dict[str, Any] | None = None
    version: int = 0
    down: bool = False
    requests: list[str] = field(default_factory=list)

    def put(self, lease: dict[str, Any]) -> dict[str, Any]:
        if lease == self.lease:
            # as the API server does it
            return lease
        self.version += 1
        metadata = {**lease.get("metadata", {}), **NAME["metadata"], "resourceVersion": str(self.version)}
        self.lease = {**lease, "metadata": metadata}
        return self.lease

    def delete(self) -> None:
        self.version += 1
        self.lease = None

    def label(self, **labels: str) -> None:
        """Touch it as somebody does who means nothing by it."""
        assert self.lease is not None
        self.put({**self.lease, "metadata": {**self.lease["metadata"], "labels": labels}})

    @property
    def spec(self) -> dict[str, Any]:
        assert self.lease is not None
        found: dict[str, Any] = self.lease["spec"]
        return found


@dataclass(slots=True)
class LeaseLine:
    """A `LeaseApi` to that server. `on_the_way` is called before a request arrives, and before its reply does."""

    server: LeaseServer
    fault: Literal["write", "reply"] | None = None
    on_the_way: Callable[[], None] = lambda: None

    def read(self) -> LeaseState | None:
        return self._asked("read", lambda: None if self.server.lease is None else lease_state(self.server.lease))

    def create(self, claim: Claim) -> LeaseState:
        return self._asked("create", lambda: self._create(claim))

    def replace(self, state: LeaseState, claim: Claim) -> LeaseState:
        return self._asked("replace", lambda: self._replace(state, claim))

    def changed(self, state: LeaseState, timeout_s: float) -> bool:  # noqa: ARG002 # nothing changes while one waits
        now = self.read()
        return now is None or now.version != state.version

    def _create(self, claim: Claim) -> LeaseState:
        if self.server.lease is not None:
            raise ConflictError("there is one already")
        return lease_state(self.server.put(claimed({}, claim)))

    def _replace(self, state: LeaseState, claim: Claim) -> LeaseState:
        if self.server.lease is None:
            raise NotFoundError("it is gone")
        if self.server.lease["metadata"]["resourceVersion"] != state.version:
            raise ConflictError("it was changed")
        return lease_state(self.server.put(claimed(state.raw, claim)))

    def _asked(self, what: str, request: Callable[[], Answer]) -> Answer:
        fault, self.fault = self.fault, None
        self.on_the_way()
        self.server.requests.append(what)
        if self.server.down or fault == "write":
            raise UnreachableError("no answer: injected")
        answer = request()
        self.on_the_way()
        if fault == "reply":
            raise UnreachableError("no answer: injected")
        return answer
