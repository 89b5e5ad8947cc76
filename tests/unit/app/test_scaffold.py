"""The first files of a repository: valid documents, or an error before anything is written."""

from dataclasses import replace

import pytest

from stagewright.app.scaffold import Foundation, Founder, repository_files, sync_document, with_trust_root
from stagewright.errors import DocumentError, InvalidError, UsageError
from stagewright.schema.allowed_signers import parse_allowed_signers
from stagewright.schema.codeowners import parse_codeowners
from stagewright.schema.policy_document import parse_policy
from stagewright.schema.registry_sync import parse_registry_sync

KEYS = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
)
CODY = Founder(login="@cody", email="cody@acme.example", public_key=KEYS[0])
MO = Founder(login="@mo", email="mo@acme.example", public_key=KEYS[1])
FOUNDED = Foundation(
    origin="acme.example/prod",
    people=(CODY, MO),
    owners=("@cody",),
    groups=(("@acme/model-risk", ("@mo", "cody@acme.example")),),
)


def test_repository_files_hold_a_policy_with_the_rules_of_the_documentation():
    policy = parse_policy(repository_files(FOUNDED)["stagewright.yaml"].encode(), "stagewright.yaml")
    assert policy.origin == "acme.example/prod"
    assert [(s.name, s.ungoverned, s.aliases) for s in policy.stages] == [
        ("Development", True, ()),
        ("Staging", False, ("challenger",)),
        ("Production", False, ("champion",)),
    ]
    assert [(r.name, r.stages, r.risk_tiers, r.governance) for r in policy.rules] == [
        ("staging-is-light", ("Staging",), ("low", "medium", "high"), False),
        ("production-low-risk", ("Production",), ("low",), False),
        ("production-is-heavy", ("Production",), ("medium", "high"), False),
        ("governance", (), (), True),
    ]
    assert [(a.count, a.sources, a.role) for r in policy.rules for a in r.approvals] == [
        (1, ("codeowners",), None),
        (1, ("codeowners",), None),
        (1, ("codeowners",), None),
        (1, ("@acme/model-risk",), "Model risk"),
        (2, ("@acme/model-risk",), None),
    ]
    assert policy.rules[2].independent_of == ("author", "committers", "trainer")
    assert policy.rules[2].evidence == ("owner", "purpose", "card", "datasets", "digest")
    assert [p.login for p in policy.people] == ["@cody", "@mo"]


def test_repository_files_without_a_group_ask_the_owners_for_the_governance():
    alone = Foundation(origin="acme.example/prod", people=(CODY,), owners=("@cody",))
    policy = parse_policy(repository_files(alone)["stagewright.yaml"].encode(), "stagewright.yaml")
    assert [(r.name, [(a.count, a.sources) for a in r.approvals]) for r in policy.rules[2:]] == [
        ("production-is-heavy", [(1, ("codeowners",))]),
        ("governance", [(1, ("codeowners",))]),
    ]
    assert policy.groups == ()


def test_repository_files_name_owners_and_signers():
    files = repository_files(FOUNDED)
    assert sorted(files) == ["CODEOWNERS", "allowed_signers", "cards/EXAMPLE.md", "models/.gitkeep", "stagewright.yaml"]
    rules, skipped = parse_codeowners(files["CODEOWNERS"])
    assert ([(r.pattern, r.owners) for r in rules], skipped) == ([("*", ("@cody",))], ())
    signers = parse_allowed_signers(files["allowed_signers"].encode(), "allowed_signers")
    assert [(s.principals, s.namespaces) for s in signers] == [
        (("cody@acme.example",), ("git",)),
        (("mo@acme.example",), ("git",)),
    ]


@pytest.mark.parametrize(
    ("wrong", "error", "reason"),
    [
        pytest.param(replace(FOUNDED, origin="HTTP://x"), DocumentError, "ledger", id="origin with a scheme"),
        pytest.param(replace(FOUNDED, origin='x"\ny: z'), DocumentError, "stagewright.yaml", id="origin that injects"),
        pytest.param(replace(FOUNDED, owners=("nobody in particular",)), UsageError, "CODEOWNERS", id="owner's form"),
        pytest.param(
            replace(FOUNDED, groups=(("@acme/risk", ("@pat",)),)), UsageError, "@pat", id="a stranger in a group"
        ),
        pytest.param(replace(FOUNDED, people=(CODY, MO, CODY)), InvalidError, "@cody", id="a person twice"),
        pytest.param(
            replace(FOUNDED, people=(CODY, replace(MO, public_key=KEYS[0]))), DocumentError, "key", id="a key twice"
        ),
    ],
)
def test_repository_files_of_something_wrong_are_an_error(wrong: Foundation, error: type[Exception], reason: str):
    with pytest.raises(error, match=reason):
        repository_files(wrong)


def described(**changes: str) -> str:
    fields = {
        "name": "bank",
        "url": "origin.git",
        "branch": "main",
        "registry": "http://127.0.0.1:5000",
        "trust_root": "a" * 40,
        "folder": "/srv/bank",
    }
    return sync_document(**(fields | changes))


def test_sync_document_reads_back_with_absolute_paths():
    config = parse_registry_sync(described().encode(), "registrysync.yaml", folder="/srv/bank")
    assert (config.url, config.branch, config.ledger_directory, config.mirror, config.trust_root) == (
        "/srv/bank/origin.git",
        "main",
        "/srv/bank/ledger",
        "/srv/bank/mirror.git",
        "a" * 40,
    )
    assert (str(config.log_key), str(config.entry_key)) == (
        "file:/srv/bank/keys/log.pem",
        "file:/srv/bank/keys/entry.pem",
    )


@pytest.mark.parametrize(
    "changes",
    [{"branch": "a b"}, {"registry": "http://dana:secret@mlflow"}, {"url": "x\nkind: Other"}, {"trust_root": "HEAD"}],
    ids=lambda changes: next(iter(changes)),
)
def test_sync_document_of_something_wrong_is_an_error(changes: dict[str, str]):
    with pytest.raises(DocumentError):
        described(**changes)


def test_with_trust_root_changes_that_line_only():
    text = described()
    assert with_trust_root(text, "b" * 40, folder="/srv/bank") == text.replace("a" * 40, "b" * 40)


@pytest.mark.parametrize(
    "text",
    [
        described().replace("trustRoot", "# trustRoot"),
        described() + f'  trustRoot: "{"c" * 40}"\n',
    ],
    ids=["no such line", "two such lines"],
)
def test_with_trust_root_where_the_line_is_not_clear_is_an_error(text: str):
    with pytest.raises(UsageError, match="no single line"):
        with_trust_root(text, "b" * 40, folder="/srv/bank")
