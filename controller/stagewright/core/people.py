"""Who is who under one governance: keys, principals, logins, second accounts and MLflow users as persons.

A key is one person, however many principals it is listed under; a person may have many keys. Everything that the
governance ties together, by a line of allowed_signers or an entry of `people`, is one person.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from stagewright.core.codeowners import owners_of
from stagewright.errors import IncompleteError
from stagewright.model.policy import CODEOWNERS, AllowedSigner, Governance
from stagewright.model.review import Account, Actor, SigningKey

SIGNATURE_NAMESPACE = "git"
# Accounts that many people and machines share: whoever trained under one of these is unknown.
SHARED_ACCOUNTS = frozenset(
    {"root", "admin", "administrator", "airflow", "jenkins", "ubuntu", "mlflow", "runner", "jovyan", "sagemaker-user"}
)


class Directory:
    """The people of one governance.

    `teams` are the members of forge teams as account ids, None where there is no such team; `accounts` are those that
    occur in the change at hand.
    `bound` says which account each login of the governance means, by id: whoever else has that login now is a stranger.
    `writers` are the accounts that may write to the repository: a code owner must have one of them. None: no accounts.
    """

    def __init__(
        self,
        governance: Governance,
        *,
        teams: Mapping[str, tuple[str, ...] | None],
        accounts: Iterable[Account] = (),
        writers: tuple[Account, ...] | None = None,
        bound: Mapping[str, str | None] | None = None,
    ) -> None:
        self._governance = governance
        self._teams = teams
        self._parent: dict[str, str] = {}
        self._preferred: set[str] = set()
        policy = governance.policy
        for entry in policy.people if policy else ():
            login = _name(entry.login)
            self._preferred.add(login)
            self._tie(login, *map(_name, entry.emails), *map(_name, entry.accounts))
            self._tie(login, *(f"mlflow {user}" for user in entry.mlflow_users))
        for signer in governance.signers:
            self._tie(f"key {signer.fingerprint}", *map(_name, signer.principals))
        meant = bound or {}
        for login, own in meant.items():
            self._tie(login, *([] if own is None else [f"id {own}"]))
        for account in (*accounts, *(writers or ())):
            # The id ties what a team lists to what the forge calls its user today.
            login = _name(f"@{account.login}")
            stranger = login in meant and meant[login] != account.id
            self._tie(f"{login} (account {account.id})" if stranger else login, f"id {account.id}")
        # Named as owner or member, and perhaps nowhere else: still somebody, unlike a name that is only claimed.
        owners = {_name(owner) for rule in governance.owners for owner in rule.owners}
        self._listed = owners | {_name(m) for group in (policy.groups if policy else ()) for m in group.members}
        self._names = self._representatives()
        self._writers = None if writers is None else frozenset(self._person(f"id {w.id}") for w in writers)

    @property
    def registry_users_authenticated(self) -> bool:
        """Whether the policy vouches that MLflow knows its users."""
        return self._governance.policy is not None and self._governance.policy.registry_users_authenticated

    def person_named(self, name: str) -> str:
        """The person whom a login with "@" or an e-mail address names."""
        return self._person(_name(name))

    def signer(self, actor: Actor, at: datetime) -> tuple[str | None, str]:
        """The person who may sign off as `actor` at the time `at`; or None, and why not."""
        match actor:
            case Account(bot=True):
                return None, "a bot is no person"
            case Account(id=account):
                return self._person(f"id {account}"), ""
            case SigningKey(fingerprint=fingerprint):
                lines = [s for s in self._governance.signers if s.fingerprint == fingerprint]
                if not lines:
                    return None, f"the key {fingerprint} is not among the allowed signers"
                flaws = [_flaw(line, at) for line in lines]
                if all(flaws):
                    return None, flaws[0]
                return self._person(f"key {fingerprint}"), ""

    def contributor(self, actor: Actor) -> str | None:
        """The person who acted as `actor`, whether or not they might sign off today; None when unknown.

        So is whoever made a bot act.
        """
        match actor:
            case Account(bot=True):
                return None
            case Account(id=account):
                return self._person(f"id {account}")
            case SigningKey(fingerprint=fingerprint):
                node = f"key {fingerprint}"
                return self._person(node) if node in self._parent else None

    def known(self, names: Iterable[str]) -> frozenset[str]:
        """The persons among these e-mail addresses whom the governance knows; the others name nobody."""
        return frozenset(self._person(_name(name)) for name in names if _name(name) in self._parent)

    def trainer(self, user: str) -> str | None:
        """The person behind an MLflow user name, login or e-mail address; None for shared accounts and strangers."""
        if user.casefold().removeprefix("@") in SHARED_ACCOUNTS:
            return None
        for node in (f"mlflow {user}", _name(user)):
            if node in self._parent:
                return self._person(node)
        return self._person(_name(user)) if _name(user) in self._listed else None

    def entitled(self, source: str, paths: tuple[str, ...]) -> frozenset[str]:
        """The persons who may approve as `source`: owners of every one of `paths`, a group, a team, or one person.

        IncompleteError when it is a team that is neither a group of the policy nor among the `teams`.
        """
        found = self.heard(source, paths)
        return found if source != CODEOWNERS or self._writers is None else found & self._writers

    def heard(self, source: str, paths: tuple[str, ...]) -> frozenset[str]:
        """The persons whose rejection counts where `source` approves: as `entitled`, and owners who may not write.

        Or whoever administers the repository could take a rejection away together with its author's access.
        """
        if source == CODEOWNERS:
            owners = [self._owners(path) for path in paths]
            return frozenset.intersection(*owners) if owners else frozenset()
        return self._members(source)

    def gone(self, source: str, paths: tuple[str, ...]) -> frozenset[str]:
        """The teams of which `source` consists, wholly or among others, that the forge does not have (any more)."""
        owners = {owner for path in paths for owner in owners_of(self._governance.owners, path) or ()}
        named = owners if source == CODEOWNERS else {source}
        missing = {name for name in named if name in self._teams and self._teams[name] is None}
        return frozenset(name for name in missing if _name(name) not in self._groups())

    def ownerless(self, paths: tuple[str, ...]) -> tuple[str, ...]:
        """Those of `paths` that CODEOWNERS gives to nobody."""
        return tuple(path for path in paths if not owners_of(self._governance.owners, path))

    def _owners(self, path: str) -> frozenset[str]:
        owners = owners_of(self._governance.owners, path) or ()
        return frozenset(person for owner in owners for person in self._members(owner))

    def _members(self, name: str) -> frozenset[str]:
        groups = self._groups()
        if _name(name) in groups:
            return frozenset(self.person_named(member) for member in groups[_name(name)])
        if name.startswith("@") and "/" in name:
            if name not in self._teams:
                # To guess "nobody" would overlook the rejection of a member.
                raise IncompleteError(f"nothing is known of the members of {name}")
            return frozenset(self._person(f"id {account}") for account in self._teams[name] or ())
        return frozenset({self.person_named(name)})

    def _groups(self) -> dict[str, tuple[str, ...]]:
        policy = self._governance.policy
        return {_name(group.name): group.members for group in policy.groups} if policy else {}

    def _tie(self, first: str, *others: str) -> None:
        self._parent.setdefault(first, first)
        for other in others:
            self._parent.setdefault(other, other)
            self._parent[self._root(other)] = self._root(first)

    def _root(self, node: str) -> str:
        while self._parent[node] != node:
            node = self._parent[node]
        return node

    def _representatives(self) -> dict[str, str]:
        # One printed name for each person, the same whatever the order of the lines.
        members: dict[str, list[str]] = {}
        for node in self._parent:
            members.setdefault(self._root(node), []).append(node)
        return {root: min(nodes, key=self._rank) for root, nodes in members.items()}

    def _rank(self, node: str) -> tuple[int, str]:
        if node in self._preferred:
            return 0, node
        return (2 if node.startswith(("key ", "id ", "mlflow ")) else 1), node

    def _person(self, node: str) -> str:
        return self._names[self._root(node)] if node in self._parent else node


def logins_of(governance: Governance) -> tuple[str, ...]:
    """The logins that a governance names wherever it names people, as `@noor` in lower case, sorted."""
    policy = governance.policy
    named = [owner for rule in governance.owners for owner in rule.owners]
    if policy is not None:
        named += [name for entry in policy.people for name in (entry.login, *entry.accounts)]
        named += [member for group in policy.groups for member in group.members]
        named += [s for rule in policy.rules for approval in rule.approvals for s in approval.sources]
    return tuple(sorted({_name(name) for name in named if name.startswith("@") and "/" not in name}))


def bind(
    named: Iterable[str], before: Mapping[str, str | None], found: Mapping[str, str | None]
) -> dict[str, str | None]:
    """The accounts that the logins of a governance mean: as `before`, where that one named them, else as `found`.

    So only naming a person anew, once no governance named them any more, makes a login mean another account.
    """
    return {login: before[login] if login in before else found[login] for login in named}


def takers(bound: Mapping[str, str | None], accounts: Iterable[Account]) -> tuple[Account, ...]:
    """Those of `accounts` that have a login which means another account, or nobody; by login and id."""
    found = {(a.login, a.id): a for a in accounts if bound.get(_name(f"@{a.login}"), a.id) != a.id}
    return tuple(found[key] for key in sorted(found))


def _name(text: str) -> str:
    return text.casefold()


def _flaw(signer: AllowedSigner, at: datetime) -> str:
    if signer.namespaces and SIGNATURE_NAMESPACE not in signer.namespaces:
        return f"the key on line {signer.line} of allowed_signers is not for the namespace {SIGNATURE_NAMESPACE}"
    if signer.valid_after is not None and at < signer.valid_after:
        return f"the key was not valid yet when first seen ({at.isoformat()})"
    if signer.valid_before is not None and at >= signer.valid_before:
        return f"the key had expired when first seen ({at.isoformat()})"
    return ""
