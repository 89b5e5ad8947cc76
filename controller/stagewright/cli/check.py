"""`stagewright check`: what a branch would come to if it were merged now."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import Config, Format
from stagewright.cli.terminal import BAD, GOOD, Output, Terminal

if TYPE_CHECKING:
    from stagewright.app.rehearsal import Predicted
    from stagewright.cli.verdicts import VerdictView
    from stagewright.core.lint import Advice
    from stagewright.model.codec import Json
    from stagewright.model.desired import DocumentProblem

EXAMPLES = """
    stagewright check promote/credit-risk-staging-v9
    stagewright check            # the branch you are on
    stagewright check $GIT_COMMIT -o json
    stagewright check --files .
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """A prediction as programs read it. `incumbents` are the authorized values by key."""

    head: str
    base: str
    answer: str
    verdicts: "tuple[VerdictView, ...]"
    incumbents: "dict[str, Json]"
    problems: "tuple[DocumentProblem, ...]"
    advice: "tuple[Advice, ...]"


def check(
    terminal: Terminal,
    *,
    revision: Annotated[
        str | None,
        typer.Argument(metavar="REVISION", help="A branch of the remote or a commit; by default where you are."),
    ] = None,
    files: Annotated[
        Path | None,
        typer.Option("--files", metavar="DIR", help="Only whether the documents in this folder are valid."),
    ] = None,
    path: Annotated[
        str, typer.Option("--path", metavar="FOLDER", help="With --files: the source's path in the repository.")
    ] = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="With --files: exit with 1 where something is advised.")
    ] = False,
    output: Format = Output.TABLE,
    config: Config = None,
) -> ExitCode:
    """Predict what a branch would come to if it were merged now.

    Each change is shown against what is authorized, with what is missing and who can give it. Exit codes: 0 approved,
    1 refused, 2 one of its documents is invalid, 8 sign-offs are still missing. With --files nothing is asked of
    anybody, and no configuration is needed: for a CI that has neither the ledger nor MLflow. Then it also says what is
    valid and cannot work: a stage, a tier or a file for which there is no rule or no owner, a card that is not there.
    Either way it warns of `.gitattributes` that hide what is declared from whoever reviews it.
    """
    from stagewright import bootstrap
    from stagewright.app.rehearsal import predict
    from stagewright.app.view import look
    from stagewright.errors import UnreachableError

    if files is not None:
        return _files(terminal, files, path, output, strict=strict)
    settings = bootstrap.load_config(config)
    name = revision or bootstrap.current_branch()
    seeing = bootstrap.sight(settings)
    with terminal.busy("reading git, ledger and registry"):
        view = look(seeing)
        if view.head is None:
            raise UnreachableError(f"the repository did not answer: {view.away}", hint="try again")
        predicted = predict(view, bootstrap.candidate(settings, name, view.head))
    return tell(terminal, predicted, name, output)


def tell(terminal: Terminal, predicted: "Predicted", name: str, output: Output) -> ExitCode:
    """Print a prediction about what `name` stands for, and what it comes to."""
    match output:
        case Output.JSON | Output.YAML:
            terminal.document(output, "Check", _view(predicted))
        case Output.NAME:
            for verdict in predicted.verdicts:
                terminal.out(str(verdict.promotion.key))
        case _:
            _lines(terminal, predicted, name, wide=output is Output.WIDE)
    return code_of(predicted)


def _files(terminal: Terminal, folder: Path, path: str, output: Output, *, strict: bool) -> ExitCode:
    """Print what is wrong with the documents in a folder."""
    from stagewright import bootstrap

    found = bootstrap.inspect_folder(folder, path)
    if output in {Output.JSON, Output.YAML}:
        terminal.document(output, "Problems", found.problems)
    else:
        _problems(terminal, found.problems)
        if not found.problems:
            terminal.say(("✓ ", GOOD), f"{found.count} documents, all valid")
    _advise(terminal, found.advice)
    if found.problems:
        return ExitCode.USAGE
    return ExitCode.NO if strict and found.advice else ExitCode.YES


def _advise(terminal: Terminal, advice: "tuple[Advice, ...]") -> None:
    for one in advice:
        terminal.warn(f"{one.file}:{one.line}: {one.reason}")


def code_of(predicted: "Predicted") -> ExitCode:
    """The exit code of a prediction, the gravest first."""
    answers = {verdict.answer for verdict in predicted.verdicts}
    if "refused" in answers:
        return ExitCode.NO
    if predicted.problems:
        return ExitCode.USAGE
    return ExitCode.PENDING if "pending" in answers else ExitCode.YES


def _view(predicted: "Predicted") -> CheckView:
    from stagewright.cli.verdicts import view_of
    from stagewright.model.codec import value_to_json

    answers = [verdict.answer for verdict in predicted.verdicts]
    return CheckView(
        head=predicted.head,
        base=predicted.base,
        answer=next((answer for answer in ("refused", "pending") if answer in answers), "approved"),
        verdicts=tuple(view_of(verdict) for verdict in predicted.verdicts),
        incumbents={key: value_to_json(value) for key, value in predicted.incumbents},
        problems=predicted.problems,
        advice=predicted.advice,
    )


def _lines(terminal: Terminal, predicted: "Predicted", name: str, *, wide: bool) -> None:
    from stagewright.cli.verdicts import show

    incumbents = dict(predicted.incumbents)
    for verdict in predicted.verdicts:
        show(terminal, verdict, before=incumbents[str(verdict.promotion.key)], wide=wide)
    _problems(terminal, predicted.problems)
    _advise(terminal, predicted.advice)
    match code_of(predicted):
        case ExitCode.YES:
            if name.startswith("--pr "):
                terminal.say("it can be merged on the forge; the next sync carries it out")
                return
            merged = predicted.head if name == predicted.head else f"origin/{name}"
            terminal.next(f"git merge --no-ff {merged}", "on the branch that counts, then push it")
        case ExitCode.PENDING:
            terminal.next(f"stagewright approve {name}", "by each of those named above")
        case _:
            terminal.say(("  hint: ", "bold"), "mend the branch before it is merged")


def _problems(terminal: Terminal, problems: "tuple[DocumentProblem, ...]") -> None:
    for problem in problems:
        terminal.out(("✗ invalid   ", BAD), f"{problem.file}:{problem.line}:{problem.column}: {problem.reason}")
        if problem.hint:
            terminal.say(("  hint: ", "bold"), problem.hint)
