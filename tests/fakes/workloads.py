"""Workloads in memory that can be rolled, and that can be told to fail in the two ways that look alike."""

from dataclasses import replace

from stagewright.errors import UnreachableError
from stagewright.model.workload import Workload


class InMemoryWorkloads:
    """The Workloads port over a dictionary. `rolled` is what was rolled, in order."""

    def __init__(self) -> None:
        self.there: dict[str, Workload] = {}
        self.moving: set[str] = set()
        self.rolled: list[tuple[str, int]] = []
        self.down = False
        self.lose: str | None = None

    def put(self, workload: Workload) -> None:
        self.there[workload.uid] = workload

    def observe(self, known: frozenset[str]) -> tuple[tuple[Workload, ...], frozenset[str]]:
        if self.down:
            raise UnreachableError("the cluster does not answer")
        seen = tuple(workload for uid, workload in self.there.items() if uid not in self.moving)
        return seen, known - frozenset(self.there)

    def roll(self, workload: Workload, intent: int) -> None:
        lost, self.lose = self.lose, None
        if lost == "write":
            raise UnreachableError("the cluster does not answer")
        if self.there[workload.uid].rolled_for != intent:
            self.rolled.append((workload.name, intent))
            self.there[workload.uid] = replace(self.there[workload.uid], rolled_for=intent)
        if lost == "reply":
            raise UnreachableError("the cluster does not answer")
