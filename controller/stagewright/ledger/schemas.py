"""The JSON Schemas of the predicates, one per kind of entry, for other people's validators."""

from typing import Any

from stagewright.ledger.predicates import KINDS
from stagewright.ledger.statement import predicate_type

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """Kind of entry to the JSON Schema (2020-12) of its predicate; `$id` is the predicate type."""
    return {
        name: {
            "$schema": _DIALECT,
            "$id": predicate_type(name),
            **_untitled(kind.model_json_schema(mode="serialization")),
        }
        for name, kind in KINDS.items()
    }


def _untitled(schema: Any) -> Any:
    """Without the titles that pydantic makes up from field names."""
    match schema:
        case dict():
            return {
                key: _untitled(value) for key, value in schema.items() if key != "title" or not isinstance(value, str)
            }
        case list():
            return [_untitled(item) for item in schema]
        case _:
            return schema
