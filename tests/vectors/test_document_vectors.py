"""Hostile documents and the errors that their authors read: documents/*.yaml."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stagewright.errors import DocumentError
from stagewright.schema.model_document import parse_model
from stagewright.schema.policy_document import parse_policy
from stagewright.schema.registry_sync import parse_registry_sync
from stagewright.schema.yaml import parse_yaml

FOLDER = Path(__file__).parent / "documents"
Parser = Callable[[bytes], object]
PARSERS: dict[str, Parser] = {
    "model": lambda data: parse_model(data, "models/credit-risk.yaml"),
    "policy": lambda data: parse_policy(data, "stagewright.yaml"),
    "registrysync": lambda data: parse_registry_sync(data, "sync.yaml", folder="/srv"),
}


def table(name: str) -> Any:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8"))


def changes() -> list[Any]:
    return [pytest.param(kind, row, id=f"{kind}: {row['name']}") for kind in PARSERS for row in table(kind)["rows"]]


def problems(parse: Parser, data: bytes) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        parse(data)
    return [f"{one.line}:{one.column}: {one.reason}" for one in (caught.value, *caught.value.also)]


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in table("yaml")])
def test_parse_yaml_of_a_hostile_text_names_every_problem(row: Any):
    data = row["bytes"].encode("latin-1") * row.get("times", 1)
    assert problems(lambda text: parse_yaml(text, "f"), data) == row["problems"]


@pytest.mark.parametrize("kind", PARSERS)
def test_parse_of_the_base_document_succeeds(kind: str):
    assert PARSERS[kind](table(kind)["base"].encode()) is not None


@pytest.mark.parametrize(("kind", "row"), changes())
def test_parse_of_one_bad_change_names_every_problem(kind: str, row: Any):
    base = table(kind)["base"]
    assert row["change"] in base
    assert problems(PARSERS[kind], base.replace(row["change"], row["to"], 1).encode()) == row["problems"]
