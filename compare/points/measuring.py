"""Points are handed to the framework that they are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from compare.points.point import Aspect, Measured, Point

__all__ = ["measure"]


def measure(
    points: Sequence[Point],
    dtype: str,
    framework: Literal["torch", "jax"],
    aspects: Sequence[tuple[Aspect, ...]] | None = None,
) -> list[Measured]:
    """What a framework answers at every point, in float64 or float32. Imports the framework.

    aspects: those that are wanted of each point; the others are then None. A value that raises, or is not made of
        floats, is told in any case.
    Points of one expression, and of one shape and dtype of every operand, share what JAX compiles.
    Raises: ProgramError: for an expression that is not one of a point.
    """
    if framework == "torch":
        from compare.points import torch_side

        return torch_side.measured(points, dtype, aspects)
    from compare.points import jax_side

    return jax_side.measured(points, dtype, aspects)
