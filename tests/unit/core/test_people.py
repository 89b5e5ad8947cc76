from datetime import UTC, datetime, timedelta

import pytest

from stagewright.core.people import SHARED_ACCOUNTS, Directory, bind, logins_of, takers
from stagewright.errors import IncompleteError
from stagewright.model.desired import GovernanceValue
from stagewright.model.policy import CODEOWNERS, AllowedSigner, Governance, Group, OwnerRule, PersonEntry, Policy
from stagewright.model.review import Account, Actor, SigningKey

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
VALUE = GovernanceValue(policy="p", allowed_signers="s", codeowners=())
TEAMS = {"@acme/ops": ("7", "8"), "@acme/risk": ("7",)}


def signer(
    principals: str,
    key: str,
    *,
    namespaces: tuple[str, ...] = (),
    valid_after: datetime | None = None,
    valid_before: datetime | None = None,
    line: int = 1,
) -> AllowedSigner:
    return AllowedSigner(
        principals=tuple(principals.split()),
        fingerprint=f"SHA256:{key}",
        namespaces=namespaces,
        valid_after=valid_after,
        valid_before=valid_before,
        line=line,
    )


SIGNERS = (
    signer("dana@acme.example", "dana"),
    signer("omar@acme.example", "omar"),
    signer("omar@acme.example", "omar's other"),
    signer("olga@acme.example oleg@acme.example", "shared"),
    signer("new@acme.example", "new", valid_after=NOW + HOUR),
    signer("old@acme.example", "old", valid_before=NOW),
    signer("until@acme.example", "until", valid_before=NOW + HOUR),
    signer("renewed@acme.example", "renewed", valid_before=NOW, line=7),
    signer("renewed@acme.example", "renewed", valid_after=NOW, line=8),
    signer("files@acme.example", "files", namespaces=("file",)),
    signer("both@acme.example", "both", namespaces=("file", "git")),
)
PEOPLE = (
    PersonEntry(login="@dana", emails=("dana@acme.example",), mlflow_users=("d.ana",)),
    PersonEntry(login="@rita", emails=("rita@acme.example",), accounts=("@rita-admin",)),
)
GROUPS = (Group(name="@acme/risk", members=("@Rita", "rob@acme.example")),)
OWNERS = (
    OwnerRule(pattern="*", owners=("omar@acme.example", "@acme/risk"), line=1),
    OwnerRule(pattern="/models/", owners=("@dana", "@acme/risk"), line=2),
    OwnerRule(pattern="/models/orphan.yaml", owners=(), line=3),
)


def policy(*, authenticated: bool = False) -> Policy:
    return Policy(
        stages=(),
        default_mode="enforce",
        origin="o",
        rules=(),
        people=PEOPLE,
        groups=GROUPS,
        registry_users_authenticated=authenticated,
    )


def directory(
    *accounts: Account,
    chosen: Policy | None = None,
    signers: tuple[AllowedSigner, ...] = SIGNERS,
    writers: tuple[Account, ...] | None = None,
) -> Directory:
    governance = Governance(value=VALUE, digest="d", policy=chosen or policy(), owners=OWNERS, signers=signers, path="")
    return Directory(governance, teams=TEAMS, accounts=accounts, writers=writers)


@pytest.mark.parametrize(
    ("actor", "person", "reason"),
    [
        pytest.param(SigningKey(fingerprint="SHA256:dana"), "@dana", "", id="a key of a person with a login"),
        pytest.param(SigningKey(fingerprint="SHA256:omar"), "omar@acme.example", "", id="a key of a principal"),
        pytest.param(SigningKey(fingerprint="SHA256:omar's other"), "omar@acme.example", "", id="a second key"),
        pytest.param(SigningKey(fingerprint="SHA256:shared"), "oleg@acme.example", "", id="one key, two principals"),
        pytest.param(SigningKey(fingerprint="SHA256:until"), "until@acme.example", "", id="not expired yet"),
        pytest.param(
            SigningKey(fingerprint="SHA256:renewed"), "renewed@acme.example", "", id="renewed on a later line"
        ),
        pytest.param(SigningKey(fingerprint="SHA256:both"), "both@acme.example", "", id="for git among others"),
        pytest.param(
            SigningKey(fingerprint="SHA256:eve"), None, "not among the allowed signers", id="a stranger's key"
        ),
        pytest.param(SigningKey(fingerprint="SHA256:new"), None, "was not valid yet", id="not valid yet"),
        pytest.param(SigningKey(fingerprint="SHA256:old"), None, "had expired", id="expired"),
        pytest.param(SigningKey(fingerprint="SHA256:files"), None, "not for the namespace git", id="another namespace"),
        pytest.param(Account(id="9", login="rita"), "@rita", "", id="an account"),
        pytest.param(Account(id="9", login="Rita"), "@rita", "", id="an account in other letters"),
        pytest.param(Account(id="9", login="rita-admin"), "@rita", "", id="a second account"),
        pytest.param(Account(id="9", login="eve"), "@eve", "", id="an account that the policy does not know"),
        pytest.param(Account(id="9", login="rita", bot=True), None, "a bot is no person", id="a bot"),
    ],
)
def test_signer_of_a_decision_is_a_person_or_a_reason(actor: Actor, person: str | None, reason: str):
    accounts = (actor,) if isinstance(actor, Account) else ()
    found, why = directory(*accounts).signer(actor, NOW)
    assert found == person
    assert (why == "") is (reason == "")
    assert reason in why


@pytest.mark.parametrize(
    ("actor", "person"),
    [
        pytest.param(
            SigningKey(fingerprint="SHA256:old"), "old@acme.example", id="an expired key still made the commit"
        ),
        pytest.param(SigningKey(fingerprint="SHA256:eve"), None, id="a stranger's key"),
        pytest.param(Account(id="9", login="ci", bot=True), None, id="a bot, whoever made it act"),
    ],
)
def test_contributor_behind_an_actor_is_known_without_regard_to_validity(actor: Actor, person: str | None):
    accounts = (actor,) if isinstance(actor, Account) else ()
    assert directory(*accounts).contributor(actor) == person


def test_account_ids_that_share_no_login_are_different_people():
    rita, other = Account(id="1", login="rita"), Account(id="2", login="rita2")
    known = directory(rita, other)
    assert [known.contributor(account) for account in (rita, other)] == ["@rita", "@rita2"]


@pytest.mark.parametrize(
    ("source", "paths", "expected"),
    [
        pytest.param("@dana", (), {"@dana"}, id="a login"),
        pytest.param("dana@acme.example", (), {"@dana"}, id="a mail address of a known person"),
        pytest.param("new.here@acme.example", (), {"new.here@acme.example"}, id="a mail address of nobody known"),
        pytest.param("@acme/risk", (), {"@rita", "rob@acme.example"}, id="a group, though the forge has such a team"),
        pytest.param("@ACME/Risk", (), {"@rita", "rob@acme.example"}, id="a group in other letters"),
        pytest.param("@acme/ops", (), {"@zoe", "id 8"}, id="a team of the forge"),
        pytest.param(
            "codeowners", ("models/a.yaml",), {"@dana", "@rita", "rob@acme.example"}, id="the owners of a path"
        ),
        pytest.param(
            "codeowners",
            ("models/a.yaml", "stagewright.yaml"),
            {"@rita", "rob@acme.example"},
            id="only those who own every path",
        ),
        pytest.param("codeowners", ("models/orphan.yaml",), set(), id="nobody owns it"),
        pytest.param("codeowners", (), set(), id="no path at all"),
    ],
)
def test_entitled_by_a_source_are_the_people_it_names(source: str, paths: tuple[str, ...], expected: set[str]):
    assert directory(Account(id="7", login="zoe")).entitled(source, paths) == expected


def test_entitled_by_a_team_of_which_nothing_is_known_is_an_incomplete_answer():
    with pytest.raises(IncompleteError, match="members of @acme/unheard-of"):
        directory().entitled("@acme/unheard-of", ())


def test_ownerless_paths_are_those_that_codeowners_gives_to_nobody():
    nobody = Directory(Governance(value=VALUE, digest="d", policy=policy(), owners=(), signers=(), path=""), teams={})
    assert directory().ownerless(("models/a.yaml", "models/orphan.yaml")) == ("models/orphan.yaml",)
    assert nobody.ownerless(("a", "b")) == ("a", "b")


@pytest.mark.parametrize(
    ("user", "person"),
    [
        pytest.param("d.ana", "@dana", id="an MLflow user"),
        pytest.param("@dana", "@dana", id="a login"),
        pytest.param("dana@acme.example", "@dana", id="a mail address"),
        pytest.param("@stranger", None, id="a login that nobody mapped"),
        pytest.param("stranger", None, id="an MLflow user that nobody mapped"),
        *(pytest.param(name, None, id=f"the shared account {name}") for name in sorted(SHARED_ACCOUNTS)),
        pytest.param("@Root", None, id="a shared account as a login"),
    ],
)
def test_trainer_behind_a_name_is_a_person_or_nobody(user: str, person: str | None):
    assert directory().trainer(user) == person


DANA, RITA, OTTO = (Account(id=n, login=name) for n, name in (("4", "Dana"), ("5", "rita-admin"), ("6", "otto")))


@pytest.mark.parametrize(
    ("writers", "owners"),
    [
        pytest.param(None, {"@dana", "@rita", "rob@acme.example"}, id="a forge without accounts"),
        pytest.param((), set(), id="nobody may write"),
        pytest.param((DANA, OTTO), {"@dana"}, id="a writer who is no owner is none"),
        pytest.param((RITA,), {"@rita"}, id="by a second account"),
    ],
)
def test_code_owners_are_those_who_may_write(writers: tuple[Account, ...] | None, owners: set[str]):
    assert directory(writers=writers).entitled(CODEOWNERS, ("models/m.yaml",)) == owners


def test_owners_are_heard_whether_they_may_write_or_not():
    assert directory(writers=()).heard(CODEOWNERS, ("models/m.yaml",)) == {"@dana", "@rita", "rob@acme.example"}


def test_a_group_needs_no_write_access_unless_it_owns_code():
    assert directory(writers=()).entitled("@acme/risk", ()) == {"@rita", "rob@acme.example"}


def test_known_names_are_the_people_among_them():
    names = ("DANA@acme.example", "who@ever.example", "rob@acme.example", "rita@acme.example")
    assert directory().known(names) == {"@dana", "@rita"}


@pytest.mark.parametrize("authenticated", [True, False])
def test_registry_users_are_authenticated_only_if_the_policy_says_so(authenticated: bool):
    assert directory(chosen=policy(authenticated=authenticated)).registry_users_authenticated is authenticated


def test_directory_without_a_policy_knows_the_signers_alone():
    bare = Directory(Governance(value=VALUE, digest="d", policy=None, owners=(), signers=SIGNERS, path=""), teams=TEAMS)
    assert bare.registry_users_authenticated is False
    assert bare.person_named("dana@acme.example") == "dana@acme.example"
    assert bare.entitled("@acme/risk", ()) == {"id 7"}


def test_a_person_has_one_name_whatever_the_order_of_the_lines():
    keys = [SigningKey(fingerprint=f"SHA256:{key}") for key in ("shared", "omar's other", "dana")]
    there, back = directory(), directory(signers=SIGNERS[::-1])
    assert [back.contributor(key) for key in keys] == [there.contributor(key) for key in keys]


RITA, TAKER = Account(id="7", login="rita-of-old"), Account(id="8", login="Rita")


def bound_directory(bound: dict[str, str | None], *accounts: Account) -> Directory:
    governance = Governance(value=VALUE, digest="d", policy=policy(), owners=OWNERS, signers=SIGNERS, path="")
    return Directory(governance, teams=TEAMS, accounts=accounts, bound=bound)


@pytest.mark.parametrize(
    ("bound", "account", "person"),
    [
        pytest.param({"@rita": "7"}, RITA, "@rita", id="the account, under whatever name"),
        pytest.param({"@rita": "7"}, TAKER, "@rita (account 8)", id="whoever took the login"),
        pytest.param({"@rita": None}, TAKER, "@rita (account 8)", id="whoever took a login that nobody had"),
        pytest.param({"@rita": "7", "@rita-admin": "9"}, Account(id="9", login="new"), "@rita", id="a second account"),
        pytest.param({"@rita": "7"}, Account(id="9", login="eve"), "@eve", id="a login that nobody names"),
    ],
)
def test_login_means_the_account_that_it_was_bound_to(bound: dict[str, str | None], account: Account, person: str):
    found = bound_directory(bound, account)
    assert found.signer(account, NOW) == (person, "")
    assert (person in found.entitled("@acme/risk", ())) is (person == "@rita")


def test_namesake_of_a_person_is_known_as_one_who_may_be_that_person():
    assert bound_directory({"@rita": "7"}, TAKER).known(["@rita"]) == {"@rita"}


def test_logins_of_a_governance_are_those_of_people_groups_and_owners():
    governance = Governance(value=VALUE, digest="d", policy=policy(), owners=OWNERS, signers=SIGNERS, path="")
    assert logins_of(governance) == ("@dana", "@rita", "@rita-admin")


def test_binding_keeps_what_was_bound_and_takes_in_what_is_new():
    assert bind(["@dana", "@rita"], {"@dana": "1", "@gone": "2"}, {"@rita": None}) == {"@dana": "1", "@rita": None}


def test_takers_are_those_whose_login_means_somebody_else():
    seen = [RITA, TAKER, Account(id="1", login="dana"), Account(id="5", login="mo")]
    assert takers({"@rita": "7", "@dana": "1", "@mo": None}, seen) == (TAKER, Account(id="5", login="mo"))


@pytest.mark.parametrize(
    ("source", "teams", "gone"),
    [
        pytest.param("@forge/ops", {"@forge/ops": None}, {"@forge/ops"}, id="the team itself"),
        pytest.param("@forge/ops", {"@forge/ops": ()}, set(), id="a team without members"),
        pytest.param(CODEOWNERS, {"@forge/own": None}, {"@forge/own"}, id="an owner of the path"),
        pytest.param("@acme/risk", {"@acme/risk": None}, set(), id="a group of the policy is never asked of the forge"),
    ],
)
def test_teams_that_are_gone(source: str, teams: dict[str, tuple[str, ...] | None], gone: set[str]):
    owners = (OwnerRule(pattern="*", owners=("@dana", "@forge/own"), line=1),)
    governance = Governance(value=VALUE, digest="d", policy=policy(), owners=owners, signers=(), path="")
    everything = {"@forge/own": ("3",), "@forge/ops": ("4",), **teams}
    found = Directory(governance, teams=everything).gone(source, ("models/m.yaml",))
    assert found == gone
