"""Rows that move elements without changing them: rearranged copies, casts and constants."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np

from compare.ops.dtypes import is_complex
from compare.ops.op import Attributes, Op, Shape
from compare.ops.rules import NO_ATTRIBUTES, agreed, filled, fits, normalized_axes, one_axis, same_shape, unchanged
from compare.ops.views import diagonal_shape, diagonal_view

__all__ = ["ROWS"]

# ---- elements in another order or number ----


def _flipped(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    normalized_axes(attributes["axis"], len(shapes[0]))
    return shapes[0]


def _rolled(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if attributes["axis"] is not None:
        one_axis(attributes["axis"], len(shapes[0]))
    return shapes[0]


def _tiled(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    repetitions = attributes["repetitions"]
    if any(one < 0 for one in repetitions):
        raise ValueError(f"nothing is repeated {min(repetitions)} times")
    ndim = max(len(shapes[0]), len(repetitions))
    shape = (*[1] * (ndim - len(shapes[0])), *shapes[0])
    return tuple(size * one for size, one in zip(shape, (*[1] * (ndim - len(repetitions)), *repetitions), strict=True))


def _repeated(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    shape, count = shapes[0], attributes["count"]
    if count < 0:
        raise ValueError(f"nothing is repeated {count} times")
    if attributes["axis"] is None:
        return (math.prod(shape) * count,)
    axis = one_axis(attributes["axis"], len(shape))
    return (*shape[:axis], shape[axis] * count, *shape[axis + 1 :])


def _diagonal_matrix(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    [shape], k = shapes, attributes["k"]
    if len(shape) == 2:
        return diagonal_shape(shapes, {"offset": k, "axis1": 0, "axis2": 1})
    if len(shape) != 1:
        raise ValueError("makes a matrix of a vector, or takes the diagonal of a matrix")
    return (shape[0] + abs(k),) * 2


def _diag(x: Any, *, k: int) -> Any:
    if x.ndim == 2:
        return np.diagonal(x, k).copy()
    size = len(x) + abs(k)
    zero = type(x.flat[0])(0) if x.size else mpmath.mpf(0)
    result = np.full((size, size), zero, dtype=object)
    diagonal_view(result, offset=k, axis1=0, axis2=1)[...] = x
    return result


def _concatenated(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    axis = one_axis(attributes["axis"], len(shapes[0]))
    others = {(len(shape), shape[:axis], shape[axis + 1 :]) for shape in shapes}
    if len(others) > 1:
        raise ValueError(f"shapes {' and '.join(str(list(shape)) for shape in shapes)} differ beside axis {axis}")
    return (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])


def _stacked(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if len(set(shapes)) > 1:
        raise ValueError(f"shapes {' and '.join(str(list(shape)) for shape in shapes)} differ; stack needs one shape")
    axis = one_axis(attributes["axis"], len(shapes[0]) + 1)
    return (*shapes[0][:axis], len(shapes), *shapes[0][axis:])


def _is_matrix(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if len(shapes[0]) < 2:
        raise ValueError("needs at least two dimensions")
    return shapes[0]


def _constant(number: int) -> Any:
    """An elementwise function that keeps the kind of element: a number, or True and False."""
    return np.frompyfunc(lambda element: type(element)(number), 1, 1)


_zeros, _ones = _constant(0), _constant(1)


def _zeros_like(x: Any) -> Any:
    return np.asarray(_zeros(x), dtype=object)


def _ones_like(x: Any) -> Any:
    return np.asarray(_ones(x), dtype=object)


def _triangle(x: Any, k: int) -> Any:
    """True on and below diagonal `k` of a matrix as large as those of `x`."""
    rows, columns = x.shape[-2:]
    return np.tri(rows, columns, k, dtype=bool)


def _divided(size: int, parts: int, what: str) -> int:
    if parts < 1 or size % parts:
        raise ValueError(f"{parts} does not divide the {size} {what}")
    return size // parts


def _shuffled_pixels(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
    """The shape in which every square of channels has two axes, the order of axes, and the shape of the result."""
    if len(shapes[0]) < 3:
        raise ValueError("needs channels, a height and a width")
    *lead, channels, height, width = shapes[0]
    factor, n = attributes["factor"], len(lead)
    kept = _divided(channels, factor * factor, "channels")
    return {
        "split": (*lead, kept, factor, factor, height, width),
        "axes": (*range(n + 1), n + 3, n + 1, n + 4, n + 2),
        "joined": (*lead, kept, height * factor, width * factor),
    }


def _gathered_pixels(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
    if len(shapes[0]) < 3:
        raise ValueError("needs channels, a height and a width")
    *lead, channels, height, width = shapes[0]
    factor, n = attributes["factor"], len(lead)
    rows, columns = _divided(height, factor, "rows"), _divided(width, factor, "columns")
    return {
        "split": (*lead, channels, rows, factor, columns, factor),
        "axes": (*range(n + 1), n + 2, n + 4, n + 1, n + 3),
        "joined": (*lead, channels * factor * factor, rows, columns),
    }


def _shuffled_channels(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
    if len(shapes[0]) < 3:
        raise ValueError("needs a batch, channels, and an axis more")
    batch, channels, *rest = shapes[0]
    groups = attributes["groups"]
    each = _divided(channels, groups, "channels")
    return {
        "split": (batch, groups, each, *rest),
        "axes": (0, 2, 1, *range(3, len(rest) + 3)),
        "joined": shapes[0],
    }


def _regrouped(
    name: str, attribute: str, names: Callable[[tuple[Shape, ...], Attributes], dict[str, Any]]
) -> Op:  # fmt: skip
    """A row that splits axes, puts them in another order and joins them again: a copy, never a view."""

    def reference(x: Any, **attributes: Any) -> Any:
        given = names((x.shape,), attributes)
        return x.reshape(given["split"]).transpose(given["axes"]).reshape(given["joined"]).copy()

    return Op(
        name, f"x, *, {attribute}=...", f"torch.nn.functional.{name}(x, {attribute})",
        "jnp.transpose(x.reshape(split), axes).reshape(joined)", reference,
        lambda shapes, attributes: names(shapes, attributes)["joined"], unchanged, linear=("x",), jax_names=names,
    )  # fmt: skip


REARRANGED = (
    _regrouped("pixel_shuffle", "factor", _shuffled_pixels),
    _regrouped("pixel_unshuffle", "factor", _gathered_pixels),
    _regrouped("channel_shuffle", "groups", _shuffled_channels),
    Op(
        "flip", "x, *, axis=...", "x.flip(axis)", "jnp.flip(x, axis)", lambda x, *, axis: np.flip(x, axis).copy(),
        _flipped, unchanged, linear=("x",),
    ),
    Op(
        "roll", "x, *, shift=..., axis=None", "torch.roll(x, shift, dims=axis)", "jnp.roll(x, shift, axis=axis)",
        lambda x, *, shift, axis: np.roll(x, shift, axis), _rolled, unchanged, linear=("x",),
    ),
    Op(
        "concat", "*arrays, *, axis=0", "torch.cat(arrays, dim=axis)", "jnp.concatenate(arrays, axis=axis)",
        lambda *arrays, axis: np.concatenate(arrays, axis), _concatenated, agreed,
        linear=("arrays",),
        calls=("torch.concat(arrays, dim=axis)", "torch.concatenate(arrays, dim=axis)"),
    ),
    Op(
        "stack", "*arrays, *, axis=0", "torch.stack(arrays, dim=axis)", "jnp.stack(arrays, axis=axis)",
        lambda *arrays, axis: np.stack(arrays, axis), _stacked, agreed, linear=("arrays",),
    ),
    Op(
        "tile", "x, *, repetitions=...", "torch.tile(x, repetitions)", "jnp.tile(x, repetitions)",
        lambda x, *, repetitions: np.tile(x, repetitions), _tiled, unchanged, linear=("x",),
        calls=("x.repeat(repetitions)",),
    ),
    Op(
        "repeat", "x, *, count=..., axis=None", "torch.repeat_interleave(x, count, dim=axis)",
        "jnp.repeat(x, count, axis=axis)", lambda x, *, count, axis: np.repeat(x, count, axis), _repeated, unchanged,
        linear=("x",),
    ),
    Op(
        "diag", "x, *, k=0", "torch.diag(x, diagonal=k)", "jnp.diag(x, k=k)", _diag, _diagonal_matrix, unchanged,
        linear=("x",),
    ),
    Op(
        "tril", "x, *, k=0", "torch.tril(x, diagonal=k)", "jnp.tril(x, k=k)",
        lambda x, *, k: np.where(_triangle(x, k), x, _zeros(x)), _is_matrix, unchanged, linear=("x",),
        write="x.tril_(diagonal=k)",
    ),
    Op(
        "triu", "x, *, k=0", "torch.triu(x, diagonal=k)", "jnp.triu(x, k=k)",
        lambda x, *, k: np.where(_triangle(x, k - 1), _zeros(x), x), _is_matrix, unchanged, linear=("x",),
        write="x.triu_(diagonal=k)",
    ),
)  # fmt: skip

# ---- copies, casts, constants, and what an in-place op needs ----


def _cast(x: Any, *, dtype: str) -> Any:
    return np.asarray(np.frompyfunc(CASTS[dtype], 1, 1)(x), dtype=object)


def _single_parts(number: Any) -> Any:
    return mpmath.mpc(_single(mpmath.re(number)), _single(mpmath.im(number)))


def _whole(number: Any) -> Any:
    return mpmath.sign(number) * mpmath.floor(abs(mpmath.mpf(number)))


def _single(number: Any) -> Any:
    with np.errstate(over="ignore"):
        return mpmath.mpf(float(np.float32(float(number))))


CASTS: dict[str, Any] = {
    "float64": mpmath.mpf, "float32": _single, "int64": _whole, "bool": lambda number: number != 0,
    "complex128": mpmath.mpc, "complex64": _single_parts,
}  # fmt: skip
"""What a cast does to a number. float64 is the widest part: a cast to it has nothing to round."""


def _cast_dtype(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    if "dtype" not in attributes:
        raise ValueError("the dtype of a cast is its attribute")
    if is_complex(*dtypes) and not is_complex(attributes["dtype"]):
        raise ValueError(f"a cast to {attributes['dtype']} would drop the imaginary parts; take real, imag or abs")
    return str(attributes["dtype"])


def _fill_dtype(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    dtype, number = dtypes
    if not number.startswith("python-"):
        raise ValueError("takes a Python number; copy takes a tensor")
    return filled(dtype, number)


def _copy_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if not fits(shapes[1], shapes[0]):
        raise ValueError(f"a value of shape {list(shapes[1])} does not fit {list(shapes[0])}")
    return shapes[0]


def _filled(x: Any, y: Any) -> Any:
    number = y if isinstance(y, bool) else mpmath.mpmathify(y)
    return np.full(x.shape, number, dtype=object)


COPIES = (
    Op("clone", "x", "x.clone()", "x.copy()", lambda x: x.copy(), same_shape, unchanged, linear=("x",)),
    # A clone keeps the order of the axes in memory, which decides what may be a view of it; this one does not.
    Op(
        "contiguous_clone", "x", "x.clone(memory_format=torch.contiguous_format)", "x.copy()", lambda x: x.copy(),
        same_shape, unchanged, linear=("x",),
    ),
    # Without copy=True, PyTorch answers a cast to the tensor's own dtype with the tensor itself.
    Op(
        "astype", "x, *, dtype=...", "x.to(dtype, copy=True)", "x.astype(dtype)", _cast, same_shape, _cast_dtype,
    ),
    Op(
        "zeros_like", "x", "torch.zeros_like(x)", "jnp.zeros_like(x)", _zeros_like, same_shape, unchanged,
        without_history=("x",), write="x.zero_()",
    ),
    Op(
        "ones_like", "x", "torch.ones_like(x)", "jnp.ones_like(x)", _ones_like, same_shape, unchanged,
        without_history=("x",),
    ),
    Op(
        "fill", "x, y", "torch.full_like(x, y)", "jnp.full_like(x, y)", _filled, same_shape, _fill_dtype,
        scalars=True, without_history=("x",), write="x.fill_(y)",
    ),
    Op(
        "copy", "x, y", "y.expand_as(x).clone()", "jnp.broadcast_to(y, x.shape)",
        lambda x, y: np.broadcast_to(y, x.shape).copy(), _copy_shape, agreed, linear=("x", "y"),
        without_history=("x",), write="x.copy_(y)",
    ),
)  # fmt: skip

REAL = frozenset({"pixel_shuffle", "pixel_unshuffle", "channel_shuffle"})
"""Rows that images alone have a use for."""

# What only moves elements moves complex ones too.
ROWS = tuple(replace(row, complex=row.name not in REAL) for row in (*REARRANGED, *COPIES))
