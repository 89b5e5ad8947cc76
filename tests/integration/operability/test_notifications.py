"""News reaches receivers at least once, in order and signed, whatever is lost and however processes end."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from stagewright.adapters.cloudevents import event, signing_key, webhook_id
from stagewright.adapters.outbound import Outbound
from stagewright.adapters.slack import inert, payload
from stagewright.bootstrap.notifications import channel_of
from stagewright.errors import InvalidError
from stagewright.kube.courier import BATCH, TURN, NotificationCourier
from stagewright.kube.metrics import Build, Metrics
from stagewright.kube.notifications import messages, reminders, wanted
from stagewright.kube.observer import ObjectRef, Reconciled
from stagewright.kube.queue import WorkQueue
from stagewright.model.custom_resource import CustomResource, Notification, NotificationFilter, Workloads
from stagewright.model.notification import Message
from stagewright.model.sync import KeyReference, RegistrySync
from tests.bank import HandClock
from tests.integration.operability.receiving import Loss, Receiver

REF = ObjectRef(namespace="ml", name="bank", uid="6f1c")
ALL = NotificationFilter(kinds=("verdict", "pending", "drift", "alarm", "applied"))
SECRET = base64.b64encode(b"k" * 32)
DOC = Path(__file__).parents[3] / "docs" / "notifications.md"
KEY = KeyReference(scheme="file", location="/none")


def resource(*targets: Notification) -> CustomResource:
    sync = RegistrySync(
        name="bank", url="https://git.example/m.git", branch="main", path="", forge="git", registry_uri="https://mlflow",
        ledger_directory="/none", log_key=KEY, entry_key=KEY, trust_root=None, mirror=None,
        interval=timedelta(minutes=1), suspend=False, dry_run=False,
    )  # fmt: skip
    return CustomResource(
        namespace="ml", name="bank", uid="6f1c", generation=1, requested_at=None, deleting=False, sync=sync,
        folder="/none", references=(), workloads=Workloads(observe=True, restart=False), notifications=targets,
    )  # fmt: skip


@dataclass
class Post:
    """A courier with the one worker that a test is, and time that only moves by hand."""

    time_s: float = 0.0
    clock: HandClock = field(default_factory=HandClock)
    metrics: Metrics = field(default_factory=lambda: Metrics(Build(version="1")))

    def __post_init__(self) -> None:
        self.queue: WorkQueue[str] = WorkQueue(clock=lambda: self.time_s, fraction=lambda: 0.5)
        self.out = Outbound(insecure=True)
        self.courier = NotificationCourier(
            self.queue, channels=lambda t: channel_of(t, self.out), clock=self.clock, metrics=self.metrics
        )

    def hear(self, done: Reconciled, *targets: Notification, since: int = 0) -> None:
        self.courier.reconciled(replace(done, resource=resource(*targets), since=since))

    def work(self) -> int:
        """Everything that is due now; how many turns that took."""
        turns = 0
        while (key := self.queue.get(0)) is not None:
            self.courier.take_turn(key)
            self.queue.done(key)
            turns += 1
        return turns

    def wait(self, seconds: float = 601) -> None:
        self.time_s += seconds
        self.work()

    def shown(self, name: str) -> dict[str, float]:
        """The samples of the bank's metric by the text of its other labels."""
        text = self.metrics.expose("")[0].decode()
        found = re.findall(rf"^stagewright_{name}{{(.*)}} (\S+)$", text, re.MULTILINE)
        ours = ('namespace="ml"', 'sync="bank"')
        return {",".join(label for label in labels.split(",") if label not in ours): float(v) for labels, v in found}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture
def secret(tmp_path: Path) -> str:
    file = tmp_path / "secret"
    file.write_bytes(b"whsec_" + SECRET + b"\n")
    return str(file)


def events_to(receiver: Receiver, secret: str | None = None, choice: NotificationFilter = ALL) -> Notification:
    return Notification(type="cloudevents", filter=choice, url=receiver.url, signing_secret_file=secret)


def ids(receiver: Receiver) -> list[str]:
    return [str(one.json["id"]) for one in receiver.received]


WEEK = ["4", "7", "8", "10", "12", "13", "14"]


# -- at least once ---------------------------------------------------------------------------------------------------


LOSSES: dict[str, Sequence[Loss]] = {
    "nothing is lost": [],
    "requests are lost": ["request", None, "request", "request", None],
    "replies are lost": ["reply", None, "reply", "reply", None],
    "both": ["request", "reply", None, "reply", "request", "request", "reply"],
    "the receiver is down": [503, 503, 500],
    "the receiver says go away": [429, 404],
}


@pytest.mark.parametrize("name", LOSSES)
def test_each_news_arrives_in_order_whatever_is_lost(
    name: str, receiver: Receiver, secret: str, week: tuple[Reconciled, ...]
):
    post = Post()
    receiver.losses.extend(LOSSES[name])
    post.hear(week[4], events_to(receiver, secret))
    for _ in range(len(LOSSES[name]) + 1):
        post.wait()
    got = ids(receiver)
    news = [one for one in got if "/" not in one]
    assert list(dict.fromkeys(news)) == WEEK
    # a double is the same to the byte, under the same name
    assert len({(one.headers["webhook-id"], one.body) for one in receiver.received}) == len(set(got))
    assert post.courier.passed_on(REF) == week[4].report.ledger_size
    assert post.shown("notifications_waiting") == {'type="cloudevents"': 0.0}


def test_restart_sends_what_was_not_delivered_and_not_what_was(receiver: Receiver, week: tuple[Reconciled, ...]):
    first = Post()
    receiver.losses.extend([None, None, None, "reply", 503])
    first.hear(week[4], events_to(receiver))
    first.work()
    told = first.courier.passed_on(REF)
    assert (ids(receiver), told) == (["4", "7", "8", "10"], 9)
    second = Post()
    second.hear(week[4], events_to(receiver), since=told or 0)
    second.wait()
    second.wait()
    assert [one for one in ids(receiver) if "/" not in one] == ["4", "7", "8", "10", "10", "12", "13", "14"]


def test_failing_receiver_is_asked_with_back_off_and_as_late_as_it_says(
    receiver: Receiver, week: tuple[Reconciled, ...]
):
    post = Post()
    receiver.losses.extend([503] * 3)
    receiver.headers = {"Retry-After": "120"}
    post.hear(week[1], events_to(receiver))
    post.work()
    assert receiver.requests == 1
    # neither time nor another reconcile brings it back before that
    post.hear(week[1], events_to(receiver))
    post.wait(119)
    assert receiver.requests == 1
    post.wait(2)
    assert receiver.requests == 2
    receiver.headers = {}
    post.wait()
    post.wait()
    assert post.shown("notifications_total") == {
        'result="delivered",type="cloudevents"': 2.0,
        'result="failed",type="cloudevents"': 3.0,
    }


def test_failing_receiver_holds_up_only_itself(receiver: Receiver, week: tuple[Reconciled, ...]):
    post = Post()
    with Receiver() as other:
        other.losses.extend([503] * 50)
        post.hear(week[4], events_to(other), events_to(receiver))
        post.work()
        assert ids(receiver)[: len(WEEK)] == WEEK
        # the cursor is that of the one that is behind
        assert post.courier.passed_on(REF) == 0
        # reordered, each goes on where it was
        post.hear(week[5], events_to(receiver), events_to(other))
        post.work()
        assert [one for one in ids(receiver) if "/" not in one] == [*WEEK, "17", "19"]


def test_new_receiver_is_told_what_is_new_and_no_history(receiver: Receiver, week: tuple[Reconciled, ...]):
    post = Post()
    post.hear(week[1])
    assert post.courier.passed_on(REF) == week[1].report.ledger_size
    post.hear(week[2], events_to(receiver))
    post.work()
    assert ids(receiver) == ["8"]


def test_receiver_that_is_named_no_more_gets_nothing_more(receiver: Receiver, week: tuple[Reconciled, ...]):
    post = Post()
    receiver.losses.append(503)
    post.hear(week[1], events_to(receiver))
    post.work()
    post.hear(week[2])
    post.wait()
    assert (receiver.requests, post.courier.passed_on(REF)) == (1, week[2].report.ledger_size)


@pytest.mark.parametrize("how", ["deleted", "deposed"])
def test_object_that_is_gone_or_led_by_another_is_silent(how: str, receiver: Receiver, week: tuple[Reconciled, ...]):
    post = Post()
    post.hear(week[1], events_to(receiver))
    if how == "deleted":
        post.courier.forgotten(REF)
    else:
        post.courier.leading(leader=False, transitions=4)
    assert (post.work(), receiver.requests, post.courier.passed_on(REF)) == (0, 0, None)


def test_rehearsal_tells_nobody(receiver: Receiver, week: tuple[Reconciled, ...]):
    post = Post()
    post.hear(replace(week[4], result="rehearsed"), events_to(receiver))
    assert (post.work(), receiver.requests) == (0, 0)


def test_long_backlog_is_sent_in_turns(receiver: Receiver, week: tuple[Reconciled, ...]):
    memory = week[4].memory
    assert memory is not None
    _, alarm = memory.news[-1]
    long = replace(memory, news=[(index, alarm) for index in range(BATCH + 30)])
    report = replace(week[4].report, ledger_size=BATCH + 30)
    done = replace(week[4], memory=long, report=report)
    post = Post()
    post.hear(done, events_to(receiver))
    assert post.shown("notifications_waiting") == {'type="cloudevents"': BATCH + 30 + 1.0}
    assert post.work() >= BATCH // TURN
    assert post.courier.passed_on(REF) == BATCH
    post.hear(done, events_to(receiver))
    post.work()
    assert [one for one in ids(receiver) if "/" not in one] == [str(index) for index in range(BATCH + 30)]


# -- which -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        pytest.param(NotificationFilter(kinds=("drift", "alarm")), ["10", "14"], id="kinds"),
        pytest.param(NotificationFilter(kinds=ALL.kinds, stages=("Production",)), ["8", "13", "8/48h"], id="stages"),
        pytest.param(NotificationFilter(kinds=ALL.kinds, models=("other",)), [], id="models"),
        pytest.param(NotificationFilter(kinds=("verdict",), models=("credit-risk",)), ["4"], id="both"),
        pytest.param(NotificationFilter(kinds=()), [], id="no kind"),
    ],
)
def test_filter_lets_through_what_it_names(
    choice: NotificationFilter, expected: list[str], receiver: Receiver, week: tuple[Reconciled, ...]
):
    post = Post()
    post.hear(week[4], events_to(receiver, choice=choice))
    post.work()
    assert ids(receiver) == expected
    assert post.courier.passed_on(REF) == week[4].report.ledger_size


def test_news_about_no_model_concerns_every_filter(week: tuple[Reconciled, ...]):
    memory = week[4].memory
    assert memory is not None
    *_, (_, alarm) = messages(REF, memory, 14)
    choice = NotificationFilter(kinds=("alarm",), stages=("Production",), models=("fraud",))
    assert not wanted(choice, alarm)
    assert wanted(choice, replace(alarm, model="", stage="", subject="history"))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param(
            timedelta(hours=48),
            {
                -1: [],
                0: [],
                23: [],
                24: ["8/24h"],
                47: ["8/24h"],
                48: ["8/48h late"],
                71: ["8/48h late"],
                72: ["8/72h late"],
            },
            id="two days",
        ),
        pytest.param(
            timedelta(minutes=90), {1: [], 2: ["8/90m late"], 23: ["8/90m late"], 24: ["8/24h late"]}, id="soon"
        ),
        pytest.param(timedelta(hours=30), {29: ["8/24h"], 30: ["8/30h late"], 48: ["8/48h late"]}, id="between"),
        pytest.param(None, {23: [], 24: ["8/24h"], 480: ["8/480h"]}, id="no rule says"),
    ],
)
def test_reminders_come_each_day_and_when_the_review_is_due(
    target: timedelta | None, expected: dict[int, list[str]], week: tuple[Reconciled, ...]
):
    memory = week[2].memory
    assert memory is not None
    targets = {next(iter(memory.open.values())).id: target} if target is not None else {}
    due = {hours: reminders(REF, memory, memory.latest + timedelta(hours=hours), targets) for hours in expected}
    shown = {hours: [f"{m.id}{' late' if m.details['overdue'] else ''}" for m in found] for hours, found in due.items()}
    assert shown == expected


def test_reminder_is_sent_once_and_dated_by_when_it_was_due(receiver: Receiver, week: tuple[Reconciled, ...]):
    memory = week[2].memory
    assert memory is not None
    post = Post()
    for hours in (24, 25, 48, 49):
        post.hear(replace(week[2], at=memory.latest + timedelta(hours=hours)), events_to(receiver), since=10)
        post.work()
    # where a sync broke off, nothing is known of what is due
    post.hear(replace(week[2], report=None, at=memory.latest + timedelta(hours=96)), events_to(receiver), since=10)
    post.work()
    assert ids(receiver) == ["8/24h", "8/48h"]
    last = receiver.received[-1].json
    assert last["time"] == "2026-03-04T09:03:00.000000Z"
    assert "has waited for 48h, and should have been reviewed by now" in last["data"]["summary"]


# -- what ------------------------------------------------------------------------------------------------------------


def test_signature_verifies_as_the_standard_says(receiver: Receiver, secret: str, week: tuple[Reconciled, ...]):
    post = Post()
    receiver.losses.append("reply")
    post.hear(week[1], events_to(receiver, secret))
    post.work()
    post.clock.forward(seconds=30)
    post.wait()
    times = []
    for one in receiver.received:
        name, timestamp = one.headers["webhook-id"], one.headers["webhook-timestamp"]
        content = f"{name}.{timestamp}.".encode() + one.body
        digest = hmac.new(base64.b64decode(SECRET), content, hashlib.sha256).digest()
        assert one.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
        assert one.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
        times.append(int(timestamp))
    first, again = receiver.received[:2]
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    assert times[1] - times[0] == 30


def test_rotated_secret_and_url_are_read_for_each_delivery(
    receiver: Receiver, tmp_path: Path, week: tuple[Reconciled, ...]
):
    url = tmp_path / "url"
    target = Notification(type="slack", filter=ALL, url_file=str(url))
    post = Post()
    post.hear(week[1], target)
    post.work()
    url.write_text(f"{receiver.url}\n")
    post.wait()
    assert len(receiver.received) == 2
    assert post.shown("notifications_total")['result="failed",type="slack"'] == 1.0


@pytest.mark.parametrize(
    ("secret_", "reason"),
    [
        pytest.param(b"whsec_not base64!", "no base64", id="no base64"),
        pytest.param(b"short", "fewer than 24 bytes", id="short"),
        pytest.param(b"whsec_" + base64.b64encode(b"short"), "fewer than 24 bytes", id="short behind its prefix"),
        pytest.param(b"", "fewer than 24 bytes", id="empty"),
    ],
)
def test_weak_secret_is_refused_without_repeating_it(secret_: bytes, reason: str):
    with pytest.raises(InvalidError, match=reason) as caught:
        signing_key(secret_)
    assert not secret_ or secret_.decode() not in str(caught.value)


def test_secret_without_a_prefix_is_its_own_bytes():
    assert signing_key(b"  0123456789abcdef0123456789\n") == b"0123456789abcdef0123456789"


def told(week: tuple[Reconciled, ...]) -> dict[str, Message]:
    """A message of each kind."""
    memory = week[4].memory
    assert memory is not None
    made = {message.kind: message for _, message in messages(REF, memory, 0)}
    assert week[4].report is not None
    (reminder,) = reminders(REF, memory, week[4].at, dict(week[4].report.review_targets))
    return {**made, "reminder": reminder}


HOSTILE = "<!channel> <@U123> @here @dana *x* [a](https://evil.example) `y`\nml/bank approved\u202e\u2028 & <b>"


def test_text_of_strangers_is_inert_on_slack(week: tuple[Reconciled, ...]):
    message = replace(told(week)["pending"], summary=HOSTILE, pull_title=HOSTILE, pull_url="https://x/|<!here>")
    text = json.loads(payload(message))["text"]
    for live in ("<", ">", "@h", "@d", "](", "://", "\u202e", "\u2028", "*x*", "`y`"):
        assert live not in text.partition("\n")[2], live
    # one line for the head, the summary, the title, and each thing that is missing
    missing = message.details["missing"]
    assert isinstance(missing, list)
    assert len(text.splitlines()) == 3 + len(missing)


def test_link_to_the_pull_request_is_shown_as_it_is(week: tuple[Reconciled, ...]):
    url = "https://git.example:3000/acme/models/pulls/12"
    text = json.loads(payload(replace(told(week)["pending"], pull_url=url)))["text"]
    assert text.splitlines()[-1] == url


def test_inert_text_is_bounded():
    assert len(inert("x" * 10_000)) == 601


def test_page_shows_the_payloads_as_they_are(week: tuple[Reconciled, ...]):
    made = told(week)
    blocks = re.findall(r"```json\n(.*?)```", DOC.read_text(), re.DOTALL)
    shown = [json.loads(block) for block in blocks]
    masked = [
        _masked(json.loads(event(made[kind])))
        for kind in ("verdict", "pending", "reminder", "applied", "drift", "alarm")
    ]
    expected = [*masked, _masked(json.loads(payload(made["reminder"])))]
    assert [_masked(one) for one in shown] == expected
    assert f"`{webhook_id(replace(made['alarm'], origin='ledger.example.com/prod', id='14'))}`" in DOC.read_text()


def _masked(data: object) -> object:
    """Without what differs from one run to another: ids of commits and promotions."""
    text = json.dumps(data, ensure_ascii=False)
    return json.loads(re.sub(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{40}\b", "…", text))
