"""What every entry's predicate is made of: frozen, strict values with one spelling in JSON."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

IMAGE_PATTERN = r"^([^\s@]{1,512}@)?sha256:[0-9a-f]{64}$"
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"


def format_time(moment: datetime) -> str:
    """The one spelling of a time: RFC 3339, UTC, microseconds. `moment` is aware."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_time(text: str) -> datetime:
    """Read what `format_time` writes, `2026-11-24T09:00:00.000000Z`; ValueError for any other spelling."""
    # newer Pythons read hour 24 as well, hence the second look
    if not re.fullmatch(_TIME, text, flags=re.ASCII) or format_time(moment := datetime.fromisoformat(text)) != text:
        raise ValueError(f"not a time like 2026-11-24T09:00:00.000000Z: {text[:40]!r}")
    return moment


def _time(value: object) -> object:
    if isinstance(value, str):
        return parse_time(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a time needs its zone")
    return value.astimezone(UTC) if isinstance(value, datetime) else value


Time = Annotated[
    datetime,
    BeforeValidator(_time),
    PlainSerializer(format_time),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _TIME}),
]
Text = Annotated[str, Field(min_length=1)]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
"""`sha256:` and 64 lower-case hex digits."""
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 as 64 bare hex digits: of a promotion, a drift, a review."""
Commit = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
Image = Annotated[
    Annotated[str, Field(pattern=IMAGE_PATTERN)] | None,
    # the one field that is left out where it is unknown: there were entries before there was an image
    Field(exclude_if=lambda value: value is None, json_schema_extra=lambda schema: schema.pop("default", None)),
    WithJsonSchema({"type": "string", "pattern": IMAGE_PATTERN}),
]
"""What an image is by its digest: `sha256:…`, after its name and `@` where that is known."""
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]


def _alias(name: str) -> str:
    return to_camel(name.removesuffix("_"))


class Record(BaseModel):
    """A frozen, strict value with camelCase names in JSON."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=_alias,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
    )


class Epoch(Record):
    """Whose turn it was to write: a lease, how often it had changed hands, and the hand."""

    lease: str
    transitions: Count
    holder: str


class Header(Record):
    """What every predicate begins with."""

    recorded_at: Time
    sync: Text
    epoch: Epoch
    controller: Text
    image: Image = None

    def fields(self) -> dict[str, Any]:
        """These fields, to build a predicate with: `Revision(**header.fields(), from_=…, to=…, steps=1)`."""
        return {name: getattr(self, name) for name in Header.model_fields}


class Predicate(Header):
    """The base of every kind."""

    KIND: ClassVar[str]

    @property
    def bodies(self) -> tuple[str, ...]:
        """Digests whose bytes must lie in the evidence store before this predicate is appended."""
        return ()
