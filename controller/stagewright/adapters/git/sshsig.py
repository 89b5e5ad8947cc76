"""SSH signatures as git makes them, verified (OpenSSH PROTOCOL.sshsig, PROTOCOL.u2f; RFC 4251, 4253, 5656, 8332, 8709).

    -----BEGIN SSH SIGNATURE-----
    U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg…          base64 of the blob
    -----END SSH SIGNATURE-----

    blob    "SSHSIG" · uint32 1 · string public key · string namespace · string reserved · string hash ·
            string signature
    signed  "SSHSIG" · string namespace · string reserved · string hash · string H(payload)

One spelling only: whatever follows the parts, an overlong integer or an unusual point encoding is refused, so that
one key has one fingerprint. Who the key belongs to, and since when, is not decided here.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from stagewright.adapters.git.objects import Signed
from stagewright.model.review import SigningKey

NAMESPACE = "git"
MAX_ARMOR_BYTES = 32_768

_MAGIC = b"SSHSIG"
_ARMOR = re.compile(rb"-----BEGIN SSH SIGNATURE-----\n((?:[A-Za-z0-9+/=]{1,128}\n)+)-----END SSH SIGNATURE-----\n?")
_CURVES: dict[bytes, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    b"nistp256": (ec.SECP256R1(), hashes.SHA256()),
    b"nistp384": (ec.SECP384R1(), hashes.SHA384()),
    b"nistp521": (ec.SECP521R1(), hashes.SHA512()),
}
_RSA_HASHES: dict[bytes, hashes.HashAlgorithm] = {b"rsa-sha2-256": hashes.SHA256(), b"rsa-sha2-512": hashes.SHA512()}
_RSA_BITS = range(2048, 16_385)
_ED25519_PRIME = 2**255 - 19
_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
# the y coordinates of the points of order 1, 2, 4 and 8: with such a key one signature fits every message
_SMALL_ORDER = frozenset({0, 1, _ED25519_PRIME - 1, _ORDER_8, _ED25519_PRIME - _ORDER_8})
_SK_ED25519 = b"sk-ssh-ed25519@openssh.com"
_SK_ECDSA = b"sk-ecdsa-sha2-nistp256@openssh.com"
_USER_PRESENT = 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class Unverified:
    """Nobody is shown to have signed. `reason` completes the sentence "the signature does not count, for …"."""

    reason: str


class _RefusedError(Exception):
    """Why the signature does not verify; never leaves this module."""


class _Reader:
    """Takes the parts of an SSH wire encoding from the front (RFC 4251 section 5)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise _RefusedError("it is cut off")
        self._at += size
        return self._data[self._at - size : self._at]

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        return self.take(self.uint32())

    def mpint(self) -> int:
        raw = self.string()
        value = int.from_bytes(raw, "big")
        # RFC 4251: no unneeded leading zero, and the highest bit is the sign
        if not value or raw != value.to_bytes(value.bit_length() // 8 + 1, "big"):
            raise _RefusedError("an integer in it is not positive or not in its one spelling")
        return value

    def end(self) -> None:
        if self._at != len(self._data):
            raise _RefusedError("bytes follow where it should end")


def verify(armor: bytes, payload: bytes) -> SigningKey | Unverified:
    """The key that signed exactly `payload` in the namespace `git`, or why none is shown to have.

    Never raises, whatever the bytes.
    """
    try:
        return _verify(_dearmor(armor), payload)
    except _RefusedError as error:
        return Unverified(reason=str(error))


def signer_of(signed: Signed | None) -> SigningKey | Unverified:
    """The key that signed a commit or a tag, or why none is shown to have. Never raises."""
    if signed is None:
        return Unverified(reason="it is not signed")
    if signed.flaw is not None:
        return Unverified(reason=signed.flaw)
    return verify(signed.armor, signed.payload)


def fingerprint(public_key: bytes) -> str:
    """The name of a public key blob as `ssh-keygen -l` prints it: SHA256: and base64 without padding."""
    digest = hashlib.sha256(public_key).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


def _dearmor(armor: bytes) -> bytes:
    if armor.startswith(b"-----BEGIN PGP "):
        raise _RefusedError("it is an OpenPGP signature, and only SSH signatures are read")
    if armor.startswith(b"-----BEGIN SIGNED MESSAGE-----"):
        raise _RefusedError("it is an X.509 signature, and only SSH signatures are read")
    if len(armor) > MAX_ARMOR_BYTES:
        raise _RefusedError(f"it is longer than {MAX_ARMOR_BYTES} bytes")
    match = _ARMOR.fullmatch(armor)
    if match is None:
        raise _RefusedError("it is not one armored SSH signature")
    text = match[1].replace(b"\n", b"")
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise _RefusedError("its base64 is broken") from error
    if base64.b64encode(blob) != text:
        raise _RefusedError("its base64 is not in its one spelling")
    return blob


def _verify(blob: bytes, payload: bytes) -> SigningKey:
    parts = _Reader(blob)
    if parts.take(len(_MAGIC)) != _MAGIC:
        raise _RefusedError("it is not an SSH signature (no SSHSIG at its beginning)")
    version = parts.uint32()
    if version != 1:
        raise _RefusedError(f"it is of version {version}, and only version 1 is known")
    public_key, namespace, reserved = parts.string(), parts.string(), parts.string()
    hash_name, signature = parts.string(), parts.string()
    parts.end()
    if namespace != NAMESPACE.encode():
        raise _RefusedError(f"it was made for the namespace {_shown(namespace)}, not for {NAMESPACE}")
    if reserved:
        raise _RefusedError("its reserved field is not empty")
    if hash_name not in {b"sha256", b"sha512"}:
        raise _RefusedError(f"its hash is {_shown(hash_name)}, not sha256 or sha512")
    digest = hashlib.new(hash_name.decode("ascii"), payload).digest()
    signed = _MAGIC + b"".join(len(part).to_bytes(4, "big") + part for part in (namespace, b"", hash_name, digest))
    try:
        _check(public_key, signature, signed)
    except InvalidSignature as error:
        raise _RefusedError("it does not fit these bytes and this key") from error
    return SigningKey(fingerprint=fingerprint(public_key))


def _shown(raw: bytes) -> str:
    return repr(raw[:64].decode("ascii", "replace"))


def _check(public_key: bytes, signature: bytes, signed: bytes) -> None:
    key = _Reader(public_key)
    proof = _Reader(signature)
    kind = key.string()
    proof_kind = proof.string()
    if kind.endswith(b"-cert-v01@openssh.com"):
        raise _RefusedError("it was made with a certificate, and only plain keys are read")
    if kind == b"ssh-rsa":
        _check_rsa(key, proof_kind, proof, signed)
        return
    if kind != proof_kind:
        raise _RefusedError(f"a key of type {_shown(kind)} carries a signature of type {_shown(proof_kind)}")
    if kind == b"ssh-ed25519":
        point = key.string()
        key.end()
        raw = proof.string()
        proof.end()
        _ed25519(point).verify(raw, signed)
    elif kind.startswith(b"ecdsa-sha2-") and kind.removeprefix(b"ecdsa-sha2-") in _CURVES:
        curve, algorithm, point = _ecdsa_key(key, kind.removeprefix(b"ecdsa-sha2-"))
        key.end()
        pair = _Reader(proof.string())
        proof.end()
        _ecdsa(curve, point).verify(_dss(pair), signed, ec.ECDSA(algorithm))
    elif kind == _SK_ED25519:
        point, application = key.string(), key.string()
        key.end()
        raw = proof.string()
        _ed25519(point).verify(raw, _from_authenticator(application, proof, signed))
    elif kind == _SK_ECDSA:
        curve, algorithm, point = _ecdsa_key(key, b"nistp256")
        application = key.string()
        key.end()
        pair = _Reader(proof.string())
        _ecdsa(curve, point).verify(_dss(pair), _from_authenticator(application, proof, signed), ec.ECDSA(algorithm))
    else:
        raise _RefusedError(f"keys of type {_shown(kind)} are not read")


def _ed25519(point: bytes) -> ed25519.Ed25519PublicKey:
    y = int.from_bytes(point, "little") & (2**255 - 1)
    if y in _SMALL_ORDER or y >= _ED25519_PRIME:
        raise _RefusedError("its public key is a weak one, for which anybody can sign")
    try:
        return ed25519.Ed25519PublicKey.from_public_bytes(point)
    except ValueError as error:
        raise _RefusedError("its public key is not an Ed25519 key") from error


def _ecdsa_key(key: _Reader, name: bytes) -> tuple[ec.EllipticCurve, hashes.HashAlgorithm, bytes]:
    if key.string() != name:
        raise _RefusedError("its public key names two curves")
    curve, algorithm = _CURVES[name]
    return curve, algorithm, key.string()


def _ecdsa(curve: ec.EllipticCurve, point: bytes) -> ec.EllipticCurvePublicKey:
    # a compressed point would be a second spelling of the same key, and so a second fingerprint
    if not point.startswith(b"\x04"):
        raise _RefusedError("its public key is not an uncompressed point")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    except ValueError as error:
        raise _RefusedError("its public key is no point of its curve") from error


def _dss(pair: _Reader) -> bytes:
    r, s = pair.mpint(), pair.mpint()
    pair.end()
    return encode_dss_signature(r, s)


def _check_rsa(key: _Reader, proof_kind: bytes, proof: _Reader, signed: bytes) -> None:
    exponent, modulus = key.mpint(), key.mpint()
    key.end()
    algorithm = _RSA_HASHES.get(proof_kind)
    if algorithm is None:
        raise _RefusedError(f"an RSA key signed with {_shown(proof_kind)}, not with rsa-sha2-256 or rsa-sha2-512")
    if modulus.bit_length() not in _RSA_BITS:
        raise _RefusedError(f"its RSA key has {modulus.bit_length()} bits; 2048 to 16384 are read")
    raw = proof.string()
    proof.end()
    try:
        public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError as error:
        raise _RefusedError("its public key is not an RSA key") from error
    public.verify(raw, signed, padding.PKCS1v15(), algorithm)


def _from_authenticator(application: bytes, proof: _Reader, signed: bytes) -> bytes:
    """What a security key really signs (PROTOCOL.u2f): its application and the data as digests, flags, counter."""
    flags = proof.take(1)
    counter = proof.take(4)
    proof.end()
    if not flags[0] & _USER_PRESENT:
        raise _RefusedError("the security key was not touched when it signed")
    return hashlib.sha256(application).digest() + flags + counter + hashlib.sha256(signed).digest()
