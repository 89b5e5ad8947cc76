r"""Markdown in which text from outside is shown, and never obeyed.

    code("a `b` @dana")        ``a `b` @dana``
    code("two\nlines")         `two\nlines`           (the escape spelled out)
    linked("v2", url)          [`v2`](https://mlflow.example/#/models/a/versions/2)

Whatever a model, a card, a title or a pull request says stands in a code span: there the forges read no mention, no
link, no HTML, no image, no emoji and no reference to an issue or a commit (CommonMark 0.31 section 6.1, and the filters
of GitHub and Gitea, which leave code alone). A code span ends at a run of backticks as long as the one it began with,
so it begins with one that is longer than any inside.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from urllib.parse import quote

# GitHub takes 65,536 characters. What an adapter adds, to know its comment again, needs some of them.
MAX_PAGE = 64_800
MAX_TEXT = 400
# Control, format (bidirectional marks, zero width), surrogate, private use, line and paragraph separators.
_SPELLED_OUT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def code(text: str) -> str:
    """Text from outside as a code span on one line; cut where it is longer than MAX_TEXT characters."""
    shown = plain(text) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.strip() and (shown[0] in " `" or shown[-1] in " `") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def cell(text: str) -> str:
    """Text from outside as a code span in a table, where a bar would end the cell even inside of code.

    The bar is spelled out: what a backslash before it means, when another stands before that, readers disagree about.
    """
    return code(text.replace("|", "\\x7c"))


def plain(text: str) -> str:
    """Text from outside where nothing is parsed: one line, with every character that shows nothing spelled out."""
    cut = text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"
    return "".join(_shown(sign) for sign in cut)


def _shown(sign: str) -> str:
    if unicodedata.category(sign) not in _SPELLED_OUT:
        return sign
    return sign.encode("unicode_escape", "surrogatepass").decode("ascii")


def linked(text: str, url: str) -> str:
    """Text from outside as a link to an address that `address` made."""
    return f"[{code(text)}]({url})"


def address(base: str, *parts: str) -> str:
    """An address below `base`, whose parts from outside can only ever be parts."""
    return "/".join([base, *(quote(part, safe="", errors="replace") for part in parts)])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are texts from outside."""
    lines = [head, *rows]
    shown = [f"| {' | '.join(cell(text) for text in line)} |" for line in lines]
    return "\n".join([shown[0], f"|{' --- |' * len(head)}", *shown[1:]])


def page(blocks: Sequence[str], *, end: str) -> str:
    """The blocks, as many as fit within MAX_PAGE characters, and `end` after them; what was cut is said."""
    room = MAX_PAGE - len(end) - 200
    kept: list[str] = []
    for number, block in enumerate(blocks):
        room -= len(block) + 2
        if room < 0:
            kept.append(f"**Cut here**: {len(blocks) - number} more sections do not fit on this page.")
            break
        kept.append(block)
    return "\n\n".join([*kept, end])
