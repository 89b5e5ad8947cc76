"""The real command line on a real Gitea: every person has their own token, key and clone; the registry is in memory,
or the real one at `uri`.

desk = GiteaDesk(world, tmp_path)
desk.registry.add_version("credit-risk")
desk.init()                                     # the maintainer begins
desk.run("dana", "promote", …)
"""

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from stagewright import bootstrap
from stagewright.bootstrap import engine
from stagewright.cli.main import run
from tests.cli_desk import ORIGIN, Desk, Told
from tests.git_world import environment, person
from tests.git_world import run as call
from tests.gitea.world import GiteaWorld

PEOPLE = ("maintainer", "dana", "noor", "ravi", "robot")


class GiteaDesk(Desk):
    """What `Desk` is for git alone."""

    def __init__(self, world: GiteaWorld, root: Path, *, uri: str = "") -> None:
        super().__init__(root, uri=uri)
        self.world = world
        self.root.mkdir(parents=True, exist_ok=True)

    def environment(self, who: str) -> dict[str, str]:
        """What that person's shell has: their token for the API, and for git."""
        token = self.world.server.user(who).token
        config = self.root / f"gitconfig-{who}"
        config.write_text(f'[http "{self.world.server.url}/"]\n\textraHeader = Authorization: token {token}\n')
        return environment(self.root) | {"GIT_CONFIG_GLOBAL": str(config), "GITEA_TOKEN": token}

    def run(self, who: str, *arguments: str, expect: int | None = 0, cwd: Path | None = None) -> Told:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, text in self.environment(who).items():
                patch.setenv(name, text)
            for name in ("STAGEWRIGHT_CONFIG", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "GH_TOKEN", "GITHUB_TOKEN"):
                patch.delenv(name, raising=False)
            patch.setenv("STAGEWRIGHT_CONFIG", str(self.config))
            if not self.uri:
                for module in (bootstrap, engine):
                    patch.setattr(module, "registry_of", lambda *_given: self.registry)
                patch.setattr(bootstrap, "registry_version", lambda _config, _env: "MLflow in memory")
            patch.chdir(cwd or (self.clone(who) if self.config.exists() else self.root))
            code = run(arguments)
        told = Told(code=code, out=out.getvalue(), err=err.getvalue())
        assert expect is None or code == expect, f"{arguments}: {told}"
        return told

    def init(self, *more: str) -> Told:  # type: ignore[override] -- who is in it is said by the world
        """Begin, as the maintainer, on the repository that is there: noor owns the code, ravi is model risk."""
        arguments = ["init", str(self.home), "--registry", self.uri or "http://127.0.0.1:5000", "--origin", ORIGIN]
        arguments += ["--forge", "gitea", "--repository", self.world.url]
        arguments += ["--author", f"maintainer <{person('maintainer').email}>"]
        arguments += ["--signing-key", str(person("maintainer").key)]
        arguments += ["--owner", "@noor", "--group", "@bank/model-risk=@ravi", *more]
        for name in PEOPLE[:-1]:
            who = person(name)
            arguments += ["--person", f"@{name}={who.email}:{who.key}.pub"]
        return self.run("maintainer", *arguments)

    def clone(self, name: str) -> Path:
        """That person's clone, made on first use and set up to sign with their key."""
        path = self.home / ("desired" if name == "maintainer" else f"clone-{name}")
        if not path.exists():
            env = self.environment(name)
            call("git", "clone", "-q", "--template=", self.world.url, str(path), cwd=self.home, env=env)
            self.world.configure(path, name)
        return path
