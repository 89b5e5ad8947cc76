"""What keys of the custom resource mean to each other, as CEL, so that the API server refuses it with our words.

The controller checks the same again, and what only it can know: an API server may hold objects that are older than a
rule. Each rule belongs to a shape, by its name; `self` is the value of that shape.
"""

from collections.abc import Mapping
from typing import TypedDict

from stagewright.schema.custom_resource_shape import MAX_NAME


class Rule(TypedDict, total=False):
    """One validation. `fieldPath` points at the key that has to change, where that is one."""

    rule: str
    message: str
    fieldPath: str


Rules = tuple[Rule, ...]


def _rule(rule: str, message: str, field: str = "") -> Rule:
    return {"rule": rule, "message": message, **({"fieldPath": f".{field}"} if field else {})}


_NOT_FOR_GIT = ("url", "repository", "app", "tokenSecretRef", "caConfigMapRef", "webhook")
_WAYS_IN = ("basicAuth", "bearerToken", "oauth2", "plugin")


def _service(field: str, *, optional: bool = False) -> Rules:
    """A URL of a service. Which hosts may be named, and whether http may, the operator says: the controller knows."""
    absent = f"!has(self.{field}) || " if optional else ""
    return (
        _rule(f"{absent}self.{field}.matches('^https?://')", f"{field} must be an https:// URL", field),
        _rule(
            f"{absent}!self.{field}.matches('^[a-z]+://[^/]*@')",
            f"{field} must hold no credentials: name a Secret instead",
            field,
        ),
    )


OBJECT_RULES: Mapping[str, Rules] = {
    "RegistrySync": (
        _rule(
            f"size(self.metadata.name) <= {MAX_NAME}",
            f"metadata.name must be at most {MAX_NAME} characters long, so that the names made from it fit",
        ),
        _rule(
            "self.metadata.name.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",
            "metadata.name must hold lower-case letters, digits and hyphens only",
        ),
    ),
}

RULES: Mapping[str, Rules] = {
    "RegistrySyncSpecShape": (
        _rule(
            "duration(self.interval) >= duration('1s') && duration(self.interval) <= duration('24h')",
            "interval must be between 1s and 24h",
            "interval",
        ),
    ),
    "SourceSpecShape": (
        _rule(
            "self.url.matches('^(https?|ssh|file)://|^[A-Za-z0-9._-]+@[^/:@]+:')",
            "url must be that of a git repository: https://, ssh:// or user@host:path",
            "url",
        ),
        _rule(
            "!self.url.matches('^https?://[^/]*@') && !self.url.matches('^[a-z]+://[^/]*:[^/]*@')",
            "url must hold no credentials: name a Secret instead",
            "url",
        ),
        _rule(
            "self.url.matches('^(https?|file)://') || has(self.credentialsSecretRef)",
            "a repository over ssh wants credentialsSecretRef, with the keys identity and known_hosts",
        ),
    ),
    "ForgeSpecShape": (
        *(
            _rule(f"self.type != 'git' || !has(self.{name})", f"git alone takes no {name}: leave it out")
            for name in _NOT_FOR_GIT
        ),
        _rule("self.type != 'gitea' || has(self.url)", "gitea wants url: where people open it, https://host"),
        _rule("self.type == 'git' || has(self.repository)", 'a forge wants repository, written "owner/name"'),
        _rule("self.type == 'github' || !has(self.app)", "only github has apps: use tokenSecretRef"),
        _rule(
            "self.type != 'github' || has(self.app) != has(self.tokenSecretRef)",
            "github wants exactly one of app and tokenSecretRef",
        ),
        _rule("self.type != 'gitea' || has(self.tokenSecretRef)", "gitea wants tokenSecretRef"),
    ),
    "RegistrySpecShape": (
        *_service("uri"),
        _rule(
            f"[{', '.join(f'has(self.{way})' for way in _WAYS_IN)}].filter(given, given).size() <= 1",
            "basicAuth, bearerToken, oauth2 and plugin exclude each other: keep one",
        ),
    ),
    "OAuth2Shape": _service("tokenUrl"),
    "S3Shape": _service("endpoint", optional=True),
    "LedgerSpecShape": (
        _rule("self.storage != 's3' || has(self.s3)", "storage s3 wants s3: name the bucket"),
        _rule("self.storage == 's3' || !has(self.s3)", "s3 is for storage s3: leave it out, or say storage: s3"),
    ),
    "NotificationShape": (
        _rule("has(self.url) != has(self.urlSecretRef)", "a notification wants exactly one of url and urlSecretRef"),
        _rule("self.type != 'slack' || !has(self.url)", "the URL of a Slack webhook is a secret: use urlSecretRef"),
        _rule("self.type != 'slack' || !has(self.signingSecretRef)", "nothing is signed for slack: leave it out"),
        *_service("url", optional=True),
    ),
}
