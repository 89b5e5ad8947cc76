"""The main road on Gitea: Staging, then Production."""

from stagewright.demo.gitea_bank import GiteaBank
from stagewright.demo.gitea_server import GiteaError
from stagewright.demo.narration import DifferentError


def promote_to_staging(bank: GiteaBank) -> None:
    """One pull request, one review, one merge; the rest follows."""
    bank.narrator.scene(
        "A promotion to Staging",
        "One command opens a pull request with every pin filled in. The controller says on it what it would come to, "
        "and who has to approve it; after the merge, what became of it.",
    )
    branch = bank.promote(
        "credit-risk", 2, "Staging", "Less regularised, better on the evaluation data", only=("+  ", "✓")
    )
    number, head = bank.number(branch), bank.head(branch)
    bank.check_said(
        "Gitea: the controller's comment says what is missing, and that @cody can give it",
        number,
        ("credit-risk/Staging", "version 2", "0 of 1 given", "@cody"),
    )
    bank.check_marked("Gitea: the commit's status `stagewright` is pending", head, "pending")
    bank.approve("cody", branch)
    bank.check_marked("Gitea: the status is success", head, "success")
    bank.merge(branch, style="squash")
    bank.sync()
    bank.narrator.check(
        "MLflow: challenger → version 2, champion is still version 1",
        actual=bank.aliases("credit-risk"),
        expected={"champion": "1", "challenger": "2"},
    )
    bank.check_said("Gitea: the same comment says now that it was applied", number, ("Applied", "challenger"))
    row = bank.status()["credit-risk/Staging"]
    bank.narrator.check(
        "status: credit-risk/Staging is Synced",
        actual=(row["declared"], row["authorized"], row["actual"], row["state"]),
        expected=("2", "2", "2", "Synced"),
    )


def promote_to_production(bank: GiteaBank) -> None:
    """Merged with one approval too few; Gitea takes no later one, so it is taken back and proposed again."""
    bank.narrator.scene(
        "Production, with one approval too few",
        "Production asks for a code owner and for model risk. Only the code owner has reviewed it when it is merged.",
    )
    branch = bank.promote("credit-risk", 2, "Production", "A week in Staging without findings")
    number = bank.number(branch)
    bank.approve("cody", branch)
    bank.merge(branch)
    merged = bank.head("main")
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
    bank.check_said("Gitea: the comment says so, too", number, ("Model risk", "@mo", "@pat"))
    bank.narrator.check(
        "Gitea takes no review of what was merged", actual=_reviews_merged(bank, number), expected=False
    )
    bank.take_back((merged,), "it is proposed again, since Gitea takes no review after the merge")
    bank.sync()
    again = bank.promote("credit-risk", 2, "Production", "A week in Staging without findings")
    bank.approve("cody", again)
    bank.approve("mo", again)
    bank.merge(again)
    bank.sync()
    bank.narrator.check(
        "MLflow: champion → version 2",
        actual=bank.aliases("credit-risk"),
        expected={"champion": "2", "challenger": "2"},
    )
    verdict = bank.verdict("credit-risk/Production")
    bank.narrator.check(
        "the ledger: approved, by the reviews of @cody and @mo",
        actual=(verdict.verdict, sorted(s.login for s in verdict.sign_offs if s.counted)),
        expected=("approved", ["@cody", "@mo"]),
    )


def _reviews_merged(bank: GiteaBank, number: int) -> bool:
    """Whether Gitea takes Mo's review of a merged pull request."""
    bank.narrator.act("mo", f"tries to approve pull request {number} on Gitea")
    try:
        bank.call("POST", f"/pulls/{number}/reviews", {"event": "APPROVED", "body": ""}, by="mo")
    except GiteaError as error:
        if error.status not in {404, 422}:
            raise DifferentError("Gitea refuses it", expected="404 or 422", actual=str(error)) from error
        bank.narrator.output(str(error))
        return False
    return True
