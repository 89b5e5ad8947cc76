"""`init`: what it makes, what it never touches, and what it refuses."""

import stat
from pathlib import Path

import pytest

from stagewright.schema.registry_sync import parse_registry_sync
from tests.cli_desk import ORIGIN, PEOPLE, Desk
from tests.git_world import person


def made(desk: Desk) -> list[str]:
    return sorted(
        str(p.relative_to(desk.home)) for p in desk.home.rglob("*") if not {".git", "origin.git"} & {*p.parts}
    )


def test_init_makes_repository_clone_keys_and_configuration(desk: Desk):
    told = desk.init()
    assert made(desk) == [
        "desired",
        "desired/CODEOWNERS",
        "desired/allowed_signers",
        "desired/cards",
        "desired/cards/EXAMPLE.md",
        "desired/models",
        "desired/models/.gitkeep",
        "desired/stagewright.yaml",
        "keys",
        "keys/entry.pem",
        "keys/log.pem",
        "registrysync.yaml",
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (desk.home / "keys").iterdir()} == {0o600}
    root = desk.git(desk.home / "origin.git", "rev-parse", "main")
    config = parse_registry_sync(desk.config.read_bytes(), "registrysync.yaml", folder=str(desk.home))
    assert config.trust_root == root
    assert "next: cd" in told.err


def test_init_signs_its_first_commit_with_the_key_given(desk: Desk):
    desk.init()
    signers = desk.home / "desired" / "allowed_signers"
    checked = desk.git(
        desk.home / "desired", "-c", f"gpg.ssh.allowedSignersFile={signers}", "log", "-1", "--format=%G? %GS"
    )
    assert checked == f"G {person('max').email}"


def test_init_again_overwrites_nothing(desk: Desk):
    desk.init()
    before = {path: path.read_bytes() for path in desk.home.rglob("*") if path.is_file()}
    arguments = ("init", str(desk.home), "--registry", "http://127.0.0.1:1", "--origin", ORIGIN)
    told = desk.run("max", *arguments, expect=2)
    assert "nothing is overwritten" in told.err
    assert {path: path.read_bytes() for path in desk.home.rglob("*") if path.is_file()} == before


def test_init_of_another_place_with_an_existing_repository_joins_its_policy(desk: Desk):
    desk.init()
    head = desk.git(desk.home / "origin.git", "rev-parse", "main")
    other = desk.root / "second"
    told = desk.run(
        "max", "init", str(other), "--registry", "http://127.0.0.1:1", "--origin", ORIGIN,
        "--repository", str(desk.home / "origin.git"), "--signing-key", str(person("max").key),
        "--author", "Max <max@example.com>",
    )  # fmt: skip
    assert "has a policy already" in told.err
    config = parse_registry_sync((other / "registrysync.yaml").read_bytes(), "x", folder=str(other))
    assert (config.trust_root, config.url) == (head, str(desk.home / "origin.git"))
    assert not (other / "origin.git").exists()
    assert desk.git(desk.home / "origin.git", "rev-parse", "main") == head


def test_init_with_a_repository_that_has_other_files_keeps_them(desk: Desk):
    origin = desk.root / "team.git"
    desk.git(desk.root, "init", "-q", "--bare", "--initial-branch=main", str(origin))
    seed = desk.root / "seed"
    desk.git(desk.root, "clone", "-q", str(origin), str(seed))
    (seed / "CODEOWNERS").write_text("* @somebody\n")
    desk.git(seed, "checkout", "-q", "-b", "main")
    desk.git(seed, "add", "-A")
    desk.git(seed, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "-m", "Seed")
    desk.git(seed, "push", "-q", "origin", "main")
    told = desk.init("--repository", str(origin))
    assert "CODEOWNERS is there already and is kept as it is" in told.err
    assert (desk.home / "desired" / "CODEOWNERS").read_text() == "* @somebody\n"
    assert (desk.home / "desired" / "stagewright.yaml").is_file()


def test_init_without_people_takes_the_person_as_git_knows_them(desk: Desk):
    arguments = ["init", str(desk.home), "--registry", "http://127.0.0.1:1", "--origin", ORIGIN]
    arguments += ["--author", f"Max <{person('max').email}>", "--signing-key", str(person("max").key)]
    told = desk.run("max", *arguments)
    assert "nobody approves their own work" in told.err
    signers = (desk.home / "desired" / "allowed_signers").read_text()
    assert signers == person("max").allowed_signers_line()


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--group", "@bank/risk=@stranger"), "who is none of the people given"),
        (("--group", "risk=@mo"), "is no team"),
        (("--person", "mo@example.com"), "names nobody"),
        (("--person", "@eve=eve@example.com:/nonexistent/eve.pub"), "cannot be read"),
        (("--owner", "nobody in particular"), "CODEOWNERS"),
    ],
    ids=["stranger", "group", "person", "key", "owner"],
)
def test_init_with_wrong_people_makes_nothing(more: tuple[str, ...], reason: str, desk: Desk):
    arguments = ["init", str(desk.home), "--registry", "http://127.0.0.1:1", "--origin", ORIGIN]
    arguments += ["--author", "Max <max@example.com>", "--signing-key", str(person("max").key)]
    told = desk.run("max", *arguments, *more, expect=2)
    assert reason in told.err
    assert "hint:" in told.err
    assert made(desk) == []


@pytest.mark.parametrize("missing", ["--author", "--signing-key"])
def test_init_where_git_knows_no_identity_or_key_says_how_to_set_it(missing: str, desk: Desk):
    given = {"--author": "Max <max@example.com>", "--signing-key": str(person("max").key)}
    del given[missing]
    arguments = ["init", str(desk.home), "--registry", "http://127.0.0.1:1", "--origin", ORIGIN]
    told = desk.run("max", *arguments, *(text for pair in given.items() for text in pair), expect=2)
    assert "hint: git config --global" in told.err
    assert made(desk) == []


def test_init_with_people_but_not_oneself_warns(desk: Desk):
    told = desk.init(people=[name for name in PEOPLE if name != "max"])
    assert "your own key is none of those given" in told.err


def test_init_with_a_password_in_the_registry_makes_nothing_and_does_not_repeat_it(desk: Desk, tmp_path: Path):
    arguments = ["init", str(tmp_path / "bank"), "--registry", "http://dana:hunter2@mlflow", "--origin", ORIGIN]
    arguments += ["--author", "Max <max@example.com>", "--signing-key", str(person("max").key)]
    told = desk.run("max", *arguments, expect=2)
    assert "hunter2" not in told.err + told.out
    assert made(desk) == []
