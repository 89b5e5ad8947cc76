"""A move of the configuration that the object itself confirms, against a real API server and git over HTTP."""

from pathlib import Path

from stagewright.adapters.directory import DirectoryStore
from stagewright.ledger import predicates as entry
from stagewright.ledger.log import Ledger
from tests.cli_desk import Desk
from tests.cluster.access import Cluster
from tests.git_http import GitHttpServer
from tests.mlflow_server import MlflowServer, RegistryBuilder
from tests.real.cluster.host_controller import Followed, admit, keys_of, running_controller, stocked, trust_root


def rebinds(folder: Path) -> list[entry.Rebind]:
    """The moves that a ledger tells of."""
    said = [found.statement.predicate for found in Ledger.read(DirectoryStore(folder)).entries()]
    return [predicate for predicate in said if isinstance(predicate, entry.Rebind)]


def test_controller_confirms_the_move_that_an_annotation_names_and_no_other(
    cluster: Cluster, namespace: str, mlflow_server: MlflowServer, builder: RegistryBuilder, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, uri=mlflow_server.uri)
    model = stocked(builder)
    desk.init()
    desk.run("max", "import", model, "--owner", "@cody")
    followed, folder = Followed(cluster, namespace), tmp_path / "controller"
    folder.mkdir()
    ledger = folder / "ledgers" / namespace / "bank"
    kubeconfig = admit(cluster, namespace, folder)
    followed.secret("stagewright-ledger-keys", keys_of(desk))
    with GitHttpServer(desk.home) as git, running_controller(namespace, kubeconfig, folder):
        spec = {
            "source": {"url": git.url("origin.git")},
            "forge": {"type": "git"},
            "registry": {"uri": mlflow_server.uri},
            "trustRoot": trust_root(desk),
            "interval": "1h",
        }
        followed.write(spec)
        followed.wait(followed.condition("Ready"), "Synced")
        desk.git(desk.clone("max"), "push", "-q", "origin", "HEAD:refs/heads/release")

        followed.write(spec | {"source": {"url": git.url("origin.git"), "branch": "release"}})
        followed.wait(followed.condition("Stalled"), "ConfigurationMoved")
        (stalled,) = [c for c in followed.get()["status"]["conditions"] if c["type"] == "Stalled"]
        told = stalled["message"].rpartition(": ")[2].removesuffix(")").split()
        assert told[:-1] == ["kubectl", "annotate", "--overwrite", "registrysync", "bank", "-n", namespace]

        other = f"stagewright.dev/rebind=sha256:{'0' * 64}"
        cluster.kubectl(*told[1:-1], other)
        assert [c["reason"] for c in followed.ask()["conditions"] if c["type"] == "Stalled"] == ["ConfigurationMoved"]
        assert rebinds(ledger) == []

        cluster.kubectl(*told[1:-1], "stagewright.dev/rebind-reason=the branch is called release now", told[-1])
        followed.wait(followed.condition("Ready"), "Synced")
        assert followed.get()["status"]["revision"].startswith("release@")
        (said,) = rebinds(ledger)
        asked = f"asked for by an annotation on RegistrySync {namespace}/bank"
        assert (said.who, said.reason) == (None, f"{asked}: the branch is called release now")

        # the word that was given once confirms nothing else, and is no reason to write again
        followed.ask()
        assert len(rebinds(ledger)) == 1
    followed.abandon()
