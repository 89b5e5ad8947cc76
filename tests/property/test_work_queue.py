"""The queue against its promise, for every order of calls: nothing added is lost, and nobody shares a key."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stagewright.kube.queue import Backoff, WorkQueue

KEYS = "abc"

actions = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(KEYS)),
        st.tuples(st.just("after"), st.sampled_from(KEYS), st.floats(0, 30)),
        st.tuples(st.just("fail"), st.sampled_from(KEYS)),
        st.tuples(st.just("forget"), st.sampled_from(KEYS)),
        st.tuples(st.just("get")),
        st.tuples(st.just("done"), st.sampled_from(KEYS)),
        st.tuples(st.just("wait"), st.floats(0, 30)),
    ),
    max_size=60,
)


@settings(max_examples=150)
@given(actions=actions, fraction=st.floats(0, 1, exclude_max=True))
def test_work_queue_any_calls_gives_each_key_once_and_in_time(actions: list[tuple[Any, ...]], fraction: float):
    now = 0.0
    queue = WorkQueue[str](clock=lambda: now, fraction=lambda: fraction)
    due: dict[str, float] = {}
    held: set[str] = set()
    failures: Counter[str] = Counter()

    def want(key: str, at: float) -> None:
        due[key] = min(at, due.get(key, float("inf")))

    for action in actions:
        match action:
            case ("add", key):
                queue.add(key)
                want(key, now)
            case ("after", key, seconds):
                queue.add_after(key, seconds)
                want(key, now + seconds)
            case ("fail", key):
                failures[key] += 1
                delay = queue.add_rate_limited(key)
                assert 1.0 <= delay <= min(600.0, 2.0 ** failures[key])
                want(key, now + delay)
            case ("forget", key):
                queue.forget(key)
                failures[key] = 0
            case ("get",):
                ready = {key for key, at in due.items() if at <= now and key not in held}
                assert queue.depth == len(ready)
                key = queue.get(timeout_s=0)
                if ready:
                    assert key in ready
                    assert due[key] == min(due[k] for k in ready)
                    del due[key]
                    held.add(key)
                else:
                    assert key is None
            case ("done", key):
                queue.done(key)
                held.discard(key)
            case ("wait", seconds):
                now += seconds

    # whatever is still wanted comes out, in the order of its time
    for key in held:
        queue.done(key)
    now += 10_000
    left = []
    while (key := queue.get(timeout_s=0)) is not None:
        left.append(key)
    assert [due[key] for key in left] == sorted(due.values())
    assert set(left) == set(due)


@given(failures=st.integers(1, 10_000), fraction=st.floats(0, 1, exclude_max=True))
def test_backoff_any_failure_stays_between_its_bounds(failures: int, fraction: float):
    delay = Backoff().delay_s(failures, fraction)

    assert 1.0 <= delay <= 600.0
    assert Backoff().delay_s(failures, 0.0) == 1.0
    assert delay <= Backoff().delay_s(failures + 1, fraction)
