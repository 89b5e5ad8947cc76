"""A registry that is opened when it is first asked something: to import MLflow takes seconds."""

from collections.abc import Callable

from stagewright.model.actual import ActualModel, ActualState, VersionFacts
from stagewright.model.plan import Action
from stagewright.ports import Registry


class DeferredRegistry:
    """Implements `ports.Registry` by the one that `open_registry` gives; its errors come with the first call."""

    def __init__(self, open_registry: Callable[[], Registry]) -> None:
        self._open = open_registry
        self._opened: Registry | None = None

    def snapshot(self) -> ActualState:
        """See the port."""
        return self._registry().snapshot()

    def model(self, name: str) -> ActualModel | None:
        """See the port."""
        return self._registry().model(name)

    def version_facts(self, name: str, version: int) -> VersionFacts | None:
        """See the port."""
        return self._registry().version_facts(name, version)

    def apply(self, action: Action) -> None:
        """See the port."""
        self._registry().apply(action)

    def _registry(self) -> Registry:
        if self._opened is None:
            self._opened = self._open()
        return self._opened
