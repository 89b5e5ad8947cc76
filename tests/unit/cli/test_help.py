"""Every command's help: examples first, the summary whole, and nothing heavy imported for it."""

import contextlib
import io
import subprocess
import sys

import pytest

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.main import COMMANDS, HISTORY_COMMANDS, LEDGER_COMMANDS, run

# Typer itself reads the arguments of a command with pydantic, so that alone is not among them.
HEAVY = ("mlflow", "pygit2", "rich", "yaml", "cryptography", "requests", "stagewright.bootstrap", "stagewright.schema")
PATHS = [(name,) for name, _, _ in COMMANDS]
PATHS += [("history", name) for name, _, _ in HISTORY_COMMANDS] + [("ledger", name) for name, _, _ in LEDGER_COMMANDS]


def help_of(*path: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run([*path, "--help"]) == ExitCode.YES
    return out.getvalue()


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_of_each_command_shows_examples_before_its_options(path: tuple[str, ...]):
    text = help_of(*path)
    assert 0 < text.index("Examples:\n    stagewright ") < text.index("\nOptions:\n")


def test_help_lists_every_command_of_the_contract():
    listed = help_of().partition("Commands:\n")[2].split("\n")
    assert [line.split()[0] for line in listed if line] == [
        "init", "import", "promote", "mode", "check", "approve", "reject", "plan", "sync", "status", "trace",
        "digest", "doctor", "cluster", "controller", "demo", "help", "history", "ledger",
    ]  # fmt: skip


def test_help_shows_each_summary_whole():
    assert "..." not in help_of().partition("Commands:\n")[2]


@pytest.mark.parametrize("path", [(), ("promote",), ("ledger", "verify")], ids=str)
def test_help_imports_nothing_heavy(path: tuple[str, ...]):
    script = (
        "import sys\nfrom stagewright.cli.main import run\n"
        f"code = run([*{path!r}, '--help'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "[] 0\n"


def test_help_on_exit_codes_is_made_from_the_enum(capsys: pytest.CaptureFixture[str]):
    assert run(["help", "exit-codes"]) == ExitCode.YES
    assert capsys.readouterr().out == "".join(f"{code.value:>4}  {code.meaning}\n" for code in ExitCode)


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["stauts"], "No such command 'stauts'. Did you mean 'status'?", "see `stagewright --help`"),
        (["promote"], "Missing argument 'MODEL'.", "see `stagewright promote --help`"),
        (["status", "-o", "xml"], "'xml' is not one of", "see `stagewright status --help`"),
        (["status", "--wat"], "No such option: --wat", "see `stagewright status --help`"),
        (["ledger"], "Missing command.", "see `stagewright ledger --help`"),
        (["ledger", "show", "x"], "Invalid value for 'INDEX'", "see `stagewright ledger show --help`"),
        (["help", "wat"], "there is no page on 'wat'", "there are exit-codes"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_command_lines_exit_with_two_and_a_hint(
    arguments: list[str], error: str, hint: str, capsys: pytest.CaptureFixture[str]
):
    assert run(arguments) == ExitCode.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert error in captured.err
    assert hint in captured.err


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]):
    assert run(["--version"]) == ExitCode.YES
    assert capsys.readouterr().out.startswith("stagewright 0.")


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]):
    assert run([]) == ExitCode.YES
    assert capsys.readouterr().out == help_of()
