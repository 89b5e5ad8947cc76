"""Fails when a module of the product is longer than 400 lines: by then it holds two responsibilities."""

import sys
from pathlib import Path

LIMIT = 400
too_long = [
    f"{path}: {lines} lines (at most {LIMIT}); split it by responsibility"
    for path in sorted(Path("controller").rglob("*.py"))
    if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LIMIT
]
print("\n".join(too_long), end="\n" if too_long else "")
sys.exit(1 if too_long else 0)
