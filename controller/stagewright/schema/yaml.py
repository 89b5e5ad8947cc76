"""YAML, but only what means the same to every reader of it: to the reviewer, to the controller and to other tools.

PyYAML tokenises and parses; nothing is constructed by tag. The accepted subset is one document of mappings,
sequences and scalars. Everything that lets two readers see two documents is refused at its line and column:

    a: 1            # accepted: a string, an int in its one spelling, true or false, a decimal number
    b: "no"         # accepted: quoted, so nobody reads a boolean
    c: no           # refused: a boolean to YAML 1.1, a string to YAML 1.2
    d: 0x9          # refused: write 9
    e: &x [1, 2]    # refused: anchor, and so are aliases, merge keys, tags, directives and second documents
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import yaml

from stagewright.errors import DocumentError
from stagewright.schema.nodes import (
    MAX_PROBLEMS,
    Document,
    Entry,
    Fields,
    Items,
    Node,
    Scalar,
    Span,
    raise_problems,
    shortened,
)

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20
MAX_INT_DIGITS = 15

# Controls, separators that only some readers take for line ends, and characters that cannot be seen or that
# reorder what can be: a reviewer would not see what the controller reads.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069"
    "\ud800-\udfff\ufeff\ufff9-\uffff\U000e0000-\U000e0fff]"
)
_INT = re.compile(r"0|-?[1-9][0-9]*")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
# What YAML 1.2's core schema, or JSON's, takes for a number and YAML 1.1 does not.
_NUMBER_ELSEWHERE = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|0o[0-7]+|[-+]?\.inf|\.nan")
_KINDS = {
    "tag:yaml.org,2002:bool": "a boolean",
    "tag:yaml.org,2002:int": "a number",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:value": "a special key",
}
_QUOTE = "quote it if the text is meant"


def parse_yaml(data: bytes, file: str) -> Document:
    """The one document in `data`. DocumentError with the first problem, and the others in its `also`."""
    text = _decode(data, file)
    return Document(file=file, text=text, root=_Composer(text, file).document())


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise DocumentError(
            f"the file has {len(data)} bytes, at most {MAX_BYTES} are read",
            file=file,
            hint="keep data out of documents",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        raise _at(before, file, "not UTF-8", "save the file as UTF-8") from error
    if text.startswith("\ufeff"):
        raise DocumentError("the file begins with a byte order mark", file=file, hint="save it as UTF-8 without one")
    lone_return = re.search(r"\r(?!\n)", text)
    if lone_return:
        raise _at(
            text[: lone_return.start()], file, "a carriage return without a line feed", "end lines with a line feed"
        )
    if "\t" in text:
        raise _at(text[: text.index("\t")], file, "a tab", "use spaces")
    unseen = _UNSEEN.search(text)
    if unseen:
        reason = f"the character U+{ord(unseen.group()):04X}, which cannot be seen"
        raise _at(text[: unseen.start()], file, reason, "delete it")
    return text


def _at(before: str, file: str, reason: str, hint: str) -> DocumentError:
    """A problem just after the text `before`."""
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return DocumentError(reason, file=file, line=line, column=column, hint=hint)


class _Composer:
    """Events to nodes. Problems are collected; only those after which nothing can be told end the reading."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._loader = yaml.SafeLoader(text)
        self._events = self._read()
        self._problems: list[DocumentError] = []

    def document(self) -> Node:
        """The root node; every problem found is raised together."""
        root: Node | None = None
        with suppress(_Stop):
            root = self._stream()
        raise_problems(self._problems)
        assert root is not None
        return root

    def _read(self) -> Iterator[yaml.Event]:
        try:
            while self._loader.check_event():
                yield self._loader.get_event()  # type: ignore[no-untyped-call]  # PyYAML types only a part of itself
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._stop(f"not YAML: {shortened(error.problem or error.context or '')}", mark)
        except (yaml.YAMLError, ValueError, OverflowError):
            # PyYAML lets chr() fail on an escape such as "\UFFFFFFFF"
            self._stop("not YAML: a character that does not exist", self._loader.get_mark())

    def _stop(self, reason: str, mark: Any, hint: str = "") -> None:
        self._problem(reason, mark, hint)
        raise _Stop

    def _problem(self, reason: str, mark: Any, hint: str = "") -> None:
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        self._problems.append(DocumentError(reason, file=self._file, line=line, column=column, hint=hint))
        if len(self._problems) >= MAX_PROBLEMS:
            raise _Stop

    def _stream(self) -> Node:
        next(self._events)  # StreamStart
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            self._stop("the file is empty", start.start_mark, "write a document, or delete the file")
        assert isinstance(start, yaml.DocumentStartEvent)
        if start.version or start.tags:
            self._problem("a directive", start.start_mark, "delete the line that begins with %")
        root = self._node(next(self._events), depth=1)
        end = next(self._events)
        assert isinstance(end, yaml.DocumentEndEvent)
        if end.explicit:
            self._problem("an explicit end of document", end.start_mark, "delete the line `...`")
        rest = next(self._events)
        if not isinstance(rest, yaml.StreamEndEvent):
            self._stop("a second document", rest.start_mark, "write one document in a file")
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            self._problem(f"an alias, *{shortened(str(event.anchor))}", mark, "write the value out")
            return Scalar(span=_span(event), value="")
        assert isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent))
        if event.anchor is not None:
            self._problem(f"an anchor, &{shortened(event.anchor)}", mark, "write each value out where it is meant")
        if event.tag is not None:
            self._problem(f"a tag, {shortened(event.tag)}", mark, "delete it: values are what they look like")
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(span=_span(event), value=self._value(event))
        if depth > MAX_DEPTH:
            self._stop(f"nested deeper than {MAX_DEPTH}", mark)
        return self._items(event, depth) if isinstance(event, yaml.SequenceStartEvent) else self._fields(event, depth)

    def _items(self, start: yaml.Event, depth: int) -> Items:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return Items(span=_span(start, event), items=tuple(items))

    def _fields(self, start: yaml.Event, depth: int) -> Fields:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, depth)
            value = self._node(next(self._events), depth + 1)
            name = str(key.value)
            if name in entries:
                first = entries[name].key.span.line
                self._problem(
                    f"the key {shortened(name)!r} is here twice, first in line {first}", event.start_mark, "delete one"
                )
            else:
                entries[name] = Entry(key=key, value=value)
        block = not getattr(start, "flow_style", False)
        return Fields(span=_span(start, event), entries=tuple(entries.values()), block=block)

    def _key(self, event: yaml.Event, depth: int) -> Scalar:
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and event.value == "<<":
            self._problem("a merge key", event.start_mark, "write the keys out")
            return Scalar(span=_span(event), value="<<")
        node = self._node(event, depth + 1)
        if not isinstance(node, Scalar):
            self._stop("a key that is no string", event.start_mark, "write the key as plain text")
        assert isinstance(node, Scalar)
        if not isinstance(node.value, str):
            self._problem(f"the key {getattr(event, 'value', node.value)} is no string", event.start_mark, "quote it")
        return node

    def _value(self, event: yaml.ScalarEvent) -> str | int | float | bool:
        text: str = event.value
        if not event.implicit[0]:  # quoted, or a block of text
            unseen = _UNSEEN.search(text)
            if unseen:
                self._problem(f"the character U+{ord(unseen.group()):04X}, which cannot be seen", event.start_mark)
            return text
        if text in ("true", "false"):
            return text == "true"
        if _INT.fullmatch(text):
            if len(text) > MAX_INT_DIGITS:
                self._problem(f"a number of {len(text)} digits", event.start_mark, _QUOTE)
                return 0
            return int(text)
        if _DECIMAL.fullmatch(text) and len(text) <= MAX_INT_DIGITS:
            return float(text)
        self._refuse_surprise(text, event)
        return text

    def _refuse_surprise(self, text: str, event: yaml.ScalarEvent) -> None:
        mark, shown = event.start_mark, shortened(text)
        tag: str = self._loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # as above
        if tag == "tag:yaml.org,2002:null":
            self._problem("no value", mark, "give it one, or leave the key out")
        elif tag == "tag:yaml.org,2002:merge":
            self._problem("a merge key", mark, "write the keys out")
        elif tag in _KINDS:
            self._problem(
                f"{shown} reads as {_KINDS[tag]} to some readers of YAML", mark, f"{_QUOTE}; {_spelling(tag)}"
            )
        elif _NUMBER_ELSEWHERE.fullmatch(text.lower()):
            self._problem(
                f"{shown} reads as a number to some readers of YAML", mark, f"{_QUOTE}; a number is written 9 or 0.9"
            )
        elif text in ("y", "Y", "n", "N"):
            self._problem(
                f"{shown} reads as a boolean to some readers of YAML", mark, f"{_QUOTE}; else write true or false"
            )


def _spelling(tag: str) -> str:
    return "a boolean is written true or false" if tag.endswith("bool") else "a number is written 9 or 0.9"


def _span(start: yaml.Event, end: yaml.Event | None = None) -> Span:
    first, last = start.start_mark, (end or start).end_mark
    assert first is not None
    assert last is not None
    return Span(line=first.line + 1, column=first.column + 1, start=first.index, end=last.index)


class _Stop(Exception):  # noqa: N818 - it ends the reading, and never leaves this module
    """Nothing more can be told of this document."""
