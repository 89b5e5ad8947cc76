"""The scenes of the demo on Gitea, in the order in which they are played."""

from collections.abc import Callable

from stagewright.demo.gitea_bank import GiteaBank
from stagewright.demo.scenes import beginning as any_beginning
from stagewright.demo.scenes import proving
from stagewright.demo.scenes import refusing as any_refusing
from stagewright.demo.scenes.gitea import beginning, promoting, refusing, waiting
from stagewright.demo.scenes.gitea.farewell import farewell

__all__ = ["ALL", "farewell"]

ALL: tuple[Callable[[GiteaBank], None], ...] = (
    any_beginning.look_at_what_was_trained,
    beginning.found_the_repository,
    any_beginning.sync_for_the_first_time,
    beginning.start_the_controller,
    any_beginning.turn_enforcement_on,
    promoting.promote_to_staging,
    promoting.promote_to_production,
    refusing.approve_ones_own_change,
    waiting.push_straight_to_main,
    waiting.weaken_the_policy,
    waiting.correct_drift,
    waiting.edit_a_metric,
    proving.trace_what_runs,
    proving.verify_the_ledger,
    waiting.judge_what_was_pushed,
    any_refusing.lower_the_tier,
)
