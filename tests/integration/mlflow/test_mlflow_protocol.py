"""MLflow, and what stands in front of it, answering in every way but the right one. The proxy counts what was sent."""

import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mlflow.utils.rest_utils import MlflowHostCreds

from stagewright.adapters.mlflow import open_registry, rest
from stagewright.adapters.mlflow.access import FixedAccess
from stagewright.adapters.mlflow.registry import SWEEPS, MlflowRegistry
from stagewright.adapters.mlflow.rest import RestGateway
from stagewright.errors import (
    ForbiddenError,
    ForeignAnswerError,
    IncompleteError,
    InvalidError,
    NotFoundError,
    StagewrightError,
    UnreachableError,
)
from stagewright.model.plan import Action
from tests.loopback import Answer, LoopbackProxy

JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html; charset=utf-8"}
LOGIN = b"<!doctype html><title>Sign in</title>"
MOVE = Action(kind="alias", model="credit-risk", target="champion", before="1", after="2")
NO_MODELS = Answer(headers=JSON, body=b"{}")


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)


class Bench:
    """A registry on a proxy with nothing behind it; pauses are noted, not made."""

    def __init__(self, proxy: LoopbackProxy, monotonic: Callable[[], float]) -> None:
        self.proxy = proxy
        self.pauses: list[float] = []
        self.gateway = RestGateway(
            FixedAccess(MlflowHostCreds(proxy.uri)), sleep=self.pauses.append, monotonic=monotonic
        )
        self.registry = MlflowRegistry(self.gateway, FixedClock())

    def say(self, document: object, *, status: int = 200) -> None:
        self.proxy.answers.append(Answer(status=status, headers=JSON, body=json.dumps(document).encode()))


@pytest.fixture
def bench() -> Iterator[Bench]:
    with LoopbackProxy() as proxy:
        yield Bench(proxy, lambda: 0.0)


WRONG: dict[str, tuple[Answer, type[StagewrightError], str]] = {
    "redirect to a login page": (
        Answer(status=302, headers={"Location": "https://login.acme.example/", **HTML}),
        ForeignAnswerError,
        "redirect, as a login page does",
    ),
    "permanent redirect": (Answer(status=308, headers={"Location": "/elsewhere"}), UnreachableError, "redirect"),
    "login page": (Answer(headers=HTML, body=LOGIN), ForeignAnswerError, "no JSON, as a login page does"),
    "login page that says 404": (Answer(status=404, headers=HTML, body=LOGIN), ForeignAnswerError, "no JSON"),
    "login page that says it is JSON": (Answer(headers=JSON, body=LOGIN), ForeignAnswerError, "broken JSON"),
    "JSON that says it is text": (
        Answer(headers={"Content-Type": "text/plain"}, body=b"{}"),
        UnreachableError,
        "no JSON",
    ),
    "JSON without a content type": (Answer(body=b"{}"), UnreachableError, "no JSON"),
    "half of JSON": (Answer(headers=JSON, body=b'{"registered_models": ['), UnreachableError, "broken JSON"),
    "nothing": (Answer(headers=JSON), UnreachableError, "broken JSON"),
    "no object": (Answer(headers=JSON, body=b"[]"), UnreachableError, "no object"),
    "NaN": (Answer(headers=JSON, body=b'{"a": NaN}'), UnreachableError, "broken JSON"),
    "not UTF-8": (Answer(headers=JSON, body=b'{"a": "\xff"}'), UnreachableError, "broken JSON"),
    "nested without end": (Answer(headers=JSON, body=b"[" * 200_000), UnreachableError, "broken JSON"),
    "something after it": (Answer(headers=JSON, body=b"{} {}"), UnreachableError, "broken JSON"),
    "no content": (Answer(status=204), UnreachableError, "no JSON"),
    "unauthorized": (Answer(status=401, headers=HTML, body=LOGIN), ForbiddenError, "401"),
    "forbidden": (Answer(status=403, headers=JSON, body=b"{}"), ForbiddenError, "403"),
    "no such endpoint": (
        Answer(status=404, headers=JSON, body=b'{"error_code": "ENDPOINT_NOT_FOUND"}'),
        UnreachableError,
        "404",
    ),
    "internal error": (
        Answer(status=500, headers=JSON, body=b'{"error_code": "INTERNAL_ERROR", "message": "a\\nb"}'),
        UnreachableError,
        r"500 to /api/2.0/mlflow/.*: 'a\\nb'",
    ),
    "bad request": (
        Answer(status=400, headers=JSON, body=b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}'),
        InvalidError,
        "refuses .*: 'no'",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_read_with_a_wrong_answer_is_asked_once_and_says_so(bench: Bench, name: str):
    answer, kind, message = WRONG[name]
    bench.proxy.answers.append(answer)
    with pytest.raises(kind, match=message):
        bench.registry.model("credit-risk")
    assert len(bench.proxy.requests) == 1


@pytest.mark.parametrize("name", WRONG)
def test_write_with_a_wrong_answer_is_sent_once_and_says_so(bench: Bench, name: str):
    answer, kind, message = WRONG[name]
    bench.proxy.answers.append(answer)
    with pytest.raises(kind, match=message):
        bench.registry.apply(MOVE)
    assert bench.proxy.requests == [("POST", "/api/2.0/mlflow/registered-models/alias")]


BUSY: dict[str, Answer] = {
    "too many requests": Answer(status=429),
    "bad gateway": Answer(status=502, headers=HTML, body=LOGIN),
    "unavailable": Answer(status=503),
    "gateway timeout": Answer(status=504),
    "connection broken off": Answer(headers={**JSON, "Content-Length": "100"}, body=b'{"registered_models"', cut=True),
}


@pytest.mark.parametrize("name", BUSY)
def test_read_while_mlflow_is_busy_is_tried_three_times(bench: Bench, name: str):
    bench.proxy.answers.extend([BUSY[name], BUSY[name], NO_MODELS, NO_MODELS])
    assert dict(bench.registry.snapshot().models) == {}
    assert bench.pauses == [0.5, 1.0]
    assert len(bench.proxy.requests) == 4


@pytest.mark.parametrize("name", BUSY)
def test_read_while_mlflow_stays_busy_is_unreachable(bench: Bench, name: str):
    bench.proxy.always = BUSY[name]
    with pytest.raises(UnreachableError):
        bench.registry.snapshot()
    assert len(bench.proxy.requests) == 3


@pytest.mark.parametrize("name", BUSY)
def test_write_while_mlflow_is_busy_is_sent_once(bench: Bench, name: str):
    bench.proxy.always = BUSY[name]
    with pytest.raises(UnreachableError):
        bench.registry.apply(MOVE)
    assert (len(bench.proxy.requests), bench.pauses) == (1, [])


@pytest.mark.parametrize(
    ("asked", "pauses"),
    [
        ("0", [0.0]),
        ("3", [3.0]),
        ("-1", [0.5]),
        ("soon", [0.5]),
        ("\u00b2", [0.5]),
        ("Wed, 25 Nov 2026 09:00:00 GMT", [0.5]),
    ],
)
def test_read_pauses_as_long_as_mlflow_asks(bench: Bench, asked: str, pauses: list[float]):
    bench.proxy.answers.extend([Answer(status=429, headers={"Retry-After": asked}), NO_MODELS, NO_MODELS])
    bench.registry.snapshot()
    assert bench.pauses == pauses


def test_read_that_is_asked_to_wait_long_leaves_it_to_the_caller(bench: Bench):
    bench.proxy.always = Answer(status=503, headers={"Retry-After": "120"})
    with pytest.raises(UnreachableError) as caught:
        bench.registry.snapshot()
    assert (caught.value.retry_after_s, len(bench.proxy.requests), bench.pauses) == (120.0, 1, [])


def test_registry_where_nobody_listens_is_unreachable():
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        gateway = RestGateway(FixedAccess(MlflowHostCreds(uri)), sleep=lambda _: None)
        with pytest.raises(UnreachableError, match="does not answer: ") as caught:
            MlflowRegistry(gateway, FixedClock()).snapshot()
    assert caught.value.hint == "is it running, and is the URI right?"


def test_write_that_is_not_found_is_not_found(bench: Bench):
    bench.say({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}, status=404)
    with pytest.raises(NotFoundError):
        bench.registry.apply(MOVE)


def test_read_of_an_answer_without_end_is_cut_off(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rest, "MAX_ANSWER_BYTES", 1000)
    bench.proxy.always = Answer(headers=JSON, body=b'{"a": "' + b"x" * 2000 + b'"}')
    with pytest.raises(UnreachableError, match="more than 1000 bytes"):
        bench.registry.snapshot()
    assert len(bench.proxy.requests) == 1


def test_read_of_an_answer_that_drips_is_cut_off():
    with LoopbackProxy() as proxy:
        # how long the request took is asked for, too
        ticks = iter([0.0, 0.0, 0.0, 500.0])
        bench = Bench(proxy, lambda: next(ticks))
        proxy.always = NO_MODELS
        with pytest.raises(UnreachableError, match="did not end its answer"):
            bench.registry.snapshot()


def test_error_text_of_a_hostile_server_is_short_and_one_line(bench: Bench):
    bench.say({"error_code": "INTERNAL_ERROR", "message": "\x1b[2J\n" * 10_000}, status=500)
    with pytest.raises(UnreachableError) as caught:
        bench.registry.snapshot()
    assert len(str(caught.value)) < 4000
    assert not set(str(caught.value)) & {"\n", "\x1b"}


ROW = {"name": "credit-risk", "version": "1", "status": "READY"}
MISSHAPEN: dict[str, tuple[object, object]] = {
    "models is no list": ({"registered_models": {}}, {}),
    "a model is no object": ({"registered_models": ["credit-risk"]}, {}),
    "a model has no name": ({"registered_models": [{"aliases": []}]}, {}),
    "a model's name is a number": ({"registered_models": [{"name": 7}]}, {}),
    "an alias has no version": ({"registered_models": [{"name": "m", "aliases": [{"alias": "a"}]}]}, {}),
    "an alias is there twice": (
        {
            "registered_models": [
                {"name": "m", "aliases": [{"alias": "a", "version": "1"}, {"alias": "a", "version": "2"}]}
            ]
        },
        {},
    ),
    "a token is a number": ({"next_page_token": 1}, {}),
    "a version is a number": ({}, {"model_versions": [{**ROW, "version": 1}]}),
    "a version is 0": ({}, {"model_versions": [{**ROW, "version": "0"}]}),
    "a version has a leading zero": ({}, {"model_versions": [{**ROW, "version": "01"}]}),
    "a version has a plus sign": ({}, {"model_versions": [{**ROW, "version": "+1"}]}),
    "a version is in other digits": ({}, {"model_versions": [{**ROW, "version": "\u0661"}]}),
    "a version has no status": ({}, {"model_versions": [{"name": "m", "version": "1"}]}),
    "a tag is there twice": (
        {},
        {"model_versions": [{**ROW, "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}]},
    ),
}


@pytest.mark.parametrize("name", MISSHAPEN)
def test_snapshot_of_answers_of_another_shape_is_unreachable(bench: Bench, name: str):
    for document in MISSHAPEN[name]:
        bench.say(document)
    with pytest.raises(UnreachableError, match="cannot be used"):
        bench.registry.snapshot()


def test_snapshot_reads_every_page(bench: Bench):
    bench.say({"registered_models": [{"name": "a"}], "next_page_token": "t/1+="})
    bench.say({"registered_models": [{"name": "b"}]})
    bench.say({"model_versions": [{**ROW, "name": "a"}], "next_page_token": "t"})
    bench.say({"model_versions": [{**ROW, "name": "b"}, {**ROW, "name": "made-meanwhile"}]})
    state = bench.registry.snapshot()
    assert {name: sorted(model.versions) for name, model in state.models.items()} == {"a": [1], "b": [1]}
    assert [target.partition("?")[2] for target in bench.proxy.targets] == [
        "max_results=1000&order_by=name+ASC",
        "max_results=1000&order_by=name+ASC&page_token=t%2F1%2B%3D",
        "max_results=200000&order_by=name+ASC&order_by=version_number+ASC",
        "max_results=200000&order_by=name+ASC&order_by=version_number+ASC&page_token=t",
    ]


def test_snapshot_of_pages_in_a_circle_is_incomplete(bench: Bench):
    for name, token in (("a", "x"), ("b", "y"), ("c", "x")):
        bench.say({"registered_models": [{"name": name}], "next_page_token": token})
    with pytest.raises(IncompleteError, match="in a circle"):
        bench.registry.snapshot()
    assert len(bench.proxy.requests) == 3


def test_snapshot_of_pages_that_overlap_is_read_again(bench: Bench):
    bench.say({"registered_models": [{"name": "a"}], "next_page_token": "x"})
    bench.say({"registered_models": [{"name": "a"}, {"name": "b"}]})
    bench.say({"registered_models": [{"name": "a"}, {"name": "b"}]})
    bench.say({})
    assert sorted(bench.registry.snapshot().models) == ["a", "b"]


def test_snapshot_of_pages_that_overlap_every_time_is_incomplete(bench: Bench):
    for _ in range(SWEEPS):
        bench.say({"registered_models": [{"name": "a"}, {"name": "a"}]})
    with pytest.raises(IncompleteError, match="changed during 3 readings"):
        bench.registry.snapshot()


def test_snapshot_that_loses_its_place_is_incomplete(bench: Bench):
    bench.say({"error_code": "RESOURCE_DOES_NOT_EXIST"}, status=404)
    with pytest.raises(IncompleteError, match="lost its place"):
        bench.registry.snapshot()


def test_model_of_another_case_is_no_answer(bench: Bench):
    bench.say({"registered_model": {"name": "Churn"}})
    assert bench.registry.model("churn") is None


@pytest.mark.parametrize("name", ["it's", 'a"b', "a\\", "' OR name != '"])
def test_model_with_a_quote_in_its_name_is_asked_for_without_a_filter(bench: Bench, name: str):
    bench.say({"registered_model": {"name": name}})
    bench.say({"model_versions": [{**ROW, "name": name}, {**ROW, "name": "other"}]})
    found = bench.registry.model(name)
    assert found is not None
    assert (found.name, sorted(found.versions)) == (name, [1])
    assert "filter" not in bench.proxy.targets[1]


def test_version_facts_of_another_version_than_asked_for_is_none(bench: Bench):
    bench.say({"model_version": {**ROW, "version": "2"}})
    bench.say({"artifact_uri": "mlflow-artifacts:/0/x"})
    assert bench.registry.version_facts("credit-risk", 1) is None


def test_version_facts_of_a_version_deleted_just_now_is_none(bench: Bench):
    bench.say({"model_version": ROW})
    bench.say({"error_code": "RESOURCE_DOES_NOT_EXIST"}, status=404)
    assert bench.registry.version_facts("credit-risk", 1) is None


LISTING = {"files": [{"path": "MLmodel", "is_dir": False, "file_size": 3}]}


def read_version(bench: Bench, listing: object, *replies: Answer, uri: str = "mlflow-artifacts:/0/x") -> str | None:
    bench.say({"model_version": ROW})
    bench.say({"artifact_uri": uri})
    bench.say(listing)
    bench.proxy.answers.extend(replies)
    facts = bench.registry.version_facts("credit-risk", 1)
    assert facts is not None
    return facts.flaw


def test_version_facts_stream_the_file_that_was_listed(bench: Bench):
    assert read_version(bench, LISTING, Answer(body=b"abc")) is None
    assert bench.proxy.targets[-1] == "/api/2.0/mlflow-artifacts/artifacts/0/x/MLmodel"


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        pytest.param(Answer(headers=HTML, body=LOGIN), IncompleteError, "listed 3 bytes .* sent 37", id="login page"),
        pytest.param(Answer(status=302, headers={"Location": "/x"}), UnreachableError, "redirect", id="redirect"),
        pytest.param(Answer(status=401), ForbiddenError, "401", id="unauthorized"),
        pytest.param(Answer(body=b"ab"), IncompleteError, "listed 3 bytes .* sent 2", id="cut by a proxy"),
        pytest.param(
            Answer(body=b"ab", headers={"Content-Length": "3"}, cut=True), UnreachableError, "broke off", id="cut off"
        ),
        pytest.param(
            Answer(status=404, headers=JSON, body=b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}'),
            IncompleteError,
            "could not find it",
            id="deleted meanwhile",
        ),
    ],
)
def test_version_facts_with_a_file_that_cannot_be_read_is_an_error(
    bench: Bench, reply: Answer, kind: type[StagewrightError], message: str
):
    with pytest.raises(kind, match=message):
        read_version(bench, LISTING, reply)


@pytest.mark.parametrize(
    "listing",
    [
        pytest.param({"files": {}}, id="no list"),
        pytest.param({"files": [{"path": "a"}]}, id="neither file nor folder"),
        pytest.param({"files": [{"path": "a", "is_dir": False, "file_size": "3"}]}, id="a size that is text"),
        pytest.param({"files": [{"path": 1, "is_dir": False}]}, id="a name that is a number"),
    ],
)
def test_version_facts_with_a_listing_of_another_shape_is_unreachable(bench: Bench, listing: object):
    with pytest.raises(UnreachableError, match="no listing"):
        read_version(bench, listing)


@pytest.mark.parametrize(
    ("name", "flaw"),
    [
        ("../../1/other", "is no name"),
        ("..", "shortest form"),
        ("/etc/passwd", "is no name"),
        ("", "shortest form"),
        ("a%2fb", "percent sign"),
        ("a\nb", "control character"),
        ("a\\b", "backslash"),
    ],
)
def test_version_facts_never_ask_for_a_name_that_leads_elsewhere(bench: Bench, name: str, flaw: str):
    found = read_version(bench, {"files": [{"path": name, "is_dir": False, "file_size": 1}]})
    assert found is not None
    assert flaw in found
    assert len(bench.proxy.requests) == 3


def test_version_facts_of_folders_without_end_is_a_flaw(bench: Bench):
    bench.say({"model_version": ROW})
    bench.say({"artifact_uri": "mlflow-artifacts:/0/x"})
    bench.proxy.always = Answer(headers=JSON, body=b'{"files": [{"path": "d", "is_dir": true}]}')
    facts = bench.registry.version_facts("credit-risk", 1)
    assert facts is not None
    assert "levels of folders" in str(facts.flaw)


@pytest.mark.parametrize(
    ("uri", "flaw"),
    [
        pytest.param("mlflow-artifacts://evil.example:80/0/x", "behind another MLflow server", id="another server"),
        pytest.param("https://evil.example/api/2.0/mlflow-artifacts/artifacts/0", "files at https:", id="https"),
        pytest.param("http://169.254.169.254/latest/meta-data", "files at http:", id="cloud metadata"),
        pytest.param("ftp://evil.example/x", "files at ftp:", id="ftp"),
        pytest.param("dbfs:/x", "files at dbfs:", id="dbfs"),
        pytest.param("models:/other/1", "files at models:", id="another model"),
        pytest.param("runs:/41f/model", "files at runs:", id="a run"),
        pytest.param("file://evil.example/share", "files at file:", id="a share"),
        pytest.param("mlflow-artifacts:/0/../../etc", "no artifact path", id="dot dot"),
        pytest.param("mlflow-artifacts:/0/%2e%2e/etc", "no artifact path", id="escaped dots"),
        pytest.param("/no/such/folder", "there is no folder", id="a folder that is not here"),
    ],
)
def test_version_facts_of_files_elsewhere_is_a_flaw_and_asks_nobody(bench: Bench, uri: str, flaw: str):
    bench.say({"model_version": ROW})
    bench.say({"artifact_uri": uri})
    facts = bench.registry.version_facts("credit-risk", 1)
    assert facts is not None
    assert flaw in str(facts.flaw)
    assert facts.digest is None
    assert len(bench.proxy.requests) == 2


def test_version_facts_of_a_remote_servers_disk_are_not_looked_for_on_ours(tmp_path: Path):
    (tmp_path / "MLmodel").write_bytes(b"")
    registry = open_registry("http://mlflow.acme.example", env={}, clock=FixedClock())
    assert isinstance(registry, MlflowRegistry)
    assert "MLflow server's own disk" in str(registry._artifacts(str(tmp_path))[2])
