"""Keys that an auditor knows from elsewhere, as text: a verifier key, or a fingerprint.

ledger.example.com/prod+3f783ac5+AX9…=
sha256:fd49b95b7c0002e7e7cc3a196801e5876a4e4a54bcdce69b71d3ffab25c6338d
"""

import re

from stagewright.errors import LedgerDamagedError, UsageError
from stagewright.ledger.note import VerifierKey, parse_verifier_key


def parse_pin(pin: str) -> VerifierKey | str:
    """A verifier key, or the hex of a fingerprint. UsageError for any other text."""
    return parse_fingerprint(pin) if "+" not in pin else _parse_pinned_key(pin)


def _parse_pinned_key(pin: str) -> VerifierKey:
    try:
        return parse_verifier_key(pin.strip())
    except LedgerDamagedError as error:
        raise UsageError(f"the pinned key is no key: {error}", hint="give the line of log.vkey") from error


def parse_fingerprint(pin: str) -> str:
    """The 64 hex digits of a fingerprint, with or without `sha256:`. UsageError for any other text."""
    match = re.fullmatch("(?:sha256:)?([0-9a-f]{64})", pin.strip())
    if match is None:
        raise UsageError(
            f"neither a verifier key nor a fingerprint: {pin[:100]!r}",
            hint="give name+id+key, or sha256: and 64 hex digits",
        )
    return match[1]
