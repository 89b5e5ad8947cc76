"""GitHub's published OpenAPI, held against every request and answer of the double where `fetch-schemas` has brought it.

Thirteen megabytes of JSON are read once per operation and machine: what an operation needs is kept beside them.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match

VERSION = "23.0.2"
GITHUB = f"api.github.com-{VERSION}.json"
GHES = f"ghes-3.19-{VERSION}.json"
WEBHOOKS = "webhooks-12.1.0.json"
GRAPHQL = "schema-15.26.1.graphql"
# answers that GitHub may give to anything, whether or not the operation lists them
EVERYWHERE = {301, 304, 307, 400, 401, 403, 404, 422, 429}
# published with a user *and* an enterprise as the account, where every other operation has a user *or* an enterprise
BOTH_FOR_EITHER = {"/app/installations"}
REDUCED = "reduced-2"
REFERENCE = "#/components/schemas/"
FORMATS = FormatChecker(formats=())
KEYWORDS = {
    "$ref", "type", "properties", "required", "items", "enum", "format", "allOf", "anyOf", "oneOf", "not",
    "additionalProperties", "minItems", "maxItems", "uniqueItems", "minLength", "maxLength", "pattern", "minimum",
    "maximum", "minProperties", "maxProperties",
}  # fmt: skip

Json = Any


@FORMATS.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    # the schemas' own default for an address that is not there is an empty string
    return not isinstance(value, str) or re.match(r"$|[a-z][a-z0-9+.-]*:\S+$", value) is not None


def folder() -> Path:
    """Where `fetch-schemas` puts them: outside of every checkout."""
    named = os.environ.get("STAGEWRIGHT_CACHE")
    return (Path(named) if named else Path.home() / ".cache" / "stagewright") / "github-schemas"


def available() -> bool:
    """Whether the schemas are on this machine."""
    return all((folder() / name).exists() for name in (GITHUB, GHES, WEBHOOKS, GRAPHQL))


def wanted() -> bool:
    """Whether everything is to be held against the schemas: where they are, or where they have to be."""
    if os.environ.get("STAGEWRIGHT_SCHEMAS") == "required":
        assert available(), f"GitHub's schemas are not in {folder()}: run tests/doubles/github/fetch-schemas"
    return available()


def component(name: str, value: Json) -> list[str]:
    """What is wrong with a value that has to be one of the schemas that github.com's document names."""
    kept = _component(name)
    return _errors(_holder(kept, kept["self"]), value, name)


class Checker:
    """Holds requests and answers against one document. Every method returns what is wrong, empty when nothing is."""

    def __init__(self, document: str) -> None:
        self.document = document

    def request(self, method: str, template: str, query: Mapping[str, str], body: Json) -> list[str]:
        """What is wrong with a request that was granted."""
        operation = _operation(self.document, method.lower(), template)
        if operation is None:
            return [f"{method} {template} is not in {self.document}"]
        found = []
        known = {one["name"]: one["schema"] for one in operation["parameters"] if one["in"] == "query"}
        for name, text in query.items():
            if name not in known:
                found.append(f"query parameter {name} is unknown")
            else:
                found += _errors(_holder(operation, known[name]), _coerced(known[name], text), f"query {name}")
        schema = operation["body"]
        if body is not None and schema is None:
            found.append("there is a body where none is known")
        elif schema is not None and (body is not None or operation["body_required"]):
            found += _errors(_holder(operation, schema), body, "body")
            if isinstance(body, dict) and "properties" in schema:
                found += [f"body: {name} is unknown" for name in body if name not in schema["properties"]]
        return [f"{method} {template}: {what}" for what in found]

    def answer(self, method: str, template: str, status: int, body: Json) -> list[str]:
        """What is wrong with an answer of the double."""
        operation = _operation(self.document, method.lower(), template)
        if operation is None:
            return [f"{method} {template} is not in {self.document}"]
        responses = operation["responses"]
        if str(status) not in responses:
            return [] if status in EVERYWHERE else [f"{method} {template}: {status} is not among its answers"]
        schema = responses[str(status)]
        if schema is None:
            return [] if body is None or status >= 300 else [f"{method} {template}: {status} has a body"]
        if body is None:
            return [f"{method} {template}: {status} has no body"]
        return [f"{method} {template}: {w}" for w in _errors(_holder(operation, schema), body, f"answer {status}")]


def delivery(event: str, action: str | None, payload: Json) -> list[str]:
    """What is wrong with the payload of a webhook."""
    name = "-".join(part.replace("_", "-") for part in (event, action) if part)
    operation = _operation(WEBHOOKS, "post", name)
    if operation is None:
        return [f"webhook {name} is unknown"]
    return _errors(_holder(operation, operation["body"]), payload, f"webhook {name}")


def _errors(validator: Draft202012Validator, value: Json, where: str) -> list[str]:
    found = []
    for error in validator.iter_errors(value):
        # of alternatives that all fail, the one that goes furthest says what was meant
        deepest = best_match([error]) or error
        place = "/".join(str(step) for step in deepest.absolute_path)
        found.append(f"{where}: {place}: {deepest.message[:300]}")
    return found


def _coerced(schema: Json, text: str) -> Json:
    kind = schema.get("type")
    if kind == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    return {"true": True, "false": False}.get(text, text) if kind == "boolean" else text


# by the identity of schemas that the caches below keep alive
_VALIDATORS: dict[int, Draft202012Validator] = {}


def _holder(operation: Json, schema: Json) -> Draft202012Validator:
    """A validator that knows the schemas that the operation refers to; made once."""
    made = _VALIDATORS.get(id(schema))
    if made is None:
        whole = {**schema, "components": {"schemas": operation["schemas"]}}
        made = _VALIDATORS[id(schema)] = Draft202012Validator(whole, format_checker=FORMATS)
    return made


@cache
def _operation(document: str, method: str, template: str) -> Json | None:
    """One operation with all that it refers to, as JSON Schema; from the file beside the document, or made now."""
    name = hashlib.sha256(f"{method} {template}".encode()).hexdigest()[:32]
    kept = folder() / REDUCED / document.removesuffix(".json") / f"{name}.json"
    if kept.exists():
        return json.loads(kept.read_bytes())
    made = _reduce(document, method, template)
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(made))
    part.replace(kept)
    return made


@cache
def _component(name: str) -> Json:
    return _closure(_document(GITHUB), {"self": {"$ref": REFERENCE + name}})


@cache
def _document(name: str) -> Json:
    return json.loads((folder() / name).read_bytes())


def _reduce(document: str, method: str, template: str) -> Json | None:
    whole = _document(document)
    paths = whole["webhooks"] if document == WEBHOOKS else whole["paths"]
    operation = paths.get(template, {}).get(method)
    if operation is None:
        return None
    if template in BOTH_FOR_EITHER:
        operation = json.loads(json.dumps(operation).replace('"allOf"', '"anyOf"'))
    body = operation.get("requestBody", {})
    content = body.get("content", {}).get("application/json", {}).get("schema")
    responses = {}
    for status, found in operation["responses"].items():
        kinds = _resolved(whole, found).get("content", {})
        schema = kinds.get("application/json", {}).get("schema")
        responses[status] = None if schema is None else _converted(schema)
    made = {
        "parameters": [
            {"name": one["name"], "in": one["in"], "schema": _converted(one["schema"])}
            for one in (_resolved(whole, given) for given in operation.get("parameters", ()))
        ],
        "body": None if content is None else _converted(content),
        "body_required": body.get("required", False),
        "responses": responses,
    }
    return _closure(whole, made)


def _closure(whole: Json, made: Json) -> Json:
    """What was made, with every schema that it refers to."""
    schemas: dict[str, Json] = {}
    waiting = set(_references(made))
    while waiting:
        name = waiting.pop()
        schemas[name] = _converted(whole["components"]["schemas"][name])
        waiting |= set(_references(schemas[name])) - schemas.keys()
    return made | {"schemas": schemas}


def _resolved(whole: Json, value: Json) -> Json:
    while "$ref" in value:
        found = whole
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        value = found
    return value


def _references(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(target := value.get("$ref"), str):
            yield target.removeprefix(REFERENCE)
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _converted(schema: Json) -> Json:
    """OpenAPI 3.0's `nullable` as JSON Schema has it; examples and prose left out."""
    if isinstance(schema, list):
        return [_converted(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        key: {name: _converted(inner) for name, inner in value.items()} if key == "properties" else _converted(value)
        for key, value in schema.items()
        if key in KEYWORDS
    }
    return {"anyOf": [{"type": "null"}, made]} if schema.get("nullable") is True else made
