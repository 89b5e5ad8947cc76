"""Writing the rows of promotions: what differs, and nothing else."""

from collections.abc import Mapping, Sequence

from stagewright.app.memory import Memory
from stagewright.kube.outside import Object, Objects, RowCache
from stagewright.kube.promotions import changes, manifest, rows_of
from stagewright.model.plan import Blocked


class RowWriter:
    """Keeps the Promotions of RegistrySyncs as their ledgers say."""

    def __init__(self, objects: Objects, cache: RowCache) -> None:
        self._objects = objects
        self._cache = cache

    def write(self, sync: Object, memory: Memory, blocked: Sequence[Blocked]) -> int:
        """Bring the rows of a RegistrySync up to date; how many objects were written. Errors are those of `Objects`."""
        namespace, name, uid = (str(sync["metadata"][field]) for field in ("namespace", "name", "uid"))
        found: Mapping[str, Object] = self._cache.of(namespace, name)
        wanted = changes(rows_of(name, memory, blocked), found)
        for old in wanted.delete:
            self._objects.delete_row(namespace, old)
        for row in wanted.update:
            self._objects.change_row(namespace, found[row.name], manifest(row, sync=name, uid=uid), row.status)
        for row in wanted.create:
            self._objects.add_row(namespace, manifest(row, sync=name, uid=uid), row.status)
        return len(wanted.delete) + len(wanted.update) + len(wanted.create)

    def remove(self, namespace: str, sync: str) -> None:
        """Delete every row of a RegistrySync that is going."""
        for name in self._cache.of(namespace, sync):
            self._objects.delete_row(namespace, name)
