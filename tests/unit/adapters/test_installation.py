"""What `stagewright cluster` looks at: each question alone, against a server that answers as the API server does."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from kubernetes import client

from stagewright.adapters.kubernetes import installation
from stagewright.adapters.kubernetes.client import Cluster
from stagewright.errors import ForbiddenError, NotFoundError, UnreachableError

KINDS = ["registrysyncs", "registrysyncs/status", "promotions", "promotions/status"]


class Server(ThreadingHTTPServer):
    """`answers` by path; `refuse` are the permissions that a review denies, `asked` those it was asked about."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = {}
        self.refuse = set()
        self.asked = []


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = self.server.answers.get(self.path, (404, {"kind": "Status", "message": "not found"}))
        self._send(status, body)

    def do_POST(self):
        assert self.path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        a = review["spec"]["resourceAttributes"]
        part = f"/{a['subresource']}" if a["subresource"] else ""
        self.server.asked.append((a["namespace"], a["verb"], a["resource"] + part, a["name"]))
        allowed = f"{a['verb']} {a['resource']}{part}" not in self.server.refuse
        self._send(201, review | {"status": {"allowed": allowed}})

    def _send(self, status: int, body: object):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cluster(server: Server):
    settings = client.Configuration(host=f"http://127.0.0.1:{server.server_port}")
    settings.no_proxy = "127.0.0.1"
    return Cluster(client.ApiClient(settings))


def test_api_server_tells_its_version(server: Server, cluster: Cluster):
    server.answers["/version"] = (200, {"gitVersion": "v1.37.2"})
    assert installation.api_server(cluster) == "Kubernetes v1.37.2"


def test_definitions_that_are_there_are_named(server: Server, cluster: Cluster):
    server.answers["/apis/stagewright.dev/v1alpha1"] = (200, {"resources": [{"name": name} for name in KINDS]})
    assert installation.definitions(cluster) == "registrysyncs.stagewright.dev and promotions.stagewright.dev, v1alpha1"


@pytest.mark.parametrize("missing", KINDS)
def test_definition_that_is_missing_is_named_with_the_way_to_install_it(missing: str, server: Server, cluster: Cluster):
    there = [{"name": name} for name in KINDS if name != missing]
    server.answers["/apis/stagewright.dev/v1alpha1"] = (200, {"resources": there})
    with pytest.raises(NotFoundError) as caught:
        installation.definitions(cluster)
    assert str(caught.value) == f"the API server does not know {missing} of stagewright.dev/v1alpha1"
    assert "crds.install=true" in caught.value.hint


def test_group_that_the_api_server_does_not_know_is_told(cluster: Cluster):
    with pytest.raises(NotFoundError, match=r"does not know stagewright\.dev/v1alpha1"):
        installation.definitions(cluster)


def test_followed_namespace_with_every_permission_is_well(server: Server, cluster: Cluster):
    assert installation.followed(cluster, "ml") == "all that the namespace ml takes"
    assert ("ml", "patch", "registrysyncs/status", "") in server.asked
    assert ("ml", "get", "secrets", "") in server.asked


def test_every_namespace_is_asked_about_by_an_empty_name(server: Server, cluster: Cluster):
    assert installation.followed(cluster, None) == "all that every namespace takes"
    assert {namespace for namespace, *_ in server.asked} == {""}


def test_permissions_that_are_missing_are_named(server: Server, cluster: Cluster):
    server.refuse = {"get secrets", "patch promotions/status"}
    with pytest.raises(ForbiddenError) as caught:
        installation.followed(cluster, "ml")
    assert str(caught.value) == (
        "this service account may not, for the namespace ml: patch promotions/status.stagewright.dev, get secrets"
    )


def test_followed_namespace_where_names_are_known_is_asked_about_those_alone(server: Server, cluster: Cluster):
    server.refuse = {"list secrets", "watch secrets", "list configmaps", "watch configmaps"}
    assert (
        installation.followed(cluster, "ml", secrets=("forge",), config_maps=("ca",))
        == "all that the namespace ml takes"
    )
    assert server.asked[-2:] == [("ml", "get", "secrets", "forge"), ("ml", "get", "configmaps", "ca")]


def test_name_that_may_not_be_read_is_told(server: Server, cluster: Cluster):
    server.refuse = {"get secrets"}
    with pytest.raises(ForbiddenError, match=r"may not, for the namespace ml: get secrets forge$"):
        installation.followed(cluster, "ml", secrets=("forge",))


def test_lease_is_asked_about_by_its_name(server: Server, cluster: Cluster):
    assert installation.leading(cluster, "ml", "stagewright") == "all that the lease ml/stagewright takes"
    assert server.asked == [
        ("ml", "create", "leases", ""),
        ("ml", "get", "leases", "stagewright"),
        ("ml", "watch", "leases", "stagewright"),
        ("ml", "update", "leases", "stagewright"),
    ]


def test_health_of_a_ready_controller_is_well(server: Server):
    server.answers |= {"/healthz": (200, b"ok"), "/readyz": (200, b"ok")}
    address = f"127.0.0.1:{server.server_port}"
    assert installation.health(address) == f"{address} is alive and ready"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_of_a_controller_that_is_not_well_says_what_it_answers(path: str, server: Server):
    server.answers |= {"/healthz": (200, b"ok"), "/readyz": (200, b"ok"), path: (503, b"worker 2 is stuck\n")}
    with pytest.raises(UnreachableError) as caught:
        installation.health(f"127.0.0.1:{server.server_port}")
    assert str(caught.value).endswith(f'{path} answers 503: "worker 2 is stuck\\n"')


def test_health_of_nobody_is_unreachable():
    with pytest.raises(UnreachableError, match="does not answer"):
        installation.health("127.0.0.1:1")
