"""A real Gitea on loopback, built from its published module (see `build-gitea` beside this file): sqlite, a free port.

server = GiteaServer(work, built())
server.start()
server.wait()
dana = server.user("dana")
server.call("GET", "/user", by=dana)
server.stop()

Gitea refuses to run as root, so that root starts it as `nobody`.
"""

import json
import os
import pwd
import re
import secrets
import shlex
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stagewright.demo.server import PID, POLL_S, SCRIPT, end_group, free_port, stop_left_over
from stagewright.errors import StagewrightError, UnreachableError, UsageError

BUILD = Path(__file__).with_name("build-gitea")
ADMIN = "chief"
LOOPBACK = "127.0.0.1"
SCOPES = ("write:repository", "write:issue", "write:user", "write:organization")
CONFIG = "app.ini"
LOG = "output"
START_TIMEOUT_S = 120.0
_TOOL_MISSING = 3
_PREFIX = "stagewright-gitea-"

_SETTINGS = """\
APP_NAME = Forge
RUN_MODE = prod
RUN_USER = {user}
WORK_PATH = {work}

[server]
PROTOCOL = http
HTTP_ADDR = {address}
HTTP_PORT = {port}
ROOT_URL = http://{address}:{port}/
STATIC_ROOT_PATH = {static}
{ssh}
OFFLINE_MODE = true
GRACEFUL_HAMMER_TIME = 1s

[database]
DB_TYPE = sqlite3
PATH = {work}/gitea.db

[repository]
ROOT = {work}/repositories
DEFAULT_BRANCH = main
DEFAULT_PUSH_CREATE_PRIVATE = false

[security]
INSTALL_LOCK = true
SECRET_KEY = {secret}
INTERNAL_TOKEN = {token}
PASSWORD_HASH_ALGO = pbkdf2$1000$10
PASSWORD_COMPLEXITY = off

[service]
DISABLE_REGISTRATION = true

[webhook]
ALLOWED_HOST_LIST = {hooks_to}

[cron]
ENABLED = false

[indexer]
ISSUE_INDEXER_TYPE = db

[log]
LEVEL = warn
MODE = file
ROOT_PATH = {work}/log
"""


_SSH = """\
START_SSH_SERVER = true
BUILTIN_SSH_SERVER_USER = git
SSH_LISTEN_HOST = {address}
SSH_DOMAIN = {address}
SSH_PORT = {port}
SSH_LISTEN_PORT = {port}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account with a token that may do all that the account may, within SCOPES."""

    id: int
    login: str
    token: str = field(repr=False)


class GiteaError(StagewrightError):
    """An answer above 299."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"Gitea answers {status}: {text}")
        self.status = status


def built() -> Path:
    """The folder that `build-gitea` prints; it builds when there is nothing yet, which takes minutes.

    UsageError where something is missing that it builds with; UnreachableError where the build failed.
    """
    done = subprocess.run(["bash", str(BUILD)], capture_output=True, text=True, check=False)
    last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
    if done.returncode == _TOOL_MISSING:
        raise UsageError(last, hint="install Go 1.26 or later, gcc and python3, or leave FORGE=gitea out")
    if done.returncode != 0:
        raise UnreachableError(f"Gitea could not be built: {last}", hint=f"run {BUILD} to see all that it says")
    return Path(done.stdout.strip())


def ground(folder: Path) -> Path:
    """An empty folder for a server: `folder` itself, or what `folder` is a link to.

    Root's folders cannot be looked into by the account that root starts Gitea as, so that those lie where anybody can.
    """
    if os.geteuid() != 0:
        folder.mkdir()
        return folder
    place = Path(tempfile.mkdtemp(prefix=_PREFIX))
    place.chmod(0o755)
    folder.symlink_to(place)
    return place


def clear_ground(folder: Path) -> None:
    """End what an old server left running in what `ground` made, and remove what lies elsewhere."""
    stop_left_over(folder, CONFIG)
    place = folder.resolve()
    if folder.is_symlink() and place.name.startswith(_PREFIX) and place.is_dir():
        shutil.rmtree(place)


class GiteaServer:
    """One server with one administrator; `work` is an empty folder, for all that it writes."""

    def __init__(
        self, work: Path, home: Path, *, address: str = LOOPBACK, hooks_to: str = "loopback", ssh: bool = False
    ) -> None:
        """`home` is what `built` found; `address` is the one it listens on, `hooks_to` are the hosts it may wake.

        With `ssh` git may come in by that, too, at `ssh_port`.
        """
        self.work = work
        self.address = address
        self.port: int = free_port()
        self.url: str = f"http://{address}:{self.port}"
        self.ssh_port: int | None = free_port() if ssh else None
        self.repositories = work / "repositories"
        self.password = secrets.token_urlsafe(15)
        self.admin = User(id=1, login=ADMIN, token="")
        self._home = home
        self._hooks_to = hooks_to
        self._users: dict[str, User] = {}
        self._number = 0
        self._process: subprocess.Popen[bytes] | None = None
        root = os.geteuid() == 0
        self._account = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.geteuid())
        self._identity: dict[str, Any] = (
            {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []} if root else {}
        )

    @property
    def pid(self) -> int:
        """The id of the server's process, and of its group."""
        assert self._process is not None
        return self._process.pid

    # -- the server itself

    def start(self) -> None:
        """Make its database and its administrator, and start it; `wait` says when it answers."""
        self._furnish()
        self._run("migrate")
        self.admin = User(id=1, login=ADMIN, token=self._hire_admin())
        with (self.work / LOG).open("wb") as output:
            self._process = subprocess.Popen(
                ["/bin/sh", str(self.work / SCRIPT)],
                cwd=self.work,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._identity,
            )
        (self.work / PID).write_text(f"{self._process.pid}\n")

    def wait(self) -> None:
        """Return when it answers; UnreachableError when it ended or did not answer in time."""
        assert self._process is not None
        end = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < end and self._process.poll() is None:
            try:
                self.call("GET", "/version")
            except (OSError, GiteaError):
                time.sleep(POLL_S)
            else:
                return
        raise UnreachableError("Gitea did not start", hint=f"read {self.work / LOG}")

    def stop(self) -> None:
        """End it with all its children; harmless when it has ended."""
        if self._process is not None:
            end_group(self._process.pid)
            self._process.wait()
            self._process = None
            (self.work / PID).unlink(missing_ok=True)

    def _furnish(self) -> None:
        """Its settings, and a script that anybody can start it with again, to look at what a demo left."""
        binary, static = self._home / "gitea", self._home / "static"
        step_down = ""
        if self._identity:
            # the cache may lie where `nobody` cannot look
            binary, static = self.work / "gitea", self.work / "static"
            shutil.copy(self._home / "gitea", binary)
            shutil.copytree(self._home / "static", static)
            down = ["setpriv", f"--reuid={self._account.pw_uid}", f"--regid={self._account.pw_gid}", "--clear-groups"]
            step_down = f'[ "$(id -u)" != 0 ] || exec {shlex.join(down)} /bin/sh "$0"\n'
        self._binary = binary
        settings = _SETTINGS.format(
            user=self._account.pw_name,
            address=self.address,
            ssh="DISABLE_SSH = true"
            if self.ssh_port is None
            else _SSH.format(address=self.address, port=self.ssh_port),
            port=self.port,
            hooks_to=self._hooks_to,
            static=static,
            work=self.work,
            secret=secrets.token_hex(32),
            token=secrets.token_hex(32),
        )
        (self.work / CONFIG).touch(mode=0o600)
        (self.work / CONFIG).write_text(settings)
        command = shlex.join([str(binary), "web", "--config", str(self.work / CONFIG)])
        exports = f"export HOME={shlex.quote(str(self.work))} GITEA_WORK_DIR={shlex.quote(str(self.work))} TZ=UTC\n"
        (self.work / SCRIPT).write_text(f"#!/bin/sh\n{step_down}{exports}exec {command}\n")
        if self._identity:
            for place in (self.work, *self.work.rglob("*")):
                os.chown(place, self._account.pw_uid, self._account.pw_gid)

    def _hire_admin(self) -> str:
        """The token of a new administrator, as Gitea prints it; no secret is ever on a command line."""
        told = self._run(
            "admin", "user", "create", "--admin", "--username", ADMIN, "--email", f"{ADMIN}@example.com",
            "--random-password", "--must-change-password=false",
            "--access-token", "--access-token-name", "demo", "--access-token-scopes", "all",
        )  # fmt: skip
        found = re.search(r"[Aa]ccess token was successfully created\S*\s+([0-9a-f]{40})", told)
        if found is None:
            raise UnreachableError("Gitea does not say the token of its administrator", hint="look at its version")
        return found[1]

    def _run(self, *arguments: str) -> str:
        command = [str(self._binary), *arguments, "--config", str(self.work / CONFIG)]
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command,
            cwd=self.work,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            **self._identity,
        )
        if done.returncode != 0:
            raise UnreachableError(f"gitea {arguments[0]} failed: {done.stderr.strip()[-300:]}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.work),
            "GITEA_WORK_DIR": str(self.work),
            "TZ": "UTC",
        }

    # -- what its administrator can do

    def unique(self, stem: str) -> str:
        """A name that nobody else uses on this server."""
        self._number += 1
        return f"{stem}-{self._number}"

    def call(self, method: str, path: str, body: Any = None, *, by: User | None = None) -> Any:
        """One request to the API as a person (default: the administrator); its JSON. GiteaError above 299."""
        return self._call(method, path, body, f"token {(by or self.admin).token}")

    def user(self, login: str, email: str = "") -> User:
        """The account of that name, made on first use, with `password`."""
        if login not in self._users:
            body = {
                "username": login, "email": email or f"{login}@example.com", "password": self.password,
                "must_change_password": False,
            }  # fmt: skip
            made = self.call("POST", "/admin/users", body)
            self._users[login] = User(id=made["id"], login=login, token=self.token(login))
        return self._users[login]

    def token(self, login: str, scopes: tuple[str, ...] = SCOPES) -> str:
        """A new token of an account that `user` made."""
        body = {"name": self.unique("token"), "scopes": list(scopes)}
        basic = b64encode(f"{login}:{self.password}".encode()).decode()
        return str(self._call("POST", f"/users/{login}/tokens", body, f"Basic {basic}")["sha1"])

    def remote(self, repository: str, who: User) -> str:
        """The address of `owner/name` with this person's throw-away token in it, for git itself."""
        return f"http://{who.login}:{who.token}@{self.address}:{self.port}/{repository}.git"

    def folder(self, repository: str) -> Path:
        """Where the bare repository `owner/name` lies."""
        return self.repositories / f"{repository.lower()}.git"

    def _call(self, method: str, path: str, body: Any, authorization: str) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": authorization}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data=data, headers=headers, method=method)  # noqa: S310 - reason: an http URL of ours
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as reply:
                text = reply.read()
        except urllib.error.HTTPError as error:
            raise GiteaError(error.code, error.read().decode(errors="replace")[:500]) from None
        return json.loads(text) if text else None
