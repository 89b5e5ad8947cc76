"""The custom resource RegistrySync: an object of a cluster as the configuration that the engine runs.

    apiVersion: stagewright.dev/v1alpha1
    kind: RegistrySync
    metadata: {name: bank, namespace: ml, uid: 4b0e…, generation: 3}
    spec:
      source: {url: "https://git.example/acme/models.git"}
      forge: {type: gitea, url: "https://git.example", repository: acme/models, tokenSecretRef: {name: git, key: token}}
      registry: {uri: "https://mlflow.example", basicAuth: {secretRef: {name: mlflow}}}

Each key of a Secret or ConfigMap that the object names becomes a file below `Places.secrets`, at
`<namespace>/<uid>/<secret|configmap>/<name>/<key>`. No object chooses a path, and none names an object of another
namespace.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from stagewright.errors import InvalidError
from stagewright.model.custom_resource import CustomResource, Notification, NotificationFilter, Places, Workloads
from stagewright.model.sync import RegistrySync
from stagewright.schema.custom_resource_parts import forge_of, registry_access_of, s3_of, source_access_of
from stagewright.schema.custom_resource_references import Collector
from stagewright.schema.custom_resource_shape import MAX_NAME, NotificationShape, RegistrySyncSpecShape
from stagewright.schema.registry_sync import read_duration
from stagewright.schema.shape import API_VERSION, object_problem, raise_object_problems, read_object

KIND = "RegistrySync"
REQUESTED_AT = "stagewright.dev/reconcile-requested-at"
REBIND = "stagewright.dev/rebind"
REBIND_REASON = "stagewright.dev/rebind-reason"
ACCEPT_HISTORY = "stagewright.dev/accept-history"
ASKING = (REQUESTED_AT, REBIND, REBIND_REASON, ACCEPT_HISTORY)
"""The annotations by which somebody asks for something."""
FINALIZER = "stagewright.dev/finalizer"
MIN_INTERVAL = timedelta(seconds=1)
MAX_INTERVAL = timedelta(days=1)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_UID = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?")


def parse_custom_resource(value: Mapping[str, object], *, places: Places) -> CustomResource:
    """The object as the API server holds it, as a configuration; defaults are filled in.

    InvalidError with the path of everything that cannot work (`spec.forge.url: …`); no URL is repeated in it.
    """
    if (value.get("apiVersion"), value.get("kind")) != (API_VERSION, KIND):
        raise InvalidError(f"this is no {KIND} of {API_VERSION}")
    metadata = _mapping(value.get("metadata"), "metadata")
    namespace = _text(metadata, "namespace", _LABEL)
    name = _text(metadata, "name", _LABEL)
    if len(name) > MAX_NAME:
        raise object_problem(f"this is longer than {MAX_NAME}", "metadata.name")
    uid = _text(metadata, "uid", _UID)
    generation = metadata.get("generation", 0)
    if not isinstance(generation, int) or generation < 0:
        raise object_problem("this is no generation", "metadata.generation")
    spec = read_object(_mapping(value.get("spec"), "spec"), RegistrySyncSpecShape, "spec")
    folder = f"{places.secrets}/{namespace}/{uid}"
    files = Collector(folder, places)
    sync = _sync(spec, files, places, namespace=namespace, name=name, uid=uid)
    notifications = tuple(
        _notification(shape, files, f"spec.notifications[{i}]") for i, shape in enumerate(spec.notifications)
    )
    raise_object_problems(files.problems)
    annotations = metadata.get("annotations")
    requested = annotations.get(REQUESTED_AT) if isinstance(annotations, Mapping) else None
    return CustomResource(
        namespace=namespace,
        name=name,
        uid=uid,
        generation=generation,
        requested_at=requested if isinstance(requested, str) else None,
        deleting=metadata.get("deletionTimestamp") is not None,
        sync=sync,
        folder=folder,
        references=files.references(),
        workloads=Workloads(observe=spec.workloads.observe, restart=spec.workloads.restart),
        notifications=notifications,
    )


def _mapping(value: object, place: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise object_problem("a mapping is wanted here", place)
    return cast("Mapping[str, object]", value)


def _text(metadata: Mapping[str, object], key: str, form: re.Pattern[str]) -> str:
    value = metadata.get(key)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise object_problem(
            f"this is no usable {key}", f"metadata.{key}", hint="use lower-case letters, digits and hyphens"
        )
    return value


def _sync(
    spec: RegistrySyncSpecShape, files: Collector, places: Places, *, namespace: str, name: str, uid: str
) -> RegistrySync:
    files.check_url(spec.source.url, "spec.source.url", "source")
    files.check_url(spec.registry.uri, "spec.registry.uri")
    interval = read_duration(spec.interval)
    if not MIN_INTERVAL <= interval <= MAX_INTERVAL:
        files.problem("the interval is not between 1s and 24h", "spec.interval", hint="60s is the default")
    return RegistrySync(
        name=name,
        url=spec.source.url,
        source_access=source_access_of(spec.source, files),
        branch=spec.source.branch,
        path=spec.source.path,
        forge=forge_of(spec.forge, files),
        registry_uri=spec.registry.uri,
        registry_access=registry_access_of(spec.registry, files, places),
        ledger_directory=f"{places.ledgers}/{namespace}/{name}",
        ledger_s3=s3_of(spec.ledger, files, places, own=f"{namespace}/{name}"),
        log_key=files.signing_key(spec.ledger.log_key_secret_ref, "spec.ledger.logKeySecretRef"),
        entry_key=files.signing_key(spec.ledger.entry_key_secret_ref, "spec.ledger.entryKeySecretRef"),
        trust_root=spec.trust_root,
        mirror=f"{places.mirrors}/{namespace}/{uid}/mirror.git",
        interval=interval,
        suspend=spec.suspend,
        dry_run=spec.dry_run,
    )


def _notification(shape: NotificationShape, files: Collector, place: str) -> Notification:
    if (shape.url is None) == (shape.url_secret_ref is None):
        files.problem("exactly one of url and urlSecretRef is wanted", place, hint="keep one")
    if shape.type == "slack" and shape.url is not None:
        files.problem("a webhook's URL is a secret", f"{place}.url", hint="use urlSecretRef")
    elif shape.url is not None:
        files.check_url(shape.url, f"{place}.url")
    if shape.type == "slack" and shape.signing_secret_ref is not None:
        files.problem("nothing signs for slack", f"{place}.signingSecretRef", hint="leave it out")
    stages, models = shape.filter.stages, shape.filter.models
    return Notification(
        type=shape.type,
        filter=NotificationFilter(
            kinds=tuple(shape.filter.kinds),
            stages=None if stages is None else tuple(stages),
            models=None if models is None else tuple(models),
        ),
        url=shape.url,
        url_file=files.secret_key(shape.url_secret_ref, f"{place}.urlSecretRef"),
        signing_secret_file=files.secret_key(shape.signing_secret_ref, f"{place}.signingSecretRef"),
    )
