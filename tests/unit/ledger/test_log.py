import pytest

from stagewright.errors import LedgerConflictError, LedgerDamagedError, LedgerError, LedgerMissingError, UsageError
from stagewright.ledger import merkle
from stagewright.ledger.evidence import evidence_digest, evidence_path
from stagewright.ledger.keys import encode_base64, key_id
from stagewright.ledger.log import CHECKPOINT, LOG_KEY, Ledger
from stagewright.ledger.note import sign_note
from stagewright.ledger.predicates import EvidenceRef, Key
from stagewright.ports import Signer
from tests.fakes import ledger_entries as given
from tests.fakes.ledger_store import MemoryStore, SeedSigner


def test_create_writes_genesis_and_keys_first():
    store = MemoryStore()
    ledger = given.created(store, given.revision(0))
    assert [entry.statement.kind for entry in ledger.entries()] == ["genesis", "key", "key", "revision"]
    keys = [entry.statement.predicate for entry in ledger.entries() if isinstance(entry.statement.predicate, Key)]
    assert [(named.role, named.new_key, named.old_key_id) for named in keys] == [
        ("log", encode_base64(given.LOG.public_key), None),
        ("entry", encode_base64(given.ENTRY.public_key), None),
    ]
    assert sorted(name for name in store.files if not name.startswith("tile/")) == [
        "checkpoint",
        evidence_path(evidence_digest(given.SNAPSHOT)),
        f"keys/{key_id(given.ENTRY.public_key)}.pub",
        "keys/log.vkey",
    ]


def test_create_where_a_ledger_lies_is_a_conflict_and_changes_nothing():
    store = MemoryStore()
    given.story(store)
    before = dict(store.files)
    with pytest.raises(LedgerConflictError, match="a ledger of 11 entries lies here already"):
        given.created(store)
    assert store.files == before


def test_create_where_a_ledger_lost_its_checkpoint_is_damage():
    store = MemoryStore()
    given.created(store)
    del store.files[CHECKPOINT]
    with pytest.raises(LedgerDamagedError, match=r"without its checkpoint \(tile/0/000.p/3\)"):
        given.created(store)
    with pytest.raises(LedgerDamagedError, match="without its checkpoint"):
        given.opened(store)


def test_create_with_another_key_than_an_interrupted_creation_is_damage():
    store = MemoryStore()
    given.created(store)
    log_key = store.files[LOG_KEY]
    empty = sign_note(f"{given.ORIGIN}\n0\n{encode_base64(merkle.EMPTY_ROOT)}\n", given.ORIGIN, given.LOG)
    store.files = {CHECKPOINT: empty, LOG_KEY: log_key}
    with pytest.raises(LedgerMissingError, match="its creation was interrupted"):
        Ledger.read(store)
    with pytest.raises(LedgerDamagedError, match=r"is not 'ledger\.example\.com/prod' with the log key given"):
        Ledger.create(
            store,
            origin=given.ORIGIN,
            log_signer=SeedSigner(9),
            entry_signer=given.ENTRY,
            first=[given.genesis()],
            header=given.header(),
        )
    assert given.created(store).size == 3


@pytest.mark.parametrize("first", [[], [given.revision()]], ids=["nothing", "no genesis"])
def test_create_without_genesis_is_refused(first: list[object]):
    with pytest.raises(LedgerError, match="first entry of a ledger is its genesis"):
        Ledger.create(
            MemoryStore(),
            origin=given.ORIGIN,
            log_signer=given.LOG,
            entry_signer=given.ENTRY,
            first=first,  # type: ignore[arg-type]  # rows of the table
            header=given.header(),
        )


def test_create_with_an_origin_that_no_note_can_carry_is_a_usage_error():
    with pytest.raises(UsageError, match="cannot name a ledger"):
        Ledger.create(
            MemoryStore(),
            origin="two words",
            log_signer=given.LOG,
            entry_signer=given.ENTRY,
            first=[given.genesis()],
            header=given.header(),
        )


def test_open_where_nothing_lies_is_missing():
    with pytest.raises(LedgerMissingError, match="there is no ledger here"):
        given.opened(MemoryStore())
    with pytest.raises(LedgerMissingError):
        Ledger.read(MemoryStore())


@pytest.mark.parametrize(
    ("origin", "signer"),
    [
        pytest.param("ledger.example.com/test", given.LOG, id="another origin"),
        pytest.param(given.ORIGIN, SeedSigner(9), id="another log key"),
    ],
)
def test_open_of_another_ledger_is_damage(origin: str, signer: Signer):
    store = MemoryStore()
    given.created(store)
    with pytest.raises(LedgerDamagedError, match="the log key given"):
        Ledger.open(store, origin=origin, log_signer=signer, entry_signer=given.ENTRY)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        pytest.param(CHECKPOINT, b"rubbish", "no signature lines", id="checkpoint is rubbish"),
        pytest.param(LOG_KEY, b"", "missing or not one line", id="log key is empty"),
        pytest.param(LOG_KEY, b"\xff\n", "not an Ed25519 verifier key", id="log key is rubbish"),
        pytest.param("tile/0/000.p/11", b"", "has 0 bytes, not 352", id="tile is empty"),
        pytest.param("tile/0/000.p/11", b"x" * 352, "do not have the root", id="tile is another"),
    ],
)
def test_open_of_a_damaged_ledger_stops(name: str, data: bytes, reason: str):
    store = MemoryStore()
    given.story(store)
    store.files[name] = data
    with pytest.raises(LedgerDamagedError, match=reason):
        given.opened(store)


@pytest.mark.parametrize("name", [LOG_KEY, "tile/0/000.p/11"])
def test_open_of_a_ledger_with_a_file_missing_stops(name: str):
    store = MemoryStore()
    given.story(store)
    del store.files[name]
    with pytest.raises(LedgerDamagedError, match=f"{name} is missing"):
        given.opened(store)


def test_entries_of_a_damaged_bundle_stop_at_the_entry():
    store = MemoryStore()
    ledger = given.story(store)
    name = "tile/entries/000.p/11"
    data = store.files[name]
    raw = ledger.entry(4).raw
    store.files[name] = data.replace(raw, raw.replace(b"A", b"B", 1))
    with pytest.raises(LedgerDamagedError, match=r"entry 4 in tile/entries/000\.p/11 does not have its hash"):
        list(given.opened(store).entries())


def test_read_needs_no_key_and_cannot_append():
    store = MemoryStore()
    written = given.story(store)
    ledger = Ledger.read(store)
    assert (ledger.size, ledger.root, ledger.origin) == (11, written.root, given.ORIGIN)
    assert ledger.checkpoint.encode() == store.files[CHECKPOINT]
    assert f"{ledger.log_key}\n".encode() == store.files[LOG_KEY]
    with pytest.raises(LedgerError, match="opened to be read"):
        ledger.append([given.revision()])


def test_append_returns_the_indices_and_entries_give_them_back():
    store = MemoryStore()
    ledger = given.created(store)
    statements = [given.verdict(), given.revision(2)]
    assert ledger.append(statements) == range(3, 5)
    assert [entry.statement for entry in given.opened(store).entries(3)] == statements
    assert [entry.index for entry in ledger.entries(4)] == [4]
    assert list(ledger.entries(5)) == []
    assert ledger.entry(4).statement == statements[1]
    assert ledger.entry(4).key_id == key_id(given.ENTRY.public_key)


@pytest.mark.parametrize("index", [-1, 3])
def test_entry_that_is_not_there_is_an_error(index: int):
    ledger = given.created(MemoryStore())
    with pytest.raises(LedgerError, match=f"there is no entry {index}; the ledger has 3"):
        ledger.entry(index)


def test_append_over_a_tile_border_keeps_every_proof_right():
    store = MemoryStore()
    ledger = given.created(store)
    roots = {3: ledger.root}
    for count in (250, 2, 1, 1, 300):
        ledger.append([given.revision(2)] * count)
        roots[ledger.size] = ledger.root
    ledger = given.opened(store)
    leaves = [merkle.leaf_hash(entry.raw) for entry in ledger.entries()]
    assert (ledger.size, merkle.fold(leaves)) == (557, ledger.root)
    for index in (0, 252, 255, 256, 511, 512, 556):
        proof = ledger.inclusion_proof(index)
        assert merkle.check_inclusion(leaves[index], index, 557, proof, ledger.root)
    for size, root in roots.items():
        assert merkle.check_consistency(size, 557, ledger.consistency_proof(size), root, ledger.root)


@pytest.mark.parametrize("old", [0, 4])
def test_consistency_proof_from_a_size_that_never_was_is_an_error(old: int):
    with pytest.raises(LedgerError, match=f"no consistency proof from {old} to 3"):
        given.created(MemoryStore()).consistency_proof(old)


def test_inclusion_proof_of_an_entry_that_is_not_there_is_an_error():
    with pytest.raises(LedgerError, match="there is no entry 3"):
        given.created(MemoryStore()).inclusion_proof(3)


def test_append_of_nothing_is_refused():
    with pytest.raises(LedgerError, match="a batch without entries"):
        given.created(MemoryStore()).append([])


def test_append_of_an_entry_too_large_says_to_use_evidence():
    store = MemoryStore()
    ledger = given.created(store)
    before = dict(store.files)
    with pytest.raises(LedgerError, match=r"the verdict has \d+ bytes; an entry has at most 65535") as caught:
        ledger.append([given.verdict(reason="x" * 50_000)])
    assert "evidence" in caught.value.hint
    assert store.files == before


def test_append_of_the_largest_entry_is_taken():
    store = MemoryStore()
    ledger = given.created(store)
    spare = (65_535 - len(ledger_entry_size("")) - 4) * 3 // 4
    reason = "x" * spare
    assert 65_400 < len(ledger_entry_size(reason)) <= 65_535
    ledger.append([given.verdict(reason=reason)])
    assert len(given.opened(store).entry(3).raw) == len(ledger_entry_size(reason))


def ledger_entry_size(reason: str) -> bytes:
    """The entry that a verdict with this reason becomes."""
    other = MemoryStore()
    ledger = given.created(other)
    ledger.append([given.verdict(reason=reason)])
    return ledger.entry(3).raw


def test_append_with_evidence_keeps_the_body_under_its_digest():
    store = MemoryStore()
    ledger = given.created(store)
    digest = evidence_digest(b"metrics")
    statement = given.verdict(evidence=(EvidenceRef(name="metrics", digest=digest),))
    ledger.append([statement], evidence={digest: b"metrics"})
    assert ledger.evidence(digest) == b"metrics"
    assert ledger.evidence("sha256:" + "00" * 32) is None
    ledger.append([given.verdict(promotion=given.OTHER, evidence=statement.predicate.evidence)])  # type: ignore[attr-defined]  # it is a verdict
    assert ledger.size == 5
    store.files[evidence_path(digest)] = b"metricz"
    with pytest.raises(LedgerDamagedError, match="does not have the digest of its name"):
        ledger.evidence(digest)


def test_append_that_refers_to_a_body_nobody_has_is_refused():
    ledger = given.created(MemoryStore())
    with pytest.raises(LedgerError, match=r"the observation refers to sha256:.*no such body"):
        ledger.append([given.observation()])


def test_append_with_evidence_under_another_digest_is_refused():
    ledger = given.created(MemoryStore())
    with pytest.raises(LedgerError, match="does not have the digest it was given with"):
        ledger.append([given.revision()], evidence={"sha256:" + "00" * 32: b"body"})


def test_append_that_breaks_a_rule_writes_nothing_and_the_next_goes_on():
    store = MemoryStore()
    ledger = given.created(store)
    ledger.append([given.revision(5)])
    before = dict(store.files)
    with pytest.raises(LedgerError, match=r"not appended: entry 4 \(revision\) is wrong: its time lies before"):
        ledger.append([given.revision(4)])
    assert store.files == before
    assert ledger.append([given.revision(6)]) == range(4, 5)


def test_append_by_a_writer_whose_turn_is_over_is_refused():
    store = MemoryStore()
    given.created(store, given.revision(head=given.header(0, transitions=3)))
    with pytest.raises(LedgerError, match="epoch 2 of lease 'prod/stagewright' is over"):
        given.opened(store).append([given.revision(head=given.header(9, transitions=2))])


def test_append_after_another_writer_is_a_conflict_and_loses_nothing():
    store = MemoryStore()
    given.created(store)
    one, other = given.opened(store), given.opened(store)
    one.append([given.revision(1)])
    before = dict(store.files)
    with pytest.raises(LedgerConflictError, match="another writer has appended"):
        other.append([given.revision(2)])
    assert store.files == before


def test_append_while_another_holds_the_store_is_a_conflict():
    store = MemoryStore()
    ledger = given.created(store)
    with store.lock(), pytest.raises(LedgerConflictError):
        ledger.append([given.revision()])
    assert ledger.append([given.revision()]) == range(3, 4)


def test_append_to_a_ledger_that_breaks_its_own_rules_is_refused():
    """Somebody with both keys wrote an outcome of no intent around the rules; from here nothing is added to it."""
    store = MemoryStore()
    ledger = given.created(store)
    ledger._admit = lambda *_: ledger._chronicle  # type: ignore[method-assign]
    ledger.append([given.outcome(2)])
    with pytest.raises(LedgerDamagedError, match=r"breaks its own rules: entry 3: an outcome of entry 2"):
        given.opened(store).append([given.revision()])


def test_append_after_a_key_entry_needs_the_new_key():
    store = MemoryStore()
    ledger = given.created(store)
    new = SeedSigner(7)
    ledger.append(
        [
            given.key(
                1,
                old_key_id=key_id(given.ENTRY.public_key),
                new_key=encode_base64(new.public_key),
                role="entry",
                reason="yearly rotation",
            )
        ]
    )
    with pytest.raises(LedgerError, match="is current"):
        ledger.append([given.revision(2)])
    renewed = Ledger.open(store, origin=given.ORIGIN, log_signer=given.LOG, entry_signer=new)
    assert renewed.append([given.revision(2)]) == range(4, 5)
    assert f"keys/{key_id(new.public_key)}.pub" in store.files


class _WrongSigner(SeedSigner):
    def sign(self, message: bytes) -> bytes:
        return super().sign(message + b"!")


@pytest.mark.parametrize("role", ["log", "entry"])
def test_append_with_a_signer_that_signs_wrongly_commits_nothing(role: str):
    store = MemoryStore()
    given.created(store)
    signers = {"log": given.LOG, "entry": given.ENTRY} | {role: _WrongSigner({"log": 1, "entry": 2}[role])}
    ledger = Ledger.open(store, origin=given.ORIGIN, log_signer=signers["log"], entry_signer=signers["entry"])
    with pytest.raises(LedgerError, match=r"signature is wrong|is not signed by"):
        ledger.append([given.revision()])
    assert given.opened(store).size == 3


def test_append_to_a_store_that_forgets_what_it_is_given_commits_nothing():
    class Forgetful(MemoryStore):
        def write(self, name: str, data: bytes) -> None:
            super().write(name, bytes(len(data)) if name.startswith("tile/entries") and self.files else data)

    store = Forgetful()
    files = MemoryStore()
    given.created(files)
    store.files = files.files
    with pytest.raises(LedgerDamagedError):
        given.opened(store).append([given.revision()])
    assert given.opened(store).size == 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("tile/0/000", "tile/0/000 does not have the hash that the tile above it says", id="hash tile"),
        pytest.param("tile/entries/000", "entry 0 in tile/entries/000 does not have its hash", id="bundle"),
    ],
)
def test_entry_in_a_full_tile_that_was_changed_is_not_believed(name: str, reason: str):
    """Opening reads only the right edge; what lies to its left is checked when it is read."""
    store = MemoryStore()
    given.created(store).append([given.revision()] * 300)
    store.files[name] = store.files[name][:40] + b"?" + store.files[name][41:]
    ledger = given.opened(store)
    assert ledger.entry(300).index == 300
    with pytest.raises(LedgerDamagedError, match=reason):
        ledger.entry(0)


def test_checkpoint_at_a_size_is_the_one_that_was_published_then():
    store = MemoryStore()
    ledger = given.created(store)
    published = {ledger.size: ledger.checkpoint}
    for _ in range(5):
        ledger.append([given.revision()])
        published[ledger.size] = ledger.checkpoint
    assert {size: ledger.checkpoint_at(size) for size in published} == published


@pytest.mark.parametrize("size", [0, 4])
def test_checkpoint_at_a_size_that_never_was_is_an_error(size: int):
    with pytest.raises(LedgerError, match=f"no checkpoint over {size} of 3 entries"):
        given.created(MemoryStore()).checkpoint_at(size)


def test_checkpoint_at_a_size_of_a_ledger_that_is_only_read_is_an_error():
    store = MemoryStore()
    given.created(store)
    with pytest.raises(LedgerError, match="opened to be read"):
        Ledger.read(store).checkpoint_at(1)
