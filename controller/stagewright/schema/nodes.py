"""A document as a tree whose every part knows its place: what the parser yields and the schemas read.

Positions are those that people's editors show: lines and columns count from 1, in characters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stagewright.errors import DocumentError

Path = Sequence[str | int]
# In a path: the next element is meant as the key itself, not as what it holds.
KEY = "[key]"
# what a person reads in one go; a hostile document could hold a hundred thousand
MAX_PROBLEMS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where a node stands: line and column of its first character; offsets [start, end) in the text."""

    line: int
    column: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One value as YAML's core schema reads it."""

    span: Span
    value: str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A sequence."""

    span: Span
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One key of a mapping with what it holds."""

    key: Scalar
    value: "Node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """A mapping, in the order of the document; keys are strings and unique. `block`: not in braces."""

    span: Span
    entries: tuple[Entry, ...]
    block: bool

    def entry(self, key: str) -> Entry | None:
        """The entry of that key, or None."""
        return next((entry for entry in self.entries if entry.key.value == key), None)


Node = Scalar | Items | Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One parsed file."""

    file: str
    text: str
    root: Node

    def error(self, reason: str, path: Path = (), *, hint: str = "", at_key: bool = False) -> DocumentError:
        """A problem at `path`; `at_key` points at the last key instead of its value."""
        span = locate(self.root, (*path, KEY) if at_key else path)
        return DocumentError(reason, file=self.file, line=span.line, column=span.column, hint=hint)


def plain(node: Node) -> Any:
    """The node as Python's own data: dict, list, str, int, float, bool."""
    match node:
        case Scalar():
            return node.value
        case Items():
            return [plain(item) for item in node.items]
        case Fields():
            return {entry.key.value: plain(entry.value) for entry in node.entries}


def locate(root: Node, path: Path) -> Span:
    """The place of what `path` leads to. Elements that lead nowhere (names of alternatives) are passed over.

    A last element that is missing from its mapping yields the place of the mapping's own key, where it has one.
    """
    node: Node = root
    key: Span = root.span
    last = len(path) - (1 if path and path[-1] == KEY else 0)
    for element in path[:last]:
        if isinstance(node, Fields) and isinstance(element, str):
            entry = node.entry(element)
            if entry is not None:
                node, key = entry.value, entry.key.span
        elif isinstance(node, Items) and isinstance(element, int) and element < len(node.items):
            node = node.items[element]
            key = node.span
    return key if last < len(path) or isinstance(node, Fields) else node.span


def shortened(text: str) -> str:
    """The text, cut where it is too long for a message."""
    return text if len(text) <= 60 else f"{text[:57]}..."


def raise_problems(problems: Sequence[DocumentError]) -> None:
    """Raise the first problem in the order of the document, carrying the next ones; nothing when there is none."""
    if not problems:
        return
    first, *others = sorted(problems, key=lambda problem: (problem.line, problem.column))[:MAX_PROBLEMS]
    raise DocumentError(
        first.reason, file=first.file, line=first.line, column=first.column, hint=first.hint, also=tuple(others)
    )
