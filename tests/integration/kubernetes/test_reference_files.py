"""Secrets and ConfigMaps as files: real files, and a cluster that is a table."""

import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stagewright.adapters.kubernetes.references import ClusterReferences, ReferenceFiles
from stagewright.errors import (
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ReferenceNotFoundError,
    UnreachableError,
    UsageError,
)
from stagewright.model.custom_resource import CustomResource, ReferenceKind
from stagewright.schema.custom_resource import parse_custom_resource
from tests.unit.schema.objects import PLACES, changed

Contents = dict[tuple[ReferenceKind, str], dict[str, bytes]]
KEYS = {"log.pem": b"log", "entry.pem": b"entry"}


class Table:
    """The Secrets and ConfigMaps of the namespace ml."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.asked: list[tuple[str, ReferenceKind, str]] = []

    def read(self, namespace: str, kind: ReferenceKind, name: str) -> Mapping[str, bytes] | None:
        self.asked.append((namespace, kind, name))
        return self.contents.get((kind, name))


def resource_at(root: Path, changes: dict[str, Any] | None = None) -> CustomResource:
    return parse_custom_resource(changed(changes or {}), places=replace(PLACES, secrets=str(root)))


def full() -> Contents:
    return {
        ("Secret", "forge"): {"token": b"hunter2", "other": b"not wanted"},
        ("Secret", "stagewright-ledger-keys"): dict(KEYS),
    }


def files(folder: str | Path) -> dict[str, bytes]:
    root = Path(folder)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


LEDGER = {"secret/stagewright-ledger-keys/log.pem": b"log", "secret/stagewright-ledger-keys/entry.pem": b"entry"}


def test_materialise_writes_the_keys_that_are_named_and_no_others(tmp_path: Path):
    resource, table = resource_at(tmp_path / "secrets"), Table(full())

    ReferenceFiles(tmp_path / "secrets", table).materialise(resource)

    assert files(resource.folder) == {"secret/forge/token": b"hunter2", **LEDGER}
    assert table.asked == [("ml", "Secret", "forge"), ("ml", "Secret", "stagewright-ledger-keys")]


def test_materialise_lets_nobody_else_read_anything(tmp_path: Path):
    resource = resource_at(tmp_path / "secrets")
    ReferenceFiles(tmp_path / "secrets", Table(full())).materialise(resource)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").rglob("*") if path.is_file()}
    folders = [tmp_path / "secrets", *(path for path in (tmp_path / "secrets").rglob("*") if path.is_dir())]

    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_materialise_again_changes_nothing_and_says_so(tmp_path: Path):
    resource, table = resource_at(tmp_path), Table(full())
    references = ReferenceFiles(tmp_path, table)
    first = references.materialise(resource)
    token = Path(resource.folder) / "secret/forge/token"
    inode = token.stat().st_ino

    assert references.materialise(resource) == first
    assert token.stat().st_ino == inode


def test_materialise_of_a_rotated_key_replaces_the_file_and_leaves_who_reads_it_the_old_one(tmp_path: Path):
    resource, table = resource_at(tmp_path), Table(full())
    references = ReferenceFiles(tmp_path, table)
    first = references.materialise(resource)
    token = Path(resource.folder) / "secret/forge/token"
    table.contents[("Secret", "forge")]["token"] = b"hunter3"
    with token.open("rb") as reader:
        second = references.materialise(resource)
        old = reader.read()

    assert (old, token.read_bytes()) == (b"hunter2", b"hunter3")
    assert second != first


def test_materialise_of_a_whole_secret_follows_its_keys(tmp_path: Path):
    resource, contents = resource_at(tmp_path, {"spec.registry.headersSecretRef": {"name": "headers"}}), full()
    contents["Secret", "headers"] = {"X-Team": b"risk", "X-Old": b"1"}
    references = ReferenceFiles(tmp_path, Table(contents))
    references.materialise(resource)
    contents["Secret", "headers"] = {"X-Team": b"risk", "X-New": b"2"}
    references.materialise(resource)

    assert files(Path(resource.folder) / "secret/headers") == {"X-Team": b"risk", "X-New": b"2"}


def test_materialise_of_another_spec_removes_what_is_not_named_any_more(tmp_path: Path):
    contents = full()
    contents["ConfigMap", "ca"] = {"ca.crt": b"PEM"}
    references = ReferenceFiles(tmp_path, Table(contents))
    with_ca = resource_at(tmp_path, {"spec.forge.caConfigMapRef": {"name": "ca", "key": "ca.crt"}})
    references.materialise(with_ca)
    assert files(with_ca.folder)["configmap/ca/ca.crt"] == b"PEM"
    references.materialise(resource_at(tmp_path))

    assert files(with_ca.folder) == {"secret/forge/token": b"hunter2", **LEDGER}
    assert not (Path(with_ca.folder) / "configmap").exists()


def test_materialise_of_what_is_missing_names_it_and_writes_the_rest(tmp_path: Path):
    contents = full()
    del contents["Secret", "forge"]
    del contents["Secret", "stagewright-ledger-keys"]["log.pem"]
    resource = resource_at(tmp_path)

    with pytest.raises(ReferenceNotFoundError) as caught:
        ReferenceFiles(tmp_path, Table(contents)).materialise(resource)

    assert str(caught.value) == (
        "spec.forge.tokenSecretRef: there is no Secret forge; "
        "spec.ledger.logKeySecretRef: the Secret stagewright-ledger-keys has no key log.pem"
    )
    assert caught.value.hint == "make it in the namespace ml, or name another"
    assert files(resource.folder) == {"secret/stagewright-ledger-keys/entry.pem": b"entry"}


def test_materialise_of_a_key_that_is_gone_takes_its_file_along(tmp_path: Path):
    resource, table = resource_at(tmp_path), Table(full())
    references = ReferenceFiles(tmp_path, table)
    references.materialise(resource)
    del table.contents["Secret", "forge"]

    with pytest.raises(ReferenceNotFoundError):
        references.materialise(resource)

    assert files(resource.folder) == LEDGER


def test_materialise_while_the_cluster_does_not_answer_leaves_the_files(tmp_path: Path):
    class Away(Table):
        def read(self, namespace: str, kind: ReferenceKind, name: str) -> Mapping[str, bytes] | None:
            raise ForbiddenError(f"{kind} {namespace}/{name} may not be read")

    resource = resource_at(tmp_path)
    ReferenceFiles(tmp_path, Table(full())).materialise(resource)

    with pytest.raises(ForbiddenError):
        ReferenceFiles(tmp_path, Away({})).materialise(resource)

    assert files(resource.folder) == {"secret/forge/token": b"hunter2", **LEDGER}


@pytest.mark.parametrize("key", ["..", "../token", "a/b", "..data", ".", "", "a\x00b", "x" * 254])
def test_materialise_of_a_key_that_is_a_path_refuses_it(key: str, tmp_path: Path):
    contents = full()
    contents["Secret", "headers"] = {key: b"1"}
    resource = resource_at(tmp_path / "secrets", {"spec.registry.headersSecretRef": {"name": "headers"}})

    with pytest.raises(InvalidError, match="is no file's name"):
        ReferenceFiles(tmp_path / "secrets", Table(contents)).materialise(resource)

    assert not (tmp_path / "secrets").exists()


def test_materialise_of_a_resource_with_another_folder_refuses_it(tmp_path: Path):
    resource = resource_at(tmp_path / "elsewhere")

    with pytest.raises(UsageError):
        ReferenceFiles(tmp_path / "secrets", Table(full())).materialise(resource)

    assert not (tmp_path / "elsewhere").exists()


def test_materialise_over_a_planted_link_replaces_the_link_and_not_its_target(tmp_path: Path):
    root, victim = tmp_path / "secrets", tmp_path / "victim"
    victim.write_bytes(b"untouched")
    resource = resource_at(root)
    folder = Path(resource.folder) / "secret/forge"
    folder.mkdir(parents=True)
    (folder / "token").symlink_to(victim)
    (folder / "..new").symlink_to(victim)

    ReferenceFiles(root, Table(full())).materialise(resource)

    assert victim.read_bytes() == b"untouched"
    assert not (folder / "token").is_symlink()
    assert (folder / "token").read_bytes() == b"hunter2"


def test_materialise_where_nothing_can_be_written_says_where_and_no_content(tmp_path: Path):
    (tmp_path / "secrets").write_bytes(b"a file")

    with pytest.raises(UnreachableError) as caught:
        ReferenceFiles(tmp_path / "secrets", Table(full())).materialise(resource_at(tmp_path / "secrets"))

    assert "hunter2" not in str(caught.value)
    assert caught.value.hint == "see the volume of --secrets-root"


def test_remove_takes_the_whole_tree_of_one_object_and_of_no_other(tmp_path: Path):
    references = ReferenceFiles(tmp_path, Table(full()))
    gone = resource_at(tmp_path)
    kept = resource_at(tmp_path, {"metadata.uid": "another", "metadata.name": "other"})
    references.materialise(gone)
    references.materialise(kept)

    references.remove("ml", gone.uid)
    assert not Path(gone.folder).exists()
    assert len(files(kept.folder)) == 3
    references.remove("ml", kept.uid)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("namespace", "uid"), [("..", "x"), ("ml", ".."), ("ml", ""), ("ml", "a/b")])
def test_remove_of_what_is_no_object_refuses_it(namespace: str, uid: str, tmp_path: Path):
    with pytest.raises(UsageError):
        ReferenceFiles(tmp_path / "secrets", Table({})).remove(namespace, uid)


class Server:
    """What stands for the API server: one object, or none."""

    def __init__(self, found: dict[str, Any] | None) -> None:
        self.found = found
        self.asked = ""

    def get(self, resource: Any, namespace: str, name: str) -> dict[str, Any]:
        self.asked = resource.path(namespace, name)
        if self.found is None:
            raise NotFoundError("none")
        return self.found


READ: dict[str, tuple[ReferenceKind, dict[str, Any] | None, str, dict[str, bytes] | None]] = {
    "a secret": (
        "Secret",
        {"data": {"token": "aHVudGVyMg=="}},
        "/api/v1/namespaces/ml/secrets/ref",
        {"token": b"hunter2"},
    ),
    "an empty secret": ("Secret", {}, "/api/v1/namespaces/ml/secrets/ref", {}),
    "a config map": (
        "ConfigMap",
        {"data": {"ca.crt": "PEM"}, "binaryData": {"ca.der": "AAE="}},
        "/api/v1/namespaces/ml/configmaps/ref",
        {"ca.crt": b"PEM", "ca.der": b"\x00\x01"},
    ),
    "none": ("Secret", None, "/api/v1/namespaces/ml/secrets/ref", None),
}


@pytest.mark.parametrize("name", READ)
def test_cluster_references_read_by_name(name: str):
    kind, found, path, contents = READ[name]
    server = Server(found)

    assert ClusterReferences(server).read("ml", kind, "ref") == contents  # type: ignore[arg-type] # as a double
    assert server.asked == path


@pytest.mark.parametrize("data", [{"token": "hunter2!"}, {"token": 7}, {"token": None}])
def test_cluster_references_of_a_broken_answer_tell_nothing_of_it(data: dict[str, Any]):
    with pytest.raises(UnreachableError) as caught:
        ClusterReferences(Server({"data": data})).read("ml", "Secret", "ref")  # type: ignore[arg-type] # as a double

    assert str(caught.value) == "the API server answers with no Secret for ml/ref"


HALF = 512 * 1024 - 8


@pytest.mark.parametrize(("other", "fits"), [(HALF, True), (HALF + 3, False)])
def test_materialise_of_more_than_an_object_may_keep_in_memory_writes_nothing(
    tmp_path: Path, other: int, *, fits: bool
):
    """All objects share one volume: whoever fills it would stop the others. LEDGER and the token have 15 bytes."""
    resource = resource_at(tmp_path / "secrets", {"spec.registry.headersSecretRef": {"name": "headers"}})
    contents = full() | {("Secret", "headers"): {"X-One": b"x" * HALF, "X-Two": b"x" * other}}

    if fits:
        ReferenceFiles(tmp_path / "secrets", Table(contents)).materialise(resource)
    else:
        with pytest.raises(InvalidError, match="refers to has 1048578 bytes, more than 1048576"):
            ReferenceFiles(tmp_path / "secrets", Table(contents)).materialise(resource)

    assert (len(files(resource.folder)) if Path(resource.folder).exists() else 0) == (5 if fits else 0)
