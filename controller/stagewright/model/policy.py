"""Policy: what each stage requires, and who the people are; and governance, the policy with its owners and signers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from stagewright.model.desired import GovernanceValue, Mode, RiskTier

Relation = Literal["author", "committers", "trainer"]
EvidenceKind = Literal["owner", "purpose", "card", "datasets", "digest"]
CODEOWNERS = "codeowners"
REVIEW_TARGET = timedelta(hours=48)


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePolicy:
    """How one stage shows in MLflow. An ungoverned stage is neither read nor written, and has no aliases."""

    name: str
    ungoverned: bool = False
    aliases: tuple[str, ...] = ()
    mlflow_stage: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """`count` different people, each from one of `sources`: "codeowners", "@org/team", "@login" or an address."""

    count: int
    sources: tuple[str, ...]
    role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is required of the promotions it matches: those of `stages` at one of `risk_tiers`, or of the governance.

    `late_approvals`: whether approvals from after the merge count. `review_target` is how long a review should take:
    information for people, and never a requirement.
    """

    name: str
    stages: tuple[str, ...]
    risk_tiers: tuple[RiskTier, ...]
    governance: bool
    approvals: tuple[Approval, ...]
    independent_of: tuple[Relation, ...] = ()
    evidence: tuple[EvidenceKind, ...] = ()
    after: tuple[str, ...] = ()
    late_approvals: bool = True
    review_target: timedelta = REVIEW_TARGET


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonEntry:
    """One person: the forge login with its "@", e-mail addresses (principals), MLflow user names, second accounts."""

    login: str
    emails: tuple[str, ...] = ()
    mlflow_users: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A team whose members the policy itself names: logins with "@" or e-mail addresses."""

    name: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One PromotionPolicy. `stages` are in the order of the document, lightest first; `origin` names the ledger.

    `promotions_per_pull` is how many one step of history may bring, restores aside; None: any number.
    """

    stages: tuple[StagePolicy, ...]
    default_mode: Mode
    origin: str
    rules: tuple[Rule, ...]
    people: tuple[PersonEntry, ...] = ()
    groups: tuple[Group, ...] = ()
    registry_users_authenticated: bool = False
    promotions_per_pull: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRule:
    """One line of CODEOWNERS. No owners means that the paths it matches have none."""

    pattern: str
    owners: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedSigner:
    """One key of allowed_signers. Times are inclusive from, exclusive to; None is open. `fingerprint` is `SHA256:…`."""

    principals: tuple[str, ...]
    fingerprint: str
    namespaces: tuple[str, ...]
    valid_after: datetime | None
    valid_before: datetime | None
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Governance:
    """A GovernanceValue with its contents parsed. `policy` None: no rule exists, and everything is refused.

    `owners` are the rules of the first CODEOWNERS location that exists; `digest` is the RFC 8785 SHA-256 of `value`.
    """

    value: GovernanceValue
    digest: str
    policy: Policy | None
    owners: tuple[OwnerRule, ...]
    signers: tuple[AllowedSigner, ...]
    path: str
