"""Signers by URI, through securesystemslib: where a private key lies is configuration.

file:/etc/stagewright/keys/log.pem      PKCS#8 PEM, Ed25519, of mode 0600, owned by us, no symbolic link
"""

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from securesystemslib.signer import CryptoSigner

from stagewright.errors import NotFoundError, UsageError
from stagewright.ports import Signer

SCHEMES = ("file",)
"""What may stand before the colon."""
_MAX_KEY_FILE = 65_536


class _CryptoSigner:
    """A `Signer` over a private key in this process's memory."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._signer = CryptoSigner(key)
        self._public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def __repr__(self) -> str:
        return f"<Ed25519 signer {self._public.hex()}>"

    @property
    def public_key(self) -> bytes:
        """See `Signer.public_key`."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """See `Signer.sign`."""
        return bytes.fromhex(self._signer.sign(message).signature)


def load_signer(uri: str) -> Signer:
    """The signer that `uri` names. UsageError: unknown scheme or bad file; NotFoundError: no such key."""
    path = _file_path(uri)
    data = _read_private(path)
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # the library's text is left out: it may quote what it read
        raise UsageError(f"{path} is not an unencrypted PKCS#8 private key in PEM", hint=_HOW) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{path} holds a key of another kind than Ed25519", hint=_HOW)
    return _CryptoSigner(key)


def generate_pem() -> bytes:
    """A new private key as `load_signer` wants it: Ed25519, PKCS#8, PEM."""
    return bytes(CryptoSigner(Ed25519PrivateKey.generate()).private_bytes)


def is_private_key(pem: bytes) -> bool:
    """Is it a key that `load_signer` would take?"""
    try:
        return isinstance(load_pem_private_key(pem, password=None), Ed25519PrivateKey)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


def create_signer(uri: str) -> Signer:
    """Make a new key where `uri` says, and load it. Never overwrites: UsageError where something lies already."""
    path = _file_path(uri)
    pem = generate_pem()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o600)
            file.write(pem)
            file.flush()
            os.fsync(handle)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError as error:
        raise UsageError(
            f"{path} exists; a key is never overwritten", hint="use it, or choose another place"
        ) from error
    except OSError as error:
        raise UsageError(f"cannot write the key file {path}: {error.strerror}") from error
    return load_signer(uri)


_HOW = "make one with: openssl genpkey -algorithm ed25519 -out FILE && chmod 600 FILE"


def _file_path(uri: str) -> Path:
    scheme, colon, path = uri.partition(":")
    if not colon or scheme not in SCHEMES or not path:
        # a URI may carry a token, so only its scheme is repeated
        raise UsageError(
            f"no signer for the scheme {scheme[:40] if colon else ''!r}",
            hint=f"supported are: {', '.join(f'{name}:' for name in SCHEMES)} (as in file:/etc/stagewright/log.pem)",
        )
    return Path(path)


def _read_private(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no key file {path}", hint=_HOW) from error
    except OSError as error:
        raise UsageError(
            f"cannot open the key file {path}: {error.strerror}", hint="symbolic links are refused"
        ) from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"the key file {path} is not a regular file")
        if status.st_mode & 0o077 or status.st_uid != os.geteuid():
            raise UsageError(
                f"others can get at the key file {path} (mode {stat.S_IMODE(status.st_mode):04o})",
                hint=f"run: chmod 600 {path}, as the user that the controller runs as",
            )
        return os.read(handle, _MAX_KEY_FILE)
    finally:
        os.close(handle)
