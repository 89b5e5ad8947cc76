"""GitHub, as far as Stagewright meets it, on loopback.

with GitHubDouble(tmp_path / "github") as github:
    acme = github.world.organization("acme", github.world.account("ada"))
    repository = github.world.repository(acme, "models")
    token = github.world.token(github.world.find_account("ada"), "repo", "read:org")
    requests.get(f"{github.api}/repos/acme/models", headers={"Authorization": f"Bearer {token.secret}"})
    # git clone {github.url}/acme/models.git

`api` is the root of github.com's API, `ghes` that of Enterprise Server; both answer all the time, and every address in
an answer is of the kind that was asked.
"""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.doubles.github import (
    graph,
    routes_accounts,
    routes_checks,
    routes_pulls,
    routes_repositories,
    routes_settings,
    server,
)
from tests.doubles.github.accounts import Account, Identity
from tests.doubles.github.call import Call, Reply, find_route
from tests.doubles.github.certificate import certificate
from tests.doubles.github.faults import Faults
from tests.doubles.github.forge import Forge
from tests.doubles.github.gitstore import Signed
from tests.doubles.github.limits import Limits
from tests.doubles.github.owners import Owners
from tests.doubles.github.problem import Problem, not_found
from tests.doubles.github.render_pulls import RenderPulls
from tests.doubles.github.repository import Hook, Repository
from tests.doubles.github.schemas import GHES as GHES_DOCUMENT
from tests.doubles.github.schemas import GITHUB, Checker, wanted
from tests.doubles.github.server import Incoming, Outgoing
from tests.doubles.github.webhooks import Webhooks
from tests.doubles.github.world import World

GHES = "/api/v3"
GRAPHQL_PATHS = {"/graphql", "/api/graphql"}
GHES_VERSION = "3.19.0"
# loaded so that their routes are there
ROUTED = (routes_accounts, routes_checks, routes_pulls, routes_repositories, routes_settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request that was answered: `template` is the operation's path (None: git, or nothing that is known)."""

    method: str
    path: str
    query: Mapping[str, str]
    template: str | None
    caller: str
    status: int
    points: int
    body: Any


class Fields(dict[str, Any]):
    """An object of a request's body: a field that has to be there and is not makes 422."""

    def __missing__(self, name: str) -> Any:
        raise Problem(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')


class GitHubDouble:
    """One GitHub with its own world. `lock` is held while the world is looked at or changed.

    `tls`: by HTTPS, with a certificate that is its own authority, in the file `certificate`.
    """

    def __init__(self, root: Path, *, tls: bool = False) -> None:
        self.certificate = certificate(root) if tls else None
        self.lock = threading.RLock()
        self.world = World(root)
        self.webhooks = Webhooks(self)
        self.forge = Forge(self.world, self.webhooks.happened)
        self.owners = Owners(self.forge)
        self.limits = Limits(self.world.clock)
        self.faults = Faults()
        self.seen: list[Seen] = []
        self._first: dict[tuple[str, str, bytes], Outgoing] = {}
        self.violations: list[str] = []
        self._checkers = (Checker(GITHUB), Checker(GHES_DOCUMENT)) if wanted() else None
        self._server = server.server(self)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where the pages and git are."""
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def api(self) -> str:
        """The API's root as on github.com."""
        return self.url

    @property
    def ghes(self) -> str:
        """The API's root as on Enterprise Server."""
        return self.url + GHES

    def __enter__(self) -> Self:
        self._thread = server.start(self._server)
        self.webhooks.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.clear()
        self._server.shutdown()
        self._server.server_close()
        if self._thread is not None:
            self._thread.join()
        self.webhooks.stop()
        if error is None:
            assert self.violations == [], "\n".join(self.violations)

    @property
    def checked(self) -> bool:
        """Whether GitHub's published schemas are there to hold everything against."""
        return self._checkers is not None

    def commit(
        self,
        repository: Repository,
        account: Account,
        files: Mapping[str, bytes | None],
        *,
        branch: str = "main",
        message: str = "Change",
    ) -> str:
        """Commit files on a branch as if the account had pushed them, without the way through git; the commit."""
        with self.lock:
            line = (account.login, account.email)
            signed = Signed(line, line, self.world.clock.now())
            tips = (self.world.git.tip(repository.id, name) for name in (branch, repository.default_branch))
            parent = next((tip for tip in tips if tip is not None), None)
            made = self.world.git.commit(repository.id, parent, files, message, by=signed)
            self.forge.move(repository, branch, made, account)
        return made

    def hook(self, url: str, secret: str, *events: str) -> Hook:
        """A webhook, to be put on an App."""
        number, made = next(self.world.ids), self.world.clock.now()
        return Hook(id=number, url=url, secret=secret, events=events, active=True, created=made)

    # requests

    def answer(self, incoming: Incoming) -> Outgoing:
        """The answer to a request, when nothing goes wrong."""
        if server.is_git(incoming.path):
            outgoing = server.answer_git(self, incoming)
            self._note(incoming, None, "git", outgoing.status, 0, None)
            return outgoing
        with self.lock:
            return self._api(incoming)

    def remembered(self, incoming: Incoming, outgoing: Outgoing, *, stale: bool) -> Outgoing:
        """Keep the first whole answer to a request; give it again where an old one is wanted."""
        if outgoing.status != 200 or server.is_git(incoming.path):
            return outgoing
        first = self._first.setdefault((incoming.method, incoming.target, incoming.body), outgoing)
        return first if stale else outgoing

    def _api(self, incoming: Incoming) -> Outgoing:
        on_ghes = incoming.path.startswith(GHES + "/") or incoming.path in {GHES, "/api/graphql"}
        address = (incoming.path.removeprefix(GHES) if on_ghes else incoming.path) or "/"
        render = RenderPulls(self.forge, self.ghes if on_ghes else self.api, self.url)
        query = dict(parse_qsl(urlsplit(incoming.target).query, keep_blank_values=True))
        identity, template, body, spent = Identity(), None, None, None
        try:
            body = self._json(incoming)
            identity = self.world.identify(incoming.secret())
            if incoming.path in GRAPHQL_PATHS and incoming.method == "POST":
                template = "/graphql"
                self.limits.check_secondary()
                reply, spent = graph.answer(self, render, identity, body)
                return self._finish(incoming, reply, identity, template, body, on_ghes=on_ghes, spent=spent)
            if address != "/rate_limit":
                self.limits.check(identity, "core")
            address = self._by_id(address, identity)
            found = find_route(incoming.method, address)
            if found is None:
                # a 404 that says nothing would pass for an answer
                self.violations.append(f"the double does not know {incoming.method} {address}")
                raise not_found()
            route, parameters = found
            template = route.template
            call = Call(
                double=self, render=render, method=incoming.method, template=template, address=address,
                parameters=parameters, query=query, body=body, identity=identity, granted=route.granted,
                accept=incoming.headers.get("Accept") or "",
            )  # fmt: skip
            reply = route.handler(call)
        except Problem as problem:
            reply = Reply(status=problem.status, body=problem.body, headers=problem.headers)
        if template not in {None, "/graphql"} and self._checkers is not None:
            checker = self._checkers[on_ghes]
            self.violations += checker.answer(incoming.method, template, reply.status, reply.body)
            if reply.status < 300:
                self.violations += checker.request(incoming.method, template, query, body)
        return self._finish(incoming, reply, identity, template, body, on_ghes=on_ghes)

    def _json(self, incoming: Incoming) -> Any:
        if not incoming.headers.get("User-Agent"):
            text = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header"
            raise Problem(403, text)
        if not incoming.body:
            return None
        try:
            return json.loads(incoming.body, object_hook=Fields)
        except ValueError as error:
            raise Problem(400, "Problems parsing JSON") from error

    def _by_id(self, address: str, identity: Identity) -> str:
        """Addresses that lead by id, as redirects, links to other pages and a team's own address do."""
        parts = address.split("/")
        if parts[1] == "organizations" and len(parts) >= 5 and parts[3] == "team" and parts[4].isdigit():
            team = self.world.teams.get(int(parts[4]))
            if team is None or str(team.organization.id) != parts[2]:
                raise not_found()
            return "/".join(["", "orgs", team.organization.login, "teams", team.slug, *parts[5:]])
        if parts[1] != "repositories" or len(parts) < 3 or not parts[2].isdigit():
            return address
        repository = self.world.repositories.get(int(parts[2]))
        if repository is None or repository.gone or self.world.seen_by(repository, identity) == "none":
            raise not_found()
        return "/".join(["", "repos", repository.owner.login, repository.name, *parts[3:]])

    def _finish(
        self,
        incoming: Incoming,
        reply: Reply,
        identity: Identity,
        template: str | None,
        body: Any,
        *,
        on_ghes: bool,
        spent: int | None = None,
    ) -> Outgoing:
        content = b"" if reply.body is None else json.dumps(reply.body).encode()
        headers = {"X-GitHub-Media-Type": "github.v3; format=json", **reply.headers}
        headers["X-GitHub-Request-Id"] = f"{len(self.seen):04X}:DOUB:LE"
        if content:
            headers["Content-Type"] = "application/json; charset=utf-8"
        if on_ghes:
            headers["X-GitHub-Enterprise-Version"] = GHES_VERSION
        if identity.token is not None and identity.installation is None:
            headers["X-OAuth-Scopes"] = ", ".join(identity.token.scopes)
        status, points = reply.status, 1 if spent is None else spent
        resource = "graphql" if template == "/graphql" else "core"
        if incoming.method == "GET" and status == 200:
            tag = hashlib.sha256(content + reply.headers.get("Link", "").encode()).hexdigest()
            headers["ETag"] = f'W/"{tag}"'
            headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
            if incoming.headers.get("If-None-Match") in {headers["ETag"], f'"{tag}"'}:
                status, content, points = 304, b"", 0 if identity.account is not None else 1
                headers.pop("Content-Type")
        if template == "/rate_limit" or (status in {403, 429} and self._over(identity)):
            points = 0
        self.limits.spend(identity, resource, points)
        headers |= self.limits.headers(identity, resource)
        self._note(incoming, template, identity.bucket, status, points, body)
        return Outgoing(status=status, headers=headers, body=content)

    def _over(self, identity: Identity) -> bool:
        return self.limits.used(identity) >= self.limits.limit(identity, "core")

    def _note(self, incoming: Incoming, template: str | None, caller: str, status: int, points: int, body: Any) -> None:
        query = dict(parse_qsl(urlsplit(incoming.target).query))
        self.seen.append(
            Seen(
                method=incoming.method,
                path=incoming.path,
                query=query,
                template=template,
                caller=caller,
                status=status,
                points=points,
                body=body,
            )
        )
