"""What happens in MLflow behind everybody's back."""

from stagewright.demo.bank import Bank
from stagewright.ledger import predicates as entry


def correct_drift(bank: Bank) -> None:
    """An alias moved by hand is recorded and put back."""
    bank.narrator.scene(
        "Drift, by hand",
        "Somebody with edit rights moves champion back to version 1 in MLflow. Nothing in MLflow would ever tell.",
    )
    bank.narrator.command(
        "someone", "python -c \"MlflowClient().set_registered_model_alias('credit-risk', 'champion', 1)\""
    )
    bank.mlflow.set_registered_model_alias("credit-risk", "champion", "1")
    bank.narrator.check("MLflow: champion → version 1", actual=bank.aliases("credit-risk")["champion"], expected="1")
    bank.sync()
    bank.narrator.check(
        "MLflow: champion → version 3 again", actual=bank.aliases("credit-risk")["champion"], expected="3"
    )
    drifts = [p for p in bank.ledger() if isinstance(p, entry.Drift)]
    bank.narrator.check(
        "the ledger: the drift as it was found, and that it was corrected",
        actual=[(d.model, d.stage, d.found, d.decision) for d in drifts],
        expected=[("credit-risk", "Production", {"champion": "1"}, "corrected")],
    )


def refuse_an_edited_metric(bank: Bank) -> None:
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
    bank.sync()
    verdict = bank.verdict("churn/Staging")
    bank.narrator.check_holds(
        f"churn/Staging is {verdict.verdict}: the evidence digest is another than the one signed off",
        text=f"{verdict.verdict} {verdict.reason}",
        words=("refused", "evidence digest"),
    )
    bank.narrator.check(
        "MLflow: challenger is still version 2 of churn", actual=bank.aliases("churn"), expected={"challenger": "2"}
    )
