"""This process as a candidate for the lease: a thread that asks, renews and tells when it is our turn."""

import logging
import threading
from collections.abc import Callable
from secrets import token_hex

from stagewright.adapters.clock import SystemClock, boottime
from stagewright.adapters.kubernetes.client import Cluster
from stagewright.adapters.kubernetes.election import Election, LeaseTimes, Pause
from stagewright.adapters.kubernetes.lease import ClusterLease, LeaseApi
from stagewright.core.turns import LONGEST_WRITE_S
from stagewright.errors import StagewrightError
from stagewright.kube.queue import Seconds
from stagewright.kube.settings import LeaseSettings

_log = logging.getLogger(__name__)

# One step is a request or two with a time limit each; a thread that takes longer than this does not move any more.
STUCK_AFTER_S = 120.0
JOIN_WITHIN_S = 1.0


class Candidacy:
    """A `Candidate` on an election."""

    def __init__(self, election: Election, api: LeaseApi, *, clock: Seconds, retry_period_s: float) -> None:
        self._retry_period_s = retry_period_s
        self._election = election
        self._api = api
        self._clock = clock
        self._stopping = threading.Event()
        self._moved_at = clock()
        self._failing = False
        self._thread: threading.Thread | None = None

    def start(self, *, elected: Callable[[int], None], deposed: Callable[[], None]) -> None:
        """See `Candidate.start`."""
        self._moved_at = self._clock()
        self._thread = threading.Thread(target=self._stand, args=(elected, deposed), name="lease", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """See `Candidate.release`."""
        self._stopping.set()
        if self._election.release():
            _log.info("the lease is given back")
        if self._thread is not None:
            # it may wait for the lease to change; nothing comes of that any more
            self._thread.join(JOIN_WITHIN_S)

    @property
    def leading(self) -> bool:
        """See `Candidate.leading`."""
        return self._election.leading

    def stuck(self) -> tuple[str, ...]:
        """See `Candidate.stuck`."""
        if self._thread is None or self._stopping.is_set():
            return ()
        if not self._thread.is_alive():
            return ("the candidate for the lease has ended",)
        still = self._clock() - self._moved_at
        return (f"the candidate for the lease for {still:.0f} s",) if still > STUCK_AFTER_S else ()

    def _stand(self, elected: Callable[[int], None], deposed: Callable[[], None]) -> None:
        ours = False
        while not self._stopping.is_set():
            pause = self._step()
            self._moved_at = self._clock()
            transitions = self._election.transitions
            if transitions is not None and not ours:
                elected(transitions)
            elif transitions is None and ours:
                deposed()
            ours = transitions is not None
            self._wait(pause)
        if ours:
            deposed()

    def _step(self) -> Pause:
        try:
            pause = self._election.step()
        except StagewrightError as error:
            if not self._failing:
                _log.warning("the lease cannot be asked for: %s", error)
            self._failing = True
            return Pause(seconds=self._retry_period_s)
        self._failing = False
        return pause

    def _wait(self, pause: Pause) -> None:
        """Wait for the time, or for the lease to change; where it may not be watched, it is looked at now and then."""
        if pause.state is None:
            self._stopping.wait(pause.seconds)
            return
        try:
            self._api.changed(pause.state, pause.seconds)
        except StagewrightError as error:
            _log.debug("the lease is not watched for now: %s", error)
            self._stopping.wait(min(pause.seconds, self._retry_period_s))


def leadership(cluster: Cluster, settings: LeaseSettings, *, clock: Seconds) -> tuple[Candidacy, Election]:
    """The candidate for the configured lease, and the fence that it is. UsageError: its times do not fit together."""
    times = LeaseTimes(
        duration_s=settings.duration_s,
        renew_deadline_s=settings.renew_deadline_s,
        retry_period_s=settings.retry_period_s,
    )
    times.check(LONGEST_WRITE_S)
    api = ClusterLease(cluster, settings.namespace, settings.name, timeout_s=settings.renew_deadline_s / 2)
    election = Election(
        api,
        lease=f"{settings.namespace}/{settings.name}",
        # a pod's name may come again, a turn never
        identity=f"{settings.holder}_{token_hex(4)}",
        times=times,
        boottime=boottime,
        clock=SystemClock(),
    )
    return Candidacy(election, api, clock=clock, retry_period_s=settings.retry_period_s), election
