"""Proofs against an independent reading of RFC 6962: roots by the recursive definition, trees of every small size."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagewright.ledger import merkle

LEAVES = [hashlib.sha256(b"\x00" + str(number).encode()).digest() for number in range(1100)]


def _naive_root(leaves: list[bytes]) -> bytes:
    """Bottom up, a lone last node carried: not the recursion that the code uses, but the same tree."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    row = leaves
    while len(row) > 1:
        pairs = [hashlib.sha256(b"\x01" + row[at] + row[at + 1]).digest() for at in range(0, len(row) - 1, 2)]
        row = pairs + row[len(row) - 1 :] if len(row) % 2 else pairs
    return row[0]


@pytest.mark.parametrize("size", range(1, 71))
def test_every_proof_of_every_small_tree_holds_and_none_fits_another(size: int):
    leaves = LEAVES[:size]
    node = merkle.nodes_over(leaves)
    root = _naive_root(leaves)
    assert merkle.root(size, node) == root
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, node)
        assert merkle.check_inclusion(leaves[index], index, size, proof, root)
        assert not merkle.check_inclusion(leaves[index], (index + 1) % size, size, proof, root) or size == 1
        assert not merkle.check_inclusion(leaves[index], index, size, (*proof, root), root)
        assert not proof or not merkle.check_inclusion(leaves[index], index, size, proof[:-1], root)
    for old in range(1, size + 1):
        old_root = _naive_root(leaves[:old])
        proof = merkle.consistency_proof(old, size, node)
        assert merkle.check_consistency(old, size, proof, old_root, root)
        assert not merkle.check_consistency(old, size, proof, root, old_root) or old == size
        assert not merkle.check_consistency(old, size, (*proof, root), old_root, root)


@given(st.integers(1, 1100).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size))), st.data())
def test_inclusion_proof_with_one_bit_flipped_is_refused(place: tuple[int, int], data: st.DataObject):
    index, size = place
    node = merkle.nodes_over(LEAVES)
    root = _naive_root(LEAVES[:size])
    proof = list(merkle.inclusion_proof(index, size, node))
    assert merkle.check_inclusion(LEAVES[index], index, size, proof, root)
    if proof:
        at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
        proof[at] = (int.from_bytes(proof[at]) ^ (1 << bit)).to_bytes(32)
        assert not merkle.check_inclusion(LEAVES[index], index, size, proof, root)


@given(st.integers(1, 1100).flatmap(lambda new: st.tuples(st.integers(1, new), st.just(new))), st.data())
def test_consistency_proof_with_one_bit_flipped_is_refused(sizes: tuple[int, int], data: st.DataObject):
    old, new = sizes
    old_root, new_root = _naive_root(LEAVES[:old]), _naive_root(LEAVES[:new])
    proof = list(merkle.consistency_proof(old, new, merkle.nodes_over(LEAVES)))
    assert merkle.check_consistency(old, new, proof, old_root, new_root)
    if proof:
        at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
        proof[at] = (int.from_bytes(proof[at]) ^ (1 << bit)).to_bytes(32)
        assert not merkle.check_consistency(old, new, proof, old_root, new_root)


@given(st.integers(1, 300), st.integers(1, 300), st.lists(st.binary(min_size=32, max_size=32), max_size=12))
def test_consistency_check_of_rubbish_is_an_answer_and_never_an_error(old: int, new: int, proof: list[bytes]):
    assert merkle.check_consistency(old, new, proof, LEAVES[0], LEAVES[1]) is False
