"""The log's tree: roots, proofs, tiles; also against a library that others wrote."""

import json
import random
from pathlib import Path

import pymerkle
import pytest

from crypto.digests import leaf_hash, merkle_root
from custody import tiles, tree
from errors import FormatError, IntegrityError, LimitExceeded, ProofError

VECTORS = Path(__file__).parents[2] / "vectors"


def memory(leaves: list[bytes]) -> tree.MemoryHashes:
    return tree.MemoryHashes([leaf_hash(leaf) for leaf in leaves])


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, 100])
def test_roots_agree_with_another_implementation(size: int, rng: random.Random) -> None:
    leaves = [rng.randbytes(20) for _ in range(size)]
    other = pymerkle.InmemoryTree(algorithm="sha256")
    for leaf in leaves:
        other.append_entry(leaf)
    ours = tree.root_of(memory(leaves), size)
    assert ours == merkle_root(leaves)
    if size:
        assert ours == other.get_root()


def test_every_entry_of_every_small_tree_is_proven(rng: random.Random) -> None:
    leaves = [rng.randbytes(8) for _ in range(34)]
    hashes = memory(leaves)
    for size in range(1, 35):
        root = tree.root_of(hashes, size)
        for index in range(size):
            path = tree.inclusion_proof(hashes, index, size)
            tree.verify_inclusion(leaf_hash(leaves[index]), index, size, path, root)


def test_every_pair_of_small_trees_is_consistent(rng: random.Random) -> None:
    hashes = memory([rng.randbytes(8) for _ in range(34)])
    roots = [tree.root_of(hashes, size) for size in range(35)]
    for size in range(35):
        for old in range(size + 1):
            tree.verify_consistency(old, roots[old], size, roots[size], tree.consistency_proof(hashes, old, size))


def test_altered_inclusion_proofs_are_refused(rng: random.Random) -> None:
    leaves = [rng.randbytes(8) for _ in range(21)]
    hashes = memory(leaves)
    root, path = tree.root_of(hashes, 21), tree.inclusion_proof(hashes, 13, 21)
    good = (leaf_hash(leaves[13]), 13, 21, path, root)
    tree.verify_inclusion(*good)
    wrong = [
        (leaf_hash(leaves[12]), *good[1:]),
        (good[0], 12, *good[2:]),
        (good[0], 21, *good[2:]),
        (good[0], -1, *good[2:]),
        (*good[:3], path[:-1], root),
        (*good[:3], [*path, bytes(32)], root),
        (*good[:3], path[::-1], root),
        (*good[:4], bytes(32)),
    ]
    for given in wrong:
        with pytest.raises(ProofError):
            tree.verify_inclusion(*given)  # type: ignore[arg-type]


def test_a_log_that_was_rewritten_or_shortened_is_not_consistent(rng: random.Random) -> None:
    leaves = [rng.randbytes(8) for _ in range(40)]
    honest, forked = memory(leaves), memory([*leaves[:10], b"other", *leaves[11:]])
    old, new = tree.root_of(honest, 20), tree.root_of(honest, 40)
    path = tree.consistency_proof(honest, 20, 40)
    tree.verify_consistency(20, old, 40, new, path)
    for given in (
        (20, old, 40, tree.root_of(forked, 40), tree.consistency_proof(forked, 20, 40)),
        (40, new, 20, old, path),
        (20, old, 40, new, path[:-1]),
        (20, old, 40, new, [*path, bytes(32)]),
        (20, old, 40, new, []),
        (21, old, 40, new, path),
        (20, old, 20, new, []),
        (0, old, 40, new, []),
    ):
        with pytest.raises(ProofError):
            tree.verify_consistency(*given)


def test_proofs_outside_the_tree_are_refused() -> None:
    hashes = memory([b"a", b"b"])
    assert tree.inclusion_proof(hashes, 1, 2)
    for index, size in ((2, 2), (-1, 2), (0, 0)):
        with pytest.raises(ProofError):
            tree.inclusion_proof(hashes, index, size)
    with pytest.raises(ProofError):
        tree.consistency_proof(hashes, 3, 2)


@pytest.mark.parametrize("name", ["inclusion", "consistency"])
def test_vectors_of_proofs(name: str) -> None:
    for vector in json.loads((VECTORS / f"{name}.json").read_text()):
        given = {
            key: bytes.fromhex(value) if isinstance(value, str) else value for key, value in vector["given"].items()
        }
        given["path"] = [bytes.fromhex(one) for one in given["path"]]
        verify = tree.verify_inclusion if name == "inclusion" else tree.verify_consistency
        if vector["valid"]:
            verify(**given)
        else:
            with pytest.raises(ProofError):
                verify(**given)


class Store:
    """Tiles kept as a log keeps them: a partial tile is overwritten by a wider one."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}

    def read(self, level: int, number: int, width: int) -> bytes:
        return self.tiles[level, number][: width * 32]

    def append(self, size: int, hashes: list[bytes]) -> None:
        for tile in tiles.new_tiles(self.read, size, hashes):
            assert len(tile.data) == tile.width * tiles.HASH_BYTES
            self.tiles[tile.level, tile.number] = tile.data


def test_tiles_of_70000_entries_are_those_of_the_specification(rng: random.Random) -> None:
    store, size = Store(), 0
    hashes = [leaf_hash(number.to_bytes(4, "big")) for number in range(70_000)]
    while size < len(hashes):
        batch = hashes[size : size + rng.choice([1, 7, 255, 256, 257, 4000])]
        store.append(size, batch)
        size += len(batch)
    widths = {
        level: [len(data) // 32 for (at, _), data in sorted(store.tiles.items()) if at == level] for level in range(3)
    }
    assert widths == {0: [256] * 273 + [112], 1: [256, 17], 2: [1]}
    whole, read = tree.MemoryHashes(hashes), tiles.TileHashes(store.read, size)
    assert tree.root_of(read, size) == tree.root_of(whole, size)
    for index in (0, 255, 256, 69_999, rng.randrange(70_000)):
        assert tree.inclusion_proof(read, index, size) == tree.inclusion_proof(whole, index, size)
    assert tiles.width_at(0, 273, size) == 112 and tiles.width_at(1, 1, size) == 17 and tiles.width_at(2, 0, size) == 1


def test_a_tile_of_another_length_is_noticed() -> None:
    store = Store()
    store.append(0, [leaf_hash(b"a"), leaf_hash(b"b")])
    assert tree.root_of(tiles.TileHashes(store.read, 2), 2)
    with pytest.raises(IntegrityError):
        tree.root_of(tiles.TileHashes(lambda level, number, width: b"short", 2), 2)


@pytest.mark.parametrize(
    ("level", "number", "width", "path"),
    [
        (0, 0, 256, "0/000"),
        (0, 1234067, 256, "0/x001/x234/067"),
        (3, 5, 17, "3/005.p/17"),
        (tiles.ENTRIES, 1000, 1, "entries/x001/000.p/1"),
    ],
)
def test_tile_paths_round_trip(level: int, number: int, width: int, path: str) -> None:
    assert tiles.tile_path(level, number, width) == path
    assert tiles.parse_tile_path(path) == (level, number, width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0/0",
        "00/000",
        "64/000",
        "0/000.p/0",
        "0/000.p/256",
        "0/x000/001",
        "0/../000",
        "0/000/",
        "x/000",
        "0/1000",
        "0/" + "x001/" * 2000 + "000",
    ],
)
def test_other_tile_paths_are_refused(path: str) -> None:
    with pytest.raises(FormatError):
        tiles.parse_tile_path(path)


def test_entry_bundles_round_trip_and_damage_is_refused() -> None:
    entries = [b"", b"a", bytes(65535)]
    data = tiles.dump_entries(entries)
    assert tiles.parse_entries(data, 3) == entries
    for damaged, width in ((data[:-1], 3), (data, 2), (data + b"\0", 3), (b"\0", 1)):
        with pytest.raises(FormatError):
            tiles.parse_entries(damaged, width)
    with pytest.raises(LimitExceeded):
        tiles.dump_entries([bytes(65536)])
