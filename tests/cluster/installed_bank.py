"""The whole product as a bank runs it: Gitea and MLflow beside a cluster, the controller in it, installed with Helm.

bank = InstalledBank(cluster=cluster, gitea=gitea, mlflow=mlflow, image=image, namespace=namespace, room=room)
bank.install()
bank.follow()                                    # Secrets, one RegistrySync, and Gitea's webhook
number = bank.propose("Staging", version=1)
bank.approve("noor", number)
merge = bank.merge(number)                       # the webhook wakes the controller's pod
bank.wait(".status.lastAppliedRevision", merge)
"""

import base64
import json
import re
import secrets
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from stagewright.adapters.signers import load_signer
from stagewright.ledger.keys import key_id
from tests.cli_desk import Told
from tests.cluster.access import Cluster
from tests.cluster.secure_gitea import SecureGitea
from tests.gitea.desk import GiteaDesk
from tests.gitea.world import GiteaWorld
from tests.mlflow_server import MlflowServer, RegistryBuilder, data_set

CHART = Path(__file__).parents[2] / "charts" / "stagewright"
WITHIN = "--timeout=60s"
PATIENCE_S, POLL_S = 60.0, 0.5
KEYS = "stagewright-ledger-keys"
EVENTS = ("push", "pull_request", "pull_request_review_approved", "pull_request_review_rejected", "issue_comment")
Json = dict[str, Any]


class InstalledBank:
    """`dana` trains and proposes, `noor` owns the code, `ravi` is model risk, `robot` is the controller's account."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        gitea: SecureGitea,
        mlflow: MlflowServer,
        image: str,
        namespace: str,
        room: Path,
        model: str = "",
    ) -> None:
        """Begin the repository; `room` is an empty folder. Two versions of `model`, or of a new name, are trained."""
        self.cluster = cluster
        self.gitea = gitea
        self.mlflow = mlflow
        self.image = image
        self.namespace = namespace
        self.room = room
        self.builder = RegistryBuilder(mlflow)
        self.model = self.builder.model(model or self.builder.unique("credit"))
        for auc in (0.80, 0.83):
            self.train(auc)
        self.world = GiteaWorld(gitea.server, room / "world")
        self.desk = GiteaDesk(self.world, room / "desk", uri=mlflow.uri)
        self.desk.init()
        self.world.settle_feed(self.world.head())
        self.webhook_secret = secrets.token_hex(16)
        self._asked = 0

    # -- what the platform's people do

    def install(self, *more: str, verb: str = "install") -> str:
        """`helm install --wait` or `helm upgrade --wait`; what it prints."""
        repository, _, tag = self.image.rpartition(":")
        sets = [f"image.repository={repository}", f"image.tag={tag}", "image.pullPolicy=IfNotPresent"]
        # the servers beside the cluster speak http
        sets += ["controller.allowInsecureUrls=true", *more]
        if self.cluster.node is not None:
            sets.append("ledger.volume.storageClassName=local")
        flags = [f"--set={text}" for text in sets]
        return self.helm(verb, "stagewright", str(CHART), *flags, "--take-ownership", "--wait", "--timeout=180s")

    def helm(self, *arguments: str) -> str:
        return self.cluster.helm(*arguments, "--namespace", self.namespace)

    def uninstall(self) -> None:
        self.helm("uninstall", "stagewright", "--wait", "--timeout=120s")

    def follow(self) -> None:
        """The Secrets, the RegistrySync, and the webhook of Gitea."""
        token = self.world.server.user("robot").token
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "forge", "namespace": self.namespace},
                "stringData": {"token": token, "webhook": self.webhook_secret},
            },
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "authority", "namespace": self.namespace},
                "data": {"ca.crt": self.gitea.authority.read_text()},
            },
        )
        self.write(self.spec())
        self.hook()

    def spec(self, repository: str = "", **more: object) -> Json:
        """That of the RegistrySync, which looks by itself once an hour."""
        repository = repository or self.world.repository
        authority = {"name": "authority", "key": "ca.crt"}
        return {
            "source": {"url": f"{self.gitea.url}/{repository}.git"},
            "forge": {
                "type": "gitea",
                "url": self.gitea.url,
                "repository": repository,
                "tokenSecretRef": {"name": "forge", "key": "token"},
                "caConfigMapRef": authority,
                "webhook": {"secretRefs": [{"name": "forge", "key": "webhook"}]},
            },
            "registry": {"uri": self.mlflow.uri},
            "trustRoot": yaml.safe_load(self.desk.config.read_text())["spec"]["trustRoot"],
            "interval": "1h",
            **more,
        }

    def write(self, spec: Json) -> None:
        """Make the RegistrySync `bank`, or change it."""
        metadata = {"name": "bank", "namespace": self.namespace}
        kind = {"apiVersion": "stagewright.dev/v1alpha1", "kind": "RegistrySync"}
        self.cluster.apply({**kind, "metadata": metadata, "spec": spec})

    def hook(self) -> None:
        """Have Gitea knock at the controller's Service, there alone."""
        for made in self.world.call("GET", "/hooks"):
            self.world.call("DELETE", f"/hooks/{made['id']}")
        service = self.cluster.get("service", "stagewright-webhook", "-n", self.namespace)["spec"]
        url = f"http://{service['clusterIP']}:{service['ports'][0]['port']}/webhook/{self.namespace}/bank"
        config = {"url": url, "content_type": "json", "secret": self.webhook_secret}
        self.world.call("POST", "/hooks", {"type": "gitea", "active": True, "events": list(EVENTS), "config": config})

    def abandon(self) -> None:
        """Let the RegistrySync go, whether a controller runs or not: its namespace waits for that."""
        free = '{"metadata":{"finalizers":null}}'
        self.cluster.kubectl("patch", "registrysync", "bank", "-n", self.namespace, "--type=merge", "-p", free)

    # -- what the bank's people do

    def train(self, auc: float) -> int:
        """A version that has everything a heavy rule asks for."""
        run = self.builder.run(user="dana", metrics={"auc": auc}, data_sets=[data_set("applications", "5ec1a000")])
        files = {"MLmodel": b"flavors: {}\n", "model.bin": str(auc).encode()}
        return self.builder.version(self.model, run=run, files=files)

    def propose(self, stage: str, *, version: int, first: bool = False) -> int:
        """Dana's `stagewright promote`; the number of its pull request, which Gitea has seen wholly."""
        new = ("--owner", "@noor", "--purpose", "Score applicants.", "--risk-tier", "low") if first else ()
        told = self.told(
            "dana", "promote", self.model, "--version", str(version), "--to", stage,
            "--reason", "As agreed", "--yes", "--trainer", "@dana", *new,
        )  # fmt: skip
        found = re.search(r"/pulls/(\d+)", told.out + told.err)
        assert found is not None, told
        number = int(found[1])
        row = self.pull(number)
        self.world.settle(number)
        self.world.settle_feed(row["head"]["sha"], branch=row["head"]["ref"])
        return number

    def told(self, who: str, *arguments: str, expect: int | None = 0) -> Told:
        """What our command line answers that person."""
        return self.desk.run(who, *arguments, expect=expect)

    def approve(self, who: str, number: int) -> None:
        """Our command line gives the sign-off of its review in the person's name."""
        self.told(who, "approve", "--pr", str(number), "--yes", "--reason", "Back-tested")

    def merge(self, number: int, *, by: str = "ravi") -> str:
        """The new head of main."""
        return self.world.merge_pull(number, by=by, style="squash")

    def pull(self, number: int) -> Json:
        found: Json = self.world.call("GET", f"/pulls/{number}")
        return found

    # -- what can be seen

    def get(self) -> Json:
        """The RegistrySync."""
        return self.cluster.get("registrysync", "bank", "-n", self.namespace)

    def wait(self, path: str, value: str) -> Json:
        """Until this JSON path of the RegistrySync is that value; its status."""
        try:
            where = ("registrysync", "bank", "-n", self.namespace)
            self.cluster.kubectl("wait", f"--for=jsonpath={{{path}}}={value}", *where, WITHIN)
        except BaseException:
            sys.stderr.write(json.dumps(self.get().get("status"), indent=1))
            sys.stderr.write(self.cluster.kubectl("logs", "deploy/stagewright", "-n", self.namespace, "--tail=60"))
            raise
        status: Json = self.get()["status"]
        return status

    def reason(self, condition: str, value: str) -> Json:
        """Until this condition has that reason; the status."""
        return self.wait(f'.status.conditions[?(@.type=="{condition}")].reason', value)

    def ask(self) -> Json:
        """Have it looked at now by the annotation, and wait until that is done; its status."""
        self._asked += 1
        asked = f"stagewright.dev/reconcile-requested-at={self._asked}"
        self.cluster.kubectl("annotate", "--overwrite", "registrysync", "bank", "-n", self.namespace, asked)
        return self.wait(".status.lastHandledReconcileAt", str(self._asked))

    def rows(self) -> list[Json]:
        """The Promotions."""
        return list(self.cluster.get("promotions", "-n", self.namespace)["items"])

    def events(self) -> list[str]:
        """The reason of each Event about the RegistrySync."""
        found = self.cluster.get("events.events.k8s.io", "-n", self.namespace)["items"]
        return [event["reason"] for event in found if event["regarding"]["name"] == "bank"]

    def aliases(self) -> dict[str, str]:
        """What MLflow gives to whoever asks."""
        found: dict[str, str] = self.builder.client().get_registered_model(self.model).aliases
        return found

    def metrics(self) -> str:
        """What the pod says at `/metrics`."""
        label = "app.kubernetes.io/name=stagewright"
        pods = self.cluster.get("pods", "-n", self.namespace, "-l", label)["items"]
        [address] = [pod["status"]["podIP"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        with urllib.request.urlopen(f"http://{address}:8080/metrics", timeout=30) as reply:
            return str(reply.read().decode())

    def comments(self, number: int, saying: str) -> list[str]:
        """What the controller says on a pull request, once it says that; what it says when that takes too long."""
        end = time.monotonic() + PATIENCE_S
        while True:
            rows = self.world.call("GET", f"/issues/{number}/comments")
            found = [str(row["body"]) for row in rows if row["user"]["login"] == "robot"]
            if any(saying in body for body in found) or time.monotonic() > end:
                return found
            time.sleep(POLL_S)

    def marked(self, commit: str, state: str) -> str:
        """How the controller marked a commit last, as soon as that is `state`; what it is when that takes too long."""
        end = time.monotonic() + PATIENCE_S
        while True:
            rows = self.world.call("GET", f"/commits/{commit}/statuses")
            own = [row for row in rows if row["context"] == "stagewright"]
            found = str(max(own, key=lambda row: int(row["id"]))["status"]) if own else ""
            if found == state or time.monotonic() > end:
                return found
            time.sleep(POLL_S)

    def log_key(self) -> str:
        """The fingerprint of the log's key, from the Secret that the chart made."""
        pem = base64.b64decode(self.cluster.get("secret", KEYS, "-n", self.namespace)["data"]["log.pem"])
        path = self.room / "log.pem"
        path.write_bytes(pem)
        path.chmod(0o600)
        return f"sha256:{key_id(load_signer(f'file://{path}').public_key)}"

    def verified(self, folder: Path) -> str:
        """What `stagewright ledger verify` prints of a ledger's folder, with the log's key pinned; it must hold."""
        return self.told("maintainer", "ledger", "verify", str(folder), "--key", self.log_key()).out
