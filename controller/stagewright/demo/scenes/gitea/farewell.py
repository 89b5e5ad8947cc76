"""Where everything lies, and how to look further."""

import shlex
import sys
from pathlib import Path

from stagewright.demo.gitea_bank import REPOSITORY, GiteaBank
from stagewright.demo.people import JOBS
from stagewright.demo.scenes.farewell import shown
from stagewright.demo.server import SCRIPT


def farewell(bank: GiteaBank, *, seconds: float, kept: bool) -> None:
    """The last words. `kept`: Gitea, MLflow and the controller run on."""
    place = shown(bank.directory)
    print(f"\n{bank.narrator.checks} checks held, in {seconds:.0f} s.\n\nWhere everything lies:", flush=True)
    for name, what in (
        ("gitea", "Gitea's repositories, database and log"),
        ("desired", "Max's clone of the repository; the others have theirs in people/NAME/desired"),
        ("people", "the keys, tokens and homes of everybody"),
        ("registrysync.yaml", "the configuration; commands find it from any folder below"),
        ("ledger", "the signed ledger, in the open layout that any tlog-tiles client reads"),
        ("keys", "the ledger's two private keys, and the controller's token"),
        ("controller", "what the controller said"),
        ("mlflow", "MLflow's database, artifacts and log"),
    ):
        print(f"  {place / name!s:<{len(str(place)) + 19}} {what}", flush=True)
    print("\nTo look further:", flush=True)
    scripts = (("mlflow", "MLflow"), ("gitea", "Gitea"))
    restarts = [f"sh {shlex.quote(str(place / name / SCRIPT))} &   # {what} again" for name, what in scripts]
    for command in (
        f'export PATH="{Path(sys.executable).parent}:$PATH"',
        *(() if kept else restarts),
        f"cd {shlex.quote(str(place / 'desired'))}",
        "export GITEA_TOKEN=$(sed 's|.*:\\(.*\\)@.*|\\1|' ../people/max/git-credentials)",
        "stagewright status",
        "stagewright status --pr 2",
        "stagewright history credit-risk",
        f"stagewright ledger verify ../ledger --key {shlex.quote(bank.log_key)}",
    ):
        print(f"  {command}", flush=True)
    if kept:
        _still_running(bank)


def _still_running(bank: GiteaBank) -> None:
    pids = (bank.server.pid, bank.gitea.pid, bank.controller.pid)
    page = f"{bank.gitea.url}/{REPOSITORY}/pulls?state=closed"
    for line in (
        "\nStill running:",
        f"  MLflow          {bank.server.uri}, process group {pids[0]}",
        f"  Gitea           {bank.gitea.url}, process group {pids[1]}",
        f"  the controller  woken by Gitea's webhooks, process group {pids[2]}",
        f"Look at {page}",
        f"Sign in as {', '.join(JOBS)}; the password is the same for all: {bank.gitea.password}",
        f"  kill -- {' '.join(f'-{pid}' for pid in pids)}   # ends them",
    ):
        print(line, flush=True)
