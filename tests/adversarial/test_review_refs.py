"""Names that only git can take must not keep the controller from reading all the others."""

from pathlib import Path

import pytest

from tests.bank import MODEL, Bank, answers


@pytest.mark.parametrize("folder", ["heads", "tags"])
def test_ref_whose_name_is_no_text_keeps_nobody_from_promoting(tmp_path: Path, folder: str):
    bank = Bank(tmp_path)
    bank.train()
    bank.sync()
    name = bytes(bank.world.origin / "refs" / folder) + b"/\xff\xfe"
    Path(name.decode("utf-8", "surrogateescape")).write_text(f"{bank.world.head()}\n")
    bank.promote(MODEL, {"Staging": 1}, "noor")
    report = bank.sync()
    assert (answers(report), report.waiting) == ({f"{MODEL}/Staging": "approved"}, "")
    assert bank.aliases() == {"challenger": 1}
    bank.verified()


def test_ref_with_a_name_in_another_script_is_read_as_any_other(tmp_path: Path):
    bank = Bank(tmp_path)
    bank.train()
    bank.sync()
    pull = bank.propose(MODEL, {"Staging": 1}, branch="änderung-模型")
    bank.world.raw_tag("mo", target=pull.head, message="Just a name.\n", tag="版本-1")
    bank.approve("noor", pull)
    bank.merge(pull)
    assert answers(bank.sync()) == {f"{MODEL}/Staging": "approved"}
    assert "änderung-模型" in dict(bank.source.branches())
    bank.verified()
