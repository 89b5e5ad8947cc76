"""Where a tree and its entries lie, by C2SP tlog-tiles: paths, hash tiles, entry bundles. No reading, no writing.

tile/0/x001/x234/067        256 hashes of level 0 (leaf hashes), from leaf 1234067 * 256 on
tile/1/000.p/17             the first 17 hashes of level 1, each over a full tile of level 0
tile/entries/x001/234       256 entries, each after its length as a big-endian uint16
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stagewright.errors import LedgerDamagedError

WIDTH = 256
HASH_SIZE = 32
MAX_ENTRY = 65_535
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(x[0-9]{3}/)*[0-9]{3})(\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One tile; `level` is None for an entry bundle, `width` 1 to 256."""

    level: int | None
    index: int
    width: int

    @property
    def path(self) -> str:
        """Its name in the store."""
        digits = str(self.index)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
        name = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        level = "entries" if self.level is None else str(self.level)
        return f"tile/{level}/{name}" + ("" if self.width == WIDTH else f".p/{self.width}")

    @property
    def full(self) -> "Tile":
        """The same tile once it is full."""
        return Tile(level=self.level, index=self.index, width=WIDTH)

    @property
    def end(self) -> int:
        """The size of the smallest tree that has this tile."""
        return (self.index * WIDTH + self.width) << (8 * (self.level or 0))


def parse_path(name: str) -> Tile | None:
    """The tile that lies at `name`, or None; no second spelling is taken."""
    match = _PATH.fullmatch(name)
    if match is None:
        return None
    level = None if match["level"] == "entries" else int(match["level"])
    index = int(match["index"].replace("x", "").replace("/", ""))
    tile = Tile(level=level, index=index, width=int(match["width"] or WIDTH))
    return tile if tile.path == name and (level or 0) < 64 and tile.width <= WIDTH else None


def tile_at(level: int | None, index: int, size: int) -> Tile:
    """The tile `index` of `level` in a tree of `size` leaves, as wide as that tree makes it; it must have a hash."""
    width = min(WIDTH, (size >> (8 * (level or 0))) - index * WIDTH)
    assert width > 0
    return Tile(level=level, index=index, width=width)


def tiles_of(size: int) -> Iterator[Tile]:
    """Every hash tile of a tree of `size` leaves: level by level, left to right."""
    level = 0
    while count := size >> (8 * level):
        for index in range(-(-count // WIDTH)):
            yield tile_at(level, index, size)
        level += 1


def bundles_of(size: int) -> Iterator[Tile]:
    """Every entry bundle of a log of `size` entries, left to right."""
    for index in range(-(-size // WIDTH)):
        yield tile_at(None, index, size)


def parse_hashes(tile: Tile, data: bytes) -> tuple[bytes, ...]:
    """The hashes of a hash tile. LedgerDamagedError when it is not exactly as long as its name says."""
    if len(data) != tile.width * HASH_SIZE:
        raise LedgerDamagedError(f"{tile.path} has {len(data)} bytes, not {tile.width * HASH_SIZE}")
    return tuple(data[start : start + HASH_SIZE] for start in range(0, len(data), HASH_SIZE))


def format_bundle(entries: Sequence[bytes]) -> bytes:
    """The bytes of a bundle; each entry has 0 to 65,535 bytes."""
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def parse_bundle(tile: Tile, data: bytes) -> tuple[bytes, ...]:
    """The entries of a bundle. LedgerDamagedError unless it holds exactly as many, whole, as its name says."""
    entries: list[bytes] = []
    position = 0
    while position < len(data):
        start = position + 2
        position = start + int.from_bytes(data[position:start])
        if start > len(data) or position > len(data):
            raise LedgerDamagedError(f"{tile.path} ends within its entry {len(entries)}")
        entries.append(data[start:position])
    if len(entries) != tile.width:
        raise LedgerDamagedError(f"{tile.path} holds {len(entries)} entries, not {tile.width}")
    return tuple(entries)
