"""The people of the bank: fictional, each with an SSH key, a home of their own and a clone of the desired state."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

from stagewright.errors import UsageError

MAINTAINER = "max"
JOBS = {
    MAINTAINER: "platform maintainer, merges",
    "dana": "data scientist, code owner",
    "cody": "code owner",
    "mo": "model risk",
    "pat": "model risk",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person. `home` holds their key and their git configuration, `clone` is their copy of the desired state.

    `token` is their own of a forge with accounts; empty where git is the forge.
    """

    login: str
    job: str
    home: Path
    clone: Path
    token: str = field(default="", repr=False)

    @property
    def handle(self) -> str:
        """The login with "@", as policies write it."""
        return f"@{self.login}"

    @property
    def email(self) -> str:
        """The address in their commits and in allowed_signers."""
        return f"{self.login}@bank.example"

    @property
    def key(self) -> Path:
        """The private key's file; the public one lies beside it."""
        return self.home / "id_ed25519"

    @property
    def public_key(self) -> Path:
        """The public key's file."""
        return self.home / "id_ed25519.pub"

    @property
    def credentials(self) -> Path:
        """What git shows a forge in their name."""
        return self.home / "git-credentials"

    @property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """What git has to know about them."""
        credentials = (("credential.helper", f"store --file='{self.credentials}'"),) if self.token else ()
        return (
            *credentials,
            ("user.name", self.login.capitalize()),
            ("user.email", self.email),
            ("user.signingkey", str(self.public_key)),
            ("gpg.format", "ssh"),
            ("commit.gpgsign", "true"),
            ("tag.gpgsign", "true"),
        )

    def environment(self) -> dict[str, str]:
        """The variables their commands run under: nothing of the machine's own git configuration, agent or MLflow."""
        token = {"GITEA_TOKEN": self.token} if self.token else {}
        return token | {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "USER": self.login,
            "LOGNAME": self.login,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(self.home / ".gitconfig"),
            "GIT_TERMINAL_PROMPT": "0",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "NO_COLOR": "1",
            "COLUMNS": "110",
        }

    def move_in(self) -> None:
        """Make their home, their key (with `ssh-keygen`) and their git configuration."""
        self.home.mkdir(parents=True)
        self._run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.email, "-f", str(self.key))
        self.set_up_git()

    def join(self, url: str, token: str) -> "Person":
        """The same person with an account at the forge at `url`, which their git knows from now on."""
        scheme, _, host = url.partition("://")
        joined = replace(self, token=token)
        joined.credentials.touch(mode=0o600)
        joined.credentials.write_text(f"{scheme}://{self.login}:{token}@{host}\n")
        joined.set_up_git()
        return joined

    def set_up_git(self) -> None:
        """Write their settings into their own git configuration."""
        for name, value in self.settings:
            self._run("git", "config", "--global", name, value)

    def clone_from(self, origin: Path | str) -> None:
        """Clone the desired state."""
        self._run("git", "clone", "--quiet", str(origin), str(self.clone))

    def own_clone(self) -> None:
        """Write their identity into their clone, so that it also holds for whoever visits it later."""
        for name, value in self.settings:
            self._run("git", "-C", str(self.clone), "config", "--local", name, value)

    def _run(self, *argv: str) -> None:
        if shutil.which(argv[0]) is None:
            raise UsageError(f"{argv[0]} is not installed", hint="install git 2.34 or later and OpenSSH's client")
        subprocess.run(argv, cwd=self.home, env=self.environment(), check=True, stdin=subprocess.DEVNULL)


def hire(folder: Path, *, maintainers_clone: Path) -> dict[str, Person]:
    """Everybody, with keys; by login. The maintainer's clone is the one that `stagewright init` makes."""
    people = {
        login: Person(
            login=login,
            job=job,
            home=folder / login,
            clone=maintainers_clone if login == MAINTAINER else folder / login / "desired",
        )
        for login, job in JOBS.items()
    }
    for person in people.values():
        person.move_in()
    return people
