"""The Merkle tree of RFC 6962 section 2.1 (and RFC 9162 section 2.1.3 to 2.1.5 for checking proofs), over SHA-256.

Nothing here holds a tree. A `Node` function answers with the hash of one complete, aligned subtree; where those hashes
lie (a list, tiles on a disk) is its own business.
"""

import hashlib
from collections.abc import Callable, Sequence

Node = Callable[[int, int], bytes]
"""`node(height, index)`: the hash over the leaves [index << height, (index + 1) << height)."""

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry), 32 bytes."""
    return hashlib.sha256(b"\x00" + entry).digest()


def inner_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over `hashes`, the hashes of equally high, complete subtrees from left to right."""
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    split = _split(len(hashes))
    return inner_hash(fold(hashes[:split]), fold(hashes[split:]))


def nodes_over(leaves: Sequence[bytes]) -> Node:
    """The `Node` function of a tree whose leaf hashes are all at hand."""
    return lambda height, index: fold(leaves[index << height : (index + 1) << height])


def root(size: int, node: Node) -> bytes:
    """The root of the tree of the first `size` leaves."""
    return _range_hash(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: Node) -> tuple[bytes, ...]:
    """The audit path of leaf `index` in the tree of `size` leaves, from the leaf up. 0 <= index < size."""
    assert 0 <= index < size
    return _path(index, 0, size, node)


def consistency_proof(old: int, new: int, node: Node) -> tuple[bytes, ...]:
    """What shows that the first `old` of `new` leaves are the old tree. 0 < old <= new."""
    assert 0 < old <= new
    return _subproof(old, 0, new, node, known=True)


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root_hash: bytes) -> bool:
    """Whether `proof` shows that `leaf`, a leaf hash, is number `index` of the tree of `size` with `root_hash`."""
    if not 0 <= index < size:
        return False
    node, last = index, size - 1
    computed = leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            computed = inner_hash(sibling, computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            computed = inner_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and computed == root_hash


def check_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether `proof` shows that the tree (`new`, `new_root`) only appended to the tree (`old`, `old_root`)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    older = newer = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            older, newer = inner_hash(sibling, older), inner_hash(sibling, newer)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            newer = inner_hash(newer, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and older == old_root and newer == new_root


def _split(count: int) -> int:
    """The largest power of two below `count`, which is 2 or more."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_hash(low: int, high: int, node: Node) -> bytes:
    """The hash over the leaves [low, high), not empty; `low` is aligned to the tree, as RFC 6962's recursion has it."""
    count = high - low
    if count & (count - 1) == 0:
        height = count.bit_length() - 1
        return node(height, low >> height)
    middle = low + _split(count)
    return inner_hash(_range_hash(low, middle, node), _range_hash(middle, high, node))


def _path(index: int, low: int, high: int, node: Node) -> tuple[bytes, ...]:
    if high - low == 1:
        return ()
    middle = low + _split(high - low)
    if index < middle:
        return (*_path(index, low, middle, node), _range_hash(middle, high, node))
    return (*_path(index, middle, high, node), _range_hash(low, middle, node))


def _subproof(old: int, low: int, high: int, node: Node, *, known: bool) -> tuple[bytes, ...]:
    """RFC 6962 section 2.1.2's SUBPROOF; `known`: the verifier has the hash over [low, old) already."""
    if old == high:
        return () if known else (_range_hash(low, high, node),)
    middle = low + _split(high - low)
    if old <= middle:
        return (*_subproof(old, low, middle, node, known=known), _range_hash(middle, high, node))
    return (*_subproof(old, middle, high, node, known=False), _range_hash(low, middle, node))
