"""Rows that move elements without changing them: views, rearranged copies, casts and constants."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np

from compare.ops.dtypes import is_complex
from compare.ops.op import Attributes, Op, Shape, Slice, View
from compare.ops.rules import (
    NO_ATTRIBUTES,
    agreed,
    indexed,
    normalized_axes,
    of_attribute,
    one_axis,
    same_shape,
    unchanged,
)

__all__ = ["ROWS"]

# ---- basic indexing ----


def _python_index(index: tuple[Any, ...]) -> tuple[Any, ...]:
    # Without the ellipsis NumPy answers a full index with a scalar, not with a view.
    return (*(item.to_python() if isinstance(item, Slice) else item for item in index), Ellipsis)


def _getitem(x: Any, *, index: tuple[Any, ...]) -> Any:
    return x[_python_index(index)]


# ---- the views ----


def _reshape(x: Any, *, shape: Shape) -> Any:
    return x.reshape(shape, copy=False)


def _fits(shape: Shape, wanted: Shape) -> bool:
    """Whether `shape` broadcasts to `wanted`."""
    try:
        return np.broadcast_shapes(shape, wanted) == wanted
    except ValueError:
        return False


def _broadcast_to(x: Any, *, shape: Shape) -> Any:
    # NumPy's broadcast view is read-only, and rightly so where elements repeat.
    return x.reshape(shape) if math.prod(shape) == x.size else np.broadcast_to(x, shape)


def _broadcast_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    wanted = tuple(attributes["shape"])
    if any(size < 0 for size in wanted) or not _fits(shapes[0], wanted):
        raise ValueError(f"{list(shapes[0])} does not broadcast to {list(wanted)}")
    return wanted


def _permuted_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    axes, ndim = attributes["axes"], len(shapes[0])
    if len(axes) != ndim or (axes and len(normalized_axes(axes, ndim)) != ndim):
        raise ValueError(f"axes {axes} are not a permutation of {ndim} dimensions")
    return tuple(shapes[0][axis] for axis in axes)


def _inverse(shape: Shape, attributes: Attributes) -> dict[str, Any]:
    ndim = len(shape)
    return {"inverse": tuple(int(axis) for axis in np.argsort([axis % ndim for axis in attributes["axes"]]))}


def _matrix_transposed(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if len(shapes[0]) < 2:
        raise ValueError("needs at least two dimensions")
    return (*shapes[0][:-2], shapes[0][-1], shapes[0][-2])


def _expanded(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    axis = one_axis(attributes["axis"], len(shapes[0]) + 1)
    return (*shapes[0][:axis], 1, *shapes[0][axis:])


def _squeezed(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    axis = one_axis(attributes["axis"], len(shapes[0]))
    if shapes[0][axis] != 1:
        raise ValueError(f"axis {axis} has size {shapes[0][axis]}; only an axis of size 1 can be squeezed")
    return (*shapes[0][:axis], *shapes[0][axis + 1 :])


def _diagonal(x: Any) -> Any:
    diagonal = np.diagonal(x)
    # NumPy hands out a read-only view, although the elements are those of `x`.
    diagonal.flags.writeable = x.flags.writeable
    return diagonal


def _diagonal_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if len(shapes[0]) != 2:
        raise ValueError("needs a matrix")
    return (min(shapes[0]),)


def _own_shape(shape: Shape, attributes: Attributes) -> dict[str, Any]:
    return {"own_shape": shape}


VIEWS = (
    Op(
        "getitem", "x, *, index=...", "x[index]", "x[index]", _getitem, indexed, unchanged, linear=True,
        view=View(_getitem, "x.at[index].set(new)"),
    ),
    Op(
        "reshape", "x, *, shape=...", "x.reshape(shape)", "x.reshape(shape)", lambda x, *, shape: x.reshape(shape),
        of_attribute, unchanged, linear=True, view=View(_reshape, "new.reshape(own_shape)", _own_shape),
    ),
    Op(
        "broadcast_to", "x, *, shape=...", "x.expand(shape)", "jnp.broadcast_to(x, shape)",
        _broadcast_to, _broadcast_shape, unchanged, linear=True,
        view=View(_broadcast_to, "new.reshape(own_shape)", _own_shape),
    ),
    Op(
        "permute_dims", "x, *, axes=...", "x.permute(axes)", "jnp.transpose(x, axes)",
        lambda x, *, axes: x.transpose(axes), _permuted_shape, unchanged, linear=True,
        view=View(lambda x, *, axes: x.transpose(axes), "jnp.transpose(new, inverse)", _inverse),
    ),
    Op(
        "matrix_transpose", "x", "x.mT", "x.mT", lambda x: x.swapaxes(-1, -2), _matrix_transposed, unchanged,
        linear=True, view=View(lambda x: x.swapaxes(-1, -2), "new.mT"),
    ),
    Op(
        "expand_dims", "x, *, axis=...", "x.unsqueeze(axis)", "jnp.expand_dims(x, axis)",
        lambda x, *, axis: np.expand_dims(x, axis), _expanded, unchanged, linear=True,
        view=View(lambda x, *, axis: np.expand_dims(x, axis), "new.reshape(own_shape)", _own_shape),
    ),
    Op(
        "squeeze", "x, *, axis=...", "x.squeeze(axis)", "jnp.squeeze(x, axis)", lambda x, *, axis: np.squeeze(x, axis),
        _squeezed, unchanged, linear=True,
        view=View(lambda x, *, axis: np.squeeze(x, axis), "new.reshape(own_shape)", _own_shape),
    ),
    Op(
        "diagonal", "x", "x.diagonal()", "jnp.diagonal(x)", _diagonal, _diagonal_shape, unchanged,
        linear=True, view=View(_diagonal, "jnp.fill_diagonal(x, new, inplace=False)"),
    ),
)  # fmt: skip

# ---- elements in another order or number ----


def _flipped(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    normalized_axes(attributes["axis"], len(shapes[0]))
    return shapes[0]


def _rolled(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if attributes["axis"] is not None:
        one_axis(attributes["axis"], len(shapes[0]))
    return shapes[0]


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


def _taken(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    axis = one_axis(attributes["axis"], len(shapes[0]))
    indices, size = attributes["indices"], shapes[0][axis]
    if not indices:
        raise ValueError("indices are empty")
    for index in indices:
        if not 0 <= index < size:
            raise ValueError(f"index {index} is out of range for size {size}; PyTorch takes no negative indices here")
    return (*shapes[0][:axis], len(indices), *shapes[0][axis + 1 :])


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


REARRANGED = (
    Op(
        "flip", "x, *, axis=...", "x.flip(axis)", "jnp.flip(x, axis)", lambda x, *, axis: np.flip(x, axis).copy(),
        _flipped, unchanged, linear=True,
    ),
    Op(
        "roll", "x, *, shift=..., axis=None", "torch.roll(x, shift, dims=axis)", "jnp.roll(x, shift, axis=axis)",
        lambda x, *, shift, axis: np.roll(x, shift, axis), _rolled, unchanged, linear=True,
    ),
    Op(
        "concat", "*arrays, *, axis=0", "torch.cat(arrays, dim=axis)", "jnp.concatenate(arrays, axis=axis)",
        lambda *arrays, axis: np.concatenate(arrays, axis), _concatenated, agreed,
    ),
    Op(
        "stack", "*arrays, *, axis=0", "torch.stack(arrays, dim=axis)", "jnp.stack(arrays, axis=axis)",
        lambda *arrays, axis: np.stack(arrays, axis), _stacked, agreed,
    ),
    Op(
        "take", "x, *, indices=..., axis=...", "torch.index_select(x, axis, torch.tensor(indices))",
        "jnp.take(x, jnp.array(indices), axis=axis)", lambda x, *, indices, axis: np.take(x, indices, axis), _taken,
        unchanged, linear=True,
    ),
    Op(
        "tril", "x, *, k=0", "torch.tril(x, diagonal=k)", "jnp.tril(x, k=k)",
        lambda x, *, k: np.where(_triangle(x, k), x, _zeros(x)), _is_matrix, unchanged, linear=True,
        write="x.tril_(diagonal=k)",
    ),
    Op(
        "triu", "x, *, k=0", "torch.triu(x, diagonal=k)", "jnp.triu(x, k=k)",
        lambda x, *, k: np.where(_triangle(x, k - 1), _zeros(x), x), _is_matrix, unchanged, linear=True,
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
    kinds = {"bool": ("python-bool",), "int64": ("python-int",)}
    dtype, number = dtypes
    if not number.startswith("python-"):
        raise ValueError("takes a Python number; copy takes a tensor")
    complex = ("python-complex",) if is_complex(dtype) else ()
    if number not in kinds.get(dtype, ("python-int", "python-float", *complex)):
        raise ValueError(f"a Python {number.removeprefix('python-')} is not a {dtype}")
    return dtype


def _copy_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if not _fits(shapes[1], shapes[0]):
        raise ValueError(f"a value of shape {list(shapes[1])} does not fit {list(shapes[0])}")
    return shapes[0]


def _filled(x: Any, y: Any) -> Any:
    number = y if isinstance(y, bool) else mpmath.mpmathify(y)
    return np.full(x.shape, number, dtype=object)


COPIES = (
    Op("clone", "x", "x.clone()", "x.copy()", lambda x: x.copy(), same_shape, unchanged, linear=True),
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
        lambda x, y: np.broadcast_to(y, x.shape).copy(), _copy_shape, agreed,
        without_history=("x",), write="x.copy_(y)",
    ),
)  # fmt: skip

# What only moves elements moves complex ones too.
ROWS = tuple(replace(row, complex=True) for row in (*VIEWS, *REARRANGED, *COPIES))
