"""Orders: extremes with their positions, sorting, and the elements at given positions.

Positions are integers and carry no history; the values are read at them, and so the gradient goes to one element
even where several are equal. Which of them that is, PyTorch leaves open where nothing is said to be stable.
"""

from __future__ import annotations

import math
from typing import Any

from compare.composites.composite import composite
from compare.composites.kinds import check_floats
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__ = ["read_at"]


def read_at(tape: Tape, input: Tensor, places: Tensor, axis: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    """The values at places that keep their axis, and the places."""
    values = tape.take_along_axis(input, places, axis=axis)
    if keepdim:
        return values, places
    values = tape.squeeze(values, axis=axis)
    indices = tape.squeeze(places, axis=axis)
    return values, indices


def _check_axis(what: str, input: Tensor) -> None:
    if not input.shape:
        raise ProgramError(f"{what} of a scalar along an axis is not modelled.")


# ---- extremes ----


@composite("torch.max")
def _max(tape: Tape, input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    if other is not None or isinstance(dim, Tensor):
        return tape.maximum(input, dim if other is None else other)
    if dim is None:
        return tape.max(input)
    _check_axis("max", input)
    places = tape.argmax(input, axis=dim, keepdims=True)
    return read_at(tape, input, places, dim, keepdim)


@composite("torch.min")
def _min(tape: Tape, input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any:
    if other is not None or isinstance(dim, Tensor):
        return tape.minimum(input, dim if other is None else other)
    if dim is None:
        return tape.min(input)
    _check_axis("min", input)
    places = tape.argmin(input, axis=dim, keepdims=True)
    return read_at(tape, input, places, dim, keepdim)


@composite("torch.argmax")
def _argmax(tape: Tape, input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    return _place(tape, "argmax", input, dim, keepdim)


@composite("torch.argmin")
def _argmin(tape: Tape, input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    return _place(tape, "argmin", input, dim, keepdim)


def _place(tape: Tape, row: str, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    if dim is None and keepdim:
        raise ProgramError(f"{row} with keepdim needs dim.")
    return getattr(tape, row)(input) if dim is None else getattr(tape, row)(input, axis=dim, keepdims=keepdim)


def _running(tape: Tape, input: Tensor, dim: int, row: str, beyond: float) -> tuple[Tensor, Tensor]:
    check_floats("a running extreme", input)
    _check_axis("a running extreme", input)
    size = input.shape[dim]
    lines = tape.moveaxis(input, source=dim, destination=-1)
    so_far = tape.constant([[column <= row for column in range(size)] for row in range(size)])
    seen = tape.where(so_far, tape.expand_dims(lines, axis=-2), beyond)
    # Of equal elements PyTorch takes the last: the first of them counted from the end.
    from_the_end = getattr(tape, row)(tape.flip(seen, axis=-1), axis=-1)
    places = size - 1 - from_the_end
    values = tape.take_along_axis(lines, places, axis=-1)
    values = tape.moveaxis(values, source=-1, destination=dim)
    indices = tape.moveaxis(places, source=-1, destination=dim)
    return values, indices


@composite("torch.cummax")
def _cummax(tape: Tape, input: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    return _running(tape, input, dim, "argmax", -math.inf)


@composite("torch.cummin")
def _cummin(tape: Tape, input: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    return _running(tape, input, dim, "argmin", math.inf)


# ---- sorting ----


@composite("torch.sort")
def _sort(
    tape: Tape, input: Tensor, dim: int = -1, descending: bool = False, stable: bool | None = False
) -> tuple[Tensor, Tensor]:
    _check_axis("sort", input)
    indices = tape.argsort(input, axis=dim, descending=descending)
    values = tape.take_along_axis(input, indices, axis=dim)
    return values, indices


@composite("torch.argsort")
def _argsort(tape: Tape, input: Tensor, dim: int = -1, descending: bool = False, stable: bool | None = False) -> Tensor:
    _check_axis("argsort", input)
    return tape.argsort(input, axis=dim, descending=descending)


@composite("torch.msort")
def _msort(tape: Tape, input: Tensor) -> Tensor:
    indices = tape.argsort(input, axis=0)
    return tape.take_along_axis(input, indices, axis=0)


@composite("torch.topk")
def _topk(
    tape: Tape, input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[Tensor, Tensor]:
    _check_axis("topk", input)
    order = tape.argsort(input, axis=dim, descending=largest)
    indices = tape.narrow(order, axis=dim, start=0, length=k)
    values = tape.take_along_axis(input, indices, axis=dim)
    return values, indices


def _at_rank(tape: Tape, input: Tensor, rank: int, dim: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    order = tape.argsort(input, axis=dim)
    places = tape.narrow(order, axis=dim, start=rank, length=1)
    return read_at(tape, input, places, dim, keepdim)


@composite("torch.kthvalue")
def _kthvalue(tape: Tape, input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    _check_axis("kthvalue", input)
    if not 1 <= k <= input.shape[dim]:
        raise ProgramError(f"kthvalue: there is no element {k} among {input.shape[dim]}.")
    return _at_rank(tape, input, k - 1, dim, keepdim)


@composite("torch.searchsorted")
def _searchsorted(
    tape: Tape,
    sorted_sequence: Tensor,
    input: Tensor,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    if out_int32 or sorter is not None or not isinstance(input, Tensor):
        raise ProgramError("searchsorted of a number, with a sorter, or with int32 positions is not modelled.")
    sequence = sorted_sequence if len(sorted_sequence.shape) == 1 else tape.expand_dims(sorted_sequence, axis=-2)
    given = tape.expand_dims(input, axis=-1)
    before = given >= sequence if right or side == "right" else given > sequence
    return before.sum(axis=-1)


@composite("torch.bucketize")
def _bucketize(
    tape: Tape, input: Tensor, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Tensor:
    return _searchsorted(tape, boundaries, input, out_int32=out_int32, right=right)


@composite("torch.histc", "torch.bincount")
def _refused(tape: Tape, *arguments: Any, **keywords: Any) -> Tensor:
    raise ProgramError("This function of the order of its elements is not modelled. Write it out with sort and gather.")
