"""allowed_signers: whose SSH keys count, in OpenSSH's own format (ssh-keygen(1), ALLOWED SIGNERS).

    # principals            options                                             key
    dana@acme.example       namespaces="git"                                    ssh-ed25519 AAAAC3… dana's laptop
    mo@acme.example,@mo     namespaces="git",valid-before="20270101Z"           ecdsa-sha2-nistp256 AAAAE2…

Narrower than OpenSSH, where its freedom would let a key speak for somebody unforeseen: no patterns among the
principals, no certificate authorities, no unknown options, times in UTC only (with the final Z; without it they
would be in the local time of whoever reads), a key in one line only. One line that is wrong makes the whole file
invalid, since leaving it out might give back a key that was meant to have expired.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from stagewright.errors import DocumentError
from stagewright.model.policy import AllowedSigner
from stagewright.schema.nodes import MAX_PROBLEMS, raise_problems, shortened
from stagewright.schema.ssh_key import KEY_TYPES, fingerprint, key_flaw

FILE = "allowed_signers"
MAX_BYTES = 1024 * 1024
# an RSA key of 16384 bits takes 2750
MAX_LINE = 8192

_TIME = re.compile(r"([0-9]{8})([0-9]{4}(?:[0-9]{2})?)?Z")
# ASCII: case is folded when people are told apart, and then the Kelvin sign would be a k
_PRINCIPAL = re.compile(r"(?:(?![\",*?!\\#])[!-~])+")
_KEY_TYPE_LIKE = re.compile(r"(?:ssh|ecdsa|sk|rsa)-[^\s\"]+(?:\s|$)")
_OPTIONS = re.compile(r'((?:[^\s"]|"[^"]*")+)[ \t]+')
# one option up to its comma, which may stand in quotes, or to the end
_ITEM = re.compile(r'((?:[^,"]|"[^"]*")*)(,|$)')
_QUOTED = re.compile(r'"[^"]+"')
_NAMESPACE = re.compile(r"[A-Za-z0-9@._-]+")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerLine:
    """One line as written. Empty `namespaces`: any. `key` is the SSH wire form of the public key."""

    principals: tuple[str, ...]
    namespaces: tuple[str, ...]
    valid_after: datetime | None
    valid_before: datetime | None
    key_type: str
    key: bytes
    comment: str
    line: int

    def signer(self) -> AllowedSigner:
        """What the line means to a judgement."""
        return AllowedSigner(
            principals=self.principals,
            fingerprint=fingerprint(self.key),
            namespaces=self.namespaces,
            valid_after=self.valid_after,
            valid_before=self.valid_before,
            line=self.line,
        )


def allowed_signers_path(root: str = "") -> str:
    """Where the file lies below the source's path `root` ("" is the repository's root)."""
    return f"{root}/{FILE}" if root else FILE


def parse_allowed_signers(data: bytes, file: str) -> tuple[AllowedSigner, ...]:
    """Every key in the order of the file; DocumentError with every line that is wrong."""
    return tuple(line.signer() for line in parse_signer_lines(data, file))


def parse_signer_lines(data: bytes, file: str) -> tuple[SignerLine, ...]:
    """The same, as written."""
    if len(data) > MAX_BYTES:
        raise DocumentError(f"the file has {len(data)} bytes, at most {MAX_BYTES} are read", file=file)
    lines: list[SignerLine] = []
    problems: list[DocumentError] = []
    owner: dict[bytes, int] = {}
    for number, raw in enumerate(data.split(b"\n"), 1):
        stripped = raw.removesuffix(b"\r").strip(b" \t")
        if not stripped or stripped.startswith(b"#"):
            continue
        try:
            line = _line(stripped, file, number)
        except DocumentError as error:
            problems.append(error)
            if len(problems) == MAX_PROBLEMS:
                break
            continue
        if line.key in owner:
            reason = f"this key is already in line {owner[line.key]}"
            problems.append(DocumentError(reason, file=file, line=number, hint="a key is one person's, in one line"))
        owner.setdefault(line.key, number)
        lines.append(line)
    raise_problems(problems)
    return tuple(lines)


def format_signer_line(line: SignerLine) -> str:
    """The line in its one spelling, without a line feed."""
    options = []
    if line.namespaces:
        options.append(f'namespaces="{",".join(line.namespaces)}"')
    for name, time in (("valid-after", line.valid_after), ("valid-before", line.valid_before)):
        if time is not None:
            options.append(f'{name}="{time:%Y%m%d%H%M%S}Z"')
    fields = (",".join(line.principals), ",".join(options), line.key_type, base64.b64encode(line.key).decode())
    return " ".join(field for field in (*fields, line.comment) if field)


def _line(data: bytes, file: str, number: int) -> SignerLine:
    if len(data) > MAX_LINE:
        raise DocumentError(f"a line of {len(data)} bytes, at most {MAX_LINE} are read", file=file, line=number)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError("not UTF-8", file=file, line=number, hint="save the file as UTF-8") from error
    try:
        return _fields(text, number)
    except _WrongError as error:
        raise DocumentError(error.reason, file=file, line=number, hint=error.hint) from error


def _fields(text: str, number: int) -> SignerLine:
    if _CONTROL.search(text):
        raise _WrongError("a control character", "delete it")
    first, rest = _split(text)
    principals = _principals(first)
    options, rest = _options(rest)
    key_type, rest = _split(rest)
    encoded, comment = _split(rest)
    if key_type not in KEY_TYPES:
        raise _WrongError(f"{shortened(key_type)!r} is no type of key that counts", f"known are {', '.join(KEY_TYPES)}")
    after, before = _time(options, "valid-after"), _time(options, "valid-before")
    if after is not None and before is not None and after >= before:
        raise _WrongError("valid-after is not before valid-before", "the key would never be valid")
    return SignerLine(
        principals=principals,
        namespaces=_namespaces(options),
        valid_after=after,
        valid_before=before,
        key_type=key_type,
        key=_key(key_type, encoded),
        comment=comment,
        line=number,
    )


def _split(text: str) -> tuple[str, str]:
    """The first word, and what follows it."""
    word, *rest = re.split(r"[ \t]+", text, maxsplit=1)
    return word, rest[0] if rest else ""


def _principals(text: str) -> tuple[str, ...]:
    principals = tuple(text.split(","))
    for principal in principals:
        if any(character in principal for character in "*?!"):
            raise _WrongError(
                f"the principal {shortened(principal)!r} is a pattern", "name one person: write the address out"
            )
        if not _PRINCIPAL.fullmatch(principal):
            raise _WrongError(
                f"{shortened(principal)!r} is no principal", "write an e-mail address, several with commas"
            )
    if len({principal.casefold() for principal in principals}) < len(principals):
        raise _WrongError("a principal is here twice", "delete one")
    return principals


def _options(text: str) -> tuple[dict[str, str], str]:
    """The options, if the line has any, and what follows them."""
    if _KEY_TYPE_LIKE.match(text):
        return {}, text
    found = _OPTIONS.match(text)
    if found is None:
        raise _WrongError("no key follows the principals", "a line is: principals, options, type of key, key")
    options: dict[str, str] = {}
    for item in _items(found.group(1)):
        name, _, value = item.partition("=")
        if name == "cert-authority":
            raise _WrongError("certificate authorities are not supported", "list each person's own key")
        if name not in ("namespaces", "valid-after", "valid-before"):
            raise _WrongError(
                f"unknown option {shortened(name)!r}", "known are namespaces, valid-after and valid-before"
            )
        if name in options:
            raise _WrongError(f"the option {name} is here twice", "delete one")
        if not _QUOTED.fullmatch(value):
            raise _WrongError(f"the option {name} has no value in quotes", f'write {name}="…"')
        options[name] = value[1:-1]
    return options, text[found.end() :]


def _items(text: str) -> Iterator[str]:
    for found in _ITEM.finditer(text):
        yield found.group(1)
        if not found.group(2):
            return


def _namespaces(options: dict[str, str]) -> tuple[str, ...]:
    if "namespaces" not in options:
        return ()
    namespaces = tuple(options["namespaces"].split(","))
    for namespace in namespaces:
        if not _NAMESPACE.fullmatch(namespace):
            raise _WrongError(f"{shortened(namespace)!r} is no namespace", 'git signs in the namespace "git"')
    return namespaces


def _time(options: dict[str, str], name: str) -> datetime | None:
    if name not in options:
        return None
    found = _TIME.fullmatch(options[name])
    wrong = _WrongError(
        f"{name}={shortened(options[name])!r} is no time in UTC", "write YYYYMMDDZ, YYYYMMDDHHMMZ or YYYYMMDDHHMMSSZ"
    )
    # OpenSSH counts from 1970
    if found is None or found.group(1) < "1970":
        raise wrong
    try:
        digits = found.group(1) + (found.group(2) or "").ljust(6, "0")
        return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise wrong from error


def _key(key_type: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise _WrongError("the key is not base64", "copy the whole line of the .pub file") from error
    if not key or base64.b64encode(key).decode() != encoded:
        raise _WrongError("the key is not base64 in its one spelling", "copy the whole line of the .pub file")
    flaw = key_flaw(key_type, key)
    if flaw is not None:
        raise _WrongError(flaw, "make a new key with `ssh-keygen -t ed25519`, or copy the whole line of the .pub file")
    return key


class _WrongError(Exception):
    """One line is wrong; `_line` gives it its place."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
