"""A commit that nobody can read as it is stops the walk, and nothing besides: what is authorized is kept up."""

from collections.abc import Callable
from pathlib import Path

import pygit2
import pytest
from pygit2.enums import ObjectType

from tests.bank import MODEL, Bank, answers

STAGING = f"{MODEL}/Staging"


def too_deep(bank: Bank) -> None:
    deep = "/".join(["d"] * 70)
    bank.world.commit("mallory", {f"{deep}/x": "x"}, branch="side")
    text = bank.text(MODEL, {"Staging": 2})
    bank.world.commit("mallory", {f"{deep}/x": None, f"models/{MODEL}.yaml": text}, branch="side")
    bank.merge("side")


def two_entries_of_one_name(bank: Bank) -> None:
    repository = bank.world.repository
    blob = bytes.fromhex(str(repository.create_blob(b"x")))
    malformed = str(repository.write(ObjectType.TREE, (b"100644 README.md\0" + blob) * 2))
    line = "M <m@example.com> 1700000000 +0000"
    text = f"tree {malformed}\nparent {bank.world.head()}\nauthor {line}\ncommitter {line}\n\nBad\n"
    made = str(repository.write(ObjectType.COMMIT, text.encode()))
    tree = repository[bank.world.head()].peel(pygit2.Tree)
    who = pygit2.Signature("M", "m@example.com", 1_700_000_000)
    good = repository.create_commit(None, who, who, "Good", tree.id, [pygit2.Oid(hex=made)])
    bank.world.force("side", str(good))
    bank.world.commit("mallory", {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})}, branch="side")
    merged = bank.world.craft(
        "mallory",
        [bank.world.head(), bank.world.head("side")],
        {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})},
    )
    bank.world.force("main", merged)


@pytest.mark.parametrize("monster", [too_deep, two_entries_of_one_name])
def test_commit_that_cannot_be_read_does_not_switch_off_enforcement(tmp_path: Path, monster: Callable[[Bank], None]):
    bank = Bank(tmp_path)
    for _ in range(2):
        bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": 1}, "noor")
    waits = bank.promote(MODEL, {"Staging": 1, "Production": 1}, "noor")
    bank.sync()
    before = bank.world.head()
    monster(bank)
    bank.memory_registry.set_alias(MODEL, "challenger", 2)
    bank.approve("mo", waits)
    report = bank.sync()
    assert report.waiting.startswith("before commit")
    assert answers(report) == {f"{MODEL}/Production": "approved"}
    assert bank.aliases() == {"challenger": 1, "champion": 1}
    bank.world.force("main", before)
    bank.promote(MODEL, {"Staging": 2, "Production": 1}, "noor")
    report = bank.sync()
    assert (answers(report), report.waiting) == ({STAGING: "approved"}, "")
    assert bank.aliases() == {"challenger": 2, "champion": 1}
    bank.verified()
