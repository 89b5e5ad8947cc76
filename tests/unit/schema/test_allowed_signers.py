"""allowed_signers, with keys made by the real ssh-keygen and read by it again."""

import base64
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stagewright.errors import DocumentError
from stagewright.model.policy import AllowedSigner
from stagewright.schema.allowed_signers import (
    allowed_signers_path,
    format_signer_line,
    parse_allowed_signers,
    parse_signer_lines,
)
from stagewright.schema.ssh_key import fingerprint, key_flaw

KINDS = {
    "ed25519": ("ed25519",),
    "ecdsa-256": ("ecdsa", "-b", "256"),
    "ecdsa-384": ("ecdsa", "-b", "384"),
    "ecdsa-521": ("ecdsa", "-b", "521"),
    "rsa-2048": ("rsa", "-b", "2048"),
}
# the public half of a pair that was thrown away
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti"


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    for name, kind in KINDS.items():
        command = ["ssh-keygen", "-q", "-N", "", "-C", "laptop of dana", "-f", str(folder / name), "-t", *kind]
        subprocess.run(command, check=True)
    return {name: folder / name for name in KINDS}


def sign(key: Path, payload: Path, namespace: str) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", namespace, payload], check=True)
    return payload.with_name(f"{payload.name}.sig")


def openssh_accepts(signers: Path, signature: Path, payload: Path, namespace: str, time: str) -> bool:
    options = ("-f", signers, "-I", "dana@acme.example", "-n", namespace, "-s", signature, f"-Overify-time={time}")
    with payload.open("rb") as data:
        return (
            subprocess.run(
                ["ssh-keygen", "-Y", "verify", *options], stdin=data, capture_output=True, check=False
            ).returncode
            == 0
        )


@pytest.mark.parametrize("name", KINDS)
def test_parse_allowed_signers_of_a_real_key_prints_the_fingerprint_of_ssh_keygen(keys: dict[str, Path], name: str):
    public = keys[name].with_suffix(".pub")
    listed = subprocess.run(["ssh-keygen", "-l", "-f", public], capture_output=True, text=True, check=True).stdout
    (signer,) = parse_allowed_signers(f"dana@acme.example {public.read_text()}".encode(), "allowed_signers")
    assert signer.fingerprint == listed.split()[1]


@pytest.mark.parametrize("name", KINDS)
def test_key_flaw_of_a_real_key_cut_or_lengthened_is_found(keys: dict[str, Path], name: str):
    key_type, encoded, *_ = keys[name].with_suffix(".pub").read_text().split()
    key = base64.b64decode(encoded)
    assert key_flaw(key_type, key) is None
    for broken in (key[:-1], key + b"\0", key + b"\0\0\0\0", b"", key[4:]):
        assert key_flaw(key_type, broken) == f"the key's bytes are no {key_type} key"


def test_formatted_line_says_to_openssh_what_it_says_to_us(keys: dict[str, Path], tmp_path: Path):
    public = keys["ed25519"].with_suffix(".pub").read_text().strip()
    text = f'dana@acme.example namespaces="git",valid-after="20260101Z",valid-before="202602010000Z" {public}\n'
    (line,) = parse_signer_lines(text.encode(), "allowed_signers")
    signers, payload = tmp_path / "signers", tmp_path / "payload"
    signers.write_text(f"{format_signer_line(line)}\n")
    payload.write_text("approve\n")
    signature = sign(keys["ed25519"], payload, "git")
    times = {"20251231235959Z": False, "20260101000000Z": True, "20260131235959Z": True, "20260201000001Z": False}
    assert {time: openssh_accepts(signers, signature, payload, "git", time) for time in times} == times
    assert openssh_accepts(signers, signature, payload, "file", "20260115Z") is False
    assert (line.valid_after, line.valid_before) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("row", "text", "expected"),
    [
        ("the least", f"d@x {KEY}", {}),
        ("a comment", f'd@x {KEY} the laptop, "old"', {}),
        ("tabs", f"d@x\t{KEY}", {}),
        ("two principals", f"d@x,@d {KEY}", {"principals": ("d@x", "@d")}),
        ("a namespace", f'd@x namespaces="git" {KEY}', {"namespaces": ("git",)}),
        ("two namespaces", f'd@x namespaces="git,file" {KEY}', {"namespaces": ("git", "file")}),
        ("a day", f'd@x valid-after="20260102Z" {KEY}', {"valid_after": datetime(2026, 1, 2, tzinfo=UTC)}),
        (
            "a minute",
            f'd@x valid-before="202601020304Z" {KEY}',
            {"valid_before": datetime(2026, 1, 2, 3, 4, tzinfo=UTC)},
        ),
        (
            "a second",
            f'd@x valid-before="20260102030405Z" {KEY}',
            {"valid_before": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)},
        ),
    ],
)
def test_parse_allowed_signers_of_one_line_yields_its_signer(row: str, text: str, expected: dict[str, Any]):
    assert row
    fields: dict[str, Any] = {
        "principals": ("d@x",),
        "namespaces": (),
        "valid_after": None,
        "valid_before": None,
        **expected,
    }
    key = base64.b64decode(KEY.split()[1])
    signer = AllowedSigner(fingerprint=fingerprint(key), line=1, **fields)
    assert parse_allowed_signers(text.encode(), "allowed_signers") == (signer,)


def test_parse_allowed_signers_of_comments_and_empty_lines_counts_their_lines():
    text = f"# who\n\n  \nd@x {KEY}\r\n# mo\nm@x {OTHER}"
    assert [signer.line for signer in parse_allowed_signers(text.encode(), "allowed_signers")] == [4, 6]


WRONG = [
    ("a pattern", f"*@x {KEY}", "the principal '*@x' is a pattern"),
    ("a negated pattern", f"!d@x {KEY}", "the principal '!d@x' is a pattern"),
    ("a question mark", f"d?@x {KEY}", "the principal 'd?@x' is a pattern"),
    ("a pattern after a person", f"d@x,*@y {KEY}", "the principal '*@y' is a pattern"),
    ("an empty principal", f"d@x, {KEY}", "'' is no principal"),
    ("a quoted principal", f'"d@x" {KEY}', "'\"d@x\"' is no principal"),
    ("a principal twice", f"d@x,D@x {KEY}", "a principal is here twice"),
    ("a certificate authority", f"d@x cert-authority {KEY}", "certificate authorities are not supported"),
    (
        "a certificate authority among others",
        f'd@x namespaces="git",cert-authority {KEY}',
        "certificate authorities are not supported",
    ),
    ("an unknown option", f'd@x verify-required="yes" {KEY}', "unknown option 'verify-required'"),
    ("an option in capitals", f'd@x NAMESPACES="git" {KEY}', "unknown option 'NAMESPACES'"),
    ("an option without quotes", f"d@x namespaces=git {KEY}", "the option namespaces has no value in quotes"),
    ("an option without a value", f"d@x namespaces {KEY}", "the option namespaces has no value in quotes"),
    ("an empty option", f'd@x namespaces="" {KEY}', "the option namespaces has no value in quotes"),
    ("an option twice", f'd@x namespaces="git",namespaces="file" {KEY}', "the option namespaces is here twice"),
    (
        "a missing comma",
        f'd@x namespaces="git"valid-after="20260101Z" {KEY}',
        "the option namespaces has no value in quotes",
    ),
    ("a comma too many", f'd@x namespaces="git",,valid-after="20260101Z" {KEY}', "unknown option ''"),
    ("a namespace pattern", f'd@x namespaces="g*" {KEY}', "'g*' is no namespace"),
    ("an empty namespace", f'd@x namespaces="git," {KEY}', "'' is no namespace"),
    ("a local time", f'd@x valid-after="20260101" {KEY}', "valid-after='20260101' is no time in UTC"),
    ("a month 13", f'd@x valid-after="20261301Z" {KEY}', "valid-after='20261301Z' is no time in UTC"),
    ("Arabic digits", f'd@x valid-after="٢٠٢٦٠١٠١Z" {KEY}', "valid-after='٢٠٢٦٠١٠١Z' is no time in UTC"),
    ("a year before 1970", f'd@x valid-after="19691231Z" {KEY}', "valid-after='19691231Z' is no time in UTC"),
    ("hours alone", f'd@x valid-after="2026010112Z" {KEY}', "valid-after='2026010112Z' is no time in UTC"),
    (
        "an interval of nothing",
        f'd@x valid-after="20260101Z",valid-before="20260101Z" {KEY}',
        "valid-after is not before valid-before",
    ),
    ("no key", "d@x", "no key follows the principals"),
    ("options and no key", 'd@x namespaces="git"', "no key follows the principals"),
    ("an open quote", f'd@x namespaces="git {KEY}', "no key follows the principals"),
    ("DSA", "d@x ssh-dss AAAAB3NzaC1kc3M=", "'ssh-dss' is no type of key that counts"),
    (
        "a certificate",
        "d@x ssh-ed25519-cert-v01@openssh.com AAAA",
        "'ssh-ed25519-cert-v01@openssh.com' is no type of key that counts",
    ),
    ("a signature algorithm", f"d@x rsa-sha2-512 {KEY.split()[1]}", "'rsa-sha2-512' is no type of key that counts"),
    ("another type than the bytes say", f"d@x ssh-rsa {KEY.split()[1]}", "the key's bytes are no ssh-rsa key"),
    ("base64 with a character of another alphabet", f"d@x {KEY[:-1]}_", "the key is not base64"),
    ("base64 with loose bits", f"d@x {KEY[:-2]}l=", "the key is not base64 in its one spelling"),
    ("base64 cut short", f"d@x {KEY[:-4]}", "the key's bytes are no ssh-ed25519 key"),
    ("a type without a key", "d@x ssh-ed25519", "the key is not base64 in its one spelling"),
    ("a control character", f"d@x {KEY} \x1b[2J", "a control character"),
]


@pytest.mark.parametrize(("row", "text", "reason"), WRONG)
def test_parse_allowed_signers_of_a_wrong_line_makes_the_file_invalid(row: str, text: str, reason: str):
    assert row
    with pytest.raises(DocumentError) as caught:
        parse_allowed_signers(f"m@x {OTHER}\n{text}\n".encode(), "allowed_signers")
    assert (caught.value.line, caught.value.reason) == (2, reason)
    assert caught.value.hint


def test_parse_allowed_signers_of_a_key_in_two_lines_is_refused():
    with pytest.raises(DocumentError, match="allowed_signers:3:1: this key is already in line 1"):
        parse_allowed_signers(f"d@x {KEY}\n\nm@x {KEY}\n".encode(), "allowed_signers")


def test_parse_allowed_signers_of_two_wrong_lines_tells_both():
    with pytest.raises(DocumentError) as caught:
        parse_allowed_signers(b"\xff\n*@x ssh-ed25519 AAAA\n", "allowed_signers")
    assert [(one.line, one.reason) for one in (caught.value, *caught.value.also)] == [
        (1, "not UTF-8"),
        (2, "the principal '*@x' is a pattern"),
    ]


def test_parse_allowed_signers_of_a_large_file_is_refused():
    with pytest.raises(DocumentError, match="at most 1048576 are read"):
        parse_allowed_signers(b"#" * (1024 * 1024 + 1), "allowed_signers")


def test_parse_allowed_signers_of_a_long_line_is_refused():
    with pytest.raises(DocumentError, match="allowed_signers:1:1: a line of 9000 bytes, at most 8192 are read"):
        parse_allowed_signers(b"a" * 9000, "allowed_signers")


def test_parse_allowed_signers_of_many_wrong_lines_stops_at_fifty():
    with pytest.raises(DocumentError) as caught:
        parse_allowed_signers(b"d\n" * 1000, "allowed_signers")
    assert len(caught.value.also) == 49


def ssh_string(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


@pytest.mark.parametrize(
    ("row", "key_type", "key", "flaw"),
    [
        (
            "a small RSA key",
            "ssh-rsa",
            ssh_string(b"ssh-rsa", b"\3", b"\x7f" * 128),
            "an RSA key of 1023 bits, 2048 to 16384 are accepted",
        ),
        (
            "a negative modulus",
            "ssh-rsa",
            ssh_string(b"ssh-rsa", b"\3", b"\xff" * 256),
            "the key's bytes are no ssh-rsa key",
        ),
        (
            "a padded modulus",
            "ssh-rsa",
            ssh_string(b"ssh-rsa", b"\3", b"\0\0" + b"\xff" * 256),
            "the key's bytes are no ssh-rsa key",
        ),
        (
            "an exponent of zero",
            "ssh-rsa",
            ssh_string(b"ssh-rsa", b"", b"\0" + b"\xff" * 256),
            "the key's bytes are no ssh-rsa key",
        ),
        ("a good RSA key", "ssh-rsa", ssh_string(b"ssh-rsa", b"\3", b"\0" + b"\xff" * 256), None),
        (
            "a compressed point",
            "ecdsa-sha2-nistp256",
            ssh_string(b"ecdsa-sha2-nistp256", b"nistp256", b"\2" * 33),
            "the key's bytes are no ecdsa-sha2-nistp256 key",
        ),
        (
            "another curve",
            "ecdsa-sha2-nistp256",
            ssh_string(b"ecdsa-sha2-nistp256", b"nistp384", b"\4" * 65),
            "the key's bytes are no ecdsa-sha2-nistp256 key",
        ),
        (
            "a hardware key",
            "sk-ssh-ed25519@openssh.com",
            ssh_string(b"sk-ssh-ed25519@openssh.com", b"k" * 32, b"ssh:"),
            None,
        ),
        (
            "a hardware key without its application",
            "sk-ssh-ed25519@openssh.com",
            ssh_string(b"sk-ssh-ed25519@openssh.com", b"k" * 32),
            "the key's bytes are no sk-ssh-ed25519@openssh.com key",
        ),
        (
            "a hardware key on a curve",
            "sk-ecdsa-sha2-nistp256@openssh.com",
            ssh_string(b"sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", b"\4" * 65, b"ssh:"),
            None,
        ),
    ],
)
def test_key_flaw_of_bytes_tells_what_is_wrong(row: str, key_type: str, key: bytes, flaw: str | None):
    assert row
    assert key_flaw(key_type, key) == flaw


def test_allowed_signers_path_lies_below_the_root():
    assert (allowed_signers_path(), allowed_signers_path("prod")) == ("allowed_signers", "prod/allowed_signers")
