"""Beginning a repository of desired state: its first files, as text. Nothing is written here.

Every document is read back with the parser that will read it later, so what comes out is valid or an error.
"""

import json
from dataclasses import dataclass

from stagewright import __version__
from stagewright.errors import UsageError
from stagewright.model.sync import ForgeChoice
from stagewright.schema.allowed_signers import FILE as SIGNERS_FILE
from stagewright.schema.allowed_signers import parse_allowed_signers
from stagewright.schema.codeowners import parse_codeowners
from stagewright.schema.policy_document import FILE as POLICY_FILE
from stagewright.schema.policy_document import parse_policy
from stagewright.schema.registry_sync import parse_registry_sync

CODEOWNERS_FILE = "CODEOWNERS"
MODELS_FILE = "models/.gitkeep"
CARD_FILE = "cards/EXAMPLE.md"
SYNC_FILE = "registrysync.yaml"
WORKFLOW_FILE = ".github/workflows/stagewright.yml"

# GitHub's own actions, pinned by commit: a tag can be moved.
_WORKFLOW = """\
# Tells on each pull request whether its documents are valid, whether they can work (owners, rules, model cards), and
# whether `.gitattributes` hide any of them from review. What it would come to, and who has to approve it, the
# controller says there itself: it has the ledger and MLflow, which a workflow does not need to see.
name: stagewright
on: [pull_request]
permissions:
  contents: read
jobs:
  check:
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
        with:
          persist-credentials: false
      - uses: actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065 # v5.6.0
        with:
          python-version: "3.12"
      - run: python -m pip install stagewright=={version}
      - run: stagewright check --files . --strict
"""

_CARD = """\
# A model card

Copy this file to `cards/<model>.md` and name it in the model's document as `card: cards/<model>.md`.

- What the model decides, and what it must not be used for
- The data it was trained on, and what that data leaves out
- How well it does, for whom it does worse, and how that was measured
- Who answers for it, and when it is looked at again
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Founder:
    """A person of the first policy. `login` begins with "@"; `public_key` is its type and base64."""

    login: str
    email: str
    public_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """What a repository begins with. `owners` are logins, addresses or groups; `groups` maps a team to its members."""

    origin: str
    people: tuple[Founder, ...]
    owners: tuple[str, ...]
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    forge: ForgeChoice = "git"


def repository_files(foundation: Foundation) -> dict[str, str]:
    """The files of the first commit, by path. InvalidError where what was given makes no valid document."""
    known = {name for p in foundation.people for name in (p.login, p.email)}
    for name, members in foundation.groups:
        strangers = [member for member in members if member not in known]
        if strangers:
            raise UsageError(
                f"the group {name} names {', '.join(strangers)}, who is none of the people given",
                hint="add --person for each of them",
            )
    files = {
        POLICY_FILE: _policy(foundation),
        CODEOWNERS_FILE: _codeowners(foundation),
        SIGNERS_FILE: "".join(f'{p.email} namespaces="git" {p.public_key}\n' for p in foundation.people),
        MODELS_FILE: "",
        CARD_FILE: _CARD,
    }
    if _type(foundation.forge) == "github":
        files[WORKFLOW_FILE] = _WORKFLOW.format(version=__version__)
    parse_policy(files[POLICY_FILE].encode(), POLICY_FILE)
    parse_allowed_signers(files[SIGNERS_FILE].encode(), SIGNERS_FILE)
    skipped = parse_codeowners(files[CODEOWNERS_FILE])[1]
    if skipped:
        raise UsageError(f"CODEOWNERS could not be read back: {skipped[0].reason}", hint="look at --owner")
    return files


def sync_document(
    *, name: str, url: str, branch: str, forge: ForgeChoice = "git", registry: str, trust_root: str, folder: str
) -> str:
    """The RegistrySync document beside the clone. `url` may be relative to `folder`, where it will lie."""
    text = f"""\
# What `stagewright sync` keeps in step. Credentials never stand here: they come from the environment.
apiVersion: stagewright.dev/v1alpha1
kind: RegistrySync
metadata:
  name: {name}
spec:
  source:
    url: {json.dumps(url)}
    branch: {json.dumps(branch)}
  forge:
{_forge(forge)}  registry:
    uri: {json.dumps(registry)}
  ledger:
    directory: ledger
    logKey: file:keys/log.pem
    entryKey: file:keys/entry.pem
  # The commit whose governance the ledger begins with; it is read only until there is a ledger.
  trustRoot: "{trust_root}"
  mirror: mirror.git
"""
    parse_registry_sync(text.encode(), SYNC_FILE, folder=folder)
    return text


def with_trust_root(text: str, trust_root: str, *, folder: str) -> str:
    """The same document with another trust root. UsageError where it has none on a line of its own."""
    lines = text.splitlines(keepends=True)
    places = [at for at, line in enumerate(lines) if line.lstrip().startswith("trustRoot:")]
    if len(places) != 1:
        raise UsageError("the configuration has no single line with `trustRoot:`", hint=f"set it to {trust_root}")
    line = lines[places[0]]
    margin = line[: len(line) - len(line.lstrip())]
    lines[places[0]] = f'{margin}trustRoot: "{trust_root}"\n'
    made = "".join(lines)
    if parse_registry_sync(made.encode(), SYNC_FILE, folder=folder).trust_root != trust_root:
        raise UsageError("the trust root could not be set in the configuration", hint=f"set it to {trust_root} by hand")
    return made


def _policy(foundation: Foundation) -> str:
    people = "".join(f"    {json.dumps(p.login)}: {{email: {json.dumps(p.email)}}}\n" for p in foundation.people)
    groups = "".join(
        f"    {json.dumps(name)}: [{', '.join(json.dumps(member) for member in members)}]\n"
        for name, members in foundation.groups
    )
    risk, members = foundation.groups[0] if foundation.groups else ("codeowners", foundation.owners)
    second = f"\n        - {{count: 1, from: [{json.dumps(risk)}], role: Model risk}}" if foundation.groups else ""
    return f"""\
# What each stage requires, and who the people are. A change of this file is judged by the policy authorized before it.
apiVersion: stagewright.dev/v1alpha1
kind: PromotionPolicy
spec:
  ledger: {json.dumps(foundation.origin)}
  defaultMode: enforce
  # Lightest first. Serving code that loads `models:/<name>@champion` follows Production.
  stages:
    Development: {{ungoverned: true}}
    Staging: {{aliases: [challenger]}}
    Production: {{aliases: [champion]}}
  # Every rule that matches must hold; what no rule matches is refused.
  rules:
    - name: staging-is-light
      match: {{stages: [Staging]}}
      require:
        approvals:
        - {{count: 1, from: [codeowners]}}
    - name: production-low-risk
      match: {{stages: [Production], riskTiers: [low]}}
      require:
        approvals:
        - {{count: 1, from: [codeowners]}}
        evidence: [owner, purpose, digest]
        after: [Staging]
    - name: production-is-heavy
      match: {{stages: [Production], riskTiers: [medium, high]}}
      require:
        approvals:
        - {{count: 1, from: [codeowners]}}{second}
        independentOf: [author, committers, trainer]
        evidence: [owner, purpose, card, datasets, digest]
        after: [Staging]
    - name: governance
      match: {{governance: true}}
      require:
        approvals:
        - {{count: {min(2, len(members))}, from: [{json.dumps(risk)}]}}
  people:
{people}{"  groups:" + chr(10) + groups if groups else ""}"""


def _codeowners(foundation: Foundation) -> str:
    owners = " ".join(foundation.owners)
    text = f"# Who is asked for every change of what may run.\n*  {owners}\n"
    if _type(foundation.forge) != "gitea":
        return text
    # by GitHub's grammar, which Stagewright judges by, this is about hidden files only, of the same owners
    return f"{text}# The same for Gitea, which reads regular expressions here.\n.*  {owners}\n"


def _type(forge: ForgeChoice) -> str:
    return forge if isinstance(forge, str) else forge.type


def _forge(forge: ForgeChoice) -> str:
    if isinstance(forge, str):
        return f"    type: {forge}\n"
    return (
        f"    type: {forge.type}\n    url: {json.dumps(forge.url)}\n    repository: {json.dumps(forge.repository)}\n"
        "    # The controller's own way in; without it the token comes from the environment.\n"
        "    # tokenFile: keys/token\n"
    )
