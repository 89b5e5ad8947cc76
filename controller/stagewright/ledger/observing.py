"""What a controller in a cluster says of what it saw: the workloads, and the times in which it was watching."""

from stagewright.ledger.records import Commit, Count, Predicate, Record, Text, Time


class Workload(Record):
    """Something that runs in a cluster."""

    kind: Text
    namespace: str
    name: Text
    uid: Text


class Deployment(Predicate):
    """A workload was seen running a version, since `from` and, once it stopped, until `to`.

    `version` is what it says it loaded; the subject is what its stage was authorized to show when this was written.
    `rolled_for` is the intent that it was restarted for last.
    """

    KIND = "deployment"
    workload: Workload
    images: tuple[Text, ...]
    model: Text
    stage: Text
    version: str | None
    rolled_for: Count | None
    from_: Time
    to: Time | None


class Gap(Record):
    """A time in which nobody watched."""

    from_: Time
    to: Time


class Coverage(Predicate):
    """The controller was watching; `gap` is the blind period before this entry, if there was one."""

    KIND = "coverage"
    revision: Commit | None
    registry_read_at: Time | None
    interval_seconds: Count
    gap: Gap | None
