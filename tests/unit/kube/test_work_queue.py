"""The queue with threads that wait."""

import threading

from stagewright.kube.queue import Fairness, WorkQueue

AGES = 60.0


def _queue() -> WorkQueue[str]:
    return WorkQueue(clock=lambda: 0.0, fraction=lambda: 0.0)


def test_get_while_nothing_is_due_waits_until_something_is_added():
    queue, got = _queue(), list[str | None]()
    worker = threading.Thread(target=lambda: got.append(queue.get()))
    worker.start()

    queue.add("ml/bank")
    worker.join(AGES)

    assert got == ["ml/bank"]


def test_get_after_shut_down_lets_every_worker_go_with_nothing():
    queue, got = _queue(), list[str | None]()
    workers = [threading.Thread(target=lambda: got.append(queue.get())) for _ in range(3)]
    for worker in workers:
        worker.start()

    queue.shut_down()
    queue.add("ml/bank")
    for worker in workers:
        worker.join(AGES)

    assert got == [None, None, None]
    assert queue.depth == 0


def test_add_while_a_worker_has_the_key_gives_it_once_more_after_that():
    queue = _queue()
    queue.add("ml/bank")
    assert queue.get() == "ml/bank"

    queue.add("ml/bank")
    queue.add("ml/bank")

    assert queue.get(timeout_s=0) is None
    queue.done("ml/bank")
    assert queue.get(timeout_s=0) == "ml/bank"
    queue.done("ml/bank")
    assert queue.get(timeout_s=0) is None


def test_add_rate_limited_what_a_system_asked_for_is_kept():
    queue = _queue()

    assert queue.add_rate_limited("ml/bank", at_least_s=120.0) == 120.0
    assert queue.add_rate_limited("ml/bank") == 1.0


def test_discard_forgets_the_key_wholly():
    queue = _queue()
    queue.add("ml/bank")

    queue.discard("ml/bank")

    assert queue.get(timeout_s=0) is None


def test_get_leaves_a_worker_for_others_however_much_one_group_has_to_do():
    queue = WorkQueue[str](
        clock=lambda: 0.0,
        fraction=lambda: 0.0,
        fairly=Fairness(group_of=lambda key: key.partition("/")[0], at_once=2),
    )
    for key in ("ml/a", "ml/b", "ml/c", "risk/bank"):
        queue.add(key)

    given = [queue.get(timeout_s=0) for _ in range(4)]
    queue.done("ml/a")

    assert given == ["ml/a", "ml/b", "risk/bank", None]
    assert queue.get(timeout_s=0) == "ml/c"


def test_get_of_a_group_that_is_full_goes_on_as_soon_as_one_of_it_is_done():
    queue = WorkQueue[str](
        clock=lambda: 0.0, fraction=lambda: 0.0, fairly=Fairness(group_of=lambda _key: "all", at_once=1)
    )
    queue.add("ml/a")
    queue.add("ml/b")
    assert queue.get() == "ml/a"
    got = list[str | None]()
    worker = threading.Thread(target=lambda: got.append(queue.get()))
    worker.start()

    queue.done("ml/a")
    worker.join(AGES)

    assert got == ["ml/b"]
