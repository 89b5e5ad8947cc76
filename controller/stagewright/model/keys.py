"""Keys: the things whose declared value can change, and so be promoted.

A key as text, everywhere it is shown or signed:

    @governance                  policy, code owners and allowed signers
    credit-risk/@spec            what the model is for and how heavy its rules are
    credit-risk/Production       what may run there
"""

from dataclasses import dataclass

from stagewright.errors import InvalidError

GOVERNANCE_TEXT = "@governance"
SPEC_TEXT = "@spec"


@dataclass(frozen=True, slots=True)
class GovernanceKey:
    """The one key of policy, code owners and allowed signers together."""

    def __str__(self) -> str:
        return GOVERNANCE_TEXT


@dataclass(frozen=True, slots=True)
class SpecKey:
    """A model's owner, purpose, tier, card, mode, registered name and withdrawn versions."""

    model: str

    def __str__(self) -> str:
        return f"{self.model}/{SPEC_TEXT}"


@dataclass(frozen=True, slots=True)
class StageKey:
    """One stage of one model."""

    model: str
    stage: str

    def __str__(self) -> str:
        return f"{self.model}/{self.stage}"


Key = GovernanceKey | SpecKey | StageKey


def key_order(key: Key) -> tuple[int, str, int, str]:
    """Sort position: governance first, then model by model, the spec before its stages."""
    match key:
        case GovernanceKey():
            return (0, "", 0, "")
        case SpecKey(model):
            return (1, model, 0, "")
        case StageKey(model, stage):
            return (1, model, 1, stage)


def parse_key(text: str) -> Key:
    """The key that `str()` spells as `text`; InvalidError for any other text."""
    if text == GOVERNANCE_TEXT:
        return GovernanceKey()
    model, slash, rest = text.partition("/")
    if not (model and slash and rest) or "/" in rest:
        raise InvalidError(f"no such key: {text!r}", hint="write @governance, MODEL/@spec or MODEL/STAGE")
    return SpecKey(model) if rest == SPEC_TEXT else StageKey(model, rest)
