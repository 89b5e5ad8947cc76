"""That the ledger at hand is the one known from before: grown, never cut, put back or begun anew."""

from stagewright.errors import DiscontinuityError, LedgerDamagedError
from stagewright.ledger import merkle
from stagewright.ledger.checkpoint import Checkpoint, open_checkpoint
from stagewright.ledger.log import Ledger
from stagewright.ledger.note import parse_verifier_key
from stagewright.ports import Known

_BEGIN_ANEW = "restore the ledger from a backup; to begin another one on purpose, move this file away: "


def refuse_genesis(known: Known) -> None:
    """DiscontinuityError when a ledger is known: what is missing is never begun anew: that would adopt what runs."""
    if known.read() is not None:
        raise DiscontinuityError(
            "the ledger is missing, although one is known: nothing is applied, and no other is begun in its place",
            hint=f"{_BEGIN_ANEW}{known.place}",
        )


def require_growth(ledger: Ledger, known: Known) -> None:
    """DiscontinuityError unless `ledger` holds all that it held at the checkpoint known (RFC 6962 section 2.1.2)."""
    kept = known.read()
    if kept is None or kept == ledger.checkpoint.encode():
        return
    try:
        old = open_checkpoint(kept, parse_verifier_key(ledger.log_key))
    except LedgerDamagedError as error:
        raise _stalled(f"the checkpoint known is not one of this ledger: {error}", known) from error
    if old.size > ledger.size:
        detail = (
            f"the ledger once had {old.size} entries and has {ledger.size} now: it was cut, or an old copy put back"
        )
        raise _stalled(detail, known)
    if not _grew(ledger, old):
        raise _stalled(f"the first {old.size} entries are not those that were known: it was written anew", known)


def _grew(ledger: Ledger, old: Checkpoint) -> bool:
    proof = ledger.consistency_proof(old.size)
    return merkle.check_consistency(old.size, ledger.size, proof, old.root, ledger.root)


def _stalled(reason: str, known: Known) -> DiscontinuityError:
    return DiscontinuityError(f"nothing is applied: {reason}", hint=f"{_BEGIN_ANEW}{known.place}")


def keep(ledger: Ledger, known: Known) -> None:
    """Keep the ledger's checkpoint for the next time."""
    checkpoint = ledger.checkpoint.encode()
    if known.read() != checkpoint:
        known.write(checkpoint)
