"""CustomResourceDefinitions, made from the shapes, so that they cannot drift from what the controller reads.

A structural schema (apiextensions.k8s.io/v1) has no `$ref`, no `additionalProperties: false`, and a type everywhere.
Docstrings and field descriptions are what `kubectl explain` shows. Every text and list is bounded, which bounds what
the rules of `crd_rules` cost, too.
"""

from typing import Any

from stagewright.schema.crd_rules import OBJECT_RULES, RULES
from stagewright.schema.custom_resource_shape import RegistrySyncSpecShape
from stagewright.schema.shape import Shape
from stagewright.schema.status_shape import PromotionSpecShape, PromotionStatusShape, RegistrySyncStatusShape

GROUP = "stagewright.dev"
VERSION = "v1alpha1"
CATEGORY = "stagewright"
MAX_TEXT = 1024
MAX_ITEMS = 200
# lists that the API server merges by a key of their items, rather than as a whole
_MAPS = {"conditions": ["type"]}

Schema = dict[str, Any]
Column = tuple[str, str, str, str]


def definitions() -> dict[str, Schema]:
    """Each CustomResourceDefinition by the name of its file."""
    made = (_registry_sync(), _promotion())
    return {f"{GROUP}_{crd['spec']['names']['plural']}.yaml": crd for crd in made}


def _registry_sync() -> Schema:
    def condition(of: str, what: str) -> str:
        return f'.status.conditions[?(@.type=="{of}")].{what}'

    columns: tuple[Column, ...] = (
        ("Ready", "string", condition("Ready", "status"), "Whether MLflow is as git says"),
        ("Revision", "string", ".status.revision", "Up to where MLflow follows"),
        ("Synced", "integer", ".status.counts.synced", "Pairs of model and stage that are as authorized"),
        ("Pending", "integer", ".status.counts.pending", "Promotions that wait for sign-offs"),
        ("Blocked", "integer", ".status.counts.blocked", "Pairs that cannot be applied"),
        ("Drifted", "integer", ".status.counts.drifted", "Pairs changed by hand"),
        ("Age", "date", ".metadata.creationTimestamp", "Since when it is there"),
    )
    wide: tuple[Column, ...] = (
        ("Reason", "string", condition("Ready", "reason"), "Why it is ready or not"),
        ("Message", "string", condition("Ready", "message"), "Why it is ready or not, and what to do"),
        ("Ledger", "integer", ".status.ledger.size", "How many entries the ledger holds"),
    )
    return _definition(
        kind="RegistrySync",
        plural="registrysyncs",
        short="regsync",
        description="A RegistrySync keeps one MLflow registry in step with one branch of a git repository, by its "
        "policy, and writes a signed ledger of it.",
        spec=RegistrySyncSpecShape,
        status=RegistrySyncStatusShape,
        columns=columns,
        wide=wide,
    )


def _promotion() -> Schema:
    columns: tuple[Column, ...] = (
        ("Model", "string", ".spec.model", "The model"),
        ("Stage", "string", ".spec.stage", "The stage"),
        ("From", "string", ".spec.from", "What was declared before"),
        ("To", "string", ".spec.to", "What is declared since"),
        ("PR", "string", ".spec.pullRequest", "The pull request"),
        ("Verdict", "string", ".status.verdict", "The policy's answer"),
        ("Missing", "string", ".status.summary", "What it still lacks"),
        ("Age", "date", ".status.since", "Since when it waits"),
    )
    wide: tuple[Column, ...] = (
        ("Sync", "string", ".spec.sync", "The RegistrySync"),
        ("Proposer", "string", ".spec.proposer", "Who proposed it"),
        ("Reason", "string", ".status.reason", "The answer in a sentence"),
    )
    return _definition(
        kind="Promotion",
        plural="promotions",
        short="promo",
        description="A Promotion is one change that a pull request brought, with the policy's answer. It is a view of "
        "the ledger, written by the controller alone: to change or delete one changes nothing.",
        spec=PromotionSpecShape,
        status=PromotionStatusShape,
        columns=columns,
        wide=wide,
    )


def _definition(
    *,
    kind: str,
    plural: str,
    short: str,
    description: str,
    spec: type[Shape],
    status: type[Shape],
    columns: tuple[Column, ...],
    wide: tuple[Column, ...],
) -> Schema:
    root: Schema = {
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"The group and version: {GROUP}/{VERSION}."},
            "kind": {"type": "string", "description": f"The kind: {kind}."},
            "metadata": {"type": "object"},
            "spec": structural(spec),
            "status": structural(status),
        },
    }
    if kind in OBJECT_RULES:
        root["x-kubernetes-validations"] = [dict(rule) for rule in OBJECT_RULES[kind]]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [_column(*c) for c in columns] + [_column(*c, wide=True) for c in wide],
                    "schema": {"openAPIV3Schema": root},
                }
            ],
        },
    }


def _column(name: str, kind: str, path: str, description: str, *, wide: bool = False) -> Schema:
    return {
        "name": name,
        "type": kind,
        "jsonPath": path,
        "description": f"{description}.",
        **({"priority": 1} if wide else {}),
    }


def structural(shape: type[Shape]) -> Schema:
    """The structural schema of a shape, with the rules that `crd_rules` has for it and for the shapes in it."""
    schema = shape.model_json_schema(by_alias=True)
    return _node(schema, schema.get("$defs", {}))


def _node(node: Schema, defs: dict[str, Schema]) -> Schema:
    node = _whole(node, defs)
    kind = node["type"]
    made: Schema = {"type": kind}
    for key in ("description", "enum", "pattern", "format", "minimum", "maximum", "minLength", "minItems"):
        if key in node:
            made[key] = node[key]
    if "const" in node:
        made["enum"] = [node["const"]]
    if node.get("default") not in (None, "", [], {}):
        made["default"] = _without_none(node["default"])
    match kind:
        case "string":
            if "enum" not in made:
                made["maxLength"] = node.get("maxLength", MAX_TEXT)
        case "integer":
            made.setdefault("format", "int64")
        case "array":
            made["maxItems"] = node.get("maxItems", MAX_ITEMS)
            made["items"] = _node(node["items"], defs)
        case "object":
            made["properties"] = {
                name: _list_map(name, _node(property_, defs)) for name, property_ in node["properties"].items()
            }
            if node.get("required"):
                made["required"] = list(node["required"])
            if node["title"] in RULES:
                made["x-kubernetes-validations"] = [dict(rule) for rule in RULES[node["title"]]]
        case _:
            assert kind == "boolean", kind
    return made


def _whole(node: Schema, defs: dict[str, Schema]) -> Schema:
    """The node with what it refers to written out, and without the null that stands for an absent key."""
    if "anyOf" in node:
        (option,) = [option for option in node["anyOf"] if option != {"type": "null"}]
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        return _whole({**option, **rest}, defs)
    if "$ref" in node:
        rest = {key: value for key, value in node.items() if key not in {"$ref", "title"}}
        return {**defs[node["$ref"].rpartition("/")[2]], **rest}
    return node


def _list_map(name: str, schema: Schema) -> Schema:
    if schema["type"] == "array" and name in _MAPS:
        return {**schema, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": _MAPS[name]}
    return schema


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
    return value
