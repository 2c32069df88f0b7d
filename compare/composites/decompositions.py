"""Decompositions of matrices, and what is solved with their factors.

How a computation ended is a constant, 0 for well: where it ended otherwise, the run shows another number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from compare.composites.composite import composite
from compare.composites.kinds import has_history
from compare.errors import ProgramError
from compare.ops import COMPLEX
from compare.tape import Tape, Tensor

__all__ = ["ended_well", "identity", "one_triangle", "orthogonal_factors", "pseudo_inverse", "solve_triangle"]


def identity(tape: Tape, input: Tensor, rows: int, columns: int | None = None) -> Tensor:
    """A constant `f[rows, columns]` with ones on its diagonal, of the dtype of another tensor."""
    return tape.constant(np.eye(rows, columns), dtype=input.dtype_name)


def _adjoint(input: Tensor) -> Tensor:
    return input.matrix_transpose()


def ended_well(tape: Tape, input: Tensor) -> Tensor:
    """The information that a decomposition of each matrix of a stack went well: `int64[...]` zeros."""
    return tape.constant(np.zeros(input.shape[:-2], dtype=int), dtype="int64")


def _nothing(tape: Tape, input: Tensor) -> Tensor:
    """What PyTorch returns for what it was not asked for: an empty tensor."""
    return tape.constant(np.zeros(0), dtype=input.dtype_name)


# ---- eigenvalues ----


def one_triangle(tape: Tape, matrix: Tensor, triangle: str) -> Tensor:
    """The symmetric matrix of which one triangle, "L" or "U", is half, as PyTorch reads it.

    Its derivative is that of the whole matrix, as in PyTorch's formulas: the other triangle has a gradient, too.
    """
    held = matrix.detach()
    upper = triangle.upper() == "U"
    half = tape.triu(held) if upper else tape.tril(held)
    mirrored = (tape.triu(held, k=1) if upper else tape.tril(held, k=-1)).matrix_transpose()
    return matrix + (half + mirrored - held)


@composite("torch.linalg.eigh")
def _eigh(tape: Tape, A: Tensor, UPLO: str = "L") -> tuple[Tensor, Tensor]:  # noqa: N803
    symmetric = one_triangle(tape, A, UPLO)
    eigenvalues = tape.eigh_eigenvalues(symmetric)
    eigenvectors = tape.eigh_eigenvectors(symmetric)
    return eigenvalues, eigenvectors


@composite("torch.linalg.eigvalsh")
def _eigvalsh(tape: Tape, A: Tensor, UPLO: str = "L") -> Tensor:  # noqa: N803
    symmetric = one_triangle(tape, A, UPLO)
    return tape.eigvalsh(symmetric)


@composite("torch.linalg.eig")
def _eig(tape: Tape, A: Tensor) -> tuple[Tensor, Tensor]:  # noqa: N803
    if not A.shape[-1]:
        # JAX looks for the largest element of each vector.
        nothing = tape.astype(A, dtype=COMPLEX[A.dtype_name])
        return tape.reshape(nothing, shape=A.shape[:-1]), nothing.clone()
    eigenvalues = tape.eig_eigenvalues(A)
    eigenvectors = tape.eig_eigenvectors(A)
    return eigenvalues, eigenvectors


# ---- singular values ----


def _factors(tape: Tape, matrix: Tensor, full_matrices: bool) -> tuple[Tensor, Tensor, Tensor]:
    rows, columns = matrix.shape[-2:]
    u = tape.svd_u(matrix, full_matrices=False)
    s = tape.svd_s(matrix)
    vh = tape.svd_vh(matrix, full_matrices=False)
    # What completes a basis has no gradient, and JAX has none for a matrix with it.
    if full_matrices and rows > columns:
        rest = tape.svd_u(matrix.detach(), full_matrices=True)[..., :, columns:]
        u = tape.concat([u, rest], axis=-1)
    if full_matrices and columns > rows:
        rest = tape.svd_vh(matrix.detach(), full_matrices=True)[..., rows:, :]
        vh = tape.concat([vh, rest], axis=-2)
    return u, s, vh


@composite("torch.linalg.svd")
def _svd(
    tape: Tape,
    A: Tensor,  # noqa: N803
    full_matrices: bool = True,
    *,
    driver: str | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    return _factors(tape, A, full_matrices)


@composite("torch.svd")
def _older_svd(tape: Tape, input: Tensor, some: bool = True, compute_uv: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    if not compute_uv:
        # PyTorch fills the others with zeros.
        *stack, rows, columns = input.shape
        left, right = (tape.constant(np.zeros((*stack, n, n)), dtype=input.dtype_name) for n in (rows, columns))
        return left, tape.svdvals(input), right
    u, s, vh = _factors(tape, input, not some)
    v = _adjoint(vh)
    return u, s, v


@composite("torch.linalg.svdvals")
def _svdvals(tape: Tape, A: Tensor, *, driver: str | None = None) -> Tensor:  # noqa: N803
    return tape.svdvals(A)


def pseudo_inverse(tape: Tape, matrix: Tensor, rtol: float | None = None) -> Tensor:
    """The pseudo-inverse, without singular values of at most `rtol` times the largest: `f[..., m, n]`, `f[..., n, m]`.

    Without `rtol` it is PyTorch's: the machine epsilon times the larger side. JAX's is ten times that.
    """
    if rtol is None:
        rtol = float(np.finfo(matrix.dtype_name).eps) * max(matrix.shape[-2:])
    return tape.pinv(matrix, rtol=rtol)


def _number(what: str, value: Any) -> float | None:
    if isinstance(value, Tensor):
        raise ProgramError(f"{what} as a tensor is not modelled. Give a number.")
    return None if value is None else float(value)


@composite("torch.linalg.pinv")
def _pinv(
    tape: Tape,
    A: Tensor,  # noqa: N803
    rcond: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
) -> Tensor:
    absolute, relative = _number("pinv: atol", atol), _number("pinv: rtol", rtol if rcond is None else rcond)
    if absolute:
        raise ProgramError("pinv with atol is not modelled: JAX's has a relative tolerance only. Give rtol.")
    if absolute is not None and relative is None:
        relative = 0.0
    # The gradient of a symmetric matrix is made symmetric by JAX's own hermitian=True, and not by PyTorch's.
    return pseudo_inverse(tape, one_triangle(tape, A, "L") if hermitian else A, relative)


@composite("torch.pinverse")
def _pinverse(tape: Tape, input: Tensor, rcond: float = 1e-15) -> Tensor:
    return pseudo_inverse(tape, input, rcond)


@composite("torch.linalg.lstsq")
def _lstsq(
    tape: Tape,
    A: Tensor,  # noqa: N803
    B: Tensor,  # noqa: N803
    rcond: float | None = None,
    *,
    driver: str | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The solution, residuals, rank, and singular values; what a driver does not compute is empty.

    PyTorch's gradient is that of the pseudo-inverse. The matrix has to have full rank.
    """
    rows, columns = A.shape[-2:]
    inverse = pseudo_inverse(tape, A, rcond)
    vectors = len(B.shape) == 1 or (len(B.shape) == len(A.shape) - 1 and B.shape == A.shape[:-1])
    right = B[..., None] if vectors else B
    product = inverse @ right
    solution = tape.squeeze(product, axis=-1) if vectors else product
    values = _nothing(tape, A)
    # PyTorch's empty residuals have a history, too.
    residuals = tape.reshape(product, shape=(-1,))[0:0]
    if driver not in (None, "gelsy") and rows > columns:
        squares = (A @ product - right).square()
        residuals = squares.sum(axis=(-2, -1) if vectors else -2)
    if driver in ("gelsd", "gelss"):
        values = tape.svdvals(A.detach())
    full = np.full(A.shape[:-2] if driver != "gels" else (0,), min(rows, columns))
    rank = tape.constant(full, dtype="int64")
    return solution, residuals, rank, values


# ---- orthogonal and triangular ----


def orthogonal_factors(tape: Tape, matrix: Tensor, mode: str) -> tuple[Tensor, Tensor]:
    """Q and R of the thin decomposition. Raises ProgramError where PyTorch has no gradient."""
    rows, columns = matrix.shape[-2:]
    if mode == "r":
        if has_history(tape, matrix):
            raise ProgramError("qr with mode='r' has no derivative in PyTorch. Take mode='reduced'.")
        return _nothing(tape, matrix), tape.qr_r(matrix)
    if mode not in ("reduced", "complete"):
        raise ProgramError(f"qr has no mode {mode!r}.")
    if mode == "complete" and rows > columns:
        raise ProgramError(
            "qr with mode='complete' of a matrix with more rows than columns has no derivative in PyTorch: what "
            "completes the basis is not unique. Take mode='reduced'."
        )
    q = tape.qr_q(matrix)
    r = tape.qr_r(matrix)
    return q, r


@composite("torch.linalg.qr")
def _qr(tape: Tape, A: Tensor, mode: str = "reduced") -> tuple[Tensor, Tensor]:  # noqa: N803
    return orthogonal_factors(tape, A, mode)


@composite("torch.qr")
def _older_qr(tape: Tape, input: Tensor, some: bool = True) -> tuple[Tensor, Tensor]:
    return orthogonal_factors(tape, input, "reduced" if some else "complete")


def _reflections(tape: Tape, vectors: Tensor, tau: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The vector of each reflection, `f[..., m, 1]`, and its factor, `f[..., 1, 1]`."""
    rows = vectors.shape[-2]
    found = []
    for step in range(tau.shape[-1]):
        below = (np.arange(rows) > step)[:, None]
        first = tape.constant(np.eye(rows)[:, step : step + 1], dtype=vectors.dtype_name)
        vector = tape.where(tape.constant(below), vectors[..., :, step : step + 1], first)
        factor = tau[..., step : step + 1, None]
        found.append((vector, factor))
    return found


def _reflected(matrix: Tensor, vector: Tensor, factor: Tensor) -> Tensor:
    """`(1 - factor * vector @ vector.mT) @ matrix`."""
    along = _adjoint(vector) @ matrix
    return matrix - factor * (vector @ along)


@composite("torch.linalg.householder_product")
def _householder_product(tape: Tape, A: Tensor, tau: Tensor) -> Tensor:  # noqa: N803
    rows, columns = A.shape[-2:]
    reflections = _reflections(tape, A, tau)
    start = identity(tape, A, rows, columns)
    product = tape.broadcast_to(start, shape=A.shape) if len(A.shape) > 2 else start
    for vector, factor in reversed(reflections):
        product = _reflected(product, vector, factor)
    return product


composite("torch.orgqr")(_householder_product)


@composite("torch.ormqr")
def _ormqr(
    tape: Tape, input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False
) -> Tensor:  # fmt: skip
    """The product of all reflections, or its transpose, times a matrix, from either side."""
    product = other if left else _adjoint(other)
    reflections = _reflections(tape, input, tau)
    # From the right it is the transpose of the whole that multiplies from the left.
    for vector, factor in reflections if transpose == left else reversed(reflections):
        product = _reflected(product, vector, factor)
    return product if left else _adjoint(product)


# ---- triangles with pivots ----


@composite("torch.linalg.lu_factor")
def _lu_factor(tape: Tape, A: Tensor, *, pivot: bool = True) -> tuple[Tensor, Tensor]:  # noqa: N803
    if not pivot:
        raise ProgramError("lu_factor without pivots is not modelled: neither library has it on a CPU.")
    factors = tape.lu_factors(A)
    pivots = tape.lu_pivots(A)
    return factors, pivots


@composite("torch.linalg.lu_factor_ex")
def _lu_factor_ex(
    tape: Tape,
    A: Tensor,  # noqa: N803
    *,
    pivot: bool = True,
    check_errors: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    return (*_lu_factor(tape, A, pivot=pivot), ended_well(tape, A))


@composite("torch._lu_with_info")
def _lu_with_info(
    tape: Tape, input: Tensor, pivot: bool = True, check_errors: bool = True
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    return (*_lu_factor(tape, input, pivot=pivot), ended_well(tape, input))


def _triangles(tape: Tape, factors: Tensor) -> tuple[Tensor, Tensor]:
    """The lower triangle, with ones on its diagonal, and the upper."""
    rows, columns = factors.shape[-2:]
    size = min(rows, columns)
    left = factors if columns == size else factors[..., :, :size]
    upper = factors if rows == size else factors[..., :size, :]
    lower = tape.tril(left, k=-1) + identity(tape, factors, rows, size)
    return lower, tape.triu(upper)


@composite("torch.linalg.lu")
def _lu(
    tape: Tape,
    A: Tensor,  # noqa: N803
    *,
    pivot: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    if not pivot:
        raise ProgramError("lu without pivots is not modelled: neither library has it on a CPU.")
    permutation = tape.lu_permutation(A)
    factors = tape.lu_factors(A)
    lower, upper = _triangles(tape, factors)
    return permutation, lower, upper


def _permutation(tape: Tape, factors: Tensor, pivots: Tensor) -> Tensor:
    """The matrix that puts the rows back that the pivots have exchanged."""
    rows = factors.shape[-2]
    if not rows:
        return tape.constant(np.zeros((*pivots.shape[:-1], 0, 0)), dtype=factors.dtype_name)
    order = tape.pivots_to_permutation(pivots, size=rows)
    places = tape.constant(np.arange(rows), dtype="int64")
    return (order[..., None, :] == places[:, None]).astype(factors.dtype_name)


@composite("torch.lu_unpack")
def _lu_unpack(
    tape: Tape,
    LU_data: Tensor,  # noqa: N803
    LU_pivots: Tensor,  # noqa: N803
    unpack_data: bool = True,
    unpack_pivots: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    nothing = _nothing(tape, LU_data)
    permutation = _permutation(tape, LU_data, LU_pivots) if unpack_pivots else nothing
    lower, upper = _triangles(tape, LU_data) if unpack_data else (nothing, nothing)
    return permutation, lower, upper


def solve_triangle(
    tape: Tape, triangle: Tensor, right: Tensor, *, upper: bool, left: bool = True, ones: bool = False
) -> Tensor:  # fmt: skip
    """Solves with one triangle of a matrix; with `ones` on its diagonal, whatever it holds there."""
    offset = int(ones)
    cut = tape.triu(triangle, k=offset) if upper else tape.tril(triangle, k=-offset)
    if ones:
        cut = cut + identity(tape, triangle, triangle.shape[-1])
    if left:
        return tape.solve(cut, right)
    return _adjoint(tape.solve(_adjoint(cut), _adjoint(right)))


def _lu_solved(
    tape: Tape, factors: Tensor, pivots: Tensor, right: Tensor, *, left: bool = True, adjoint: bool = False
) -> Tensor:
    if not left:
        return _adjoint(_lu_solved(tape, factors, pivots, _adjoint(right), adjoint=not adjoint))
    permutation = _permutation(tape, factors, pivots)
    if adjoint:
        lower = solve_triangle(tape, _adjoint(factors), right, upper=False)
        both = solve_triangle(tape, _adjoint(factors), lower, upper=True, ones=True)
        return permutation @ both
    permuted = _adjoint(permutation) @ right
    lower = solve_triangle(tape, factors, permuted, upper=False, ones=True)
    return solve_triangle(tape, factors, lower, upper=True)


@composite("torch.linalg.lu_solve")
def _linalg_lu_solve(
    tape: Tape,
    LU: Tensor,  # noqa: N803
    pivots: Tensor,
    B: Tensor,  # noqa: N803
    *,
    left: bool = True,
    adjoint: bool = False,
) -> Tensor:
    return _lu_solved(tape, LU, pivots, B, left=left, adjoint=adjoint)


@composite("torch.lu_solve")
def _lu_solve(tape: Tape, input: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:  # noqa: N803
    return _lu_solved(tape, LU_data, LU_pivots, input)


# ---- with a Cholesky factor ----


def _of_factor(factor: Tensor, upper: bool) -> Tensor:
    """The matrix that a factor is of. PyTorch's gradient takes the factor as it is, and cuts no triangle off."""
    return _adjoint(factor) @ factor if upper else factor @ _adjoint(factor)


@composite("torch.cholesky_solve")
def _cholesky_solve(tape: Tape, input: Tensor, input2: Tensor, upper: bool = False) -> Tensor:
    return tape.solve(_of_factor(input2, upper), input)


@composite("torch.cholesky_inverse")
def _cholesky_inverse(tape: Tape, input: Tensor, upper: bool = False) -> Tensor:
    return tape.inv(_of_factor(input, upper))


# ---- refused ----


@composite("torch.geqrf", "torch.linalg.ldl_factor", "torch.linalg.ldl_factor_ex", "torch.linalg.ldl_solve")
def _without_derivative(tape: Tape, *arguments: Any, **keywords: Any) -> Tensor:
    raise ProgramError("This decomposition has no derivative in PyTorch, and no function in JAX. Use qr, lu or solve.")
