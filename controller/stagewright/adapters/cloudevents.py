"""Notifications as CloudEvents 1.0 over HTTP, in structured mode, signed as the Standard Webhooks specification says.

    POST <url>
    Content-Type: application/cloudevents+json; charset=utf-8
    webhook-id: msg_<32 hex digits>              the same however often it is sent
    webhook-timestamp: 1772442240                of this attempt
    webhook-signature: v1,<base64 of HMAC-SHA256 over "<id>.<timestamp>.<body>">

    {"specversion": "1.0", "id": "8", "source": "/ledgers/ledger.example.com/prod",
     "type": "dev.stagewright.pending.v1", "subject": "credit-risk/Production",
     "time": "2026-03-02T09:03:00.000000Z", "datacontenttype": "application/json", "data": {…}}

The secret is the base64 text after `whsec_`, as that specification writes it, or else the bytes of the text itself.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from stagewright.adapters.outbound import Outbound
from stagewright.errors import InvalidError
from stagewright.ledger.records import format_time
from stagewright.model.codec import Json
from stagewright.model.notification import Message

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
# as the specification recommends, for a key of HMAC-SHA256
MIN_SECRET_BYTES = 24


class CloudEvents:
    """One receiver. `url` and `secret` are asked for each delivery, so that they can be rotated."""

    def __init__(self, outbound: Outbound, url: Callable[[], str], secret: Callable[[], bytes] | None) -> None:
        self._outbound = outbound
        self._url = url
        self._secret = secret

    def deliver(self, message: Message, now: datetime) -> None:
        """Post a message. UnreachableError and InvalidError, as `Outbound.post`; it may have arrived all the same."""
        body = event(message)
        headers = {"Content-Type": CONTENT_TYPE, "webhook-id": webhook_id(message)}
        if self._secret is not None:
            headers |= signed(body, webhook_id(message), now, signing_key(self._secret()))
        self._outbound.post(self._url(), body, headers)


def event(message: Message) -> bytes:
    """The event, as JSON (CloudEvents JSON format 1.0)."""
    data: dict[str, Json] = {
        "kind": message.kind,
        "summary": message.summary,
        "namespace": message.namespace,
        "registrySync": message.sync,
        "model": message.model or None,
        "stage": message.stage or None,
        "promotion": message.promotion,
        "commit": message.commit,
        "pullRequest": {"url": message.pull_url, "title": message.pull_title} if message.pull_url else None,
        **message.details,
    }
    made: dict[str, Json] = {
        "specversion": "1.0",
        "id": message.id,
        "source": f"/ledgers/{quote(message.origin)}",
        "type": f"dev.stagewright.{message.kind}.v1",
        "subject": message.subject,
        "time": format_time(message.at),
        "datacontenttype": "application/json",
        "data": data,
    }
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()


def webhook_id(message: Message) -> str:
    """What receivers drop doubles by: `msg_` and 32 hex digits of SHA-256 over origin and id."""
    named = f"{message.origin}\n{message.id}"
    return f"msg_{hashlib.sha256(named.encode()).hexdigest()[:32]}"


def signed(body: bytes, name: str, now: datetime, key: bytes) -> dict[str, str]:
    """The headers that sign a body. `now` is the time of the attempt."""
    timestamp = str(int(now.timestamp()))
    digest = hmac.digest(key, f"{name}.{timestamp}.".encode() + body, "sha256")
    return {"webhook-timestamp": timestamp, "webhook-signature": f"v1,{base64.b64encode(digest).decode()}"}


def signing_key(secret: bytes) -> bytes:
    """The key in what a file holds. InvalidError, which does not repeat it, where it is too short or no base64."""
    text = secret.strip()
    key = text
    if text.startswith(b"whsec_"):
        try:
            key = base64.b64decode(text.removeprefix(b"whsec_"), validate=True)
        except binascii.Error:
            raise InvalidError("the signing secret is no base64 after whsec_", hint="make a new one") from None
    if len(key) < MIN_SECRET_BYTES:
        raise InvalidError(
            f"the signing secret has fewer than {MIN_SECRET_BYTES} bytes",
            hint="make one: printf 'whsec_%s' \"$(openssl rand -base64 32)\"",
        )
    return key
