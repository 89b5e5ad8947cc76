import json

import pytest
from securesystemslib.dsse import Envelope as OtherEnvelope
from securesystemslib.signer import SSlibKey

from stagewright.errors import LedgerDamagedError, LedgerError
from stagewright.ledger.dsse import (
    canonical_json,
    envelope_signed_by,
    parse_envelope,
    pre_authentication_encoding,
    sign_payload,
)
from stagewright.ledger.keys import key_id, parse_public_pem, public_pem
from tests.fakes.ledger_store import SeedSigner

SIGNER = SeedSigner(2)
ENVELOPE = sign_payload(b'{"a":1}', SIGNER)
RAW = bytes(ENVELOPE)


def test_pre_authentication_encoding_counts_bytes():
    """Protocol of DSSE v1: `DSSEv1 LEN(type) type LEN(body) body`, lengths in bytes."""
    expected = b"DSSEv1 28 application/vnd.in-toto+json 3 " + "é!".encode()
    assert pre_authentication_encoding("é!".encode()) == expected


def test_parse_envelope_gives_back_what_was_signed():
    assert parse_envelope(RAW) == ENVELOPE
    assert envelope_signed_by(ENVELOPE, SIGNER.public_key) is True
    assert envelope_signed_by(ENVELOPE, SeedSigner(3).public_key) is False
    assert b" " not in RAW


def test_envelope_is_accepted_by_an_independent_implementation():
    keyid = key_id(SIGNER.public_key)
    other = OtherEnvelope.from_dict(json.loads(RAW))
    key = SSlibKey(keyid, "ed25519", "ed25519", {"public": SIGNER.public_key.hex()})
    assert list(other.verify([key], 1)) == [keyid]
    assert other.pae() == pre_authentication_encoding(ENVELOPE.payload)


def _edited(**changes: object) -> bytes:
    return canonical_json(json.loads(RAW) | changes)


LINE = json.loads(RAW)["signatures"][0]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{", id="half"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b"[" * 100_000, id="nested too deeply"),
        pytest.param(b" " + RAW, id="space before"),
        pytest.param(RAW + b"\n", id="newline after"),
        pytest.param(RAW.replace(b'{"payload"', b'{"payload":"","payload"'), id="duplicate key"),
        pytest.param(_edited(extra=1), id="unknown field"),
        pytest.param(_edited(payloadType="text/plain"), id="another type"),
        pytest.param(_edited(payload=7), id="payload is no text"),
        pytest.param(_edited(payload="eyJhIjoxfR=="), id="payload in a second spelling"),
        pytest.param(_edited(signatures=[]), id="unsigned"),
        pytest.param(_edited(signatures=[LINE, LINE]), id="two signatures"),
        pytest.param(_edited(signatures=[LINE | {"extra": 1}]), id="unknown field in the signature"),
        pytest.param(_edited(signatures=[LINE | {"sig": "AAAA"}]), id="short signature"),
        pytest.param(_edited(signatures=[LINE | {"sig": "not base64"}]), id="signature is not base64"),
        pytest.param(RAW.replace(b'"signatures"', b'"n":NaN,"signatures"'), id="NaN"),
    ],
)
def test_parse_envelope_of_another_spelling_is_damage(data: bytes):
    with pytest.raises(LedgerDamagedError):
        parse_envelope(data)


@pytest.mark.parametrize("value", [2**53, float("nan"), "\ud800", {"a": object()}])
def test_canonical_json_of_what_has_no_form_is_an_error(value: object):
    with pytest.raises(LedgerError, match="canonical JSON"):
        canonical_json(value)


def test_public_pem_is_read_back_only_under_its_own_id():
    key = SIGNER.public_key
    assert parse_public_pem(public_pem(key), key_id(key)) == key
    for data in (public_pem(key) + b"\n", public_pem(SeedSigner(5).public_key), b"", b"\n!!\n"):
        with pytest.raises(LedgerDamagedError):
            parse_public_pem(data, key_id(key))
