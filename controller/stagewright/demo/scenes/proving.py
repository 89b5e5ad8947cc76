"""The auditor's questions: where does it come from, and can you prove it?"""

import shutil

from stagewright.demo.bank import Bank

TAMPERED = "ledger-tampered"


def trace_what_runs(bank: Bank) -> None:
    """From what runs back to its data, hop by hop."""
    bank.narrator.scene(
        "Which model made this decision?",
        "An auditor asks about what runs in Production: its data, its run, its artifacts, who approved it.",
    )
    bank.stagewright("max", "trace", "credit-risk@Production")
    hops = {hop["name"]: hop for hop in bank.read_json("trace", "credit-risk@Production")["hops"]}
    names = ["data set", "run", "artifact", "version", "promotion", "approvals", "in the registry"]
    bank.narrator.check("every hop is there", actual=list(hops), expected=names)
    bank.narrator.check(
        "no hop is missing", actual=[name for name, hop in hops.items() if hop["text"] == "missing"], expected=[]
    )
    version = bank.mlflow.get_model_version("credit-risk", "3")
    run = bank.mlflow.get_run(version.run_id)
    data = {f"{i.dataset.name} {i.dataset.digest}" for i in run.inputs.dataset_inputs}
    shown = {" ".join(text.split(" ")[:2]) for text in (hops["data set"]["text"], *hops["data set"]["detail"])}
    bank.narrator.check(
        "the data sets and the run are MLflow's", actual=(shown, hops["run"]["text"]), expected=(data, run.info.run_id)
    )
    bank.narrator.check_holds(
        "the approvals are those of @cody and @mo",
        text=" ".join((hops["approvals"]["text"], *hops["approvals"]["detail"])),
        words=("@cody", "@mo"),
    )


def verify_the_ledger(bank: Bank) -> None:
    """The ledger verifies offline; a copy with one flipped bit does not."""
    bank.narrator.scene(
        "Can you prove it?",
        "verify needs the folder and a key that is known from elsewhere, no server and no configuration.",
    )
    ledger = bank.directory / "ledger"
    answer = bank.stagewright("max", "ledger", "verify", str(ledger), "--key", bank.log_key)
    bank.narrator.check_holds(
        "the ledger verifies, and says what is proven and what the controller only asserts",
        text=(answer.out + answer.err).lower(),
        words=("proven", "asserted"),
    )
    copy = bank.directory / TAMPERED
    shutil.copytree(ledger, copy)
    bundle = max(
        (copy / "tile/entries").rglob("*"), key=lambda p: (p.is_file(), p.stat().st_size if p.is_file() else 0)
    )
    content = bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 1
    bundle.write_bytes(content)
    place = str(bundle.relative_to(copy))
    bank.narrator.say(f"Now one bit of a copy is flipped, in the middle of {place}:")
    answer = bank.stagewright("max", "ledger", "verify", str(copy), "--key", bank.log_key, exit_code=1, only=("FAIL",))
    bank.narrator.check_holds("verification fails, and says where", text=answer.out + answer.err, words=("FAIL", place))
