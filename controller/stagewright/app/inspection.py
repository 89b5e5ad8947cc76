"""Documents looked at by themselves: what is wrong with them, and what is valid and yet cannot work or hides."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from stagewright.core.attributes import Hidden, hidden
from stagewright.core.lint import Advice, lint
from stagewright.model.desired import DesiredState, DocumentProblem, Spec, Value
from stagewright.model.keys import Key, SpecKey, StageKey
from stagewright.model.policy import Policy
from stagewright.model.source import SourceFile
from stagewright.schema.codeowners import LOCATIONS, decode_codeowners, parse_codeowners
from stagewright.schema.desired import Rejected, parse_tree, role_of
from stagewright.schema.model_document import ModelDocument
from stagewright.schema.policy_document import policy_path


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """How many documents there are, what is wrong with them, and what to look at although they are valid."""

    count: int
    problems: tuple[DocumentProblem, ...]
    advice: tuple[Advice, ...]


def inspect(
    files: Iterable[SourceFile],
    blobs: Mapping[str, bytes],
    *,
    path: str,
    attributes: Mapping[str, str],
    there: AbstractSet[str],
) -> Inspected:
    """Look at the documents of a source at `path`.

    `attributes` are the texts of the `.gitattributes` by path, `there` the paths of all files of the repository.
    """
    known = tuple(files)
    results = parse_tree(known, blobs, path)
    problems = tuple(p for result in results.values() if isinstance(result, Rejected) for p in result.problems)
    values: dict[Key, Value] = {}
    for result in results.values():
        if isinstance(result, ModelDocument):
            values[SpecKey(result.name)] = result.spec
            values |= {StageKey(result.name, stage): value for stage, value in result.stages.items()}
    advice: list[Advice] = []
    location = next((place for place in LOCATIONS if place in results), None)
    owners, skipped = (
        parse_codeowners(decode_codeowners(blobs[location], location))
        if location is not None and not isinstance(results[location], Rejected)
        else ((), ())
    )
    advice += [
        Advice(file=location or "", line=line.line, reason=f"this line counts for nothing: {line.reason}")
        for line in skipped
    ]
    policy = results.get(policy_path(path))
    if isinstance(policy, Policy):
        advice += lint(policy, policy_path(path), values, owners, there, path)
    elif policy is None:
        advice.append(Advice(file=policy_path(path), line=1, reason="there is no policy, and so everything is refused"))
    governed = {file.path for file in known if role_of(file.path, path) is not None}
    advice += map(_shown, hidden(attributes, governed | _cards(values, path)))
    return Inspected(count=len(results), problems=problems, advice=tuple(advice))


def hidden_in(
    state: DesiredState, attributes: Mapping[str, str], governed: AbstractSet[str], path: str
) -> list[Advice]:
    """What `.gitattributes` hide at a commit of what is declared there."""
    return [_shown(one) for one in hidden(attributes, governed | _cards(state.values, path))]


def _cards(values: Mapping[Key, Value], path: str) -> set[str]:
    prefix = f"{path}/" if path else ""
    return {f"{prefix}{spec.card}" for spec in values.values() if isinstance(spec, Spec) and spec.card}


def _shown(one: Hidden) -> Advice:
    return Advice(file=one.file, line=one.line, reason=f"{one.attribute} hides {one.path} from review: {one.effect}")
