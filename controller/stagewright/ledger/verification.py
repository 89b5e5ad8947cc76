"""Verifying a ledger offline: bytes in, a report out. Shares the parsers with the writer, but none of its state.

Steps 1 to 13 are those of docs/ledger.md; 14 and 15 ask the registry and the forge and are not done here; 16 checks the
signatures of people.
"""

from collections.abc import Callable, Collection, Sequence

from stagewright.errors import LedgerDamagedError
from stagewright.ledger import merkle
from stagewright.ledger.checkpoint import Checkpoint, checkpoint_of
from stagewright.ledger.entry_pass import EntryPass
from stagewright.ledger.evidence import PREFIX, evidence_digest, evidence_path, path_digest
from stagewright.ledger.keys import key_id
from stagewright.ledger.log import CHECKPOINT, LOG_KEY, read_log_key
from stagewright.ledger.note import Note, VerifierKey, note_signed_by, parse_note
from stagewright.ledger.pins import parse_pin
from stagewright.ledger.predicates import Observation
from stagewright.ledger.report import Findings, Report, Status
from stagewright.ledger.tiles import WIDTH, Tile, parse_bundle, parse_hashes, parse_path, tiles_of
from stagewright.ledger.tree import read_tile
from stagewright.ports import LedgerStore

SignoffChecker = Callable[[bytes, Observation], str | None]
"""Given the raw signed object of an observation: why its signature does not hold, or None when it does."""


def verify(
    store: LedgerStore,
    *,
    log_key: str | None,
    checkpoints: Sequence[bytes],
    signoff_checker: SignoffChecker | None = None,
    entry_key: str | None = None,
    redacted: Collection[str] = (),
) -> Report:
    """Check everything that the ledger in `store` can prove by itself.

    `log_key`: a verifier key or a fingerprint (`sha256:…` or bare hex), known from elsewhere; None leaves step 2
    SKIPPED. `entry_key`: the fingerprint of the entries' first key. `checkpoints`: signed notes seen earlier.
    `redacted`: digests of evidence that the auditor knows to be gone. UsageError: a pin that is no key.
    """
    audit = _Audit(store)
    head = audit.checkpoint(log_key)
    if head is not None:
        audit.entries(head, entry_key)
        audit.tiles(head)
        audit.evidence(redacted)
        audit.people(signoff_checker)
        audit.consistency(head, checkpoints)
    return audit.report(head)


class _Audit:
    """One run, step by step; what one step learns is kept for the later ones."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self._findings = Findings()
        self._findings.end(3, Status.NOT_APPLICABLE, "no witness is configured")
        self._entries = EntryPass(store, self._findings)
        self._key: VerifierKey | None = None

    # Steps 1 and 2

    def checkpoint(self, pin: str | None) -> Checkpoint | None:
        """Read the tree head and hold its signature against the pin. None when there is nothing to go on with."""
        pinned = None if pin is None else parse_pin(pin)
        try:
            note = parse_note(self._store.read(CHECKPOINT) or b"")
            head = checkpoint_of(note)
        except LedgerDamagedError as error:
            self._findings.fail(1, CHECKPOINT, str(error))
            return None
        self._findings.end(1, Status.OK, f"{head.origin}, {head.size} entries")
        own: VerifierKey | None
        try:
            own = read_log_key(self._store)
        except LedgerDamagedError as error:
            self._findings.fail(2, LOG_KEY, str(error))
            own = pinned if isinstance(pinned, VerifierKey) else None
        if own is not None:
            self._signature(note, head, own, pinned)
        return head

    def _signature(self, note: Note, head: Checkpoint, own: VerifierKey, pinned: VerifierKey | str | None) -> None:
        if pinned not in {None, own, key_id(own.key)}:
            self._findings.fail(2, LOG_KEY, f"the ledger's key is {own} (sha256:{key_id(own.key)}), not the one pinned")
        self._key = pinned if isinstance(pinned, VerifierKey) else own
        if head.origin != self._key.name:
            self._findings.fail(2, CHECKPOINT, f"of {head.origin!r}, but the key is of {self._key.name!r}")
        if not note_signed_by(note, self._key):
            self._findings.fail(2, CHECKPOINT, f"not signed by {self._key}")
        if pinned is None:
            reason = "signed by the key lying beside it, which proves nothing: pin one known from elsewhere"
            self._findings.end(2, Status.SKIPPED, f"{reason} (this is sha256:{key_id(self._key.key)})")
        else:
            self._findings.end(2, Status.OK, f"signed by {self._key.name}, sha256:{key_id(self._key.key)}")

    # Steps 4 to 13 and 16

    def entries(self, head: Checkpoint, entry_key: str | None) -> None:
        """All steps that read the entries."""
        self._entries.read(head, self._key.key if self._key else b"", entry_key)

    def tiles(self, head: Checkpoint) -> None:
        """Every name under `tile/` that belongs to a tree up to this size must hold what that tree has there."""
        if not self._entries.whole:
            self._findings.end(6, Status.SKIPPED, "entries are missing (step 4)")
            return
        rows = [self._entries.leaves]
        while len(rows[-1]) >= WIDTH:
            row = rows[-1]
            rows.append([merkle.fold(row[at : at + WIDTH]) for at in range(0, len(row) - WIDTH + 1, WIDTH)])
        needed = {tile.path: tile for tile in tiles_of(head.size)}
        checked, debris = 0, 0
        for name in sorted({*self._names(6, "tile/"), *needed}):
            tile = parse_path(name)
            if tile is None:
                self._findings.fail(6, name, "no tile has this name")
            elif tile.end > head.size:
                debris += 1
            else:
                checked += 1
                self._tile(tile, rows[tile.level or 0][tile.index * WIDTH :][: tile.width])
        beyond = f"; {debris} beyond the checkpoint, left by an append that was never signed" if debris else ""
        self._findings.end(6, Status.OK, f"{checked} tiles and bundles{beyond}")

    def _names(self, number: int, prefix: str) -> tuple[str, ...]:
        try:
            return tuple(self._store.names(prefix))
        except LedgerDamagedError as error:
            self._findings.fail(number, prefix, str(error))
            return ()

    def _tile(self, tile: Tile, expected: list[bytes]) -> None:
        try:
            data = read_tile(self._store, tile)
            if tile.level is None:
                hashes = tuple(merkle.leaf_hash(entry) for entry in parse_bundle(tile, data))
            else:
                hashes = parse_hashes(tile, data)
        except LedgerDamagedError as error:
            self._findings.fail(6, tile.path, str(error))
            return
        wrong = [str(at) for at, pair in enumerate(zip(hashes, expected, strict=True)) if pair[0] != pair[1]]
        if wrong:
            self._findings.fail(6, tile.path, f"does not match the entries at {', '.join(wrong)}")

    def evidence(self, redacted: Collection[str]) -> None:
        """Every body has the digest of its name; every body that an entry refers to is there, or known to be gone."""
        bodies = 0
        for name in self._names(12, PREFIX):
            try:
                data = self._store.read(name)
            except LedgerDamagedError as error:
                self._findings.fail(12, name, str(error))
                continue
            bodies += 1
            if data is None or evidence_digest(data) != path_digest(name):
                self._findings.fail(12, name, "does not have the digest of its name")
        gone = 0
        for digest, index in self._entries.bodies.items():
            if self._body(digest) is None:
                gone += 1
                if digest not in redacted:
                    self._findings.fail(
                        12, f"entry {index}", f"refers to {digest}, and {evidence_path(digest)} is missing"
                    )
        self._findings.end(12, Status.OK, f"{bodies} bodies" + (f"; {gone} redacted, as said" if gone else ""))

    def _body(self, digest: str) -> bytes | None:
        try:
            return self._store.read(evidence_path(digest))
        except LedgerDamagedError:
            # evidence() reports it under its name
            return None

    def people(self, checker: SignoffChecker | None) -> None:
        """Every decision observed as a signed object carries a signature that holds."""
        if not self._entries.observations:
            self._findings.end(16, Status.NOT_APPLICABLE, "no sign-off in this ledger carries a signature of its own")
            return
        if checker is None:
            self._findings.end(
                16, Status.SKIPPED, f"nothing to check {len(self._entries.observations)} signatures with"
            )
            return
        absent = 0
        for index, observation in self._entries.observations:
            body = self._body(observation.body)
            if body is None:
                absent += 1
                continue
            flaw = checker(body, observation)
            if flaw is not None:
                self._findings.fail(16, f"entry {index}", flaw)
        if absent:
            self._findings.end(16, Status.SKIPPED, f"{absent} signed objects are gone, so nobody can check them")
        else:
            self._findings.end(16, Status.OK, f"{len(self._entries.observations)} signed decisions")

    def consistency(self, head: Checkpoint, given: Sequence[bytes]) -> None:
        """This log only appended to each of the trees given."""
        if not given:
            detail = "no earlier checkpoint was given, so an older copy of the whole log would look the same"
            self._findings.end(13, Status.NOT_APPLICABLE, detail)
            return
        if not self._entries.whole or self._key is None:
            self._findings.end(13, Status.SKIPPED, "entries or the key are missing (steps 2 and 4)")
            return
        for number, data in enumerate(given, start=1):
            flaw = self._inconsistency(head, data, self._key)
            if flaw is not None:
                self._findings.fail(13, f"checkpoint {number} of those given", flaw)
        self._findings.end(13, Status.OK, f"{len(given)} given")

    def _inconsistency(self, head: Checkpoint, data: bytes, key: VerifierKey) -> str | None:
        try:
            note = parse_note(data)
            old = checkpoint_of(note)
        except LedgerDamagedError as error:
            return str(error)
        if old.origin != head.origin or not note_signed_by(note, key):
            return f"it is not one of {head.origin!r} signed by {key}"
        if old.size > head.size:
            return f"the log once had {old.size} entries and has {head.size} now: it was cut, or an old copy put back"
        if merkle.fold(self._entries.leaves[: old.size]) != old.root:
            return f"the first {old.size} entries are not those it was signed for: history was rewritten"
        return None

    # The report

    def report(self, head: Checkpoint | None) -> Report:
        """All steps in order, and what follows from those that hold."""
        return Report(
            steps=self._findings.steps(),
            proven=tuple(self._proven(head)),
            asserted=tuple(self._asserted(head)),
            origin=head.origin if head else None,
            size=head.size if head else None,
            root=head.root.hex() if head else None,
        )

    def _proven(self, head: Checkpoint | None) -> list[str]:
        proven = []
        if head and self._findings.hold(1, 2, 4, 5, 6):
            proven.append(f"order and integrity: these {head.size} entries, in this order, are what the log key signed")
        if self._findings.hold(2, 5, 7, 8):
            proven.append("authorship: each entry was signed by the entry key that was current at its index")
        if self._findings.hold(2, 5, 7, 8, 9, 10, 11):
            proven.append("policy arithmetic: each applied change follows from an approval with every requirement met")
        if self._findings.hold(2, 5, 12):
            proven.append("evidence: each body kept is the one that was recorded")
        if self._findings.hold(2, 5, 12, 16):
            proven.append(f"people: {len(self._entries.observations)} decisions carry valid signatures of their own")
        if self._findings.hold(2, 5, 13):
            proven.append("growth: the log only appended to each checkpoint given")
        return proven

    def _asserted(self, head: Checkpoint | None) -> list[str]:
        if head is None:
            return []
        signed = (
            {observation.review for _, observation in self._entries.observations}
            if self._findings.hold(12, 16)
            else set()
        )
        unsigned = sum(1 for _, review in self._entries.sign_offs if review not in signed)
        asserted = ["times, and the facts that requirements were judged on", "what the registry held at genesis"]
        if unsigned:
            asserted.append(f"{unsigned} counted sign-offs: answers of the forge, without a signature checked here")
        if self._entries.outcomes:
            asserted.append(f"what the registry held before and after, in {self._entries.outcomes} outcomes")
        return asserted
