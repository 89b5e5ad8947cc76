"""The CustomResourceDefinitions: structural, bounded, described, and of the same keys as the parsers read."""

from collections.abc import Iterator
from typing import Any

import pytest

from stagewright.schema.crd import definitions
from stagewright.schema.crd_rules import OBJECT_RULES, RULES
from stagewright.schema.custom_resource import parse_custom_resource
from tests.unit.schema.objects import GIVEN, PLACES, changed

CRDS = definitions()
# what apiextensions.k8s.io/v1 takes in a structural schema, and we use
KNOWN = {
    "type", "description", "properties", "required", "items", "enum", "pattern", "format", "minimum", "maximum",
    "minLength", "maxLength", "minItems", "maxItems", "default", "x-kubernetes-validations", "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
}  # fmt: skip


def root(name: str) -> dict[str, Any]:
    (version,) = CRDS[name]["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, property_ in schema.get("properties", {}).items():
        yield from nodes(property_, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")


@pytest.mark.parametrize("name", CRDS)
def test_definition_is_structural_bounded_and_described(name: str):
    for path, node in nodes(root(name)):
        assert set(node) <= KNOWN, path
        assert node["type"] in {"object", "array", "string", "integer", "boolean"}, path
        if node["type"] == "string" and path not in {".apiVersion", ".kind"}:
            assert "enum" in node or node["maxLength"] > 0, path
        if node["type"] == "array":
            assert node["maxItems"] > 0, path
        if path != ".metadata" and not path.endswith("[]"):
            assert len(node["description"]) > 8, path
            assert node["description"].endswith("."), path


@pytest.mark.parametrize("name", CRDS)
def test_definition_has_a_status_of_its_own_and_the_category(name: str):
    spec = CRDS[name]["spec"]
    assert spec["versions"][0]["subresources"] == {"status": {}}
    assert spec["names"]["categories"] == ["stagewright"]
    assert CRDS[name]["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"


def test_definition_of_conditions_is_a_map_by_type():
    conditions = dict(nodes(root("stagewright.dev_registrysyncs.yaml")))[".status.conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]


def test_definition_holds_every_rule_there_is():
    found = [
        rule["message"]
        for name in CRDS
        for _, node in nodes(root(name))
        for rule in node.get("x-kubernetes-validations", ())
    ]
    wanted = [rule["message"] for rules in (*OBJECT_RULES.values(), *RULES.values()) for rule in rules]
    assert set(wanted) == set(found)


def test_definition_fills_in_what_the_parser_fills_in():
    def filled(schema: dict[str, Any], value: Any) -> Any:
        if isinstance(value, dict):
            given = {
                key: property_["default"]
                for key, property_ in schema.get("properties", {}).items()
                if "default" in property_ and key not in value
            } | value
            return {key: filled(schema["properties"][key], inner) for key, inner in given.items()}
        return [filled(schema["items"], item) for item in value] if isinstance(value, list) else value

    hook = {"type": "slack", "urlSecretRef": {"name": "hook", "key": "url"}}
    given = changed({"spec.notifications": [hook]})
    spec = filled(root("stagewright.dev_registrysyncs.yaml")["properties"]["spec"], given["spec"])

    assert spec["ledger"]["logKeySecretRef"] == {"name": "stagewright-ledger-keys", "key": "log.pem"}
    assert spec["interval"] == "60s"
    assert spec["notifications"][0]["filter"]["kinds"] == ["verdict", "pending", "drift", "alarm", "applied"]
    assert parse_custom_resource({**given, "spec": spec}, places=PLACES) == parse_custom_resource(given, places=PLACES)
    assert "interval" not in GIVEN["spec"]
