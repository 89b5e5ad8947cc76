"""Webhooks for many objects at one address: `/webhook/NAMESPACE/NAME`, each with secrets of its own.

An object that is not there, has no secret, or is another's looks the same from outside: the signature is wrong. So
nobody learns by knocking what there is.
"""

import re
from collections.abc import Callable

from stagewright.adapters.webhook import PATH, Door
from stagewright.errors import StagewrightError
from stagewright.model.custom_resource import CustomResource
from stagewright.model.sync import HostedForge

_PLACE = re.compile(rf"{PATH}/([a-z0-9-]{{1,63}})/([a-z0-9-]{{1,63}})")


class WebhookDoors:
    """The doors of all objects; call it with a request's path."""

    def __init__(
        self,
        resource: Callable[[str], CustomResource | None],
        read: Callable[[tuple[str, ...]], tuple[bytes, ...]],
        wake: Callable[[str], None],
        *,
        nobody: bytes,
    ) -> None:
        """`nobody` is a secret that no forge has: what stands for an object's where there is none."""
        self._resource = resource
        self._read = read
        self._wake = wake
        self._nobody = nobody

    def __call__(self, path: str) -> Door | None:
        """The door of an object, whether it is there or not; None where the path is no object's."""
        place = _PLACE.fullmatch(path)
        if place is None:
            return None
        key = f"{place[1]}/{place[2]}"
        return Door(lambda: self._secrets(key), lambda: self._wake(key))

    def _secrets(self, key: str) -> tuple[bytes, ...]:
        resource = self._resource(key)
        forge = resource.sync.forge if resource is not None else None
        files = forge.webhook_secret_files if isinstance(forge, HostedForge) else ()
        try:
            return self._read(files) if files else (self._nobody,)
        except StagewrightError:
            return (self._nobody,)
