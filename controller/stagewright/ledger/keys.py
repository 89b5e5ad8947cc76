"""Ed25519 public keys: their names, their files, and checking a signature. Private keys stay behind the `Signer` port.

A key's id, and what people compare as its fingerprint, is the SHA-256 of its DER SubjectPublicKeyInfo in hex:

    openssl pkey -pubin -in keys/<keyid>.pub -outform DER | sha256sum
"""

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from stagewright.errors import LedgerDamagedError

KEY_SIZE = 32
SIGNATURE_SIZE = 64
# RFC 8410 section 4: SEQUENCE { SEQUENCE { OID 1.3.101.112 } BIT STRING } is a fixed prefix before the 32 bytes.
_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")


def key_id(key: bytes) -> str:
    """64 lower-case hex digits for a raw public key of 32 bytes."""
    return hashlib.sha256(_SPKI_PREFIX + key).hexdigest()


def public_pem(key: bytes) -> bytes:
    """The PEM file of a raw public key, as openssl writes it."""
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(_SPKI_PREFIX + key) + b"\n-----END PUBLIC KEY-----\n"


def decode_base64(text: str, *, what: str) -> bytes:
    """RFC 4648 section 4, padded, in its one spelling. LedgerDamagedError that names `what` for anything else."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise LedgerDamagedError(f"{what} is not base64: {text[:100]!r}") from error
    if encode_base64(data) != text:
        raise LedgerDamagedError(f"{what} is not base64 in its one spelling: {text[:100]!r}")
    return data


def encode_base64(data: bytes) -> str:
    """RFC 4648 section 4, padded."""
    return base64.b64encode(data).decode("ascii")


def signed_by(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` (64 bytes) over `message` was made with the private half of `key` (32 bytes), by RFC 8032."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def parse_public_pem(data: bytes, keyid: str) -> bytes:
    """The raw key in a PEM file that `public_pem` wrote for the key with id `keyid`. LedgerDamagedError otherwise."""
    body = data.decode("ascii", errors="replace").split("\n")[1:2]
    key = decode_base64("".join(body), what="the public key")[len(_SPKI_PREFIX) :]
    if public_pem(key) != data or key_id(key) != keyid:
        raise LedgerDamagedError(f"not the PEM file of an Ed25519 key with the id {keyid}")
    return key
