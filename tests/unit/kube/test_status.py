"""The status of a RegistrySync: a table of what happened and what is told of it."""

from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from stagewright.errors import UnreachableError
from stagewright.kube.attempt import Attempt, result_of
from stagewright.kube.status import status_of
from stagewright.schema.crd import structural
from stagewright.schema.status_shape import RegistrySyncStatusShape
from tests.unit.kube.attempts import ATTEMPTS, HEAD, NOTE, later, memory, report, resource, synced
from tests.unit.kube.attempts import found as object_with

SCHEMA = structural(RegistrySyncStatusShape)


def short(status: dict[str, Any]) -> dict[str, str]:
    return {c["type"]: f"{c['status']} {c['reason']}" for c in status["conditions"]}


def messages(status: dict[str, Any]) -> dict[str, str]:
    return {c["type"]: c["message"] for c in status["conditions"]}


SOUND = {
    "HistoryVerified": "True Verified",
    "SignedOff": "True SignedOff",
    "LedgerSound": "True Verified",
    "RegistryReachable": "True Answered",
    "ForgeReachable": "True Answered",
}


def stalled(reason: str) -> dict[str, str]:
    return {"Ready": f"False {reason}", "Stalled": f"True {reason}"}


def retried(reason: str) -> dict[str, str]:
    return {"Ready": f"False {reason}", "Reconciling": "True Retrying"}


EXPECTED: dict[str, dict[str, str]] = {
    "all is well": {"Ready": "True Synced", **SOUND},
    "a promotion waits": {"Ready": "True Synced", **SOUND, "SignedOff": "False Pending"},
    "a promotion was refused": {"Ready": "False Refused", **SOUND, "SignedOff": "False Refused"},
    "drift is reported only": {"Ready": "True Synced", **SOUND},
    "suspended": {"Ready": "Unknown Suspended"},
    "a dry run": {"Ready": "True DryRun", **{k: v for k, v in SOUND.items() if k != "SignedOff"}},
    "the spec is wrong": stalled("InvalidSpec"),
    "a secret is missing": stalled("ReferenceNotFound"),
    "no such branch": {**stalled("NotFound"), "ForgeReachable": "True Answered"},
    "a key is no key": stalled("InvalidConfiguration"),
    "the clock is wrong": stalled("PersonNeeded"),
    "the ledger was put back": {**stalled("LedgerDiscontinuous"), "LedgerSound": "False LedgerDiscontinuous"},
    "the ledger is damaged": {**stalled("LedgerDamaged"), "LedgerSound": "False LedgerDamaged"},
    "the ledger is gone": {**stalled("LedgerMissing"), "LedgerSound": "False LedgerMissing"},
    "the ledger is busy": retried("LedgerBusy"),
    "a login page": {**retried("ForeignAnswer"), "RegistryReachable": "False ForeignAnswer"},
    "mlflow is away": {**retried("RegistryUnreachable"), "RegistryReachable": "False Unreachable"},
    "mlflow lets nobody in": {**retried("AccessDenied"), "RegistryReachable": "False AccessDenied"},
    "a bucket is away": retried("Unreachable"),
    "an unknown failure": retried("Failed"),
    "the repository is away": {
        **retried("ForgeUnreachable"),
        **{k: v for k, v in SOUND.items() if k != "HistoryVerified"},
        "ForgeReachable": "False Unreachable",
    },
    "mlflow stops answering": {**retried("ForeignAnswer"), **SOUND, "RegistryReachable": "False ForeignAnswer"},
    "something has to be asked again": {**retried("Waiting"), **SOUND},
    "a document is wrong": {"Ready": "False InvalidDocuments", **SOUND},
    "another keeps the ledger": stalled("RegistryClaimed"),
    "another keeps the model": {"Ready": "False RegistryClaimed", **SOUND},
    "a version is blocked": {"Ready": "False Blocked", **SOUND},
    "a version cannot be read": {"Ready": "False Blocked", **SOUND},
    "mlflow refuses a write": {**retried("ApplyFailed"), **SOUND},
    "the configuration moved": {
        **stalled("ConfigurationMoved"),
        **{k: v for k, v in SOUND.items() if k != "HistoryVerified"},
    },
    "history was rewritten": {
        **stalled("HistoryRewritten"),
        **SOUND,
        "HistoryVerified": "False HistoryRewritten",
    },
}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_status_of_an_attempt_has_the_conditions_that_it_can_tell(name: str):
    status = status_of(ATTEMPTS[name]())

    assert short(status) == EXPECTED[name]


@pytest.mark.parametrize("name", ATTEMPTS)
def test_status_of_an_attempt_is_of_the_definitions_form(name: str):
    status = status_of(ATTEMPTS[name]())

    jsonschema.validate(status, SCHEMA)
    assert set(status) <= set(SCHEMA["properties"])
    assert status["observedGeneration"] == 3
    assert {condition["observedGeneration"] for condition in status["conditions"]} == {3}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_status_of_the_same_attempt_again_is_the_same(name: str):
    attempt = ATTEMPTS[name]()
    first = status_of(attempt)

    assert status_of(later(attempt, first)) == first


@pytest.mark.parametrize("name", ATTEMPTS)
def test_stalled_and_reconciling_agree_with_the_queue(name: str):
    attempt = ATTEMPTS[name]()
    told = short(status_of(attempt))

    assert ("Stalled" in told) == (result_of(attempt) == "stalled")
    assert ("Reconciling" in told) == (result_of(attempt) in {"failed", "waiting"})


def test_status_of_a_good_sync_tells_revision_counts_ledger_and_history():
    status = status_of(synced(memory("pending")))

    assert status["revision"] == f"main@{HEAD[:12]}"
    assert status["lastAttemptedRevision"] == status["lastAppliedRevision"] == HEAD
    assert status["counts"] == {"synced": 0, "pending": 1, "blocked": 0, "drifted": 0, "unmanaged": 1}
    assert status["ledger"] == {
        "origin": "ledger.example.com/prod",
        "size": 7,
        "root": "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e221f4bd8d98662f00e3c125",
        "checkpoint": NOTE.decode(),
    }
    assert status["history"] == [
        {
            "at": "2026-11-24T09:00:00Z",
            "revision": HEAD,
            "result": "Synced",
            "message": f"Entries written to the ledger: 7. MLflow is as authorized, up to commit {HEAD[:12]}; "
            "waiting for sign-offs: 1 promotion.",
        }
    ]


def test_status_after_a_failure_keeps_what_was_known():
    good = status_of(synced())

    after = status_of(later(ATTEMPTS["mlflow is away"](), good))

    assert {key: after[key] for key in ("revision", "lastAppliedRevision", "counts", "ledger")} == {
        key: good[key] for key in ("revision", "lastAppliedRevision", "counts", "ledger")
    }
    assert short(after) == {
        **SOUND,
        "Ready": "False RegistryUnreachable",
        "Reconciling": "True Retrying",
        "RegistryReachable": "False Unreachable",
    }
    assert [entry["result"] for entry in after["history"]] == ["RegistryUnreachable", "Synced"]


def test_last_transition_time_moves_with_the_status_alone():
    good = status_of(synced())
    pending = status_of(later(synced(memory("pending")), good))
    away = status_of(later(ATTEMPTS["mlflow is away"](), pending, 120))

    def times(status: dict[str, Any]) -> dict[str, str]:
        return {c["type"]: c["lastTransitionTime"][11:19] for c in status["conditions"]}

    assert times(pending) == {**dict.fromkeys(times(good), "09:00:00"), "SignedOff": "09:01:00"}
    assert times(away) == {
        **times(pending),
        "Ready": "09:02:00",
        "Reconciling": "09:02:00",
        "RegistryReachable": "09:02:00",
    }


def test_conditions_that_an_attempt_cannot_tell_keep_the_generation_they_were_told_of():
    good = status_of(synced())
    attempt = replace(ATTEMPTS["the spec is wrong"](), found=object_with(good, generation=4, interval="0s"))

    told = {c["type"]: c["observedGeneration"] for c in status_of(attempt)["conditions"]}

    assert told == {"Ready": 4, "Stalled": 4, **dict.fromkeys(SOUND, 3)}


def test_suspended_object_is_neither_stalled_nor_reconciling_any_more():
    away = status_of(ATTEMPTS["mlflow is away"]())

    assert short(status_of(later(ATTEMPTS["suspended"](), away))) == {
        "Ready": "Unknown Suspended",
        "RegistryReachable": "False Unreachable",
    }


def test_history_keeps_the_ten_newest_and_no_repetition():
    status: dict[str, Any] = {}
    for number in range(12):
        name = "mlflow is away" if number % 2 else "the ledger is busy"
        status = status_of(later(ATTEMPTS[name](), status, 60 * number))
        status = status_of(later(ATTEMPTS[name](), status, 60 * number + 30))

    assert [entry["at"][14:19] for entry in status["history"]] == [f"{minute:02}:00" for minute in range(11, 1, -1)]


def test_history_of_a_sync_that_wrote_nothing_stays_as_it_is():
    first = status_of(synced())

    assert status_of(later(synced(head="5c" * 20), first))["history"] == first["history"]


def test_annotation_that_was_handled_is_echoed():
    value = object_with()
    value["metadata"]["annotations"] = {"stagewright.dev/reconcile-requested-at": "now"}

    assert status_of(replace(synced(), found=value))["lastHandledReconcileAt"] == "now"


def test_message_is_one_line_of_a_kilobyte_without_credentials():
    error = UnreachableError("https://me:hunter2@mlflow.example\n\x1b[31mdoes not answer " + "é" * 2000)
    attempt = Attempt(found=object_with(), resource=resource(), at=synced().at, error=error)

    message = messages(status_of(attempt))["Ready"]

    assert message.startswith("https://…@mlflow.example [31mdoes not answer é")
    assert len(message.encode()) <= 1024
    assert "hunter2" not in message
    assert message.isprintable()


def test_message_says_what_to_do():
    told = {name: messages(status_of(ATTEMPTS[name]()))["Ready"] for name in ATTEMPTS}

    assert told["a secret is missing"] == "spec.forge.tokenSecretRef: there is no Secret forge (make it)"
    assert told["the configuration moved"].endswith(
        "(put it back, or record the move: "
        "kubectl annotate --overwrite registrysync bank -n ml stagewright.dev/rebind=ab12)"
    )
    assert "`stagewright history accept`" in told["history was rewritten"]
    assert told["history was rewritten"].endswith(f"stagewright.dev/accept-history={HEAD}..{HEAD})")
    assert (
        told["a document is wrong"] == "Documents are invalid, mend them in git: models/a.yaml:3:1: no version (add it)"
    )
    assert told["drift is reported only"].endswith("left as they are, as their models' modes say: 1 pair.")


def test_dry_run_leaves_what_was_applied_as_it_was():
    good = status_of(synced())

    after = status_of(later(replace(ATTEMPTS["a dry run"](), report=report(revision="5c" * 20)), good))

    assert (after["revision"], after["lastAppliedRevision"]) == (good["revision"], HEAD)
    assert after["counts"] == good["counts"]


def test_message_about_a_move_says_the_command_however_long_the_move_is():
    digest = "sha256:" + "ab" * 32

    told = messages(status_of(synced(stalled="\U0001f980" * 5000, rebind=digest)))["Stalled"]

    assert told.endswith(f" stagewright.dev/rebind={digest})")
