"""MLflow's answers as values. Nothing in them is believed: a field of another type than MLflow's is an error.

{"name": "credit-risk", "version": "9", "current_stage": "None", "status": "READY", "run_id": "41f…",
 "source": "models:/m-8a2…", "tags": [{"key": "stagewright.ledger-index", "value": "117"}]}
{"name": "credit-risk", "aliases": [{"alias": "champion", "version": "7"}]}
{"info": {"run_id": "41f…", "experiment_id": "3", "user_id": "dana", "status": "FINISHED", "lifecycle_stage": "active"},
 "data": {"metrics": [{"key": "auc", "value": 0.83, "step": 0}], "params": [{"key": "c", "value": "1"}], "tags": […]},
 "inputs": {"dataset_inputs": [{"dataset": {"name": …, "digest": …, "source_type": …, "source": …}, "tags": […]}]}}
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

from stagewright.adapters.mlflow.gateway import Answer
from stagewright.core.digest import content_digest
from stagewright.errors import UnreachableError
from stagewright.model.actual import ActualVersion, DataSet
from stagewright.model.evidence import FINGERPRINT, EvidenceDataSet, EvidenceRun, LoggedModel, Metric

LEDGER_INDEX_TAG = "stagewright.ledger-index"
USER_TAG = "mlflow.user"
COMMIT_TAG = "mlflow.source.git.commit"
CONTEXT_TAG = "mlflow.data.context"
_LOGGED_MODEL = re.compile(r"models:/(m-[A-Za-z0-9_-]+)")
_LEDGER_INDEX = re.compile(r"[0-9]{1,16}")
_VERSION = re.compile(r"[1-9][0-9]{0,9}")
_NOT_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})


def version_of(answer: Answer) -> tuple[str, ActualVersion]:
    """A model version, with the name of the model that it is of."""
    source = optional_text(answer, "source")
    tags = pairs(answer, "tags")
    return text(answer, "name"), ActualVersion(
        version=number_of(text(answer, "version")),
        stage=optional_text(answer, "current_stage") or "None",
        status=text(answer, "status"),
        run_id=optional_text(answer, "run_id"),
        model_id=optional_text(answer, "model_id") or logged_model_of(source),
        source=source,
        ledger_index=_ledger_index(dict(tags)),
    )


def _ledger_index(tags: Mapping[str, str]) -> str | None:
    """Our tag; None for what anybody else wrote there, which may have a hundred thousand characters."""
    found = tags.get(LEDGER_INDEX_TAG, "")
    return found if _LEDGER_INDEX.fullmatch(found) else None


def aliases_of(answer: Answer) -> tuple[str, Mapping[str, int]]:
    """A registered model's whole alias map, with the model's name."""
    rows = objects(answer, "aliases")
    aliases = {text(row, "alias"): number_of(text(row, "version")) for row in rows}
    if len(aliases) != len(rows):
        _unusable("an alias is there twice")
    return text(answer, "name"), aliases


def number_of(version: str) -> int:
    """A version number as MLflow spells it, and in no other spelling."""
    if not _VERSION.fullmatch(version):
        _unusable(f"{version!r} is no version number")
    return int(version)


def logged_model_of(source: str | None) -> str | None:
    """The logged model that a version's source names: `m-8a2…` of `models:/m-8a2…`."""
    found = _LOGGED_MODEL.fullmatch(source or "")
    return None if found is None else found[1]


def run_of(answer: Answer) -> EvidenceRun:
    """Who ran what, from runs/get."""
    info = one(answer, "info")
    return EvidenceRun(
        id=text(info, "run_id"),
        experiment_id=text(info, "experiment_id"),
        status=text(info, "status"),
        lifecycle=text(info, "lifecycle_stage"),
        user=optional_text(info, "user_id"),
    )


def logged_model_facts(answer: Answer) -> LoggedModel:
    """What was logged to the model itself, from logged-models/get."""
    data = one(answer, "data")
    return LoggedModel(id=text(one(answer, "info"), "model_id"), params=pairs(data, "params"), metrics=metrics_of(data))


def metrics_of(data: Answer) -> tuple[Metric, ...]:
    """The latest value of each metric, of a run or a logged model."""
    return tuple(
        Metric(
            name=text(row, "key"),
            value=_float(row),
            step=_step(row),
            data_set=None
            if optional_text(row, "dataset_name") is None
            else (text(row, "dataset_name"), optional_text(row, "dataset_digest") or ""),
        )
        for row in objects(data, "metrics")
    )


def data_sets_of(run: Answer) -> tuple[tuple[EvidenceDataSet, DataSet], ...]:
    """The data sets that a run logged, as evidence and as facts."""
    return tuple(_data_set(row) for row in objects(one(run, "inputs"), "dataset_inputs"))


def _data_set(row: Answer) -> tuple[EvidenceDataSet, DataSet]:
    logged = one(row, "dataset")
    tags = pairs(row, "tags")
    source = optional_text(logged, "source")
    evidence = EvidenceDataSet(
        name=text(logged, "name"),
        digest=text(logged, "digest"),
        digest_kind=FINGERPRINT,
        context=dict(tags).get(CONTEXT_TAG),
        source_type=optional_text(logged, "source_type"),
        source_digest=None if source is None else content_digest(source.encode(errors="surrogatepass")),
        tags=tuple(tag for tag in tags if tag[0] != CONTEXT_TAG),
    )
    return evidence, DataSet(
        name=evidence.name,
        digest=evidence.digest,
        digest_kind=evidence.digest_kind,
        context=evidence.context,
        source=None if source is None else bare_source(source),
    )


def bare_source(source: str) -> str | None:
    """The place in a data set's source (`{"uri": "s3://…"}`), without user, password, query and fragment.

    None when it names none: what is left of a source that is not understood could hold a credential.
    """
    found = re.search(r'"(?:uri|url|path)":\s*"([^"\\]*)"', source)
    if found is None:
        return None
    try:
        parts = urlsplit(found[1])
    except ValueError:
        return None
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl() or None


def text(answer: Answer, name: str) -> str:
    """A string that must be there and not be empty."""
    found = optional_text(answer, name)
    return _unusable(f"it lacks {name!r}") if found is None else found


def optional_text(answer: Answer, name: str) -> str | None:
    """A string; None where it is not there or empty, which MLflow's answers do not tell apart."""
    found = answer.get(name)
    if found is not None and not isinstance(found, str):
        _unusable(f"{name!r} is no text")
    return found or None


def one(answer: Answer, name: str) -> Answer:
    """An object; an empty one where it is not there, as MLflow's answers leave out what is empty."""
    found = answer.get(name, {})
    return found if isinstance(found, dict) else _unusable(f"{name!r} is no object")


def objects(answer: Answer, name: str) -> Sequence[Answer]:
    """A list of objects; an empty one where it is not there."""
    found = answer.get(name, [])
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        _unusable(f"{name!r} is no list of objects")
    return cast("Sequence[Answer]", found)


def pairs(answer: Answer, name: str) -> tuple[tuple[str, str], ...]:
    """Keys and values, of tags or parameters. A value that is not there is empty; one key twice is an error."""
    found = tuple((text(row, "key"), optional_text(row, "value") or "") for row in objects(answer, name))
    if len(dict(found)) != len(found):
        _unusable(f"{name!r} holds one key twice")
    return found


def _float(row: Answer) -> float:
    value: Any = row.get("value", 0.0)
    if isinstance(value, str) and value in _NOT_FINITE:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        _unusable("a metric is no number")
    return float(value)


def _step(row: Answer) -> int:
    step: Any = row.get("step", 0)
    if isinstance(step, bool) or not isinstance(step, int):
        _unusable("the step of a metric is no whole number")
    return step


def _unusable(reason: str) -> NoReturn:
    raise UnreachableError(
        f"MLflow's answer cannot be used: {reason}", hint="is it a version of MLflow that is supported?"
    )
