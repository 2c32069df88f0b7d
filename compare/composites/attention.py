"""Scaled dot-product attention."""

from __future__ import annotations

import math

from compare.composites.composite import composite
from compare.composites.constants import cast
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__: list[str] = []


@composite("torch.ops.aten._safe_softmax.default")
def _safe_softmax(tape: Tape, self: Tensor, dim: int, dtype: str | None = None) -> Tensor:
    """softmax, and zeros along a line of nothing but -inf."""
    return _of_taking_part(tape, cast(tape, self, dtype), dim)


@composite("torch.nn.functional.scaled_dot_product_attention")
def _scaled_dot_product_attention(
    tape: Tape,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    if dropout_p > 0:
        raise ProgramError("scaled_dot_product_attention with dropout draws a mask. Give dropout_p=0.0.")
    if is_causal and attn_mask is not None:
        raise ProgramError("scaled_dot_product_attention takes attn_mask or is_causal, not both.")
    if enable_gqa and query.shape[-3] != key.shape[-3]:
        key = tape.repeat(key, count=query.shape[-3] // key.shape[-3], axis=-3)
        value = tape.repeat(value, count=query.shape[-3] // value.shape[-3], axis=-3)
    scores = (query @ key.matrix_transpose()) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        rows, columns = scores.shape[-2:]
        row = tape.constant(list(range(rows)))
        column = tape.constant(list(range(columns)))
        causal = row[:, None] >= column
        scores = tape.where(causal, scores, -math.inf)
    elif attn_mask is not None:
        return _masked(tape, scores, attn_mask) @ value
    weights = tape.softmax(scores, axis=-1)
    return weights @ value


def _masked(tape: Tape, scores: Tensor, mask: Tensor) -> Tensor:
    """The weights under a mask: True for what takes part, or numbers that are added."""
    if mask.dtype_name == "bool":
        known = tape._facts.handle(mask._name).known
        masked = tape.where(mask, scores, -math.inf)
        if known is not None and known.any(axis=-1).all():
            weights = tape.softmax(masked, axis=-1)
            return weights  # noqa: RET504  the name is for the printed program
        taking_part = tape.any(mask, axis=-1, keepdims=True)
    else:
        return _of_taking_part(tape, scores + mask, -1)
    # A query that may look at nothing gets zeros, where softmax alone is nan.
    masked = tape.where(taking_part, masked, 0.0)
    weights = tape.softmax(masked, axis=-1)
    return tape.where(taking_part, weights, 0.0)


def _of_taking_part(tape: Tape, scores: Tensor, axis: int) -> Tensor:
    taking_part = tape.any(scores != -math.inf, axis=axis, keepdims=True)
    masked = tape.where(taking_part, scores, 0.0)
    weights = tape.softmax(masked, axis=axis)
    return tape.where(taking_part, weights, 0.0)
