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


STEPS = {
    1: "the checkpoint parses and has one spelling",
    2: "the log's signature",
    3: "witnesses",
    4: "entry bundles are complete",
    5: "the root over all entries",
    6: "every stored tile",
    7: "every entry is signed by the key current at its index",
    8: "every entry fits its schema",
    9: "indices, epochs and times never run back",
    10: "every intent has its outcome",
    11: "nothing was applied that was not approved",
    12: "evidence has the digests it is known by",
    13: "consistency with each checkpoint given",
    16: "signatures of people",
}
"""Every step done offline, by its number."""


class Findings:
    """The report in the making: what was found and how each step ended. A step that found something has failed."""

    def __init__(self) -> None:
        self._findings: dict[int, list[Finding]] = {number: [] for number in STEPS}
        self._ended: dict[int, tuple[Status, str]] = {}

    def fail(self, number: int, place: str, reason: str) -> None:
        """Something is wrong at `place`."""
        self._findings[number].append(Finding(place=place, reason=reason))

    def end(self, number: int, status: Status, detail: str) -> None:
        """Step `number` is through; `status` is what it is when nothing was found."""
        self._ended[number] = status, detail

    def hold(self, *numbers: int) -> bool:
        """Whether all these steps are OK."""
        return all(step.status is Status.OK for step in self.steps() if step.number in numbers)

    def steps(self) -> tuple[Step, ...]:
        """Every step; one that never ended was not reached."""
        steps = []
        for number, name in STEPS.items():
            status, detail = self._ended.get(number, (Status.SKIPPED, "nothing to check it on (step 1)"))
            findings = tuple(self._findings[number])
            if findings:
                status, detail = Status.FAIL, f"{findings[0].place}: {findings[0].reason}"
            steps.append(Step(number=number, name=name, status=status, detail=detail, findings=findings))
        return tuple(steps)
