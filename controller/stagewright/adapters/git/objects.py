"""Git's own objects, parsed from their raw bytes.

libgit2 would parse them too, but lets `info/grafts` and `shallow` of the repository replace the parents that a commit
really names. What these parsers return is what the object id stands for, and nothing else.
"""

import re
from dataclasses import dataclass

OBJECT_ID = re.compile(r"[0-9a-f]{40}")

_COMMIT_HEAD = re.compile(rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)author ([^\n]*)\ncommitter ([^\n]*)\n")
_EMAIL = re.compile(rb"<([^<>]*)>")
_CO_AUTHOR = re.compile(rb"^co-authored-by:[^\n]*<([^<>\n]+)>", re.IGNORECASE | re.MULTILINE)
_TAG_HEAD = re.compile(
    rb"object ([0-9a-f]{40})\ntype (commit|tag|tree|blob)\ntag ([^\n]+)\n(?:tagger ([^\n]*)\n)?\n",
)
_SIGNATURE_HEADERS = (b"gpgsig", b"gpgsig-sha256")
_SIGNATURE_BEGIN = re.compile(rb"^-----BEGIN [^\n]*-----$", re.MULTILINE)


class MalformedObjectError(ValueError):
    """These bytes are no such object; the caller says which object it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a signature was made over, and its armor. `flaw` says why there is no single signature to verify."""

    payload: bytes
    armor: bytes
    flaw: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitObject:
    """A commit's tree and parents (40 hex digits each), the addresses it names, its subject line and signature."""

    tree: str
    parents: tuple[str, ...]
    named: tuple[str, ...]
    subject: str
    signed: Signed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagObject:
    """An annotated tag. `message` ends where the signature begins; `signed` is None where there is none."""

    target: str
    kind: str
    name: str
    message: bytes
    signed: Signed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """One entry of a tree. `mode` is git's number, `name` has no slash; bytes, for git prescribes no encoding."""

    mode: int
    name: bytes
    id: str


def parse_parents(body: bytes) -> tuple[str, ...]:
    """The parents that a commit names, in order. MalformedObjectError as parse_commit; quicker, for long walks."""
    head = _COMMIT_HEAD.match(body)
    if head is None:
        raise MalformedObjectError("no commit: its header is not tree, parents, author, committer")
    return tuple(line[7:].decode("ascii") for line in head[2].splitlines())


def parse_commit(body: bytes) -> CommitObject:
    r"""Read a commit object. MalformedObjectError when it does not begin as every commit does.

    tree 5f4a…\nparent 9e1c…\nauthor Dana <dana@acme.example> 1700000000 +0000\ncommitter …\n
    gpgsig -----BEGIN SSH SIGNATURE-----\n U1NIU0lH…\n -----END SSH SIGNATURE-----\n\nSubject\n\nText\n
    """
    head = _COMMIT_HEAD.match(body)
    if head is None:
        raise MalformedObjectError("no commit: its header is not tree, parents, author, committer")
    header, blank, message = body.partition(b"\n\n")
    if not blank:
        raise MalformedObjectError("no commit: its header has no end")
    emails = [address for line in head.group(3, 4) for address in _EMAIL.findall(line)[:1]]
    emails += _CO_AUTHOR.findall(message)
    return CommitObject(
        tree=head[1].decode("ascii"),
        parents=parse_parents(body),
        named=tuple(dict.fromkeys(email.decode("utf-8", "replace") for email in emails)),
        subject=_one_line(message),
        signed=_commit_signature(header + b"\n", blank[1:] + message),
    )


def _one_line(message: bytes) -> str:
    """The first line for people to read, without anything that could steer their terminal."""
    first = message.lstrip(b"\n").split(b"\n", 1)[0].decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "�" for char in first)[:200]


def _commit_signature(header: bytes, rest: bytes) -> Signed | None:
    """Split a commit into its signature and the bytes it signs: the commit without that header (git: signature format).

    A header goes on over the lines that begin with a space.
    """
    kept: list[bytes] = []
    signatures: list[tuple[bytes, list[bytes]]] = []
    current: list[bytes] | None = None
    for line in header.splitlines(keepends=True):
        name, _, value = line.partition(b" ")
        if line.startswith(b" "):
            if current is None:
                kept.append(line)
            else:
                current.append(line[1:])
        elif name in _SIGNATURE_HEADERS:
            current = [value]
            signatures.append((name, current))
        else:
            current = None
            kept.append(line)
    if not signatures:
        return None
    flaw = None
    if len(signatures) > 1:
        flaw = "it has more than one signature header"
    elif signatures[0][0] != b"gpgsig":
        flaw = "its signature is for another object format (gpgsig-sha256)"
    return Signed(payload=b"".join(kept) + rest, armor=b"".join(signatures[0][1]), flaw=flaw)


def parse_tag(body: bytes) -> TagObject:
    r"""Read an annotated tag. MalformedObjectError when its header is not exactly object, type, tag, tagger.

    object 5f4a…\ntype commit\ntag stagewright/5f4a3b2c1d0e/noor-approve-1\ntagger Noor <noor@acme.example> 1700000000
    +0000\n\nText\n\nstagewright-decision: approve\n…\n-----BEGIN SSH SIGNATURE-----\n…\n-----END SSH SIGNATURE-----\n
    """
    head = _TAG_HEAD.match(body)
    if head is None:
        raise MalformedObjectError("no tag: its header is not object, type, tag, tagger")
    begins = [match.start() for match in _SIGNATURE_BEGIN.finditer(body, head.end())]
    signed = None
    message = body[head.end() :]
    if begins:
        message = body[head.end() : begins[0]]
        flaw = "it has more than one signature" if len(begins) > 1 else None
        signed = Signed(payload=body[: begins[0]], armor=body[begins[0] :], flaw=flaw)
    return TagObject(
        target=head[1].decode("ascii"),
        kind=head[2].decode("ascii"),
        name=head[3].decode("utf-8", "replace"),
        message=message,
        signed=signed,
    )


def parse_tree(body: bytes) -> tuple[TreeEntry, ...]:
    r"""Read a tree object: `100644 README.md\0<20 bytes>` over and over. Two entries of one name are malformed."""
    entries: list[TreeEntry] = []
    at = 0
    while at < len(body):
        space = body.find(b" ", at, at + 8)
        end = body.find(b"\0", space + 1)
        mode = body[at:space]
        name = body[space + 1 : end]
        if space < 0 or end < 0 or end + 21 > len(body) or not re.fullmatch(rb"[0-7]{5,6}", mode):
            raise MalformedObjectError("no tree: an entry is cut off or has no mode")
        if not name or b"/" in name or name in {b".", b".."}:
            raise MalformedObjectError("no tree: an entry has a name that git refuses")
        entries.append(TreeEntry(mode=int(mode, 8), name=name, id=body[end + 1 : end + 21].hex()))
        at = end + 21
    if len({entry.name for entry in entries}) != len(entries):
        raise MalformedObjectError("no tree: two entries have one name")
    return tuple(entries)
