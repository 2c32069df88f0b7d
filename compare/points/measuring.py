"""Points are handed to the framework that they are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from compare.points.point import Measured, Point

__all__ = ["measure"]


def measure(points: Sequence[Point], dtype: str, framework: Literal["torch", "jax"]) -> list[Measured]:
    """What a framework answers at every point, in float64 or float32. Imports the framework.

    Points of one expression, and of one shape and dtype of every operand, share what JAX compiles.
    Raises: ProgramError: for an expression that is not one of a point.
    """
    if framework == "torch":
        from compare.points.torch_side import measured
    else:
        from compare.points.jax_side import measured
    return measured(points, dtype)
