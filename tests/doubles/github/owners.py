"""What the double makes of CODEOWNERS: whose review it asks for, and which lines it would skip."""

import re

from tests.doubles.github.accounts import Account, Team, at_least
from tests.doubles.github.forge import Forge
from tests.doubles.github.render import text
from tests.doubles.github.repository import Pull, Repository

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")


class Owners:
    """A plain reading of CODEOWNERS, enough for what stands in the repositories of tests."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge

    def text(self, repository: Repository, commit: str) -> tuple[str, str] | None:
        """The first file of the three places, with its path."""
        for path in PLACES:
            found = self.forge.world.git.read(repository.id, commit, path)
            if found is not None:
                return path, found.decode(errors="replace")
        return None

    def ask(self, repository: Repository, pull: Pull) -> None:
        """Ask the owners of what a new pull request changes; a draft asks nobody."""
        found = self.text(repository, pull.base_sha)
        if found is None or pull.draft:
            return
        git = self.forge.world.git.open(repository.id)
        base = git.merge_base(pull.base_sha, pull.head_sha)
        if base is None:
            return
        lines = [line.split("#")[0].split() for line in found[1].splitlines()]
        rules = [(_pattern(words[0]), words[1:]) for words in lines if words]
        for patch in git.diff(base, pull.head_sha):
            assert patch is not None
            owners: list[str] = []
            for pattern, listed in rules:
                if pattern.search("/" + text(patch.delta.new_file.raw_path)):
                    owners = listed
            for owner in owners:
                self._ask(repository, pull, owner)

    def _ask(self, repository: Repository, pull: Pull, owner: str) -> None:
        found = self.find(repository, owner)
        if found is not None and found is not pull.author:
            self.forge.ask(repository, pull, pull.author, found)

    def find(self, repository: Repository, owner: str) -> Account | Team | None:
        """An owner with write access; whoever has none is no owner."""
        world, name = self.forge.world, owner.removeprefix("@")
        if "/" in name:
            team = world.find_team(*name.split("/", 1))
            levels = [] if team is None else [repository.teams.get(above.id, "none") for above in team.lineage_up()]
            return team if any(at_least(level, "push") for level in levels) else None
        account = world.find_account(name)
        if account is None or not at_least(world.level(repository, account), "push"):
            return None
        return account

    def errors(self, repository: Repository, commit: str) -> list[dict[str, object]]:
        """The lines that GitHub complains of."""
        found, errors = self.text(repository, commit), []
        if found is None:
            return []
        for number, line in enumerate(found[1].splitlines(), start=1):
            for owner in line.split("#")[0].split()[1:]:
                if owner.startswith("@") and self.find(repository, owner) is None:
                    column = line.index(owner) + 1
                    what = f"make sure {owner} exists and has write access to the repository"
                    message = f"Unknown owner on line {number}: {what}\n\n  {line}\n  {' ' * (column - 1)}^"
                    errors.append(
                        {
                            "line": number,
                            "column": column,
                            "source": line,
                            "kind": "Unknown owner",
                            "suggestion": what,
                            "message": message,
                            "path": found[0],
                        }
                    )
        return errors


def _pattern(text: str) -> re.Pattern[str]:
    anchored = "/" in text.rstrip("/")
    body = re.escape(text.strip("/")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    # a single star at the end of a path does not go below it
    tail = "/" if text.endswith("/") else "$" if text.endswith("/*") else "(?:/|$)"
    return re.compile(("^/" if anchored else "/") + body + tail)
