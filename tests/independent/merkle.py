"""Merkle trees of RFC 6962: roots, inclusion proofs, consistency proofs."""

from __future__ import annotations

from collections.abc import Iterable

from .encoding import sha256

PIECE = 8 * 1024 * 1024


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + data)


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return sha256(b"\x01" + left + right)


def tree_root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf data, by a stack of complete subtrees."""
    stack: list[tuple[int, bytes]] = []
    for data in leaves:
        size, node = 1, leaf_hash(data)
        while stack and stack[-1][0] == size:
            node = node_hash(stack.pop()[1], node)
            size *= 2
        stack.append((size, node))
    if not stack:
        return sha256(b"")
    node = stack.pop()[1]
    while stack:
        node = node_hash(stack.pop()[1], node)
    return node


def pieces_root(data: bytes) -> bytes:
    """The root over the 8 MiB pieces of a file; an empty file has one empty piece."""
    return tree_root(sha256(data[start : start + PIECE]) for start in range(0, max(len(data), 1), PIECE))


def root_from_inclusion(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to, or None when the proof has not the right length."""
    if not 0 <= index < size:
        return None
    position, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        position >>= 1
        last >>= 1
    return node if last == 0 else None


def consistent(size1: int, root1: bytes, size2: int, root2: bytes, path: list[bytes]) -> bool:
    """Whether a consistency proof leads from the smaller tree to the larger one."""
    if size1 == size2:
        return not path and root1 == root2
    if not 0 < size1 < size2 or not path:
        return False
    nodes = list(path)
    if size1 & (size1 - 1) == 0:
        nodes.insert(0, root1)
    position, last = size1 - 1, size2 - 1
    while position & 1:
        position >>= 1
        last >>= 1
    first = second = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            first = node_hash(node, first)
            second = node_hash(node, second)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            second = node_hash(second, node)
        position >>= 1
        last >>= 1
    return last == 0 and first == root1 and second == root2
