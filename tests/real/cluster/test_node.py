"""Our own cluster leaves nothing behind, also when it does not come up."""

import shutil
from pathlib import Path

import pytest

from tests.cluster import node as recipe
from tests.cluster.access import Cluster
from tests.cluster.node import Node
from tests.cluster.processes import ClusterError


def test_node_whose_api_server_ends_at_once_leaves_nothing(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if cluster.programs is None:
        pytest.fail("this test is about our own cluster: unset KUBECONFIG")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("etcd", "kubectl", "ctr"):
        (programs / name).symlink_to(cluster.programs / name)
    (programs / "kube-apiserver").symlink_to(shutil.which("false") or "")
    monkeypatch.setattr(recipe, "START_TIMEOUT_S", 1.0)
    node = Node(tmp_path / "node", programs)
    with pytest.raises(ClusterError, match="the API server answers"):
        node.start()
    assert node.left_behind() == []


def test_node_that_never_was_is_stopped_without_a_word(tmp_path: Path) -> None:
    node = Node(tmp_path / "node", tmp_path)
    node.stop()
    assert node.left_behind() == []
