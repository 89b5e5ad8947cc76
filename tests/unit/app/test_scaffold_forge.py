"""What a repository begins with on a forge with accounts."""

import pytest
import yaml

from stagewright import __version__
from stagewright.app.scaffold import WORKFLOW_FILE, Foundation, Founder, repository_files, sync_document
from stagewright.model.sync import ForgeChoice, HostedForge
from stagewright.schema.codeowners import parse_codeowners
from stagewright.schema.registry_sync import parse_registry_sync
from tests.git_world import person

GITHUB = HostedForge(type="github", url="https://github.com", repository="acme/models")
GITEA = HostedForge(type="gitea", url="https://git.example/forge", repository="acme/models")


def files(forge: ForgeChoice) -> dict[str, str]:
    founder = Founder(login="@cody", email="cody@acme.example", public_key=person("cody").public_key)
    return repository_files(Foundation(origin="o.example/x", people=(founder,), owners=("@cody",), forge=forge))


@pytest.mark.parametrize("forge", ["git", GITEA, GITHUB], ids=["git", "gitea", "github"])
def test_sync_document_of_each_forge_is_read_back_as_it_was_meant(forge: ForgeChoice):
    text = sync_document(
        name="bank", url="https://x.example/a.git", branch="main", forge=forge, registry="http://127.0.0.1:1",
        trust_root="0" * 40, folder="/srv",
    )  # fmt: skip
    assert parse_registry_sync(text.encode(), "registrysync.yaml", folder="/srv").forge == forge


def test_workflow_on_github_checks_documents_with_pinned_actions_and_may_read_only():
    workflow = yaml.safe_load(files(GITHUB)[WORKFLOW_FILE])
    steps = workflow["jobs"]["check"]["steps"]
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["check"].keys() == {"runs-on", "timeout-minutes", "steps"}
    used = [step["uses"].partition("@") for step in steps if "uses" in step]
    assert [name for name, _, _ in used] == ["actions/checkout", "actions/setup-python"]
    assert {len(pin) for _, _, pin in used} == {40}
    assert steps[0]["with"] == {"persist-credentials": False}
    assert [step["run"] for step in steps if "run" in step] == [
        f"python -m pip install stagewright=={__version__}",
        "stagewright check --files . --strict",
    ]
    # `pull_request_target` would run with secrets beside a stranger's files
    assert workflow[True] == ["pull_request"]


@pytest.mark.parametrize("forge", ["git", GITEA], ids=["git", "gitea"])
def test_workflow_is_for_github_alone(forge: ForgeChoice):
    assert WORKFLOW_FILE not in files(forge)


def test_codeowners_on_gitea_means_the_same_in_both_grammars():
    text = files(GITEA)["CODEOWNERS"]
    rules, skipped = parse_codeowners(text)
    assert skipped == ()
    assert {rule.pattern: rule.owners for rule in rules} == {"*": ("@cody",), ".*": ("@cody",)}
    assert ".*" not in files(GITHUB)["CODEOWNERS"]
