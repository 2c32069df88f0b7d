"""Points on JAX: value, reverse mode, forward mode, and forward mode of reverse mode, compiled as one function."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from compare.execution import folded
from compare.observed import Raised
from compare.points.expressions import function_of
from compare.points.point import ASPECTS, Aspect, Measured, Numbers, Point
from compare.settings import put_back

__all__ = ["measured"]


COMPILER_OPTIONS: dict[str, bool | int] = {
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
}
"""Halves what compiling costs: how loops become machine code, and in how many pieces. They change no number of the
ledger or the sweep. Without optimization it would cost half of that again, but float32 is then rounded otherwise.
"""


def measured(
    points: Sequence[Point], dtype: str, aspects: Sequence[tuple[Aspect, ...]] | None = None
) -> list[Measured]:
    """What JAX answers at every point, with 64-bit types for float64 alone. All settings are put back.

    aspects: those wanted of each point; the others are then None.
    """
    import jax

    from compare.jax_leg import jax_settings

    functions: dict[Any, _Compiled] = {}
    found = []
    with put_back(jax_settings()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jax.config.update("jax_enable_x64", dtype == "float64")
        for place, point in enumerate(points):
            arrays, names = point.arrays(dtype), point.moved(dtype)
            wanted = None if aspects is None else aspects[place]
            key = _key(point, arrays, names), wanted
            if key not in functions:
                functions[key] = _Compiled(point, arrays, names, wanted)
            found.append(functions[key].at(point, arrays, dtype))
    return found


def _key(point: Point, arrays: dict[str, Numbers], names: tuple[str, ...]) -> Any:
    """What a compiled function depends on: positions and conditions are constants of it, as in printed scripts."""
    parts = []
    for name, array in arrays.items():
        constant = None if array.dtype.kind in "fc" else array.tobytes()
        parts.append((name, array.shape, array.dtype.str, constant))
    return point.jax, names, tuple(parts)


class _Compiled:
    """One expression for operands of one shape and dtype: a function of all aspects, or where one raises, of each."""

    def __init__(
        self, point: Point, arrays: dict[str, Numbers], names: tuple[str, ...], wanted: tuple[Aspect, ...] | None
    ) -> None:
        import jax
        import jax.numpy as jnp

        self.names, self.wanted = names, wanted
        self.others = tuple(name for name, one in arrays.items() if one.dtype.kind in "fc" and name not in names)
        constants = {name: jnp.asarray(one) if one.dtype.kind != "b" else one for name, one in arrays.items()
                     if one.dtype.kind not in "fc"}  # fmt: skip
        function = function_of(point.jax, "jax", arrays, {"jax": jax, "jnp": jnp, "lax": jax.lax})

        def result(moved: dict[str, Any], others: dict[str, Any]) -> Any:
            return jnp.asarray(function(**constants, **moved, **others))

        def gradient(moved: dict[str, Any], others: dict[str, Any], weights: Any) -> Any:
            return jax.vjp(lambda operands: result(operands, others), moved)[1](weights)[0]

        def value(moved: Any, others: Any, weights: Any, directions: Any) -> Any:
            return result(moved, others)

        def reverse(moved: Any, others: Any, weights: Any, directions: Any) -> Any:
            return gradient(moved, others, weights)

        def forward(moved: Any, others: Any, weights: Any, directions: Any) -> Any:
            return jax.jvp(lambda operands: result(operands, others), (moved,), (directions,))[1]

        def second(moved: Any, others: Any, weights: Any, directions: Any) -> Any:
            return jax.jvp(lambda operands: gradient(operands, others, weights), (moved,), (directions,))[1]

        self.aspects: dict[str, Callable[..., Any]] = {
            "value": value, "reverse": reverse, "forward": forward, "second": second,
        }  # fmt: skip
        self.shape: Any = None
        self.together: Any = None
        self.apart: dict[str, Any] = {}

    def at(self, point: Point, arrays: dict[str, Numbers], dtype: str) -> Measured:
        """What JAX answers at a point of these shapes."""
        import jax

        moved = {name: arrays[name] for name in self.names}
        others = {name: arrays[name] for name in self.others}
        if self.shape is None:
            self.shape = _or_raised(lambda: jax.eval_shape(self.aspects["value"], moved, others, None, None))
        if isinstance(self.shape, Raised):
            return Measured(self.shape, None, None, None)
        differentiable = bool(self.names) and np.dtype(self.shape.dtype).kind in "fc"
        weights = point.weights(self.shape.shape, self.shape.dtype) if differentiable else None
        given = (moved, others, weights, point.directions(dtype))
        wanted: list[Aspect] = ["value"]
        if differentiable:
            wanted = [one for one in ASPECTS if self.wanted is None or one in self.wanted]
        answers: Any = None
        if not self.apart:
            if self.together is None:
                functions = [self.aspects[name] for name in wanted]
                self.together = self._jit(lambda *operands: [function(*operands) for function in functions])
            answers = _or_raised(lambda: jax.tree.map(_plain, self.together(*given)))
        if answers is None or isinstance(answers, Raised):
            if not self.apart:
                self.apart = {name: self._jit(self.aspects[name]) for name in wanted}
            answers = [
                _or_raised(lambda name=name: jax.tree.map(_plain, self.apart[name](*given)))  # type: ignore[misc]
                for name in wanted
            ]
        seen = dict(zip(wanted, answers, strict=True))
        return Measured(*(seen.get(one) for one in ASPECTS))  # type: ignore[arg-type]  # each as it is

    def _jit(self, function: Callable[..., Any]) -> Any:
        import jax

        return jax.jit(function, compiler_options=_compiler_options())


@functools.cache
def _compiler_options() -> dict[str, bool | int]:
    """Those of COMPILER_OPTIONS that this release of JAX knows."""
    return {name: value for name, value in COMPILER_OPTIONS.items() if _is_known({name: value})}


def _is_known(options: dict[str, bool | int]) -> bool:
    import jax

    try:
        jax.jit(lambda: 0.0, compiler_options=options)()
    except Exception:
        return False
    return True


def _plain(array: Any) -> Numbers:
    return np.array(array, copy=True)


def _or_raised(compute: Callable[[], Any]) -> Any:
    try:
        return compute()
    except Exception as error:
        return Raised(type(error).__name__, folded(str(error)))
