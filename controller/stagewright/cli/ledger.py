"""`stagewright ledger log|show|prove`: reading the ledger."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import Config, Format
from stagewright.cli.terminal import BAD, GOOD, QUIET, Output, Terminal

if TYPE_CHECKING:
    from stagewright.ledger.log import Entry, Ledger

LOG_EXAMPLES = """
    stagewright ledger log
    stagewright ledger log --kind verdict -o wide
"""
SHOW_EXAMPLES = """
    stagewright ledger show 17
    stagewright ledger show 17 -o json | jq .statement.predicate
"""
PROVE_EXAMPLES = """
    stagewright ledger prove 17
    stagewright ledger prove 17 -o json > proof.json
"""

Folder = Annotated[
    Path | None, typer.Option("--dir", metavar="DIR", help="The ledger's folder; by default the configured one.")
]
Index = Annotated[int, typer.Argument(metavar="INDEX", min=0, help="The entry's number.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryLine:
    """One entry in a list."""

    index: int
    kind: str
    recorded_at: str
    subject: tuple[str, ...]
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """One entry whole: the statement as it was signed, and the envelope it lies in."""

    index: int
    leaf_hash: str
    key_id: str
    statement: Any
    envelope: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofView:
    """That an entry is in the ledger (RFC 6962 section 2.1.1): hashes in hex, `path` from the leaf up."""

    index: int
    size: int
    leaf_hash: str
    path: tuple[str, ...]
    root: str
    holds: bool
    checkpoint: str


def log(
    terminal: Terminal,
    *,
    output: Format = Output.TABLE,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="Only these: verdict, intent, drift …")
    ] = None,
    start: Annotated[int, typer.Option("--from", min=0, metavar="INDEX", help="Begin at this entry.")] = 0,
    folder: Folder = None,
    config: Config = None,
) -> ExitCode:
    """List the ledger's entries, oldest first."""
    from stagewright.errors import UsageError
    from stagewright.ledger.predicates import KINDS

    if kind is not None and kind not in KINDS:
        raise UsageError(f"{kind!r} is no kind of entry", hint=f"there are {', '.join(sorted(KINDS))}")
    entries = _open(folder, config).entries(start)
    lines = [_line(entry) for entry in entries if kind in {None, entry.statement.kind}]
    match output:
        case Output.JSON | Output.YAML:
            terminal.document(output, "LedgerLog", lines)
        case Output.NAME:
            for line in lines:
                terminal.out(str(line.index))
        case _:
            wide = output is Output.WIDE
            headings = ["INDEX", "TIME", "KIND", "SUBJECT", *(["KEY"] if wide else [])]
            rows = [
                [str(x.index), x.recorded_at[:19], x.kind, ", ".join(x.subject), *([x.key_id] if wide else [])]
                for x in lines
            ]
            terminal.table(headings, rows)
    return ExitCode.YES


def show(
    terminal: Terminal,
    *,
    index: Index,
    output: Format = Output.TABLE,
    folder: Folder = None,
    config: Config = None,
) -> ExitCode:
    """Show one entry. With -o json: the statement as it was signed."""
    import json

    from stagewright.cli.encode import yaml_text
    from stagewright.ledger import merkle
    from stagewright.ledger.dsse import parse_envelope

    entry = _open(folder, config).entry(index)
    view = EntryView(
        index=index,
        leaf_hash=merkle.leaf_hash(entry.raw).hex(),
        key_id=entry.key_id,
        statement=json.loads(parse_envelope(entry.raw).payload),
        envelope=json.loads(entry.raw),
    )
    match output:
        case Output.JSON | Output.YAML:
            terminal.document(output, "LedgerEntry", view)
        case Output.NAME:
            terminal.out(str(index))
        case _:
            line = _line(entry)
            terminal.out(("entry ", "bold"), f"{index}  {line.kind}  {line.recorded_at}")
            terminal.out(("subject ", "bold"), ", ".join(line.subject))
            terminal.out(("signed by ", "bold"), f"sha256:{entry.key_id}")
            terminal.text(yaml_text(view.statement["predicate"]))
    return ExitCode.YES


def prove(
    terminal: Terminal,
    *,
    index: Index,
    output: Format = Output.TABLE,
    folder: Folder = None,
    config: Config = None,
) -> ExitCode:
    """Prove that an entry is in the ledger: its audit path up to the root that the checkpoint signs.

    The proof is checked before it is printed. Exit code 1 when it does not hold.
    """
    from stagewright.ledger import merkle

    ledger = _open(folder, config)
    leaf, path = merkle.leaf_hash(ledger.entry(index).raw), ledger.inclusion_proof(index)
    view = ProofView(
        index=index,
        size=ledger.size,
        leaf_hash=leaf.hex(),
        path=tuple(step.hex() for step in path),
        root=ledger.root.hex(),
        holds=merkle.check_inclusion(leaf, index, ledger.size, path, ledger.root),
        checkpoint=ledger.checkpoint,
    )
    match output:
        case Output.JSON | Output.YAML:
            terminal.document(output, "InclusionProof", view)
        case Output.NAME:
            terminal.out(view.leaf_hash)
        case _:
            _proof(terminal, view)
    return ExitCode.YES if view.holds else ExitCode.NO


def _proof(terminal: Terminal, view: ProofView) -> None:
    terminal.out(("leaf  ", "bold"), f"{view.leaf_hash}  entry {view.index} of {view.size}")
    for number, step in enumerate(view.path, start=1):
        terminal.out((f"{number:>4}  ", QUIET), step)
    terminal.out(("root  ", "bold"), view.root)
    for line in view.checkpoint.splitlines():
        terminal.out((f"      {line}", QUIET))
    if view.holds:
        terminal.out(("✓ ", GOOD), "the path leads from the leaf to the root that the checkpoint signs")
    else:
        terminal.out(("✗ ", BAD), "the path does not lead to the root")


def _line(entry: "Entry") -> EntryLine:
    from stagewright.ledger.records import format_time

    return EntryLine(
        index=entry.index,
        kind=entry.statement.kind,
        recorded_at=format_time(entry.statement.predicate.recorded_at),
        subject=tuple(_subject(s.name, s.digest) for s in entry.statement.subject),
        key_id=entry.key_id,
    )


def _subject(name: str, digest: dict[str, str]) -> str:
    commit = digest.get("gitCommit")
    return f"{name}@{commit[:12]}" if commit else name


def _open(folder: Path | None, config: str | None) -> "Ledger":
    from stagewright import bootstrap

    return bootstrap.ledger_reader(None if folder else bootstrap.load_config(config), folder)
