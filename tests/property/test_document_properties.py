"""Properties of the documents: nothing crashes them, what they accept means one thing, and edits say what was meant."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stagewright.errors import DocumentError
from stagewright.model.desired import NOBODY, Spec, StageEntry, StageValue, Trainer
from stagewright.schema.allowed_signers import parse_allowed_signers
from stagewright.schema.codeowners import decode_codeowners, parse_codeowners
from stagewright.schema.edit import new_model, remove_stage, set_spec_field, set_stage
from stagewright.schema.model_document import ModelDocument, parse_model
from stagewright.schema.names import skeleton, twins
from stagewright.schema.nodes import Document, plain
from stagewright.schema.policy_document import parse_policy
from stagewright.schema.registry_sync import parse_registry_sync
from stagewright.schema.yaml import parse_yaml

TABLES = Path(__file__).parents[1] / "vectors" / "documents"
PARSERS: dict[str, Callable[[bytes], object]] = {
    "yaml": lambda data: parse_yaml(data, "f"),
    "model": lambda data: parse_model(data, "models/credit-risk.yaml"),
    "policy": lambda data: parse_policy(data, "stagewright.yaml"),
    "registrysync": lambda data: parse_registry_sync(data, "sync.yaml", folder="/srv"),
    "allowed_signers": lambda data: parse_allowed_signers(data, "allowed_signers"),
    "codeowners": lambda data: parse_codeowners(decode_codeowners(data, "CODEOWNERS")),
}
BASES: dict[str, str] = {
    kind: yaml.safe_load((TABLES / f"{kind}.yaml").read_text("utf-8"))["base"]
    for kind in ("model", "policy", "registrysync")
}

# pieces of YAML, so that random texts reach deep into the parser
PIECES = st.sampled_from(
    [
        *("a", "b: ", "- ", "\n", "\n  ", " ", "[", "]", "{", "}", ", ", ": ", "? ", "|\n", ">\n", "|-\n", "'", '"'),
        *("#", "&x ", "*x", "!!str ", "! ", "<<", "---\n", "...\n", "%YAML 1.1\n", "\\", '"\\U', "F", "\t", "\r"),
        *(
            "no",
            "0x9",
            "9",
            "1:30",
            "~",
            "null",
            "\ufeff",
            "\u2028",
            "é",
            "=",
            "@",
            "`",
            "\0",
            "2026-12-20",
            ".5",
            "9.0",
        ),
    ]
)
YAMLISH = st.lists(PIECES, max_size=25).map("".join)


def outcome(parse: Callable[[bytes], object], data: bytes) -> object:
    """What the parser yields, or its problems as text. Any other exception fails the test."""
    try:
        return parse(data)
    except DocumentError as error:
        problems = (error, *error.also)
        assert all(1 <= one.line <= data.count(b"\n") + 1 and one.column >= 1 for one in problems)
        return tuple(map(str, problems))


@pytest.mark.parametrize("kind", PARSERS)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200) | YAMLISH.map(lambda text: text.encode()))
def test_parsers_of_any_bytes_answer_or_name_a_place_in_the_text(kind: str, data: bytes):
    assert outcome(PARSERS[kind], data) == outcome(PARSERS[kind], data)


@pytest.mark.parametrize("kind", BASES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_parsers_of_a_damaged_document_answer_or_name_a_place_in_the_text(kind: str, data: st.DataObject):
    text = BASES[kind]
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 30))
    damaged = (text[:at] + data.draw(YAMLISH) + text[at + cut :]).encode()
    assert outcome(PARSERS[kind], damaged) == outcome(PARSERS[kind], damaged)


class PlainLoader(yaml.SafeLoader):
    """PyYAML as anyone would use it, with timestamps left as text."""


PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@settings(max_examples=200, deadline=None)
@given(text=YAMLISH)
@example(text="a: 2026-12-20\nb: 'no'\n")
def test_parse_yaml_of_what_it_accepts_means_what_every_reader_takes(text: str):
    document = outcome(lambda data: parse_yaml(data, "f"), text.encode())
    if isinstance(document, Document):
        assert plain(document.root) == yaml.load(text, PlainLoader)


JSON_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_categories=("Cc", "Cf")), max_size=20)
JSON_VALUES = st.recursive(
    JSON_TEXT | st.booleans() | st.integers(-(10**14) + 1, 10**14),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(JSON_TEXT, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=80, deadline=None)
@given(value=JSON_VALUES)
def test_parse_yaml_of_json_yields_its_value(value: Any):
    assert plain(parse_yaml(json.dumps(value, ensure_ascii=False).encode(), "f").root) == value


DIGESTS = st.integers(0, 2**256 - 1).map(lambda number: f"sha256:{number:064x}")
LINES = st.text(st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_categories=("Cc", "Cf", "Zs")), min_size=1)
WORDS = (
    st.sampled_from(["no", "null", "y", "1e3", "0x9", "a b", "a: b", "#", "- a", "m-1", "41fa", "@dana", "é"]) | LINES
)
ASCII = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
ENTRIES = st.builds(
    StageEntry,
    version=st.integers(1, 2**31 - 1),
    digest=DIGESTS,
    evidence=DIGESTS,
    run_id=ASCII,
    model_id=st.none() | ASCII,
    source=st.none() | WORDS,
    trainer=st.none() | st.builds(Trainer, name=WORDS, declared=st.booleans()),
)
VALUES: st.SearchStrategy[StageValue] = st.just(NOBODY) | ENTRIES
SPECS = st.builds(
    Spec,
    owner=st.none() | WORDS,
    purpose=st.none() | WORDS | st.just("two\nlines: of # text\n"),
    risk_tier=st.sampled_from(["low", "medium", "high"]),
    card=st.none() | st.just("cards/a.md"),
    mode=st.none() | st.sampled_from(["observe", "report", "enforce"]),
    registered_model=st.sampled_from(["credit", "Credit Risk", "no", "7", "a#b"]),
)
STAGES = ("Shadow", "Staging", "No", "Production", "Zed")
STAGE_MAPS = st.dictionaries(st.sampled_from(STAGES), VALUES, max_size=4)


def parsed(text: str) -> ModelDocument:
    return parse_model(text.encode(), "models/credit.yaml")


@settings(max_examples=60, deadline=None)
@given(spec=SPECS, stages=STAGE_MAPS)
def test_new_model_of_any_value_is_read_back(spec: Spec, stages: dict[str, StageValue]):
    assert parsed(new_model("credit", spec, stages)) == ModelDocument(name="credit", spec=spec, stages=stages)


@settings(max_examples=40, deadline=None)
@given(
    spec=SPECS,
    stages=STAGE_MAPS,
    steps=st.lists(st.tuples(st.sampled_from(STAGES), st.none() | VALUES), min_size=1, max_size=5),
)
def test_edits_one_after_another_do_what_a_mapping_does(
    spec: Spec, stages: dict[str, StageValue], steps: list[tuple[str, StageValue | None]]
):
    text, wanted = new_model("credit", spec, stages), dict(stages)
    for stage, value in steps:
        if value is not None:
            text = set_stage(text, stage, value, order=STAGES)
            wanted[stage] = value
        elif stage in wanted:
            text = remove_stage(text, stage)
            del wanted[stage]
    found = parsed(text)
    assert (found.spec, dict(found.stages)) == (spec, wanted)


@settings(max_examples=25, deadline=None)
@given(spec=SPECS, other=SPECS, stages=STAGE_MAPS)
def test_set_spec_field_of_every_field_makes_one_spec_the_other(spec: Spec, other: Spec, stages: dict[str, StageValue]):
    text = new_model("credit", spec, stages)
    text = set_spec_field(text, "owner", other.owner)
    text = set_spec_field(text, "purpose", other.purpose)
    text = set_spec_field(text, "riskTier", other.risk_tier)
    text = set_spec_field(text, "card", other.card)
    text = set_spec_field(text, "mode", other.mode)
    text = set_spec_field(text, "registeredModel", other.registered_model)
    assert parsed(text) == ModelDocument(name="credit", spec=other, stages=stages)


@settings(max_examples=200)
@given(names=st.lists(st.text("aAl1IoO0rnmсо-", min_size=1, max_size=4), max_size=8))
def test_twins_of_names_are_disjoint_groups_that_hold_every_pair_alike(names: list[str]):
    groups = twins(names)
    assert sum(map(len, groups)) == len(frozenset[str]().union(*groups))
    alike = {
        frozenset((one, other))
        for one in names
        for other in names
        if one != other and (skeleton(one) == skeleton(other) or one.casefold() == other.casefold())
    }
    assert all(any(pair <= group for group in groups) for pair in alike)
    assert twins(reversed(names)) == groups
