"""Pull requests, reviews, comments and the timeline."""

from typing import Any

from tests.doubles.github.accounts import at_least
from tests.doubles.github.call import Call, Reply, route
from tests.doubles.github.clock import timestamp
from tests.doubles.github.gitstore import Signed
from tests.doubles.github.problem import Problem, not_found, unprocessable
from tests.doubles.github.render import Json
from tests.doubles.github.repository import Comment, Pull, Repository, Review

REPO = "/repos/{owner}/{repo}"
PULL = REPO + "/pulls/{pull_number}"
LONGEST_BODY = 65536


@route("GET", REPO + "/pulls", "pull_requests:read")
def list_pulls(call: Call) -> Reply:
    repository, query = call.allowed(), call.query
    state = query.get("state", "open")
    listed = [pull for pull in repository.pulls.values() if state in {"all", pull.state}]
    if (base := query.get("base")) is not None:
        listed = [pull for pull in listed if pull.base_ref == base]
    if (head := query.get("head")) is not None and ":" in head:
        listed = [pull for pull in listed if f"{pull.head_owner.login}:{pull.head_ref}" == head]
    keys = {"created": lambda pull: pull.number, "updated": lambda pull: (pull.updated, pull.number)}
    sort = query.get("sort", "created")
    newest_first = query.get("direction", "desc" if sort == "created" or "direction" in query else "asc") == "desc"
    listed.sort(key=keys.get(sort, keys["created"]), reverse=newest_first)
    return call.page(listed, lambda pull: call.render.pull(repository, pull))


@route("POST", REPO + "/pulls", "pull_requests:write")
def open_pull(call: Call) -> Reply:
    repository, world, body = call.allowed(), call.double.world, call.body
    owner, colon, ref = body["head"].rpartition(":")
    head_repo: Repository | None = repository
    if colon and owner.lower() != repository.owner.login.lower():
        head_repo = next(
            (
                other
                for other in world.repositories.values()
                if other.parent is repository and other.owner.login.lower() == owner.lower() and not other.gone
            ),
            None,
        )
    if head_repo is None:
        error = {"resource": "PullRequest", "field": "head", "code": "invalid"}
        raise Problem(422, "Validation Failed", errors=[error])
    if not at_least(world.seen_by(head_repo, call.identity), "push") and call.identity.installation is None:
        raise Problem(403, "Resource not accessible by personal access token")
    if not body.get("title"):
        raise Problem(
            422, "Validation Failed", errors=[{"resource": "PullRequest", "field": "title", "code": "missing_field"}]
        )
    pull = call.double.forge.open(
        repository, call.actor, base=body["base"], head_repo=head_repo, head_ref=ref, title=body["title"],
        body=body.get("body"), draft=bool(body.get("draft")),
    )  # fmt: skip
    call.double.owners.ask(repository, pull)
    return Reply(status=201, body=call.render.pull(repository, pull, full=True))


@route("GET", PULL, "pull_requests:read")
def get_pull(call: Call) -> Reply:
    repository = call.allowed()
    return Reply(body=call.render.pull(repository, call.pull(repository), full=True))


@route("PATCH", PULL, "pull_requests:write")
def update_pull(call: Call) -> Reply:
    repository, forge, body = call.allowed(), call.double.forge, call.body or {}
    pull, actor = call.pull(repository), call.actor
    if actor is not pull.author and not at_least(call.double.world.seen_by(repository, call.identity), "triage"):
        raise Problem(403, "Resource not accessible by personal access token")
    changes: dict[str, Any] = {}
    if "title" in body and body["title"] != pull.title:
        changes["title"] = {"from": pull.title}
        forge.event(pull, "renamed", actor, before=pull.title, after=body["title"])
        pull.title = body["title"]
    if "body" in body and body["body"] != pull.body:
        changes["body"] = {"from": pull.body or ""}
        pull.body = body["body"]
    if "base" in body and body["base"] != pull.base_ref:
        tip = call.double.world.git.tip(repository.id, body["base"])
        if tip is None or pull.state != "open":
            raise unprocessable("Proposed base branch was not found", resource="PullRequest", field="base")
        forge.event(pull, "base_ref_changed", actor, before=pull.base_ref, after=body["base"])
        changes["base"] = {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}
        pull.base_ref, pull.base_sha = body["base"], tip
    if body.get("state") == "closed" and pull.state == "open":
        forge.close(repository, pull, actor)
    if body.get("state") == "open" and pull.state == "closed":
        forge.reopen(repository, pull, actor)
    pull.updated = call.double.world.clock.now()
    if changes:
        forge.notify(repository, "pull_request", "edited", actor, {"pull": pull, "changes": changes})
    return Reply(body=call.render.pull(repository, pull, full=True))


@route("GET", PULL + "/commits", "pull_requests:read")
def list_pull_commits(call: Call) -> Reply:
    repository = call.allowed()
    listed = call.double.forge.commits(repository, call.pull(repository))[:250]
    return call.page(listed, lambda commit: call.render.commit(repository, commit))


@route("GET", PULL + "/files", "pull_requests:read")
def list_pull_files(call: Call) -> Reply:
    repository = call.allowed()
    pull = call.pull(repository)
    base = call.double.world.git.open(repository.id).merge_base(pull.base_sha, pull.head_sha)
    return call.page(call.render.files(repository, str(base), pull.head_sha), lambda file: file)


@route("GET", PULL + "/merge", "pull_requests:read")
def is_merged(call: Call) -> Reply:
    if call.pull(call.allowed()).merged is None:
        raise not_found()
    return Reply(status=204)


@route("PUT", PULL + "/merge", "contents:write")
def merge_pull(call: Call) -> Reply:
    repository, body = call.allowed("push"), call.body or {}
    pull = call.pull(repository)
    if body.get("sha") not in {None, pull.head_sha}:
        raise Problem(409, "Head branch was modified. Review and try the merge again.")
    made = call.double.forge.merge(
        repository, pull, call.actor, method=body.get("merge_method", "merge"), title=body.get("commit_title"),
        message=body.get("commit_message"),
    )  # fmt: skip
    return Reply(body={"sha": made, "merged": True, "message": "Pull Request successfully merged"})


@route("PUT", PULL + "/update-branch", "pull_requests:write")
def update_branch(call: Call) -> Reply:
    repository, world, actor = call.allowed("push"), call.double.world, call.actor
    pull = call.pull(repository)
    if (call.body or {}).get("expected_head_sha") not in {None, pull.head_sha}:
        raise Problem(422, "expected head sha didn't match current head ref.")
    tip = world.git.tip(repository.id, pull.base_ref)
    assert tip is not None
    assert pull.head_repo is not None
    if world.git.contains(repository.id, tip, pull.head_sha):
        raise Problem(422, "There are no new commits on the base branch.")
    signed = Signed((actor.login, actor.email), ("GitHub", "noreply@github.com"), world.clock.now())
    message = f"Merge branch '{pull.base_ref}' into {pull.head_ref}"
    made = world.git.merge(repository.id, pull.head_sha, tip, message, by=signed)
    if made is None:
        raise Problem(422, "merge conflict between base and head")
    before = world.git.branches(pull.head_repo.id)
    world.git.take(pull.head_repo.id, repository.id, made, f"refs/heads/{pull.head_ref}")
    call.double.forge.refs_changed(pull.head_repo, actor, before)
    url = f"{call.render.repository_url(repository)}/pulls/{pull.number}"
    return Reply(status=202, body={"message": "Updating pull request branch.", "url": url})


# reviews


def _seen(call: Call, pull: Pull) -> list[Review]:
    """Every review that the caller may see: a pending one is its author's alone."""
    return [r for r in pull.reviews if r.state != "PENDING" or r.author is call.identity.account]


def _review(call: Call, pull: Pull) -> Review:
    found = next((r for r in _seen(call, pull) if str(r.id) == call.parameters["review_id"]), None)
    if found is None:
        raise not_found()
    return found


@route("GET", PULL + "/reviews", "pull_requests:read")
def list_reviews(call: Call) -> Reply:
    repository = call.allowed()
    pull = call.pull(repository)
    return call.page(_seen(call, pull), lambda review: call.render.review(repository, pull, review))


@route("POST", PULL + "/reviews", "pull_requests:write")
def create_review(call: Call) -> Reply:
    repository, body = call.allowed(), call.body or {}
    pull = call.pull(repository)
    made = call.double.forge.review(
        repository, pull, call.actor, event=body.get("event"), body=body.get("body") or "",
        commit=body.get("commit_id"),
    )  # fmt: skip
    return Reply(body=call.render.review(repository, pull, made))


@route("GET", PULL + "/reviews/{review_id}", "pull_requests:read")
def get_review(call: Call) -> Reply:
    repository = call.allowed()
    pull = call.pull(repository)
    return Reply(body=call.render.review(repository, pull, _review(call, pull)))


@route("PUT", PULL + "/reviews/{review_id}", "pull_requests:write")
def edit_review(call: Call) -> Reply:
    repository = call.allowed()
    pull = call.pull(repository)
    review = _review(call, pull)
    if review.author is not call.actor:
        raise Problem(403, "Resource not accessible by personal access token")
    review.body = call.body["body"]
    return Reply(body=call.render.review(repository, pull, review))


@route("DELETE", PULL + "/reviews/{review_id}", "pull_requests:write")
def delete_review(call: Call) -> Reply:
    repository = call.allowed()
    pull = call.pull(repository)
    review = _review(call, pull)
    if review.state != "PENDING":
        raise Problem(422, "Can not delete a non-pending pull request review")
    pull.reviews.remove(review)
    return Reply(body=call.render.review(repository, pull, review))


@route("POST", PULL + "/reviews/{review_id}/events", "pull_requests:write")
def submit_review(call: Call) -> Reply:
    repository = call.allowed()
    pull = call.pull(repository)
    review = _review(call, pull)
    if review.state != "PENDING":
        raise Problem(422, "Unprocessable Entity", errors=["Can not submit a non-pending pull request review"])
    pull.reviews.remove(review)
    made = call.double.forge.review(
        repository, pull, call.actor, event=call.body["event"], body=call.body.get("body") or review.body,
        commit=review.commit,
    )  # fmt: skip
    made.id = review.id
    return Reply(body=call.render.review(repository, pull, made))


@route("PUT", PULL + "/reviews/{review_id}/dismissals", "pull_requests:write")
def dismiss_review(call: Call) -> Reply:
    repository = call.allowed("push")
    pull = call.pull(repository)
    review = _review(call, pull)
    call.double.forge.dismiss(repository, pull, review, call.actor, call.body["message"])
    return Reply(body=call.render.review(repository, pull, review))


@route("GET", PULL + "/requested_reviewers", "pull_requests:read")
def list_requested(call: Call) -> Reply:
    pull = call.pull(call.allowed())
    users, teams = map(call.render.user, pull.asked), map(call.render.team, pull.asked_teams)
    return Reply(body={"users": list(users), "teams": list(teams)})


@route("POST", PULL + "/requested_reviewers", "pull_requests:write")
def request_reviewers(call: Call) -> Reply:
    repository, world = call.allowed("triage"), call.double.world
    pull, body = call.pull(repository), call.body or {}
    people = [world.find_account(login) for login in body.get("reviewers", ())]
    teams = [world.find_team(repository.owner.login, slug) for slug in body.get("team_reviewers", ())]
    text = (
        "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a "
        f"collaborator of the {repository.full_name} repository."
    )
    for account in people:
        if account is pull.author:
            raise Problem(422, "Review cannot be requested from pull request author.")
        if account is None or not at_least(world.level(repository, account), "pull"):
            raise Problem(422, text)
    if any(team is None or team.id not in repository.teams for team in teams):
        raise Problem(422, text)
    for found in (*people, *teams):
        if found is not None:
            call.double.forge.ask(repository, pull, call.actor, found)
    return Reply(status=201, body=call.render.pull(repository, pull))


@route("DELETE", PULL + "/requested_reviewers", "pull_requests:write")
def remove_requested(call: Call) -> Reply:
    repository = call.allowed("triage")
    pull, body = call.pull(repository), call.body or {}
    names = {login.lower() for login in body.get("reviewers", ())}
    for account in [a for a in pull.asked if a.login.lower() in names]:
        pull.asked.remove(account)
        call.double.forge.event(pull, "review_request_removed", call.actor, reviewer=account)
    for team in [t for t in pull.asked_teams if t.slug in body.get("team_reviewers", ())]:
        pull.asked_teams.remove(team)
        call.double.forge.event(pull, "review_request_removed", call.actor, team=team)
    return Reply(body=call.render.pull(repository, pull))


# comments and the timeline


def _text(body: Any) -> str:
    text = (body or {}).get("body")
    if not isinstance(text, str) or not text.strip():
        raise unprocessable("Body can't be blank", resource="IssueComment", field="body", code="missing_field")
    if len(text) > LONGEST_BODY:
        raise unprocessable("body is too long (maximum is 65536 characters)", resource="IssueComment", field="data")
    return text


@route("GET", REPO + "/issues/{issue_number}/comments", "pull_requests:read")
def list_comments(call: Call) -> Reply:
    repository = call.allowed()
    pull = call.pull(repository, "issue_number")
    since = call.query.get("since", "")
    listed = [comment for comment in pull.comments if timestamp(comment.updated) >= since]
    return call.page(listed, lambda comment: call.render.comment(repository, pull, comment))


@route("POST", REPO + "/issues/{issue_number}/comments", "pull_requests:write")
def create_comment(call: Call) -> Reply:
    repository, now = call.allowed(), call.double.world.clock.now()
    pull = call.pull(repository, "issue_number")
    installation = call.identity.installation
    made = Comment(
        id=next(call.double.world.ids), author=call.actor, body=_text(call.body), created=now, updated=now,
        app=None if installation is None else installation.app,
    )  # fmt: skip
    pull.comments.append(made)
    pull.updated = now
    call.double.forge.notify(repository, "issue_comment", "created", call.actor, {"pull": pull, "comment": made})
    return Reply(status=201, body=call.render.comment(repository, pull, made))


def _comment(call: Call, repository: Repository) -> tuple[Pull, Comment]:
    for pull in repository.pulls.values():
        for comment in pull.comments:
            if str(comment.id) == call.parameters["comment_id"]:
                return pull, comment
    raise not_found()


def _own(call: Call, repository: Repository, comment: Comment) -> None:
    if comment.author is not call.actor and not at_least(call.double.world.level(repository, call.actor), "push"):
        raise Problem(403, "Resource not accessible by personal access token")


@route("GET", REPO + "/issues/comments/{comment_id}", "pull_requests:read")
def get_comment(call: Call) -> Reply:
    repository = call.allowed()
    return Reply(body=call.render.comment(repository, *_comment(call, repository)))


@route("PATCH", REPO + "/issues/comments/{comment_id}", "pull_requests:write")
def edit_comment(call: Call) -> Reply:
    repository = call.allowed()
    pull, comment = _comment(call, repository)
    _own(call, repository, comment)
    before, comment.body, comment.updated = comment.body, _text(call.body), call.double.world.clock.now()
    about = {"pull": pull, "comment": comment, "before": before}
    call.double.forge.notify(repository, "issue_comment", "edited", call.actor, about)
    return Reply(body=call.render.comment(repository, pull, comment))


@route("DELETE", REPO + "/issues/comments/{comment_id}", "pull_requests:write")
def delete_comment(call: Call) -> Reply:
    repository = call.allowed()
    pull, comment = _comment(call, repository)
    _own(call, repository, comment)
    pull.comments.remove(comment)
    return Reply(status=204)


@route("GET", REPO + "/issues/{issue_number}", "pull_requests:read")
def get_issue(call: Call) -> Reply:
    repository = call.allowed()
    return Reply(body=call.render.issue(repository, call.pull(repository, "issue_number")))


@route("GET", REPO + "/issues/{issue_number}/events", "pull_requests:read")
def list_events(call: Call) -> Reply:
    repository = call.allowed()
    pull = call.pull(repository, "issue_number")
    return call.page(pull.events, lambda event: call.render.event(repository, event))


@route("GET", REPO + "/issues/{issue_number}/timeline", "pull_requests:read")
def list_timeline(call: Call) -> Reply:
    repository = call.allowed()
    pull = call.pull(repository, "issue_number")
    lines: list[tuple[int, Json]] = [(event.id, call.render.event(repository, event)) for event in pull.events]
    for review in _seen(call, pull):
        if review.submitted is not None:
            body = call.render.review(repository, pull, review)
            body |= {"event": "reviewed", "user": call.render.user(review.author), "state": review.state.lower()}
            lines.append((review.id, body))
    for comment in pull.comments:
        body = call.render.comment(repository, pull, comment)
        body |= {"event": "commented", "actor": call.render.user(comment.author)}
        lines.append((comment.id, body | {"user": body["actor"]}))
    lines.sort(key=lambda line: line[0])
    return call.page([line[1] for line in lines], lambda line: line)
