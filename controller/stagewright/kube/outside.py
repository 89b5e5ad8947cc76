"""What a reconcile asks of the cluster and of the engine: small protocols, implemented by adapters and by bootstrap."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

from stagewright.app.consent import Consent
from stagewright.app.memory import Memory
from stagewright.app.sync import SyncReport
from stagewright.model.custom_resource import CustomResource

Object = Mapping[str, Any]
"""An object of the API as JSON gives it."""
Change = Literal["ADDED", "MODIFIED", "DELETED"]
"""What an informer saw. After it had to list anew, objects that did not change are `MODIFIED`, too."""


class Cache(Protocol):
    """The objects of one kind as they were last seen."""

    def get(self, namespace: str, name: str) -> Object | None:
        """One object; None when there is none."""
        ...


class RowCache(Protocol):
    """The Promotions as they were last seen."""

    def of(self, namespace: str, sync: str) -> Mapping[str, Object]:
        """Those of one RegistrySync, by name."""
        ...


class Objects(Protocol):
    """Writes into the cluster. Errors: ConflictError, ForbiddenError, NotFoundError, UnreachableError."""

    def read(self, namespace: str, name: str) -> Object | None:
        """The RegistrySync as it is now; None when it is gone."""
        ...

    def set_finalizers(self, found: Object, finalizers: list[str]) -> Object:
        """Give the RegistrySync these finalizers. ConflictError when it is not as it was found any more."""
        ...

    def set_status(self, found: Object, status: Mapping[str, Any]) -> Object | None:
        """Make `status` the RegistrySync's; None where it was that already. ConflictError as above."""
        ...

    def annotate(self, namespace: str, name: str, annotation: str, text: str) -> None:
        """Set one annotation of a RegistrySync."""
        ...

    def add_row(self, namespace: str, row: Object, status: Mapping[str, Any]) -> None:
        """Make a Promotion, or put right the one there is."""
        ...

    def change_row(self, namespace: str, found: Object, row: Object, status: Mapping[str, Any]) -> None:
        """Put a Promotion right, as far as it is not."""
        ...

    def delete_row(self, namespace: str, name: str) -> None:
        """Delete a Promotion; nothing happens where it is gone."""
        ...

    def emit(self, regarding: Object, *, severity: str, reason: str, action: str, note: str, at: datetime) -> None:
        """Tell something about a RegistrySync as an Event."""
        ...


class References(Protocol):
    """The Secrets and ConfigMaps that objects name, as files."""

    def materialise(self, resource: CustomResource) -> str:
        """Write what `resource` refers to into its folder; a text that changes whenever any of that does.

        NotFoundError names a Secret, ConfigMap or key that is not there. UnreachableError, ForbiddenError.
        """
        ...

    def resource(self, key: str) -> CustomResource | None:
        """An object as it was last understood; None where it never was."""
        ...

    def forget_object(self, namespace: str, name: str, uid: str | None = None) -> set[str]:
        """Remove the files of an object that is gone, also those of `uid` from before a restart; the uids known."""
        ...


class Engine(Protocol):
    """What syncs one object, as long as neither its spec nor what it refers to changes."""

    def sync(self, consent: Consent) -> SyncReport:
        """Run one sync; `consent` is what it may go on with where it would stall."""
        ...

    @property
    def memory(self) -> Memory | None:
        """The ledger as the last sync left it; None where it was not opened."""
        ...

    @property
    def checkpoint(self) -> bytes | None:
        """The last checkpoint known, a signed note; None when there is no ledger."""
        ...


class Engines(Protocol):
    """Builds engines."""

    def engine(self, resource: CustomResource, checkpoint: bytes | None) -> Engine:
        """What syncs `resource`, whose status knows `checkpoint`. ForbiddenError, UsageError: a key is no key."""
        ...

    def rehearse(self, resource: CustomResource, checkpoint: bytes | None) -> Engine:
        """What judges and plans only, for a dry run."""
        ...

    def remove(self, namespace: str, uid: str) -> None:
        """Remove the mirror of an object, and whatever else of it can be made again."""
        ...
