"""CycloneDX's own schema of a bill of materials, as the project publishes it with its Python library."""

import functools
import json
from importlib.resources import files
from typing import Any

from jsonschema import Draft7Validator
from referencing import Registry, Resource

BASE = "http://cyclonedx.org/schema"


@functools.cache
def validator() -> Draft7Validator:
    """Of version 1.6, with the schemas that it refers to."""
    published = files("cyclonedx.schema") / "_res"

    def read(name: str) -> Any:
        return json.loads((published / f"{name}.SNAPSHOT.schema.json").read_text())

    parts = [
        (f"{BASE}/{name}.SNAPSHOT.schema.json", Resource.from_contents(read(name)))
        for name in ("spdx", "jsf-0.82", "cryptography-defs")
    ]
    return Draft7Validator(read("bom-1.6"), registry=Registry().with_resources(parts))


def flaws(bill: dict[str, Any]) -> list[str]:
    """What the schema says against a bill: `place: reason`, in order; nothing when it fits."""
    return sorted(f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator().iter_errors(bill))
