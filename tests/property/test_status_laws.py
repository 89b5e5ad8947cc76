"""Laws of a status over any sequence of attempts."""

from dataclasses import replace
from typing import Any

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st

from stagewright.kube.conditions import ConditionType, sentence
from stagewright.kube.status import status_of
from stagewright.schema.crd import structural
from stagewright.schema.status_shape import RegistrySyncStatusShape
from tests.unit.kube.attempts import ATTEMPTS, later

FORM = jsonschema.Draft202012Validator(structural(RegistrySyncStatusShape))
MADE = {name: make() for name, make in sorted(ATTEMPTS.items())}
ORDER = [str(kind) for kind in ConditionType]


def by_type(status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {condition["type"]: condition for condition in status.get("conditions", ())}


@settings(max_examples=60)
@given(names=st.lists(st.sampled_from(list(MADE)), min_size=1, max_size=6), data=st.data())
def test_status_of_any_sequence_of_attempts_keeps_its_laws(names: list[str], data: st.DataObject):
    status: dict[str, Any] = {}
    for number, name in enumerate(names):
        generation = data.draw(st.integers(number, number + 1))
        attempt = later(MADE[name], status, 60 * number)
        metadata = {**attempt.found["metadata"], "generation": generation}
        attempt = replace(attempt, found={**attempt.found, "metadata": metadata})
        before, status = status, status_of(attempt)
        old, new = by_type(before), by_type(status)

        assert FORM.is_valid(status)
        assert [kind for kind in ORDER if kind in new] == list(new)
        assert "Ready" in new
        assert not {"Stalled", "Reconciling"} <= set(new)
        assert new["Ready"]["observedGeneration"] == status["observedGeneration"] == generation
        for kind, condition in new.items():
            turned = kind not in old or old[kind]["status"] != condition["status"]
            assert turned == (condition["lastTransitionTime"] != old.get(kind, {}).get("lastTransitionTime"))
            assert len(condition["message"].encode()) <= 1024
        assert set(old) - set(new) <= {"Stalled", "Reconciling"}
        assert status_of(later(attempt, status)) == status


@given(text=st.text())
def test_sentence_of_any_text_is_one_short_line_and_a_sentence_already(text: str):
    line = sentence(text)

    assert line.isprintable()
    assert len(line.encode("utf-8", "replace")) <= 1024
    assert sentence(line) == line
