"""The state that the fold carries from step to step; rebuilt from the ledger and git after a restart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from stagewright.model.actual import VersionFacts
from stagewright.model.desired import DesiredState, GovernanceValue, StageEntry, StageValue, Values
from stagewright.model.keys import Key, StageKey
from stagewright.model.policy import Governance
from stagewright.model.promotion import Promotion
from stagewright.model.review import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a pair holds by the ledger, since when, and by which promotion (or adoption)."""

    value: StageValue
    since: datetime
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The fold's whole memory.

    `authorized` is what may run: adopted values and the `after` of approved promotions, nothing else.
    `authorized_by` names the promotion that brought each of them ("genesis" where it was adopted).
    `accounts`: for a governance, the account id that each login it names means ("@noor": "1003"), None: nobody. Not
    there for a governance of a forge that has no accounts.
    `ever_held` are the (model, stage, artifact digest) that an outcome `applied`, or an adoption, put there once.
    """

    origin: str
    revision: str
    position: int
    declared: DesiredState
    authorized: Values
    authorized_by: Mapping[Key, str]
    open: Mapping[Key, Promotion]
    held: Mapping[StageKey, Held]
    ever_held: frozenset[tuple[str, str, str]]
    accounts: Mapping[GovernanceValue, Mapping[str, str | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything a judgement may look at beside the state. A fact that is asked for and not here is an IncompleteError.

    `versions`: by registered name and version number; None means that the registry has no such version.
    `teams`: members of forge teams by name, as account ids; None for a name that no team of the forge has.
    `writers`: who may write to the repository; None where the forge has no accounts, and then it is not asked for.
    """

    now: datetime
    branch: str
    governances: Mapping[GovernanceValue, Governance]
    versions: Mapping[tuple[str, int], VersionFacts | None]
    teams: Mapping[str, tuple[str, ...] | None]
    writers: tuple[Account, ...] | None = None


def pinned(value: object) -> StageEntry | None:
    """The entry, where a value is one."""
    return value if isinstance(value, StageEntry) else None
