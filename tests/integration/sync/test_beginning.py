"""How a ledger begins, and that it never begins twice."""

import shutil
from pathlib import Path

import pytest

from stagewright.errors import NotFoundError, StalledError, UsageError
from stagewright.ledger import predicates as entry
from tests.bank import MODEL, Bank, answers


def test_genesis_without_a_trust_root_is_refused_and_nothing_is_written(tmp_path: Path):
    bank = Bank(tmp_path)
    bank.configure(trust_root=None)
    with pytest.raises(UsageError, match="no commit to begin it from") as caught:
        bank.sync()
    assert "--trust-root" in caught.value.hint
    assert list(bank.store.names("")) == []


def test_genesis_from_a_commit_that_is_not_on_the_branch_stalls(tmp_path: Path):
    bank = Bank(tmp_path)
    aside = bank.branch({"README.md": "Elsewhere.\n"})
    bank.configure(trust_root=aside.head)
    with pytest.raises(StalledError, match="not on the first-parent history"):
        bank.sync()
    assert list(bank.store.names("")) == []


def test_genesis_from_a_commit_that_is_not_there_is_refused(tmp_path: Path):
    bank = Bank(tmp_path)
    bank.configure(trust_root="1" * 40)
    with pytest.raises((NotFoundError, StalledError)):
        bank.sync()
    assert list(bank.store.names("")) == []


def test_genesis_from_a_commit_without_a_policy_is_refused(tmp_path: Path):
    bank = Bank(tmp_path)
    bare = bank.world.push_main("maintainer", {"stagewright.yaml": None})
    bank.configure(trust_root=bare)
    with pytest.raises(UsageError, match="holds no valid policy"):
        bank.sync()
    assert list(bank.store.names("")) == []


def test_genesis_with_two_documents_on_one_registered_model_is_refused(tmp_path: Path):
    bank = Bank(
        tmp_path, prepare=lambda bank: {"models/mine.yaml": bank.text("mine", card=None, registeredModel="Credit-Risk")}
    )
    with pytest.raises(UsageError, match="credit-risk and mine both name the registered model"):
        bank.sync()
    assert list(bank.store.names("")) == []


def test_genesis_adopts_what_runs_and_says_what_was_declared_otherwise(tmp_path: Path):
    def prepare(bank: Bank) -> dict[str, str]:
        bank.train()
        bank.train()
        bank.memory_registry.set_alias(MODEL, "challenger", 2)
        bank.memory_registry.set_alias(MODEL, "champion", 1)
        return {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2, "Production": 2})}

    bank = Bank(tmp_path, prepare=prepare)
    report = bank.sync()
    assert (report.began, report.verdicts) == (True, ())
    (genesis,) = bank.entries(entry.Genesis)
    said = {one.key: (one.state, one.value, one.declared) for one in genesis.adopted}
    pins = {number: {k: v for k, v in bank.pins(number).items() if k != "trainer"} for number in (1, 2)}
    assert said[f"{MODEL}/Staging"] == (
        "adopted",
        bank.pins(2) | {"trainer": {"name": "@dana", "declared": True}},
        None,
    )
    assert said[f"{MODEL}/Production"][:2] == ("unauthorized", pins[1])
    assert said[f"{MODEL}/Production"][2]["version"] == 2
    assert bank.kinds() == ["genesis", "key", "key", *bank.kinds(3)]
    # what is adopted stands as it was found: champion stays where it was, though git says otherwise
    assert bank.aliases() == {"challenger": 2, "champion": 1}
    bank.verified()


def test_unauthorized_at_genesis_is_mended_by_an_ordinary_promotion(tmp_path: Path):
    def prepare(bank: Bank) -> dict[str, str]:
        bank.train()
        bank.train()
        bank.memory_registry.set_alias(MODEL, "challenger", 1)
        return {f"models/{MODEL}.yaml": bank.text(MODEL, {"Staging": 2})}

    bank = Bank(tmp_path, prepare=prepare)
    bank.sync()
    assert bank.aliases() == {"challenger": 1}
    # the branch already declares it, so it is asked for anew by way of what runs: restore, then promote
    bank.promote(MODEL, {"Staging": {key: value for key, value in bank.pins(1).items() if key != "trainer"}})
    assert answers(bank.sync()) == {f"{MODEL}/Staging": "approved"}
    bank.promote(MODEL, {"Staging": 2}, "noor")
    assert answers(bank.sync()) == {f"{MODEL}/Staging": "approved"}
    assert bank.aliases() == {"challenger": 2}
    bank.verified()


def test_genesis_of_many_models_fits_the_ledger(tmp_path: Path):
    def prepare(bank: Bank) -> dict[str, str]:
        files = {}
        for number in range(300):
            name = f"model-{number:03}"
            bank.train(name)
            bank.memory_registry.set_alias(name, "challenger", 1)
            files[f"models/{name}.yaml"] = bank.text(name, {"Staging": 1, "Production": "none"})
        return files

    bank = Bank(tmp_path, prepare=prepare)
    report = bank.sync()
    assert (report.began, report.applied) == (True, ())
    assert len(bank.state().authorized) == 1 + 300 * 3 + 1
    bank.restart()
    size = bank.ledger().size
    assert bank.sync().ledger_size == size
    bank.verified()


@pytest.mark.parametrize("restarted", [False, True], ids=["same process", "new process"])
def test_missing_ledger_where_one_is_known_stalls_and_adopts_nothing(tmp_path: Path, restarted: bool):
    bank = Bank(tmp_path)
    version = bank.train()
    bank.sync()
    bank.promote(MODEL, {"Staging": version}, "noor")
    bank.sync()
    shutil.rmtree(tmp_path / "ledger")
    bank.train(by="eve")
    bank.memory_registry.set_alias(MODEL, "champion", 2)
    if restarted:
        bank.restart()
    with pytest.raises(StalledError, match="the ledger is missing, although one is known") as caught:
        bank.sync()
    assert bank.known.place in caught.value.hint
    assert list(bank.store.names("")) == []
    assert bank.aliases() == {"challenger": 1, "champion": 2}


@pytest.mark.parametrize("grown", [False, True], ids=["put back", "put back and written on"])
def test_rolled_back_ledger_stalls(tmp_path: Path, grown: bool):
    bank = Bank(tmp_path)
    versions = [bank.train(), bank.train()]
    bank.sync()
    bank.promote(MODEL, {"Staging": versions[0]}, "noor")
    shutil.copytree(tmp_path / "ledger", tmp_path / "old")
    bank.sync()
    shutil.rmtree(tmp_path / "ledger")
    shutil.copytree(tmp_path / "old", tmp_path / "ledger")
    if grown:
        kept = bank.known.checkpoint
        bank.known.checkpoint = None
        bank.memory_registry.models[MODEL].aliases.clear()
        bank.promote(MODEL, {"Staging": versions[1]}, "noor")
        bank.sync()
        bank.sync()
        bank.known.checkpoint = kept
    size, aliases = bank.ledger().size, bank.aliases()
    with pytest.raises(StalledError, match="nothing is applied"):
        bank.sync()
    assert (bank.ledger().size, bank.aliases()) == (size, aliases)
    bank.restart()
    with pytest.raises(StalledError, match="nothing is applied"):
        bank.sync()


def test_ledger_swapped_for_another_with_another_key_stalls(tmp_path: Path):
    bank, other = Bank(tmp_path / "one"), Bank(tmp_path / "other")
    bank.sync()
    other.sync()
    bank.known.checkpoint = b"not a note\n"
    with pytest.raises(StalledError, match="not one of this ledger"):
        bank.sync()


def test_clock_behind_the_ledger_stalls_and_says_so(tmp_path: Path):
    bank = Bank(tmp_path)
    bank.sync()
    size = bank.ledger().size
    bank.clock.forward(days=-3)
    with pytest.raises(StalledError, match=r"the clock says 2026-02-27 09:02:00, and .* 2026-03-02 09:01:00 UTC"):
        bank.sync()
    bank.clock.forward(days=3)
    assert bank.sync().ledger_size == size
