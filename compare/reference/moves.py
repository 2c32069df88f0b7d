"""Moved runs: which elements are moved together, and how far."""

from __future__ import annotations

import itertools
import math
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import mpmath
import numpy as np

from compare.ops import is_complex
from compare.reference.arithmetic import Elements, objects, to_exact, zeros
from compare.reference.plan import RANDOM_DIRECTIONS, Key, Node, Plan

__all__ = ["Direction", "Directions", "Move", "Probe", "Vectors", "working_digits"]

DIGITS = 30
"""What is left of the working precision when all steps of a moved run are taken off."""
STEP_BITS = 66
"""An element of size 1 is moved by 2 ** -66, about 1e-20. A power of two adds no rounding to a polynomial's slope."""
NESTED_BITS = 94
"""A gradient that is differentiated again is taken with a step that is smaller by this much: beside the step outside,
the one inside is nothing, so that a kink of the gradient shows as one."""
LEVELS, SHRINK_BITS = 3, 14
"""Each further step is this much smaller. Three show where the quotients go; smooth points need only the first."""
SMALLEST_SCALE_BITS = 40
"""A step is relative to the size of the element; below 2 ** -40 it is not."""
SEED = 20


class Move(NamedTuple):
    """One element (or random vector) of a tensor moved up or down.

    order: of the derivative that it is for. level: which step.
    """

    node: Node
    order: int
    which: int
    sign: int
    level: int


Direction = frozenset[Move]
"""A moved run: one move for a first derivative, several of different orders for a derivative of a gradient."""
Vectors = tuple[np.ndarray[Any, Any], ...] | None
"""The random directions of a probe; None where every element has its own."""


def working_digits(plan: Plan) -> int:
    """The working precision: DIGITS more than the steps of the deepest nest take."""
    bits = sum(_step_bits(depth) + SMALLEST_SCALE_BITS * (depth > 0) for depth in range(plan.limit))
    return DIGITS + math.ceil(bits * math.log10(2))


def _step_bits(depth: int) -> int:
    """How small a step is that is taken inside `depth` others."""
    return STEP_BITS + NESTED_BITS * depth


class Directions:
    """The moved runs of a plan.

    steep: the keys that are moved by several steps, where they are moved alone or outermost.
    """

    def __init__(self, plan: Plan, steep: Set[Key]) -> None:
        self.plan = plan
        self.steep = steep
        self.planned: dict[Direction, frozenset[Node]] = {}
        self.moved = frozenset(node for node, _ in plan.sizes)
        self._reaching: dict[tuple[frozenset[Node], int], list[Direction]] = {}
        for *inner, last in plan.nests:
            nodes = frozenset(node for node, _ in (*inner, last))
            for moves in itertools.product(*(self.moves(key, 1) for key in inner), self.moves(last)):
                self.planned[frozenset(moves)] = nodes

    def levels(self, key: Key) -> int:
        """How many steps a key is moved by."""
        return LEVELS if key in self.steep else 1

    def moves(self, key: Key, levels: int | None = None) -> list[Move]:
        """Every move of a key, by as many steps."""
        numbers = range(self.plan.sizes[key]), (1, -1), range(levels or self.levels(key))
        return [Move(*key, *rest) for rest in itertools.product(*numbers)]

    def reaching(self, nodes: Set[Node], order: int) -> list[Direction]:
        """The runs that a tensor with these nodes in its history is moved in, by moves of more than an order."""
        key = (self.moved.intersection(nodes), order)
        if key not in self._reaching:
            self._reaching[key] = [
                direction
                for direction, needed in self.planned.items()
                if needed <= key[0] and all(move.order > order for move in direction)
            ]
        return self._reaching[key]


@dataclass
class Probe:
    """How the moves at one node move the tensor there.

    steps: how far, by move. offsets: what is added to the elements, by move. vectors: by order, the random directions.
    """

    steps: dict[Move, Any] = field(default_factory=dict)
    offsets: dict[Move, Elements] = field(default_factory=dict)
    vectors: dict[int, Vectors] = field(default_factory=dict)

    @classmethod
    def at(cls, node: Node, value: Elements, dtype: str, directions: Directions) -> Probe:
        """A probe at a node, for all its moves in a plan."""
        probe = cls()
        for key in directions.plan.sizes:
            if key[0] == node and key[1] <= directions.plan.limit:
                probe._add(key, value, dtype, directions)
        return probe

    def _add(self, key: Key, value: Elements, dtype: str, directions: Directions) -> None:
        (_, order), plan = key, directions.plan
        units = (mpmath.mpf(1), mpmath.mpc(0, 1)) if is_complex(dtype) else (mpmath.mpf(1),)
        if key in plan.random:
            normal = np.random.default_rng(SEED).standard_normal((len(units), RANDOM_DIRECTIONS, *value.shape))
            random = normal[0] + 1j * normal[1] if len(units) == 2 else normal[0]
            self.vectors[order] = tuple(random)
            vectors = [objects(to_exact(vector)) for vector in random]
            sizes = [max((abs(number) for number in value.flat), default=mpmath.mpf(0))] * len(vectors)
        else:
            self.vectors[order] = None
            places = [(place, unit) for place in range(value.size) for unit in units]
            vectors = [zeros(value.shape) for _ in places]
            for (place, unit), vector in zip(places, vectors, strict=True):
                vector.flat[place] = unit
            sizes = [abs(value.flat[place]) for place, _ in places]
        for move in directions.moves(key):
            bits = _step_bits(plan.limit - order) + SHRINK_BITS * move.level
            step = mpmath.mpf(2) ** -bits * _scale(sizes[move.which])
            self.steps[move] = step
            self.offsets[move] = objects(vectors[move.which] * (move.sign * step))


def _scale(size: Any) -> Any:
    """The power of two that a step is taken relative to: near the size of the element, and 1 at zero."""
    if size == 0 or not mpmath.isfinite(size):
        return mpmath.mpf(1)
    return mpmath.mpf(2) ** max(mpmath.mag(size), -SMALLEST_SCALE_BITS)
