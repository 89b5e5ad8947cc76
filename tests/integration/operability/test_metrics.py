"""Metrics: what a week of reconciles shows, what disappears, and that docs/metrics.md lists just what there is."""

import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from stagewright.kube.metrics import Budget, Build, Metrics
from stagewright.kube.observer import ObjectRef, Reconciled

DOC = Path(__file__).parents[3] / "docs" / "metrics.md"
REF = ObjectRef(namespace="ml", name="bank", uid="6f1c")
OTHER = ObjectRef(namespace="ml", name="other", uid="77aa")
SYNC = {"namespace": "ml", "sync": "bank"}
RESET = datetime(2026, 3, 4, 12, tzinfo=UTC)

Samples = dict[str, list[tuple[dict[str, str], float]]]


def filled(week: tuple[Reconciled, ...], *, until: int | None = None) -> Metrics:
    """Metrics that have heard of a week, and of everything else that there is to hear of."""
    metrics = Metrics(Build(version="1.2.3", revision="c0ffee", image="sha256:ab"), stuck=lambda: 2)
    metrics.leading(leader=True, transitions=3)
    metrics.queued(4)
    metrics.working(1, 8)
    for done in week[:until]:
        metrics.reconciled(done)
    metrics.conditions(REF, [("Ready", "False"), ("Stalled", "True")])
    metrics.notified(REF, "slack", delivered=True)
    metrics.waiting(REF, {"slack": 3})
    metrics.registry_request("read", "answered", 0.02)
    metrics.forge_budget(REF, "core", Budget(limit=5000, remaining=4711, reset=RESET))
    return metrics


def samples(metrics: Metrics) -> Samples:
    body, _ = metrics.expose("text/plain")
    found: Samples = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def of_bank(found: Samples, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """The samples of the bank by the values of these labels."""
    return {
        tuple(shown[label] for label in labels): value
        for shown, value in found.get(f"stagewright_{name}", [])
        if shown.items() >= SYNC.items()
    }


def test_metrics_of_a_week_show_what_happened_and_what_is(week: tuple[Reconciled, ...]):
    found = samples(filled(week))
    last = week[-1]
    assert last.report is not None
    assert of_bank(found, "promotions_total", "stage", "verdict") == {
        ("Staging", "approved"): 1.0,
        ("Production", "pending"): 2.0,
        ("Production", "approved"): 1.0,
    }
    assert of_bank(found, "applied_total", "stage", "result") == {
        ("Staging", "applied"): 2.0,
        ("Production", "applied"): 1.0,
    }
    assert of_bank(found, "drift_found_total", "stage") == {("Staging",): 1.0}
    assert of_bank(found, "drift_corrected_total", "stage") == {("Staging",): 1.0}
    assert sum(of_bank(found, "alarms_total", "type").values()) == 1.0
    assert of_bank(found, "model_stage_info", "model", "stage", "version") == {
        ("credit-risk", "Production", "1"): 1.0,
        ("credit-risk", "Staging", "1"): 1.0,
    }
    assert of_bank(found, "ledger_entries") == {(): last.report.ledger_size}
    assert of_bank(found, "reconciles_total", "result") == {("synced",): len(week)}
    assert of_bank(found, "last_success_timestamp_seconds") == {(): last.at.timestamp()}
    assert of_bank(found, "sync_condition", "type", "status") == {("Ready", "False"): 1.0, ("Stalled", "True"): 1.0}
    assert of_bank(found, "stages", "state")[("synced",)] == 2.0
    assert found["stagewright_reconcile_duration_seconds_sum"] == [({"result": "synced"}, 1.5 * len(week))]
    assert found["stagewright_build_info"][0][0] == {"version": "1.2.3", "revision": "c0ffee", "image": "sha256:ab"}
    assert found["stagewright_forge_budget_reset_timestamp_seconds"][0][1] == RESET.timestamp()
    alone = {name: found[f"stagewright_{name}"][0][1] for name in ("leader", "queue_depth", "workers_stuck")}
    assert alone == {"leader": 1.0, "queue_depth": 4.0, "workers_stuck": 2.0}


def test_pending_age_begins_with_the_first_verdict_that_waits(week: tuple[Reconciled, ...]):
    asked, later = week[2], week[4]
    assert asked.memory is not None
    found = samples(filled(week, until=5))
    since = of_bank(found, "promotion_oldest_pending_timestamp_seconds", "stage")
    assert since == {("Production",): asked.memory.latest.timestamp()}
    assert later.at.timestamp() - since[("Production",)] > 48 * 3600
    assert of_bank(found, "promotions_pending", "stage") == {("Production",): 1.0}
    assert of_bank(found, "stages", "state") == {
        ("synced",): 0.0,
        ("pending",): 1.0,
        ("blocked",): 1.0,
        ("drifted",): 0.0,
        ("unmanaged",): 0.0,
    }
    # once decided, nothing waits, and no series says that something does
    assert of_bank(samples(filled(week)), "promotions_pending", "stage") == {}


def test_counters_of_a_new_process_leave_out_what_the_ledger_held_before(week: tuple[Reconciled, ...]):
    metrics = Metrics(Build(version="1"))
    metrics.reconciled(week[3])
    found = samples(metrics)
    assert of_bank(found, "drift_found_total", "stage") == {("Staging",): 1.0}
    assert "stagewright_promotions_total" not in found
    # and the same news twice is counted once
    metrics.reconciled(week[3])
    assert of_bank(samples(metrics), "drift_found_total", "stage") == {("Staging",): 1.0}


def test_stall_leaves_the_counts_as_they_were(week: tuple[Reconciled, ...]):
    metrics = Metrics(Build(version="1"))
    report = week[-1].report
    assert report is not None
    stalled = replace(week[-1], result="stalled", report=replace(report, stalled="history was rewritten"))
    metrics.reconciled(stalled)
    assert of_bank(samples(metrics), "stages", "state") == {}
    metrics.reconciled(week[4])
    seen = of_bank(samples(metrics), "stages", "state")
    metrics.reconciled(stalled)
    assert of_bank(samples(metrics), "stages", "state") == seen


def test_rehearsal_counts_nothing(week: tuple[Reconciled, ...]):
    metrics = Metrics(Build(version="1"))
    metrics.reconciled(replace(week[3], result="rehearsed"))
    found = samples(metrics)
    assert ("stagewright_drift_found_total" in found, "stagewright_ledger_entries" in found) == (False, False)


def test_series_of_a_deleted_object_disappear_and_others_stay(week: tuple[Reconciled, ...]):
    metrics = filled(week)
    metrics.reconciled(replace(week[-1], ref=OTHER))
    metrics.forgotten(REF)
    left = {labels["sync"] for shown in samples(metrics).values() for labels, _ in shown if "sync" in labels}
    assert left == {"other"}


def test_process_that_stands_by_shows_no_object(week: tuple[Reconciled, ...]):
    metrics = filled(week)
    metrics.leading(leader=False, transitions=3)
    # of what was in hand when the lease went
    metrics.conditions(REF, [("Ready", "True")])
    found = samples(metrics)
    assert found["stagewright_leader"] == [({}, 0.0)]
    kept = {name for name, shown in found.items() for labels, _ in shown if "sync" in labels}
    assert kept == set()


def test_openmetrics_is_spoken_where_it_is_asked_for(week: tuple[Reconciled, ...]):
    body, content_type = filled(week).expose("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_page_lists_just_the_metrics_that_there_are(week: tuple[Reconciled, ...]):
    documented = {
        name: (kind, tuple(sorted(re.findall(r"`(\w+)`", labels))))
        for name, kind, labels in re.findall(r"^### `(\w+)`\n(\w+) · (.+)$", DOC.read_text(), re.MULTILINE)
    }
    body, _ = filled(week, until=5).expose("")
    exposed: dict[str, tuple[str, tuple[str, ...]]] = {}
    for family in text_string_to_metric_families(body.decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        exposed[name] = (family.type, tuple(sorted(labels)))
        # a family without a sample would compare as one without labels
        assert family.samples, name
    assert documented == exposed


def test_alerts_of_the_page_ask_only_for_metrics_that_there_are(week: tuple[Reconciled, ...]):
    text = DOC.read_text()
    body, _ = filled(week).expose("")
    known = {re.split(r"[ {]", line)[0] for line in body.decode().splitlines() if not line.startswith("#")}
    known |= {line.split()[2] for line in body.decode().splitlines() if line.startswith("# TYPE")}
    asked = set(
        re.findall(r"(?:stagewright|process)_\w+", "\n".join(re.findall(r"```promql\n(.*?)```", text, re.DOTALL)))
    )
    asked |= set(re.findall(r"(?:stagewright|process)_\w+", text.partition("## The alerts")[2]))
    assert asked - known == set()
    named = set(re.findall(r"`(Stagewright\w+)`", text.partition("## The alerts")[0]))
    assert named == set(re.findall(r"^\| `(Stagewright\w+)`", text, re.MULTILINE))


def test_process_metrics_are_of_this_process(week: tuple[Reconciled, ...]):
    ours = samples(Metrics(Build(version="1"), pid=os.getpid()))["process_start_time_seconds"]
    assert ours == samples(filled(week))["process_start_time_seconds"]
