"""The rules that entries keep among each other, as a table of short histories and the rule that each breaks."""

import pytest

from stagewright.ledger import predicates as p
from stagewright.ledger.chronicle import APPROVALS, INTENTS, KEYS, ORDER, Chronicle
from stagewright.ledger.evidence import evidence_digest
from stagewright.ledger.keys import encode_base64, key_id
from stagewright.ledger.statement import Statement
from tests.fakes import ledger_entries as given
from tests.fakes.ledger_store import SeedSigner

SIGNER = key_id(given.ENTRY.public_key)
NEXT = SeedSigner(7).public_key


def _first(role: str, key: bytes, **changes: object) -> Statement:
    fields: dict[str, object] = {"role": role, "old_key_id": None, "new_key": encode_base64(key), "reason": "begins"}
    return given.key(0, **(fields | changes))


BEGINNING = (given.genesis(), _first("log", given.LOG.public_key), _first("entry", given.ENTRY.public_key))


def _breaches(*statements: Statement, signers: tuple[str, ...] = ()) -> list[tuple[int, int, str]]:
    """(index, step, reason) of every breach."""
    chronicle = Chronicle(given.ORIGIN, given.LOG.public_key)
    found = []
    for index, statement in enumerate(statements):
        signer = signers[index] if index < len(signers) else SIGNER
        found += [(index, breach.step, breach.reason) for breach in chronicle.admit(statement, signer)]
    return found + [(index, breach.step, breach.reason) for index, breach in chronicle.unfinished()]


def _moved(version: int, stage: str) -> p.Action:
    return given.action(stage, "stage", version=version, before="None")


RESTORE = given.verdict(3, promotion=given.OTHER, restore=True, requirements=(), sign_offs=())
UNSIGNED = given.signed(counted=False)

GOOD = {
    "only its beginning": (),
    "a promotion approved and applied": (given.verdict(), given.intent(), given.outcome(4)),
    "more was adopted than fits in one entry": (given.adoption(), given.adoption(), given.revision()),
    "pending, then approved": (given.verdict(2, "pending"), given.verdict(3), given.intent(), given.outcome(5)),
    "pending, then superseded": (given.verdict(2, "pending"), given.superseded()),
    "refused": (given.verdict(2, "refused"),),
    "an intent that failed needs no approval": (given.intent(), given.outcome(3, result="failed", after=())),
    "a drift corrected": (
        given.verdict(),
        given.drift(),
        given.intent(4, "drift", given.DRIFT),
        given.outcome(5),
    ),
    "a drift of what was adopted": (
        given.drift(model="fraud"),
        given.intent(4, "drift", given.DRIFT, key="fraud/Production", actions=(given.action("1", model="fraud"),)),
        given.outcome(4, after=("1",)),
    ),
    "a restore of what was approved": (given.verdict(), RESTORE),
    "a restore of what was adopted": (
        given.verdict(key="fraud/Production", to={"version": 1}, restore=True, requirements=(), sign_offs=()),
    ),
    "a restore of what is kept as evidence": (
        given.verdict(key="credit-risk/@spec", to={"riskTier": "high"}),
        given.verdict(
            promotion=given.OTHER,
            key="credit-risk/@spec",
            to={"evidence": evidence_digest(b'{"riskTier":"high"}')},
            restore=True,
            requirements=(),
        ),
    ),
    "a configuration moved there and back": (
        given.rebind(3),
        given.rebind(4, before=given.BOUND | {"branch": "release"}, after=given.BOUND),
    ),
    "a history accepted by those who may": (given.accepted(3), given.revision(4)),
    "a version put into a stage, another out of it": (
        given.verdict(),
        given.intent(actions=(_moved(6, "Archived"), _moved(7, "Production"))),
        given.outcome(4, after=("Archived", "Production")),
    ),
    "a model of another name in the registry": (
        given.verdict(key="credit-risk/@spec", promotion=given.OTHER, to={"registeredModel": "Credit"}),
        given.verdict(),
        given.intent(actions=(given.action(model="Credit"),)),
        given.outcome(5),
    ),
    "nobody holds the stage any more": (
        given.verdict(to="none"),
        given.intent(actions=(given.action(None),)),
        given.outcome(4, after=(None,)),
    ),
    "another lease follows in the same turn or in a later one": (
        given.revision(head=given.header(2, transitions=5)),
        given.revision(head=given.header(3, lease="other", transitions=5)),
        given.revision(head=given.header(4, lease="third", transitions=8)),
    ),
    "leases take turns that count the same": (
        given.revision(head=given.header(2, lease="bank")),
        given.revision(head=given.header(3)),
        given.revision(head=given.header(4, lease="bank")),
    ),
}


@pytest.mark.parametrize("entries", GOOD.values(), ids=GOOD)
def test_chronicle_of_a_good_history_finds_nothing(entries: tuple[Statement, ...]):
    assert _breaches(*BEGINNING, *entries) == []


BAD = {
    "a second genesis": ((given.genesis(1),), 3, ORDER, "only one"),
    "something adopted after the beginning": ((given.revision(), given.adoption(1)), 4, ORDER, "and nowhere else"),
    "time runs back": ((given.revision(9), given.revision(8)), 4, ORDER, "its time lies before"),
    "an epoch that is over": (
        (given.revision(head=given.header(2, transitions=5)), given.revision(head=given.header(3, transitions=4))),
        4,
        ORDER,
        "epoch 4 of lease 'prod/stagewright' is over: 5 of lease 'prod/stagewright' has written already",
    ),
    "an epoch that is over, after another lease wrote": (
        (
            given.revision(head=given.header(2, transitions=5)),
            given.revision(head=given.header(2, lease="other", transitions=6)),
            given.revision(head=given.header(3, transitions=5)),
        ),
        5,
        ORDER,
        "epoch 5 of lease 'prod/stagewright' is over: 6 of lease 'other' has written already",
    ),
    "another lease that counts from zero again": (
        (given.revision(head=given.header(2, transitions=5)), given.revision(head=given.header(3, lease="other"))),
        4,
        ORDER,
        "epoch 0 of lease 'other' is over: 5 of lease 'prod/stagewright' has written already",
    ),
    "two holders of one turn": (
        (
            given.revision(head=given.header(2, transitions=5)),
            given.revision(head=given.header(3, transitions=5, holder="pod-1")),
        ),
        4,
        ORDER,
        "epoch 5 of lease 'prod/stagewright' is that of another holder",
    ),
    "an intent left open": ((given.verdict(), given.intent()), 4, INTENTS, "without an outcome"),
    "an outcome of no intent": ((given.outcome(2),), 3, INTENTS, "entry 2, which is no intent"),
    "an outcome before its intent": (
        (given.verdict(), given.outcome(5), given.intent(5), given.outcome(5, 6, "none")),
        4,
        INTENTS,
        "entry 5, which is no intent",
    ),
    "two outcomes": (
        (given.verdict(), given.intent(), given.outcome(4), given.outcome(4)),
        6,
        INTENTS,
        "a second outcome of intent 4",
    ),
    "applied, but read back otherwise": (
        (given.verdict(), given.intent(), given.outcome(4, after=("6",))),
        5,
        INTENTS,
        "not what intent 4 wanted",
    ),
    "approved with a requirement missing": (
        (given.verdict(requirements=(given.requirement("missing", "soak"),)),),
        3,
        APPROVALS,
        "not satisfied: soak",
    ),
    "applied without a verdict": ((given.intent(), given.outcome(3)), 4, APPROVALS, "no approved verdict"),
    "applied while pending": (
        (given.verdict(2, "pending"), given.intent(), given.outcome(4)),
        5,
        APPROVALS,
        "no approved verdict",
    ),
    "approved only after the intent": (
        (given.intent(2), given.verdict(2), given.outcome(3)),
        5,
        APPROVALS,
        "no approved verdict before it",
    ),
    "an approval of another key": (
        (given.verdict(key="fraud/Production"), given.intent(), given.outcome(4)),
        5,
        APPROVALS,
        "is about credit-risk/Production, promotion",
    ),
    "an approval of another version": (
        (given.verdict(to={"version": 8}), given.intent(), given.outcome(4)),
        5,
        APPROVALS,
        "an alias moves to version 7, approved was 8",
    ),
    "an old approval replayed": (
        (given.verdict(), given.verdict(promotion=given.OTHER, to={"version": 8}), given.intent(), given.outcome(5)),
        6,
        APPROVALS,
        "not what was last approved",
    ),
    "no such drift": (
        (given.intent(4, "drift", given.DRIFT), given.outcome(3)),
        4,
        APPROVALS,
        "no drift dd",
    ),
    "a drift of another key": (
        (given.verdict(), given.drift(stage="Staging"), given.intent(4, "drift", given.DRIFT), given.outcome(5)),
        6,
        APPROVALS,
        "drift dddd",
    ),
    "a drift to what nobody approved": (
        (
            given.verdict(),
            given.drift(),
            given.intent(4, "drift", given.DRIFT, actions=(given.action("9"),)),
            given.outcome(5, after=("9",)),
        ),
        6,
        APPROVALS,
        "an alias moves to version 9, approved was 7",
    ),
    "a drift of what nobody ever approved": (
        (given.drift(), given.intent(4, "drift", given.DRIFT), given.outcome(4)),
        5,
        APPROVALS,
        "nothing is authorized for credit-risk/Production",
    ),
    "an alias taken away that is to stay": (
        (given.verdict(), given.intent(actions=(given.action(None),)), given.outcome(4, after=(None,))),
        5,
        APPROVALS,
        "an alias moves to version None, approved was 7",
    ),
    "another version put into a stage": (
        (given.verdict(), given.intent(actions=(_moved(6, "Production"),)), given.outcome(4, after=("Production",))),
        5,
        APPROVALS,
        "version 6 moves to Production, approved was 7",
    ),
    "the version put away that is to stay": (
        (given.verdict(), given.intent(actions=(_moved(7, "Archived"),)), given.outcome(4, after=("Archived",))),
        5,
        APPROVALS,
        "version 7 moves to Archived, approved was 7",
    ),
    "another version marked": (
        (given.verdict(), given.intent(actions=(given.action("4", "tag", version=6),)), given.outcome(4, after=("4",))),
        5,
        APPROVALS,
        "version 6 is marked, approved was 7",
    ),
    "another model written to": (
        (given.verdict(), given.intent(actions=(given.action(model="fraud"),)), given.outcome(4)),
        5,
        APPROVALS,
        "it writes to 'fraud', and credit-risk/Production is 'credit-risk'",
    ),
    "a move from what the ledger is not bound to": (
        (given.rebind(3, before=given.BOUND | {"branch": "dev"}),),
        3,
        ORDER,
        "moves another configuration",
    ),
    "a second move from the same": (
        (given.rebind(3), given.rebind(4)),
        4,
        ORDER,
        "moves another configuration",
    ),
    "a move to half of a configuration": (
        (given.rebind(3, after={"branch": "dev"}),),
        3,
        ORDER,
        "moves another configuration",
    ),
    "a history accepted elsewhere": (
        (given.revision(3), given.accepted(4)),
        4,
        ORDER,
        "and the ledger is at d1d1",
    ),
    "a history accepted by nobody": (
        (given.accepted(3, sign_offs=()),),
        3,
        APPROVALS,
        "was not signed off: nobody's approval",
    ),
    "a history accepted with nothing required": (
        (given.accepted(3, requirements=()),),
        3,
        APPROVALS,
        "was not signed off: nobody's approval",
    ),
    "a history accepted while an approval is missing": (
        (given.accepted(3, requirements=(given.requirement("missing"),)),),
        3,
        APPROVALS,
        "was not signed off: approvals",
    ),
    "a history accepted under another governance": (
        (given.accepted(3, governance=given.GOVERNANCE),),
        3,
        APPROVALS,
        "a governance that is not authorized",
    ),
    "a restore to something new": ((RESTORE,), 3, APPROVALS, "a restore of credit-risk/Production to what was not"),
    "approved with nothing required": ((given.verdict(requirements=()),), 3, APPROVALS, "nobody's approval"),
    "approved by nobody": ((given.verdict(sign_offs=()),), 3, APPROVALS, "nobody's approval"),
    "approved by somebody who does not count": (
        (given.verdict(sign_offs=(UNSIGNED,)),),
        3,
        APPROVALS,
        "nobody's approval",
    ),
    "a drift that was only reported": (
        (given.drift(decision="reported"), given.intent(4, "drift", given.DRIFT), given.outcome(4)),
        5,
        APPROVALS,
        "no drift dd",
    ),
    "approved after it was refused": (
        (given.verdict(2, "refused"), given.verdict(3)),
        4,
        APPROVALS,
        "is approved, but it was refused before",
    ),
    "approved after it was superseded": (
        (given.verdict(2, "pending"), given.superseded(), given.verdict(3)),
        5,
        APPROVALS,
        "is approved, but it was superseded before",
    ),
    "pending after it was approved": (
        (given.verdict(), given.verdict(3, "pending")),
        4,
        APPROVALS,
        "is pending, but it was approved before",
    ),
    "a new entry key that does not follow": (
        (_first("entry", NEXT, old_key_id=key_id(NEXT)),),
        3,
        KEYS,
        "does not follow",
    ),
    "a new log key": ((_first("log", NEXT, old_key_id=SIGNER),), 3, KEYS, "names a log key that does not follow"),
}


@pytest.mark.parametrize(("entries", "index", "step", "reason"), BAD.values(), ids=BAD)
def test_chronicle_of_a_bad_history_names_the_entry_and_the_rule(
    entries: tuple[Statement, ...], index: int, step: int, reason: str
):
    (found,) = _breaches(*BEGINNING, *entries)
    assert found[:2] == (index, step)
    assert reason in found[2]


def test_chronicle_of_a_log_that_does_not_begin_with_genesis_and_keys_names_each_entry():
    found = _breaches(given.genesis(origin="elsewhere"), given.revision(), given.revision())
    assert [(index, step) for index, step, _ in found] == [(0, ORDER), (1, KEYS), (2, KEYS)]
    assert [index for index, step, _ in _breaches(given.revision(0), *BEGINNING[1:]) if step == ORDER] == [0]


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param((_first("log", NEXT), BEGINNING[2]), id="another log key"),
        pytest.param((BEGINNING[1], _first("entry", NEXT)), id="another entry key"),
        pytest.param((BEGINNING[2], BEGINNING[1]), id="swapped"),
    ],
)
def test_chronicle_of_first_keys_that_are_not_the_signers_is_a_breach(beginning: tuple[Statement, ...]):
    assert {step for _, step, _ in _breaches(given.genesis(), *beginning)} == {KEYS}


def test_chronicle_of_a_cut_beginning_says_that_keys_are_missing():
    assert _breaches(BEGINNING[0]) == [(1, KEYS, "the log ends before it has named its keys")]


ROTATION = _first("entry", NEXT, old_key_id=SIGNER)


@pytest.mark.parametrize(
    ("signers", "expected"),
    [
        pytest.param((*[SIGNER] * 4, key_id(NEXT)), [], id="the new key from the next entry on"),
        pytest.param((*[SIGNER] * 5,), [(4, KEYS)], id="the old key goes on"),
        pytest.param((*[SIGNER] * 3, key_id(NEXT), key_id(NEXT)), [(3, KEYS)], id="the new key announces itself"),
    ],
)
def test_chronicle_of_a_rotation_accepts_each_key_only_in_its_range(
    signers: tuple[str, ...], expected: list[tuple[int, int]]
):
    found = _breaches(*BEGINNING, ROTATION, given.revision(3), signers=signers)
    assert [(index, step) for index, step, _ in found] == expected
