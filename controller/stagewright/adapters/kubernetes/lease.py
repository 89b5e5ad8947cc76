"""One Lease of the cluster, read and written with its resource version: nobody overwrites what they have not seen.

    {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
     "metadata": {"name": "stagewright", "namespace": "ml", "resourceVersion": "4711"},
     "spec": {"holderIdentity": "stagewright-0_1f0c", "leaseDurationSeconds": 15, "leaseTransitions": 3,
              "acquireTime": "2026-11-24T09:00:00.000000Z", "renewTime": "2026-11-24T09:00:12.000000Z"}}

The times are for people. Nobody compares them with a clock of their own: see `election`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import urllib3
from kubernetes.client.exceptions import ApiException

from stagewright.adapters.kubernetes.client import Cluster, Object, Resource, translated
from stagewright.errors import NotFoundError, UnreachableError

LEASES = Resource(group="coordination.k8s.io", version="v1", plural="leases")
MAX_TRANSITIONS = 2**31 - 1
# What a watch may last longer on the wire than the server was asked for.
_SLACK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseState:
    """A Lease as the API server has it. `holder` is empty when nobody has it; `raw` is the object itself."""

    holder: str
    duration_s: float
    transitions: int
    raw: Object

    @property
    def version(self) -> str:
        """The resource version of this very state."""
        return str(self.raw["metadata"]["resourceVersion"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is written into a Lease: who has it from now on (nobody, if empty), in which turn, for how long."""

    holder: str
    duration_s: float
    transitions: int
    acquired: bool
    at: datetime


class LeaseApi(Protocol):
    """One Lease. Every call ends in time; any of them may raise UnreachableError or ForbiddenError."""

    def read(self) -> LeaseState | None:
        """The Lease as it is now; None when there is none."""
        ...

    def create(self, claim: Claim) -> LeaseState:
        """Make it. ConflictError when there is one; UnreachableError: it may have been made or not."""
        ...

    def replace(self, state: LeaseState, claim: Claim) -> LeaseState:
        """Change it, if it is still in `state`. ConflictError or NotFoundError when it is not, and nothing happened.

        UnreachableError: it may have happened or not.
        """
        ...

    def changed(self, state: LeaseState, timeout_s: float) -> bool:
        """Wait until it is no more in `state`, and no longer than `timeout_s`; whether it is."""
        ...


class ClusterLease:
    """A `LeaseApi` on a real cluster."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, *, timeout_s: float) -> None:
        """`timeout_s` limits each request; a renewal that takes longer is one that failed."""
        self._cluster = cluster.within(timeout_s)
        self._namespace = namespace
        self._name = name

    def read(self) -> LeaseState | None:
        """See `LeaseApi.read`."""
        try:
            return lease_state(self._cluster.get(LEASES, self._namespace, self._name))
        except NotFoundError:
            return None

    def create(self, claim: Claim) -> LeaseState:
        """See `LeaseApi.create`."""
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self._name}}
        return lease_state(self._cluster.create(LEASES, self._namespace, claimed(body, claim)))

    def replace(self, state: LeaseState, claim: Claim) -> LeaseState:
        """See `LeaseApi.replace`."""
        return lease_state(self._cluster.replace(LEASES, self._namespace, self._name, claimed(state.raw, claim)))

    def changed(self, state: LeaseState, timeout_s: float) -> bool:
        """See `LeaseApi.changed`: a watch of this one Lease, which the server ends by itself."""
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={self._name}",
            "resourceVersion": state.version,
            "timeoutSeconds": str(max(1, math.ceil(timeout_s))),
        }
        place = f"GET {LEASES.path(self._namespace, self._name)} (watch)"
        try:
            response = self._cluster.watch_response(
                LEASES, self._namespace, query=query, accept="application/json", timeout_s=timeout_s + _SLACK_S
            )
            try:
                for line in response:
                    return _is_change(line)
            finally:
                response.close()
        except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            raise translated(error, place) from error
        return False


def claimed(lease: Mapping[str, Any], claim: Claim) -> Object:
    """`lease` with what `claim` says in its spec; everything else of it stays.

    It always differs: the API server would not count a renewal that changes nothing, as by a clock that stands still.
    """
    before = lease.get("spec") or {}
    now = _time(claim.at)
    if now == before.get("renewTime"):
        now = _time(claim.at + timedelta(microseconds=1))
    spec = {
        **before,
        "holderIdentity": claim.holder,
        "leaseDurationSeconds": math.ceil(claim.duration_s),
        "leaseTransitions": claim.transitions,
        "renewTime": now,
    } | ({"acquireTime": now} if claim.acquired else {})
    return {**lease, "spec": spec}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def lease_state(lease: Object) -> LeaseState:
    """What a Lease says. UnreachableError for one that the API server could not have answered with."""
    spec, metadata = lease.get("spec", {}), lease.get("metadata")
    if not isinstance(spec, dict) or not isinstance(metadata, dict):
        raise UnreachableError("the API server answered with something else than a Lease")
    holder = spec.get("holderIdentity") or ""
    duration, transitions = spec.get("leaseDurationSeconds") or 0, spec.get("leaseTransitions") or 0
    whole = isinstance(holder, str) and isinstance(metadata.get("resourceVersion"), str)
    if not whole or type(duration) is not int or type(transitions) is not int or min(duration, transitions) < 0:
        raise UnreachableError("the API server answered with a Lease that cannot be read")
    return LeaseState(holder=holder, duration_s=float(duration), transitions=transitions, raw=lease)


def _is_change(line: bytes) -> bool:
    """Whether a line of a watch says that the Lease changed: `{"type": "MODIFIED", "object": {…}}`, or is gone."""
    try:
        event = json.loads(line)
    except ValueError as error:
        raise UnreachableError("the API server sent an event that cannot be read") from error
    # an ERROR says that the version is too old to watch from: it changed, then
    return isinstance(event, dict) and event.get("type") != "BOOKMARK"
