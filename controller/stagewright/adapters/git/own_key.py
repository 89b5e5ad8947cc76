"""The public key that git signs with in a clone, as `user.signingkey` names it.

/home/dana/.ssh/id_ed25519.pub                     a public key's file
~/.ssh/id_ed25519                                  a private key's file, with the public one beside it
key::ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA… dana    the public key itself
"""

import base64
import binascii
from pathlib import Path

from stagewright.errors import UsageError
from stagewright.model.review import SigningKey
from stagewright.schema.ssh_key import KEY_TYPES, fingerprint, key_flaw

_LITERAL = "key::"
_MAX_BYTES = 65_536


def public_key_of(setting: str, folder: Path) -> str:
    """Type and base64 of the key that the setting names, one space between. UsageError where it names none.

    Relative paths start from `folder`. A private key is never read.
    """
    if setting.startswith((_LITERAL, "ssh-")):
        return parse_public_key(setting.removeprefix(_LITERAL), "user.signingkey")
    path = folder / Path(setting).expanduser()
    public = path if path.suffix == ".pub" else path.with_name(f"{path.name}.pub")
    return read_public_key(public)


def read_public_key(path: Path) -> str:
    """Type and base64 of the key in a `.pub` file. UsageError where it holds none."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES)
    except OSError as error:
        raise UsageError(
            f"the public key {path} cannot be read: {error.strerror}",
            hint=f"ssh-keygen -y -f {path.with_suffix('')} > {path}",
        ) from error
    return parse_public_key(data.decode("utf-8", "replace"), str(path))


def parse_public_key(text: str, where: str) -> str:
    """Type and base64 out of one line, `ssh-ed25519 AAAA… comment`. UsageError that names `where` for anything else."""
    kind, encoded, *_ = [*text.split(), "", ""]
    hint = "give an OpenSSH public key of one line; make one with: ssh-keygen -t ed25519"
    if kind not in KEY_TYPES:
        raise UsageError(f"{where} holds no SSH public key that may count", hint=hint)
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise UsageError(f"{where} holds an SSH public key that is not base64", hint=hint) from error
    flaw = key_flaw(kind, key)
    if flaw is not None:
        raise UsageError(f"{where}: {flaw}", hint=hint)
    return f"{kind} {base64.b64encode(key).decode()}"


def signing_key(public_key: str) -> SigningKey:
    """Whoever holds the private half of a key that `parse_public_key` gave."""
    return SigningKey(fingerprint=fingerprint(base64.b64decode(public_key.split(" ")[1])))
