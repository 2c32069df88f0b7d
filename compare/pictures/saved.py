"""Which tensors PyTorch keeps for backward at an op: what the gradient formulas of its operands look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compare.facts import Handle
from compare.ops import Op
from compare.ops.formulas import backward_formula
from compare.ops.op import INDEX_OPERANDS

__all__ = ["saved_places"]

SAVES_BOTH = frozenset({"max", "min"})
"""Ops whose formula reads the cotangent only, masked: they save their operand and their result."""
SAVES_RESULT_ALONE = frozenset(
    "reciprocal sqrt rsqrt exp exp2 expm1 tan tanh sigmoid relu softmax log_softmax polar inv cholesky ndtri".split()
)
"""Those ops whose formula reads nothing of the operand but through the result."""
FACTORS = frozenset(
    "eigvalsh eigh_eigenvalues eigh_eigenvectors eig_eigenvalues eig_eigenvectors svdvals svd_s svd_u svd_vh qr_q qr_r "
    "lu_factors".split()
)
"""Ops that save what they factor their operand into, of which one is the result, and not the operand."""
SAVES_OPERANDS = frozenset({"maximum", "minimum", "clip", "take_along_axis", "fft", "rfft", "complex"})
"""Ops whose formula looks at the operands without a derivative through them: for a mask, a shape or a dtype."""
SAVES_SOURCE = frozenset({"index_add", "index_copy"})


def saved_places(op: Op, operands: Sequence[Any]) -> tuple[tuple[int, ...], bool]:
    """The places of the operands that are saved, and whether the result is.

    Args: operands: handles and numbers. One that requires grad has a formula; what the others' would read is not kept.
    """
    values = [np.broadcast_to(1.0, one.shape) if isinstance(one, Handle) else one for one in operands]
    found: set[int] = set()
    result = False
    for place, one in enumerate(operands):
        if not (isinstance(one, Handle) and one.requires_grad):
            continue
        formula = backward_formula(op, place, values)
        result |= formula.result or op.name in SAVES_BOTH | FACTORS
        if op.name not in SAVES_RESULT_ALONE | FACTORS:
            found.update(formula.reads)
    if op.name in SAVES_OPERANDS | SAVES_BOTH:
        found.update(range(len(operands)))
    found.update(op.places((*INDEX_OPERANDS, "condition"), len(operands)))
    if op.name in SAVES_SOURCE:
        found.update(op.places(("y",), len(operands)))
    return tuple(place for place in sorted(found) if isinstance(operands[place], Handle)), result
