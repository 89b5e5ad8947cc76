"""What a commit is marked with: a check run where an App speaks, a commit status where a token does.

POST /repos/{o}/{r}/check-runs   {"name": "stagewright", "head_sha": "98c…", "status": "completed", "conclusion": …}
POST /repos/{o}/{r}/statuses/98c…   {"context": "stagewright", "state": "pending", "description": "…"}
"""

from stagewright.adapters.github.answers import optional_below, optional_text
from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.github.myself import Myself
from stagewright.adapters.rows import Row, below, number, text
from stagewright.model.conversation import StatusMark

CONTEXT = "stagewright"
MAX_SUMMARY = 140


def mark_commit(client: GitHubClient, myself: Myself, mark: StatusMark) -> None:
    """Mark a commit, unless it is marked so already."""
    if client.is_app:
        _check(client, myself, mark)
    else:
        _status(client, myself, mark)


def _status(client: GitHubClient, myself: Myself, mark: StatusMark) -> None:
    found = client.rows(f"{client.repo}/commits/{mark.commit}/statuses")
    own = [row for row in found if text(row, "context") == CONTEXT]
    last = max(own, key=lambda row: number(row, "id"), default=None)
    wanted = (mark.state, _clipped(mark.summary), mark.url or "")
    if last is not None and myself.wrote(last, "creator"):
        shown = (text(last, "state"), optional_text(last, "description"), optional_text(last, "target_url") or "")
        if shown == wanted:
            return
    body = {"context": CONTEXT, "state": wanted[0], "description": wanted[1]}
    if mark.url:
        body["target_url"] = mark.url
    client.send("POST", f"{client.repo}/statuses/{mark.commit}", body)


def _check(client: GitHubClient, myself: Myself, mark: StatusMark) -> None:
    path = f"{client.repo}/commits/{mark.commit}/check-runs"
    found = client.rows(path, {"check_name": CONTEXT, "filter": "all"}, within="check_runs")
    own = [row for row in found if _is_own(row, myself) and text(row, "name") == CONTEXT]
    last = max(own, key=lambda row: number(row, "id"), default=None)
    body = _run(mark)
    # an address cannot be taken back from a run: one that is not wanted any more is left there
    linked = mark.url is None or (last is not None and optional_text(last, "details_url") == mark.url)
    if (
        last is not None
        and linked
        and _shown(last) == (body["status"], body.get("conclusion"), body["output"]["title"])
    ):
        return
    # one that has ended cannot be waiting again: the newest of a name is the one that counts
    if last is None or (text(last, "status") == "completed" and mark.state == "pending"):
        client.send("POST", f"{client.repo}/check-runs", {"head_sha": mark.commit, "name": CONTEXT, **body})
    else:
        client.send("PATCH", f"{client.repo}/check-runs/{number(last, 'id')}", body)


def _run(mark: StatusMark) -> Row:
    title = _clipped(mark.summary)
    output = {"title": title, "summary": title}
    link = {} if mark.url is None else {"details_url": mark.url}
    if mark.state == "pending":
        return {"status": "in_progress", "output": output, **link}
    return {"status": "completed", "conclusion": mark.state, "output": output, **link}


def _shown(row: Row) -> tuple[str, str | None, str | None]:
    title = optional_text(below(row, "output"), "title")
    return text(row, "status"), optional_text(row, "conclusion"), title


def _is_own(row: Row, myself: Myself) -> bool:
    app = optional_below(row, "app")
    return app is not None and number(app, "id") == myself.app()


def _clipped(summary: str) -> str:
    return summary if len(summary) <= MAX_SUMMARY else f"{summary[: MAX_SUMMARY - 1]}…"
