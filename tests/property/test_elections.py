"""Several candidates, with requests and replies lost, the server away, and everybody stopped at any point.

Never may two of them write at the same time; and when a leader vanishes, somebody else leads soon.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stagewright.adapters.kubernetes.election import Election, LeaseTimes
from stagewright.errors import StagewrightError
from stagewright.model.sync import WriterEpoch
from tests.fakes.lease import HandTime, LeaseLine, LeaseServer

# The deadline is as late as it may be: what is wrong by seconds must not hide behind it.
TIMES = LeaseTimes(duration_s=15, renew_deadline_s=14.5, retry_period_s=2)
PODS = range(3)
FAULTS = st.sampled_from([None, None, None, "write", "reply"])
SECONDS = st.sampled_from([0.0, 0.1, 2.0, 8.0, 14.0, 14.9, 15.1, 40.0])
# what happens while a request is on its way, or its reply: time passes, and others do what is due
MEANWHILE = st.lists(st.lists(st.tuples(SECONDS, st.sampled_from(PODS)), max_size=3), max_size=4)


class Elections(RuleBasedStateMachine):
    """Candidates on one server, with one time that passes for all of them."""

    @initialize()
    def begin(self) -> None:
        self.server, self.time = LeaseServer(), HandTime()
        self.lines = [LeaseLine(self.server) for _ in PODS]
        self.began: set[int] = set()
        self.processes = 0
        self.candidates: list[Election] = []
        self.current: list[set[WriterEpoch]] = [set() for _ in PODS]
        self.over: list[set[WriterEpoch]] = [set() for _ in PODS]
        for n in PODS:
            self.candidates.append(self.process(n))

    def process(self, n: int) -> Election:
        """A new process, with a name that no other ever had."""
        self.processes += 1
        return Election(
            self.lines[n],
            lease="ml/stagewright",
            identity=f"pod-{n}_{self.processes}",
            times=TIMES,
            boottime=self.time,
            clock=self.time,
        )

    def one_step(self, n: int) -> None:
        """Let a candidate do what is due, and keep book of its turns."""
        before = self.candidates[n].transitions
        self.candidates[n].step()
        after = self.candidates[n].transitions
        if before is None and after is not None:
            assert after not in self.began
            self.began.add(after)
        if before is not None and after is None:
            self.over[n] |= self.current[n]
            self.current[n] = set()

    @rule(n=st.sampled_from(PODS), fault=FAULTS, meanwhile=MEANWHILE)
    def step(self, n: int, fault: str | None, meanwhile: list[list[tuple[float, int]]]) -> None:
        """One of them does what is due; on the way time passes, and others step."""
        left = iter(meanwhile)

        def on_the_way() -> None:
            for seconds, other in next(left, []):
                self.time.seconds += seconds
                self.at_most_one_writes()
                if other != n:
                    self.one_step(other)
                    self.at_most_one_writes()

        self.lines[n].fault, self.lines[n].on_the_way = fault, on_the_way  # type: ignore[assignment] # as drawn
        self.one_step(n)
        self.lines[n].fault, self.lines[n].on_the_way = None, lambda: None

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.time.seconds += seconds

    @rule(away=st.booleans())
    def server_goes_or_comes(self, away: bool) -> None:
        self.server.down = away

    @precondition(lambda self: self.server.lease is not None)
    @rule(label=st.integers(0, 99))
    def touch(self, label: int) -> None:
        self.server.label(touched=str(label))

    @precondition(lambda self: self.server.lease is not None and not self.server.down)
    @rule()
    def delete(self) -> None:
        """Somebody deletes it, with all of them having seen it: its holder writes on until the next renewal."""
        for n in PODS:
            self.one_step(n)
        self.server.delete()
        # once nobody is left who has seen it, it counts from zero again: then the ledger knows better
        self.began.clear()

    @rule(n=st.sampled_from(PODS), past=st.integers(0, 9), fault=FAULTS)
    def open_a_ledger(self, n: int, past: int, fault: str | None) -> None:
        """A sync begins, on a ledger that another installation wrote in a turn that is `past` ours."""
        self.lines[n].fault = fault  # type: ignore[assignment] # as drawn
        last = WriterEpoch(lease="b/stagewright", transitions=max([0, *self.began]) + past - 5, holder="other")
        try:
            turn = self.candidates[n].turn((last,))
        except StagewrightError:
            return
        finally:
            self.lines[n].fault = None
        assert turn.transitions > last.transitions
        self.current[n].add(turn)
        if self.server.lease is not None:
            self.began.add(turn.transitions)

    @precondition(lambda self: self.server.lease is not None)
    @rule(n=st.sampled_from(PODS))
    def go(self, n: int) -> None:
        """Its process ends as it should, and another begins in its place, which has seen nothing yet.

        Not while the lease is deleted: it would make another at once, and only the checkpoint stops the old one.
        """
        if self.candidates[n].release():
            assert not any(one.leading for one in self.candidates)
        self.candidates[n] = self.process(n)
        self.current[n], self.over[n] = set(), set()

    @invariant()
    def at_most_one_writes(self) -> None:
        """Only one leads, only who leads writes, and never in a turn that is over."""
        leading = [n for n in PODS if self.candidates[n].leading]
        assert len(leading) <= 1
        assert {n for n in PODS for turn in self.current[n] if self.may_write(n, turn)} <= set(leading)
        assert not [turn for n in PODS for turn in self.over[n] if self.may_write(n, turn)]

    def may_write(self, n: int, turn: WriterEpoch) -> bool:
        try:
            with self.candidates[n].writing(turn, 0):
                return True
        except StagewrightError:
            return False

    def teardown(self) -> None:
        """Whoever leads vanishes; of the others one leads when the lease is over and was tried for once more."""
        if not hasattr(self, "server"):
            return
        self.server.down = False
        gone = next((n for n in PODS if self.candidates[n].leading), 0)
        others = [n for n in PODS if n != gone]
        for n in others:
            self.one_step(n)
        begun = self.time.seconds
        while not any(self.candidates[n].leading for n in others):
            assert self.time.seconds - begun <= TIMES.duration_s + TIMES.retry_period_s
            self.time.seconds += TIMES.retry_period_s
            for n in others:
                self.one_step(n)
            self.at_most_one_writes()


TestElections = Elections.TestCase
TestElections.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
