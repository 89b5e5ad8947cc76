"""Hostile text before it reaches a terminal."""

import pytest

from stagewright.cli.inert import inert


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("credit-risk", "credit-risk"),
        ("Größe µ 信用 → ✓", "Größe µ 信用 → ✓"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("one\ntwo\r\n\tthree", "one\\ntwo\\r\\n\\tthree"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("a\u2066b\u2069", "a\\u2066b\\u2069"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\u2028line", "\\u2028line"),
        ("\x00\x7f", "\\x00\\x7f"),
        ("\ud800", "\\ud800"),
        ("[red]markup[/red]", "[red]markup[/red]"),
        ("", ""),
    ],
    ids=lambda text: ascii(text)[:24],
)
def test_inert_spells_out_what_acts_on_a_terminal(text: str, shown: str):
    assert inert(text) == shown
