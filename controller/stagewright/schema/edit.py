"""Edits of a Model document as text, so that comments and layout outside the edited part stay as people wrote them.

An entry is written as a block that an empty line follows, and a comment ends the stages:

    stages:
      Staging:
        version: 9
        runId: 41f0…
        digest: sha256:…
        evidence: sha256:…

      # One block per stage, an empty line after each: so promotions of two stages merge without conflict.

Git merges changes that an unchanged line keeps apart. So two branches merge that change the pins of two stages, that
change the pins of one and add or take away another, or that change a stage and the spec. What conflicts is what a
person has to look at anyway: two changes of one stage or of one field's neighbourhood in the spec, two stages added at
the same place, a stage taken away (removed, or `none`) where the other branch changes the border to its neighbour.

Every edit is checked by parsing its result: what comes back is what was asked for and nothing else, or an error.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from stagewright.errors import DocumentError, InvalidError
from stagewright.model.desired import Nobody, Spec, StageEntry, StageValue
from stagewright.schema.model_document import FOLDER, SUFFIX, ModelDocument, parse_model
from stagewright.schema.nodes import Entry, Fields, Items, Node, Scalar
from stagewright.schema.shape import API_VERSION
from stagewright.schema.yaml import parse_yaml

SpecField = Literal["owner", "purpose", "riskTier", "card", "mode", "registeredModel"]

_SEPARATOR = "# One block per stage, an empty line after each: so promotions of two stages merge without conflict."
_FIELDS: Mapping[SpecField, str] = {
    "owner": "owner",
    "purpose": "purpose",
    "riskTier": "risk_tier",
    "card": "card",
    "mode": "mode",
    "registeredModel": "registered_model",
}
# plain to every reader of YAML: begins with a letter, and no word that some take for a boolean or null
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./()-]+)*")
_NOT_PLAIN = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null", "none"})


def new_model(name: str, spec: Spec, stages: Mapping[str, StageValue]) -> str:
    """A whole document. Fields of the spec that are None are left out, as is a registered name equal to `name`."""
    lines = [f"apiVersion: {API_VERSION}", "kind: Model", "metadata:", f"  name: {_scalar(name)}", "spec:"]
    for key, attribute in _FIELDS.items():
        value = getattr(spec, attribute)
        if value is not None and not (key == "registeredModel" and value == name):
            lines.append(f"  {key}: {_scalar(value)}")
    text = "".join(f"{line}\n" for line in lines)
    if stages:
        blocks = "".join(f"{_block(stage, value, '    ')}\n" for stage, value in stages.items())
        text += f"  stages:\n{blocks}    {_SEPARATOR}\n"
    return _checked(text, ModelDocument(name=name, spec=spec, stages=dict(stages)))


def set_stage(text: str, stage: str, value: StageValue, *, order: Sequence[str] = ()) -> str:
    """The text with that stage set. A new stage goes before the first that follows it in `order`, else to the end."""
    page = _Page(text)
    wanted = replace(page.model, stages={**page.model.stages, stage: value})
    holder = page.spec.entry("stages")
    if holder is None or holder.value == Fields(span=holder.value.span, entries=(), block=False):
        at = page.end(page.spec.entries[-1])
        first = at if holder is None else holder.key.span.line - 1
        margin = page.margin(page.spec.entries[0])
        block = _block(stage, value, f"{margin}  ")
        return page.edited(first, at, f"{margin}stages:\n{block}\n{margin}  {_SEPARATOR}\n", wanted)
    stages = _block_style(holder.value, "spec.stages")
    block = _block(stage, value, page.margin(stages.entries[0]))
    entry = stages.entry(stage)
    if entry is not None:
        return page.edited(entry.key.span.line - 1, page.end(entry), block, wanted)
    later = order[order.index(stage) + 1 :] if stage in order else ()
    following = next((other for other in stages.entries if other.key.value in later), None)
    if following is not None:
        at = page.begin(following)
        return page.edited(at, at, f"{block}\n", wanted)
    at = page.end(stages.entries[-1])
    if page.is_empty(at):
        return page.edited(at + 1, at + 1, f"{block}\n", wanted)
    return page.edited(at, at, f"\n{block}", wanted)


def remove_stage(text: str, stage: str) -> str:
    """The text without that stage: the pair is released. InvalidError when it is not there."""
    page = _Page(text)
    if stage not in page.model.stages:
        raise InvalidError(f"the model {page.model.name} declares no stage {stage}")
    wanted = replace(page.model, stages={name: v for name, v in page.model.stages.items() if name != stage})
    holder = page.spec.entry("stages")
    assert holder is not None
    stages = _block_style(holder.value, "spec.stages")
    entry = stages.entry(stage)
    assert entry is not None
    first, last = entry.key.span.line - 1, page.end(entry)
    last += page.is_empty(last)
    if len(stages.entries) == 1:
        # a mapping without entries would need braces
        first = holder.key.span.line - 1
        last += page.line(last).strip() == _SEPARATOR
    return page.edited(first, last, "", wanted)


def set_spec_field(text: str, field: SpecField, value: str | None) -> str:
    """The text with that field of the spec set, or without it where `value` is None."""
    page = _Page(text)
    shown = page.model.name if field == "registeredModel" and value is None else value
    changes: dict[str, Any] = {_FIELDS[field]: shown}
    wanted = replace(page.model, spec=replace(page.model.spec, **changes))
    entry = page.spec.entry(field)
    margin = page.margin(page.spec.entries[0])
    if entry is not None:
        line = "" if value is None else f"{margin}{field}: {_scalar(value)}{page.comment(entry)}\n"
        return page.edited(entry.key.span.line - 1, page.end(entry), line, wanted)
    at = page.spec.entries[0].key.span.line - 1
    for key in tuple(_FIELDS)[: tuple(_FIELDS).index(field)]:
        before = page.spec.entry(key)
        at = at if before is None else page.end(before)
    return page.edited(at, at, "" if value is None else f"{margin}{field}: {_scalar(value)}\n", wanted)


def _block(stage: str, value: StageValue, margin: str) -> str:
    if isinstance(value, Nobody):
        return f"{margin}{_scalar(stage)}: none\n"
    fields = "".join(f"{margin}  {key}: {field}\n" for key, field in _entry_fields(value))
    return f"{margin}{_scalar(stage)}:\n{fields}"


def _entry_fields(entry: StageEntry) -> list[tuple[str, str]]:
    trainer = entry.trainer
    fields = [
        ("version", str(entry.version)),
        ("runId", None if entry.run_id is None else json.dumps(entry.run_id)),
        ("modelId", None if entry.model_id is None else _scalar(entry.model_id)),
        ("source", None if entry.source is None else _scalar(entry.source)),
        ("digest", _scalar(entry.digest)),
        ("evidence", _scalar(entry.evidence)),
    ]
    if trainer is not None:
        name = _scalar(trainer.name)
        fields.append(("trainer", f"{{declared: {json.dumps(trainer.name)}}}" if trainer.declared else name))
    return [(key, field) for key, field in fields if field is not None]


def _scalar(text: str) -> str:
    """The text as YAML: plain where no reader could take it for anything else, and as in JSON where one could."""
    digest = re.fullmatch(r"sha256:[0-9a-f]+", text) is not None
    plain = _PLAIN.fullmatch(text) is not None and text.casefold() not in _NOT_PLAIN
    return text if digest or plain else json.dumps(text, ensure_ascii=False)


def _checked(text: str, wanted: ModelDocument) -> str:
    """The text, if it says what is wanted; no edit goes out unread."""
    file = f"{FOLDER}/{wanted.name}{SUFFIX}"
    try:
        found = parse_model(text.encode(), file)
    except DocumentError as error:
        raise _LayoutError(wanted.name, error.reason) from error
    if (found.name, found.spec, dict(found.stages)) != (wanted.name, wanted.spec, dict(wanted.stages)):
        raise _LayoutError(wanted.name, "other parts would change too")
    return text


def _block_style(node: object, what: str) -> Fields:
    if not isinstance(node, Fields) or not node.block:
        raise InvalidError(f"{what} is not in block style", hint="write one key a line, without braces, and try again")
    return node


def _declared_name(root: Fields) -> str:
    metadata = root.entry("metadata")
    name = metadata.value.entry("name") if metadata is not None and isinstance(metadata.value, Fields) else None
    return str(name.value.value) if name is not None and isinstance(name.value, Scalar) else ""


class _LayoutError(InvalidError):
    """The document is laid out in a way, or the value is such, that the edit would not say what is wanted."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"the document of {name} cannot be edited so: {reason}",
            hint="write spec, stages and each entry in block style, one key a line",
        )


class _Page:
    """A valid Model document with its lines. Lines count from 0 here; ends are exclusive."""

    def __init__(self, text: str) -> None:
        self._returns = "\r\n" in text
        self._text = text.replace("\r\n", "\n")
        self._lines = self._text.splitlines(keepends=True)
        root = _block_style(parse_yaml(self._text.encode(), "document").root, "the document")
        self.model = parse_model(self._text.encode(), f"{FOLDER}/{_declared_name(root)}{SUFFIX}")
        spec = root.entry("spec")
        assert spec is not None
        self.spec = _block_style(spec.value, "spec")

    def line(self, at: int) -> str:
        """The line, "" beyond the end."""
        return self._lines[at] if at < len(self._lines) else ""

    def is_empty(self, at: int) -> bool:
        """Whether there is an empty line at that place."""
        return at < len(self._lines) and not self._lines[at].strip()

    def margin(self, entry: Entry) -> str:
        """The spaces before an entry's key."""
        return " " * (entry.key.span.column - 1)

    def begin(self, entry: Entry) -> int:
        """The entry's first line, with the comment just above it."""
        at = entry.key.span.line - 1
        while self._lines[at - 1].lstrip().startswith("#"):
            at -= 1
        return at

    def end(self, entry: Entry) -> int:
        """The line after the entry's last one. Comments and empty lines after it belong to nobody."""
        return self._text[: self._end(entry.value)].rstrip().count("\n") + 1

    def comment(self, entry: Entry) -> str:
        """The comment that follows a one-line value on its line, with the spaces before it."""
        found = re.match(r" +#[^\n]*", self._text[self._end(entry.value) :])
        return found.group() if found else ""

    def edited(self, first: int, last: int, block: str, wanted: ModelDocument) -> str:
        """The text with the lines [first, last) replaced, in the line ends that it had."""
        lines = list(self._lines)
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        text = _checked("".join((*lines[:first], block, *lines[last:])), wanted)
        return text.replace("\n", "\r\n") if self._returns else text

    def _end(self, node: Node) -> int:
        """The offset just after the node's last character; a block's own mark lies after the comments below it."""
        match node:
            case Fields(block=True, entries=entries):
                return self._end(entries[-1].value)
            case Items(items=items) if self._text[node.span.start] != "[":
                return self._end(items[-1])
            case _:
                return node.span.end
