"""Files of one commit: roles, refusals, governance by content."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import rfc8785
import yaml

from stagewright.errors import DocumentError
from stagewright.model.desired import CodeOwnersLines, DocumentProblem, GovernanceValue
from stagewright.model.policy import Governance, OwnerRule
from stagewright.model.source import SourceFile
from stagewright.schema.allowed_signers import parse_allowed_signers
from stagewright.schema.desired import Rejected, Role, parse_model_file, parse_tree, role_of
from stagewright.schema.governance import governance_value, load_governance
from stagewright.schema.model_document import ModelDocument
from stagewright.schema.policy_document import parse_policy

TABLES = Path(__file__).parents[2] / "vectors" / "documents"
SIGNERS = b"dana@x.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n"
MODEL = b"apiVersion: stagewright.dev/v1alpha1\nkind: Model\nmetadata: {name: %s}\nspec: {riskTier: low}\n"
POLICY: Any = yaml.safe_load((TABLES / "policy.yaml").read_text("utf-8"))["base"].encode()


def file(path: str, *, mode: int = 0o100644, size: int = 100) -> SourceFile:
    return SourceFile(path=path, mode=mode, blob=f"blob of {path}", size=size)


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("ml/models/a.yaml", Role.MODEL),
        ("ml/models/a.yml", Role.MODEL),
        ("ml/models/A.YAML", Role.MODEL),
        ("ml/models/x/a.yaml", Role.MODEL),
        ("ml/models/a.json", Role.MODEL),
        ("ml/models/README.md", None),
        ("models/a.yaml", None),
        ("ml/stagewright.yaml", Role.POLICY),
        ("stagewright.yaml", None),
        ("ml/allowed_signers", Role.ALLOWED_SIGNERS),
        ("CODEOWNERS", Role.CODEOWNERS),
        (".github/CODEOWNERS", Role.CODEOWNERS),
        ("docs/CODEOWNERS", Role.CODEOWNERS),
        ("ml/CODEOWNERS", None),
        ("ml/cards/a.md", None),
    ],
)
def test_role_of_a_file_is_told_by_its_path(path: str, role: Role | None):
    assert role_of(path, "ml") == role


@pytest.mark.parametrize(
    ("row", "given", "data", "reason"),
    [
        ("a symbolic link", file("models/a.yaml", mode=0o120000), MODEL % b"a", "a symbolic link"),
        ("a submodule", file("models/a.yaml", mode=0o160000), b"", "a submodule"),
        ("a folder", file("models/a.yaml", mode=0o40000), b"", "no regular file (mode 40000)"),
        (
            "ten megabytes",
            file("models/a.yaml", size=10_000_000),
            b"",
            "the file has 10000000 bytes, at most 1048576 are read",
        ),
        (
            "more bytes than the tree says",
            file("models/a.yaml"),
            b"#" * 1_048_577,
            "the file has 1048577 bytes, at most 1048576 are read",
        ),
        (
            "a pointer of Git LFS",
            file("models/a.yaml"),
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
            "a pointer of Git LFS, not the document",
        ),
    ],
)
def test_parse_model_file_of_what_is_no_document_rejects_it(row: str, given: SourceFile, data: bytes, reason: str):
    assert row
    result = parse_model_file(given, data, "")
    assert isinstance(result, Rejected)
    assert [(one.file, one.line, one.column, one.reason, one.model) for one in result.problems] == [
        ("models/a.yaml", 1, 1, reason, "a")
    ]


def test_parse_model_file_that_is_executable_is_read():
    assert isinstance(parse_model_file(file("models/a.yaml", mode=0o100755), MODEL % b"a", ""), ModelDocument)


@pytest.mark.parametrize("path", ["models/a.yml", "models/x/a.yaml", "models/a.YAML", "models/.yaml"])
def test_parse_model_file_in_another_place_says_where_it_belongs(path: str):
    result = parse_model_file(file(path), MODEL % b"a", "")
    assert isinstance(result, Rejected)
    assert [one.reason for one in result.problems] == ["documents of models are models/<name>.yaml"]


def test_parse_tree_of_a_bad_file_among_good_ones_rejects_it_alone():
    paths = ("ml/models/bad.yaml", "ml/models/good.yaml", "ml/stagewright.yaml", "ml/allowed_signers", "CODEOWNERS")
    contents = (MODEL % b"bad" + b"extra: 0x9\n", MODEL % b"good", POLICY, SIGNERS, b"/ml/ @dana\n/other/ @mo\n")
    files = [*map(file, paths), file("ml/cards/good.md"), file("ml/models/link.yaml", mode=0o120000)]
    results = parse_tree(files, {f"blob of {path}": data for path, data in zip(paths, contents, strict=True)}, "ml")
    bad, link = results.pop("ml/models/bad.yaml"), results.pop("ml/models/link.yaml")
    good = results.pop("ml/models/good.yaml")
    assert isinstance(bad, Rejected)
    assert bad.problems == (
        DocumentProblem(
            file="ml/models/bad.yaml",
            line=5,
            column=8,
            reason="0x9 reads as a number to some readers of YAML",
            hint="quote it if the text is meant; a number is written 9 or 0.9",
            model="bad",
        ),
    )
    assert isinstance(link, Rejected)
    assert isinstance(good, ModelDocument)
    assert results == {
        "CODEOWNERS": ("/ml/ @dana",),
        "ml/allowed_signers": parse_allowed_signers(SIGNERS, "ml/allowed_signers"),
        "ml/stagewright.yaml": parse_policy(POLICY, "ml/stagewright.yaml"),
    }


def test_governance_value_of_files_names_blobs_and_the_lines_that_matter():
    files = {
        "ml/stagewright.yaml": ("b1", POLICY),
        "ml/allowed_signers": ("b2", SIGNERS),
        "docs/CODEOWNERS": ("b3", b"*  @acme/all\n"),
        ".github/CODEOWNERS": ("b4", b"# a comment\n/src/ @acme/app\n/ml/   @dana   # ours\n"),
        "stagewright.yaml": ("b5", b"of another source"),
    }
    assert governance_value(files, "ml") == GovernanceValue(
        policy="b1",
        allowed_signers="b2",
        codeowners=(
            CodeOwnersLines(location=".github/CODEOWNERS", lines=("/ml/ @dana",)),
            CodeOwnersLines(location="docs/CODEOWNERS", lines=("* @acme/all",)),
        ),
    )


def test_governance_value_does_not_change_with_other_lines_of_the_monorepo():
    one = governance_value({"CODEOWNERS": ("b1", b"/ml/ @dana\n/src/ @mo\n")}, "ml")
    other = governance_value({"CODEOWNERS": ("b2", b"# tidy\n/ml/    @dana\n/web/ @pat\n")}, "ml")
    assert one == other


def test_governance_value_of_nothing_is_empty():
    assert governance_value({}, "") == GovernanceValue(policy=None, allowed_signers=None, codeowners=())


def test_governance_value_of_owners_that_are_no_text_is_an_error():
    with pytest.raises(DocumentError, match="CODEOWNERS:1:1: not UTF-8"):
        governance_value({"CODEOWNERS": ("b1", b"\xff")}, "")


VALUE = GovernanceValue(
    policy="b1",
    allowed_signers="b2",
    codeowners=(
        CodeOwnersLines(location="CODEOWNERS", lines=("* @acme/all", "/ml/ @dana")),
        CodeOwnersLines(location="docs/CODEOWNERS", lines=("* @mallory",)),
    ),
)


def test_load_governance_parses_its_contents_and_takes_the_owners_of_the_first_location():
    digest = hashlib.sha256(
        rfc8785.dumps(
            {
                "policy": "b1",
                "allowedSigners": "b2",
                "codeowners": [
                    {"location": "CODEOWNERS", "lines": ["* @acme/all", "/ml/ @dana"]},
                    {"location": "docs/CODEOWNERS", "lines": ["* @mallory"]},
                ],
            }
        )
    ).hexdigest()
    assert load_governance(VALUE, policy=POLICY, allowed_signers=SIGNERS, path="ml") == Governance(
        value=VALUE,
        digest=digest,
        policy=parse_policy(POLICY, "ml/stagewright.yaml"),
        owners=(
            OwnerRule(pattern="*", owners=("@acme/all",), line=1),
            OwnerRule(pattern="/ml/", owners=("@dana",), line=2),
        ),
        signers=parse_allowed_signers(SIGNERS, "ml/allowed_signers"),
        path="ml",
    )


def test_load_governance_of_nothing_has_no_policy_no_owners_no_signers():
    empty = GovernanceValue(policy=None, allowed_signers=None, codeowners=())
    loaded = load_governance(empty, policy=None, allowed_signers=None, path="")
    assert (loaded.policy, loaded.owners, loaded.signers) == (None, (), ())


@pytest.mark.parametrize(
    ("policy", "signers", "place"), [(None, SIGNERS, "stagewright.yaml"), (POLICY, None, "allowed_signers")]
)
def test_load_governance_without_a_content_that_it_names_is_an_error(
    policy: bytes | None, signers: bytes | None, place: str
):
    with pytest.raises(DocumentError, match=f"{place}:1:1: the content does not belong to this governance"):
        load_governance(VALUE, policy=policy, allowed_signers=signers, path="")
