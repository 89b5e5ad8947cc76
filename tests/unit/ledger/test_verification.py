from collections.abc import Iterator

import pytest

from stagewright.errors import LedgerDamagedError, UsageError
from stagewright.ledger import merkle
from stagewright.ledger.checkpoint import Checkpoint
from stagewright.ledger.evidence import evidence_digest, evidence_path
from stagewright.ledger.keys import key_id, public_pem
from stagewright.ledger.log import CHECKPOINT, LOG_KEY, Ledger
from stagewright.ledger.note import VerifierKey, sign_note
from stagewright.ledger.predicates import Observation
from stagewright.ledger.report import Report, Status
from stagewright.ledger.tiles import format_bundle
from stagewright.ledger.verification import verify
from tests.fakes import ledger_entries as given
from tests.fakes.ledger_store import MemoryStore, SeedSigner

PIN = str(VerifierKey(name=given.ORIGIN, key=given.LOG.public_key))
FINGERPRINT = f"sha256:{key_id(given.LOG.public_key)}"
TAG = evidence_path(evidence_digest(given.SIGNED_TAG))


def _good(_: bytes, __: Observation) -> str | None:
    return None


def _verify(store: MemoryStore, **options: object) -> Report:
    defaults: dict[str, object] = {"log_key": PIN, "checkpoints": (), "signoff_checker": _good}
    return verify(store, **(defaults | options))  # type: ignore[arg-type]  # rows of tables


def _statuses(report: Report) -> dict[int, str]:
    """The steps that are neither OK nor not applicable."""
    return {
        step.number: step.status.value for step in report.steps if step.status not in {Status.OK, Status.NOT_APPLICABLE}
    }


def _findings(report: Report) -> list[tuple[int, str, str]]:
    return [(step.number, finding.place, finding.reason) for step in report.steps for finding in step.findings]


def _story() -> tuple[MemoryStore, Ledger]:
    store = MemoryStore()
    return store, given.story(store)


@pytest.mark.parametrize("pin", [PIN, f"{PIN}\n", FINGERPRINT, FINGERPRINT.removeprefix("sha256:")])
def test_verify_of_a_whole_ledger_holds_and_says_what_is_proven(pin: str):
    store, ledger = _story()
    report = _verify(store, log_key=pin, checkpoints=[ledger.checkpoint.encode()])
    assert report.verified is True
    assert [step.number for step in report.steps] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16]
    assert {step.number for step in report.steps if step.status is Status.NOT_APPLICABLE} == {3}
    assert (report.origin, report.size, report.root) == (given.ORIGIN, 11, ledger.root.hex())
    assert [line.partition(":")[0] for line in report.proven] == [
        "order and integrity",
        "authorship",
        "policy arithmetic",
        "evidence",
        "people",
        "growth",
    ]
    assert len(report.asserted) == 3
    assert "what the registry held before and after, in 2 outcomes" in report.asserted


def test_verify_over_several_tiles_holds():
    store = MemoryStore()
    ledger = given.created(store)
    for count in (100, 200, 260):
        ledger.append([given.revision(2)] * count)
    assert _verify(store).verified is True


def test_verify_without_a_pin_proves_nothing():
    store, _ = _story()
    report = _verify(store, log_key=None)
    assert _statuses(report) == {2: "SKIPPED"}
    assert report.verified is False
    assert report.proven == ()
    assert FINGERPRINT in next(step.detail for step in report.steps if step.number == 2)


@pytest.mark.parametrize("pin", ["", "sha256:abc", "name+12345678+AAAA", "keys/log.vkey", FINGERPRINT.upper()])
def test_verify_with_a_pin_that_is_no_key_is_a_usage_error(pin: str):
    store, _ = _story()
    with pytest.raises(UsageError):
        _verify(store, log_key=pin)


OTHER_KEY = VerifierKey(name=given.ORIGIN, key=SeedSigner(9).public_key)


@pytest.mark.parametrize("pin", [str(OTHER_KEY), key_id(OTHER_KEY.key)], ids=["verifier key", "fingerprint"])
def test_verify_with_the_pin_of_another_key_fails(pin: str):
    store, _ = _story()
    report = _verify(store, log_key=pin)
    assert report.verified is False
    assert (2, LOG_KEY) in {finding[:2] for finding in _findings(report)}
    assert report.proven == ()


def test_verify_of_a_ledger_resigned_with_another_key_fails():
    """A thief rewrites the checkpoint and the key beside it."""
    store, ledger = _story()
    thief = SeedSigner(9)
    store.files[CHECKPOINT] = sign_note(ledger.checkpoint.partition("\n\n")[0] + "\n", given.ORIGIN, thief)
    store.files[LOG_KEY] = f"{VerifierKey(name=given.ORIGIN, key=thief.public_key)}\n".encode()
    report = _verify(store)
    assert {place for number, place, _ in _findings(report) if number == 2} == {LOG_KEY, CHECKPOINT}
    assert _statuses(_verify(store, log_key=FINGERPRINT))[2] == "FAIL"


def test_verify_of_the_checkpoint_of_another_origin_fails():
    store, ledger = _story()
    head = Checkpoint(origin="elsewhere", size=11, root=ledger.root)
    store.files[CHECKPOINT] = sign_note(head.text, given.ORIGIN, given.LOG)
    report = _verify(store)
    assert (2, CHECKPOINT, "of 'elsewhere', but the key is of 'ledger.example.com/prod'") in _findings(report)


def test_verify_without_a_key_file_uses_the_pinned_key_and_fails():
    store, _ = _story()
    del store.files[LOG_KEY]
    assert _findings(_verify(store)) == [(2, LOG_KEY, "keys/log.vkey is missing or not one line")]
    report = _verify(store, log_key=FINGERPRINT, checkpoints=[store.files[CHECKPOINT]])
    assert _statuses(report) == {2: "FAIL", 7: "FAIL", 13: "SKIPPED"}


@pytest.mark.parametrize("data", [None, b"", b"rubbish\n"], ids=["missing", "empty", "rubbish"])
def test_verify_without_a_checkpoint_fails_at_step_1_and_skips_the_rest(data: bytes | None):
    store, _ = _story()
    del store.files[CHECKPOINT]
    if data is not None:
        store.files[CHECKPOINT] = data
    report = _verify(store)
    assert _statuses(report) == {1: "FAIL"} | dict.fromkeys([2, *range(4, 14), 16], "SKIPPED")
    assert (report.origin, report.size, report.root) == (None, None, None)
    assert (report.proven, report.asserted) == ((), ())


def test_verify_of_an_empty_log_fails():
    store = MemoryStore()
    text = Checkpoint(origin=given.ORIGIN, size=0, root=merkle.EMPTY_ROOT).text
    store.files = {LOG_KEY: f"{PIN}\n".encode(), CHECKPOINT: sign_note(text, given.ORIGIN, given.LOG)}
    assert _findings(_verify(store)) == [(7, "entry 0", "the log ends before it has named its keys")]


def _rewritten(entries: list[bytes]) -> MemoryStore:
    """A ledger of exactly these entries with everything right for them, as both keys together could make it."""
    store, _ = _story()
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    store.files = {name: data for name, data in store.files.items() if not name.startswith("tile/")}
    store.files[f"tile/0/000.p/{len(entries)}"] = b"".join(leaves)
    store.files[f"tile/entries/000.p/{len(entries)}"] = format_bundle(entries)
    head = Checkpoint(origin=given.ORIGIN, size=len(entries), root=merkle.fold(leaves))
    store.files[CHECKPOINT] = sign_note(head.text, given.ORIGIN, given.LOG)
    return store


def _raw() -> list[bytes]:
    return [entry.raw for entry in _story()[1].entries()]


def test_verify_of_entries_deleted_or_swapped_with_both_keys_names_what_no_longer_fits():
    raw = _raw()
    assert _verify(_rewritten(raw)).verified is True
    without_verdict = _findings(_verify(_rewritten(raw[:4] + raw[5:])))
    assert (10, "entry 6") in {finding[:2] for finding in without_verdict}
    swapped = _findings(_verify(_rewritten([*raw[:5], raw[6], raw[5], *raw[7:]])))
    assert {(9, "entry 6"), (10, "entry 7")} <= {finding[:2] for finding in swapped}


def test_verify_of_a_rewritten_history_fails_against_an_earlier_checkpoint():
    _, ledger = _story()
    store = _rewritten([*_raw()[:8], _raw()[7]])
    report = _verify(store, checkpoints=[ledger.checkpoint.encode()])
    assert _statuses(report)[13] == "FAIL"
    assert "the log once had 11 entries and has 9 now" in _findings(report)[-1][2]


@pytest.mark.parametrize(
    ("checkpoint", "reason"),
    [
        pytest.param(b"rubbish", "no signature lines", id="no note"),
        pytest.param(
            sign_note(Checkpoint(origin=given.ORIGIN, size=5, root=bytes(32)).text, given.ORIGIN, given.LOG),
            "the first 5 entries are not those it was signed for",
            id="another history",
        ),
        pytest.param(
            sign_note(Checkpoint(origin=given.ORIGIN, size=5, root=bytes(32)).text, given.ORIGIN, SeedSigner(9)),
            "it is not one of 'ledger.example.com/prod' signed by",
            id="another key",
        ),
        pytest.param(
            sign_note(Checkpoint(origin="other", size=5, root=bytes(32)).text, given.ORIGIN, given.LOG),
            "it is not one of 'ledger.example.com/prod' signed by",
            id="another origin",
        ),
    ],
)
def test_verify_against_a_checkpoint_that_does_not_fit_fails(checkpoint: bytes, reason: str):
    store, ledger = _story()
    report = _verify(store, checkpoints=[ledger.checkpoint.encode(), checkpoint])
    ((number, place, found),) = _findings(report)
    assert (number, place) == (13, "checkpoint 2 of those given")
    assert reason in found


def test_verify_of_a_bundle_cut_off_names_it_and_skips_what_depends_on_it():
    store, ledger = _story()
    name = "tile/entries/000.p/11"
    store.files[name] = store.files[name][:-1]
    report = _verify(store, checkpoints=[ledger.checkpoint.encode()])
    assert _findings(report)[0] == (4, name, f"{name} ends within its entry 10")
    assert _statuses(report)[5] == _statuses(report)[6] == _statuses(report)[13] == "SKIPPED"
    del store.files[name]
    assert _findings(_verify(store))[0] == (4, name, f"{name} is missing")


def test_verify_of_an_entry_changed_names_it_at_every_step_that_can_tell():
    store, ledger = _story()
    name = "tile/entries/000.p/11"
    raw = ledger.entry(5).raw
    store.files[name] = store.files[name].replace(raw, raw.replace(b'"sig":"', b'"sig":"A', 1)[:-1])
    report = _verify(store)
    places = {finding[:2] for finding in _findings(report)}
    assert {(5, CHECKPOINT), (5, "entry 5"), (6, "tile/0/000.p/11"), (8, "entry 5")} <= places
    assert _statuses(report)[9] == "SKIPPED"


def test_verify_of_an_entry_signed_by_a_key_nobody_named_fails():
    store, ledger = _story()
    forger = SeedSigner(8)
    other = MemoryStore()
    given.created(other)
    forged = Ledger.open(other, origin=given.ORIGIN, log_signer=given.LOG, entry_signer=forger)
    forged._admit = lambda *_: forged._chronicle  # type: ignore[method-assign]
    forged.append([given.revision(1)])
    raw = [entry.raw for entry in ledger.entries()]
    store = _rewritten([*raw[:3], forged.entry(3).raw])
    assert {finding[:2] for finding in _findings(_verify(store))} >= {(7, "entry 3")}
    store.files[f"keys/{key_id(forger.public_key)}.pub"] = public_pem(forger.public_key)
    ((number, place, reason),) = _findings(_verify(store))
    assert (number, place) == (7, "entry 3")
    assert "is current" in reason


def test_verify_of_a_key_id_that_climbs_out_of_the_folder_reads_nothing():
    raw = _raw()
    changed = raw[3].replace(key_id(given.ENTRY.public_key).encode(), b"../../checkpoint")
    report = _verify(_rewritten([*raw[:3], changed]))
    assert (7, "entry 3") in {finding[:2] for finding in _findings(report)}


def test_verify_with_the_pin_of_another_entry_key_fails():
    store, _ = _story()
    assert _verify(store, entry_key=key_id(given.ENTRY.public_key)).verified is True
    report = _verify(store, entry_key=key_id(OTHER_KEY.key))
    assert [finding[:2] for finding in _findings(report)] == [(7, "entry 0")]
    with pytest.raises(UsageError):
        _verify(store, entry_key="no key")


@pytest.mark.parametrize(
    ("name", "data", "place"),
    [
        pytest.param("tile/0/000.p/11", bytes(352), "tile/0/000.p/11", id="current tile"),
        pytest.param("tile/0/000.p/11", b"", "tile/0/000.p/11", id="emptied tile"),
        pytest.param("tile/0/000.p/11", None, "tile/0/000.p/11", id="missing tile"),
        pytest.param("tile/0/000.p/3", bytes(96), "tile/0/000.p/3", id="older tile"),
        pytest.param("tile/entries/000.p/3", bytes(6), "tile/entries/000.p/3", id="older bundle"),
        pytest.param("tile/entries/000.p/3", b"\x00", "tile/entries/000.p/3", id="older bundle, cut"),
        pytest.param("tile/0/0", b"", "tile/0/0", id="a name that no tile has"),
    ],
)
def test_verify_of_a_tile_that_does_not_fit_names_it(name: str, data: bytes | None, place: str):
    store, _ = _story()
    store.files.pop(name, None)
    if data is not None:
        store.files[name] = data
    assert [finding[:2] for finding in _findings(_verify(store))] == [(6, place)]


def test_verify_ignores_debris_beyond_the_checkpoint_but_says_so():
    store, _ = _story()
    store.files["tile/0/000.p/12"] = b"half"
    report = _verify(store)
    assert report.verified is True
    assert "; 1 beyond the checkpoint" in next(step.detail for step in report.steps if step.number == 6)


@pytest.mark.parametrize(
    ("name", "data", "place"),
    [
        pytest.param(TAG, b"another tag", TAG, id="swapped body"),
        pytest.param(TAG, None, "entry 3", id="missing body"),
        pytest.param("evidence/readme", b"", "evidence/readme", id="a name that no body has"),
    ],
)
def test_verify_of_evidence_that_does_not_fit_names_it(name: str, data: bytes | None, place: str):
    store, _ = _story()
    store.files.pop(name, None)
    if data is not None:
        store.files[name] = data
    report = _verify(store)
    assert [finding[:2] for finding in _findings(report)] == [(12, place)]


def test_verify_of_redacted_evidence_holds_but_people_are_not_proven():
    store, _ = _story()
    del store.files[TAG]
    report = _verify(store, redacted=[evidence_digest(given.SIGNED_TAG)])
    assert _statuses(report) == {16: "SKIPPED"}
    assert "1 bodies; 1 redacted, as said" in {step.detail for step in report.steps}
    assert "1 counted sign-offs: answers of the forge, without a signature checked here" in report.asserted


def test_verify_asks_the_checker_about_each_signed_decision():
    store, _ = _story()
    asked: list[tuple[bytes, str]] = []

    def checker(body: bytes, observation: Observation) -> str | None:
        asked.append((body, observation.review))
        return "signed by a key that nobody allowed"

    report = _verify(store, signoff_checker=checker)
    assert asked == [(given.SIGNED_TAG, "tag-1")]
    assert _findings(report) == [(16, "entry 3", "signed by a key that nobody allowed")]
    assert _statuses(_verify(store, signoff_checker=None)) == {16: "SKIPPED"}


def test_verify_of_a_ledger_without_signed_decisions_needs_no_checker():
    store = MemoryStore()
    given.created(store)
    assert _verify(store, signoff_checker=None).verified is True


def test_verify_of_an_intent_left_open_names_it():
    store = MemoryStore()
    given.created(store).append([given.intent()])
    assert _findings(_verify(store)) == [(10, "entry 3", "an intent without an outcome; the next sync closes it")]


class _LinkedStore(MemoryStore):
    """One name of it is a link, which a store refuses to follow."""

    linked = ""

    def read(self, name: str) -> bytes | None:
        if name == self.linked:
            raise LedgerDamagedError(f"{name} is a link")
        return super().read(name)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (CHECKPOINT, (1, CHECKPOINT)),
        (LOG_KEY, (2, LOG_KEY)),
        (f"keys/{key_id(given.ENTRY.public_key)}.pub", (7, f"keys/{key_id(given.ENTRY.public_key)}.pub")),
        ("tile/entries/000.p/11", (4, "tile/entries/000.p/11")),
        ("tile/0/000.p/11", (6, "tile/0/000.p/11")),
        (TAG, (12, TAG)),
    ],
)
def test_verify_where_a_link_lies_names_it(name: str, place: tuple[int, str]):
    plain, _ = _story()
    store = _LinkedStore(files=plain.files)
    store.linked = name
    assert place in {finding[:2] for finding in _findings(_verify(store))}


def test_verify_where_a_folder_is_a_link_names_it():
    class Linked(MemoryStore):
        def names(self, prefix: str) -> Iterator[str]:
            raise LedgerDamagedError(f"{prefix} is a link")

    plain, _ = _story()
    places = [finding[:2] for finding in _findings(_verify(Linked(files=plain.files)))]
    assert places == [(6, "tile/"), (12, "evidence/")]


def test_verify_of_an_entry_changed_beside_a_broken_tile_still_reports():
    store, ledger = _story()
    raw = ledger.entry(5).raw
    name = "tile/entries/000.p/11"
    store.files[name] = store.files[name].replace(raw, raw.replace(b"A", b"B", 1))
    store.files["tile/0/000.p/11"] = b""
    assert _statuses(_verify(store))[5] == _statuses(_verify(store))[6] == "FAIL"


def test_verify_of_a_key_file_missing_names_every_entry():
    store, _ = _story()
    del store.files[f"keys/{key_id(given.ENTRY.public_key)}.pub"]
    report = _verify(store)
    assert _statuses(report) == {7: "FAIL"}
