import pytest

from stagewright.errors import LedgerDamagedError
from stagewright.ledger.tiles import (
    Tile,
    bundles_of,
    format_bundle,
    parse_bundle,
    parse_hashes,
    parse_path,
    tiles_of,
)

PATHS = [
    ("tile/0/000", Tile(level=0, index=0, width=256)),
    ("tile/0/x001/x234/067", Tile(level=0, index=1234067, width=256)),
    ("tile/1/000.p/17", Tile(level=1, index=0, width=17)),
    ("tile/63/x001/000", Tile(level=63, index=1000, width=256)),
    ("tile/entries/999", Tile(level=None, index=999, width=256)),
    ("tile/entries/x001/234.p/255", Tile(level=None, index=1234, width=255)),
]


@pytest.mark.parametrize(("path", "tile"), PATHS)
def test_path_of_a_tile_is_as_in_the_specification(path: str, tile: Tile):
    assert tile.path == path
    assert parse_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("tile/00/000", id="leading zero in the level"),
        pytest.param("tile/64/000", id="no such level"),
        pytest.param("tile/0/00", id="short"),
        pytest.param("tile/0/x000/001", id="empty first group"),
        pytest.param("tile/0/1234", id="long group"),
        pytest.param("tile/0/x001", id="last group marked"),
        pytest.param("tile/0/000.p/0", id="empty tile"),
        pytest.param("tile/0/000.p/256", id="full tile named partial"),
        pytest.param("tile/0/000.p/999", id="wider than a tile"),
        pytest.param("tile/0/000.p/01", id="leading zero in the width"),
        pytest.param("tile/0/٠٠٠", id="digits of another script"),
        pytest.param("tile/data/000", id="another kind"),
        pytest.param("tile/0/000\n", id="newline"),
        pytest.param("checkpoint", id="no tile"),
    ],
)
def test_parse_path_of_another_spelling_is_none(path: str):
    assert parse_path(path) is None


def test_tiles_of_70000_leaves_are_those_of_the_specification():
    """tlog-tiles: 273 full and one partial (112) at level 0; one full and one partial (17) at level 1; one (1) at 2."""
    tiles = list(tiles_of(70_000))
    assert [sum(1 for tile in tiles if tile.level == level) for level in (0, 1, 2)] == [274, 2, 1]
    assert [tile.path for tile in tiles if tile.width != 256] == [
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]


def test_tiles_of_256_leaves_have_a_partial_tile_above():
    assert [tile.path for tile in tiles_of(256)] == ["tile/0/000", "tile/1/000.p/1"]


def test_bundles_of_300_entries_are_one_full_and_one_partial():
    assert [tile.path for tile in bundles_of(300)] == ["tile/entries/000", "tile/entries/001.p/44"]
    assert list(bundles_of(0)) == []


def test_end_is_the_size_of_the_smallest_tree_with_the_tile():
    assert Tile(level=0, index=1, width=3).end == 259
    assert Tile(level=1, index=0, width=2).end == 512
    assert Tile(level=None, index=0, width=9).end == 9


ENTRIES = (b"", b"a", b"x" * 65_535)


def test_parse_bundle_gives_back_what_was_formatted():
    data = format_bundle(ENTRIES)
    assert data[:5] == b"\x00\x00\x00\x01a"
    assert parse_bundle(Tile(level=None, index=0, width=3), data) == ENTRIES


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"\x00\x01", "ends within its entry 0", id="length without entry"),
        pytest.param(b"\x00\x01a\x00", "ends within its entry 1", id="half a length"),
        pytest.param(b"\x00\x05abcd", "ends within its entry 0", id="entry cut"),
        pytest.param(b"\x00\x01a", "holds 1 entries, not 2", id="one too few"),
        pytest.param(b"\x00\x00" * 3, "holds 3 entries, not 2", id="one too many"),
    ],
)
def test_parse_bundle_of_a_broken_bundle_says_where(data: bytes, reason: str):
    with pytest.raises(LedgerDamagedError, match=rf"^tile/entries/000\.p/2 {reason}$"):
        parse_bundle(Tile(level=None, index=0, width=2), data)


def test_parse_hashes_of_another_length_is_damage():
    tile = Tile(level=0, index=0, width=2)
    assert parse_hashes(tile, b"a" * 32 + b"b" * 32) == (b"a" * 32, b"b" * 32)
    with pytest.raises(LedgerDamagedError, match=r"^tile/0/000\.p/2 has 63 bytes, not 64$"):
        parse_hashes(tile, b"a" * 63)
