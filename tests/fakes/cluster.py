"""A cluster in memory: RegistrySyncs with their versions, Promotions, Events; every write is kept."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stagewright.errors import ConflictError, NotFoundError, StagewrightError

Json = dict[str, Any]


@dataclass(kw_only=True)
class InMemoryCluster:
    """Implements `kube.outside.Objects`, and is a cache without delay. `failing` is raised by the next writes."""

    syncs: dict[str, Json] = field(default_factory=dict)
    rows: dict[str, Json] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    failing: dict[str, StagewrightError] = field(default_factory=dict)
    _version: int = 0

    def put(self, value: Mapping[str, Any]) -> Json:
        """What somebody else writes: spec, annotations, a deletion."""
        metadata = value["metadata"]
        return self._keep(f"{metadata['namespace']}/{metadata['name']}", deepcopy(dict(value)))

    def get(self, namespace: str, name: str) -> Json | None:
        return deepcopy(self.syncs.get(f"{namespace}/{name}"))

    def read(self, namespace: str, name: str) -> Json | None:
        return self.get(namespace, name)

    def of(self, namespace: str, sync: str) -> Mapping[str, Json]:
        owned = {name: row for name, row in self.rows.items() if row["spec"]["sync"] == sync}
        return deepcopy({name: row for name, row in owned.items() if row["metadata"]["namespace"] == namespace})

    def set_finalizers(self, found: Mapping[str, Any], finalizers: list[str]) -> Json:
        key, now = self._writing("finalizers", found)
        now["metadata"]["finalizers"] = list(finalizers)
        if not finalizers and now["metadata"].get("deletionTimestamp"):
            del self.syncs[key]
            return now
        return self._keep(key, now)

    def set_status(self, found: Mapping[str, Any], status: Mapping[str, Any]) -> Json | None:
        if (found.get("status") or {}) == status:
            return None
        key, now = self._writing("status", found)
        now["status"] = deepcopy(dict(status))
        return self._keep(key, now)

    def annotate(self, namespace: str, name: str, annotation: str, text: str) -> None:
        self._write("annotate")
        now = self.syncs[f"{namespace}/{name}"]
        now["metadata"].setdefault("annotations", {})[annotation] = text

    def add_row(self, namespace: str, row: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        self._write("add row")
        made = deepcopy(dict(row)) | {"status": deepcopy(dict(status))}
        made["metadata"]["namespace"] = namespace
        self.rows[row["metadata"]["name"]] = made

    def change_row(
        self, namespace: str, found: Mapping[str, Any], row: Mapping[str, Any], status: Mapping[str, Any]
    ) -> None:
        del found
        self.add_row(namespace, row, status)

    def delete_row(self, namespace: str, name: str) -> None:
        del namespace
        self._write("delete row")
        self.rows.pop(name, None)

    def emit(
        self, regarding: Mapping[str, Any], *, severity: str, reason: str, action: str, note: str, at: datetime
    ) -> None:
        del regarding, severity, action, at
        self._write("event")
        self.events.append((reason, note))

    def _write(self, what: str) -> None:
        if what in self.failing:
            raise self.failing[what]
        self.writes.append(what)

    def _writing(self, what: str, found: Mapping[str, Any]) -> tuple[str, Json]:
        if what in self.failing:
            raise self.failing[what]
        metadata = found["metadata"]
        key = f"{metadata['namespace']}/{metadata['name']}"
        now = self.get(metadata["namespace"], metadata["name"])
        if now is None:
            raise NotFoundError(f"{key} is gone")
        if now["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
            raise ConflictError(f"{key} was changed")
        self.writes.append(what)
        return key, now

    def _keep(self, key: str, value: Json) -> Json:
        self._version += 1
        value["metadata"]["resourceVersion"] = str(self._version)
        self.syncs[key] = value
        return deepcopy(value)
