"""What composites make of the arguments that they are given."""

from __future__ import annotations

from collections.abc import Sequence

from compare.errors import ProgramError
from compare.ops.rules import on_every_axis
from compare.tape import Tape, Tensor

__all__ = ["Sizes", "broadcast_shapes", "for_each_axis", "in_order"]

Sizes = int | Sequence[int]


def for_each_axis(what: str, value: Sizes, rank: int) -> tuple[int, ...]:
    """A number for all of `rank` axes, or a sequence of one for each, as a tuple. Raises ProgramError."""
    try:
        return on_every_axis(value, rank)
    except ValueError as error:
        raise ProgramError(f"{what} {error}.") from error


def in_order(tape: Tape, input: Tensor) -> Tensor:
    """The same numbers with the strides of their shape, so that a reshape is not in doubt: a stack of one is a copy."""
    return tape.stack([input], axis=0)[0]


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that all of these broadcast to. Raises ProgramError."""
    ndim = max(map(len, shapes))
    padded = [(*[1] * (ndim - len(shape)), *shape) for shape in shapes]
    sizes = [{size for size in along if size != 1} for along in zip(*padded, strict=True)]
    if any(len(one) > 1 for one in sizes):
        raise ProgramError(f"Shapes {' and '.join(str(list(shape)) for shape in shapes)} do not broadcast.")
    return tuple(next(iter(one), 1) for one in sizes)
