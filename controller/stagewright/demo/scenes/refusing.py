"""What does not count, and what is refused, each with its reason."""

from stagewright.demo.bank import Bank
from stagewright.ledger import predicates as entry


def approve_ones_own_change(bank: Bank) -> None:
    """A self-approval, and an approval of something else than what was merged."""
    bank.narrator.scene(
        "Approvals that do not count",
        "Dana is a code owner too, and approves her own promotion. For the other model Cody approves version 1, and "
        "then Dana slips version 2 into the same branch. Both branches are merged all the same.",
    )
    own = bank.promote("credit-risk", 3, "Staging", "Better still")
    bank.approve("dana", own)
    bank.merge(own)
    about = ("--owner", "@bank/churn", "--purpose", "Rank customers by how likely they leave", "--risk-tier", "low")
    changed, other = (bank.promote("churn", version, "Staging", "The first model", *about) for version in (1, 2))
    bank.approve("cody", changed)
    bank.commit("dana", changed, "Tidy up", {"models/churn.yaml": bank.document(other, "churn")})
    bank.merge(changed)
    bank.sync()
    bank.narrator.check(
        "MLflow is as it was",
        actual=(bank.aliases("credit-risk"), bank.aliases("churn")),
        expected=({"champion": "2", "challenger": "2"}, {}),
    )
    _not_counted(bank, "credit-risk/Staging", "@dana", "nobody approves their own work")
    _not_counted(bank, "churn/Staging", "@cody", "other subjects")
    bank.narrator.say("With approvals of what was merged, by somebody who did not make it, both go on:")
    bank.approve("cody", own)
    bank.approve("cody", changed)
    bank.approve("pat", changed)
    bank.sync()
    bank.narrator.check(
        "MLflow: challenger → version 3 of credit-risk, challenger → version 2 of churn",
        actual=(bank.aliases("credit-risk"), bank.aliases("churn")),
        expected=({"champion": "2", "challenger": "3"}, {"challenger": "2"}),
    )


def push_straight_to_main(bank: Bank) -> None:
    """No pull request, no sign-off."""
    bank.narrator.scene(
        "A push straight to main",
        "Dana pushes her proposal of version 3 for Production onto main herself, without merge and review.",
    )
    branch = bank.promote("credit-risk", 3, "Production", "Needed today")
    bank.narrator.command("dana", f"git push origin origin/{branch}:main")
    bank.on_branch("dana", branch)
    bank.push("dana", "main")
    pushed = bank.head("main")
    bank.sync()
    _refused(bank, "credit-risk/Production", "without a pull request")
    bank.narrator.check(
        "MLflow: champion is still version 2", actual=bank.aliases("credit-risk")["champion"], expected="2"
    )
    bank.revert(pushed, "back to what is authorized: nobody has to sign for that")
    bank.sync()
    verdict = bank.verdict("credit-risk/Production")
    bank.narrator.check(
        "the ledger: the revert is approved as a restore, and changes nothing",
        actual=(verdict.verdict, verdict.restore, bank.aliases("credit-risk")["champion"]),
        expected=("approved", True, "2"),
    )


def weaken_the_policy(bank: Bank) -> None:
    """A policy that nobody signed judges nothing; an approval survives an update of its branch."""
    bank.narrator.scene(
        "A weakened policy, and an updated branch",
        "Dana proposes version 3 for Production properly, and Cody approves. Then a policy without model risk is "
        "pushed to main, Dana updates her branch from main, and it is merged.",
    )
    branch = bank.promote("credit-risk", 3, "Production", "Better on the evaluation data")
    approved = bank.head(branch)
    bank.approve("cody", branch)
    bank.on_branch("max", "main")
    policy = (bank.people["max"].clone / "stagewright.yaml").read_text()
    weak = "".join(line for line in policy.splitlines(keepends=True) if "role: Model risk" not in line)
    bank.commit("max", "main", "Make promotions faster", {"stagewright.yaml": weak})
    pushed = bank.head("main")
    bank.narrator.say("Dana updates her branch, as any forge's button does:")
    bank.merge("main", into=branch, who="dana")
    bank.merge(branch)
    bank.sync()
    _refused(bank, "@governance", "without a pull request")
    verdict = bank.verdict("credit-risk/Production")
    bank.narrator.check(
        "the promotion after it is judged by the policy that is authorized: pending, model risk is missing",
        actual=(verdict.verdict, [r.name for r in verdict.requirements if r.state == "missing"]),
        expected=("pending", ["1 approval from @bank/model-risk as Model risk"]),
    )
    bank.narrator.check(
        "Cody's approval counts, though it was given before the branch was updated from main",
        actual=[(s.login, s.commit) for s in verdict.sign_offs if s.counted],
        expected=[("@cody", approved)],
    )
    bank.revert(pushed, "the policy as it is authorized")
    bank.approve("mo", branch)
    bank.sync()
    bank.narrator.check(
        "the ledger: main's policy is restored, and MLflow: champion → version 3",
        actual=(bank.verdict("@governance").restore, bank.aliases("credit-risk")["champion"]),
        expected=(True, "3"),
    )


def lower_the_tier(bank: Bank) -> None:
    """A lower risk tier does not lighten the rules before it is authorized itself."""
    bank.narrator.scene(
        "A tier lowered to dodge the heavy rule",
        "Low risk needs a code owner only. So one branch calls credit-risk low and changes what is in Production.",
    )
    branch = bank.promote("credit-risk", 2, "Production", "Version 3 is slower")
    lowered = bank.edited(branch, "credit-risk", {"riskTier": "low"})
    bank.commit("dana", branch, "Correct the risk tier", {"models/credit-risk.yaml": lowered})
    bank.approve("cody", branch)
    bank.merge(branch)
    merged = bank.head("main")
    bank.sync()
    for key, what in (("credit-risk/@spec", "lowering the tier"), ("credit-risk/Production", "the promotion with it")):
        verdict = bank.verdict(key)
        missing = [f"{r.rule}: {r.name}" for r in verdict.requirements if r.state == "missing"]
        bank.narrator.check(
            f"{what} waits for model risk, by the rule production-is-heavy",
            actual=(verdict.verdict, missing),
            expected=("pending", ["production-is-heavy: 1 approval from @bank/model-risk as Model risk"]),
        )
    bank.revert(merged, "both are withdrawn")
    bank.sync()
    row = bank.status()["credit-risk/Production"]
    bank.narrator.check(
        "status: credit-risk/Production is Synced, with version 3",
        actual=(row["state"], row["actual"]),
        expected=("Synced", "3"),
    )


def _not_counted(bank: Bank, key: str, login: str, why: str) -> None:
    verdict = bank.verdict(key)
    reasons = [s.reason for s in verdict.sign_offs if s.login == login and not s.counted]
    bank.narrator.check_holds(
        f"{key} is {verdict.verdict}; the approval by {login} does not count: {'; '.join(reasons)}",
        text=f"{verdict.verdict} {reasons}",
        words=("pending", why),
    )


def _refused(bank: Bank, key: str, why: str) -> entry.Verdict:
    verdict = bank.verdict(key)
    bank.narrator.check_holds(
        f"{key} is {verdict.verdict}: {verdict.reason}",
        text=f"{verdict.verdict} {verdict.reason}",
        words=("refused", why),
    )
    return verdict
