"""The company that most tests on the double happen at: an organization, its people and one repository.

`acme` is owned by ada; dana and lee push, noor and kim are in `@acme/model-risk` (kim by its child team).
"""

from dataclasses import dataclass

from tests.doubles.github.accounts import Account, Team
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.person import Person
from tests.doubles.github.repository import Repository

NAME = "acme/models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Who works where; `repository` has one commit on `main`."""

    github: GitHubDouble
    organization: Account
    repository: Repository
    risk: Team
    juniors: Team
    ada: Person
    dana: Person
    lee: Person
    noor: Person
    kim: Person

    def merged(self, branch: str, *, method: str = "merge") -> tuple[int, str]:
        """A pull request of dana's that noor approved and ada merged: its number and the commit on `main`."""
        self.dana.push(NAME, branch, {f"{branch}.txt": branch.encode()})
        number = self.dana.open(NAME, branch)
        self.noor.review(NAME, number, "APPROVE")
        return number, self.ada.merge(NAME, number, method)


def found(github: GitHubDouble) -> Company:
    """Set the company up on a double that is running."""
    ada, dana, lee, noor, kim = (Person(github, login) for login in ("ada", "dana", "lee", "noor", "kim"))
    world = github.world
    acme = world.organization("acme", ada.account)
    for person in (dana, lee):
        world.join(acme, person.account)
    risk = world.team(acme, "model-risk", noor.account)
    juniors = world.team(acme, "junior-risk", kim.account, parent=risk)
    repository = world.repository(acme, "models")
    repository.collaborators |= {dana.account.id: "push", lee.account.id: "push"}
    repository.teams[risk.id] = "push"
    files = {"README.md": b"models\n", ".github/CODEOWNERS": b"/models/ @acme/model-risk\n"}
    github.commit(repository, ada.account, files, message="Begin")
    return Company(
        github=github, organization=acme, repository=repository, risk=risk, juniors=juniors,
        ada=ada, dana=dana, lee=lee, noor=noor, kim=kim,
    )  # fmt: skip
