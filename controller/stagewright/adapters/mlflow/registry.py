"""The Registry port over MLflow, whichever door leads to it."""

from collections.abc import Mapping
from types import MappingProxyType

from stagewright.adapters.mlflow import answers
from stagewright.adapters.mlflow.artifacts import ARTIFACT_PLACES, tree_at, tree_digest
from stagewright.adapters.mlflow.gateway import Answer, Fields, Gateway
from stagewright.adapters.mlflow.signature import signature_of
from stagewright.core.evidence import evidence_digest, evidence_text
from stagewright.errors import IncompleteError, InvalidError, UsageError
from stagewright.model.actual import ActualModel, ActualState, ActualVersion, DataSet, VersionFacts
from stagewright.model.codec import Json
from stagewright.model.evidence import Evidence, Metric
from stagewright.model.plan import Action
from stagewright.ports import Clock

# The most that MLflow gives in one page. Pages are cut by offset, so fewer pages also mean fewer chances to miss a
# row that moved while they were read.
MODELS_PER_PAGE = "1000"
VERSIONS_PER_PAGE = "200000"
# Without an order of our own a version whose stage changes during a sweep moves to a page that was already read.
MODEL_ORDER = ["name ASC"]
VERSION_ORDER = ["name ASC", "version_number ASC"]
SWEEPS = 3


class MlflowRegistry:
    """MLflow's model registry. Reads nothing but what its methods say, writes nothing but in `apply`."""

    def __init__(self, gateway: Gateway, clock: Clock, *, places: frozenset[str] = ARTIFACT_PLACES) -> None:
        """`clock` says when a snapshot was begun, `places` from which kinds of place files may be read."""
        self._gateway = gateway
        self._clock = clock
        self._places = places

    def snapshot(self) -> ActualState:
        """See Registry. Two requests up to 1000 models, one more for every further 1000.

        Models and aliases are read first: a version that an alias names was there by then. What is created or deleted
        meanwhile may be missing or still there; ask `model` before anything is concluded from an absence.
        """
        observed_at = self._clock.now()
        models = self._sweep("registered-models/search", "registered_models", MODELS_PER_PAGE, MODEL_ORDER)
        rows = self._sweep("model-versions/search", "model_versions", VERSIONS_PER_PAGE, VERSION_ORDER)
        versions: dict[str, dict[int, ActualVersion]] = {}
        for name, version in map(answers.version_of, rows):
            versions.setdefault(name, {})[version.version] = version
        return ActualState(
            observed_at=observed_at,
            models={
                name: ActualModel(name=name, aliases=aliases, versions=versions.get(name, {}))
                for name, aliases in map(answers.aliases_of, models)
            },
        )

    def model(self, name: str) -> ActualModel | None:
        """See Registry. Two requests."""
        found = self._gateway.get("registered-models/get", {"name": name})
        if found is None:
            return None
        own_name, aliases = answers.aliases_of(answers.one(found, "registered_model"))
        # Some databases compare names without case; `Churn` is no answer to a question about `churn`.
        if own_name != name:
            return None
        # A name with a quote cannot be asked for in MLflow's filter language: then all versions are read.
        filters = {} if set(name) & set("'\"\\") else {"filter": f"name = '{name}'"}
        rows = self._sweep("model-versions/search", "model_versions", VERSIONS_PER_PAGE, VERSION_ORDER, filters)
        versions = {version.version: version for owner, version in map(answers.version_of, rows) if owner == name}
        return ActualModel(name=name, aliases=aliases, versions=versions)

    def version_facts(self, name: str, version: int) -> VersionFacts | None:
        """See Registry. Three or four requests, and for files behind the proxy one per folder and one per file."""
        which: Fields = {"name": name, "version": str(version)}
        found = self._gateway.get("model-versions/get", which)
        location = None if found is None else self._gateway.get("model-versions/get-download-uri", which)
        if found is None or location is None:
            return None
        owner, row = answers.version_of(answers.one(found, "model_version"))
        if (owner, row.version) != (name, version):
            return None
        digest, signature, flaw = self._artifacts(answers.text(location, "artifact_uri"))
        evidence, data_sets, evidence_flaw = self._evidence(row, signature)
        document = None
        if evidence_flaw is None:
            try:
                document = evidence_text(evidence)
            except InvalidError as error:
                evidence_flaw = str(error)
        return VersionFacts(
            name=name,
            version=version,
            status=row.status,
            run_id=row.run_id,
            model_id=row.model_id,
            source=row.source,
            digest=digest,
            evidence=None if document is None else evidence_digest(document),
            evidence_document=document,
            data_sets=data_sets,
            metrics=_values(evidence.metrics),
            source_commit=evidence.source_commit,
            trainer=evidence.trainer,
            flaw="; ".join(part for part in (flaw, evidence_flaw) if part is not None) or None,
        )

    def apply(self, action: Action) -> None:
        """See Registry. One request."""
        match action.kind:
            case "alias":
                fields: Fields = {"name": action.model, "alias": action.target}
                if action.after is None:
                    self._gateway.send("DELETE", "registered-models/alias", fields)
                else:
                    self._gateway.send("POST", "registered-models/alias", {**fields, "version": action.after})
            case "stage":
                if action.after is None:
                    raise UsageError(
                        f"version {action.target} of {action.model!r} needs a stage, if it is None by name"
                    )
                # MLflow's own archiving of the others loses updates when two people move stages at once, and would
                # be a change that no action names.
                stage: Fields = {"stage": action.after, "archive_existing_versions": False}
                which: Fields = {"name": action.model, "version": action.target}
                self._gateway.send("POST", "model-versions/transition-stage", {**which, **stage})
            case "tag":
                number, _, key = action.target.partition("/")
                tag: Fields = {"name": action.model, "version": number, "key": key}
                if action.after is None:
                    self._gateway.send("DELETE", "model-versions/delete-tag", tag)
                else:
                    self._gateway.send("POST", "model-versions/set-tag", {**tag, "value": action.after})

    def _artifacts(self, uri: str) -> tuple[str | None, Json, str | None]:
        try:
            digest, model_file = tree_digest(tree_at(uri, self._gateway, self._places))
        except InvalidError as error:
            return None, None, f"no artifact digest: {error}"
        return digest, signature_of(model_file), None

    def _evidence(self, row: ActualVersion, signature: Json) -> tuple[Evidence, tuple[DataSet, ...], str | None]:
        logged = None
        if row.model_id is not None:
            found = self._gateway.get(f"logged-models/{row.model_id}", {})
            if found is None:
                return Evidence(), (), f"no evidence: logged model {row.model_id!r} is not there"
            logged = answers.logged_model_facts(answers.one(found, "model"))
        if row.run_id is None:
            return Evidence(logged_model=logged, signature=signature), (), None
        found = self._gateway.get("runs/get", {"run_id": row.run_id})
        if found is None:
            return Evidence(), (), f"no evidence: run {row.run_id!r} is not there"
        run = answers.one(found, "run")
        data = answers.one(run, "data")
        tags = dict(answers.pairs(data, "tags"))
        who = answers.run_of(run)
        data_sets = answers.data_sets_of(run)
        evidence = Evidence(
            run=who,
            trainer=tags.get(answers.USER_TAG) or who.user,
            source_commit=tags.get(answers.COMMIT_TAG) or None,
            params=answers.pairs(data, "params"),
            metrics=answers.metrics_of(data),
            data_sets=tuple(one for one, _ in data_sets),
            logged_model=logged,
            signature=signature,
        )
        return evidence, tuple(one for _, one in data_sets), None

    def _sweep(
        self, path: str, rows: str, per_page: str, order: list[str], filters: Mapping[str, str] | None = None
    ) -> list[Answer]:
        """Every row; read anew where one came twice: something moved between pages then, and a row may be missing."""
        for _ in range(SWEEPS):
            found = self._pages(path, rows, {"max_results": per_page, "order_by": order, **(filters or {})})
            if len({(answers.text(row, "name"), answers.optional_text(row, "version")) for row in found}) == len(found):
                return found
        raise IncompleteError(f"{self._gateway.place} changed during {SWEEPS} readings of {path}", hint="try again")

    def _pages(self, path: str, rows: str, fields: Fields) -> list[Answer]:
        found: list[Answer] = []
        tokens: set[str] = set()
        token: str | None = ""
        while token is not None:
            if token in tokens:
                raise IncompleteError(f"{self._gateway.place} pages {path} in a circle")
            tokens.add(token)
            answer = self._gateway.get(path, fields if token == "" else {**fields, "page_token": token})
            if answer is None:
                raise IncompleteError(f"{self._gateway.place} lost its place in {path}", hint="try again")
            found += answers.objects(answer, rows)
            token = answers.optional_text(answer, "next_page_token")
        return found


def _values(metrics: tuple[Metric, ...]) -> Mapping[str, float]:
    return MappingProxyType({metric.name: metric.value for metric in metrics})
