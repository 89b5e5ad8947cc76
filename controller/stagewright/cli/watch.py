"""Syncing again and again: one sync at a time, wake-ups while one runs come to one more, signals end it cleanly."""

import signal
import threading
from collections.abc import Callable
from types import FrameType

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.failures import exit_code, show
from stagewright.cli.terminal import Terminal
from stagewright.errors import InvalidError, StagewrightError, UnreachableError


class Watch:
    """Repeats a sync every `interval_s` seconds until a signal says to stop."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._woken = threading.Event()
        self._stopped: int | None = None

    def run(self, sync: Callable[[], ExitCode], terminal: Terminal) -> ExitCode:
        """Go on until SIGTERM (0) or SIGINT (130); a sync that is running is ended first. SIGUSR1 wakes.

        What is wrong with the configuration ends it at once; any other error is told, and tried again.
        """
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        try:
            return self._loop(sync, terminal)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def wake(self) -> None:
        """Begin the next sync at once; while one runs, right after it. Many wake-ups are one."""
        self._woken.set()

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End after the sync that is running."""
        self._stopped = number
        self._woken.set()

    def _loop(self, sync: Callable[[], ExitCode], terminal: Terminal) -> ExitCode:
        while True:
            # in this order: a signal that comes in between is seen below, not slept over
            self._woken.clear()
            if self._stopped is not None:
                break
            pause = self._interval_s
            try:
                sync()
            except InvalidError as error:
                show(error, terminal)
                return exit_code(error)
            except StagewrightError as error:
                show(error, terminal)
                if isinstance(error, UnreachableError) and error.retry_after_s is not None:
                    pause = max(pause, error.retry_after_s)
            self._woken.wait(pause)
        terminal.say("stopped")
        return ExitCode.INTERRUPTED if self._stopped == signal.SIGINT else ExitCode.YES

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGUSR1:
            self.wake()
        elif self._stopped is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            self.stop(number)


_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
