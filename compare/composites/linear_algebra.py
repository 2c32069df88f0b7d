"""Products of several tensors, functions of square matrices, and the decompositions that are refused."""

from __future__ import annotations

import string
from typing import Any

from compare.composites.composite import composite
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
        raise ProgramError("matrix_power to 0 is the identity. Write it down.")
    power = input if n > 1 else input.clone()
    for _ in range(n - 1):
        power = power @ input
    return power


@composite("torch.linalg.slogdet", "torch.slogdet")
def _slogdet(tape: Tape, input: Tensor) -> tuple[Tensor, Tensor]:
    determinant = tape.det(input)
    sign = determinant.sign()
    logabsdet = (determinant * sign).log()
    return sign, logabsdet


@composite("torch.logdet")
def _logdet(tape: Tape, input: Tensor) -> Tensor:
    return tape.det(input).log()


@composite("torch.linalg.solve")
def _solve(tape: Tape, A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:  # noqa: N803
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
    if unitriangular:
        raise ProgramError("solve_triangular with unitriangular=True is not modelled.")
    triangle = tape.triu(A) if upper else tape.tril(A)
    return _solve(tape, triangle, B, left=left)


@composite("torch.linalg.cholesky")
def _cholesky(tape: Tape, A: Tensor, *, upper: bool = False) -> Tensor:  # noqa: N803
    factor = tape.cholesky(A)
    return factor.matrix_transpose() if upper else factor


# ---- refused ----

_DECOMPOSITIONS = (
    "linalg.eigh linalg.eig linalg.eigvals linalg.eigvalsh linalg.svd linalg.svdvals linalg.qr linalg.lu "
    "linalg.lu_factor linalg.ldl_factor linalg.pinv svd qr lu pinverse geqrf"
).split()


@composite(*(f"torch.{name}" for name in _DECOMPOSITIONS))
def _decomposition(tape: Tape, *arguments: Any, **keywords: Any) -> Tensor:
    raise ProgramError(
        "The factors of this decomposition are not unique: each library chooses signs and order, and so the gradients. "
        "Use solve, inv, det or cholesky."
    )


@composite("torch.linalg.lstsq", "torch.linalg.matrix_exp", "torch.matrix_exp", "torch.linalg.matrix_rank")
def _refused(tape: Tape, *arguments: Any, **keywords: Any) -> Tensor:
    raise ProgramError("This function of matrices is not modelled. Write it out with solve, inv, det or cholesky.")
