"""What is true at a point: the exact value, and its derivatives from either side, by differences at many digits.

A central difference is not neutral at a kink: it answers with the midpoint. Every difference is taken on both sides.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from compare.one_sided import limit, same, settled
from compare.points.point import Numbers, Point

__all__ = ["Exact", "Sides", "exact_derivatives"]

STEP_DIGITS, DIGITS = 20, 62
"""A step is 1e-20 of the number it moves: a second difference then has some 20 digits left of 62."""
LEVELS = (0, 2, 4)
"""Further powers of ten by which a step is made smaller, where one does not tell whether a derivative is infinite."""


@dataclass(frozen=True)
class Sides:
    """What lies between two numbers, elementwise: the derivatives from the left and from the right.

    nan in both: nothing is true there, as outside the domain or at an infinity.
    """

    left: Numbers
    right: Numbers

    @property
    def smooth(self) -> bool:
        """Whether both sides are one number everywhere."""
        return bool(np.all((self.left == self.right) | np.isnan(self.left)))


@dataclass(frozen=True)
class Exact:
    """The exact answers at a point, each aspect as `Measured` has it. Of a kink, what lies between two sides."""

    value: Sides
    reverse: dict[str, Sides]
    forward: Sides
    second: dict[str, Sides]


def exact_derivatives(point: Point, dtype: str) -> Exact | None:
    """The exact answers for the operands as the dtype holds them; None for a point without an exact function.

    Of complex operands only the value is given: which derivative is meant is a convention of its own.
    """
    if point.exact is None:
        return None
    arrays = point.arrays(dtype)
    names = point.moved(dtype)
    with mpmath.workdps(_digits(arrays, names)):
        return _Differences(point, arrays, point.directions(dtype), dtype).exact()


def _digits(arrays: Mapping[str, Numbers], names: tuple[str, ...]) -> int:
    """Digits that hold a step of the smallest number beside the largest."""
    sizes = [abs(float(one)) for name in names if arrays[name].dtype.kind == "f" for one in arrays[name].flat]
    exponents = [abs(float(np.log10(size))) for size in sizes if size and np.isfinite(size)]
    furthest = max(exponents, default=0.0)
    return DIGITS if furthest < 8 else DIGITS + 4 * int(furthest)


def _objects(array: Numbers) -> Any:
    result = np.empty(array.shape, dtype=object)
    for place in np.ndindex(array.shape):
        number = array[place].item()
        result[place] = number if isinstance(number, bool) else mpmath.mpmathify(number)
    return result


class _Differences:
    """The exact function at a point, and moved away from it.

    A move is an array for each differentiated operand. Of an elementwise function all elements of an operand move at
    once; of any other, one after another.
    """

    def __init__(self, point: Point, arrays: dict[str, Numbers], directions: dict[str, Numbers], dtype: str) -> None:
        self.point, self.arrays, self.dtype = point, arrays, dtype
        self.real = all(array.dtype.kind != "c" for array in arrays.values())
        self.names = [name for name in point.moved(dtype) if self.real]
        self.operands = {name: _objects(array) for name, array in arrays.items()}
        finite = [np.isfinite(arrays[name]) for name in self.names]
        sizes = [abs(float(one)) for name in self.names for one in arrays[name].flat if one and np.isfinite(one)]
        smallest = min(sizes, default=1.0)
        # Steps are relative to what is moved: of a number smaller than any other, relative to itself.
        self.step = mpmath.mpf(10) ** -STEP_DIGITS * min(mpmath.mpf(1), mpmath.mpf(smallest))
        self.along = {
            name: np.where(here, _objects(directions[name]), mpmath.mpf(0)) if here.size else directions[name]
            for name, here in zip(self.names, finite, strict=True)
        }
        self.still = not all(here.all() for here in finite)
        self.base = self._at({})

    def _at(self, moves: Mapping[str, Any]) -> Any:
        """The exact result where operands are moved; nan where the function has no answer."""
        operands = {
            name: array + moves[name] if name in moves else array.copy() for name, array in self.operands.items()
        }
        assert self.point.exact is not None
        try:
            found = np.asarray(self.point.exact(*operands.values()), dtype=object)
        except (ZeroDivisionError, ValueError, OverflowError, ArithmeticError, mpmath.libmp.NoConvergence):
            return None
        return _real(found) if self.real else found

    def _change(self, moves: Mapping[str, Any], beside: Any) -> Any:
        """How far the result is moved from `beside`; a number that is infinite on both sides is not moved."""
        there = self._at(moves)
        return None if there is None or beside is None else _difference(there, beside)

    def _contracted(self, change: Any) -> Any:
        """What the cotangent makes of a change: of an elementwise function each element is its own."""
        if change is None:
            return None
        weighed = np.asarray(change * _objects(self.point.weights(change.shape, np.float64)), dtype=object)
        return weighed if self.point.elementwise else np.asarray(weighed.sum() if weighed.size else mpmath.mpf(0))

    def _units(self, name: str) -> Iterator[tuple[tuple[int, ...], Any, bool]]:
        """The moves of one operand: where it belongs, the array of ones and zeros, whether it moves what is finite."""
        array = self.arrays[name]
        finite = np.isfinite(array)
        if self.point.elementwise:
            yield (), _objects(finite.astype(float)), True
            return
        for place in np.ndindex(array.shape):
            unit = np.zeros(array.shape)
            unit[place] = 1.0
            yield place, _objects(unit), bool(finite[place])

    def exact(self) -> Exact:
        """All aspects."""
        value = _floats(self.base, self.dtype)
        nowhere = Sides(np.array(np.nan), np.array(np.nan))
        if self.base is None or not self.real or not self._differentiable():
            return Exact(Sides(value, value), {}, nowhere, {})
        forward = self._sides(lambda change: change, self.along)
        reverse, second = {}, {}
        for name in self.names:
            first_sides, second_sides = self._of_operand(name)
            reverse[name] = self._where_finite(name, first_sides)
            second[name] = self._where_finite(name, second_sides)
        return Exact(Sides(value, value), reverse, self._elsewhere_nan(forward), second)

    def _differentiable(self) -> bool:
        return all(not isinstance(one, bool) for one in self.base.flat)

    def _of_operand(self, name: str) -> tuple[Sides, Sides]:
        shape = self.arrays[name].shape
        found = [np.full(shape, np.nan) for _ in range(4)]
        if self.point.elementwise:
            [(_, unit, _)] = self._units(name)
            first = self._sides(self._contracted, {name: unit})
            second = self._second({name: unit})
            return first, second
        for place, unit, finite in self._units(name):
            if finite:
                first, second = self._sides(self._contracted, {name: unit}), self._second({name: unit})
                for array, side in zip(found, (first.left, first.right, second.left, second.right), strict=True):
                    array[place] = side
        return Sides(found[0], found[1]), Sides(found[2], found[3])

    # -- one derivative --

    def _sides(self, measured: Callable[[Any], Any], unit: Mapping[str, Any]) -> Sides:
        """The derivative along a move from both sides. `measured`: what is looked at of a change of the result."""

        def quotient(sign: int, level: int) -> Any:
            step = self.step * mpmath.mpf(10) ** -level * sign
            change = measured(self._change({name: one * step for name, one in unit.items()}, self.base))
            return None if change is None else np.asarray(change / abs(step), dtype=object)

        up, down = [quotient(1, 0)], [quotient(-1, 0)]
        shape = next((one.shape for one in (*up, *down) if one is not None), ())
        left, right = np.full(shape, np.nan), np.full(shape, np.nan)
        for place in np.ndindex(shape):
            if up[0] is None or down[0] is None:
                pair = None
            else:
                pair = settled([up[0][place]], [down[0][place]], mpmath.mpf(1))
            if pair is None:
                while len(up) < len(LEVELS):
                    up.append(quotient(1, LEVELS[len(up)]))
                    down.append(quotient(-1, LEVELS[len(down)]))
                pair = _limits([_item(one, place) for one in up], [_item(one, place) for one in down])
            left[place], right[place] = (_float(side, self.dtype) for side in pair)
        return Sides(left, right)

    def _second(self, unit: Mapping[str, Any]) -> Sides:
        """The derivative along `unit` of the derivative along the direction, in each of the four corners.

        Where the first derivative has a kink, only the corners where both moves have one sign count: the second
        derivative on either side of it.
        """
        corners = []
        for one, other in itertools.product((1, -1), repeat=2):
            far = {name: array * (self.step * other) for name, array in self.along.items()}
            near = {name: array * (self.step * one) for name, array in unit.items()}
            both = {name: far.get(name, 0) + near.get(name, 0) for name in {**far, **near}}
            here = self._change(far, self.base)
            change = self._change(both, self._at(near))
            bent = None if here is None or change is None else self._contracted(_difference(change, here))
            corners.append(None if bent is None else np.asarray(bent / (self.step**2 * one * other), dtype=object))
        known = [one for one in corners if one is not None]
        shape = known[0].shape if known else ()
        low, high = np.full(shape, np.nan), np.full(shape, np.nan)
        for place in np.ndindex(shape):
            numbers = [_item(corner, place) for corner in corners]
            pair = _second_sides(numbers)
            low[place], high[place] = (_float(side, self.dtype) for side in pair)
        return Sides(low, high)

    # -- where nothing is true --

    def _where_finite(self, name: str, sides: Sides) -> Sides:
        if not self.point.elementwise:
            return sides
        finite = np.isfinite(self.arrays[name])
        return Sides(np.where(finite, sides.left, np.nan), np.where(finite, sides.right, np.nan))

    def _elsewhere_nan(self, sides: Sides) -> Sides:
        """Forward mode moves everything at once: at an infinity there is nothing to move."""
        if not self.still:
            return sides
        if not self.point.elementwise:
            nothing = np.full(sides.left.shape, np.nan)
            return Sides(nothing, nothing)
        for name in self.names:
            sides = self._where_finite(name, sides)
        return sides


def _second_sides(corners: list[Any]) -> tuple[Any, Any]:
    """The lowest and the highest second derivative that a corner shows; nan where none is finite."""
    finite = [one for one in corners if mpmath.isfinite(one)]
    if len(finite) < 4:
        return mpmath.nan, mpmath.nan
    together = [corners[0], corners[3]]
    apart = [corners[1], corners[2]]
    bound = mpmath.mpf(10) ** (STEP_DIGITS // 2)
    kink = any(abs(one) > bound * (1 + max(map(abs, together))) for one in apart)
    if any(abs(one) > bound for one in together):
        return mpmath.nan, mpmath.nan  # it may be infinite, which one step does not tell
    counted = together if kink else corners
    low, high = min(counted), max(counted)
    if same(low, high, mpmath.mpf(10) ** 6):
        return (low + high) / 2, (low + high) / 2
    return low, high


def _limits(up: list[Any], down: list[Any]) -> tuple[Any, Any]:
    if all(map(mpmath.isnan, up)) and all(map(mpmath.isnan, down)):
        return mpmath.nan, mpmath.nan
    right, left = _limit(up), -_limit(down)
    if mpmath.isnan(right) or mpmath.isnan(left):
        one = left if mpmath.isnan(right) else right
        return one, one
    if same(left, right, mpmath.mpf(1)):
        return (left + right) / 2, (left + right) / 2
    return left, right


def _limit(quotients: list[Any]) -> Any:
    return quotients[-1] if any(map(mpmath.isnan, quotients)) else limit(quotients, mpmath.mpf(1))


def _item(array: Any, place: tuple[int, ...]) -> Any:
    return mpmath.nan if array is None else array[place]


def _difference(left: Any, right: Any) -> Any:
    """`left - right`, and 0 where both are the same infinity."""
    if left is None or right is None:
        return None

    def one(a: Any, b: Any) -> Any:
        return mpmath.mpf(0) if mpmath.isinf(a) and a == b else a - b

    return np.asarray(np.frompyfunc(one, 2, 1)(left, right), dtype=object)


def _real_number(number: Any) -> Any:
    if isinstance(number, bool | np.bool_):
        return bool(number)
    return mpmath.nan if isinstance(number, mpmath.mpc) else mpmath.mpmathify(number)


def _real(array: Any) -> Any:
    return np.asarray(np.frompyfunc(_real_number, 1, 1)(array), dtype=object)


def _float(number: Any, dtype: str) -> float:
    """A number as the dtype holds it: one beyond its range is infinite."""
    found = float(number)
    return found if dtype == "float64" else float(_rounded(found))


def _rounded(number: float) -> Any:
    with np.errstate(over="ignore", under="ignore"):
        return np.float32(number)


def _floats(array: Any, dtype: str) -> Numbers:
    if array is None:
        return np.array(np.nan)
    if any(isinstance(one, mpmath.mpc) for one in array.flat):
        return np.array([complex(one) for one in array.flat]).reshape(array.shape)
    if all(isinstance(one, bool) for one in array.flat) and array.size:
        return np.array(array, dtype=bool)
    return np.array([_float(one, dtype) for one in array.flat], dtype=float).reshape(array.shape)
