"""Ways past a review that an adversarial reading found on forges with accounts, and their honest twins."""

from pathlib import Path
from typing import Any

import pytest

from tests.adversarial.attacked_bank import AttackedBank, begun, honest, of, stopped
from tests.doubles.github.graph_nodes import Nodes
from tests.doubles.github.graph_objects import Node


def forced_back(bank: AttackedBank, _: int, good: str) -> None:
    bank.world.push("maintainer", "main", good)


def deleted_and_made_anew(bank: AttackedBank, number: int, good: str) -> None:
    bank.world.push("maintainer", "main", None)
    bank.world.push("maintainer", "main", good)
    bank.world.call("PATCH", f"/pulls/{number}", {"state": "open"}, by="dana")


@pytest.mark.parametrize("put_back", [forced_back, deleted_and_made_anew])
def test_change_that_main_held_only_while_it_was_reviewed(tmp_path: Path, put_back: Any):
    """While main holds the promotion the reviewer is shown a word in a README; no sync sees main like that."""
    with begun(tmp_path) as bank:
        good = bank.head()
        bank.craft([good], of(bank, {"Staging": 1}), by="dana", branch="main")
        bank.world.put("dana", {"README.md": "A word.\n"}, branch="words")
        number = bank.world.open("words")
        shown = bank.world.call("GET", f"/pulls/{number}/files", by="noor")
        assert [file["filename"] for file in shown] == ["README.md"]
        bank.review("noor", number)
        bank.clock.forward(seconds=5)
        put_back(bank, number, good)
        bank.merge(number)
        honest(bank)
        stopped(bank, "or main was moved by force")
        # whoever is shown the change itself approves it as any other
        bank.review("olga", number)
        bank.sync()
        assert bank.aliases() == {"challenger": 1}


def test_request_for_changes_whose_author_one_of_two_apis_leaves_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As in an answer that GraphQL gives in part: a rejection of nobody's would not block."""
    with begun(tmp_path) as bank:
        number = bank.propose({"Staging": 1})
        veto = bank.review("noor", number, "reject")
        bank.review("olga", number)
        bank.merge(number)
        whole = Nodes.review

        def in_part(self: Nodes, repository: Any, pull: Any, review: Any) -> Node:
            node = whole(self, repository, pull, review)
            if review.id == veto:
                node.fields["author"] = None
            return node

        with monkeypatch.context() as patched:
            patched.setattr(Nodes, "review", in_part)
            report = bank.sync()
        assert ("two APIs do not agree" in report.waiting, report.verdicts, bank.aliases()) == (True, (), {})
        honest(bank)
        stopped(bank, "veto by @noor")
