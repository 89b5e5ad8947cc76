"""GitHub's rate limits: what is left of them, and who may still use it.

    X-RateLimit-Limit: 5000
    X-RateLimit-Remaining: 4711
    X-RateLimit-Reset: 1764000000        (seconds since 1970)
    Retry-After: 30                      (of a secondary limit, with 403 or 429)

A part of every hour is kept for what was merged: whoever opens a thousand pull requests only delays what is shown on
them. Once GitHub has said when to come back, nothing is asked before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from stagewright.errors import UnreachableError
from stagewright.ports import Clock, Deaf, Telemetry

Resource = Literal["core", "graphql"]
# The share of a limit that only what was merged may use.
RESERVED = 0.25
# What GitHub asks to wait at least for when it does not say how long.
UNSAID_S = 60.0
LONGEST_WAIT_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What GitHub said last: `remaining` of `limit`, until `reset`."""

    limit: int
    remaining: int
    reset: datetime


class Budget:
    """Keeps account for one set of credentials."""

    def __init__(self, clock: Clock, telemetry: Telemetry | None = None) -> None:
        """`telemetry` hears what GitHub says is left."""
        self._clock = clock
        self._telemetry = telemetry or Deaf()
        self._left: dict[Resource, Left] = {}
        self._closed: dict[Resource, datetime] = {}
        self._told: datetime | None = None

    def left(self, resource: Resource) -> Left | None:
        """What is left, as far as it was told."""
        return self._left.get(resource)

    @property
    def server_time(self) -> datetime:
        """GitHub's own clock at its last answer; ours where it did not tell."""
        return self._told or self._clock.now()

    def require(self, resource: Resource, *, spare: bool) -> None:
        """UnreachableError while GitHub wants to be left alone. `spare`: also when only what is kept is left."""
        now = self._clock.now()
        until = self._closed.get(resource)
        if until is not None and now < until:
            wait_s = (until - now).total_seconds()
            raise UnreachableError(
                f"GitHub's rate limit ({resource}) is used up for {wait_s:.0f} s more", retry_after_s=wait_s
            )
        left = self._left.get(resource)
        if spare and left is not None and now < left.reset and left.remaining < left.limit * RESERVED:
            wait_s = (left.reset - now).total_seconds()
            raise UnreachableError(
                f"{left.remaining} of {left.limit} ({resource}) are left of GitHub's rate limit, and kept for what is"
                " merged: open pull requests wait",
                retry_after_s=wait_s,
            )

    def note(self, resource: Resource, headers: Mapping[str, str]) -> None:
        """Take note of what an answer says."""
        self._told = _date(headers) or self._told
        limit, remaining = _number(headers, "x-ratelimit-limit"), _number(headers, "x-ratelimit-remaining")
        wait_s = self._until_reset(headers)
        if limit is not None and remaining is not None and wait_s is not None:
            reset = self._clock.now() + timedelta(seconds=wait_s)
            self._left[resource] = Left(limit=limit, remaining=remaining, reset=reset)
            self._telemetry.forge_budget(resource, limit=limit, remaining=remaining, reset=reset)

    def refused(self, resource: Resource, headers: Mapping[str, str]) -> UnreachableError:
        """What to raise for an answer that a limit forbade; nothing is asked until its time is over."""
        asked, wait_s = _number(headers, "retry-after"), UNSAID_S
        if asked is not None:
            wait_s = float(asked)
        elif headers.get("x-ratelimit-remaining") == "0":
            reset = self._until_reset(headers)
            wait_s = UNSAID_S if reset is None else reset
        wait_s = min(max(wait_s, 1.0), LONGEST_WAIT_S)
        self._closed[resource] = self._clock.now() + timedelta(seconds=wait_s)
        return UnreachableError(
            f"GitHub's rate limit ({resource}) is used up; it asks for {wait_s:.0f} s", retry_after_s=wait_s
        )

    def _until_reset(self, headers: Mapping[str, str]) -> float | None:
        """Seconds until the limit begins anew, by GitHub's own clock where it tells the time."""
        reset = _number(headers, "x-ratelimit-reset")
        if reset is None:
            return None
        now = _date(headers) or self._clock.now()
        return max((datetime.fromtimestamp(reset, tz=UTC) - now).total_seconds(), 0.0)


def _date(headers: Mapping[str, str]) -> datetime | None:
    """`Date: Tue, 24 Nov 2026 22:18:55 GMT`."""
    try:
        told = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    return told.astimezone(UTC) if told.tzinfo is not None else None


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 13 else None
