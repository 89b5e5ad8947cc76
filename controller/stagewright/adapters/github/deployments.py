"""An applied promotion as a GitHub deployment, so that GitHub's own page shows what runs and how it came there.

    POST /repos/{o}/{r}/deployments
    {"ref": "98c…", "environment": "Production", "task": "stagewright", "auto_merge": false, "required_contexts": [],
     "payload": {"promotion": "<its id>", "entry": 117}, "description": "…", …}

The payload's promotion is how one is found again: after a crash between the writes the next try goes on from there.
"""

from collections.abc import Mapping
from typing import Any

from stagewright.adapters.github.answers import parse
from stagewright.adapters.github.client import GitHubClient
from stagewright.adapters.github.myself import Myself
from stagewright.adapters.rows import Row, number, text
from stagewright.errors import IncompleteError
from stagewright.model.conversation import Deployed

TASK = "stagewright"
SUCCESS = "success"
MAX_DESCRIPTION = 140


def show_deployment(client: GitHubClient, myself: Myself, deployed: Deployed) -> None:
    """Show a promotion once, whatever was written of it before."""
    path = f"{client.repo}/deployments"
    fields = {"sha": deployed.commit, "environment": deployed.environment, "task": TASK}
    own = [row for row in client.rows(path, fields) if _promotion(row) == deployed.promotion and _is_own(row, myself)]
    made = min((number(row, "id") for row in own), default=None)
    if made is None:
        answer = client.send("POST", path, _body(deployed))
        if not isinstance(answer, dict):
            raise IncompleteError("GitHub does not say which deployment it made")
        made = number(answer, "id")
    states = client.rows(f"{path}/{made}/statuses")
    if not any(text(row, "state") == SUCCESS for row in states):
        body = {
            "state": SUCCESS,
            "environment": deployed.environment,
            "description": _description(deployed),
            # one stage holds many models: the next one's deployment must not end this one's
            "auto_inactive": False,
        }
        client.send("POST", f"{path}/{made}/statuses", body)


def _body(deployed: Deployed) -> Row:
    return {
        "ref": deployed.commit,
        "environment": deployed.environment,
        "task": TASK,
        "auto_merge": False,
        "required_contexts": [],
        "payload": {"promotion": deployed.promotion, "entry": deployed.entry},
        "description": _description(deployed),
        "transient_environment": False,
    }


def _description(deployed: Deployed) -> str:
    told = deployed.description
    return told if len(told) <= MAX_DESCRIPTION else f"{told[: MAX_DESCRIPTION - 1]}…"


def _promotion(row: Row) -> Any:
    """The promotion of a deployment; its payload is an object, or one in a string."""
    payload = row.get("payload")
    if isinstance(payload, str):
        try:
            payload = parse(payload, "a deployment's payload")
        except IncompleteError:
            return None
    return payload.get("promotion") if isinstance(payload, Mapping) else None


def _is_own(row: Row, myself: Myself) -> bool:
    return myself.wrote(row, "creator")
