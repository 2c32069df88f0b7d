"""Reductions with PyTorch's own defaults: sums in another dtype, spreads, norms, and differences along an axis."""

from __future__ import annotations

import math
from typing import Any

from compare.composites.arithmetic import absolute
from compare.composites.composite import composite
from compare.composites.constants import cast
from compare.composites.kinds import check_floats, is_float
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__ = ["matrix_norm", "root_of_powers", "root_of_squares", "vector_norm"]


def _axes(dim: Any, ndim: int, *, keepdim: bool = False) -> Any:
    """PyTorch's `dim` as the attribute `axis`: every axis by name where the dimensions are kept.

    PyTorch lets a scalar be reduced along an axis 0 that it does not have.
    """
    if not ndim and dim is not None:
        if any(one not in (0, -1) for one in (dim if isinstance(dim, list | tuple) else [dim])):
            raise ProgramError(f"Axis {dim} is out of range for a scalar.")
        return None
    if isinstance(dim, list | tuple):
        return tuple(dim) or (tuple(range(ndim)) if keepdim else None)
    if dim is None and keepdim:
        return tuple(range(ndim)) or None
    return dim


def _attributes(input: Tensor, dim: Any, keepdim: bool) -> dict[str, Any]:
    axis = _axes(dim, len(input.shape), keepdim=keepdim)
    return {} if axis is None else {"axis": axis, "keepdims": keepdim}


# ---- sums ----


@composite("torch.sum")
def _sum(tape: Tape, input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: str | None = None) -> Tensor:
    return tape.sum(cast(tape, input, dtype), **_attributes(input, dim, keepdim))


@composite("torch.mean")
def _mean(tape: Tape, input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: str | None = None) -> Tensor:
    return tape.mean(cast(tape, input, dtype), **_attributes(input, dim, keepdim))


@composite("torch.prod")
def _prod(tape: Tape, input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: str | None = None) -> Tensor:
    return tape.prod(cast(tape, input, dtype), **_attributes(input, dim, keepdim))


@composite("torch.cumsum")
def _cumsum(tape: Tape, input: Tensor, dim: int, *, dtype: str | None = None) -> Tensor:
    return tape.cumulative_sum(cast(tape, input, dtype), axis=dim)


@composite("torch.cumprod")
def _cumprod(tape: Tape, input: Tensor, dim: int, *, dtype: str | None = None) -> Tensor:
    return tape.cumulative_prod(cast(tape, input, dtype), axis=dim)


@composite("torch.nansum")
def _nansum(tape: Tape, input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: str | None = None) -> Tensor:
    numbers = tape.where(input.isnan(), 0.0, input)
    return _sum(tape, numbers, dim, keepdim, dtype=dtype)


@composite("torch.nanmean")
def _nanmean(tape: Tape, input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: str | None = None) -> Tensor:
    present = ~input.isnan()
    total = _nansum(tape, input, dim, keepdim, dtype=dtype)
    count = _sum(tape, present.astype(total.dtype_name), dim, keepdim)
    return total / count


@composite("torch.count_nonzero")
def _count_nonzero(tape: Tape, input: Tensor, dim: Any = None) -> Tensor:
    return _sum(tape, _truth(input), dim)


def _truth(input: Tensor) -> Tensor:
    return input if input.dtype_name == "bool" else input != 0


@composite("torch.logsumexp", "torch.special.logsumexp")
def _logsumexp(tape: Tape, input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    check_floats("logsumexp", input)
    axis = _axes(dim, len(input.shape), keepdim=True)
    if axis is None:
        return tape.logsumexp(tape.reshape(input, shape=(1,)), axis=0)
    return tape.logsumexp(input, axis=axis, keepdims=keepdim)


@composite("torch.any")
def _any(tape: Tape, input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return tape.any(_truth(input), **_attributes(input, dim, keepdim))


@composite("torch.all")
def _all(tape: Tape, input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    return tape.all(_truth(input), **_attributes(input, dim, keepdim))


@composite("torch.amax")
def _amax(tape: Tape, input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    return tape.max(input, **_attributes(input, dim, keepdim))


@composite("torch.amin")
def _amin(tape: Tape, input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    return tape.min(input, **_attributes(input, dim, keepdim))


@composite("torch.aminmax")
def _aminmax(tape: Tape, input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    smallest = _amin(tape, input, dim, keepdim)
    largest = _amax(tape, input, dim, keepdim)
    return smallest, largest


# ---- spreads ----


def _spread(tape: Tape, row: str, input: Tensor, dim: Any, unbiased: Any, keepdim: bool, correction: Any) -> Tensor:
    check_floats(row, input)
    if isinstance(dim, bool):
        # `x.var(False)` says whether it is unbiased.
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise ProgramError(f"{row} takes unbiased or correction, not both.")
    less = 1 if correction is None else correction
    if unbiased is not None:
        less = int(unbiased)
    if less != int(less):
        raise ProgramError(f"{row} with the correction {less}, which is not whole, is not modelled.")
    attributes = _attributes(input, dim, keepdim)
    return getattr(tape, row)(input, correction=int(less), **attributes)


@composite("torch.var")
def _var(
    tape: Tape,
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Tensor:
    return _spread(tape, "var", input, dim, unbiased, keepdim, correction)


@composite("torch.std")
def _std(
    tape: Tape,
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Tensor:
    return _spread(tape, "std", input, dim, unbiased, keepdim, correction)


@composite("torch.var_mean")
def _var_mean(
    tape: Tape,
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> tuple[Tensor, Tensor]:
    variance = _spread(tape, "var", input, dim, unbiased, keepdim, correction)
    mean = _mean(tape, input, None if isinstance(dim, bool) else dim, keepdim)
    return variance, mean


@composite("torch.std_mean")
def _std_mean(
    tape: Tape,
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> tuple[Tensor, Tensor]:
    deviation = _spread(tape, "std", input, dim, unbiased, keepdim, correction)
    mean = _mean(tape, input, None if isinstance(dim, bool) else dim, keepdim)
    return deviation, mean


# ---- norms ----


@composite("torch.linalg.vector_norm")
def vector_norm(
    tape: Tape, x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: str | None = None
) -> Tensor:
    """The norm of order `ord` along `dim`. Of order 0 it has no history in PyTorch."""
    x = cast(tape, x, dtype)
    attributes = _attributes(x, dim, keepdim)
    if ord == 2 and not (tape.as_pytorch and is_float(x)):
        return tape.vector_norm(x, **attributes)
    if ord == 2:
        return root_of_squares(tape, x, **attributes)
    check_floats("a norm of another order than 2", x)
    if ord == 1:
        return tape.sum(absolute(tape, x), **attributes)
    if ord == math.inf:
        return tape.max(absolute(tape, x), **attributes)
    if ord == -math.inf:
        return tape.min(absolute(tape, x), **attributes)
    if ord == 0:
        raise ProgramError("A norm of order 0 is not modelled. Count what is not zero: (x != 0).sum().")
    if ord > 1 and not tape.as_pytorch:
        return tape.sum(absolute(tape, x) ** ord, **attributes) ** (1 / ord)
    return root_of_powers(tape, x, ord, **attributes)


def root_of_squares(tape: Tape, x: Tensor, **attributes: Any) -> Tensor:
    """The norm of order 2. That of zeros has the slope zero in PyTorch: no root is taken there."""
    total = tape.sum(x.square(), **attributes)
    is_zero = total == 0
    root = tape.where(is_zero, 1.0, total).sqrt()
    return tape.where(is_zero, 0.0, root)


def root_of_powers(tape: Tape, x: Tensor, order: float, **attributes: Any) -> Tensor:
    """The norm of another order than 0, 1, 2 and the infinities. At a zero, and where all are, its slope is zero."""
    size = absolute(tape, x)
    absent = size == 0
    powers = tape.where(absent, 0.0 if order > 0 else math.inf, tape.where(absent, 1.0, size) ** order)
    total = tape.sum(powers, **attributes)
    if order < 0:
        return total ** (1 / order)
    is_zero = total == 0
    return tape.where(is_zero, 0.0, tape.where(is_zero, 1.0, total) ** (1 / order))


@composite("torch.norm")
def _norm(
    tape: Tape,
    input: Tensor,
    p: Any = "fro",
    dim: Any = None,
    keepdim: bool = False,
    out: Any = None,
    dtype: Any = None,
) -> Tensor:
    if p == "nuc":
        return matrix_norm(tape, input, p, (0, 1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(tape, input, 2 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)


@composite("torch.Tensor.norm")
def _method_norm(
    tape: Tape, input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Tensor:
    return _norm(tape, input, p, dim, keepdim, None, dtype)


@composite("torch.linalg.norm")
def _linalg_norm(
    tape: Tape,
    A: Tensor,  # noqa: N803
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: str | None = None,
) -> Tensor:
    if ord is None:
        return vector_norm(tape, A, 2, dim, keepdim, dtype=dtype)
    if isinstance(dim, int) or (dim is None and len(A.shape) == 1):
        return vector_norm(tape, A, ord, dim, keepdim, dtype=dtype)
    return matrix_norm(tape, A, ord, (0, 1) if dim is None else dim, keepdim, dtype=dtype)


@composite("torch.linalg.matrix_norm")
def matrix_norm(
    tape: Tape,
    A: Tensor,  # noqa: N803
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: str | None = None,
) -> Tensor:
    """The norm of the matrices along two axes: of their elements, of their rows or columns, or of singular values."""
    if ord == "fro":
        return vector_norm(tape, A, 2, dim, keepdim, dtype=dtype)
    ndim = len(A.shape)
    rows, columns = (axis % ndim for axis in dim)
    if ord in ("nuc", 2, -2):
        check_floats(f"a matrix norm of order {ord!r}", A)
        matrices = cast(tape, A, dtype)
        if (rows, columns) != (ndim - 2, ndim - 1):
            matrices = tape.moveaxis(matrices, source=(rows, columns), destination=(-2, -1))
        values = tape.svdvals(matrices)
        norms = values.sum(axis=-1) if ord == "nuc" else (tape.max if ord == 2 else tape.min)(values, axis=-1)
        if keepdim:
            for axis in sorted((rows, columns)):
                norms = tape.expand_dims(norms, axis=axis)
        return norms
    if ord not in (1, -1, math.inf, -math.inf):
        raise ProgramError(f"There is no matrix norm of order {ord!r}. Orders: 'fro', 'nuc', 1, 2 and infinity.")
    inner, outer = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = vector_norm(tape, A, 1, inner, True, dtype=dtype)
    extreme = tape.max if ord > 0 else tape.min
    largest = extreme(sums, axis=outer, keepdims=True)
    return largest if keepdim else tape.squeeze(largest, axis=(rows, columns))


@composite("torch.renorm")
def _renorm(tape: Tape, input: Tensor, p: Any, dim: int, maxnorm: Any) -> Tensor:
    check_floats("renorm", input)
    axes = tuple(axis for axis in range(len(input.shape)) if axis != dim % len(input.shape))
    beyond = vector_norm(tape, input.detach(), p, axes, True) > maxnorm
    # The norm of a part that stays as it is has no say, and may have no derivative.
    norm = vector_norm(tape, tape.where(beyond, input, 1.0), p, axes, True)
    return input * tape.where(beyond, maxnorm / (norm + 1e-7), 1.0)


@composite("torch.dist")
def _dist(tape: Tape, input: Tensor, other: Tensor, p: Any = 2) -> Tensor:
    return vector_norm(tape, input - other, p)


# ---- along an axis ----


@composite("torch.diff")
def _diff(
    tape: Tape, input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    check_floats("diff", input)
    if not n:
        return input.clone()  # whatever is to go before and after it
    parts = [one for one in (prepend, input, append) if one is not None]
    difference = input if len(parts) == 1 else tape.concat(parts, axis=dim)
    for _ in range(n):
        length = difference.shape[dim] - 1
        if length < 0:
            raise ProgramError(f"diff runs out of elements along axis {dim}.")
        later = tape.narrow(difference, axis=dim, start=1, length=length)
        difference = later - tape.narrow(difference, axis=dim, start=0, length=length)
    return difference
