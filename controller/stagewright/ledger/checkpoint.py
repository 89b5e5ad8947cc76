"""What the log says it is: its name, how many entries, and the root over them (C2SP tlog-checkpoint).

ledger.example.com/prod
2
+sVCA+fMaWzw38tCySodnbr3CtniIfS9jZhmLwDjwSU=
"""

import re
from dataclasses import dataclass

from stagewright.errors import LedgerDamagedError
from stagewright.ledger.keys import decode_base64, encode_base64
from stagewright.ledger.note import Note, VerifierKey, note_signed_by, parse_note
from stagewright.ledger.tiles import HASH_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A tree head. `root` has 32 bytes. Extension lines are not taken: nobody could audit them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


def checkpoint_of(note: Note) -> Checkpoint:
    """The tree head that a note carries. LedgerDamagedError unless it has the one spelling. Signatures stay unread."""
    lines = note.text.split("\n")
    if len(lines) != 4 or not lines[0] or lines[3]:
        raise LedgerDamagedError(f"a checkpoint has three lines, not {note.text[:200]!r}")
    origin, size, encoded, _ = lines
    # int() alone would take "+1", " 1", "1_0" and the digits of other scripts
    if not re.fullmatch("0|[1-9][0-9]{0,18}", size, flags=re.ASCII):
        raise LedgerDamagedError(f"not a tree size: {size[:40]!r}")
    root = decode_base64(encoded, what="the root hash")
    if len(root) != HASH_SIZE:
        raise LedgerDamagedError(f"the root hash has {len(root)} bytes, not {HASH_SIZE}")
    return Checkpoint(origin=origin, size=int(size), root=root)


def open_checkpoint(data: bytes, key: VerifierKey) -> Checkpoint:
    """The tree head in a note signed by `key`, whose name is the origin. LedgerDamagedError for anything else."""
    note = parse_note(data)
    checkpoint = checkpoint_of(note)
    if checkpoint.origin != key.name:
        raise LedgerDamagedError(f"the checkpoint is of {checkpoint.origin!r}, the key of {key.name!r}")
    if not note_signed_by(note, key):
        raise LedgerDamagedError(f"the checkpoint of {checkpoint.origin!r} is not signed by {key}")
    return checkpoint
