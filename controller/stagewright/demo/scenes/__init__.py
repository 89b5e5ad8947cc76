"""The scenes of the demo, in the order in which they are played."""

from collections.abc import Callable

from stagewright.demo.bank import Bank
from stagewright.demo.scenes import beginning, promoting, proving, refusing, watching
from stagewright.demo.scenes.farewell import farewell

__all__ = ["ALL", "farewell"]

ALL: tuple[Callable[[Bank], None], ...] = (
    beginning.look_at_what_was_trained,
    beginning.found_the_repository,
    beginning.sync_for_the_first_time,
    beginning.turn_enforcement_on,
    promoting.promote_to_staging,
    promoting.promote_to_production,
    refusing.approve_ones_own_change,
    refusing.push_straight_to_main,
    refusing.weaken_the_policy,
    refusing.lower_the_tier,
    watching.correct_drift,
    watching.refuse_an_edited_metric,
    proving.trace_what_runs,
    proving.verify_the_ledger,
)
