"""Adopting Stagewright: the repository, what the registry holds, and the first reviewed change."""

from stagewright.demo.bank import Bank
from stagewright.ledger import predicates as entry

LEDGER_NAME = "stagewright.bank.example/prod"
MODEL_RISK = "@bank/model-risk"
CARD_FILE = "cards/credit-risk.md"
CARD = """\
# credit-risk

Scores consumer credit applications, for the credit desk. Not to be used for pricing.

- Data: credit applications, split into training and evaluation; see the data sets of the run
- Quality: area under the ROC curve on the evaluation data, logged as `auc`
- Answers for it: credit-models@bank.example, looked at again every quarter
"""


def look_at_what_was_trained(bank: Bank) -> None:
    """What the training left in MLflow; still the first scene."""
    versions = bank.mlflow.search_model_versions(max_results=100)
    bank.narrator.check(
        "MLflow: three versions each of credit-risk and churn",
        actual=sorted((v.name, int(v.version)) for v in versions),
        expected=[(model, number) for model in ("churn", "credit-risk") for number in (1, 2, 3)],
    )
    bank.narrator.check(
        "MLflow: champion → version 1 of credit-risk", actual=bank.aliases("credit-risk"), expected={"champion": "1"}
    )
    runs = [bank.mlflow.get_run(v.run_id) for v in versions]
    logged = {len(run.inputs.dataset_inputs) for run in runs if run.data.metrics["auc"] and run.data.params}
    bank.narrator.check("each run has parameters, metrics and two data sets with digests", actual=logged, expected={2})


def found_the_repository(bank: Bank) -> None:
    """`init` and `import`."""
    bank.narrator.scene(
        "A repository that says what may run",
        "init makes a bare origin, a clone with the first signed commit (policy, code owners, whose signatures count), "
        "and the two keys of the ledger. import then writes down what MLflow holds already, in mode observe.",
    )
    people = [
        argument
        for person in bank.people.values()
        for argument in ("--person", f"{person.handle}={person.email}:{person.public_key}")
    ]
    bank.stagewright(
        "max", "init", str(bank.directory), "--registry", bank.server.uri, "--origin", LEDGER_NAME,
        "--signing-key", str(bank.people["max"].key),
        "--owner", "@cody", "--owner", "@dana", "--group", f"{MODEL_RISK}=@mo,@pat", *people,
    )  # fmt: skip
    for login, person in bank.people.items():
        if login != "max":
            person.clone_from(bank.directory / "origin.git")
        person.own_clone()
    bank.commit("max", "main", "Describe credit-risk", {CARD_FILE: CARD})
    write_down(bank)


def write_down(bank: Bank) -> None:
    """`import`, and what the repository holds then."""
    bank.stagewright(
        "max", "import", "credit-risk", "--risk-tier", "high", "--owner", "@bank/credit-models",
        "--purpose", "Score consumer credit applications", "--card", CARD_FILE,
    )  # fmt: skip
    text = bank.document("main", "credit-risk")
    bank.narrator.check_holds(
        "models/credit-risk.yaml declares what MLflow holds: version 1 in Production, in mode observe",
        text=text,
        words=("mode: observe", "Production:", "version: 1", "digest: sha256:", "evidence: sha256:"),
    )
    files = bank.git("dana", "ls-tree", "-r", "--name-only", "HEAD").split("\n")
    bank.narrator.check(
        "the repository holds the policy, the code owners, the allowed signers and the model card",
        actual={"stagewright.yaml", "CODEOWNERS", "allowed_signers", CARD_FILE} - set(files),
        expected=set(),
    )


def sync_for_the_first_time(bank: Bank) -> None:
    """Genesis changes nothing in MLflow."""
    bank.narrator.scene(
        "The first sync changes nothing",
        "It begins the ledger: what runs today is adopted, not approved, and says so for ever.",
    )
    before = bank.registry()
    bank.sync()
    bank.narrator.check("MLflow is as it was: aliases, stages and tags", actual=bank.registry(), expected=before)
    entries = bank.ledger()
    adopted = [(a.key, a.state) for p in entries if isinstance(p, entry.Genesis) for a in p.adopted]
    bank.narrator.check(
        "the ledger adopts credit-risk/Production",
        actual=("credit-risk/Production", "adopted") in adopted,
        expected=True,
    )
    bank.narrator.check(
        "the ledger holds no intent to change anything",
        actual=[p for p in entries if isinstance(p, entry.Intent)],
        expected=[],
    )
    bank.log_key = (bank.directory / "ledger/keys/log.vkey").read_text().strip()
    row = bank.status()["credit-risk/Production"]
    bank.narrator.check(
        "status: credit-risk/Production is Synced, in mode observe",
        actual=(row["state"], row["mode"], row["actual"]),
        expected=("Synced", "observe", "1"),
    )


def turn_enforcement_on(bank: Bank) -> None:
    """From observe to enforce."""
    bank.narrator.scene(
        "Enforcement is a reviewed change too",
        "Dana proposes mode enforce for one model. The model is of high risk, so a code owner and model risk sign.",
    )
    bank.stagewright(
        "dana", "mode", "credit-risk", "enforce", "--reason", "Two weeks observed, nothing odd", "--yes",
        only=("mode: ", "✓"),
    )  # fmt: skip
    branch = "mode/credit-risk-enforce"
    bank.approve("cody", branch)
    bank.approve("mo", branch)
    bank.merge(branch)
    before = bank.registry()
    bank.sync()
    bank.narrator.check(
        "the ledger: the change of credit-risk's spec is approved",
        actual=bank.verdict("credit-risk/@spec").verdict,
        expected="approved",
    )
    row = bank.status()["credit-risk/Production"]
    bank.narrator.check(
        "status: credit-risk is in mode enforce, and Synced",
        actual=(row["mode"], row["state"]),
        expected=("enforce", "Synced"),
    )
    bank.narrator.check("MLflow: still nothing was changed", actual=bank.registry(), expected=before)
