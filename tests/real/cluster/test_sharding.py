"""Two installations side by side: each works on its own objects, and leaves the other's alone."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from stagewright.adapters.directory import DirectoryStore
from stagewright.ledger.log import Ledger
from tests.cli_desk import Desk
from tests.cluster.access import Cluster
from tests.git_http import GitHttpServer
from tests.mlflow_server import MlflowServer, RegistryBuilder
from tests.real.cluster.host_controller import (
    WITHIN,
    Followed,
    HostController,
    Json,
    admit,
    keys_of,
    running_controller,
    stocked,
    trust_root,
)

LABEL = "shard"


class Shards:
    """Two objects of one namespace that follow one bank, and a folder for ledgers that both shards can reach."""

    def __init__(self, cluster: Cluster, namespace: str, desk: Desk, model: str, folder: Path, spec: Json) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.desk = desk
        self.model = model
        self.folder = folder
        self.spec = spec
        self.objects = {name: Followed(cluster, namespace, name) for name in ("one", "two")}

    def label(self, name: str, shard: str) -> None:
        self.cluster.kubectl("label", "--overwrite", "registrysync", name, "-n", self.namespace, f"{LABEL}={shard}")

    def running(self, shard: str) -> AbstractContextManager[HostController]:
        """A controller of that shard, as `ctl-<shard>`; its service account may hold its own Lease alone."""
        lease = f"shard-{shard}"
        kubeconfig = admit(self.cluster, self.namespace, self.folder, account=f"ctl-{shard}", lease=lease)
        flags = ("--selector", f"{LABEL}={shard}", "--leader-election-id", lease)
        return running_controller(self.namespace, kubeconfig, self.folder, name=f"ctl-{shard}", flags=flags)

    def declare(self, mode: str) -> None:
        """Have something to write into the ledgers."""
        self.desk.promote("mode", self.model, mode, by="dana", approved_by=("cody", "mo"))

    def writers(self, name: str) -> list[str]:
        """Which controllers wrote into a ledger, in order, each time that it changed."""
        ledger = Ledger.read(DirectoryStore(self.folder / "ledgers" / self.namespace / name))
        holders = [found.statement.predicate.epoch.holder.partition("_")[0] for found in ledger.entries()]
        return [holder for i, holder in enumerate(holders) if i == 0 or holders[i - 1] != holder]

    def holder(self, shard: str) -> str:
        lease = self.cluster.get("lease", f"shard-{shard}", "-n", self.namespace)
        return str(lease["spec"]["holderIdentity"]).partition("_")[0]


@pytest.fixture
def shards(
    cluster: Cluster, namespace: str, mlflow_server: MlflowServer, builder: RegistryBuilder, tmp_path: Path
) -> Iterator[Shards]:
    """A bank with one imported model; nothing follows it yet."""
    desk = Desk(tmp_path, uri=mlflow_server.uri)
    model = stocked(builder)
    desk.init()
    desk.run("max", "import", model, "--owner", "@cody")
    folder = tmp_path / "controller"
    folder.mkdir()
    with GitHttpServer(desk.home) as git:
        spec = {
            "source": {"url": git.url("origin.git")},
            "forge": {"type": "git"},
            "registry": {"uri": mlflow_server.uri},
            "trustRoot": trust_root(desk),
            "interval": "1h",
        }
        made = Shards(cluster, namespace, desk, model, folder, spec)
        made.objects["one"].secret("stagewright-ledger-keys", keys_of(desk))
        desk.promote("promote", model, "--version", "2", "--to", "Staging", by="dana", approved_by=())
        yield made
    made.objects["one"].abandon()


def waiting(followed: Followed) -> list[tuple[str, str]]:
    """The rows of an object that wait for sign-offs: each by its uid, which a row that is made anew does not keep."""
    rows = [row for row in followed.rows() if row["status"]["verdict"] == "pending"]
    return [(row["metadata"]["uid"], row["spec"]["promotionId"]) for row in rows]


def test_shards_keep_to_their_labels_and_hand_an_object_over(shards: Shards) -> None:
    one, two = shards.objects["one"], shards.objects["two"]
    for name, followed in shards.objects.items():
        followed.write(shards.spec)
        shards.label(name, {"one": "a", "two": "b"}[name])
    with shards.running("a") as a:
        one.wait(one.condition("Ready"), "Synced")
        assert "status" not in two.get()
        with shards.running("b") as b:
            two.wait(two.condition("Ready"), "Synced")
            assert [shards.holder(shard) for shard in ("a", "b")] == ["ctl-a", "ctl-b"]
            assert [shards.writers(name) for name in ("one", "two")] == [["ctl-a"], ["ctl-b"]]

            # neither takes the other's rows for strays
            rows = {name: waiting(followed) for name, followed in shards.objects.items()}
            assert [len(found) for found in rows.values()] == [1, 1]
            for followed in shards.objects.values():
                followed.ask()
            assert {name: waiting(followed) for name, followed in shards.objects.items()} == rows

            # an object that changes shards is let go here and goes on there, with its ledger and its rows
            shards.label("one", "b")
            shards.declare("report")
            one.ask()
            assert shards.writers("one") == ["ctl-a", "ctl-b"]
            assert waiting(one) == rows["one"]
            assert list((shards.folder / "secrets-ctl-a").rglob("*.pem")) == []

            # whoever was taken over does not take back in the same turn: two that pick one object would fight over it
            shards.label("one", "a")
            one.wait(one.condition("Stalled"), "PersonNeeded")
            assert shards.writers("one") == ["ctl-a", "ctl-b"]
            assert a.end() == 0
            with shards.running("a") as again:
                one.ask()
                assert "Stalled" not in [condition["type"] for condition in one.get()["status"]["conditions"]]
                shards.declare("observe")
                one.ask()
                assert shards.writers("one") == ["ctl-a", "ctl-b", "ctl-a"]

                shards.cluster.kubectl("delete", "registrysync", "one", "-n", shards.namespace, WITHIN)
                assert waiting(two) == rows["two"]
                assert (again.end(), b.end()) == (0, 0)
