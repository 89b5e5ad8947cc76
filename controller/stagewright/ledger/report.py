"""What a verification found, as values: numbered steps, each with its findings, and what follows from them."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a step ended. SKIPPED is never success; NOT_APPLICABLE is: there was nothing that it could have checked."""

    OK = "OK"
    FAIL = "FAIL"
    SKIPPED = "SKIPPED"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, and where: a name in the store, `entry 17`, or the number of a given checkpoint."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One numbered check. `detail` is one sentence: what was checked, or why not."""

    number: int
    name: str
    status: Status
    detail: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole verification.

    `proven` follows from the bytes and the pinned key alone; `asserted` is what the controller says it saw, and nobody
    can check offline. `root` is hex; origin, size and root are None where the checkpoint cannot be read.
    """

    steps: tuple[Step, ...]
    proven: tuple[str, ...]
    asserted: tuple[str, ...]
    origin: str | None
    size: int | None
    root: str | None

    @property
    def verified(self) -> bool:
        """Whether every step is OK or had nothing to check."""
        return all(step.status in {Status.OK, Status.NOT_APPLICABLE} for step in self.steps)
