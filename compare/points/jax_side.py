"""Points on JAX: value, reverse mode, forward mode, and forward mode of reverse mode, compiled as one function."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.execution import folded
from compare.observed import Raised
from compare.points.expressions import function_of
from compare.points.point import ASPECTS, Aspect, Measured, Numbers, Point
from compare.settings import put_back

__all__ = ["measured", "measured_together"]


def measured(points: Sequence[Point], dtype: str) -> list[Measured]:
    """What JAX answers at every point, with 64-bit types for float64 alone. All settings are put back."""
    import jax

    from compare.jax_leg import jax_settings

    functions: dict[Any, _Compiled] = {}
    found = []
    with put_back(jax_settings()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jax.config.update("jax_enable_x64", dtype == "float64")
        for point in points:
            arrays, names = point.arrays(dtype), point.moved(dtype)
            key = _key(point, arrays, names)
            if key not in functions:
                functions[key] = _Compiled(point, arrays, names)
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

    def __init__(self, point: Point, arrays: dict[str, Numbers], names: tuple[str, ...]) -> None:
        import jax
        import jax.numpy as jnp

        self.names = names
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
        wanted = list(self.aspects) if differentiable else ["value"]
        answers: Any = None
        if not self.apart:
            if self.together is None:
                functions = [self.aspects[name] for name in wanted]
                self.together = jax.jit(lambda *operands: [function(*operands) for function in functions])
            answers = _or_raised(lambda: jax.tree.map(_plain, self.together(*given)))
        if answers is None or isinstance(answers, Raised):
            if not self.apart:
                self.apart = {name: jax.jit(self.aspects[name]) for name in wanted}
            answers = [
                _or_raised(lambda name=name: jax.tree.map(_plain, self.apart[name](*given)))  # type: ignore[misc]
                for name in wanted
            ]
        return Measured(*answers, *[None] * (4 - len(answers)))


def _plain(array: Any) -> Numbers:
    return np.array(array, copy=True)


def _or_raised(compute: Callable[[], Any]) -> Any:
    try:
        return compute()
    except Exception as error:
        return Raised(type(error).__name__, folded(str(error)))


# ---- many expressions, compiled together ----

TOGETHER = 64
"""Expressions that are compiled as one function: compiling costs most, and a share of it is for each function."""
COMPILER_OPTIONS = {"xla_cpu_use_fusion_emitters": False}
"""Halves what compiling costs. It is about how a loop becomes machine code, and changes no number of the ledger."""


def measured_together(points: Sequence[Point], aspects: Sequence[tuple[Aspect, ...]], dtype: str) -> list[Measured]:
    """What JAX answers at every point, in the aspects that are wanted of it; all others are None.

    Points that share an expression, shapes, dtypes and aspects are one function at several places.
    """
    import jax

    from compare.jax_leg import jax_settings

    found: dict[int, Measured] = {}
    with put_back(jax_settings()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jax.config.update("jax_enable_x64", dtype == "float64")
        groups: dict[Any, _Group] = {}
        for place, (point, wanted) in enumerate(zip(points, aspects, strict=True)):
            arrays, names = point.arrays(dtype), point.moved(dtype)
            key = _key(point, arrays, names), wanted
            if key not in groups:
                groups[key] = _Group(_Compiled(point, arrays, names), wanted, [])
            groups[key].members.append((place, point, arrays))
        ready = [one for one in groups.values() if one.is_ready(found, dtype)]
        for start in range(0, len(ready), TOGETHER):
            _measure_groups(ready[start : start + TOGETHER], found, dtype)
    return [found[place] for place in range(len(points))]


@dataclass
class _Group:
    """One expression, and the points that differ in their numbers alone. members: place in the list, point, arrays."""

    compiled: _Compiled
    wanted: tuple[Aspect, ...]
    members: list[tuple[int, Point, dict[str, Numbers]]]

    def is_ready(self, found: dict[int, Measured], dtype: str) -> bool:
        """Whether the expression can be traced; where it raises, that is the answer at all of its points."""
        import jax

        compiled, (_, _, arrays) = self.compiled, self.members[0]
        moved, others = self._split(arrays)
        compiled.shape = _or_raised(lambda: jax.eval_shape(compiled.aspects["value"], moved, others, None, None))
        if isinstance(compiled.shape, Raised):
            found.update({place: Measured(compiled.shape, None, None, None) for place, _, _ in self.members})
            return False
        if not compiled.names or np.dtype(compiled.shape.dtype).kind not in "fc":
            self.wanted = ("value",)
        return True

    def given(self, turn: int, dtype: str) -> Any:
        """What the function is given in one of its turns; the first point again, where it has had all."""
        _, point, arrays = self.members[turn if turn < len(self.members) else 0]
        if self.wanted == ("value",):
            return (*self._split(arrays), None, None)
        shape = self.compiled.shape
        return (*self._split(arrays), point.weights(shape.shape, shape.dtype), point.directions(dtype))

    def _split(self, arrays: dict[str, Numbers]) -> tuple[dict[str, Numbers], dict[str, Numbers]]:
        compiled = self.compiled
        return {name: arrays[name] for name in compiled.names}, {name: arrays[name] for name in compiled.others}


def _measure_groups(groups: Sequence[_Group], found: dict[int, Measured], dtype: str) -> None:
    raised: dict[tuple[int, Aspect], Raised] = {}

    def together(given: list[Any]) -> list[dict[Aspect, Any]]:
        answers: list[dict[Aspect, Any]] = []
        for place, (group, operands) in enumerate(zip(groups, given, strict=True)):
            answers.append({})
            for aspect in group.wanted:
                answer = _or_raised(lambda: group.compiled.aspects[aspect](*operands))  # noqa: B023  called at once
                if isinstance(answer, Raised):
                    raised[place, aspect] = answer
                else:
                    answers[-1][aspect] = answer
        return answers

    function = _function_of_all(together, [group.given(0, dtype) for group in groups])
    for turn in range(max(len(group.members) for group in groups)):
        answers = _or_raised(lambda: function([group.given(turn, dtype) for group in groups]))  # noqa: B023  called at once
        for place, group in enumerate(groups):
            if turn >= len(group.members):
                continue
            index, point, arrays = group.members[turn]
            if isinstance(answers, Raised):
                # One of them does not compile: each for itself.
                alone = group.compiled.at(point, arrays, dtype)
                raises = isinstance(alone.value, Raised)
                found[index] = alone if raises else _only({one: alone.of(one) for one in group.wanted})
                continue
            seen: dict[Aspect, Any] = {aspect: _tree(answer) for aspect, answer in answers[place].items()}
            seen |= {aspect: raised[place, aspect] for aspect in group.wanted if (place, aspect) in raised}
            found[index] = _only(seen)


def _function_of_all(together: Callable[..., Any], given: list[Any]) -> Callable[..., Any]:
    """The compiled function; another release of JAX may not know the option."""
    import jax

    function: Callable[..., Any] = jax.jit(together, compiler_options=COMPILER_OPTIONS)
    try:
        function(given)
    except Exception as error:
        if "No such compile option" in str(error):
            function = jax.jit(together)
    return function


def _only(seen: Mapping[Aspect, Any]) -> Measured:
    """These aspects, and None for the others."""
    return Measured(**{aspect: seen.get(aspect) for aspect in ASPECTS})  # type: ignore[arg-type]  # each as it is


def _tree(answer: Any) -> Any:
    return {name: _plain(one) for name, one in answer.items()} if isinstance(answer, dict) else _plain(answer)
