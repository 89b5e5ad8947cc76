"""Bringing an origin's branches and tags into a bare mirror: all of it, or nothing.

libgit2 fetches from paths, `file://`, `https://` and `ssh://` alike, so no `git` program is needed where the
controller runs. Two things it does not do, and they are done here:

* It does not check that what it received is connected. From an origin that is shallow, or has grafts, it takes a cut
  history for the whole, and never asks for the rest again. So objects are received in a quarantine beside the mirror,
  and published only when every parent is there.
* It cannot move from a branch `a` to a branch `a/b` in one step. So refs are written here, from what was received.

The origin's `refs/*` lie under `refs/origin/*`: its tags, replace refs and notes never act on the mirror itself.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pygit2
from pygit2.enums import ConfigLevel, ObjectType, RepositoryOpenFlag

from stagewright.adapters.git.access import MAX_FETCH_BYTES, GitCredentials, OriginCallbacks
from stagewright.adapters.git.objects import MalformedObjectError, parse_parents, parse_tag
from stagewright.errors import ForbiddenError, IncompleteError, NotFoundError, UnreachableError, UsageError

ORIGIN = "refs/origin/"
HEADS = ORIGIN + "heads/"
TAGS = ORIGIN + "tags/"
DEFAULT_REFS = ("refs/heads/*", "refs/tags/*")
MAX_REFS = 200_000
SERVER_TIMEOUT_MS = 30_000
# Of all mirrors together; libgit2 keeps every pack open that it ever read, and up to twice as many as it is told to.
MAX_OPEN_PACKS = 256

_DENIED = re.compile(r"http status code: 40[13]|authenticat", re.IGNORECASE)


def isolate() -> None:
    """Make libgit2, in this whole process, read no configuration of the machine or the user, and keep few files open.

    `url.….insteadOf` in somebody's `~/.gitconfig` would quietly read another origin than the one on record.
    """
    for level in (ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL, ConfigLevel.PROGRAMDATA):
        pygit2.settings.search_path[level] = ""
    # whose directory it is matters to programs that run what a repository configures; here nothing is run, and in a
    # container the owner of a volume is often another user
    pygit2.settings.owner_validation = False
    pygit2.settings.mwindow_file_limit = MAX_OPEN_PACKS
    pygit2.settings.server_connect_timeout = SERVER_TIMEOUT_MS
    pygit2.settings.server_timeout = SERVER_TIMEOUT_MS


def open_mirror(path: Path) -> pygit2.Repository:
    """The bare repository at `path`, made when there is none. UsageError when something else lies there."""
    isolate()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not any(path.iterdir()):
            pygit2.init_repository(str(path), bare=True)
        repository = pygit2.Repository(str(path), RepositoryOpenFlag.NO_SEARCH)
    except (pygit2.GitError, OSError) as error:
        raise UsageError(f"{path} cannot be used as a git mirror: {error}", hint="name an empty directory") from error
    if not repository.is_bare:
        raise UsageError(f"{path} is a work tree, not a bare mirror", hint="name a directory of its own")
    return repository


def origin_refs(repository: pygit2.Repository, prefix: str = ORIGIN) -> dict[str, str]:
    """The origin's refs as the mirror holds them: full name in the mirror to object id (40 hex digits)."""
    names = (name for name in repository.listall_references() if name.startswith(prefix) and _is_text(name))
    return {name: str(repository.references[name].target) for name in names}


def origin_ref(repository: pygit2.Repository, name: str) -> str | None:
    """The object that one of the origin's refs points at; `name` is the ref's name in the mirror."""
    try:
        return str(repository.references[name].target)
    except KeyError:
        return None


def update(
    repository: pygit2.Repository,
    url: str,
    branch: str,
    *,
    credentials: GitCredentials | None = None,
    refs: tuple[str, ...] = DEFAULT_REFS,
    max_bytes: int = MAX_FETCH_BYTES,
) -> None:
    """Make the mirror hold exactly the origin's `refs`, with packs of at most `max_bytes`.

    UnreachableError, IncompleteError, ForbiddenError or NotFoundError (no such branch): the mirror keeps what it had.
    """
    if url.startswith("/") and not Path(url).is_dir():
        raise UnreachableError(f"there is no git repository at {url}", hint="check the source's url, and mounts")
    with _lock(Path(repository.path)), _translated(url):
        callbacks = OriginCallbacks(url, credentials)
        remote = repository.remotes.create_anonymous(url)
        offered = {
            ORIGIN + head.name.removeprefix("refs/"): str(head.oid)
            for head in remote.list_heads(callbacks=callbacks, proxy=True)
            if head.name is not None and _wanted(head.name, refs) and not head.name.endswith("^{}")
            if _is_text(head.name)
        }
        _require_branch(offered, branch, url)
        if len(offered) > MAX_REFS:
            raise IncompleteError(f"{url} offers more than {MAX_REFS} refs", hint="prune branches and tags there")
        if offered != origin_refs(repository):
            room = max_bytes - _held_bytes(repository)
            _receive(repository, url, branch, refs, OriginCallbacks(url, credentials, room))


def _is_text(name: str) -> bool:
    """Whether a ref's name is UTF-8. git takes any bytes; a name that libgit2 cannot write is left at the origin."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _wanted(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a ref fits one of the patterns, each with one `*`, as in git's refspecs."""
    return any(
        name.startswith(start) and name.endswith(end) and len(name) >= len(start) + len(end)
        for start, _, end in (pattern.partition("*") for pattern in patterns)
    )


def _require_branch(refs: Mapping[str, str], branch: str, url: str) -> None:
    if HEADS + branch not in refs:
        raise NotFoundError(
            f"{url} has no branch {branch!r}",
            hint="push a first commit to it, or name another branch in the configuration",
        )


def _receive(
    mirror: pygit2.Repository,
    url: str,
    branch: str,
    refs: tuple[str, ...],
    callbacks: OriginCallbacks,
) -> None:
    """Fetch into a quarantine that borrows the mirror's objects, check, then publish."""
    home = Path(mirror.path)
    with tempfile.TemporaryDirectory(dir=home, prefix="incoming-") as directory:
        room = Path(directory)
        pygit2.init_repository(directory, bare=True)
        (room / "objects" / "info").mkdir(exist_ok=True)
        (room / "objects" / "info" / "alternates").write_text(f"{home.resolve() / 'objects'}\n")
        before = origin_refs(mirror)
        # what the mirror has already is told to the origin by refs of another name
        have = sorted(set(before.values()))
        (room / "packed-refs").write_text("".join(f"{oid} refs/have/{oid}\n" for oid in have))
        quarantine = pygit2.Repository(directory)
        remote = quarantine.remotes.create_anonymous(url)
        specs = [f"+{ref}:{ORIGIN}{ref.removeprefix('refs/')}" for ref in refs]
        remote.fetch(specs, callbacks=callbacks, proxy=True)
        received = origin_refs(quarantine)
        _require_branch(received, branch, url)
        known = pygit2.Repository(str(home))
        _require_connected(quarantine, known, received.values(), url)
        for part in sorted((room / "objects" / "pack").iterdir(), key=lambda file: file.suffix == ".idx"):
            _publish(part, home / "objects" / "pack" / part.name)
    _write_refs(mirror, before, received, last=HEADS + branch)


def _held_bytes(mirror: pygit2.Repository) -> int:
    """How large the packs are that were received before."""
    return sum(pack.stat().st_size for pack in (Path(mirror.path) / "objects" / "pack").glob("*.pack"))


def _publish(part: Path, target: Path) -> None:
    """Move one file of a pack into the mirror, durably. An index comes last, for it makes its pack visible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.rename(target)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _require_connected(
    quarantine: pygit2.Repository,
    known: pygit2.Repository,
    tips: Iterable[str],
    url: str,
) -> None:
    """Follow every tip down to what the mirror had before. IncompleteError where a tag's target or a parent is missing.

    Trees and blobs are not walked here: a missing one is an error when it is read, and costs no wrong answer.
    """
    queue = [tip for tip in set(tips) if tip not in known.odb]
    seen = set(queue)
    while queue:
        current = queue.pop()
        try:
            kind, body = quarantine.odb.read(current)
        except KeyError as error:
            raise IncompleteError(
                f"{url} sends a history that is cut off: object {current} is missing",
                hint="the origin must be a full repository: no shallow clone and no grafts there",
            ) from error
        for named in _names(current, kind, body, url):
            if named not in seen and named not in known.odb:
                seen.add(named)
                queue.append(named)


def _names(oid: str, kind: ObjectType, body: bytes, url: str) -> tuple[str, ...]:
    """The parents of a commit, the target of a tag."""
    try:
        if kind == ObjectType.COMMIT:
            return parse_parents(body)
        if kind == ObjectType.TAG:
            return (parse_tag(body).target,)
    except MalformedObjectError as error:
        # a tag that git would not make is judged where tags are read; a commit of that kind cannot be walked
        if kind == ObjectType.COMMIT:
            raise IncompleteError(f"{url} sends the malformed commit {oid}", hint="run `git fsck` there") from error
    return ()


def _write_refs(mirror: pygit2.Repository, before: Mapping[str, str], after: Mapping[str, str], *, last: str) -> None:
    """Deletions first, for `a` may have become `a/b`; the branch that is followed last, so that it lacks nothing."""
    for name in sorted(before.keys() - after.keys()):
        mirror.references.delete(name)
    for name in sorted(after, key=lambda name: (name == last, name)):
        if before.get(name) != after[name]:
            mirror.references.create(name, after[name], force=True)


@contextmanager
def _lock(home: Path) -> Iterator[None]:
    """One process at a time writes the mirror; the others wait. Its end releases the lock, however it ends."""
    with (home / "stagewright.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for leftover in home.glob("incoming-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Vendor errors end here."""
    try:
        yield
    except (pygit2.GitError, OSError, KeyError, ValueError) as error:
        text = str(error)
        if _DENIED.search(text):
            raise ForbiddenError(
                f"{url} refuses the credentials: {text}", hint="give others in the configuration"
            ) from error
        if "invalid packet line" in text:
            # how libgit2 takes the `shallow` lines that such an origin begins with
            raise IncompleteError(
                f"{url} cannot be read: {text}", hint="the origin must be a full repository, no shallow clone"
            ) from error
        raise UnreachableError(
            f"{url} cannot be read: {text}",
            hint="the mirror keeps what was fetched before; check that the origin is there and may be read",
        ) from error
