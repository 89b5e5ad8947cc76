"""The Secret that holds a namespace's ledger keys: made once, in the cluster, and never shown.

    apiVersion: v1
    kind: Secret
    metadata: {name: stagewright-ledger-keys, labels: {app.kubernetes.io/part-of: stagewright}}
    data: {log.pem: …, entry.pem: …}        # PKCS#8 PEM, Ed25519, as `adapters.signers` reads them

Nobody owns it: what is signed with a key outlives every release, and so must the key.
"""

import base64
import binascii
from typing import Literal

from stagewright.adapters.kubernetes.client import SECRETS, Cluster, Object
from stagewright.adapters.signers import generate_pem, is_private_key
from stagewright.errors import ConflictError, NotFoundError, UsageError

KEY_NAMES = ("log.pem", "entry.pem")
Answer = Literal["created", "found"]


def ensure_key_secret(cluster: Cluster, namespace: str, name: str) -> Answer:
    """Make the Secret with two new keys where there is none; one that is there is left as it is.

    Any number of callers may do so at once: one of them makes it, the others find it.
    UsageError: it is there, and a key is missing or is no Ed25519 key; it is not mended, since something may have been
    signed with what was there before.
    """
    try:
        found = cluster.get(SECRETS, namespace, name)
    except NotFoundError:
        try:
            cluster.create(SECRETS, namespace, _new(name))
        except ConflictError:
            found = cluster.get(SECRETS, namespace, name)
        else:
            return "created"
    _require_keys(found, f"{namespace}/{name}")
    return "found"


def _new(name: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/part-of": "stagewright", "app.kubernetes.io/component": "ledger-keys"},
        },
        "type": "Opaque",
        "data": {key: base64.b64encode(generate_pem()).decode("ascii") for key in KEY_NAMES},
    }


def _require_keys(secret: Object, place: str) -> None:
    data = secret.get("data") or {}
    for key in KEY_NAMES:
        try:
            pem = base64.b64decode(data.get(key, ""), validate=True)
        except binascii.Error:
            pem = b""
        if not is_private_key(pem):
            raise UsageError(
                f"the Secret {place} holds no Ed25519 private key in {key}",
                hint=f"put {' and '.join(KEY_NAMES)} there (PKCS#8 PEM), or name another Secret",
            )
