"""What is true at a point: the exact value, and its derivatives from either side, by differences at many digits.

A central difference is not neutral at a kink: it answers with the midpoint. Every difference is taken on both sides.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np

from compare.one_sided import limit, same, settled
from compare.points.point import Numbers, Point

__all__ = ["Exact", "Sides", "exact_derivatives"]

STEP_DIGITS, DIGITS, MORE_DIGITS = 20, 62, 150
"""A step is 1e-20 of the number it moves: a second difference then has some 20 digits left of 62. Beside subnormal
numbers of float32 it takes more."""
EXTREME, LOST, JUMP = 1e-8, mpmath.mpf("1e-40"), mpmath.mpf("1e-3")
LEVELS = (0, 2, 4)
"""Further powers of ten by which a step is made smaller, where one does not tell whether a derivative is infinite."""

LARGE, SECONDS_OF_LARGE = 8, 3
"""Where more elements than these are moved, second derivatives are taken of so many in each operand: they cost most."""


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

    def rounded(self, dtype: str) -> Exact:
        """The answers as a dtype holds them: a number beyond its range is infinite."""
        if dtype == "float64":
            return self
        return Exact(
            _rounded(self.value),
            {name: _rounded(sides) for name, sides in self.reverse.items()},
            _rounded(self.forward),
            {name: _rounded(sides) for name, sides in self.second.items()},
        )


def _rounded(sides: Sides) -> Sides:
    if sides.left.dtype.kind != "f":
        return sides
    with np.errstate(over="ignore", under="ignore"):
        return Sides(*(one.astype(np.float32).astype(float) for one in (sides.left, sides.right)))


def exact_derivatives(point: Point, dtype: str) -> Exact | None:
    """The exact answers for the operands as the dtype holds them; None for a point without an exact function.

    They are rounded to float64, whatever the dtype.
    Of complex operands only the value is given: which derivative is meant is a convention of its own.
    """
    if point.exact is None:
        return None
    arrays = point.arrays(dtype)
    extreme = _extreme(arrays) if point.elementwise else np.zeros(())
    if extreme.any() and not extreme.all():
        parts = {which: exact_derivatives(_part(point, extreme == which), dtype) for which in (False, True)}
        return _joined(parts, extreme)
    with mpmath.workdps(MORE_DIGITS if _extreme(arrays).any() else DIGITS):
        return _Differences(point, arrays, point.directions(dtype), dtype).exact()


def _extreme(arrays: Mapping[str, Numbers]) -> Numbers:
    """Where an element is so small that a step of it is lost beside ordinary numbers."""
    small = [(array != 0) & (abs(array) < EXTREME) for array in arrays.values() if array.dtype.kind == "f"]
    if len({one.shape for one in small}) > 1:
        return np.asarray(any(one.any() for one in small))
    return np.asarray(np.logical_or.reduce(small)) if small else np.zeros(())


def _part(point: Point, chosen: Numbers) -> Point:
    """Some elements of an elementwise point."""
    direction = {name: np.broadcast_to(one, chosen.shape)[chosen] for name, one in (point.direction or {}).items()}
    operands = {name: np.asarray(one)[chosen] for name, one in point.operands.items()}
    cotangent = None if point.cotangent is None else np.broadcast_to(point.cotangent, chosen.shape)[chosen]
    return replace(point, operands=operands, direction=direction, cotangent=cotangent)


def _joined(parts: Mapping[bool, Exact | None], extreme: Numbers) -> Exact:
    def sides(of: Callable[[Exact], Sides]) -> Sides:
        found = {which: of(part) for which, part in parts.items() if part is not None}

        def side(of_sides: Callable[[Sides], Numbers]) -> Numbers:
            arrays = {which: of_sides(one) for which, one in found.items()}
            joined = np.full(extreme.shape, np.nan, dtype=arrays[False].dtype)
            for which, array in arrays.items():
                joined[extreme == which] = array
            return joined

        return Sides(side(lambda one: one.left), side(lambda one: one.right))

    first = parts[False]
    assert first is not None
    return Exact(
        sides(lambda part: part.value),
        {name: sides(lambda part, name=name: part.reverse[name]) for name in first.reverse},  # type: ignore[misc]
        sides(lambda part: part.forward),
        {name: sides(lambda part, name=name: part.second[name]) for name in first.second},  # type: ignore[misc]
    )


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
        self.point, self.arrays = point, arrays
        self.real = all(array.dtype.kind != "c" for array in arrays.values())
        self.names = [name for name in point.moved(dtype) if self.real]
        self.operands = {name: _objects(array) for name, array in arrays.items()}
        finite = [np.isfinite(arrays[name]) for name in self.names]
        sizes = [abs(float(one)) for name in self.names for one in arrays[name].flat if one and np.isfinite(one)]
        smallest = mpmath.mpf(min(sizes, default=1.0))
        # Beside a number smaller than any other, each element has a step of its own size.
        self.extreme = bool(smallest < EXTREME)
        self.step = mpmath.mpf(10) ** -STEP_DIGITS * min(mpmath.mpf(1), smallest)
        self.steps = {name: self._own_steps(arrays[name]) for name in self.names}
        self.along = {
            name: np.where(here, _objects(directions[name]), mpmath.mpf(0)) if here.size else directions[name]
            for name, here in zip(self.names, finite, strict=True)
        }
        self.still = not all(here.all() for here in finite)
        self.base = self._at({})
        self.finite: Any = None if self.base is None else np.asarray(_is_finite(self.base), dtype=bool)
        # What second differences share: the result moved along the direction, and along the unit of the moment.
        self.far = {sign: self._at({name: one * (self.step * sign) for name, one in self.along.items()})
                    for sign in (1, -1)}  # fmt: skip
        self.near: dict[int, Any] = {}
        self.jumps = np.asarray(False)

    def _own_steps(self, array: Numbers) -> Any:
        def own(number: float) -> Any:
            if not self.extreme or not number or not np.isfinite(number):
                return self.step
            return mpmath.mpf(10) ** -STEP_DIGITS * min(mpmath.mpf(1), abs(mpmath.mpf(float(number))))

        return np.asarray(np.frompyfunc(own, 1, 1)(array), dtype=object)

    def _at(self, moves: Mapping[str, Any]) -> Any:
        """The exact result where operands are moved; nan where the function has no answer."""
        operands = {
            name: np.asarray(array + moves[name], dtype=object) if name in moves else array.copy()
            for name, array in self.operands.items()
        }
        assert self.point.exact is not None
        try:
            found = np.asarray(self.point.exact(*operands.values()), dtype=object)
        except (ZeroDivisionError, ValueError, OverflowError, ArithmeticError, mpmath.libmp.NoConvergence):
            return None
        return _real(found) if self.real else found

    def _from_base(self, there: Any) -> Any:
        """How far the result is moved; nan where it is infinite, or none, to begin with."""
        change = _difference(there, self.base)
        return None if change is None else np.asarray(np.where(self.finite, change, mpmath.nan), dtype=object)

    def _note_jumps(self, change: Any) -> None:
        """Keep where the smallest move changes the result by far more than its slope can."""
        if change is None:
            self.jumps = np.asarray(True)
            return
        far = np.asarray(np.frompyfunc(lambda one: not abs(one) < JUMP, 1, 1)(change), dtype=bool)
        self.jumps = self.jumps | (far if self.point.elementwise else far.any())

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
        value = _floats(self.base)
        nowhere = Sides(np.array(np.nan), np.array(np.nan))
        if self.base is None or not self.real or not self._differentiable():
            return Exact(Sides(value, value), {}, nowhere, {})
        forward = None if self.extreme else self._sides(lambda change: change, self.along, self.step)
        reverse, second = {}, {}
        for name in self.names:
            first_sides, second_sides = self._of_operand(name)
            reverse[name] = self._where_finite(name, first_sides)
            second[name] = self._where_finite(name, second_sides)
        if forward is None:
            # No one step fits all: what is smooth adds up, and of the rest nothing is said.
            forward = self._added_up(reverse)
        for name, sides in reverse.items():
            kept = [np.where(np.isnan(sides.left), np.nan, one) for one in (second[name].left, second[name].right)]
            second[name] = Sides(*kept)
        exact = Exact(Sides(value, value), reverse, self._elsewhere_nan(forward), second)
        return self._without_signs_of_zeros(exact) if self._negative_zeros().any() else exact

    def _negative_zeros(self) -> Numbers:
        """Where an operand of floats is -0.0, which mpmath has not."""
        found = [(one == 0) & np.signbit(one) for one in self.arrays.values() if one.dtype.kind == "f"]
        if self.point.elementwise:
            return np.asarray(np.logical_or.reduce(found))
        return np.asarray(any(one.any() for one in found))

    def _without_signs_of_zeros(self, exact: Exact) -> Exact:
        """Claim nothing at -0.0 that its sign may decide: an infinity, or the value where the function jumps."""
        here = self._negative_zeros()

        def without(sides: Sides, strange: Any) -> Sides:
            strange = np.broadcast_to(here, sides.left.shape) & strange
            return Sides(*(np.where(strange, np.nan, one) for one in (sides.left, sides.right)))

        def infinite(sides: Sides) -> Numbers:
            return np.isinf(sides.left) | np.isinf(sides.right)

        value = exact.value
        return Exact(
            without(value, np.isinf(value.left) | self.jumps) if value.left.dtype.kind == "f" else value,
            {name: without(sides, infinite(sides)) for name, sides in exact.reverse.items()},
            without(exact.forward, infinite(exact.forward)),
            {name: without(sides, infinite(sides)) for name, sides in exact.second.items()},
        )

    def _added_up(self, reverse: Mapping[str, Sides]) -> Sides:
        nothing = np.full(self.base.shape, np.nan)
        if not self.point.elementwise or self.point.cotangent is not None:
            return Sides(nothing, nothing)
        total = np.zeros(self.base.shape)
        for name, sides in reverse.items():
            moved = np.array([float(one) for one in self.along[name].flat]).reshape(total.shape)
            with np.errstate(invalid="ignore"):
                total = total + np.where(sides.left == sides.right, sides.left, np.nan) * moved
        total = np.where(np.isfinite(total), total, np.nan)
        return Sides(total, total)

    def _differentiable(self) -> bool:
        return all(not isinstance(one, bool) for one in self.base.flat)

    def _of_operand(self, name: str) -> tuple[Sides, Sides]:
        shape = self.arrays[name].shape
        found = [np.full(shape, np.nan) for _ in range(4)]
        if self.point.elementwise:
            [(_, unit, _)] = self._units(name)
            first = self._sides(self._contracted, {name: unit}, self.steps[name])
            return first, self._second({name: unit})
        large = sum(self.arrays[one].size for one in self.names) > LARGE
        for number, (place, unit, finite) in enumerate(self._units(name)):
            if not finite:
                continue
            first = self._sides(self._contracted, {name: unit}, self.steps[name][place])
            found[0][place], found[1][place] = first.left, first.right
            if number < SECONDS_OF_LARGE or not large:
                second = self._second({name: unit})
                found[2][place], found[3][place] = second.left, second.right
        return Sides(found[0], found[1]), Sides(found[2], found[3])

    # -- one derivative --

    def _sides(self, measured: Callable[[Any], Any], unit: Mapping[str, Any], size: Any) -> Sides:
        """The derivative along a move from both sides; keeps where its first steps lead.

        measured: what is looked at of a change of the result. size: the step, or that of every element.
        """

        def quotient(sign: int, level: int) -> Any:
            smaller = mpmath.mpf(10) ** -level
            step = size * smaller
            there = self._at({name: one * step * sign for name, one in unit.items()})
            change = self._from_base(there)
            if level == 0:
                self.near[sign] = there
                self._note_jumps(change)
            if change is None:
                return None
            rate = np.asarray(change / step, dtype=object)
            if self.extreme:
                lost = np.asarray((abs(change) < LOST * abs(self.base)) | (change == 0), dtype=bool)
                if lost.any():
                    # What does not feel so small a step takes an ordinary one, which may reach over a kink at 0.
                    step = mpmath.mpf(10) ** -STEP_DIGITS * smaller
                    ordinary = self._from_base(self._at({name: one * step * sign for name, one in unit.items()}))
                    rate = rate if ordinary is None else np.where(lost, ordinary / step, rate)
            return measured(np.asarray(rate, dtype=object))

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
            left[place], right[place] = (float(side) for side in pair)
        return Sides(left, right)

    def _second(self, unit: Mapping[str, Any]) -> Sides:
        """The derivative along `unit`, whose sides were just taken, of that along the direction, in four corners.

        Where the first derivative has a kink, only the corners where both moves have one sign count: the second
        derivative on either side of it.
        """
        corners: list[Any] = []
        if self.extreme:
            nothing = np.full(self.base.shape if self.point.elementwise else (), np.nan)
            return Sides(nothing, nothing)
        for one, other in itertools.product((1, -1), repeat=2):
            moves = {name: array * (self.step * other) for name, array in self.along.items()}
            for name, array in unit.items():
                moves[name] = moves[name] + array * (self.step * one)
            here = self._from_base(self.far[other])
            bent = self._contracted(_difference(_difference(self._at(moves), self.near[one]), here))
            corners.append(None if bent is None else np.asarray(bent / (self.step**2 * one * other), dtype=object))
        known = [one for one in corners if one is not None]
        shape = known[0].shape if known else ()
        low, high = np.full(shape, np.nan), np.full(shape, np.nan)
        for place in np.ndindex(shape):
            numbers = [_item(corner, place) for corner in corners]
            pair = _second_sides(numbers)
            low[place], high[place] = (float(side) for side in pair)
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
    """Both derivatives from the quotients of ever smaller steps; where there is one side only, it stands for both.

    Beside a jump only a finite one does: a function that leaps on one side and is infinite on the other has no slope.
    """
    right, left = _limit(up), -_limit(down)
    jumps = _jumps(up) or _jumps(down)
    if _jumps(up):
        right = mpmath.nan
    if _jumps(down):
        left = mpmath.nan
    if mpmath.isnan(right) or mpmath.isnan(left):
        one = left if mpmath.isnan(right) else right
        return (mpmath.nan, mpmath.nan) if jumps and mpmath.isinf(one) else (one, one)
    if same(left, right, mpmath.mpf(1)):
        return (left + right) / 2, (left + right) / 2
    return left, right


def _jumps(quotients: list[Any]) -> bool:
    """Whether a smaller step moves the function as far: its quotient grows by as much as the step shrinks."""
    if not all(map(mpmath.isfinite, quotients)) or not quotients[1]:
        return False
    grown = quotients[2] / quotients[1] / mpmath.mpf(10) ** (LEVELS[2] - LEVELS[1])
    return bool(abs(grown - 1) < mpmath.mpf("1e-6"))


def _limit(quotients: list[Any]) -> Any:
    return quotients[-1] if any(map(mpmath.isnan, quotients)) else limit(quotients, mpmath.mpf(1))


def _item(array: Any, place: tuple[int, ...]) -> Any:
    return mpmath.nan if array is None else array[place]


_is_finite = np.frompyfunc(mpmath.isfinite, 1, 1)


def _difference(left: Any, right: Any) -> Any:
    """`left - right`: nan where both are the same infinity, which hides how far it was moved."""
    return None if left is None or right is None else np.asarray(left - right, dtype=object)


def _real_number(number: Any) -> Any:
    if isinstance(number, bool | np.bool_):
        return bool(number)
    return mpmath.nan if isinstance(number, mpmath.mpc) else mpmath.mpmathify(number)


def _real(array: Any) -> Any:
    return np.asarray(np.frompyfunc(_real_number, 1, 1)(array), dtype=object)


def _floats(array: Any) -> Numbers:
    if array is None:
        return np.array(np.nan)
    if any(isinstance(one, mpmath.mpc) for one in array.flat):
        return np.array([complex(one) for one in array.flat]).reshape(array.shape)
    if all(isinstance(one, bool) for one in array.flat) and array.size:
        return np.array(array, dtype=bool)
    return np.array([float(one) for one in array.flat], dtype=float).reshape(array.shape)
