"""What the people who may change an object agree to by its annotations.

metadata:
  annotations:
    stagewright.dev/rebind: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    stagewright.dev/rebind-reason: the server was renamed
    stagewright.dev/accept-history: 4b4b…4b..c0c0…c0          # two whole commits, from and to
"""

import re
from collections.abc import Mapping
from typing import Any

from stagewright.app.consent import Consent
from stagewright.kube.conditions import sentence
from stagewright.schema.custom_resource import ACCEPT_HISTORY, REBIND, REBIND_REASON

_HISTORY = re.compile(r"([0-9a-f]{40})\.\.([0-9a-f]{40})")


def consent_of(found: Mapping[str, Any]) -> Consent:
    """What an object's annotations agree to. One that is spelled otherwise agrees to nothing."""
    metadata = found["metadata"]
    annotations = metadata.get("annotations") or {}
    said = str(annotations.get(REBIND_REASON, ""))
    history = _HISTORY.fullmatch(str(annotations.get(ACCEPT_HISTORY, "")))
    asked = f"asked for by an annotation on RegistrySync {metadata['namespace']}/{metadata['name']}"
    return Consent(
        rebind=str(annotations.get(REBIND, "")),
        history=(history[1], history[2]) if history else None,
        reason=sentence(f"{asked}: {said}" if said else asked),
    )


def how_to_agree(found: Mapping[str, Any], annotation: str, value: str) -> str:
    """The command that agrees."""
    metadata = found["metadata"]
    place = f"registrysync {metadata['name']} -n {metadata['namespace']}"
    return f"kubectl annotate --overwrite {place} {annotation}={value}"
