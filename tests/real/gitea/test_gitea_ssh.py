"""The repository over ssh: a deploy key lets in, and only the host that is known is believed."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stagewright.adapters.git.access import GitCredentials
from stagewright.adapters.git.source import GitSource
from stagewright.errors import StagewrightError
from tests.gitea.server import GiteaServer
from tests.gitea.world import GiteaWorld

pytestmark = pytest.mark.real


def new_key(folder: Path, name: str) -> Path:
    private = folder / name
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(private)]
    subprocess.run(made, check=True, capture_output=True)
    return private


@pytest.fixture
def known_hosts(gitea: GiteaServer, tmp_path: Path) -> Path:
    """The server's own key, read from its folder, as an administrator would hand it on."""
    (public,) = gitea.work.rglob("gitea.rsa.pub")
    file = tmp_path / "known_hosts"
    kind, data = public.read_text().split()[:2]
    file.write_text(f"[{gitea.address}]:{gitea.ssh_port} {kind} {data}\n")
    return file


def reading(world: GiteaWorld, credentials: GitCredentials) -> GitSource:
    url = f"ssh://git@{world.server.address}:{world.server.ssh_port}/{world.repository}.git"
    return GitSource(url=url, branch="main", mirror=world.root / "over-ssh", credentials=credentials)


def deployed(world: GiteaWorld, private: Path) -> None:
    public = private.with_suffix(".pub").read_text().strip()
    world.call("POST", "/keys", {"title": private.name, "key": public, "read_only": True})


def test_fetch_over_ssh_with_a_deploy_key_from_a_host_that_is_known(
    world: GiteaWorld, known_hosts: Path, tmp_path: Path
):
    private = new_key(tmp_path, "deploy")
    deployed(world, private)
    git = reading(world, GitCredentials(private_key=private, known_hosts=known_hosts))
    assert git.fetch() == world.first
    head = world.commit("dana", {"a.txt": "a"}, branch="change")
    assert git.fetch() == world.first
    assert ("change", head) in git.branches()


def stranger(folder: Path, known: Path) -> GitCredentials:
    return GitCredentials(private_key=new_key(folder, "stranger"), known_hosts=known)


def unknown_host(folder: Path, _known: Path) -> GitCredentials:
    (folder / "nobody").write_text("")
    return GitCredentials(private_key=folder / "deploy", known_hosts=folder / "nobody")


def another_key(folder: Path, known: Path) -> GitCredentials:
    place, kind, _ = known.read_text().split()
    other = new_key(folder, "other-host").with_suffix(".pub").read_text().split()
    (folder / "changed").write_text(f"{place} {other[0]} {other[1]}\n")
    assert kind != other[0]
    return GitCredentials(private_key=folder / "deploy", known_hosts=folder / "changed")


@pytest.mark.parametrize("shown", [stranger, unknown_host, another_key])
def test_fetch_over_ssh_is_refused(
    world: GiteaWorld, known_hosts: Path, tmp_path: Path, shown: Callable[[Path, Path], GitCredentials]
):
    deployed(world, new_key(tmp_path, "deploy"))
    with pytest.raises(StagewrightError) as caught:
        reading(world, shown(tmp_path, known_hosts)).fetch()
    assert caught.value.hint
    assert list((world.root / "over-ssh").rglob("*.pack")) == []
