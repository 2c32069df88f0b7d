"""Differences and sums over a grid: the gradient of a sampled function, and its integral by trapezoids."""

from __future__ import annotations

from typing import Any

from compare.composites.composite import composite
from compare.composites.kinds import check_floats
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__: list[str] = []


def _along(tape: Tape, input: Tensor, axis: int, start: int, length: int) -> Tensor:
    return tape.narrow(input, axis=axis, start=start, length=length)


def _pairs(tape: Tape, input: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Every element along an axis but the last, and every one but the first."""
    length = input.shape[axis] - 1
    return _along(tape, input, axis, 0, length), _along(tape, input, axis, 1, length)


# ---- integrals ----


def _trapezoids(tape: Tape, what: str, y: Tensor, x: Any, dx: Any, dim: int) -> Tensor:
    """The areas between neighbours along an axis."""
    check_floats(what, y, x, dx)
    if not y.shape or not y.shape[dim]:
        raise ProgramError(f"{what} takes at least one point along its axis.")
    axis = dim % len(y.shape)
    left, right = _pairs(tape, y, axis)
    # PyTorch's second argument is positions if it is a tensor, and a distance if it is a number.
    if x is not None and not isinstance(x, Tensor):
        raise ProgramError(f"{what} takes positions that are a tensor; give the distance of all as dx.")
    if x is None:
        return (left + right) * dx / 2 if dx != 1 else (left + right) / 2
    if len(x.shape) == 1 and len(y.shape) > 1:
        if x.shape[0] != y.shape[axis]:
            raise ProgramError(f"{what}: {x.shape[0]} positions for {y.shape[axis]} points.")
        x = tape.reshape(x, shape=tuple(-1 if one == axis else 1 for one in range(len(y.shape))))
    elif len(x.shape) < len(y.shape):
        x = tape.reshape(x, shape=(*[1] * (len(y.shape) - len(x.shape)), *x.shape))
    elif len(x.shape) > len(y.shape):
        raise ProgramError(f"{what}: positions of shape {list(x.shape)} for points of shape {list(y.shape)}.")
    before, after = _pairs(tape, x, axis)
    return (left + right) * (after - before) / 2


@composite("torch.trapezoid", "torch.trapz")
def _trapezoid(tape: Tape, y: Tensor, x: Any = None, *, dx: Any = 1, dim: int = -1) -> Tensor:
    return _trapezoids(tape, "trapezoid", y, x, dx, dim).sum(axis=dim)


@composite("torch.cumulative_trapezoid")
def _cumulative_trapezoid(tape: Tape, y: Tensor, x: Any = None, *, dx: Any = 1, dim: int = -1) -> Tensor:
    return tape.cumulative_sum(_trapezoids(tape, "cumulative_trapezoid", y, x, dx, dim), axis=dim)


# ---- derivatives ----


def _slopes(tape: Tape, f: Tensor, axis: int, spacing: Any, edge_order: int) -> Tensor:
    """Second-order differences inside, and of the order asked for at both ends."""
    size = f.shape[axis]
    if size < edge_order + 1:
        raise ProgramError(f"gradient of edge_order {edge_order} takes {edge_order + 1} points or more, got {size}.")
    low, high = _pairs(tape, f, axis)
    widths: Any = 1.0
    later_widths: Any = 1.0
    if isinstance(spacing, Tensor):
        if spacing.shape != (size,):
            raise ProgramError(f"gradient: coordinates of shape {list(spacing.shape)} for {size} points.")
        before, after = _pairs(tape, spacing, 0)
        steps = tape.reshape(after - before, shape=tuple(-1 if one == axis else 1 for one in range(len(f.shape))))
        slopes = (high - low) / steps
        widths, later_widths = _pairs(tape, steps, axis)
    else:
        slopes = (high - low) / spacing
    if size == 2:
        return tape.concat([slopes, slopes], axis=axis)
    # A slope in between is the mean of its neighbours, the nearer of which weighs more.
    former, later = _pairs(tape, slopes, axis)
    inner = (former * later_widths + later * widths) / (widths + later_widths)
    first, last = _along(tape, slopes, axis, 0, 1), _along(tape, slopes, axis, size - 2, 1)
    if edge_order == 2:
        # The parabola through three points: its slope at an end mirrors that in the middle.
        first = 2 * first - _along(tape, inner, axis, 0, 1)
        last = 2 * last - _along(tape, inner, axis, size - 3, 1)
    return tape.concat([first, inner, last], axis=axis)


@composite("torch.gradient")
def _gradient(
    tape: Tape, input: Tensor, *, spacing: Any = None, dim: Any = None, edge_order: int = 1
) -> tuple[Tensor, ...]:
    check_floats("gradient", input)
    if edge_order not in (1, 2):
        raise ProgramError(f"gradient has no edge_order {edge_order}; PyTorch knows 1 and 2.")
    ndim = len(input.shape)
    dims = range(ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    axes = [axis % ndim for axis in dims]
    if spacing is None:
        spacing = 1
    several = list(spacing) if isinstance(spacing, list | tuple) else [spacing] * len(axes)
    if len(several) != len(axes):
        raise ProgramError(f"gradient: {len(several)} spacings for {len(axes)} axes.")
    return tuple(_slopes(tape, input, axis, one, edge_order) for axis, one in zip(axes, several, strict=True))
