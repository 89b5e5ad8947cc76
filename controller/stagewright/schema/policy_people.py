"""The people and groups of a policy: who is one person, whatever name a system knows them by.

people:
  "@dana": {email: dana@acme.example, mlflow: [dana], accounts: ["@dana-admin"]}
groups:
  "@acme/model-risk": ["@mo", pat@acme.example]
"""

from collections.abc import Sequence

from stagewright.errors import DocumentError
from stagewright.model.policy import Group, PersonEntry
from stagewright.schema.nodes import Document, Path
from stagewright.schema.policy_shape import PolicySpecShape

# Names of machines and of "whoever sits there": nobody's work can be told by them.
# fmt: off
SHARED_USERS = frozenset(
    {
        "admin", "administrator", "airflow", "anonymous", "automation", "azureuser", "ci", "databricks",
        "default", "dev", "ec2-user", "gitlab-runner", "guest", "jenkins", "jovyan", "kubeflow", "ml",
        "mlflow", "mlops", "nobody", "none", "null", "prefect", "ray", "root", "runner", "sagemaker",
        "service", "spark", "svc", "system", "test", "ubuntu", "unknown", "user", "vscode",
    }
)
# fmt: on


def read_people(document: Document, spec: PolicySpecShape, problems: list[DocumentError]) -> tuple[PersonEntry, ...]:
    """Every person, in the order of the document. No login, address or MLflow user may belong to two of them."""
    people: list[PersonEntry] = []
    owner: dict[tuple[str, str], str] = {("login", login.casefold()): login for login in spec.people}
    if len(owner) < len(spec.people):
        reason = "two logins differ only by case, and forges take them for one"
        problems.append(document.error(reason, ("spec", "people"), hint="keep one"))
    for login, shape in spec.people.items():
        place = ("spec", "people", login)
        emails = [shape.email] if isinstance(shape.email, str) else shape.email or []
        names = (("login", "accounts", shape.accounts or []), ("email", "email", emails))
        for kind, key, values in (*names, ("mlflow", "mlflow", shape.mlflow or [])):
            problems += repeated(document, values, (*place, key))
            for number, value in enumerate(values):
                other = owner.setdefault((kind, value.casefold()), login)
                if other != login or value == login:
                    of_its_own = kind == "login" and value in spec.people
                    reason = f"{value} is {'a person of its own here' if of_its_own else f'already a name of {other}'}"
                    problems.append(document.error(reason, (*place, key, number), hint="it is one person's"))
                if kind == "mlflow" and value.casefold() in SHARED_USERS:
                    reason = f"{value} is no person: such accounts are shared"
                    hint = "give people MLflow accounts of their own, or declare the trainer in the entry"
                    problems.append(document.error(reason, (*place, key, number), hint=hint))
        if not (emails or shape.mlflow or shape.accounts):
            reason = f"nothing is said of {login}"
            problems.append(document.error(reason, place, hint="add email, mlflow or accounts, or delete the entry"))
        people.append(
            PersonEntry(
                login=login,
                emails=tuple(emails),
                mlflow_users=tuple(shape.mlflow or ()),
                accounts=tuple(shape.accounts or ()),
            )
        )
    return tuple(people)


def read_groups(document: Document, spec: PolicySpecShape, problems: list[DocumentError]) -> tuple[Group, ...]:
    """Every group, in the order of the document; names are unique whatever their case."""
    seen: dict[str, str] = {}
    for name, members in spec.groups.items():
        place = ("spec", "groups", name)
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            reason = f"the groups {other} and {name} differ only by case"
            problems.append(document.error(reason, place, at_key=True, hint="keep one"))
        problems += repeated(document, members, place)
    return tuple(Group(name=name, members=tuple(members)) for name, members in spec.groups.items())


def repeated(document: Document, values: Sequence[str], place: Path) -> list[DocumentError]:
    """A problem for every value of the list at `place` that stands there twice, whatever its case."""
    seen: set[str] = set()
    problems = []
    for number, value in enumerate(values):
        if value.casefold() in seen:
            problems.append(document.error(f"{value} is here twice", (*place, number), hint="delete one"))
        seen.add(value.casefold())
    return problems
