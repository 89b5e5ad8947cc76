"""What a pull request's page says after the merge: the verdicts, what was applied and when, and where it is recorded.

Made of what the ledger holds, so it is the same whoever writes it and however often.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from stagewright.core.markdown import code, page
from stagewright.model.conversation import Mark
from stagewright.model.verdict import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """An outcome: what became of one attempt to carry a promotion out, and the ledger entry that says so."""

    result: str
    index: int
    at: datetime
    moves: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A merged promotion as the ledger has it. `lacking` is what its last verdict says is missing or violated.

    `change` is from what to what in words; `closed` is True once a later change of the same key superseded it.
    """

    key: str
    change: str
    answer: Answer
    reason: str
    restore: bool
    lacking: tuple[str, ...]
    index: int
    at: datetime
    carried: tuple[Carried, ...]
    closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomePage:
    """Everything that is said on a merged pull request. `checkpoint` is the signed note that covers all of it."""

    commit: str
    promotions: tuple[Judged, ...]
    checkpoint: str


_SAID: dict[Answer, str] = {"approved": "✓ approved", "pending": "… pending", "refused": "✗ refused"}


def outcome_mark(promotions: Sequence[Judged]) -> tuple[Mark, str]:
    """How the merged head is marked, and why in one line."""
    answers = ["superseded" if one.closed else one.answer for one in promotions]
    if "superseded" in answers:
        return "failure", "superseded by a later change: nothing was applied for it"
    if "refused" in answers:
        return "failure", "refused: nothing was applied for it"
    if "pending" in answers:
        return "pending", "merged, and waits for what is still missing"
    applied = [carried for one in promotions for carried in one.carried if carried.result == "applied"]
    if not applied:
        return "success", "approved"
    return "success", f"applied, ledger entry {max(carried.index for carried in applied)}"


def outcome_page(said: OutcomePage) -> str:
    """The page as Markdown, at most `markdown.MAX_PAGE` characters."""
    blocks = [f"**Merged** as {code(said.commit[:12])}."]
    for one in said.promotions:
        blocks += _promotion(one)
    note = "".join(f"    {line}\n" for line in said.checkpoint.splitlines())
    end = f"The ledger's checkpoint over all of this, to keep where the controller cannot change it:\n\n{note}"
    return page(blocks, end=end)


def _promotion(one: Judged) -> list[str]:
    state = "- superseded by a later change" if one.closed else _SAID[one.answer]
    lines = [f"### {state}: {code(one.key)}", code(one.change)]
    restored = "It declares what was authorized already. " if one.restore else ""
    lines.append(f"{restored}Judged {_time(one.at)}, ledger entry {one.index}: {code(one.reason)}")
    if one.lacking and not one.closed:
        lines.append("\n".join(f"- {code(text)}" for text in one.lacking))
    for carried in one.carried:
        moves = "".join(f"\n- {code(move)}" for move in carried.moves)
        what = "Applied" if carried.result == "applied" else f"Tried, with the result {code(carried.result)},"
        lines.append(f"{what} {_time(carried.at)}, ledger entry {carried.index}.{moves}")
    return ["\n\n".join(lines)]


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
