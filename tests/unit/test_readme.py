"""The README's excerpt of the demo is the page's, and the page is compared with a real run by the demo's own test."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _output(page: str, heading: str) -> list[str]:
    after = page[page.index(heading) :]
    block = after[after.index("\n```\n") + 5 :]
    return [line for line in block[: block.index("\n```")].splitlines() if line]


def test_readme_shows_every_scene_and_every_check_of_the_demo_page_and_nothing_else():
    page = _output((ROOT / "docs/demo.md").read_text(), "## What it prints")
    shown = _output((ROOT / "README.md").read_text(), "## What `make demo` shows")
    heads = [line for line in page if re.match(r" ?\d+\.  |     ✓|\d+ checks held", line)]
    assert [line for line in shown if re.match(r" ?\d+\.  |     ✓|\d+ checks held", line)] == heads
    assert [line for line in shown if line not in page] == []


def test_documents_named_in_the_readme_are_there():
    text = (ROOT / "README.md").read_text()
    named = re.findall(r"\]\(([^)#]+)\)", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert len(named) > 10
