"""One spelling: what a parser takes is exactly what formatting gives back; what formats parses to the same value."""

import contextlib

from hypothesis import example, given
from hypothesis import strategies as st

from stagewright.errors import LedgerDamagedError
from stagewright.ledger.checkpoint import Checkpoint, checkpoint_of
from stagewright.ledger.dsse import Envelope, parse_envelope, sign_payload
from stagewright.ledger.note import (
    Note,
    NoteSignature,
    VerifierKey,
    parse_note,
    parse_verifier_key,
    sign_note,
)
from stagewright.ledger.statement import parse_statement
from stagewright.ledger.tiles import Tile, format_bundle, parse_bundle, parse_path
from tests.fakes import ledger_entries as entries
from tests.fakes.ledger_store import SeedSigner

NAMES = st.text(st.characters(categories=("L", "N", "P"), exclude_characters="+"), min_size=1)
ROOTS = st.binary(min_size=32, max_size=32)
SIZES = st.integers(0, 10**19 - 1)
NOTE = sign_note(Checkpoint(origin="o", size=7, root=bytes(32)).text, "o", SeedSigner(1))
ENVELOPE = bytes(sign_payload(bytes(entries.revision()), SeedSigner(2)))
STATEMENT = bytes(entries.verdict())


@given(NAMES, SIZES, ROOTS)
def test_checkpoint_formats_and_parses_to_itself(origin: str, size: int, root: bytes):
    checkpoint = Checkpoint(origin=origin, size=size, root=root)
    assert checkpoint_of(parse_note(sign_note(checkpoint.text, origin, SeedSigner(1)))) == checkpoint


@given(NAMES, ROOTS)
def test_verifier_key_formats_and_parses_to_itself(name: str, key: bytes):
    verifier = VerifierKey(name=name, key=key)
    assert parse_verifier_key(str(verifier)) == verifier


@given(
    st.lists(st.text(st.characters(min_codepoint=32, codec="utf-8"))).map(
        lambda lines: "".join(f"{x}\n" for x in lines)
    ),
    st.lists(
        st.builds(
            lambda name, key, signature: NoteSignature(name=name, note_id=key, signature=signature),
            NAMES,
            st.binary(min_size=4, max_size=4),
            st.binary(min_size=1, max_size=80),
        ),
        min_size=1,
    ),
)
def test_note_formats_and_parses_to_itself(text: str, signatures: list[NoteSignature]):
    note = Note(text=text or "\n", signatures=tuple(signatures))
    assert parse_note(bytes(note)) == note


@given(st.one_of(st.none(), st.integers(0, 7)), st.integers(0, 10**12), st.integers(1, 256))
def test_tile_path_formats_and_parses_to_itself(level: int | None, index: int, width: int):
    tile = Tile(level=level, index=index, width=width)
    assert parse_path(tile.path) == tile


@given(st.from_regex(r"tile/(entries|[0-9]{1,2})/(x?[0-9]{3}/)?[0-9]{2,4}(\.p/[0-9]{1,3})?", fullmatch=True))
def test_tile_path_that_parses_formats_to_itself(name: str):
    tile = parse_path(name)
    assert tile is None or tile.path == name


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_bundle_formats_and_parses_to_itself(bodies: list[bytes]):
    assert parse_bundle(Tile(level=None, index=0, width=len(bodies)), format_bundle(bodies)) == tuple(bodies)


@given(st.binary(), st.binary(min_size=64, max_size=64))
def test_envelope_formats_and_parses_to_itself(payload: bytes, signature: bytes):
    envelope = Envelope(payload=payload, key_id="k", signature=signature)
    assert parse_envelope(bytes(envelope)) == envelope


@st.composite
def _spoilt(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` with one byte changed, put in or taken out."""
    at = draw(st.integers(0, len(data) - 1))
    keep = draw(st.integers(0, 1))
    return data[:at] + draw(st.binary(max_size=2)) + data[at + keep :]


@given(_spoilt(NOTE))
@example(NOTE.replace(b"\n7\n", b"\n+7\n"))
def test_note_that_parses_formats_to_itself_whatever_was_changed(data: bytes):
    with contextlib.suppress(LedgerDamagedError):
        assert bytes(parse_note(data)) == data


@given(_spoilt(ENVELOPE))
def test_envelope_that_parses_formats_to_itself_whatever_was_changed(data: bytes):
    with contextlib.suppress(LedgerDamagedError):
        assert bytes(parse_envelope(data)) == data


@given(_spoilt(STATEMENT))
def test_statement_that_parses_formats_to_itself_whatever_was_changed(data: bytes):
    with contextlib.suppress(LedgerDamagedError):
        assert bytes(parse_statement(data)) == data


@given(st.binary(max_size=300))
def test_parsers_answer_rubbish_with_damage_and_nothing_else(data: bytes):
    for parse in (parse_note, parse_envelope, parse_statement):
        with contextlib.suppress(LedgerDamagedError):
            assert bytes(parse(data)) == data
