"""The system's clock."""

from datetime import UTC, datetime


class SystemClock:
    """Tells the machine's time; implements `ports.Clock`."""

    def now(self) -> datetime:
        """The time now: aware, UTC."""
        return datetime.now(UTC)  # noqa: TID251 # this is the adapter through which time comes in
