"""What valid documents become: models, policies, configurations."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from stagewright.errors import DocumentError
from stagewright.model.desired import NOBODY, Spec, StageEntry, Trainer
from stagewright.model.policy import Approval, Group, PersonEntry, Policy, Rule, StagePolicy
from stagewright.model.sync import (
    AppInstallation,
    HostedForge,
    KeyReference,
    OAuth2Client,
    RegistryAccess,
    RegistrySync,
    S3Place,
    SourceAccess,
)
from stagewright.schema.model_document import ModelDocument, model_name, model_path, parse_model
from stagewright.schema.names import skeleton, twins
from stagewright.schema.policy_document import parse_policy
from stagewright.schema.registry_sync import parse_registry_sync

TABLES = Path(__file__).parents[2] / "vectors" / "documents"
DIGEST = "sha256:4fb31c93c96ed6b1f0f6b8c6e0a0f8b7b0bdb1d27b8a7ef1d2b9d2a7d5c0f3e1"
NUMBER = "quote it if the text is meant; a number is written 9 or 0.9"
EVIDENCE = "sha256:9a0364b9e99bb480dd25e1f0284c8555ad29ed4cb6ab36a9e0d0bc1f2ec4a2f7"


def base(kind: str) -> str:
    table: Any = yaml.safe_load((TABLES / f"{kind}.yaml").read_text("utf-8"))
    return str(table["base"])


def test_parse_model_of_every_key_yields_the_value():
    assert parse_model(base("model").encode(), "models/credit-risk.yaml") == ModelDocument(
        name="credit-risk",
        spec=Spec(
            owner="@acme/credit-ml",
            purpose="Score consumer credit applications",
            risk_tier="high",
            card="cards/credit-risk.md",
            mode="enforce",
            registered_model="Credit Risk",
        ),
        stages={
            "Staging": StageEntry(
                version=9,
                run_id="41fa",
                digest=DIGEST,
                evidence=EVIDENCE,
                trainer=Trainer(name="@dana", declared=True),
            ),
            "Production": NOBODY,
        },
    )


def test_parse_model_of_the_least_keys_takes_the_name_for_the_registered_one():
    text = (
        "apiVersion: stagewright.dev/v1alpha1\nkind: Model\nmetadata: {name: m}\nspec: {riskTier: low, withdrawn: []}\n"
    )
    assert parse_model(text.encode(), "prod/models/m.yaml") == ModelDocument(
        name="m",
        spec=Spec(owner=None, purpose=None, risk_tier="low", card=None, mode=None, registered_model="m"),
        stages={},
    )


def test_parse_model_of_a_trainer_by_name_takes_it_as_mlflow_says():
    text = base("model").replace('{declared: "@dana"}', "Dana Doe")
    stage = parse_model(text.encode(), "models/credit-risk.yaml").stages["Staging"]
    assert isinstance(stage, StageEntry)
    assert stage.trainer == Trainer(name="Dana Doe", declared=False)


def test_parse_model_of_two_spellings_yields_one_value():
    block = base("model")
    flow = block.replace('{declared: "@dana"}', "\n        declared: '@dana'").replace("41fa", '"41fa"')
    other = "# a comment\n---\n" + flow.replace("\n", "\r\n")
    file = "models/credit-risk.yaml"
    assert parse_model(block.encode(), file) == parse_model(other.encode(), file)


@pytest.mark.parametrize(
    ("row", "old", "new", "hint"),
    [
        ("a near key", "  owner:", "  ownr:", "did you mean owner?"),
        ("a key of elsewhere", "  owner:", "  digest:", "it does not belong here"),
        ("a key like nothing", "  owner:", "  zzz:", ""),
        ("a near word", "riskTier: high", "riskTier: hgih", "did you mean high?"),
        ("a number for text", "name: credit-risk", "name: 7", "quote it"),
        ("a number of YAML 1.1", "riskTier: high", "riskTier: 0x9", NUMBER),
        ("a file of another name", "name: credit-risk", "name: credit", "rename the file or the model"),
    ],
)
def test_parse_model_of_a_slip_hints_at_the_way_out(row: str, old: str, new: str, hint: str):
    assert row
    with pytest.raises(DocumentError) as caught:
        parse_model(base("model").replace(old, new, 1).encode(), "models/credit-risk.yaml")
    assert caught.value.hint == hint


def test_document_error_names_the_place_first():
    with pytest.raises(DocumentError) as caught:
        parse_model(base("model").replace("version: 9", "version: 0").encode(), "ml/models/credit-risk.yaml")
    assert str(caught.value) == "ml/models/credit-risk.yaml:14:16: 0 is less than 1"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("models/a.yaml", "a"),
        ("prod/eu/models/a-b.yaml", "a-b"),
        ("models/a.yml", None),
        ("models/.yaml", None),
        ("models/x/a.yaml", None),
        ("mymodels/a.yaml", None),
        ("a.yaml", None),
    ],
)
def test_model_name_of_a_file_is_told_by_its_place(file: str, name: str | None):
    assert model_name(file) == name


def test_model_path_of_a_name_lies_below_the_root():
    assert (model_path("a"), model_path("a", "prod/eu")) == ("models/a.yaml", "prod/eu/models/a.yaml")


def test_parse_policy_of_every_key_yields_the_value():
    assert parse_policy(base("policy").encode(), "stagewright.yaml") == Policy(
        stages=(
            StagePolicy(name="Development", ungoverned=True),
            StagePolicy(name="Staging", aliases=("challenger",)),
            StagePolicy(name="Production", aliases=("champion",), mlflow_stage="Production"),
        ),
        default_mode="enforce",
        origin="stagewright.acme.example/prod",
        rules=(
            Rule(
                name="staging-is-light",
                stages=("Staging",),
                risk_tiers=("low", "medium", "high"),
                governance=False,
                approvals=(Approval(count=1, sources=("codeowners",)),),
            ),
            Rule(
                name="production-is-heavy",
                stages=("Production",),
                risk_tiers=("medium", "high"),
                governance=False,
                approvals=(
                    Approval(count=1, sources=("codeowners",)),
                    Approval(count=1, sources=("@acme/model-risk",), role="Model risk"),
                ),
                independent_of=("author", "committers", "trainer"),
                evidence=("owner", "purpose", "card", "datasets", "digest"),
                after=("Staging",),
            ),
            Rule(
                name="governance",
                stages=(),
                risk_tiers=(),
                governance=True,
                approvals=(Approval(count=2, sources=("@acme/model-risk",)),),
            ),
        ),
        people=(
            PersonEntry(login="@dana", emails=("dana@acme.example",), mlflow_users=("dana",), accounts=("@dana2",)),
            PersonEntry(login="@mo", emails=("mo@acme.example", "mo@home.example")),
        ),
        groups=(Group(name="@acme/model-risk", members=("@mo", "pat@acme.example")),),
        registry_users_authenticated=True,
    )


def test_parse_policy_of_a_stage_without_aliases_shows_it_by_its_name():
    text = base("policy").replace("Staging: {aliases: [challenger]}", "Staging: {}")
    assert parse_policy(text.encode(), "stagewright.yaml").stages[1] == StagePolicy(
        name="Staging", aliases=("staging",)
    )


def test_parse_policy_of_a_stage_shown_by_an_mlflow_stage_alone_has_no_alias():
    text = base("policy").replace("{aliases: [challenger]}", "{aliases: [], mlflowStage: Staging}")
    assert parse_policy(text.encode(), "stagewright.yaml").stages[1] == StagePolicy(
        name="Staging", mlflow_stage="Staging"
    )


def test_parse_policy_of_a_rule_for_stages_and_governance_is_for_both():
    text = base("policy").replace("match: {stages: [Staging]}", "match: {stages: [Staging], governance: true}")
    rule = parse_policy(text.encode(), "stagewright.yaml").rules[0]
    assert (rule.stages, rule.governance) == (("Staging",), True)


def test_parse_policy_of_something_that_is_no_mapping_says_so():
    with pytest.raises(DocumentError, match="P:1:1: a mapping is wanted here"):
        parse_policy(b"- a\n", "P")


def test_parse_policy_of_many_problems_stops_at_fifty():
    with pytest.raises(DocumentError) as caught:
        parse_policy(b"".join(b"a%d: 0x9\n" % number for number in range(200)), "P")
    assert len(caught.value.also) == 49


def test_parse_registry_sync_of_every_key_yields_the_value():
    assert parse_registry_sync(base("registrysync").encode(), "sync.yaml", folder="/srv/bank") == RegistrySync(
        name="bank",
        url="/srv/origin.git",
        branch="main",
        path="ml/prod",
        forge="git",
        registry_uri="http://127.0.0.1:5000",
        ledger_directory="/srv/bank/ledger",
        log_key=KeyReference(scheme="file", location="/srv/bank/keys/log.pem"),
        entry_key=KeyReference(scheme="file", location="/srv/bank/keys/entry.pem"),
        trust_root="91c1b5a1f2c3d4e5f60718293a4b5c6d7e8f9012",
        mirror=None,
        interval=timedelta(seconds=90),
        suspend=False,
        dry_run=False,
    )


@pytest.mark.parametrize(
    ("said", "forge"),
    [
        (
            "{type: github, repository: acme/models}",
            HostedForge(type="github", url="https://github.com", repository="acme/models"),
        ),
        (
            (
                "{type: github, url: 'https://ghe.acme.example', repository: acme/models,"
                " webhook: {secretFiles: [new, old]}, caFile: ca.pem,"
                " app: {id: '123', installation: 45, privateKey: 'file:keys/app.pem'}}"
            ),
            HostedForge(
                type="github",
                url="https://ghe.acme.example",
                repository="acme/models",
                ca_file="/srv/bank/ca.pem",
                app=AppInstallation(
                    id="123",
                    installation=45,
                    private_key=KeyReference(scheme="file", location="/srv/bank/keys/app.pem"),
                ),
                webhook_secret_files=("/srv/bank/new", "/srv/bank/old"),
            ),
        ),
        (
            '{type: gitea, url: "http://127.0.0.1:3000/forge", repository: acme/models, tokenFile: /run/token}',
            HostedForge(
                type="gitea", url="http://127.0.0.1:3000/forge", repository="acme/models", token_file="/run/token"
            ),
        ),
    ],
    ids=["github.com", "GitHub Enterprise Server with an app", "Gitea with a token"],
)
def test_parse_registry_sync_of_a_forge_with_accounts_yields_it(said: str, forge: HostedForge):
    text = base("registrysync").replace("{type: git}", said)
    assert parse_registry_sync(text.encode(), "sync.yaml", folder="/srv/bank").forge == forge


def test_hosted_forge_as_text_names_no_credentials():
    forge = HostedForge(type="gitea", url="https://git.example", repository="acme/models", token_file="/run/token")
    assert str(forge) == "gitea https://git.example/acme/models"


def test_parse_registry_sync_of_ways_into_mlflow_and_a_bucket_yields_them():
    registry = """
      uri: https://mlflow.example
      oauth2:
        {tokenUrl: "https://login.example/token", clientId: sw, clientSecretFile: keys/o, scopes: [a], audience: b}
      tls: {caFile: keys/ca.pem, clientCertificateFile: /etc/client.crt, clientKeyFile: keys/client.key}
      headersFolder: keys/headers"""
    text = (
        base("registrysync")
        .replace('{uri: "http://127.0.0.1:5000"}', registry)
        .replace("directory: ledger", "s3: {bucket: ledgers, prefix: acme/prod/, region: eu-1, credentialsFolder: s3}")
    )
    sync = parse_registry_sync(text.encode(), "sync.yaml", folder="/srv")
    assert sync.registry_access == RegistryAccess(
        oauth2=OAuth2Client(
            token_url="https://login.example/token",
            client_id="sw",
            client_secret_file="/srv/keys/o",
            scopes=("a",),
            audience="b",
        ),
        ca_file="/srv/keys/ca.pem",
        client_certificate_file="/etc/client.crt",
        client_key_file="/srv/keys/client.key",
        headers_folder="/srv/keys/headers",
    )
    assert sync.ledger_s3 == S3Place(bucket="ledgers", prefix="acme/prod", region="eu-1", credentials_folder="/srv/s3")


def test_parse_registry_sync_of_a_repository_with_a_key_yields_it():
    source = (
        '{url: "ssh://git@git.example/m.git", credentials: {privateKeyFile: k, knownHostsFile: /etc/kh}, caFile: c}'
    )
    text = base("registrysync").replace("{url: ../origin.git, branch: main, path: ml/prod}", source)
    assert parse_registry_sync(text.encode(), "sync.yaml", folder="/srv").source_access == SourceAccess(
        private_key_file="/srv/k", known_hosts_file="/etc/kh", ca_file="/srv/c"
    )


@pytest.mark.parametrize(
    ("said", "access"),
    [
        (
            "basicAuth: {usernameFile: u, passwordFile: p}",
            RegistryAccess(username_file="/srv/u", password_file="/srv/p"),
        ),
        ("bearerToken: {file: t}", RegistryAccess(token_file="/srv/t")),
        ("plugin: acme-sso", RegistryAccess(plugin="acme-sso")),
    ],
)
def test_parse_registry_sync_of_one_way_into_mlflow_yields_it(said: str, access: RegistryAccess):
    text = base("registrysync").replace('{uri: "http://127.0.0.1:5000"}', f'{{uri: "https://m.example", {said}}}')
    assert parse_registry_sync(text.encode(), "sync.yaml", folder="/srv").registry_access == access


@pytest.mark.parametrize(
    "url", ["https://git.example/x.git", "ssh://git@git.example/x.git", "git@git.example:x.git", "file:///srv/x.git"]
)
def test_parse_registry_sync_of_a_remote_url_leaves_it_as_it_is(url: str):
    text = base("registrysync").replace("../origin.git", url)
    assert parse_registry_sync(text.encode(), "sync.yaml", folder="/srv").url == url


def test_parse_registry_sync_of_a_password_does_not_repeat_it():
    text = base("registrysync").replace("../origin.git", "https://bot:hunter2@git.example/x.git")
    with pytest.raises(DocumentError) as caught:
        parse_registry_sync(text.encode(), "sync.yaml", folder="/srv")
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("text", "seconds"), [("60s", 60), ("5m", 300), ("1h", 3600), ("1h30m", 5400), ("1h1m1s", 3661), ("90s", 90)]
)
def test_parse_registry_sync_of_an_interval_counts_it(text: str, seconds: int):
    document = base("registrysync").replace("1m30s", text)
    assert parse_registry_sync(document.encode(), "s", folder="/").interval == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("row", "names", "groups"),
    [
        ("different names", ["credit", "fraud"], []),
        ("the same name twice", ["credit", "credit"], []),
        ("case", ["Credit", "credit"], [{"Credit", "credit"}]),
        ("one and small l", ["model-1", "model-l"], [{"model-1", "model-l"}]),
        ("small l and capital I", ["ml", "mI"], [{"ml", "mI"}]),
        ("zero and o", ["v0", "vo", "v1"], [{"v0", "vo"}]),
        ("rn and m", ["modern", "modem"], [{"modern", "modem"}]),
        ("Cyrillic", ["credit", "сredit"], [{"credit", "сredit"}]),
        ("Greek", ["model", "mοdel"], [{"model", "mοdel"}]),
        ("full width", ["credit", "ｃredit"], [{"credit", "ｃredit"}]),
        ("an accent", ["credit", "crédit"], [{"credit", "crédit"}]),
        ("a chain of twins", ["ml", "mI", "mi"], [{"ml", "mI", "mi"}]),
        ("two groups", ["b0", "a1", "bo", "al"], [{"a1", "al"}, {"b0", "bo"}]),
        ("i and l can be told apart", ["mail", "mall"], []),
    ],
)
def test_twins_of_names_finds_those_that_look_alike(row: str, names: list[str], groups: list[set[str]]):
    assert row
    assert twins(names) == tuple(frozenset(group) for group in groups)


def test_skeleton_of_a_plain_name_is_the_name():
    assert skeleton("credit-risk") == "credit-risk"


def test_parse_model_of_an_owner_that_goes_on_and_on_is_refused():
    text = base("model").replace("@acme/credit-ml", "x" * 5000)
    with pytest.raises(DocumentError, match="6:10: this is longer than 4096"):
        parse_model(text.encode(), "models/credit-risk.yaml")


def test_parse_model_of_a_long_key_shortens_it_in_the_message():
    with pytest.raises(DocumentError) as caught:
        parse_model(base("model").replace("owner", "x" * 500).encode(), "models/credit-risk.yaml")
    assert caught.value.reason == f"unknown key '{'x' * 57}...'"


def test_parse_policy_of_many_problems_of_meaning_stops_at_fifty():
    members = "".join('    - "@x"\n' for _ in range(500))
    text = base("policy").replace('    "@acme/model-risk": ["@mo", pat@acme.example]\n', f'    "@acme/x":\n{members}')
    with pytest.raises(DocumentError) as caught:
        parse_policy(text.encode(), "P")
    assert len(caught.value.also) == 49


def test_key_reference_as_text_is_its_uri():
    assert str(KeyReference(scheme="file", location="/srv/keys/log.pem")) == "file:/srv/keys/log.pem"
