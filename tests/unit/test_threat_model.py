"""The threat model names every attack, and for each the tests that play it, which are there."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ATTACKS = 75
COLUMNS = 5


def rows() -> list[list[str]]:
    """The cells of each row of the table of attacks."""
    text = (ROOT / "docs/threat-model.md").read_text()
    lines = [line for line in text.splitlines() if re.match(r"\| \d+ \|", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@cache
def defined_in(file: str) -> frozenset[str]:
    """The names of the tests of a module; none where there is no such module."""
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    found = ast.walk(ast.parse(path.read_text()))
    return frozenset(node.name for node in found if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def test_every_attack_has_its_row_in_order_and_no_cell_is_empty():
    found = rows()
    assert [int(row[0]) for row in found] == list(range(1, ATTACKS + 1))
    assert [row[0] for row in found if len(row) != COLUMNS or not all(row)] == []


def test_every_row_names_tests_and_each_of_them_is_there():
    named = {row[0]: re.findall(r"`(tests/[^`:]+)::([^`:]+)`", row[3]) for row in rows()}
    assert [number for number, tests in named.items() if not tests] == []
    missing = [(n, file, test) for n, tests in named.items() for file, test in tests if test not in defined_in(file)]
    assert missing == []


def test_every_attack_on_a_forge_that_is_numbered_stands_in_its_row():
    """A test whose name begins with numbers of attacks is named in the row of each."""
    named = {int(row[0]): row[3] for row in rows()}
    modules = sorted((ROOT / "tests/adversarial").glob("test_git*_attacks*.py"))
    numbered = [
        (int(number), f"{module.relative_to(ROOT)}::{test}")
        for module in modules
        for test in sorted(defined_in(str(module.relative_to(ROOT))))
        for number in re.findall(r"\d\d", (re.match(r"test((?:_\d\d)+)_", test) or [""])[0])
    ]
    assert len(numbered) > ATTACKS
    assert [(number, test) for number, test in numbered if test not in named[number]] == []
