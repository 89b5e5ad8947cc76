"""What a decision tag says: its trailers, read and written in one spelling.

    Back-tested on May, fine.

    stagewright-decision: approve
    stagewright-subject: 3f0c…            one line per promotion that is decided, 64 hexadecimal digits
    stagewright-withdraws: 9b1d…          an earlier rejection of one's own, by tag object, 40 digits; any number
    stagewright-origin: acme.example/prod  the ledger, for people; the subject binds it

The trailers are the last paragraph of the message, and nothing else stands in it.
"""

import re

from stagewright.errors import UsageError
from stagewright.model.review import DecisionText, TagDecision

TAG_PREFIX = "stagewright/"
# What a ledger's entry takes of the subjects that it may name.
MAX_MESSAGE_BYTES = 49_152

_DECISIONS: dict[str, TagDecision] = {"approve": "approve", "reject": "reject"}
_MARK = re.compile(r"^\s*stagewright-", re.IGNORECASE | re.MULTILINE)
_TRAILER = re.compile(
    r"stagewright-(?:"
    r"decision: (?P<decision>approve|reject)"
    r"|subject: (?P<subject>[0-9a-f]{64})"
    r"|withdraws: (?P<withdraws>[0-9a-f]{40})"
    r"|origin: (?P<origin>[!-~]+)"
    r")"
)


class MalformedDecisionError(ValueError):
    """The message is meant as a decision, but cannot count. Its text completes "it does not count, for …"."""


def is_decision(name: str, message: bytes) -> bool:
    """Whether a tag is meant as a decision at all: by its name, or by any line that looks like one of the trailers."""
    return name.startswith(TAG_PREFIX) or _MARK.search(message.decode("utf-8", "replace")) is not None


def parse_decision(message: bytes) -> DecisionText:
    """Read a tag's message. MalformedDecisionError says what in it is not in its one spelling."""
    if len(message) > MAX_MESSAGE_BYTES:
        raise MalformedDecisionError(f"its message is longer than {MAX_MESSAGE_BYTES} bytes")
    try:
        whole = message.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedDecisionError("its message is not UTF-8") from error
    body, end, rest = whole.rpartition("\n")
    if not end or rest:
        raise MalformedDecisionError("its message does not end with a newline")
    text, _, block = body.rpartition("\n\n")
    if _MARK.search(text):
        raise MalformedDecisionError("a stagewright- line stands outside of the last paragraph")
    found: dict[str, list[str]] = {"decision": [], "subject": [], "withdraws": [], "origin": []}
    for line in block.split("\n"):
        match = _TRAILER.fullmatch(line)
        if match is None or match.lastgroup is None:
            raise MalformedDecisionError(f"the line {line[:80]!r} of its last paragraph is no trailer in its spelling")
        found[match.lastgroup].append(match[match.lastgroup])
    for name, values in found.items():
        if len(set(values)) != len(values):
            raise MalformedDecisionError(f"it repeats a stagewright-{name} line")
    if len(found["decision"]) != 1:
        raise MalformedDecisionError("it needs exactly one stagewright-decision line")
    if not found["subject"]:
        raise MalformedDecisionError("it has no stagewright-subject line, so it decides nothing")
    if len(found["origin"]) > 1:
        raise MalformedDecisionError("it has more than one stagewright-origin line")
    return DecisionText(
        decision=_DECISIONS[found["decision"][0]],
        subjects=tuple(found["subject"]),
        withdraws=tuple(found["withdraws"]),
        origin="".join(found["origin"]),
        text=text,
    )


def format_decision(decision: DecisionText) -> str:
    """The message of a tag that says this. UsageError when it could not be read back."""
    lines = [f"stagewright-decision: {decision.decision}"]
    lines += [f"stagewright-subject: {subject}" for subject in decision.subjects]
    lines += [f"stagewright-withdraws: {tag}" for tag in decision.withdraws]
    lines += [f"stagewright-origin: {decision.origin}"] if decision.origin else []
    message = f"{decision.text}\n\n" + "\n".join(lines) + "\n"
    try:
        same = parse_decision(message.encode()) == decision
    except (MalformedDecisionError, UnicodeEncodeError) as error:
        raise UsageError(f"this decision cannot be written as a tag: {error}", hint="change its text") from error
    if not same or "-----BEGIN " in decision.text or "\r" in decision.text or "\0" in decision.text:
        raise UsageError("this decision cannot be written as a tag", hint="write a plain text of one or more lines")
    return message


def tag_name(commit: str, slug: str, decision: TagDecision, number: int) -> str:
    """`stagewright/<first 12 digits of the commit>/<who>-<decision>-<number>`; any name is accepted when reading.

    `slug` is cut down to what a ref may hold.
    """
    safe = re.sub(r"[^a-z0-9]+", "-", slug.lower()).strip("-") or "someone"
    return f"{TAG_PREFIX}{commit[:12]}/{safe}-{decision}-{number}"
