"""DSSE v1 envelopes with one Ed25519 signature.

    {"payload":"eyJf…","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"9f3c…","sig":"Az3g…"}]}

securesystemslib has an `Envelope`, which the tests use as an independent reader of ours. It is not used here: it
decodes base64 leniently (several byte strings would be one envelope, yet the bytes are what the tree hashes), edits the
dictionary that it is given, and takes any number of signatures.
"""

import json
from dataclasses import dataclass

import rfc8785

from stagewright.errors import LedgerDamagedError, LedgerError
from stagewright.ledger.keys import SIGNATURE_SIZE, decode_base64, encode_base64, key_id, signed_by
from stagewright.ports import Signer

PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A payload and the signature over it; `key_id` says which key to check it with and proves nothing."""

    payload: bytes
    key_id: str
    signature: bytes

    def __bytes__(self) -> bytes:
        return canonical_json(
            {
                "payload": encode_base64(self.payload),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"keyid": self.key_id, "sig": encode_base64(self.signature)}],
            }
        )


def canonical_json(value: object) -> bytes:
    """The RFC 8785 form of a JSON value. LedgerError for what has none (a number past 2**53, a lone surrogate)."""
    try:
        # rfc8785 types its argument more tightly than the plain dictionaries it serialises
        return rfc8785.dumps(value)  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise LedgerError(f"cannot be written as canonical JSON: {error}") from error


def parse_canonical_json(data: bytes, *, what: str) -> object:
    """The value whose RFC 8785 form is `data`, so that no duplicate key or second spelling gets in."""
    try:
        value: object = json.loads(data)
        same = canonical_json(value) == data
    except (ValueError, RecursionError, LedgerError) as error:
        raise LedgerDamagedError(f"{what} is not JSON: {error}") from error
    if not same:
        raise LedgerDamagedError(f"{what} is not in the canonical form of RFC 8785")
    return value


def pre_authentication_encoding(payload: bytes) -> bytes:
    """DSSE's PAE: the bytes that are signed."""
    return b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def sign_payload(payload: bytes, signer: Signer) -> Envelope:
    """An envelope around `payload`, signed."""
    signature = signer.sign(pre_authentication_encoding(payload))
    return Envelope(payload=payload, key_id=key_id(signer.public_key), signature=signature)


def parse_envelope(data: bytes) -> Envelope:
    """Read what `bytes(Envelope)` writes. LedgerDamagedError for anything else; the signature stays unchecked."""
    match parse_canonical_json(data, what="the envelope"):
        case {
            "payload": str(payload),
            "payloadType": str(payload_type),
            "signatures": [{"keyid": str(keyid), "sig": str(sig), **more}],
            **rest,
        } if payload_type == PAYLOAD_TYPE and not more and not rest:
            signature = decode_base64(sig, what="the envelope's signature")
            if len(signature) != SIGNATURE_SIZE:
                raise LedgerDamagedError(f"the envelope's signature has {len(signature)} bytes, not {SIGNATURE_SIZE}")
            body = decode_base64(payload, what="the envelope's payload")
            return Envelope(payload=body, key_id=keyid, signature=signature)
        case _:
            raise LedgerDamagedError(f"the envelope is not one {PAYLOAD_TYPE} payload with one signature")


def envelope_signed_by(envelope: Envelope, key: bytes) -> bool:
    """Whether `key`, a raw public key, signed the payload, and the envelope names it."""
    message = pre_authentication_encoding(envelope.payload)
    return envelope.key_id == key_id(key) and signed_by(key, message, envelope.signature)
