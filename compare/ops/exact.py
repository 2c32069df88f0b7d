"""Exact arithmetic that the references share: mpmath numbers, with IEEE's answers where mpmath raises or turns complex.

mpmath has no negative zero: a quotient or a power at zero is what IEEE gives for +0. Where a zero may be negative and
its sign decides, nothing is claimed: `negative_zero_may_arise` and `sign_of_zero_decides` tell where.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from compare.ops.rules import normalized_axes

__all__ = [
    "REARRANGING", "WITHOUT_ROUNDING", "along", "any_complex", "atan2", "cosh", "divide", "each", "erf", "erfc",
    "exp", "exp2", "expm1", "fmod", "hypot", "logaddexp", "maximum", "minimum", "negative_zero_may_arise",
    "on_numbers", "parts", "power", "reduced_by", "remainder", "running", "sign_of_zero_decides", "sinh", "tanh",
]  # fmt: skip

Function = Callable[..., Any]
NAN, INF = mpmath.nan, mpmath.inf
BEYOND_EVERY_FLOAT = 2**20
"""exp of this overflows every float format. Without a bound, exp(exp(1e6)) would compute for minutes."""

# ---- from numbers to arrays ----


def each(function: Function, operands: int = 1) -> Function:
    """Apply a function of mpmath numbers to every element, broadcasting; nan where real numbers have no real answer.

    Returns: `(*arrays) -> array`, a new object array of mpf or mpc (or bool, where the function answers so).
    """
    applied = np.frompyfunc(on_numbers(function), operands, 1)
    return lambda *arrays: np.asarray(applied(*arrays), dtype=object)


def on_numbers(function: Function) -> Function:
    """The function on real numbers, where its answer is real or nan, and on complex ones."""

    def value(*numbers: Any) -> Any:
        exact = [mpmath.mpmathify(number) for number in numbers]
        result = function(*exact)
        beyond = isinstance(result, mpmath.mpc) and not any(isinstance(number, mpmath.mpc) for number in exact)
        return NAN if beyond else result

    return value


def reduced_by(function: Function, x: Any, axis: Any, keepdims: bool = False) -> Any:
    """Replace the elements along `axis` (None, one or several) by `function` of their list."""
    axes = normalized_axes(axis, x.ndim)
    kept = [one for one in range(x.ndim) if one not in axes]
    rows = x.transpose(*kept, *axes).reshape(*(x.shape[one] for one in kept), math.prod(x.shape[one] for one in axes))
    result = np.empty(rows.shape[:-1], dtype=object)
    for place in np.ndindex(result.shape):
        result[place] = function(list(rows[place]))
    return np.expand_dims(result, axes) if keepdims else result


def along(function: Function, x: Any, axis: int) -> Any:
    """Replace every line of elements along `axis` by `function` of its list, a list of the same length."""
    lines = np.moveaxis(x, axis, -1)
    result = np.empty(lines.shape, dtype=object)
    for place in np.ndindex(lines.shape[:-1]):
        result[place] = function(list(lines[place]))
    return np.moveaxis(result, -1, axis).copy()


def running(function: Function, numbers: list[Any]) -> list[Any]:
    """Every partial result of folding `function` over the numbers."""
    return list(itertools.accumulate((mpmath.mpmathify(number) for number in numbers), function))


# ---- functions of numbers ----


def _bounded(function: Function) -> Function:
    """A function that has reached its limit beyond every float, and is costly there."""
    return lambda x: function(x if abs(x) < BEYOND_EVERY_FLOAT or mpmath.isnan(x) else mpmath.sign(x) * INF)


exp = _bounded(mpmath.exp)
exp2 = _bounded(lambda x: mpmath.mpf(2) ** x)
expm1 = _bounded(mpmath.expm1)
sinh = _bounded(mpmath.sinh)
cosh = _bounded(mpmath.cosh)
tanh = _bounded(mpmath.tanh)
erf = _bounded(mpmath.erf)
erfc = _bounded(mpmath.erfc)


def divide(x: Any, y: Any) -> Any:
    """The quotient; a zero divisor gives an infinity, or nan for 0 / 0."""
    if y == 0:
        return NAN if x == 0 else x * INF
    return x / y


def power(x: Any, y: Any) -> Any:
    """The power; nan for a negative number to a power that is not whole, unless one of the two is complex."""
    if isinstance(x, mpmath.mpc) or isinstance(y, mpmath.mpc):
        return (mpmath.mpf(0) if mpmath.re(y) > 0 else NAN) if x == 0 and y != 0 else x**y
    if y == 0 or x == 1:
        return mpmath.mpf(1)
    if mpmath.isnan(x) or mpmath.isnan(y):
        return NAN
    if mpmath.isinf(y):
        if abs(x) == 1:
            return mpmath.mpf(1)
        return INF if (abs(x) > 1) == (y > 0) else mpmath.mpf(0)
    odd = y == mpmath.floor(y) and y % 2 == 1
    if x == 0 or mpmath.isinf(x):
        grows = (x == 0) == (y < 0)
        return (-INF if x < 0 and odd else INF) if grows else mpmath.mpf(0)
    return x**y


def remainder(x: Any, y: Any) -> Any:
    """`x - floor(x / y) * y`, exactly; it has the sign of `y`."""
    if y == 0 or mpmath.isinf(x) or mpmath.isnan(x) or mpmath.isnan(y):
        return NAN
    if mpmath.isinf(y):
        return x if x == 0 or (x > 0) == (y > 0) else y
    return x % y


def fmod(x: Any, y: Any) -> Any:
    """`x - trunc(x / y) * y`, exactly; it has the sign of `x`."""
    if y == 0 or mpmath.isinf(x) or mpmath.isnan(x) or mpmath.isnan(y):
        return NAN
    return x if mpmath.isinf(y) else mpmath.sign(x) * (abs(x) % abs(y))


def maximum(x: Any, y: Any) -> Any:
    """The larger of two numbers; nan when one is nan."""
    return NAN if mpmath.isnan(x) or mpmath.isnan(y) else max(x, y)


def minimum(x: Any, y: Any) -> Any:
    """The smaller of two numbers; nan when one is nan."""
    return NAN if mpmath.isnan(x) or mpmath.isnan(y) else min(x, y)


def atan2(x: Any, y: Any) -> Any:
    """The angle of the point with abscissa y and ordinate x."""
    if mpmath.isnan(x) or mpmath.isnan(y):
        return NAN
    if mpmath.isinf(x) and mpmath.isinf(y):
        return mpmath.sign(x) * (1 if y > 0 else 3) * mpmath.pi / 4
    return mpmath.atan2(x, y)


def hypot(x: Any, y: Any) -> Any:
    """sqrt(x**2 + y**2); infinite when one number is."""
    return INF if mpmath.isinf(x) or mpmath.isinf(y) else mpmath.sqrt(x * x + y * y)


def logaddexp(x: Any, y: Any) -> Any:
    """log(exp(x) + exp(y)) without losing the smaller of the two."""
    if x == y:
        return x + mpmath.log(2)
    return maximum(x, y) + mpmath.log1p(exp(-abs(x - y)))


# ---- what floating point knows and exact numbers do not ----

REARRANGING = frozenset(
    "getitem select narrow unstack split chunk reshape view flatten unflatten broadcast_to expand_dims squeeze "
    "permute_dims matrix_transpose swapaxes moveaxis diagonal advanced_getitem take take_along_axis advanced_setitem "
    "masked_setitem masked_fill index_copy index_fill scatter slice_scatter select_scatter diagonal_scatter flip roll "
    "tile repeat diag concat stack tril triu clone contiguous_clone zeros_like ones_like fill copy where real imag "
    "view_as_real "
    "view_as_complex complex pad pad_reflect pad_replicate pad_circular one_hot pixel_shuffle pixel_unshuffle "
    "channel_shuffle max_pool1d max_pool2d max_pool3d".split()
)
"""Rows whose results are elements of their operands, or constants."""
WITHOUT_ROUNDING = REARRANGING | frozenset(
    "astype negative conj abs sign relu maximum minimum max min clip copysign mantissa exponent".split()
)
"""Rows that compute nothing that has to be rounded, beside what a cast rounds."""
POSITIVE_ZERO = frozenset("abs square exp exp2 erfc zeros_like ones_like vector_norm var std".split())
"""Rows that have no negative zero for a result."""
SIGNS_KEPT = REARRANGING | frozenset(
    "add subtract index_add index_put scatter_add sum mean cumulative_sum trace maximum minimum max min relu clip "
    "sign avg_pool1d avg_pool2d avg_pool3d".split()
)
"""Rows that have a negative zero for a result only where an operand has one."""


CUT = frozenset(
    "divide reciprocal sqrt rsqrt power log log2 log10 log1p asin acos atan asinh acosh atanh angle".split()
)
"""Rows that have a pole, or jump where a part of a complex number changes its sign."""


def parts(*values: Any) -> list[Any]:
    """The numbers in arrays, and the two parts of each complex one."""
    numbers = [number for value in values for number in np.asarray(value, dtype=object).flat]
    return [part for one in numbers for part in ((one.real, one.imag) if isinstance(one, mpmath.mpc) else (one,))]


def any_complex(*values: Any) -> bool:
    """Whether there is a complex number in arrays."""
    return any(isinstance(one, mpmath.mpc) for value in values for one in np.asarray(value, dtype=object).flat)


def negative_zero_may_arise(op: str, values: Any, result: Any, suspected: bool) -> bool:
    """Whether a zero of a floating-point result may be negative. `suspected`: one of the operands' may be.

    Errs towards yes: without a rule of its own, an op may answer -0.0 as soon as an operand has a negative element.
    """
    if any_complex(result):
        return (suspected or op not in REARRANGING) and any(part == 0 for part in parts(result))
    zeros = np.asarray(result == 0, dtype=bool)
    if op in POSITIVE_ZERO or not zeros.any():
        return False
    if suspected or op == "negative":
        return True
    if op in SIGNS_KEPT:
        return False
    if any_complex(*values):
        return True
    negative = [np.asarray(np.asarray(value, dtype=object) < 0, dtype=bool) for value in values]
    if op in ("multiply", "divide"):
        return bool((zeros & (negative[0] ^ negative[1])).any())
    return any(one.any() for one in negative)


def sign_of_zero_decides(op: str, values: Any) -> bool:
    """Whether the result, or its derivative, is another one for -0.0 than for 0.0 among these operands."""
    if any_complex(*values):
        return op in CUT and any(part == 0 for part in parts(*values))
    numbers = [np.asarray(value, dtype=object) for value in values]
    zeros = [np.asarray(one == 0, dtype=bool) for one in numbers]
    if op in ("divide", "copysign"):
        return bool(zeros[1].any())
    if op in ("digamma", "polygamma", "reciprocal", "rsqrt", "sqrt", "log", "log2", "log10"):
        return bool(zeros[0].any())
    if op == "power":
        return bool((zeros[0] & np.asarray(numbers[1] < 1, dtype=bool)).any())
    if op == "atan2":
        return bool((zeros[0] & np.asarray(numbers[1] <= 0, dtype=bool)).any())
    return False
