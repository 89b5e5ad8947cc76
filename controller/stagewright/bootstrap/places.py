"""Where people propose and review: a repository with its forge, each kind built in one place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from stagewright.adapters.clock import SystemClock
from stagewright.adapters.git.access import GitCredentials, read_credentials
from stagewright.adapters.git.forge import GitForge
from stagewright.adapters.git.source import GitSource
from stagewright.model.sync import HostedForge, RegistrySync
from stagewright.ports import Conversation, Forge, PullRequests, Telemetry

TOKEN_VARIABLES = ("GH_TOKEN", "GITHUB_TOKEN", "GITEA_TOKEN")


def mirror_of(config: RegistrySync, env: Mapping[str, str]) -> Path:
    """Where the bare mirror of a configuration's repository lies."""
    if config.mirror is not None:
        return Path(config.mirror)
    cache = env.get("XDG_CACHE_HOME") or str(Path(env.get("HOME") or Path.home()) / ".cache")
    return Path(cache) / "stagewright" / config.name / "mirror.git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where people propose and review: a repository with its forge. Git alone has nothing to speak on."""

    source: GitSource
    forge: Forge
    conversation: Conversation | None = None
    pull_requests: PullRequests | None = None


def place_of(config: RegistrySync, env: Mapping[str, str], telemetry: Telemetry | None = None) -> Place:
    """The configured repository and its forge. ForbiddenError or UsageError where there is no way in; asks nothing."""
    match config.forge:
        case HostedForge(type="gitea") as hosted:
            return _gitea(config, hosted, env)
        case HostedForge() as hosted:
            return _github(config, hosted, env, telemetry)
        case _:
            source = GitSource(
                url=config.url,
                branch=config.branch,
                path=config.path,
                mirror=mirror_of(config, env),
                credentials=_credentials(config, None),
                max_bytes=config.repository_bytes,
            )
            return Place(source=source, forge=GitForge(source))


def _gitea(config: RegistrySync, hosted: HostedForge, env: Mapping[str, str]) -> Place:
    # `requests` takes a while to import, and git alone never needs it
    from stagewright.adapters.gitea import access  # noqa: PLC0415 # as said above
    from stagewright.adapters.gitea.conversation import GiteaConversation  # noqa: PLC0415 # as said above
    from stagewright.adapters.gitea.forge import GiteaForge  # noqa: PLC0415 # as said above
    from stagewright.adapters.gitea.pull_requests import GiteaPullRequests  # noqa: PLC0415 # as said above

    client = access.open_client(hosted, env)
    source = GitSource(
        url=config.url,
        branch=config.branch,
        path=config.path,
        mirror=mirror_of(config, env),
        credentials=_credentials(
            config, partial(access.git_credentials, hosted, env) if _lent(config, hosted) else None
        ),
        refs=access.REFS,
        max_bytes=config.repository_bytes,
    )
    return Place(
        source=source,
        forge=GiteaForge(client, source, repository=hosted.repository),
        conversation=GiteaConversation(client, source, repository=hosted.repository),
        pull_requests=GiteaPullRequests(client, source, repository=hosted.repository),
    )


def _github(config: RegistrySync, hosted: HostedForge, env: Mapping[str, str], telemetry: Telemetry | None) -> Place:
    # PyGithub takes a while to import, and git alone never needs it
    from stagewright.adapters.github import GITHUB_REFS  # noqa: PLC0415 # as said above
    from stagewright.adapters.github.conversation import GitHubConversation  # noqa: PLC0415 # as said above
    from stagewright.adapters.github.forge import GitHubForge  # noqa: PLC0415 # as said above
    from stagewright.adapters.github.opening import open_client  # noqa: PLC0415 # as said above
    from stagewright.adapters.github.pull_requests import GitHubPullRequests  # noqa: PLC0415 # as said above

    client = open_client(hosted, env, SystemClock(), telemetry)
    source = GitSource(
        url=config.url,
        branch=config.branch,
        path=config.path,
        mirror=mirror_of(config, env),
        credentials=_credentials(config, client.git_credentials if _lent(config, hosted) else None),
        refs=GITHUB_REFS,
        max_bytes=config.repository_bytes,
    )
    forge = GitHubForge(client, source)
    return Place(
        source=source,
        forge=forge,
        conversation=GitHubConversation(client, source, forge),
        pull_requests=GitHubPullRequests(client, source, forge),
    )


def _credentials(
    config: RegistrySync, lent: Callable[[], GitCredentials] | None
) -> Callable[[], GitCredentials] | None:
    """What the repository is shown, asked for anew before each fetch: its own credentials, or what the forge lends.

    Where the configuration says whom to trust there, and not who we are, the forge still lends.
    """
    own = config.source_access
    if own is None:
        return lent
    if lent is None or own.password_file is not None or own.private_key_file is not None:
        return partial(read_credentials, own)
    return lambda: replace(lent(), ca=read_credentials(own).ca)


def _lent(config: RegistrySync, hosted: HostedForge) -> bool:
    """Whether the repository is shown the forge's token: only where it lies on that very forge."""
    source, forge = urlsplit(config.url), urlsplit(hosted.url)
    return (source.scheme, source.hostname, source.port) == (forge.scheme, forge.hostname, forge.port)


def in_own_name(config: RegistrySync) -> RegistrySync:
    """The configuration as a person uses it: with the token of their environment, never with the controller's."""
    if not isinstance(config.forge, HostedForge):
        return config
    return replace(config, source_access=None, forge=replace(config.forge, app=None, token_file=None))


def for_looking(config: RegistrySync, env: Mapping[str, str]) -> RegistrySync:
    """With a person's own token where they have one at hand."""
    return in_own_name(config) if any(env.get(name) for name in TOKEN_VARIABLES) else config
