"""Versions on a real server: what is asked for how often, and what editing MLflow afterwards does to the digests."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from stagewright.adapters.mlflow import artifacts, folder_digest, open_registry
from stagewright.adapters.mlflow.artifacts import StoreTree, tree_digest
from stagewright.errors import InvalidError, UnreachableError
from stagewright.model.actual import VersionFacts
from stagewright.model.evidence import EVIDENCE_SCHEMA, FINGERPRINT
from stagewright.model.plan import Action
from stagewright.ports import Registry
from tests.loopback import Answer, LoopbackProxy
from tests.mlflow_server import RegistryBuilder, data_set

API = "/api/2.0/mlflow"
MLMODEL = b"""flavors: {}
signature:
  inputs: '[{"type": "double", "name": "income", "required": true}]'
  outputs: '[{"type": "long", "required": true}]'
  params: null
"""


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def proxy(builder: RegistryBuilder) -> Iterator[LoopbackProxy]:
    with LoopbackProxy(builder.server.uri) as counting:
        yield counting


@pytest.fixture
def registry(proxy: LoopbackProxy) -> Registry:
    return open_registry(proxy.uri, env={}, clock=FixedClock())


@pytest.fixture
def name(builder: RegistryBuilder) -> str:
    return builder.model(builder.unique("credit"))


def facts_of(registry: Registry, name: str, version: int = 1) -> VersionFacts:
    facts = registry.version_facts(name, version)
    assert facts is not None
    return facts


def test_snapshot_of_a_small_registry_is_two_requests(registry: Registry, proxy: LoopbackProxy, name: str):
    assert name in registry.snapshot().models
    assert proxy.requests == [("GET", f"{API}/registered-models/search"), ("GET", f"{API}/model-versions/search")]


def test_model_is_two_requests(registry: Registry, proxy: LoopbackProxy, name: str):
    assert registry.model(name) is not None
    assert proxy.requests == [("GET", f"{API}/registered-models/get"), ("GET", f"{API}/model-versions/search")]


@pytest.mark.parametrize(
    ("kind", "target", "after", "method", "path"),
    [
        ("alias", "champion", "1", "POST", "registered-models/alias"),
        ("alias", "champion", None, "DELETE", "registered-models/alias"),
        ("stage", "1", "Production", "POST", "model-versions/transition-stage"),
        ("tag", "1/stagewright.ledger-index", "117", "POST", "model-versions/set-tag"),
        ("tag", "1/stagewright.ledger-index", None, "DELETE", "model-versions/delete-tag"),
    ],
)
def test_apply_is_one_request(
    registry: Registry,
    proxy: LoopbackProxy,
    builder: RegistryBuilder,
    name: str,
    kind: str,
    target: str,
    after: str | None,
    method: str,
    path: str,
):
    builder.version(name)
    registry.apply(Action(kind=kind, model=name, target=target, before=None, after=after))
    assert proxy.requests == [(method, f"{API}/{path}")]


def test_apply_with_the_reply_lost_has_happened(
    registry: Registry, proxy: LoopbackProxy, builder: RegistryBuilder, name: str
):
    builder.version(name)
    proxy.answers.append(Answer(status=502, forward=True))
    with pytest.raises(UnreachableError):
        registry.apply(Action(kind="alias", model=name, target="champion", before=None, after="1"))
    found = registry.model(name)
    assert found is not None
    assert dict(found.aliases) == {"champion": 1}
    assert [method for method, _ in proxy.requests].count("POST") == 1


def test_apply_with_the_write_lost_has_not_happened(
    registry: Registry, proxy: LoopbackProxy, builder: RegistryBuilder, name: str
):
    builder.version(name)
    proxy.answers.append(Answer(status=502))
    with pytest.raises(UnreachableError):
        registry.apply(Action(kind="alias", model=name, target="champion", before=None, after="1"))
    found = registry.model(name)
    assert found is not None
    assert dict(found.aliases) == {}


def test_version_facts_are_three_requests_and_one_per_folder_and_file(
    registry: Registry, proxy: LoopbackProxy, builder: RegistryBuilder, name: str
):
    builder.version(name, files={"MLmodel": b"", "data/a": b"1", "data/b": b"2"})
    facts_of(registry, name)
    assert [path.removeprefix("/api/2.0/mlflow") for _, path in proxy.requests[:2]] == [
        "/model-versions/get",
        "/model-versions/get-download-uri",
    ]
    assert sorted(path.rpartition("/")[2] for _, path in proxy.requests[2:]) == [
        "MLmodel",
        "a",
        "artifacts",
        "artifacts",
        "b",
        "get",
    ]


def test_version_facts_digest_is_that_of_the_folder_on_the_servers_disk(
    registry: Registry, builder: RegistryBuilder, name: str
):
    run = builder.run()
    files = {
        "MLmodel": MLMODEL,
        "a b/'\"\u00fc?&=;+": b"x",
        "-rf": b"",
        "big": b"0123456789" * 250_000,
        "page.html": b"<p>",
    }
    version = builder.version(name, run=run, files=files)
    root = builder.folder(f"{builder.client().get_run(run).info.artifact_uri}/model")
    assert facts_of(registry, name, version).digest == folder_digest(root)


@pytest.mark.parametrize(
    ("spoil", "flaw"),
    [
        pytest.param(lambda root: (root / "a#b").write_bytes(b""), "Invalid path", id="a name the proxy refuses"),
        pytest.param(lambda root: (root / "a%41").write_bytes(b""), "percent sign", id="a name the proxy misreads"),
        pytest.param(
            lambda root: (root / "link").symlink_to("/etc/hostname"), "Invalid path", id="a link to elsewhere"
        ),
    ],
)
def test_version_facts_of_files_the_proxy_does_not_hand_out_is_a_flaw(
    registry: Registry, builder: RegistryBuilder, name: str, spoil: Callable[[Path], object], flaw: str
):
    run = builder.run()
    version = builder.version(name, run=run)
    spoil(builder.folder(f"{builder.client().get_run(run).info.artifact_uri}/model"))
    facts = facts_of(registry, name, version)
    assert facts.digest is None
    assert flaw in str(facts.flaw)


def test_version_facts_with_a_link_inside_the_tree_behind_the_proxy_hash_the_file_it_leads_to(
    registry: Registry, builder: RegistryBuilder, name: str
):
    run = builder.run()
    linked = builder.version(name, run=run, files={"MLmodel": b"", "weights": b"x"})
    root = builder.folder(f"{builder.client().get_run(run).info.artifact_uri}/model")
    (root / "link").symlink_to("weights")
    copied = builder.version(name, files={"MLmodel": b"", "weights": b"x", "link": b"x"})
    assert facts_of(registry, name, linked).digest == facts_of(registry, name, copied).digest


def test_version_facts_with_a_symbolic_link_in_a_local_folder_is_a_flaw(
    registry: Registry, builder: RegistryBuilder, name: str, tmp_path: Path
):
    run = builder.run(artifact_location=tmp_path / "artifacts")
    version = builder.version(name, run=run)
    assert facts_of(registry, name, version).flaw is None
    root = builder.folder(f"{builder.client().get_run(run).info.artifact_uri}/model")
    (root / "link").symlink_to("MLmodel")
    facts = facts_of(registry, name, version)
    assert (facts.digest, facts.flaw) == (None, "no artifact digest: 'link' is a symbolic link")


def test_version_facts_after_files_were_changed_have_another_digest(
    registry: Registry, builder: RegistryBuilder, name: str
):
    run = builder.run()
    version = builder.version(name, run=run, files={"MLmodel": b"aaaa"})
    before = facts_of(registry, name, version)
    builder.files(run, {"MLmodel": b"bbbb"})
    after = facts_of(registry, name, version)
    assert None not in {before.digest, after.digest}
    assert before.digest != after.digest
    assert before.evidence == after.evidence


def tag(key: str, value: str) -> Callable[[RegistryBuilder, str], object]:
    return lambda builder, run: builder.client().set_tag(run, key, value)


EDITS: Mapping[str, Callable[[RegistryBuilder, str], object]] = {
    "a metric logged again": lambda builder, run: builder.client().log_metric(run, "auc", 0.99),
    "a metric added": lambda builder, run: builder.client().log_metric(run, "f1", 0.5),
    "a metric that is no number": lambda builder, run: builder.client().log_metric(run, "auc", float("nan"), step=1),
    "a parameter added": lambda builder, run: builder.client().log_param(run, "d", "1"),
    "a data set added": lambda builder, run: builder.client().log_inputs(run, [data_set("more", "77")]),
    "the trainer": tag("mlflow.user", "sam"),
    "the commit": tag("mlflow.source.git.commit", "0" * 40),
    "the run's status": lambda builder, run: builder.client().set_terminated(run, "FAILED"),
    "the run deleted": lambda builder, run: builder.client().delete_run(run),
}


@pytest.mark.parametrize("edit", EDITS)
def test_evidence_after_an_edit_in_mlflow_is_another(
    registry: Registry, builder: RegistryBuilder, name: str, edit: str
):
    run = builder.run(metrics={"auc": 0.83}, params={"c": "1"}, data_sets=[data_set("credit", "5ec1")], commit="9" * 40)
    version = builder.version(name, run=run)
    before = facts_of(registry, name, version)
    EDITS[edit](builder, run)
    after = facts_of(registry, name, version)
    assert None not in {before.evidence, after.evidence}
    assert before.evidence != after.evidence
    assert before.digest == after.digest


def test_evidence_after_a_data_set_got_another_tag_is_another(registry: Registry, builder: RegistryBuilder, name: str):
    run = builder.run(data_sets=[data_set("credit", "5ec1")])
    version = builder.version(name, run=run)
    before = facts_of(registry, name, version)
    # MLflow's API has no door for it, its database has
    with sqlite3.connect(builder.server.database) as connection:
        connection.execute(
            "UPDATE input_tags SET value = 'evaluation' WHERE input_uuid IN "
            "(SELECT input_uuid FROM inputs WHERE destination_id = ?)",
            (run,),
        )
    connection.close()
    after = facts_of(registry, name, version)
    assert [one.context for one in (*before.data_sets, *after.data_sets)] == ["training", "evaluation"]
    assert before.evidence != after.evidence


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda builder, _, name: builder.alias(name, "champion", 1), id="an alias"),
        pytest.param(
            lambda builder, run, name: builder.client().set_tag(run, "note", name), id="another tag of the run"
        ),
        pytest.param(
            lambda builder, _, name: builder.client().set_model_version_tag(name, "1", "a", "b"), id="a version's tag"
        ),
        pytest.param(
            lambda builder, _, name: builder.client().update_model_version(name, "1", "words"), id="a description"
        ),
    ],
)
def test_evidence_after_what_does_not_matter_is_the_same(
    registry: Registry, builder: RegistryBuilder, name: str, edit: Callable[..., object]
):
    run = builder.run(metrics={"auc": 0.83})
    builder.version(name, run=run)
    before = facts_of(registry, name)
    edit(builder, run, name)
    assert facts_of(registry, name) == before


def test_evidence_after_the_model_was_renamed_is_the_same(registry: Registry, builder: RegistryBuilder, name: str):
    builder.version(name, run=builder.run(metrics={"auc": 0.83}))
    before = facts_of(registry, name)
    renamed = builder.unique("renamed")
    builder.client().rename_registered_model(name, renamed)
    after = facts_of(registry, renamed)
    assert (after.digest, after.evidence, after.evidence_document) == (
        before.digest,
        before.evidence,
        before.evidence_document,
    )
    assert registry.version_facts(name, 1) is None


def test_evidence_quotes_the_signature_and_keeps_to_the_schema(registry: Registry, builder: RegistryBuilder, name: str):
    run = builder.run(metrics={"auc": 0.83, "worst": float("inf")}, data_sets=[data_set("credit", "5ec1")])
    facts = facts_of(registry, name, builder.version(name, run=run, files={"MLmodel": MLMODEL}))
    document = json.loads(str(facts.evidence_document))
    jsonschema.validate(document, EVIDENCE_SCHEMA)
    assert document["signature"] == {
        "inputs": [{"type": "double", "name": "income", "required": True}],
        "outputs": [{"type": "long", "required": True}],
        "params": None,
    }
    assert [one.digest_kind for one in facts.data_sets] == [FINGERPRINT]


def test_version_facts_without_a_run_have_evidence_of_what_there_is(
    registry: Registry, builder: RegistryBuilder, name: str
):
    logged = builder.client().create_logged_model("0", name="credit")
    root = builder.folder(logged.artifact_location)
    root.mkdir(parents=True)
    (root / "MLmodel").write_bytes(b"")
    builder.register(name, source=f"models:/{logged.model_id}", model_id=logged.model_id)
    facts = facts_of(registry, name)
    document = json.loads(str(facts.evidence_document))
    assert (facts.run_id, facts.trainer, facts.flaw, facts.data_sets) == (None, None, None, ())
    assert (document["run"], document["metrics"]) == (None, [])


def test_version_facts_with_a_run_that_is_gone_have_no_evidence(
    registry: Registry, proxy: LoopbackProxy, builder: RegistryBuilder, name: str
):
    builder.version(name, files={"MLmodel": b""})
    facts = facts_of(registry, name)
    proxy.instead[f"{API}/runs/get"] = Answer(
        status=404, headers={"Content-Type": "application/json"}, body=b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}'
    )
    lost = facts_of(registry, name)
    assert facts.evidence is not None
    assert (lost.digest, lost.evidence, lost.evidence_document) == (facts.digest, None, None)
    assert lost.flaw == f"no evidence: run {facts.run_id!r} is not there"


def test_version_facts_of_a_logged_model_hold_its_own_metrics_and_slices(
    registry: Registry, builder: RegistryBuilder, name: str
):
    client = builder.client()
    run = builder.run(user="dana", metrics={"auc": 0.83})
    logged = client.create_logged_model("0", name="credit", source_run_id=run, params={"depth": "3"})
    client.log_metric(run, "auc", 0.71, model_id=logged.model_id, dataset_name="women over 60", dataset_digest="5ec1")
    root = builder.folder(logged.artifact_location)
    root.mkdir(parents=True)
    (root / "MLmodel").write_bytes(MLMODEL)
    version = builder.register(name, source=f"models:/{logged.model_id}", run=run, model_id=logged.model_id)
    facts = facts_of(registry, name, version)
    document = json.loads(str(facts.evidence_document))
    jsonschema.validate(document, EVIDENCE_SCHEMA)
    assert (facts.model_id, facts.source) == (logged.model_id, f"models:/{logged.model_id}")
    assert (facts.run_id, facts.trainer, facts.flaw) == (run, "dana", None)
    assert facts.digest == folder_digest(root)
    assert document["loggedModel"] == {
        "id": logged.model_id,
        "params": [{"name": "depth", "value": "3"}],
        "metrics": [{"name": "auc", "value": 0.71, "step": 0, "dataSet": {"name": "women over 60", "digest": "5ec1"}}],
    }
    found = registry.snapshot().models[name].versions[version]
    assert found.model_id == logged.model_id


def test_version_facts_of_a_copied_version_are_those_of_its_files(
    registry: Registry, builder: RegistryBuilder, name: str
):
    builder.version(name, files={"MLmodel": MLMODEL})
    copy = builder.unique("copy")
    builder.client().copy_model_version(f"models:/{name}/1", copy)
    original, copied = facts_of(registry, name), facts_of(registry, copy)
    assert copied.source == f"models:/{name}/1"
    assert (copied.digest, copied.evidence) == (original.digest, original.evidence)


def test_version_facts_leave_no_file_behind(
    registry: Registry, builder: RegistryBuilder, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    builder.version(name, files={"MLmodel": MLMODEL, "big": b"x" * 3_000_000})
    assert facts_of(registry, name).flaw is None
    assert list(tmp_path.iterdir()) == []


def test_store_tree_is_the_same_tree_and_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store, spare = tmp_path / "store", tmp_path / "spare"
    (store / "data" / "deep").mkdir(parents=True)
    spare.mkdir()
    (store / "MLmodel").write_bytes(MLMODEL)
    (store / "data" / "deep" / "a b").write_bytes(b"x" * 3_000_000)
    monkeypatch.setattr("tempfile.tempdir", str(spare))
    assert tree_digest(StoreTree(LocalArtifactRepository(store.as_uri()))) == (folder_digest(store), MLMODEL)
    assert list(spare.iterdir()) == []


def test_store_tree_whose_store_fails_is_unreachable():
    class Broken:
        def list_artifacts(self, path: str | None) -> list[object]:
            raise RuntimeError(f"secret in the text about {path}")

    with pytest.raises(UnreachableError, match=r"^the artifact store does not answer: RuntimeError$"):
        tree_digest(StoreTree(Broken()))


def test_tree_digest_of_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(artifacts, "MAX_FILES", 2)
    for file in ("a", "b", "c"):
        (tmp_path / file).write_bytes(b"")
    with pytest.raises(InvalidError, match="more than 2 files"):
        folder_digest(tmp_path)
