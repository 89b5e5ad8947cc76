"""Walks over the commit graph against plain set arithmetic, on any graph."""

from hypothesis import given
from hypothesis import strategies as st

from stagewright.adapters.git.graph import CommitGraph
from stagewright.errors import StalledError

Parents = dict[str, tuple[str, ...]]


@st.composite
def graphs(draw: st.DrawFn) -> Parents:
    """Up to 14 commits; names are shuffled, so that their order tells nothing of their age."""
    count = draw(st.integers(1, 14))
    names = draw(st.permutations([f"{number:02}" for number in range(count)]))
    graph: Parents = {}
    for number, name in enumerate(names):
        older = names[:number]
        graph[name] = tuple(draw(st.lists(st.sampled_from(older), max_size=3, unique=True))) if older else ()
    return graph


def ancestors(graph: Parents, commit: str) -> set[str]:
    found = {commit}
    for parent in graph[commit]:
        found |= ancestors(graph, parent)
    return found


@given(graphs(), st.data())
def test_merge_bases_are_the_common_ancestors_below_no_other(graph: Parents, data: st.DataObject):
    one, other = data.draw(st.sampled_from(sorted(graph))), data.draw(st.sampled_from(sorted(graph)))
    common = ancestors(graph, one) & ancestors(graph, other)
    best = {commit for commit in common if not any(commit in ancestors(graph, tip) - {tip} for tip in common)}

    assert CommitGraph(graph.__getitem__).merge_bases(one, other) == tuple(sorted(best))


@given(graphs(), st.data())
def test_difference_is_what_only_the_one_reaches_parents_first(graph: Parents, data: st.DataObject):
    one, other = data.draw(st.sampled_from(sorted(graph))), data.draw(st.sampled_from(sorted(graph)))

    found = CommitGraph(graph.__getitem__).difference(one, other)

    assert set(found) == ancestors(graph, one) - ancestors(graph, other)
    assert len(set(found)) == len(found)
    place = {commit: number for number, commit in enumerate(found)}
    assert [
        (commit, parent) for commit in found for parent in graph[commit] if place.get(parent, -1) > place[commit]
    ] == []


@given(graphs(), st.data())
def test_first_parents_are_the_chain_or_stall(graph: Parents, data: st.DataObject):
    after, head = data.draw(st.sampled_from(sorted(graph))), data.draw(st.sampled_from(sorted(graph)))
    chain = [head]
    while graph[chain[-1]]:
        chain.append(graph[chain[-1]][0])
    expected = tuple(reversed(chain[: chain.index(after)])) if after in chain else None

    try:
        found: tuple[str, ...] | None = CommitGraph(graph.__getitem__).first_parents(after, head)
    except StalledError:
        found = None

    assert found == expected


@given(graphs(), st.data())
def test_answers_do_not_depend_on_what_was_asked_before(graph: Parents, data: st.DataObject):
    pairs = data.draw(st.lists(st.tuples(*[st.sampled_from(sorted(graph))] * 2), min_size=1, max_size=6))
    one_graph = CommitGraph(graph.__getitem__)

    assert [one_graph.merge_bases(*pair) for pair in pairs] == [
        CommitGraph(graph.__getitem__).merge_bases(*pair) for pair in pairs
    ]
