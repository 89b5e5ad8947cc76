"""The parts of a RegistrySync object that the engine knows by other names: forge, registry and ledger.

Each function adds what cannot work to the problems of `files`, and the Secrets and ConfigMaps that it names.
"""

from typing import Literal

from stagewright.model.custom_resource import Places
from stagewright.model.sync import (
    AppInstallation,
    ForgeChoice,
    HostedForge,
    OAuth2Client,
    RegistryAccess,
    S3Place,
    SourceAccess,
)
from stagewright.schema.custom_resource_references import Collector
from stagewright.schema.custom_resource_shape import (
    AppSpecShape,
    ForgeSpecShape,
    LedgerSpecShape,
    OAuth2Shape,
    RegistrySpecShape,
    S3Shape,
    SourceSpecShape,
)
from stagewright.schema.registry_sync import GITHUB


def forge_of(shape: ForgeSpecShape, files: Collector) -> ForgeChoice:
    """The forge; a hosted one always with a way in of the object's own, never that of the environment."""
    place = "spec.forge"
    if shape.type == "git":
        for name in sorted(shape.model_dump(by_alias=True, exclude_none=True, exclude={"type"})):
            files.problem("git alone has no such thing", f"{place}.{name}", hint="leave it out")
        return "git"
    url = _forge_url(shape, shape.type, files)
    if shape.repository is None:
        files.problem("repository is missing", place, hint='write "owner/name"')
    if shape.type != "github" and shape.app is not None:
        files.problem("only github has apps", f"{place}.app", hint="use tokenSecretRef")
    if (shape.app is None) == (shape.token_secret_ref is None):
        wanted = "exactly one of app and tokenSecretRef" if shape.type == "github" else "tokenSecretRef"
        files.problem(f"{wanted} is wanted", place, hint="the controller has no way in of its own")
    return HostedForge(
        type=shape.type,
        url=url,
        repository=shape.repository or "",
        app=None if shape.app is None else _app(shape.app, files, f"{place}.app"),
        token_file=files.secret_key(shape.token_secret_ref, f"{place}.tokenSecretRef"),
        ca_file=files.config_map_key(shape.ca_config_map_ref, f"{place}.caConfigMapRef"),
        webhook_secret_files=tuple(
            files.secret_file(reference.name, reference.key, f"{place}.webhook.secretRefs[{i}]")
            for i, reference in enumerate(shape.webhook.secret_refs if shape.webhook else ())
        ),
    )


def _forge_url(shape: ForgeSpecShape, host: Literal["gitea", "github"], files: Collector) -> str:
    url = shape.url or (GITHUB if host == "github" else "")
    if url:
        files.check_url(url, "spec.forge.url")
    else:
        files.problem("url is missing", "spec.forge", hint="where people open the forge: https://host")
    return url


def _app(app: AppSpecShape, files: Collector, place: str) -> AppInstallation:
    return AppInstallation(
        id=app.id,
        installation=app.installation,
        private_key=files.signing_key(app.private_key_secret_ref, f"{place}.privateKeySecretRef"),
    )


def source_access_of(shape: SourceSpecShape, files: Collector) -> SourceAccess | None:
    """Who the controller is to the repository; None leaves it to the forge's own token."""
    place = "spec.source.credentialsSecretRef"
    over_ssh = not shape.url.startswith(("https://", "http://", "file://"))
    if over_ssh and shape.credentials_secret_ref is None:
        hint = "name a Secret with the keys identity and known_hosts"
        files.problem("a repository over ssh wants a key", place, hint=hint)
    if shape.credentials_secret_ref is None and shape.ca_config_map_ref is None:
        return None
    name = shape.credentials_secret_ref.name if shape.credentials_secret_ref else None
    return SourceAccess(
        username_file=None if over_ssh else files.secret_part(name, "username", place),
        password_file=None if over_ssh else files.secret_part(name, "password", place),
        private_key_file=files.secret_part(name, "identity", place) if over_ssh else None,
        known_hosts_file=files.secret_part(name, "known_hosts", place) if over_ssh else None,
        ca_file=files.config_map_key(shape.ca_config_map_ref, "spec.source.caConfigMapRef"),
    )


def registry_access_of(shape: RegistrySpecShape, files: Collector, places: Places) -> RegistryAccess:
    """Who the controller is to MLflow."""
    place = "spec.registry"
    given = shape.model_dump(by_alias=True, exclude_none=True)
    ways = [way for way in ("basicAuth", "bearerToken", "oauth2", "plugin") if way in given]
    if len(ways) > 1:
        files.problem(f"{' and '.join(ways)} exclude each other", place, hint="keep one of them")
    if shape.plugin is not None and shape.plugin not in places.plugins:
        # a plugin shows what the process holds, and that is nobody's to borrow
        allowed = ", ".join(places.plugins) or "none"
        files.problem("the operator lets no object use this plugin", f"{place}.plugin", hint=f"allowed: {allowed}")
    basic = shape.basic_auth.secret_ref.name if shape.basic_auth else None
    bearer = shape.bearer_token.secret_ref if shape.bearer_token else None
    ca = shape.tls.ca_config_map_ref if shape.tls else None
    certificate = shape.tls.client_certificate_secret_ref if shape.tls else None
    client = certificate.name if certificate else None
    tls, headers = f"{place}.tls.clientCertificateSecretRef", shape.headers_secret_ref
    return RegistryAccess(
        username_file=files.secret_part(basic, "username", f"{place}.basicAuth.secretRef"),
        password_file=files.secret_part(basic, "password", f"{place}.basicAuth.secretRef"),
        token_file=files.secret_key(bearer, f"{place}.bearerToken.secretRef"),
        oauth2=None if shape.oauth2 is None else _oauth2(shape.oauth2, files, f"{place}.oauth2"),
        ca_file=files.config_map_key(ca, f"{place}.tls.caConfigMapRef"),
        client_certificate_file=files.secret_part(client, "tls.crt", tls),
        client_key_file=files.secret_part(client, "tls.key", tls),
        headers_folder=None if headers is None else files.whole_secret(headers.name, f"{place}.headersSecretRef"),
        plugin=shape.plugin,
        artifacts=frozenset(places.artifact_stores),
    )


def _oauth2(shape: OAuth2Shape, files: Collector, place: str) -> OAuth2Client:
    files.check_url(shape.token_url, f"{place}.tokenUrl")
    secret = shape.client_secret_ref
    return OAuth2Client(
        token_url=shape.token_url,
        client_id=shape.client_id,
        client_secret_file=files.secret_file(secret.name, secret.key, f"{place}.clientSecretRef"),
        scopes=tuple(shape.scopes),
        audience=shape.audience,
    )


def s3_of(ledger: LedgerSpecShape, files: Collector, places: Places, *, own: str) -> S3Place | None:
    """The bucket; None where the ledger lies on the controller's volume. `own` is `namespace/name`."""
    place, s3 = "spec.ledger", ledger.s3
    if (ledger.storage == "s3") != (s3 is not None):
        hint = "name the bucket in s3" if s3 is None else "say storage: s3"
        files.problem(f"storage {ledger.storage} does not fit s3", place, hint=hint)
    if s3 is None:
        return None
    place = f"{place}.s3"
    if s3.endpoint is not None:
        files.check_url(s3.endpoint, f"{place}.endpoint")
    folder = None
    prefix = s3.prefix or own
    if s3.credentials_secret_ref is None:
        _check_own_place(s3, prefix, files, places, own=own)
    else:
        name = s3.credentials_secret_ref.name
        for key in ("access-key-id", "secret-access-key"):
            files.secret_file(name, key, f"{place}.credentialsSecretRef")
        folder = files.folder_of("Secret", name)
    return S3Place(
        bucket=s3.bucket,
        prefix=prefix,
        endpoint=s3.endpoint,
        region=s3.region,
        credentials_folder=folder,
        ca_file=files.config_map_key(s3.ca_config_map_ref, f"{place}.caConfigMapRef"),
    )


def _check_own_place(s3: S3Shape, prefix: str, files: Collector, places: Places, *, own: str) -> None:
    """With the pod's identity every object could reach every other's ledger: each stays below its own name."""
    place = "spec.ledger.s3"
    if not places.pod_identity:
        files.problem("credentialsSecretRef is missing", place, hint="the operator lets no object be the pod")
        return
    if not f"{prefix}/".startswith(f"{own}/"):
        hint = "leave it out, or name credentials of your own"
        files.problem(f"with the pod's identity the prefix begins with {own}", f"{place}.prefix", hint=hint)
    if s3.endpoint is not None:
        files.problem("the pod's identity is for Amazon only", f"{place}.endpoint", hint="name credentials")
