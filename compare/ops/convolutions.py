"""Rows for convolutions and transposed convolutions, over one, two or three axes behind batch and channels."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from compare.ops.op import Attributes, Op, Shape
from compare.ops.rules import floating, on_every_axis

__all__ = ["ROWS"]

Pads = tuple[tuple[int, int], ...]
ZERO = mpmath.mpf(0)

# ---- what both have in common ----


def _check(shapes: tuple[Shape, ...], attributes: Attributes, rank: int) -> None:
    """Refuse operands without batch and channels, and groups that do not divide the channels."""
    x, weight = shapes
    groups = attributes["groups"]
    if len(x) != rank + 2 or len(weight) != rank + 2:
        raise ValueError(
            f"needs batch, channels and {rank} more axes of both operands, got {len(x)} and {len(weight)} axes; "
            "give a single example an axis of size 1"
        )
    if groups < 1 or weight[0] % groups:
        raise ValueError(f"{groups} groups do not divide the {weight[0]} channels that the weight begins with")
    for name, least in (("stride", 1), ("dilation", 1), ("padding", 0), ("output_padding", 0)):
        if name in attributes and min(on_every_axis(attributes[name], rank)) < least:
            raise ValueError(f"{name} must be at least {least}, got {attributes[name]}")


def _placed(start: int, count: int, step: int) -> slice:
    return slice(start, start + (count - 1) * step + 1, step)


def _product(weight: Any, x: Any) -> Any:
    """`[a, b]` times `[batch, b, ...]`, summed over b: `[batch, a, ...]`."""
    return np.moveaxis(np.tensordot(weight, x, axes=(1, 1)), 0, 1)


def _unless_one(value: tuple[int, ...]) -> Any:
    """The value for every axis; 1, which is the default and is not printed, where it is 1 for all."""
    return 1 if set(value) == {1} else value


# ---- convolution ----


def _convolution(rank: int) -> Op:
    """`conv1d`, `conv2d`, `conv3d`: what both frameworks call a convolution, a correlation without a flip."""

    def shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
        _check(shapes, attributes, rank)
        x, weight = shapes
        if x[1] != weight[1] * attributes["groups"]:
            raise ValueError(
                f"{x[1]} channels are not those of a weight of shape {list(weight)} in {attributes['groups']} groups"
            )
        stride, padding, dilation = (
            on_every_axis(attributes[name], rank) for name in ("stride", "padding", "dilation")
        )
        reach = [size + 2 * pad for size, pad in zip(x[2:], padding, strict=True)]
        cover = [step * (size - 1) + 1 for size, step in zip(weight[2:], dilation, strict=True)]
        if any(wide > size for size, wide in zip(reach, cover, strict=True)):
            raise ValueError(f"a kernel that covers {cover} does not fit into {reach}")
        return (
            x[0], weight[0],
            *((size - wide) // step + 1 for size, wide, step in zip(reach, cover, stride, strict=True)),
        )  # fmt: skip

    def reference(x: Any, weight: Any, **attributes: Any) -> Any:
        result = np.full(shape((x.shape, weight.shape), attributes), ZERO, dtype=object)
        stride, padding, dilation = (
            on_every_axis(attributes[name], rank) for name in ("stride", "padding", "dilation")
        )
        padded = np.pad(x, [(0, 0), (0, 0), *((pad, pad) for pad in padding)], constant_values=ZERO)
        ins, outs = weight.shape[1], weight.shape[0] // attributes["groups"]
        for place in np.ndindex(weight.shape[2:]):
            starts = [at * step for at, step in zip(place, dilation, strict=True)]
            where = tuple(map(_placed, starts, result.shape[2:], stride))
            for group in range(attributes["groups"]):
                taken, made = slice(group * ins, (group + 1) * ins), slice(group * outs, (group + 1) * outs)
                result[:, made] += _product(weight[(made, slice(None), *place)], padded[(slice(None), taken, *where)])
        return result

    def names(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
        padding = on_every_axis(attributes["padding"], rank)
        return {
            "padded_first": attributes["groups"] > 1 and any(padding),
            "widths": ((0, 0), (0, 0), *((pad, pad) for pad in padding)),
            "zeros": ((0, 0),) * rank,
            "strides": on_every_axis(attributes["stride"], rank),
            "pads": tuple((pad, pad) for pad in padding),
            "dilation": _unless_one(on_every_axis(attributes["dilation"], rank)),
        }

    return Op(
        f"conv{rank}d", "x, weight, *, stride=1, padding=0, dilation=1, groups=1",
        f"torch.nn.functional.conv{rank}d(x, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)",
        # The compiler of JAX 0.10 aborts at some gradients in groups with padding of its own.
        "lax.conv_general_dilated(jnp.pad(x, widths), weight, strides, zeros, rhs_dilation=dilation, "
        "feature_group_count=groups) if padded_first else "
        "lax.conv_general_dilated(x, weight, strides, pads, rhs_dilation=dilation, feature_group_count=groups)",
        reference, shape, floating, jax_names=names,
    )  # fmt: skip


# ---- transposed convolution ----


def _transposed_convolution(rank: int) -> Op:
    """`conv_transpose1d` and so on: the transpose of a convolution with the same weight, stride and padding."""

    def given(attributes: Attributes) -> list[tuple[int, ...]]:
        named = ("stride", "padding", "output_padding", "dilation")
        return [on_every_axis(attributes[name], rank) for name in named]

    def shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
        _check(shapes, attributes, rank)
        x, weight = shapes
        if x[1] != weight[0]:
            raise ValueError(f"{x[1]} channels are not those of a weight of shape {list(weight)}")
        sizes = []
        for size, kernel, step, pad, extra, wide in zip(x[2:], weight[2:], *given(attributes), strict=True):
            if extra >= max(step, wide):
                raise ValueError(f"output_padding must be smaller than the stride or the dilation, got {extra}")
            sizes.append((size - 1) * step - 2 * pad + wide * (kernel - 1) + extra + 1)
        if min(sizes, default=1) < 1:
            raise ValueError(f"nothing is left of the result: its axes would have the sizes {sizes}")
        return (x[0], weight[1] * attributes["groups"], *sizes)

    def reference(x: Any, weight: Any, **attributes: Any) -> Any:
        batch, channels, *sizes = shape((x.shape, weight.shape), attributes)
        stride, padding, _, dilation = given(attributes)
        whole = [size + 2 * pad for size, pad in zip(sizes, padding, strict=True)]
        result = np.full((batch, channels, *whole), ZERO, dtype=object)
        groups = attributes["groups"]
        ins, outs = weight.shape[0] // groups, weight.shape[1]
        for place in np.ndindex(weight.shape[2:]):
            starts = [at * step for at, step in zip(place, dilation, strict=True)]
            where = tuple(map(_placed, starts, x.shape[2:], stride))
            for group in range(groups):
                taken, made = slice(group * ins, (group + 1) * ins), slice(group * outs, (group + 1) * outs)
                kernel = weight[(taken, slice(None), *place)].T
                result[(slice(None), made, *where)] += _product(kernel, x[:, taken])
        cut = tuple(slice(pad, pad + size) for pad, size in zip(padding, sizes, strict=True))
        return result[(slice(None), slice(None), *cut)].copy()

    def names(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
        kernel, groups = shapes[1][2:], attributes["groups"]
        stride, padding, extra, dilation = given(attributes)
        reach = [wide * (size - 1) for size, wide in zip(kernel, dilation, strict=True)]
        before = [wide - pad for wide, pad in zip(reach, padding, strict=True)]
        ins, outs = shapes[1][0] // groups, shapes[1][1]
        return {
            "grouped": groups > 1,
            "strides": stride,
            "ones": (1,) * rank,
            "pads": tuple((pad, pad + more) for pad, more in zip(before, extra, strict=True)),
            "dilation": _unless_one(dilation),
            "split": (groups, ins, outs, *kernel),
            "joined": (groups * outs, ins, *kernel),
            "axes": tuple(range(2, rank + 2)),
        }

    axes = "DHW"[3 - rank :]
    return Op(
        f"conv_transpose{rank}d", "x, weight, *, stride=1, padding=0, output_padding=0, groups=1, dilation=1",
        f"torch.nn.functional.conv_transpose{rank}d(x, weight, stride=stride, padding=padding, "
        "output_padding=output_padding, groups=groups, dilation=dilation)",
        # JAX's own transposed convolution knows no groups.
        "lax.conv_general_dilated(x, jnp.flip(jnp.swapaxes(weight.reshape(split), 1, 2).reshape(joined), axes), ones, "
        "pads, lhs_dilation=strides, rhs_dilation=dilation, feature_group_count=groups) if grouped else "
        "lax.conv_transpose(x, weight, strides, pads, rhs_dilation=dilation, "
        f"dimension_numbers=('NC{axes}', 'OI{axes}', 'NC{axes}'), transpose_kernel=True)",
        reference, shape, floating, jax_names=names,
    )  # fmt: skip


ROWS = (*map(_convolution, (1, 2, 3)), *map(_transposed_convolution, (1, 2, 3)))
