"""Properties of CODEOWNERS and allowed_signers: one spelling, the same answer as git, nothing lost that matters."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagewright.core.codeowners import matches, owners_of
from stagewright.model.policy import OwnerRule
from stagewright.schema.allowed_signers import SignerLine, format_signer_line, parse_signer_lines
from stagewright.schema.codeowners import LOCATIONS, format_codeowners, parse_codeowners, relevant_lines

OWNERS = st.sampled_from(["@dana", "@acme/ml", "mo@acme.example"])
SEGMENTS = st.sampled_from(
    [
        "ml",
        "models",
        "*",
        "**",
        "m*",
        "*.yaml",
        "credit.yaml",
        "credit*",
        "?l",
        "docs",
        "*.py",
        "x",
        "\\m\\l",
        ".github",
    ]
)
PATTERNS = st.builds(
    lambda lead, parts, tail: f"{lead}{'/'.join(parts)}{tail}",
    st.sampled_from(["", "/"]),
    st.lists(SEGMENTS, min_size=1, max_size=4),
    st.sampled_from(["", "", "/"]),
)
RULES = st.lists(st.tuples(PATTERNS, st.lists(OWNERS, max_size=2)), max_size=8).map(
    lambda rows: tuple(
        OwnerRule(pattern=pattern, owners=tuple(owners), line=line) for line, (pattern, owners) in enumerate(rows, 1)
    )
)
PATHS = [
    "ml", "x", "ml/x", "x/ml", "models/credit.yaml", "ml/models/credit.yaml", "ml/models/x/credit.yaml", "credit.yaml",
    "docs/models/ml", "ml/x.py", "x/x/x/x", "models/x.yaml", "al/credit-1",
]  # fmt: skip


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ignore")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


@settings(max_examples=120, deadline=None)
@given(pattern=PATTERNS)
def test_matches_of_a_pattern_agrees_with_git_where_the_grammars_do(repository: Path, pattern: str):
    (repository / ".gitignore").write_text(f"{pattern}\n", encoding="utf-8")
    command = ["git", "-C", str(repository), "check-ignore", "--no-index", "-z", "--stdin"]
    done = subprocess.run(command, input="\0".join(PATHS), capture_output=True, text=True, check=False)
    ignored = done.stdout.split("\0")[:-1]
    ours = [path for path in PATHS if matches(pattern, path)]
    if pattern.endswith("/*"):
        # a final star reaches into sub-folders for git, and not for GitHub: ours are those among them that do not
        assert set(ours) <= set(ignored)
    else:
        assert ours == ignored


@given(rules=RULES)
def test_parse_codeowners_of_formatted_rules_yields_them(rules: tuple[OwnerRule, ...]):
    assert parse_codeowners(format_codeowners(rules)) == (rules, ())


@given(text=st.text("*/am[]!#\\@ \t\n.", max_size=60))
def test_format_codeowners_of_parsed_text_is_stable(text: str):
    once = format_codeowners(parse_codeowners(text)[0])
    assert format_codeowners(parse_codeowners(once)[0]) == once


@settings(max_examples=150)
@given(rules=RULES, root=st.sampled_from(["", "ml", "ml/models", "x/ml", "docs"]))
def test_relevant_lines_decide_about_governed_paths_as_the_whole_file_does(rules: tuple[OwnerRule, ...], root: str):
    kept, _ = parse_codeowners("".join(f"{line}\n" for line in relevant_lines(format_codeowners(rules), root)))
    own = [f"{root}/{name}".lstrip("/") for name in ("stagewright.yaml", "allowed_signers")]
    models = [f"{root}/models/{name}.yaml".lstrip("/") for name in ("credit", "credit-risk", "x", "ml")]
    governed = [*own, *models, *LOCATIONS]
    assert {path: owners_of(kept, path) for path in governed} == {path: owners_of(rules, path) for path in governed}


TIMES = st.none() | st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - UTC comes with the next line
    lambda time: time.replace(microsecond=0, tzinfo=UTC)
)


def ed25519(raw: bytes) -> bytes:
    return b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + raw


LINES = st.builds(
    SignerLine,
    principals=st.lists(
        st.sampled_from(["dana@acme.example", "@dana", "mo", "e+1@x"]), min_size=1, max_size=3, unique=True
    ).map(tuple),
    namespaces=st.lists(st.sampled_from(["git", "file", "a@b.c"]), max_size=2).map(tuple),
    valid_after=TIMES,
    valid_before=st.none(),
    key_type=st.just("ssh-ed25519"),
    key=st.binary(min_size=32, max_size=32).map(ed25519),
    comment=st.sampled_from(["", "laptop", "dana's laptop, 2026", "namespaces=x", '"']),
    line=st.just(1),
)


@given(line=LINES)
def test_parse_signer_lines_of_a_formatted_line_yields_it(line: SignerLine):
    assert parse_signer_lines(format_signer_line(line).encode(), "f") == (line,)
