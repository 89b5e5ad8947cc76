"""Text edits: what they write, what they keep, and that git merges them."""

import itertools
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stagewright.errors import InvalidError
from stagewright.model.desired import NOBODY, Spec, StageEntry, StageValue, Trainer
from stagewright.schema.edit import SpecField, new_model, remove_stage, set_spec_field, set_stage
from stagewright.schema.model_document import ModelDocument, parse_model

SPEC = Spec(
    owner="@acme/credit-ml",
    purpose="Score: consumer credit # applications",
    risk_tier="high",
    card="cards/credit-risk.md",
    mode="observe",
    registered_model="credit-risk",
)
ORDER = ("Shadow", "Staging", "Canary", "Production")


def entry(version: int, *, trainer: Trainer | None = None) -> StageEntry:
    digit = f"{version:064x}"
    return StageEntry(
        version=version,
        digest=f"sha256:{digit}",
        evidence=f"sha256:{digit[::-1]}",
        run_id=f"{version:032x}",
        trainer=trainer,
    )


def document(**stages: StageValue) -> str:
    return new_model("credit-risk", SPEC, stages)


def parsed(text: str) -> ModelDocument:
    return parse_model(text.encode(), "models/credit-risk.yaml")


HAND_WRITTEN = """\
# Owned by credit.
apiVersion: stagewright.dev/v1alpha1
kind: Model
metadata: {name: credit-risk}
spec:
    # who answers for it
    riskTier: high   # since 2025
    stages:
        # the one in use
        Production:
            version: 7   # the good one
            digest: sha256:0000000000000000000000000000000000000000000000000000000000000000
            evidence: sha256:0000000000000000000000000000000000000000000000000000000000000000
            source: |-
                models:/m-1
        # the end
# after the end
"""


def test_new_model_of_a_spec_and_stages_writes_one_block_each():
    text = new_model("credit-risk", SPEC, {"Staging": entry(9, trainer=Trainer(name="@dana", declared=True))})
    assert text == (
        "apiVersion: stagewright.dev/v1alpha1\n"
        "kind: Model\n"
        "metadata:\n"
        "  name: credit-risk\n"
        "spec:\n"
        '  owner: "@acme/credit-ml"\n'
        '  purpose: "Score: consumer credit # applications"\n'
        "  riskTier: high\n"
        "  card: cards/credit-risk.md\n"
        "  mode: observe\n"
        "  stages:\n"
        "    Staging:\n"
        "      version: 9\n"
        '      runId: "00000000000000000000000000000009"\n'
        "      digest: sha256:0000000000000000000000000000000000000000000000000000000000000009\n"
        "      evidence: sha256:9000000000000000000000000000000000000000000000000000000000000000\n"
        '      trainer: {declared: "@dana"}\n'
        "\n"
        "    # One block per stage, an empty line after each: so promotions of two stages merge without conflict.\n"
    )


def test_new_model_without_stages_leaves_the_key_out():
    text = new_model("credit-risk", replace(SPEC, registered_model="Credit Risk"), {})
    assert "stages" not in text
    assert parsed(text) == ModelDocument(
        name="credit-risk", spec=replace(SPEC, registered_model="Credit Risk"), stages={}
    )


@pytest.mark.parametrize(
    "word", ["no", "On", "null", "~", "1e3", "0x9", "1:30", "- x", "a: b", "a #b", "é", '"', "\\", "=", "%x"]
)
def test_new_model_of_a_word_that_yaml_reads_otherwise_quotes_it(word: str):
    assert parsed(new_model("credit-risk", replace(SPEC, owner=word), {})).spec.owner == word


def test_set_stage_of_an_existing_stage_changes_its_lines_alone():
    before = document(Staging=entry(9), Production=entry(7))
    after = set_stage(before, "Production", entry(9))
    assert after == before.replace(f"{7:064x}", f"{9:064x}").replace(f"{7:064x}"[::-1], f"{9:064x}"[::-1]).replace(
        "version: 7", "version: 9"
    ).replace(f"{7:032x}", f"{9:032x}")


def test_set_stage_in_a_hand_written_layout_keeps_every_comment_outside_the_entry():
    after = set_stage(HAND_WRITTEN, "Production", NOBODY)
    assert after == HAND_WRITTEN[: HAND_WRITTEN.index("        Production:")] + "        Production: none\n" + (
        "        # the end\n# after the end\n"
    )


def test_set_stage_of_a_new_stage_goes_where_the_order_says():
    text = document(Staging=entry(9), Production=entry(7))
    for stage in ("Canary", "Shadow"):
        text = set_stage(text, stage, NOBODY, order=ORDER)
    assert list(parsed(text).stages) == ["Shadow", "Staging", "Canary", "Production"]


def test_set_stage_of_a_new_stage_before_another_leaves_the_comment_with_its_own():
    after = set_stage(HAND_WRITTEN, "Canary", NOBODY, order=ORDER)
    assert "    stages:\n        Canary: none\n\n        # the one in use\n        Production:\n" in after


def test_set_stage_of_a_new_last_stage_follows_an_empty_line():
    after = set_stage(HAND_WRITTEN, "Shadow", NOBODY)
    assert "models:/m-1\n\n        Shadow: none\n        # the end\n" in after


@pytest.mark.parametrize("empty", ["", "  stages: {}\n"])
def test_set_stage_of_the_first_stage_begins_the_stages(empty: str):
    text = new_model("credit-risk", SPEC, {}) + empty
    assert set_stage(text, "Staging", entry(9)) == document(Staging=entry(9))


def test_set_stage_in_a_text_with_crlf_keeps_it():
    before = document(Staging=entry(9)).replace("\n", "\r\n")
    assert set_stage(before, "Staging", NOBODY) == document(Staging=NOBODY).replace("\n", "\r\n")


def test_set_stage_in_a_text_without_a_final_line_feed_adds_it():
    before = HAND_WRITTEN.removesuffix("        # the end\n# after the end\n").removesuffix("\n")
    assert parsed(set_stage(before, "Shadow", NOBODY)).stages["Shadow"] == NOBODY


@pytest.mark.parametrize(
    ("row", "old", "new"),
    [
        ("the whole spec in braces", HAND_WRITTEN[HAND_WRITTEN.index("spec:") :], "spec: {riskTier: high}\n"),
        ("the stages in braces", HAND_WRITTEN[HAND_WRITTEN.index("    stages:") :], "    stages: {Production: none}\n"),
        (
            "the whole document in braces",
            HAND_WRITTEN,
            "{apiVersion: stagewright.dev/v1alpha1, kind: Model, metadata: {name: credit-risk}, spec: {riskTier: low}}",
        ),
    ],
)
def test_set_stage_in_flow_style_is_refused(row: str, old: str, new: str):
    assert row
    with pytest.raises(InvalidError, match="block style"):
        set_stage(HAND_WRITTEN.replace(old, new), "Shadow", NOBODY)


def test_set_stage_with_a_value_that_no_document_may_hold_is_refused():
    with pytest.raises(InvalidError, match="cannot be edited so: 0 is less than 1"):
        set_stage(document(), "Shadow", replace(entry(9), version=0))


def test_set_stage_of_an_invalid_document_is_refused():
    with pytest.raises(InvalidError, match="riskTier is missing"):
        set_stage(HAND_WRITTEN.replace("    riskTier: high   # since 2025\n", ""), "Shadow", NOBODY)


def test_remove_stage_of_one_of_two_leaves_the_other_as_it_was():
    assert remove_stage(document(Staging=entry(9), Production=entry(7)), "Staging") == document(Production=entry(7))


def test_remove_stage_of_the_only_one_removes_the_key():
    assert remove_stage(document(Staging=entry(9)), "Staging") == document()


def test_remove_stage_that_is_not_there_is_refused():
    with pytest.raises(InvalidError, match="declares no stage Canary"):
        remove_stage(document(Staging=entry(9)), "Canary")


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("mode", "enforce", "    mode: enforce\n"),
        ("owner", "@mo", '    owner: "@mo"\n'),
        ("purpose", "yes", '    purpose: "yes"\n'),
        ("card", "cards/a.md", "    card: cards/a.md\n"),
        ("registeredModel", "Credit Risk", "    registeredModel: Credit Risk\n"),
        ("riskTier", "low", "    riskTier: low   # since 2025\n"),
    ],
)
def test_set_spec_field_writes_its_line_and_can_take_it_back(field: SpecField, value: str, line: str):
    after = set_spec_field(HAND_WRITTEN, field, value)
    assert line in after
    if field != "riskTier":
        assert set_spec_field(after, field, None) == HAND_WRITTEN


def test_set_spec_field_that_is_not_there_to_none_changes_nothing():
    assert set_spec_field(HAND_WRITTEN, "owner", None) == HAND_WRITTEN


def test_set_spec_field_of_the_tier_to_none_is_refused():
    with pytest.raises(InvalidError, match="riskTier is missing"):
        set_spec_field(HAND_WRITTEN, "riskTier", None)


# Each is what one branch does to a document that holds Staging and Production.
CHANGES: dict[str, Callable[[str], str]] = {
    "every pin of Staging": lambda text: set_stage(
        text, "Staging", entry(11, trainer=Trainer(name="@mo", declared=True))
    ),
    "nobody in Staging": lambda text: set_stage(text, "Staging", NOBODY),
    "Staging released": lambda text: remove_stage(text, "Staging"),
    "every pin of Production": lambda text: set_stage(
        text, "Production", entry(11, trainer=Trainer(name="dana", declared=False))
    ),
    "nobody in Production": lambda text: set_stage(text, "Production", NOBODY),
    "Production released": lambda text: remove_stage(text, "Production"),
    "Shadow added": lambda text: set_stage(text, "Shadow", entry(11), order=ORDER),
    "Canary added": lambda text: set_stage(text, "Canary", entry(11), order=ORDER),
    "a stage added at the end": lambda text: set_stage(text, "Zed", entry(11), order=ORDER),
    "the mode": lambda text: set_spec_field(text, "mode", "enforce"),
    "the registered name": lambda text: set_spec_field(text, "registeredModel", "other"),
}
# the same stage on both branches: a person has to look at it anyway
SAME = [{name for name in CHANGES if stage in name} for stage in ("Staging", "Production")]
# both change the border between two neighbours
CONFLICTS = [
    ("nobody in Staging", "Shadow added"),
    ("Staging released", "nobody in Production"),
    ("Staging released", "Production released"),
    ("Staging released", "Shadow added"),
    ("Staging released", "Canary added"),
    ("nobody in Production", "Canary added"),
    ("Production released", "Canary added"),
    ("Production released", "a stage added at the end"),
    ("the mode", "the registered name"),
]
MERGES = [
    pair
    for pair in itertools.combinations(CHANGES, 2)
    if pair not in CONFLICTS and not any(set(pair) <= same for same in SAME)
]


def merge(pair: tuple[str, str], folder: Path) -> tuple[int, str]:
    """What git makes of the two changes, and how many conflicts it finds."""
    base = document(Staging=entry(9), Production=entry(7))
    ours, theirs = (CHANGES[name](base) for name in pair)
    for name, text in (("base", base), ("ours", ours), ("theirs", theirs)):
        (folder / name).write_text(text, encoding="utf-8")
    command = ["git", "merge-file", "-p", "ours", "base", "theirs"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("pair", [pytest.param(pair, id=" + ".join(pair)) for pair in MERGES])
def test_git_merges_two_changes_of_one_document(pair: tuple[str, str], tmp_path: Path):
    conflicts, text = merge(pair, tmp_path)
    assert conflicts == 0, text
    base = document(Staging=entry(9), Production=entry(7))
    both = parsed(CHANGES[pair[1]](CHANGES[pair[0]](base)))
    assert (parsed(text).spec, dict(parsed(text).stages)) == (both.spec, dict(both.stages))


@pytest.mark.parametrize("pair", [pytest.param(pair, id=" + ".join(pair)) for pair in CONFLICTS])
def test_git_conflicts_where_two_changes_meet(pair: tuple[str, str], tmp_path: Path):
    conflicts, _ = merge(pair, tmp_path)
    assert conflicts == 1


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Dana", "-c", "user.email=dana@acme.example", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("every pin of Staging", "every pin of Production"),
        ("every pin of Production", "a stage added at the end"),
        ("every pin of Production", "Canary added"),
        ("every pin of Staging", "Canary added"),
    ],
)
def test_git_merge_of_two_branches_needs_nobody(left: str, right: str, tmp_path: Path):
    file = tmp_path / "credit-risk.yaml"
    base = document(Staging=entry(9), Production=entry(7))
    git(tmp_path, "init", "-q", "-b", "main")
    file.write_text(base, encoding="utf-8")
    git(tmp_path, "add", "credit-risk.yaml")
    git(tmp_path, "commit", "-q", "-m", "base")
    for branch, change in (("left", left), ("right", right)):
        git(tmp_path, "checkout", "-q", "-b", branch, "main")
        file.write_text(CHANGES[change](base), encoding="utf-8")
        git(tmp_path, "commit", "-q", "-a", "-m", change)
    git(tmp_path, "checkout", "-q", "main")
    for branch in ("left", "right"):
        git(tmp_path, "merge", "-q", "--no-ff", "-m", f"merge {branch}", branch)
    assert dict(parsed(file.read_text("utf-8")).stages) == dict(parsed(CHANGES[right](CHANGES[left](base))).stages)
