"""Values as JSON and back: the form that is hashed, signed and kept in the ledger.

{"version": 9, "runId": "41f…", "digest": "sha256:…", "evidence": "sha256:…", "trainer": {"name": "@dana", …}}
"none"
{"owner": "@acme/credit-ml", "purpose": "…", "riskTier": "high", "card": "cards/credit-risk.md", …}
{"policy": "<blob id>", "allowedSigners": "<blob id>", "codeowners": [{"location": "CODEOWNERS", "lines": ["…"]}]}
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from stagewright.errors import InvalidError
from stagewright.model.desired import (
    MODES,
    NOBODY,
    TIERS,
    CodeOwnersLines,
    GovernanceValue,
    Mode,
    Nobody,
    RiskTier,
    Spec,
    StageEntry,
    Trainer,
    Value,
)
from stagewright.model.keys import GovernanceKey, Key, SpecKey, StageKey

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


def value_to_json(value: Value | None) -> Json:
    """The JSON form of a value; null is absent. Fields that are None are left out of a stage entry."""
    match value:
        case None:
            return None
        case Nobody():
            return "none"
        case StageEntry():
            fields: dict[str, Json] = {
                "version": value.version,
                "runId": value.run_id,
                "modelId": value.model_id,
                "source": value.source,
                "digest": value.digest,
                "evidence": value.evidence,
                "trainer": None
                if value.trainer is None
                else {"name": value.trainer.name, "declared": value.trainer.declared},
            }
            return {name: field for name, field in fields.items() if field is not None}
        case Spec():
            return {
                "owner": value.owner,
                "purpose": value.purpose,
                "riskTier": value.risk_tier,
                "card": value.card,
                "mode": value.mode,
                "registeredModel": value.registered_model,
                "withdrawn": list(value.withdrawn),
            }
        case GovernanceValue():
            return {
                "policy": value.policy,
                "allowedSigners": value.allowed_signers,
                "codeowners": [{"location": c.location, "lines": list(c.lines)} for c in value.codeowners],
            }


def value_from_json(key: Key, data: Any) -> Value | None:
    """The value that `value_to_json` spells as `data` for a key of this kind; InvalidError for any other."""
    try:
        value = _parse(key, data)
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidError(f"not a value of {key}: {error!r}") from error
    if value_to_json(value) != data:
        raise InvalidError(f"not a value of {key}: it has another spelling")
    return value


def _parse(key: Key, data: Any) -> Value | None:
    if data is None:
        return None
    match key:
        case GovernanceKey():
            return GovernanceValue(
                policy=data["policy"],
                allowed_signers=data["allowedSigners"],
                codeowners=tuple(
                    CodeOwnersLines(location=c["location"], lines=tuple(c["lines"])) for c in data["codeowners"]
                ),
            )
        case SpecKey():
            if data["riskTier"] not in TIERS or data["mode"] not in (*MODES, None):
                raise InvalidError(f"not a value of {key}: unknown tier or mode")
            return Spec(
                owner=data["owner"],
                purpose=data["purpose"],
                risk_tier=cast("RiskTier", data["riskTier"]),
                card=data["card"],
                mode=cast("Mode | None", data["mode"]),
                registered_model=data["registeredModel"],
                withdrawn=tuple(data["withdrawn"]),
            )
        case StageKey():
            if data == "none":
                return NOBODY
            trainer = data.get("trainer")
            return StageEntry(
                version=data["version"],
                digest=data["digest"],
                evidence=data["evidence"],
                run_id=data.get("runId"),
                model_id=data.get("modelId"),
                source=data.get("source"),
                trainer=None if trainer is None else Trainer(name=trainer["name"], declared=trainer["declared"]),
            )
