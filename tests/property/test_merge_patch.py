"""The smallest patch does what it says: applied as RFC 7386 has it, it makes the old object into the new one."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stagewright.adapters.kubernetes.objects import merge_patch

# the API keeps no null in an object
leaves = st.one_of(
    st.booleans(), st.integers(0, 3), st.sampled_from(["", "a", "b"]), st.lists(st.integers(0, 2), max_size=2)
)
objects = st.recursive(
    st.dictionaries(st.sampled_from("abc"), leaves, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), st.one_of(leaves, inner), max_size=3),
    max_leaves=8,
)


def _applied(target: Any, patch: Any) -> Any:
    """MergePatch of RFC 7386, section 2, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _applied(result.get(name), value)
    return result


@given(old=objects, new=objects)
def test_merge_patch_of_any_two_objects_makes_the_one_into_the_other(old: dict[str, Any], new: dict[str, Any]):
    assert _applied(old, merge_patch(old, new)) == new


@given(value=objects)
def test_merge_patch_of_the_same_object_is_empty(value: dict[str, Any]):
    assert merge_patch(value, value) == {}
