"""Rows whose result aliases their operand, as PyTorch's views do."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from compare.ops.op import Attributes, BasicIndex, Op, Shape, Slice, Span, View
from compare.ops.rules import fits, indexed, normalized_axes, of_attribute, one_axis, unchanged

__all__ = ["ROWS", "along", "diagonal_index", "diagonal_shape", "diagonal_view", "numpy_basic_index"]

# ---- basic indexing ----


def numpy_basic_index(index: BasicIndex) -> tuple[Any, ...]:
    """The index as NumPy takes it."""
    # Without the ellipsis NumPy answers a full index with a scalar, not with a view.
    return (*(item.to_python() if isinstance(item, Slice) else item for item in index), Ellipsis)


def _getitem(x: Any, *, index: BasicIndex) -> Any:
    return x[numpy_basic_index(index)]


def along(axis: int, item: int | Slice) -> BasicIndex:
    """The index that takes `item` along one axis, and everything along those before it."""
    return (*[Slice()] * axis, item)


def _part(
    name: str,
    signature: str,
    torch: str,
    index: Callable[[Shape, Attributes], BasicIndex],
    pieces: Callable[[Shape, Attributes], int] | None = None,
    calls: tuple[str, ...] = (),
) -> Op:
    """A row for a part of `x` that an index can name, too: `index`, from the shape of `x` and the attributes."""

    def alias(x: Any, **attributes: Any) -> Any:
        return _getitem(x, index=index(x.shape, attributes))

    def shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
        return indexed(shapes, {"index": index(shapes[0], attributes)})

    return Op(
        name, signature, torch, "x[index]", alias, shape, unchanged, linear=("x",),
        view=View(alias, "x.at[index].set(new)", pieces=pieces), calls=calls,
        jax_names=lambda shapes, attributes: {"index": index(shapes[0], attributes)},
    )  # fmt: skip


def _selected(shape: Shape, attributes: Attributes) -> BasicIndex:
    return along(one_axis(attributes["axis"], len(shape)), attributes["position"])


def _narrowed(shape: Shape, attributes: Attributes) -> BasicIndex:
    axis, start, length = one_axis(attributes["axis"], len(shape)), attributes["start"], attributes["length"]
    size = shape[axis]
    first = start + size if start < 0 else start
    if not 0 <= first <= first + length <= size:
        raise ValueError(f"{length} elements from {start} on are not within axis {axis} of size {size}")
    return along(axis, Slice(first, first + length))


# ---- several views at once ----


def _cuts(shape: Shape, attributes: Attributes) -> list[int]:
    """Where the pieces of a split begin, and where the last one ends."""
    size, sizes = shape[one_axis(attributes["axis"], len(shape))], attributes["sizes"]
    if isinstance(sizes, int):
        if sizes < 1:
            raise ValueError(f"pieces of size {sizes} cannot be split off")
        return [*range(0, max(size, 1), sizes), size]
    if any(one < 0 for one in sizes) or sum(sizes) != size:
        raise ValueError(f"sizes {list(sizes)} do not add up to {size}")
    return [0, *(int(cut) for cut in np.cumsum(sizes))]


def _chunk_cuts(shape: Shape, attributes: Attributes) -> list[int]:
    size, chunks = shape[one_axis(attributes["axis"], len(shape))], attributes["chunks"]
    if chunks < 1 or size < 1:
        raise ValueError(f"an axis of size {size} has no {chunks} chunks")
    # PyTorch makes all but the last chunk equally large, so there may be fewer than asked for.
    return _cuts(shape, {**attributes, "sizes": -(-size // chunks)})


def _between(cuts: Callable[[Shape, Attributes], list[int]]) -> Callable[[Shape, Attributes], BasicIndex]:
    """The index of the piece at `position`."""

    def index(shape: Shape, attributes: Attributes) -> BasicIndex:
        bounds, position = cuts(shape, attributes), attributes["position"]
        count = len(bounds) - 1
        if not -count <= position < count:
            raise ValueError(f"there is no piece {position} among {count}")
        position %= count
        return along(one_axis(attributes["axis"], len(shape)), Slice(bounds[position], bounds[position + 1]))

    return index


def _stacked(shape: Shape, attributes: Attributes) -> int:
    return shape[one_axis(attributes["axis"], len(shape))]


PARTS = (
    Op(
        "getitem", "x, *, index=...", "x[index]", "x[index]", _getitem, indexed, unchanged, linear=("x",),
        view=View(_getitem, "x.at[index].set(new)"),
    ),
    _part("select", "x, *, axis=..., position=...", "x.select(axis, position)", _selected),
    _part("narrow", "x, *, axis=..., start=..., length=...", "x.narrow(axis, start, length)", _narrowed),
    _part("unstack", "x, *, axis=0, position=...", "x.unbind(dim=axis)[position]", _selected, _stacked),
    _part(
        "split", "x, *, sizes=..., axis=0, position=...", "x.split(sizes, dim=axis)[position]", _between(_cuts),
        lambda shape, attributes: len(_cuts(shape, attributes)) - 1, ("torch.split(x, sizes, dim=axis)[position]",),
    ),
    _part(
        "chunk", "x, *, chunks=..., axis=0, position=...", "x.chunk(chunks, dim=axis)[position]", _between(_chunk_cuts),
        lambda shape, attributes: len(_chunk_cuts(shape, attributes)) - 1,
    ),
)  # fmt: skip

# ---- other shapes ----


def _reshape(x: Any, *, shape: Shape) -> Any:
    return x.reshape(shape, copy=False)


def _own_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
    return {"own_shape": shapes[0]}


def _flat(shape: Shape, attributes: Attributes) -> Shape:
    axes = [one_axis(attributes[name], max(len(shape), 1)) for name in ("start_axis", "end_axis")]
    start, end = axes
    if start > end:
        raise ValueError(f"the axes {attributes['start_axis']} to {attributes['end_axis']} run backwards")
    if shape and start == end:
        raise ValueError("there is one axis only, and PyTorch answers with the tensor itself; leave the flatten out")
    return (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])


def _unflattened(shape: Shape, attributes: Attributes) -> Shape:
    axis = one_axis(attributes["axis"], len(shape))
    sizes = of_attribute(((shape[axis],),), {"shape": attributes["shape"]})
    if not sizes:
        raise ValueError("an axis is not unflattened into no axis")
    return (*shape[:axis], *sizes, *shape[axis + 1 :])


def _merged(x: Any, **attributes: Any) -> Any:
    return x.reshape(_flat(x.shape, attributes))


def _squeezed_axes(shape: Shape, axis: Any) -> tuple[int, ...]:
    if axis is None:
        return tuple(one for one, size in enumerate(shape) if size == 1)
    axes = normalized_axes(axis, len(shape))
    for one in axes:
        if shape[one] != 1:
            raise ValueError(f"axis {one} has size {shape[one]}; only an axis of size 1 can be squeezed")
    return axes


def _squeezed(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    gone = _squeezed_axes(shapes[0], attributes["axis"])
    return tuple(size for one, size in enumerate(shapes[0]) if one not in gone)


def _expanded(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    axis = one_axis(attributes["axis"], len(shapes[0]) + 1)
    return (*shapes[0][:axis], 1, *shapes[0][axis:])


def _broadcast_to(x: Any, *, shape: Shape) -> Any:
    # NumPy's broadcast view is read-only, and rightly so where elements repeat.
    return x.reshape(shape) if math.prod(shape) == x.size else np.broadcast_to(x, shape)


def _broadcast_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    wanted = tuple(attributes["shape"])
    if any(size < 0 for size in wanted) or not fits(shapes[0], wanted):
        raise ValueError(f"{list(shapes[0])} does not broadcast to {list(wanted)}")
    return wanted


RESHAPED = (
    Op(
        "reshape", "x, *, shape=...", "x.reshape(shape)", "x.reshape(shape)", lambda x, *, shape: x.reshape(shape),
        of_attribute, unchanged, linear=("x",), view=View(_reshape, "new.reshape(own_shape)", otherwise="copy"),
        jax_names=_own_shape,
    ),
    Op(
        "view", "x, *, shape=...", "x.view(shape)", "x.reshape(shape)", lambda x, *, shape: x.reshape(shape),
        of_attribute, unchanged, linear=("x",), view=View(_reshape, "new.reshape(own_shape)", otherwise="raise"),
        jax_names=_own_shape,
    ),
    Op(
        "flatten", "x, *, start_axis=0, end_axis=-1", "x.flatten(start_dim=start_axis, end_dim=end_axis)",
        "x.reshape(shape)", _merged, lambda shapes, attributes: _flat(shapes[0], attributes), unchanged, linear=("x",),
        view=View(
            lambda x, **attributes: _reshape(x, shape=_flat(x.shape, attributes)), "new.reshape(own_shape)",
            otherwise="copy",
        ),
        jax_names=lambda shapes, attributes: {"shape": _flat(shapes[0], attributes), "own_shape": shapes[0]},
    ),
    Op(
        "unflatten", "x, *, axis=..., shape=...", "x.unflatten(axis, shape)", "x.reshape(sizes)",
        lambda x, **attributes: x.reshape(_unflattened(x.shape, attributes)),
        lambda shapes, attributes: _unflattened(shapes[0], attributes), unchanged, linear=("x",),
        view=View(
            lambda x, **attributes: _reshape(x, shape=_unflattened(x.shape, attributes)), "new.reshape(own_shape)"
        ),
        jax_names=lambda shapes, attributes: {"sizes": _unflattened(shapes[0], attributes), "own_shape": shapes[0]},
    ),
    Op(
        "broadcast_to", "x, *, shape=...", "x.expand(shape)", "jnp.broadcast_to(x, shape)",
        _broadcast_to, _broadcast_shape, unchanged, linear=("x",), view=View(_broadcast_to, "new.reshape(own_shape)"),
        jax_names=_own_shape, calls=("torch.broadcast_to(x, shape)",),
    ),
    Op(
        "expand_dims", "x, *, axis=...", "x.unsqueeze(axis)", "jnp.expand_dims(x, axis)",
        lambda x, *, axis: np.expand_dims(x, axis), _expanded, unchanged, linear=("x",),
        view=View(lambda x, *, axis: np.expand_dims(x, axis), "new.reshape(own_shape)"), jax_names=_own_shape,
    ),
    Op(
        "squeeze", "x, *, axis=None", "x.squeeze(dim=axis)", "jnp.squeeze(x, axis=axis)",
        lambda x, *, axis: np.squeeze(x, axis), _squeezed, unchanged, linear=("x",),
        view=View(lambda x, *, axis: np.squeeze(x, axis), "new.reshape(own_shape)"), jax_names=_own_shape,
    ),
)  # fmt: skip

# ---- axes in another order ----


def _permuted_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    axes, ndim = attributes["axes"], len(shapes[0])
    if len(axes) != ndim or (axes and len(normalized_axes(axes, ndim)) != ndim):
        raise ValueError(f"axes {axes} are not a permutation of {ndim} dimensions")
    return tuple(shapes[0][axis] for axis in axes)


def _inverse(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
    ndim = len(shapes[0])
    return {"inverse": tuple(int(axis) for axis in np.argsort([axis % ndim for axis in attributes["axes"]]))}


def _matrix_transposed(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if len(shapes[0]) < 2:
        raise ValueError("needs at least two dimensions")
    return (*shapes[0][:-2], shapes[0][-1], shapes[0][-2])


def _swapped_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    shape = list(shapes[0])
    one, other = (one_axis(attributes[name], len(shape)) for name in ("axis1", "axis2"))
    shape[one], shape[other] = shape[other], shape[one]
    return tuple(shape)


def _moved_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    source, destination = attributes["source"], attributes["destination"]
    if isinstance(source, int) != isinstance(destination, int):
        raise ValueError("source and destination must both be integers, or both tuples")
    if len(normalized_axes(source, len(shapes[0]))) != len(normalized_axes(destination, len(shapes[0]))):
        raise ValueError(f"{source} and {destination} are not as many axes")
    return np.moveaxis(np.broadcast_to(np.int8(0), shapes[0]), source, destination).shape


def diagonal_view(x: Any, *, offset: int, axis1: int, axis2: int) -> Any:
    """The NumPy view of a diagonal, its elements last; writable where `x` is."""
    diagonal = np.diagonal(x, offset, axis1, axis2)
    # NumPy hands out a read-only view, although the elements are those of `x`.
    diagonal.flags.writeable = x.flags.writeable
    return diagonal


def diagonal_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    """The shape of a diagonal."""
    rows, columns = _diagonal_axes(shapes[0], attributes)
    rest = tuple(size for axis, size in enumerate(shapes[0]) if axis not in (rows, columns))
    offset = attributes["offset"]
    length = min(shapes[0][rows] + min(offset, 0), shapes[0][columns] - max(offset, 0))
    if length < 0:
        raise ValueError(f"there is no diagonal {offset} in {shapes[0][rows]} rows and {shapes[0][columns]} columns")
    return (*rest, length)


def _diagonal_axes(shape: Shape, attributes: Attributes) -> tuple[int, int]:
    if len(shape) < 2:
        raise ValueError("needs at least two dimensions")
    rows, columns = (one_axis(attributes[name], len(shape)) for name in ("axis1", "axis2"))
    if rows == columns:
        raise ValueError(f"a diagonal runs along two axes, not along axis {rows} alone")
    return rows, columns


def diagonal_index(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
    """The index of a diagonal, its elements last, as JAX takes it."""
    rows, columns = _diagonal_axes(shapes[0], attributes)
    offset, length = attributes["offset"], diagonal_shape(shapes, attributes)[-1]
    starts = {rows: max(-offset, 0), columns: max(offset, 0)}
    others = [axis for axis in range(len(shapes[0])) if axis not in starts]
    # Behind whole slices a diagonal comes last by itself; among them, every axis is indexed.
    whole = others == list(range(len(others)))
    index: list[Slice | Span] = []
    for axis, size in enumerate(shapes[0]):
        if axis in starts:
            index.append(Span(starts[axis], starts[axis] + length))
        else:
            index.append(Slice() if whole else Span(0, size, len(others) - others.index(axis)))
    return {"index": tuple(index)}


REORDERED = (
    Op(
        "permute_dims", "x, *, axes=...", "x.permute(axes)", "jnp.transpose(x, axes)",
        lambda x, *, axes: x.transpose(axes), _permuted_shape, unchanged, linear=("x",),
        view=View(lambda x, *, axes: x.transpose(axes), "jnp.transpose(new, inverse)"), jax_names=_inverse,
    ),
    Op(
        "matrix_transpose", "x", "x.mT", "x.mT", lambda x: x.swapaxes(-1, -2), _matrix_transposed, unchanged,
        linear=("x",), view=View(lambda x: x.swapaxes(-1, -2), "new.mT"), calls=("torch.t(x)",),
    ),
    Op(
        "swapaxes", "x, *, axis1=..., axis2=...", "x.transpose(axis1, axis2)", "jnp.swapaxes(x, axis1, axis2)",
        lambda x, *, axis1, axis2: x.swapaxes(axis1, axis2), _swapped_shape, unchanged, linear=("x",),
        view=View(lambda x, *, axis1, axis2: x.swapaxes(axis1, axis2), "jnp.swapaxes(new, axis1, axis2)"),
        calls=("torch.swapaxes(x, axis1, axis2)", "torch.swapdims(x, axis1, axis2)"),
    ),
    Op(
        "moveaxis", "x, *, source=..., destination=...", "x.movedim(source, destination)",
        "jnp.moveaxis(x, source, destination)",
        lambda x, *, source, destination: np.moveaxis(x, source, destination), _moved_shape, unchanged, linear=("x",),
        view=View(
            lambda x, *, source, destination: np.moveaxis(x, source, destination),
            "jnp.moveaxis(new, destination, source)",
        ),
        calls=("torch.moveaxis(x, source, destination)",),
    ),
    Op(
        "diagonal", "x, *, offset=0, axis1=0, axis2=1", "x.diagonal(offset=offset, dim1=axis1, dim2=axis2)",
        "jnp.diagonal(x, offset=offset, axis1=axis1, axis2=axis2)", diagonal_view, diagonal_shape, unchanged,
        linear=("x",), view=View(diagonal_view, "x.at[index].set(new)"), jax_names=diagonal_index,
    ),
)  # fmt: skip

# What only moves elements moves complex ones too.
ROWS = tuple(replace(row, complex=True) for row in (*PARTS, *RESHAPED, *REORDERED))
