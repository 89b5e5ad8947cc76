import json
from dataclasses import replace
from math import inf, nan
from typing import Any

import jsonschema
import pytest

from stagewright.core.evidence import evidence_digest, evidence_document, evidence_text, metric_value
from stagewright.errors import InvalidError
from stagewright.model.evidence import (
    EVIDENCE_SCHEMA,
    FINGERPRINT,
    Evidence,
    EvidenceDataSet,
    EvidenceRun,
    LoggedModel,
    Metric,
)

RUN = EvidenceRun(id="41f", experiment_id="3", status="FINISHED", lifecycle="active", user="dana")
TRAIN = EvidenceDataSet(
    name="credit",
    digest="5ec1",
    digest_kind=FINGERPRINT,
    context="training",
    source_type="s3",
    source_digest="sha256:" + "0" * 64,
    tags=(("b", "2"), ("a", "1")),
)
TEST = replace(TRAIN, context=None, source_type=None, source_digest=None, tags=())
AUC = Metric(name="auc", value=0.83, step=0)
LOSS = Metric(name="loss", value=nan, step=7)
SLICE = Metric(name="auc", value=1.0, step=0, data_set=("credit", "5ec1"))
WHOLE = Evidence(
    run=RUN,
    trainer="dana",
    source_commit="9fceb02",
    params=(("z", "1"), ("a", "2")),
    metrics=(LOSS, AUC),
    data_sets=(TRAIN, TEST),
    logged_model=LoggedModel(id="m-8a2", params=(("k", "v"),), metrics=(SLICE, AUC)),
    signature={"inputs": [{"type": "double"}], "outputs": None, "params": None},
)
TEXT = (
    '{"apiVersion":"stagewright.dev/v1alpha1",'
    '"dataSets":[{"context":null,"digest":"5ec1","digestKind":"mlflow-fingerprint","name":"credit","sourceDigest":null,'
    '"sourceType":null,"tags":[]},'
    '{"context":"training","digest":"5ec1","digestKind":"mlflow-fingerprint","name":"credit",'
    f'"sourceDigest":"sha256:{"0" * 64}",'
    '"sourceType":"s3","tags":[{"name":"a","value":"1"},{"name":"b","value":"2"}]}],'
    '"kind":"Evidence",'
    '"loggedModel":{"id":"m-8a2","metrics":[{"name":"auc","step":0,"value":0.83},'
    '{"dataSet":{"digest":"5ec1","name":"credit"},"name":"auc","step":0,"value":1}],'
    '"params":[{"name":"k","value":"v"}]},'
    '"metrics":[{"name":"auc","step":0,"value":0.83},{"name":"loss","step":7,"value":"NaN"}],'
    '"params":[{"name":"a","value":"2"},{"name":"z","value":"1"}],'
    '"run":{"experimentId":"3","id":"41f","lifecycle":"active","status":"FINISHED","user":"dana"},'
    '"signature":{"inputs":[{"type":"double"}],"outputs":null,"params":null},'
    '"sourceCommit":"9fceb02","trainer":"dana"}'
)


def test_evidence_text_is_the_canonical_form():
    assert evidence_text(WHOLE) == TEXT


def test_evidence_digest_is_of_the_bytes_of_the_text():
    assert evidence_digest("{}") == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_evidence_of_nothing_has_a_text():
    assert json.loads(evidence_text(Evidence())) == {
        "apiVersion": "stagewright.dev/v1alpha1",
        "kind": "Evidence",
        "run": None,
        "trainer": None,
        "sourceCommit": None,
        "params": [],
        "metrics": [],
        "dataSets": [],
        "loggedModel": None,
        "signature": None,
    }


@pytest.mark.parametrize("evidence", [WHOLE, Evidence(), replace(WHOLE, signature=None)])
def test_evidence_document_is_what_the_schema_says(evidence: Evidence):
    jsonschema.validate(json.loads(evidence_text(evidence)), EVIDENCE_SCHEMA)


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param({"kind": "Model"}, id="another kind"),
        pytest.param({"name": "credit-risk"}, id="an unknown key"),
        pytest.param({"metrics": [{"name": "auc", "value": "0.83", "step": 0}]}, id="a number as text"),
        pytest.param({"metrics": [{"name": "auc", "value": 1, "step": 0, "dataSet": None}]}, id="a null slice"),
        pytest.param({"run": {"id": "41f"}}, id="half a run"),
        pytest.param({"signature": {"inputs": []}}, id="half a signature"),
    ],
)
def test_evidence_schema_refuses_other_documents(edit: dict[str, Any]):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**json.loads(TEXT), **edit}, EVIDENCE_SCHEMA)


def test_evidence_schema_wants_every_key():
    validator = jsonschema.Draft202012Validator(EVIDENCE_SCHEMA)
    document = json.loads(TEXT)
    incomplete = [{k: v for k, v in document.items() if k != missing} for missing in document]
    assert [validator.is_valid(one) for one in incomplete] == [False] * len(document)


@pytest.mark.parametrize(
    "edited",
    [
        pytest.param(replace(WHOLE, metrics=(LOSS, replace(AUC, value=0.84))), id="a metric's value"),
        pytest.param(replace(WHOLE, metrics=(LOSS, replace(AUC, step=1))), id="a metric's step"),
        pytest.param(replace(WHOLE, metrics=(AUC, replace(LOSS, value=0.0))), id="not a number any more"),
        pytest.param(replace(WHOLE, metrics=(AUC, replace(LOSS, value=inf))), id="infinite"),
        pytest.param(replace(WHOLE, metrics=(AUC,)), id="a metric gone"),
        pytest.param(replace(WHOLE, params=(("z", "1"), ("a", "3"))), id="a parameter"),
        pytest.param(replace(WHOLE, trainer="sam"), id="the trainer"),
        pytest.param(replace(WHOLE, source_commit=None), id="the commit"),
        pytest.param(replace(WHOLE, run=replace(RUN, lifecycle="deleted")), id="the run deleted"),
        pytest.param(replace(WHOLE, run=None), id="no run"),
        pytest.param(replace(WHOLE, data_sets=(TRAIN,)), id="a data set gone"),
        pytest.param(replace(WHOLE, data_sets=(replace(TRAIN, context="test"), TEST)), id="a data set's context"),
        pytest.param(replace(WHOLE, data_sets=(replace(TRAIN, tags=()), TEST)), id="a data set's tags"),
        pytest.param(replace(WHOLE, logged_model=None), id="no logged model"),
        pytest.param(replace(WHOLE, logged_model=LoggedModel(id="m-8a2")), id="the logged model's metrics"),
        pytest.param(replace(WHOLE, signature=None), id="no signature"),
    ],
)
def test_evidence_text_after_an_edit_is_another(edited: Evidence):
    assert evidence_text(edited) != TEXT


def test_evidence_text_in_another_order_is_the_same():
    assert WHOLE.logged_model is not None
    turned = replace(
        WHOLE,
        params=WHOLE.params[::-1],
        metrics=WHOLE.metrics[::-1],
        data_sets=(TEST, replace(TRAIN, tags=TRAIN.tags[::-1])),
        logged_model=replace(WHOLE.logged_model, metrics=WHOLE.logged_model.metrics[::-1]),
    )
    assert evidence_text(turned) == TEXT


def nested(levels: int) -> Any:
    value: Any = None
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "evidence",
    [
        pytest.param(Evidence(trainer="\ud800"), id="half a surrogate pair"),
        pytest.param(Evidence(metrics=(Metric(name="a", value=1.0, step=2**53),)), id="a step beyond 2^53"),
        pytest.param(Evidence(signature={"\ud800": 1}), id="half a surrogate pair in a key"),
        pytest.param(Evidence(signature=nested(100_000)), id="nested without end"),
    ],
)
def test_evidence_text_that_json_cannot_carry_is_refused(evidence: Evidence):
    with pytest.raises(InvalidError, match="no canonical form"):
        evidence_text(evidence)


@pytest.mark.parametrize(("value", "shown"), [(0.5, 0.5), (nan, "NaN"), (inf, "Infinity"), (-inf, "-Infinity")])
def test_metric_value_that_is_no_json_number_is_text(value: float, shown: float | str):
    assert metric_value(value) == shown


def test_evidence_document_holds_no_registered_name():
    assert "name" not in evidence_document(WHOLE)
