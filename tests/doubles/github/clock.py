"""The double's time: the machine's, put ahead by what a test says."""

from datetime import UTC, datetime, timedelta

from stagewright.adapters.clock import SystemClock


class DoubleClock:
    """Whole seconds, as GitHub tells time. Never goes back."""

    def __init__(self) -> None:
        self._system = SystemClock()
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The time now: aware, UTC, without fractions of a second."""
        return (self._system.now() + self._ahead).replace(microsecond=0)

    def advance(self, **units: float) -> None:
        """Let time pass at once: the arguments are those of `timedelta`."""
        self._ahead += timedelta(**units)


def timestamp(at: datetime) -> str:
    """A time as GitHub writes it: `2026-11-24T09:30:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
