"""Values in words, the same on a terminal and on a pull request's page."""

from stagewright.model.desired import GovernanceValue, Nobody, Spec, StageEntry, Value


def told(value: Value | None) -> str:
    """A value in a few words."""
    match value:
        case None:
            return "not governed"
        case Nobody():
            return "nobody"
        case StageEntry(version=version, digest=digest):
            return f"version {version} ({digest[:19]}…)"
        case Spec(risk_tier=tier, mode=mode):
            return f"spec ({tier} risk, mode {mode or 'by default'})"
        case GovernanceValue(policy=policy):
            return f"governance (policy {policy[:12] if policy else 'none'})"


def changes(before: Value | None, after: Value | None) -> str:
    """From what to what; of two specs or governances only what differs."""
    match before, after:
        case Spec(), Spec():
            names = ("owner", "purpose", "risk_tier", "card", "mode", "registered_model", "withdrawn")
            parts = [(n, getattr(before, n), getattr(after, n)) for n in names]
            return ", ".join(f"{n.replace('_', ' ')} {old} → {new}" for n, old, new in parts if old != new)
        case GovernanceValue(), GovernanceValue():
            parts = [
                ("policy", before.policy, after.policy),
                ("allowed signers", before.allowed_signers, after.allowed_signers),
            ]
            texts = [f"{n} {str(old)[:12]} → {str(new)[:12]}" for n, old, new in parts if old != new]
            return ", ".join([*texts, *(["code owners"] if before.codeowners != after.codeowners else [])])
        case _:
            return f"{told(before)} → {told(after)}"
