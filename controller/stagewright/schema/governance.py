"""Governance by content: from the files at one commit to the value that is promoted, and to what it means."""

import hashlib
from collections.abc import Mapping

import rfc8785

from stagewright.errors import DocumentError
from stagewright.model.codec import value_to_json
from stagewright.model.desired import CodeOwnersLines, GovernanceValue
from stagewright.model.policy import Governance, OwnerRule
from stagewright.schema.allowed_signers import allowed_signers_path, parse_allowed_signers
from stagewright.schema.codeowners import LOCATIONS, decode_codeowners, parse_codeowners, relevant_lines
from stagewright.schema.policy_document import parse_policy, policy_path


def governance_value(files: Mapping[str, tuple[str, bytes]], path: str) -> GovernanceValue:
    """The value that the files (by path: blob id and content) declare, for a source at `path` ("": the root).

    Files that have nothing to do with governance are passed over. Every CODEOWNERS location that exists is named,
    even with no line that matters, since the first of them hides the others. DocumentError for one that is no text.
    """
    policy, signers = files.get(policy_path(path)), files.get(allowed_signers_path(path))
    return GovernanceValue(
        policy=None if policy is None else policy[0],
        allowed_signers=None if signers is None else signers[0],
        codeowners=tuple(
            CodeOwnersLines(
                location=location, lines=relevant_lines(decode_codeowners(files[location][1], location), path)
            )
            for location in LOCATIONS
            if location in files
        ),
    )


def load_governance(
    value: GovernanceValue, *, policy: bytes | None, allowed_signers: bytes | None, path: str
) -> Governance:
    """The value with its contents: `policy` and `allowed_signers` are the blobs that it names, None where it has none.

    DocumentError when a content is invalid, or is missing though the value names it. Lines of owners count within
    the lines that matter.
    """
    for name, blob, data in (
        (policy_path(path), value.policy, policy),
        (allowed_signers_path(path), value.allowed_signers, allowed_signers),
    ):
        if (blob is None) != (data is None):
            raise DocumentError("the content does not belong to this governance", file=name)
    return Governance(
        value=value,
        digest=hashlib.sha256(rfc8785.dumps(value_to_json(value))).hexdigest(),
        policy=None if policy is None else parse_policy(policy, policy_path(path)),
        owners=_owners(value),
        signers=() if allowed_signers is None else parse_allowed_signers(allowed_signers, allowed_signers_path(path)),
        path=path,
    )


def _owners(value: GovernanceValue) -> tuple[OwnerRule, ...]:
    if not value.codeowners:
        return ()
    rules, _ = parse_codeowners("".join(f"{line}\n" for line in value.codeowners[0].lines))
    return rules
