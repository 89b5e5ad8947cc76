"""Who leads: a turn with a Lease, from taking it to losing it, by nobody's clock but one's own.

    wait ── free, or unchanged for its whole duration ──▶ take it: transitions + 1 ──▶ lead
      ▲                                                                                 │ renew every retry period
      └── changed by another, gone, or not renewed before the renew deadline ◀──────────┘

A Lease is over once it was not seen to change for its duration: the time of the last change is when we saw it, by our
own clock, which is later than when it happened. We hold it for our duration from before we *asked* for the renewal
that was granted, which is earlier than when it was. So two clocks need not agree, only run at the same pace.
The clock goes on while the process is stopped or the machine sleeps (CLOCK_BOOTTIME).
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from stagewright.adapters.kubernetes.lease import MAX_TRANSITIONS, Claim, LeaseApi, LeaseState
from stagewright.core.turns import to_exceed
from stagewright.errors import (
    ConflictError,
    LeaseLostError,
    NotFoundError,
    StagewrightError,
    StalledError,
    UsageError,
)
from stagewright.model.sync import WriterEpoch
from stagewright.ports import Clock

_log = logging.getLogger(__name__)
# Two clocks that run at different paces: one part in a hundred is a hundred times what a quartz is off.
_PACE = 0.01
_SOON_S = 0.2
_GIVE_BACK_TRIES = 3
# A ledger lifts the Lease of all ledgers. Whoever has its keys could write that the last turn is the highest there is.
LONGEST_LEAP = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTimes:
    """How long a lease lasts without renewal, when its holder gives up renewing, and how often it tries. Seconds."""

    duration_s: float
    renew_deadline_s: float
    retry_period_s: float

    def check(self, longest_write_s: float) -> None:
        """UsageError unless they fit together, and leave room for a write of `longest_write_s`."""
        if not 0 < self.retry_period_s < self.renew_deadline_s < self.duration_s:
            raise UsageError(
                f"lease duration {self.duration_s:g} s, renew deadline {self.renew_deadline_s:g} s, retry period "
                f"{self.retry_period_s:g} s: each has to be longer than the next",
                hint="the defaults are 15s, 10s and 2s",
            )
        room = self.duration_s * (1 - _PACE) - 2 * self.retry_period_s
        if room <= longest_write_s:
            raise UsageError(
                f"a lease of {self.duration_s:g} s that is renewed every {self.retry_period_s:g} s is never valid for "
                f"the {longest_write_s:g} s that a write may take",
                hint="make --lease-duration longer; the default is 15s",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """A turn that is ours. It began as turn `since`; `renewed_at` is when the renewal was asked for that counts."""

    since: int
    transitions: int
    renewed_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """What to do until the next step: wait `seconds`, or for the Lease to leave `state`."""

    seconds: float
    state: LeaseState | None = None


class Election:
    """One candidate. It is a `Fence`, safe to use from several threads; `step` is called by one, again and again."""

    def __init__(
        self,
        api: LeaseApi,
        *,
        lease: str,
        identity: str,
        times: LeaseTimes,
        boottime: Callable[[], float],
        clock: Clock,
    ) -> None:
        """`lease` is its name for the ledger, `identity` ours, which no other process may ever have."""
        self._api = api
        self._lease = lease
        self._identity = identity
        self._times = times
        self._boottime = boottime
        self._clock = clock
        # one request at a time, so that we never conflict with ourselves; held while the network is waited for
        self._asking = threading.Lock()
        # what is below; never held while anything is waited for but writes
        self._state = threading.Condition()
        self._tenure: Tenure | None = None
        self._writes = 0
        self._released = False
        self._failing = False
        # only the one who asks uses these: the Lease as it is to be replaced, None where that is not known
        self._fresh: LeaseState | None = None
        # its last change, when we saw that (or that it was gone since), and the most transitions it ever had
        self._said: LeaseState | None = None
        self._said_at = 0.0
        self._gone = False
        self._highest = -1

    # -- the fence ---------------------------------------------------------------------------------------------------

    def turn(self, past: Sequence[WriterEpoch]) -> WriterEpoch:
        """See `Fence.turn`. The Lease is raised where the ledger has seen more transitions; UnreachableError."""
        tenure = self._own()
        above = to_exceed(self._epoch(tenure.transitions), tenure.since, past)
        if above is None:
            return self._epoch(tenure.transitions)
        if above >= min(tenure.transitions + LONGEST_LEAP, MAX_TRANSITIONS):
            raise StalledError(
                f"nothing is applied: the ledger was written in turn {above}, and lease {self._lease} is only at "
                f"{tenure.transitions}",
                hint="find out who wrote that; where the Lease was made anew, set its spec.leaseTransitions to that",
            )
        return self._epoch(self._raised(above + 1).transitions)

    @contextmanager
    def writing(self, turn: WriterEpoch, seconds: float) -> Iterator[None]:
        """See `Fence.writing`."""
        with self._state:
            self._require(turn, seconds)
            self._writes += 1
        try:
            yield
        finally:
            with self._state:
                self._writes -= 1
                self._state.notify_all()

    @property
    def leading(self) -> bool:
        """Whether it is our turn now."""
        with self._state:
            return self._valid() is not None

    @property
    def transitions(self) -> int | None:
        """The number of our turn; None once a `step` saw that it is not ours, and before one took it."""
        with self._state:
            return None if self._tenure is None else self._tenure.transitions

    def _own(self) -> Tenure:
        with self._state:
            tenure = self._valid()
        if tenure is None:
            raise LeaseLostError(f"lease {self._lease} is not ours", hint="whoever holds it writes")
        return tenure

    def _valid(self) -> Tenure | None:
        """Our turn, unless its renew deadline is past, though nobody may have noticed yet. Under `_state`."""
        tenure = self._tenure
        if tenure is None or self._boottime() - tenure.renewed_at >= self._times.renew_deadline_s:
            return None
        return tenure

    def _require(self, turn: WriterEpoch, seconds: float) -> None:
        tenure = self._valid()
        if tenure is None or not tenure.since <= turn.transitions <= tenure.transitions:
            raise LeaseLostError(
                f"turn {turn.transitions} of lease {self._lease} is over: nothing is written any more",
                hint="whoever holds the lease goes on",
            )
        lasts = tenure.renewed_at + self._times.duration_s * (1 - _PACE) - self._boottime()
        if lasts <= seconds:
            raise LeaseLostError(
                f"turn {turn.transitions} of lease {self._lease} lasts {max(lasts, 0):.1f} s, and a write may take "
                f"{seconds:g} s: nothing is written",
                hint="it goes on once the lease could be renewed",
            )

    def _epoch(self, transitions: int) -> WriterEpoch:
        return WriterEpoch(lease=self._lease, transitions=transitions, holder=self._identity)

    # -- the lease ---------------------------------------------------------------------------------------------------

    def step(self) -> Pause:
        """Do what is due: take the Lease, renew it, or see that it is lost. Says what to wait for, and never fails.

        At most one of both happens in a step: a turn that begins, or one that ends.
        """
        with self._asking:
            with self._state:
                tenure = self._tenure
            if self._released:
                return Pause(seconds=self._times.retry_period_s)
            try:
                pause = self._try() if tenure is None else self._renew(tenure)
            except StagewrightError as error:
                # the API server is away, or does not let us: then a turn ends at its renew deadline
                if not self._failing:
                    _log.warning("lease %s cannot be asked for: %s", self._lease, error)
                self._failing = True
                return Pause(seconds=self._times.retry_period_s)
        if self._failing:
            _log.info("lease %s can be asked for again", self._lease)
        self._failing = False
        return pause

    def release(self) -> bool:
        """Give the turn up for good: nothing is written in it from now on. Whether the Lease was given back.

        Waits for writes that are under way, as long as they may take. A Lease that cannot be given back ends by itself.
        """
        with self._state:
            tenure, self._tenure, self._released = self._tenure, None, True
            if tenure is None:
                return False
            ends = tenure.renewed_at + self._times.duration_s
            idle = self._state.wait_for(lambda: self._writes == 0, timeout=max(0.0, ends - self._boottime()))
        with self._asking:
            return idle and self._give_back(tenure)

    def _try(self) -> Pause:
        """Take the Lease, if it is free."""
        state = self._api.read()
        self._note(state)
        asked_at = self._boottime()
        wait_s = self._held_for(asked_at)
        if wait_s > 0:
            # it is looked at as often as it is renewed, also where it cannot be watched
            return Pause(seconds=min(wait_s, self._times.retry_period_s), state=state)
        transitions = self._highest + 1
        claim = self._claim(self._identity, transitions, acquired=True)
        try:
            self._note(self._api.create(claim) if state is None else self._replaced(state, claim))
        except ConflictError:
            return Pause(seconds=_SOON_S)
        tenure = Tenure(since=transitions, transitions=transitions, renewed_at=asked_at)
        with self._state:
            unwanted = self._released
            self._tenure = None if unwanted else tenure
        if unwanted:
            self._give_back(tenure)
        return Pause(seconds=self._times.retry_period_s)

    def _renew(self, tenure: Tenure) -> Pause:
        """Renew the Lease, or see that it is not ours any more."""
        if self._boottime() - tenure.renewed_at >= self._times.renew_deadline_s:
            self._lose()
            return Pause(seconds=0.0)
        try:
            self._write(tenure, None)
        except (ConflictError, LeaseLostError):
            # somebody touched it, or has it: it is read before the next attempt
            return Pause(seconds=_SOON_S)
        return Pause(seconds=self._times.retry_period_s)

    def _raised(self, transitions: int) -> Tenure:
        """Our turn, lifted to `transitions` together with the Lease, so that whoever comes next comes after it."""
        with self._asking:
            tenure = self._own()
            while tenure.transitions < transitions:
                try:
                    tenure = self._write(tenure, transitions)
                except ConflictError:
                    tenure = self._own()
            return tenure

    def _write(self, tenure: Tenure, transitions: int | None) -> Tenure:
        """Renew the Lease in our turn, or in one of more transitions; the turn as it is then.

        ConflictError: it was changed, and is read anew next time. LeaseLostError: it is not ours any more.
        UnreachableError: it may have been renewed or not.
        """
        asked_at = self._boottime()
        state, self._fresh = self._fresh or self._api.read(), None
        if state is None or state.holder != self._identity or state.transitions < tenure.since:
            self._note(state)
            self._lose()
            raise LeaseLostError(f"lease {self._lease} is not ours any more", hint="whoever holds it writes")
        # only we write with our name: more transitions than we know of are a raise of ours whose reply was lost
        reached = max(state.transitions, transitions or 0)
        self._note(self._replaced(state, self._claim(self._identity, reached)))
        renewed = Tenure(since=tenure.since, transitions=reached, renewed_at=asked_at)
        with self._state:
            if self._tenure is None:
                raise LeaseLostError(f"lease {self._lease} was given up", hint="whoever holds it writes")
            self._tenure = renewed
        return renewed

    def _replaced(self, state: LeaseState, claim: Claim) -> LeaseState:
        """See `LeaseApi.replace`; one that is gone was changed, too."""
        try:
            return self._api.replace(state, claim)
        except NotFoundError as error:
            raise ConflictError(f"lease {self._lease} is gone: {error}") from error

    def _give_back(self, tenure: Tenure) -> bool:
        """Leave the Lease to whoever comes first; nothing is lost if that fails, for then it ends by itself."""
        for _ in range(_GIVE_BACK_TRIES):
            try:
                state, self._fresh = self._fresh or self._api.read(), None
                if state is None or state.holder != self._identity:
                    return False
                self._api.replace(state, self._claim("", max(tenure.transitions, state.transitions), duration_s=1.0))
            except ConflictError:
                continue
            except StagewrightError:
                return False
            return True
        return False

    def _lose(self) -> None:
        with self._state:
            self._tenure = None

    def _note(self, state: LeaseState | None) -> None:
        """See the Lease in a state. One that is gone counts as changed just then: its holder may not know yet."""
        self._fresh = state
        if state is None:
            if not self._gone:
                self._gone, self._said_at = True, self._boottime()
            return
        self._highest = max(self._highest, state.transitions)
        if self._gone or self._said is None or state.version != self._said.version:
            self._gone, self._said, self._said_at = False, state, self._boottime()

    def _held_for(self, now: float) -> float:
        """How long the Lease is another's still, as far as we saw; of one that is gone nobody knows whose it was."""
        said = self._said
        if said is None or (said.holder in {"", self._identity} and not self._gone):
            return 0.0
        return self._said_at + (said.duration_s or self._times.duration_s) - now

    def _claim(
        self, holder: str, transitions: int, *, acquired: bool = False, duration_s: float | None = None
    ) -> Claim:
        return Claim(
            holder=holder,
            duration_s=duration_s or self._times.duration_s,
            transitions=transitions,
            acquired=acquired,
            at=self._clock.now(),
        )
