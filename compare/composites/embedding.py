"""Rows of a table by their numbers."""

from __future__ import annotations

import math

import numpy as np

from compare.composites.composite import composite
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__ = ["embedding", "embedding_bag", "embedding_by_position", "one_hot"]


@composite("torch.nn.functional.embedding")
def embedding(
    tape: Tape,
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """`weight[input]`: `int64[...]` and `f[rows, size]` give `f[..., size]`; the row `padding_idx` gets no gradient.

    Raises: ProgramError: for max_norm, which writes into the table, and for scale_grad_by_freq and sparse.
    """
    if max_norm is not None:
        raise ProgramError(
            "torch.nn.functional.embedding with max_norm writes into its table on every call. Renormalize the table "
            "under no_grad first, and leave max_norm out."
        )
    if scale_grad_by_freq or sparse:
        word = "sparse" if sparse else "scale_grad_by_freq"
        raise ProgramError(f"torch.nn.functional.embedding with {word}=True has another gradient. Leave it out.")
    if not input.shape:
        return embedding(tape, input.reshape((1,)), weight, padding_idx).reshape(weight.shape[1:])
    rows = weight[input]
    if padding_idx is None:
        return rows
    is_padding = (input == padding_idx % weight.shape[0])[..., None]
    return tape.where(is_padding, rows.detach(), rows)


@composite("torch.embedding")
def embedding_by_position(
    tape: Tape,
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """What torch.nn.functional.embedding calls: the table comes first, and -1 is no padding."""
    return embedding(
        tape, indices, weight, None if padding_idx == -1 else padding_idx, scale_grad_by_freq=scale_grad_by_freq,
        sparse=sparse,
    )  # fmt: skip


# ---- bags of rows ----

BAGS = ("sum", "mean", "max")


@composite("torch.nn.functional.embedding_bag")
def embedding_bag(
    tape: Tape,
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sums, means or largest elements of bags of rows: `int64[count]`, `f[rows, size]` give `f[bags, size]`.

    Raises: ProgramError: for bags that are computed, and for max_norm, scale_grad_by_freq and sparse.
    """
    name = "torch.nn.functional.embedding_bag"
    if max_norm is not None or scale_grad_by_freq or sparse:
        word = "max_norm" if max_norm is not None else "sparse" if sparse else "scale_grad_by_freq"
        raise ProgramError(f"{name} with {word} is not modelled: it writes into the table, or has another gradient.")
    if mode not in BAGS or (per_sample_weights is not None and mode != "sum"):
        raise ProgramError(f"{name}: modes are {', '.join(BAGS)}; weights for each row go with 'sum'.")
    if len(input.shape) == 2:
        starts = list(range(0, math.prod(input.shape), max(input.shape[1], 1))) if input.shape[1] else [0] * len(input)
    else:
        known = None if offsets is None else tape._facts.handle(offsets._name).known
        if known is None:
            raise ProgramError(f"{name} needs offsets that are constants: a shape may not depend on values.")
        starts = [int(one) for one in known]
    count = math.prod(input.shape)
    ends = starts[1:] if include_last_offset and len(input.shape) == 1 else [*starts[1:], count]
    bags = list(zip(starts, ends, strict=False))
    numbers = tape.reshape(input, shape=(-1,)) if len(input.shape) == 2 else input
    if mode == "max":
        return _largest_of_bags(tape, numbers, weight, bags, padding_idx)
    rows = tape.take(weight, numbers, axis=0)
    if per_sample_weights is not None:
        rows = rows * tape.reshape(per_sample_weights, shape=(-1, 1))
    membership = np.zeros((len(bags), count))
    for bag, (start, end) in enumerate(bags):
        membership[bag, start:end] = 1.0
    belongs = tape.constant(membership, dtype=weight.dtype_name)
    if padding_idx is not None:
        counted = numbers != padding_idx % weight.shape[0]
        rows = tape.where(counted[:, None], rows, 0.0)
    totals = belongs @ rows
    if mode == "sum":
        return totals
    sizes = belongs.sum(axis=1)
    if padding_idx is not None:
        sizes = belongs @ counted.astype(weight.dtype_name)
    # A bag without rows is zero.
    return totals / tape.where(sizes == 0, 1.0, sizes)[:, None]


def _largest_of_bags(
    tape: Tape, numbers: Tensor, weight: Tensor, bags: list[tuple[int, int]], padding_idx: int | None
) -> Tensor:
    """The largest element of each column over a bag's rows; of equal ones the first counts. Nothing is zero."""
    longest = max((end - start for start, end in bags), default=0)
    if not longest:
        return tape.broadcast_to(weight.sum(axis=0) * 0.0, shape=(len(bags), weight.shape[1]))
    places = np.array([[min(start + step, max(end - 1, 0)) for step in range(longest)] for start, end in bags])
    within = np.array([[start + step < end for step in range(longest)] for start, end in bags])
    chosen = tape.take(numbers, tape.constant(places.reshape(-1)), axis=0)
    rows = tape.reshape(tape.take(weight, chosen, axis=0), shape=(*places.shape, weight.shape[1]))
    counted = tape.constant(within)
    if padding_idx is not None:
        counted = counted & tape.reshape(chosen != padding_idx % weight.shape[0], shape=places.shape)
    candidates = tape.where(counted[:, :, None], rows, -math.inf)
    first = tape.argmax(candidates, axis=1, keepdims=True)
    largest = tape.squeeze(tape.take_along_axis(candidates, first, axis=1), axis=1)
    return tape.where(tape.any(counted, axis=1)[:, None], largest, 0.0)


@composite("torch.nn.functional.one_hot")
def one_hot(tape: Tape, input: Tensor, num_classes: int = -1) -> Tensor:
    """1 at the number of the class, 0 elsewhere: `int64[...]` gives `int64[..., num_classes]`."""
    if num_classes < 1:
        raise ProgramError(
            "torch.nn.functional.one_hot without num_classes counts the classes in the values, and a shape may not "
            "depend on values where JAX compiles. Give num_classes."
        )
    return tape.one_hot(input, classes=num_classes)
