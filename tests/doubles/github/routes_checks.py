"""Commit statuses, check runs and deployments."""

import json
from datetime import UTC, datetime
from typing import Any

from tests.doubles.github.call import Call, Reply, route
from tests.doubles.github.problem import Problem, not_found, unprocessable
from tests.doubles.github.render import Json
from tests.doubles.github.repository import CheckRun, Deployment, DeploymentStatus, Repository, Status

REPO = "/repos/{owner}/{repo}"
STATES = {"error", "failure", "pending", "success"}
DEPLOYMENT_STATES = {"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}
LONGEST_DESCRIPTION = 140


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC).replace(microsecond=0)


# statuses


@route("POST", REPO + "/statuses/{sha}", "statuses:write")
def create_status(call: Call) -> Reply:
    repository, body = call.allowed("push"), call.body
    commit = call.commit(repository, call.parameters["sha"])
    if body.get("state") not in STATES:
        raise unprocessable("State is not included in the list", resource="Status", field="state")
    if len(body.get("description") or "") > LONGEST_DESCRIPTION:
        text = "Description is too long (maximum is 140 characters)"
        raise unprocessable(text, resource="Status", field="description")
    made = Status(
        id=next(call.double.world.ids), commit=commit, state=body["state"], context=body.get("context", "default"),
        description=body.get("description"), target_url=body.get("target_url"), creator=call.actor,
        at=call.double.world.clock.now(),
    )  # fmt: skip
    repository.statuses.append(made)
    call.double.forge.notify(repository, "status", None, call.actor, {"status": made})
    return Reply(status=201, body=call.render.status(repository, made))


def _statuses(call: Call, repository: Repository) -> tuple[str, list[Status]]:
    commit = call.commit(repository, call.parameters["ref"])
    return commit, [status for status in reversed(repository.statuses) if status.commit == commit]


@route("GET", REPO + "/commits/{ref}/statuses", "statuses:read")
def list_statuses(call: Call) -> Reply:
    repository = call.allowed()
    return call.page(_statuses(call, repository)[1], lambda status: call.render.status(repository, status))


@route("GET", REPO + "/commits/{ref}/status", "statuses:read")
def combined_status(call: Call) -> Reply:
    repository = call.allowed()
    commit, listed = _statuses(call, repository)
    newest: dict[str, Status] = {}
    for status in listed:
        newest.setdefault(status.context, status)
    states = {status.state for status in newest.values()}
    overall = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    url = call.render.repository_url(repository)

    def simple(status: Status) -> Json:
        full = call.render.status(repository, status)
        return {name: text for name, text in full.items() if name != "creator"}

    page = call.page(list(newest.values()), simple)
    page.body = {
        "state": overall, "sha": commit, "total_count": len(newest), "statuses": page.body,
        "repository": call.render.repository(repository), "commit_url": f"{url}/commits/{commit}",
        "url": f"{url}/commits/{commit}/status",
    }  # fmt: skip
    return page


# check runs


def _completed(run: CheckRun, body: Json, now: datetime) -> None:
    run.details_url = body.get("details_url", run.details_url)
    run.external_id = body.get("external_id", run.external_id)
    run.name = body.get("name", run.name)
    run.started = _time(body.get("started_at")) or run.started or now
    run.output = run.output | body.get("output", {})
    run.status = body.get("status", run.status)
    if (conclusion := body.get("conclusion")) is not None:
        run.status, run.conclusion = "completed", conclusion
        run.completed = _time(body.get("completed_at")) or now
    elif run.status == "completed" and run.conclusion is None:
        raise unprocessable("Missing conclusion", resource="CheckRun", field="conclusion", code="missing_field")
    elif "status" in body and run.status != "completed":
        run.conclusion, run.completed = None, None


@route("POST", REPO + "/check-runs", "checks:write")
def create_check(call: Call) -> Reply:
    repository, installation, now = call.allowed("push"), call.identity.installation, call.double.world.clock.now()
    if installation is None:
        raise Problem(403, "You must authenticate via a GitHub App.")
    commit = call.commit(repository, call.body["head_sha"])
    suite = next((r.suite for r in repository.checks if r.head == commit and r.app is installation.app), None)
    run = CheckRun(
        id=next(call.double.world.ids), suite=suite or next(call.double.world.ids), app=installation.app,
        name=call.body["name"], head=commit, status="queued", conclusion=None, details_url=None, external_id="",
        started=None, completed=None, output={},
    )  # fmt: skip
    _completed(run, call.body, now)
    repository.checks.append(run)
    call.double.forge.notify(repository, "check_run", "created", call.actor, {"check": run})
    return Reply(status=201, body=call.render.check(repository, run))


def _check(call: Call, repository: Repository) -> CheckRun:
    found = next((run for run in repository.checks if str(run.id) == call.parameters["check_run_id"]), None)
    if found is None:
        raise not_found()
    return found


@route("GET", REPO + "/check-runs/{check_run_id}", "checks:read")
def get_check(call: Call) -> Reply:
    repository = call.allowed()
    return Reply(body=call.render.check(repository, _check(call, repository)))


@route("PATCH", REPO + "/check-runs/{check_run_id}", "checks:write")
def update_check(call: Call) -> Reply:
    repository, installation = call.allowed("push"), call.identity.installation
    run = _check(call, repository)
    if installation is None:
        raise Problem(403, "You must authenticate via a GitHub App.")
    if run.app is not installation.app:
        raise Problem(403, "Invalid app_id `" + str(run.app.id) + "` - check run can only be modified by its creator.")
    _completed(run, call.body, call.double.world.clock.now())
    action = "completed" if run.status == "completed" else "created"
    call.double.forge.notify(repository, "check_run", action, call.actor, {"check": run})
    return Reply(body=call.render.check(repository, run))


@route("GET", REPO + "/commits/{ref}/check-runs", "checks:read")
def list_checks(call: Call) -> Reply:
    repository, query = call.allowed(), call.query
    commit = call.commit(repository, call.parameters["ref"])
    listed = [run for run in reversed(repository.checks) if run.head == commit]
    if (name := query.get("check_name")) is not None:
        listed = [run for run in listed if run.name == name]
    if (state := query.get("status")) is not None:
        listed = [run for run in listed if run.status == state]
    if (app := query.get("app_id")) is not None:
        listed = [run for run in listed if str(run.app.id) == app]
    if query.get("filter", "latest") == "latest":
        newest: dict[tuple[int, str], CheckRun] = {}
        for run in listed:
            newest.setdefault((run.app.id, run.name), run)
        listed = list(newest.values())
    return call.page(listed, lambda run: call.render.check(repository, run), within="check_runs")


# deployments


@route("GET", REPO + "/deployments", "deployments:read")
def list_deployments(call: Call) -> Reply:
    repository, query = call.allowed(), call.query
    listed = [
        made
        for made in reversed(repository.deployments)
        if all(query.get(name) in {None, "none", getattr(made, name)} for name in ("sha", "ref", "task", "environment"))
    ]
    return call.page(listed, lambda made: call.render.deployment(repository, made))


@route("POST", REPO + "/deployments", "deployments:write")
def create_deployment(call: Call) -> Reply:
    repository, body, world = call.allowed("push"), call.body, call.double.world
    commit = world.git.resolve(repository.id, body["ref"])
    if commit is None:
        raise Problem(422, f"No ref found for: {body['ref']}")
    if body.get("auto_merge", True) and commit != (tip := world.git.tip(repository.id, repository.default_branch)):
        assert tip is not None
        if not world.git.contains(repository.id, tip, commit):
            raise Problem(409, f"Conflict merging {repository.default_branch} into {body['ref']}.")
    _contexts(repository, commit, body.get("required_contexts"))
    environment = body.get("environment", "production")
    installation = call.identity.installation
    made = Deployment(
        id=next(world.ids), sha=commit, ref=body["ref"], task=body.get("task", "deploy"), environment=environment,
        description=body.get("description"), payload=_payload(body.get("payload")),
        production=body.get("production_environment", environment == "production"),
        transient=body.get("transient_environment", False), creator=call.actor,
        app=None if installation is None else installation.app, at=world.clock.now(),
    )  # fmt: skip
    repository.deployments.append(made)
    call.double.forge.notify(repository, "deployment", "created", call.actor, {"deployment": made})
    return Reply(status=201, body=call.render.deployment(repository, made))


def _payload(given: Any) -> Any:
    """GitHub gives a payload that is a string of JSON back as it parses it."""
    if not isinstance(given, str):
        return given if given is not None else {}
    try:
        return json.loads(given) if given else ""
    except ValueError:
        return given


def _contexts(repository: Repository, commit: str, wanted: list[str] | None) -> None:
    """Unless told otherwise, every status that is there has to be green."""
    newest = {status.context: status.state for status in repository.statuses if status.commit == commit}
    asked = newest if wanted is None else wanted
    bad = [context for context in asked if newest.get(context) != "success"]
    if bad:
        contexts = [{"context": context, "state": newest.get(context, "pending")} for context in bad]
        error = {"contexts": contexts, "resource": "Deployment", "field": "required_contexts", "code": "invalid"}
        raise Problem(409, "Conflict: Commit status checks failed for " + commit, errors=[error])


def _deployment(call: Call, repository: Repository) -> Deployment:
    wanted = call.parameters["deployment_id"]
    found = next((made for made in repository.deployments if str(made.id) == wanted), None)
    if found is None:
        raise not_found()
    return found


@route("GET", REPO + "/deployments/{deployment_id}", "deployments:read")
def get_deployment(call: Call) -> Reply:
    repository = call.allowed()
    return Reply(body=call.render.deployment(repository, _deployment(call, repository)))


@route("GET", REPO + "/deployments/{deployment_id}/statuses", "deployments:read")
def list_deployment_statuses(call: Call) -> Reply:
    repository = call.allowed()
    made = _deployment(call, repository)
    listed = list(reversed(made.statuses))
    return call.page(listed, lambda status: call.render.deployment_status(repository, made, status))


@route("POST", REPO + "/deployments/{deployment_id}/statuses", "deployments:write")
def create_deployment_status(call: Call) -> Reply:
    repository, body, installation = call.allowed("push"), call.body, call.identity.installation
    made = _deployment(call, repository)
    if body.get("state") not in DEPLOYMENT_STATES:
        raise unprocessable("State is not included in the list", resource="DeploymentStatus", field="state")
    if len(body.get("description") or "") > LONGEST_DESCRIPTION:
        text = "Description is too long (maximum is 140 characters)"
        raise unprocessable(text, resource="DeploymentStatus", field="description")
    status = DeploymentStatus(
        id=next(call.double.world.ids), state=body["state"], description=body.get("description") or "",
        environment=body.get("environment", made.environment),
        log_url=body.get("log_url") or body.get("target_url") or "", environment_url=body.get("environment_url") or "",
        creator=call.actor, app=None if installation is None else installation.app, at=call.double.world.clock.now(),
    )  # fmt: skip
    made.statuses.append(status)
    if body["state"] == "success" and body.get("auto_inactive", True):
        _supersede(call, repository, made)
    what = {"deployment": made, "deployment_status": status}
    call.double.forge.notify(repository, "deployment_status", "created", call.actor, what)
    return Reply(status=201, body=call.render.deployment_status(repository, made, status))


def _supersede(call: Call, repository: Repository, newer: Deployment) -> None:
    """Earlier successful deployments to the same passing environment that is not production become inactive."""
    for older in repository.deployments:
        if older is newer or older.environment != newer.environment or older.production or older.transient:
            continue
        if older.statuses and older.statuses[-1].state == "success":
            older.statuses.append(
                DeploymentStatus(
                    id=next(call.double.world.ids),
                    state="inactive",
                    description="",
                    environment=older.environment,
                    log_url="",
                    environment_url="",
                    creator=call.actor,
                    app=None,
                    at=call.double.world.clock.now(),
                )
            )
