"""Where everything lies, and how to look further."""

import shlex

from stagewright.demo.bank import Bank


def farewell(bank: Bank, *, seconds: float, kept: bool) -> None:
    """The last words. `kept`: the MLflow server runs on."""
    place, say = bank.directory, bank.narrator.output
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
        print(f"  {place / name!s:<{len(str(place)) + 20}} {what}", flush=True)
    print("\nTo look further:", flush=True)
    desired = shlex.quote(str(place / "desired"))
    if not kept:
        say(f"{shlex.join(bank.server.command)} &   # MLflow again; needed by status, plan and trace")
    for command in (
        f"cd {desired}",
        "stagewright status",
        "stagewright history credit-risk",
        "stagewright ledger log",
        f"stagewright ledger verify {shlex.quote(str(place / 'ledger'))} --key {shlex.quote(bank.log_key)}",
        "git log --graph --oneline --all",
        "git tag --list 'stagewright/*'   # the signed approvals",
    ):
        say(command)
    if kept:
        print("\nStill running:", flush=True)
        say(f"MLflow {bank.server.uri}, process group {bank.server.pid}; end it with: kill -TERM -- -{bank.server.pid}")
