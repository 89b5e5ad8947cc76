"""A person's clone, written to with `git`: branches with signed commits, decision tags, merges.

Commits are made beside the work tree (from a scratch index), so a command never disturbs what the person is working
on. Keys are named by path and used by ssh-keygen or the agent; no key passes through here.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stagewright.adapters.git import gitcli
from stagewright.adapters.git.decisions import format_decision, tag_name
from stagewright.adapters.git.objects import OBJECT_ID, parse_commit, parse_tag
from stagewright.adapters.git.own_key import public_key_of, signing_key
from stagewright.adapters.git.signing import require_signer, signing_settings
from stagewright.errors import NotFoundError, UsageError
from stagewright.model.review import DecisionText, SigningKey

REMOTE = "origin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch of the remote and its head commit (40 hex digits)."""

    name: str
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionTag:
    """A decision tag that was pushed: its name without `refs/tags/`, the id of the tag object, and whose key signed."""

    name: str
    id: str
    signer: SigningKey


def init_origin(path: Path, *, branch: str = "main") -> None:
    """Make an empty bare repository at `path`. UsageError when something is there already."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} is not empty", hint="name a directory that does not exist yet")
    path.parent.mkdir(parents=True, exist_ok=True)
    git = gitcli.program()
    gitcli.run(git, path.parent, "init", "--quiet", "--bare", f"--initial-branch={branch}", "--", str(path))


class Workspace:
    """One clone with its remote `origin`."""

    def __init__(self, root: Path, *, signing_key: Path | None = None) -> None:
        """`root` is the top of the work tree, `signing_key` a private key's file.

        With None, the person's own configuration decides (`gpg.format` ssh and `user.signingkey`).
        """
        self.root = root
        self._git = gitcli.program()
        self._signing_key = signing_key

    @classmethod
    def find(cls, start: Path, *, signing_key: Path | None = None) -> "Workspace":
        """The clone that `start` lies in. UsageError when it lies in none."""
        git = gitcli.program()
        try:
            top = gitcli.run(git, start, "rev-parse", "--show-toplevel").decode("utf-8", "replace").rstrip("\n")
        except UsageError as error:
            raise UsageError(
                f"{start} is not inside a clone of the desired-state repository",
                hint="change into it, or make one with `stagewright init`",
            ) from error
        return cls(Path(top), signing_key=signing_key)

    @classmethod
    def clone(cls, url: str, target: Path, *, signing_key: Path | None = None) -> "Workspace":
        """Clone `url` to `target`, which must not exist or be empty."""
        git = gitcli.program()
        target.parent.mkdir(parents=True, exist_ok=True)
        gitcli.run(git, target.parent, "clone", "--quiet", "--origin", REMOTE, "--", url, str(target))
        return cls(target, signing_key=signing_key)

    def config(self, name: str) -> str | None:
        """A setting of git as it holds here, or None."""
        try:
            return self._text("config", "--get", "--", name)
        except UsageError:
            return None

    def set_config(self, name: str, value: str) -> None:
        """Write a setting into this clone's own configuration. Not for secrets: the value is on the command line."""
        self._run("config", "--local", "--", name, value)

    def identity(self) -> tuple[str, str]:
        """The person's name and e-mail address as git has them. UsageError when it has none."""
        name, email = self.config("user.name"), self.config("user.email")
        if not name or not email:
            raise gitcli.explain("config", "empty ident name")
        return name, email

    def public_key(self) -> str:
        """The public half of the key that signs here, type and base64. UsageError when there is none to be found."""
        named = str(self._signing_key.absolute()) if self._signing_key else self.config("user.signingkey")
        if not named:
            raise UsageError(
                "git is not set up to sign with an SSH key",
                hint="git config --global gpg.format ssh && git config --global user.signingkey ~/.ssh/id_ed25519.pub",
            )
        return public_key_of(named, self.root)

    def own_key(self) -> SigningKey:
        """Whose signatures those made here are."""
        return signing_key(self.public_key())

    def remote_url(self) -> str:
        """Where `origin` lies. UsageError when there is no such remote."""
        url = self.config(f"remote.{REMOTE}.url")
        if url is None:
            raise UsageError(f"{self.root} has no remote {REMOTE!r}", hint="git remote add origin URL")
        return url

    def current_branch(self) -> str | None:
        """The branch that is checked out; None on a detached head."""
        try:
            return self._text("symbolic-ref", "--quiet", "--short", "HEAD")
        except UsageError:
            return None

    def resolve(self, revision: str) -> str:
        """The commit (40 hex digits) that a branch of the remote, a branch here, or a commit id names.

        NotFoundError when it names none.
        """
        # an id is an id, also where somebody named a branch like it
        branches = () if OBJECT_ID.fullmatch(revision) else (f"refs/remotes/{REMOTE}/{revision}",)
        for candidate in (*branches, revision):
            try:
                return self._text("rev-parse", "--verify", "--quiet", "--end-of-options", f"{candidate}^{{commit}}")
            except UsageError:
                continue
        raise NotFoundError(f"{revision!r} names no commit in {self.root}", hint="fetch, or look at `git branch -a`")

    def show(self, commit: str, path: str) -> bytes | None:
        """The content of a file at a commit; None when it has no such file."""
        listed = self._run("ls-tree", "-z", "--full-tree", self.resolve(commit), "--", path)
        parts = listed.split(b"\0", 1)[0].split(None, 3)
        if len(parts) < 3 or parts[1] != b"blob":
            return None
        return self._run("cat-file", "blob", parts[2].decode("ascii"))

    def candidates(self, base: str) -> tuple[Branch, ...]:
        """The remote's branches that `base`, another of them, does not hold yet, sorted by name."""
        prefix = f"refs/remotes/{REMOTE}/"
        listed = self._text("for-each-ref", "--format=%(objectname) %(refname)", f"--no-merged={prefix}{base}", prefix)
        lines = (line.partition(" ") for line in listed.splitlines())
        found = ((name.removeprefix(prefix), head) for head, _, name in lines)
        return tuple(Branch(name=name, head=head) for name, head in sorted(found) if name not in {base, "HEAD"})

    def require_clean(self, paths: tuple[str, ...]) -> None:
        """UsageError when one of these files, or one below these folders, has changes that are not committed."""
        status = self._run("status", "--porcelain=v1", "-z", "--untracked-files=all", "--", *paths)
        if status:
            changed = status.split(b"\0", 1)[0][3:].decode("utf-8", "replace")
            raise UsageError(f"{changed} has changes that are not committed", hint="commit, stash or discard them")

    def fetch(self) -> None:
        """Bring the remote's branches and tags here; what was deleted there disappears."""
        self._run(
            "fetch", "--quiet", "--prune", "--force", "--no-tags", REMOTE,
            f"+refs/heads/*:refs/remotes/{REMOTE}/*", "+refs/tags/stagewright/*:refs/tags/stagewright/*",
        )  # fmt: skip

    def commit(
        self,
        *,
        branch: str,
        onto: str | None,
        files: Mapping[str, bytes | None],
        message: str,
    ) -> str:
        """Make a signed commit of `files` (None removes one) on `onto`, and push it as `branch`. The commit's id.

        `onto` is a commit id; None makes a first commit. UsageError when the remote's branch has gone on meanwhile, or
        when nothing would change. The work tree is left alone.
        """
        self._require_branch_name(branch)
        parent = [] if onto is None else ["-p", onto]
        with tempfile.TemporaryDirectory(prefix="stagewright-index-") as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            if onto is not None:
                self._run("read-tree", onto, extra_env=index)
            entries = b"".join(self._index_line(path, content) for path, content in sorted(files.items()))
            self._run("update-index", "-z", "--index-info", stdin=entries, extra_env=index)
            tree = self._text("write-tree", extra_env=index)
        if onto is not None and tree == self._text("rev-parse", "--verify", f"{onto}^{{tree}}"):
            raise UsageError("nothing would change", hint="the desired state already says so")
        made = self._signed("commit-tree", "-S", "-F", "-", *parent, tree, stdin=message.encode())
        require_signer(parse_commit(self._run("cat-file", "commit", made)).signed)
        self.push(made, branch)
        return made

    def push(self, commit: str, branch: str) -> None:
        """Move the remote's branch on to a commit that descends from it, never back."""
        self._require_branch_name(branch)
        self._run("push", "--quiet", REMOTE, f"{commit}:refs/heads/{branch}")

    def decide(self, commit: str, decision: DecisionText, *, slug: str) -> DecisionTag:
        """Sign a decision on a commit as an annotated tag, and push it. `slug` is who decides, for the tag's name."""
        message = format_decision(decision).encode()
        target = self._text("rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}")
        taken = self._text("ls-remote", "--tags", REMOTE) + self._text("for-each-ref", "--format=%(refname)")
        number = 1
        while f"refs/tags/{(name := tag_name(target, slug, decision.decision, number))}" in taken:
            number += 1
        self._signed("tag", "-s", "--cleanup=verbatim", "-F", "-", name, target, stdin=message)
        made = self._text("rev-parse", "--verify", f"refs/tags/{name}")
        try:
            # git 2.39 makes the tag all the same, unsigned and with exit code 0, when it cannot load the key
            signer = require_signer(parse_tag(self._run("cat-file", "tag", made)).signed)
            self._run("push", "--quiet", REMOTE, f"refs/tags/{name}")
        except BaseException:
            # what the remote does not have must not look decided here
            self._run("update-ref", "-d", f"refs/tags/{name}", made)
            raise
        return DecisionTag(name=name, id=made, signer=signer)

    def sign_off(self, commit: str, decision: DecisionText, *, slug: str) -> str:
        """Sign a decision on a commit and push it; the id of the tag object."""
        return self.decide(commit, decision, slug=slug).id

    def merge(self, branch: str, *, into: str, message: str = "") -> str:
        """Merge the remote's `branch` into its `into` with a signed merge commit (`--no-ff`), and push. The merge's id.

        UsageError on conflicts; then nothing was pushed.
        """
        head, base = self.resolve(branch), self.resolve(into)
        with tempfile.TemporaryDirectory(prefix="stagewright-merge-") as scratch:
            tree = Path(scratch) / "tree"
            self._run("worktree", "add", "--quiet", "--detach", str(tree), base)
            try:
                text = message or f"Merge branch '{branch}'"
                self._signed("merge", "--quiet", "--no-ff", "-S", "-m", text, head, cwd=tree)
                made = self._text("rev-parse", "--verify", "HEAD", cwd=tree)
            finally:
                self._run("worktree", "remove", "--force", str(tree))
        if made == base:
            raise UsageError(f"{into} holds {branch} already", hint="there is nothing to merge")
        self.push(made, into)
        return made

    def checkout(self, branch: str, *, along: tuple[str, ...] = ()) -> None:
        """Bring the work tree to the remote's `branch`. UsageError when local changes or commits would be lost.

        `along` are files of the work tree that the branch holds by now just as they lie here: where git does not track
        them yet, they are no change that could be lost.
        """
        self._require_branch_name(branch)
        for path in along:
            if not self._run("ls-files", "-z", "--", path):
                self._run("add", "--force", "--", path)
        if self._text("for-each-ref", "--format=%(refname)", f"refs/heads/{branch}"):
            self._run("checkout", "--quiet", branch, "--")
            self._run("merge", "--quiet", "--ff-only", f"refs/remotes/{REMOTE}/{branch}")
        else:
            self._run("checkout", "--quiet", "-b", branch, "--track", f"{REMOTE}/{branch}")

    def _index_line(self, path: str, content: bytes | None) -> bytes:
        parts = path.split("/")
        if any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts) or "\0" in path:
            raise UsageError(f"{path!r} is no path of a file in the repository", hint="give it relative to its root")
        if content is None:
            return b"0 " + b"0" * 40 + b"\t" + path.encode() + b"\0"
        blob = self._text("hash-object", "-w", "--stdin", stdin=content)
        return f"100644 {blob}\t{path}\0".encode()

    def _require_branch_name(self, branch: str) -> None:
        try:
            self._run("check-ref-format", "--branch", branch)
        except UsageError as error:
            raise UsageError(f"{branch!r} is no name for a branch", hint="use letters, digits, - and /") from error

    def _signed(self, *arguments: str, stdin: bytes = b"", cwd: Path | None = None) -> str:
        """Run a command that signs."""
        settings = signing_settings(self._signing_key, self.config)
        self.identity()
        made = gitcli.run(self._git, cwd or self.root, *arguments, stdin=stdin, settings=settings)
        return made.decode("utf-8", "replace").rstrip("\n")

    def _run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        extra_env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> bytes:
        return gitcli.run(self._git, cwd or self.root, *arguments, stdin=stdin, extra_env=extra_env)

    def _text(
        self,
        *arguments: str,
        stdin: bytes = b"",
        extra_env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> str:
        raw = self._run(*arguments, stdin=stdin, extra_env=extra_env, cwd=cwd)
        return raw.decode("utf-8", "replace").rstrip("\n")
