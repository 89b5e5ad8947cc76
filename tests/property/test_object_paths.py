"""No names that an object holds lead a file out of that object's own folder."""

import posixpath
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from stagewright.errors import InvalidError
from stagewright.model.custom_resource import CustomResource
from stagewright.schema.custom_resource import parse_custom_resource
from tests.unit.schema.objects import PLACES, changed

PARTS = st.sampled_from(
    ["..", ".", "/", "a", "token", "ca.crt", "%2e", "\\", "\x00", "..data", "-", "_", "A", "\n", ""]
)
NAMES = st.lists(PARTS, max_size=4).map("".join) | st.text(max_size=12)


def names(good: str) -> st.SearchStrategy[str]:
    """A good name as often as any other, so that most objects have one bad name, or none."""
    return st.just(good) | st.just(good) | st.just(good) | st.just(good) | NAMES


def parsed(value: dict[str, Any]) -> CustomResource | None:
    try:
        return parse_custom_resource(value, places=PLACES)
    except InvalidError:
        return None


def objects(namespace: str, name: str, uid: str, secret: str, key: str) -> dict[str, Any]:
    return changed(
        {
            "metadata.namespace": namespace,
            "metadata.name": name,
            "metadata.uid": uid,
            "spec.forge.tokenSecretRef": {"name": secret, "key": key},
            "spec.forge.caConfigMapRef": {"name": secret, "key": key},
            "spec.registry.headersSecretRef": {"name": secret},
        }
    )


@given(namespace=names("ml"), name=names("bank"), uid=names("4b0e"), secret=names("forge"), key=names("token"))
@example(namespace="ml", name="bank", uid="1", secret="forge", key=".token")
@example(namespace="ml", name="bank", uid="1", secret="a.b", key="..")
@example(namespace="ml", name="bank", uid="..", secret="forge", key="token")
@example(namespace="ml", name="bank", uid="1", secret="..", key="token")
@example(namespace="ml", name="bank", uid="1", secret="forge", key="token\n")
def test_parse_custom_resource_of_any_names_keeps_every_file_in_its_folder(
    namespace: str, name: str, uid: str, secret: str, key: str
):
    found = parsed(objects(namespace, name, uid, secret, key))
    if found is None:
        # nothing was made of it, which is as safe as can be
        return
    folder = f"{PLACES.secrets}/{namespace}/{uid}"
    assert found.folder == folder == posixpath.normpath(folder)
    for reference in found.references:
        depth = 2 if reference.key is None else 3
        assert posixpath.normpath(reference.path) == reference.path
        assert reference.path.startswith(f"{folder}/")
        assert len(reference.path.removeprefix(f"{folder}/").split("/")) == depth
    assert posixpath.normpath(found.sync.ledger_directory) == f"{PLACES.ledgers}/{namespace}/{name}"
    assert posixpath.normpath(found.sync.mirror or "") == f"{PLACES.mirrors}/{namespace}/{uid}/mirror.git"
