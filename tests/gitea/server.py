"""A real Gitea on loopback, for the tests that `make test-real` runs; see `build` beside this file.

with running_gitea(folder) as server:
    dana = server.user("dana")
    server.call("GET", "/user", by=dana)

Gitea refuses to run as root, so that root starts it as `nobody`, in a folder of its own below /tmp.
"""

import base64
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUILD = Path(__file__).with_name("build")
ADMIN = "chief"
PASSWORD = "correct-horse-battery"
SCOPES = ("write:repository", "write:issue", "write:user", "write:organization")
START_S = 90.0

CONFIG = """\
APP_NAME = Forge
RUN_MODE = prod
RUN_USER = {user}

[server]
PROTOCOL = http
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = http://127.0.0.1:{port}/
STATIC_ROOT_PATH = {static}
DISABLE_SSH = true
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
ALLOWED_HOST_LIST = loopback

[cron]
ENABLED = false

[indexer]
ISSUE_INDEXER_TYPE = db

[log]
LEVEL = warn
MODE = file
ROOT_PATH = {work}/log
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account with a token that may do all that the account may, within SCOPES."""

    id: int
    login: str
    token: str


class GiteaError(AssertionError):
    """An answer that no test expected."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class GiteaServer:
    """The server's address, its folder of repositories, and what its administrator can do."""

    def __init__(self, url: str, repositories: Path, binary: tuple[str, ...], environment: Mapping[str, str]) -> None:
        self.url = url
        self.repositories = repositories
        self.binary = binary
        self.environment = environment
        self.admin = User(id=1, login=ADMIN, token="")
        self._users: dict[str, User] = {}
        self._number = 0

    def unique(self, stem: str) -> str:
        """A name that nobody else uses on this server."""
        self._number += 1
        return f"{stem}-{self._number}"

    def call(self, method: str, path: str, body: Any = None, *, by: User | None = None) -> Any:
        """One request to the API as a person (default: the administrator); its JSON. GiteaError above 299."""
        who = by or self.admin
        headers = {"Content-Type": "application/json", "Authorization": f"token {who.token}"}
        if not who.token:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{who.login}:{PASSWORD}".encode()).decode()
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                text = reply.read()
        except urllib.error.HTTPError as error:
            raise GiteaError(error.code, error.read().decode(errors="replace")[:500]) from None
        return json.loads(text) if text else None

    def user(self, login: str) -> User:
        """The account of that name, made on first use."""
        if login not in self._users:
            body = {
                "username": login, "email": f"{login}@example.com", "password": PASSWORD, "must_change_password": False,
            }  # fmt: skip
            made = self.call("POST", "/admin/users", body)
            self._users[login] = User(id=made["id"], login=login, token=self.token(login))
        return self._users[login]

    def token(self, login: str, scopes: tuple[str, ...] = SCOPES) -> str:
        """A new token of an account."""
        who = User(id=0, login=login, token="")
        body = {"name": self.unique("token"), "scopes": list(scopes)}
        return str(self.call("POST", f"/users/{login}/tokens", body, by=who)["sha1"])

    def remote(self, repository: str, who: User) -> str:
        """The address of `owner/name` with this person's throw-away token in it, for git itself."""
        return f"{self.url.replace('://', f'://{who.login}:{who.token}@')}/{repository}.git"

    def folder(self, repository: str) -> Path:
        """Where the bare repository `owner/name` lies."""
        return self.repositories / f"{repository.lower()}.git"


def built() -> Path:
    """The folder that `build` prints; it builds when there is nothing yet."""
    return Path(subprocess.run([str(BUILD)], check=True, capture_output=True, text=True).stdout.strip())


@contextmanager
def running_gitea() -> Iterator[GiteaServer]:
    """A server with an empty database and one administrator, ended with the block."""
    home = built()
    work = Path(tempfile.mkdtemp(prefix="stagewright-gitea-"))
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    try:
        yield from _serve(home, work, account)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _serve(home: Path, work: Path, account: pwd.struct_passwd) -> Iterator[GiteaServer]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    binary, static = work / "gitea", work / "static"
    # copies: the cache may lie where an ordinary user cannot look
    shutil.copy(home / "gitea", binary)
    shutil.copytree(home / "static", static)
    config = work / "custom" / "conf" / "app.ini"
    config.parent.mkdir(parents=True)
    config.write_text(
        CONFIG.format(user=account.pw_name, port=port, static=static, work=work, secret="s" * 64, token="t" * 64)
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(work), "GITEA_WORK_DIR": str(work), "TZ": "UTC"}
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        for place in (work, *work.rglob("*")):
            os.chown(place, account.pw_uid, account.pw_gid)
    work.chmod(0o755)
    options: dict[str, Any] = {"cwd": work, "env": environment, **identity}
    admin = [
        "admin", "user", "create", "--admin", "--username", ADMIN, "--password", PASSWORD,
        "--email", "chief@example.com", "--must-change-password=false",
    ]  # fmt: skip
    for command in (["migrate"], admin):
        subprocess.run([str(binary), *command], check=True, capture_output=True, **options)
    with (work / "output").open("wb") as output:
        process = subprocess.Popen([str(binary), "web"], stdout=output, stderr=output, **options)
        try:
            server = GiteaServer(f"http://127.0.0.1:{port}", work / "repositories", (str(binary),), environment)
            _await(server, process, work / "output")
            yield server
            assert process.poll() is None, f"Gitea ended: {(work / 'output').read_text(errors='replace')[-2000:]}"
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(server: GiteaServer, process: subprocess.Popen[bytes], output: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        assert process.poll() is None, f"Gitea ended: {output.read_text(errors='replace')[-2000:]}"
        try:
            server.call("GET", "/version")
        except (urllib.error.URLError, OSError, GiteaError):
            time.sleep(0.1)
        else:
            token = server.token(ADMIN, ("all",))
            server.admin = User(id=int(server.call("GET", "/user")["id"]), login=ADMIN, token=token)
            return
    raise AssertionError("Gitea did not start")
