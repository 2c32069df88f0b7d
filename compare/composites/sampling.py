"""Values of an image between its elements: a grid of places, and resizing that smooths first."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from compare.composites.arguments import in_order
from compare.composites.composite import composite
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__ = ["affine_grid", "grid_sample", "resized_smoothly"]

MODES = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")
CUBIC, SMOOTH_CUBIC = -0.75, -0.5
"""PyTorch's coefficients of the cubic kernel: of a grid, and of a resizing that smooths."""

# ---- places ----


def _unnormalized(places: Tensor, size: int, align_corners: bool) -> Tensor:
    """Places between -1 and 1 as places between elements, the first of which is at 0."""
    if align_corners:
        return (places + 1) / 2 * (size - 1)
    return ((places + 1) * size - 1) / 2


def _clipped(tape: Tape, places: Tensor, size: int) -> Tensor:
    """Places inside of the image. At its first and last element the slope is already zero, as in PyTorch."""
    inside = (places > 0) & (places < size - 1)
    bounded = tape.clip(places.detach(), min=0.0, max=float(size - 1))
    return tape.where(inside, places, bounded)


def _reflected(tape: Tape, places: Tensor, size: int, align_corners: bool) -> Tensor:
    """Places mirrored at the borders until they are inside."""
    low, high = (0.0, float(size - 1)) if align_corners else (-0.5, size - 0.5)
    span = high - low
    if span == 0:
        nothing = places.clone()
        nothing.zero_()
        return nothing
    shifted = places - low
    distance = tape.where(shifted < 0, -shifted, shifted)
    flips = (distance / span).floor().detach()
    extra = distance - flips * span
    odd = tape.remainder(flips, 2.0) != 0
    return tape.where(odd, span - extra + low, extra + low)


def _bounded(tape: Tape, places: Tensor, size: int, padding: str, align_corners: bool) -> Tensor:
    if padding == "border":
        return _clipped(tape, places, size)
    if padding == "reflection":
        return _clipped(tape, _reflected(tape, places, size, align_corners), size)
    return places


# ---- elements ----


def _gathered(tape: Tape, input: Tensor, places: Sequence[Tensor]) -> Tensor:
    """The elements at whole places along the last axes, zero outside: `f[n, c, ...]`, `f[n, p]` each: `f[n, c, p]`."""
    sizes = input.shape[2:]
    inside: Tensor | None = None
    flat: Tensor | None = None
    for place, size in zip(places, sizes, strict=True):
        here = (place >= 0) & (place <= size - 1)
        inside = here if inside is None else inside & here
        position = tape.clip(place, min=0.0, max=float(size - 1)).astype("int64")
        flat = position if flat is None else flat * size + position
    assert inside is not None
    assert flat is not None
    batch, channels, count = input.shape[0], input.shape[1], flat.shape[1]
    elements = tape.reshape(input, shape=(batch, channels, math.prod(sizes)))
    indices = tape.broadcast_to(flat[:, None, :], shape=(batch, channels, count))
    found = tape.take_along_axis(elements, indices, axis=2)
    return tape.where(inside[:, None, :], found, 0.0)


def _cubic_weights(distance: Tensor) -> list[Tensor]:
    """The weights of the elements at -1, 0, 1 and 2 beside a place that is `distance` behind the second."""

    def near(x: Tensor) -> Tensor:
        return ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1

    def far(x: Tensor) -> Tensor:
        return ((CUBIC * x - 5 * CUBIC) * x + 8 * CUBIC) * x - 4 * CUBIC

    return [far(distance + 1), near(distance), near(1 - distance), far(2 - distance)]


def _weighted(tape: Tape, input: Tensor, taps: Sequence[Sequence[tuple[Tensor, Tensor]]]) -> Tensor:
    """The sum over all choices of one tap along each axis: the element there, times the weights."""
    total: Tensor | None = None
    for chosen in itertools.product(*taps):
        weight = chosen[0][1]
        for _, other in chosen[1:]:
            weight = weight * other
        part = _gathered(tape, input, [place for place, _ in chosen]) * weight[:, None, :]
        total = part if total is None else total + part
    assert total is not None
    return total


def _sampled(
    tape: Tape, name: str, input: Tensor, grid: Tensor, mode: str, padding: str, align_corners: bool
) -> Tensor:
    """`f[n, c, ...]` at the places of `f[n, ..., axes]`, whose last axis counts the axes of the image backwards."""
    rank = len(input.shape) - 2
    if rank not in (2, 3) or len(grid.shape) != rank + 2 or grid.shape[-1] != rank:
        raise ProgramError(f"{name}: a grid of shape {list(grid.shape)} is none for input {list(input.shape)}.")
    if mode == "bicubic" and rank != 2:
        raise ProgramError(f"{name}: the mode 'bicubic' is for images of two axes.")
    sizes, wanted = input.shape[2:], grid.shape[1:-1]
    flat = tape.reshape(grid, shape=(grid.shape[0], math.prod(wanted), rank))
    taps: list[list[tuple[Tensor, Tensor]]] = []
    for axis, size in enumerate(sizes):
        place = _unnormalized(flat[:, :, rank - 1 - axis], size, align_corners)
        if mode == "bicubic":
            below = place.floor().detach()
            weights = _cubic_weights(place - below)
            neighbours = [_bounded(tape, below + offset, size, padding, align_corners) for offset in (-1, 0, 1, 2)]
            taps.append(list(zip(neighbours, weights, strict=True)))
            continue
        place = _bounded(tape, place, size, padding, align_corners)
        if mode == "nearest":
            nearest = place.round().detach()
            taps.append([(nearest, tape.ones_like(nearest))])
            continue
        below = place.floor().detach()
        taps.append([(below, below + 1 - place), (below + 1, place - below)])
    found = _weighted(tape, input, taps)
    if mode == "nearest":
        # A grid that is rounded has a gradient of zeros.
        nothing = flat.sum(axis=2).clone()
        nothing.zero_()
        found = found + nothing[:, None, :]
    return tape.reshape(in_order(tape, found), shape=(*input.shape[:2], *wanted))


@composite("torch.nn.functional.grid_sample")
def grid_sample(
    tape: Tape,
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """`f[n, c, h, w]` at the places of `f[n, y, x, 2]`: `f[n, c, y, x]`; so for images of three axes."""
    name = "torch.nn.functional.grid_sample"
    if mode not in MODES or padding_mode not in PADDINGS:
        raise ProgramError(f"{name}: modes are {', '.join(MODES)}, paddings {', '.join(PADDINGS)}.")
    return _sampled(tape, name, input, grid, mode, padding_mode, bool(align_corners))


@composite("torch.grid_sampler", "torch.grid_sampler_2d", "torch.grid_sampler_3d")
def _grid_sampler(
    tape: Tape, input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    mode, padding = MODES[interpolation_mode], PADDINGS[padding_mode]
    return _sampled(tape, "torch.grid_sampler", input, grid, mode, padding, align_corners)


def _base(size: int, align_corners: bool) -> Any:
    """The places of the elements of an axis, between -1 and 1."""
    if size == 1:
        return np.zeros(1)
    places = np.linspace(-1, 1, size)
    return places if align_corners else places * (size - 1) / size


@composite("torch.nn.functional.affine_grid")
def affine_grid(tape: Tape, theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The places of an image's elements, moved by the maps `f[n, axes, axes + 1]`."""
    sizes = tuple(size)[2:]
    lines = [_base(one, bool(align_corners)) for one in sizes]
    mesh = np.meshgrid(*lines, indexing="ij")
    homogeneous = np.stack([*mesh[::-1], np.ones(sizes)], axis=-1).reshape(-1, len(sizes) + 1)
    points = tape.constant(homogeneous, dtype=theta.dtype_name)
    moved = points @ theta.matrix_transpose()
    return tape.reshape(moved, shape=(size[0], *sizes, len(sizes)))


# ---- resizing that smooths first ----


def _triangle(x: Any) -> Any:
    return np.maximum(1 - np.abs(x), 0)


def _smooth_cubic(x: Any) -> Any:
    a, x = SMOOTH_CUBIC, np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


KERNELS: dict[str, tuple[Callable[[Any], Any], int]] = {"bilinear": (_triangle, 2), "bicubic": (_smooth_cubic, 4)}
"""Each kernel, and how many elements it reaches over where nothing shrinks."""


def _weights(size: int, count: int, scale: float | None, align_corners: bool, mode: str) -> Any:
    """What each element of the result takes from each of an axis: `f[count, size]`, rows that add up to 1."""
    kernel, reach = KERNELS[mode]
    if align_corners:
        step = (size - 1) / (count - 1) if count > 1 else 0.0
    else:
        step = 1 / scale if scale else size / count
    stretch = max(step, 1.0)
    support = reach / 2 * stretch
    rows = np.zeros((count, size))
    for place in range(count):
        # With align_corners too, PyTorch takes the middle of the element here.
        centre = step * (place + 0.5)
        first = max(int(centre - support + 0.5), 0)
        last = min(int(centre + support + 0.5), size)
        weights = kernel((np.arange(first, last) - centre + 0.5) / stretch)
        rows[place, first:last] = weights / weights.sum()
    return rows


def resized_smoothly(
    tape: Tape,
    input: Tensor,
    sizes: Sequence[int],
    scales: Sequence[float | None],
    mode: str,
    align_corners: bool,
) -> Tensor:
    """`f[n, c, h, w]` with other sizes of the last two axes, by a kernel as wide as what it shrinks."""
    resized = input
    for axis, (old, new, scale) in enumerate(zip(input.shape[2:], sizes, scales, strict=True)):
        if old == new and scale is None:
            continue
        table = _weights(old, new, scale, align_corners, mode)
        weights = tape.constant(table, dtype=input.dtype_name)
        resized = weights @ resized if axis == 0 else resized @ weights.matrix_transpose()
    return resized


def _resize(mode: str) -> Callable[..., Tensor]:
    def function(
        tape: Tape,
        input: Tensor,
        output_size: Sequence[int] | None,
        align_corners: bool,
        *factors: Any,
        scale_factors: Sequence[float] | None = None,
        scales_h: float | None = None,
        scales_w: float | None = None,
    ) -> Tensor:
        if len(factors) == 1 and isinstance(factors[0], tuple | list):
            [scale_factors] = factors
            factors = ()
        scales: list[float | None] = [*factors, *(scales_h, scales_w)[len(factors) :]]
        if scale_factors is not None:
            scales = [float(one) for one in scale_factors]
        if output_size is None:
            output_size = [math.floor(one * float(by or 1)) for one, by in zip(input.shape[2:], scales, strict=True)]
        return resized_smoothly(tape, input, output_size, scales, mode, align_corners)

    function.__doc__ = f"What torch.nn.functional.interpolate calls, with the mode {mode!r} and antialias=True."
    return function


for _mode in KERNELS:
    composite(f"torch.ops.aten._upsample_{_mode}2d_aa")(_resize(_mode))
