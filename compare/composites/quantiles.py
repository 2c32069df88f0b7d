"""Numbers in the middle of others: quantiles, medians and modes, with the gradient at the elements that PyTorch reads.

Which of several equal elements that is, PyTorch leaves open; here it is the one that a stable sort puts there.
"""

from __future__ import annotations

import math
from typing import Any

from compare.composites.composite import composite
from compare.composites.kinds import check_floats
from compare.composites.sorting import read_at
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__: list[str] = []

INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")

# ---- quantiles ----


@composite("torch.quantile")
def _quantile(
    tape: Tape, input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    return _at_quantile(tape, input, q, dim, keepdim, interpolation, skip_nan=False)


@composite("torch.nanquantile")
def _nanquantile(
    tape: Tape, input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    return _at_quantile(tape, input, q, dim, keepdim, interpolation, skip_nan=True)


def _at_quantile(
    tape: Tape, input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str, *, skip_nan: bool
) -> Tensor:
    check_floats("a quantile", input, q)
    if interpolation not in INTERPOLATIONS:
        raise ProgramError(f"quantile has no interpolation {interpolation!r}; PyTorch knows {INTERPOLATIONS}.")
    lines = _ordered(tape, input, dim)
    levels = tape.reshape(q, shape=(-1,)) if isinstance(q, Tensor) else tape.constant([q], dtype=input.dtype_name)
    ranks = _ranks(tape, lines, levels, skip_nan)
    if interpolation == "nearest":
        ranks = ranks.round()
    lower = ranks.ceil() if interpolation == "higher" else ranks.floor()
    found = tape.take_along_axis(lines, lower.astype("int64"), axis=-1)
    if interpolation in ("linear", "midpoint"):
        above = tape.take_along_axis(lines, ranks.ceil().astype("int64"), axis=-1)
        found = found + (above - found) * (0.5 if interpolation == "midpoint" else ranks - lower)
    several = isinstance(q, Tensor) and q.shape != ()
    found = tape.moveaxis(found, source=-1, destination=0) if several else tape.squeeze(found, axis=-1)
    if keepdim and input.shape:
        for axis in range(len(input.shape)) if dim is None else [dim % len(input.shape)]:
            found = tape.expand_dims(found, axis=axis + several)
    return found


def _ordered(tape: Tape, input: Tensor, dim: int | None) -> Tensor:
    """The elements in order along the last axis: those along `dim`, or all of them. A nan is the largest."""
    lines = input
    if dim is None or not input.shape:
        lines = tape.reshape(input, shape=(-1,))
    elif dim % len(input.shape) != len(input.shape) - 1:
        lines = tape.moveaxis(input, source=dim, destination=-1)
    return tape.take_along_axis(lines, tape.argsort(lines, axis=-1), axis=-1)


def _ranks(tape: Tape, lines: Tensor, levels: Tensor, skip_nan: bool) -> Tensor:
    """How far along each line the levels are; where there is a nan that counts, at the end, which is nan."""
    missing = lines.isnan()
    last = lines.shape[-1] - 1
    if not skip_nan:
        return tape.where(missing.any(axis=-1, keepdims=True), last, levels * last)
    present = (~missing).astype(lines.dtype_name).sum(axis=-1, keepdims=True)
    return tape.where(present == 0, 0.0, levels * (present - 1))


# ---- medians ----


def _middle(tape: Tape, input: Tensor, dim: int, *, skip_nan: bool) -> Tensor:
    """The place of the median of each line, as int64, with its axis kept; of two in the middle that of the smaller."""
    order = tape.argsort(input, axis=dim)
    present = (~input.isnan()).sum(axis=dim, keepdims=True)
    if skip_nan:
        rank = tape.where(present == 0, 0, ((present - 1) / 2).floor().astype("int64"))
    else:
        # The first nan comes behind all that is present.
        size = input.shape[dim]
        rank = tape.where(present < size, present, (size - 1) // 2)
    return tape.take_along_axis(order, rank, axis=dim)


def _shared_median(tape: Tape, input: Tensor, *, skip_nan: bool) -> Tensor:
    """The median of all elements. PyTorch shares its gradient among all that equal it."""
    flat = tape.reshape(input, shape=(-1,))
    places = _middle(tape, flat.detach(), 0, skip_nan=skip_nan)
    middle = tape.take_along_axis(flat.detach(), places, axis=0)
    equal = (flat == middle) | (flat.isnan() & middle.isnan())
    return tape.where(equal, flat, 0.0).sum() / equal.astype(flat.dtype_name).sum()


def _median_of(tape: Tape, input: Tensor, dim: int | None, keepdim: bool, *, skip_nan: bool) -> Any:
    check_floats("median", input)
    if dim is None:
        return _shared_median(tape, input, skip_nan=skip_nan) if input.shape else input.clone()
    if not input.shape:
        return input.clone(), tape.constant(0, dtype="int64")
    places = _middle(tape, input, dim, skip_nan=skip_nan)
    return read_at(tape, input, places, dim, keepdim)


@composite("torch.median")
def _median(tape: Tape, input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    return _median_of(tape, input, dim, keepdim, skip_nan=False)


@composite("torch.nanmedian")
def _nanmedian(tape: Tape, input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    return _median_of(tape, input, dim, keepdim, skip_nan=True)


# ---- modes ----


@composite("torch.mode")
def _mode(tape: Tape, input: Tensor, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    check_floats("mode", input)
    if not input.shape:
        return input.clone(), tape.constant(0, dtype="int64")
    lines = tape.moveaxis(input.detach(), source=dim, destination=-1)
    same = tape.expand_dims(lines, axis=-1) == tape.expand_dims(lines, axis=-2)
    # Of the numbers that occur most often PyTorch takes the smallest, and of its places the last.
    times = same.sum(axis=-1)
    often = times == tape.max(times, axis=-1, keepdims=True)
    smallest = tape.argmin(tape.where(often, lines, math.inf), axis=-1, keepdims=True)
    wanted = lines == tape.take_along_axis(lines, smallest, axis=-1)
    from_the_end = tape.argmax(tape.flip(wanted, axis=-1).astype("int64"), axis=-1, keepdims=True)
    places = tape.moveaxis(input.shape[dim] - 1 - from_the_end, source=-1, destination=dim)
    return read_at(tape, input, places, dim, keepdim)
