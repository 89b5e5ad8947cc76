"""Evidence as a document, as text and as a digest. The document's form is shown in `model/evidence.py`."""

import math
from collections.abc import Iterable

import rfc8785

from stagewright.core.digest import content_digest
from stagewright.errors import InvalidError
from stagewright.model.codec import Json
from stagewright.model.evidence import API_VERSION, EVIDENCE_KIND, Evidence, EvidenceDataSet, Metric


def evidence_document(evidence: Evidence) -> dict[str, Json]:
    """The document. Whatever order the facts came in, it is the same."""
    run = evidence.run
    logged = evidence.logged_model
    return {
        "apiVersion": API_VERSION,
        "kind": EVIDENCE_KIND,
        "run": None
        if run is None
        else {
            "id": run.id,
            "experimentId": run.experiment_id,
            "status": run.status,
            "lifecycle": run.lifecycle,
            "user": run.user,
        },
        "trainer": evidence.trainer,
        "sourceCommit": evidence.source_commit,
        "params": _pairs(evidence.params),
        "metrics": _metrics(evidence.metrics),
        "dataSets": _data_sets(evidence.data_sets),
        "loggedModel": None
        if logged is None
        else {"id": logged.id, "params": _pairs(logged.params), "metrics": _metrics(logged.metrics)},
        "signature": evidence.signature,
    }


def evidence_text(evidence: Evidence) -> str:
    """The RFC 8785 form of the document. InvalidError when it has none: a step beyond 2^53, text that is not UTF-8."""
    try:
        return rfc8785.dumps(evidence_document(evidence)).decode()
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        raise InvalidError(f"the evidence has no canonical form: {error}") from error


def evidence_digest(text: str) -> str:
    """The evidence digest of what `evidence_text` wrote."""
    return content_digest(text.encode())


def metric_value(value: float) -> float | str:
    """A metric as JSON: a number, or `NaN`, `Infinity`, `-Infinity` as text, which JSON has no numbers for."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _pairs(pairs: Iterable[tuple[str, str]]) -> Json:
    return [{"name": name, "value": value} for name, value in sorted(pairs)]


def _metrics(metrics: Iterable[Metric]) -> Json:
    ordered = sorted(metrics, key=lambda m: (m.name, m.data_set or ("", ""), m.step, str(metric_value(m.value))))
    rows: list[dict[str, Json]] = []
    for metric in ordered:
        row: dict[str, Json] = {"name": metric.name, "value": metric_value(metric.value), "step": metric.step}
        if metric.data_set is not None:
            row["dataSet"] = {"name": metric.data_set[0], "digest": metric.data_set[1]}
        rows.append(row)
    return rows


def _data_sets(data_sets: Iterable[EvidenceDataSet]) -> Json:
    return [
        {
            "name": one.name,
            "digest": one.digest,
            "digestKind": one.digest_kind,
            "context": one.context,
            "sourceType": one.source_type,
            "sourceDigest": one.source_digest,
            "tags": _pairs(one.tags),
        }
        for one in sorted(data_sets, key=_data_set_order)
    ]


def _data_set_order(one: EvidenceDataSet) -> tuple[str, str, str, str, str, tuple[tuple[str, str], ...]]:
    optional = (one.context or "", one.source_type or "", one.source_digest or "")
    return (one.name, one.digest, *optional, tuple(sorted(one.tags)))
