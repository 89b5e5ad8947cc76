"""Syncing again and again, without waiting for a clock: the sync itself wakes and stops the watch."""

import os
import signal
from collections.abc import Callable

import pytest

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.terminal import Terminal
from stagewright.cli.watch import Watch
from stagewright.errors import LedgerConflictError, StagewrightError, UnreachableError, UsageError

# longer than any test may last: only a wake-up or a stop goes on
FOR_EVER_S = 3600.0


def play(*acts: Callable[[Watch], None]) -> tuple[ExitCode, int]:
    """Run a watch whose n-th sync does the n-th act; the exit code and how many syncs there were."""
    watch, count = Watch(FOR_EVER_S), 0

    def sync() -> ExitCode:
        nonlocal count
        act, count = acts[count], count + 1
        act(watch)
        return ExitCode.YES

    return watch.run(sync, Terminal(env={})), count


def fail(error: StagewrightError) -> Callable[[Watch], None]:
    def act(watch: Watch) -> None:
        watch.wake()
        raise error

    return act


def kill(number: int) -> Callable[[Watch], None]:
    return lambda _watch: os.kill(os.getpid(), number)


def test_watch_woken_many_times_during_a_sync_syncs_once_more():
    def wake_often(watch: Watch) -> None:
        for _ in range(5):
            watch.wake()

    assert play(wake_often, Watch.stop) == (ExitCode.YES, 2)


def test_watch_on_sigterm_ends_after_the_running_sync():
    assert play(kill(signal.SIGTERM)) == (ExitCode.YES, 1)


def test_watch_on_sigint_ends_after_the_running_sync_and_says_interrupted():
    assert play(kill(signal.SIGINT)) == (ExitCode.INTERRUPTED, 1)


def test_watch_on_a_second_sigint_ends_at_once():
    def twice(watch: Watch) -> None:
        kill(signal.SIGINT)(watch)
        kill(signal.SIGINT)(watch)

    with pytest.raises(KeyboardInterrupt):
        play(twice)


def test_watch_on_sigusr1_begins_the_next_sync_at_once():
    assert play(kill(signal.SIGUSR1), Watch.stop) == (ExitCode.YES, 2)


def test_watch_gives_the_signals_back():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)]
    play(Watch.stop)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)] == before


@pytest.mark.parametrize("error", [UnreachableError("away"), LedgerConflictError("locked")], ids=["away", "locked"])
def test_watch_after_an_error_that_may_pass_goes_on(error: StagewrightError, capsys: pytest.CaptureFixture[str]):
    assert play(fail(error), Watch.stop) == (ExitCode.YES, 2)
    assert str(error) in capsys.readouterr().err


def test_watch_with_a_wrong_configuration_ends_at_once():
    assert play(fail(UsageError("no trust root"))) == (ExitCode.USAGE, 1)
