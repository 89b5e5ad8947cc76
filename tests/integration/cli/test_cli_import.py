"""`import`: what the registry holds, written down without changing it."""

from stagewright.schema.model_document import parse_model
from stagewright.schema.registry_sync import parse_registry_sync
from tests.cli_desk import Desk


def trust_root(desk: Desk) -> str | None:
    return parse_registry_sync(desk.config.read_bytes(), "x", folder=str(desk.home)).trust_root


def head(desk: Desk, branch: str = "main") -> str:
    return desk.git(desk.home / "origin.git", "rev-parse", branch)


def served(desk: Desk, model: str = "credit-risk") -> None:
    desk.version(model)
    desk.registry.set_alias(model, "champion", 1)


def test_import_before_the_ledger_commits_to_main_and_names_it_as_trust_root(desk: Desk):
    served(desk)
    desk.init()
    first = head(desk)
    told = desk.run("max", "import", "--owner", "@cody")
    assert told.out == "+ models/credit-risk.yaml\n"
    assert "nothing was recorded yet, and you are naming a new trust root" in told.err
    assert head(desk) != first
    assert trust_root(desk) == head(desk)
    document = parse_model((desk.home / "desired/models/credit-risk.yaml").read_bytes(), "models/credit-risk.yaml")
    assert (document.spec.mode, document.spec.risk_tier, document.spec.owner) == ("observe", "high", "@cody")
    assert {stage: getattr(value, "version", None) for stage, value in document.stages.items()} == {"Production": 1}


def test_import_and_first_sync_ask_the_registry_to_write_nothing(desk: Desk):
    served(desk)
    desk.begin()
    assert [request for request in desk.registry.requests if request.startswith("apply")] == []
    assert desk.registry.models["credit-risk"].aliases == {"champion": 1}


def test_import_after_the_ledger_began_pushes_a_branch_to_be_reviewed(desk: Desk):
    served(desk)
    desk.begin()
    before = head(desk), trust_root(desk)
    served(desk, "churn")
    told = desk.run("max", "import")
    assert told.out == "+ models/churn.yaml\n"
    assert "pushed as import/churn" in told.err
    assert (head(desk), trust_root(desk)) == before
    assert desk.git(desk.home / "origin.git", "cat-file", "-t", "import/churn:models/churn.yaml") == "blob"


def test_import_on_a_machine_without_the_ledger_after_merges_pushes_a_branch(desk: Desk):
    served(desk)
    desk.init()
    desk.run("max", "import")
    desk.promote("mode", "credit-risk", "enforce", by="dana", approved_by=())
    served(desk, "churn")
    before = head(desk)
    assert "pushed as import/churn" in desk.run("max", "import").err
    assert head(desk) == before


def test_import_takes_the_card_along_from_the_clone(desk: Desk):
    served(desk)
    desk.init()
    (desk.home / "desired" / "cards" / "credit-risk.md").write_text("# Credit risk\n")
    desk.run("max", "import", "credit-risk", "--card", "cards/credit-risk.md", "--purpose", "Score credit")
    assert desk.git(desk.home / "origin.git", "show", "main:cards/credit-risk.md") == "# Credit risk"
    assert desk.git(desk.home / "desired", "status", "--porcelain") == ""
    assert desk.git(desk.home / "desired", "rev-parse", "HEAD") == desk.git(
        desk.home / "origin.git", "rev-parse", "main"
    )


def test_import_with_out_writes_files_and_pushes_nothing(desk: Desk):
    served(desk)
    desk.init()
    before = head(desk)
    desk.run("max", "import", "--out", str(desk.root / "look"))
    assert (desk.root / "look/models/credit-risk.yaml").is_file()
    assert head(desk) == before


def test_import_with_dry_run_pushes_nothing(desk: Desk):
    served(desk)
    desk.init()
    before = head(desk), desk.config.read_bytes()
    assert desk.run("max", "import", "--dry-run").out == "+ models/credit-risk.yaml\n"
    assert (head(desk), desk.config.read_bytes()) == before


def test_import_of_what_is_declared_already_says_so(desk: Desk):
    served(desk)
    desk.begin()
    told = desk.run("max", "import")
    assert (told.out, told.err) == ("", "nothing to import: no undeclared model holds a governed stage\n")


def test_import_of_a_wrong_request_is_a_usage_error_with_a_hint(desk: Desk):
    served(desk)
    desk.init()
    for arguments, reason in (
        (("--risk-tier", "extreme"), "there are low, medium, high"),
        (("fraud",), "it has credit-risk"),
        (("--purpose", "x"), "name that MODEL"),
        (("credit-risk", "--card", "../../keys/log.pem"), "name it relative to that folder"),
    ):
        assert f"hint: {reason}" in desk.run("max", "import", *arguments, expect=2).err


def test_import_of_a_version_that_cannot_be_pinned_says_why(desk: Desk):
    served(desk)
    desk.registry.stored("credit-risk", 1).files.clear()
    desk.init()
    before = head(desk)
    told = desk.run("max", "import", expect=2)
    assert "cannot be pinned: no artifact digest" in told.err
    assert head(desk) == before
