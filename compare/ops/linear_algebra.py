"""Rows for products of vectors and matrices."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from compare.ops.op import Attributes, Op, Shape
from compare.ops.rules import broadcast, floating, matrix_product, one_axis

__all__ = ["ROWS"]

ZERO = mpmath.mpf(0)


def _matmul(x: Any, y: Any) -> Any:
    # Adding zero makes the product of matrices without an inner element a number, too.
    return np.asarray(np.matmul(x, y) + ZERO, dtype=object)


_conjugated = np.frompyfunc(mpmath.conj, 1, 1)


def _vecdot(x: Any, y: Any, *, axis: int) -> Any:
    return np.asarray(np.sum(_conjugated(x) * y, axis=axis, initial=ZERO), dtype=object)


def _vecdot_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    left, right = shapes
    axis = attributes["axis"]
    sizes = {shape[one_axis(axis, len(shape))] for shape in shapes}
    if len(sizes) > 1:
        raise ValueError(f"sizes {left[axis]} and {right[axis]} along axis {axis} differ")
    if axis >= 0 and len(left) != len(right):
        raise ValueError("operands with different numbers of dimensions need an axis counted from the end, such as -1")
    stack = broadcast(shapes, attributes)
    axis = one_axis(axis, len(stack))
    return (*stack[:axis], *stack[axis + 1 :])


def _outer_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if any(len(shape) != 1 for shape in shapes):
        raise ValueError("needs two vectors")
    return (*shapes[0], *shapes[1])


def _trace_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if len(shapes[0]) != 2:
        raise ValueError("needs a matrix")
    return ()


def _linear_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    x, weight = shapes
    if len(weight) != 2:
        raise ValueError(f"the weight must be a matrix, got {len(weight)} axes")
    return matrix_product((x, weight[::-1]), attributes)


ROWS = (
    Op("matmul", "x, y", "x @ y", "x @ y", _matmul, matrix_product, floating, complex=True),
    # The dense result does not depend on the strides of a transpose, as it may for x @ weight.mT.
    Op(
        "linear", "x, weight", "torch.nn.functional.linear(x, weight)", "x @ weight.mT",
        lambda x, weight: _matmul(x, weight.T), _linear_shape, floating,
    ),
    Op(
        "vecdot", "x, y, *, axis=-1", "torch.linalg.vecdot(x, y, dim=axis)", "jnp.vecdot(x, y, axis=axis)", _vecdot,
        _vecdot_shape, floating, complex=True,
    ),
    Op(
        "outer", "x, y", "torch.outer(x, y)", "jnp.outer(x, y)", np.multiply.outer, _outer_shape, floating,
        complex=True,
    ),
    Op(
        "trace", "x", "torch.trace(x)", "jnp.trace(x)",
        lambda x: np.asarray(np.sum(np.diagonal(x), initial=ZERO), dtype=object), _trace_shape, floating,
        linear=("x",), complex=True,
    ),
)  # fmt: skip
