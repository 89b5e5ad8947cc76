"""Logs: fields, both formats, levels that change while it runs, and secrets that somebody planted."""

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from stagewright.adapters.text_file import MAX_BYTES, text_file
from stagewright.errors import UnreachableError, UsageError
from stagewright.kube.logs import (
    BLOT,
    FIELDS,
    LEVELS,
    LevelFollower,
    LogFormat,
    log_context,
    parse_level,
    redacted,
    set_up_logging,
)
from stagewright.kube.news import LogObserver
from stagewright.kube.observer import ObjectRef, Reconciled

LOG = logging.getLogger("stagewright.tests")
REF = ObjectRef(namespace="ml", name="bank", uid="6f1c")


@pytest.fixture(autouse=True)
def kept() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("stagewright")
    handlers, levels = list(root.handlers), (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def logging_to(form: LogFormat = "json", level: str = "info") -> StringIO:
    stream = StringIO()
    set_up_logging(form, level, stream=stream)
    return stream


def lines(stream: StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_line_names_what_it_is_about_from_its_thread_and_its_call():
    stream = logging_to()
    with log_context(namespace="ml", sync="bank", trace_id="4bf9"):
        LOG.info("judged %d", 2, extra={"model": "credit-risk", "stage": "Staging", "promotion": "5d1f"})
    LOG.warning("crashed", extra={"sync": "ml/other"})
    first, second = lines(stream)
    assert list(first) == [
        *("ts", "level", "logger", "msg"),
        *("namespace", "sync", "model", "stage", "promotion", "trace_id"),
    ]
    assert (first["level"], first["msg"], first["sync"], first["trace_id"]) == ("info", "judged 2", "bank", "4bf9")
    assert first["ts"].endswith("Z")
    assert {name: second[name] for name in second if name != "ts"} == {
        "level": "warning",
        "logger": "stagewright.tests",
        "msg": "crashed",
        "namespace": "ml",
        "sync": "other",
    }


def test_one_message_is_one_line_whatever_it_holds():
    for form in ("json", "text"):
        stream = logging_to(form)
        LOG.info("title: %s", 'a\nb\x1b[31m"} \u2028 {"level":"error"')
        assert len(stream.getvalue().split("\n")) == 2
        assert "\x1b" not in stream.getvalue()


def test_text_format_reads_as_a_line():
    stream = logging_to("text")
    LOG.info("applied", extra={"model": "credit-risk", "revision": "c0ff"})
    assert stream.getvalue().partition(" ")[2] == "INFO applied model=credit-risk revision=c0ff\n"


PLANTED = {
    "url": ("cannot fetch https://x-access-token:S3CRETvalue1@git.example/acme.git", "S3CRETvalue1"),
    "user": ("cannot fetch https://S3CRETvalue1@git.example/acme.git", "S3CRETvalue1"),
    "bearer": ("Authorization: Bearer S3CRETvalue1-abc", "S3CRETvalue1"),
    "basic": ("authorization: basic UzNDUkVUdmFsdWUx", "UzNDUkVUdmFsdWUx"),
    "github": ("bad credentials gh" + "p_S3CRETvalue1S3CRETvalue1", "S3CRETvalue1"),
    "github fine": ("github" + "_pat_11ABCDEFG0_S3CRETvalue1", "S3CRETvalue1"),
    "slack token": ("xox" + "b-1234567890-S3CRETvalue1", "S3CRETvalue1"),
    "slack hook": ("POST https://hooks.slack.com/services/T00/B00/S3CRETvalue1", "S3CRETvalue1"),
    "webhook secret": ("whsec_S3CRETvalue1S3CRETvalue1==", "S3CRETvalue1"),
    "aws": ("key AKIA" + "ABCDEFGHIJKLMNOP is unknown", "ABCDEFGHIJKLMNOP"),
    "jwt": ("token eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJTM0NSRVQifQ.c2ln", "eyJzdWIiOiJTM0NSRVQifQ"),
    "query": ("GET /x?token=S3CRETvalue1&page=2", "S3CRETvalue1"),
    "key": ("-----BEGIN " + "PRIVATE KEY-----\nS3CRETvalue1\n-----END PRIVATE KEY-----", "S3CRETvalue1"),
    "half a key": ("-----BEGIN " + "RSA PRIVATE KEY-----\nS3CRETvalue1", "S3CRETvalue1"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_secret_is_in_no_line(name: str):
    text, secret = PLANTED[name]
    stream = logging_to()
    LOG.warning("it failed: %s", text, extra={"model": text})
    assert secret not in stream.getvalue()
    assert BLOT in stream.getvalue()


def test_exception_shows_its_place_and_not_its_text():
    stream = logging_to()

    def crash() -> None:
        raise ValueError("the password is hunter2-hunter2")

    try:
        crash()
    except ValueError:
        LOG.exception("crashed")
    (line,) = lines(stream)
    assert "hunter2" not in line["msg"]
    assert "ValueError at" in line["msg"]
    assert "test_logs.py:" in line["msg"]


@pytest.mark.parametrize(
    "text",
    [
        "https://git.example/acme/models.git answers 503",
        "digest sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa differs",
        "@dana asked @acme/model-risk for a token",
    ],
)
def test_what_is_no_secret_stays(text: str):
    assert redacted(text) == text


def test_level_follows_a_file_that_changes(tmp_path: Path):
    stream = logging_to()
    file = tmp_path / "level"
    follower = LevelFollower(text_file(str(file)), "info")
    follower.follow()
    LOG.debug("hidden")
    file.write_text("debug\n")
    follower.follow()
    LOG.debug("shown")
    file.write_text("loud")
    follower.follow()
    follower.follow()
    LOG.debug("still shown")
    file.unlink()
    follower.follow()
    LOG.debug("hidden again")
    assert [line["msg"] for line in lines(stream)] == [
        "the log level is info",
        "the log level is debug",
        "shown",
        "the log level stays as it is: no such log level: 'loud'",
        "still shown",
        "the log level is info",
    ]


def test_file_that_is_no_short_text_is_as_good_as_none(tmp_path: Path):
    file = tmp_path / "level"
    read = text_file(str(file))
    assert read() is None
    for data in (b"\xff\xfe", b"x" * (MAX_BYTES + 1)):
        file.write_bytes(data)
        assert read() is None
    file.write_bytes(b"debug")
    assert read() == "debug"


def test_unknown_level_is_a_usage_error():
    with pytest.raises(UsageError, match="no such log level: 'verbose'"):
        parse_level("verbose")


def test_week_is_logged_once_with_models_promotions_and_revisions(week: tuple[Reconciled, ...]):
    stream = logging_to()
    observer = LogObserver()
    for done in (*week, week[-1]):
        observer.reconciled(done)
    told = [(line["msg"].partition(":")[0], line.get("model"), line.get("stage")) for line in lines(stream)]
    staging, production = ("credit-risk", "Staging"), ("credit-risk", "Production")
    assert [line for line in told if not line[0].startswith("synced")] == [
        ("approved", *staging),
        ("applied", *staging),
        ("pending", *production),
        ("drift, corrected", *staging),
        ("applied", *staging),
        ("pending", *production),
        ("alarm, blocked", None, None),
        ("approved", *production),
        ("applied", *production),
    ]
    approved = next(line for line in lines(stream) if line["msg"].startswith("approved"))
    assert (len(approved["promotion"]), len(approved["revision"])) == (64, 40)
    # how it ended is said when that changes
    assert len([line for line in told if line[0].startswith("synced")]) == 1


def test_ends_are_told_when_they_change(week: tuple[Reconciled, ...]):
    stream = logging_to()
    observer = LogObserver()
    failed = replace(week[0], report=None, memory=None, result="failed", error=UnreachableError("MLflow is away"))
    for done in (failed, failed, week[0], failed):
        observer.reconciled(done)
    observer.leading(leader=True, transitions=4)
    observer.forgotten(REF)
    assert [(line["level"], line["msg"]) for line in lines(stream)] == [
        ("warning", "failed: MLflow is away, in 1.50 s"),
        ("info", "synced, in 1.50 s"),
        ("warning", "failed: MLflow is away, in 1.50 s"),
        ("info", "this process leads, epoch 4"),
        ("info", "the object is gone"),
    ]


def test_page_lists_just_the_fields_and_the_levels_that_there_are():
    text = (Path(__file__).parents[3] / "docs" / "logs.md").read_text()
    rows = re.findall(r"^\| (`.*`) \| (.*) \|$", text.partition("### Another level")[0], re.MULTILINE)
    listed = [name for names, _ in rows for name in re.findall(r"`(\w+)`", names)]
    assert listed == ["ts", "level", "logger", "msg", *FIELDS]
    assert set(re.findall(r"`(\w+)`", rows[0][1])) - {"level"} == set(LEVELS)
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert list(json.loads(example)) == ["ts", "level", "logger", "msg", *[f for f in FIELDS if f != "promotion"]]
