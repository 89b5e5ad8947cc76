r"""CODEOWNERS, in the grammar that GitHub reads.

    # a comment
    *                       @acme/platform
    /models/credit-*.yaml   @acme/credit-ml dana@acme.example   # an inline comment
    /models/my\ model.yaml  @mo
    /models/retired/                                            (no owners: the paths have none)

A line that GitHub would skip is skipped here too, and told: negation (`!`), character ranges (`[`), an escaped `#`
at the begin of a pattern, an owner that is neither @user, @org/team nor an e-mail address.
"""

import re
from dataclasses import dataclass

from stagewright.errors import DocumentError
from stagewright.model.policy import OwnerRule
from stagewright.schema.vocabulary import EMAIL, LOGIN, TEAM

# GitHub reads the first of these that exists
LOCATIONS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
# GitHub loads no larger one
MAX_BYTES = 3 * 1024 * 1024

_OWNER = re.compile(f"(?:{TEAM}|{LOGIN}|{EMAIL})")
_PATTERN = re.compile(r"(?:\\.|[^\\\s])+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedLine:
    """A line that counts for nothing, as at GitHub."""

    line: int
    reason: str


def decode_codeowners(data: bytes, file: str) -> str:
    """The file's text; DocumentError when it is no text that could be read by anyone."""
    if len(data) > MAX_BYTES:
        raise DocumentError(f"the file has {len(data)} bytes, at most {MAX_BYTES} are read", file=file)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DocumentError("not UTF-8", file=file, line=line, hint="save the file as UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DocumentError("a NUL character", file=file, line=line, hint="delete it")
    return text


def parse_codeowners(text: str) -> tuple[tuple[OwnerRule, ...], tuple[SkippedLine, ...]]:
    """The rules in order, and the lines that were skipped. Lines count from 1 and end with a line feed."""
    rules: list[OwnerRule] = []
    skipped: list[SkippedLine] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r").strip(" \t")
        if not line or line.startswith("#"):
            continue
        parsed = _line(line, number)
        if isinstance(parsed, OwnerRule):
            rules.append(parsed)
        else:
            skipped.append(parsed)
    return tuple(rules), tuple(skipped)


def format_codeowners(rules: tuple[OwnerRule, ...]) -> str:
    """The rules as text, one line each."""
    return "".join(f"{' '.join((rule.pattern, *rule.owners))}\n" for rule in rules)


def relevant_lines(text: str, path: str) -> tuple[str, ...]:
    """The lines, in order and in one spelling, that can match a governed path below the source's `path`.

    Governed are `models/*.yaml`, `stagewright.yaml` and `allowed_signers` below `path`, and CODEOWNERS itself. A
    line is left out only when it surely matches none of them, so the others decide as the whole file would.
    """
    rules, _ = parse_codeowners(text)
    governed = _governed(path)
    kept = tuple(rule for rule in rules if any(_can_match(rule.pattern, parts) for parts in governed))
    return tuple(format_codeowners((rule,)).rstrip("\n") for rule in kept)


def _line(line: str, number: int) -> OwnerRule | SkippedLine:
    match = _PATTERN.match(line)
    if match is None or (match.end() < len(line) and line[match.end()] not in " \t"):
        return SkippedLine(line=number, reason="a backslash escapes nothing")
    pattern = match.group()
    if pattern.startswith("!"):
        return SkippedLine(line=number, reason="negation is not supported in CODEOWNERS")
    if pattern.startswith("\\#"):
        return SkippedLine(line=number, reason="a pattern cannot begin with # even when escaped")
    if re.search(r"(?<!\\)(?:\\\\)*\[", pattern):
        return SkippedLine(line=number, reason="character ranges are not supported in CODEOWNERS")
    if "***" in pattern:
        return SkippedLine(line=number, reason="three asterisks in a row mean nothing")
    owners = []
    for owner in line[match.end() :].split():
        if owner.startswith("#"):
            break
        if not _OWNER.fullmatch(owner):
            return SkippedLine(line=number, reason=f"{owner!r} is no @user, @org/team or e-mail address")
        owners.append(owner)
    return OwnerRule(pattern=pattern, owners=tuple(owners), line=number)


def _governed(path: str) -> tuple[tuple[str, ...], ...]:
    """Governed paths by their parts; `*.yaml` stands for every model's file."""
    root = tuple(path.split("/")) if path else ()
    own = ((*root, "models", "*.yaml"), (*root, "stagewright.yaml"), (*root, "allowed_signers"))
    return (*own, *(tuple(location.split("/")) for location in LOCATIONS))


def _can_match(pattern: str, parts: tuple[str, ...]) -> bool:
    """False only when the pattern surely matches neither the path nor a folder it lies in."""
    segments = pattern.removesuffix("/").removeprefix("/").split("/")
    if "/" not in pattern.removesuffix("/"):
        return any(_part_can_match(segments[0], part) for part in parts)
    for position, segment in enumerate(segments):
        if segment == "**":
            return True
        if position >= len(parts) or not _part_can_match(segment, parts[position]):
            return False
    return True


def _part_can_match(segment: str, part: str) -> bool:
    """Whether one part of a pattern can match one part of a path, judged by its literal begin and end alone."""
    if "\\" in segment:
        return True
    literals = re.split(r"[*?]+", segment)
    begin, end, wild = literals[0], literals[-1], len(literals) > 1
    if part == "*.yaml":
        return end.endswith(".yaml") or (wild and ".yaml".endswith(end))
    return part.startswith(begin) and part.endswith(end) if wild else segment == part
