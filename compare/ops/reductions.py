"""Rows that reduce along axes, or run along one axis and keep it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import mpmath

from compare.ops import exact
from compare.ops.dtypes import PARTS
from compare.ops.exact import along, reduced_by, running
from compare.ops.op import Attributes, Op, Shape
from compare.ops.rules import (
    NO_ATTRIBUTES,
    accumulated,
    along_axis,
    floating,
    normalized_axes,
    one_axis,
    promoted,
    reduced,
    reduced_nonempty,
    unchanged,
)

__all__ = ["ROWS"]

# ---- functions of a list of numbers ----


def _total(numbers: list[Any]) -> Any:
    return sum(numbers, mpmath.mpf(0))


def _mean(numbers: list[Any]) -> Any:
    return exact.divide(_total(numbers), len(numbers))


def _product(numbers: list[Any]) -> Any:
    return math.prod(numbers, start=mpmath.mpf(1))


def _largest(numbers: list[Any]) -> Any:
    return mpmath.nan if any(map(mpmath.isnan, numbers)) else max(numbers)


def _smallest(numbers: list[Any]) -> Any:
    return mpmath.nan if any(map(mpmath.isnan, numbers)) else min(numbers)


def _variance(numbers: list[Any], correction: int) -> Any:
    mean = _mean(numbers)
    return _total([(number - mean) ** 2 for number in numbers]) / (len(numbers) - correction)


def _norm(numbers: list[Any]) -> Any:
    return mpmath.sqrt(_total([mpmath.re(number * mpmath.conj(number)) for number in numbers]))


def _logsumexp(numbers: list[Any]) -> Any:
    return mpmath.log(_total([exact.exp(number) for number in numbers]))


def _log_softmax(numbers: list[Any]) -> list[Any]:
    # Less the largest number nothing changes, and a line with an infinity is nan as in floating point.
    largest = max(numbers, default=0)
    shifted = [number - largest for number in numbers]
    total = _logsumexp(shifted)
    return [number - total for number in shifted]


def _softmax(numbers: list[Any]) -> list[Any]:
    return [exact.exp(number) for number in _log_softmax(numbers)]


# ---- reductions ----

REDUCTION = "x, *, axis=None, keepdims=False"


def _over_axes(function: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    return lambda x, *, axis, keepdims: reduced_by(function, x, axis, keepdims)


def _spread(finish: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda x, *, axis, correction, keepdims: reduced_by(
        lambda numbers: finish(_variance(numbers, correction)), x, axis, keepdims
    )


def _norm_dtype(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    dtype = floating(dtypes, default)
    return PARTS.get(dtype, dtype)


def _one_axis_or_all(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if attributes["axis"] is not None:
        one_axis(attributes["axis"], len(shapes[0]))
    return reduced(shapes, attributes)


def _corrected(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    count = math.prod(shapes[0][axis] for axis in normalized_axes(attributes["axis"], len(shapes[0])))
    if count <= attributes["correction"]:
        raise ValueError(f"{count} elements less the correction {attributes['correction']} leave nothing to divide by")
    return reduced(shapes, attributes)


REDUCTIONS = (
    Op(
        "sum", REDUCTION, "x.sum(dim=axis, keepdim=keepdims)", "jnp.sum(x, axis=axis, keepdims=keepdims)",
        _over_axes(_total), reduced, accumulated, linear=("x",), complex=True,
    ),
    Op(
        "mean", REDUCTION, "x.mean(dim=axis, keepdim=keepdims)", "jnp.mean(x, axis=axis, keepdims=keepdims)",
        _over_axes(_mean), reduced, floating, linear=("x",), complex=True,
    ),
    Op(
        "prod", REDUCTION, "x.prod(dim=axis, keepdim=keepdims)", "jnp.prod(x, axis=axis, keepdims=keepdims)",
        _over_axes(_product), _one_axis_or_all, accumulated, complex=True,
    ),
    # amax shares the gradient among ties, as jnp.max does; x.max(dim=...) gives it to one of them.
    Op(
        "max", REDUCTION, "x.amax(dim=axis, keepdim=keepdims)", "jnp.max(x, axis=axis, keepdims=keepdims)",
        _over_axes(_largest), reduced_nonempty, unchanged, calls=("torch.max(x)",),
    ),
    Op(
        "min", REDUCTION, "x.amin(dim=axis, keepdim=keepdims)", "jnp.min(x, axis=axis, keepdims=keepdims)",
        _over_axes(_smallest), reduced_nonempty, unchanged, calls=("torch.min(x)",),
    ),
    # The correction has no default here: PyTorch's is 1 and JAX's is 0.
    Op(
        "var", "x, *, axis=None, correction=..., keepdims=False",
        "x.var(dim=axis, correction=correction, keepdim=keepdims)",
        "jnp.var(x, axis=axis, correction=correction, keepdims=keepdims)",
        _spread(operator.pos), _corrected, floating,
    ),
    Op(
        "std", "x, *, axis=None, correction=..., keepdims=False",
        "x.std(dim=axis, correction=correction, keepdim=keepdims)",
        "jnp.std(x, axis=axis, correction=correction, keepdims=keepdims)",
        _spread(mpmath.sqrt), _corrected, floating,
    ),
    Op(
        "vector_norm", REDUCTION, "torch.linalg.vector_norm(x, dim=axis, keepdim=keepdims)",
        "jnp.linalg.vector_norm(x, axis=axis, keepdims=keepdims)", _over_axes(_norm), reduced, _norm_dtype,
        complex=True,
        calls=(
            "torch.norm(x, dim=axis, keepdim=keepdims)", "torch.norm(x, p=2, dim=axis, keepdim=keepdims)",
            "x.norm(dim=axis, keepdim=keepdims)", "x.norm(p=2, dim=axis, keepdim=keepdims)",
            "torch.linalg.norm(x, dim=axis, keepdim=keepdims)",
        ),
    ),
    Op(
        "logsumexp", "x, *, axis=..., keepdims=False", "torch.logsumexp(x, dim=axis, keepdim=keepdims)",
        "jax.nn.logsumexp(x, axis=axis, keepdims=keepdims)", _over_axes(_logsumexp), reduced_nonempty, floating,
        calls=("torch.special.logsumexp(x, dim=axis, keepdim=keepdims)",),
    ),
)  # fmt: skip

# ---- reductions to booleans and positions ----


def _of_booleans(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    if dtypes[0] != "bool":
        raise ValueError(f"needs bool, got {dtypes[0]}; compare first")
    return "bool"


def _place(best: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
    """The first place of a nan, or else of the best number."""

    def place(numbers: list[Any]) -> Any:
        wanted = next((one for one in numbers if mpmath.isnan(one)), None)
        if wanted is None:
            wanted = best(numbers)
        return mpmath.mpf(next(at for at, one in enumerate(numbers) if one is wanted or one == wanted))

    return place


def _place_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    _one_axis_or_all(shapes, attributes)
    return reduced_nonempty(shapes, attributes)


def _place_dtype(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    promoted(dtypes, default)
    return "int64"


def _sorted_places(numbers: list[Any], *, descending: bool) -> list[Any]:
    """Places in the order of their numbers; a nan is the largest, and equal numbers stay in their order."""
    places = sorted(
        range(len(numbers)),
        key=lambda at: (1, 0) if mpmath.isnan(numbers[at]) else (0, numbers[at]),
        reverse=descending,
    )
    return [mpmath.mpf(at) for at in places]


POSITIONS = (
    Op(
        "any", REDUCTION, "torch.any(x, dim=axis, keepdim=keepdims)", "jnp.any(x, axis=axis, keepdims=keepdims)",
        _over_axes(lambda values: bool(any(values))), reduced, _of_booleans,
    ),
    Op(
        "all", REDUCTION, "torch.all(x, dim=axis, keepdim=keepdims)", "jnp.all(x, axis=axis, keepdims=keepdims)",
        _over_axes(lambda values: bool(all(values))), reduced, _of_booleans,
    ),
    Op(
        "argmax", REDUCTION, "torch.argmax(x, dim=axis, keepdim=keepdims)",
        "jnp.argmax(x, axis=axis, keepdims=keepdims)", _over_axes(_place(max)), _place_shape, _place_dtype,
    ),
    Op(
        "argmin", REDUCTION, "torch.argmin(x, dim=axis, keepdim=keepdims)",
        "jnp.argmin(x, axis=axis, keepdims=keepdims)", _over_axes(_place(min)), _place_shape, _place_dtype,
    ),
    # Without stable=True, PyTorch may put equal numbers in any order.
    Op(
        "argsort", "x, *, axis=-1, descending=False",
        "torch.argsort(x, dim=axis, descending=descending, stable=True)",
        "jnp.argsort(x, axis=axis, descending=descending)",
        lambda x, *, axis, descending: along(
            lambda numbers: _sorted_places(numbers, descending=descending), x, axis
        ),
        along_axis, _place_dtype,
    ),
)  # fmt: skip

# ---- along one axis ----

LINE = "x, *, axis=..."


def _along_axis(function: Callable[[list[Any]], list[Any]]) -> Callable[..., Any]:
    return lambda x, *, axis: along(function, x, axis)


LINES = (
    Op(
        "softmax", LINE, "torch.softmax(x, dim=axis)", "jax.nn.softmax(x, axis=axis)", _along_axis(_softmax),
        along_axis, floating,
        calls=("torch.nn.functional.softmax(x, dim=axis)", "torch.special.softmax(x, dim=axis)"),
    ),
    Op(
        "log_softmax", LINE, "torch.log_softmax(x, dim=axis)", "jax.nn.log_softmax(x, axis=axis)",
        _along_axis(_log_softmax), along_axis, floating,
        calls=("torch.nn.functional.log_softmax(x, dim=axis)", "torch.special.log_softmax(x, dim=axis)"),
    ),
    Op(
        "cumulative_sum", LINE, "torch.cumsum(x, dim=axis)", "jnp.cumsum(x, axis=axis)",
        _along_axis(lambda numbers: running(operator.add, numbers)), along_axis, accumulated, linear=("x",),
        complex=True, write="x.cumsum_(dim=axis)",
    ),
    Op(
        "cumulative_prod", LINE, "torch.cumprod(x, dim=axis)", "jnp.cumprod(x, axis=axis)",
        _along_axis(lambda numbers: running(operator.mul, numbers)), along_axis, accumulated, complex=True,
        write="x.cumprod_(dim=axis)",
    ),
    # lax takes no axis that is counted from the end.
    Op(
        "cumulative_logsumexp", LINE, "torch.logcumsumexp(x, dim=axis)", "lax.cumlogsumexp(x, axis=own_axis)",
        _along_axis(lambda numbers: running(exact.logaddexp, numbers)), along_axis, floating,
        jax_names=lambda shapes, attributes: {"own_axis": one_axis(attributes["axis"], len(shapes[0]))},
    ),
)  # fmt: skip

ROWS = (*REDUCTIONS, *POSITIONS, *LINES)
