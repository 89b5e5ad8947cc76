"""When what an object refers to is fetched, and who is woken when it changes."""

from dataclasses import replace
from typing import Any

import pytest

from stagewright.errors import ReferenceNotFoundError
from stagewright.kube.references import ReferenceDesk
from stagewright.model.custom_resource import CustomResource
from tests.unit.kube.attempts import resource

KEYS = "stagewright-ledger-keys"


class Materialiser:
    """Counts, and answers with what it is told to."""

    def __init__(self) -> None:
        self.fetched = 0
        self.removed: list[tuple[str, str]] = []
        self.missing = False

    def materialise(self, resource: CustomResource) -> str:
        self.fetched += 1
        if self.missing:
            raise ReferenceNotFoundError(f"{resource.name}: gone")
        return f"print {self.fetched}"

    def remove(self, namespace: str, uid: str) -> None:
        self.removed.append((namespace, uid))


class Desk:
    """A desk with its surroundings."""

    def __init__(self) -> None:
        self.live = True
        self.woken: list[str] = []
        self.materialiser = Materialiser()
        self.desk = ReferenceDesk(self.materialiser, live=lambda _: self.live, wake=self.woken.append)
        self.resource = resource()
        self.key = f"{self.resource.namespace}/{self.resource.name}"

    def seen(self, version: str, *, change: Any = "MODIFIED", name: str = KEYS, namespace: str | None = None) -> None:
        place = namespace or self.resource.namespace
        metadata = {"namespace": place, "name": name, "resourceVersion": version}
        self.desk.changed("Secret", change, {"metadata": metadata})


def test_desk_where_changes_are_seen_fetches_once_until_one_is():
    at = Desk()
    assert at.desk.materialise(at.resource) == "print 1"
    assert at.desk.materialise(at.resource) == "print 1"

    at.seen("2")

    assert at.woken == [at.key]
    assert at.desk.materialise(at.resource) == "print 2"


def test_desk_where_changes_are_not_seen_fetches_each_time():
    at = Desk()
    at.live = False

    assert [at.desk.materialise(at.resource) for _ in range(3)] == ["print 1", "print 2", "print 3"]


def test_desk_of_a_list_that_shows_the_same_versions_wakes_nobody():
    at = Desk()
    at.seen("1", change="ADDED")
    at.desk.materialise(at.resource)

    at.seen("1")

    assert at.woken == []
    assert at.materialiser.fetched == 1


@pytest.mark.parametrize("strange", [{"name": "other"}, {"namespace": "other"}], ids=["name", "namespace"])
def test_desk_of_what_nobody_names_wakes_nobody(strange: dict[str, str]):
    at = Desk()
    at.desk.materialise(at.resource)

    at.seen("2", **strange)

    assert at.woken == []


def test_desk_of_something_missing_wakes_whoever_names_it_when_it_comes():
    at = Desk()
    at.materialiser.missing = True
    with pytest.raises(ReferenceNotFoundError):
        at.desk.materialise(at.resource)

    at.materialiser.missing = False
    at.seen("1", change="ADDED")

    assert at.woken == [at.key]
    assert at.desk.materialise(at.resource) == "print 2"


def test_desk_that_sees_a_change_while_it_fetches_fetches_again():
    at = Desk()

    class Changing(Materialiser):
        def materialise(self, resource: CustomResource) -> str:
            at.seen(str(self.fetched), change="MODIFIED")
            return super().materialise(resource)

    at.desk = ReferenceDesk(Changing(), live=lambda _: True, wake=at.woken.append)

    assert at.desk.materialise(at.resource) == "print 1"
    assert at.desk.materialise(at.resource) == "print 2"
    assert at.woken


def test_desk_of_an_object_made_anew_removes_the_files_of_the_one_before():
    at = Desk()
    at.desk.materialise(at.resource)

    at.desk.materialise(replace(at.resource, uid="another"))

    assert at.materialiser.removed == [(at.resource.namespace, at.resource.uid)]


def test_desk_forgets_an_object_with_its_files():
    at = Desk()
    at.desk.materialise(at.resource)

    assert at.desk.forget_object(at.resource.namespace, at.resource.name) == {at.resource.uid}
    assert at.desk.forget_object(at.resource.namespace, at.resource.name) == set()
    assert at.materialiser.removed == [(at.resource.namespace, at.resource.uid)]
    assert at.desk.resource(at.key) is None


def test_desk_removes_the_files_of_an_object_that_it_does_not_remember():
    at = Desk()

    assert at.desk.forget_object("ml", "bank", "from before") == set()
    assert at.materialiser.removed == [("ml", "from before")]
