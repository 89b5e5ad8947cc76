r"""What `.gitattributes` hides: changes that no reviewer is shown, and clones that show other bytes than are judged.

    models/*.yaml     -diff linguist-generated      # the forge folds the file up, git says "Binary files differ"
    [attr]quiet       -diff                         # a macro of the root's file
    "odd name.yaml"   filter=swap                   # a clone may hold something else than the commit

Read as gitattributes(5) says: the last line that matches counts for each attribute, a deeper file before a higher
one; a pattern that names a folder says nothing of what is in it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stagewright.core.codeowners import matches_whole

NAME = ".gitattributes"
_BUILT_IN: Mapping[str, tuple[str, ...]] = {"binary": ("-diff", "-merge", "-text")}
_MACRO = "[attr]"
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
# What each does to a reviewer, by attribute and state.
_HIDING: Mapping[tuple[str, str], str] = {
    ("diff", "unset"): "no change of it is shown",
    ("linguist-generated", "set"): "the forge folds its changes up",
    ("linguist-generated", "true"): "the forge folds its changes up",
    ("ident", "set"): "a clone shows other bytes than are judged",
}
_CHANGING = ("filter", "working-tree-encoding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """A file that a line hides, with what that does to whoever reviews it."""

    path: str
    file: str
    line: int
    attribute: str
    effect: str


@dataclass(frozen=True, slots=True)
class _Setting:
    state: str
    file: str
    line: int


def hidden(files: Mapping[str, str], governed: Iterable[str]) -> tuple[Hidden, ...]:
    """What the `.gitattributes` among `files` (texts by path) hide of the `governed` paths, by path and attribute."""
    found = []
    macros = dict(_BUILT_IN)
    for line in files.get(NAME, "").splitlines():
        if line.startswith(_MACRO) and line.removeprefix(_MACRO).split():
            name, *given = line.removeprefix(_MACRO).split()
            macros[name] = tuple(given)
    for path in sorted(governed):
        for attribute, setting in sorted(_settings(files, macros, path).items()):
            effect = _effect(attribute, setting.state)
            if effect:
                found.append(
                    Hidden(path=path, file=setting.file, line=setting.line, attribute=attribute, effect=effect)
                )
    return tuple(found)


def _effect(attribute: str, state: str) -> str:
    if attribute in _CHANGING and state not in {"unset", ""}:
        return "a clone shows other bytes than are judged"
    return _HIDING.get((attribute, state), "")


def _settings(files: Mapping[str, str], macros: Mapping[str, tuple[str, ...]], path: str) -> dict[str, _Setting]:
    settings: dict[str, _Setting] = {}
    parts = path.split("/")
    for depth in range(len(parts)):
        file = "/".join([*parts[:depth], NAME])
        below = "/".join(parts[depth:])
        for number, line in enumerate(files.get(file, "").splitlines(), 1):
            pattern, given = _read(line)
            if pattern and matches_whole(pattern, below):
                for token in _expanded(given, macros):
                    name, state = _state(token)
                    settings[name] = _Setting(state, file, number)
    return settings


def _read(line: str) -> tuple[str, list[str]]:
    """The pattern and the attributes of a line; no pattern where it has none, or git ignores it."""
    text = line.strip()
    if not text or text.startswith(("#", "!", _MACRO)):
        return "", []
    quoted = _QUOTED.match(text)
    if quoted:
        return re.sub(r"\\(.)", r"\1", quoted[1]), text[quoted.end() :].split()
    pattern, *given = text.split()
    return pattern, given


def _expanded(given: Iterable[str], macros: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The attributes, a macro that is set followed by what it stands for. Macros within macros count once."""
    tokens: list[str] = []
    for token in given:
        tokens.append(token)
        for inner in macros.get(token, ()):
            tokens += [inner, *macros.get(inner, ())]
    return tokens


def _state(token: str) -> tuple[str, str]:
    if token.startswith("-"):
        return token[1:], "unset"
    if token.startswith("!"):
        return token[1:], ""
    name, given, value = token.partition("=")
    return name, value if given else "set"
