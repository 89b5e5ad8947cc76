"""Statements to fill a ledger with: small, valid, and telling one story at most."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from stagewright.ledger import predicates as p
from stagewright.ledger.dsse import canonical_json
from stagewright.ledger.evidence import evidence_digest
from stagewright.ledger.log import Ledger
from stagewright.ledger.statement import Statement, commit_subject, model_subject
from stagewright.ports import LedgerStore
from tests.fakes.ledger_store import SeedSigner

ORIGIN = "ledger.example.com/prod"
LOG, ENTRY = SeedSigner(1), SeedSigner(2)
BEGAN = datetime(2026, 11, 24, 9, tzinfo=UTC)
COMMIT = "c0" * 20
SNAPSHOT = b'{"models":{}}'
SIGNED_TAG = b"tag approve\n-----BEGIN SSH SIGNATURE-----\n"
PROMOTION, OTHER, DRIFT = "aa" * 32, "bb" * 32, "dd" * 32
KEY = "credit-risk/Production"
GOVERNANCE = "sha256:" + "90" * 32
BOUND = {
    "branch": "main",
    "forge": "git",
    "path": "",
    "registry": "http://127.0.0.1:5000",
    "repository": "https://git.example.com/models.git",
}
DANA = p.Person(id="7", login="@dana")


def header(
    second: int = 0, *, transitions: int = 0, lease: str = "prod/stagewright", holder: str = "pod-0"
) -> p.Header:
    """What was recorded `second` seconds after the ledger began."""
    epoch = p.Epoch(lease=lease, transitions=transitions, holder=holder)
    return p.Header(recorded_at=BEGAN + timedelta(seconds=second), sync="prod", epoch=epoch, controller="0.1.0")


def stated(predicate: p.Predicate) -> Statement:
    """A statement about the desired state's commit."""
    return Statement(subject=(commit_subject("https://git.example.com/models.git", COMMIT),), predicate=predicate)


def genesis(second: int = 0, **changes: Any) -> Statement:
    fields: dict[str, Any] = {
        "origin": ORIGIN,
        "repository": "https://git.example.com/models.git",
        "branch": "main",
        "path": "",
        "forge": "git",
        "registry": "http://127.0.0.1:5000",
        "trust_root": COMMIT,
        "governance": {"policy": "b1" * 20},
        "adopted": (p.Adopted(key="fraud/Production", value={"version": 1}, state="adopted", declared={"version": 1}),),
        "snapshot_digest": evidence_digest(SNAPSHOT),
    } | changes
    return stated(p.Genesis(**header(second).fields(), **fields))


def adoption(second: int = 0) -> Statement:
    adopted = p.Adopted(key="churn/Production", value={"version": 1}, state="adopted", declared=None)
    return stated(p.Adoption(**header(second).fields(), adopted=(adopted,)))


def revision(second: int = 1, head: p.Header | None = None) -> Statement:
    return stated(p.Revision(**(head or header(second)).fields(), from_=COMMIT, to="d1" * 20, steps=1))


def requirement(state: str = "satisfied", name: str = "approvals") -> p.Requirement:
    return p.Requirement(
        rule="production-is-heavy",
        name=name,
        state=state,  # type: ignore[arg-type]  # one of the table's words
        detail="1 of 1",
        facts=("@dana",),
        until=None,
    )


def signed(*, counted: bool = True) -> p.SignOff:
    """Erin's approval, as judged."""
    return p.SignOff(
        review="tag-1",
        person="8",
        login="@erin",
        role="Model risk",
        meaning="approve",
        commit="e2" * 20,
        first_seen=BEGAN,
        counted=counted,
        reason="",
    )


def verdict(second: int = 2, answer: str = "approved", **changes: Any) -> Statement:
    fields: dict[str, Any] = {
        "promotion": PROMOTION,
        "key": KEY,
        "from_": {"version": 6},
        "to": {"version": 7},
        "incumbent": {"version": 6},
        "base": COMMIT,
        "commit": "d1" * 20,
        "position": 4,
        "pull": p.Pull(id="12", url="https://git.example.com/pr/12", head="e2" * 20, title="Promote credit-risk"),
        "proposer": DANA,
        "verdict": answer,
        "restore": False,
        "requirements": (requirement("satisfied" if answer == "approved" else "missing"),),
        "sign_offs": (signed(),),
        "governance_at_step": GOVERNANCE,
        "governance_now": GOVERNANCE,
        "members": {"@acme/model-risk": (DANA,)},
        "evidence": (),
        "supersedes": None,
        "reason": "",
    } | changes
    predicate = p.Verdict(**header(second).fields(), **fields)
    return Statement(subject=(model_subject("credit-risk", 7, "sha256:" + "a7" * 32),), predicate=predicate)


def rebind(second: int = 3, **changes: Any) -> Statement:
    """The branch moved from main to release."""
    fields: dict[str, Any] = {
        "before": BOUND,
        "after": BOUND | {"branch": "release"},
        "who": DANA,
        "reason": "the branch was renamed",
        "governance": None,
        "requirements": (),
        "sign_offs": (),
    } | changes
    return stated(p.Rebind(**header(second).fields(), **fields))


def accepted(second: int = 3, **changes: Any) -> Statement:
    """Another history is followed from here on."""
    governance = f"sha256:{hashlib.sha256(canonical_json({'policy': 'b1' * 20})).hexdigest()}"
    fields: dict[str, Any] = {
        "before": {"history": COMMIT},
        "after": {"history": "e5" * 20},
        "governance": governance,
        "requirements": (requirement(),),
        "sign_offs": (signed(),),
    } | changes
    return rebind(second, **fields)


def superseded(second: int = 3, **changes: Any) -> Statement:
    return stated(p.Superseded(**header(second).fields(), **({"promotion": PROMOTION, "by": OTHER} | changes)))


def withdrawal(second: int = 3) -> Statement:
    return stated(p.Withdrawal(**header(second).fields(), review="9b" * 20))


def accounts(second: int = 3) -> Statement:
    return stated(p.Accounts(**header(second).fields(), governance=GOVERNANCE, bound={"@mo": None, "@noor": "1003"}))


def rejection(second: int = 3) -> Statement:
    return stated(
        p.Rejection(
            **header(second).fields(),
            review="1042",
            pull="7",
            commit="e2" * 20,
            who=DANA,
            subjects=("ab" * 32,),
            first_seen=BEGAN,
        )
    )


def observation(second: int = 2) -> Statement:
    return stated(
        p.Observation(
            **header(second).fields(),
            review="tag-1",
            kind="approve",
            commit="e2" * 20,
            key="SHA256:abc",
            subjects=("ab" * 32,),
            withdraws=(),
            body=evidence_digest(SIGNED_TAG),
        )
    )


def action(after: str | None = "7", kind: str = "alias", **changes: Any) -> p.Action:
    fields: dict[str, Any] = {"model": "credit-risk", "target": "champion", "version": 7, "before": "6"} | changes
    return p.Action(
        type=kind,  # type: ignore[arg-type]  # one of the table's words
        after=after,
        **fields,
    )


def intent(second: int = 4, cause: str = "promotion", id_: str = PROMOTION, **changes: Any) -> Statement:
    fields: dict[str, Any] = {"cause": p.Cause.model_validate({"kind": cause, "id": id_}), "key": KEY}
    return stated(p.Intent(**header(second).fields(), **(fields | {"actions": (action(),)} | changes)))


def outcome(of: int, second: int = 5, result: str = "applied", **changes: Any) -> Statement:
    fields: dict[str, Any] = {
        "intent": of,
        "result": result,
        "recovered": False,
        "after": ("7",),
        "error": None,
    } | changes
    return stated(p.Outcome(**header(second).fields(), **fields))


def drift(
    second: int = 3, decision: str = "corrected", *, model: str = "credit-risk", stage: str = "Production"
) -> Statement:
    return stated(
        p.Drift(
            **header(second).fields(),
            id=DRIFT,
            model=model,
            stage=stage,
            expected={"version": 7},
            found={"version": 5},
            first_seen=BEGAN,
            last_seen=BEGAN,
            decision=decision,  # type: ignore[arg-type]  # one of the table's words
        )
    )


def key(second: int, **changes: Any) -> Statement:
    return stated(p.Key(**header(second).fields(), **changes))


def created(store: LedgerStore, *more: Statement) -> Ledger:
    """A new ledger in `store`: genesis, its two keys, then `more`."""
    bodies = {evidence_digest(SNAPSHOT): SNAPSHOT}
    return Ledger.create(
        store,
        origin=ORIGIN,
        log_signer=LOG,
        entry_signer=ENTRY,
        first=[genesis(), *more],
        header=header(),
        evidence=bodies,
    )


def opened(store: LedgerStore) -> Ledger:
    return Ledger.open(store, origin=ORIGIN, log_signer=LOG, entry_signer=ENTRY)


def story(store: LedgerStore) -> Ledger:
    """A ledger with one promotion approved and applied, and one drift corrected: entries 0 to 10."""
    ledger = created(store)
    ledger.append([observation()], evidence={evidence_digest(SIGNED_TAG): SIGNED_TAG})
    ledger.append([verdict(), revision(2)])
    ledger.append([intent(4)])
    ledger.append([outcome(6)])
    ledger.append([drift(6), intent(7, "drift", DRIFT)])
    ledger.append([outcome(9, 8)])
    return ledger
