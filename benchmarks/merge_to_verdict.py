"""How long it is from a merge to its verdict, on GitHub's double: by polling, and when a webhook wakes the controller.

    PYTHONPATH=. .venv/bin/python benchmarks/merge_to_verdict.py [MERGES] [INTERVAL_S]

Merges come at moments that have nothing to do with the polls. The double answers from this machine, so that GitHub's
own latency, some 0.2 s to 0.5 s a question, comes on top: shown is the waiting and the controller's own work.
"""

import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.adversarial.attacked_bank import AttackedBank, begun

GOLDEN = 0.6180339887


class Poller:
    """Syncs, and waits: for as long as it is told, or until it is woken."""

    def __init__(self, bank: AttackedBank, interval_s: float) -> None:
        self._bank = bank
        self._interval_s = interval_s
        self._wake = threading.Event()
        self._over = threading.Event()
        self.judged = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def wake(self) -> None:
        self._wake.set()

    def end(self) -> None:
        self._over.set()
        self._wake.set()
        self.thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            self._wake.clear()
            if any(verdict.answer == "approved" for verdict in self._bank.sync().verdicts):
                self.judged.set()
            self._wake.wait(self._interval_s)


def measure(bank: AttackedBank, merges: int, interval_s: float, *, woken: bool) -> list[float]:
    """Seconds from each merge to the end of the sync that judged it."""
    poller = Poller(bank, interval_s)
    poller.thread.start()
    found = []
    for at in range(merges):
        number = bank.propose({"Staging": 1 + at % 2})
        bank.review("noor", number)
        # spread evenly over the interval, in no order
        time.sleep(interval_s * (at * GOLDEN % 1))
        poller.judged.clear()
        bank.merge(number, "squash")
        merged = time.monotonic()
        if woken:
            poller.wake()
        poller.judged.wait(120)
        found.append(time.monotonic() - merged)
    poller.end()
    return found


def main() -> None:
    merges = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    interval_s = float(sys.argv[2]) if len(sys.argv) > 2 else 5.0
    for woken, how in ((False, f"polling every {interval_s:g} s"), (True, "woken by a webhook")):
        with tempfile.TemporaryDirectory() as folder, begun(Path(folder)) as bank:
            found = sorted(measure(bank, merges, interval_s, woken=woken))
        p95 = statistics.quantiles(found, n=20, method="inclusive")[-1]
        print(f"{how:24} {merges} merges: p50 {statistics.median(found):.2f} s, p95 {p95:.2f} s, max {found[-1]:.2f} s")


if __name__ == "__main__":
    main()
