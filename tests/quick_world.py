"""The world of `git_world`, written without a process for each step: for stories that have many.

The objects are git's own, written into the same bare origin; the signatures are made with the same people's keys
(OpenSSH PROTOCOL.sshsig, ed25519). What git's own commands make of these steps is tested on `World` itself.
"""

import base64
import struct
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import pygit2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA512, Hash
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from pygit2.enums import FileMode, ObjectType

from tests.git_world import BRANCH, LEDGER, Person, World, decision_message, person

Content = str | bytes | tuple[int, str] | None
"""A file: its content, or a mode and what a link points at (a commit, for a submodule); None removes it."""


@cache
def _key(path: Path) -> Ed25519PrivateKey:
    loaded = load_ssh_private_key(path.read_bytes(), password=None)
    assert isinstance(loaded, Ed25519PrivateKey)
    return loaded


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def quick_sign(who: Person, payload: bytes, *, namespace: str = "git") -> bytes:
    """What `ssh-keygen -Y sign` prints for an ed25519 key."""
    digest = Hash(SHA512())
    digest.update(payload)
    head = _string(namespace.encode()) + _string(b"") + _string(b"sha512")
    raw = _key(who.key).sign(b"SSHSIG" + head + _string(digest.finalize()))
    public = base64.b64decode(who.public_key.split(" ")[1])
    made = _string(b"ssh-ed25519") + _string(raw)
    blob = b"SSHSIG" + struct.pack(">I", 1) + _string(public) + head + _string(made)
    text = base64.b64encode(blob)
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return b"\n".join([b"-----BEGIN SSH SIGNATURE-----", *lines, b"-----END SSH SIGNATURE-----", b""])


class QuickWorld(World):
    """A `World` in which committing, merging and deciding take no process."""

    _repository: pygit2.Repository | None = None

    @property
    def repository(self) -> pygit2.Repository:
        """The origin."""
        if self._repository is None:
            self._repository = pygit2.Repository(str(self.origin))
        return self._repository

    def head(self, branch: str = BRANCH) -> str:
        return str(self.repository.references[f"refs/heads/{branch}"].target)

    def force(self, branch: str, commit: str) -> None:
        self.repository.references.create(f"refs/heads/{branch}", pygit2.Oid(hex=commit), force=True)

    def delete_branch(self, branch: str) -> None:
        self.repository.references.delete(f"refs/heads/{branch}")

    def tag_names(self) -> tuple[str, ...]:
        return tuple(sorted(n.removeprefix("refs/tags/") for n in self.repository.references if "/tags/" in n))

    def tag_name(self, tag: str) -> str:
        return next(n for n in self.tag_names() if str(self.repository.references[f"refs/tags/{n}"].target) == tag)

    def delete_tag(self, tag: str) -> None:
        self.repository.references.delete(f"refs/tags/{self.tag_name(tag)}")

    def put_tag(self, body: bytes, *, ref: str) -> str:
        made = self.repository.write(ObjectType.TAG, body)
        self.repository.references.create(f"refs/tags/{ref}", made, force=True)
        return str(made)

    def commit(
        self,
        name: str,
        files: Mapping[str, Content],
        *,
        branch: str = BRANCH,
        start: str = BRANCH,
        message: str = "Change the desired state",
        sign: bool = True,
        author: str | None = None,
    ) -> str:
        self._tick()
        known = self.repository.references
        parents = [self.head(b) for b in (branch, start) if f"refs/heads/{b}" in known][:1]
        if not parents and start != BRANCH:
            parents = [start]
        tree = self._tree(parents[0] if parents else None, files)
        made = self._write(name, tree, parents, message, sign=sign, author=author)
        self.force(branch, made)
        return made

    def merge(
        self,
        branch: str,
        by: str,
        *,
        into: str = BRANCH,
        sign: bool = True,
        message: str | None = None,
        delete: bool = False,
        files: Mapping[str, Content] | None = None,
    ) -> str:
        """As `World.merge`; `files` are changed in the merge commit itself, as an evil merge does."""
        self._tick()
        ours, theirs = self.head(into), self.head(branch)
        base = self.repository.merge_base(pygit2.Oid(hex=ours), pygit2.Oid(hex=theirs))
        trees = [self.repository[commit].peel(pygit2.Commit).tree for commit in (base, ours, theirs)]
        index = self.repository.merge_trees(*trees)
        assert not index.conflicts, f"{branch} conflicts with {into}"
        merged = str(index.write_tree(self.repository))
        tree = self._change(merged, files) if files else merged
        made = self._write(by, tree, [ours, theirs], message or f"Merge branch '{branch}'", sign=sign)
        self.force(into, made)
        if delete:
            self.delete_branch(branch)
        return made

    def craft(
        self, name: str, parents: Iterable[str], files: Mapping[str, Content], *, branch: str | None = None,
        message: str = "Craft", sign: bool = True,
    ) -> str:  # fmt: skip
        """A commit with any parents, signed; its tree is the first parent's with `files`."""
        self._tick()
        chain = list(parents)
        made = self._write(name, self._tree(chain[0] if chain else None, files), chain, message, sign=sign)
        if branch:
            self.force(branch, made)
        return made

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
        self._tick()
        self._tags += 1
        message = decision_message(decision, subjects, withdraws=withdraws, origin="".join(origin))
        tag = f"stagewright/{commit[:12]}/{name}-{decision}-{self._tags}"
        return self.raw_tag(name, target=commit, message=message, tag=tag)

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
        who = person(name) if isinstance(name, str) else name
        tagger = f"{who.name} <{who.email}> {self._seconds} +0000"
        payload = f"object {target}\ntype {kind}\ntag {tag}\ntagger {tagger}\n\n{message}".encode()
        if signature is None:
            signature = b"" if namespace is None else quick_sign(who, payload, namespace=namespace)
        return self.put_tag(payload + signature, ref=ref or tag)

    def _tree(self, parent: str | None, files: Mapping[str, Content]) -> str:
        return self._change(str(self.repository[parent].peel(pygit2.Tree).id) if parent else None, files)

    def _change(self, tree: str | None, files: Mapping[str, Content]) -> str:
        index = pygit2.Index()
        if tree:
            index.read_tree(self.repository[tree].peel(pygit2.Tree))
        for path, content in files.items():
            match content:
                case None:
                    index.remove(path)
                case (mode, target):
                    linked = pygit2.Oid(hex=target) if mode == FileMode.COMMIT else self._blob(target)
                    index.add(pygit2.IndexEntry(path, linked, FileMode(mode)))
                case _:
                    index.add(pygit2.IndexEntry(path, self._blob(content), FileMode.BLOB))
        return str(index.write_tree(self.repository))

    def _blob(self, content: str | bytes) -> pygit2.Oid:
        return self.repository.create_blob(content.encode() if isinstance(content, str) else content)

    def _write(
        self, name: str, tree: str, parents: Iterable[str], message: str, *, sign: bool, author: str | None = None
    ) -> str:
        who = person(name)
        when = f"{self._seconds} +0000"
        head = f"tree {tree}\n" + "".join(f"parent {parent}\n" for parent in parents)
        head += f"author {author or f'{who.name} <{who.email}>'} {when}\ncommitter {who.name} <{who.email}> {when}\n"
        text = f"{message}\n" if not message.endswith("\n") else message
        if sign:
            armor = quick_sign(who, f"{head}\n{text}".encode()).decode().rstrip("\n")
            head += "gpgsig " + armor.replace("\n", "\n ") + "\n"
        return str(self.repository.write(ObjectType.COMMIT, f"{head}\n{text}".encode()))
