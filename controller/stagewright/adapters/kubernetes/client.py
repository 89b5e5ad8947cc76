"""The cluster's API as a handful of calls on plain JSON objects, with our errors and a time limit on each.

    cluster = open_cluster(None)                      # in a pod: its service account
    cluster.get(SECRETS, "ml", "mlflow")["data"]
    cluster.merge(REGISTRY_SYNCS, "ml", "bank", {"status": {…}}, part="status")

Paths are those of the API concepts page: `/apis/GROUP/VERSION/namespaces/NAMESPACE/PLURAL/NAME/PART`, and
`/api/v1/…` for the core group.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from kubernetes.utils.keepalive import tcp_keepalive_socket_options

from stagewright import __version__
from stagewright.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    StagewrightError,
    UnreachableError,
    UsageError,
)

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
PAGE = 500
# an idle connection whose other end is gone is noticed after 15 + 4 * 5 seconds
KEEPALIVE = {"idle": 15, "interval": 5, "count": 4}
CONNECTIONS = 32

Object = dict[str, Any]
"""An object of the API as JSON gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind of objects by the name it has in paths; `group` is empty for the core group."""

    group: str
    version: str
    plural: str

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str | None, name: str | None = None, part: str | None = None) -> str:
        """The path of a list (no name), an object, or a part of one. No namespace: all of them, or none has one."""
        pieces = ["apis", self.group, self.version] if self.group else ["api", self.version]
        pieces += ["namespaces", namespace] if namespace is not None else []
        pieces += [self.plural, *([name] if name is not None else []), *([part] if part is not None else [])]
        return "/" + "/".join(pieces)


REGISTRY_SYNCS = Resource(group="stagewright.dev", version="v1alpha1", plural="registrysyncs")
PROMOTIONS = Resource(group="stagewright.dev", version="v1alpha1", plural="promotions")
SECRETS = Resource(group="", version="v1", plural="secrets")
CONFIG_MAPS = Resource(group="", version="v1", plural="configmaps")
EVENTS = Resource(group="events.k8s.io", version="v1", plural="events")

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
# Names, labels and versions of objects without what is in them.
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# The same for the events of a watch, each of which carries one object.
METADATA_EVENTS = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


class Cluster:
    """One API server. Every call ends in time, with an answer or with one of our errors; any thread may call."""

    def __init__(
        self,
        api: client.ApiClient,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        self._api = api
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s

    def within(self, timeout_s: float) -> "Cluster":
        """The same API server, for what has to be answered soon or not at all."""
        return Cluster(self._api, connect_timeout_s=timeout_s, read_timeout_s=timeout_s)

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """One object as it is now. NotFoundError."""
        return self._json("GET", resource.path(namespace, name))

    def pages(
        self, resource: Resource, namespace: str | None, *, labels: str = "", fields: str = "", accept: str = JSON
    ) -> Iterator[Object]:
        """A whole list, page by page (`items`, `metadata.resourceVersion`), all of the same moment."""
        query = {"limit": str(PAGE), "labelSelector": labels, "fieldSelector": fields}
        while True:
            page = self._json("GET", resource.path(namespace), query=query, accept=accept)
            yield page
            query["continue"] = page.get("metadata", {}).get("continue") or ""
            if not query["continue"]:
                return

    def read(self, path: str) -> Object:
        """What the API server says of itself: `/version`, `/apis/GROUP/VERSION`. NotFoundError."""
        return self._json("GET", path)

    def create(self, resource: Resource, namespace: str | None, body: Mapping[str, Any]) -> Object:
        """Create an object (no namespace: of the cluster); as it is now. ConflictError where one has that name."""
        return self._json("POST", resource.path(namespace), body=body)

    def merge(
        self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any], *, part: str | None = None
    ) -> Object:
        """Merge a patch into an object (RFC 7386), or into its `status`; as it is then.

        ConflictError where the patch names a `metadata.resourceVersion`, and the object has another by now.
        """
        return self._json("PATCH", resource.path(namespace, name, part), body=body, content=MERGE_PATCH)

    def replace(self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any]) -> Object:
        """Put an object in the place of the one that has the `metadata.resourceVersion` of `body`; as it is then.

        ConflictError where that one was changed meanwhile, NotFoundError where it is gone.
        """
        return self._json("PUT", resource.path(namespace, name), body=body)

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """Delete an object; nothing happens where it is gone."""
        try:
            self._json("DELETE", resource.path(namespace, name))
        except NotFoundError:
            return

    def watch_response(
        self, resource: Resource, namespace: str | None, *, query: Mapping[str, str], accept: str, timeout_s: float
    ) -> urllib3.BaseHTTPResponse:
        """The open response to a watch, whose lines are events; closing it is the caller's. ApiException as is."""
        response = self._send("GET", resource.path(namespace), query=query, accept=accept, read_timeout_s=timeout_s)
        return response.response  # type: ignore[no-any-return] # the client ships no types

    def _json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content: str = JSON,
        accept: str = JSON,
    ) -> Object:
        try:
            response = self._send(method, path, query=query, body=body, content=content, accept=accept)
            data = json.loads(response.read())
        except (ApiException, urllib3.exceptions.HTTPError, OSError, json.JSONDecodeError) as error:
            raise translated(error, f"{method} {path}") from error
        if not isinstance(data, dict):
            raise UnreachableError(f"the API server did not answer {method} {path} with an object")
        return data

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content: str = JSON,
        accept: str = JSON,
        read_timeout_s: float | None = None,
    ) -> Any:
        headers = {"Accept": accept} | ({"Content-Type": content} if body is not None else {})
        request = self._api.param_serialize(
            method,
            path,
            query_params=[(name, text) for name, text in (query or {}).items() if text],
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        read_timeout_s = self._read_timeout_s if read_timeout_s is None else read_timeout_s
        response = self._api.call_api(*request, _request_timeout=(self._connect_timeout_s, read_timeout_s))
        if not 200 <= response.status <= 299:
            response.read()
            raise ApiException.from_response(http_resp=response, body=None, data=None)
        return response


def open_cluster(kubeconfig: str | None) -> Cluster:
    """The cluster of a kubeconfig file, else the one whose pod this is. UsageError where there is none."""
    settings = client.Configuration()
    try:
        if kubeconfig is None:
            config.load_incluster_config(client_configuration=settings)
        else:
            config.load_kube_config(config_file=kubeconfig, client_configuration=settings, persist_config=False)
    except (ConfigException, OSError) as error:
        raise UsageError(
            f"there is no way to the cluster: {error}",
            hint="run it in a pod with a service account, or name a kubeconfig file",
        ) from error
    settings.socket_options = tcp_keepalive_socket_options(**KEEPALIVE)
    settings.connection_pool_maxsize = CONNECTIONS
    # what failed is tried again by whoever asked, with back-off
    settings.retries = urllib3.Retry(total=1, redirect=0, backoff_factor=0.1, status=0)
    api = client.ApiClient(settings)
    # what the API server's audit log says who asked
    api.user_agent = f"stagewright/{__version__}"
    return Cluster(api)


def own_namespace(default: str | None = None) -> str:
    """The namespace of this pod. UsageError outside of one, where no default is given."""
    place = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    try:
        return place.read_text(encoding="ascii").strip()
    except OSError as error:
        if default is not None:
            return default
        raise UsageError("this is no pod, which would have a namespace", hint="name one with --namespaces") from error


def translated(error: Exception, asked: str) -> StagewrightError:
    """What an exception of the client means to us. Its text, which holds headers and bodies, is left out."""
    if not isinstance(error, ApiException) or not error.status:
        return UnreachableError(f"the API server did not answer {asked}: {type(error).__name__}")
    message = f"the API server answered {asked} with {error.status} {error.reason}{_reason(error)}"
    match error.status:
        case 401 | 403:
            return ForbiddenError(message, hint="grant that to the controller's service account")
        case 404:
            return NotFoundError(message)
        case 409:
            return ConflictError(message)
        case 400 | 422:
            return InvalidError(message)
        case _:
            return UnreachableError(message, retry_after_s=_retry_after(error))


def _reason(error: ApiException) -> str:
    """The sentence in a `Status` object: `{"kind": "Status", "message": "…", "code": 403}`."""
    try:
        status = json.loads(error.body or "{}")
    except json.JSONDecodeError:
        return ""
    message = status.get("message") if isinstance(status, dict) and status.get("kind") == "Status" else None
    return f": {message[:500]}" if isinstance(message, str) else ""


def _retry_after(error: ApiException) -> float | None:
    text = (error.headers or {}).get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 5 else None
