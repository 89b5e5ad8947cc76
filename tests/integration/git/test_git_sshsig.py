"""SSH signatures part by part: each way to differ from the one spelling, and security keys played in software."""

import base64
import hashlib
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stagewright.adapters.git.sshsig import MAX_ARMOR_BYTES, Unverified, fingerprint, verify
from stagewright.model.review import SigningKey

PAYLOAD = b"what is signed\n"
ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
P256 = ec.derive_private_key(7, ec.SECP256R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def string(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw


def mpint(value: int) -> bytes:
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def armor(blob: bytes, *, width: int = 70) -> bytes:
    text = base64.b64encode(blob)
    lines = b"".join(text[at : at + width] + b"\n" for at in range(0, len(text), width))
    return b"-----BEGIN SSH SIGNATURE-----\n" + lines + b"-----END SSH SIGNATURE-----\n"


def to_sign(*, namespace: bytes = b"git", reserved: bytes = b"", name: bytes = b"sha512") -> bytes:
    digest = hashlib.new(name.decode(), PAYLOAD).digest()
    return b"SSHSIG" + string(namespace) + string(reserved) + string(name) + string(digest)


ED25519_POINT = ED25519.public_key().public_bytes_raw()
ED25519_KEY = string(b"ssh-ed25519") + string(ED25519_POINT)


def blob(
    *,
    magic: bytes = b"SSHSIG",
    version: int = 1,
    key: bytes = ED25519_KEY,
    namespace: bytes = b"git",
    reserved: bytes = b"",
    name: bytes = b"sha512",
    signature: bytes | None = None,
    tail: bytes = b"",
) -> bytes:
    """A signature with the parts given; its own part is freshly and rightly made by ED25519 unless given."""
    if signature is None:
        raw = ED25519.sign(to_sign(namespace=namespace, reserved=reserved, name=name if name != b"md5" else b"md5"))
        signature = string(b"ssh-ed25519") + string(raw)
    parts = string(key) + string(namespace) + string(reserved) + string(name) + string(signature)
    return magic + version.to_bytes(4, "big") + parts + tail


def p256_point(form: PublicFormat) -> bytes:
    return P256.public_key().public_bytes(Encoding.X962, form)


def p256_key(point: bytes, *, curve: bytes = b"nistp256") -> bytes:
    return string(b"ecdsa-sha2-nistp256") + string(curve) + string(point)


def p256_signature(data: bytes, encode: Callable[[int], bytes] = mpint) -> bytes:
    r, s = decode_dss_signature(P256.sign(data, ec.ECDSA(hashes.SHA256())))
    return string(encode(r) + encode(s))


def rsa_key(exponent: bytes | None = None) -> bytes:
    numbers = RSA.public_key().public_numbers()
    return string(b"ssh-rsa") + (exponent or mpint(numbers.e)) + mpint(numbers.n)


def rsa_signature(name: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    return string(name) + string(RSA.sign(to_sign(), padding.PKCS1v15(), algorithm))


UNCOMPRESSED = p256_point(PublicFormat.UncompressedPoint)
P256_PLAIN = p256_key(UNCOMPRESSED)

GOOD: Mapping[str, tuple[bytes, bytes]] = {
    "ed25519, sha512": (blob(), ED25519_KEY),
    "ed25519, sha256": (blob(name=b"sha256"), ED25519_KEY),
    "ecdsa": (
        blob(key=P256_PLAIN, signature=string(b"ecdsa-sha2-nistp256") + p256_signature(to_sign())),
        P256_PLAIN,
    ),
    "rsa, sha2-256": (blob(key=rsa_key(), signature=rsa_signature(b"rsa-sha2-256", hashes.SHA256())), rsa_key()),
    "rsa, sha2-512": (blob(key=rsa_key(), signature=rsa_signature(b"rsa-sha2-512", hashes.SHA512())), rsa_key()),
}


@pytest.mark.parametrize("name", GOOD)
def test_verify_of_a_good_signature_names_the_key(name: str):
    made, public_key = GOOD[name]

    assert verify(armor(made), PAYLOAD) == SigningKey(fingerprint=fingerprint(public_key))


@pytest.mark.parametrize("width", [1, 64, 70, 76, 128])
def test_verify_takes_any_width_of_lines(width: int):
    assert verify(armor(blob(), width=width), PAYLOAD) == SigningKey(fingerprint=fingerprint(ED25519_KEY))


def test_verify_takes_an_armor_without_its_last_newline():
    assert verify(armor(blob())[:-1], PAYLOAD) == SigningKey(fingerprint=fingerprint(ED25519_KEY))


P256_KIND = string(b"ecdsa-sha2-nistp256")
BAD: Mapping[str, tuple[bytes, str]] = {
    "magic": (blob(magic=b"SSHSIX"), "no SSHSIG"),
    "version 0": (blob(version=0), "version 0"),
    "version 2": (blob(version=2), "version 2"),
    "namespace file": (blob(namespace=b"file"), "namespace 'file'"),
    "namespace empty": (blob(namespace=b""), "namespace ''"),
    "namespace git with a zero": (blob(namespace=b"git\0"), "namespace"),
    "namespace in capitals": (blob(namespace=b"GIT"), "namespace 'GIT'"),
    "reserved field in use": (blob(reserved=b"x"), "reserved"),
    "hash md5": (blob(name=b"md5"), "hash is 'md5'"),
    "hash sha1": (blob(name=b"sha1"), "hash is 'sha1'"),
    "bytes after the blob": (blob(tail=b"\0"), "bytes follow"),
    "bytes after the key": (blob(key=ED25519_KEY + b"\0"), "bytes follow"),
    "bytes after the signature": (
        blob(signature=string(b"ssh-ed25519") + string(ED25519.sign(to_sign())) + b"\0"),
        "bytes follow",
    ),
    "cut off": (blob()[:-1], "cut off"),
    "a length beyond everything": (b"SSHSIG\0\0\0\x01\xff\xff\xff\xff", "cut off"),
    "nothing": (b"", "not one armored"),
    "short key": (blob(key=string(b"ssh-ed25519") + string(b"\x07" * 31)), "not an Ed25519 key"),
    "short signature": (blob(signature=string(b"ssh-ed25519") + string(b"\0" * 63)), "does not fit"),
    "zero signature": (blob(signature=string(b"ssh-ed25519") + string(b"\0" * 64)), "does not fit"),
    "signature of another type": (blob(signature=string(b"ssh-rsa") + string(b"")), "carries a signature of type"),
    "dsa": (blob(key=string(b"ssh-dss"), signature=string(b"ssh-dss")), "'ssh-dss' are not read"),
    "certificate": (
        blob(key=string(b"ssh-ed25519-cert-v01@openssh.com"), signature=string(b"ssh-ed25519-cert-v01@openssh.com")),
        "certificate",
    ),
    "unknown curve": (
        blob(key=string(b"ecdsa-sha2-nistp192"), signature=string(b"ecdsa-sha2-nistp192")),
        "are not read",
    ),
    "ecdsa that names two curves": (
        blob(key=p256_key(UNCOMPRESSED, curve=b"nistp384"), signature=P256_KIND + p256_signature(to_sign())),
        "two curves",
    ),
    "ecdsa with a compressed point": (
        blob(
            key=p256_key(p256_point(PublicFormat.CompressedPoint)),
            signature=P256_KIND + p256_signature(to_sign()),
        ),
        "uncompressed",
    ),
    "ecdsa with a point beside the curve": (
        blob(key=p256_key(b"\x04" + b"\x01" * 64), signature=P256_KIND + p256_signature(to_sign())),
        "no point of its curve",
    ),
    "ecdsa with an overlong integer": (
        blob(
            key=P256_PLAIN,
            signature=P256_KIND + p256_signature(to_sign(), lambda value: string(b"\0\0" + value.to_bytes(32, "big"))),
        ),
        "one spelling",
    ),
    "ecdsa with r = s = 0": (blob(key=P256_PLAIN, signature=P256_KIND + string(string(b"") * 2)), "not positive"),
    "ecdsa with a third integer": (
        blob(key=P256_PLAIN, signature=P256_KIND + string(mpint(1) * 3)),
        "bytes follow",
    ),
    "rsa with SHA-1": (blob(key=rsa_key(), signature=rsa_signature(b"ssh-rsa", hashes.SHA1())), "'ssh-rsa'"),
    "rsa with an overlong exponent": (
        blob(key=rsa_key(string(b"\0\0\x01\0\x01")), signature=rsa_signature(b"rsa-sha2-512", hashes.SHA512())),
        "one spelling",
    ),
    "rsa with 1024 bits": (
        blob(
            key=string(b"ssh-rsa") + mpint(65537) + mpint(2**1023 + 1),
            signature=string(b"rsa-sha2-512") + string(b"\x01" * 128),
        ),
        "1024 bits",
    ),
    "rsa with an even exponent": (
        blob(
            key=string(b"ssh-rsa") + mpint(4) + mpint(2**2047 + 1),
            signature=string(b"rsa-sha2-512") + string(b"\x01" * 256),
        ),
        "not an RSA key",
    ),
    "rsa of the other hash": (
        blob(key=rsa_key(), signature=rsa_signature(b"rsa-sha2-512", hashes.SHA256())),
        "does not fit",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_verify_of_a_blob_in_any_other_spelling_refuses_with_the_reason(name: str):
    made, reason = BAD[name]

    outcome = verify(armor(made), PAYLOAD)

    assert isinstance(outcome, Unverified)
    assert reason in outcome.reason


WEAK = {
    "order 1": "01" + "00" * 31,
    "order 1, sign set": "01" + "00" * 30 + "80",
    "order 2": "ec" + "ff" * 30 + "7f",
    "order 4": "00" * 32,
    "order 8": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "order 8, the other": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "order 1, spelled as 1 + p": "ee" + "ff" * 30 + "7f",
}


@pytest.mark.parametrize("name", WEAK)
def test_verify_under_a_key_of_small_order_refuses(name: str):
    """With such a key the signature R = 1, S = 0 fits every message, so it would show nobody."""
    point, forged = bytes.fromhex(WEAK[name]), b"\x01" + b"\0" * 63
    plain = blob(key=string(b"ssh-ed25519") + string(point), signature=string(b"ssh-ed25519") + string(forged))
    kind = b"sk-ssh-ed25519@openssh.com"
    touched = blob(
        key=string(kind) + string(point) + string(b"ssh:"),
        signature=string(kind) + string(forged) + b"\x01\0\0\0\x01",
    )

    for made in (plain, touched):
        assert verify(armor(made), PAYLOAD) == Unverified(
            reason="its public key is a weak one, for which anybody can sign"
        )


GOOD_ARMOR = armor(blob())
BAD_ARMORS: Mapping[str, tuple[bytes, str]] = {
    "empty": (b"", "not one armored"),
    "pgp": (b"-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n", "OpenPGP"),
    "x509": (b"-----BEGIN SIGNED MESSAGE-----\nMII=\n-----END SIGNED MESSAGE-----\n", "X.509"),
    "text before": (b"x\n" + GOOD_ARMOR, "not one armored"),
    "text after": (GOOD_ARMOR + b"x", "not one armored"),
    "empty line after": (GOOD_ARMOR + b"\n", "not one armored"),
    "two": (GOOD_ARMOR * 2, "not one armored"),
    "carriage returns": (GOOD_ARMOR.replace(b"\n", b"\r\n"), "not one armored"),
    "space within": (GOOD_ARMOR.replace(b"U1NI", b"U1 NI"), "not one armored"),
    "no end": (GOOD_ARMOR.removesuffix(b"-----END SSH SIGNATURE-----\n"), "not one armored"),
    "padding within": (GOOD_ARMOR.replace(b"U1NI", b"U1=I"), "base64"),
    "bits beyond the end": (
        b"-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAR==\n-----END SSH SIGNATURE-----\n",
        "one spelling",
    ),
    "too long": (armor(b"\0" * MAX_ARMOR_BYTES), "longer than"),
}


@pytest.mark.parametrize("name", BAD_ARMORS)
def test_verify_of_any_other_armor_refuses_with_the_reason(name: str):
    made, reason = BAD_ARMORS[name]

    outcome = verify(made, PAYLOAD)

    assert isinstance(outcome, Unverified)
    assert reason in outcome.reason


APPLICATION = b"ssh:"


def security_key(kind: str, *, flags: int, application: bytes = APPLICATION, counter: int = 9) -> tuple[bytes, bytes]:
    """What an authenticator makes (PROTOCOL.u2f): the public key's blob, and a signature's blob."""
    state = bytes([flags]) + counter.to_bytes(4, "big")
    data = hashlib.sha256(application).digest() + state + hashlib.sha256(to_sign()).digest()
    if kind == "ed25519":
        name = b"sk-ssh-ed25519@openssh.com"
        public_key = string(name) + string(ED25519_POINT) + string(APPLICATION)
        raw = string(ED25519.sign(data))
    else:
        name = b"sk-ecdsa-sha2-nistp256@openssh.com"
        public_key = string(name) + string(b"nistp256") + string(UNCOMPRESSED) + string(APPLICATION)
        raw = p256_signature(data)
    return public_key, blob(key=public_key, signature=string(name) + raw + state)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
@pytest.mark.parametrize("flags", [0x01, 0x05])
def test_verify_of_a_touched_security_key_names_the_key(kind: str, flags: int):
    public_key, made = security_key(kind, flags=flags)

    assert verify(armor(made), PAYLOAD) == SigningKey(fingerprint=fingerprint(public_key))


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_verify_of_a_security_key_that_was_not_touched_refuses(kind: str):
    _, made = security_key(kind, flags=0x04)

    assert verify(armor(made), PAYLOAD) == Unverified(reason="the security key was not touched when it signed")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_verify_of_a_security_key_for_another_application_refuses(kind: str):
    _, made = security_key(kind, flags=0x01, application=b"web:")

    assert verify(armor(made), PAYLOAD) == Unverified(reason="it does not fit these bytes and this key")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_openssh_takes_the_security_key_played_here_too(tmp_path: Path, kind: str):
    """Otherwise the tests above would only show that two readings of ours agree."""
    public_key, made = security_key(kind, flags=0x01)
    name = public_key[4 : 4 + int.from_bytes(public_key[:4], "big")].decode()
    (tmp_path / "signers").write_text(f"noor {name} {base64.b64encode(public_key).decode()}\n")
    (tmp_path / "signature").write_bytes(armor(made))

    done = subprocess.run(
        ["ssh-keygen", "-Y", "verify", "-f", "signers", "-I", "noor", "-n", "git", "-s", "signature"],
        cwd=tmp_path, input=PAYLOAD, capture_output=True, check=False,
    )  # fmt: skip

    assert (done.returncode, fingerprint(public_key) in done.stdout.decode()) == (0, True)
