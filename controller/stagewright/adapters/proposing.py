"""Pull requests and reviews in a person's own name: what every forge with accounts has in common."""

from collections.abc import Callable

from stagewright.adapters.rows import Row, number, text
from stagewright.errors import IncompleteError, InvalidError
from stagewright.model.conversation import PullLink
from stagewright.model.review import DecisionText


def open_once(there: Callable[[], Row | None], make: Callable[[], object], place: str) -> PullLink:
    """The pull request that is `there` already, or the one that this makes, even where somebody else is faster."""
    found = there()
    if found is not None:
        return _link(found, created=False)
    try:
        made = make()
    except InvalidError:
        found = there()
        if found is None:
            raise
        return _link(found, created=False)
    if not isinstance(made, dict):
        raise IncompleteError(f"{place} does not say which pull request it opened")
    return _link(made, created=True)


def review_text(decision: DecisionText) -> str:
    """What a review says to people: what its author wrote, and the subjects. What counts is the commit."""
    said = decision.text or ("Approved." if decision.decision == "approve" else "Rejected.")
    return "\n".join([said, "", *(f"stagewright-subject: {subject}" for subject in decision.subjects)]).rstrip("\n")


def _link(row: Row, *, created: bool) -> PullLink:
    return PullLink(number=number(row, "number"), url=text(row, "html_url"), created=created)
