"""Gathers, once per sync, what judgements rest on: governances, versions, teams and the one `now`."""

from collections.abc import Iterable
from datetime import datetime

from stagewright.app.desired import DesiredReader
from stagewright.core.judge import authorized_governance
from stagewright.core.requirements import registered_name
from stagewright.errors import ForbiddenError, IncompleteError, NotFoundError, UnreachableError
from stagewright.model.actual import VersionFacts
from stagewright.model.desired import GovernanceValue, Spec, StageEntry
from stagewright.model.keys import StageKey
from stagewright.model.policy import Governance
from stagewright.model.promotion import Promotion
from stagewright.model.review import Account
from stagewright.model.state import Facts, State
from stagewright.ports import Forge, Registry


class FactReader:
    """Reads each fact at most once in its life, which is one sync."""

    def __init__(self, *, registry: Registry, forge: Forge, desired: DesiredReader, branch: str, now: datetime) -> None:
        self._registry = registry
        self._forge = forge
        self._desired = desired
        self._branch = branch
        self._now = now
        self._versions: dict[tuple[str, int], VersionFacts | None] = {}
        self._teams: dict[str, tuple[str, ...] | None] = {}
        self._writers: list[tuple[Account, ...] | None] = []

    def version(self, name: str, version: int) -> VersionFacts | None:
        """One version in depth, as it was when first asked for.

        IncompleteError when it cannot be read: whoever may write to MLflow chooses where its files lie, and must not
        keep the others waiting by that.
        """
        if (name, version) not in self._versions:
            try:
                self._versions[name, version] = self._registry.version_facts(name, version)
            except (UnreachableError, ForbiddenError) as error:
                reason = f"version {version} of {name!r} cannot be read: {error}"
                raise IncompleteError(reason, hint=error.hint) from error
        return self._versions[name, version]

    def beside(self, versions: dict[tuple[str, int], VersionFacts | None]) -> "FactReader":
        """A reader for what is only shown: it shares teams and writers, and takes `versions` as read, and adds to them.

        Hashing the artifacts of every version that is proposed anywhere, at every sync, would be too much.
        """
        made = FactReader(
            registry=self._registry, forge=self._forge, desired=self._desired, branch=self._branch, now=self._now
        )
        made._versions, made._teams, made._writers = versions, self._teams, self._writers
        return made

    def facts(self, state: State, promotions: Iterable[Promotion]) -> Facts:
        """What judging these promotions against this state can ask for."""
        wanted = tuple(promotions)
        values = {authorized_governance(state)}
        for promotion in wanted:
            values.add(promotion.governance)
            if isinstance(promotion.after, GovernanceValue):
                values.add(promotion.after)
        governances = {value: self.governance(value) for value in values}
        writers = self._may_write() if wanted else None
        judging = {authorized_governance(state), *(promotion.governance for promotion in wanted)}
        if writers is not None and not judging <= state.accounts.keys():
            raise IncompleteError(
                "which accounts the logins of a governance mean is not written down yet", hint="the next sync does so"
            )
        return Facts(
            now=self._now,
            branch=self._branch,
            governances=governances,
            versions={place: self.version(*place) for place in self._places(state, wanted)},
            teams=self._members(governances.values()),
            writers=writers,
        )

    def governance(self, value: GovernanceValue) -> Governance:
        """The governance with its contents parsed. IncompleteError when they cannot be read any more."""
        try:
            return self._desired.governance(value)
        except NotFoundError as error:
            raise IncompleteError(f"a governance cannot be read any more: {error}") from error

    def _places(self, state: State, promotions: tuple[Promotion, ...]) -> set[tuple[str, int]]:
        # A spec that is approved in the same pass may change the registered name: both are looked up.
        proposed = {p.after.registered_model for p in promotions if isinstance(p.after, Spec)}
        places = set()
        for promotion in promotions:
            if isinstance(promotion.key, StageKey) and isinstance(promotion.after, StageEntry):
                spec = promotion.spec
                names = {registered_name(state.authorized, promotion.key.model)}
                names |= {spec.registered_model} & proposed if isinstance(spec, Spec) else set()
                places |= {(name, promotion.after.version) for name in names}
        return places

    def _members(self, governances: Iterable[Governance]) -> dict[str, tuple[str, ...] | None]:
        for governance in governances:
            for team in _teams_named(governance):
                if team not in self._teams:
                    try:
                        self._teams[team] = self._forge.members(team)
                    except NotFoundError:
                        self._teams[team] = None
        return dict(self._teams)

    def _may_write(self) -> tuple[Account, ...] | None:
        if not self._writers:
            self._writers.append(self._forge.writers())
        return self._writers[0]


def _teams_named(governance: Governance) -> set[str]:
    if governance.policy is None:
        return set()
    groups = {group.name.casefold() for group in governance.policy.groups}
    sources = {s for rule in governance.policy.rules for approval in rule.approvals for s in approval.sources}
    sources |= {owner for rule in governance.owners for owner in rule.owners}
    return {s for s in sources if s.startswith("@") and "/" in s and s.casefold() not in groups}
