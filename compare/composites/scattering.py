"""Reads and writes at positions and masks: the cases of PyTorch's functions that one row does not take.

To PyTorch a scalar has one axis, positions and sources may be smaller or larger than the tensor beside that axis, and
several sources may be reduced into one element.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from compare.composites.arguments import broadcast_shapes
from compare.composites.composite import Composite, composite
from compare.composites.kinds import check_floats, known_numbers
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__: list[str] = []

# ---- shapes ----


def _vector(tape: Tape, one: Any) -> Any:
    """A scalar as a vector of one element, a view of it; anything else as it is."""
    return tape.reshape(one, shape=(1,)) if isinstance(one, Tensor) and not one.shape else one


def _shaped(tape: Tape, one: Tensor, shape: tuple[int, ...]) -> Tensor:
    return one if one.shape == shape else tape.reshape(one, shape=shape)


def _axis(dim: int, input: Tensor) -> int:
    ndim = max(len(input.shape), 1)
    if not -ndim <= dim < ndim:
        raise ProgramError(f"Axis {dim} is out of range for {ndim} dimensions.")
    return dim % ndim


def _part_to(one: Tensor, shape: tuple[int, ...], kept: int | None = None) -> Tensor:
    """The first elements of a tensor along every axis, a view of this shape; all of them along the axis `kept`."""
    if len(one.shape) != len(shape):
        raise ProgramError(f"Shapes {list(one.shape)} and {list(shape)} have not as many axes.")
    sizes = [there if axis == kept else size for axis, (there, size) in enumerate(zip(one.shape, shape, strict=True))]
    if any(size > there for there, size in zip(one.shape, sizes, strict=True)):
        raise ProgramError(f"Positions of shape {list(shape)} reach beyond the shape {list(one.shape)}.")
    if tuple(sizes) == one.shape:
        return one
    return one[
        tuple(slice(None) if there == size else slice(size) for there, size in zip(one.shape, sizes, strict=True))
    ]


# ---- reads ----


@composite("torch.index_select")
def _index_select(tape: Tape, input: Tensor, dim: int, index: Tensor) -> Tensor:
    taken = tape.take(_vector(tape, input), _vector(tape, index), axis=dim)
    return taken if input.shape else tape.reshape(taken, shape=())


@composite("torch.gather")
def _gather(tape: Tape, input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    positions = _vector(tape, index)
    axis = _axis(dim, input)
    part = _part_to(_vector(tape, input), positions.shape, axis)
    return _shaped(tape, tape.take_along_axis(part, positions, axis=axis), index.shape)


@composite("torch.take_along_dim")
def _take_along_dim(tape: Tape, input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    if dim is None:
        flat, places = tape.reshape(input, shape=(-1,)), tape.reshape(indices, shape=(-1,))
        return tape.take_along_axis(flat, places, axis=0)
    axis = _axis(dim, input)
    if len(input.shape) != len(indices.shape):
        raise ProgramError("take_along_dim takes positions of as many axes as the tensor has.")
    known = tape._facts.handle(indices._name).known
    if known is not None and (known < 0).any():
        # These count from the end, which gather does not know.
        indices = tape.constant(np.where(known < 0, known + input.shape[axis], known))
    beside = [
        max(one, other) if 0 not in (one, other) else 0 for one, other in zip(input.shape, indices.shape, strict=True)
    ]
    whole = tape.broadcast_to(input, shape=(*beside[:axis], input.shape[axis], *beside[axis + 1 :]))
    places = tape.broadcast_to(indices, shape=(*beside[:axis], indices.shape[axis], *beside[axis + 1 :]))
    return tape.take_along_axis(whole, places, axis=axis)


@composite("torch.masked_select")
def _masked_select(tape: Tape, input: Tensor, mask: Tensor) -> Tensor:
    known_numbers(tape, "masked_select", mask)
    shape = broadcast_shapes(input.shape, mask.shape)
    whole = tape.broadcast_to(input, shape=shape) if input.shape != shape else input
    chosen = tape.broadcast_to(mask, shape=shape) if mask.shape != shape else mask
    if not shape:
        whole, chosen = tape.reshape(whole, shape=(1,)), tape.reshape(chosen, shape=(1,))
    return whole[chosen]


@composite("torch.ops.aten.index", "torch._unsafe_index")
def _unsafe_index(tape: Tape, input: Tensor, indices: Any) -> Tensor:
    return input[tuple(slice(None) if one is None else one for one in indices)]


def _within(tape: Tape, input: Tensor, indices: Any) -> tuple[Any, ...]:
    """Positions that stay inside of the tensor, whatever those given are."""
    return tuple(
        slice(None) if one is None else tape.where(one < -size, -size, tape.where(one >= size, size - 1, one))
        for one, size in zip(indices, input.shape, strict=False)
    )


@composite("torch._unsafe_masked_index")
def _unsafe_masked_index(tape: Tape, input: Tensor, mask: Tensor, indices: Any, fill: Any) -> Tensor:
    return tape.where(mask, input[_within(tape, input, indices)], fill)


@composite("torch._unsafe_masked_index_put_accumulate")
def _unsafe_masked_index_put_accumulate(
    tape: Tape, input: Tensor, mask: Tensor, indices: Any, values: Tensor
) -> Tensor:
    places = _within(tape, input, indices)
    if any(isinstance(one, slice) for one in places):
        raise ProgramError("_unsafe_masked_index_put_accumulate along whole axes is not modelled. Give positions.")
    return tape.index_put(input, tape.where(mask, values, 0.0), *places, accumulate=True)


# ---- a function and its in-place form ----


def _in_both_forms(name: str, *others: str) -> Callable[[Composite], Composite]:
    """Decorates a composite that is `torch.<name>`, and `torch.Tensor.<name>_` where it is told to write.

    Args: others: further public names of the function that does not write.
    """

    def register(function: Composite) -> Composite:
        *shown, _ = inspect.signature(function).parameters.values()
        for names, in_place in (((f"torch.{name}", *others), False), ((f"torch.Tensor.{name}_",), True)):
            form = functools.partial(function, in_place=in_place)
            form.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
            composite(*names)(form)
        return function

    return register


# ---- writes at positions ----


def _written(tape: Tape, row: str, input: Tensor, dim: int, index: Tensor, value: Any, *, in_place: bool) -> Tensor:
    """`row`, or its in-place form, along an axis. A scalar has one."""
    write = getattr(_vector(tape, input), f"{row}_" if in_place else row)
    written = write(_vector(tape, index), value, axis=dim)
    return input if in_place else _shaped(tape, written, input.shape)


@_in_both_forms("index_add")
def _index_add(
    tape: Tape, input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1, in_place: bool
) -> Tensor:
    values = _vector(tape, source if alpha == 1 else source * alpha)
    return _written(tape, "index_add", input, dim, index, values, in_place=in_place)


@_in_both_forms("index_copy")
def _index_copy(tape: Tape, input: Tensor, dim: int, index: Tensor, source: Tensor, *, in_place: bool) -> Tensor:
    return _written(tape, "index_copy", input, dim, index, _vector(tape, source), in_place=in_place)


@_in_both_forms("index_fill")
def _index_fill(tape: Tape, input: Tensor, dim: int, index: Tensor, value: Any, *, in_place: bool) -> Tensor:
    return _written(tape, "index_fill", input, dim, index, value, in_place=in_place)


def _scattered(tape: Tape, row: str, input: Tensor, dim: int, index: Tensor, source: Any, *, in_place: bool) -> Tensor:
    """`row`, or its in-place form, for positions and sources of other sizes than the tensor has beside the axis."""
    whole, positions, axis = _vector(tape, input), _vector(tape, index), _axis(dim, input)
    values = _vector(tape, source)
    if isinstance(values, Tensor):
        values = _part_to(values, positions.shape)
    if _part_to(whole, positions.shape, axis) is whole and not in_place:
        return _shaped(tape, getattr(whole, row)(positions, values, axis=axis), input.shape)
    target = whole if in_place else whole.clone()
    part = _part_to(target, positions.shape, axis)
    getattr(part, f"{row}_")(positions, values, axis=axis)
    return input if in_place else _shaped(tape, target, input.shape)


@_in_both_forms("scatter")
def _scatter(
    tape: Tape,
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Any = None,
    *,
    value: Any = None,
    reduce: Any = None,
    in_place: bool,
) -> Tensor:
    if reduce is not None:
        raise ProgramError("scatter with reduce has no derivative in PyTorch. Use scatter_add or scatter_reduce.")
    return _scattered(tape, "scatter", input, dim, index, value if src is None else src, in_place=in_place)


@_in_both_forms("scatter_add")
def _scatter_add(tape: Tape, input: Tensor, dim: int, index: Tensor, src: Tensor, *, in_place: bool) -> Tensor:
    return _scattered(tape, "scatter_add", input, dim, index, src, in_place=in_place)


def _positions(tape: Tape, indices: Any) -> list[Tensor]:
    """Positions for masks and scalars, in an index that a tensor is written at."""
    found: list[Tensor] = []
    for one in indices:
        if one.dtype_name != "bool":
            found.append(_vector(tape, one))
            continue
        known = np.array(known_numbers(tape, "index_put", one), dtype=bool)
        found += [tape.constant(places) for places in np.nonzero(known.reshape(one.shape or (1,)))]
    return found


@_in_both_forms("index_put", "torch._unsafe_index_put")
def _index_put(
    tape: Tape, input: Tensor, indices: Any, values: Tensor, accumulate: bool = False, *, in_place: bool
) -> Tensor:
    row = "index_put_" if in_place else "index_put"
    if any(one is None for one in indices):
        raise ProgramError(f"{row} along whole axes is not modelled. Write x[:, index] = values.")
    written: Tensor = getattr(input, row)(values, *_positions(tape, indices), accumulate=accumulate)
    return written


@_in_both_forms("put")
def _put(
    tape: Tape, input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False, *, in_place: bool
) -> Tensor:
    flat = tape.view(input, shape=(-1,)) if in_place else tape.reshape(input, shape=(-1,))
    places = tape.reshape(index, shape=(-1,))
    values = tape.reshape(source, shape=(-1,))
    if in_place:
        flat.index_put_(values, places, accumulate=accumulate)
        return input
    return tape.reshape(flat.index_put(values, places, accumulate=accumulate), shape=input.shape)


# ---- writes at a mask ----


@_in_both_forms("masked_scatter")
def _masked_scatter(tape: Tape, input: Tensor, mask: Tensor, source: Tensor, *, in_place: bool) -> Tensor:
    shape = broadcast_shapes(input.shape, mask.shape)
    if 0 in source.shape or 0 in shape:
        raise ProgramError("masked_scatter of no elements is not modelled. Leave it out.")
    chosen = tape.broadcast_to(mask, shape=shape) if mask.shape != shape else mask
    counted = tape.reshape(chosen, shape=(-1,)).astype(dtype="int64").cumulative_sum(axis=0)
    # Each True takes the next element. Where the mask is False, what is read does not matter; -1 is the last.
    places = tape.reshape(counted - 1, shape=shape or (1,))
    values = tape.reshape(source, shape=(-1,))[places]
    if in_place:
        return input.copy_(tape.where(chosen, _shaped(tape, values, shape), input))
    return tape.where(chosen, _shaped(tape, values, shape), input)


@composite("torch.masked_fill")
def _masked_fill(tape: Tape, input: Tensor, mask: Tensor, value: Any) -> Tensor:
    shape = broadcast_shapes(input.shape, mask.shape)
    whole = tape.broadcast_to(input, shape=shape) if input.shape != shape else input
    return tape.masked_fill(whole, mask, value)


@composite("torch.fill")
def _fill(tape: Tape, input: Tensor, value: Any) -> Tensor:
    if isinstance(value, bool | int) and input.dtype_name.startswith("float"):
        value = float(value)
    # The result has history, and the gradient of what was there is zeros.
    return tape.masked_fill(input, tape.constant(True), value)


# ---- several sources reduced into one element ----


def _reduced_at(
    tape: Tape, input: Tensor, index: Tensor, source: Tensor, axis: int, reduce: str, *, include_self: bool
) -> Tensor:
    """`input` with all elements of `source` that go to one place reduced there. Both as large beside `axis`."""
    check_floats(f"{reduce} at positions", input)
    dtype = input.dtype_name
    if reduce in ("sum", "mean"):
        ones = tape.constant(np.ones(index.shape), dtype=dtype)
        count = tape.scatter_add(tape.constant(np.zeros(input.shape), dtype=dtype), index, ones, axis=axis)
        own = input if include_self else tape.where(count > 0, 0.0, input)
        total = tape.scatter_add(own, index, source, axis=axis)
        if reduce == "sum":
            return total
        return total / (count + 1.0 if include_self else tape.where(count > 0, count, 1.0))
    own = tape.moveaxis(input, source=axis, destination=-1)
    places = tape.moveaxis(index, source=axis, destination=-1)
    sources = tape.expand_dims(tape.moveaxis(source, source=axis, destination=-1), axis=-1)
    goes_there = tape.expand_dims(places, axis=-1) == tape.constant(np.arange(input.shape[axis]))
    taken = goes_there.any(axis=-2)
    if reduce == "prod":
        product = tape.where(goes_there, sources, 1.0).prod(axis=-2)
        result = own * product if include_self else tape.where(taken, product, own)
    else:
        result = _extreme_at(tape, own, goes_there, taken, sources, reduce, include_self=include_self)
    return tape.moveaxis(result, source=-1, destination=axis)


def _extreme_at(
    tape: Tape, own: Tensor, goes_there: Tensor, taken: Tensor, sources: Tensor, reduce: str, *, include_self: bool
) -> Tensor:
    beyond = -np.inf if reduce == "amax" else np.inf
    candidates = tape.where(goes_there, sources.detach(), beyond)
    old = own.detach()
    if reduce == "amax":
        extreme = candidates.max(axis=-2)
        value = tape.maximum(old, extreme) if include_self else tape.where(taken, extreme, old)
    else:
        extreme = candidates.min(axis=-2)
        value = tape.minimum(old, extreme) if include_self else tape.where(taken, extreme, old)
    # PyTorch shares the gradient evenly among all that equal the result, and counts the element itself even where it
    # takes no part.
    equal = goes_there & (sources == tape.expand_dims(value, axis=-2))
    same = own == value
    count = equal.astype(dtype=own.dtype_name).sum(axis=-2) + same.astype(dtype=own.dtype_name)
    mine = own if include_self else tape.where(taken, old, own)
    total = tape.where(equal, sources, 0.0).sum(axis=-2) + tape.where(same, mine, 0.0)
    return total / count


REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def _reduced(
    tape: Tape,
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool,
    in_place: bool,
) -> Tensor:
    if reduce not in REDUCTIONS:
        raise ProgramError(f"There is no reduction {reduce!r}. Reductions: {', '.join(REDUCTIONS)}.")
    whole, positions, axis = _vector(tape, input), _vector(tape, index), _axis(dim, input)
    values = _part_to(_vector(tape, source), positions.shape)
    if 0 in positions.shape:
        raise ProgramError("A reduction of no elements at positions is not modelled. Leave it out.")
    part = _part_to(whole, positions.shape, axis)
    # What the derivative reads is not what is written over.
    before = part.clone() if in_place else part
    result = _reduced_at(tape, before, positions, values, axis, reduce, include_self=include_self)
    if part is whole and not in_place:
        return _shaped(tape, result, input.shape)
    target = whole if in_place else whole.clone()
    _part_to(target, positions.shape, axis).copy_(result)
    return input if in_place else _shaped(tape, target, input.shape)


@_in_both_forms("scatter_reduce")
def _scatter_reduce(
    tape: Tape,
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
    in_place: bool,
) -> Tensor:
    return _reduced(tape, input, dim, index, src, reduce, include_self=include_self, in_place=in_place)


@_in_both_forms("index_reduce")
def _index_reduce(
    tape: Tape,
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
    in_place: bool,
) -> Tensor:
    values, axis = _vector(tape, source), _axis(dim, input)
    # The positions of a vector, for every element of the source.
    along = tuple(-1 if place == axis else 1 for place in range(len(values.shape)))
    places = tape.reshape(index, shape=along)
    each = tape.broadcast_to(places, shape=values.shape)
    return _reduced(tape, input, dim, each, values, reduce, include_self=include_self, in_place=in_place)


# ---- segments ----

STARTS = {"sum": 0.0, "prod": 1.0, "max": -np.inf, "min": np.inf}
"""What a segment without elements is, where nothing is said."""


def _segment(tape: Tape, elements: Tensor, reduce: str, initial: float | None) -> Tensor:
    """One segment, reduced along its first axis."""
    count, rest, dtype = elements.shape[0], elements.shape[1:], elements.dtype_name
    if count == 0:
        empty = STARTS.get(reduce, np.nan) if initial is None else initial
        return tape.constant(np.full(rest, empty), dtype=dtype)
    if reduce == "sum":
        return elements.sum(axis=0) + (initial or 0.0)
    if reduce == "prod":
        return elements.prod(axis=0) * (1.0 if initial is None else initial)
    if reduce == "mean":
        return (elements.sum(axis=0) + (initial or 0.0)) / count
    extreme = elements.max(axis=0) if reduce == "max" else elements.min(axis=0)
    if initial is None:
        return extreme
    # Where an element equals the start, it has all of the gradient.
    return tape.where(extreme < initial if reduce == "max" else extreme > initial, initial, extreme)


def _segments(tape: Tape, data: Tensor, bounds: Any, reduce: str, initial: float | None) -> Tensor:
    """Segments between bounds along the axis behind the rows that have bounds of their own."""
    if bounds.ndim > 1:
        rows = [_segments(tape, data[row], each, reduce, initial) for row, each in enumerate(bounds)]
        return tape.stack(rows)
    pieces = [data[start:stop] for start, stop in zip(bounds.tolist(), bounds.tolist()[1:], strict=False)]
    return tape.stack([_segment(tape, one, reduce, initial) for one in pieces])


@composite("torch.segment_reduce")
def _segment_reduce(
    tape: Tape,
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: float | None = None,
) -> Tensor:
    if indices is not None or (lengths is None) == (offsets is None):
        raise ProgramError("segment_reduce takes lengths or offsets here.")
    if reduce not in (*STARTS, "mean"):
        raise ProgramError(f"There is no reduction {reduce!r}. Reductions: {', '.join(STARTS)}, mean.")
    check_floats("segment_reduce", data)
    start = None if initial is None else float(initial)
    bounds = np.array(known_numbers(tape, "segment_reduce", lengths if offsets is None else offsets), dtype=np.int64)
    if bounds.ndim != axis + 1:
        raise ProgramError(f"segment_reduce along axis {axis} takes bounds of {axis + 1} axes, got {bounds.ndim}.")
    if offsets is None:
        bounds = np.concatenate([np.zeros((*bounds.shape[:-1], 1), np.int64), np.cumsum(bounds, -1)], -1)
    return _segments(tape, data, bounds, reduce, start)
