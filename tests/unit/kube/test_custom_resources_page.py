"""docs/custom-resources.md tells of every field, condition and reason that there is, and of no other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stagewright.kube.conditions import ConditionType, Reason
from stagewright.schema.crd import definitions
from stagewright.schema.custom_resource import parse_custom_resource
from tests.unit.kube.attempts import ATTEMPTS
from tests.unit.kube.test_status import EXPECTED
from tests.unit.schema.objects import PLACES

PAGE = (Path(__file__).parents[3] / "docs" / "custom-resources.md").read_text("utf-8")


def section(title: str) -> str:
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def rows(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("| ")]
    return [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def paths(schema: dict[str, Any], path: str) -> Iterator[str]:
    """Every field; of a reference not what it is made of."""
    for name, inner in schema["properties"].items():
        items = inner.get("items", inner)
        here = f"{path}.{name}" + ("[]" if items is not inner and "properties" in items else "")
        if name.endswith(("Ref", "Refs")):
            yield f"{path}.{name}"
            continue
        yield here
        if "properties" in items:
            yield from paths(items, here)


@pytest.mark.parametrize(
    ("title", "file", "parts"),
    [
        ("The spec of a RegistrySync", "registrysyncs", ("spec",)),
        ("The status of a RegistrySync", "registrysyncs", ("status",)),
        ("Promotion", "promotions", ("spec", "status")),
    ],
)
def test_page_lists_every_field_in_order(title: str, file: str, parts: tuple[str, ...]):
    (version,) = definitions()[f"stagewright.dev_{file}.yaml"]["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]

    assert [row[0] for row in rows(title)] == [path for part in parts for path in paths(schema[part], part)]


def test_page_lists_every_condition_in_order():
    assert [row[0] for row in rows("Conditions")] == [str(kind) for kind in ConditionType]
    assert all(all(cell for cell in row) and len(row) == 4 for row in rows("Conditions"))


def test_page_lists_every_reason_in_order_with_its_conditions():
    told = {row[0]: set(row[1].split(", ")) for row in rows("Reasons")}
    assert list(told) == [str(reason) for reason in Reason]
    seen: dict[str, set[str]] = {}
    for conditions in EXPECTED.values():
        for kind, condition in conditions.items():
            seen.setdefault(condition.split(" ")[1], set()).add(kind)
    assert set(EXPECTED) == set(ATTEMPTS)
    # `Unreachable` is of whatever was asked, the repository's refusals are like MLflow's
    assert {reason: kinds - told[reason] for reason, kinds in seen.items() if kinds - told[reason]} == {}
    assert set(told) == set(seen)


def test_example_of_the_page_is_an_object_that_is_taken():
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    value = yaml.safe_load(example)
    value["metadata"]["uid"] = "4b0e0f2e"

    assert parse_custom_resource(value, places=PLACES).sync.name == "bank"
