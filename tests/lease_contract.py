"""What every `LeaseApi` does: inherit `LeaseContract` in a test module and give it an `api`, with no Lease there."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stagewright.adapters.kubernetes.lease import Claim, LeaseApi
from stagewright.errors import ConflictError, NotFoundError

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
MINE = Claim(holder="pod-0", duration_s=14.5, transitions=3, acquired=True, at=AT)
YOURS = replace(MINE, holder="pod-1", transitions=4, at=AT.replace(hour=10))


class LeaseContract:
    """The tests; `api` is a fixture of the class that inherits them."""

    @pytest.fixture
    def api(self) -> LeaseApi:
        raise NotImplementedError

    def delete(self) -> None:
        """Delete the Lease, as an administrator."""
        raise NotImplementedError

    def test_read_of_none_says_so(self, api: LeaseApi):
        assert api.read() is None

    def test_create_reads_back_with_whole_seconds(self, api: LeaseApi):
        made = api.create(MINE)
        assert (made.holder, made.duration_s, made.transitions) == ("pod-0", 15, 3)
        assert api.read() == made
        assert made.raw["spec"]["acquireTime"] == made.raw["spec"]["renewTime"] == "2026-11-24T09:00:00.000000Z"

    def test_create_of_a_second_one_is_a_conflict(self, api: LeaseApi):
        made = api.create(MINE)
        with pytest.raises(ConflictError):
            api.create(YOURS)
        assert api.read() == made

    def test_replace_changes_what_was_seen_and_nothing_else(self, api: LeaseApi):
        made = api.create(MINE)
        taken = api.replace(made, YOURS)
        assert (taken.holder, taken.transitions) == ("pod-1", 4)
        assert taken.version != made.version
        with pytest.raises(ConflictError):
            api.replace(made, MINE)
        assert api.read() == taken

    def test_renewal_keeps_when_it_was_acquired_and_always_changes_the_version(self, api: LeaseApi):
        made = api.create(MINE)
        renewed = api.replace(made, replace(MINE, acquired=False))
        assert renewed.version != made.version
        assert renewed.raw["spec"]["acquireTime"] == "2026-11-24T09:00:00.000000Z"
        assert renewed.raw["spec"]["renewTime"] == "2026-11-24T09:00:00.000001Z"

    def test_lease_that_is_given_back_has_no_holder(self, api: LeaseApi):
        given = api.replace(api.create(MINE), replace(MINE, holder="", duration_s=1, acquired=False))
        assert (given.holder, given.duration_s, given.transitions) == ("", 1, 3)

    def test_replace_of_one_that_is_gone_writes_nothing(self, api: LeaseApi):
        made = api.create(MINE)
        self.delete()
        with pytest.raises((ConflictError, NotFoundError)):
            api.replace(made, YOURS)
        assert api.read() is None

    def test_change_is_seen_and_no_change_is_not(self, api: LeaseApi):
        made = api.create(MINE)
        assert not api.changed(made, 1.0)
        taken = api.replace(made, YOURS)
        assert api.changed(made, 5.0)
        self.delete()
        assert api.changed(taken, 5.0)
