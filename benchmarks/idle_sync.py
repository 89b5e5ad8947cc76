"""What a sync costs that finds nothing to do, by the size of its ledger, in CPU seconds of this process.

    PYTHONPATH=. .venv/bin/python benchmarks/idle_sync.py 10 1000 10000 [--profile]

The repository is a folder of this machine and the registry is in memory: what is left is the controller's own work.
`first` is the sync of a process that has just started, `idle` the median of those after it.
"""

import argparse
import cProfile
import pstats
import statistics
import tempfile
import time
from pathlib import Path

from stagewright import bootstrap
from stagewright.adapters.clock import SystemClock
from stagewright.app.sync import Syncer
from stagewright.bootstrap.engine import outside_of
from stagewright.ledger import predicates as entry
from stagewright.ledger.log import Ledger
from stagewright.ledger.statement import Statement
from stagewright.model.sync import RegistrySync
from tests.cli_desk import Desk

SYNCS = 9
BATCH = 500


def fill(config: RegistrySync, size: int) -> None:
    """Let the ledger grow to `size` entries."""
    outside = outside_of(config)
    ledger = Ledger.read(outside.store)
    last = ledger.entry(ledger.size - 1).statement
    ledger = Ledger.open(
        outside.store, origin=ledger.origin, log_signer=outside.log_signer, entry_signer=outside.entry_signer
    )
    while ledger.size < size:
        ledger.append([alarm(last)] * min(BATCH, size - ledger.size))


def alarm(like: Statement) -> Statement:
    """An entry that says something and decides nothing, about as long as the others."""
    header = {name: getattr(like.predicate, name) for name in ("sync", "epoch", "controller", "image")}
    at = SystemClock().now()
    said = entry.Alarm(**header, recorded_at=at, type="blocked", message="m" * 300, subject="nobody/Nowhere")
    return Statement(subject=like.subject, predicate=said)


def cpu(job: Syncer) -> float:
    start = time.process_time()
    job.sync()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="+", type=int, help="entries of the ledger")
    parser.add_argument("--profile", action="store_true", help="say what the idle syncs of each size spend it on")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        desk = Desk(Path(room))
        desk.version()
        desk.begin()
        config = bootstrap.load_config(str(desk.config), {})
        print("entries     first      idle")
        for size in given.sizes:
            fill(config, size)
            # as `Desk` does it for the command line
            bootstrap.engine.registry_of = lambda *_given: desk.registry  # type: ignore[assignment]
            syncer = bootstrap.syncer(config)
            first = cpu(syncer)
            profile = cProfile.Profile()
            if given.profile:
                profile.enable()
            idle = statistics.median(cpu(syncer) for _ in range(SYNCS))
            profile.disable()
            grown = syncer.sync().ledger_size
            print(f"{grown:>7} {first:>7.3f} s {idle:>7.4f} s", flush=True)
            if given.profile:
                pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()
