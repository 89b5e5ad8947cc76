"""Users, organizations, teams, Apps and rate limits."""

from tests.doubles.github.accounts import LEVELS, Account, App, Team, at_least
from tests.doubles.github.call import Call, Reply, route
from tests.doubles.github.clock import timestamp
from tests.doubles.github.problem import Problem, not_found
from tests.doubles.github.render import Json, permissions

TOKEN_LIFE_S = 3600
ORG = "/orgs/{org}"
TEAM = ORG + "/teams/{team_slug}"
WORDS = {"read": 0, "write": 1}


@route("GET", "/rate_limit")
def rate_limit(call: Call) -> Reply:
    limits = call.double.limits
    if not limits.enabled:
        raise Problem(404, "Rate limiting is not enabled.")
    return Reply(body=limits.overview(call.identity))


# users


@route("GET", "/user")
def own_user(call: Call) -> Reply:
    if call.identity.app is not None or call.identity.installation is not None:
        raise Problem(403, "Resource not accessible by integration")
    return Reply(body=call.render.own_profile(call.actor))


@route("GET", "/users/{username}")
def get_user(call: Call) -> Reply:
    return Reply(body=call.render.profile(call.account()))


@route("GET", "/user/{account_id}")
def get_user_by_id(call: Call) -> Reply:
    key = call.parameters["account_id"]
    found = call.double.world.accounts.get(int(key)) if key.isdigit() else None
    if found is None or found.deleted:
        raise not_found()
    return Reply(body=call.render.profile(found))


# organizations and teams


def _organization(call: Call) -> Account:
    """The organization of the path, for its members and Apps on it; others do not see its teams."""
    found = call.double.world.find_account(call.parameters["org"])
    if found is None or found.kind != "Organization":
        raise not_found()
    installation, token = call.identity.installation, call.identity.token
    if installation is not None and token is not None:
        if installation.account is not found or "members" not in token.permissions:
            raise Problem(403, "Resource not accessible by integration")
    elif call.actor.id not in found.members:
        raise not_found()
    elif token is not None and not {"read:org", "write:org", "admin:org"} & set(token.scopes):
        needed = "Your token has not been granted the required scopes to execute this request."
        raise Problem(403, needed, headers={"X-Accepted-OAuth-Scopes": "admin:org, read:org, write:org"})
    return found


@route("GET", ORG)
def get_organization(call: Call) -> Reply:
    found = call.account("org")
    if found.kind != "Organization":
        raise not_found()
    return Reply(body=call.render.organization(found))


def _team(call: Call) -> Team:
    organization = _organization(call)
    found = call.double.world.find_team(organization.login, call.parameters["team_slug"])
    if found is None:
        raise not_found()
    return found


@route("GET", ORG + "/teams", "members:read")
def list_teams(call: Call) -> Reply:
    organization = _organization(call)
    listed = [team for team in call.double.world.teams.values() if team.organization is organization]
    return call.page(listed, call.render.team)


@route("GET", TEAM, "members:read")
def get_team(call: Call) -> Reply:
    return Reply(body=call.render.team(_team(call), full=True))


@route("GET", TEAM + "/teams", "members:read")
def list_child_teams(call: Call) -> Reply:
    return call.page(_team(call).children, call.render.team)


@route("GET", TEAM + "/members", "members:read")
def list_members(call: Call) -> Reply:
    team, role = _team(call), call.query.get("role", "all")
    listed = [
        member for member in team.members() if role == "all" or (role == "maintainer") is (member in team.maintainers)
    ]

    def write(member: Account) -> Json:
        return call.render.user(member) | {"inherited": member not in team.direct}

    return call.page(listed, write)


@route("GET", TEAM + "/memberships/{username}", "members:read")
def get_membership(call: Call) -> Reply:
    team, account = _team(call), call.account()
    if account not in team.members():
        raise not_found()
    url = f"{call.render.api}/organizations/{team.organization.id}/team/{team.id}/memberships/{account.login}"
    role = "maintainer" if account in team.maintainers else "member"
    return Reply(body={"url": url, "role": role, "state": "active"})


@route("PUT", TEAM + "/memberships/{username}", "members:write")
def add_membership(call: Call) -> Reply:
    team, account = _team(call), call.account()
    call.double.world.join(team.organization, account)
    if account not in team.direct:
        team.direct.append(account)
    url = f"{call.render.api}/organizations/{team.organization.id}/team/{team.id}/memberships/{account.login}"
    return Reply(body={"url": url, "role": "member", "state": "active"})


@route("DELETE", TEAM + "/memberships/{username}", "members:write")
def remove_membership(call: Call) -> Reply:
    team, account = _team(call), call.account()
    if account in team.direct:
        team.direct.remove(account)
    return Reply(status=204)


@route("GET", TEAM + "/repos/{owner}/{repo}", "members:read")
def team_repository(call: Call) -> Reply:
    team, repository = _team(call), call.repository
    held = [repository.teams[above.id] for above in team.lineage_up() if above.id in repository.teams]
    if not held:
        raise not_found()
    level = max(held, key=LEVELS.index)
    if "repository" not in call.accept:
        return Reply(status=204)
    body = call.render.repository(repository, level) | {"permissions": permissions(level), "role_name": level}
    return Reply(body=body)


# Apps


def _app(call: Call) -> App:
    if call.identity.app is None:
        raise Problem(401, "A JSON web token could not be decoded")
    return call.identity.app


@route("GET", "/app")
def get_app(call: Call) -> Reply:
    app = _app(call)
    installed = sum(one.app is app for one in call.double.world.installations.values())
    return Reply(body=call.render.app(app) | {"installations_count": installed})


@route("GET", "/app/installations")
def list_installations(call: Call) -> Reply:
    app = _app(call)
    listed = [one for one in call.double.world.installations.values() if one.app is app and not one.gone]
    return call.page(listed, call.render.installation)


@route("GET", "/app/installations/{installation_id}")
def get_installation(call: Call) -> Reply:
    app, key = _app(call), call.parameters["installation_id"]
    found = call.double.world.installations.get(int(key)) if key.isdigit() else None
    if found is None or found.app is not app or found.gone:
        raise not_found()
    return Reply(body=call.render.installation(found))


def _installation_on(call: Call, account: Account, repository: int | None) -> Reply:
    app = _app(call)
    for one in call.double.world.installations.values():
        covers = repository is None or one.repositories is None or repository in one.repositories
        if one.app is app and one.account is account and not one.gone and covers:
            return Reply(body=call.render.installation(one))
    raise not_found()


@route("GET", "/repos/{owner}/{repo}/installation")
def repository_installation(call: Call) -> Reply:
    found, moved = call.double.world.find_repository(call.parameters["owner"], call.parameters["repo"])
    if found is None or moved:
        raise not_found()
    return _installation_on(call, found.owner, found.id)


@route("GET", "/orgs/{org}/installation")
def organization_installation(call: Call) -> Reply:
    return _installation_on(call, call.account("org"), None)


@route("POST", "/app/installations/{installation_id}/access_tokens")
def create_installation_token(call: Call) -> Reply:
    app, key, world = _app(call), call.parameters["installation_id"], call.double.world
    found = world.installations.get(int(key)) if key.isdigit() else None
    if found is None or found.app is not app or found.gone:
        raise not_found()
    if found.suspended:
        raise Problem(403, "This installation has been suspended")
    body = call.body or {}
    wanted = body.get("permissions") or dict(found.permissions)
    for name, kind in wanted.items():
        if WORDS.get(kind, 2) > WORDS.get(found.permissions.get(name, ""), -1):
            raise Problem(422, "The permissions requested are not granted to this installation.")
    token = world.installation_token(found, wanted, TOKEN_LIFE_S)
    assert token.expires is not None
    selection = "all" if found.repositories is None else "selected"
    answer = {
        "token": token.secret, "expires_at": timestamp(token.expires), "permissions": wanted,
        "repository_selection": selection,
    }  # fmt: skip
    return Reply(status=201, body=answer)


@route("GET", "/installation/repositories", "metadata:read")
def installation_repositories(call: Call) -> Reply:
    installation, world = call.identity.installation, call.double.world
    if installation is None:
        raise Problem(403, "You must authenticate with an installation access token in order to list repositories.")
    listed = [
        repository
        for repository in world.repositories.values()
        if repository.owner is installation.account
        and not repository.gone
        and (installation.repositories is None or repository.id in installation.repositories)
    ]
    page = call.page(listed, lambda repository: call.render.repository(repository, "pull"), within="repositories")
    page.body["repository_selection"] = "all" if installation.repositories is None else "selected"
    return page


@route("DELETE", "/installation/token")
def revoke_installation_token(call: Call) -> Reply:
    if call.identity.installation is None or call.identity.token is None:
        raise Problem(403, "You must authenticate with an installation access token.")
    call.identity.token.revoked = True
    return Reply(status=204)


@route("GET", "/user/repos")
def own_repositories(call: Call) -> Reply:
    world, actor = call.double.world, call.actor
    listed = [
        repository
        for repository in world.repositories.values()
        if not repository.gone and repository.private and at_least(world.level(repository, actor), "pull")
    ]
    return call.page(listed, lambda repository: call.render.repository(repository, world.level(repository, actor)))
