"""What every registry does: the one in memory, a real MLflow server over HTTP, MLflow's database without a server."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest

from stagewright.adapters.mlflow import open_registry
from stagewright.errors import InvalidError, NotFoundError
from stagewright.model.actual import ActualModel, DataSet
from stagewright.model.evidence import FINGERPRINT, Evidence, EvidenceDataSet, EvidenceRun, Metric
from stagewright.model.plan import Action
from stagewright.ports import Registry
from tests.fakes.registry import InMemoryRegistry
from tests.mlflow_server import RegistryBuilder, data_set

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
COMMIT = "9fceb02d0ae598e95dc970b74767f19372d61af8"
FILES = {"MLmodel": b"flavors: {}\n", "data/empty": b"", "data/a b/\u00fc'\".bin": b"\x00" * 70_000, "-dash": b"x"}


class FixedClock:
    def now(self) -> datetime:
        return NOW


class Bench(Protocol):
    """A registry, and people who work on it by other ways."""

    registry: Registry

    def model(self) -> str: ...

    def version(self, name: str, files: Mapping[str, bytes]) -> int: ...

    def trained_version(self, name: str) -> int: ...

    def alias(self, name: str, alias: str, version: int) -> None: ...

    def delete_version(self, name: str, version: int) -> None: ...


@dataclass
class FakeBench:
    registry: InMemoryRegistry
    made: int = 0

    def model(self) -> str:
        self.made += 1
        name = f"credit-{self.made}"
        self.version(name, {"MLmodel": b""})
        return name

    def version(self, name: str, files: Mapping[str, bytes]) -> int:
        return self.registry.add_version(name, files=files)

    def trained_version(self, name: str) -> int:
        run = EvidenceRun(id="4" * 32, experiment_id="0", status="FINISHED", lifecycle="active", user="dana")
        return self.registry.add_version(
            name,
            evidence=Evidence(
                run=run,
                trainer="dana",
                source_commit=COMMIT,
                params=(("c", "1"),),
                metrics=(Metric(name="auc", value=0.83, step=0), Metric(name="loss", value=float("nan"), step=0)),
                data_sets=(
                    EvidenceDataSet(
                        name="credit",
                        digest="5ec1",
                        digest_kind=FINGERPRINT,
                        context="training",
                        source_type="s3",
                        source_digest=None,
                    ),
                ),
            ),
            data_sets=(
                DataSet(
                    name="credit", digest="5ec1", digest_kind=FINGERPRINT, context="training", source="s3://data/x"
                ),
            ),
        )

    def alias(self, name: str, alias: str, version: int) -> None:
        self.registry.set_alias(name, alias, version)

    def delete_version(self, name: str, version: int) -> None:
        self.registry.delete_version(name, version)


@dataclass
class MlflowBench:
    registry: Registry
    builder: RegistryBuilder
    folder: Path | None = None

    def model(self) -> str:
        name = self.builder.model(self.builder.unique("credit"))
        self.version(name, {"MLmodel": b""})
        return name

    def version(self, name: str, files: Mapping[str, bytes]) -> int:
        return self.builder.version(name, run=self.builder.run(artifact_location=self.folder), files=files)

    def trained_version(self, name: str) -> int:
        run = self.builder.run(
            user="dana",
            metrics={"auc": 0.83, "loss": float("nan")},
            params={"c": "1"},
            commit=COMMIT,
            data_sets=[data_set("credit", "5ec1", source='{"uri": "s3://key:secret@data/x?token=secret"}')],
            artifact_location=self.folder,
        )
        return self.builder.version(name, run=run)

    def alias(self, name: str, alias: str, version: int) -> None:
        self.builder.alias(name, alias, version)

    def delete_version(self, name: str, version: int) -> None:
        self.builder.call("DELETE", "model-versions/delete", {"name": name, "version": str(version)})


# the server is asked for by name only where it is wanted, so its group is said here
SERVED = pytest.mark.xdist_group("mlflow_server")


@pytest.fixture(params=["memory", pytest.param("http", marks=SERVED), pytest.param("sqlite", marks=SERVED)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "memory":
        yield FakeBench(registry=InMemoryRegistry(FixedClock()))
        return
    builder: RegistryBuilder = request.getfixturevalue("builder")
    uri = builder.server.uri if request.param == "http" else f"sqlite:///{builder.server.database}"
    registry = open_registry(uri, env={}, clock=FixedClock())
    yield MlflowBench(
        registry=registry, builder=builder, folder=None if request.param == "http" else tmp_path / "artifacts"
    )


def actual(bench: Bench, name: str) -> ActualModel:
    found = bench.registry.model(name)
    assert found is not None
    return found


def test_model_that_does_not_exist_is_none(bench: Bench):
    assert bench.registry.model("no-such-model") is None


def test_version_facts_of_nothing_is_none(bench: Bench):
    name = bench.model()
    assert bench.registry.version_facts(name, 99) is None
    assert bench.registry.version_facts("no-such-model", 1) is None


def test_model_shows_all_versions_and_the_whole_alias_map(bench: Bench):
    name = bench.model()
    second = bench.version(name, FILES)
    bench.alias(name, "champion", 1)
    bench.alias(name, "Champion", second)
    found = actual(bench, name)
    assert found.name == name
    assert dict(found.aliases) == {"champion": 1, "Champion": 2}
    assert {number: (one.version, one.stage, one.status) for number, one in found.versions.items()} == {
        1: (1, "None", "READY"),
        2: (2, "None", "READY"),
    }


def test_snapshot_agrees_with_model(bench: Bench):
    name, other = bench.model(), bench.model()
    bench.alias(name, "champion", 1)
    state = bench.registry.snapshot()
    assert state.observed_at == NOW
    assert state.models[name] == actual(bench, name)
    assert state.models[other] == actual(bench, other)


def test_snapshot_shows_two_versions_in_one_stage(bench: Bench):
    name = bench.model()
    bench.version(name, FILES)
    for version in ("1", "2"):
        bench.registry.apply(Action(kind="stage", model=name, target=version, before="None", after="Production"))
    found = bench.registry.snapshot().models[name]
    assert [one.stage for one in found.versions.values()] == ["Production", "Production"]


@pytest.mark.parametrize("after", ["1", "2"])
def test_apply_alias_moves_it(bench: Bench, after: str):
    name = bench.model()
    bench.version(name, FILES)
    bench.alias(name, "champion", 1)
    bench.registry.apply(Action(kind="alias", model=name, target="champion", before="1", after=after))
    assert dict(actual(bench, name).aliases) == {"champion": int(after)}


def test_apply_alias_none_removes_it_and_may_be_repeated(bench: Bench):
    name = bench.model()
    bench.alias(name, "champion", 1)
    bench.alias(name, "challenger", 1)
    gone = Action(kind="alias", model=name, target="champion", before="1", after=None)
    bench.registry.apply(gone)
    bench.registry.apply(gone)
    assert dict(actual(bench, name).aliases) == {"challenger": 1}


def test_apply_stage_archives_nobody_else(bench: Bench):
    name = bench.model()
    bench.version(name, FILES)
    for target, after in (("1", "Production"), ("2", "Production"), ("1", "Archived"), ("2", "None")):
        bench.registry.apply(Action(kind="stage", model=name, target=target, before=None, after=after))
    assert {number: one.stage for number, one in actual(bench, name).versions.items()} == {1: "Archived", 2: "None"}


def test_apply_tag_sets_and_removes_the_ledger_index(bench: Bench):
    name = bench.model()
    target = "1/stagewright.ledger-index"
    bench.registry.apply(Action(kind="tag", model=name, target=target, before=None, after="117"))
    assert actual(bench, name).versions[1].ledger_index == "117"
    bench.registry.apply(Action(kind="tag", model=name, target=target, before="117", after=None))
    assert actual(bench, name).versions[1].ledger_index is None


@pytest.mark.parametrize("value", ["x" * 5_000, "12a", "-1", "\u0661", "1" * 17, "7\n"])
def test_tag_that_is_no_index_is_not_taken_for_ours(bench: Bench, value: str):
    name = bench.model()
    target = "1/stagewright.ledger-index"
    bench.registry.apply(Action(kind="tag", model=name, target=target, before=None, after=value))
    assert actual(bench, name).versions[1].ledger_index is None
    bench.registry.apply(Action(kind="tag", model=name, target=target, before=None, after="117"))
    assert actual(bench, name).versions[1].ledger_index == "117"


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(Action(kind="alias", model="{}", target="champion", before=None, after="9"), id="no such version"),
        pytest.param(Action(kind="alias", model="none-such", target="a", before=None, after="1"), id="no such model"),
        pytest.param(
            Action(kind="alias", model="none-such", target="a", before="1", after=None), id="delete, no model"
        ),
        pytest.param(Action(kind="stage", model="{}", target="9", before="None", after="Staging"), id="stage"),
        pytest.param(Action(kind="tag", model="{}", target="9/key", before=None, after="x"), id="set tag"),
        pytest.param(Action(kind="tag", model="{}", target="9/key", before="x", after=None), id="delete tag"),
    ],
)
def test_apply_to_what_is_not_there_is_not_found(bench: Bench, action: Action):
    name = bench.model()
    before = actual(bench, name)
    action = Action(
        kind=action.kind,
        model=action.model.format(name),
        target=action.target,
        before=action.before,
        after=action.after,
    )
    with pytest.raises(NotFoundError):
        bench.registry.apply(action)
    assert actual(bench, name) == before


@pytest.mark.parametrize(
    ("kind", "target", "after"),
    [
        pytest.param("alias", "v7", "1", id="an alias that looks like a version"),
        pytest.param("alias", "latest", "1", id="a reserved alias"),
        pytest.param("alias", "a.b", "1", id="an alias with a dot"),
        pytest.param("stage", "1", "Shadow", id="a stage that MLflow does not have"),
    ],
)
def test_apply_what_mlflow_refuses_is_invalid(bench: Bench, kind: str, target: str, after: str):
    name = bench.model()
    with pytest.raises(InvalidError):
        bench.registry.apply(Action(kind=kind, model=name, target=target, before=None, after=after))
    assert dict(actual(bench, name).aliases) == {}


def test_version_deleted_takes_its_aliases_along_and_its_number_is_not_given_again(bench: Bench):
    name = bench.model()
    bench.version(name, FILES)
    bench.alias(name, "champion", 2)
    bench.delete_version(name, 2)
    assert bench.version(name, FILES) == 3
    found = actual(bench, name)
    assert (sorted(found.versions), dict(found.aliases)) == ([1, 3], {})
    assert bench.registry.version_facts(name, 2) is None


def test_version_facts_digest_is_of_the_files_and_nothing_else(bench: Bench):
    name = bench.model()
    first, second = bench.version(name, FILES), bench.version(name, FILES)
    changed = bench.version(name, {**FILES, "data/empty": b"!"})
    facts = [bench.registry.version_facts(name, version) for version in (first, second, changed)]
    lines = "".join(
        f"{hashlib.sha256(FILES[path]).hexdigest()}  ./{path}\n" for path in sorted(FILES, key=lambda p: p.encode())
    )
    expected = "sha256:" + hashlib.sha256(lines.encode()).hexdigest()
    assert [one.digest for one in facts if one is not None][:2] == [expected, expected]
    assert facts[2] is not None
    assert facts[2].digest not in {None, expected}
    assert [one.flaw for one in facts if one is not None] == [None, None, None]


@pytest.mark.parametrize(
    ("files", "flaw"),
    [
        pytest.param({}, "there ", id="an empty tree"),
        pytest.param({"a\nb": b""}, "control character", id="line feed"),
        pytest.param({"a\rb": b""}, "control character", id="carriage return"),
        pytest.param({"d/\x7f": b""}, "control character", id="delete"),
        pytest.param({"a\\b": b""}, "backslash", id="backslash"),
    ],
)
def test_version_facts_tree_that_has_no_digest_is_a_flaw(bench: Bench, files: Mapping[str, bytes], flaw: str):
    name = bench.model()
    facts = bench.registry.version_facts(name, bench.version(name, files))
    assert facts is not None
    assert facts.digest is None
    assert facts.flaw is not None
    assert flaw in facts.flaw
    assert facts.evidence is not None


def test_version_facts_tell_who_trained_it_with_what(bench: Bench):
    name = bench.model()
    facts = bench.registry.version_facts(name, bench.trained_version(name))
    assert facts is not None
    assert (facts.status, facts.trainer, facts.source_commit) == ("READY", "dana", COMMIT)
    assert facts.metrics["auc"] == 0.83
    assert str(facts.metrics["loss"]) == "nan"
    assert facts.data_sets == (
        DataSet(name="credit", digest="5ec1", digest_kind=FINGERPRINT, context="training", source="s3://data/x"),
    )
    assert facts.evidence_document is not None
    assert '"metrics":[{"name":"auc","step":0,"value":0.83},{"name":"loss","step":0,"value":"NaN"}]' in (
        facts.evidence_document
    )
    assert facts.evidence == "sha256:" + hashlib.sha256(facts.evidence_document.encode()).hexdigest()
    assert "secret" not in repr(facts)


def test_version_facts_twice_are_the_same(bench: Bench):
    name = bench.model()
    version = bench.trained_version(name)
    one, other = (bench.registry.version_facts(name, version) for _ in range(2))
    assert repr(one) == repr(other)
