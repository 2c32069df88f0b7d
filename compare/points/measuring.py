"""Points are handed to the framework that they are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from compare.points.point import Aspect, Measured, Point

__all__ = ["measure", "measure_together"]


def measure(points: Sequence[Point], dtype: str, framework: Literal["torch", "jax"]) -> list[Measured]:
    """What a framework answers at every point, in float64 or float32. Imports the framework.

    Points of one expression, and of one shape and dtype of every operand, share what JAX compiles.
    Raises: ProgramError: for an expression that is not one of a point.
    """
    if framework == "torch":
        from compare.points import torch_side

        return torch_side.measured(points, dtype)
    from compare.points import jax_side

    return jax_side.measured(points, dtype)


def measure_together(
    points: Sequence[Point], aspects: Sequence[tuple[Aspect, ...]], dtype: str, framework: Literal["torch", "jax"]
) -> list[Measured]:
    """What `measure` says, in the aspects that are wanted of each point; the others are None.

    For many points of different expressions: JAX compiles them as one function. Where the result raises, or is no
    float, there is a value alone; PyTorch answers with the value in any case.
    """
    if framework == "torch":
        from compare.points import torch_side

        return torch_side.measured(points, dtype, aspects)
    from compare.points import jax_side

    return jax_side.measured_together(points, aspects, dtype)
