"""How git is told to sign in a person's clone, and the check that it did."""

from collections.abc import Callable
from pathlib import Path

from stagewright.adapters.git.objects import Signed
from stagewright.adapters.git.sshsig import Unverified, signer_of
from stagewright.errors import UsageError
from stagewright.model.review import SigningKey


def signing_settings(key: Path | None, config: Callable[[str], str | None]) -> tuple[str, ...]:
    """The settings that git signs under: with the private key's file `key`, or as the person's own `config` says.

    UsageError when neither leads to a key.
    """
    if key is None:
        if config("gpg.format") != "ssh" or not config("user.signingkey"):
            raise UsageError(
                "git is not set up to sign with an SSH key",
                hint="git config --global gpg.format ssh && git config --global user.signingkey ~/.ssh/id_ed25519.pub",
            )
        return ()
    if not key.is_file():
        raise UsageError(f"there is no key at {key}", hint="make one with `ssh-keygen`")
    return ("gpg.format=ssh", "gpg.ssh.program=ssh-keygen", f"user.signingkey={key.absolute()}")


def require_signer(signed: Signed | None) -> SigningKey:
    """Whose key signed what git just made. UsageError when it is not signed as the controller will want it."""
    match signer_of(signed):
        case SigningKey() as key:
            return key
        case Unverified(reason=reason):
            raise UsageError(
                f"nothing was signed and nothing was pushed: of git's signature, {reason}",
                hint="check `git config user.signingkey`: it names an ed25519, ecdsa or rsa key's file",
            )
