"""What Deployments, StatefulSets and InferenceServices say, as the API server gives them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from stagewright.adapters.kubernetes.workloads import read_workload, settled
from stagewright.model.workload import Workload

LABELS = {"stagewright.dev/model": "credit-risk", "stagewright.dev/stage": "Production"}


def deployment(**changes: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "scorer",
            "namespace": "ml",
            "uid": "4b0e",
            "generation": 3,
            "creationTimestamp": "2026-11-25T12:00:00Z",
            "labels": dict(LABELS),
        },
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "scorer"}},
            "template": {"metadata": {"labels": {"app": "scorer", **LABELS}}},
        },
        "status": {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2},
        **changes,
    }


def pod(image: str = "reg.example/serve@sha256:aa", version: str | None = None, **changes: Any) -> dict[str, Any]:
    annotations = {} if version is None else {"stagewright.dev/loaded-version": version}
    return {
        "metadata": {"labels": {"app": "scorer", **LABELS}, "annotations": annotations},
        "status": {"phase": "Running", "containerStatuses": [{"image": "serve:1", "imageID": image}]},
        **changes,
    }


def test_read_workload_of_a_deployment_yields_what_it_and_its_pods_say():
    assert read_workload("Deployment", deployment(), [pod(version="7"), pod(version="7")]) == Workload(
        kind="Deployment",
        namespace="ml",
        name="scorer",
        uid="4b0e",
        model="credit-risk",
        stage="Production",
        images=("reg.example/serve@sha256:aa",),
        version="7",
        rolled_for=None,
        created_at=datetime(2026, 11, 25, 12, tzinfo=UTC),
        may_roll=True,
    )


@pytest.mark.parametrize(
    ("pods", "version", "images"),
    [
        pytest.param([], None, (), id="no pods"),
        pytest.param([pod()], None, ("reg.example/serve@sha256:aa",), id="they say nothing"),
        pytest.param([pod(version="7"), pod(version="8")], None, ("reg.example/serve@sha256:aa",), id="they differ"),
        pytest.param([pod(version="7"), pod()], None, ("reg.example/serve@sha256:aa",), id="one says nothing"),
        pytest.param([pod("b"), pod("a"), pod("b")], None, ("a", "b"), id="two images"),
        pytest.param([pod("")], None, ("serve:1",), id="an image without a digest"),
        pytest.param([pod(version="7", status={"phase": "Succeeded"})], None, (), id="one that has ended"),
        pytest.param([pod(version="7", metadata={"labels": {"app": "other"}})], None, (), id="another's"),
        pytest.param([pod(version="7" * 500)], "7" * 200, ("reg.example/serve@sha256:aa",), id="too long"),
    ],
)
def test_read_workload_takes_a_version_only_where_all_its_pods_agree(
    pods: list[dict[str, Any]], version: str | None, images: tuple[str, ...]
):
    read = read_workload("Deployment", deployment(), pods)
    assert (read.version, read.images) == (version, images)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42", 42),
        ("0", 0),
        ("9" * 15, 10**15 - 1),
        ("9" * 17, None),
        ("9" * 5000, None),
        ("", None),
        ("-1", None),
        ("4 2", None),
        ("٤٢", None),
        ("forty", None),
    ],
)
def test_read_workload_takes_only_a_number_for_what_it_was_rolled_for(text: str, expected: int | None):
    found = deployment()
    found["spec"]["template"]["metadata"]["annotations"] = {"stagewright.dev/rolled-for": text}
    assert read_workload("Deployment", found, []).rolled_for == expected


def test_read_workload_is_not_rolled_where_its_owner_says_so():
    found = deployment()
    found["metadata"]["annotations"] = {"stagewright.dev/restart": "false"}
    assert not read_workload("Deployment", found, []).may_roll


def test_read_workload_without_a_selector_owns_no_pod():
    found = deployment()
    found["spec"]["selector"] = {"matchExpressions": [{"key": "app", "operator": "Exists"}]}
    assert read_workload("Deployment", found, [pod()]).images == ()


def inference_service(ready: str) -> dict[str, Any]:
    return {
        "metadata": deployment()["metadata"],
        "spec": {"predictor": {"annotations": {"stagewright.dev/rolled-for": "42"}, "model": {}}},
        "status": {"observedGeneration": 3, "conditions": [{"type": "Ready", "status": ready}]},
    }


def test_read_workload_of_an_inference_service_has_its_pods_by_kserves_label():
    served = pod(version="7", metadata={"labels": {"serving.kserve.io/inferenceservice": "scorer"}, "annotations": {}})
    read = read_workload("InferenceService", inference_service("True"), [served, pod("other")])
    assert (read.kind, read.images, read.rolled_for) == ("InferenceService", ("reg.example/serve@sha256:aa",), 42)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param({}, True, id="rolled out"),
        pytest.param({"observedGeneration": 2}, False, id="its controller has not looked"),
        pytest.param({"updatedReplicas": 1}, False, id="half new"),
        pytest.param({"replicas": 3}, False, id="an old one is left"),
        pytest.param({"readyReplicas": 1}, False, id="one is not ready"),
    ],
)
def test_settled_only_when_every_replica_is_what_the_spec_says(status: dict[str, int], expected: bool):
    found = deployment()
    found["status"] |= status
    assert settled(found) is expected


def test_settled_of_nothing_wanted_and_nothing_there():
    found = deployment(status={"observedGeneration": 3})
    found["spec"]["replicas"] = 0
    assert settled(found)


@pytest.mark.parametrize(("ready", "expected"), [("True", True), ("False", False), ("Unknown", False)])
def test_settled_of_an_inference_service_is_its_readiness(ready: str, expected: bool):
    assert settled(inference_service(ready)) is expected
