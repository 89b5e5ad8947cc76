"""How the controller gets into MLflow and into a bucket, in a RegistrySync document: by files that hold the secrets.

registry:
  uri: https://mlflow.acme.example
  oauth2: {tokenUrl: "https://login.acme.example/token", clientId: stagewright, clientSecretFile: keys/oauth2}
  tls: {caFile: keys/ca.pem, clientCertificateFile: keys/client.crt, clientKeyFile: keys/client.key}
  headersFolder: keys/headers
ledger:
  s3: {bucket: acme-ledgers, prefix: prod, region: eu-central-2, credentialsFolder: keys/s3}
"""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from stagewright.errors import DocumentError
from stagewright.model.sync import OAuth2Client, RegistryAccess, S3Place, SourceAccess
from stagewright.schema.nodes import Document
from stagewright.schema.shape import Shape
from stagewright.schema.vocabulary import Line, Word

# A path of the document as an absolute one.
Resolve = Callable[[str], str]


class SourceCredentialsShape(Shape):
    """User and password or token (https), or a private key (ssh) with the hosts to trust, a file each."""

    username_file: Line | None = None
    password_file: Line | None = None
    private_key_file: Line | None = None
    passphrase_file: Line | None = None
    known_hosts_file: Line | None = None


class BasicAuthFilesShape(Shape):
    """User and password, a file each."""

    username_file: Line
    password_file: Line


class BearerTokenFileShape(Shape):
    """A bearer token in a file, which is read again when it changes."""

    file: Line


class OAuth2FileShape(Shape):
    """OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

    token_url: Line
    client_id: Word
    client_secret_file: Line
    scopes: Annotated[list[Word], Field(max_length=20)] = Field(default_factory=list)
    audience: Word | None = None


class TlsFilesShape(Shape):
    """Whom to trust, and the certificate that is shown."""

    ca_file: Line | None = None
    client_certificate_file: Line | None = None
    client_key_file: Line | None = None


class RegistryShape(Shape):
    """The MLflow server, and who the controller is to it; where nothing is said, the environment says."""

    uri: Line
    basic_auth: BasicAuthFilesShape | None = None
    bearer_token: BearerTokenFileShape | None = None
    oauth2: OAuth2FileShape | None = Field(None, alias="oauth2")
    plugin: Word | None = None
    tls: TlsFilesShape | None = None
    headers_folder: Line | None = None


class S3FilesShape(Shape):
    """A bucket; without `credentialsFolder` the environment says who the controller is there."""

    bucket: Word
    prefix: Line | None = None
    endpoint: Line | None = None
    region: Word | None = None
    credentials_folder: Line | None = None
    ca_file: Line | None = None


def source_access(shape: SourceCredentialsShape | None, ca_file: str | None, resolve: Resolve) -> SourceAccess | None:
    """Who the controller is to the repository; None leaves it to the forge, or to nobody."""
    if shape is None and ca_file is None:
        return None
    given = shape or SourceCredentialsShape()

    def resolved(path: str | None) -> str | None:
        return None if path is None else resolve(path)

    return SourceAccess(
        username_file=resolved(given.username_file),
        password_file=resolved(given.password_file),
        private_key_file=resolved(given.private_key_file),
        passphrase_file=resolved(given.passphrase_file),
        known_hosts_file=resolved(given.known_hosts_file),
        ca_file=resolved(ca_file),
    )


def registry_access(
    shape: RegistryShape, document: Document, resolve: Resolve, problems: list[DocumentError]
) -> RegistryAccess | None:
    """Who the controller is to MLflow; None leaves it to the environment."""
    place = ("spec", "registry")
    given = shape.model_dump(by_alias=True, exclude_none=True, exclude={"uri"})
    if not given:
        return None
    ways = [way for way in ("basicAuth", "bearerToken", "oauth2", "plugin") if way in given]
    problems += [
        document.error("there is another way in already", (*place, way), hint=f"keep this or {ways[0]}", at_key=True)
        for way in ways[1:]
    ]
    tls, basic, oauth2 = shape.tls or TlsFilesShape(), shape.basic_auth, shape.oauth2

    def resolved(path: str | None) -> str | None:
        return None if path is None else resolve(path)

    return RegistryAccess(
        username_file=resolved(basic.username_file if basic else None),
        password_file=resolved(basic.password_file if basic else None),
        token_file=resolved(shape.bearer_token.file if shape.bearer_token else None),
        oauth2=None
        if oauth2 is None
        else OAuth2Client(
            token_url=oauth2.token_url,
            client_id=oauth2.client_id,
            client_secret_file=resolve(oauth2.client_secret_file),
            scopes=tuple(oauth2.scopes),
            audience=oauth2.audience,
        ),
        ca_file=resolved(tls.ca_file),
        client_certificate_file=resolved(tls.client_certificate_file),
        client_key_file=resolved(tls.client_key_file),
        headers_folder=resolved(shape.headers_folder),
        plugin=shape.plugin,
    )


def s3_place(shape: S3FilesShape | None, resolve: Resolve) -> S3Place | None:
    """The bucket; None where the ledger lies in a folder."""
    if shape is None:
        return None
    return S3Place(
        bucket=shape.bucket,
        prefix=(shape.prefix or "").strip("/"),
        endpoint=shape.endpoint,
        region=shape.region,
        credentials_folder=None if shape.credentials_folder is None else resolve(shape.credentials_folder),
        ca_file=None if shape.ca_file is None else resolve(shape.ca_file),
    )
