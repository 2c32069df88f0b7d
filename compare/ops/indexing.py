"""Rows that read or write elements by their positions or by a mask. Such a read is a copy, never a view.

What the program knows of the positions is in the attribute `known` of a shape rule: for each operand that indexes,
its elements, or None where they are computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np

from compare.ops.op import TENSOR, Attributes, Op, Shape, Slice, Span
from compare.ops.rules import NO_ATTRIBUTES, Dtypes, agreed, filled, fits, indexed, one_axis
from compare.ops.views import along, diagonal_index, diagonal_shape, diagonal_view, numpy_basic_index

__all__ = ["ROWS", "sets_twice"]

# ---- an index with arrays in it ----


def _numpy_index(index: Sequence[Any], arrays: Sequence[Any]) -> tuple[Any, ...]:
    """The index as NumPy takes it, with `arrays` in the places of its tensors."""
    remaining = iter(arrays)

    def in_numpy(item: Any) -> Any:
        if item == TENSOR:
            return next(remaining)
        return np.array(item) if isinstance(item, tuple) else item

    return numpy_basic_index(tuple(map(in_numpy, index)))


def _positions(array: Any) -> Any:
    """An exact index as NumPy takes it: whole numbers, or booleans."""
    kind = bool if array.size and isinstance(array.flat[0], bool | np.bool_) else np.int64
    return array.astype(kind)


def _arrays(index: Sequence[Any], shapes: Sequence[Shape], attributes: Attributes) -> Iterator[Any]:
    """What stands for each tensor of an index while its shape is worked out: its elements, or zeros."""
    if sum(item == TENSOR for item in index) != len(shapes):
        raise ValueError(f"the index does not name its {len(shapes)} tensors")
    for place, shape in enumerate(shapes):
        known = _known(attributes, place)
        if not shape:
            raise ValueError("a tensor without dimensions indexes as a number does; write the number")
        yield np.zeros(shape, np.int64) if known is None else known


def _known(attributes: Attributes, place: int = 0) -> Any:
    known = attributes.get("known", ())
    return known[place] if place < len(known) else None


def _elements(shape: Shape, index: Sequence[Any], shapes: Sequence[Shape], attributes: Attributes) -> Shape:
    """The shape of the elements that an index with arrays names."""
    if any(item == () for item in index):
        raise ValueError("a list of positions is empty")
    if not any(isinstance(item, tuple) or item == TENSOR for item in index):
        raise ValueError("there are no positions in the index; getitem takes integers, slices and None")
    _check_order(index)
    array: Any = np.broadcast_to(np.int8(0), shape)
    try:
        return Shape(array[_numpy_index(index, tuple(_arrays(index, shapes, attributes)))].shape)
    except IndexError as error:
        raise ValueError(str(error)) from error


def _check_order(index: Sequence[Any]) -> None:
    """Refuse an index whose axes PyTorch and NumPy put in another order: PyTorch takes integers out first."""

    def place(items: Sequence[Any], arrays: list[int]) -> int:
        apart = arrays[-1] - arrays[0] >= len(arrays)
        return 0 if apart else sum(not isinstance(item, int) for item in items[: arrays[0]])

    without = [item for item in index if not isinstance(item, int)]
    numpy_place = place(index, [at for at, item in enumerate(index) if isinstance(item, int | tuple | str)])
    torch_place = place(without, [at for at, item in enumerate(without) if isinstance(item, tuple | str)])
    if numpy_place != torch_place:
        raise ValueError(
            "an integer stands apart from the positions, and PyTorch then orders the axes in another way than JAX; "
            "index twice: x[0][:, [0, 1]]"
        )


# ---- reading ----


def _read(x: Any, *indices: Any, index: Any) -> Any:
    return np.asarray(x[_numpy_index(index, [_positions(one) for one in indices])], dtype=object)


def _read_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    return _elements(shapes[0], attributes["index"], shapes[1:], attributes)


def _read_dtype(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    _check_positions(dtypes[1:], ("int64", "bool"))
    return dtypes[0]


def _check_positions(dtypes: Dtypes, allowed: Dtypes = ("int64",)) -> None:
    for dtype in dtypes:
        if dtype not in allowed:
            raise ValueError(f"positions must be a tensor of {' or '.join(allowed)}, got {dtype}")


def _position_dtype(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    _check_positions(dtypes[1:2])
    return dtypes[0]


def _check_range(size: int, attributes: Attributes) -> None:
    known = _known(attributes)
    outside = [] if known is None else [int(one) for one in known.flat if not 0 <= one < size]
    if outside:
        raise ValueError(f"position {outside[0]} is out of range for size {size}, and none may be negative here")


def _taken(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    shape, positions = shapes[:2]
    axis = one_axis(attributes["axis"], len(shape))
    if len(positions) != 1:
        raise ValueError(f"positions along one axis are a vector, not of shape {list(positions)}")
    _check_range(shape[axis], attributes)
    return (*shape[:axis], positions[0], *shape[axis + 1 :])


def _gathered(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    shape, positions = shapes[:2]
    axis = one_axis(attributes["axis"], len(shape))
    if len(positions) != len(shape) or _beside(positions, axis) != _beside(shape, axis):
        raise ValueError(f"positions of shape {list(positions)} and {list(shape)} differ beside axis {axis}")
    _check_range(shape[axis], attributes)
    return positions


def _beside(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])


def _one_hot(indices: Any, *, classes: int) -> Any:
    hot = np.frompyfunc(mpmath.mpf, 1, 1)(np.equal.outer(_positions(indices), np.arange(classes)).astype(int))
    return np.asarray(hot, dtype=object)


def _one_hot_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    classes = attributes["classes"]
    if classes < 1:
        raise ValueError(f"the number of classes must be written down and positive, got {classes}")
    _check_range(classes, attributes)
    return (*shapes[0], classes)


def _one_hot_dtype(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    _check_positions(dtypes)
    return "int64"


READS = (
    Op(
        "advanced_getitem", "x, *indices, *, index=...", "x[index]", "x[index]", _read, _read_shape, _read_dtype,
        linear=("x",),
    ),
    Op(
        "take", "x, indices, *, axis=...", "torch.index_select(x, axis, indices)", "jnp.take(x, indices, axis=axis)",
        lambda x, indices, *, axis: np.take(x, _positions(indices), axis), _taken, _position_dtype, linear=("x",),
    ),
    Op(
        "take_along_axis", "x, indices, *, axis=...", "torch.gather(x, axis, indices)",
        "jnp.take_along_axis(x, indices, axis=axis)",
        lambda x, indices, *, axis: np.take_along_axis(x, _positions(indices), axis), _gathered, _position_dtype,
        linear=("x",), calls=("torch.take_along_dim(x, indices, dim=axis)",),
    ),
)  # fmt: skip

# PyTorch refuses a position beyond the classes; JAX answers it with zeros.
ONE_HOT = Op(
    "one_hot", "indices, *, classes=...", "torch.nn.functional.one_hot(indices, classes)",
    "jax.nn.one_hot(indices, classes, dtype=int)", _one_hot, _one_hot_shape, _one_hot_dtype,
)  # fmt: skip

# ---- writing ----


def _exact(value: Any) -> Any:
    """A value as the elements of an exact array."""
    return value if isinstance(value, np.ndarray | bool) else mpmath.mpmathify(value)


def _set(x: Any, where: Any, value: Any) -> Any:
    """A copy of `x` with `value` at an index; of several values for one element the last stays."""
    result = x.copy()
    result[where] = _exact(value)
    return result


def _added(x: Any, where: Any, value: Any) -> Any:
    """A copy of `x` with `value` added at an index, once for every time an element is named."""
    result = x.copy()
    np.add.at(result, where, _exact(value))
    return result


def _at(axis: int, positions: Any, ndim: int) -> tuple[Any, ...]:
    return (*[slice(None)] * (axis % ndim), _positions(positions))


def _meshed(shape: Shape, axis: int, positions: Any) -> tuple[Any, ...]:
    """The index of elements whose position along `axis` is given, and which keep their place along the others."""
    mesh: list[Any] = list(np.indices(shape, sparse=True))
    mesh[axis] = _positions(positions)
    return tuple(mesh)


def _check_written(value: Shape, elements: Shape) -> None:
    if not fits(value, elements):
        raise ValueError(f"a value of shape {list(value)} does not fit {list(elements)}")


def _set_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    _check_written(shapes[1], _elements(shapes[0], attributes["index"], shapes[2:], attributes))
    return shapes[0]


def _set_dtype(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    _check_positions(dtypes[2:], ("int64", "bool"))
    return filled(*dtypes[:2])


def _put_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    return _set_shape(shapes, {**attributes, "index": (TENSOR,) * len(shapes[2:])})


def _put_dtype(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    _check_positions(dtypes[2:])
    if dtypes[0] != dtypes[1]:
        raise ValueError(f"a {dtypes[1]} is put into a {dtypes[0]}; PyTorch takes a tensor of the same dtype")
    return _sum_dtype(dtypes[:2], default) if attributes.get("accumulate") else dtypes[0]


def _sum_dtype(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    if "bool" in dtypes:
        raise ValueError("booleans are not added")
    return agreed(dtypes, default)


def _mask_place(shapes: tuple[Shape, ...], attributes: Attributes) -> int:
    """The first axis that the mask of `x[:, mask]` stands for."""
    shape, _, mask = shapes
    axis = len(attributes["index"]) - 1
    if attributes["index"] != (*along(axis, Slice())[:-1], TENSOR):
        raise ValueError("a computed mask has only whole slices beside it; index twice: x[0][mask] = value")
    if not mask or mask != shape[axis : axis + len(mask)]:
        raise ValueError(f"a mask of shape {list(mask)} does not match axis {axis} of shape {list(shape)}")
    return axis


def _masked_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    shape, value, mask = shapes
    behind = shape[_mask_place(shapes, attributes) + len(mask) :]
    if len(value) > len(behind) or not fits(value, behind):
        raise ValueError(
            f"whether a value of shape {list(value)} fits depends on how many True the mask of shape {list(mask)} has; "
            "write where(mask, value, x)"
        )
    return shape


def _masked_names(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
    """Whether the mask reaches to the last axis of `x`, and the axes it lacks."""
    first, behind = len(shapes[2]), len(shapes[0]) - _mask_place(shapes, attributes) - len(shapes[2])
    return {"whole": behind == 0, "axes": tuple(range(first, first + behind))}


def _masked_dtype(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    _check_positions(dtypes[2:], ("bool",))
    return filled(*dtypes[:2])


def _masked_write(x: Any, y: Any, mask: Any, *, index: Any) -> Any:
    # A value that fits behind the mask needs no count: it is the same for every True.
    return _set(x, _numpy_index(index, [_positions(mask)]), y)


def _fill_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    shape, mask, value = shapes
    if value or not fits(mask, shape):
        raise ValueError(f"a mask of shape {list(mask)} and one number do not fill {list(shape)}")
    return shape


def _fill_dtype(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    _check_positions(dtypes[1:2], ("bool",))
    return filled(dtypes[0], dtypes[2])


def _filled(x: Any, mask: Any, y: Any) -> Any:
    return np.where(_positions(mask), _exact(y), x)


def _axis_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    taken = _taken(shapes, attributes)
    if shapes[2] != taken:
        raise ValueError(f"a source of shape {list(shapes[2])} is not of shape {list(taken)}")
    return shapes[0]


def _number_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    _taken(shapes, attributes)
    if shapes[2]:
        raise ValueError("fills with one number")
    return shapes[0]


def _mesh_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if shapes[2] not in ((), _gathered(shapes, attributes)):
        raise ValueError(f"a source of shape {list(shapes[2])} has not the shape {list(shapes[1])} of the positions")
    return shapes[0]


def _tensor_mesh_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if shapes[2] != _gathered(shapes, attributes):
        raise ValueError(f"a source of shape {list(shapes[2])} has not the shape {list(shapes[1])} of the positions")
    return shapes[0]


def _axis_dtype(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    _check_positions(dtypes[1:2])
    return filled(dtypes[0], dtypes[2])


def _axis_sum_dtype(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    _check_positions(dtypes[1:2])
    return _sum_dtype((dtypes[0], dtypes[2]), default)


def _axis_index(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
    axis = one_axis(attributes["axis"], len(shapes[0]))
    return {"index": (*along(axis, Slice())[:-1], TENSOR)}


def _mesh_index(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
    ndim = len(shapes[0])
    axis = one_axis(attributes["axis"], ndim)
    spans = [Span(0, size, ndim - 1 - place) for place, size in enumerate(shapes[0])]
    return {"index": tuple(TENSOR if place == axis else span for place, span in enumerate(spans))}


WRITES = (
    Op(
        "advanced_setitem", "x, y, *indices, *, index=...", None, "x.at[index].set(y)",
        lambda x, y, *indices, index: _set(x, _numpy_index(index, [_positions(one) for one in indices]), y),
        _set_shape, _set_dtype, scalars=True, linear=("x", "y"), write="x[index] = y",
    ),
    Op(
        "masked_setitem", "x, y, mask, *, index=...", None,
        "jnp.where(mask, y, x) if whole else jnp.where(jnp.expand_dims(mask, axes), y, x)", _masked_write,
        _masked_shape, _masked_dtype, scalars=True, linear=("x", "y"), write="x[index] = y", jax_names=_masked_names,
    ),
    Op(
        "masked_fill", "x, mask, y", "x.masked_fill(mask, y)", "jnp.where(mask, y, x)", _filled, _fill_shape,
        _fill_dtype, scalars=True, linear=("x", "y"), write="x.masked_fill_(mask, y)",
    ),
    Op(
        "index_put", "x, y, *indices, *, accumulate=False", "x.index_put(indices, y, accumulate=accumulate)",
        "x.at[index].add(y) if accumulate else x.at[index].set(y)",
        lambda x, y, *indices, accumulate: (_added if accumulate else _set)(x, tuple(map(_positions, indices)), y),
        _put_shape, _put_dtype, linear=("x", "y"), write="x.index_put_(indices, y, accumulate=accumulate)",
        jax_names=lambda shapes, attributes: {"index": (TENSOR,) * len(shapes[2:])},
    ),
    Op(
        "index_add", "x, indices, y, *, axis=...", "x.index_add(axis, indices, y)", "x.at[index].add(y)",
        lambda x, indices, y, *, axis: _added(x, _at(axis, indices, x.ndim), y), _axis_shape, _axis_sum_dtype,
        linear=("x", "y"), write="x.index_add_(axis, indices, y)", jax_names=_axis_index,
    ),
    Op(
        "index_copy", "x, indices, y, *, axis=...", "x.index_copy(axis, indices, y)", "x.at[index].set(y)",
        lambda x, indices, y, *, axis: _set(x, _at(axis, indices, x.ndim), y), _axis_shape, _axis_dtype,
        linear=("x", "y"), write="x.index_copy_(axis, indices, y)", jax_names=_axis_index,
    ),
    Op(
        "index_fill", "x, indices, y, *, axis=...", "x.index_fill(axis, indices, y)", "x.at[index].set(y)",
        lambda x, indices, y, *, axis: _set(x, _at(axis, indices, x.ndim), y), _number_shape, _axis_dtype,
        scalars=True, linear=("x", "y"), write="x.index_fill_(axis, indices, y)", jax_names=_axis_index,
    ),
    Op(
        "scatter", "x, indices, y, *, axis=...", "x.scatter(axis, indices, y)",
        "jnp.put_along_axis(x, indices, y, axis=axis, inplace=False)",
        lambda x, indices, y, *, axis: _set(x, _meshed(indices.shape, axis, indices), y), _mesh_shape, _axis_dtype,
        scalars=True, linear=("x", "y"), write="x.scatter_(axis, indices, y)",
    ),
    Op(
        "scatter_add", "x, indices, y, *, axis=...", "x.scatter_add(axis, indices, y)", "x.at[index].add(y)",
        lambda x, indices, y, *, axis: _added(x, _meshed(indices.shape, axis, indices), y), _tensor_mesh_shape,
        _axis_sum_dtype, linear=("x", "y"), write="x.scatter_add_(axis, indices, y)", jax_names=_mesh_index,
        calls=('torch.scatter_reduce(x, axis, indices, y, "sum")',),
    ),
)  # fmt: skip

READS_OF = {
    "advanced_setitem": READS[0], "index_put": READS[0], "index_copy": READS[1], "scatter": READS[2],
}  # fmt: skip
"""By the row that replaces elements, the row that reads the same ones."""


def sets_twice(op: Op, shape: Shape, positions: Sequence[Any], attributes: Attributes) -> bool:
    """Whether an op replaces one element of a tensor twice. `positions`: what is known of those it is given."""
    if op.name not in READS_OF or attributes.get("accumulate") or any(one is None for one in positions):
        return False
    places = np.arange(math.prod(shape)).reshape(shape)
    given = {"index": attributes.get("index", (TENSOR,) * len(positions)), "axis": attributes.get("axis")}
    read = READS_OF[op.name]
    named = read.reference(places, *positions, **{name: given[name] for name in read.defaults})
    return bool(len(set(named.flat)) < named.size)


# ---- writing what a view shows, out of place ----


def _slice_index(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
    part = Slice(attributes["start"], attributes["stop"], None if attributes["step"] == 1 else attributes["step"])
    return {"index": along(one_axis(attributes["axis"], len(shapes[0])), part)}


def _select_index(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
    return {"index": along(one_axis(attributes["axis"], len(shapes[0])), attributes["position"])}


def _part_shape(names: Any) -> Any:
    return lambda shapes, attributes: _check_source(shapes, indexed(shapes, names(shapes, attributes)))


def _check_source(shapes: tuple[Shape, ...], part: Shape) -> Shape:
    if shapes[1] != part:
        raise ValueError(f"a source of shape {list(shapes[1])} is not of shape {list(part)}")
    return shapes[0]


def _with_part(names: Any) -> Any:
    return lambda x, y, **attributes: _set(x, numpy_basic_index(names((x.shape,), attributes)["index"]), y)


def _with_diagonal(x: Any, y: Any, **attributes: Any) -> Any:
    result = x.copy()
    diagonal_view(result, **attributes)[...] = y
    return result


def _source_dtype(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    return agreed(dtypes, default)


PARTS = (
    Op(
        "slice_scatter", "x, y, *, axis=0, start=None, stop=None, step=1",
        "torch.slice_scatter(x, y, dim=axis, start=start, end=stop, step=step)", "x.at[index].set(y)",
        _with_part(_slice_index), _part_shape(_slice_index), _source_dtype, linear=("x", "y"), jax_names=_slice_index,
    ),
    Op(
        "select_scatter", "x, y, *, axis=..., position=...", "torch.select_scatter(x, y, axis, position)",
        "x.at[index].set(y)", _with_part(_select_index), _part_shape(_select_index), _source_dtype,
        linear=("x", "y"), jax_names=_select_index,
    ),
)  # fmt: skip
DIAGONALS = (
    Op(
        "diagonal_scatter", "x, y, *, offset=0, axis1=0, axis2=1",
        "torch.diagonal_scatter(x, y, offset=offset, dim1=axis1, dim2=axis2)", "x.at[index].set(y)", _with_diagonal,
        lambda shapes, attributes: _check_source(shapes, diagonal_shape(shapes, attributes)), _source_dtype,
        linear=("x", "y"), jax_names=diagonal_index,
    ),
)  # fmt: skip

# PyTorch differentiates slice_scatter and select_scatter of real numbers only.
ROWS = (*(replace(row, complex=True) for row in (*READS, *WRITES, *DIAGONALS)), ONE_HOT, *PARTS)
