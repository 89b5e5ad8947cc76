"""Values as JSON and YAML documents: any dataclass, field by field, in camelCase.

    {"apiVersion": "stagewright.dev/v1alpha1", "kind": "Status", "name": "bank", "rows": [{"key": "fraud/Staging", …}]}

Both forms are plain ASCII: whatever else a text holds is escaped, so that printing it to a terminal is harmless.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from pydantic import BaseModel

from stagewright.model.keys import GovernanceKey, SpecKey, StageKey

if TYPE_CHECKING:
    from stagewright.model.codec import Json

API_VERSION = "stagewright.dev/v1alpha1"


def to_json(value: object) -> "Json":
    """The JSON form of a value: dataclasses and mappings as objects, keys as their text, times as RFC 3339 in UTC."""
    match value:
        case GovernanceKey() | SpecKey() | StageKey():
            return str(value)
        case Enum():
            return to_json(value.value)
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
        case timedelta():
            return value.total_seconds()
        case BaseModel():
            return to_json(value.model_dump(mode="json"))
        case Mapping():
            return {str(key): to_json(item) for key, item in value.items()}
        case Sequence() | frozenset():
            return [to_json(item) for item in (sorted(value) if isinstance(value, frozenset) else value)]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {_camel(field.name): to_json(getattr(value, field.name)) for field in fields(value)}
        case _:
            raise TypeError(f"no JSON form for {type(value).__name__}")


def document(kind: str, value: object) -> dict[str, "Json"]:
    """A value as a document of its kind; a sequence becomes its `items`."""
    body = to_json(value)
    if not isinstance(body, dict):
        body = {"items": body}
    return {"apiVersion": API_VERSION, "kind": kind, **body}


def json_text(body: Mapping[str, "Json"]) -> str:
    """A document as indented JSON, with its last line feed."""
    return json.dumps(body, indent=2) + "\n"


def yaml_text(body: Mapping[str, "Json"]) -> str:
    """The same document as YAML."""
    import yaml

    return str(yaml.safe_dump(json.loads(json.dumps(body)), sort_keys=False, width=120))


def _camel(name: str) -> str:
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)
