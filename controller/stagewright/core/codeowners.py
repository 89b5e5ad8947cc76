"""Which line of CODEOWNERS decides about a path: the last that matches, as GitHub reads its patterns.

    *               everything
    *.yaml          files (and folders) of that name at any depth
    /models/        everything below the folder at the root        models/   … below any such folder
    models/*.yaml   anchored, since there is a slash in the middle; `*` never crosses a slash
    models/*        the files of the folder, not what lies deeper
    models/**       everything below                                **/models   at any depth

A pattern that names a folder matches everything below it. Case matters. What differs from .gitignore: no negation,
no ranges, and a final `/*` does not reach into sub-folders.
"""

from stagewright.model.policy import OwnerRule

_ANY_DEPTH = "**"


def owners_of(rules: tuple[OwnerRule, ...], path: str) -> tuple[str, ...] | None:
    """The owners by the last rule that matches `path` (relative, with slashes).

    None when no rule matches; empty when the one that does names nobody. Both mean that nobody owns it.
    """
    for rule in reversed(rules):
        if matches(rule.pattern, path):
            return rule.owners
    return None


def matches(pattern: str, path: str) -> bool:
    """Whether a CODEOWNERS pattern matches the file at `path`."""
    folder_only = pattern.endswith("/")
    body = pattern.removesuffix("/")
    anchored = "/" in body
    segments = body.removeprefix("/").split("/")
    if segments == [""]:
        return False
    if not anchored:
        segments = [_ANY_DEPTH, *segments]
    parts = path.split("/")
    lengths = _matched_lengths(segments, parts)
    # a lone star after a slash is about files; every other pattern that names a folder reaches all below it
    if anchored and segments[-1] == "*" and not folder_only:
        return len(parts) in lengths
    return any(length < len(parts) or not folder_only for length in lengths)


def matches_whole(pattern: str, path: str) -> bool:
    """Whether a pattern of .gitattributes matches the file at `path`; one that names a folder matches nothing in it."""
    segments = pattern.removeprefix("/").split("/")
    if pattern.endswith("/"):
        return False
    if "/" not in pattern:
        segments = [_ANY_DEPTH, *segments]
    parts = path.split("/")
    return len(parts) in _matched_lengths(segments, parts)


def _matched_lengths(segments: list[str], parts: list[str]) -> set[int]:
    """How many leading parts the segments match, all ways. `**` matches any number of them, at the end at least one."""
    reachable = {0}
    for position, segment in enumerate(segments):
        if segment == _ANY_DEPTH:
            least = min(reachable, default=len(parts) + 1) + (position == len(segments) - 1)
            reachable = set(range(least, len(parts) + 1))
        else:
            reachable = {at + 1 for at in reachable if at < len(parts) and _name_matches(segment, parts[at])}
    return reachable


def _name_matches(segment: str, name: str) -> bool:
    """Whether one segment matches a whole name, in time at most the product of their lengths."""
    tokens = _tokens(segment)
    at, here, star, retry = 0, 0, -1, 0
    while here < len(name):
        if at < len(tokens) and tokens[at] == "*":
            star, retry = at, here
            at += 1
        elif at < len(tokens) and (tokens[at] == "?" or tokens[at] == f"\\{name[here]}"):
            at += 1
            here += 1
        elif star >= 0:
            retry += 1
            at, here = star + 1, retry
        else:
            return False
    return all(rest == "*" for rest in tokens[at:])


def _tokens(segment: str) -> list[str]:
    r"""`*` and `?` as themselves, every other character, escaped or not, as `\x`."""
    tokens: list[str] = []
    escaped = False
    for character in segment:
        if escaped or character not in "*?\\":
            tokens.append(f"\\{character}")
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            tokens.append(character)
    return tokens
