"""A RegistrySync object as the API server hands it out, to be changed by tests."""

from copy import deepcopy
from typing import Any

from stagewright.model.custom_resource import Places

PLACES = Places(
    secrets="/run/stagewright/secrets",
    ledgers="/var/lib/stagewright/ledgers",
    mirrors="/var/cache/stagewright",
    cluster_addresses=("10.96.0.1",),
)
GIVEN: dict[str, Any] = {
    "apiVersion": "stagewright.dev/v1alpha1",
    "kind": "RegistrySync",
    "metadata": {"name": "bank", "namespace": "ml", "uid": "4b0e0f2e-9f0c-4c59-8a9a-000000000001", "generation": 3},
    "spec": {
        "source": {"url": "https://git.example/acme/models.git"},
        "forge": {
            "type": "gitea",
            "url": "https://git.example",
            "repository": "acme/models",
            "tokenSecretRef": {"name": "forge", "key": "token"},
        },
        "registry": {"uri": "https://mlflow.example"},
    },
}
ABSENT = object()


def changed(changes: dict[str, Any], base: dict[str, Any] | None = None) -> dict[str, Any]:
    """The object with the values at dotted paths set, or taken out where they are ABSENT."""
    value = deepcopy(GIVEN if base is None else base)
    for path, new in changes.items():
        node = value
        *parents, last = path.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
        if new is ABSENT:
            node.pop(last, None)
        else:
            node[last] = deepcopy(new)
    return value
