"""A controller from its start to its end, with workers that are real threads."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from stagewright.kube.caches import SyncCache
from stagewright.kube.controller import Controller, Parts
from stagewright.kube.engines import EngineShelf
from stagewright.kube.observer import Observers
from stagewright.kube.queue import WorkQueue
from stagewright.kube.worker import Workers

LONG_S = 30.0


@dataclass(kw_only=True)
class Feed:
    """An informer that has synced, or not."""

    synced: bool = True
    running: bool = False

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False


@dataclass(kw_only=True)
class Candidate:
    """Leads as soon as it may; what happened is in `told`."""

    told: list[str]
    leading: bool = False
    hung: tuple[str, ...] = ()

    def start(self, *, elected: Callable[[int], None], deposed: Callable[[], None]) -> None:
        del deposed
        self.leading = True
        elected(3)

    def release(self) -> None:
        self.told.append("released")
        self.leading = False

    def stuck(self) -> tuple[str, ...]:
        return self.hung


@dataclass
class House:
    """A controller whose reconciles wait at a door."""

    told: list[str] = field(default_factory=list)
    clock_s: float = 0.0
    grace_s: float = LONG_S
    synced: bool = True

    def __post_init__(self) -> None:
        self.door = threading.Event()
        self.busy = threading.Event()
        self.feed = Feed(synced=self.synced)
        self.candidate = Candidate(told=self.told)
        self.queue = WorkQueue[str](clock=lambda: self.clock_s, fraction=lambda: 0.0)
        self.cache = SyncCache(lambda _: None)
        self.workers = Workers(
            self.queue, self.reconcile, count=2, clock=lambda: self.clock_s, stuck_after_s=900, crashed=self.crashed
        )
        self.controller = Controller(
            Parts(
                queue=self.queue,
                workers=self.workers,
                cache=self.cache,
                engines=EngineShelf(None),  # type: ignore[arg-type] # nothing is built here
                feeds=(self.feed,),
                needed=(self.feed,),
                candidate=self.candidate,
                observer=Observers(),
                seconds=lambda: self.clock_s,
                grace_s=self.grace_s,
            )
        )
        metadata = {"namespace": "ml", "name": "bank", "uid": "1"}
        self.cache.changed("ADDED", {"metadata": metadata})
        self.ended: list[bool] = []
        self.thread = threading.Thread(target=lambda: self.ended.append(self.controller.run()))

    def reconcile(self, key: str) -> None:
        self.busy.set()
        assert self.door.wait(LONG_S)
        self.told.append(f"reconciled {key}")

    def crashed(self, key: str, what: str) -> None:
        self.told.append(f"crashed {key}: {what}")
        self.busy.set()


@pytest.fixture
def house() -> House:
    return House()


def test_controller_that_leads_looks_at_everything_and_ends_what_is_in_hand_before_the_lease(house: House):
    house.thread.start()
    assert house.busy.wait(LONG_S)
    assert house.controller.ready
    assert house.controller.leader

    house.controller.stop()
    house.door.set()
    house.thread.join(LONG_S)

    assert house.ended == [True]
    assert house.told == ["reconciled ml/bank", "released"]
    assert not house.feed.running
    assert not house.controller.ready


def test_controller_whose_sync_does_not_end_in_time_gives_the_lease_back_all_the_same():
    house = House(grace_s=0.05)
    house.thread.start()
    assert house.busy.wait(LONG_S)

    house.controller.stop()
    house.thread.join(LONG_S)

    assert house.ended == [False]
    assert house.told == ["released"]
    house.door.set()


def test_controller_whose_caches_never_fill_is_not_ready_and_can_be_stopped():
    house = House(synced=False)
    house.thread.start()
    house.controller.stop()
    house.thread.join(LONG_S)

    assert house.ended == [True]
    assert house.told == ["released"]
    assert not house.controller.ready


def test_worker_with_one_object_for_too_long_is_told_of(house: House):
    house.thread.start()
    assert house.busy.wait(LONG_S)
    assert house.controller.stuck() == ()

    house.clock_s = 931.0
    house.candidate.hung = ("the candidate",)

    (worker, candidate) = house.controller.stuck()
    assert worker.endswith("at ml/bank for 931 s")
    assert candidate == "the candidate"
    house.controller.stop()
    house.door.set()
    house.thread.join(LONG_S)


def test_worker_whose_object_crashes_it_goes_on_and_never_tells_the_exceptions_text(
    house: House, caplog: pytest.LogCaptureFixture
):
    def crash(_key: str) -> None:
        raise RuntimeError("password=hunter2")

    house.workers._reconcile = crash
    house.thread.start()
    assert house.busy.wait(LONG_S)

    assert house.told[0].startswith("crashed ml/bank: RuntimeError in kube/worker.py:")
    assert "hunter2" not in caplog.text + house.told[0]
    assert house.controller.stuck() == ()
    house.clock_s += 1.0
    house.queue.add("ml/other")
    house.controller.stop()
    house.thread.join(LONG_S)
    assert house.ended == [True]
