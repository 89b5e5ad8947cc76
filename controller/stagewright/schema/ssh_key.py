"""SSH public keys in their wire form (RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH PROTOCOL.u2f).

string "ssh-ed25519" · string key[32]
string "ecdsa-sha2-nistp256" · string "nistp256" · string point
string "ssh-rsa" · mpint e · mpint n
string "sk-ssh-ed25519@openssh.com" · string key[32] · string application
"""

import base64
import hashlib

KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 16384

# bytes of an uncompressed point: one byte 0x04 and two coordinates
_POINT_LENGTHS = {"nistp256": 65, "nistp384": 97, "nistp521": 133}


def fingerprint(key: bytes) -> str:
    """`SHA256:` and the unpadded base64 of the key's SHA-256, as `ssh-keygen -l` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def key_flaw(key_type: str, key: bytes) -> str | None:
    """Why these bytes are no key of that type that may count; None when they are. Curve points are not computed."""
    fields = _strings(key)
    if not fields or fields[0] != key_type.encode():
        return f"the key's bytes are no {key_type} key"
    body = fields[1:]
    if key_type.startswith("sk-"):
        if len(body) < 2 or not body[-1]:
            return f"the key's bytes are no {key_type} key"
        body = body[:-1]
    if key_type == "ssh-rsa":
        return _rsa_flaw(body)
    curve = key_type.removeprefix("sk-").removesuffix("@openssh.com").removeprefix("ecdsa-sha2-")
    if curve in _POINT_LENGTHS:
        whole = len(body) == 2 and body[0] == curve.encode() and len(body[1]) == _POINT_LENGTHS[curve]
        return None if whole and body[1][0] == 4 else f"the key's bytes are no {key_type} key"
    return None if [len(field) for field in body] == [32] else f"the key's bytes are no {key_type} key"


def _rsa_flaw(body: list[bytes]) -> str | None:
    if len(body) != 2 or not all(_is_positive(number) for number in body):
        return "the key's bytes are no ssh-rsa key"
    bits = int.from_bytes(body[1], "big").bit_length()
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        return f"an RSA key of {bits} bits, {MIN_RSA_BITS} to {MAX_RSA_BITS} are accepted"
    return None


def _is_positive(number: bytes) -> bool:
    """Whether an mpint (RFC 4251 section 5) is above zero and in its one spelling."""
    if not number or number[0] & 0x80:
        return False
    return number[0] != 0 or (len(number) > 1 and number[1] & 0x80 != 0)


def _strings(data: bytes) -> list[bytes] | None:
    """The length-prefixed strings that make up the data exactly; None when it is cut or goes on."""
    found: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        if at + 4 > len(data) or end > len(data):
            return None
        found.append(data[at + 4 : end])
        at = end
    return found
