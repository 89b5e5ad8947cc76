"""Reading a log's tiles so that nothing is believed which the root of its checkpoint does not cover.

Every full tile is compared with its hash in the tile above it, up to the right edge of the tree, and the right edge
with the root. So whatever `Tree` returns is as true as the checkpoint it was opened with.
"""

from collections.abc import Iterator, Sequence

from stagewright.errors import LedgerDamagedError
from stagewright.ledger import merkle
from stagewright.ledger.tiles import WIDTH, Tile, format_bundle, parse_bundle, parse_hashes, parse_path, tile_at
from stagewright.ports import LedgerStore


class Tree:
    """The tree of `size` leaves with `root`, over the tiles in `store`. LedgerDamagedError where they do not agree."""

    def __init__(self, store: LedgerStore, size: int, root: bytes) -> None:
        self._store = store
        self.size = size
        self.root = root
        self._tiles: dict[tuple[int, int], tuple[bytes, ...]] = {}
        if merkle.root(size, self.node) != root:
            raise LedgerDamagedError("the tiles at the right edge of the tree do not have the root of the checkpoint")

    def node(self, height: int, index: int) -> bytes:
        """The hash of one complete subtree; it must lie within the tree."""
        level, rest = divmod(height, 8)
        first = index << rest
        tile, offset = divmod(first, WIDTH)
        return merkle.fold(self.hashes(level, tile)[offset : offset + (1 << rest)])

    def hashes(self, level: int, index: int) -> tuple[bytes, ...]:
        """The hashes of one tile, as many as a tree of this size has there (none past its edge)."""
        if (self.size >> (8 * level)) <= index * WIDTH:
            return ()
        key = level, index
        if key not in self._tiles:
            tile = tile_at(level, index, self.size)
            hashes = parse_hashes(tile, read_tile(self._store, tile))
            if tile.width == WIDTH and merkle.fold(hashes) != self.node(8 * (level + 1), index):
                raise LedgerDamagedError(f"{tile.path} does not have the hash that the tile above it says")
            self._tiles[key] = hashes
        return self._tiles[key]

    def bundle(self, index: int) -> tuple[bytes, ...]:
        """The entries of one bundle, compared with their hashes; none past the edge."""
        if self.size <= index * WIDTH:
            return ()
        tile = tile_at(None, index, self.size)
        entries = parse_bundle(tile, read_tile(self._store, tile))
        for offset, (entry, known) in enumerate(zip(entries, self.hashes(0, index), strict=True)):
            if merkle.leaf_hash(entry) != known:
                raise LedgerDamagedError(f"entry {index * WIDTH + offset} in {tile.path} does not have its hash")
        return entries

    def entries(self, start: int) -> Iterator[tuple[int, bytes]]:
        """Index and bytes of the entries [start, size)."""
        for index in range(start // WIDTH, -(-self.size // WIDTH)):
            for offset, entry in enumerate(self.bundle(index)):
                if index * WIDTH + offset >= start:
                    yield index * WIDTH + offset, entry


def read_tile(store: LedgerStore, tile: Tile) -> bytes:
    """The bytes of a tile. LedgerDamagedError when it is missing."""
    data = store.read(tile.path)
    if data is None:
        raise LedgerDamagedError(f"{tile.path} is missing")
    return data


def write_tree(store: LedgerStore, tree: Tree, entries: Sequence[bytes]) -> Tree:
    """Make durable the tiles and bundles of the tree that has `entries` appended, and read them back; return it.

    Nothing that `tree` needs is overwritten. Debris of an append that never got its checkpoint is, where the new tree
    covers it, so that every file under a name within a tree belongs to that tree.
    """
    size = tree.size + len(entries)
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    _write_row(store, None, tree.size, list(tree.bundle(tree.size // WIDTH)), list(entries))
    level, added = 0, leaves
    while added:
        count = tree.size >> (8 * level)
        old = list(tree.hashes(level, count // WIDTH))
        chunks = _write_row(store, level, count, old, added)
        level, added = level + 1, [merkle.fold(chunk) for chunk in chunks if len(chunk) == WIDTH]
    written = Tree(store, size, merkle.root(size, _grown(tree, leaves)))
    for _ in written.entries(tree.size):
        # reading compares each entry with the hash that the root above was computed from
        pass
    return written


def _write_row(
    store: LedgerStore, level: int | None, count: int, old: list[bytes], added: list[bytes]
) -> list[list[bytes]]:
    """Write the tiles of one level that `added` items touch, `count` being there before; return their items.

    `old` are the items of the tile that `count` ends in, none where it ends at a border.
    """
    items = old + added
    chunks = [items[start : start + WIDTH] for start in range(0, len(items), WIDTH)]
    encode = format_bundle if level is None else b"".join
    for position, chunk in enumerate(chunks):
        index = count // WIDTH + position
        kept = len(old) if position == 0 else 0
        tile = Tile(level=level, index=index, width=len(chunk))
        for name in tuple(store.names(f"{tile.full.path}.p/")):
            stale = parse_path(name)
            if stale is not None and kept < stale.width < tile.width:
                store.write(name, encode(chunk[: stale.width]))
        store.write(tile.path, encode(chunk))
    return chunks


def _grown(tree: Tree, leaves: Sequence[bytes]) -> merkle.Node:
    """The nodes of `tree` with `leaves` appended, computed and not read, so that what was written can be compared."""

    def node(height: int, index: int) -> bytes:
        if (index + 1) << height <= tree.size:
            return tree.node(height, index)
        if height == 0:
            return leaves[index - tree.size]
        return merkle.inner_hash(node(height - 1, 2 * index), node(height - 1, 2 * index + 1))

    return node
