"""Actual state: what the MLflow registry says now, and what it says of one version in depth."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

READY = "READY"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActualVersion:
    """One registered version as a sweep sees it. `stage` is MLflow's own: None, Staging, Production or Archived."""

    version: int
    stage: str
    status: str
    run_id: str | None
    model_id: str | None
    source: str | None
    ledger_index: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActualModel:
    """One registered model with its whole alias map and all its versions, by number."""

    name: str
    aliases: Mapping[str, int]
    versions: Mapping[int, ActualVersion]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActualState:
    """The registry at one moment, by registered name."""

    observed_at: datetime
    models: Mapping[str, ActualModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A data set that a run logged. `context` is training, validation and the like; `digest` is MLflow's own."""

    name: str
    digest: str
    digest_kind: str
    context: str | None
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """Everything the policy may ask of one version, computed from the registry and the artifact store just now.

    `digest` is the artifact digest and `evidence` the evidence digest, both `sha256:…`; either is None with
    `flaw` saying why where it cannot be computed from what is there (an empty tree, a symbolic link, no run).
    `trainer` is the run's user as MLflow says, unauthenticated unless the policy knows better.
    """

    name: str
    version: int
    status: str
    run_id: str | None
    model_id: str | None
    source: str | None
    digest: str | None
    evidence: str | None
    evidence_document: str | None
    data_sets: tuple[DataSet, ...]
    metrics: Mapping[str, float]
    source_commit: str | None
    trainer: str | None
    flaw: str | None = None
