"""The news of the ledger as log lines, each with what it is about."""

import logging
from typing import TYPE_CHECKING

from stagewright.app.memory import Memory, News
from stagewright.kube.observer import ObjectRef, Reconciled
from stagewright.kube.picture import first_since, stage_of
from stagewright.ledger import predicates as entry
from stagewright.model.keys import GovernanceKey, parse_key

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)
_LOUD = {"failed": logging.WARNING, "stalled": logging.ERROR}


class LogObserver:
    """An `Observer` that logs each news once, and each change of how the reconciles end."""

    def __init__(self) -> None:
        self._told: dict[ObjectRef, int] = {}
        self._ended: dict[ObjectRef, str] = {}

    def reconciled(self, done: Reconciled) -> None:
        """See `Observer`."""
        about = {"namespace": done.ref.namespace, "sync": done.ref.name}
        if done.memory is not None and done.report is not None and done.result != "rehearsed":
            start = self._told.get(done.ref, first_since(done.memory, done.at, done.report.ledger_size))
            self._told[done.ref] = done.report.ledger_size
            for index, news in done.memory.news:
                if index >= start:
                    _tell(news, done.memory, about | {"revision": done.report.revision})
        self._end(done, about)

    def forgotten(self, ref: ObjectRef) -> None:
        """See `Observer`."""
        self._told.pop(ref, None)
        self._ended.pop(ref, None)
        _log.info("the object is gone", extra={"namespace": ref.namespace, "sync": ref.name})

    def leading(self, *, leader: bool, transitions: int) -> None:
        """See `Observer`."""
        _log.info("%s, epoch %d", "this process leads" if leader else "this process stands by", transitions)

    def queued(self, depth: int) -> None:
        """See `Observer`: nothing is logged."""

    def working(self, busy: int, workers: int) -> None:
        """See `Observer`: nothing is logged."""

    def _end(self, done: Reconciled, about: "Mapping[str, str]") -> None:
        why = str(done.error) if done.error is not None else ""
        if not why and done.report is not None:
            why = done.report.stalled or done.report.waiting
        line = f"{done.result}: {why}" if why else done.result
        again = self._ended.get(done.ref) == line
        self._ended[done.ref] = line
        revision = {"revision": done.report.revision} if done.report is not None else {}
        level = logging.DEBUG if again else _LOUD.get(done.result, logging.INFO)
        _log.log(level, "%s, in %.2f s", line, done.duration_s, extra={**about, **revision})


def _tell(news: News, memory: Memory, about: "Mapping[str, str]") -> None:
    match news:
        case entry.Verdict():
            extra = {**about, **_of(news.key), "promotion": news.promotion, "revision": news.commit}
            _log.info("%s: %s", news.verdict, news.reason, extra=extra)
        case entry.Outcome():
            tried = memory.intents[news.intent]
            extra = {**about, **_of(tried.key)}
            if tried.cause.kind == "promotion":
                extra["promotion"] = tried.cause.id
            level = logging.INFO if news.result == "applied" else logging.WARNING
            _log.log(level, "%s: %s", news.result, news.error or f"because of {tried.cause.kind}", extra=extra)
        case entry.Drift():
            extra = {**about, "model": news.model, "stage": news.stage}
            _log.warning("drift, %s: expected %s, found %s", news.decision, news.expected, news.found, extra=extra)
        case entry.Alarm():
            _log.error("alarm, %s: %s", news.type, news.message, extra={**about})


def _of(text: str) -> dict[str, str]:
    key = parse_key(text)
    stage = {"stage": stage_of(key)}
    return stage if isinstance(key, GovernanceKey) else {"model": key.model, **stage}
