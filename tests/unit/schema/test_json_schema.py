"""The generated JSON Schemas: they accept what the parsers accept, and are kept as files that match the code."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from stagewright.cli.generate import generated, main
from stagewright.schema.json_schema import documents

ROOT = Path(__file__).parents[3]
TABLES = ROOT / "tests" / "vectors" / "documents"
KINDS = {"model": "model", "policy": "promotionpolicy", "registrysync": "registrysync"}
# what a schema cannot know: YAML's own traps, and what keys mean to each other
BEYOND_FORM = {
    "model": {
        "another name than the file's", "stages that differ by case", "a version with a fraction",
        "a version in hexadecimal",
    },
    "policy": {
        "only ungoverned stages", "stages that differ by case", "an ungoverned stage with an alias",
        "a stage that shows nowhere", "an alias of two stages", "an alias of two stages, by case",
        "the default alias of another stage", "an alias twice", "the alias latest", "an alias like a version",
        "an MLflow stage of two stages", "two rules of one name", "a rule that matches nothing",
        "a rule for an unknown stage", "a rule for an ungoverned stage", "tiers without stages", "a stage twice",
        "an approver twice", "after an unknown stage", "after an ungoverned stage", "after the stage itself",
        "after without stages", "a person of whom nothing is said", "an e-mail address of two people",
        "an account of two people", "an account that is another person", "a shared MLflow user",
        "an MLflow user of two people", "logins that differ by case", "groups that differ by case", "a member twice",
    },
    "registrysync": {
        "a password in the source", "a password in the registry", "an interval of zero", "suspend in words",
        "a forge without an address", "a forge without a repository", "git with an account",
        "an app of another forge", "an app and a token", "a ledger in two places", "a ledger nowhere",
        "two ways into MLflow",
    },
}  # fmt: skip


def table(kind: str) -> Any:
    return yaml.safe_load((TABLES / f"{kind}.yaml").read_text("utf-8"))


def validator(kind: str) -> jsonschema.Draft202012Validator:
    schema = documents()[f"{KINDS[kind]}.schema.json"]
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def readable(text: str) -> Any:
    """The document as another tool reads it; None where YAML itself refuses it."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


@pytest.mark.parametrize("kind", KINDS)
def test_schema_accepts_the_base_document(kind: str):
    assert list(validator(kind).iter_errors(yaml.safe_load(table(kind)["base"]))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_schema_refuses_every_hostile_form(kind: str):
    base, checker = table(kind)["base"], validator(kind)
    accepted = {
        row["name"]
        for row in table(kind)["rows"]
        if (document := readable(base.replace(row["change"], row["to"], 1))) is not None and checker.is_valid(document)
    }
    assert accepted <= BEYOND_FORM[kind]


def test_schema_of_every_reserved_key_refuses_it():
    checker = validator("policy")
    document = yaml.safe_load(table("policy")["base"])
    document["spec"]["rules"][0]["freeze"] = []
    assert [error.json_path for error in checker.iter_errors(document)] == ["$.spec.rules[0].freeze"]


GENERATED = generated()


@pytest.mark.parametrize("name", GENERATED)
def test_generated_file_is_what_the_code_makes(name: str):
    text = (ROOT / "manifests" / name).read_text("utf-8")
    assert text == GENERATED[name]
    if name.endswith(".json"):
        jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_generate_check_of_a_fresh_folder_passes(tmp_path: Path):
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0


@pytest.mark.parametrize("damage", ["edit", "delete", "add"])
def test_generate_check_of_a_stale_folder_fails_and_generate_mends_it(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    main([str(tmp_path)])
    path = tmp_path / ("schemas/other.schema.json" if damage == "add" else "schemas/model.schema.json")
    if damage == "delete":
        path.unlink()
    else:
        path.write_text("{}\n", encoding="utf-8")
    assert main(["--check", str(tmp_path)]) == 1
    assert f"{path} is not what the code makes" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
