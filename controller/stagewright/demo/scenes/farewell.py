"""Where everything lies, and how to look further."""

import shlex
import sys
from pathlib import Path

from stagewright.demo.bank import Bank
from stagewright.demo.server import SCRIPT


def farewell(bank: Bank, *, seconds: float, kept: bool) -> None:
    """The last words. `kept`: the MLflow server runs on."""
    place = shown(bank.directory)
    print(f"\n{bank.narrator.checks} checks held, in {seconds:.0f} s.\n\nWhere everything lies:", flush=True)
    for name, what in (
        ("origin.git", "the repository that says what may run"),
        ("desired", "Max's clone of it; the others have theirs in people/NAME/desired"),
        ("people", "the keys and homes of everybody"),
        ("registrysync.yaml", "the configuration; commands find it from any folder below"),
        ("ledger", "the signed ledger, in the open layout that any tlog-tiles client reads"),
        ("keys", "the ledger's two private keys"),
        ("mlflow", "MLflow's database, artifacts and log"),
    ):
        print(f"  {place / name!s:<{len(str(place)) + 19}} {what}", flush=True)
    print("\nTo look further:", flush=True)
    server = shlex.quote(str(place / "mlflow" / SCRIPT))
    restart = () if kept else (f"sh {server} &   # MLflow again, which status, plan and trace read",)
    for command in (
        f'export PATH="{Path(sys.executable).parent}:$PATH"',
        *restart,
        f"cd {shlex.quote(str(place / 'desired'))}",
        "stagewright status",
        "stagewright history credit-risk",
        "stagewright ledger log",
        f"stagewright ledger verify ../ledger --key {shlex.quote(bank.log_key)}",
        "git log --graph --oneline --all",
        "git tag --list 'stagewright/*'   # the signed approvals",
    ):
        print(f"  {command}", flush=True)
    if kept:
        pid = bank.server.pid
        print(
            f"\nStill running: MLflow at {bank.server.uri}, process group {pid}.\n  kill -- -{pid}   # ends it",
            flush=True,
        )


def shown(path: Path) -> Path:
    """A path as it is best read here: relative where it lies below the current folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
