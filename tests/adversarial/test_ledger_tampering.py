"""One bit is flipped, in every region of every file: verification fails and names the place."""

from functools import cache

import pytest
from hypothesis import given as sampled
from hypothesis import settings
from hypothesis import strategies as st

from stagewright.ledger.log import CHECKPOINT
from stagewright.ledger.note import VerifierKey
from stagewright.ledger.verification import verify
from tests.fakes import ledger_entries as given
from tests.fakes.ledger_store import MemoryStore

PIN = str(VerifierKey(name=given.ORIGIN, key=given.LOG.public_key))
SAMPLES = 12


@cache
def _files() -> dict[str, bytes]:
    """A ledger with full, partial and outdated tiles, evidence and keys."""
    store = MemoryStore()
    ledger = given.story(store)
    ledger.append([given.revision(9)] * 240)
    ledger.append([given.revision(9)] * 10)
    return store.files


@cache
def _small_files() -> dict[str, bytes]:
    store = MemoryStore()
    given.story(store)
    return store.files


def _places(files: dict[str, bytes]) -> list[str]:
    """Where verification finds something wrong; empty when it holds."""
    report = verify(MemoryStore(files=files), log_key=PIN, checkpoints=(), signoff_checker=lambda _, __: None)
    places = [finding.place for step in report.steps for finding in step.findings]
    assert report.verified is not bool(places)
    return places


def _flipped(files: dict[str, bytes], name: str, bit: int) -> dict[str, bytes]:
    data = bytearray(files[name])
    data[bit // 8] ^= 1 << (bit % 8)
    return files | {name: bytes(data)}


def test_untouched_ledgers_hold():
    assert _places(_files()) == []
    assert _places(_small_files()) == []


@pytest.mark.parametrize("name", sorted(_small_files()))
def test_bit_flipped_in_any_region_of_any_file_is_found_and_placed(name: str):
    files = _small_files()
    bits = 8 * len(files[name])
    for sample in range(SAMPLES):
        places = _places(_flipped(files, name, (bits * sample // SAMPLES + sample) % bits))
        assert name in places or (name.endswith("entries/000.p/11") and places[0].startswith(("entry", CHECKPOINT)))


@settings(max_examples=20)
@sampled(st.data())
def test_bit_flipped_anywhere_in_a_larger_ledger_is_found(data: st.DataObject):
    files = _files()
    name = data.draw(st.sampled_from(sorted(files)))
    bit = data.draw(st.integers(0, 8 * len(files[name]) - 1))
    assert _places(_flipped(files, name, bit)) != []


@settings(max_examples=50)
@sampled(st.data())
def test_file_cut_anywhere_is_found(data: st.DataObject):
    files = _small_files()
    name = data.draw(st.sampled_from(sorted(files)))
    end = data.draw(st.integers(0, len(files[name]) - 1))
    assert _places(files | {name: files[name][:end]}) != []


# What a log no longer needs may be dropped (tlog-tiles); the rest may not.
NEEDED = sorted(name for name in _small_files() if ".p/" not in name or name.endswith("/11"))


@pytest.mark.parametrize("name", NEEDED)
def test_file_taken_away_is_found(name: str):
    files = dict(_small_files())
    del files[name]
    assert _places(files) != []


@pytest.mark.parametrize("name", sorted(set(_small_files()) - set(NEEDED)))
def test_outdated_partial_tile_may_be_dropped(name: str):
    files = dict(_small_files())
    del files[name]
    assert _places(files) == []
