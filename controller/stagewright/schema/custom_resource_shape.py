"""The form of the custom resource RegistrySync. Its texts are what `kubectl explain` shows."""

from typing import Annotated, Literal

from pydantic import Field

from stagewright.schema.registry_sync import AppId, BaseUrl, Branch, CommitId, Duration, Repository, SourcePath
from stagewright.schema.shape import Shape, pattern
from stagewright.schema.vocabulary import ModelName, StageName

KEYS_SECRET = "stagewright-ledger-keys"  # noqa: S105 # an object's name
MAX_NAME = 52

ObjectName = Annotated[
    str,
    pattern(
        r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
        "the name of an object of this namespace",
        max_length=253,
    ),
]
# what the API server takes as a key, less what a mounted volume keeps to itself: never a path, never `..`
DataKey = Annotated[
    str, pattern(r"^\.?[A-Za-z0-9_-][A-Za-z0-9._-]*$", "a key of a Secret or ConfigMap", max_length=253)
]
Url = Annotated[str, pattern(r"^[!-~]+$", "a URL", max_length=1024)]
Token = Annotated[str, pattern(r"^[!#-\[\]-~]{1,256}$", "a word of visible ASCII characters, without quotes")]
Bucket = Annotated[str, pattern(r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", "a bucket's name")]
Prefix = Annotated[
    str,
    pattern(
        r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$",
        "a prefix of keys, without slashes at its ends",
        max_length=512,
    ),
]
Region = Annotated[str, pattern(r"^[a-z0-9-]{1,40}$", "a region's name")]


class SecretRefShape(Shape):
    """A Secret of the same namespace."""

    name: ObjectName = Field(description="The Secret's name.")


class SecretKeyRefShape(Shape):
    """One key of a Secret of the same namespace."""

    name: ObjectName = Field(description="The Secret's name.")
    key: DataKey = Field(description="The key whose value is taken.")


class ConfigMapKeyRefShape(Shape):
    """One key of a ConfigMap of the same namespace."""

    name: ObjectName = Field(description="The ConfigMap's name.")
    key: DataKey = Field(description="The key whose value is taken.")


class SourceSpecShape(Shape):
    """The git repository that holds the desired state."""

    url: Url = Field(description="The repository's URL, https or ssh, without credentials.")
    branch: Branch = Field(default="main", description="The branch whose merges are promotions.")
    path: SourcePath = Field(
        default="", description="The folder of stagewright.yaml in the repository; empty for its root."
    )
    credentials_secret_ref: SecretRefShape | None = Field(
        default=None,
        description="How the controller gets in, where the forge's own token does not do: a Secret with the keys "
        "username and password for https, identity and known_hosts for ssh.",
    )
    ca_config_map_ref: ConfigMapKeyRefShape | None = Field(
        default=None, description="Certificates (PEM) to trust at the repository instead of the system's."
    )


class AppSpecShape(Shape):
    """A GitHub App and where it is installed."""

    id: AppId = Field(description="The App's id or client id, as text.")
    installation: Annotated[int, Field(ge=1)] = Field(description="The number of the App's installation.")
    private_key_secret_ref: SecretKeyRefShape = Field(description="The App's private key, PEM.")


class WebhookSpecShape(Shape):
    """What signs the forge's webhooks, which only wake the controller."""

    secret_refs: Annotated[list[SecretKeyRefShape], Field(min_length=1, max_length=2)] = Field(
        description="The secret shared with the forge; two while one is rotated."
    )


class ForgeSpecShape(Shape):
    """Where people review: git alone, or a forge with accounts."""

    type: Literal["git", "gitea", "github"] = Field(description="git alone (signed tags are reviews), gitea or github.")
    url: BaseUrl | None = Field(
        default=None, max_length=512, description="Where people open the forge; https://github.com is github's default."
    )
    repository: Repository | None = Field(
        default=None, description='The repository on the forge, written "owner/name".'
    )
    app: AppSpecShape | None = Field(default=None, description="How the controller gets into github: as an App.")
    token_secret_ref: SecretKeyRefShape | None = Field(
        default=None, description="How the controller gets into the forge: with an access token."
    )
    ca_config_map_ref: ConfigMapKeyRefShape | None = Field(
        default=None, description="Certificates (PEM) to trust instead of the system's."
    )
    webhook: WebhookSpecShape | None = Field(default=None, description="What signs the forge's webhooks.")


class BasicAuthShape(Shape):
    """User and password."""

    secret_ref: SecretRefShape = Field(description="A Secret with the keys username and password.")


class BearerTokenShape(Shape):
    """A bearer token."""

    secret_ref: SecretKeyRefShape = Field(description="The token.")


class OAuth2Shape(Shape):
    """OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

    token_url: Url = Field(description="Where tokens are given out, an https URL.")
    client_id: Token = Field(description="The client's id.")
    client_secret_ref: SecretKeyRefShape = Field(description="The client's secret.")
    scopes: Annotated[list[Token], Field(max_length=20)] = Field(default=[], description="The scopes to ask for.")
    audience: Token | None = Field(default=None, description="The audience to ask for, where the server wants one.")


class TlsShape(Shape):
    """How the connection to MLflow is secured."""

    ca_config_map_ref: ConfigMapKeyRefShape | None = Field(
        default=None, description="Certificates (PEM) to trust instead of the system's."
    )
    client_certificate_secret_ref: SecretRefShape | None = Field(
        default=None, description="A Secret of type kubernetes.io/tls, with the keys tls.crt and tls.key."
    )


class RegistrySpecShape(Shape):
    """The MLflow server, and who the controller is to it: at most one of basicAuth, bearerToken, oauth2 and plugin."""

    uri: Url = Field(description="The server's URL, https, without credentials.")
    basic_auth: BasicAuthShape | None = Field(default=None, description="User and password.")
    bearer_token: BearerTokenShape | None = Field(
        default=None, description="A bearer token, read again when it changes."
    )
    oauth2: OAuth2Shape | None = Field(None, alias="oauth2", description="OAuth 2.0 client credentials.")
    plugin: Token | None = Field(
        default=None, description="The name of an authentication plugin of MLflow in the image."
    )
    tls: TlsShape | None = Field(default=None, description="Own certificates, and a client's certificate.")
    headers_secret_ref: SecretRefShape | None = Field(
        default=None, description="A Secret whose every key is the name of a header to send, for proxies before MLflow."
    )


class S3Shape(Shape):
    """A bucket."""

    bucket: Bucket = Field(description="The bucket's name.")
    prefix: Prefix | None = Field(default=None, description="What its keys begin with; namespace and name by default.")
    endpoint: Url | None = Field(default=None, description="The URL of a server other than Amazon's, https.")
    region: Region | None = Field(default=None, description="The bucket's region.")
    credentials_secret_ref: SecretRefShape | None = Field(
        default=None,
        description="A Secret with the keys access-key-id and secret-access-key. Without it the pod's own identity is "
        "used, if the operator allows that.",
    )
    ca_config_map_ref: ConfigMapKeyRefShape | None = Field(
        default=None, description="Certificates (PEM) to trust instead of the system's."
    )


class LedgerSpecShape(Shape):
    """The ledger and the keys that sign it."""

    storage: Literal["volume", "s3"] = Field(
        default="volume", description="The controller's volume, in a folder of this object's own, or a bucket."
    )
    s3: S3Shape | None = Field(default=None, description="The bucket, where storage is s3.")
    log_key_secret_ref: SecretKeyRefShape = Field(
        default=SecretKeyRefShape(name=KEYS_SECRET, key="log.pem"),
        description="The key that signs checkpoints: Ed25519, PEM.",
    )
    entry_key_secret_ref: SecretKeyRefShape = Field(
        default=SecretKeyRefShape(name=KEYS_SECRET, key="entry.pem"),
        description="The key that signs entries: Ed25519, PEM.",
    )


class WorkloadsShape(Shape):
    """The deployment hop: Deployments and the like that are labelled with a model and a stage."""

    observe: bool = Field(default=True, description="Whether what they say they serve is recorded in the ledger.")
    restart: bool = Field(
        default=False, description="Whether they are rolled, once per change, when their stage changes."
    )


NotificationKindWord = Literal["verdict", "pending", "drift", "alarm", "applied"]
EVERY_KIND: tuple[NotificationKindWord, ...] = ("verdict", "pending", "drift", "alarm", "applied")


class NotificationFilterShape(Shape):
    """What is told; what is left out sets no limit."""

    kinds: Annotated[list[NotificationKindWord], Field(min_length=1, max_length=5)] = Field(
        default=list(EVERY_KIND), description="The kinds of news."
    )
    stages: Annotated[list[StageName], Field(min_length=1, max_length=50)] | None = Field(
        default=None, description="Only promotions to these stages."
    )
    models: Annotated[list[ModelName], Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Only promotions of these models."
    )


class NotificationShape(Shape):
    """Somebody to tell."""

    type: Literal["cloudevents", "slack"] = Field(description="CloudEvents over HTTP, or a webhook as Slack's.")
    url: Url | None = Field(
        default=None, description="Where to send, https; a URL that is a secret belongs in urlSecretRef."
    )
    url_secret_ref: SecretKeyRefShape | None = Field(default=None, description="A Secret's key that holds the URL.")
    signing_secret_ref: SecretKeyRefShape | None = Field(
        default=None, description="The secret that signs what is sent (HMAC-SHA256), where the type is cloudevents."
    )
    filter: NotificationFilterShape = Field(default=NotificationFilterShape(), description="What is told.")


class RegistrySyncSpecShape(Shape):
    """What is kept in step with what."""

    source: SourceSpecShape = Field(description="The git repository that holds the desired state.")
    forge: ForgeSpecShape = Field(description="Where people review.")
    registry: RegistrySpecShape = Field(description="The MLflow server.")
    ledger: LedgerSpecShape = Field(default=LedgerSpecShape(), description="The ledger and its keys.")
    trust_root: CommitId | None = Field(
        default=None, description="The commit that a new ledger begins from, whose governance you trust: 40 hex digits."
    )
    interval: Duration = Field(
        default="60s",
        min_length=2,
        max_length=16,
        description="How long to wait between syncs when nothing wakes the controller.",
    )
    suspend: bool = Field(default=False, description="Whether to leave everything as it is for now.")
    dry_run: bool = Field(default=False, description="Whether to judge and plan only, and change nothing in MLflow.")
    workloads: WorkloadsShape = Field(default=WorkloadsShape(), description="The deployment hop.")
    notifications: Annotated[list[NotificationShape], Field(max_length=20)] = Field(
        default=[], description="Whom to tell what."
    )
