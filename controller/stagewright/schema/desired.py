"""The files at one commit, one by one: parsed, or what is wrong with them.

A file is judged by itself, so that a bad one blocks its own model only. Which version of a file counts, when this one
is invalid, is decided by whoever walks the history; nothing here reads anything.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from stagewright.errors import DocumentError
from stagewright.model.desired import DocumentProblem
from stagewright.model.policy import AllowedSigner, Policy
from stagewright.model.source import REGULAR_MODES, SourceFile
from stagewright.schema.allowed_signers import allowed_signers_path, parse_allowed_signers
from stagewright.schema.codeowners import LOCATIONS, decode_codeowners, relevant_lines
from stagewright.schema.model_document import FOLDER, ModelDocument, model_name, model_path, parse_model
from stagewright.schema.policy_document import parse_policy, policy_path
from stagewright.schema.yaml import MAX_BYTES

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LINK, _SUBMODULE = 0o120000, 0o160000

Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A file that cannot be used, with everything that is wrong with it, in the order of the document."""

    problems: tuple[DocumentProblem, ...]


Result = ModelDocument | Policy | tuple[AllowedSigner, ...] | tuple[str, ...] | Rejected


class Role(Enum):
    """What a file is to the controller, by its path."""

    MODEL = "model"
    POLICY = "policy"
    ALLOWED_SIGNERS = "allowed_signers"
    CODEOWNERS = "codeowners"


def role_of(file: str, path: str) -> Role | None:
    """The role of the file at `file` for a source at `path` ("": the root); None when it is not read.

    Everything in the folder of models that looks like a document is a MODEL, so that one with a wrong suffix or in
    a sub-folder is told as a problem instead of being passed over in silence.
    """
    if file in LOCATIONS:
        return Role.CODEOWNERS
    if file == policy_path(path):
        return Role.POLICY
    if file == allowed_signers_path(path):
        return Role.ALLOWED_SIGNERS
    folder = f"{path}/{FOLDER}/" if path else f"{FOLDER}/"
    looks = file.lower().endswith((".yaml", ".yml", ".json"))
    return Role.MODEL if file.startswith(folder) and looks else None


def refused_unread(file: SourceFile) -> Rejected | None:
    """Why the file is not even read: a link, a submodule, or too large. None when it may be."""
    if file.mode == _LINK:
        return _rejected(file.path, "a symbolic link", "put the document itself there")
    if file.mode == _SUBMODULE:
        return _rejected(file.path, "a submodule", "put the document itself there")
    if file.mode not in REGULAR_MODES:
        return _rejected(file.path, f"no regular file (mode {file.mode:o})", "put the document itself there")
    if file.size > MAX_BYTES:
        reason = f"the file has {file.size} bytes, at most {MAX_BYTES} are read"
        return _rejected(file.path, reason, "keep data out of documents")
    return None


def parse_tree(files: Iterable[SourceFile], blobs: Mapping[str, bytes], path: str) -> Mapping[str, Result]:
    """Every file that has a role, by its path. `blobs` holds the content, by blob id, of all that may be read."""
    results: dict[str, Result] = {}
    for file in sorted(files, key=lambda file: file.path):
        role = role_of(file.path, path)
        if role is None:
            continue
        refused = refused_unread(file)
        results[file.path] = _parse(role, file, blobs[file.blob], path) if refused is None else refused
    return results


def _parse(role: Role, file: SourceFile, data: bytes, path: str) -> Result:
    match role:
        case Role.MODEL:
            return parse_model_file(file, data, path)
        case Role.POLICY:
            return parse_policy_file(file, data)
        case Role.ALLOWED_SIGNERS:
            return parse_allowed_signers_file(file, data)
        case Role.CODEOWNERS:
            return parse_codeowners_file(file, data, path)


def parse_model_file(file: SourceFile, data: bytes, path: str) -> ModelDocument | Rejected:
    """The Model in the file, or everything that is wrong with it. `path` is the source's."""
    name = model_name(file.path)
    if name is None or file.path != model_path(name, path):
        return _rejected(file.path, f"documents of models are {model_path('<name>', path)}", "rename or move the file")
    return _parsed(file, data, parse_model)


def parse_policy_file(file: SourceFile, data: bytes) -> Policy | Rejected:
    """The policy in the file, or everything that is wrong with it."""
    return _parsed(file, data, parse_policy)


def parse_allowed_signers_file(file: SourceFile, data: bytes) -> tuple[AllowedSigner, ...] | Rejected:
    """The keys in the file, or everything that is wrong with it."""
    return _parsed(file, data, parse_allowed_signers)


def parse_codeowners_file(file: SourceFile, data: bytes, path: str) -> tuple[str, ...] | Rejected:
    """The lines that matter to a source at `path`, or what is wrong with the file."""
    return _parsed(file, data, lambda content, name: relevant_lines(decode_codeowners(content, name), path))


def problems_of(error: DocumentError) -> tuple[DocumentProblem, ...]:
    """Every problem that the error carries, as values, in the order of the document."""
    name = model_name(error.file)
    return tuple(
        DocumentProblem(file=one.file, line=one.line, column=one.column, reason=one.reason, hint=one.hint, model=name)
        for one in (error, *error.also)
    )


def _parsed(file: SourceFile, data: bytes, parse: Callable[[bytes, str], Parsed]) -> Parsed | Rejected:
    refused = refused_unread(file)
    if refused is not None:
        return refused
    if data.startswith(LFS_POINTER):
        hint = "take it out of .gitattributes and commit the document itself"
        return _rejected(file.path, "a pointer of Git LFS, not the document", hint)
    try:
        return parse(data, file.path)
    except DocumentError as error:
        return Rejected(problems=problems_of(error))


def _rejected(file: str, reason: str, hint: str) -> Rejected:
    problem = DocumentProblem(file=file, line=1, column=1, reason=reason, hint=hint, model=model_name(file))
    return Rejected(problems=(problem,))
