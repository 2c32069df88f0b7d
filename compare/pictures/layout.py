"""Where the nodes of a picture stand: layers from top to bottom, few crossings, long edges straight.

Layers are longest paths, which one pass finds, because every edge goes to a later node. A node in a layer is ordered by
the mean place of its neighbours, and stands as near to their mean as its own neighbours in the layer let it.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["LAYER_GAP", "Placed", "laid_out"]

GAP, LAYER_GAP = 18, 34
WIDEST_LAYER = 6
"""Nodes beside each other, as far as nodes that nothing goes into can stand higher."""
SWEEPS = 4


@dataclass
class Placed:
    """The places of a graph: the middle of every node and its layer's band; for every edge, the points it goes through.

    x: of each node. bands: of each layer, its top and its bottom. layers: of each node.
    ways: for each edge, the x at every layer between its ends.
    """

    x: list[float]
    layers: list[int]
    bands: list[tuple[int, int]]
    ways: list[list[float]]
    width: int


def laid_out(sizes: Sequence[tuple[int, int]], edges: Sequence[tuple[int, int]]) -> Placed:
    """Lay out nodes of these widths and heights. Edges go from an earlier node to a later one."""
    layers = _layers(len(sizes), edges)
    widths = [float(width) for width, _ in sizes]
    rank = list(layers)
    links: list[tuple[int, int]] = []
    chains: list[list[int]] = []
    for source, target in edges:
        chain, before = [], source
        for layer in range(rank[source] + 1, rank[target]):
            chain.append(len(rank))
            rank.append(layer)
            widths.append(0.0)
            links.append((before, chain[-1]))
            before = chain[-1]
        links.append((before, target))
        chains.append(chain)
    rows: list[list[int]] = [[] for _ in range(max(layers, default=-1) + 1)]
    above: list[list[int]] = [[] for _ in rank]
    below: list[list[int]] = [[] for _ in rank]
    for source, target in links:
        below[source].append(target)
        above[target].append(source)
    for item in _first_order(len(sizes), above, len(rank)):
        rows[rank[item]].append(item)
    rows = _uncrossed(rows, above, below)
    x = _columns(rows, widths, above, below, len(sizes))
    heights = [max(sizes[item][1] for item in row if item < len(sizes)) for row in rows]
    tops = list(itertools.accumulate([0, *heights[:-1]], lambda top, height: top + height + LAYER_GAP))
    left = min((x[item] - widths[item] / 2 for item in range(len(rank))), default=0.0)
    right = max((x[item] + widths[item] / 2 for item in range(len(rank))), default=0.0)
    return Placed(
        [one - left for one in x[: len(sizes)]],
        layers,
        [(top, top + height) for top, height in zip(tops, heights, strict=True)],
        [[x[item] - left for item in chain] for chain in chains],
        round(right - left),
    )


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Longest paths; what nothing goes into stands right above the first that uses it, and no row is too wide."""
    layers = [0] * count
    follows: list[list[int]] = [[] for _ in range(count)]
    entered = [False] * count
    for source, target in sorted(edges, key=lambda edge: edge[1]):
        layers[target] = max(layers[target], layers[source] + 1)
        follows[source].append(target)
        entered[target] = True
    for item in range(count):
        if not entered[item] and follows[item]:
            layers[item] = min(layers[target] for target in follows[item]) - 1
    rows: list[list[int]] = [[] for _ in range(max(layers, default=-1) + 1)]
    for item, layer in enumerate(layers):
        rows[layer].append(item)
    wide: list[list[int]] = []
    for row in rows:
        free = [item for item in row if not entered[item]] if len(row) > WIDEST_LAYER else []
        bound = [item for item in row if item not in free]
        room = max(WIDEST_LAYER - len(bound), 0)
        higher, beside = free[: len(free) - room], free[len(free) - room :]
        wide += [higher[start : start + WIDEST_LAYER] for start in range(0, len(higher), WIDEST_LAYER)]
        wide += [bound + beside] if bound or beside else []
    for layer, row in enumerate(wide):
        for item in row:
            layers[item] = layer
    return layers


def _first_order(count: int, above: Sequence[Sequence[int]], total: int) -> list[int]:
    """Depth first from the bottom, so that what belongs together starts together."""
    found: list[int] = []
    seen = [False] * total
    leads = {item for sources in above for item in sources}
    for root in (item for item in range(total) if item not in leads):
        pending = [(root, False)]
        while pending:
            item, done = pending.pop()
            if done:
                found.append(item)
            elif not seen[item]:
                seen[item] = True
                pending.append((item, True))
                pending += [(source, False) for source in reversed(above[item])]
    return found


def _uncrossed(
    rows: list[list[int]], above: Sequence[Sequence[int]], below: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Rows in an order with few crossings: barycentres, down and up, as long as that helps."""
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(2 * SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        neighbours = above if down else below
        order = range(1, len(rows)) if down else range(len(rows) - 2, -1, -1)
        for layer in order:
            beside = {item: place for place, item in enumerate(rows[layer - 1 if down else layer + 1])}
            means = {
                item: sum(beside[one] for one in neighbours[item]) / len(neighbours[item])
                if neighbours[item]
                else place
                for place, item in enumerate(rows[layer])
            }
            rows[layer].sort(key=means.__getitem__)
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _crossings(rows: Sequence[Sequence[int]], below: Sequence[Sequence[int]]) -> int:
    count = 0
    for upper, lower in itertools.pairwise(rows):
        place = {item: at for at, item in enumerate(lower)}
        seen: list[int] = []
        for item in upper:
            targets = sorted(place[one] for one in below[item])
            count += sum(len(seen) - bisect.bisect_right(seen, target) for target in targets)
            for target in targets:
                bisect.insort(seen, target)
    return count


def _columns(
    rows: Sequence[Sequence[int]],
    widths: Sequence[float],
    above: Sequence[Sequence[int]],
    below: Sequence[Sequence[int]],
    real: int,
) -> list[float]:
    """The middle of every item: rows are moved towards their neighbours, keeping their order and their distances."""
    x = [0.0] * len(widths)
    for row in rows:
        position = 0.0
        for item in row:
            x[item] = position + widths[item] / 2
            position += widths[item] + GAP
        for item in row:
            x[item] -= position / 2
    for sweep in range(2 * SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            wanted, weights = [], []
            for item in row:
                near = (above if down else below)[item] or (below if down else above)[item]
                wanted.append(sum(x[one] for one in near) / len(near) if near else x[item])
                weights.append(8.0 if item >= real else 1.0)
            for item, at in zip(row, _spaced(wanted, weights, [widths[item] for item in row]), strict=True):
                x[item] = at
    return x


def _spaced(wanted: Sequence[float], weights: Sequence[float], widths: Sequence[float]) -> list[float]:
    """The places nearest to those wanted, in least squares, whose distances leave room: pooled where they collide."""
    offsets = [0.0]
    for left, right in itertools.pairwise(widths):
        offsets.append(offsets[-1] + (left + right) / 2 + GAP)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, count
    for goal, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, count = goal - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, heavy, more = blocks.pop()
            mean = (mean * weight + other * heavy) / (weight + heavy)
            weight, count = weight + heavy, count + more
        blocks.append((mean, weight, count))
    means = itertools.chain.from_iterable([mean] * count for mean, _, count in blocks)
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
