"""How long a write may be under way: whoever holds a lease reckons with that."""

from stagewright.adapters.mlflow.rest import TOKEN_WITHIN_S, WRITE_TIMEOUTS_S
from stagewright.core.turns import LONGEST_WRITE_S


def test_write_to_mlflow_ends_within_what_the_fence_reckons_with():
    assert sum(WRITE_TIMEOUTS_S) + TOKEN_WITHIN_S <= LONGEST_WRITE_S
