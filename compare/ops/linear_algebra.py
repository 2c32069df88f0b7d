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


# ---- sums of products ----

DOTS = "..."


def _letters(equation: str, shapes: tuple[Shape, ...]) -> tuple[list[list[str]], list[str]]:
    """The letters of every operand and of the result; an axis that an ellipsis stands for is a number."""
    given, arrow, wanted = equation.replace(" ", "").partition("->")
    terms = given.split(",")
    if len(terms) != len(shapes):
        raise ValueError(f"the equation {equation} has {len(terms)} terms for {len(shapes)} operands")
    rests = [len(shape) - len(term.replace(DOTS, "")) for term, shape in zip(terms, shapes, strict=True)]
    for term, rest, shape in zip(terms, rests, shapes, strict=True):
        if rest < 0 or (rest > 0 and DOTS not in term):
            raise ValueError(f"the term {term} does not name the {len(shape)} dimensions of its operand")
    most = max((rest for term, rest in zip(terms, rests, strict=True) if DOTS in term), default=0)

    def written_out(term: str, rest: int) -> list[str]:
        before, dots, behind = term.partition(DOTS)
        return [*before, *(str(most - rest + axis) for axis in range(rest if dots else 0)), *behind]

    operands = [written_out(term, rest) for term, rest in zip(terms, rests, strict=True)]
    if arrow:
        return operands, written_out(wanted, most)
    seen = [letter for operand in operands for letter in operand]
    dots = [str(axis) for axis in range(most)]
    return operands, [*dots, *sorted({one for one in seen if seen.count(one) == 1 and not one.isdigit()})]


def _einsum_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    operands, result = _letters(attributes["equation"], shapes)
    sizes: dict[str, int] = {}
    for letters, shape in zip(operands, shapes, strict=True):
        for letter, size in zip(letters, shape, strict=True):
            known = sizes.setdefault(letter, size)
            if known == 1 and letter.isdigit():
                sizes[letter] = size
            elif size != known and not (size == 1 and letter.isdigit()):
                raise ValueError(f"'{letter}' of {attributes['equation']} has the sizes {known} and {size}")
    unknown = [letter for letter in result if letter not in sizes]
    if unknown or len(set(result)) < len(result):
        raise ValueError(f"the result of {attributes['equation']} names an axis twice, or one that no operand has")
    return tuple(sizes[letter] for letter in result)


def _einsum(*arrays: Any, equation: str) -> Any:
    terms, arrow, wanted = equation.partition("->")
    if arrow and DOTS in terms and DOTS not in wanted:
        # The frameworks sum over the axes that the dots stand for; NumPy has no word for that.
        result = np.einsum(f"{terms}->{DOTS}{wanted.strip()}", *arrays)
        result = result.sum(axis=tuple(range(result.ndim - len(wanted.strip()))))
    else:
        result = np.einsum(equation, *arrays)
    return np.asarray(result + ZERO, dtype=object)


def _kron_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if len(shapes[0]) != len(shapes[1]):
        raise ValueError("needs as many dimensions on each side")
    return tuple(one * other for one, other in zip(*shapes, strict=True))


def _cross_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    left, right = shapes
    axis = attributes["axis"]
    if len(left) != len(right) or any(shape[one_axis(axis, len(shape))] != 3 for shape in shapes):
        raise ValueError(f"needs as many dimensions on each side, and size 3 along axis {axis}")
    return broadcast(shapes, attributes)


def _cross(x: Any, y: Any, *, axis: int) -> Any:
    x1, x2, x3 = np.moveaxis(x, axis, 0)
    y1, y2, y3 = np.moveaxis(y, axis, 0)
    return np.stack([x2 * y3 - x3 * y2, x3 * y1 - x1 * y3, x1 * y2 - x2 * y1], axis=axis)


# ---- square matrices ----


def _square(shape: Shape) -> Shape:
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ValueError(f"needs square matrices, got shape {list(shape)}")
    return shape


def _square_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    return _square(shapes[0])


def _determinant_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if not _square(shapes[0])[-1]:
        raise ValueError("jnp.linalg.det has no answer for a matrix without rows")
    return shapes[0][:-2]


def _solve_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    matrix, right = _square(shapes[0]), shapes[1]
    vector = len(right) == 1
    if not vector and len(right) < len(matrix):
        raise ValueError("a stack of right-hand sides that are vectors is read in several ways; give them a last axis")
    if not right or right[0 if vector else -2] != matrix[-1]:
        raise ValueError(f"right-hand sides of shape {list(right)} do not fit matrices of shape {list(matrix)}")
    if vector:
        return matrix[:-1]
    return (*broadcast((matrix[:-2], right[:-2]), attributes), *right[-2:])


def _each_matrix(function: Any, x: Any, shape: Shape) -> Any:
    """Apply a function of one matrix to each matrix of a stack."""
    result = np.empty((*x.shape[:-2], *shape), dtype=object)
    for place in np.ndindex(x.shape[:-2]):
        result[place] = function(x[place])
    return result


def _solved(matrix: Any, right: Any) -> Any:
    """The solution of one system, by elimination with the largest pivot of each column."""
    size = len(matrix)
    rows = np.concatenate([matrix, right], axis=1)
    for step in range(size):
        pivot = max(range(step, size), key=lambda row: abs(rows[row, step]))
        rows[[step, pivot]] = rows[[pivot, step]]
        rows[step] = rows[step] / rows[step, step] if rows[step, step] != 0 else rows[step] * mpmath.nan
        for row in range(size):
            if row != step:
                rows[row] = rows[row] - rows[step] * rows[row, step]
    return rows[:, size:]


def _inverse(x: Any) -> Any:
    size = x.shape[-1]
    identity = np.array([[mpmath.mpf(row == column) for column in range(size)] for row in range(size)], dtype=object)
    return _each_matrix(lambda matrix: _solved(matrix, identity.reshape(size, size)), x, (size, size))


def _solve(x: Any, y: Any) -> Any:
    vector = y.ndim == 1
    right = y[:, None] if vector else y
    stack = np.broadcast_shapes(x.shape[:-2], right.shape[:-2])
    x, right = (np.broadcast_to(one, (*stack, *one.shape[-2:])) for one in (x, right))
    result = np.empty(right.shape, dtype=object)
    for place in np.ndindex(stack):
        result[place] = _solved(x[place], right[place])
    return result[..., 0] if vector else result


def _determinant(matrix: Any) -> Any:
    if not len(matrix):
        return mpmath.mpf(1)
    rest = [_determinant(np.delete(matrix[1:], column, axis=1)) for column in range(len(matrix))]
    return sum(
        (number * minor * (-1) ** column for column, (number, minor) in enumerate(zip(matrix[0], rest, strict=True))),
        ZERO,
    )


def _cholesky(matrix: Any) -> Any:
    """The lower factor of the symmetric part of a matrix."""
    whole = (matrix + matrix.T) / mpmath.mpf(2)
    factor = np.full(whole.shape, ZERO, dtype=object)
    for row in range(len(whole)):
        for column in range(row + 1):
            left = whole[row, column] - sum((factor[row, :column] * factor[column, :column]).tolist(), ZERO)
            if row != column:
                factor[row, column] = left / factor[column, column]
            else:
                factor[row, row] = mpmath.sqrt(left) if left >= 0 else mpmath.nan
    return factor


def _linear_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    x, weight = shapes
    if len(weight) != 2:
        raise ValueError(f"the weight must be a matrix, got {len(weight)} axes")
    return matrix_product((x, weight[::-1]), attributes)


ROWS = (
    Op(
        "matmul", "x, y", "x @ y", "x @ y", _matmul, matrix_product, floating, complex=True,
        calls=(
            "torch.linalg.matmul(x, y)", "torch.mm(x, y)", "torch.bmm(x, y)", "torch.mv(x, y)", "torch.dot(x, y)",
        ),
    ),
    # The dense result does not depend on the strides of a transpose, as it may for x @ weight.mT.
    Op(
        "linear", "x, weight", "torch.nn.functional.linear(x, weight)", "x @ weight.mT",
        lambda x, weight: _matmul(x, weight.T), _linear_shape, floating,
    ),
    Op(
        "vecdot", "x, y, *, axis=-1", "torch.linalg.vecdot(x, y, dim=axis)", "jnp.vecdot(x, y, axis=axis)", _vecdot,
        _vecdot_shape, floating, complex=True, calls=("torch.vdot(x, y)",),
    ),
    Op(
        "outer", "x, y", "torch.outer(x, y)", "jnp.outer(x, y)", np.multiply.outer, _outer_shape, floating,
        complex=True, calls=("torch.ger(x, y)",),
    ),
    Op(
        "trace", "x", "torch.trace(x)", "jnp.trace(x)",
        lambda x: np.asarray(np.sum(np.diagonal(x), initial=ZERO), dtype=object), _trace_shape, floating,
        linear=("x",), complex=True,
    ),
    Op(
        "einsum", "*arrays, *, equation=...", "torch.einsum(equation, *arrays)", "jnp.einsum(equation, *arrays)",
        _einsum, _einsum_shape, floating, complex=True,
    ),
    Op("kron", "x, y", "torch.kron(x, y)", "jnp.kron(x, y)", np.kron, _kron_shape, floating, complex=True),
    Op(
        "cross", "x, y, *, axis=-1", "torch.linalg.cross(x, y, dim=axis)", "jnp.cross(x, y, axis=axis)", _cross,
        _cross_shape, floating, complex=True,
    ),
    Op(
        "inv", "x", "torch.linalg.inv(x)", "jnp.linalg.inv(x)", _inverse, _square_shape, floating,
        calls=("torch.inverse(x)",),
    ),
    Op(
        "det", "x", "torch.linalg.det(x)", "jnp.linalg.det(x)", lambda x: _each_matrix(_determinant, x, ()),
        _determinant_shape, floating, calls=("torch.det(x)",),
    ),
    Op("solve", "x, y", "torch.linalg.solve(x, y)", "jnp.linalg.solve(x, y)", _solve, _solve_shape, floating),
    # Of a matrix that is not symmetric, JAX takes the symmetric part and PyTorch the lower triangle.
    Op(
        "cholesky", "x", "torch.linalg.cholesky(x)", "jnp.linalg.cholesky(x)",
        lambda x: _each_matrix(_cholesky, x, x.shape[-2:]), _square_shape, floating, symmetric=True,
    ),
)  # fmt: skip
