"""`stagewright init`: a repository of desired state, its first policy, keys and configuration."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.exit_codes import ExitCode
from stagewright.cli.options import SigningKey
from stagewright.cli.terminal import GOOD, Terminal

if TYPE_CHECKING:
    from stagewright.adapters.git.workspace import Workspace
    from stagewright.app.scaffold import Founder
    from stagewright.model.sync import ForgeChoice

EXAMPLES = """
    stagewright init bank --registry http://127.0.0.1:5000 --origin stagewright.acme.example/prod
    stagewright init bank --registry http://127.0.0.1:5000 --origin stagewright.acme.example/prod \\
        --person "@cody=cody@acme.example:keys/cody.pub" --person "@mo=mo@acme.example:keys/mo.pub" \\
        --owner @cody --group "@acme/model-risk=@mo"
    stagewright init bank --registry http://127.0.0.1:5000 --origin stagewright.acme.example/prod \\
        --forge github --repository https://github.com/acme/models --owner @acme/credit-ml
"""

ORIGIN, CLONE, CONFIG, KEYS = "origin.git", "desired", "registrysync.yaml", "keys"


def init(
    terminal: Terminal,
    *,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where everything is made.")],
    registry: Annotated[str, typer.Option("--registry", metavar="URI", help="The MLflow server: http(s) or sqlite.")],
    origin: Annotated[
        str, typer.Option("--origin", metavar="NAME", help="The ledger's name, unique for ever: host/path.")
    ],
    repository: Annotated[
        str | None,
        typer.Option("--repository", metavar="URL", help="An existing repository; by default one is made in DIR."),
    ] = None,
    branch: Annotated[str, typer.Option("--branch", metavar="NAME", help="The branch that counts.")] = "main",
    forge: Annotated[
        str, typer.Option("--forge", metavar="TYPE", help="Where people review: git, gitea, github.")
    ] = "git",
    forge_url: Annotated[
        str | None,
        typer.Option("--forge-url", metavar="URL", help="Gitea's or an Enterprise Server's address."),
    ] = None,
    owner: Annotated[
        list[str] | None,
        typer.Option("--owner", metavar="WHO", help="A code owner: e-mail, @login or @org/team. Repeatable."),
    ] = None,
    person: Annotated[
        list[str] | None,
        typer.Option("--person", metavar="@LOGIN=EMAIL:PUBKEY", help="Somebody whose signature counts. Repeatable."),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="@ORG/TEAM=@A,@B", help="A team; the first is asked for risk. Repeatable."),
    ] = None,
    author: Annotated[
        str | None, typer.Option("--author", metavar="NAME <EMAIL>", help="Who you are; by default as git knows you.")
    ] = None,
    signing_key: SigningKey = None,
) -> ExitCode:
    """Make a repository of desired state, and its ledger's keys.

    DIR gets origin.git (unless --repository names one), desired (your clone of it, with a first policy), keys, and
    registrysync.yaml.
    Nothing is ever overwritten. Without --person, you are the only one whose signature counts. With --forge github or
    gitea the repository has to be there: its pull requests are where people review, with the accounts they have there.
    """
    from stagewright import bootstrap
    from stagewright.app.scaffold import Foundation, repository_files, sync_document
    from stagewright.errors import UsageError
    from stagewright.schema.registry_sync import parse_registry_sync

    place = _forge(forge, forge_url, repository)
    home = directory.absolute()
    for name in (ORIGIN, CLONE, CONFIG, KEYS, "ledger", "mirror.git", "mirror.checkpoint"):
        if (home / name).exists():
            raise UsageError(f"{home / name} is there already, and nothing is overwritten", hint="name another DIR")
    key = signing_key.expanduser().absolute() if signing_key else None
    home.mkdir(parents=True, exist_ok=True)
    who = _author(author) if author else None
    here = bootstrap.unbound_clone(home, signing_key=key)
    name, email = who or here.identity()
    own = here.public_key()
    people = tuple(_person(text) for text in person or ()) or (_myself(email, own),)
    founded = Foundation(
        origin=origin,
        people=people,
        owners=tuple(owner or ()) or (people[0].login,),
        groups=tuple(_group(text) for text in group or ()),
        forge=place,
    )
    files = repository_files(founded)
    url = repository or ORIGIN
    label = re.sub(r"[^a-z0-9]+", "-", home.name.lower()).strip("-")[:63].strip("-") or "stagewright"

    def described(root: str) -> str:
        return sync_document(
            name=label, url=url, branch=branch, forge=place, registry=registry, trust_root=root, folder=str(home)
        )

    described("0" * 40)
    if repository is None:
        bootstrap.new_origin(home / ORIGIN, branch=branch)
    clone = bootstrap.new_clone(repository or str(home / ORIGIN), home / CLONE, signing_key=key)
    _introduce(clone, name, email, key)
    root = _first_commit(terminal, clone, branch, files)
    config = parse_registry_sync(described(root).encode(), CONFIG, folder=str(home))
    bootstrap.new_ledger_keys(config)
    (home / CONFIG).write_text(described(root), encoding="utf-8")
    for made, what in (
        (str(home / ORIGIN) if repository is None else repository, "the repository of desired state"),
        (str(home / CLONE), f"your clone of it, at its first commit {root[:12]}"),
        (str(home / KEYS), "the ledger's two private keys: back them up, and let nobody read them"),
        (str(home / CONFIG), "the configuration"),
    ):
        terminal.out(("✓ ", GOOD), made, f"   {what}")
    if place != "git":
        terminal.warn(
            "protect the branch on the forge: what comes without a pull request is refused, and takes a revert"
        )
    elif own not in {p.public_key for p in people}:
        terminal.warn("your own key is none of those given with --person: what you sign counts for nothing")
    if len(people) == 1:
        terminal.warn("nobody approves their own work: with one person nothing can be approved; add to allowed_signers")
    terminal.next(f"cd {home / CLONE} && stagewright import", "write down what MLflow holds now")
    terminal.next(f"stagewright sync --once --config {home / CONFIG}", "begin the ledger")
    return ExitCode.YES


def _forge(kind: str, url: str | None, repository: str | None) -> "ForgeChoice":
    """The forge of a repository, whose address says the rest."""
    from stagewright.errors import UsageError
    from stagewright.model.sync import HostedForge

    if kind == "git":
        if url is not None:
            raise UsageError("git alone has no address", hint="leave --forge-url out")
        return "git"
    if kind not in {"gitea", "github"}:
        raise UsageError(f"{kind!r} is no forge", hint="there are git, gitea and github")
    found = re.fullmatch(
        r"(?:https?://[^/@\s]+/(?:\S+/)?|ssh://\S+/|[^/@\s]+@[^/:\s]+:)([^/\s:]+/[^/\s]+?)(?:\.git)?/?",
        repository or "",
    )
    if found is None:
        raise UsageError(
            f"with --forge {kind} the repository has to be there",
            hint="name it with --repository https://HOST/OWNER/NAME",
        )
    web = re.match(r"https?://[^/@\s]+", repository or "")
    where = url or (web[0] if web else None) or ("https://github.com" if kind == "github" else None)
    if where is None:
        raise UsageError(f"the address of {kind} does not follow from {repository}", hint="give it with --forge-url")
    return HostedForge(type="gitea" if kind == "gitea" else "github", url=where.rstrip("/"), repository=found[1])


def _first_commit(terminal: Terminal, clone: "Workspace", branch: str, files: dict[str, str]) -> str:
    """Commit the files onto the branch, unless it has a policy already; the commit to trust."""
    from stagewright.app.scaffold import CODEOWNERS_FILE
    from stagewright.errors import NotFoundError
    from stagewright.schema.codeowners import LOCATIONS
    from stagewright.schema.policy_document import FILE as POLICY_FILE

    clone.fetch()
    try:
        head: str | None = clone.resolve(branch)
    except NotFoundError:
        head = None
    if head is not None and clone.show(head, POLICY_FILE) is not None:
        terminal.warn(f"{branch} has a policy already, which is kept: its head {head[:12]} is the trust root")
        clone.checkout(branch)
        return head
    contents: dict[str, bytes | None] = {}
    for path, text in files.items():
        locations = LOCATIONS if path == CODEOWNERS_FILE else (path,)
        kept = [place for place in locations if head is not None and clone.show(head, place) is not None]
        if kept:
            terminal.warn(f"{kept[0]} is there already and is kept as it is")
        else:
            contents[path] = text.encode()
    message = "Begin the desired state\n\nThe first policy, the code owners and the people whose signatures count.\n"
    root = clone.commit(branch=branch, onto=head, files=contents, message=message)
    clone.fetch()
    clone.checkout(branch)
    return root


def _introduce(clone: "Workspace", name: str, email: str, key: Path | None) -> None:
    """Let git know in this clone who works in it, so that plain git signs there too."""
    clone.set_config("user.name", name)
    clone.set_config("user.email", email)
    if key is not None:
        clone.set_config("gpg.format", "ssh")
        clone.set_config("user.signingkey", str(key))
    clone.set_config("commit.gpgsign", "true")


def _author(text: str) -> tuple[str, str]:
    from stagewright.errors import UsageError

    found = re.fullmatch(r"([^<>\s][^<>]*?) <([^<>\s]+@[^<>\s]+)>", text)
    if found is None:
        raise UsageError(f"--author {text!r} is no name and address", hint='write "Dana Doe <dana@acme.example>"')
    return found[1], found[2]


def _person(text: str) -> "Founder":
    from stagewright import bootstrap
    from stagewright.app.scaffold import Founder
    from stagewright.errors import UsageError

    found = re.fullmatch(r"(@[^=]+)=([^:=\s]+@[^:\s]+):(.+)", text)
    if found is None:
        raise UsageError(f"--person {text!r} names nobody", hint='write "@dana=dana@acme.example:keys/dana.pub"')
    return Founder(login=found[1], email=found[2], public_key=bootstrap.public_key(Path(found[3]).expanduser()))


def _group(text: str) -> tuple[str, tuple[str, ...]]:
    from stagewright.errors import UsageError

    name, _, members = text.partition("=")
    people = tuple(member.strip() for member in members.split(",") if member.strip())
    if not (name.startswith("@") and "/" in name and people):
        raise UsageError(f"--group {text!r} is no team", hint='write "@acme/model-risk=@mo,@pat"')
    return name, people


def _myself(email: str, key: str) -> "Founder":
    from stagewright.app.scaffold import Founder

    login = re.sub(r"[^A-Za-z0-9._-]+", "-", email.partition("@")[0]).strip("-._") or "me"
    return Founder(login=f"@{login}", email=email, public_key=key)
