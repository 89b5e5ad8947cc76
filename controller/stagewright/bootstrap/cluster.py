"""What commands that run inside of a cluster are built from."""

from collections.abc import Sequence
from functools import partial

from stagewright.adapters.kubernetes import installation
from stagewright.adapters.kubernetes.client import open_cluster, own_namespace
from stagewright.adapters.kubernetes.key_secret import ensure_key_secret
from stagewright.app.doctor import Check

EVERYWHERE = "*"


def create_key_secrets(kubeconfig: str | None, namespaces: Sequence[str], secret: str) -> tuple[tuple[str, str], ...]:
    """Make the Secret with the ledger's keys in each namespace (none named: this pod's) where it is missing.

    A pair for each: the namespace, and `created` or `found`.
    """
    cluster = open_cluster(kubeconfig)
    return tuple((place, ensure_key_secret(cluster, place, secret)) for place in namespaces or [own_namespace()])


def installation_checks(
    kubeconfig: str | None,
    namespaces: Sequence[str],
    *,
    secrets: Sequence[str],
    config_maps: Sequence[str],
    lease_namespace: str,
    lease: str,
    health: str,
) -> tuple[Check, ...]:
    """What the controller's installation rests on, one check for each thing; without `health`, not whether it runs.

    `secrets` and `config_maps` are the names that may be read; without, all are asked about.
    """
    cluster = open_cluster(kubeconfig)
    places = [None] if EVERYWHERE in namespaces else list(namespaces or [own_namespace()])
    follow = [
        Check(
            name=f"rbac {place or 'everywhere'}",
            probe=partial(
                installation.followed, cluster, place, secrets=tuple(secrets), config_maps=tuple(config_maps)
            ),
            remedy="bind the controller's roles to this service account",
        )
        for place in places
    ]
    ready = [Check(name="controller", probe=partial(installation.health, health), remedy="look at its log")]
    return (
        Check(
            name="api server",
            probe=partial(installation.api_server, cluster),
            remedy="let the pod reach the API server",
        ),
        Check(name="crds", probe=partial(installation.definitions, cluster), remedy="install the CRDs"),
        *follow,
        Check(
            name="rbac lease",
            probe=partial(installation.leading, cluster, lease_namespace or own_namespace(), lease),
            remedy="bind the controller's roles to this service account",
        ),
        *(ready if health else []),
    )
