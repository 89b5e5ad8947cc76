"""Names of accounts that a person may take for one another: pointed out where one approves in the other's place."""

import unicodedata
from collections.abc import Iterable

# What looks like a Latin letter or digit in common fonts (Unicode UTS 39, confusables.txt), as far as logins go.
_LIKE = str.maketrans(
    {
        "0": "o", "1": "l", "i": "l", "|": "l", "5": "s", "2": "z", "8": "b", "9": "g", "q": "g",
        "а": "a", "е": "e", "о": "o", "р": "p", "с": "c", "у": "y", "х": "x", "ѕ": "s", "і": "l", "ј": "j",
        "к": "k", "м": "m", "н": "h", "т": "t", "в": "b", "ԁ": "d", "ո": "n", "һ": "h", "ɡ": "g",
        "α": "a", "ε": "e", "ι": "l", "κ": "k", "ν": "v", "ο": "o", "ρ": "p", "τ": "t", "υ": "u", "χ": "x",
    }
)  # fmt: skip
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))


def skeleton(name: str) -> str:
    """What a login looks like at a glance: case, accents, signs, look-alike letters, doubles put aside."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    shape = "".join(sign for sign in plain.translate(_LIKE) if sign.isalnum())
    for pair, one in _PAIRS:
        shape = shape.replace(pair, one)
    return "".join(sign for at, sign in enumerate(shape) if shape[at - 1 : at] != sign)


def look_alikes(strangers: Iterable[str], known: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Each stranger with the known name that it looks like, and is not."""
    shapes = {skeleton(name): name for name in sorted(known, reverse=True)}
    return tuple(
        (stranger, shapes[skeleton(stranger)])
        for stranger in strangers
        if skeleton(stranger) in shapes and shapes[skeleton(stranger)] != stranger
    )
