"""Two pushes straight to main, and what happens in the two minutes until they are certain to be no merges.

Gitea marks a pull request as merged after the branch has moved. So a commit without a pull request is refused, for
ever, only when it is two minutes old; until then the walk waits, and keeps in MLflow what is authorized.
"""

import time

from stagewright.adapters.gitea.forge import GRACE
from stagewright.demo.gitea_bank import GiteaBank
from stagewright.errors import StagewrightError
from stagewright.ledger import predicates as entry

MARGIN_S = 2.0


def push_straight_to_main(bank: GiteaBank) -> None:
    """No pull request, no sign-off, not even for an administrator."""
    bank.narrator.scene(
        "An administrator pushes straight to main",
        "Dana proposes version 3 of credit-risk for Production, and Cody approves. She proposes version 2 of churn, "
        "too. Gitea's branch protection lets nobody push to main but Max, and that is what he does.",
    )
    proper = bank.promote("credit-risk", 3, "Production", "Better on the evaluation data")
    bank.pushed["approved"] = bank.head(proper)
    bank.approve("cody", proper)
    branch = bank.promote("churn", 2, "Production", "Needed today")
    bank.narrator.check("Gitea refuses Dana's push to main", actual=_pushes(bank, "dana", branch), expected=False)
    bank.narrator.check("Gitea takes Max's push to main", actual=_pushes(bank, "max", branch), expected=True)
    bank.pushed["direct"] = bank.head("main")
    answer = bank.read_on(word="without a pull request")
    bank.narrator.check_holds(
        "the controller waits: Gitea may not have noticed yet that it was a merge", text=answer.out, words=("waiting",)
    )


def weaken_the_policy(bank: GiteaBank) -> None:
    """A policy that nobody reviewed judges nothing; an approval survives an update of its branch."""
    bank.narrator.scene(
        "A weakened policy, and an updated branch",
        "A policy without model risk is pushed to main. Dana updates the branch that Cody approved from main, and it "
        "is merged.",
    )
    branch = "promote/credit-risk-production-v3"
    bank.on_branch("max", "main")
    policy = (bank.people["max"].clone / "stagewright.yaml").read_text()
    weak = "".join(line for line in policy.splitlines(keepends=True) if "role: Model risk" not in line)
    bank.commit("max", "main", "Make promotions faster", {"stagewright.yaml": weak})
    bank.pushed["policy"] = bank.head("main")
    bank.certain_at = time.monotonic() + GRACE.total_seconds() + MARGIN_S
    bank.merge("main", into=branch, who="dana")
    bank.merge(branch)
    bank.pushed["production"] = bank.head("main")
    bank.narrator.check(
        "MLflow: champion is still version 2", actual=bank.aliases("credit-risk")["champion"], expected="2"
    )


def correct_drift(bank: GiteaBank) -> None:
    """An alias moved by hand is recorded and put back, also while history waits."""
    bank.narrator.scene(
        "Drift, by hand",
        "Somebody with edit rights moves champion back to version 1 in MLflow, which tells nobody. History waits, but "
        "what is authorized is known, and the next sync puts it back.",
    )
    bank.narrator.command(
        "someone", "python -c \"MlflowClient().set_registered_model_alias('credit-risk', 'champion', 1)\""
    )
    bank.mlflow.set_registered_model_alias("credit-risk", "champion", "1")
    bank.wake("drift corrected", "applied")
    bank.narrator.check(
        "MLflow: champion → version 2 again", actual=bank.aliases("credit-risk")["champion"], expected="2"
    )
    drifts = [p for p in bank.ledger() if isinstance(p, entry.Drift)]
    bank.narrator.check(
        "the ledger: the drift as it was found, and that it was corrected",
        actual=[(d.model, d.stage, d.found, d.decision) for d in drifts],
        expected=[("credit-risk", "Production", {"champion": "1"}, "corrected")],
    )


def edit_a_metric(bank: GiteaBank) -> None:
    """Evidence is pinned: what changes after the review is not what was reviewed."""
    bank.narrator.scene(
        "A metric edited after the review",
        "Version 3 of churn is proposed for Staging and approved. Before it is merged, somebody logs a better auc into "
        "its run.",
    )
    branch = bank.promote("churn", 3, "Staging", "Better on the evaluation data")
    bank.approve("cody", branch)
    run_id = bank.mlflow.get_model_version("churn", "3").run_id
    bank.narrator.command("someone", f"python -c \"MlflowClient().log_metric('{run_id}', 'auc', 0.9999)\"")
    bank.mlflow.log_metric(run_id, "auc", 0.9999)
    bank.merge(branch)
    bank.pushed["metric"] = bank.head("main")
    bank.narrator.check(
        "MLflow: challenger is still version 2 of churn", actual=bank.aliases("churn"), expected={"challenger": "2"}
    )


def judge_what_was_pushed(bank: GiteaBank) -> None:
    """When it is certain, all that waited is judged, in its order and each by the policy authorized then."""
    bank.narrator.scene(
        "When the two minutes are over",
        "Now it is certain that the pushes came without a pull request, and all that waited behind them is judged.",
    )
    before = bank.registry()
    time.sleep(max(0.0, bank.certain_at - time.monotonic()))
    bank.wake("history: pull request", at=bank.head("main"))
    for key in ("churn/Production", "@governance"):
        verdict = bank.verdict(key)
        bank.narrator.check_holds(
            f"{key} is {verdict.verdict}: {verdict.reason}",
            text=f"{verdict.verdict} {verdict.reason}",
            words=("refused", "without a pull request"),
        )
    verdict = bank.verdict("credit-risk/Production")
    bank.narrator.check(
        "the promotion after it is judged by the policy that is authorized: pending, model risk is missing",
        actual=(verdict.verdict, [r.name for r in verdict.requirements if r.state == "missing"]),
        expected=("pending", ["1 approval from @bank/model-risk as Model risk"]),
    )
    bank.narrator.check(
        "Cody's approval counts, though it was given before the branch was updated from main",
        actual=[(s.login, s.commit) for s in verdict.sign_offs if s.counted],
        expected=[("@cody", bank.pushed["approved"])],
    )
    verdict = bank.verdict("churn/Staging")
    bank.narrator.check_holds(
        f"churn/Staging is {verdict.verdict}: the evidence digest is another than the one signed off",
        text=f"{verdict.verdict} {verdict.reason}",
        words=("refused", "evidence digest"),
    )
    bank.narrator.check("MLflow is as it was", actual=bank.registry(), expected=before)
    newest_first = [bank.pushed[name] for name in ("metric", "production", "policy", "direct")]
    bank.take_back(newest_first, "back to what is authorized: nobody has to approve that")
    bank.sync()
    verdict = bank.verdict("@governance")
    bank.narrator.check(
        "the ledger: main's policy is restored", actual=(verdict.verdict, verdict.restore), expected=("approved", True)
    )
    bank.narrator.say("Version 3 is proposed again, and both approve:")
    branch = bank.promote("credit-risk", 3, "Production", "Better on the evaluation data")
    bank.approve("cody", branch)
    bank.approve("mo", branch)
    bank.merge(branch)
    bank.sync()
    bank.narrator.check("MLflow: champion → version 3", actual=bank.aliases("credit-risk")["champion"], expected="3")


def _pushes(bank: GiteaBank, who: str, branch: str) -> bool:
    """Push what a branch proposes straight to main; whether Gitea takes it."""
    bank.narrator.command(who, f"git push origin origin/{branch}:main")
    bank.on_branch(who, branch)
    try:
        bank.push(who, "main")
    except StagewrightError as error:
        bank.narrator.output(str(error), only=("rejected", "protected"))
        return False
    return True
