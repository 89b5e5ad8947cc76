"""The bank: its folder, its people and their terminal, and how the demo looks at MLflow, the ledger and the status."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from stagewright.adapters.directory import DirectoryStore
from stagewright.demo.narration import DifferentError, Narrator
from stagewright.demo.people import Person
from stagewright.demo.server import MlflowServer
from stagewright.demo.terminal import Answer, Terminal
from stagewright.ledger import predicates as entry
from stagewright.ledger.log import Ledger
from stagewright.schema.edit import SpecField, set_spec_field

BRANCH = "main"


class Bank:
    """Everything that the scenes share."""

    def __init__(
        self,
        *,
        directory: Path,
        narrator: Narrator,
        server: MlflowServer,
        terminal: Terminal,
        people: Mapping[str, Person],
    ) -> None:
        self.directory = directory
        self.narrator = narrator
        self.server = server
        self.terminal = terminal
        self.people = people
        self.mlflow = MlflowClient(tracking_uri=server.uri, registry_uri=server.uri)
        self.log_key = ""

    # -- what people do

    def stagewright(self, who: str, *argv: str, exit_code: int = 0, only: Sequence[str] = ()) -> Answer:
        """Show and run `stagewright ARGV`, and show what it printed (`only`: the lines with one of these words)."""
        self.narrator.command(who, "stagewright", *_with_values([shlex.quote(self._short(word)) for word in argv]))
        answer = self.terminal.stagewright(self.people[who], *argv)
        if answer.exit != exit_code:
            self.narrator.output(answer.out + answer.err)
            what = f"stagewright {argv[0]} ends with exit code {exit_code}"
            raise DifferentError(what, expected=exit_code, actual=answer.exit)
        self.narrator.output(self._short(answer.out + answer.err), only)
        return answer

    def approve(self, who: str, branch: str) -> None:
        """Sign off on what a branch proposes."""
        self.stagewright(who, "approve", branch, "--yes", only=("~",))

    def promote(
        self, model: str, version: int, stage: str, reason: str, *more: str, only: Sequence[str] = ("✓",)
    ) -> str:
        """Dana proposes that a version she trained holds a stage; the branch."""
        self.stagewright(
            "dana", "promote", model, "--version", str(version), "--to", stage, "--trainer", "@dana", *more,
            "--reason", reason, "--yes", only=only,
        )  # fmt: skip
        return f"promote/{model}-{stage.lower()}-v{version}"

    def sync(self, *only: str) -> Answer:
        """One sync, as the controller or any CI runs it."""
        return self.stagewright("max", "sync", "--once", only=only)

    def merge(self, branch: str, *, into: str = BRANCH, who: str = "max") -> None:
        """Merge a branch of the origin into another one with a merge commit, and push."""
        self.narrator.command(who, f"git merge --no-ff origin/{branch} && git push origin {into}")
        self.on_branch(who, into)
        self.git(who, "merge", "--quiet", "--no-ff", "-m", f"Merge branch '{branch}'", f"origin/{branch}")
        self.push(who, into)

    def commit(self, who: str, branch: str, message: str, files: Mapping[str, str]) -> None:
        """Write files on a branch of the origin, commit them signed, and push."""
        self.narrator.command(who, f"git commit --message {shlex.quote(message)} && git push origin {branch}")
        self.on_branch(who, branch)
        for path, text in files.items():
            file = self.people[who].clone / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.git(who, "add", "--all")
        self.git(who, "commit", "--quiet", "--message", message)
        self.push(who, branch)

    def revert(self, commit: str, why: str) -> None:
        """Take a commit of the branch back, by a push of the maintainer."""
        self.on_branch("max", BRANCH)
        mainline = ("-m", "1") if len(self.git("max", "rev-list", "--parents", "-1", commit).split()) > 2 else ()
        self.narrator.command("max", f"git revert {' '.join((*mainline, commit[:10]))} && git push origin {BRANCH}")
        self.narrator.say(f"  # {why}")
        self.git("max", "revert", "--no-edit", *mainline, commit)
        self.push("max", BRANCH)

    def on_branch(self, who: str, branch: str) -> None:
        """Bring the person's work tree to the origin's branch as it is now."""
        self.git(who, "fetch", "--quiet", "--prune", "origin")
        self.git(who, "checkout", "--quiet", "-B", branch, f"origin/{branch}")

    def push(self, who: str, branch: str) -> None:
        """Push what is checked out."""
        self.git(who, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")

    def git(self, who: str, *argv: str) -> str:
        """Run git in the person's clone; its output without the last line feed."""
        return self.terminal.git(self.people[who], *argv).out.rstrip("\n")

    def head(self, branch: str) -> str:
        """The head commit of a branch of the origin."""
        return self.git("max", "ls-remote", "origin", f"refs/heads/{branch}").split("\t", 1)[0]

    def document(self, branch: str, model: str) -> str:
        """A model's document on a branch of the origin, as Dana sees it."""
        self.on_branch("dana", branch)
        return (self.people["dana"].clone / f"models/{model}.yaml").read_text()

    def edited(self, branch: str, model: str, fields: Mapping[SpecField, str]) -> str:
        """The document with other fields of the spec."""
        text = self.document(branch, model)
        for name, value in fields.items():
            text = set_spec_field(text, name, value)
        return text

    # -- what can be seen

    def aliases(self, model: str) -> dict[str, str]:
        """The aliases of a registered model, read from MLflow."""
        found: dict[str, str] = {
            alias: str(version) for alias, version in self.mlflow.get_registered_model(model).aliases.items()
        }
        return found

    def registry(self) -> dict[str, Any]:
        """All of the registry that a promotion could touch, read from MLflow."""
        versions = self.mlflow.search_model_versions(max_results=100)
        return {
            "aliases": {model: self.aliases(model) for model in ("churn", "credit-risk")},
            "versions": sorted((v.name, v.version, v.current_stage, sorted(v.tags.items())) for v in versions),
        }

    def ledger(self) -> tuple[entry.Predicate, ...]:
        """Every entry of the ledger, read from its folder."""
        ledger = Ledger.read(DirectoryStore(self.directory / "ledger"))
        return tuple(found.statement.predicate for found in ledger.entries())

    def verdict(self, key: str) -> entry.Verdict:
        """The last verdict on a key in the ledger."""
        found = [p for p in self.ledger() if isinstance(p, entry.Verdict) and p.key == key]
        if not found:
            raise DifferentError(f"the ledger holds a verdict on {key}", expected="one at least", actual="none")
        return found[-1]

    def status(self) -> dict[str, dict[str, Any]]:
        """What `stagewright status -o json` says, by key."""
        rows: list[dict[str, Any]] = self.read_json("status")["rows"]
        return {row["key"]: row for row in rows}

    def read_json(self, *argv: str) -> dict[str, Any]:
        """What a reading command answers with `-o json`."""
        answer = self.terminal.stagewright(self.people["max"], *argv, "-o", "json")
        if answer.exit != 0:
            what = f"stagewright {argv[0]} -o json ends with exit code 0"
            raise DifferentError(what, expected=0, actual=f"{answer.exit}: {answer.err}")
        found: dict[str, Any] = json.loads(answer.out)
        return found

    def _short(self, text: str) -> str:
        return text.replace(f"{self.directory}/", "").replace(str(self.directory), ".")


def _with_values(words: Sequence[str]) -> Iterator[str]:
    """The words of a command line, each option together with its value."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        takes_value = word.startswith("--") and bool(rest) and not rest[0].startswith("--")
        yield f"{word} {rest.pop(0)}" if takes_value else word
