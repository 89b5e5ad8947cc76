"""Who there is on the double: users, bots, organizations, teams, apps, and what they show to be let in."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.doubles.github.repository import Hook

Kind = Literal["User", "Organization", "Bot"]
Role = Literal["admin", "member"]
Level = Literal["none", "pull", "triage", "push", "maintain", "admin"]

LEVELS: tuple[Level, ...] = ("none", "pull", "triage", "push", "maintain", "admin")


@dataclass(slots=True, kw_only=True, eq=False)
class Account:
    """A user, a bot or an organization. The login can change, the id cannot; `members` are an organization's."""

    id: int
    login: str
    kind: Kind
    created: datetime
    site_admin: bool = False
    deleted: bool = False
    members: dict[int, Role] = field(default_factory=dict)

    @property
    def email(self) -> str:
        """The address that GitHub puts into commits made on its pages."""
        return f"{self.id}+{self.login}@users.noreply.github.com"


@dataclass(slots=True, kw_only=True, eq=False)
class Team:
    """A team of an organization; who is in a child team is in its parent as well."""

    id: int
    organization: Account
    name: str
    slug: str
    created: datetime
    parent: "Team | None" = None
    children: list["Team"] = field(default_factory=list)
    maintainers: list[Account] = field(default_factory=list)
    direct: list[Account] = field(default_factory=list)

    def members(self) -> list[Account]:
        """Everyone in the team and its child teams, by id; accounts that are gone are in no team."""
        found = {account.id: account for team in self.lineage_down() for account in team.direct}
        return [found[key] for key in sorted(found) if not found[key].deleted]

    def lineage_down(self) -> Iterable["Team"]:
        """The team and everything below it."""
        yield self
        for child in self.children:
            yield from child.lineage_down()

    def lineage_up(self) -> Iterable["Team"]:
        """The team and everything above it, whose rights it has too."""
        team: Team | None = self
        while team is not None:
            yield team
            team = team.parent


@dataclass(slots=True, kw_only=True, eq=False)
class App:
    """A GitHub App: known by its key, acting as its bot."""

    id: int
    slug: str
    owner: Account
    bot: Account
    private_key: str
    public_key: str
    permissions: dict[str, str]
    events: tuple[str, ...]
    created: datetime
    client_id: str = ""
    hook: "Hook | None" = None


@dataclass(slots=True, kw_only=True, eq=False)
class Installation:
    """An App on an account; `repositories` are the ids it may see, None all of the account's."""

    id: int
    app: App
    account: Account
    permissions: dict[str, str]
    created: datetime
    repositories: set[int] | None = None
    suspended: bool = False
    gone: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Token:
    """What lets a request in. `scopes` are those of a classic token; an installation's token ends at `expires`."""

    secret: str
    account: Account
    scopes: tuple[str, ...] = ()
    installation: Installation | None = None
    permissions: dict[str, str] = field(default_factory=dict)
    expires: datetime | None = None
    revoked: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Identity:
    """Whose request it is: nobody's, an App's own (a JWT), a person's, or an installation's."""

    account: Account | None = None
    token: Token | None = None
    app: App | None = None

    @property
    def installation(self) -> Installation | None:
        """The installation whose token was shown."""
        return self.token.installation if self.token is not None else None

    @property
    def bucket(self) -> str:
        """Whose rate limit the request is counted against."""
        if self.installation is not None:
            return f"installation ID {self.installation.id}"
        if self.app is not None:
            return f"app ID {self.app.id}"
        return f"user ID {self.account.id}" if self.account is not None else "127.0.0.1"


def at_least(level: Level, wanted: Level) -> bool:
    """Whether a level of access holds all that `wanted` does."""
    return LEVELS.index(level) >= LEVELS.index(wanted)
