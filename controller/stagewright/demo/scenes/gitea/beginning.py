"""Adopting Stagewright on Gitea: accounts, teams, the repository, and the controller that webhooks wake."""

import secrets
from pathlib import Path
from typing import Any

from stagewright.demo.gitea_bank import CONTROLLER, ORG, REPOSITORY, GiteaBank
from stagewright.demo.scenes.beginning import CARD, CARD_FILE, LEDGER_NAME, MODEL_RISK, write_down

TEAMS = {"credit-models": ("write", ("dana", "cody")), "model-risk": ("read", ("mo", "pat")), "platform": ("admin", ())}
EVENTS = ("push", "pull_request", "pull_request_review_approved", "pull_request_review_rejected")


def found_the_repository(bank: GiteaBank) -> None:
    """Accounts and teams, then `init` and `import`."""
    bank.narrator.scene(
        "A repository on Gitea that says what may run",
        "A real Gitea with an account for each person, and one for the controller. init writes the first commit "
        "(policy, code owners) into a repository there. import then writes down what MLflow holds already.",
    )
    bank.narrator.command("max", "gitea web")
    bank.narrator.output(f"listening on {bank.gitea.url}, process {bank.gitea.pid}")
    url = _accounts(bank)
    people = [
        argument
        for person in bank.people.values()
        for argument in ("--person", f"{person.handle}={person.email}:{person.public_key}")
    ]
    bank.stagewright(
        "max", "init", str(bank.directory), "--registry", bank.server.uri, "--origin", LEDGER_NAME,
        "--forge", "gitea", "--repository", url, "--signing-key", str(bank.people["max"].key),
        "--owner", "@cody", "--owner", "@dana", "--group", f"{MODEL_RISK}=@mo,@pat", *people,
    )  # fmt: skip
    for login, person in bank.people.items():
        if login != "max":
            person.clone_from(url)
        person.own_clone()
    secret = _let_the_controller_in(bank)
    # import takes the card along: a commit of its own would be the first that nobody reviewed
    bank.narrator.command("max", f"git add {CARD_FILE}")
    (bank.people["max"].clone / CARD_FILE).write_text(CARD)
    bank.git("max", "add", CARD_FILE)
    write_down(bank)
    protection = {"rule_name": "main", "enable_push": True, "enable_push_whitelist": True}
    bank.call("POST", "/branch_protections", {**protection, "push_whitelist_usernames": ["max"]})
    config = {
        "url": f"http://127.0.0.1:{bank.controller.port}/webhook", "content_type": "json", "secret": secret,
    }  # fmt: skip
    bank.call("POST", "/hooks", {"type": "gitea", "active": True, "events": list(EVENTS), "config": config})
    names = sorted(who["login"] for who in bank.gitea.call("GET", "/admin/users"))
    bank.narrator.check(
        "Gitea has the accounts of everybody, and the controller's own",
        actual=names,
        expected=sorted(("chief", CONTROLLER, *bank.people)),
    )


def start_the_controller(bank: GiteaBank) -> None:
    """From here on nobody syncs by hand."""
    bank.narrator.scene(
        "The controller listens",
        "From here on nobody syncs by hand: Gitea's webhooks wake the controller, which believes them nothing else.",
    )
    bank.narrator.command("max", "stagewright", *_pairs(bank))
    bank.controller.start(bank.service_environment())
    bank.narrator.output(f"process {bank.controller.pid}")
    told = ("forge ", "write access", "code owners", "branch protection", "remedy: forbid")
    doctor = bank.stagewright("max", "doctor", exit_code=1, only=told)
    bank.narrator.check_holds(
        "doctor finds the forge and who may write there, and does not like that Max may push to main",
        text=doctor.out,
        words=("✓ forge", "✓ code owners", "✗ branch protection"),
    )


def _pairs(bank: GiteaBank) -> list[str]:
    words = [str(Path(word).name) if word.endswith(".yaml") else word for word in bank.controller.argv]
    return [" ".join(words[:4]), " ".join(words[4:6]), " ".join(words[6:])]


def _accounts(bank: GiteaBank) -> str:
    """Make the people's accounts, the teams and the repository; its address."""
    gitea = bank.gitea
    for login, person in bank.people.items():
        bank.people[login] = person.join(gitea.url, gitea.user(login, person.email).token)
    gitea.user(CONTROLLER)
    gitea.call("POST", "/orgs", {"username": ORG, "visibility": "private"})
    gitea.call("POST", f"/orgs/{ORG}/repos", {"name": REPOSITORY.split("/")[1], "private": True})
    (owners,) = [row["id"] for row in gitea.call("GET", f"/orgs/{ORG}/teams") if row["name"] == "Owners"]
    gitea.call("PUT", f"/teams/{owners}/members/max")
    for name, (permission, members) in TEAMS.items():
        body: dict[str, Any] = {"name": name, "permission": permission}
        if permission != "admin":
            body["units_map"] = {f"repo.{unit}": permission for unit in ("code", "issues", "pulls")}
        team = gitea.call("POST", f"/orgs/{ORG}/teams", body)["id"]
        # Gitea tells the members of a team to its members only
        for member in (*members, CONTROLLER):
            gitea.call("PUT", f"/teams/{team}/members/{member}")
        gitea.call("PUT", f"/teams/{team}/repos/{REPOSITORY}")
        bank.narrator.say(f"team @{ORG}/{name}: {', '.join(f'@{member}' for member in (*members, CONTROLLER))}")
    return f"{gitea.url}/{REPOSITORY}.git"


def _let_the_controller_in(bank: GiteaBank) -> str:
    """Its token and the webhooks' secret, each in a file that the configuration names; the secret."""
    secret = secrets.token_hex(32)
    for name, text in (("token", bank.gitea.user(CONTROLLER).token), ("webhook", secret)):
        file = bank.directory / "keys" / name
        file.touch(mode=0o600)
        file.write_text(f"{text}\n")
    config = bank.directory / "registrysync.yaml"
    lines = "    tokenFile: keys/token\n    webhook: {secretFiles: [keys/webhook]}\n"
    text = config.read_text()
    bank.narrator.act("max", "writes into registrysync.yaml how the controller gets in")
    bank.narrator.output(lines)
    config.write_text(text.replace("    # tokenFile: keys/token\n", lines))
    return secret
