"""Where the nodes of a link chart stand: a spring layout with a fixed seed, so that the same chart looks the same.

Pure arithmetic over node keys; the template draws shapes and mirrors x for right-to-left.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 960
LEAST_HEIGHT: Final = 300
MARGIN_X: Final = 110
MARGIN_Y: Final = 64
ROUNDS: Final = 120
SEED: Final = 20311

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Placed:
    """A node in the picture, in whole units."""

    key: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A link in the picture: its path, and where its label stands."""

    number: str
    path: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole chart."""

    width: int
    height: int
    nodes: tuple[Placed, ...]
    links: tuple[Drawn, ...]


def lay_out(
    keys: Sequence[str], links: Sequence[tuple[str, str, str]], *, mirrored: bool = False, seed: int = SEED
) -> Picture:  # fmt: skip
    """Place nodes and links.

    Args:
        keys: nodes, in an order that stays the same.
        links: (number, start, end).
        mirrored: the reading direction is from right to left.
    """
    height = max(LEAST_HEIGHT, 150 * math.ceil(math.sqrt(max(1, len(keys)))))
    spots = _fit(_spread(keys, [(start, end) for _, start, end in links], seed), height)
    if mirrored:
        spots = {key: (WIDTH - x, y) for key, (x, y) in spots.items()}
    nodes = tuple(Placed(key, round(x), round(y)) for key, (x, y) in spots.items())
    return Picture(WIDTH, height, nodes, tuple(_draw(links, spots)))


def _spread(keys: Sequence[str], ends: Sequence[tuple[str, str]], seed: int) -> dict[str, Point]:
    """Nodes push each other away, links pull (Fruchterman and Reingold 1991), from a circle with some noise."""
    noise, count = random.Random(seed), max(1, len(keys))  # noqa: S311  # where a dot stands is no secret
    spots = {
        key: (
            math.cos(2 * math.pi * at / count) + noise.uniform(-0.05, 0.05),
            math.sin(2 * math.pi * at / count) + noise.uniform(-0.05, 0.05),
        )
        for at, key in enumerate(keys)
    }
    ideal = 1.6 / math.sqrt(count)
    for turn in range(ROUNDS):
        heat = 0.25 * (1 - turn / ROUNDS)
        push = _pushes(keys, spots, ideal)
        for start, end in ends:
            (ax, ay), (bx, by) = spots[start], spots[end]
            dx, dy = ax - bx, ay - by
            pull = math.hypot(dx, dy) / ideal
            push[start] = (push[start][0] - dx * pull, push[start][1] - dy * pull)
            push[end] = (push[end][0] + dx * pull, push[end][1] + dy * pull)
        for key, (dx, dy) in push.items():
            length = math.hypot(dx, dy) or 1.0
            step = min(length, heat) / length
            spots[key] = (spots[key][0] + dx * step, spots[key][1] + dy * step)
    return spots


def _pushes(keys: Sequence[str], spots: Mapping[str, Point], ideal: float) -> dict[str, Point]:
    found = dict.fromkeys(keys, (0.0, 0.0))
    for at, one in enumerate(keys):
        for other in keys[at + 1 :]:
            dx, dy = spots[one][0] - spots[other][0], spots[one][1] - spots[other][1]
            near = max(dx * dx + dy * dy, 1e-6)
            force = ideal * ideal / near
            found[one] = (found[one][0] + dx * force, found[one][1] + dy * force)
            found[other] = (found[other][0] - dx * force, found[other][1] - dy * force)
    return found


def _fit(spots: Mapping[str, Point], height: int) -> dict[str, Point]:
    """Into the picture, with room for labels around."""
    if not spots:
        return {}
    xs, ys = [x for x, _ in spots.values()], [y for _, y in spots.values()]
    return {
        key: (
            _scale(x, min(xs), max(xs), MARGIN_X, WIDTH - MARGIN_X),
            _scale(y, min(ys), max(ys), MARGIN_Y, height - MARGIN_Y),
        )
        for key, (x, y) in spots.items()
    }


def _scale(value: float, least: float, most: float, low: float, high: float) -> float:
    return (low + high) / 2 if most - least < 1e-9 else low + (value - least) / (most - least) * (high - low)


def _draw(links: Sequence[tuple[str, str, str]], spots: Mapping[str, Point]) -> list[Drawn]:
    """Lines; several between the same two bend away from each other."""
    seen: dict[frozenset[str], int] = {}
    drawn = []
    for number, start, end in links:
        pair = frozenset((start, end))
        bend = seen.get(pair, 0)
        seen[pair] = bend + 1
        (ax, ay), (bx, by) = spots[start], spots[end]
        mx, my = (ax + bx) / 2, (ay + by) / 2
        if bend:
            length = math.hypot(bx - ax, by - ay) or 1.0
            side = 44 * ((bend + 1) // 2) * (1 if bend % 2 else -1) * (1 if start < end else -1)
            mx, my = mx - (by - ay) / length * side, my + (bx - ax) / length * side
            cx, cy = 2 * mx - (ax + bx) / 2, 2 * my - (ay + by) / 2
            path = f"M{ax:.0f} {ay:.0f} Q{cx:.0f} {cy:.0f} {bx:.0f} {by:.0f}"
        else:
            path = f"M{ax:.0f} {ay:.0f} L{bx:.0f} {by:.0f}"
        drawn.append(Drawn(number, path, round(mx), round(my)))
    return drawn
