"""The pages of open pull requests, as values: what each would come to, were it merged into the branch as it is now."""

import json
import re
from dataclasses import replace
from datetime import timedelta

from stagewright.app.facts import FactReader
from stagewright.app.rehearsal import Predicted, predict
from stagewright.app.view import View
from stagewright.core.asking import Wanted, wanted
from stagewright.core.change import changed_keys
from stagewright.core.fold import settle
from stagewright.core.judge import authorized_governance
from stagewright.core.markdown import address
from stagewright.core.plan import plan
from stagewright.core.requirements import registered_name
from stagewright.core.review_page import Proposed, ReviewPage, VersionCard, strictest_first
from stagewright.core.rules import review_target
from stagewright.errors import InvalidError
from stagewright.model.actual import ActualState, VersionFacts
from stagewright.model.conversation import OpenPull
from stagewright.model.desired import DesiredState, DocumentProblem, StageEntry, Value
from stagewright.model.keys import Key, StageKey
from stagewright.model.plan import PairPlan
from stagewright.model.policy import Policy
from stagewright.model.review import PullRequest
from stagewright.model.source import PullFacts
from stagewright.model.verdict import Verdict

_WEB_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/%-]+")
NOBODY_WANTED = Wanted(people=(), teams=())


class PageReader:
    """Works out the pages of one round. The registry is read once, and not at all where nobody proposes anything."""

    def __init__(self, view: View, head: str, facts: FactReader) -> None:
        """`head` is the branch's, as the mirror has it. `seen` are the pull requests whose pages were worked out."""
        self.seen: list[PullRequest] = []
        self._view = view
        self._head = head
        self._facts = facts
        self._now = view.sight.clock.now()
        self._actual: ActualState | None = None
        self._policy = view.desired.governance(authorized_governance(view.state)).policy

    def page(self, pull: OpenPull) -> tuple[ReviewPage, Wanted] | None:
        """What is to be said on a pull request, and whom to ask; None where it touches nothing that is governed."""
        view, facts = self._view, replace(pull.facts, first_parent=self._head)
        bases = view.sight.source.merge_bases(facts.merged_head, self._head)
        if len(bases) != 1:
            flaw = f"it has {len(bases)} merge bases with {view.sight.config.branch}: rebase it onto the branch"
            return self._page(pull, flaw=flaw), NOBODY_WANTED
        before, after = view.desired.at(bases[0]), view.desired.at(facts.merged_head)
        problems = _fresh(before, after)
        if not problems and not changed_keys(before, after):
            return None
        predicted = self._predicted(facts)
        if predicted is not None and predicted.pull is not None:
            self.seen.append(predicted.pull)
        if predicted is None or self._policy is None:
            return self._page(pull, problems=problems), NOBODY_WANTED
        pairs = self._planned(predicted, self._policy)
        promotions = tuple(
            replace(self._proposed(verdict, pairs), target=self._target(verdict, predicted, self._policy))
            for verdict in predicted.verdicts
        )
        asked = wanted(predicted.verdicts, self._policy, view.state.authorized, predicted.after.declared.values)
        return self._page(pull, problems=problems, promotions=promotions), NOBODY_WANTED if pull.draft else asked

    def _predicted(self, facts: PullFacts) -> Predicted | None:
        try:
            return predict(self._view, facts, self._facts)
        except InvalidError:
            # the branch declares by now what it proposed, or it holds nothing but documents that are not valid
            return None

    def _page(
        self,
        pull: OpenPull,
        *,
        promotions: tuple[Proposed, ...] = (),
        problems: tuple[DocumentProblem, ...] = (),
        flaw: str = "",
    ) -> ReviewPage:
        behind = "" if self._view.state.revision == self._head else "the branch holds commits that are not judged yet"
        return ReviewPage(
            promotions=strictest_first(promotions, self._policy) if self._policy else promotions,
            problems=problems,
            head=pull.facts.merged_head,
            base=self._head,
            branch=self._view.sight.config.branch,
            opened=pull.opened,
            now=self._now,
            behind=behind,
            flaw=flaw,
        )

    def _proposed(self, verdict: Verdict, pairs: dict[StageKey, PairPlan]) -> Proposed:
        key = verdict.promotion.key
        incumbent = self._view.state.authorized.get(key)
        return Proposed(
            verdict=verdict,
            incumbent=incumbent,
            declared=verdict.promotion.before,
            unresolved="" if verdict.restore else self._unresolved(key, verdict.promotion.before),
            card=self._card(key, verdict.promotion.after),
            incumbent_card=self._card(key, incumbent),
            pair=pairs.get(key) if isinstance(key, StageKey) else None,
        )

    def _target(self, verdict: Verdict, predicted: Predicted, policy: Policy) -> timedelta | None:
        declared = predicted.after.declared.values
        return review_target(verdict.promotion, policy, self._view.state.authorized, declared)

    def _unresolved(self, key: Key, declared: Value | None) -> str:
        """Why what the branch holds for a key is not settled: it waits, or was refused and is there still."""
        memory = self._view.memory
        if key in memory.open:
            return f"the branch holds one that waits: {memory.verdicts[memory.open[key].id][1].reason}"
        last = memory.last_verdict.get(key)
        if last is None or declared == self._view.state.authorized.get(key):
            return ""
        verdict = memory.verdicts[last][1]
        return f"the branch holds one that was refused: {verdict.reason}" if verdict.verdict == "refused" else ""

    def _planned(self, predicted: Predicted, policy: Policy) -> dict[StageKey, PairPlan]:
        """What a sync would do once everything that is not refused were approved."""
        state = predicted.after
        for verdict in predicted.verdicts:
            if verdict.answer == "pending":
                state = settle(state, replace(verdict, answer="approved"))
        if self._actual is None:
            self._actual = self._view.sight.registry.snapshot()
        return {pair.key: pair for pair in plan(state, policy, self._actual).pairs}

    def _card(self, key: Key, value: Value | None) -> VersionCard | None:
        if not isinstance(key, StageKey) or not isinstance(value, StageEntry):
            return None
        name = registered_name(self._view.state.authorized, key.model)
        return version_card(
            self._view.sight.config.registry_uri, name, value.version, self._facts.version(name, value.version)
        )


def version_card(registry: str, name: str, number: int, facts: VersionFacts | None) -> VersionCard:
    """A version with the addresses of its pages in MLflow, where the registry is on the web."""
    web = f"{registry.rstrip('/')}/#" if _WEB_ADDRESS.fullmatch(registry) else None
    experiment = _experiment(facts)
    return VersionCard(
        number=number,
        url=address(web, "models", name, "versions", str(number)) if web and facts else None,
        run_url=address(web, "experiments", experiment, "runs", facts.run_id)
        if web and facts and facts.run_id and experiment
        else None,
        metrics=facts.metrics if facts else {},
    )


def _experiment(facts: VersionFacts | None) -> str | None:
    document = json.loads(facts.evidence_document) if facts and facts.evidence_document else {}
    run = document.get("run")
    return str(run["experimentId"]) if run else None


def _fresh(before: DesiredState, after: DesiredState) -> tuple[DocumentProblem, ...]:
    """The problems of documents that were not there before."""
    known = {(p.file, p.reason) for p in before.problems}
    return tuple(p for p in after.problems if (p.file, p.reason) not in known)
