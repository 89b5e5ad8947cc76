"""effective(commit): per file the last valid document on the first-parent chain up to a commit (docs/fold.md)."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from stagewright.model.desired import CodeOwnersLines, DesiredState, DocumentProblem, GovernanceValue, Value
from stagewright.model.keys import GovernanceKey, Key, SpecKey, StageKey
from stagewright.model.policy import Governance
from stagewright.model.source import REGULAR_MODES, SourceFile, SourceTree
from stagewright.ports import Source
from stagewright.schema.allowed_signers import allowed_signers_path
from stagewright.schema.codeowners import LOCATIONS
from stagewright.schema.desired import (
    LFS_POINTER,
    Rejected,
    Role,
    parse_allowed_signers_file,
    parse_codeowners_file,
    parse_model_file,
    parse_policy_file,
    refused_unread,
    role_of,
)
from stagewright.schema.governance import load_governance
from stagewright.schema.model_document import ModelDocument
from stagewright.schema.names import twins
from stagewright.schema.policy_document import policy_path

# How many commits are kept parsed: enough for a walk with its branches, little enough for ten thousand models.
KEPT = 64
# A model card longer than this is no card.
MAX_CARD = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blob:
    """What a governance file effectively is: its blob, or the lines of a CODEOWNERS file."""

    id: str
    lines: tuple[str, ...] = ()


_Content = ModelDocument | _Blob
_Kept = TypeVar("_Kept")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effective:
    contents: Mapping[str, _Content]
    problems: tuple[DocumentProblem, ...]


class DesiredReader:
    """Reads desired states out of one source. `path` is the source's folder, "" for the repository's root."""

    def __init__(self, source: Source, path: str) -> None:
        self._source = source
        self._path = path
        self._effective: OrderedDict[str, _Effective] = OrderedDict()
        self._states: OrderedDict[str, DesiredState] = OrderedDict()
        self._parsed: dict[tuple[str, str, int], _Content | Rejected] = {}
        self._cards: dict[str, str | None] = {}
        self._governances: dict[GovernanceValue, Governance] = {}

    def at(self, commit: str) -> DesiredState:
        """The desired state at a commit. NotFoundError when it, or what it builds on, cannot be read any more."""
        if commit not in self._states:
            tree = self._source.tree(commit)
            self._keep(self._states, commit, self._state(tree, self._resolve(tree)))
        return self._states[commit]

    def governance(self, value: GovernanceValue) -> Governance:
        """The governance with its contents parsed. NotFoundError when a blob cannot be read any more."""
        if value not in self._governances:
            self._governances[value] = load_governance(
                value,
                policy=None if value.policy is None else self._source.blob(value.policy),
                allowed_signers=None if value.allowed_signers is None else self._source.blob(value.allowed_signers),
                path=self._path,
            )
        return self._governances[value]

    def _resolve(self, tree: SourceTree) -> _Effective:
        """The effective contents at a commit. Goes back along first parents only as far as files are in trouble."""
        pending = [tree]
        while tree.commit not in self._effective:
            here = pending[-1]
            parent = here.parents[0] if here.parents else None
            before = self._effective.get(parent) if parent else _Effective(contents={}, problems=())
            contents, problems = self._read(here)
            troubled = {p.file for p in problems} | self._in_twins(contents)
            if troubled and before is None and parent is not None:
                pending.append(self._source.tree(parent))
                continue
            self._keep(self._effective, here.commit, _settle(contents, problems, before))
            pending.pop()
        return self._effective[tree.commit]

    def _read(self, tree: SourceTree) -> tuple[dict[str, _Content], tuple[DocumentProblem, ...]]:
        contents: dict[str, _Content] = {}
        problems: list[DocumentProblem] = []
        for file in tree.files:
            role = role_of(file.path, self._path)
            if role is None:
                continue
            known = (file.path, file.blob, file.mode)
            if known not in self._parsed:
                self._parsed[known] = self._parse(file, role)
            result = self._parsed[known]
            if isinstance(result, Rejected):
                problems += result.problems
            else:
                contents[file.path] = result
        return contents, tuple(problems)

    def _parse(self, file: SourceFile, role: Role) -> _Content | Rejected:
        unread = refused_unread(file)
        if unread:
            return unread
        data = self._source.blob(file.blob)
        match role:
            case Role.MODEL:
                return parse_model_file(file, data, self._path)
            case Role.POLICY:
                policy = parse_policy_file(file, data)
                return policy if isinstance(policy, Rejected) else _Blob(id=file.blob)
            case Role.ALLOWED_SIGNERS:
                signers = parse_allowed_signers_file(file, data)
                return signers if isinstance(signers, Rejected) else _Blob(id=file.blob)
            case Role.CODEOWNERS:
                lines = parse_codeowners_file(file, data, self._path)
                return lines if isinstance(lines, Rejected) else _Blob(id=file.blob, lines=lines)

    def _in_twins(self, contents: Mapping[str, _Content]) -> set[str]:
        by_name = {doc.name: path for path, doc in contents.items() if isinstance(doc, ModelDocument)}
        return {by_name[name] for group in twins(by_name) for name in group}

    def _state(self, tree: SourceTree, effective: _Effective) -> DesiredState:
        values: dict[Key, Value] = {}
        cards: dict[str, str] = {}
        files = {file.path: file for file in tree.files}
        for document in effective.contents.values():
            if not isinstance(document, ModelDocument):
                continue
            values[SpecKey(document.name)] = document.spec
            values.update({StageKey(document.name, stage): value for stage, value in document.stages.items()})
            card = self._card(files.get(self._under(document.spec.card))) if document.spec.card else None
            if card is not None:
                cards[document.name] = card
        governance = self._governance_value(effective.contents)
        if governance is not None:
            values[GovernanceKey()] = governance
        return DesiredState(commit=tree.commit, values=values, cards=cards, problems=effective.problems)

    def _governance_value(self, contents: Mapping[str, _Content]) -> GovernanceValue | None:
        blobs = {path: content for path, content in contents.items() if isinstance(content, _Blob)}
        policy, signers = blobs.get(policy_path(self._path)), blobs.get(allowed_signers_path(self._path))
        owners = tuple(
            CodeOwnersLines(location=location, lines=blobs[location].lines)
            for location in LOCATIONS
            if location in blobs
        )
        if policy is None and signers is None and not owners:
            return None
        return GovernanceValue(
            policy=policy.id if policy else None, allowed_signers=signers.id if signers else None, codeowners=owners
        )

    def _card(self, file: SourceFile | None) -> str | None:
        if file is None or file.mode not in REGULAR_MODES or not 0 < file.size <= MAX_CARD:
            return None
        if file.blob not in self._cards:
            data = self._source.blob(file.blob)
            pointer = data.startswith(LFS_POINTER)
            self._cards[file.blob] = None if pointer else f"sha256:{hashlib.sha256(data).hexdigest()}"
        return self._cards[file.blob]

    def _under(self, path: str) -> str:
        return f"{self._path}/{path}" if self._path else path

    @staticmethod
    def _keep(store: OrderedDict[str, _Kept], commit: str, value: _Kept) -> None:
        store[commit] = value
        while len(store) > KEPT:
            store.popitem(last=False)


def _settle(
    read: Mapping[str, _Content], problems: tuple[DocumentProblem, ...], before: _Effective | None
) -> _Effective:
    """What counts at a commit: what is valid there, and for files in trouble what counted before."""
    old = before.contents if before else {}
    found = list(problems)
    contents = {**{p.file: old[p.file] for p in problems if p.file in old}, **read}
    names = {doc.name: path for path, doc in contents.items() if isinstance(doc, ModelDocument)}
    for group in twins(names):
        # Of twins the one declared first stays; of newcomers that come together none is taken.
        stays = [name for name in sorted(group) if names[name] in old][:1]
        for name in sorted(group - {*stays}):
            del contents[names[name]]
            found.append(_twin(names[name], name, group - {name}))
    return _Effective(contents=contents, problems=tuple(found))


def _twin(file: str, name: str, others: frozenset[str]) -> DocumentProblem:
    return DocumentProblem(
        file=file,
        line=1,
        column=1,
        reason=f"the name {name!r} looks like {', '.join(sorted(others))}",
        hint="choose a name that nobody can mistake for another",
        model=name,
    )
