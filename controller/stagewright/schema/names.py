"""Names that a person takes for one another: `credit-risk` and `Credit-Risk`, `model-1` and `model-l`.

The table is small on purpose. It covers what a font hides among ASCII letters and digits, and the Cyrillic and Greek
letters that are drawn like Latin ones; it follows the idea of Unicode UTS #39 (skeletons), not its whole data.
"""

import unicodedata
from collections.abc import Iterable

# one line per script: the look-alikes above, what they look like below
_CYRILLIC = str.maketrans("асԁеһіјӏмоԛрѕтԝхуԍгкпвн", "acdehijlmoqpstwxygrknbh")
_GREEK = str.maketrans("αβγεικνορτυχω", "abyeiknoptuxw")
# I, l, | and 1; O and 0: before case is folded, since small i looks like none of them
_STROKES = str.maketrans("I|1O0", "llloo")


def skeleton(name: str) -> str:
    """What a name looks like: equal for two names that cannot be told apart by eye."""
    text = unicodedata.normalize("NFKC", name).translate(_STROKES).casefold()
    text = text.translate(_CYRILLIC).translate(_GREEK)
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return text.replace("rn", "m")


def twins(names: Iterable[str]) -> tuple[frozenset[str], ...]:
    """The groups of two or more different names that differ only by case or look-alike characters, sorted."""
    groups: list[set[str]] = []
    for name in sorted(set(names)):
        forms = {skeleton(name), f"case:{unicodedata.normalize('NFKC', name).casefold()}"}
        groups.append({name, *(f"\0{form}" for form in forms)})
    merged: list[set[str]] = []
    for group in groups:
        for other in [other for other in merged if other & group]:
            group |= other  # noqa: PLW2901 - the group grows by what it touches
            merged.remove(other)
        merged.append(group)
    found = (frozenset(name for name in group if not name.startswith("\0")) for group in merged)
    return tuple(sorted((group for group in found if len(group) > 1), key=sorted))
