"""The op vocabulary on arrays of mpmath numbers: results, and how far they are moved when operands are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

from compare.ops import COMPLEX, PARTS, Op, is_complex
from compare.statements import from_number

__all__ = [
    "Elements", "applied", "array_of", "as_dtype", "complex_number", "conjugate", "copied", "each", "imaginary_part",
    "is_single", "objects", "real_part", "shifted", "to_exact", "zeros",
]  # fmt: skip

Elements = np.ndarray[Any, Any]
"""An object array of mpf, of mpc, or of bool."""
ORDINARY = mpmath.mpf("0.5")
"""Stands for an element that is not finite, while it is worked out which elements an op's result depends on."""


def as_dtype(number: Any, dtype: str) -> Any:
    """A number as it takes part: rounded to the dtype. PyTorch rounds a Python number to its tensor's dtype too."""
    number = from_number(number)
    if isinstance(number, complex) or is_complex(dtype):
        part = PARTS.get(dtype, dtype)
        return mpmath.mpc(as_dtype(complex(number).real, part), as_dtype(complex(number).imag, part))
    if dtype == "bool":
        # The number in `labels != -100` is compared with integers: only the result is a bool.
        return number if isinstance(number, bool) else mpmath.mpf(number)
    if dtype == "int64":
        return mpmath.mpf(int(number))
    with np.errstate(over="ignore"):
        return mpmath.mpf(float(np.dtype(dtype).type(number)))


def _real_number(number: Any) -> Any:
    if isinstance(number, bool | np.bool_):
        return bool(number)
    # A complex number is what mpmath answers outside the domain of a real function.
    return mpmath.nan if isinstance(number, mpmath.mpc) else mpmath.mpf(number)


_real = np.frompyfunc(_real_number, 1, 1)
to_exact = np.frompyfunc(mpmath.mpmathify, 1, 1)
_complex = np.frompyfunc(mpmath.mpc, 1, 1)
complex_number = np.frompyfunc(mpmath.mpc, 2, 1)
real_part, imaginary_part = np.frompyfunc(mpmath.re, 1, 1), np.frompyfunc(mpmath.im, 1, 1)
conjugate = np.frompyfunc(mpmath.conj, 1, 1)


def is_single(dtype: str) -> bool:
    """Whether numbers of a dtype are computed in float32."""
    return dtype in ("float32", COMPLEX["float32"])


def each(test: Callable[[Any], bool], array: Elements) -> np.ndarray[Any, Any]:
    """The truth of a test for each element, as an array of bool."""
    return np.asarray(np.frompyfunc(test, 1, 1)(array), dtype=bool)


def objects(result: Any) -> Elements:
    """An array also of a bare number, which is what arithmetic on arrays without dimensions answers."""
    return np.asarray(result, dtype=object)


def zeros(shape: tuple[int, ...]) -> Elements:
    """A new array of zeros."""
    return np.full(shape, mpmath.mpf(0), dtype=object)


def copied(value: Any) -> Elements:
    """A new array; None is zero."""
    return np.array(mpmath.mpf(0) if value is None else value, dtype=object)


def applied(op: Op, values: Sequence[Any], attributes: dict[str, Any], dtype: str) -> Elements:
    """The op on numbers: a new array in C order, so that it can be viewed like PyTorch's."""
    rounded = PARTS.get(dtype, dtype if dtype in PARTS.values() else "float64")
    numbers = {name: as_dtype(one, rounded) if isinstance(one, float) else one for name, one in attributes.items()}
    convert = _complex if is_complex(dtype) else _real
    return np.array(convert(op.reference(*values, **numbers)), dtype=object, order="C")


def shifted(
    op: Op,
    values: Sequence[Any],
    shifts: Sequence[Elements | None],
    attributes: dict[str, Any],
    dtype: str,
    result: Elements,
) -> Elements:
    """How far the op's result is moved when its operands are."""
    linear = _linear(op, values, shifts, attributes, dtype)
    if linear is not None:
        return linear
    pairs = list(zip(values, shifts, strict=True))
    moved = [value if shift is None else objects(value + shift) for value, shift in pairs]
    change = objects(applied(op, moved, attributes, dtype) - result)
    unclear = each(mpmath.isnan, change)
    if unclear.any():
        # inf - inf or nan - nan: not moved at all, where an element has nothing to do with those that were.
        marked = applied(op, [_marked(*pair) for pair in pairs], attributes, dtype)
        change[unclear & ~each(mpmath.isnan, marked)] = mpmath.mpf(0)
    return change


def _linear(
    op: Op, values: Sequence[Any], shifts: Sequence[Elements | None], attributes: dict[str, Any], dtype: str
) -> Elements | None:
    """The shift of a result that is linear in what is moved: exact, whatever the values are. None for other ops."""
    moves = [zeros(np.shape(value)) if shift is None else shift for value, shift in zip(values, shifts, strict=True)]
    linear = op.places(op.linear, len(values))
    if linear and all(shift is None or place in linear for place, shift in enumerate(shifts)):
        mixed = [moves[place] if place in linear else value for place, value in enumerate(values)]
        return applied(op, mixed, attributes, dtype)
    if op.name == "astype":
        return copied(moves[0])
    if op.name == "divide" and shifts[0] is not None and shifts[1] is None:
        quotient = applied(op, [moves[0], values[1]], attributes, dtype)
        return objects(np.where(np.broadcast_to(moves[0] == 0, quotient.shape), mpmath.mpf(0), quotient))
    if op.name in ("multiply", "matmul", "vecdot", "outer"):
        parts = [
            _product(op, [*values[:place], shift, *values[place + 1 :]], place, attributes, dtype)
            for place, shift in enumerate(shifts)
            if shift is not None
        ]
        if len(parts) == 2:
            parts.append(applied(op, moves, attributes, dtype))
        return objects(sum(parts[1:], parts[0]))
    return None


def _product(op: Op, factors: Sequence[Any], moved: int, attributes: dict[str, Any], dtype: str) -> Elements:
    """The product of a shift, the factor at `moved`, and a value. A shift of 0 beside an infinity or nan gives 0."""
    whole = applied(op, factors, attributes, dtype)
    finite = each(mpmath.isfinite, objects(factors[1 - moved]))
    if finite.all():
        return whole

    def with_factors(shift: Any, value: Any) -> Elements:
        numbers = [to_exact(objects(one)) for one in ((shift, value) if moved == 0 else (value, shift))]
        return applied(op, [objects(one) for one in numbers], attributes, dtype)

    shift, value = factors[moved], factors[1 - moved]
    apart = with_factors(shift, np.where(finite, value, mpmath.mpf(0)))
    meets = with_factors(np.where(shift != 0, 1, 0), np.where(finite, 0, 1))
    return objects(np.where(meets != 0, whole, apart))


def _marked(value: Any, shift: Elements | None) -> Any:
    """An operand with nan where it is moved, and an ordinary number where it is not finite."""
    if shift is not None:
        return objects(np.where(shift == 0, ORDINARY, mpmath.nan))
    if isinstance(value, np.ndarray):
        return objects(np.where(each(mpmath.isfinite, value), value, ORDINARY))
    return value


def array_of(numbers: Any, shape: tuple[int, ...]) -> Elements:
    """A list or an array of numbers, as a new array of the shape."""
    array = np.empty(shape, dtype=object)
    array.flat[:] = numbers if isinstance(numbers, list) else np.ravel(numbers)
    return array
