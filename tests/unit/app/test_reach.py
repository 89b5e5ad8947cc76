"""What is heard of the systems while a sync asks them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from stagewright.app.reach import Reached, Watch, WatchedForge, WatchedRegistry, WatchedSource
from stagewright.errors import (
    ForbiddenError,
    ForeignAnswerError,
    IncompleteError,
    NotFoundError,
    StagewrightError,
    UnreachableError,
)
from stagewright.model.actual import ActualState

STATE = ActualState(observed_at=datetime(2026, 11, 24, 9, tzinfo=UTC), models={})


class System:
    """Answers every question with the next of its answers."""

    def __init__(self, *answers: object) -> None:
        self._answers = list(answers)

    def __getattr__(self, name: str) -> Any:
        def answer(*_: object, **__: object) -> object:
            found = self._answers.pop(0)
            if isinstance(found, StagewrightError):
                raise found
            return found

        return answer


ERRORS = {
    "silence": (UnreachableError("it does not answer", hint="is it running?"), "not"),
    "half an answer": (IncompleteError("the list is cut", hint=""), "not"),
    "a login page": (ForeignAnswerError("a redirect", hint="see the URI"), "foreign"),
    "a refusal": (ForbiddenError("403"), "forbidden"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_watch_hears_how_a_registry_fails(name: str):
    error, answered = ERRORS[name]
    watch = Watch()

    with pytest.raises(type(error)):
        WatchedRegistry(System(error), watch).snapshot()

    told = f"{error} ({error.hint})" if error.hint else str(error)
    assert watch.reached == (Reached(system="registry", answered=answered, message=told),)  # type: ignore[arg-type] # of the table
    assert error.system == "registry"


def test_watch_hears_each_system_apart_and_none_that_nobody_asked():
    watch = Watch()
    source, forge = WatchedSource(System("4b" * 20), watch), WatchedForge(System(()), watch)

    assert watch.reached == ()
    assert (source.fetch(), forge.observations()) == ("4b" * 20, ())
    assert watch.reached == (
        Reached(system="repository", answered="well"),
        Reached(system="forge", answered="well"),
    )


def test_watch_keeps_the_first_failure_whatever_is_answered_afterwards():
    watch = Watch()
    registry = WatchedRegistry(System(STATE, UnreachableError("one"), ForbiddenError("two"), STATE), watch)
    registry.snapshot()
    with pytest.raises(UnreachableError):
        registry.snapshot()
    with pytest.raises(ForbiddenError):
        registry.snapshot()

    assert registry.snapshot() == STATE
    assert watch.reached == (Reached(system="registry", answered="not", message="one"),)


def test_watch_of_an_error_that_is_an_answer_counts_as_one():
    watch = Watch()
    error = NotFoundError("there is no branch main")

    with pytest.raises(NotFoundError):
        WatchedSource(System(error), watch).fetch()

    assert watch.reached == ()
    assert error.system == "repository"


def test_watch_hears_nothing_of_what_the_mirror_or_the_files_of_a_version_say():
    watch = Watch()
    source = WatchedSource(System(UnreachableError("the mirror"), ()), watch)
    registry = WatchedRegistry(System(UnreachableError("a bucket")), watch)
    with pytest.raises(UnreachableError):
        source.blob("b1" * 20)
    with pytest.raises(UnreachableError):
        registry.version_facts("credit-risk", 7)

    assert source.first_parents("a", "b") == ()
    assert watch.reached == ()


def test_watch_leaves_an_error_to_the_system_that_it_names():
    error, watch = UnreachableError("the login server does not answer"), Watch()
    error.system = "forge"

    with pytest.raises(UnreachableError):
        WatchedRegistry(System(error), watch).snapshot()

    assert watch.reached == (Reached(system="forge", answered="not", message="the login server does not answer"),)
