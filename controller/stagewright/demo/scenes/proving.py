"""The auditor's questions: where does it come from, and can you prove it?"""

import shutil
from pathlib import Path

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
    version = bank.mlflow.get_model_version("credit-risk", bank.aliases("credit-risk")["champion"])
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
    answer = bank.stagewright(
        "max",
        "ledger",
        "verify",
        str(ledger),
        "--key",
        bank.log_key,
        only=("✓", "?", "proven offline", "only asserted"),
    )
    bank.narrator.check_holds(
        "the ledger verifies, and says what is proven and what the controller only asserts",
        text=(answer.out + answer.err).lower(),
        words=("proven", "asserted"),
    )
    copy = bank.directory / TAMPERED
    shutil.copytree(ledger, copy)
    place, index, at = _middle(copy)
    content = bytearray(place.read_bytes())
    content[at] ^= 1
    place.write_bytes(content)
    bank.narrator.say(f"Now one bit of a copy is flipped, in entry {index}, byte {at} of {place.relative_to(copy)}:")
    answer = bank.stagewright(
        "max", "ledger", "verify", str(copy), "--key", bank.log_key, exit_code=1, only=("FAIL", "NOT verified")
    )
    bank.narrator.check_holds(
        f"verification fails, and says where: entry {index}", text=answer.out, words=("FAIL", f"entry {index}")
    )


def _middle(ledger: Path) -> tuple[Path, int, int]:
    """A bundle of entries, the index of the entry in its middle, and the place of a byte in that entry's middle."""
    bundles = [path for path in (ledger / "tile/entries").rglob("*") if path.is_file()]
    bundle = max(bundles, key=lambda path: path.stat().st_size)
    content = bundle.read_bytes()
    places, at = [], 0
    while at < len(content):
        # each entry follows its length, a big-endian uint16
        length = int.from_bytes(content[at : at + 2], "big")
        places.append(at + 2 + length // 2)
        at += 2 + length
    return bundle, len(places) // 2, places[len(places) // 2]
