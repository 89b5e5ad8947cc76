import pytest

from stagewright.adapters.mlflow.answers import bare_source, logged_model_of, metrics_of, pairs
from stagewright.errors import UnreachableError


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ('{"uri": "s3://data/credit.parquet"}', "s3://data/credit.parquet"),
        ('{"url": "https://sam:secret@data.example/x?X-Amz-Signature=secret#secret"}', "https://data.example/x"),
        ('{"path": "/srv/data/credit.csv"}', "/srv/data/credit.csv"),
        ('{"tags": {"mlflow.user": "dana"}}', None),
        ("postgresql://sam:secret@db/credit", None),
        ('{"uri": "http://[secret"}', None),
        ('{"uri": ""}', None),
        ('{"uri": "a\\"secret"}', None),
        ("", None),
    ],
)
def test_bare_source_holds_the_place_and_no_secret(source: str, place: str | None):
    assert bare_source(source) == place


@pytest.mark.parametrize(
    ("source", "model_id"),
    [
        ("models:/m-8a2f", "m-8a2f"),
        ("models:/credit/1", None),
        ("models:/m-8a2f/../x", None),
        ("models:/m-8a2f?x", None),
        ("models://host/m-8a2f", None),
        ("mlflow-artifacts:/0/x", None),
        (None, None),
    ],
)
def test_logged_model_of_a_source_is_its_id_or_none(source: str | None, model_id: str | None):
    assert logged_model_of(source) == model_id


@pytest.mark.parametrize(
    "row",
    [
        {"key": "auc", "value": "0.83"},
        {"key": "auc", "value": "nan"},
        {"key": "auc", "value": True},
        {"key": "auc", "value": None},
        {"key": "auc", "value": 0.83, "step": "1"},
        {"key": "auc", "value": 0.83, "step": 1.0},
        {"key": "auc", "value": 0.83, "step": True},
        {"value": 0.83},
    ],
)
def test_metrics_of_another_shape_are_refused(row: dict[str, object]):
    with pytest.raises(UnreachableError, match="cannot be used"):
        metrics_of({"metrics": [row]})


def test_metrics_of_an_answer_that_leaves_out_zeros_are_zero():
    (metric,) = metrics_of({"metrics": [{"key": "loss"}]})
    assert (metric.value, metric.step, metric.data_set) == (0.0, 0, None)


def test_pairs_of_an_answer_that_leaves_out_an_empty_value_are_empty():
    assert pairs({"params": [{"key": "note"}, {"key": "c", "value": "1"}]}, "params") == (("note", ""), ("c", "1"))
