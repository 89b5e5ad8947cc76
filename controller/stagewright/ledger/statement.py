"""in-toto Statements v1 with one of our predicates.

    {"_type":"https://in-toto.io/Statement/v1",
     "predicate":{…},
     "predicateType":"https://stagewright.dev/verdict/v1",
     "subject":[{"digest":{"sha256":"0f3a…"},"name":"models:/credit-risk/7"}]}

The bytes are the RFC 8785 form of that.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, ValidationError

from stagewright.errors import LedgerDamagedError
from stagewright.ledger.dsse import canonical_json, parse_canonical_json
from stagewright.ledger.predicates import KINDS
from stagewright.ledger.records import Predicate, Record, Text

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_PREFIX, _SUFFIX = "https://stagewright.dev/", "/v1"

Hex = Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$")]


class Subject(Record):
    """What a statement is about: `models:/<name>/<version>` with `sha256`, or a commit with `gitCommit`."""

    name: Text
    digest: Annotated[dict[Text, Hex], Field(min_length=1)]


class _Envelope(Record):
    """The statement without its predicate, to check its subjects by."""

    subject: Annotated[tuple[Subject, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one entry says about which things; at least one subject."""

    subject: tuple[Subject, ...]
    predicate: Predicate

    @property
    def kind(self) -> str:
        """The name of its predicate, such as `verdict`."""
        return self.predicate.KIND

    def __bytes__(self) -> bytes:
        return canonical_json(
            {
                "_type": STATEMENT_TYPE,
                "subject": [subject.model_dump(mode="json") for subject in self.subject],
                "predicateType": predicate_type(self.kind),
                "predicate": self.predicate.model_dump(mode="json"),
            }
        )


def predicate_type(kind: str) -> str:
    """`https://stagewright.dev/<kind>/v1`."""
    return f"{_PREFIX}{kind}{_SUFFIX}"


def model_subject(name: str, version: int | str, digest: str) -> Subject:
    """A model version, by the digest (`sha256:…`) of its artifacts."""
    return Subject(name=f"models:/{name}/{version}", digest={"sha256": digest.removeprefix("sha256:")})


def commit_subject(repository: str, commit: str) -> Subject:
    """A commit of the desired state, for entries about no artifact."""
    return Subject(name=repository, digest={"gitCommit": commit})


def parse_statement(data: bytes) -> Statement:
    """Read what `bytes(Statement)` writes. LedgerDamagedError for anything else, an unknown kind included."""
    match parse_canonical_json(data, what="the statement"):
        case {
            "_type": str(statement_type),
            "predicateType": str(typed),
            "subject": list(subject),
            "predicate": dict(predicate),
            **rest,
        } if statement_type == STATEMENT_TYPE and not rest:
            kind = KINDS.get(typed.removeprefix(_PREFIX).removesuffix(_SUFFIX))
            if kind is None or typed != predicate_type(kind.KIND):
                raise LedgerDamagedError(f"{typed[:200]!r} is no kind of entry that this version knows")
            try:
                head = _Envelope.model_validate_json(canonical_json({"subject": subject}))
                body = kind.model_validate_json(canonical_json(predicate))
            except ValidationError as error:
                raise LedgerDamagedError(f"the {kind.KIND} does not fit its schema: {_first(error)}") from error
            statement = Statement(subject=head.subject, predicate=body)
            if bytes(statement) != data:
                raise LedgerDamagedError(f"the {kind.KIND} is not in its one spelling")
            return statement
        case _:
            raise LedgerDamagedError(f"not a statement of {STATEMENT_TYPE}")


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
