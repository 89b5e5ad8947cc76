"""Going on where a sync stalls, because a person said so in advance: with a move, or with another history."""

from dataclasses import dataclass, replace

from stagewright.app.acceptance import Acceptor
from stagewright.app.rebind import Rebinder
from stagewright.app.sync import Syncer, SyncReport
from stagewright.errors import InvalidError, NotFoundError, StalledError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What somebody agrees to beforehand, and why; the reason stands in the ledger.

    `rebind` is the digest of a move, as `SyncReport.rebind` has it. `history` are the two commits of another history,
    from and to; it is accepted only where it is signed off, whoever agrees here.
    """

    rebind: str = ""
    history: tuple[str, str] | None = None
    reason: str = ""


NO_CONSENT = Consent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """Syncs, and records what was agreed to where that is what it stalls at."""

    syncer: Syncer
    rebinder: Rebinder
    acceptor: Acceptor

    def sync(self, consent: Consent) -> SyncReport:
        """A sync; a second one where the first stalled and the consent let it go on.

        A consent to something else changes nothing. Where it cannot be followed, `stalled` says why.
        """
        report = self.syncer.sync()
        try:
            moved = self._record(report, consent)
        except (UsageError, InvalidError, NotFoundError, StalledError) as error:
            return replace(report, stalled=f"{report.stalled}; it was agreed to go on, and cannot be: {error}")
        return self.syncer.sync() if moved else report

    def _record(self, report: SyncReport, consent: Consent) -> bool:
        if report.rebind:
            if report.rebind != consent.rebind:
                return False
            self.rebinder.rebind(digest=report.rebind, who=None, reason=consent.reason)
            return True
        if not report.stalled or consent.history is None or consent.history[0] != report.revision:
            return False
        self.acceptor.accept(*consent.history, who=None, reason=consent.reason)
        return True
