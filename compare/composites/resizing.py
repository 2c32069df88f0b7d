"""More or fewer elements along the axes of an image: interpolation, and channels that become space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from compare.composites.composite import COMPOSITES, composite
from compare.composites.sampling import resized_smoothly
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__ = ["channel_shuffle", "interpolate", "pixel_shuffle", "pixel_unshuffle", "upsample"]

LINEAR_MODES = {"linear": 1, "bilinear": 2, "trilinear": 3}
CUBIC = -0.75
"""PyTorch's coefficient of the cubic kernel; JAX's is -0.5."""

# ---- where the elements of the result come from ----


def _coordinates(size: int, count: int, scale: float | None, align_corners: bool) -> Any:
    """The places in an axis of `size` elements that the `count` elements of the result stand at: `f[count]`."""
    places = np.arange(count)
    if align_corners:
        return places * ((size - 1) / (count - 1)) if count > 1 else places * 0.0
    step = size / count if scale is None else 1 / scale
    return step * (places + 0.5) - 0.5


def _nearest(size: int, count: int, scale: float | None, half: float) -> Any:
    """The elements that are nearest, by PyTorch's rounding down of products in single precision: `int64[count]`."""
    found = []
    for kind in (np.float32, np.float64):
        step = np.asarray(size / count if scale is None else 1 / scale, dtype=kind)
        products = (np.arange(count, dtype=kind) + np.asarray(half, dtype=kind)) * step
        found.append(np.minimum(np.floor(products).astype(int), size - 1))
    # Where PyTorch takes the size for kept or doubled, its gradient goes by that, and not by the factor.
    by_size = {size: np.arange(count), 2 * size: np.arange(count) // 2}.get(count, found[0]) if not half else found[0]
    if (found[0] != found[1]).any() or (found[0] != by_size).any():
        raise ProgramError(
            f"torch.nn.functional.interpolate from {size} to {count} elements: which one is nearest depends on how "
            "PyTorch rounds. Give a size instead of a factor, one that divides evenly, or another mode."
        )
    return found[0]


def _cubic(distance: Any) -> Any:
    """The weight of an element at a distance below 2."""
    near = ((CUBIC + 2) * distance - (CUBIC + 3)) * distance * distance + 1
    far = ((CUBIC * distance - 5 * CUBIC) * distance + 8 * CUBIC) * distance - 4 * CUBIC
    return np.where(distance <= 1, near, far)


def _taps(size: int, coordinates: Any, mode: str) -> list[tuple[Any, Any]]:
    """Which elements each element of the result is the sum of, and their weights: pairs of `int64[count], f[count]`."""
    if mode == "bicubic":
        first = np.floor(coordinates).astype(int)
        return [
            (np.clip(first + offset, 0, size - 1), _cubic(np.abs(coordinates - first - offset)))
            for offset in (-1, 0, 1, 2)
        ]
    inside = np.maximum(coordinates, 0)
    below = np.minimum(np.floor(inside).astype(int), size - 1)
    weight = np.minimum(inside - below, 1)
    return [(below, 1 - weight), (np.minimum(below + 1, size - 1), weight)]


# ---- interpolation ----


def _sizes(
    name: str, input: Tensor, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[list[int], list[float | None]]:  # fmt: skip
    """The sizes of the result, and the factors that coordinates are computed from, None where the sizes are."""
    given = input.shape[2:]
    rank = len(given)
    if (size is None) == (scale_factor is None):
        raise ProgramError(f"{name} takes either size or scale_factor.")
    if size is not None:
        sizes = [size] * rank if isinstance(size, int) else [int(one) for one in size]
        return sizes, [None] * rank
    factors = [scale_factor] * rank if isinstance(scale_factor, int | float) else list(scale_factor)
    sizes = [math.floor(float(one) * factor) for one, factor in zip(given, factors, strict=True)]
    return sizes, [None] * rank if recompute else [float(factor) for factor in factors]


@composite("torch.nn.functional.interpolate")
def interpolate(
    tape: Tape,
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """`f[batch, channels, ...]` with other sizes of the axes behind: along each, weighted sums of a few elements.

    jax.image.resize agrees with few of these: its cubic kernel is another one, and it knows no align_corners.
    """
    name = "torch.nn.functional.interpolate"
    sizes, scales = _sizes(name, input, size, scale_factor, recompute_scale_factor)
    if antialias:
        if mode not in ("bilinear", "bicubic") or len(sizes) != 2:
            raise ProgramError(f"{name}: antialias=True goes with the modes 'bilinear' and 'bicubic' of images.")
        return resized_smoothly(tape, input, sizes, scales, mode, bool(align_corners))
    rank = len(sizes)
    if mode == "area":
        area: Tensor = COMPOSITES[f"torch.nn.functional.adaptive_avg_pool{rank}d"](tape, input, sizes)
        return area
    if mode in ("nearest", "nearest-exact"):
        if align_corners is not None:
            raise ProgramError(f"{name}: align_corners has no meaning for the mode {mode!r}. Leave it out.")
    elif LINEAR_MODES.get(mode, 2 if mode == "bicubic" else None) != rank:
        raise ProgramError(f"{name}: the mode {mode!r} does not go with an input of {rank + 2} axes.")
    resized = input
    for axis, (old, new, scale) in enumerate(zip(input.shape[2:], sizes, scales, strict=True), 2):
        if mode in ("nearest", "nearest-exact"):
            nearest = tape.constant(_nearest(old, new, scale, 0.5 if mode == "nearest-exact" else 0.0))
            resized = tape.take(resized, nearest, axis=axis)
            continue
        coordinates = _coordinates(old, new, scale, bool(align_corners))
        total = None
        for elements, numbers in _taps(old, coordinates, mode):
            positions = tape.constant(elements)
            weights = tape.constant(numbers.reshape(-1, *[1] * (rank + 1 - axis)), dtype=input.dtype_name)
            part = tape.take(resized, positions, axis=axis) * weights
            total = part if total is None else total + part
        assert total is not None
        resized = total
    return resized


@composite("torch.nn.functional.upsample")
def upsample(
    tape: Tape,
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """The older name of interpolate."""
    return interpolate(tape, input, size, scale_factor, mode, align_corners)


# ---- channels and space ----


@composite("torch.nn.functional.pixel_shuffle", "torch.pixel_shuffle")
def pixel_shuffle(tape: Tape, input: Tensor, upscale_factor: int) -> Tensor:
    """`f[..., c * r * r, h, w]` with every r * r channels laid out as a square: `f[..., c, h * r, w * r]`."""
    return tape.pixel_shuffle(input, factor=upscale_factor)


@composite("torch.nn.functional.pixel_unshuffle", "torch.pixel_unshuffle")
def pixel_unshuffle(tape: Tape, input: Tensor, downscale_factor: int) -> Tensor:
    """`f[..., c, h * r, w * r]` with every square made r * r channels: `f[..., c * r * r, h, w]`."""
    return tape.pixel_unshuffle(input, factor=downscale_factor)


@composite("torch.nn.functional.channel_shuffle", "torch.channel_shuffle")
def channel_shuffle(tape: Tape, input: Tensor, groups: int) -> Tensor:
    """The channels of `f[batch, channels, ...]`, those of the groups in turn."""
    return tape.channel_shuffle(input, groups=groups)
