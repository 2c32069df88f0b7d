"""Shapes that PyTorch's functions make and one row does not: open sizes, tensors as the model, stacks, pieces."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from compare.composites.arguments import broadcast_shapes
from compare.composites.composite import composite
from compare.composites.kinds import known_numbers
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__ = ["meshgrid"]


def _sizes(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """`x.repeat(2, 3)` and `x.repeat((2, 3))` alike."""
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else tuple(sizes)


def _axis(dim: int, ndim: int) -> int:
    if not -ndim <= dim < ndim:
        raise ProgramError(f"Axis {dim} is out of range for {ndim} dimensions.")
    return dim % ndim


# ---- one tensor in another shape ----


@composite("torch.flatten")
def _flatten(tape: Tape, input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    ndim = len(input.shape)
    if ndim and _axis(start_dim, ndim) == _axis(end_dim, ndim):
        return input
    return tape.flatten(input, start_axis=start_dim, end_axis=end_dim)


@composite("torch.ravel")
def _ravel(tape: Tape, input: Tensor) -> Tensor:
    return tape.reshape(input, shape=(-1,))


@composite("torch.squeeze")
def _squeeze(tape: Tape, input: Tensor, dim: Any = None) -> Tensor:
    ndim = len(input.shape)
    axes = range(ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    gone = tuple(sorted({_axis(one, ndim) for one in axes if input.shape[one] == 1})) if ndim else ()
    if not gone:
        # A view of everything.
        return input[...]
    return tape.squeeze(input, axis=gone[0] if len(gone) == 1 else gone)


@composite("torch.t")
def _t(tape: Tape, input: Tensor) -> Tensor:
    if len(input.shape) > 2:
        raise ProgramError("t is for matrices and vectors. Use mT for a stack of matrices.")
    return input.matrix_transpose() if len(input.shape) == 2 else input[...]


@composite("torch.Tensor.T")
def _transposed(tape: Tape, input: Tensor) -> Tensor:
    ndim = len(input.shape)
    if ndim == 2:
        return input.matrix_transpose()
    return tape.permute_dims(input, axes=tuple(range(ndim))[::-1])


@composite("torch.adjoint", "torch.Tensor.mH", "torch.Tensor.H")
def _adjoint(tape: Tape, input: Tensor) -> Tensor:
    transposed = input.matrix_transpose()
    return transposed.conj() if input.dtype_name.startswith("complex") else transposed


@composite("torch.conj")
def _conj(tape: Tape, input: Tensor) -> Tensor:
    return input.conj() if input.dtype_name.startswith("complex") else input


@composite("torch.conj_physical")
def _conj_physical(tape: Tape, input: Tensor) -> Tensor:
    return input.conj().clone() if input.dtype_name.startswith("complex") else input


@composite("torch.real")
def _real(tape: Tape, input: Tensor) -> Tensor:
    return tape.real(input) if input.dtype_name.startswith("complex") else input


@composite("torch.complex")
def _complex(tape: Tape, real: Tensor, imag: Tensor) -> Tensor:
    return tape.complex(*_broadcast_tensors(tape, real, imag))


@composite("torch.Tensor.sum_to_size")
def _sum_to_size(tape: Tape, input: Tensor, *size: Any) -> Tensor:
    wanted = _sizes(size)
    lead = len(input.shape) - len(wanted)
    if lead < 0 or broadcast_shapes(input.shape, (1,) * lead + wanted) != input.shape:
        raise ProgramError(f"sum_to_size: {list(wanted)} does not broadcast to {list(input.shape)}.")
    axes = [axis for axis, here in enumerate(input.shape) if axis < lead or (wanted[axis - lead] == 1 and here != 1)]
    if not axes:
        return input
    return tape.reshape(input.sum(axis=tuple(axes)), shape=wanted)


@composite("torch.Tensor.expand")
def _expand(tape: Tape, input: Tensor, *size: Any, implicit: bool = False) -> Tensor:
    sizes = _sizes(size)
    own = (*[1] * (len(sizes) - len(input.shape)), *input.shape)
    shape = tuple(there if one == -1 else one for one, there in zip(sizes, own, strict=True))
    return tape.broadcast_to(input, shape=shape)


@composite("torch.Tensor.expand_as")
def _expand_as(tape: Tape, input: Tensor, other: Tensor) -> Tensor:
    return tape.broadcast_to(input, shape=other.shape)


@composite("torch.Tensor.view_as")
def _view_as(tape: Tape, input: Tensor, other: Tensor) -> Tensor:
    return tape.view(input, shape=other.shape)


@composite("torch.Tensor.reshape_as")
def _reshape_as(tape: Tape, input: Tensor, other: Tensor) -> Tensor:
    return tape.reshape(input, shape=other.shape)


def _each(make: Callable[[Tape, Tensor], Tensor]) -> Callable[..., Tensor | tuple[Tensor, ...]]:
    """The same of one tensor, or of each of several."""

    def function(tape: Tape, *tensors: Any) -> Tensor | tuple[Tensor, ...]:
        several = tensors[0] if len(tensors) == 1 else tensors
        return make(tape, several) if isinstance(several, Tensor) else tuple(make(tape, one) for one in several)

    return function


def _at_least_1d(tape: Tape, tensor: Tensor) -> Tensor:
    return tensor if tensor.shape else tape.reshape(tensor, shape=(1,))


def _at_least_2d(tape: Tape, tensor: Tensor) -> Tensor:
    if len(tensor.shape) >= 2:
        return tensor
    return tape.expand_dims(tensor, axis=0) if tensor.shape else tape.reshape(tensor, shape=(1, 1))


def _at_least_3d(tape: Tape, tensor: Tensor) -> Tensor:
    if len(tensor.shape) >= 3:
        return tensor
    matrix = _at_least_2d(tape, tensor)
    return tape.expand_dims(matrix, axis=2)


composite("torch.atleast_1d")(_each(_at_least_1d))
composite("torch.atleast_2d")(_each(_at_least_2d))
composite("torch.atleast_3d")(_each(_at_least_3d))


@composite("torch.linalg.diagonal")
def _matrix_diagonal(tape: Tape, A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:  # noqa: N803
    return tape.diagonal(A, offset=offset, axis1=dim1, axis2=dim2)


@composite("torch.broadcast_tensors")
def _broadcast_tensors(tape: Tape, *tensors: Any) -> tuple[Tensor, ...]:
    several = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], tuple | list) else tensors
    shape = broadcast_shapes(*(one.shape for one in several))
    return tuple(tape.broadcast_to(one, shape=shape) for one in several)


@composite("torch.meshgrid")
def meshgrid(tape: Tape, *tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Every tensor along an axis of its own, on the grid of them all."""
    if indexing not in ("ij", "xy"):
        raise ProgramError("meshgrid needs indexing='ij' or 'xy'; PyTorch warns without it.")
    several = list(tensors[0] if len(tensors) == 1 and isinstance(tensors[0], tuple | list) else tensors)
    shape = tuple(math.prod(one.shape) for one in several)
    grids = []
    for axis, one in enumerate(several):
        column = tape.view(one, shape=tuple(-1 if place == axis else 1 for place in range(len(several))))
        grid = tape.broadcast_to(column, shape=shape)
        grids.append(tape.swapaxes(grid, axis1=0, axis2=1) if indexing == "xy" and len(several) > 1 else grid)
    return tuple(grids)


# ---- several tensors in one, and one in several ----


@composite("torch.hstack")
def _hstack(tape: Tape, tensors: Any) -> Tensor:
    several = [_at_least_1d(tape, one) for one in tensors]
    return tape.concat(several, axis=0 if len(several[0].shape) == 1 else 1)


@composite("torch.vstack", "torch.row_stack")
def _vstack(tape: Tape, tensors: Any) -> Tensor:
    return tape.concat([_at_least_2d(tape, one) for one in tensors], axis=0)


@composite("torch.column_stack")
def _column_stack(tape: Tape, tensors: Any) -> Tensor:
    columns = [one if len(one.shape) > 1 else tape.reshape(one, shape=(-1, 1)) for one in tensors]
    return tape.concat(columns, axis=1)


@composite("torch.dstack")
def _dstack(tape: Tape, tensors: Any) -> Tensor:
    return tape.concat([_at_least_3d(tape, one) for one in tensors], axis=2)


@composite("torch.tensor_split")
def _tensor_split(tape: Tape, input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    axis = _axis(dim, len(input.shape))
    size, given = input.shape[axis], known_numbers(tape, "tensor_split", indices_or_sections)
    if isinstance(given, int):
        if given < 1:
            raise ProgramError(f"tensor_split into {given} parts is none.")
        short, longer = divmod(size, given)
        cuts = [place * short + min(place, longer) for place in range(given + 1)]
        pairs = list(itertools.pairwise(cuts))
    else:
        # Each part is a slice: positions beyond the end are the end, and parts that run backwards are empty.
        pairs = [slice(*pair).indices(size)[:2] for pair in itertools.pairwise([0, *given, size])]
    whole = [slice(None)] * axis
    return tuple(input[(*whole, slice(start, max(start, end)))] for start, end in pairs)


@composite("torch.hsplit")
def _hsplit(tape: Tape, input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    return _tensor_split(tape, input, indices_or_sections, 0 if len(input.shape) == 1 else 1)


@composite("torch.vsplit")
def _vsplit(tape: Tape, input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    return _tensor_split(tape, input, indices_or_sections, 0)


@composite("torch.dsplit")
def _dsplit(tape: Tape, input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    return _tensor_split(tape, input, indices_or_sections, 2)


# ---- elements in another order or number ----


@composite("torch.Tensor.repeat")
def _repeat(tape: Tape, input: Tensor, *repeats: Any) -> Tensor:
    return tape.tile(input, repetitions=_sizes(repeats))


@composite("torch.tile")
def _tile(tape: Tape, input: Tensor, *dims: Any) -> Tensor:
    return tape.tile(input, repetitions=_sizes(dims))


@composite("torch.repeat_interleave")
def _repeat_interleave(
    tape: Tape, input: Tensor, repeats: Any, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    counts = known_numbers(tape, "repeat_interleave", repeats)
    if isinstance(counts, list) and len(counts) == 1:
        counts = counts[0]
    if isinstance(counts, int):
        return tape.repeat(input, count=counts, axis=dim)
    whole = tape.reshape(input, shape=(-1,)) if dim is None else input
    axis = 0 if dim is None else dim
    if len(counts) != whole.shape[axis]:
        raise ProgramError(f"repeat_interleave: {len(counts)} counts for {whole.shape[axis]} elements.")
    positions = tape.constant(np.repeat(np.arange(len(counts)), counts))
    return tape.take(whole, positions, axis=axis)


@composite("torch.roll")
def _roll(tape: Tape, input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    several = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    axes = () if dims is None else (dims,) if isinstance(dims, int) else tuple(dims)
    if not axes and len(several) == 1:
        return tape.roll(input, shift=several[0])
    if len(axes) != len(several):
        raise ProgramError(f"roll has {len(several)} shifts for {len(axes)} axes.")
    rolled = input
    for shift, axis in zip(several, axes, strict=True):
        rolled = tape.roll(rolled, shift=shift, axis=axis)
    return rolled


@composite("torch.fliplr")
def _fliplr(tape: Tape, input: Tensor) -> Tensor:
    return tape.flip(input, axis=1)


@composite("torch.flipud")
def _flipud(tape: Tape, input: Tensor) -> Tensor:
    return tape.flip(input, axis=0)


@composite("torch.flip")
def _flip(tape: Tape, input: Tensor, *dims: Any) -> Tensor:
    axes = _sizes(dims)
    return tape.flip(input, axis=axes) if axes else input.clone()


@composite("torch.diag_embed")
def _diag_embed(tape: Tape, input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    ndim = len(input.shape) + 1
    rows, columns = _axis(dim1, ndim), _axis(dim2, ndim)
    if rows == columns:
        raise ProgramError(f"diag_embed: a diagonal runs along two axes, not along axis {rows} alone.")
    lead, size = iter(input.shape[:-1]), input.shape[-1] + abs(offset)
    shape = tuple(size if axis in (rows, columns) else next(lead) for axis in range(ndim))
    zeros = tape.constant(np.zeros(shape), dtype=input.dtype_name)
    return tape.diagonal_scatter(zeros, input, offset=offset, axis1=rows, axis2=columns)


@composite("torch.where")
def _where(tape: Tape, condition: Tensor, input: Any = None, other: Any = None) -> Tensor:
    if input is None or other is None:
        raise ProgramError("where with a condition alone has a shape that the values decide.")
    if isinstance(input, Tensor) or isinstance(other, Tensor):
        return tape.where(condition, input, other)
    if isinstance(input, float) or isinstance(other, float):
        return tape.where(condition, tape.constant(float(input)), float(other))
    return tape.where(condition, tape.constant(input), other)


@composite("torch.take")
def _take(tape: Tape, input: Tensor, index: Tensor) -> Tensor:
    return tape.reshape(input, shape=(-1,))[index]


@composite("torch.rot90")
def _rot90(tape: Tape, input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    one, other = dims
    turns = k % 4
    if turns == 0:
        return input.clone()
    if turns == 2:
        return tape.flip(input, axis=(one, other))
    swapped = tape.swapaxes(input, axis1=one, axis2=other)
    return tape.flip(swapped, axis=one if turns == 1 else other)


@composite("torch.diagflat")
def _diagflat(tape: Tape, input: Tensor, offset: int = 0) -> Tensor:
    flat = tape.reshape(input, shape=(-1,))
    return tape.diag(flat, k=offset)


@composite("torch.split_with_sizes")
def _split_with_sizes(tape: Tape, input: Tensor, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    return tuple(tape.split(input, sizes=tuple(split_sizes), axis=dim))


@composite(
    "torch.Tensor.t_", "torch.Tensor.transpose_", "torch.Tensor.swapaxes_", "torch.Tensor.swapdims_",
    "torch.Tensor.squeeze_", "torch.Tensor.unsqueeze_", "torch.Tensor.resize_", "torch.Tensor.set_",
    "torch.Tensor.as_strided_",
)  # fmt: skip
def _another_shape_in_place(tape: Tape, *arguments: Any, **keywords: Any) -> Tensor:
    raise ProgramError("This gives the tensor itself another shape. Take a view of that shape instead.")


@composite("torch.nonzero", "torch.argwhere", "torch.unique", "torch.unique_consecutive")
def _as_many_as_values_say(tape: Tape, *arguments: Any, **keywords: Any) -> Tensor:
    raise ProgramError(
        "The shape of the result is decided by values, and JAX refuses such a shape where it compiles. "
        "Compute with every element: where(mask, x, 0)."
    )
