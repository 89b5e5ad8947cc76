"""One request to the double's REST API: what came in, who asks, and the lists that go out page by page."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode

from tests.doubles.github.accounts import Account, Identity, Level, at_least
from tests.doubles.github.problem import Problem, not_found
from tests.doubles.github.repository import Pull, Repository
from tests.doubles.github.world import visible

if TYPE_CHECKING:
    from tests.doubles.github.double import GitHubDouble
    from tests.doubles.github.render_pulls import RenderPulls

PER_PAGE = 30
MOST_PER_PAGE = 100


@dataclass(slots=True, kw_only=True)
class Reply:
    """What goes back: a body that becomes JSON (None: no body)."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Call:
    """A request that a route takes. `parameters` are those of the path, `address` is the path with the API's root."""

    double: "GitHubDouble"
    render: "RenderPulls"
    method: str
    template: str
    address: str
    parameters: dict[str, str]
    query: dict[str, str]
    body: Any
    identity: Identity
    granted: tuple[str, str] | None
    accept: str = ""

    @property
    def repository(self) -> Repository:
        """The repository of the path, under the name that it has now; else a redirect, or 404."""
        world = self.double.world
        owner, name = self.parameters["owner"], self.parameters["repo"]
        found, moved = world.find_repository(owner, name)
        repository = visible(world, found, self.identity)
        if moved:
            tail = self.address.split(f"/repos/{owner}/{name}", 1)[1]
            there = f"{self.render.api}/repositories/{repository.id}{tail}"
            if self.query:
                there += "?" + urlencode(self.query)
            status = 301 if self.method == "GET" else 307
            raise Problem(
                status, "Moved Permanently" if status == 301 else "Temporary Redirect", more={"url": there},
                headers={"Location": there},
            )  # fmt: skip
        if repository.archived and self.method != "GET" and self.template != "/repos/{owner}/{repo}":
            raise Problem(403, "Repository was archived so is read-only.")
        return repository

    @property
    def actor(self) -> Account:
        """Who does it."""
        if self.identity.account is None:
            raise Problem(401, "Requires authentication")
        return self.identity.account

    def allowed(self, level: Level = "pull") -> Repository:
        """The repository, for somebody who may do that much to it; Apps need the permission of the route."""
        repository, world = self.repository, self.double.world
        installation, token = self.identity.installation, self.identity.token
        if installation is not None and token is not None:
            if self.granted is not None:
                name, wanted = self.granted
                held = token.permissions.get(name)
                if held is None or (wanted == "write" and held == "read"):
                    header = {"X-Accepted-GitHub-Permissions": f"{name}={wanted}"}
                    raise Problem(403, "Resource not accessible by integration", headers=header)
            return repository
        held_level = world.seen_by(repository, self.identity)
        if level != "pull":
            _ = self.actor
        if not at_least(held_level, level):
            raise (
                Problem(403, "Must have admin rights to Repository.")
                if level == "admin"
                else Problem(403, "Resource not accessible by personal access token")
            )
        return repository

    def pull(self, repository: Repository, name: str = "pull_number") -> Pull:
        """The pull request of the path."""
        number = self.parameters[name]
        found = repository.pulls.get(int(number)) if number.isdigit() else None
        if found is None:
            raise not_found()
        return found

    def account(self, name: str = "username") -> Account:
        """The account of the path."""
        found = self.double.world.find_account(self.parameters[name])
        if found is None:
            raise not_found()
        return found

    def commit(self, repository: Repository, ref: str) -> str:
        """The commit that a branch, tag or id names."""
        found = self.double.world.git.resolve(repository.id, ref)
        if found is None:
            raise Problem(422, f"No commit found for SHA: {ref}")
        return found

    # lists

    def page(self, items: Sequence[Any], write: Callable[[Any], Any], *, within: str | None = None) -> Reply:
        """One page of a list, with the links to the others; `within` is the field of an object with a total."""
        size = min(max(_number(self.query.get("per_page"), PER_PAGE), 1), MOST_PER_PAGE)
        page = max(_number(self.query.get("page"), 1), 1)
        last = max((len(items) + size - 1) // size, 1)
        found = [write(item) for item in items[(page - 1) * size : page * size]]
        links = []
        if page > 1:
            links += [("prev", min(page - 1, last)), ("first", 1)]
        if page < last:
            links += [("next", page + 1), ("last", last)]
        headers = {}
        if links:
            headers["Link"] = ", ".join(f'<{self.here(page=str(to))}>; rel="{name}"' for name, to in links)
        body = found if within is None else {"total_count": len(items), within: found}
        return Reply(body=body, headers=headers)

    def cursor_page(self, items: Sequence[Any], key: Callable[[Any], str], write: Callable[[Any], Any]) -> Reply:
        """One page of a list that is read by cursor."""
        size = min(max(_number(self.query.get("per_page"), PER_PAGE), 1), MOST_PER_PAGE)
        keys = [key(item) for item in items]
        start = 0
        if (after := self.query.get("after")) is not None:
            start = keys.index(after) + 1 if after in keys else len(keys)
        elif (before := self.query.get("before")) is not None:
            start = max(keys.index(before) - size, 0) if before in keys else 0
        found, links = items[start : start + size], []
        if start > 0 and found:
            links.append(("prev", {"before": key(found[0])}))
        if start + size < len(items):
            links.append(("next", {"after": key(found[-1])}))
        headers = {}
        if links:
            headers["Link"] = ", ".join(f'<{self.here(**to)}>; rel="{name}"' for name, to in links)
        return Reply(body=[write(item) for item in found], headers=headers)

    def here(self, **query: str) -> str:
        """This address with other parameters; GitHub leads by a repository's id, so that a new name does no harm."""
        address = self.address
        if "owner" in self.parameters and "repo" in self.parameters:
            prefix = f"/repos/{self.parameters['owner']}/{self.parameters['repo']}"
            address = address.replace(prefix, f"/repositories/{self.repository.id}", 1)
        kept = {name: text for name, text in self.query.items() if name not in {"page", "after", "before"}}
        return f"{self.render.api}{address}?{urlencode(kept | query)}"


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation of the API. `granted` is what an App needs for it: the permission and read or write."""

    method: str
    template: str
    handler: Handler
    granted: tuple[str, str] | None
    pattern: re.Pattern[str]


ROUTES: list[Route] = []
# parameters that hold slashes
DEEP = {"path", "ref"}


def route(method: str, template: str, granted: str | None = None) -> Callable[[Handler], Handler]:
    """Let a function answer an operation. `granted` is written as `pull_requests:write`."""

    def parameter(match: re.Match[str]) -> str:
        name = match.group(1)
        deep = name in DEEP and template.endswith("{" + name + "}")
        return f"(?P<{name}>{'.+' if deep else '[^/]+'})"

    pattern = re.compile(re.sub(r"{(\w+)}", parameter, template))
    name, _, kind = (granted or "").partition(":")

    def register(handler: Handler) -> Handler:
        ROUTES.append(
            Route(
                method=method,
                template=template,
                handler=handler,
                granted=(name, kind) if granted else None,
                pattern=pattern,
            )
        )
        # what is spelled out goes before what any name fits
        ROUTES.sort(key=lambda made: (made.template.count("{"), -len(made.template)))
        return handler

    return register


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The operation of a request, with the parameters of its path."""
    for candidate in ROUTES:
        if candidate.method == method and (match := candidate.pattern.fullmatch(path)):
            return candidate, {name: unquote(text) for name, text in match.groupdict().items()}
    return None


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdigit() else otherwise
