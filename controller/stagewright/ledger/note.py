"""Signed notes and verifier keys, by C2SP signed-note; Ed25519 only (signature type 0x01).

    ledger.example.com/prod
    2
    +sVCA+fMaWzw38tCySodnbr3CtniIfS9jZhmLwDjwSU=

    — ledger.example.com/prod Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q…

A verifier key is one line: `PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW`, that is the key's
name, its id in hex, and base64(0x01 || public key).
"""

import hashlib
from dataclasses import dataclass

from stagewright.errors import LedgerDamagedError, UsageError
from stagewright.ledger.keys import KEY_SIZE, decode_base64, encode_base64, signed_by
from stagewright.ports import Signer

_ED25519 = b"\x01"
_ID_SIZE = 4
_MARK = "— "
MAX_NOTE = 1 << 20
"""A note longer than this many bytes is refused unread; the specification asks for room for 16 signatures."""


def check_name(name: str) -> str:
    """`name` if it can name a key: not empty, printable, no space and no plus. UsageError otherwise."""
    if not name.isprintable() or not name or "+" in name or any(sign.isspace() for sign in name):
        raise UsageError(
            f"{name[:100]!r} cannot name a ledger: spaces, plus signs and control characters are not allowed",
            hint="use a name like ledger.example.com/prod",
        )
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """Whose signature to look for on a note: a name and a raw Ed25519 public key of 32 bytes."""

    name: str
    key: bytes

    @property
    def note_id(self) -> bytes:
        """The four bytes that stand before a signature of this key; short, so never proof of anything."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.key).digest()[:_ID_SIZE]

    def __str__(self) -> str:
        return f"{self.name}+{self.note_id.hex()}+{encode_base64(_ED25519 + self.key)}"


def parse_verifier_key(text: str) -> VerifierKey:
    """Read what `str(VerifierKey)` writes. LedgerDamagedError for anything else, another algorithm included."""
    name, _, rest = text.partition("+")
    encoded = rest.partition("+")[2]
    data = decode_base64(encoded, what="the verifier key")
    if data[:1] != _ED25519 or len(data) != 1 + KEY_SIZE:
        raise LedgerDamagedError(f"not an Ed25519 verifier key: {text[:200]!r}")
    key = VerifierKey(name=name, key=data[1:])
    if str(key) != text or not name:
        raise LedgerDamagedError(f"the verifier key is not name+id+key with the id of that key: {text[:200]!r}")
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line: who claims to have signed, the key's four-byte id, the signature (any length)."""

    name: str
    note_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text that ends in a newline, and its signatures. Nothing is verified by parsing it."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __bytes__(self) -> bytes:
        lines = (f"{_MARK}{line.name} {encode_base64(line.note_id + line.signature)}\n" for line in self.signatures)
        return (self.text + "\n" + "".join(lines)).encode()


def parse_note(data: bytes) -> Note:
    """Read a signed note. LedgerDamagedError unless it is exactly what formatting the result gives again."""
    if not data:
        raise LedgerDamagedError("there is no note")
    if len(data) > MAX_NOTE:
        raise LedgerDamagedError(f"a note of {len(data)} bytes; at most {MAX_NOTE} are read")
    try:
        whole = data.decode()
    except UnicodeDecodeError as error:
        raise LedgerDamagedError("the note is not UTF-8") from error
    if any(sign < " " and sign != "\n" for sign in whole):
        raise LedgerDamagedError("the note holds a control character")
    text, separator, tail = whole.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise LedgerDamagedError("the note has no signature lines after an empty line, or does not end in a newline")
    signatures = tuple(_parse_signature(line) for line in tail[:-1].split("\n"))
    return Note(text=text + "\n", signatures=signatures)


def _parse_signature(line: str) -> NoteSignature:
    mark, name, encoded = (*line.split(" "), "", "", "")[:3]
    data = decode_base64(encoded, what="a signature of the note")
    if line != f"{_MARK}{name} {encoded}" or len(data) <= _ID_SIZE or not name or "+" in name or mark != _MARK[0]:
        raise LedgerDamagedError(f"not a signature line: {line[:200]!r}")
    if any(sign.isspace() for sign in name):
        raise LedgerDamagedError(f"a key's name holds a space: {line[:200]!r}")
    return NoteSignature(name=name, note_id=data[:_ID_SIZE], signature=data[_ID_SIZE:])


def sign_note(text: str, name: str, signer: Signer) -> bytes:
    """The note that says `text` (ends in a newline), signed by `signer` under `name`."""
    key = VerifierKey(name=name, key=signer.public_key)
    line = NoteSignature(name=name, note_id=key.note_id, signature=signer.sign(text.encode()))
    return bytes(Note(text=text, signatures=(line,)))


def note_signed_by(note: Note, key: VerifierKey) -> bool:
    """Whether `key` signed the note. Lines of other keys are ignored; one bad line of `key` spoils the note."""
    mine = [line for line in note.signatures if (line.name, line.note_id) == (key.name, key.note_id)]
    return bool(mine) and all(signed_by(key.key, note.text.encode(), line.signature) for line in mine)
