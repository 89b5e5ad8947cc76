r"""Text that comes from outside, made safe to print: it moves no cursor, sets no title, reverses no line.

    inert("a\x1b[31mb")        a\x1b[31mb           (the escape spelled out)
    inert("v2\u202e")          v2\u202e
    inert("two\nlines")        two\nlines

Letters of every script stay as they are. Rich's markup needs no care here: nothing that is printed is parsed for it.
"""

import unicodedata

# Control, format (bidirectional marks, zero width), surrogate, private use, line and paragraph separators.
_SPELLED_OUT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def inert(text: str) -> str:
    """`text` on one line, with every character that shows nothing or acts on the terminal spelled out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(sign) for sign in text)


def _shown(sign: str) -> str:
    if unicodedata.category(sign) not in _SPELLED_OUT:
        return sign
    return sign.encode("unicode_escape").decode("ascii")
