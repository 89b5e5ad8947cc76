"""JSON Schemas of the documents, for editors and CI. They are made from the shapes, so they cannot drift from them.

A schema knows the form only: what keys mean to each other, and what YAML itself must not hold, the parser checks.
"""

from typing import Any

from stagewright.schema.model_shape import ModelShape
from stagewright.schema.policy_shape import PolicyShape
from stagewright.schema.registry_sync import RegistrySyncShape
from stagewright.schema.shape import Shape

DIALECT = "https://json-schema.org/draft/2020-12/schema"
BASE = "https://stagewright.dev/schemas/v1alpha1"


def documents() -> dict[str, dict[str, Any]]:
    """The JSON Schema of each kind of document, by the name of its file."""
    kinds: dict[str, type[Shape]] = {
        "Model": ModelShape,
        "PromotionPolicy": PolicyShape,
        "RegistrySync": RegistrySyncShape,
    }
    return {f"{kind.lower()}.schema.json": _schema(kind, shape) for kind, shape in kinds.items()}


def _schema(kind: str, shape: type[Shape]) -> dict[str, Any]:
    schema = _without_null(shape.model_json_schema(by_alias=True))
    return {"$schema": DIALECT, "$id": f"{BASE}/{kind.lower()}.schema.json", **schema, "title": kind}


def _without_null(node: Any) -> Any:
    """The schema without what only Python has: None where a key is absent, and titles made of Python's names."""
    if isinstance(node, list):
        return [_without_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _without_null(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    if kept.get("default", 0) is None:
        del kept["default"]
    if "patternProperties" in kept:
        kept["additionalProperties"] = False
    options = kept.get("anyOf")
    if options is not None and {"type": "null"} in options:
        rest = [option for option in options if option != {"type": "null"}]
        del kept["anyOf"]
        return {**rest[0], **kept} if len(rest) == 1 else {"anyOf": rest, **kept}
    return kept
