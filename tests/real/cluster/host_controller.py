"""The controller as a process beside a real cluster, with the rights that the install gives it, and a bank to follow.

Its service account is bound to the rules of `manifests/install/rbac.yaml` and to nothing else.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.cli_desk import Desk
from tests.cluster.access import Cluster
from tests.mlflow_server import RegistryBuilder, data_set

ROOT = Path(__file__).parents[3]
WITHIN = "--timeout=90s"
LEASE = "stagewright"
Json = dict[str, Any]


def admit(
    cluster: Cluster,
    namespace: str,
    folder: Path,
    *,
    secrets: Sequence[str] = (),
    account: str = "stagewright",
    lease: str = LEASE,
) -> Path:
    """Install the CRDs, make a service account with the install's rules, and answer with a kubeconfig that is its.

    With `secrets` it may only get those, by name, and list or watch none. `lease` is the one that it may hold.
    """
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "manifests" / "crds"))
    cluster.kubectl("wait", "--for=condition=Established", WITHIN, "-f", str(ROOT / "manifests" / "crds"))
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    made: list[Json] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": namespace}}
    ]
    for found in yaml.safe_load_all((ROOT / "manifests" / "install" / "rbac.yaml").read_text()):
        if found["kind"] == "Role":
            name = found["metadata"]["name"].replace("stagewright", account)
            metadata = {"name": name, "namespace": namespace}
            reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
            api = {"apiVersion": "rbac.authorization.k8s.io/v1"}
            rules = [_by_name(rule, secrets) if secrets else rule for rule in found["rules"]]
            rules = [
                {**rule, "resourceNames": [lease]} if rule.get("resourceNames") == [LEASE] else rule for rule in rules
            ]
            made.append({**api, "kind": "Role", "metadata": metadata, "rules": rules})
            made.append(
                {**api, "kind": "RoleBinding", "metadata": metadata, "roleRef": reference, "subjects": [subject]}
            )
    cluster.apply(*made)
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    token = cluster.kubectl("create", "token", account, "-n", namespace, "--duration=1h").strip()
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    path = folder / f"{account}.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o600)
    return path


def _by_name(rule: Json, secrets: Sequence[str]) -> Json:
    return {**rule, "resourceNames": list(secrets), "verbs": ["get"]} if rule["resources"] == ["secrets"] else rule


class HostController:
    """One process; its output is kept in a file."""

    def __init__(
        self,
        namespace: str,
        kubeconfig: Path,
        folder: Path,
        *,
        name: str,
        flags: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.log = folder / f"{name}.log"
        command = [sys.executable, "-m", "stagewright", "controller", "--kubeconfig", str(kubeconfig)]
        command += ["--namespaces", namespace, "--leader-election-id", LEASE, "--log-format", "text"]
        command += ["--ledger-root", str(folder / "ledgers"), "--allow-insecure-urls"]
        command += ["--cache-root", str(folder / f"cache-{name}"), "--secrets-root", str(folder / f"secrets-{name}")]
        # of a flag that is given twice the last one counts
        command += ["--metrics-address", "", "--health-address", "", *flags]
        environment = {key: text for key, text in os.environ.items() if not key.startswith("MLFLOW_")}
        environment |= {"POD_NAMESPACE": namespace, "POD_NAME": name, **(env or {})}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)

    def said(self, text: str) -> None:
        """Wait until it logs that."""
        # `tail` goes on for a process that has ended until somebody has waited for it
        threading.Thread(target=self.process.wait, daemon=True).start()
        command = ["tail", "-n", "+1", "-f", "--pid", str(self.process.pid), str(self.log)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as tail:
            assert tail.stdout is not None
            assert any(text.encode() in line for line in tail.stdout), f"it ended and never said {text!r}"
            tail.kill()

    def end(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def running_controller(
    namespace: str,
    kubeconfig: Path,
    folder: Path,
    *,
    name: str = "controller",
    flags: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
) -> Iterator[HostController]:
    """The controller for the length of a `with` block; it must end well."""
    controller = HostController(namespace, kubeconfig, folder, name=name, flags=flags, env=env)
    try:
        yield controller
    except BaseException:
        sys.stderr.write(controller.log.read_text(errors="replace")[-6000:])
        raise
    finally:
        if controller.process.poll() is None:
            controller.end()


class Followed:
    """One RegistrySync as the administrator sees it."""

    def __init__(self, cluster: Cluster, namespace: str, name: str = "bank") -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.name = name
        self._asked = 0

    def write(self, spec: Json) -> None:
        """Make it, or change it."""
        metadata = {"name": self.name, "namespace": self.namespace}
        self.cluster.apply(
            {"apiVersion": "stagewright.dev/v1alpha1", "kind": "RegistrySync", "metadata": metadata, "spec": spec}
        )

    def abandon(self) -> None:
        """Take the finalizer away, which nobody else would once no controller runs: the namespace waits for it."""
        for name in self.cluster.kubectl("get", "registrysyncs", "-n", self.namespace, "-o", "name").split():
            free = '{"metadata":{"finalizers":null}}'
            self.cluster.kubectl("patch", name, "-n", self.namespace, "--type=merge", "-p", free)

    def get(self) -> Json:
        return self.cluster.get("registrysync", self.name, "-n", self.namespace)

    def wait(self, path: str, value: str) -> None:
        """Until the JSON path is that value."""
        where = ("registrysync", self.name, "-n", self.namespace)
        try:
            self.cluster.kubectl("wait", f"--for=jsonpath={{{path}}}={value}", *where, WITHIN)
        except BaseException:
            sys.stderr.write(json.dumps(self.get().get("status"), indent=1))
            raise

    def wait_for(self, path: str) -> None:
        """Until there is something at the JSON path."""
        where = ("registrysync", self.name, "-n", self.namespace)
        self.cluster.kubectl("wait", f"--for=jsonpath={{{path}}}", *where, WITHIN)

    def condition(self, kind: str) -> str:
        """A JSON path."""
        return f'.status.conditions[?(@.type=="{kind}")].reason'

    def ask(self) -> Json:
        """Have it looked at now, and wait until that is done; its status."""
        self._asked += 1
        text = f"{self._asked}"
        annotation = f"stagewright.dev/reconcile-requested-at={text}"
        self.cluster.kubectl("annotate", "--overwrite", "registrysync", self.name, "-n", self.namespace, annotation)
        self.wait(".status.lastHandledReconcileAt", text)
        status: Json = self.get()["status"]
        return status

    def rows(self) -> list[Json]:
        """Its Promotions."""
        found = self.cluster.get("promotions", "-n", self.namespace, "-l", f"stagewright.dev/sync={self.name}")
        return list(found["items"])

    def events(self) -> list[tuple[str, str]]:
        """Reason and note of each Event about it."""
        found = self.cluster.get("events.events.k8s.io", "-n", self.namespace)["items"]
        return [(event["reason"], event["note"]) for event in found if event["regarding"]["name"] == self.name]

    def secret(self, name: str, data: Mapping[str, str]) -> None:
        """Make or change a Secret."""
        metadata = {"name": name, "namespace": self.namespace}
        self.cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(data)})


def keys_of(desk: Desk) -> dict[str, str]:
    """The ledger's keys, as the default Secret has them."""
    return {f"{role}.pem": (desk.home / "keys" / f"{role}.pem").read_text() for role in ("log", "entry")}


def trust_root(desk: Desk) -> str:
    """The commit that the bank's ledger begins from."""
    document = yaml.safe_load(desk.config.read_text())
    return str(document["spec"]["trustRoot"])


def stocked(builder: RegistryBuilder, aucs: Sequence[float] = (0.80, 0.83)) -> str:
    """A model with a version for each AUC that has everything a heavy rule asks for, the first in production."""
    model = builder.model(builder.unique("credit"))
    for auc in aucs:
        run = builder.run(user="dana", metrics={"auc": auc}, data_sets=[data_set("applications", "5ec1a000")])
        builder.version(model, run=run, files={"MLmodel": b"flavors: {}\n", "model.bin": str(auc).encode()})
    builder.alias(model, "champion", 1)
    return model
