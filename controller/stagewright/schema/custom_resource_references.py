"""The files that the Secrets and ConfigMaps of an object become, each at the one path that its names give it."""

from stagewright.errors import InvalidError
from stagewright.model.custom_resource import Places, Reference, ReferenceKind
from stagewright.model.sync import KeyReference
from stagewright.schema.custom_resource_shape import ConfigMapKeyRefShape, SecretKeyRefShape
from stagewright.schema.shape import object_problem
from stagewright.schema.url_policy import Purpose, url_flaw


class Collector:
    """Gathers the references of one object below its own folder, and its problems.

    Names and keys are of the shapes' patterns, so that no path leads out of the folder.
    """

    def __init__(self, folder: str, places: Places) -> None:
        self._folder = folder
        self._places = places
        self.problems: list[InvalidError] = []
        self._found: dict[tuple[ReferenceKind, str, str | None], Reference] = {}

    def references(self) -> tuple[Reference, ...]:
        """Each reference once, with the first place that names it, in the order of the object."""
        return tuple(self._found.values())

    def folder_of(self, kind: ReferenceKind, name: str) -> str:
        """Where the keys of a Secret or ConfigMap become files."""
        return f"{self._folder}/{kind.lower()}/{name}"

    def secret_file(self, name: str, key: str, place: str) -> str:
        """The file of one key of a Secret."""
        return self._add("Secret", name, key, place)

    def secret_key(self, reference: SecretKeyRefShape | None, place: str) -> str | None:
        """The file of a Secret's key, where one is named."""
        return None if reference is None else self.secret_file(reference.name, reference.key, place)

    def secret_part(self, name: str | None, key: str, place: str) -> str | None:
        """The file of a key that a Secret has by its kind, where one is named."""
        return None if name is None else self.secret_file(name, key, place)

    def signing_key(self, reference: SecretKeyRefShape, place: str) -> KeyReference:
        """A private key in a Secret."""
        return KeyReference(scheme="file", location=self.secret_file(reference.name, reference.key, place))

    def config_map_key(self, reference: ConfigMapKeyRefShape | None, place: str) -> str | None:
        """The file of a ConfigMap's key, where one is named."""
        return None if reference is None else self._add("ConfigMap", reference.name, reference.key, place)

    def whole_secret(self, name: str, place: str) -> str:
        """The folder of a Secret of which every key is wanted."""
        return self._add("Secret", name, None, place)

    def check_url(self, url: str, place: str, purpose: Purpose = "service") -> None:
        """Note where the operator does not let an object name this URL."""
        flaw = url_flaw(url, purpose, insecure=self._places.insecure_urls, cluster=self._places.cluster_addresses)
        if flaw:
            self.problem(flaw, place, hint="the operator may admit more with --allow-insecure-urls, never a password")

    def problem(self, reason: str, place: str, *, hint: str) -> None:
        """Note something that cannot work."""
        self.problems.append(object_problem(reason, place, hint=hint))

    def _add(self, kind: ReferenceKind, name: str, key: str | None, place: str) -> str:
        folder = self.folder_of(kind, name)
        path = folder if key is None else f"{folder}/{key}"
        self._found.setdefault((kind, name, key), Reference(kind=kind, name=name, key=key, path=path, place=place))
        return path
