"""Known roots and proofs. The leaves and roots are those that the implementations of RFC 6962 are tested with."""

import hashlib

import pytest

from stagewright.ledger import merkle

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]
NODE = merkle.nodes_over(HASHES)


@pytest.mark.parametrize("size", ROOTS)
def test_root_of_known_leaves_is_the_published_one(size: int):
    assert merkle.root(size, NODE).hex() == ROOTS[size]
    assert merkle.fold(HASHES[:size]).hex() == ROOTS[size]


def test_leaf_and_inner_hash_are_domain_separated():
    assert merkle.leaf_hash(b"ab") == hashlib.sha256(b"\x00ab").digest()
    assert merkle.inner_hash(b"a", b"b") == hashlib.sha256(b"\x01ab").digest()


def test_inclusion_proof_of_rfc_6962_example_is_the_path_in_the_rfc():
    """RFC 6962 section 2.1.3, seven leaves: the path of d3 is [c, g, l]."""
    c, g = HASHES[2], merkle.inner_hash(HASHES[0], HASHES[1])
    right = merkle.inner_hash(merkle.inner_hash(HASHES[4], HASHES[5]), HASHES[6])
    assert merkle.inclusion_proof(3, 7, NODE) == (c, g, right)


def test_consistency_proof_of_rfc_6962_example_is_the_one_in_the_rfc():
    """RFC 6962 section 2.1.3: PROOF(3, D[7]) = [c, d, g, l]."""
    right = merkle.inner_hash(merkle.inner_hash(HASHES[4], HASHES[5]), HASHES[6])
    expected = (HASHES[2], HASHES[3], merkle.inner_hash(HASHES[0], HASHES[1]), right)
    assert merkle.consistency_proof(3, 7, NODE) == expected


PROOF = merkle.inclusion_proof(3, 7, NODE)
ROOT = bytes.fromhex(ROOTS[7])


@pytest.mark.parametrize(
    ("index", "size", "proof"),
    [
        pytest.param(-1, 7, PROOF, id="negative index"),
        pytest.param(7, 7, PROOF, id="index past the end"),
        pytest.param(3, 0, (), id="empty tree"),
        pytest.param(2, 7, PROOF, id="another index"),
        pytest.param(3, 7, PROOF[:-1], id="cut"),
        pytest.param(3, 7, (*PROOF, PROOF[0]), id="too long"),
        pytest.param(3, 7, PROOF[::-1], id="reversed"),
    ],
)
def test_check_inclusion_of_a_wrong_proof_is_false(index: int, size: int, proof: tuple[bytes, ...]):
    assert merkle.check_inclusion(HASHES[3], index, size, proof, ROOT) is False


def test_check_inclusion_of_another_leaf_or_root_is_false():
    assert merkle.check_inclusion(HASHES[3], 3, 7, PROOF, ROOT) is True
    assert merkle.check_inclusion(HASHES[2], 3, 7, PROOF, ROOT) is False
    assert merkle.check_inclusion(HASHES[3], 3, 7, PROOF, HASHES[0]) is False


CONSISTENCY = merkle.consistency_proof(3, 7, NODE)
OLD_ROOT = bytes.fromhex(ROOTS[3])


@pytest.mark.parametrize(
    ("old", "new", "proof"),
    [
        pytest.param(0, 7, (), id="from nothing"),
        pytest.param(7, 3, CONSISTENCY, id="backwards"),
        pytest.param(3, 7, (), id="empty proof"),
        pytest.param(3, 7, CONSISTENCY[:-1], id="cut"),
        pytest.param(3, 7, (*CONSISTENCY, HASHES[0]), id="too long"),
        pytest.param(3, 3, (HASHES[0],), id="same size with a proof"),
        pytest.param(4, 7, CONSISTENCY, id="another size"),
    ],
)
def test_check_consistency_of_a_wrong_proof_is_false(old: int, new: int, proof: tuple[bytes, ...]):
    assert merkle.check_consistency(old, new, proof, OLD_ROOT, ROOT) is False


def test_check_consistency_of_other_roots_is_false():
    assert merkle.check_consistency(3, 7, CONSISTENCY, OLD_ROOT, ROOT) is True
    assert merkle.check_consistency(3, 7, CONSISTENCY, ROOT, ROOT) is False
    assert merkle.check_consistency(3, 7, CONSISTENCY, OLD_ROOT, OLD_ROOT) is False
    assert merkle.check_consistency(7, 7, (), OLD_ROOT, ROOT) is False
