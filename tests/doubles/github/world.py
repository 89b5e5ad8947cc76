"""The state of the double: accounts, tokens and repositories, and who may do what to which."""

import itertools
from functools import cache
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.doubles.github.accounts import LEVELS, Account, App, Identity, Installation, Kind, Level, Role, Team, Token
from tests.doubles.github.clock import DoubleClock
from tests.doubles.github.gitstore import GitStore
from tests.doubles.github.problem import Problem, not_found
from tests.doubles.github.repository import Repository

TOKEN_LIFE_HOURS = 1
JWT_LIFE_S = 600
JWT_LEEWAY_S = 60


class World:
    """Everything that there is. Logins and names are compared as GitHub does: case does not matter."""

    def __init__(self, root: Path) -> None:
        self.clock = DoubleClock()
        self.git = GitStore(root)
        self.ids = itertools.count(1001)
        self.accounts: dict[int, Account] = {}
        self.teams: dict[int, Team] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.tokens: dict[str, Token] = {}
        self.repositories: dict[int, Repository] = {}
        self.moved: dict[str, int] = {}
        self.ghost = self.account("ghost")
        self.queue_bot = self.account("github-merge-queue[bot]", kind="Bot")

    # accounts

    def account(self, login: str, *, kind: Kind = "User") -> Account:
        """A new account."""
        assert self.find_account(login) is None, f"there is a {login} already"
        account = Account(id=next(self.ids), login=login, kind=kind, created=self.clock.now())
        self.accounts[account.id] = account
        return account

    def find_account(self, login: str) -> Account | None:
        """The account of a login, as it is called now."""
        wanted = login.lower()
        return next((a for a in self.accounts.values() if a.login.lower() == wanted and not a.deleted), None)

    def rename(self, account: Account, login: str) -> None:
        """Give an account another login; its repositories answer to the old one until somebody takes that."""
        assert self.find_account(login) is None, f"there is a {login} already"
        for repository in self.repositories.values():
            if repository.owner is account:
                self.moved[repository.full_name.lower()] = repository.id
        account.login = login

    def delete(self, account: Account) -> None:
        """Take an account away: what it wrote is the ghost's, its login is free."""
        account.deleted = True
        for token in self.tokens.values():
            token.revoked |= token.account is account

    def organization(self, login: str, *owners: Account) -> Account:
        """A new organization and its owners."""
        made = self.account(login, kind="Organization")
        made.members = {owner.id: "admin" for owner in owners}
        return made

    def join(self, organization: Account, account: Account, role: Role = "member") -> None:
        """Make an account a member of an organization."""
        organization.members.setdefault(account.id, role)

    def team(self, organization: Account, name: str, *members: Account, parent: Team | None = None) -> Team:
        """A new team."""
        team = Team(
            id=next(self.ids), organization=organization, name=name, slug=name.lower().replace(" ", "-"),
            created=self.clock.now(), parent=parent,
        )  # fmt: skip
        for member in members:
            self.join(organization, member)
            team.direct.append(member)
        if parent is not None:
            parent.children.append(team)
        self.teams[team.id] = team
        return team

    def find_team(self, organization: str, slug: str) -> Team | None:
        """A team by its organization's login and its slug."""
        return next(
            (
                team
                for team in self.teams.values()
                if team.organization.login.lower() == organization.lower() and team.slug == slug.lower()
            ),
            None,
        )

    # what lets in

    def token(self, account: Account, *scopes: str) -> Token:
        """A classic personal access token."""
        return self._keep(Token(secret=f"ghp_{next(self.ids):036d}", account=account, scopes=scopes or ("repo",)))

    def app(self, slug: str, owner: Account, *, permissions: dict[str, str], events: tuple[str, ...] = ()) -> App:
        """A new App with its bot and key pair."""
        private, public = _key_pair()
        number = next(self.ids)
        app = App(
            id=number, slug=slug, owner=owner, bot=self.account(f"{slug}[bot]", kind="Bot"), private_key=private,
            public_key=public, permissions={"metadata": "read", **permissions}, events=events,
            created=self.clock.now(), client_id=f"Iv23li{number:014d}",
        )  # fmt: skip
        self.apps[app.id] = app
        return app

    def install(self, app: App, account: Account, *, repositories: set[int] | None = None) -> Installation:
        """Install an App on an account, with the permissions that it asks for."""
        made = Installation(
            id=next(self.ids), app=app, account=account, permissions=dict(app.permissions),
            created=self.clock.now(), repositories=repositories,
        )  # fmt: skip
        self.installations[made.id] = made
        return made

    def installation_token(self, installation: Installation, permissions: dict[str, str], life_s: float) -> Token:
        """A token that acts as the App's bot, for so many seconds."""
        expires = self.clock.now().timestamp() + life_s
        token = Token(
            secret=f"ghs_{next(self.ids):036d}", account=installation.app.bot, installation=installation,
            permissions=permissions or dict(installation.permissions),
            expires=self.clock.now().fromtimestamp(expires, tz=self.clock.now().tzinfo),
        )  # fmt: skip
        return self._keep(token)

    def _keep(self, token: Token) -> Token:
        self.tokens[token.secret] = token
        return token

    def identify(self, secret: str | None) -> Identity:
        """Whose secret it is. 401 where it is nobody's, has ended or was taken back."""
        if not secret:
            return Identity()
        if secret.count(".") == 2:
            return Identity(app=self._app_of(secret))
        token = self.tokens.get(secret)
        if token is None or token.revoked or (token.expires is not None and token.expires <= self.clock.now()):
            raise Problem(401, "Bad credentials")
        if token.installation is not None and (token.installation.gone or token.installation.suspended):
            raise Problem(401, "Bad credentials")
        return Identity(account=token.account, token=token)

    def _app_of(self, encoded: str) -> App:
        try:
            issuer = str(jwt.decode(encoded, options={"verify_signature": False}).get("iss"))
        except jwt.InvalidTokenError as error:
            raise Problem(401, "A JSON web token could not be decoded") from error
        app = next((app for app in self.apps.values() if issuer in {str(app.id), app.client_id}), None)
        if app is None:
            raise Problem(404, "Integration not found")
        try:
            # the claims' times are held against the double's clock below, not the machine's
            claims = jwt.decode(
                encoded, app.public_key, algorithms=["RS256"],
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": ["exp", "iat"]},
            )  # fmt: skip
        except jwt.InvalidTokenError as error:
            raise Problem(401, "A JSON web token could not be decoded") from error
        now = self.clock.now().timestamp()
        if claims["exp"] <= now:
            raise Problem(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time")
        if claims["exp"] > now + JWT_LIFE_S + JWT_LEEWAY_S:
            raise Problem(401, "'Expiration time' claim ('exp') is too far in the future")
        if claims["iat"] > now + JWT_LEEWAY_S:
            raise Problem(401, "'Issued at' claim ('iat') must be an Integer representing the time in the past")
        return app

    # repositories

    def repository(self, owner: Account, name: str, *, private: bool = True) -> Repository:
        """A new, empty repository."""
        made = Repository(id=next(self.ids), owner=owner, name=name, private=private, created=self.clock.now())
        self.moved.pop(made.full_name.lower(), None)
        self.git.create(made.id, branch=made.default_branch)
        self.repositories[made.id] = made
        return made

    def fork(self, parent: Repository, owner: Account) -> Repository:
        """A fork with the branches of its parent."""
        made = Repository(
            id=next(self.ids), owner=owner, name=parent.name, private=parent.private, created=self.clock.now(),
            default_branch=parent.default_branch, parent=parent,
        )  # fmt: skip
        self.git.create(made.id, branch=made.default_branch, like=parent.id)
        self.repositories[made.id] = made
        return made

    def transfer(self, repository: Repository, owner: Account, name: str | None = None) -> None:
        """Rename a repository, or give it away; the old name leads to the new one."""
        old = repository.full_name.lower()
        repository.owner, repository.name = owner, name or repository.name
        if repository.full_name.lower() != old:
            self.moved[old] = repository.id
        self.moved.pop(repository.full_name.lower(), None)

    def find_repository(self, owner: str, name: str) -> tuple[Repository | None, bool]:
        """A repository by owner and name, and whether it was found under a name that it has no more."""
        wanted = f"{owner}/{name}".lower()
        for repository in self.repositories.values():
            if repository.full_name.lower() == wanted and not repository.gone:
                return repository, False
        moved = self.repositories.get(self.moved.get(wanted, 0))
        return (moved, True) if moved is not None and not moved.gone else (None, False)

    def level(self, repository: Repository, account: Account | None) -> Level:
        """What an account may do to a repository, by every way it may have come by it."""
        levels: list[Level] = ["none" if repository.private else "pull"]
        if account is not None and not account.deleted:
            levels.append(repository.collaborators.get(account.id, "none"))
            role = repository.owner.members.get(account.id)
            if repository.owner is account or role == "admin":
                levels.append("admin")
            levels.extend(
                repository.teams.get(above.id, "none")
                for team in self.teams.values()
                if account in team.direct
                for above in team.lineage_up()
            )
        return max(levels, key=LEVELS.index)

    def seen_by(self, repository: Repository, identity: Identity) -> Level:
        """What a request may do to a repository: an App by its permissions, a person by theirs."""
        installation = identity.installation
        if installation is None:
            return self.level(repository, identity.account)
        held = installation.repositories
        if installation.account is not repository.owner or (held is not None and repository.id not in held):
            return "none" if repository.private else "pull"
        assert identity.token is not None
        granted = identity.token.permissions
        if granted.get("administration") == "write":
            return "admin"
        return "push" if granted.get("contents") == "write" else "pull"


def visible(world: World, repository: Repository | None, identity: Identity) -> Repository:
    """A repository that the request may know of; else 404, as if there were none."""
    if repository is None or world.seen_by(repository, identity) == "none":
        raise not_found()
    return repository


@cache
def _key_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
