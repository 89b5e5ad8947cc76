"""The signature in an MLmodel file: what the model takes and gives, as the evidence quotes it.

signature:
  inputs: '[{"type": "double", "name": "income", "required": true}]'
  outputs: '[{"type": "long", "required": true}]'
  params: null
"""

import json
from typing import Any

import rfc8785
import yaml

from stagewright.model.codec import Json

FIELDS = ("inputs", "outputs", "params")


def signature_of(model_file: bytes | None) -> Json:
    """The three schemas as JSON; None where there is no signature, or none that can be read.

    The artifact digest covers the file's bytes, whatever they mean; this is for those who read the evidence.
    """
    if model_file is None:
        return None
    try:
        document: Any = yaml.load(model_file, Loader=yaml.CSafeLoader)
        signature = document["signature"]
        # a schema is text in that file; anything else could be built from YAML aliases to any size
        schemas = {name: _schema(signature.get(name)) for name in FIELDS}
        rfc8785.dumps(schemas)
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return schemas


def _schema(text: object) -> Json:
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError("a schema is text")
    schema: Json = json.loads(text)
    return schema
