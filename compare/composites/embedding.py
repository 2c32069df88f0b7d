"""Rows of a table by their numbers."""

from __future__ import annotations

from compare.composites.composite import composite
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__ = ["embedding", "embedding_by_position", "one_hot"]


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


@composite("torch.nn.functional.one_hot")
def one_hot(tape: Tape, input: Tensor, num_classes: int = -1) -> Tensor:
    """1 at the number of the class, 0 elsewhere: `int64[...]` gives `int64[..., num_classes]`."""
    if num_classes < 1:
        raise ProgramError(
            "torch.nn.functional.one_hot without num_classes counts the classes in the values, and a shape may not "
            "depend on values where JAX compiles. Give num_classes."
        )
    return tape.one_hot(input, classes=num_classes)
