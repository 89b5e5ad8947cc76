"""The main road: Staging, then Production."""

from stagewright.demo.bank import Bank


def promote_to_staging(bank: Bank) -> None:
    """One approval, one merge, one sync."""
    bank.narrator.scene(
        "A promotion to Staging",
        "One command turns a version into a signed branch with every pin filled in: run, model, artifact digest, "
        "evidence digest, trainer. MLflow shows Staging as the alias challenger.",
    )
    branch = bank.promote(
        "credit-risk", 2, "Staging", "Less regularised, better on the evaluation data", only=("+  ", "✓")
    )
    bank.approve("cody", branch)
    bank.merge(branch)
    bank.sync()
    bank.narrator.check(
        "MLflow: challenger → version 2, champion is still version 1",
        actual=bank.aliases("credit-risk"),
        expected={"champion": "1", "challenger": "2"},
    )
    bank.stagewright("max", "status")
    row = bank.status()["credit-risk/Staging"]
    bank.narrator.check(
        "status: credit-risk/Staging is Synced",
        actual=(row["declared"], row["authorized"], row["actual"], row["state"]),
        expected=("2", "2", "2", "Synced"),
    )


def promote_to_production(bank: Bank) -> None:
    """Merged with one approval too few, and applied once the second one is there."""
    bank.narrator.scene(
        "Production, with one approval too few",
        "Production asks for a code owner and for model risk. Only the code owner has signed when the branch is "
        "merged.",
    )
    branch = bank.promote("credit-risk", 2, "Production", "A week in Staging without findings")
    bank.approve("cody", branch)
    bank.merge(branch)
    bank.sync()
    bank.narrator.check(
        "MLflow: champion is still version 1", actual=bank.aliases("credit-risk")["champion"], expected="1"
    )
    bank.stagewright("max", "status")
    row = bank.status()["credit-risk/Production"]
    bank.narrator.check("status: credit-risk/Production is Pending", actual=row["state"], expected="Pending")
    bank.narrator.check_holds(
        "status says what is missing and who can give it: one approval as Model risk, from @mo or @pat",
        text=" ".join(f"{w['requirement']} {w['detail']}" for w in row["waiting"]),
        words=("Model risk", "@mo", "@pat"),
    )
    bank.narrator.say("Model risk signs after the merge, on what is waiting:")
    bank.approve("mo", branch)
    bank.sync()
    bank.narrator.check(
        "MLflow: champion → version 2",
        actual=bank.aliases("credit-risk"),
        expected={"champion": "2", "challenger": "2"},
    )
    verdict = bank.verdict("credit-risk/Production")
    bank.narrator.check(
        "the ledger: approved, by the signatures of @cody and @mo",
        actual=(verdict.verdict, sorted(s.login for s in verdict.sign_offs if s.counted)),
        expected=("approved", ["@cody", "@mo"]),
    )
