"""A person's part in accepting another history: signing it on git alone, or asking for it on a forge with accounts."""

from dataclasses import dataclass

from stagewright.app.desired import DesiredReader
from stagewright.app.history_reviews import document_path
from stagewright.core.acceptance import history_document, history_subject
from stagewright.core.change import changed_keys
from stagewright.core.judge import NO_GOVERNANCE
from stagewright.core.markdown import code
from stagewright.errors import InvalidError, NotFoundError
from stagewright.model.conversation import PullLink
from stagewright.model.desired import GovernanceValue
from stagewright.model.keys import GovernanceKey, Key
from stagewright.model.review import DecisionText, SigningKey, TagDecision
from stagewright.ports import Forge, PullRequests, Source, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryShown:
    """What a person decides on. `changed` is None where the commit that is left cannot be read here."""

    before: str
    after: str
    origin: str
    subject: str
    changed: tuple[Key, ...] | None


class HistoryDecider:
    """Signs decisions about histories in a person's name, where git alone is the forge."""

    def __init__(self, *, workspace: Workspace, source: Source, forge: Forge, desired: DesiredReader) -> None:
        self._workspace = workspace
        self._source = source
        self._forge = forge
        self._desired = desired

    def shown(self, before: str, after: str) -> HistoryShown:
        """What is decided on. NotFoundError: `after` is no commit here; InvalidError: it holds no valid policy."""
        self._workspace.fetch()
        self._source.fetch()
        state = self._desired.at(after)
        value = state.values.get(GovernanceKey(), NO_GOVERNANCE)
        policy = self._desired.governance(value).policy if isinstance(value, GovernanceValue) else None
        if policy is None:
            raise InvalidError(f"commit {after[:12]} holds no valid policy", hint="name a commit of the branch")
        try:
            changed = changed_keys(self._desired.at(before), state)
        except NotFoundError:
            changed = None
        return HistoryShown(
            before=before,
            after=after,
            origin=policy.origin,
            subject=history_subject(policy.origin, before, after),
            changed=changed,
        )

    def sign(self, shown: HistoryShown, decision: TagDecision, *, text: str, key: SigningKey) -> str:
        """Sign what was shown; the tag object's id. An approval withdraws one's own earlier rejections of it."""
        withdraws = tuple(
            sorted(
                review.id
                for review in (self._forge.observations() if decision == "approve" else ())
                if review.decision == "reject" and review.author == key and shown.subject in (review.claims or ())
            )
        )
        said = DecisionText(
            decision=decision, subjects=(shown.subject,), withdraws=withdraws, origin=shown.origin, text=text
        )
        _, email = self._workspace.identity()
        return self._workspace.sign_off(shown.after, said, slug=email.partition("@")[0])


def ask_for_history(
    workspace: Workspace,
    pull_requests: PullRequests,
    *,
    origin: str,
    before: str,
    after: str,
    reason: str,
    path: str,
) -> PullLink:
    """Open the pull request whose approvals accept the history, or find it open."""
    branch, place = f"accept-history-{after[:12]}", document_path(path, after)
    wanted = history_document(origin, before, after)
    workspace.fetch()
    try:
        there = workspace.show(workspace.resolve(branch), place) == wanted
    except NotFoundError:
        there = False
    title = f"Accept the history at {after[:12]}"
    if not there:
        workspace.commit(branch=branch, onto=after, files={place: wanted}, message=f"{title}\n\n{reason}\n")
    body = (
        f"The ledger {code(origin)} followed this branch up to {code(before)}, which is not in its history any more. "
        f"Whoever approves this agrees that the ledger goes on from {code(after)}.\n\n"
        "Nothing that may run changes by it; what is declared otherwise there is refused until it is proposed anew. "
        "Approve it only if you know why the history changed. It is read while it is open, and need not be merged.\n\n"
        f"Reason given: {code(reason)}\n"
    )
    return pull_requests.open(branch, title=title, body=body)
