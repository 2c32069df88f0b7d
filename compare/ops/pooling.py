"""Rows for pooling: the largest element, or the mean, of every window over the last one, two or three axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np

from compare.ops import exact
from compare.ops.op import Attributes, Op, Shape
from compare.ops.rules import floating, on_every_axis

__all__ = ["ROWS", "pooled_sizes"]

# ---- windows ----


def pooled_sizes(shape: Shape, attributes: Attributes, rank: int) -> Shape:
    """How many windows there are along each of the last `rank` axes. Raises ValueError."""
    if len(shape) not in (rank + 1, rank + 2):
        raise ValueError(f"needs channels and {rank} more axes, with or without a batch, got {len(shape)} axes")
    return tuple(
        _count(size, *each, ceil_mode=attributes["ceil_mode"])
        for size, *each in zip(shape[-rank:], *_given(attributes, rank), strict=True)
    )


def _given(attributes: Attributes, rank: int) -> list[tuple[int, ...]]:
    return [on_every_axis(attributes[name], rank) for name in ("window", "stride", "padding")]


def _count(size: int, window: int, stride: int, padding: int, *, ceil_mode: bool) -> int:
    if window < 1 or stride < 1 or not 0 <= padding <= window // 2:
        raise ValueError(
            f"window and stride must be at least 1 and padding at most half the window, got {window}, {stride} and "
            f"{padding}"
        )
    room = size + 2 * padding - window
    count = (-(-room // stride) if ceil_mode else room // stride) + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        # PyTorch has no window that begins in the padding behind the end.
        count -= 1
    if count < 1:
        raise ValueError(f"a window of {window} does not fit into {size} with {padding} on either side")
    return count


def _pads(shape: Shape, attributes: Attributes, rank: int) -> tuple[tuple[int, int], ...]:
    """What is put before and behind each of the last axes, so that every window is whole."""
    counts = pooled_sizes(shape, attributes, rank)
    return tuple(
        (padding, max(padding, (count - 1) * stride + window - size - padding))
        for count, size, window, stride, padding in zip(counts, shape[-rank:], *_given(attributes, rank), strict=True)
    )


def _windows(x: Any, attributes: Attributes, rank: int) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Every place of the result along the last axes, and the elements of `x` in its window."""
    given = list(zip(*_given(attributes, rank), strict=True))
    for place in np.ndindex(pooled_sizes(x.shape, attributes, rank)):
        starts = [at * stride - padding for at, (_, stride, padding) in zip(place, given, strict=True)]
        stops = [start + window for start, (window, _, _) in zip(starts, given, strict=True)]
        inside = tuple(slice(max(start, 0), stop) for start, stop in zip(starts, stops, strict=True))
        window = x[(..., *inside)]
        yield place, window.reshape(*x.shape[:-rank], math.prod(window.shape[-rank:]))  # -1 says nothing if x is empty


def _pooled(function: Callable[[list[Any], Attributes], Any], rank: int) -> Callable[..., Any]:
    def reference(x: Any, **attributes: Any) -> Any:
        result = np.empty((*x.shape[:-rank], *pooled_sizes(x.shape, attributes, rank)), dtype=object)
        for place, elements in _windows(x, attributes, rank):
            for lead in np.ndindex(x.shape[:-rank]):
                result[(*lead, *place)] = function(list(elements[lead]), attributes)
        return result

    return reference


def _shape(rank: int) -> Callable[[tuple[Shape, ...], Attributes], Shape]:
    return lambda shapes, attributes: (*shapes[0][:-rank], *pooled_sizes(shapes[0], attributes, rank))


def _names(rank: int) -> Callable[[tuple[Shape, ...], Attributes], dict[str, Any]]:
    """What `lax.reduce_window` takes: windows, strides and padding of every axis, the leading ones too."""

    def names(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
        window, stride, _ = _given(attributes, rank)
        lead = len(shapes[0]) - rank
        return {
            "windows": (1,) * lead + window,
            "strides": (1,) * lead + stride,
            "pads": ((0, 0),) * lead + _pads(shapes[0], attributes, rank),
        }

    return names


# ---- the largest element ----


def _largest(numbers: list[Any], attributes: Attributes) -> Any:
    largest = -mpmath.inf
    for number in numbers:
        largest = exact.maximum(largest, number)
    return largest


def _max_pool(rank: int) -> Op:
    # Among ties both frameworks give the gradient to the first of the window. One that reaches into the padding and
    # holds nothing but -inf is the exception: there JAX gives it to the padding.
    return Op(
        f"max_pool{rank}d", "x, *, window=..., stride=..., padding=0, ceil_mode=False",
        f"torch.nn.functional.max_pool{rank}d(x, window, stride, padding=padding, ceil_mode=ceil_mode)",
        "lax.reduce_window(x, -jnp.inf, lax.max, windows, strides, pads)", _pooled(_largest, rank), _shape(rank),
        floating, jax_names=_names(rank),
    )  # fmt: skip


# ---- the mean ----


def _avg_pool(rank: int) -> Op:
    def divisor(attributes: Attributes) -> int:
        return attributes.get("divisor_override") or math.prod(on_every_axis(attributes["window"], rank))

    def counts(attributes: Attributes, pads: tuple[tuple[int, int], ...]) -> bool:
        """Whether the divisor is the number of elements inside, which is not the same for every window."""
        return not attributes.get("divisor_override") and any(map(any, pads)) and not attributes["count_include_pad"]

    def mean(numbers: list[Any], attributes: Attributes) -> Any:
        inside = not (attributes.get("divisor_override") or attributes["count_include_pad"])
        return sum(numbers, mpmath.mpf(0)) / (len(numbers) if inside else divisor(attributes))

    def shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
        found = _shape(rank)(shapes, attributes)
        over = any(behind > before for before, behind in _pads(shapes[0], attributes, rank))
        if over and attributes["count_include_pad"] and not attributes.get("divisor_override"):
            raise ValueError(
                "a window reaches beyond the padding, and PyTorch then divides by what is left of it; pad with zeros "
                "first and give padding=0, count_include_pad=False"
            )
        return found

    def names(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
        pads = _pads(shapes[0], attributes, rank)
        return {
            **_names(rank)(shapes, attributes), "divisor": divisor(attributes), "counted": counts(attributes, pads),
        }  # fmt: skip

    override = ", divisor_override=None" if rank > 1 else ""
    given = ", divisor_override=divisor_override" if rank > 1 else ""
    return Op(
        f"avg_pool{rank}d",
        f"x, *, window=..., stride=..., padding=0, ceil_mode=False, count_include_pad=True{override}",
        f"torch.nn.functional.avg_pool{rank}d(x, window, stride, padding=padding, ceil_mode=ceil_mode, "
        f"count_include_pad=count_include_pad{given})",
        "lax.reduce_window(x, 0.0, lax.add, windows, strides, pads) / "
        "lax.reduce_window(jnp.ones_like(x), 0.0, lax.add, windows, strides, pads) if counted else "
        "lax.reduce_window(x, 0.0, lax.add, windows, strides, pads) / divisor",
        _pooled(mean, rank), shape, floating, linear=("x",), jax_names=names,
    )  # fmt: skip


ROWS = (*map(_max_pool, (1, 2, 3)), *map(_avg_pool, (1, 2, 3)))
