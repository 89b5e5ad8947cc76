"""The system's clocks."""

import time
from datetime import UTC, datetime


class SystemClock:
    """Tells the machine's time; implements `ports.Clock`."""

    def now(self) -> datetime:
        """The time now: aware, UTC."""
        return datetime.now(UTC)  # noqa: TID251 # this is the adapter through which time comes in


def boottime() -> float:
    """Seconds since the machine started, also those in which it slept or this process was stopped; never runs back."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
