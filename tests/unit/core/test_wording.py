from dataclasses import replace

import pytest

from stagewright.core.wording import changes
from stagewright.model.desired import NOBODY, CodeOwnersLines, GovernanceValue, Spec, StageEntry, Value

NINE = StageEntry(version=9, digest="sha256:" + "ab" * 32, evidence="sha256:" + "cd" * 32, run_id="r")
SPEC = Spec(owner="@o", purpose="p", risk_tier="high", card=None, mode=None, registered_model="m")
LAW = GovernanceValue(policy="a" * 40, allowed_signers=None, codeowners=())


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (None, NINE, "not governed → version 9 (sha256:abababababab…)"),
        (NINE, NOBODY, "version 9 (sha256:abababababab…) → nobody"),
        (NINE, None, "version 9 (sha256:abababababab…) → not governed"),
        (None, SPEC, "not governed → spec (high risk, mode by default)"),
        (replace(SPEC, mode="observe"), None, "spec (high risk, mode observe) → not governed"),
        (SPEC, replace(SPEC, risk_tier="low", mode="enforce"), "risk tier high → low, mode None → enforce"),
        (LAW, None, "governance (policy aaaaaaaaaaaa) → not governed"),
        (replace(LAW, policy=None), None, "governance (policy none) → not governed"),
        (LAW, replace(LAW, policy="b" * 40), "policy aaaaaaaaaaaa → bbbbbbbbbbbb"),
        (LAW, replace(LAW, allowed_signers="c" * 40), "allowed signers None → cccccccccccc"),
        (LAW, replace(LAW, codeowners=(CodeOwnersLines(location="CODEOWNERS", lines=("* @o",)),)), "code owners"),
    ],
)
def test_changes_says_what_differs(before: Value | None, after: Value | None, text: str):
    assert changes(before, after) == text
