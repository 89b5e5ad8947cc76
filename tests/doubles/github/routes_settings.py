"""What a repository's admins set: webhooks, branch protection and CODEOWNERS."""

import json
from typing import Any

from tests.doubles.github.accounts import LEVELS
from tests.doubles.github.call import Call, Reply, route
from tests.doubles.github.clock import timestamp
from tests.doubles.github.problem import Problem, not_found, unprocessable
from tests.doubles.github.render import Json
from tests.doubles.github.repository import Delivery, DeployKey, Hook, Repository

REPO = "/repos/{owner}/{repo}"
HOOK = REPO + "/hooks/{hook_id}"
PROTECTION = REPO + "/branches/{branch}/protection"


# webhooks


def _hook(call: Call, repository: Repository, hook: Hook) -> Json:
    url = f"{call.render.repository_url(repository)}/hooks/{hook.id}"
    last = hook.deliveries[-1] if hook.deliveries else None
    config = {"url": hook.url, "content_type": "json", "insecure_ssl": "0"}
    if hook.secret:
        config["secret"] = "********"
    return {
        "type": "Repository", "id": hook.id, "name": "web", "active": hook.active, "events": list(hook.events),
        "config": config, "updated_at": timestamp(hook.created), "created_at": timestamp(hook.created), "url": url,
        "test_url": f"{url}/test", "ping_url": f"{url}/pings", "deliveries_url": f"{url}/deliveries",
        "last_response": {
            "code": None if last is None else last.status_code, "status": "unused" if last is None else "active",
            "message": None if last is None else last.status,
        },
    }  # fmt: skip


def _found(call: Call, repository: Repository) -> Hook:
    found = next((hook for hook in repository.hooks if str(hook.id) == call.parameters["hook_id"]), None)
    if found is None:
        raise not_found()
    return found


def _ping(call: Call, repository: Repository, hook: Hook) -> None:
    body = {
        "zen": "Keep it logically awesome.", "hook_id": hook.id,
        "hook": _hook(call, repository, hook),
        "repository": call.render.repository(repository, full=True) | {"custom_properties": {}},
        "sender": call.render.user(call.actor),
    }  # fmt: skip
    call.double.webhooks.send(hook, "ping", None, body)


@route("GET", REPO + "/hooks", "repository_hooks:read")
def list_hooks(call: Call) -> Reply:
    repository = call.allowed("admin")
    return call.page(repository.hooks, lambda hook: _hook(call, repository, hook))


@route("POST", REPO + "/hooks", "repository_hooks:write")
def create_hook(call: Call) -> Reply:
    repository, config = call.allowed("admin"), (call.body or {}).get("config", {})
    if not config.get("url"):
        raise unprocessable("url cannot be blank", resource="Hook", field="url")
    events = tuple(call.body.get("events", ("push",)))
    if any(hook.url == config["url"] and hook.events == events for hook in repository.hooks):
        raise Problem(
            422, "Validation Failed",
            errors=[{"resource": "Hook", "code": "custom", "message": "Hook already exists on this repository"}],
        )  # fmt: skip
    hook = Hook(
        id=next(call.double.world.ids), url=config["url"], secret=config.get("secret") or "", events=events,
        active=call.body.get("active", True), created=call.double.world.clock.now(),
    )  # fmt: skip
    repository.hooks.append(hook)
    _ping(call, repository, hook)
    return Reply(status=201, body=_hook(call, repository, hook))


@route("GET", HOOK, "repository_hooks:read")
def get_hook(call: Call) -> Reply:
    repository = call.allowed("admin")
    return Reply(body=_hook(call, repository, _found(call, repository)))


@route("PATCH", HOOK, "repository_hooks:write")
def update_hook(call: Call) -> Reply:
    repository = call.allowed("admin")
    hook, body = _found(call, repository), call.body or {}
    hook.url = body.get("config", {}).get("url", hook.url)
    hook.secret = body.get("config", {}).get("secret", hook.secret)
    hook.events = tuple(body.get("events", hook.events))
    hook.active = body.get("active", hook.active)
    return Reply(body=_hook(call, repository, hook))


@route("DELETE", HOOK, "repository_hooks:write")
def delete_hook(call: Call) -> Reply:
    repository = call.allowed("admin")
    repository.hooks.remove(_found(call, repository))
    return Reply(status=204)


@route("POST", HOOK + "/pings", "repository_hooks:read")
def ping_hook(call: Call) -> Reply:
    repository = call.allowed("admin")
    _ping(call, repository, _found(call, repository))
    return Reply(status=204)


def _delivery(repository: Repository, made: Delivery) -> Json:
    return {
        "id": made.id, "guid": made.guid, "delivered_at": timestamp(made.at), "redelivery": made.redelivery,
        "duration": 0.01, "status": made.status, "status_code": made.status_code, "event": made.event,
        "action": made.action, "installation_id": None, "repository_id": repository.id, "throttled_at": None,
    }  # fmt: skip


def _made(call: Call, hook: Hook) -> Delivery:
    found = next((made for made in hook.deliveries if str(made.id) == call.parameters["delivery_id"]), None)
    if found is None:
        raise not_found()
    return found


@route("GET", HOOK + "/deliveries", "repository_hooks:read")
def list_deliveries(call: Call) -> Reply:
    repository = call.allowed("admin")
    listed = list(reversed(_found(call, repository).deliveries))
    return call.cursor_page(listed, lambda made: str(made.id), lambda made: _delivery(repository, made))


@route("GET", HOOK + "/deliveries/{delivery_id}", "repository_hooks:read")
def get_delivery(call: Call) -> Reply:
    repository = call.allowed("admin")
    made = _made(call, _found(call, repository))
    body: Json = _delivery(repository, made) | {
        "url": "", "request": {"headers": made.headers, "payload": json.loads(made.body)},
        "response": {"headers": made.answer_headers, "payload": made.answer},
    }  # fmt: skip
    return Reply(body=body)


@route("POST", HOOK + "/deliveries/{delivery_id}/attempts", "repository_hooks:write")
def redeliver(call: Call) -> Reply:
    hook = _found(call, call.allowed("admin"))
    made = _made(call, hook)
    call.double.webhooks.send(hook, made.event, made.action, {}, again=made)
    return Reply(status=202, body={})


# branch protection


def _protection(call: Call, repository: Repository, branch: str) -> Json:
    rules = repository.protection[branch]
    url = f"{call.render.repository_url(repository)}/branches/{branch}/protection"
    switches = (
        "required_linear_history", "allow_force_pushes", "allow_deletions", "block_creations",
        "required_conversation_resolution", "lock_branch", "allow_fork_syncing",
    )  # fmt: skip
    body: Json = {
        "url": url, "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": bool(rules.get("enforce_admins"))},
        **{name: {"enabled": bool(rules.get(name))} for name in switches},
    }  # fmt: skip
    if (reviews := rules.get("required_pull_request_reviews")) is not None:
        body["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": reviews.get("dismiss_stale_reviews", False),
            "require_code_owner_reviews": reviews.get("require_code_owner_reviews", False),
            "required_approving_review_count": reviews.get("required_approving_review_count", 1),
            "require_last_push_approval": reviews.get("require_last_push_approval", False),
        }
    if (checks := rules.get("required_status_checks")) is not None:
        names = checks.get("contexts") or [check["context"] for check in checks.get("checks", ())]
        given = checks.get("checks") or [{"context": name} for name in names]
        body["required_status_checks"] = {
            "url": f"{url}/required_status_checks", "strict": checks.get("strict", False), "contexts": names,
            "contexts_url": f"{url}/required_status_checks/contexts",
            "checks": [{"context": check["context"], "app_id": check.get("app_id")} for check in given],
        }  # fmt: skip
    return body


@route("GET", PROTECTION, "administration:read")
def get_protection(call: Call) -> Reply:
    repository, branch = call.allowed("admin"), call.parameters["branch"]
    if branch not in repository.protection:
        raise Problem(404, "Branch not protected")
    return Reply(body=_protection(call, repository, branch))


@route("PUT", PROTECTION, "administration:write")
def put_protection(call: Call) -> Reply:
    repository, branch = call.allowed("admin"), call.parameters["branch"]
    if call.double.world.git.tip(repository.id, branch) is None:
        raise Problem(404, "Branch not found")
    repository.protection[branch] = call.body
    return Reply(body=_protection(call, repository, branch))


@route("DELETE", PROTECTION, "administration:write")
def delete_protection(call: Call) -> Reply:
    repository = call.allowed("admin")
    if repository.protection.pop(call.parameters["branch"], None) is None:
        raise Problem(404, "Branch not protected")
    return Reply(status=204)


@route("GET", REPO + "/rules/branches/{branch}", "metadata:read")
def list_rules(call: Call) -> Reply:
    repository = call.allowed()
    rules: list[Any] = repository.rules.get(call.parameters["branch"], [])
    source = {
        "ruleset_source_type": "Repository", "ruleset_source": repository.full_name, "ruleset_id": repository.id
    }  # fmt: skip
    return call.page(rules, lambda rule: rule | source)


# deploy keys


def _key(call: Call, repository: Repository, key: DeployKey) -> Json:
    return {
        "id": key.id, "key": key.key, "url": f"{call.render.repository_url(repository)}/keys/{key.id}",
        "title": key.title, "verified": True, "created_at": timestamp(key.at), "read_only": key.read_only,
        "added_by": key.added_by.login, "last_used": None, "enabled": True,
    }  # fmt: skip


@route("GET", REPO + "/keys", "administration:read")
def list_keys(call: Call) -> Reply:
    repository = call.allowed("admin")
    return call.page(repository.keys, lambda key: _key(call, repository, key))


@route("POST", REPO + "/keys", "administration:write")
def create_key(call: Call) -> Reply:
    repository = call.allowed("admin")
    key = DeployKey(
        id=next(call.double.world.ids), title=call.body.get("title") or "", key=call.body["key"],
        read_only=call.body.get("read_only", False), added_by=call.actor, at=call.double.world.clock.now(),
    )  # fmt: skip
    repository.keys.append(key)
    return Reply(status=201, body=_key(call, repository, key))


@route("DELETE", REPO + "/keys/{key_id}", "administration:write")
def delete_key(call: Call) -> Reply:
    repository = call.allowed("admin")
    found = next((key for key in repository.keys if str(key.id) == call.parameters["key_id"]), None)
    if found is None:
        raise not_found()
    repository.keys.remove(found)
    return Reply(status=204)


# CODEOWNERS and team access


@route("GET", REPO + "/codeowners/errors", "contents:read")
def codeowners_errors(call: Call) -> Reply:
    repository = call.allowed()
    commit = call.double.world.git.resolve(repository.id, call.query.get("ref", repository.default_branch))
    if commit is None or call.double.owners.text(repository, commit) is None:
        raise not_found()
    return Reply(body={"errors": call.double.owners.errors(repository, commit)})


@route("PUT", "/orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}", "administration:write")
def add_team(call: Call) -> Reply:
    repository = call.allowed("admin")
    team = call.double.world.find_team(call.parameters["org"], call.parameters["team_slug"])
    if team is None:
        raise not_found()
    level = (call.body or {}).get("permission", "push")
    repository.teams[team.id] = level if level in LEVELS else "push"
    return Reply(status=204)
