"""Roots and their cotangents: how much a move changes their product."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import mpmath

from compare.reference.arithmetic import objects
from compare.reference.doubts import Doubts
from compare.reference.moves import Direction, Move
from compare.reference.recording import doubts_of
from compare.reference.tensors import History, Tensor, merged

__all__ = ["Pullback"]


@dataclass(frozen=True)
class Pullback:
    """Roots with their cotangents, and what a gradient of theirs has to know.

    alone: PyTorch was given one root. number: of the statement.
    """

    roots: tuple[tuple[Tensor, Tensor | None], ...]
    alone: bool
    create_graph: bool
    number: int
    _unmoved: dict[Move, Any] = field(default_factory=dict)

    @property
    def tensors(self) -> list[Tensor]:
        """The roots and cotangents whose history a gradient has."""
        cotangents = [one for _, one in self.roots if one is not None]
        return [root for root, _ in self.roots] + (cotangents if self.create_graph else [])

    @functools.cached_property
    def history(self) -> History:
        return merged(root.history for root, _ in self.roots)

    @functools.cached_property
    def order(self) -> int:
        return 1 + max(one.family.order for one in self.tensors)

    @functools.cached_property
    def inner(self) -> frozenset[int]:
        return frozenset[int]().union(*(one.family.inner for one in self.tensors))

    @functools.cached_property
    def doubts(self) -> Doubts:
        return doubts_of([one for pair in self.roots for one in pair if one is not None])

    @functools.cached_property
    def scale(self) -> Any:
        """The size of the roots; not below 1."""
        numbers = (abs(number) for root, _ in self.roots for number in root.value.flat if mpmath.isfinite(number))
        return max([mpmath.mpf(1), *numbers])

    def unmoved(self, move: Move) -> Any:
        """How much a move changes it, in the program itself."""
        if move not in self._unmoved:
            self._unmoved[move] = self.change(move, frozenset())
        return self._unmoved[move]

    def change(self, move: Move, direction: Direction) -> Any:
        """How much a move changes the product of roots and cotangents, in the program moved along a direction."""
        both = direction.union({move})
        total = mpmath.mpf(0)
        for root, cotangent in self.roots:
            moved = root.shift(both)
            before = root.shift(direction) if direction else None
            if moved is None:
                continue
            change = moved if before is None else objects(moved - before)
            if cotangent is None:
                total += sum(change.flat)
                continue
            shift = cotangent.shift(direction) if direction else None
            weights = cotangent.value if shift is None else objects(cotangent.value + shift)
            pairs = zip(weights.flat, change.flat, strict=True)
            total += sum(mpmath.re(mpmath.conj(weight) * one) for weight, one in pairs if one != 0)
        return total
