"""PyTorch's functions that copy what a view would show, `permute_copy` and its kind, and views that no index names.

A strided view and a window that slides are reads at positions here: copies. A recording refuses a write to one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from compare.composites.composite import COMPOSITES, composite
from compare.composites.kinds import has_history, known_numbers
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__: list[str] = []


def _clones(views: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Copies of several views."""
    return tuple(one.clone() for one in views)


# ---- copies of views ----


@composite("torch.alias_copy", "torch.detach_copy")
def _alias_copy(tape: Tape, input: Tensor) -> Tensor:
    return input.clone()


@composite("torch.view_copy")
def _view_copy(tape: Tape, input: Tensor, size: Any = None, dtype: Any = None) -> Tensor:
    if size is None or isinstance(size, str) or dtype is not None:
        raise ProgramError("view_copy to another dtype reads the bits of numbers, which is not modelled. Cast instead.")
    return tape.reshape(input, shape=tuple(size)).clone()


@composite("torch.permute_copy")
def _permute_copy(tape: Tape, input: Tensor, dims: Any) -> Tensor:
    return tape.permute_dims(input, axes=tuple(dims)).clone()


@composite("torch.transpose_copy")
def _transpose_copy(tape: Tape, input: Tensor, dim0: int, dim1: int) -> Tensor:
    # A scalar has one axis to PyTorch.
    return (tape.swapaxes(input, axis1=dim0, axis2=dim1) if input.shape else input).clone()


@composite("torch.t_copy")
def _t_copy(tape: Tape, input: Tensor) -> Tensor:
    view: Tensor = COMPOSITES["torch.t"](tape, input)
    return view.clone()


@composite("torch.squeeze_copy")
def _squeeze_copy(tape: Tape, input: Tensor, dim: Any = None) -> Tensor:
    view: Tensor = COMPOSITES["torch.squeeze"](tape, input, dim)
    return view.clone()


@composite("torch.unsqueeze_copy")
def _unsqueeze_copy(tape: Tape, input: Tensor, dim: int) -> Tensor:
    return tape.expand_dims(input, axis=dim).clone()


@composite("torch.expand_copy")
def _expand_copy(tape: Tape, input: Tensor, size: Any, *, implicit: bool = False) -> Tensor:
    view: Tensor = COMPOSITES["torch.Tensor.expand"](tape, input, size)
    return view.clone()


@composite("torch.diagonal_copy")
def _diagonal_copy(tape: Tape, input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    return tape.diagonal(input, offset=offset, axis1=dim1, axis2=dim2).clone()


@composite("torch.narrow_copy")
def _narrow_copy(tape: Tape, input: Tensor, dim: int, start: int, length: int) -> Tensor:
    return tape.narrow(input, axis=dim, start=start, length=length).clone()


@composite("torch.select_copy")
def _select_copy(tape: Tape, input: Tensor, dim: int, index: int) -> Tensor:
    return tape.select(input, axis=dim, position=index).clone()


@composite("torch.slice_copy")
def _slice_copy(
    tape: Tape, input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    return _slice(tape, input, dim, start, end, step).clone()


@composite("torch.view_as_real_copy")
def _view_as_real_copy(tape: Tape, input: Tensor) -> Tensor:
    return tape.view_as_real(input).clone()


@composite("torch.unbind_copy")
def _unbind_copy(tape: Tape, input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    return _clones(tape.unstack(input, axis=dim))


@composite("torch.split_copy", "torch.unsafe_split")
def _split_copy(tape: Tape, tensor: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    return _clones(tape.split(tensor, sizes=split_size, axis=dim))


@composite("torch.split_with_sizes_copy", "torch.unsafe_split_with_sizes")
def _split_with_sizes_copy(tape: Tape, input: Tensor, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    return _clones(tape.split(input, sizes=tuple(split_sizes), axis=dim))


@composite("torch.unsafe_chunk")
def _unsafe_chunk(tape: Tape, input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    return _clones(tape.chunk(input, chunks=chunks, axis=dim))


# ---- views that PyTorch's operators name ----


@composite("torch.ops.aten.slice")
def _slice(
    tape: Tape, input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    ndim = len(input.shape)
    if not -ndim <= dim < ndim:
        raise ProgramError(f"Axis {dim} is out of range for {ndim} dimensions.")
    return input[(*[slice(None)] * (dim % ndim), slice(start, end, step))]


@composite("torch.narrow")
def _narrow(tape: Tape, input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    return tape.narrow(input, axis=dim, start=known_numbers(tape, "narrow", start), length=length)


# ---- strides and windows ----


def _positions(size: tuple[int, ...], stride: tuple[int, ...], offset: int) -> Any:
    """Where in memory the elements of a tensor are. Returns: i64[*size]."""
    places = np.full(size, offset, dtype=np.int64)
    for axis, step in enumerate(stride):
        along = np.arange(size[axis], dtype=np.int64) * step
        places += along.reshape(-1, *[1] * (len(size) - axis - 1))
    return places


def _strided_places(tape: Tape, what: str, input: Tensor, size: Any, stride: Any, storage_offset: int | None) -> Any:
    """The places in the flattened `input` of the elements that a strided view shows. Raises ProgramError."""
    handle = tape._facts.handle(input._name)
    if not handle.strides_known:
        raise ProgramError(
            f"{what}: what it shows depends on strides that the program does not fix. Take a contiguous clone first."
        )
    width = 2 if handle.dtype.startswith("complex") else 1
    layout, whole = handle.layout, handle.storage.layout
    begin = (layout.__array_interface__["data"][0] - whole.__array_interface__["data"][0]) // width
    own = _positions(handle.shape, tuple(one // width for one in layout.strides[: len(handle.shape)]), begin)
    wanted = _positions(tuple(size), tuple(stride), begin if storage_offset is None else storage_offset)
    order = {int(place): number for number, place in enumerate(own.flat)}
    if len(order) < own.size:
        raise ProgramError(f"{what} of a tensor whose elements overlap is not modelled. Clone it first.")
    if any(int(place) not in order for place in wanted.flat):
        raise ProgramError(
            f"{what} shows elements of the memory that '{tape._shown(input._name)}' does not. Call it on the tensor "
            "that holds them all."
        )
    return np.array([order[int(place)] for place in wanted.flat], dtype=np.int64).reshape(wanted.shape)


@composite("torch.as_strided", "torch.as_strided_copy")
def _as_strided(tape: Tape, input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    places = _strided_places(tape, "as_strided", input, size, stride, storage_offset)
    flat = tape.reshape(input, shape=(-1,))
    if not places.shape:
        return flat[int(places)].clone()
    positions = tape.constant(places)
    return flat[positions]


@composite("torch.as_strided_scatter")
def _as_strided_scatter(
    tape: Tape, input: Tensor, src: Tensor, size: Any, stride: Any, storage_offset: int | None = None
) -> Tensor:
    if tape._facts.recording and has_history(tape, input):
        # It keeps the gradient of the elements that were overwritten, and drops that of all others.
        raise ProgramError(
            "PyTorch's derivative of as_strided_scatter with respect to the tensor is wrong: it is that of the "
            "overwritten elements. Detach the tensor, or use slice_scatter, index_put or scatter."
        )
    places = _strided_places(tape, "as_strided_scatter", input, size, stride, storage_offset)
    if src.shape != places.shape:
        raise ProgramError(f"as_strided_scatter: a source of shape {list(src.shape)} is not of shape {list(size)}.")
    flat = tape.reshape(input, shape=(-1,))
    positions = tape.constant(places.reshape(-1))
    values = tape.reshape(src, shape=(-1,))
    written = tape.index_put(flat, values, positions)
    return tape.reshape(written, shape=input.shape)


@composite("torch.Tensor.unfold", "torch.unfold_copy")
def _unfold(tape: Tape, input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    if not input.shape:
        if size != 1:
            raise ProgramError(f"unfold: a window of {size} does not fit a scalar.")
        return tape.reshape(input, shape=(1,))
    ndim = len(input.shape)
    if not -ndim <= dimension < ndim:
        raise ProgramError(f"Axis {dimension} is out of range for {ndim} dimensions.")
    axis, length = dimension % ndim, input.shape[dimension]
    if not 1 <= size <= length or step < 1:
        raise ProgramError(f"unfold: a window of {size} with step {step} does not fit an axis of size {length}.")
    starts = np.arange(0, length - size + 1, step)
    windows = tape.constant(starts[:, None] + np.arange(size))
    shown = input[(*[slice(None)] * axis, windows)]
    return tape.moveaxis(shown, source=axis + 1, destination=-1) if axis + 1 < ndim else shown
