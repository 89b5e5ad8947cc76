"""The sync against a real MLflow server: the same story, its cost in requests, and a reply that is lost for real."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stagewright.adapters.mlflow import open_registry
from stagewright.ledger import predicates as entry
from stagewright.ports import Registry
from tests.bank import Bank, HandClock, answers
from tests.loopback import Answer, LoopbackProxy
from tests.mlflow_server import RegistryBuilder


@pytest.fixture
def proxy(builder: RegistryBuilder) -> Iterator[LoopbackProxy]:
    with LoopbackProxy(builder.server.uri) as running:
        yield running


class Story:
    """A bank with one model and two versions in the server, and a registry that is reached through the proxy."""

    def __init__(self, root: Path, builder: RegistryBuilder, proxy: LoopbackProxy) -> None:
        self.builder = builder
        self.name = builder.model(builder.unique("credit"))
        for number in range(2):
            builder.version(self.name, run=builder.run(metrics={"auc": 0.8}), files={"MLmodel": b"%d\n" % number})
        registry = open_registry(proxy.uri, env={}, clock=HandClock())
        self.registry: Registry = registry
        self.bank = Bank(
            root,
            registry=registry,
            prepare=lambda bank: {f"models/{self.name}.yaml": bank.text(self.name, {}, card="cards/credit-risk.md")},
        )

    def entry(self, version: int) -> dict[str, Any]:
        facts = self.registry.version_facts(self.name, version)
        assert facts is not None
        pins = {"runId": facts.run_id, "digest": facts.digest, "evidence": facts.evidence}
        return {"version": version, **pins, "trainer": {"declared": "@dana"}}

    def promote(self, stages: dict[str, int], *approvers: str) -> None:
        held = {stage: self.entry(version) for stage, version in stages.items()}
        self.bank.promote(self.name, held, *approvers, card="cards/credit-risk.md")

    def shown(self) -> tuple[dict[str, int], dict[int, str]]:
        model = self.registry.model(self.name)
        assert model is not None
        return dict(model.aliases), {number: version.stage for number, version in model.versions.items()}


def test_story_on_a_real_server_and_an_idle_sync_of_two_requests(
    tmp_path: Path, builder: RegistryBuilder, proxy: LoopbackProxy
):
    story = Story(tmp_path, builder, proxy)
    bank = story.bank
    bank.sync()
    story.promote({"Staging": 1}, "noor")
    assert answers(bank.sync()) == {f"{story.name}/Staging": "approved"}
    story.promote({"Staging": 1, "Production": 1}, "noor", "mo")
    assert answers(bank.sync()) == {f"{story.name}/Production": "approved"}
    assert story.shown() == ({"challenger": 1, "champion": 1}, {1: "Production", 2: "None"})

    bank.restart()
    size = bank.ledger().size
    proxy.requests.clear()
    assert bank.sync().ledger_size == size
    assert [path.rpartition("/2.0/mlflow/")[2] for _, path in proxy.requests] == [
        "registered-models/search",
        "model-versions/search",
    ]

    builder.alias(story.name, "champion", 2)
    assert [(a.pair.drift, a.result) for a in bank.sync().applied] == [(True, "applied")]
    assert story.shown()[0] == {"challenger": 1, "champion": 1}
    bank.verified()


@pytest.mark.parametrize("happened", [False, True], ids=["write lost", "reply lost"])
def test_write_that_the_line_loses_has_one_outcome_and_is_put_right(
    tmp_path: Path, builder: RegistryBuilder, proxy: LoopbackProxy, happened: bool
):
    story = Story(tmp_path, builder, proxy)
    bank = story.bank
    bank.sync()
    story.promote({"Staging": 2}, "noor")
    apply = story.registry.apply

    class Losing:
        """The registry, whose next write meets a broken line."""

        snapshot, model, version_facts = story.registry.snapshot, story.registry.model, story.registry.version_facts

        def apply(self, action: Any) -> None:
            proxy.answers.append(Answer(status=502, forward=happened, cut=True))
            bank.registry = story.registry
            apply(action)

    bank.registry = Losing()
    bank.restart()
    first = bank.sync()
    bank.restart()
    bank.sync()
    assert story.shown()[0] == {"challenger": 2}
    outcomes = [outcome.result for outcome in bank.entries(entry.Outcome)]
    assert ([a.result for a in first.applied][:1], outcomes[-1]) == (["failed"], "applied")
    assert len(outcomes) == len(bank.entries(entry.Intent))
    bank.verified()
