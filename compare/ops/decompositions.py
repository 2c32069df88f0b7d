"""Rows for decompositions of matrices, and for functions that go through one.

A decomposition has several results, and each of them is a row: compiled, JAX computes what they share once. Where the
factors are not unique, up to signs or phases, the references take the signs that NumPy's LAPACK takes, as JAX does;
PyTorch's may be other ones. A gradient that depends on them is shown to differ, or to agree, at the point that was run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from compare.ops.dtypes import COMPLEX
from compare.ops.op import Attributes, Op, Shape
from compare.ops.rules import Dtypes, floating

__all__ = ["ROWS"]

ZERO, ONE = mpmath.mpf(0), mpmath.mpf(1)

# ---- shapes and dtypes ----


def _matrix(shape: Shape) -> tuple[Shape, int, int]:
    """The stack, the rows and the columns. Raises ValueError."""
    if len(shape) < 2:
        raise ValueError(f"needs matrices, got shape {list(shape)}")
    return shape[:-2], shape[-2], shape[-1]


def _square(shape: Shape) -> tuple[Shape, int]:
    stack, rows, columns = _matrix(shape)
    if rows != columns:
        raise ValueError(f"needs square matrices, got shape {list(shape)}")
    return stack, rows


def _of_square(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    stack, size = _square(shapes[0])
    return (*stack, size, size)


def _values_of_square(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    stack, size = _square(shapes[0])
    return (*stack, size)


def _values_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    stack, rows, columns = _matrix(shapes[0])
    return (*stack, min(rows, columns))


def _left_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    stack, rows, columns = _matrix(shapes[0])
    return (*stack, rows, rows if attributes.get("full_matrices") else min(rows, columns))


def _right_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    stack, rows, columns = _matrix(shapes[0])
    return (*stack, columns if attributes.get("full_matrices") else min(rows, columns), columns)


def _pinv_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    stack, rows, columns = _matrix(shapes[0])
    return (*stack, columns, rows)


def _whole_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    _matrix(shapes[0])
    return shapes[0]


def _permutation_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    stack, rows, _ = _matrix(shapes[0])
    return (*stack, rows, rows)


def _order_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if not shapes[0] or shapes[0][-1] > attributes["size"]:
        raise ValueError(f"pivots of shape {list(shapes[0])} are not those of {attributes['size']} rows")
    return (*shapes[0][:-1], attributes["size"])


def _positions(dtypes: Dtypes, default: str, attributes: Attributes) -> str:
    floating(dtypes, default)
    return "int64"


def _of_positions(dtypes: Dtypes, default: str, attributes: Attributes) -> str:
    if dtypes[0] != "int64":
        raise ValueError(f"needs positions, int64, got {dtypes[0]}")
    return "int64"


def _to_complex(dtypes: Dtypes, default: str, attributes: Attributes) -> str:
    return COMPLEX[floating(dtypes, default)]


# ---- exact arithmetic ----


def _each(function: Callable[..., Any], shape: Callable[[Shape, dict[str, Any]], Shape]) -> Callable[..., Any]:
    """A function of one matrix, on each of a stack; nan where a matrix has an element that is not finite."""

    def applied(x: Any, **attributes: Any) -> Any:
        wanted = shape(x.shape, attributes)
        own = wanted[len(x.shape) - 2 :]
        result = np.full(wanted, mpmath.nan, dtype=object)
        for place in np.ndindex(x.shape[:-2]):
            matrix = x[place]
            if math.prod(own) and all(mpmath.isfinite(one) for one in matrix.flat):
                result[place] = function(matrix, **attributes)
        return result

    return applied


def _on(shape: Callable[[tuple[Shape, ...], Attributes], Shape]) -> Callable[[Shape, dict[str, Any]], Shape]:
    return lambda one, attributes: shape((one,), attributes)


def _array(matrix: Any, rows: int, columns: int) -> Any:
    """An mpmath matrix as an object array."""
    return np.array([[matrix[row, column] for column in range(columns)] for row in range(rows)], dtype=object).reshape(
        rows, columns
    )


def _floats(matrix: Any) -> Any:
    return matrix.astype(float)


def _towards(exact: Any, wanted: Any) -> Any:
    """Signs, one for each column, that turn exact vectors the way that LAPACK's lie."""
    along = (_floats(exact) * wanted).sum(axis=0)
    return np.array([mpmath.mpf(-1 if one < 0 else 1) for one in along], dtype=object)


def _eigh(matrix: Any) -> tuple[Any, Any]:
    """The eigenvalues, in order, and eigenvectors of the symmetric part of a matrix."""
    size = len(matrix)
    symmetric = (matrix + matrix.T) / mpmath.mpf(2)
    values, vectors = mpmath.eigsy(mpmath.matrix(symmetric.tolist()))
    exact = _array(vectors, size, size)
    return np.array(list(values), dtype=object), exact * _towards(exact, np.linalg.eigh(_floats(symmetric))[1])


def _svd(matrix: Any) -> tuple[Any, Any, Any]:
    """The thin factors."""
    rows, columns = matrix.shape
    size = min(rows, columns)
    if not size:
        return np.zeros((rows, 0), dtype=object), np.zeros(0, dtype=object), np.zeros((0, columns), dtype=object)
    left, values, right = mpmath.svd_r(mpmath.matrix(matrix.tolist()))
    u, vh = _array(left, rows, size), _array(right, size, columns)
    signs = _towards(u, np.linalg.svd(_floats(matrix), full_matrices=False)[0])
    return u * signs, np.array(list(values), dtype=object), vh * signs[:, None]


def _left(matrix: Any, *, full_matrices: bool) -> Any:
    u = _svd(matrix)[0]
    # What completes a basis is any complement: LAPACK's.
    rest = np.linalg.svd(_floats(matrix))[0][:, u.shape[1] :] if full_matrices else u[:, :0]
    return np.concatenate([u, np.vectorize(mpmath.mpf, otypes=[object])(rest) if rest.size else rest], axis=1)


def _right(matrix: Any, *, full_matrices: bool) -> Any:
    vh = _svd(matrix)[2]
    rest = np.linalg.svd(_floats(matrix))[2][vh.shape[0] :] if full_matrices else vh[:0]
    return np.concatenate([vh, np.vectorize(mpmath.mpf, otypes=[object])(rest) if rest.size else rest], axis=0)


def _eig(matrix: Any) -> tuple[Any, Any]:
    """The eigenvalues in LAPACK's order, and eigenvectors of length one whose largest element is real."""
    size = len(matrix)
    values, vectors = mpmath.eig(mpmath.matrix(matrix.tolist()))
    exact = _array(vectors, size, size)
    found, directions = np.linalg.eig(_floats(matrix))
    left = list(range(size))
    ordered = []
    for one in found:
        nearest = min(left, key=lambda place: abs(complex(values[place]) - one))
        left.remove(nearest)
        ordered.append(nearest)
    columns = []
    for place, nearest in enumerate(ordered):
        vector = exact[:, nearest]
        length = mpmath.sqrt(sum((abs(one) ** 2 for one in vector), ZERO))
        largest = int(np.argmax(np.abs(directions[:, place])))
        turn = vector[largest] / abs(vector[largest])
        if directions[largest, place].real < 0:
            turn = -turn
        columns.append([mpmath.mpc(one / length / turn) for one in vector])
    return np.array([mpmath.mpc(values[place]) for place in ordered], dtype=object), np.array(columns, dtype=object).T


def _householder(matrix: Any) -> tuple[Any, Any]:
    """Q, square, and R, by LAPACK's reflections: a column with nothing below its diagonal is left as it is."""
    rows, columns = matrix.shape
    r = matrix.copy()
    q = np.array([[ONE if row == column else ZERO for column in range(rows)] for row in range(rows)], dtype=object)
    for step in range(min(rows, columns)):
        column = r[step:, step]
        if all(one == 0 for one in column[1:]):
            continue
        length = mpmath.sqrt(sum((one * one for one in column), ZERO))
        vector = column.copy()
        vector[0] = vector[0] + (length if vector[0] >= 0 else -length)
        factor = 2 / sum((one * one for one in vector), ZERO)
        r[step:] = r[step:] - factor * np.multiply.outer(vector, vector @ r[step:])
        q[:, step:] = q[:, step:] - factor * np.multiply.outer(q[:, step:] @ vector, vector)
    return q, r


def _q(matrix: Any) -> Any:
    return _householder(matrix)[0][:, : min(matrix.shape)]


def _r(matrix: Any) -> Any:
    return np.triu(_householder(matrix)[1][: min(matrix.shape)]) + ZERO


def _lu(matrix: Any) -> tuple[Any, list[int]]:
    """Both triangles in one matrix, and the row that each step exchanges with its own: the first largest pivot."""
    factors = matrix.copy()
    rows, columns = factors.shape
    pivots = []
    for step in range(min(rows, columns)):
        pivot = max(range(step, rows), key=lambda row: abs(factors[row, step]))
        pivots.append(pivot)
        factors[[step, pivot]] = factors[[pivot, step]]
        if factors[step, step] != 0:
            factors[step + 1 :, step] = factors[step + 1 :, step] / factors[step, step]
            factors[step + 1 :, step + 1 :] = factors[step + 1 :, step + 1 :] - np.multiply.outer(
                factors[step + 1 :, step], factors[step, step + 1 :]
            )
    return factors, pivots


def _order(pivots: Any, size: int) -> list[int]:
    """The rows in the order that exchanges, counted from 0, leave them in."""
    order = list(range(size))
    for step, pivot in enumerate(int(one) for one in pivots):
        order[step], order[pivot] = order[pivot], order[step]
    return order


def _permutation(matrix: Any) -> Any:
    order = _order(_lu(matrix)[1], len(matrix))
    return np.array([[mpmath.mpf(column == row) for column in order] for row in range(len(matrix))], dtype=object)


def _orders(x: Any, *, size: int) -> Any:
    result = np.empty((*x.shape[:-1], size), dtype=object)
    for place in np.ndindex(x.shape[:-1]):
        result[place] = [mpmath.mpf(row) for row in _order([one - 1 for one in x[place]], size)]
    return result


def _pinv(matrix: Any, *, rtol: float) -> Any:
    u, values, vh = _svd(matrix)
    largest = max(values)
    inverses = np.array([1 / one if one > rtol * largest else ZERO for one in values], dtype=object)
    return (vh.T * inverses) @ u.T


def _expm(matrix: Any) -> Any:
    return _array(mpmath.expm(mpmath.matrix(matrix.tolist())), *matrix.shape)


# ---- rows ----

_FULL = "x, *, full_matrices=..."

ROWS = (
    Op(
        "eigvalsh", "x", "torch.linalg.eigvalsh(x)", "jnp.linalg.eigvalsh(x)",
        _each(lambda matrix: _eigh(matrix)[0], _on(_values_of_square)), _values_of_square, floating, symmetric=True,
    ),
    # Of a matrix that is not symmetric, JAX takes the symmetric part and PyTorch one triangle.
    Op(
        "eigh_eigenvalues", "x", "torch.linalg.eigh(x).eigenvalues",
        "jnp.linalg.eigh(x).eigenvalues",
        _each(lambda matrix: _eigh(matrix)[0], _on(_values_of_square)), _values_of_square, floating, symmetric=True,
    ),
    Op(
        "eigh_eigenvectors", "x", "torch.linalg.eigh(x).eigenvectors",
        "jnp.linalg.eigh(x).eigenvectors",
        _each(lambda matrix: _eigh(matrix)[1], _on(_of_square)), _of_square, floating, symmetric=True, ambiguous=True,
    ),
    Op(
        "eig_eigenvalues", "x", "torch.linalg.eig(x).eigenvalues", "jnp.linalg.eigvals(x)",
        _each(lambda matrix: _eig(matrix)[0], _on(_values_of_square)), _values_of_square, _to_complex,
        calls=("torch.linalg.eigvals(x)",),
    ),
    # jnp.linalg.eig leaves out the derivative of the vectors, unless it is asked for.
    Op(
        "eig_eigenvectors", "x", "torch.linalg.eig(x).eigenvectors",
        "lax.linalg.eig(x, compute_left_eigenvectors=False, enable_eigvec_derivs=True)[1]",
        _each(lambda matrix: _eig(matrix)[1], _on(_of_square)), _of_square, _to_complex, ambiguous=True,
    ),
    Op(
        "svdvals", "x", "torch.linalg.svdvals(x)", "jnp.linalg.svdvals(x)",
        _each(lambda matrix: _svd(matrix)[1], _on(_values_shape)), _values_shape, floating,
    ),
    Op(
        "svd_u", _FULL, "torch.linalg.svd(x, full_matrices=full_matrices).U",
        "jnp.linalg.svd(x, full_matrices=full_matrices).U", _each(_left, _on(_left_shape)), _left_shape, floating,
        ambiguous=True,
    ),
    Op(
        "svd_s", "x", "torch.linalg.svd(x, full_matrices=False).S", "jnp.linalg.svd(x, full_matrices=False).S",
        _each(lambda matrix: _svd(matrix)[1], _on(_values_shape)), _values_shape, floating,
    ),
    Op(
        "svd_vh", _FULL, "torch.linalg.svd(x, full_matrices=full_matrices).Vh",
        "jnp.linalg.svd(x, full_matrices=full_matrices).Vh", _each(_right, _on(_right_shape)), _right_shape, floating,
        ambiguous=True,
    ),
    Op(
        "qr_q", "x", "torch.linalg.qr(x).Q", "jnp.linalg.qr(x).Q", _each(_q, _on(_left_shape)), _left_shape, floating,
    ),
    Op(
        "qr_r", "x", "torch.linalg.qr(x).R", "jnp.linalg.qr(x).R", _each(_r, _on(_right_shape)), _right_shape,
        floating,
    ),
    Op(
        "lu_factors", "x", "torch.linalg.lu_factor(x).LU", "lax.linalg.lu(x)[0]",
        _each(lambda matrix: _lu(matrix)[0], _on(_whole_shape)), _whole_shape, floating,
    ),
    # PyTorch counts pivots from 1, JAX from 0.
    Op(
        "lu_pivots", "x", "torch.linalg.lu_factor(x).pivots.long()", "(lax.linalg.lu(x)[1] + 1).astype(int)",
        _each(lambda matrix: [mpmath.mpf(one + 1) for one in _lu(matrix)[1]], _on(_values_shape)), _values_shape,
        _positions,
    ),
    Op(
        "lu_permutation", "x", "torch.linalg.lu(x).P",
        "jax.nn.one_hot(lax.linalg.lu(x)[2], rows, axis=-2, dtype=x.dtype)",
        _each(_permutation, _on(_permutation_shape)), _permutation_shape, floating, without_history=("x",),
        jax_names=lambda shapes, attributes: {"rows": shapes[0][-2]},
    ),
    Op(
        "pivots_to_permutation", "x, *, size=...",
        "torch.lu_unpack(torch.zeros(*x.shape[:-1], size, x.shape[-1]), x.int(), unpack_data=False).P.argmax(dim=-2)",
        "lax.linalg.lu_pivots_to_permutation((x - 1).astype(jnp.int32), size).astype(int)",
        _orders, _order_shape, _of_positions,
    ),
    Op(
        "pinv", "x, *, rtol=...", "torch.linalg.pinv(x, rtol=rtol)", "jnp.linalg.pinv(x, rtol=rtol)",
        _each(_pinv, _on(_pinv_shape)), _pinv_shape, floating,
    ),
    Op(
        "matrix_exp", "x", "torch.linalg.matrix_exp(x)", "jax.scipy.linalg.expm(x)",
        _each(_expm, _on(_of_square)), _of_square, floating, calls=("torch.matrix_exp(x)",),
    ),
)  # fmt: skip
