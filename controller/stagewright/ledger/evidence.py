"""Bodies too large or too private for an entry, by their digest: `evidence/sha256/ab/cdef…`."""

import hashlib
import re

PREFIX = "evidence/"


def evidence_digest(body: bytes) -> str:
    """`sha256:` and 64 hex digits."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def evidence_path(digest: str) -> str:
    """Where the body with `digest` lies."""
    hex_digits = digest.removeprefix("sha256:")
    return f"{PREFIX}sha256/{hex_digits[:2]}/{hex_digits[2:]}"


def path_digest(name: str) -> str | None:
    """The digest of the body that lies at `name`; None when no body can."""
    match = re.fullmatch(r"evidence/sha256/([0-9a-f]{2})/([0-9a-f]{62})", name)
    return match and f"sha256:{match[1]}{match[2]}"
