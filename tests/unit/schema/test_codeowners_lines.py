"""Lines of CODEOWNERS: which count, which GitHub skips, and which can matter to a source."""

import pytest

from stagewright.core.codeowners import owners_of
from stagewright.errors import DocumentError
from stagewright.model.policy import OwnerRule
from stagewright.schema.codeowners import decode_codeowners, parse_codeowners, relevant_lines


def rule(pattern: str, *owners: str, line: int = 1) -> OwnerRule:
    return OwnerRule(pattern=pattern, owners=owners, line=line)


@pytest.mark.parametrize(
    ("row", "text", "expected"),
    [
        ("a user", "* @dana", rule("*", "@dana")),
        ("a team", "* @acme/credit-ml", rule("*", "@acme/credit-ml")),
        ("an e-mail address", "* dana@acme.example", rule("*", "dana@acme.example")),
        ("several, by spaces and tabs", "/a/ \t @dana\t@mo  x@y.example ", rule("/a/", "@dana", "@mo", "x@y.example")),
        ("no owners", "/retired/", rule("/retired/")),
        ("an inline comment", "* @dana # who else", rule("*", "@dana")),
        ("an inline comment without owners", "/a/ # nobody", rule("/a/")),
        ("a comment without a space", "* @dana #who", rule("*", "@dana")),
        ("a carriage return", "* @dana\r", rule("*", "@dana")),
        ("leading spaces", "   * @dana", rule("*", "@dana")),
        ("an escaped space", "/my\\ models/ @dana", rule("/my\\ models/", "@dana")),
        ("a hash within a pattern", "/a#b @dana", rule("/a#b", "@dana")),
    ],
)
def test_parse_codeowners_of_one_line_yields_its_rule(row: str, text: str, expected: OwnerRule):
    assert row
    assert parse_codeowners(text) == ((expected,), ())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("!/a @dana", "negation is not supported in CODEOWNERS"),
        ("/[ab]/ @dana", "character ranges are not supported in CODEOWNERS"),
        ("\\#a @dana", "a pattern cannot begin with # even when escaped"),
        ("/a*** @dana", "three asterisks in a row mean nothing"),
        ("/a\\", "a backslash escapes nothing"),
        ("/a dana", "'dana' is no @user, @org/team or e-mail address"),
        ("/a @", "'@' is no @user, @org/team or e-mail address"),
        ("/a @acme/x/y", "'@acme/x/y' is no @user, @org/team or e-mail address"),
        ("/a @dana, @mo", "'@dana,' is no @user, @org/team or e-mail address"),
        ("/a @dаna", "'@dаna' is no @user, @org/team or e-mail address"),
    ],
)
def test_parse_codeowners_of_a_line_that_github_skips_tells_why(text: str, reason: str):
    rules, skipped = parse_codeowners(f"* @mo\n{text}\n")
    assert rules == (rule("*", "@mo"),)
    assert [(one.line, one.reason) for one in skipped] == [(2, reason)]


def test_parse_codeowners_of_an_escaped_bracket_takes_it():
    assert parse_codeowners("/\\[a @dana") == ((rule("/\\[a", "@dana"),), ())


def test_parse_codeowners_of_comments_and_empty_lines_counts_their_lines():
    rules, skipped = parse_codeowners("# who owns what\n\n  \n* @dana\n")
    assert (rules, skipped) == ((rule("*", "@dana", line=4),), ())


@pytest.mark.parametrize(
    ("row", "data", "line"),
    [
        ("not UTF-8", b"* @dana\n\xff @mo\n", 2),
        ("NUL", b"* @dana\n/a\0 @mo\n", 2),
        ("four megabytes", b"#" * (4 * 1024 * 1024), 1),
    ],
)
def test_decode_codeowners_of_no_text_is_an_error(row: str, data: bytes, line: int):
    assert row
    with pytest.raises(DocumentError) as caught:
        decode_codeowners(data, "CODEOWNERS")
    assert caught.value.line == line


MONOREPO = """\
# everything
*                     @acme/platform
*.py                  @acme/python
README.md             @acme/docs
/src/                 @acme/app
models/               @acme/ml       # at any depth
/models/*.yaml        @acme/ml-root
/ml/models/credit-*.yaml @dana
/ml/models/README.md  @acme/docs
/ml/                  @mo
/ml/models/credit.yaml/x @mo
/ml/*/credit.yaml     @pat
/ml/**/x              @pat
**/stagewright.yaml   @acme/risk
/ml/stagewright.yaml
/allowed_signers      @acme/root
/.github/             @acme/platform
docs/                 @acme/docs
/docs/intro.md        @acme/docs
!/ml/                 @nobody
"""


def test_relevant_lines_of_a_sub_folder_keeps_what_can_match_it():
    assert relevant_lines(MONOREPO, "ml") == (
        "* @acme/platform",
        "models/ @acme/ml",
        "/ml/models/credit-*.yaml @dana",
        "/ml/ @mo",
        "/ml/*/credit.yaml @pat",
        "/ml/**/x @pat",
        "**/stagewright.yaml @acme/risk",
        "/ml/stagewright.yaml",
        "/.github/ @acme/platform",
        "docs/ @acme/docs",
    )


def test_relevant_lines_of_the_root_keeps_what_can_match_it():
    assert relevant_lines(MONOREPO, "") == (
        "* @acme/platform",
        "models/ @acme/ml",
        "/models/*.yaml @acme/ml-root",
        "**/stagewright.yaml @acme/risk",
        "/allowed_signers @acme/root",
        "/.github/ @acme/platform",
        "docs/ @acme/docs",
    )


def test_owners_of_a_path_is_the_last_line_that_matches():
    rules, _ = parse_codeowners(MONOREPO)
    found = {path: owners_of(rules, path) for path in ("a.py", "ml/models/credit-risk.yaml", "ml/stagewright.yaml")}
    assert found == {"a.py": ("@acme/python",), "ml/models/credit-risk.yaml": ("@mo",), "ml/stagewright.yaml": ()}


def test_owners_of_a_path_that_nothing_matches_is_none():
    assert owners_of((rule("/a/", "@dana"),), "b") is None
