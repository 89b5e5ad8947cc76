"""The process of a controller: logging, signals, pages, webhooks and the controller itself, one inside of the other."""

import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from types import FrameType

from stagewright import __version__
from stagewright.adapters.chance import fraction
from stagewright.adapters.clock import SystemClock
from stagewright.adapters.http_server import PageServer
from stagewright.adapters.kubernetes.client import open_cluster
from stagewright.adapters.kubernetes.references import ClusterReferences, ReferenceFiles
from stagewright.adapters.text_file import text_file
from stagewright.adapters.webhook import ManyDoors, parse_address, read_secrets
from stagewright.bootstrap.controller import seconds, warm_up
from stagewright.bootstrap.notifications import channel_of, outbound
from stagewright.kube.assembly import Wiring, assemble
from stagewright.kube.controller import Controller
from stagewright.kube.courier import NotificationCourier
from stagewright.kube.health import health_pages, metrics_pages
from stagewright.kube.leadership import leadership
from stagewright.kube.logs import LevelFollower, LogFormat, set_up_logging
from stagewright.kube.metrics import Build, Metrics
from stagewright.kube.news import LogObserver
from stagewright.kube.observer import ObjectRef, Observers
from stagewright.kube.queue import WorkQueue
from stagewright.kube.settings import Settings
from stagewright.kube.status import status_of
from stagewright.kube.tracing import SyncTelemetry, open_tracer
from stagewright.kube.webhooks import WebhookDoors
from stagewright.kube.worker import Workers

_log = logging.getLogger(__name__)

# Notifications wait for other systems, and are no reason to let a sync wait.
COURIERS = 2
# How often the file with the log level is looked at.
FOLLOW_EVERY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging:
    """How it logs. `level_file` holds the level where one is mounted; it is read again while the process runs."""

    level: str
    form: LogFormat
    level_file: str | None = None


def run_controller(
    settings: Settings, kubeconfig: str | None, logs: Logging, env: Mapping[str, str] = os.environ
) -> bool:
    """Run until SIGTERM or SIGINT; whether everything in hand ended in time. UsageError: a setting cannot work."""
    set_up_logging(logs.form, logs.level)
    warm_up()
    cluster = open_cluster(kubeconfig)
    metrics = Metrics(
        Build(
            version=__version__,
            revision=env.get("STAGEWRIGHT_REVISION", ""),
            image=(settings.image or "").partition("@")[2],
        ),
        stuck=lambda: len(wiring.controller.stuck()),
    )
    letters = WorkQueue[str](clock=seconds, fraction=fraction)
    out = outbound(settings.places)
    courier = NotificationCourier(
        letters, channels=lambda target: channel_of(target, out), clock=SystemClock(), metrics=metrics
    )
    candidate, fence = leadership(cluster, settings.lease, clock=seconds)
    tracer = open_tracer(env, version=__version__)
    wiring = assemble(
        settings,
        cluster,
        candidate=candidate,
        fence=fence,
        materialiser=ReferenceFiles(Path(settings.places.secrets), ClusterReferences(cluster)),
        statuses=status_of,
        observer=Observers(metrics, courier, LogObserver()),
        courier=courier,
        conditions=metrics.conditions,
        tracer=tracer,
        telemetry=lambda resource: SyncTelemetry(
            ObjectRef(namespace=resource.namespace, name=resource.name, uid=resource.uid), metrics, tracer
        ),
        env=env,
    )
    couriers = Workers(letters, courier.take_turn, count=COURIERS, clock=seconds, stuck_after_s=settings.stuck_after_s)
    with ExitStack() as stack:
        for address, pages, name in (
            (settings.health_address, health_pages(wiring.controller), "health"),
            (settings.metrics_address, metrics_pages(metrics.expose), "metrics"),
        ):
            if address is not None:
                stack.enter_context(PageServer(parse_address(address), pages, name=name))
        if settings.webhook_address is not None:
            stack.enter_context(_webhooks(settings.webhook_address, wiring))
        if logs.level_file is not None:
            stack.enter_context(_following(LevelFollower(text_file(logs.level_file), logs.level)))
        stack.enter_context(_stopped_by_signals(wiring.controller))
        stack.callback(tracer.close)
        couriers.start()
        stack.callback(letters.shut_down)
        return wiring.controller.run()


def _webhooks(address: str, wiring: Wiring) -> ManyDoors:
    doors = WebhookDoors(wiring.desk.resource, read_secrets, wiring.knock, nobody=token_bytes(32))
    return ManyDoors(parse_address(address), doors)


@contextmanager
def _stopped_by_signals(controller: Controller) -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        controller.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _following(follower: LevelFollower) -> Iterator[None]:
    ended = threading.Event()

    def follow() -> None:
        follower.follow()
        while not ended.wait(FOLLOW_EVERY_S):
            follower.follow()

    thread = threading.Thread(target=follow, name="log-level", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
