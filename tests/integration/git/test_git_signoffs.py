"""Checking recorded decisions again: the one that was signed holds, any other does not."""

from datetime import UTC, datetime

import pytest

from stagewright.adapters.git.signoffs import observation_flaw
from stagewright.ledger.predicates import Epoch, Observation
from tests.git_world import World, person

SUBJECT = "a" * 64


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Observation]:
    """A tag's bytes, and the observation that records it."""
    world = World(tmp_path_factory.mktemp("signed") / "world")
    tag = world.approve("noor", world.first, [SUBJECT])
    # git prints the object as it is stored, with its last line feed
    raw = world.git_origin("cat-file", "tag", tag).encode() + b"\n"
    observation = Observation(
        recorded_at=datetime(2026, 11, 24, tzinfo=UTC),
        sync="bank",
        epoch=Epoch(lease="bank", transitions=0, holder="tests"),
        controller="0",
        review=tag,
        kind="approve",
        commit=world.first,
        key=person("noor").fingerprint,
        subjects=(SUBJECT,),
        withdraws=(),
        body="sha256:" + "0" * 64,
    )
    return raw, observation


def test_observation_flaw_of_the_signed_object_is_none(signed: tuple[bytes, Observation]):
    raw, observation = signed
    assert observation_flaw(raw, observation) is None


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"review": "b" * 40}, "object"),
        ({"key": person("mo").fingerprint}, "key"),
        ({"kind": "reject"}, "decision"),
        ({"commit": "c" * 40}, "commit"),
        ({"subjects": ("b" * 64,)}, "subjects"),
        ({"withdraws": ("d" * 40,)}, "withdrawals"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_observation_flaw_of_another_record_names_what_differs(
    change: dict[str, object], what: str, signed: tuple[bytes, Observation]
):
    raw, observation = signed
    flaw = observation_flaw(raw, observation.model_copy(update=change))
    assert flaw == f"tag {observation.review} says another {what} than was recorded"


def test_observation_flaw_of_a_changed_object_is_its_signature(signed: tuple[bytes, Observation]):
    raw, observation = signed
    flaw = observation_flaw(raw.replace(b"Looked at it", b"Looked at xx"), observation)
    assert flaw is not None
    assert "does not hold" in flaw


@pytest.mark.parametrize("raw", [b"", b"tree 1234\n\n"], ids=["empty", "another object"])
def test_observation_flaw_of_no_tag_says_so(raw: bytes, signed: tuple[bytes, Observation]):
    flaw = observation_flaw(raw, signed[1])
    assert flaw is not None
    assert flaw.startswith("the signed object is no tag")
