"""The ledger: an append-only, signed log in a `LedgerStore`.

    checkpoint                       signed note; its replacement is the commit point
    tile/… , tile/entries/…          hash tiles and entry bundles
    evidence/sha256/ab/cdef…         bodies by digest
    keys/log.vkey, keys/<keyid>.pub  who signs checkpoints, who signed entries

An append writes everything that the new checkpoint needs under names that the old one does not need, and only then
replaces the checkpoint, if it is still the one it started from. A crash at any byte leaves the old log or the new one.
What lies beyond the checkpoint is debris: it is not read, and overwritten once the log grows to there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from stagewright.errors import LedgerConflictError, LedgerDamagedError, LedgerError, LedgerMissingError
from stagewright.ledger import merkle
from stagewright.ledger.checkpoint import Checkpoint, open_checkpoint
from stagewright.ledger.chronicle import Chronicle
from stagewright.ledger.dsse import envelope_signed_by, parse_envelope, sign_payload
from stagewright.ledger.evidence import evidence_digest, evidence_path
from stagewright.ledger.keys import encode_base64, key_id, public_pem
from stagewright.ledger.note import VerifierKey, check_name, parse_verifier_key, sign_note
from stagewright.ledger.predicates import Genesis, Header, Key
from stagewright.ledger.statement import Statement, parse_statement
from stagewright.ledger.tiles import MAX_ENTRY
from stagewright.ledger.tree import Tree, write_tree
from stagewright.ports import LedgerStore, Signer

CHECKPOINT = "checkpoint"
LOG_KEY = "keys/log.vkey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry: `raw` is the envelope as stored and hashed, `key_id` names the key it says it was signed with."""

    index: int
    statement: Statement
    raw: bytes
    key_id: str


def parse_entry(index: int, raw: bytes) -> Entry:
    """The entry in `raw`. LedgerDamagedError names the index; the signature stays unchecked."""
    try:
        envelope = parse_envelope(raw)
        statement = parse_statement(envelope.payload)
    except LedgerDamagedError as error:
        raise LedgerDamagedError(f"entry {index}: {error}") from error
    return Entry(index=index, statement=statement, raw=raw, key_id=envelope.key_id)


def entry_key_path(keyid: str) -> str:
    """Where the public key with this id lies."""
    return f"keys/{keyid}.pub"


class Ledger:
    """One log as its checkpoint had it when it was opened or last appended to. Not safe for several threads."""

    def __init__(
        self, store: LedgerStore, *, log_signer: Signer | None = None, entry_signer: Signer | None = None
    ) -> None:
        self._store = store
        self._log_signer = log_signer
        self._entry_signer = entry_signer
        self._signed, self._log_key, self._head = _read_checkpoint(store)
        self._tree = Tree(store, self._head.size, self._head.root)
        self._chronicle = self._new_chronicle()
        self._breaches: list[str] = []

    @classmethod
    def create(
        cls,
        store: LedgerStore,
        *,
        origin: str,
        log_signer: Signer,
        entry_signer: Signer,
        first: Sequence[Statement],
        header: Header,
        evidence: Mapping[str, bytes] | None = None,
    ) -> Self:
        """Begin a log: entry 0 is `first[0]`, the genesis; 1 and 2 name its keys (with `header`); then the rest.

        An interrupted creation is finished by doing it again. LedgerConflictError where a ledger lies already;
        LedgerDamagedError where one lies that lost its checkpoint.
        """
        log_key = VerifierKey(name=check_name(origin), key=log_signer.public_key)
        if not first or not isinstance(first[0].predicate, Genesis):
            raise LedgerError("the first entry of a ledger is its genesis")
        empty = Checkpoint(origin=origin, size=0, root=merkle.EMPTY_ROOT)
        with store.lock():
            if store.read(CHECKPOINT) is None:
                _refuse_orphans(store)
                store.write(LOG_KEY, f"{log_key}\n".encode())
                store.replace(CHECKPOINT, sign_note(empty.text, origin, log_signer), expected=None)
        ledger = cls(store, log_signer=log_signer, entry_signer=entry_signer)
        if ledger.size > 0:
            raise LedgerConflictError(
                f"a ledger of {ledger.size} entries lies here already", hint="open it, or choose another place"
            )
        ledger._require_keys(origin)
        keys = [
            _key_statement(first[0], header, "log", log_signer),
            _key_statement(first[0], header, "entry", entry_signer),
        ]
        ledger.append([first[0], *keys, *first[1:]], evidence=evidence)
        return ledger

    @classmethod
    def open(cls, store: LedgerStore, *, origin: str, log_signer: Signer, entry_signer: Signer) -> Self:
        """Open a log to append to. LedgerMissingError; LedgerDamagedError when it is broken or not the one named."""
        ledger = cls(store, log_signer=log_signer, entry_signer=entry_signer)
        ledger._require_entries()
        ledger._require_keys(origin)
        return ledger

    @classmethod
    def read(cls, store: LedgerStore) -> Self:
        """Open a log to read; no key is needed. What it says is only as good as `verification` finds it."""
        ledger = cls(store)
        ledger._require_entries()
        return ledger

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._head.origin

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._head.size

    @property
    def root(self) -> bytes:
        """The RFC 6962 root over all entries, 32 bytes."""
        return self._head.root

    @property
    def checkpoint(self) -> str:
        """The signed note as stored: what to publish where the writer of this log cannot change it."""
        return self._signed.decode()

    def checkpoint_at(self, size: int) -> str:
        """The signed note over the first `size` entries, the same however far the log has come since.

        LedgerError when there are not so many, or when it was opened to be read.
        """
        if self._log_signer is None:
            raise LedgerError("this ledger was opened to be read", hint="open it with its signers")
        if not 0 < size <= self.size:
            raise LedgerError(f"there is no checkpoint over {size} of {self.size} entries")
        head = Checkpoint(origin=self.origin, size=size, root=merkle.root(size, self._tree.node))
        return sign_note(head.text, head.origin, self._log_signer).decode()

    @property
    def log_key(self) -> str:
        """The verifier key that the checkpoint is signed with; its pin must come from elsewhere."""
        return str(self._log_key)

    def entry(self, index: int) -> Entry:
        """One entry. LedgerError when there is none with that index."""
        for found, raw in self._tree.entries(index) if 0 <= index < self.size else ():
            return parse_entry(found, raw)
        raise LedgerError(f"there is no entry {index}; the ledger has {self.size}", hint=f"0 to {self.size - 1} exist")

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """The entries [start, size), in order."""
        for index, raw in self._tree.entries(start):
            entry = parse_entry(index, raw)
            # a reader that goes through the whole log spares the writer its own pass
            if index == self._chronicle.size:
                found = self._chronicle.admit(entry.statement, entry.key_id)
                self._breaches += [f"entry {index}: {breach.reason}" for breach in found]
            yield entry

    def evidence(self, digest: str) -> bytes | None:
        """The body with this digest (`sha256:…`), or None. LedgerDamagedError when another lies in its place."""
        body = self._store.read(evidence_path(digest))
        if body is not None and evidence_digest(body) != digest:
            raise LedgerDamagedError(f"{evidence_path(digest)} does not have the digest of its name")
        return body

    def inclusion_proof(self, index: int) -> tuple[bytes, ...]:
        """The audit path of one entry, from the leaf up (RFC 6962 section 2.1.1)."""
        self.entry(index)
        return merkle.inclusion_proof(index, self.size, self._tree.node)

    def consistency_proof(self, old_size: int) -> tuple[bytes, ...]:
        """What shows that this log only appended to its first `old_size` entries (RFC 6962 section 2.1.2)."""
        if not 0 < old_size <= self.size:
            raise LedgerError(f"there is no consistency proof from {old_size} to {self.size} entries")
        return merkle.consistency_proof(old_size, self.size, self._tree.node)

    def append(self, statements: Sequence[Statement], *, evidence: Mapping[str, bytes] | None = None) -> range:
        """Make `statements` durable as one batch, all or none, and return their indices.

        `evidence` maps digests to the bodies that they refer to; each body must be here or in the store already.
        LedgerConflictError: another writer holds the store or was first. LedgerError: an entry is too large or breaks
        a rule of the log, and nothing was written. After any other error the batch may be durable or not: open anew.
        """
        if self._log_signer is None or self._entry_signer is None:
            raise LedgerError("this ledger was opened to be read", hint="open it with its signers")
        if not statements:
            raise LedgerError("a batch without entries")
        bodies = dict(evidence or {})
        raw = [_sign_entry(statement, self._entry_signer) for statement in statements]
        with self._store.lock():
            if self._store.read(CHECKPOINT) != self._signed:
                raise LedgerConflictError("another writer has appended to the ledger", hint="open it anew")
            self._check_bodies(statements, bodies)
            chronicle = self._admit(statements, key_id(self._entry_signer.public_key))
            for digest, body in bodies.items():
                self._store.write(evidence_path(digest), body)
            for keyid, key in chronicle.entry_keys.items():
                if self._store.read(entry_key_path(keyid)) != public_pem(key):
                    self._store.write(entry_key_path(keyid), public_pem(key))
            tree = write_tree(self._store, self._tree, raw)
            head = Checkpoint(origin=self.origin, size=tree.size, root=tree.root)
            signed = sign_note(head.text, head.origin, self._log_signer)
            open_checkpoint(signed, self._log_key)
            self._store.replace(CHECKPOINT, signed, expected=self._signed)
        appended = range(self.size, tree.size)
        self._tree, self._head, self._signed, self._chronicle = tree, head, signed, chronicle
        return appended

    def _admit(self, statements: Sequence[Statement], signer: str) -> Chronicle:
        """The chronicle with the batch in it; LedgerError when the batch breaks a rule. Ours is then read anew."""
        for _ in self.entries(self._chronicle.size):
            pass
        if self._breaches:
            raise LedgerDamagedError(f"the ledger breaks its own rules: {self._breaches[0]}", hint="verify it")
        chronicle, self._chronicle = self._chronicle, self._new_chronicle()
        for statement in statements:
            index = chronicle.size
            for breach in chronicle.admit(statement, signer):
                raise LedgerError(f"not appended: entry {index} ({statement.kind}) is wrong: {breach.reason}")
        return chronicle

    def _check_bodies(self, statements: Sequence[Statement], bodies: Mapping[str, bytes]) -> None:
        for digest, body in bodies.items():
            if evidence_digest(body) != digest:
                raise LedgerError(f"evidence does not have the digest it was given with: {digest!r}")
        for statement in statements:
            for digest in statement.predicate.bodies:
                if digest not in bodies and self._store.read(evidence_path(digest)) is None:
                    raise LedgerError(
                        f"the {statement.kind} refers to {digest}, and the evidence store has no such body",
                        hint="append it with the body in `evidence`",
                    )

    def _new_chronicle(self) -> Chronicle:
        return Chronicle(self._head.origin, self._log_key.key)

    def _require_entries(self) -> None:
        if self.size == 0:
            raise LedgerMissingError("the ledger has no entry: its creation was interrupted", hint="create it again")

    def _require_keys(self, origin: str) -> None:
        signer = self._log_signer
        if self.origin != origin or signer is None or signer.public_key != self._log_key.key:
            raise LedgerDamagedError(
                f"the ledger here is {self._log_key}, which is not {origin!r} with the log key given",
                hint="name the origin and the log key that this ledger was created with",
            )


def read_log_key(store: LedgerStore) -> VerifierKey:
    """The verifier key that the log itself carries. LedgerDamagedError when it is missing or malformed."""
    data = store.read(LOG_KEY)
    if data is None or not data.endswith(b"\n"):
        raise LedgerDamagedError(f"{LOG_KEY} is missing or not one line")
    return parse_verifier_key(data[:-1].decode(errors="replace"))


def _read_checkpoint(store: LedgerStore) -> tuple[bytes, VerifierKey, Checkpoint]:
    signed = store.read(CHECKPOINT)
    if signed is None:
        _refuse_orphans(store)
        raise LedgerMissingError("there is no ledger here", hint="create one with: stagewright init")
    key = read_log_key(store)
    return signed, key, open_checkpoint(signed, key)


def _refuse_orphans(store: LedgerStore) -> None:
    """Tiles without a checkpoint are a ledger that lost it, never the place for a new one."""
    for name in store.names("tile/"):
        raise LedgerDamagedError(
            f"a ledger lies here without its checkpoint ({name})", hint="restore the file `checkpoint` from a backup"
        )


def _key_statement(genesis: Statement, header: Header, role: Literal["entry", "log"], signer: Signer) -> Statement:
    key = Key(
        **header.fields(),
        old_key_id=None,
        new_key=encode_base64(signer.public_key),
        role=role,
        reason="the ledger begins",
    )
    return Statement(subject=genesis.subject, predicate=key)


def _sign_entry(statement: Statement, signer: Signer) -> bytes:
    """The bytes of an entry, checked as a reader will check them."""
    envelope = sign_payload(bytes(statement), signer)
    raw = bytes(envelope)
    if len(raw) > MAX_ENTRY:
        raise LedgerError(
            f"the {statement.kind} has {len(raw)} bytes; an entry has at most {MAX_ENTRY}",
            hint="move what is large into evidence and refer to it by digest",
        )
    if parse_entry(0, raw).statement != statement or not envelope_signed_by(envelope, signer.public_key):
        raise LedgerError(f"the {statement.kind} does not read back as it was written, or its signature is wrong")
    return raw
