"""A desk at which the real command line is run: real git, real SSH keys, a real ledger, a registry in memory.

    desk = Desk(tmp_path)
    desk.registry.add_version("credit-risk")
    desk.init()
    told = desk.run("max", "sync", "--once")     # told.code, told.out, told.err, told.json()

Each person works in a clone of their own, with their own key; `max` is who began the repository.
"""

import copy
import io
import json
import shutil
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stagewright import bootstrap
from stagewright.adapters.clock import SystemClock
from stagewright.bootstrap import engine
from stagewright.cli.main import run
from stagewright.model.actual import DataSet
from stagewright.model.evidence import Evidence, EvidenceRun
from tests.fakes.registry import InMemoryRegistry, StoredModel
from tests.git_world import Person, environment, person
from tests.git_world import run as call

ORIGIN = "stagewright.example/bank"
PEOPLE = ("max", "dana", "cody", "mo", "pat")
DATA = DataSet(
    name="applications", digest="5ec1a000", digest_kind="mlflow-fingerprint", context="training", source="s3://data/x"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one command answered."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Desk:
    """One bank: a repository, a registry, people, and the command line."""

    def __init__(self, root: Path, *, uri: str = "") -> None:
        """`uri` is that of a real registry; with none, the one in memory stands behind every command."""
        self.root = root
        self.home = root / "bank"
        self.registry = InMemoryRegistry(SystemClock())
        self.uri = uri
        self._saved: dict[str, StoredModel] = {}

    @property
    def config(self) -> Path:
        return self.home / "registrysync.yaml"

    def run(self, who: str, *arguments: str, expect: int | None = 0, cwd: Path | None = None) -> Told:
        """Run one command in that person's clone, or in `cwd`. `expect` None takes any exit code."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, text in environment(self.root).items():
                patch.setenv(name, text)
            for name in ("STAGEWRIGHT_CONFIG", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"):
                patch.delenv(name, raising=False)
            if not self.uri:
                for module in (bootstrap, engine):
                    patch.setattr(module, "registry_of", lambda *_given: self.registry)
                patch.setattr(bootstrap, "registry_version", lambda _config, _env: "MLflow in memory")
            patch.chdir(cwd or (self.clone(who) if self.config.exists() else self.root))
            code = run(arguments)
        told = Told(code=code, out=out.getvalue(), err=err.getvalue())
        assert expect is None or code == expect, f"{arguments}: {told}"
        return told

    def version(self, model: str = "credit-risk", *, weights: bytes = b"1", trainer: str = "dana") -> int:
        """Register a version that has everything a heavy rule asks for."""
        made_by = EvidenceRun(id="4" * 32, experiment_id="1", status="FINISHED", lifecycle="active", user=trainer)
        evidence = Evidence(run=made_by, trainer=trainer, source_commit="a" * 40)
        files = {"MLmodel": b"flavors: {}\n", "model.bin": weights}
        return self.registry.add_version(model, files=files, evidence=evidence, data_sets=(DATA,))

    def init(self, *more: str, people: Sequence[str] = PEOPLE) -> Told:
        """Make the repository with everybody in it: cody owns the code, mo and pat are model risk."""
        arguments = ["init", str(self.home), "--registry", self.uri or "http://127.0.0.1:5000", "--origin", ORIGIN]
        arguments += ["--author", f"max <{person('max').email}>", "--signing-key", str(person("max").key)]
        arguments += ["--owner", "@cody", "--group", "@bank/model-risk=@mo,@pat", *more]
        for name in people:
            who = person(name)
            arguments += ["--person", f"@{name}={who.email}:{who.key}.pub"]
        return self.run("max", *arguments)

    def begin(self) -> None:
        """Repository, one imported model, ledger."""
        self.init()
        self.run("max", "import", "--owner", "@cody")
        self.run("max", "sync", "--once")

    def promote(self, *arguments: str, by: str, approved_by: Sequence[str], merge: bool = True) -> str:
        """Propose, approve and merge; the branch. `arguments` are those of `promote` or `mode`, without the reason."""
        trainer = ["--trainer", "@dana"] if arguments[0] == "promote" and "--none" not in arguments else []
        told = self.run(by, *arguments, "--reason", "As agreed", "--yes", *trainer)
        branch = told.out.rpartition("pushed ")[2].partition(" ")[0]
        for name in approved_by:
            self.run(name, "approve", branch, "--yes")
        if merge:
            self.merge(branch)
        return branch

    def save(self) -> None:
        """Keep everything as it is now, for `restore`."""
        shutil.copytree(self.home, self.root / "saved", symlinks=True)
        self._saved = copy.deepcopy(self.registry.models)

    def restore(self) -> None:
        """Bring everything back to where it was when it was saved; at the same place, for a ledger binds its paths."""
        shutil.rmtree(self.home)
        shutil.copytree(self.root / "saved", self.home, symlinks=True)
        self.registry = InMemoryRegistry(SystemClock())
        self.registry.models = copy.deepcopy(self._saved)

    def clone(self, name: str) -> Path:
        """That person's clone, made on first use and set up to sign with their key."""
        path = self.home / ("desired" if name == "max" else f"clone-{name}")
        if not path.exists():
            who = person(name)
            self.git(self.home, "clone", "-q", str(self.home / "origin.git"), str(path))
            for key, text in (
                ("user.name", name),
                ("user.email", who.email),
                ("gpg.format", "ssh"),
                ("user.signingkey", str(who.key)),
                ("commit.gpgsign", "true"),
            ):
                self.git(path, "config", key, text)
        return path

    def git(self, where: Path, *arguments: str) -> str:
        return call("git", *arguments, cwd=where, env=environment(self.root)).decode().rstrip("\n")

    def merge(self, branch: str, *, who: str = "max") -> str:
        """Merge a branch of the origin into main as a person would; the merge's id."""
        clone = self.clone(who)
        self.git(clone, "fetch", "-q", "origin")
        self.git(clone, "checkout", "-q", "-B", "main", "origin/main")
        self.git(clone, "merge", "-q", "--no-ff", "-m", f"Merge {branch}", f"origin/{branch}")
        self.git(clone, "push", "-q", "origin", "main")
        return self.git(clone, "rev-parse", "HEAD")

    def edit(self, who: str, files: dict[str, str], *, branch: str, message: str = "Change") -> str:
        """Commit files on a branch from main and push it; the commit."""
        clone = self.clone(who)
        self.git(clone, "fetch", "-q", "origin")
        self.git(clone, "checkout", "-q", "-B", branch.replace("/", "-"), "origin/main")
        for path, text in files.items():
            (clone / path).write_text(text)
        self.git(clone, "add", "-A")
        self.git(clone, "commit", "-q", "-m", message)
        self.git(clone, "push", "-q", "origin", f"HEAD:refs/heads/{branch}")
        return self.git(clone, "rev-parse", "HEAD")

    def person(self, name: str) -> Person:
        return person(name)
