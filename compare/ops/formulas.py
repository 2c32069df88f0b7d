"""What PyTorch's gradient formulas read: whether a gradient made with create_graph requires grad, and through what.

The formula of `x * y` for `x` reads `y`; that of `exp` reads its result; that of `x + y` reads nothing but the
cotangent, and a gradient through it is a constant to a second backward. `sign` answers zeros that do not even depend
on the cotangent. JAX has no such thing: there a second derivative that nothing depends on is zero.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.ops.op import Op

__all__ = ["ONE_NODE", "Formula", "backward_formula", "one_operand", "one_result"]


@dataclass(frozen=True)
class Formula:
    """What the gradient of one operand is computed from.

    reads: the places of the operands it reads. result: it reads the result of the op too. passes: it reads the
        cotangent; where not, it answers zeros. exact: False where PyTorch chooses a formula by the values, and this
        is the most that one of them reads.
    """

    reads: tuple[int, ...] = ()
    result: bool = False
    passes: bool = True
    exact: bool = True


LINEAR, ZEROS = Formula(), Formula(passes=False)
BOTH = Formula((0, 1))

CONSTANT_SLOPES = frozenset(
    "add subtract maximum minimum clip where max min astype concat stack copy complex pad mantissa".split()
)
"""Rows that are not marked linear, but whose formulas read the cotangent only: they mask it, or hand it on."""
KEEPS_ITS_OPERAND = frozenset("avg_pool1d avg_pool2d avg_pool3d pad_reflect pad_replicate".split())
"""Rows that are linear, but whose formulas read the operand for its shape: a second derivative is zeros, not absent."""
PIECEWISE_CONSTANT = frozenset("sign floor trunc ceil round".split())
FROM_RESULT = frozenset(
    "reciprocal sqrt rsqrt exp exp2 expm1 tan tanh sigmoid relu softmax log_softmax std vector_norm logsumexp "
    "cumulative_logsumexp polar inv det cholesky eigh_eigenvectors eig_eigenvectors svd_u svd_vh qr_q qr_r lu_factors "
    "pinv ndtri log_ndtr i0e i1 i1e erfcx".split()
)
FROM_RESULT_IN_PLACE = FROM_RESULT | {"leaky_relu", "elu", "celu", "selu"}
OF_TWO_OPERANDS = {
    "multiply": (Formula((1,)), Formula((0,))),
    "matmul": (Formula((1,)), Formula((0,))),
    "linear": (Formula((1,)), Formula((0,))),
    "vecdot": (Formula((1,)), Formula((0,))),
    "outer": (Formula((1,)), Formula((0,))),
    **{f"conv{kind}{rank}d": (Formula((1,)), Formula((0,))) for kind in ("", "_transpose") for rank in (1, 2, 3)},
    "kron": (Formula((1,)), Formula((0,))),
    "cross": (Formula((1,)), Formula((0,))),
    "solve": (Formula((0,), result=True), Formula((0,))),
    "divide": (Formula((1,)), BOTH),
    "remainder": (LINEAR, BOTH),
    "fmod": (LINEAR, BOTH),
    "power": (BOTH, Formula((0, 1), result=True)),
    "hypot": (Formula((0, 1), result=True), Formula((0, 1), result=True)),
    "atan2": (BOTH, BOTH),
    "logaddexp": (BOTH, BOTH),
    "copysign": (Formula((0,), result=True), ZEROS),
    "xlog1py": (Formula((1,)), BOTH),
}


ONE_NODE = frozenset(
    "abs acos acosh add asin asinh atan atanh clone contiguous_clone "
    "cos cosh cumulative_prod cumulative_sum divide erf exp expm1 gelu "
    "leaky_relu log log1p log2 log_sigmoid log_softmax mean multiply negative power reciprocal relu rsqrt sigmoid silu "
    "sin sinh softmax softplus sqrt square subtract sum tan tanh trace".split()
)
"""Ops that are one node of PyTorch's graph, which gives the gradient of the first operand before all others."""
COMMUTING = frozenset({"add", "multiply"})
"""Those among them for which a number may stand first: PyTorch puts it behind."""


def one_operand(op: Op, operands: Sequence[Any]) -> int | None:
    """The place of the tensor that the one node of an op goes back to; None where there is no such node.

    Args: operands: numbers, and anything else for a tensor.
    """
    tensors = [place for place, one in enumerate(operands) if not isinstance(one, bool | int | float | str)]
    if op.name not in ONE_NODE or len(tensors) != 1 or (tensors[0] > 0 and op.name not in COMMUTING):
        return None
    return tensors[0]


def one_result(op: Op) -> bool:
    """Whether the node of an op has this result alone: not where the spelling picks one of several."""
    return not isinstance(ast.parse(op.torch or "x", mode="eval").body, ast.Attribute | ast.Subscript)


def backward_formula(op: Op, place: int, values: Sequence[Any], *, in_place: bool = False) -> Formula:
    """The formula for the operand at `place`.

    Args: values: the operands; arrays, or Python and mpmath numbers.
    """
    if in_place and place == 0 and op.without_history:
        return ZEROS
    if op.name in KEEPS_ITS_OPERAND:
        return Formula((0,))
    if place in op.places(op.linear, len(values)) or op.name in CONSTANT_SLOPES:
        return LINEAR
    if op.name in PIECEWISE_CONSTANT:
        return ZEROS
    if op.name == "power" and place == 0 and not isinstance(values[1], np.ndarray) and values[1] == 0:
        return ZEROS
    if op.name in OF_TWO_OPERANDS:
        return OF_TWO_OPERANDS[op.name][place]
    if op.name == "einsum":
        return Formula(tuple(other for other in range(len(values)) if other != place))
    if op.name in ("prod", "cumulative_prod"):
        return _of_a_product(op.name, np.asarray(values[0]))
    return Formula((0,), result=op.name in (FROM_RESULT_IN_PLACE if in_place else FROM_RESULT))


def _of_a_product(name: str, values: Any) -> Formula:
    if values.ndim == 0 or (name == "cumulative_prod" and values.size == 1):
        return LINEAR
    return Formula((0,), result=True, exact=bool(np.all(values != 0)))
