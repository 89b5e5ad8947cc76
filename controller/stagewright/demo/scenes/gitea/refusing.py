"""Reviews that do not count."""

from stagewright.demo.gitea_bank import GiteaBank


def approve_ones_own_change(bank: GiteaBank) -> None:
    """A self-approval, and an approval of something else than what was merged."""
    bank.narrator.scene(
        "Approvals that do not count",
        "Dana is a code owner too, and would approve her own pull request, which Gitea does not take. For the other "
        "model Cody approves version 1, and then Dana pushes version 2. Both are merged all the same.",
    )
    own = bank.promote("credit-risk", 3, "Staging", "Better still")
    answer = bank.stagewright("dana", "approve", "--pr", str(bank.settled(own)), "--yes", exit_code=2)
    bank.narrator.check_holds(
        "Gitea does not take Dana's review of her own pull request", text=answer.err, words=("own pull",)
    )
    bank.merge(own)
    first = bank.head("main")
    about = ("--owner", "@bank/churn", "--purpose", "Rank customers by how likely they leave", "--risk-tier", "low")
    changed, other = (bank.promote("churn", version, "Staging", "The first model", *about) for version in (1, 2))
    bank.approve("cody", changed)
    head = bank.head(changed)
    bank.check_marked("Gitea: version 1 waits for model risk alone, who sign off on new models", head, "pending")
    bank.commit("dana", changed, "Tidy up", {"models/churn.yaml": bank.document(other, "churn")})
    number = bank.settled(changed)
    bank.check_said("Gitea: the comment is about version 2 now", number, ("version 2", "0 of 1 given"))
    bank.merge(changed)
    second = bank.head("main")
    bank.sync()
    bank.narrator.check(
        "MLflow is as it was",
        actual=(bank.aliases("credit-risk"), bank.aliases("churn")),
        expected=({"champion": "2", "challenger": "2"}, {}),
    )
    verdict = bank.verdict("credit-risk/Staging")
    bank.narrator.check(
        "credit-risk/Staging is pending, without any approval",
        actual=(verdict.verdict, [s.login for s in verdict.sign_offs if s.counted]),
        expected=("pending", []),
    )
    stale = bank.verdict("churn/Staging")
    reasons = [s.reason for s in stale.sign_offs if s.login == "@cody" and not s.counted]
    bank.narrator.check_holds(
        f"churn/Staging is {stale.verdict}; the approval by @cody does not count: {'; '.join(reasons)}",
        text=f"{stale.verdict} {reasons}",
        words=("pending", "proposed something else"),
    )
    bank.take_back((second, first), "neither was approved")
    bank.sync()
    bank.narrator.say("Proposed again, and approved by somebody who did not make it, both go on:")
    own = bank.promote("credit-risk", 3, "Staging", "Better still")
    bank.approve("cody", own)
    bank.merge(own)
    bank.approve("cody", other)
    bank.approve("pat", other)
    bank.merge(other)
    bank.sync()
    bank.narrator.check(
        "MLflow: challenger → version 3 of credit-risk, challenger → version 2 of churn",
        actual=(bank.aliases("credit-risk"), bank.aliases("churn")),
        expected=({"champion": "2", "challenger": "3"}, {"challenger": "2"}),
    )
