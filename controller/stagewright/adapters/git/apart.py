"""A fetch in a process of its own: for an origin that is trusted otherwise than this machine trusts, or not at all.

libgit2 knows the certificates and the hosts to trust once for a whole process. Where one origin names its own, they
must not become those of every other; so that fetch has its own process, home and certificates. Nor does it ever give
up on a server that sends a byte now and then, and would hold whoever waits for ever; a process can be ended. What it is
told, secrets with it, goes through its standard input, and what came of it comes back as one line:

    {"mirror": "/var/cache/…/mirror.git", "url": "ssh://git@git.example/acme/models.git", "branch": "main",
     "refs": ["refs/heads/*"], "max_bytes": 1073741824, "username": "git", "password": null,
     "private_key": "/run/…/identity", "passphrase": ""}

    {}                                                              done
    {"kind": "ForbiddenError", "message": "…", "hint": "…"}         why not
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pygit2

from stagewright.adapters.git import transport
from stagewright.adapters.git.access import GitCredentials
from stagewright.errors import (
    ForbiddenError,
    IncompleteError,
    NotFoundError,
    StagewrightError,
    UnreachableError,
    UsageError,
)

# Well below what makes a worker of the controller count as stuck.
DEADLINE_S = 300.0
MAX_ANSWER = 64 * 1024
# What a fetch needs of the environment: how to get out, and nothing that says who we are.
_PASSED_ON = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "LANG", "TMPDIR")
_ERRORS: dict[str, type[StagewrightError]] = {
    kind.__name__: kind for kind in (ForbiddenError, IncompleteError, NotFoundError, UnreachableError, UsageError)
}


def update_apart(
    mirror: Path, url: str, branch: str, *, credentials: GitCredentials, refs: tuple[str, ...], max_bytes: int
) -> None:
    """As `transport.update`, with the certificates and known hosts of `credentials` where these name any.

    UnreachableError, too, where it did not end in DEADLINE_S: nothing of it goes on then.
    """
    request = {
        "mirror": str(mirror),
        "url": url,
        "branch": branch,
        "refs": list(refs),
        "max_bytes": max_bytes,
        "username": credentials.username,
        "password": credentials.password,
        "private_key": None if credentials.private_key is None else str(credentials.private_key),
        "passphrase": credentials.passphrase,
    }
    with tempfile.TemporaryDirectory(prefix="stagewright-fetch-") as home:
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        env |= _trust(Path(home), credentials)
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-m", "stagewright.adapters.git.apart"],
                input=json.dumps(request).encode(),
                capture_output=True,
                env=env,
                timeout=DEADLINE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UnreachableError(f"{url} did not end its answer in {DEADLINE_S:.0f} s") from None
    _raise(done.stdout[:MAX_ANSWER], url)


def _trust(home: Path, credentials: GitCredentials) -> dict[str, str]:
    """The environment in which the origin is trusted as `credentials` say."""
    if credentials.known_hosts is not None:
        (home / ".ssh").mkdir(mode=0o700)
        try:
            shutil.copyfile(credentials.known_hosts, home / ".ssh" / "known_hosts")
        except OSError as error:
            raise UsageError(f"the known hosts of the source cannot be read: {error.strerror}") from error
    else:
        home = Path(os.environ.get("HOME", str(home)))
    if credentials.ca is None:
        return {"HOME": str(home)} | {n: os.environ[n] for n in ("SSL_CERT_FILE", "SSL_CERT_DIR") if n in os.environ}
    if not credentials.ca.is_file():
        raise UsageError(f"the certificates to trust are not there: {credentials.ca}")
    return {"HOME": str(home), "SSL_CERT_FILE": str(credentials.ca), "SSL_CERT_DIR": os.devnull}


def _raise(answer: bytes, url: str) -> None:
    try:
        told = json.loads(answer)
        kind = _ERRORS[told["kind"]] if told else None
    except (ValueError, TypeError, KeyError):
        raise UnreachableError(f"{url} could not be read: the fetch ended without an answer") from None
    if kind is not None:
        raise kind(str(told["message"]), hint=str(told["hint"]))


def main() -> None:
    """The process: one request in, one answer out."""
    request = json.loads(sys.stdin.buffer.read())
    transport.isolate()
    # where libgit2 looks for the hosts that are known
    pygit2.settings.homedir = os.environ["HOME"]
    credentials = GitCredentials(
        username=request["username"],
        password=request["password"],
        private_key=None if request["private_key"] is None else Path(request["private_key"]),
        passphrase=request["passphrase"],
    )
    answer: dict[str, str] = {}
    try:
        transport.update(
            transport.open_mirror(Path(request["mirror"])),
            request["url"],
            request["branch"],
            credentials=credentials,
            refs=tuple(request["refs"]),
            max_bytes=request["max_bytes"],
        )
    except StagewrightError as error:
        answer = {"kind": _kind(error), "message": str(error), "hint": error.hint}
    sys.stdout.write(json.dumps(answer))


def _kind(error: StagewrightError) -> str:
    return next((name for name, kind in _ERRORS.items() if type(error) is kind), UnreachableError.__name__)


if __name__ == "__main__":
    main()
