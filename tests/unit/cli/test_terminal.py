"""The two streams: colour, tables, hostile text, questions."""

import io

import pytest

from stagewright.cli.terminal import BAD, Color, Output, PipeClosedError, Terminal, wants_color
from stagewright.errors import UsageError


@pytest.mark.parametrize(
    ("color", "env", "is_terminal", "expected"),
    [
        pytest.param(Color.AUTO, {}, True, True, id="a person looks on"),
        pytest.param(Color.AUTO, {}, False, False, id="a pipe"),
        pytest.param(Color.AUTO, {"NO_COLOR": "1"}, True, False, id="NO_COLOR"),
        pytest.param(Color.AUTO, {"NO_COLOR": ""}, True, True, id="an empty NO_COLOR says nothing"),
        pytest.param(Color.AUTO, {"CLICOLOR_FORCE": "1"}, False, True, id="CLICOLOR_FORCE in a pipe"),
        pytest.param(Color.AUTO, {"CLICOLOR_FORCE": "0"}, False, False, id="CLICOLOR_FORCE=0 forces nothing"),
        pytest.param(Color.AUTO, {"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, True, False, id="NO_COLOR is stronger"),
        pytest.param(Color.AUTO, {"CLICOLOR": "0"}, True, False, id="CLICOLOR=0"),
        pytest.param(Color.AUTO, {"TERM": "dumb"}, True, False, id="a dumb terminal"),
        pytest.param(Color.ALWAYS, {"NO_COLOR": "1"}, False, True, id="the option is strongest: always"),
        pytest.param(Color.NEVER, {"CLICOLOR_FORCE": "1"}, True, False, id="the option is strongest: never"),
    ],
)
def test_wants_color_by_option_environment_and_terminal(
    color: Color, env: dict[str, str], is_terminal: bool, expected: bool
):
    assert wants_color(color, env, is_terminal=is_terminal) is expected


def test_out_in_a_pipe_prints_the_text_and_nothing_else(capsys: pytest.CaptureFixture[str]):
    Terminal(env={}).out(("✗ refused", BAD), "  credit-risk/Staging")
    assert capsys.readouterr().out == "✗ refused  credit-risk/Staging\n"


def test_out_with_color_always_colours_the_styled_part_only(capsys: pytest.CaptureFixture[str]):
    Terminal(color=Color.ALWAYS, env={}).out(("no", BAD), " reason")
    assert capsys.readouterr().out == "\x1b[31mno\x1b[0m reason\n"


def test_out_with_hostile_text_prints_it_inert(capsys: pytest.CaptureFixture[str]):
    Terminal(env={}).out("[bold]x[/bold] :smile: \x1b[2J\u202e", (" \x07\n", BAD))
    assert capsys.readouterr().out == "[bold]x[/bold] :smile: \\x1b[2J\\u202e \\x07\\n\n"


def test_out_with_a_long_line_never_wraps_or_cuts_it(capsys: pytest.CaptureFixture[str]):
    Terminal(env={}).out("word " * 200 + "end")
    assert capsys.readouterr().out == "word " * 200 + "end\n"


def test_say_goes_to_standard_error(capsys: pytest.CaptureFixture[str]):
    terminal = Terminal(env={})
    terminal.say("narration")
    terminal.next("stagewright status", "see")
    terminal.warn("mind")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "narration\nnext: stagewright status   # see\n! mind\n")


def test_table_lines_columns_up_without_trailing_spaces(capsys: pytest.CaptureFixture[str]):
    Terminal(env={}).table(["MODEL", "STATE"], [["信用", ("✓ Synced", "green")], ["credit-risk", "-"]])
    assert capsys.readouterr().out == "MODEL        STATE\n信用         ✓ Synced\ncredit-risk  -\n"


def test_table_without_rows_prints_its_headings(capsys: pytest.CaptureFixture[str]):
    Terminal(env={}).table(["MODEL", "STATE"], [])
    assert capsys.readouterr().out == "MODEL  STATE\n"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (Output.JSON, '{\n  "apiVersion": "stagewright.dev/v1alpha1",\n  "kind": "Thing",\n  "name": "\\u202e"\n}\n'),
        (Output.YAML, 'apiVersion: stagewright.dev/v1alpha1\nkind: Thing\nname: "\\u202E"\n'),
    ],
    ids=["json", "yaml"],
)
def test_document_is_plain_ascii(output: Output, expected: str, capsys: pytest.CaptureFixture[str]):
    Terminal(env={}).document(output, "Thing", {"name": "\u202e"})
    assert capsys.readouterr().out == expected


def test_confirm_with_yes_asks_nobody(capsys: pytest.CaptureFixture[str]):
    assert Terminal(env={}).confirm("Push?", yes=True) is True
    assert capsys.readouterr().err == ""


def test_confirm_without_a_person_refuses(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(UsageError, match="nobody is there"):
        Terminal(env={}).confirm("Push?", yes=False)


class _Person(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "expected"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_confirm_takes_nothing_but_yes_for_yes(answer: str, expected: bool, monkeypatch: pytest.MonkeyPatch):
    asked = _Person()
    monkeypatch.setattr("sys.stdin", _Person(answer))
    monkeypatch.setattr("sys.stderr", asked)
    assert Terminal(env={"NO_COLOR": "1"}).confirm("Push?", yes=False) is expected
    assert asked.getvalue() == "Push? [y/N] "


class _Closed(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, f"Broken pipe, with {len(text)} characters to write")


@pytest.mark.parametrize("text", ["line", "document"])
def test_writing_to_a_closed_pipe_is_told_as_such(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdout", _Closed())
    terminal = Terminal(env={})
    with pytest.raises(PipeClosedError):
        terminal.out(text) if text == "line" else terminal.text(text)
