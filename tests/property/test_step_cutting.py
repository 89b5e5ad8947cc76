"""How history is cut into syncs, and how often the forge fails, changes nothing: also with steps of several commits."""

from typing import Any, Literal

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from stagewright.ledger import predicates as entry
from tests.bank import MODEL
from tests.hosted_bank import HostedBank

DOCUMENT = f"models/{MODEL}.yaml"
How = Literal["merge", "squash", "rebase"]
# What each commit of a pull request does to the stages: a version, nothing that matters, or the stage taken away.
CHANGES = st.sampled_from([1, 2, 3, "none", None])
PULLS = st.tuples(
    st.lists(CHANGES, min_size=1, max_size=3),
    st.sampled_from(["merge", "squash", "rebase"]),
    st.booleans(),
    st.sampled_from(["no sync", "sync", "a sync that finds a gap", "restart and sync"]),
)


def play(pulls: list[Any], *, cut: bool) -> HostedBank:
    """The story; with `cut`, syncs and failures of the forge in between."""
    bank = HostedBank()
    for _ in range(3):
        bank.train()
    bank.sync()
    for number, (changes, how, approved, between) in enumerate(pulls):
        files = [
            {"README.md": f"{number} {place}\n"} if change is None else {DOCUMENT: bank.text({"Staging": change})}
            for place, change in enumerate(changes)
        ]
        pull = bank.open(*files)
        if approved:
            bank.review("noor", pull)
        made = bank.merge(pull, how)
        if cut and between == "a sync that finds a gap":
            for commit in made:
                bank.forge.gap = commit
                bank.sync()
            bank.forge.gap = ""
        elif cut and between != "no sync":
            if between == "restart and sync":
                bank.restart()
            bank.sync()
    bank.sync()
    return bank


def essence(bank: HostedBank) -> Any:
    """Everything that was decided, each promotion's last verdict, and where the walk stands."""
    last = {v.promotion: (v.verdict, v.position, v.base, v.commit, v.restore) for v in bank.entries(entry.Verdict)}
    state = bank.state()
    return last, state.revision, state.position, state.authorized, sorted(map(str, state.open))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PULLS, min_size=1, max_size=4))
def test_cutting_a_history_with_rebase_merges_into_syncs_changes_nothing(pulls: list[Any]) -> None:
    whole, cut = play(pulls, cut=False), play(pulls, cut=True)
    assert essence(cut) == essence(whole)
