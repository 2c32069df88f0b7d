"""Products of several tensors, functions of square matrices, and matrices made of vectors."""

from __future__ import annotations

import math
import string
from typing import Any

from compare.composites.composite import composite
from compare.composites.decompositions import ended_well, identity, one_triangle, solve_triangle
from compare.composites.kinds import check_floats, check_without_history
from compare.composites.reductions import matrix_norm
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__: list[str] = []


# ---- sums of products ----


@composite("torch.einsum")
def _einsum(tape: Tape, equation: str, *operands: Any) -> Tensor:
    if not isinstance(equation, str):
        raise ProgramError("einsum with lists of axes is not modelled. Give an equation.")
    several = operands[0] if len(operands) == 1 and isinstance(operands[0], tuple | list) else operands
    return tape.einsum(*several, equation=equation)


@composite("torch.tensordot")
def _tensordot(tape: Tape, a: Tensor, b: Tensor, dims: Any = 2, out: Any = None) -> Tensor:
    left, right = len(a.shape), len(b.shape)
    if isinstance(dims, int):
        axes_a, axes_b = list(range(left - dims, left)), list(range(dims))
    else:
        axes_a, axes_b = ([axis % ndim for axis in axes] for axes, ndim in zip(dims, (left, right), strict=True))
    if len(axes_a) != len(axes_b):
        raise ProgramError(f"tensordot sums over {len(axes_a)} axes on one side and {len(axes_b)} on the other.")
    names_a = list(string.ascii_lowercase[:left])
    names_b = list(string.ascii_lowercase[left : left + right])
    for one, other in zip(axes_a, axes_b, strict=True):
        names_b[other] = names_a[one]
    rest = [name for axis, name in enumerate(names_a) if axis not in axes_a]
    rest += [name for axis, name in enumerate(names_b) if axis not in axes_b]
    equation = f"{''.join(names_a)},{''.join(names_b)}->{''.join(rest)}"
    return tape.einsum(a, b, equation=equation)


@composite("torch.inner")
def _inner(tape: Tape, input: Tensor, other: Tensor) -> Tensor:
    if not input.shape or not other.shape:
        return input * other
    return _tensordot(tape, input, other, ([-1], [-1]))


@composite("torch.linalg.multi_dot")
def _multi_dot(tape: Tape, tensors: Any) -> Tensor:
    first, *rest = tensors
    product: Tensor = first
    for one in rest:
        product = product @ one
    return product


@composite("torch.chain_matmul")
def _chain_matmul(tape: Tape, *matrices: Tensor) -> Tensor:
    return _multi_dot(tape, matrices)


@composite("torch.cross")
def _cross(tape: Tape, input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    axis = next((place for place, size in enumerate(input.shape) if size == 3), -1) if dim is None else dim
    return tape.cross(input, other, axis=axis)


@composite("torch.kron")
def _kron(tape: Tape, input: Tensor, other: Tensor) -> Tensor:
    ndim = max(len(input.shape), len(other.shape))
    left, right = (
        tape.reshape(one, shape=(*[1] * (ndim - len(one.shape)), *one.shape)) if len(one.shape) < ndim else one
        for one in (input, other)
    )
    return tape.kron(left, right)


# ---- square matrices ----


@composite("torch.linalg.matrix_power", "torch.matrix_power")
def _matrix_power(tape: Tape, input: Tensor, n: int) -> Tensor:
    if n < 0:
        return _matrix_power(tape, tape.inv(input), -n)
    if n == 0:
        # The identity has a gradient of zeros: PyTorch keeps the history of the matrix.
        nothing = input.clone()
        nothing.zero_()
        return nothing + identity(tape, input, input.shape[-1])
    power = input if n > 1 else input.clone()
    for _ in range(n - 1):
        power = power @ input
    return power


@composite("torch.linalg.det", "torch.det")
def _det(tape: Tape, input: Tensor) -> Tensor:
    if input.shape[-1:] == (0,):
        # A product of nothing, which jnp.linalg.det has no answer for.
        return input.sum(axis=(-2, -1)) + 1.0
    return tape.det(input)


@composite("torch.linalg.slogdet", "torch.slogdet")
def _slogdet(tape: Tape, input: Tensor) -> tuple[Tensor, Tensor]:
    determinant = _det(tape, input)
    sign = determinant.sign()
    logabsdet = (determinant * sign).log()
    return sign, logabsdet


@composite("torch.logdet")
def _logdet(tape: Tape, input: Tensor) -> Tensor:
    return _det(tape, input).log()


@composite("torch.linalg.solve")
def _solve(tape: Tape, A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:  # noqa: N803
    if left and 1 < len(B.shape) == len(A.shape) - 1 and B.shape == A.shape[:-1]:
        # A vector for each matrix of the stack.
        return tape.squeeze(tape.solve(A, tape.expand_dims(B, axis=-1)), axis=-1)
    if left:
        return tape.solve(A, B)
    if len(B.shape) < 2:
        raise ProgramError("solve from the right takes matrices.")
    return tape.solve(A.matrix_transpose(), B.matrix_transpose()).matrix_transpose()


@composite("torch.linalg.solve_triangular")
def _solve_triangular(
    tape: Tape,
    A: Tensor,  # noqa: N803
    B: Tensor,  # noqa: N803
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
) -> Tensor:
    return solve_triangle(tape, A, B, upper=upper, left=left, ones=unitriangular)


@composite("torch.triangular_solve")
def _triangular_solve(
    tape: Tape,
    input: Tensor,
    A: Tensor,  # noqa: N803
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> tuple[Tensor, Tensor]:
    triangle = A.matrix_transpose() if transpose else A
    solution = solve_triangle(tape, triangle, input, upper=upper != transpose, ones=unitriangular)
    return solution, A.clone()


@composite("torch.linalg.cholesky")
def _cholesky(tape: Tape, A: Tensor, *, upper: bool = False) -> Tensor:  # noqa: N803
    symmetric = one_triangle(tape, A, "U" if upper else "L")
    factor = tape.cholesky(symmetric)
    return factor.matrix_transpose() if upper else factor


@composite("torch.cholesky")
def _older_cholesky(tape: Tape, input: Tensor, upper: bool = False) -> Tensor:
    return _cholesky(tape, input, upper=upper)


# ---- with the information whether it went well ----


@composite("torch.linalg.cholesky_ex")
def _cholesky_ex(
    tape: Tape,
    A: Tensor,  # noqa: N803
    *,
    upper: bool = False,
    check_errors: bool = False,
) -> tuple[Tensor, Tensor]:
    return _cholesky(tape, A, upper=upper), ended_well(tape, A)


@composite("torch.linalg.inv_ex")
def _inv_ex(tape: Tape, A: Tensor, *, check_errors: bool = False) -> tuple[Tensor, Tensor]:  # noqa: N803
    return tape.inv(A), ended_well(tape, A)


@composite("torch.linalg.solve_ex")
def _solve_ex(
    tape: Tape,
    A: Tensor,  # noqa: N803
    B: Tensor,  # noqa: N803
    *,
    left: bool = True,
    check_errors: bool = False,
) -> tuple[Tensor, Tensor]:
    return _solve(tape, A, B, left=left), ended_well(tape, A)


# ---- tensors as matrices ----


@composite("torch.linalg.tensorinv")
def _tensorinv(tape: Tape, A: Tensor, ind: int = 2) -> Tensor:  # noqa: N803
    ahead, behind = A.shape[:ind], A.shape[ind:]
    matrix = tape.reshape(A, shape=(math.prod(ahead), math.prod(behind)))
    return tape.reshape(tape.inv(matrix), shape=(*behind, *ahead))


@composite("torch.linalg.tensorsolve")
def _tensorsolve(
    tape: Tape,
    A: Tensor,  # noqa: N803
    B: Tensor,  # noqa: N803
    dims: Any = None,
) -> Tensor:
    ordered = A
    if dims is not None:
        last = [axis % len(A.shape) for axis in dims]
        axes = [axis for axis in range(len(A.shape)) if axis not in last]
        ordered = tape.permute_dims(A, axes=(*axes, *last))
    unknown = ordered.shape[len(B.shape) :]
    size = math.prod(B.shape)
    matrix = tape.reshape(ordered, shape=(size, size))
    right = tape.reshape(B, shape=(size,))
    return tape.reshape(tape.solve(matrix, right), shape=unknown)


# ---- matrices made of vectors ----


def _powers(tape: Tape, x: Tensor, count: int) -> Tensor:
    """The powers from 0 on along a new last axis: `f[..., n]` gives `f[..., n, count]`."""
    if count < 2:
        raise ProgramError(f"vander with N={count} is not modelled: from 2 on it is.")
    column = x[..., None] if x.shape else tape.reshape(x, shape=(1, 1))
    columns = [tape.ones_like(column), column]
    for _ in range(count - 2):
        columns.append(columns[-1] * column)
    return tape.concat(columns, axis=-1)


@composite("torch.linalg.vander")
def _linalg_vander(tape: Tape, x: Tensor, *, N: int | None = None) -> Tensor:  # noqa: N803
    return _powers(tape, x, (x.shape or (1,))[-1] if N is None else N)


@composite("torch.vander")
def _vander(tape: Tape, x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:  # noqa: N803
    # PyTorch writes into what its backward needs, and raises there.
    check_without_history(tape, "torch.vander", x)
    powers = _powers(tape, x, x.shape[-1] if N is None else N)
    return powers if increasing else tape.flip(powers, axis=-1)


@composite("torch.cov")
def _cov(
    tape: Tape,
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """The covariance of the rows of `f[variables, observations]`; of one row, a scalar."""
    check_floats("cov", input)
    rows = input if len(input.shape) == 2 else tape.reshape(input, shape=(1, -1))
    count = rows.shape[1]
    weights = None if fweights is None else fweights.astype(input.dtype_name)
    if aweights is not None:
        if aweights.dtype_name != input.dtype_name:
            raise ProgramError(
                f"cov with weights of {aweights.dtype_name} adds them up in that dtype. Cast them first."
            )
        weights = aweights if weights is None else weights * aweights
    weighted = rows if weights is None else rows * weights
    divisor: Any
    if weights is None:
        mean = weighted.sum(axis=1) / count
        divisor = max(count - correction, 0)
    else:
        total = weights.sum()
        mean = weighted.sum(axis=1) / total
        divisor = total - correction
        if aweights is not None and correction != 0:
            divisor = total - correction * (weights * aweights).sum() / total
        divisor = tape.where(divisor <= 0, 0.0, divisor)
    centred = rows - mean[:, None]
    products = centred @ (centred if weights is None else centred * weights).matrix_transpose()
    covariance = products / divisor
    return tape.reshape(covariance, shape=()) if rows.shape[0] == 1 else covariance


@composite("torch.corrcoef")
def _corrcoef(tape: Tape, input: Tensor) -> Tensor:
    covariance = _cov(tape, input)
    if not covariance.shape:
        return covariance / covariance
    deviation = tape.diagonal(covariance).sqrt()
    correlation = covariance / deviation[:, None] / deviation
    return tape.clip(correlation, min=-1.0, max=1.0)


# ---- condition numbers ----


@composite("torch.linalg.cond")
def _cond(tape: Tape, input: Tensor, p: Any = None) -> Tensor:
    if p in (None, 2, -2):
        values = tape.svdvals(input)
        if p == -2:
            return values[..., -1] / values[..., 0]
        return values[..., 0] / values[..., -1]
    if p != "nuc":
        check_without_history(tape, f"torch.linalg.cond with p={p!r}", input)
    inverse = tape.inv(input)
    own_norm = matrix_norm(tape, input, p)
    inverse_norm = matrix_norm(tape, inverse, p)
    return own_norm * inverse_norm
