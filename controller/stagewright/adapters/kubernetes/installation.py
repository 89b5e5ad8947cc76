"""Is the controller's installation whole? Each function looks at one thing: it says what it found, or raises."""

import json

import requests

from stagewright.adapters.kubernetes.client import PROMOTIONS, REGISTRY_SYNCS, Cluster
from stagewright.adapters.kubernetes.permissions import (
    IN_FOLLOWED_NAMESPACES,
    Permission,
    refused,
    to_lead,
    to_read,
)
from stagewright.errors import ForbiddenError, NotFoundError, UnreachableError

HEALTH_TIMEOUT_S = 10.0
_MAX_ANSWER = 4096


def api_server(cluster: Cluster) -> str:
    """Does the API server answer? Its version: `v1.37.2`."""
    version = cluster.read("/version").get("gitVersion")
    if not isinstance(version, str):
        raise UnreachableError("the API server did not say its version")
    return f"Kubernetes {version[:40]}"


def definitions(cluster: Cluster) -> str:
    """Does the API server know our kinds, with their status? NotFoundError where it does not."""
    path = f"/apis/{REGISTRY_SYNCS.group}/{REGISTRY_SYNCS.version}"
    try:
        listed = cluster.read(path).get("resources")
    except NotFoundError as error:
        raise NotFoundError(f"the API server does not know {path[6:]}", hint=_INSTALL) from error
    known = {entry.get("name") for entry in listed if isinstance(entry, dict)} if isinstance(listed, list) else set()
    wanted = [f"{kind.plural}{part}" for kind in (REGISTRY_SYNCS, PROMOTIONS) for part in ("", "/status")]
    missing = [name for name in wanted if name not in known]
    if missing:
        raise NotFoundError(f"the API server does not know {', '.join(missing)} of {path[6:]}", hint=_INSTALL)
    return f"{REGISTRY_SYNCS} and {PROMOTIONS}, {REGISTRY_SYNCS.version}"


def followed(
    cluster: Cluster, namespace: str | None, *, secrets: tuple[str, ...] = (), config_maps: tuple[str, ...] = ()
) -> str:
    """May we follow the objects of a namespace, or (None) of all? ForbiddenError names what is missing.

    With names, only those Secrets and ConfigMaps are asked about.
    """
    where = f"the namespace {namespace}" if namespace is not None else "every namespace"
    wanted = (*IN_FOLLOWED_NAMESPACES, *to_read("secrets", secrets), *to_read("configmaps", config_maps))
    return _granted(cluster, namespace, wanted, where)


def leading(cluster: Cluster, namespace: str, lease: str) -> str:
    """May we hold the lease? ForbiddenError names what is missing."""
    return _granted(cluster, namespace, to_lead(lease), f"the lease {namespace}/{lease}")


def health(address: str) -> str:
    """Is the controller at `HOST:PORT` alive and ready? UnreachableError says what it answers instead."""
    host, _, port = address.rpartition(":")
    # an IPv6 address of a Service comes without brackets
    place = f"[{host}]:{port}" if ":" in host and not host.startswith("[") else address
    for path in ("healthz", "readyz"):
        url = f"http://{place}/{path}"
        try:
            with requests.Session() as session:
                # the way is inside of the cluster, whatever proxy the pod has
                session.trust_env = False
                answer = session.get(url, timeout=HEALTH_TIMEOUT_S, stream=True, allow_redirects=False)
                text = answer.raw.read(_MAX_ANSWER, decode_content=True)
        except (requests.RequestException, OSError) as error:
            raise UnreachableError(f"{url} does not answer: {type(error).__name__}", hint=_LOGS) from error
        if answer.status_code != requests.codes.ok:
            said = json.dumps(text.decode("utf-8", "replace")[:500])
            raise UnreachableError(f"{url} answers {answer.status_code}: {said}", hint=_LOGS)
    return f"{address} is alive and ready"


_INSTALL = "install the CRDs: the chart does with crds.install=true, or `kubectl apply -f manifests/crds`"
_GRANT = "the chart grants it with rbac.create=true"
_LOGS = "look at `kubectl get pods` and at the controller's log"


def _granted(cluster: Cluster, namespace: str | None, permissions: tuple[Permission, ...], where: str) -> str:
    missing = refused(cluster, namespace, permissions)
    if missing:
        raise ForbiddenError(f"this service account may not, for {where}: {', '.join(missing)}", hint=_GRANT)
    return f"all that {where} takes"
