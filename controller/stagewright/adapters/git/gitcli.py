"""Running the `git` program in a person's clone: argument lists, no shell, no hooks, no prompts, errors with hints."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from stagewright.errors import ForbiddenError, StagewrightError, UnreachableError, UsageError

OLDEST_GIT = (2, 34)
TIMEOUT_S = 300.0

# The person's own configuration and ssh settings stay theirs; what would bend git's view of the repository does not.
_KEPT = (
    "GIT_ASKPASS",
    "GIT_AUTHOR_DATE",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_NAME",
    "GIT_COMMITTER_DATE",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_NAME",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
)
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "protocol.ext.allow=never",
    "user.useConfigOnly=true",
    "advice.detachedHead=false",
    "core.fsmonitor=false",
)
_USERINFO = re.compile(r"//[^/@\s]+@")
_AWAY = re.compile(
    r"could not read from remote|unable to access|could not resolve host|connection (refused|timed out)|"
    r"does not appear to be a git repository|early eof|hung up|unable to find remote helper",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"permission denied|authentication failed|could not read (username|password)|(error:|http) 40[13]\b|"
    r"protected branch|pre-receive hook declined",
    re.IGNORECASE,
)
_BEHIND = re.compile(r"\[rejected\]|\[remote rejected\]|non-fast-forward|cannot lock ref", re.IGNORECASE)
_UNSIGNED = re.compile(r"failed to sign|failed to write commit object|unable to sign the tag", re.IGNORECASE)
_NO_IDENTITY = re.compile(r"auto-detection is disabled|tell me who you are|empty ident name", re.IGNORECASE)


def program() -> str:
    """Where git is. UsageError when it is not installed, or too old to sign with SSH keys."""
    found = shutil.which("git")
    if found is None:
        raise UsageError("git is not installed", hint="install git 2.34 or later")
    text = subprocess.run(  # noqa: S603 - reason: a list of arguments, and the program was just looked up
        [found, "--version"], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    ).stdout
    version = re.search(r"(\d+)\.(\d+)", text)
    if version is None or (int(version[1]), int(version[2])) < OLDEST_GIT:
        raise UsageError(f"this git is too old: {text.strip()}", hint="install git 2.34 or later, which signs with SSH")
    return found


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The variables git runs under."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
    fixed = {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "C"}
    return kept | fixed | dict(extra)


def run(
    git: str,
    cwd: Path,
    *arguments: str,
    stdin: bytes = b"",
    settings: tuple[str, ...] = (),
    extra_env: Mapping[str, str] | None = None,
) -> bytes:
    """The standard output of one git command that succeeded; otherwise the error that says who must act."""
    argv = [git]
    for setting in (*_SETTINGS, *settings):
        argv += ["-c", setting]
    argv += arguments
    try:
        done = subprocess.run(  # noqa: S603 - reason: a list of arguments, never a shell
            argv,
            cwd=cwd,
            env=environment(extra_env or {}),
            input=stdin,
            capture_output=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"git {arguments[0]} did not end within {TIMEOUT_S:.0f} s", hint="try again") from error
    except OSError as error:
        raise UsageError(f"git cannot be run in {cwd}: {error}", hint="check that the directory exists") from error
    if done.returncode != 0:
        raise explain(arguments[0], done.stderr.decode("utf-8", "replace"))
    return done.stdout


def explain(command: str, stderr: str) -> StagewrightError:
    """The error behind what git wrote on its standard error; credentials in urls are struck out."""
    lines = [line.strip() for line in _USERINFO.sub("//", stderr).splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "!"))]
    what = f"git {command}: {' '.join(telling[:2] or lines[-1:]) or 'failed without a word'}"
    if _NO_IDENTITY.search(stderr):
        return UsageError(
            "git does not know who you are",
            hint="git config --global user.name 'Your Name' && git config --global user.email you@example.com",
        )
    if _UNSIGNED.search(stderr):
        return UsageError(
            f"nothing was signed: {what}",
            hint="name a key with `git config --global user.signingkey ~/.ssh/id_ed25519.pub`, "
            "and load it into your agent if it has a passphrase (`ssh-add`)",
        )
    if _DENIED.search(stderr):
        return ForbiddenError(what, hint="check your access to the repository, and its branch protection")
    if _BEHIND.search(stderr):
        return UsageError(what, hint="somebody was there first: fetch, and run the command again")
    if _AWAY.search(stderr):
        return UnreachableError(what, hint="check the address of the remote and your connection")
    return UsageError(what, hint="see what git says about it with the same command by hand")
