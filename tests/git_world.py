"""A small world of real git and real SSH keys, for every test that needs history, signatures or reviews.

    world = World(tmp_path)                                   # bare origin, `main` with one signed commit
    world.commit("dana", {"models/a.yaml": "…"}, branch="promote-a")
    head = world.head("promote-a")
    world.approve("noor", head, ["<64 hex>"])
    merge = world.merge("promote-a", by="maintainer")

A person is a name; their key is made on first use and kept for the whole test session. Every write is pushed.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BRANCH = "main"
LEDGER = "stagewright.example/test"
FIRST_SECOND = 1_700_000_000

KEY_KINDS: Mapping[str, tuple[str, ...]] = {
    "ed25519": ("-t", "ed25519"),
    "ecdsa-p256": ("-t", "ecdsa", "-b", "256"),
    "ecdsa-p384": ("-t", "ecdsa", "-b", "384"),
    "ecdsa-p521": ("-t", "ecdsa", "-b", "521"),
    "rsa": ("-t", "rsa", "-b", "2048"),
}


def environment(home: Path) -> dict[str, str]:
    """The variables git and ssh-keygen run under: nothing of the machine's own configuration."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LC_ALL": "C",
        "TZ": "UTC",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }


def run(*argv: str, cwd: Path, env: Mapping[str, str], stdin: bytes = b"") -> bytes:
    """The standard output of a command that must succeed."""
    done = subprocess.run(argv, cwd=cwd, env=dict(env), input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr.decode(errors='replace')}"
    return done.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A name with a key pair in OpenSSH's own files."""

    name: str
    email: str
    key: Path
    public_key: str
    fingerprint: str

    def allowed_signers_line(self, options: str = 'namespaces="git"') -> str:
        """One line of git's `allowed_signers` format, with its newline."""
        return f"{self.email} {options} {self.public_key}\n".replace("  ", " ")


@cache
def _key_room() -> Path:
    room = Path(tempfile.mkdtemp(prefix="stagewright-keys-"))
    atexit.register(_forget, room, os.getpid())
    return room


def _forget(room: Path, owner: int) -> None:
    # a process that a test forked ends too, and must not take the keys of all that still run with it
    if os.getpid() == owner:
        shutil.rmtree(room, ignore_errors=True)


def person(name: str, kind: str = "ed25519") -> Person:
    """The person of that name; the same key for the whole session. `kind` is one of KEY_KINDS."""
    return _person(name, kind)


@cache
def _person(name: str, kind: str) -> Person:
    room = _key_room()
    path = room / f"{name}-{kind}"
    env = environment(room)
    email = f"{name}@example.com"
    run("ssh-keygen", "-q", *KEY_KINDS[kind], "-N", "", "-C", email, "-f", str(path), cwd=room, env=env)
    public = path.with_suffix(".pub") if not path.suffix else Path(f"{path}.pub")
    algorithm, blob, _ = public.read_text().split(" ", 2)
    fingerprint = run("ssh-keygen", "-l", "-E", "sha256", "-f", str(public), cwd=room, env=env).decode().split(" ")[1]
    return Person(name=name, email=email, key=path, public_key=f"{algorithm} {blob}", fingerprint=fingerprint)


def ssh_sign(who: Person, payload: bytes, *, namespace: str = "git") -> bytes:
    """The armored SSH signature that `ssh-keygen -Y sign` makes over `payload`."""
    room = _key_room()
    with tempfile.TemporaryDirectory(dir=room) as directory:
        file = Path(directory) / "payload"
        file.write_bytes(payload)
        run(
            "ssh-keygen", "-Y", "sign", "-n", namespace, "-f", str(who.key), str(file),
            cwd=room, env=environment(room),
        )  # fmt: skip
        return Path(f"{file}.sig").read_bytes()


def decision_message(
    decision: str,
    subjects: Iterable[str],
    *,
    withdraws: Iterable[str] = (),
    origin: str = LEDGER,
    text: str = "Looked at it.",
) -> str:
    """What a decision tag says: a text for people and one paragraph of trailers."""
    lines = [f"stagewright-decision: {decision}"]
    lines += [f"stagewright-subject: {subject}" for subject in subjects]
    lines += [f"stagewright-withdraws: {tag}" for tag in withdraws]
    lines.append(f"stagewright-origin: {origin}")
    return f"{text}\n\n" + "\n".join(lines) + "\n"


class World:
    """One bare origin and a clone per person. Times of commits are counted up by a minute each, so ids are stable."""

    def __init__(self, root: Path, *, files: Mapping[str, str | bytes | None] | None = None) -> None:
        """Make the origin with one signed commit of the maintainer on `main` (`first`), holding `files`."""
        self.root = root
        self.origin = root / "origin.git"
        self.env = environment(root)
        self._seconds = FIRST_SECOND
        self._tags = 0
        root.mkdir(parents=True, exist_ok=True)
        run(
            "git",
            "init",
            "-q",
            "--bare",
            "--template=",
            f"--initial-branch={BRANCH}",
            str(self.origin),
            cwd=root,
            env=self.env,
        )
        self.git_origin("config", "uploadpack.allowAnySHA1InWant", "true")
        self.first = self.commit("maintainer", files or {"README.md": "Desired state.\n"}, message="Begin")

    def copy(self, root: Path) -> "World":
        """The same world in another directory, where it goes its own way. Cheaper than telling it again."""
        twin = World.__new__(World)
        twin.__dict__.update(self.__dict__)
        twin.root = root
        twin.origin = root / "origin.git"
        twin.env = environment(root)
        shutil.copytree(self.origin, twin.origin)
        return twin

    # -- plumbing ----------------------------------------------------------------------------------------------

    def git_origin(self, *args: str, stdin: bytes = b"") -> str:
        """Run git in the bare origin."""
        return run("git", *args, cwd=self.origin, env=self.env, stdin=stdin).decode().rstrip("\n")

    def clone(self, name: str) -> Path:
        """The work tree of that person, made on first use; `user.signingkey` and SSH signing are configured."""
        path = self.root / f"clone-{name}"
        if not path.exists():
            run("git", "clone", "-q", "--template=", str(self.origin), str(path), cwd=self.root, env=self.env)
            self.configure(path, name)
        return path

    @staticmethod
    def configure(path: Path, name: str) -> None:
        """Make a clone that person's: name, e-mail address and signing key."""
        who = person(name)
        settings = {
            "user.name": who.name,
            "user.email": who.email,
            "gpg.format": "ssh",
            "user.signingkey": str(who.key),
            "commit.gpgsign": "true",
            "advice.detachedHead": "false",
        }
        config = path / ".git" / "config"
        with config.open("a") as file:
            for key, value in settings.items():
                section, _, variable = key.partition(".")
                file.write(f"[{section}]\n\t{variable} = {value}\n")

    def git(self, name: str, *args: str, stdin: bytes = b"") -> str:
        """Run git in that person's clone."""
        env = self.env | {"GIT_AUTHOR_DATE": f"{self._seconds} +0000", "GIT_COMMITTER_DATE": f"{self._seconds} +0000"}
        return run("git", *args, cwd=self.clone(name), env=env, stdin=stdin).decode().rstrip("\n")

    def head(self, branch: str = BRANCH) -> str:
        """The head commit of a branch of the origin."""
        return self.git_origin("rev-parse", "--verify", f"refs/heads/{branch}^{{commit}}")

    def branches(self) -> tuple[str, ...]:
        """The branches of the origin, sorted."""
        return tuple(self.git_origin("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").split())

    def _tick(self) -> None:
        self._seconds += 60

    def _switch(self, name: str, branch: str, start: str) -> None:
        """Check out `branch` as the origin has it, or a new one from `start`."""
        self.git(name, "fetch", "-q", "--prune", "--force", "origin", "+refs/tags/*:refs/tags/*",
                 "+refs/heads/*:refs/remotes/origin/*")  # fmt: skip
        known = self.git(name, "for-each-ref", "--format=%(refname)", "refs/remotes/origin").split()
        if f"refs/remotes/origin/{branch}" in known:
            start = f"refs/remotes/origin/{branch}"
        elif f"refs/remotes/origin/{start}" in known:
            start = f"refs/remotes/origin/{start}"
        if known:
            self.git(name, "checkout", "-q", "-f", "--detach", start)
        else:
            self.git(name, "symbolic-ref", "HEAD", f"refs/heads/{branch}")

    # -- what people do ----------------------------------------------------------------------------------------

    def commit(
        self,
        name: str,
        files: Mapping[str, str | bytes | None],
        *,
        branch: str = BRANCH,
        start: str = BRANCH,
        message: str = "Change the desired state",
        sign: bool = True,
        author: str | None = None,
    ) -> str:
        """Commit `files` (None removes one) on a branch, made from `start` if it is new, and push. The commit's id.

        `author` is "Name <e-mail>" where it is to differ from the person who commits.
        """
        self._tick()
        self._switch(name, branch, start)
        tree = self.clone(name)
        for path, content in files.items():
            target = tree / path
            if content is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git(name, "add", "-A")
        options = ["-S"] if sign else ["--no-gpg-sign"]
        options += ["--author", author] if author else []
        self.git(name, "commit", "-q", "--allow-empty", *options, "-F", "-", stdin=message.encode())
        self.git(name, "push", "-q", "origin", f"HEAD:refs/heads/{branch}")
        return self.git(name, "rev-parse", "HEAD")

    def push_main(self, name: str, files: Mapping[str, str | bytes | None], *, message: str = "Push straight") -> str:
        """Commit straight on main and push: no pull request."""
        return self.commit(name, files, message=message)

    def merge(
        self,
        branch: str,
        by: str,
        *,
        into: str = BRANCH,
        sign: bool = True,
        message: str | None = None,
        delete: bool = False,
    ) -> str:
        """Merge a branch of the origin with `--no-ff` and push; `delete` removes it afterwards. The merge's id."""
        self._tick()
        self._switch(by, into, into)
        options = ["-S"] if sign else ["--no-gpg-sign"]
        text = message or f"Merge branch '{branch}'"
        self.git(by, "merge", "-q", "--no-ff", *options, "-m", text, f"refs/remotes/origin/{branch}")
        self.git(by, "push", "-q", "origin", f"HEAD:refs/heads/{into}")
        if delete:
            self.delete_branch(branch)
        return self.git(by, "rev-parse", "HEAD")

    def update_branch(self, branch: str, by: str) -> str:
        """Merge main into a branch and push it, as "Update branch" does. The merge's id."""
        return self.merge(BRANCH, by, into=branch, message=f"Merge branch '{BRANCH}' into {branch}")

    def octopus(self, branches: Iterable[str], by: str) -> str:
        """Merge several branches in one commit onto main."""
        self._tick()
        self._switch(by, BRANCH, BRANCH)
        self.git(by, "merge", "-q", "--no-ff", "-S", "-m", "Merge many", *(f"origin/{name}" for name in branches))
        self.git(by, "push", "-q", "origin", f"HEAD:refs/heads/{BRANCH}")
        return self.git(by, "rev-parse", "HEAD")

    def fast_forward(self, branch: str, by: str) -> str:
        """Move main to the head of `branch` without a merge commit, as a push would."""
        self._switch(by, branch, BRANCH)
        self.git(by, "push", "-q", "origin", f"HEAD:refs/heads/{BRANCH}")
        return self.head()

    def approve(self, name: str, commit: str, subjects: Iterable[str], **options: Iterable[str]) -> str:
        """Sign and push an approval of a commit. The id of the tag object."""
        return self.decide(name, "approve", commit, subjects, **options)

    def reject(self, name: str, commit: str, subjects: Iterable[str], **options: Iterable[str]) -> str:
        """Sign and push a rejection of a commit. The id of the tag object."""
        return self.decide(name, "reject", commit, subjects, **options)

    def decide(
        self,
        name: str,
        decision: str,
        commit: str,
        subjects: Iterable[str],
        *,
        withdraws: Iterable[str] = (),
        origin: Iterable[str] = LEDGER,
    ) -> str:
        """Sign and push a decision tag with git itself. The id of the tag object."""
        self._tick()
        self._tags += 1
        message = decision_message(decision, subjects, withdraws=withdraws, origin="".join(origin))
        tag = f"stagewright/{commit[:12]}/{name}-{decision}-{self._tags}"
        self.git(name, "fetch", "-q", "--force", "origin", "+refs/heads/*:refs/remotes/origin/*")
        self.git(name, "tag", "-s", "--cleanup=verbatim", "-F", "-", tag, commit, stdin=message.encode())
        self.git(name, "push", "-q", "origin", f"refs/tags/{tag}")
        return self.git(name, "rev-parse", f"refs/tags/{tag}")

    # -- what attackers and accidents do -------------------------------------------------------------------------

    def raw_tag(
        self,
        name: str | Person,
        *,
        target: str,
        message: str,
        kind: str = "commit",
        tag: str = "stagewright/raw",
        ref: str | None = None,
        namespace: str | None = "git",
        signature: bytes | None = None,
    ) -> str:
        """Write a tag object byte by byte into the origin under `ref` (default: `tag`). The id of the tag object.

        `namespace` None leaves it unsigned; `signature` is appended instead of a fresh one.
        """
        who = person(name) if isinstance(name, str) else name
        tagger = f"{who.name} <{who.email}> {self._seconds} +0000"
        payload = f"object {target}\ntype {kind}\ntag {tag}\ntagger {tagger}\n\n{message}".encode()
        if signature is None:
            signature = b"" if namespace is None else ssh_sign(who, payload, namespace=namespace)
        return self.put_tag(payload + signature, ref=ref or tag)

    def put_tag(self, body: bytes, *, ref: str) -> str:
        """Write these bytes as a tag object into the origin and point `refs/tags/<ref>` at it."""
        made = self.git_origin("hash-object", "-t", "tag", "-w", "--literally", "--stdin", stdin=body)
        # past git, which would refuse to point a ref at what it cannot read
        file = self.origin / "refs" / "tags" / ref
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{made}\n")
        return made

    def tag_names(self) -> tuple[str, ...]:
        """The tags of the origin, sorted."""
        return tuple(self.git_origin("for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags").split())

    def tag_name(self, tag: str) -> str:
        """The name of the first tag that points at this tag object."""
        listed = self.git_origin("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/tags")
        return next(line.split(" ")[1] for line in listed.splitlines() if line.startswith(tag))

    def delete_tag(self, tag: str) -> None:
        """Delete the tag that points at this tag object, as `git push --delete` does."""
        self.git_origin("update-ref", "-d", f"refs/tags/{self.tag_name(tag)}")

    def delete_branch(self, branch: str) -> None:
        """Delete a branch of the origin."""
        self.git_origin("update-ref", "-d", f"refs/heads/{branch}")

    def force(self, branch: str, commit: str) -> None:
        """Point a branch of the origin at any commit, as a forced push does."""
        self.git_origin("update-ref", f"refs/heads/{branch}", commit)

    def linear_history(self, count: int, *, path: str = "models/a.yaml") -> str:
        """Add `count` unsigned commits to main in one go, each changing `path`. The new head."""
        stream = []
        for number in range(count):
            text = f"number: {number}\n"
            start = f"from refs/heads/{BRANCH}^0\n" if number == 0 else ""
            stream.append(
                f"commit refs/heads/{BRANCH}\n"
                f"committer maintainer <maintainer@example.com> {self._seconds + number} +0000\n"
                f"data 1\nx\n{start}M 100644 inline {path}\ndata {len(text)}\n{text}\n"
            )
        self._seconds += count
        self.git_origin("fast-import", "--quiet", stdin="".join(stream).encode())
        return self.head()

    def plant(
        self,
        parents: Iterable[str],
        files: Mapping[str, str | bytes | None],
        *,
        branch: str | None = None,
        seconds: int | None = None,
        author: str = "Dana <dana@example.com>",
        committer: str = "Maintainer <maintainer@example.com>",
        message: str = "Plant",
    ) -> str:
        """Write one unsigned commit with any parents into the origin; its tree is the first parent's with `files`.

        `branch` is pointed at it, however it lay before. `seconds` is the date it claims.
        """
        self._tick()
        when = f"{self._seconds if seconds is None else seconds} +0000"
        chain = list(parents)
        head = b"reset refs/planted/new\n\ncommit refs/planted/new\n"
        text = message.encode()
        head += f"author {author} {when}\ncommitter {committer} {when}\ndata {len(text)}\n".encode() + text + b"\n"
        for verb, parent in zip(["from", *["merge"] * len(chain)], chain, strict=False):
            head += f"{verb} {parent}\n".encode()
        for path, content in files.items():
            if content is None:
                head += f"D {path}\n".encode()
            else:
                raw = content.encode() if isinstance(content, str) else content
                head += f"M 100644 inline {path}\ndata {len(raw)}\n".encode() + raw + b"\n"
        self.git_origin("fast-import", "--quiet", "--force", stdin=head)
        made = self.git_origin("rev-parse", "refs/planted/new")
        self.git_origin("update-ref", f"refs/heads/{branch}" if branch else f"refs/planted/{made}", made)
        return made

    # -- documents -----------------------------------------------------------------------------------------------

    @staticmethod
    def allowed_signers(*names: str) -> str:
        """An `allowed_signers` file that admits these people for git."""
        return "".join(person(name).allowed_signers_line() for name in names)
