import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from stagewright.errors import LedgerDamagedError
from stagewright.ledger import predicates as p
from stagewright.ledger.dsse import canonical_json
from stagewright.ledger.records import format_time, parse_time
from stagewright.ledger.schemas import schemas
from stagewright.ledger.statement import Statement, Subject, commit_subject, model_subject, parse_statement
from tests.fakes import ledger_entries as given

FIELDS = given.header().fields()
ZONED = datetime(2026, 11, 24, 10, tzinfo=timezone(timedelta(hours=1)))
EVERY_KIND = [
    given.genesis(),
    given.adoption(),
    given.revision(),
    given.verdict(),
    given.superseded(),
    given.observation(),
    given.accounts(),
    given.rejection(),
    given.withdrawal(),
    given.intent(),
    given.outcome(4),
    given.drift(),
    given.key(1, old_key_id=None, new_key="A" * 43 + "=", role="log", reason="begins"),
    *(
        given.stated(predicate)
        for predicate in (
            p.Rebind(
                **FIELDS,
                before={"repository": "a"},
                after={"repository": "b"},
                who=given.DANA,
                reason="moved",
                governance=None,
                requirements=(),
                sign_offs=(),
            ),
            p.Hold(**FIELDS, key=given.KEY, until=ZONED, reason="incident 7", who=given.DANA, ratified_by=None),
            p.Alarm(**FIELDS, type="identity", message="the digest differs", subject=given.KEY),
            p.Deployment(
                **FIELDS,
                workload=p.Workload(kind="Deployment", namespace="scoring", name="credit", uid="u-1"),
                images=("registry.example.com/credit@sha256:" + "11" * 32,),
                model="credit-risk",
                stage="Production",
                version="7",
                from_=given.BEGAN,
                to=None,
                rolled_for=None,
            ),
            p.Coverage(
                **FIELDS,
                revision=given.COMMIT,
                registry_read_at=given.BEGAN,
                interval_seconds=60,
                gap=p.Gap(from_=given.BEGAN, to=ZONED),
            ),
            p.Export(**FIELDS, selection={"model": "credit-risk"}, digest="sha256:" + "ee" * 32, who=given.DANA),
        )
    ),
]


def test_every_kind_is_in_the_table_of_this_file():
    assert sorted(statement.kind for statement in EVERY_KIND) == sorted(p.KINDS)


@pytest.mark.parametrize("statement", EVERY_KIND, ids=lambda statement: statement.kind)
def test_statement_of_every_kind_reads_back_and_fits_its_published_schema(statement: Statement):
    data = bytes(statement)
    assert parse_statement(data) == statement
    assert bytes(parse_statement(data)) == data
    document = json.loads(data)
    assert document["predicateType"] == f"https://stagewright.dev/{statement.kind}/v1"
    schema = schemas()[statement.kind]
    assert schema["$id"] == document["predicateType"]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document["predicate"], schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document["predicate"] | {"unknown": 1}, schema)


def test_schemas_have_no_made_up_titles():
    assert '"title": "' not in json.dumps(schemas())
    assert "title" in schemas()["verdict"]["$defs"]["Pull"]["properties"]


def test_revision_has_these_very_bytes():
    """The wire format, pinned: a change here is a change of every auditor's tools."""
    assert bytes(given.revision()).decode() == (
        '{"_type":"https://in-toto.io/Statement/v1",'
        '"predicate":{"controller":"0.1.0",'
        '"epoch":{"holder":"pod-0","lease":"prod/stagewright","transitions":0},'
        '"from":"c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0",'
        '"recordedAt":"2026-11-24T09:00:01.000000Z","steps":1,"sync":"prod",'
        '"to":"d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1"},'
        '"predicateType":"https://stagewright.dev/revision/v1",'
        '"subject":[{"digest":{"gitCommit":"c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0"},'
        '"name":"https://git.example.com/models.git"}]}'
    )


def test_entry_of_a_known_image_names_it_and_one_of_an_unknown_image_has_no_such_field():
    image = "registry.example.com/stagewright@sha256:" + "ab" * 32
    header = given.header(1).model_copy(update={"image": image})
    known, unknown = given.revision(head=header), given.revision()
    assert json.loads(bytes(known))["predicate"]["image"] == image
    assert "image" not in json.loads(bytes(unknown))["predicate"]
    for statement in (known, unknown):
        assert parse_statement(bytes(statement)) == statement
        jsonschema.validate(json.loads(bytes(statement))["predicate"], schemas()["revision"])


def test_subjects_are_of_a_version_or_a_commit():
    assert model_subject("fraud", 3, "sha256:" + "ab" * 32) == Subject(
        name="models:/fraud/3", digest={"sha256": "ab" * 32}
    )
    assert commit_subject("repo", given.COMMIT) == Subject(name="repo", digest={"gitCommit": given.COMMIT})


REVISION: dict[str, Any] = json.loads(bytes(given.revision()))


def _with(**changes: object) -> bytes:
    return canonical_json(REVISION | changes)


def _with_predicate(**changes: object) -> bytes:
    return _with(predicate=REVISION["predicate"] | changes)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"{}", "not a statement", id="empty"),
        pytest.param(_with(_type="https://in-toto.io/Statement/v0.1"), "not a statement", id="older type"),
        pytest.param(_with(extra=1), "not a statement", id="unknown field"),
        pytest.param(_with(predicateType="https://stagewright.dev/party/v1"), "no kind", id="unknown kind"),
        pytest.param(_with(predicateType="https://stagewright.dev/revision/v2"), "no kind", id="unknown version"),
        pytest.param(_with(predicateType="revision"), "no kind", id="bare kind"),
        pytest.param(_with(subject=[]), "subject", id="no subject"),
        pytest.param(_with(subject=[{"name": "a", "digest": {}}]), "digest", id="subject without digest"),
        pytest.param(_with(subject=[{"name": "a", "digest": {"sha256": "XY"}}]), "sha256", id="digest is no hex"),
        pytest.param(_with_predicate(image=None), "one spelling", id="image that is unknown, said twice"),
        pytest.param(_with_predicate(image="stagewright:1.0"), "image", id="image by its tag"),
        pytest.param(_with_predicate(steps="1"), "steps", id="number as text"),
        pytest.param(_with_predicate(steps=True), "steps", id="number as truth"),
        pytest.param(_with_predicate(steps=-1), "steps", id="negative"),
        pytest.param(_with_predicate(to="d1"), "to", id="short commit"),
        pytest.param(_with_predicate(unknown=1), "unknown", id="unknown field in the predicate"),
        pytest.param(_with_predicate(recordedAt="2026-11-24T09:00:01Z"), "recordedAt", id="time without microseconds"),
        pytest.param(_with_predicate(recordedAt="2026-02-30T09:00:01.000000Z"), "recordedAt", id="no such day"),
        pytest.param(_with_predicate(recordedAt=0), "recordedAt", id="time as a number"),
        pytest.param(bytes(given.revision()).replace(b'"from"', b'"from_"'), "one spelling", id="python's name"),
        pytest.param(bytes(given.revision()) + b" ", "canonical", id="trailing space"),
    ],
)
def test_parse_statement_of_another_spelling_is_damage(data: bytes, reason: str):
    with pytest.raises(LedgerDamagedError, match=reason):
        parse_statement(data)


def test_time_is_written_in_utc_whatever_its_zone():
    assert format_time(ZONED) == "2026-11-24T09:00:00.000000Z"
    assert parse_time("2026-11-24T09:00:00.000000Z") == ZONED
    assert format_time(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T09:00:00.000000+00:00",
        "2026-11-24 09:00:00.000000Z",
        "2026-11-24T09:00:00.000000z",
        "2026-11-24T24:00:00.000000Z",
        "٢٠٢٦-11-24T09:00:00.000000Z",
        "",
    ],
)
def test_parse_time_of_another_spelling_is_refused(text: str):
    with pytest.raises(ValueError):
        parse_time(text)


@pytest.mark.parametrize("moment", [datetime(2026, 11, 24), None])  # noqa: DTZ001  # a naive time is the point
def test_header_without_a_zoned_time_is_refused(moment: datetime | None):
    with pytest.raises(ValidationError):
        p.Header(**(FIELDS | {"recorded_at": moment}))


def test_predicate_is_frozen():
    revision = given.revision().predicate
    with pytest.raises(ValidationError, match="frozen"):
        revision.sync = "other"  # type: ignore[misc]  # that it cannot be set is the point


def test_bodies_name_what_must_lie_in_the_evidence_store():
    ref = p.EvidenceRef(name="metrics", digest="sha256:" + "12" * 32)
    named = {statement.kind: statement.predicate.bodies for statement in EVERY_KIND}
    assert {kind for kind, bodies in named.items() if bodies} == {"genesis", "observation"}
    assert given.verdict(evidence=(ref,)).predicate.bodies == (ref.digest,)
