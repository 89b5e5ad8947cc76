"""`.gitattributes` that hide desired state, as a table; what git itself says of the same files is asked beside it."""

import subprocess
from pathlib import Path

import pytest

from stagewright.core.attributes import hidden

GOVERNED = ("CODEOWNERS", "allowed_signers", "models/credit-risk.yaml", "models/fraud.yaml", "stagewright.yaml")
CREDIT, FRAUD = "models/credit-risk.yaml", "models/fraud.yaml"

HIDING = {
    "one file": ({".gitattributes": "models/credit-risk.yaml -diff\n"}, {(CREDIT, "diff")}),
    "all of a kind at any depth": ({".gitattributes": "*.yaml -diff\n"}, {
        (CREDIT, "diff"), (FRAUD, "diff"), ("stagewright.yaml", "diff"),
    }),
    "everything below a folder": ({".gitattributes": "models/** linguist-generated\n"}, {
        (CREDIT, "linguist-generated"), (FRAUD, "linguist-generated"),
    }),
    "as a word": ({".gitattributes": "/models/fraud.yaml linguist-generated=true\n"}, {(FRAUD, "linguist-generated")}),
    "the macro of git": ({".gitattributes": "stagewright.yaml binary\n"}, {("stagewright.yaml", "diff")}),
    "a macro of one's own": ({".gitattributes": "[attr]quiet -diff\nmodels/*.yaml quiet\n"}, {
        (CREDIT, "diff"), (FRAUD, "diff"),
    }),
    "a macro within a macro": ({".gitattributes": "[attr]quiet binary\nCODEOWNERS quiet\n"}, {("CODEOWNERS", "diff")}),
    "a file in the folder": ({"models/.gitattributes": "fraud.yaml -diff\n"}, {(FRAUD, "diff")}),
    "the deeper file wins": ({".gitattributes": "models/* diff\n", "models/.gitattributes": "*.yaml -diff\n"}, {
        (CREDIT, "diff"), (FRAUD, "diff"),
    }),
    "a filter": ({".gitattributes": "models/*.yaml filter=swap\n"}, {(CREDIT, "filter"), (FRAUD, "filter")}),
    "an encoding": ({".gitattributes": "CODEOWNERS working-tree-encoding=UTF-16\n"}, {
        ("CODEOWNERS", "working-tree-encoding"),
    }),
    "keywords": ({".gitattributes": "allowed_signers ident\n"}, {("allowed_signers", "ident")}),
    "a quoted name": ({".gitattributes": '"models/credit-risk.yaml" -diff\n'}, {(CREDIT, "diff")}),
    "after a comment and an empty line": ({".gitattributes": "# quiet\n\n  models/fraud.yaml\t-diff  \n"}, {
        (FRAUD, "diff"),
    }),
}  # fmt: skip
SHOWING = {
    "nothing": {},
    "other files": {".gitattributes": "*.ipynb -diff linguist-generated\ndata/** filter=lfs diff=lfs -text\n"},
    "a folder by its name": {".gitattributes": "models -diff\nmodels/ -diff\n"},
    "one level only": {".gitattributes": "*/credit.yaml -diff\n/credit-risk.yaml -diff\n"},
    "taken back by a later line": {".gitattributes": "models/* -diff\nmodels/* diff\n"},
    "taken back to nothing": {".gitattributes": "models/* -diff\nmodels/* !diff\n"},
    "taken back in the folder": {".gitattributes": "*.yaml filter=x\n", "models/.gitattributes": "* -filter\n",
                                 "stagewright.yaml/.gitattributes": "x"},
    "what hides nothing": {".gitattributes": "* text=auto eol=lf -merge diff=yaml linguist-generated=false\n"},
    "a negation, which git ignores": {".gitattributes": "!models/* -diff\n"},
    "another case": {".gitattributes": "Models/* -diff\n"},
}  # fmt: skip


@pytest.mark.parametrize(("files", "wanted"), HIDING.values(), ids=HIDING)
def test_attributes_that_hide_are_named_with_their_files(files: dict[str, str], wanted: set[tuple[str, str]]):
    assert {(found.path, found.attribute) for found in hidden(files, GOVERNED)} == wanted


@pytest.mark.parametrize("files", SHOWING.values(), ids=SHOWING)
def test_attributes_that_hide_nothing_governed_are_passed_over(files: dict[str, str]):
    named = {found.path for found in hidden(files, GOVERNED)}
    assert named <= ({"stagewright.yaml"} if "stagewright.yaml/.gitattributes" in files else set())


def test_line_that_hides_is_named():
    files = {".gitattributes": "# first\nmodels/* diff\nmodels/fraud.yaml -diff\n"}
    (found,) = hidden(files, GOVERNED)
    assert (found.file, found.line, found.effect) == (".gitattributes", 3, "no change of it is shown")


@pytest.mark.parametrize("name", [*HIDING, "taken back by a later line", "a folder by its name", "one level only"])
def test_git_reads_the_same_lines_alike(name: str, tmp_path: Path):
    files = HIDING[name][0] if name in HIDING else SHOWING[name]
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    attributes = ("diff", "linguist-generated", "filter", "working-tree-encoding", "ident")
    asked = subprocess.run(
        ["git", "check-attr", "-z", *attributes, "--", *GOVERNED],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    told = list(zip(asked[0::3], asked[1::3], asked[2::3], strict=False))
    plain = {"unspecified", "unset"}
    wanted = {(path, a) for path, a, v in told if (a == "diff" and v == "unset") or (a != "diff" and v not in plain)}
    assert {(found.path, found.attribute) for found in hidden(files, GOVERNED)} == wanted
