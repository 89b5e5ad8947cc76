"""`stagewright controller`: the controller in a Kubernetes cluster."""

from enum import Enum
from typing import Annotated, Any

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.ledger_keys import Kubeconfig
from stagewright.cli.terminal import Terminal

EXAMPLES = """
    stagewright controller
    stagewright controller --namespaces ml,risk --workers 8 --webhook-address 0.0.0.0:9292
    stagewright controller --namespaces '*' --selector shard=a --leader-election-id stagewright-a
"""


class LogForm(Enum):
    """How a line of the log looks."""

    JSON = "json"
    TEXT = "text"


def _flag(flag: str, variable: str, help_text: str, *, metavar: str | None = None, **more: Any) -> Any:
    return typer.Option(flag, envvar=f"STAGEWRIGHT_{variable}", help=help_text, metavar=metavar, **more)


def controller(
    terminal: Terminal,
    *,
    namespaces: Annotated[
        str, _flag("--namespaces", "NAMESPACES", "Those to follow, * for all; default: the pod's.", metavar="A,B")
    ] = "",
    selector: Annotated[
        str, _flag("--selector", "SELECTOR", "Only RegistrySyncs with these labels, as kubectl -l.", metavar="LABELS")
    ] = "",
    workers: Annotated[
        int, _flag("--workers", "WORKERS", "How many objects are synced at once.", min=1, max=64, metavar="N")
    ] = 4,
    lease_namespace: Annotated[
        str,
        _flag(
            "--leader-election-namespace",
            "LEADER_ELECTION_NAMESPACE",
            "Of the lease; default: the pod's.",
            metavar="NAME",
        ),
    ] = "",
    lease: Annotated[
        str, _flag("--leader-election-id", "LEADER_ELECTION_ID", "The lease's name.", metavar="NAME")
    ] = "stagewright",
    lease_duration: Annotated[
        str,
        _flag(
            "--lease-duration", "LEASE_DURATION", "After this long without renewal another may lead.", metavar="TIME"
        ),
    ] = "15s",
    renew_deadline: Annotated[
        str, _flag("--renew-deadline", "RENEW_DEADLINE", "After this long without renewal we stop.", metavar="TIME")
    ] = "10s",
    retry_period: Annotated[
        str, _flag("--retry-period", "RETRY_PERIOD", "How often the lease is renewed or asked for.", metavar="TIME")
    ] = "2s",
    ledger_root: Annotated[
        str, _flag("--ledger-root", "LEDGER_ROOT", "Where ledgers on the volume are.", metavar="DIR")
    ] = "/var/lib/stagewright/ledgers",
    cache_root: Annotated[
        str, _flag("--cache-root", "CACHE_ROOT", "Where mirrors are; they can be lost.", metavar="DIR")
    ] = "/var/cache/stagewright",
    secrets_root: Annotated[
        str,
        _flag("--secrets-root", "SECRETS_ROOT", "Where credentials become files; best in memory.", metavar="DIR"),
    ] = "/run/stagewright/secrets",
    webhook_address: Annotated[
        str,
        _flag(
            "--webhook-address", "WEBHOOK_ADDRESS", "Where forges knock, at /webhook/NAMESPACE/NAME.", metavar="ADDR"
        ),
    ] = "",
    metrics_address: Annotated[
        str, _flag("--metrics-address", "METRICS_ADDRESS", "Where /metrics is; empty: nowhere.", metavar="ADDR")
    ] = "0.0.0.0:8080",  # in a pod, whose ports are its own
    health_address: Annotated[
        str,
        _flag("--health-address", "HEALTH_ADDRESS", "Where /healthz and /readyz are; empty: nowhere.", metavar="ADDR"),
    ] = "0.0.0.0:8081",  # in a pod, whose ports are its own
    log_level: Annotated[
        str, _flag("--log-level", "LOG_LEVEL", "debug, info, warning or error.", metavar="LEVEL")
    ] = "info",
    log_level_file: Annotated[
        str,
        _flag(
            "--log-level-file",
            "LOG_LEVEL_FILE",
            "A mounted file with the level, read again as it runs.",
            metavar="FILE",
        ),
    ] = "",
    log_format: Annotated[LogForm, _flag("--log-format", "LOG_FORMAT", "How a line looks.")] = LogForm.JSON,
    grace: Annotated[
        str,
        _flag("--shutdown-grace", "SHUTDOWN_GRACE", "How long a sync in hand may go on at the end.", metavar="TIME"),
    ] = "25s",
    stuck_after: Annotated[
        str, _flag("--stuck-after", "STUCK_AFTER", "After this long with one object a worker is stuck.", metavar="TIME")
    ] = "15m",
    image: Annotated[
        str, _flag("--image", "IMAGE", "The image that runs, by digest; it stands in every entry.", metavar="REF")
    ] = "",
    insecure: Annotated[
        bool,
        _flag("--allow-insecure-urls", "ALLOW_INSECURE_URLS", "Let objects name http and file URLs, and any address."),
    ] = False,
    pod_identity: Annotated[
        bool,
        _flag("--allow-pod-identity", "ALLOW_POD_IDENTITY", "Let objects use the pod's own identity for their bucket."),
    ] = False,
    plugins: Annotated[
        str,
        _flag(
            "--allow-plugins", "ALLOW_PLUGINS", "MLflow's authentication plugins that objects may name.", metavar="A,B"
        ),
    ] = "",
    artifact_stores: Annotated[
        str,
        _flag(
            "--allow-artifact-stores",
            "ALLOW_ARTIFACT_STORES",
            "Stores of artifacts to read with the pod's own identity, such as s3.",
            metavar="A,B",
        ),
    ] = "",
    repository_size: Annotated[
        str,
        _flag(
            "--max-repository-size",
            "MAX_REPOSITORY_SIZE",
            "The most that one repository may fill of the cache.",
            metavar="SIZE",
        ),
    ] = "1Gi",
    kubeconfig: Kubeconfig = None,
) -> ExitCode:
    """Keep what a cluster's RegistrySyncs name in step with git.

    Any number may run: one leads, the others stand by. It ends at SIGTERM: what is in hand is finished, and the lease
    given back. Every flag may be given in the environment instead, as STAGEWRIGHT_ and its name: STAGEWRIGHT_WORKERS.
    """
    import os

    from stagewright.adapters.kubernetes.client import own_namespace
    from stagewright.kube.process import Logging, run_controller
    from stagewright.kube.settings import (
        LeaseSettings,
        Settings,
        parse_namespaces,
        parse_seconds,
        parse_size,
        parse_stores,
        parse_words,
    )
    from stagewright.model.custom_resource import Places

    del terminal
    own = os.environ.get("POD_NAMESPACE") or own_namespace("default")
    settings = Settings(
        namespaces=parse_namespaces(namespaces, own),
        selector=selector,
        workers=workers,
        lease=LeaseSettings(
            namespace=lease_namespace or own,
            name=lease,
            holder=os.environ.get("POD_NAME") or os.uname().nodename,
            duration_s=parse_seconds(lease_duration, "--lease-duration"),
            renew_deadline_s=parse_seconds(renew_deadline, "--renew-deadline"),
            retry_period_s=parse_seconds(retry_period, "--retry-period"),
        ),
        places=Places(
            secrets=os.path.abspath(secrets_root),  # noqa: PTH100 # links stay as they are
            ledgers=os.path.abspath(ledger_root),  # noqa: PTH100 # as above
            mirrors=os.path.abspath(cache_root),  # noqa: PTH100 # as above
            insecure_urls=insecure,
            cluster_addresses=tuple(filter(None, [os.environ.get("KUBERNETES_SERVICE_HOST")])),
            pod_identity=pod_identity,
            artifact_stores=parse_stores(artifact_stores),
            plugins=parse_words(plugins),
            repository_bytes=parse_size(repository_size, "--max-repository-size"),
        ),
        webhook_address=webhook_address or None,
        metrics_address=metrics_address or None,
        health_address=health_address or None,
        grace_s=parse_seconds(grace, "--shutdown-grace"),
        stuck_after_s=parse_seconds(stuck_after, "--stuck-after"),
        image=image or None,
    )
    logs = Logging(level=log_level, form=log_format.value, level_file=log_level_file or None)
    ended = run_controller(settings, kubeconfig, logs)
    return ExitCode.YES if ended else ExitCode.UNKNOWN
