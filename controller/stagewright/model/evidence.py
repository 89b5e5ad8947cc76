"""Evidence: what MLflow says about how a version came to be, all of it open to later edits and so pinned by a digest.

The document, whose RFC 8785 form is hashed (`core/evidence.py`):

    {"apiVersion": "stagewright.dev/v1alpha1", "kind": "Evidence",
     "run": {"id": "41f…", "experimentId": "3", "status": "FINISHED", "lifecycle": "active", "user": "dana"},
     "trainer": "dana", "sourceCommit": "9fceb02…",
     "params": [{"name": "max_depth", "value": "3"}],
     "metrics": [{"name": "auc", "value": 0.83, "step": 0}, {"name": "loss", "value": "NaN", "step": 7}],
     "dataSets": [{"name": "credit", "digest": "5ec1…", "digestKind": "mlflow-fingerprint", "context": "training",
                   "sourceType": "s3", "sourceDigest": "sha256:…", "tags": [{"name": "…", "value": "…"}]}],
     "loggedModel": {"id": "m-8a2…", "params": […], "metrics": [{…, "dataSet": {"name": "…", "digest": "…"}}]},
     "signature": {"inputs": […], "outputs": […], "params": null}}

The registered model's name is no part of it, so that renaming a model keeps what was signed off. The text of a data
set's source may hold a credential, so only its digest is written down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stagewright.model.codec import Json

API_VERSION = "stagewright.dev/v1alpha1"
EVIDENCE_KIND = "Evidence"
# What MLflow computes over a sample of the data, or what the training code said instead in at most 36 characters:
# it tells data sets apart, it does not prove one. Another kind of digest would be another name here.
FINGERPRINT = "mlflow-fingerprint"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRun:
    """The run that made a version. `status` is MLflow's, `lifecycle` is active or deleted."""

    id: str
    experiment_id: str
    status: str
    lifecycle: str
    user: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """The latest value of one metric; of a logged model it may be a slice, the data set it was measured on."""

    name: str
    value: float
    step: int
    data_set: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceDataSet:
    """A data set as a run logged it. `source_digest` is the content digest of the text of its source."""

    name: str
    digest: str
    digest_kind: str
    context: str | None
    source_type: str | None
    source_digest: str | None
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedModel:
    """An MLflow 3 logged model, with what was logged to the model itself. `params` are names and values."""

    id: str
    params: tuple[tuple[str, str], ...] = ()
    metrics: tuple[Metric, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything of one version that a policy may read and that its digest pins.

    `run` None: the version names no run. `signature` is the model's input and output schema, of the MLmodel file.
    """

    run: EvidenceRun | None = None
    trainer: str | None = None
    source_commit: str | None = None
    params: tuple[tuple[str, str], ...] = ()
    metrics: tuple[Metric, ...] = ()
    data_sets: tuple[EvidenceDataSet, ...] = ()
    logged_model: LoggedModel | None = None
    signature: Json = None


def _closed(properties: Mapping[str, Json], *, optional: Sequence[str] = ()) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


_TEXT: Json = {"type": "string"}
_TEXT_OR_NULL: Json = {"type": ["string", "null"]}
_PAIRS: Json = {"type": "array", "items": _closed({"name": _TEXT, "value": _TEXT})}
_METRICS: Json = {
    "type": "array",
    "items": _closed(
        {
            "name": _TEXT,
            "value": {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]},
            "step": {"type": "integer"},
            "dataSet": _closed({"name": _TEXT, "digest": _TEXT}),
        },
        optional=["dataSet"],
    ),
}
_DATA_SETS: Json = {
    "type": "array",
    "items": _closed(
        {
            "name": _TEXT,
            "digest": _TEXT,
            "digestKind": {"enum": [FINGERPRINT]},
            "context": _TEXT_OR_NULL,
            "sourceType": _TEXT_OR_NULL,
            "sourceDigest": {"type": ["string", "null"], "pattern": "^sha256:[0-9a-f]{64}$"},
            "tags": _PAIRS,
        }
    ),
}
_NULL: Json = {"type": "null"}

EVIDENCE_SCHEMA: Json = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://stagewright.dev/schemas/v1alpha1/evidence.schema.json",
    "title": EVIDENCE_KIND,
    "description": "What MLflow says of how a version came to be; its RFC 8785 form is hashed as the evidence digest.",
    **_closed(
        {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": EVIDENCE_KIND},
            "run": {
                "anyOf": [
                    _NULL,
                    _closed(
                        {
                            "id": _TEXT,
                            "experimentId": _TEXT,
                            "status": _TEXT,
                            "lifecycle": _TEXT,
                            "user": _TEXT_OR_NULL,
                        }
                    ),
                ]
            },
            "trainer": _TEXT_OR_NULL,
            "sourceCommit": _TEXT_OR_NULL,
            "params": _PAIRS,
            "metrics": _METRICS,
            "dataSets": _DATA_SETS,
            "loggedModel": {"anyOf": [_NULL, _closed({"id": _TEXT, "params": _PAIRS, "metrics": _METRICS})]},
            "signature": {"anyOf": [_NULL, _closed({"inputs": True, "outputs": True, "params": True})]},
        }
    ),
}
