"""What the probes of a pod are answered, and where the scrapes go.

    /healthz   200 while everything moves; 503 with a line for each worker and loop that is stuck
    /readyz    200 as soon as the caches are filled, whether this process leads or stands by; 503 before
    /metrics   docs/metrics.md, on another port

A system that does not answer makes the controller neither unhealthy nor unready: a restart would not mend it.
"""

from collections.abc import Callable
from http import HTTPStatus

from stagewright.adapters.http_server import Page, Pages
from stagewright.kube.observer import Health


def health_pages(health: Health) -> Pages:
    """The pages of `--health-address`."""
    return {"/healthz": lambda _: _healthz(health), "/readyz": lambda _: _readyz(health)}


def metrics_pages(expose: Callable[[str], tuple[bytes, str]]) -> Pages:
    """The page of `--metrics-address`; `expose` is that of `Metrics`."""

    def page(accept: str) -> Page:
        body, content_type = expose(accept)
        return Page(status=HTTPStatus.OK, body=body, content_type=content_type)

    return {"/metrics": page}


def _healthz(health: Health) -> Page:
    stuck = health.stuck()
    if stuck:
        return _text(HTTPStatus.SERVICE_UNAVAILABLE, *(f"stuck: {line}" for line in stuck))
    return _text(HTTPStatus.OK, "ok")


def _readyz(health: Health) -> Page:
    if not health.ready:
        return _text(HTTPStatus.SERVICE_UNAVAILABLE, "not ready: the caches are not filled yet")
    return _text(HTTPStatus.OK, f"ok, {'leader' if health.leader else 'standing by'}")


def _text(status: HTTPStatus, *lines: str) -> Page:
    return Page(status=status, body="".join(f"{line}\n" for line in lines).encode())
