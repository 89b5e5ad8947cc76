"""Steps 4, 5 and 7 to 11 of a verification: one pass over all entries, in order.

Reading stops at the first bundle that is not whole: what lies behind it has no known index.
"""

import re

from stagewright.errors import LedgerDamagedError
from stagewright.ledger import merkle
from stagewright.ledger.checkpoint import Checkpoint
from stagewright.ledger.chronicle import Chronicle
from stagewright.ledger.dsse import envelope_signed_by, parse_envelope
from stagewright.ledger.keys import parse_public_pem
from stagewright.ledger.log import CHECKPOINT, Entry, entry_key_path, parse_entry
from stagewright.ledger.pins import parse_fingerprint
from stagewright.ledger.predicates import Observation, Outcome, Verdict
from stagewright.ledger.report import Findings, Status
from stagewright.ledger.tiles import WIDTH, bundles_of, parse_bundle, parse_hashes, tiles_of
from stagewright.ledger.tree import read_tile
from stagewright.ports import LedgerStore


class EntryPass:
    """What the entries say, for the steps that come after.

    `leaves`: their leaf hashes; `whole`: none is missing; `bodies`: digests referred to, with the first index;
    `sign_offs`: (promotion, review) of those counted in approvals; `outcomes`: how many.
    """

    def __init__(self, store: LedgerStore, findings: Findings) -> None:
        self._store = store
        self._findings = findings
        self._signers: dict[str, bytes | None] = {}
        self.leaves: list[bytes] = []
        self.whole = False
        self.bodies: dict[str, int] = {}
        self.observations: list[tuple[int, Observation]] = []
        self.sign_offs: set[tuple[str, str]] = set()
        self.outcomes = 0

    def read(self, head: Checkpoint, log_key: bytes, entry_key: str | None) -> None:
        """Go through all entries once, in order."""
        chronicle: Chronicle | None = Chronicle(head.origin, log_key)
        first = ""
        for tile in bundles_of(head.size):
            try:
                entries = parse_bundle(tile, read_tile(self._store, tile))
            except LedgerDamagedError as error:
                self._findings.fail(4, tile.path, str(error))
                break
            for raw in entries:
                index = len(self.leaves)
                self.leaves.append(merkle.leaf_hash(raw))
                entry = self._entry(index, raw)
                first = entry.key_id if entry and not index else first
                chronicle = self._follow(chronicle, entry) if chronicle and entry else None
        self.whole = len(self.leaves) == head.size
        self._findings.end(4, Status.OK, f"{len(self.leaves)} entries")
        if entry_key is not None and parse_fingerprint(entry_key) != first:
            self._findings.fail(7, "entry 0", f"signed by sha256:{first}, not by the key pinned")
        if chronicle is not None and self.whole:
            for index, breach in chronicle.unfinished():
                self._findings.fail(breach.step, f"entry {index}", breach.reason)
        for number, detail in (
            (7, f"the first key is sha256:{first}"),
            (8, "the payload of each is a statement of a known kind"),
            (9, "genesis first, then forwards only"),
            (10, f"{self.outcomes} outcomes"),
            (11, "each applied outcome follows from an approval, or a drift to be corrected"),
        ):
            read = self.whole and (number == 8 or chronicle is not None)
            unread = (Status.SKIPPED, "not every entry could be read (steps 4 and 8)")
            self._findings.end(number, *((Status.OK, detail) if read else unread))
        self._root(head)

    def _entry(self, index: int, raw: bytes) -> Entry | None:
        """Steps 7 and 8 for one entry."""
        try:
            entry = parse_entry(index, raw)
        except LedgerDamagedError as error:
            self._findings.fail(8, f"entry {index}", str(error).removeprefix(f"entry {index}: "))
            return None
        key = self._signer(entry.key_id)
        if key is None or not envelope_signed_by(parse_envelope(raw), key):
            self._findings.fail(7, f"entry {index}", f"its signature does not hold under key {entry.key_id[:64]!r}")
        return entry

    def _signer(self, keyid: str) -> bytes | None:
        """The key in `keys/<keyid>.pub`; it certifies itself, as its id is its digest."""
        if keyid not in self._signers:
            self._signers[keyid] = None
            if re.fullmatch("[0-9a-f]{64}", keyid):
                try:
                    data = self._store.read(entry_key_path(keyid))
                    self._signers[keyid] = parse_public_pem(data or b"", keyid)
                except LedgerDamagedError as error:
                    self._findings.fail(7, entry_key_path(keyid), str(error))
        return self._signers[keyid]

    def _follow(self, chronicle: Chronicle, entry: Entry) -> Chronicle:
        """Steps 7 and 9 to 11 for one entry; and what the later steps need of it."""
        predicate = entry.statement.predicate
        for breach in chronicle.admit(entry.statement, entry.key_id):
            self._findings.fail(breach.step, f"entry {entry.index}", breach.reason)
        for digest in predicate.bodies:
            self.bodies.setdefault(digest, entry.index)
        match predicate:
            case Observation():
                self.observations.append((entry.index, predicate))
            case Verdict(verdict="approved"):
                counted = (line for line in predicate.sign_offs if line.counted)
                self.sign_offs |= {(predicate.promotion, line.review) for line in counted}
            case Outcome():
                self.outcomes += 1
            case _:
                pass
        return chronicle

    def _root(self, head: Checkpoint) -> None:
        if not self.whole:
            self._findings.end(5, Status.SKIPPED, "entries are missing (step 4)")
            return
        self._findings.end(5, Status.OK, head.root.hex())
        if merkle.fold(self.leaves) == head.root:
            return
        self._findings.fail(5, CHECKPOINT, f"its root is not that of the entries, {merkle.fold(self.leaves).hex()}")
        for tile in (tile for tile in tiles_of(head.size) if tile.level == 0):
            try:
                known = parse_hashes(tile, read_tile(self._store, tile))
            except LedgerDamagedError:
                # step 6 names it
                continue
            for offset, leaf in enumerate(self.leaves[tile.index * WIDTH :][: tile.width]):
                if known[offset] != leaf:
                    place = f"entry {tile.index * WIDTH + offset}"
                    self._findings.fail(5, place, f"does not have its hash in {tile.path}")
