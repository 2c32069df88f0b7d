"""What is measured: a computation in each framework's own words, at one point; and what a framework answers there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from compare.errors import ProgramError
from compare.observed import Raised
from compare.ops import COMPLEX

__all__ = ["ASPECTS", "Aspect", "Measured", "Numbers", "Point"]

Aspect = Literal["value", "reverse", "forward", "second"]
ASPECTS: tuple[Aspect, ...] = ("value", "reverse", "forward", "second")

Numbers = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Point:
    """One computation at one point.

    torch, jax: expressions over the operands' names; the last of several lines is the result, those before it assign.
    operands: by name, numbers in lists or arrays. Floats take the dtype that is measured, and complex numbers the one
        that is as wide; integers are int64, booleans bool.
    exact: the same computation on object arrays of mpmath numbers, the operands in their order; None where there is
        none.
    differentiated: names of operands; None is every one of floats or complex numbers.
    cotangent: weights of the result's elements; None is ones.
    direction: by name, the move of forward mode and of the second derivative; what is missing is ones.
    elementwise: every element of the result depends on the operands' elements in its own place alone, and all have one
        shape: each element is then a point of its own.
    """

    torch: str
    jax: str
    operands: Mapping[str, Any]
    exact: Callable[..., Any] | None = None
    differentiated: tuple[str, ...] | None = None
    cotangent: Any = None
    direction: Mapping[str, Any] | None = None
    elementwise: bool = False

    def arrays(self, dtype: str) -> dict[str, Numbers]:
        """The operands as arrays. Raises ProgramError for what is no number."""
        found = {}
        for name, operand in self.operands.items():
            array = np.asarray(operand)
            if array.dtype.kind not in "fciub":
                raise ProgramError(f"The operand '{name}' of a point is not made of numbers: {operand!r}.")
            wanted = {"f": dtype, "c": COMPLEX[dtype], "b": "bool"}.get(array.dtype.kind, "int64")
            with np.errstate(over="ignore"):
                found[name] = array.astype(wanted)
        return found

    def moved(self, dtype: str) -> tuple[str, ...]:
        """The names that are differentiated."""
        if self.differentiated is not None:
            return self.differentiated
        return tuple(name for name, array in self.arrays(dtype).items() if array.dtype.kind in "fc")

    def directions(self, dtype: str) -> dict[str, Numbers]:
        """The move of every differentiated operand, in its shape and dtype."""
        arrays, given = self.arrays(dtype), self.direction or {}
        return {
            name: np.broadcast_to(np.asarray(given.get(name, 1.0)), arrays[name].shape).astype(arrays[name].dtype)
            for name in self.moved(dtype)
        }

    def weights(self, shape: tuple[int, ...], dtype: Any) -> Numbers:
        """The cotangent of a result of this shape and dtype."""
        given = 1.0 if self.cotangent is None else self.cotangent
        return np.broadcast_to(np.asarray(given), shape).astype(dtype)


@dataclass(frozen=True)
class Measured:
    """What one framework answers at a point.

    reverse, second: by the name of each differentiated operand; None for a tensor that is unused, as PyTorch says it.
    second: the derivative of the gradient along `direction`.
    Any of them is Raised where the framework raises, and None where the result has no history to differentiate.
    """

    value: Numbers | Raised
    reverse: dict[str, Numbers | None] | Raised | None
    forward: Numbers | Raised | None
    second: dict[str, Numbers | None] | Raised | None

    def of(self, aspect: Aspect) -> Any:
        """What was answered in one aspect."""
        return getattr(self, aspect)
