"""Tensors put together: products, combinations of elements, and blocks along a diagonal."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from compare.composites.composite import composite
from compare.composites.shapes import meshgrid
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__: list[str] = []


def _given(tensors: tuple[Any, ...]) -> Sequence[Tensor]:
    """`f(x, y)` and `f([x, y])` alike."""
    if not tensors:
        raise ProgramError("At least one tensor is needed.")
    return tensors[0] if isinstance(tensors[0], tuple | list) else tensors


@composite("torch.cartesian_prod")
def _cartesian_prod(tape: Tape, *tensors: Any) -> Tensor:
    given = _given(tensors)
    if any(len(one.shape) != 1 for one in given):
        raise ProgramError("cartesian_prod takes vectors.")
    if len(given) == 1:
        return given[0]
    columns = [tape.reshape(tape.contiguous_clone(one), shape=(-1,)) for one in meshgrid(tape, *given, indexing="ij")]
    return tape.stack(columns, axis=1)


@composite("torch.combinations")
def _combinations(tape: Tape, input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    if len(input.shape) != 1 or r < 1:
        raise ProgramError("combinations takes a vector, and 1 or more elements of it at a time.")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = list(choose(range(input.shape[0]), r))
    if not places:
        return tape.reshape(input[:0], shape=(0, r)) if not input.shape[0] else _no_rows(tape, input, r)
    chosen = tape.take(input, tape.constant([one for row in places for one in row], dtype="int64"), axis=0)
    return tape.reshape(chosen, shape=(-1, r))


def _no_rows(tape: Tape, input: Tensor, r: int) -> Tensor:
    wide = tape.broadcast_to(tape.reshape(input[:1], shape=(1, 1)), shape=(1, r))
    return wide[:0].clone()


@composite("torch.block_diag")
def _block_diag(tape: Tape, *tensors: Any) -> Tensor:
    given = _given(tensors)
    if any(len(one.shape) > 2 for one in given):
        raise ProgramError("block_diag takes matrices, vectors and numbers.")
    blocks = [
        one if len(one.shape) == 2 else tape.reshape(one, shape=(1, one.shape[0] if one.shape else 1)) for one in given
    ]
    width = sum(block.shape[1] for block in blocks)
    rows, before = [], 0
    for block in blocks:
        after = width - before - block.shape[1]
        rows.append(tape.pad(block, widths=(before, after)) if before or after else block)
        before += block.shape[1]
    return tape.concat(rows, axis=0) if len(rows) > 1 else rows[0].clone()
