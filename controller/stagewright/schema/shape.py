"""From nodes to typed shapes: pydantic says what is wrong, this module says it in words and at its place.

A shape is only the form of a document: which keys, which kinds of value, which spellings. What keys mean to each
other is checked by the conversions (`model_document`, `policy_document`, `registry_sync`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema

from stagewright.errors import InvalidError
from stagewright.schema.nodes import KEY, MAX_PROBLEMS, Document, Fields, Path, plain, raise_problems, shortened

API_VERSION = "stagewright.dev/v1alpha1"


class Shape(BaseModel):
    """The form of one mapping: keys in camelCase, no others, no conversion between kinds of value."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=False,
    )


ShapeT = TypeVar("ShapeT", bound=Shape)
ErrorT_co = TypeVar("ErrorT_co", bound=InvalidError, covariant=True)
# as many problems of an object as fit the message of a condition
_TOLD = 5
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")


def pattern(regex: str, wanted: str, *, max_length: int | None = None, hint: str = "") -> Any:
    """A string that `regex` (anchored, the same to Rust and ECMAScript) matches; `wanted` says so in words."""
    assert _WANTED.setdefault(regex, (wanted, hint)) == (wanted, hint), "one pattern, one wording"
    return Field(pattern=regex, max_length=max_length, description=wanted)


@dataclass(frozen=True)
class Reserved:
    """Marks a key that the format keeps for later: whatever it holds is refused, never ignored."""

    what: str
    hint: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The validator that refuses every value."""
        return core_schema.no_info_before_validator_function(self.refuse, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """No value is valid."""
        return {"not": {}, "description": f"Reserved: {self.what} are not supported yet."}

    def refuse(self, _: Any) -> Any:
        """Say that it is not supported yet."""
        raise PydanticCustomError("not_supported", "not supported yet", {"what": self.what, "hint": self.hint})


_WANTED: dict[str, tuple[str, str]] = {}


def read_shape(document: Document, shape: type[ShapeT]) -> ShapeT:
    """The document in that shape; DocumentError with every problem found otherwise."""
    if not isinstance(document.root, Fields):
        raise document.error("a mapping is wanted here", hint="begin with apiVersion and kind")
    try:
        return shape.model_validate(plain(document.root))
    except ValidationError as error:
        details = error.errors(include_url=False)[:MAX_PROBLEMS]
    known = frozenset(_known_keys(shape.model_json_schema()))
    raise_problems([_problem(document, detail, known) for detail in details])
    raise AssertionError("a validation error has details")


def read_object(value: Mapping[str, object], shape: type[ShapeT], place: str) -> ShapeT:
    """An object that never was text, such as one of a cluster, in that shape.

    InvalidError names each problem's path below `place` (`spec.forge.url`), and never repeats more of a value than a
    few words of it.
    """
    try:
        return shape.model_validate(dict(value))
    except ValidationError as error:
        details = error.errors(include_url=False)[:MAX_PROBLEMS]
    known = frozenset(_known_keys(shape.model_json_schema()))
    raise_object_problems([_problem(_Pathed(place), detail, known) for detail in details])
    raise AssertionError("a validation error has details")


def object_problem(reason: str, path: str, *, hint: str = "") -> InvalidError:
    """A problem of an object at `path`, such as `spec.forge.url`."""
    return InvalidError(f"{path}: {reason}", hint=hint)


def raise_object_problems(problems: Sequence[InvalidError]) -> None:
    """Raise the problems as one, the first ones spelled out; nothing when there is none."""
    if not problems:
        return
    told = "; ".join(str(problem) for problem in problems[:_TOLD])
    more = f"; and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
    raise InvalidError(told + more, hint=problems[0].hint)


class _Place(Protocol[ErrorT_co]):
    """What can say that something is wrong at one of its places."""

    def error(self, reason: str, path: Path = (), *, hint: str = "", at_key: bool = False) -> ErrorT_co:
        """The problem as an error."""
        ...


@dataclass(frozen=True)
class _Pathed:
    root: str

    def error(self, reason: str, path: Path = (), *, hint: str = "", at_key: bool = False) -> InvalidError:  # noqa: ARG002 # a path names its key anyway
        text = self.root
        for element in path:
            if isinstance(element, int):
                text += f"[{element}]"
            elif _is_key(element):
                text += f".{shortened(element)}"
        return object_problem(reason, text, hint=hint)


def _problem(document: _Place[ErrorT_co], detail: ErrorDetails, known: frozenset[str]) -> ErrorT_co:
    kind, path, context = detail["type"], tuple(detail["loc"]), detail.get("ctx", {})
    name = next((element for element in reversed(path) if isinstance(element, str) and _is_key(element)), "")
    match kind:
        case "missing":
            return document.error(f"{name} is missing", path[:-1], hint=f"add {name}")
        case "extra_forbidden":
            return document.error(f"unknown key {shortened(name)!r}", path, hint=_nearest(name, known), at_key=True)
        case "not_supported":
            what, hint = context["what"], context["hint"]
            return document.error(f"{what} are not supported yet", path, hint=hint, at_key=True)
        case "string_pattern_mismatch":
            wanted, hint = _WANTED.get(context["pattern"], (f"text that matches {context['pattern']}", ""))
            return document.error(f"{_shown(detail['input'])} is not {wanted}", path, hint=hint)
        case "string_type" if isinstance(detail["input"], (bool, int, float)):
            return document.error(f"text is wanted here, not {_shown(detail['input'])}", path, hint="quote it")
        case "literal_error" | "string_type" | "int_type" | "bool_type" | "list_type" | "dict_type" | "model_type":
            wanted = str(context["expected"]) if kind == "literal_error" else _KINDS[kind]
            found = _shown(detail["input"])
            if wanted == "'none'":
                wanted = "none, or the keys of an entry (version, digest, …),"
            nearest = _nearest(
                str(detail["input"]), frozenset(wanted.replace("'", "").replace(" or ", ", ").split(", "))
            )
            return document.error(f"{wanted} is wanted here, not {found}", path, hint=nearest)
        case "greater_than_equal":
            return document.error(f"{detail['input']} is less than {context['ge']}", path, hint="count from 1")
        case "less_than_equal":
            return document.error(f"{detail['input']} is more than {context['le']}", path)
        case "string_too_short" | "too_short":
            return document.error("this is empty", path, hint="give it a value, or leave the key out")
        case "string_too_long" | "too_long":
            return document.error(f"this is longer than {context['max_length']}", path)
        case _:
            return document.error(detail["msg"], path)


_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def _is_key(element: str) -> bool:
    return element != KEY and not element.startswith("=")


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    # a URL may hold what nobody should read
    return repr(shortened(_LOGIN.sub("…@", value))) if isinstance(value, str) else str(value)


def _nearest(name: str, known: frozenset[str]) -> str:
    if name in known:
        return "it does not belong here"
    close = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else ""


def _known_keys(schema: Any) -> Iterator[str]:
    """Every property name in a JSON Schema, at any depth."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from _known_keys(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _known_keys(part)
