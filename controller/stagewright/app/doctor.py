"""Doctor: everything that a sync and a person's signature rest on, each looked at by itself, all of it every time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stagewright.app.desired import DesiredReader
from stagewright.core.judge import NO_GOVERNANCE
from stagewright.errors import LedgerMissingError, NotFoundError, StagewrightError, UsageError
from stagewright.ledger.log import Ledger
from stagewright.model import conversation
from stagewright.model.desired import GovernanceValue
from stagewright.model.keys import GovernanceKey
from stagewright.model.policy import Governance
from stagewright.model.sync import RegistrySync
from stagewright.ports import Clock, LedgerStore, Source
from stagewright.schema.codeowners import LOCATIONS, decode_codeowners, parse_codeowners

ENOUGH_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to look at. `probe` says in a few words what it found, or raises; `remedy` is what to do then."""

    name: str
    probe: Callable[[], str]
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found; `remedy` is empty where it is well."""

    name: str
    well: bool
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Questions that no port answers. Each says what it found, or raises.

    `free_bytes` is of the ledger's disk, None where it lies in a bucket.
    """

    git: Callable[[], str]
    ssh_keygen: Callable[[], str]
    own_key: Callable[[], str]
    registry: Callable[[], str]
    ledger_keys: Callable[[], str]
    free_bytes: Callable[[], int | None]


def examine(checks: Iterable[Check]) -> tuple[Finding, ...]:
    """Run every check, whatever the others found."""
    return tuple(_examined(check) for check in checks)


def examine_forge(ask: Callable[[], tuple[conversation.Finding, ...]]) -> tuple[Finding, ...]:
    """What a forge with accounts lets the controller do; that it does not answer is a finding too."""
    try:
        found = ask()
    except StagewrightError as error:
        remedy = error.hint or "check spec.forge, its token and the network"
        return (Finding(name="forge", well=False, detail=str(error), remedy=remedy),)
    return tuple(Finding(name=f.name, well=f.fine, detail=f.detail, remedy=f.remedy) for f in found)


def _examined(check: Check) -> Finding:
    try:
        return Finding(name=check.name, well=True, detail=check.probe())
    except StagewrightError as error:
        return Finding(name=check.name, well=False, detail=str(error), remedy=error.hint or check.remedy)


class Doctor:
    """Makes the checks for one configuration."""

    def __init__(
        self, *, config: RegistrySync, source: Source, store: LedgerStore, clock: Clock, machine: Machine
    ) -> None:
        self._config = config
        self._source = source
        self._store = store
        self._clock = clock
        self._machine = machine
        self._desired = DesiredReader(source, config.path)
        self._head: str | None = None

    def checks(self) -> tuple[Check, ...]:
        """Every check, in the order in which one would mend them."""
        machine = self._machine
        named = (
            ("git", machine.git, "install git 2.34 or later"),
            ("ssh-keygen", machine.ssh_keygen, "install OpenSSH's client programs"),
            ("repository", self._repository, "check spec.source.url, your access and the network"),
            ("policy", self._policy, "mend stagewright.yaml on the branch by a reviewed change"),
            ("CODEOWNERS", self._codeowners, "mend the lines named; until then they count for nothing"),
            ("allowed_signers", self._signers, "add the public keys of those who approve"),
            ("documents", self._documents, "mend the documents named; the last valid ones count until then"),
            ("own signing key", self._own_key, "let the owners add your public key to allowed_signers"),
            ("registry", machine.registry, "check spec.registry.uri, and that MLflow runs"),
            ("ledger keys", machine.ledger_keys, "check spec.ledger.logKey and entryKey, and their mode, 0600"),
            ("ledger", self._ledger, "stagewright ledger verify"),
            ("clock", self._time, "set this machine's clock right"),
            ("trust root", self._trust_root, "set spec.trustRoot to the commit whose governance you trust"),
            ("disk", self._disk, "make room where the ledger lies"),
        )
        # where people review by their accounts, they need no keys
        keyless = () if self._config.forge == "git" else ("ssh-keygen", "allowed_signers", "own signing key")
        return tuple(Check(name=n, probe=probe, remedy=remedy) for n, probe, remedy in named if n not in keyless)

    def _repository(self) -> str:
        self._head = self._source.fetch()
        return f"{self._config.url}, branch {self._config.branch} at {self._head[:12]}"

    def _policy(self) -> str:
        policy = self._governance().policy
        if policy is None:
            raise UsageError("the branch holds no valid policy")
        stages = ", ".join(stage.name for stage in policy.stages)
        return f"{len(policy.rules)} rules over {stages}, for the ledger {policy.origin}"

    def _codeowners(self) -> str:
        files = {file.path: file for file in self._source.tree(self._reached()).files}
        location = next((place for place in LOCATIONS if place in files), None)
        if location is None:
            raise UsageError("there is no CODEOWNERS", hint=f"add one, at {LOCATIONS[1]}")
        rules, skipped = parse_codeowners(decode_codeowners(self._source.blob(files[location].blob), location))
        if skipped:
            told = "; ".join(f"{location}:{line.line}: {line.reason}" for line in skipped)
            raise UsageError(f"lines that count for nothing: {told}")
        return f"{location}, {len(rules)} rules"

    def _signers(self) -> str:
        signers = self._governance().signers
        if not signers:
            raise UsageError("allowed_signers names nobody, so nobody can approve anything")
        return f"{len(signers)} keys"

    def _documents(self) -> str:
        state = self._desired.at(self._reached())
        if state.problems:
            raise UsageError("; ".join(f"{p.file}:{p.line}:{p.column}: {p.reason}" for p in state.problems))
        return "all valid"

    def _own_key(self) -> str:
        own, now = self._machine.own_key(), self._clock.now()
        lines = [line for line in self._governance().signers if line.fingerprint == own]
        if not lines:
            raise UsageError(f"{own} is no allowed signer: what it signs counts for nothing")
        valid = [
            line
            for line in lines
            if (line.valid_after is None or line.valid_after <= now)
            and (line.valid_before is None or now < line.valid_before)
        ]
        if not valid:
            raise UsageError(f"{own} is not valid now, by line {lines[0].line} of allowed_signers")
        return f"{own}, {', '.join(valid[0].principals)}"

    def _ledger(self) -> str:
        try:
            ledger = Ledger.read(self._store)
        except LedgerMissingError:
            return "none yet; the first sync begins it"
        for _ in ledger.entries():
            pass
        return f"{ledger.origin}, {ledger.size} entries, all under the root of the signed checkpoint"

    def _time(self) -> str:
        now = self._clock.now()
        try:
            ledger = Ledger.read(self._store)
        except LedgerMissingError:
            return f"{now:%Y-%m-%d %H:%M:%S} UTC"
        last = ledger.entry(ledger.size - 1).statement.predicate.recorded_at
        if last > now:
            raise UsageError(f"this machine's clock says {now:%Y-%m-%d %H:%M:%S} UTC, before the last entry, {last}")
        return f"{now:%Y-%m-%d %H:%M:%S} UTC, not before the ledger's last entry"

    def _trust_root(self) -> str:
        try:
            Ledger.read(self._store)
        except LedgerMissingError:
            root = self._config.trust_root
            if root is None:
                raise UsageError("no trust root is named, and there is no ledger yet") from None
            if root != self._reached():
                self._source.first_parents(root, self._reached())
            return f"{root[:12]}, on the branch"
        return "the ledger has begun, and keeps its own"

    def _disk(self) -> str:
        free = self._machine.free_bytes()
        if free is None:
            return "the ledger lies in a bucket, which does not fill up"
        if free < ENOUGH_BYTES:
            raise UsageError(f"{free // 2**20} MiB are free where the ledger lies")
        return f"{free // 2**20} MiB are free where the ledger lies"

    def _reached(self) -> str:
        if self._head is None:
            raise NotFoundError("not looked at: the repository was not reached", hint="mend that first")
        return self._head

    def _governance(self) -> Governance:
        value = self._desired.at(self._reached()).values.get(GovernanceKey())
        return self._desired.governance(value if isinstance(value, GovernanceValue) else NO_GOVERNANCE)
