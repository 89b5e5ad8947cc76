"""What a sync and its adapters tell whoever listens: the parts of a sync, requests to MLflow, a forge's budget."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mlflow.utils.rest_utils import MlflowHostCreds

from stagewright.adapters.github.budget import Budget
from stagewright.adapters.mlflow.access import FixedAccess
from stagewright.adapters.mlflow.rest import RestGateway
from stagewright.app.sync import Syncer
from stagewright.errors import NotFoundError, StagewrightError
from tests.bank import MODEL, Bank, HandClock
from tests.loopback import Answer, LoopbackProxy

JSON = {"Content-Type": "application/json"}


@dataclass
class Listener:
    """A `Telemetry` that writes down what it hears."""

    spans: list[str] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    budgets: list[tuple[str, int, int, datetime]] = field(default_factory=list)

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        self.spans.append(f"+{name}")
        try:
            yield
        finally:
            self.spans.append(f"-{name}")

    def registry_request(self, operation: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.requests.append((operation, outcome))

    def forge_budget(self, resource: str, *, limit: int, remaining: int, reset: datetime) -> None:
        self.budgets.append((resource, limit, remaining, reset))


def test_sync_tells_its_parts_in_order(tmp_path: Path):
    bank, listener = Bank(tmp_path), Listener()
    bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": 1}, "noor")
    bank.clock.forward(minutes=1)
    report = Syncer(bank.config, replace(bank.outside(), telemetry=listener)).sync()
    assert [a.result for a in report.applied] == ["applied"]
    # a second round finds nothing more to do
    judged = ["+judge", "-judge", "+apply", "-apply"]
    assert listener.spans == ["+fetch", "-fetch", "+walk", "-walk", *judged, *judged]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(Answer(headers=JSON, body=b"{}"), "answered", id="an answer"),
        pytest.param(
            Answer(status=404, headers=JSON, body=b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}'),
            "answered",
            id="nothing there",
        ),
        pytest.param(Answer(status=403), "refused", id="not allowed"),
        pytest.param(Answer(status=302, headers={"Location": "/login"}), "refused", id="a login page"),
        pytest.param(Answer(status=503, headers={"Retry-After": "60"}), "unreachable", id="busy"),
    ],
)
def test_request_to_mlflow_is_told_with_its_outcome(answer: Answer, outcome: str):
    listener = Listener()
    with LoopbackProxy() as proxy:
        proxy.answers.append(answer)
        gateway = RestGateway(FixedAccess(MlflowHostCreds(proxy.uri)), sleep=lambda _: None, telemetry=listener)
        with suppress(StagewrightError):
            gateway.get("registered-models/get", {"name": "x"})
    assert listener.requests == [("read", outcome)]


def test_writes_and_artifacts_are_told_apart():
    listener = Listener()
    with LoopbackProxy() as proxy:
        proxy.always = Answer(status=404, headers=JSON, body=b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}')
        gateway = RestGateway(FixedAccess(MlflowHostCreds(proxy.uri)), telemetry=listener)
        with pytest.raises(NotFoundError):
            gateway.send("POST", "registered-models/alias", {})
        with pytest.raises(StagewrightError):
            gateway.list_artifacts("x")
    assert listener.requests == [("write", "answered"), ("artifact", "answered")]


def test_server_that_is_not_there_is_told_each_time():
    listener = Listener()
    with LoopbackProxy() as proxy:
        uri = proxy.uri
    gateway = RestGateway(FixedAccess(MlflowHostCreds(uri)), sleep=lambda _: None, telemetry=listener)
    with pytest.raises(StagewrightError):
        gateway.get("registered-models/get", {"name": "x"})
    assert listener.requests == [("read", "unreachable")] * 3


def test_budget_of_the_forge_is_told_where_it_is_whole():
    clock, listener = HandClock(), Listener()
    budget = Budget(clock, listener)
    reset = (clock.now() + timedelta(minutes=20)).replace(microsecond=0)
    whole = {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "4711",
        "x-ratelimit-reset": str(int(reset.timestamp())),
    }
    budget.note("core", whole)
    budget.note("graphql", {"x-ratelimit-remaining": "4711"})
    assert listener.budgets == [("core", 5000, 4711, reset.astimezone(UTC))]
