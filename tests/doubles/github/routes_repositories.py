"""Repositories, their branches, commits, activity and people."""

import base64
from datetime import timedelta

import pygit2

from tests.doubles.github.accounts import LEVELS, Account, Level, Team, at_least
from tests.doubles.github.call import Call, Reply, route
from tests.doubles.github.gitstore import Signed
from tests.doubles.github.problem import Problem, not_found, unprocessable
from tests.doubles.github.render import ROLE, Json
from tests.doubles.github.repository import Repository

REPO = "/repos/{owner}/{repo}"
PERIODS = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}


@route("GET", REPO, "metadata:read")
def get_repository(call: Call) -> Reply:
    repository = call.allowed()
    level = call.double.world.seen_by(repository, call.identity)
    return Reply(body=call.render.repository(repository, level, full=True))


@route("PATCH", REPO, "administration:write")
def update_repository(call: Call) -> Reply:
    repository, world = call.allowed("admin"), call.double.world
    if "archived" in call.body:
        repository.archived = call.body["archived"]
    if "private" in call.body:
        repository.private = call.body["private"]
    for name in ("merge_commit", "squash_merge", "rebase_merge"):
        if (wanted := call.body.get(f"allow_{name}")) is not None:
            method = name.split("_")[0]
            (repository.methods.add if wanted else repository.methods.discard)(method)
    if (branch := call.body.get("default_branch")) is not None:
        if world.git.tip(repository.id, branch) is None:
            raise unprocessable("The branch was not found", resource="Repository", field="default_branch")
        repository.default_branch = branch
    if (name := call.body.get("name")) is not None:
        world.transfer(repository, repository.owner, name)
    return Reply(body=call.render.repository(repository, "admin", full=True))


@route("DELETE", REPO, "administration:write")
def delete_repository(call: Call) -> Reply:
    call.allowed("admin").gone = True
    return Reply(status=204)


@route("POST", REPO + "/transfer", "administration:write")
def transfer(call: Call) -> Reply:
    repository, world = call.allowed("admin"), call.double.world
    owner = world.find_account(call.body["new_owner"])
    if owner is None:
        raise unprocessable("Invalid new_owner", resource="Repository", field="new_owner")
    world.transfer(repository, owner, call.body.get("new_name"))
    return Reply(status=202, body=call.render.repository(repository, "admin"))


@route("POST", REPO + "/forks", "administration:write")
def fork(call: Call) -> Reply:
    parent, world, owner = call.allowed(), call.double.world, call.actor
    if (name := (call.body or {}).get("organization")) is not None:
        owner = world.find_account(name) or owner
    return Reply(status=202, body=call.render.repository(world.fork(parent, owner), "admin", full=True))


# branches and commits


def _branch(call: Call, repository: Repository, name: str, commit: str) -> Json:
    url = call.render.repository_url(repository)
    return {
        "name": name, "commit": {"sha": commit, "url": f"{url}/commits/{commit}"},
        "protected": name in repository.protection,
    }  # fmt: skip


@route("GET", REPO + "/branches", "contents:read")
def list_branches(call: Call) -> Reply:
    repository = call.allowed()
    branches = sorted(call.double.world.git.branches(repository.id).items())
    if (protected := call.query.get("protected")) is not None:
        branches = [pair for pair in branches if (pair[0] in repository.protection) is (protected == "true")]
    return call.page(branches, lambda pair: _branch(call, repository, *pair))


@route("GET", REPO + "/branches/{branch}", "contents:read")
def get_branch(call: Call) -> Reply:
    repository, name = call.allowed(), call.parameters["branch"]
    commit = call.double.world.git.tip(repository.id, name)
    if commit is None:
        raise Problem(404, "Branch not found")
    url, web = call.render.repository_url(repository), f"{call.render.web}/{repository.full_name}"
    protected = name in repository.protection
    body = _branch(call, repository, name, commit) | {
        "commit": call.render.commit(repository, commit),
        "_links": {"self": f"{url}/branches/{name}", "html": f"{web}/tree/{name}"},
        "protection_url": f"{url}/branches/{name}/protection",
        "protection": {
            "enabled": protected,
            "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
        },
    }
    return Reply(body=body)


@route("GET", REPO + "/commits", "contents:read")
def list_commits(call: Call) -> Reply:
    repository = call.allowed()
    git = call.double.world.git.open(repository.id)
    start = call.double.world.git.resolve(repository.id, call.query.get("sha", repository.default_branch))
    if start is None:
        raise not_found() if call.query.get("sha") else Problem(409, "Git Repository is empty.")
    listed = [str(commit.id) for commit in git.walk(pygit2.Oid(hex=start), pygit2.enums.SortMode.TOPOLOGICAL)]
    return call.page(listed, lambda commit: call.render.commit(repository, commit))


@route("GET", REPO + "/commits/{ref}", "contents:read")
def get_commit(call: Call) -> Reply:
    repository = call.allowed()
    return Reply(body=call.render.commit(repository, call.commit(repository, call.parameters["ref"]), files=True))


@route("GET", REPO + "/commits/{commit_sha}/pulls", "pull_requests:read")
def pulls_of_commit(call: Call) -> Reply:
    repository = call.allowed()
    commit = call.commit(repository, call.parameters["commit_sha"])
    found = call.double.forge.associated(repository, commit)
    return call.page(found, lambda pull: call.render.pull(repository, pull))


@route("GET", REPO + "/compare/{basehead}", "contents:read")
def compare(call: Call) -> Reply:
    repository, world = call.allowed(), call.double.world
    first, _, second = call.parameters["basehead"].partition("...")
    base, head = (world.git.resolve(repository.id, ref) for ref in (first, second))
    if base is None or head is None:
        raise not_found()
    git = world.git.open(repository.id)
    meeting = git.merge_base(base, head)
    if meeting is None:
        raise Problem(404, f"No common ancestor between {first} and {second}.")
    ahead, behind = world.git.between(repository.id, base, head), world.git.between(repository.id, head, base)
    words = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind", (False, False): "identical"}
    url, web = call.render.repository_url(repository), f"{call.render.web}/{repository.full_name}"
    page = call.page(ahead, lambda commit: call.render.commit(repository, commit))
    page.body = {
        "url": f"{url}/compare/{first}...{second}", "html_url": f"{web}/compare/{first}...{second}",
        "permalink_url": f"{web}/compare/{base}...{head}", "diff_url": f"{web}/compare/{first}...{second}.diff",
        "patch_url": f"{web}/compare/{first}...{second}.patch",
        "base_commit": call.render.commit(repository, base),
        "merge_base_commit": call.render.commit(repository, str(meeting)),
        "status": words[bool(ahead), bool(behind)], "ahead_by": len(ahead), "behind_by": len(behind),
        "total_commits": len(ahead), "commits": page.body,
        "files": call.render.files(repository, str(meeting), head),
    }  # fmt: skip
    return page


@route("GET", REPO + "/git/ref/{ref}", "contents:read")
def get_ref(call: Call) -> Reply:
    repository, name = call.allowed(), "refs/" + call.parameters["ref"]
    git = call.double.world.git.open(repository.id)
    if name not in git.references:
        raise not_found()
    return Reply(body=_ref(call, repository, name, str(git.references[name].target)))


@route("POST", REPO + "/git/refs", "contents:write")
def create_ref(call: Call) -> Reply:
    repository, world = call.allowed("push"), call.double.world
    name, commit = call.body["ref"].removeprefix("refs/heads/"), call.body["sha"]
    if world.git.tip(repository.id, name) is not None:
        raise Problem(422, "Reference already exists")
    if world.git.resolve(repository.id, commit) is None:
        raise Problem(422, "Object does not exist")
    call.double.forge.move(repository, name, commit, call.actor)
    return Reply(status=201, body=_ref(call, repository, f"refs/heads/{name}", commit))


@route("DELETE", REPO + "/git/refs/{ref}", "contents:write")
def delete_ref(call: Call) -> Reply:
    repository, world = call.allowed("push"), call.double.world
    name = call.parameters["ref"].removeprefix("heads/")
    if world.git.tip(repository.id, name) is None:
        raise Problem(422, "Reference does not exist")
    call.double.forge.move(repository, name, None, call.actor)
    return Reply(status=204)


def _ref(call: Call, repository: Repository, name: str, commit: str) -> Json:
    url = call.render.repository_url(repository)
    target = {"sha": commit, "type": "commit", "url": f"{url}/git/commits/{commit}"}
    return {"ref": name, "node_id": f"REF_{commit[:12]}", "url": f"{url}/git/{name}", "object": target}


@route("GET", REPO + "/contents/{path}", "contents:read")
def get_contents(call: Call) -> Reply:
    repository, path = call.allowed(), call.parameters["path"].strip("/")
    commit = call.double.world.git.resolve(repository.id, call.query.get("ref", repository.default_branch))
    found = None if commit is None else call.double.world.git.entry(repository.id, commit, path)
    if not isinstance(found, pygit2.Blob | pygit2.Tree):
        raise not_found()
    if isinstance(found, pygit2.Blob):
        return Reply(body=_content(call, repository, path, found, commit or "", whole=True))
    inside = [_content(call, repository, f"{path}/{entry.name}", entry, commit or "") for entry in found]
    return Reply(body=inside)


@route("PUT", REPO + "/contents/{path}", "contents:write")
def put_contents(call: Call) -> Reply:
    repository, world, path = call.allowed("push"), call.double.world, call.parameters["path"]
    branch = call.body.get("branch", repository.default_branch)
    parent = world.git.tip(repository.id, branch)
    if parent is None and world.git.branches(repository.id):
        raise Problem(404, f"Branch {branch} not found")
    old = None if parent is None else world.git.entry(repository.id, parent, path)
    if old is not None and call.body.get("sha") != str(old.id):
        raise Problem(409, f"{path} does not match {call.body.get('sha')}")
    line = (call.actor.login, call.actor.email)
    signed = Signed(line, ("GitHub", "noreply@github.com"), world.clock.now())
    content = base64.b64decode(call.body["content"])
    made = world.git.commit(repository.id, parent, {path: content}, call.body["message"], by=signed)
    call.double.forge.move(repository, branch, made, call.actor)
    blob = world.git.entry(repository.id, made, path)
    assert isinstance(blob, pygit2.Blob)
    body = {"content": _content(call, repository, path, blob, made), "commit": call.render.git_commit(repository, made)}
    return Reply(status=201 if old is None else 200, body=body)


def _content(
    call: Call, repository: Repository, path: str, found: pygit2.Object, commit: str, *, whole: bool = False
) -> Json:
    url, web = call.render.repository_url(repository), f"{call.render.web}/{repository.full_name}"
    kind = "file" if isinstance(found, pygit2.Blob) else "dir"
    links = {
        "git": f"{url}/git/blobs/{found.id}", "self": f"{url}/contents/{path}?ref={commit}",
        "html": f"{web}/blob/{commit}/{path}",
    }  # fmt: skip
    body = {
        "name": path.rsplit("/", 1)[-1], "path": path, "sha": str(found.id), "type": kind, "_links": links,
        "size": found.size if isinstance(found, pygit2.Blob) else 0, "url": links["self"],
        "html_url": links["html"], "git_url": links["git"], "download_url": f"{web}/raw/{commit}/{path}",
    }  # fmt: skip
    if whole and isinstance(found, pygit2.Blob):
        body |= {"encoding": "base64", "content": base64.encodebytes(found.data).decode()}
    return body


# activity


@route("GET", REPO + "/activity", "contents:read")
def list_activity(call: Call) -> Reply:
    repository, query = call.allowed(), call.query
    listed = list(reversed(repository.activity))
    if (ref := query.get("ref")) is not None:
        wanted = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        listed = [one for one in listed if one.ref == wanted]
    if (login := query.get("actor")) is not None:
        listed = [one for one in listed if one.actor is not None and one.actor.login.lower() == login.lower()]
    if (kind := query.get("activity_type")) is not None:
        listed = [one for one in listed if one.kind == kind]
    if (period := query.get("time_period")) is not None:
        since = call.double.world.clock.now() - timedelta(days=PERIODS[period])
        listed = [one for one in listed if one.at >= since]
    if query.get("direction") == "asc":
        listed.reverse()
    return call.cursor_page(listed, lambda one: base64.b64encode(str(one.id).encode()).decode(), call.render.activity)


# people


def _people(call: Call, repository: Repository) -> list[tuple[Account, Level]]:
    world = call.double.world
    levels = [(account, world.level(repository, account)) for account in world.accounts.values()]
    explicit = {*repository.collaborators, *repository.owner.members, repository.owner.id}
    explicit |= {
        member.id for key in repository.teams for member in (world.teams[key].members() if key in world.teams else [])
    }
    return [
        pair
        for pair in levels
        if pair[0].id in explicit and pair[1] != "none" and pair[0].kind == "User" and not pair[0].deleted
    ]


@route("GET", REPO + "/collaborators", "metadata:read")
def list_collaborators(call: Call) -> Reply:
    repository = call.allowed("push")
    wanted = next((level for level in LEVELS if level == call.query.get("permission")), "pull")
    listed = [pair for pair in _people(call, repository) if at_least(pair[1], wanted)]
    if call.query.get("affiliation") == "direct":
        listed = [pair for pair in listed if pair[0].id in repository.collaborators]
    return call.page(listed, lambda pair: call.render.collaborator(*pair))


@route("GET", REPO + "/collaborators/{username}", "metadata:read")
def check_collaborator(call: Call) -> Reply:
    repository, account = call.allowed("push"), call.account()
    if account not in [pair[0] for pair in _people(call, repository)]:
        raise not_found()
    return Reply(status=204)


@route("PUT", REPO + "/collaborators/{username}", "administration:write")
def add_collaborator(call: Call) -> Reply:
    repository, account = call.allowed("admin"), call.account()
    level = (call.body or {}).get("permission", "push")
    repository.collaborators[account.id] = {"read": "pull", "write": "push"}.get(level, level)
    return Reply(status=204)


@route("DELETE", REPO + "/collaborators/{username}", "administration:write")
def remove_collaborator(call: Call) -> Reply:
    call.allowed("admin").collaborators.pop(call.account().id, None)
    return Reply(status=204)


@route("GET", REPO + "/collaborators/{username}/permission", "metadata:read")
def get_permission(call: Call) -> Reply:
    repository, account = call.allowed("push"), call.account()
    level = call.double.world.level(repository, account)
    coarse = {"triage": "read", "maintain": "write"}.get(level, ROLE[level])
    body = {
        "permission": coarse, "role_name": ROLE[level],
        "user": call.render.collaborator(account, level) if level in LEVELS else None,
    }  # fmt: skip
    return Reply(body=body)


@route("GET", REPO + "/teams", "metadata:read")
def list_repository_teams(call: Call) -> Reply:
    repository, world = call.allowed("push"), call.double.world
    teams = [world.teams[key] for key in repository.teams if key in world.teams]

    def write(team: Team) -> Json:
        return call.render.team(team) | {"permission": repository.teams[team.id]}

    return call.page(teams, write)
