"""What the sync of a cluster's object is built from: nothing of the controller's own credentials."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from stagewright.adapters.clock import SystemClock
from stagewright.app.outside import Outside
from stagewright.bootstrap import controller as bootstrap
from stagewright.bootstrap import engine
from stagewright.bootstrap.controller import ClusterEngines
from stagewright.errors import StagewrightError
from stagewright.model.sync import RegistrySync
from stagewright.ports import Unclaimed
from tests.fakes.ledger_store import SeedSigner
from tests.unit.kube.attempts import resource
from tests.unit.schema.objects import PLACES

OWN: Mapping[str, str] = {
    "PATH": "/usr/bin",
    "HTTPS_PROXY": "http://proxy.example:3128",
    "HOME": "/home/stagewright",
    "GH_TOKEN": "a token of the controller's",
    "GITEA_TOKEN": "a token of the controller's",
    "MLFLOW_TRACKING_USERNAME": "controller",
    "MLFLOW_TRACKING_PASSWORD": "a password of the controller's",
    "MLFLOW_TRACKING_TOKEN": "a token of the controller's",
    "AWS_SECRET_ACCESS_KEY": "a key of the controller's",
}


def _engines(tmp_path: Path) -> ClusterEngines:
    return ClusterEngines(fence=None, env=OWN, mirrors=tmp_path, image=None, clock=SystemClock(), places=PLACES)


def test_engine_of_an_object_gets_the_machines_environment_and_nobodys_credentials(tmp_path: Path):
    assert _engines(tmp_path)._env() == {"PATH": OWN["PATH"], "HTTPS_PROXY": OWN["HTTPS_PROXY"]}


def test_engine_of_an_object_that_names_no_token_does_not_take_the_controllers(tmp_path: Path):
    forge = {"type": "gitea", "url": "https://git.example", "repository": "acme/models"}

    with pytest.raises(StagewrightError) as raised:
        _engines(tmp_path).engine(resource(forge=forge), None)

    assert "token" in str(raised.value)
    assert "controller's" not in str(raised.value)


def test_removal_of_an_objects_mirror_leaves_those_of_others(tmp_path: Path):
    for uid in ("one", "two"):
        (tmp_path / "ml" / uid / "mirror.git").mkdir(parents=True)
    engines = _engines(tmp_path)

    engines.remove("ml", "one")
    engines.remove("ml", "one")

    assert sorted(path.name for path in (tmp_path / "ml").iterdir()) == ["two"]


def test_engine_of_an_object_knows_what_others_keep_and_how_much_it_may_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    made: list[tuple[RegistrySync, Outside]] = []
    monkeypatch.setattr(bootstrap, "Syncer", lambda config, outside: made.append((config, outside)))
    monkeypatch.setattr(engine, "load_signer", lambda _place: SeedSigner(1))
    claims = Unclaimed()
    engines = replace(
        _engines(tmp_path),
        places=replace(PLACES, repository_bytes=7),
        claims=lambda _found: claims,
    )

    found = resource(forge={"type": "git"})

    engines.engine(replace(found, sync=replace(found.sync, mirror=str(tmp_path / "mirror"))), None)

    ((config, outside),) = made
    assert (config.repository_bytes, outside.claims) == (7, claims)
