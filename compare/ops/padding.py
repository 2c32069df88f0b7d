"""Rows that put elements around a tensor.

Widths are in PyTorch's order: before and behind the last axis, then before and behind the one before it, and so on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from compare.ops.dtypes import DIFFERENTIABLE
from compare.ops.op import Attributes, Op, Shape
from compare.ops.rules import NO_ATTRIBUTES, Dtypes, floating

__all__ = ["ROWS"]


def _pads(shape: Shape, attributes: Attributes) -> tuple[tuple[int, int], ...]:
    """The widths of every axis, the first axis first. Raises ValueError."""
    widths = attributes["widths"]
    if not widths or len(widths) % 2 or len(widths) > 2 * len(shape):
        raise ValueError(f"widths come in pairs, one at least and at most {len(shape)}, got {len(widths)} numbers")
    if any(width < 0 for width in widths):
        raise ValueError("a negative width takes elements away; index with a slice")
    pairs = [(widths[place], widths[place + 1]) for place in range(0, len(widths), 2)]
    return ((0, 0),) * (len(shape) - len(pairs)) + tuple(pairs[::-1])


def _shape(limit: Callable[[int], float] | None) -> Callable[[tuple[Shape, ...], Attributes], Shape]:
    """The padded shape. `limit`: by the size of an axis, the widest padding that it has elements for."""

    def shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
        pads = _pads(shapes[0], attributes)
        if limit is not None:
            padded, axes = len(attributes["widths"]) // 2, len(shapes[0])
            if not 1 <= padded <= 3 or axes not in (padded + 1, padded + 2):
                raise ValueError(
                    f"PyTorch pads all axes but the first one or two, got {axes} axes, {padded} of them padded"
                )
            for size, pair in zip(shapes[0], pads, strict=True):
                if any(pair) and max(pair) > limit(size):
                    raise ValueError(f"an axis of size {size} has no {max(pair)} elements to pad with")
        return tuple(size + before + behind for size, (before, behind) in zip(shapes[0], pads, strict=True))

    return shape


def _names(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
    return {"pads": _pads(shapes[0], attributes)}


def _number_dtype(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    if dtypes[0] not in DIFFERENTIABLE and not (dtypes[0] == "int64" and isinstance(attributes.get("value", 0), int)):
        raise ValueError(f"a {dtypes[0]} is not padded with a number of another kind; cast with astype")
    return dtypes[0]


def _constant(x: Any, *, widths: tuple[int, ...], value: float) -> Any:
    return np.pad(x, _pads(x.shape, {"widths": widths}), constant_values=mpmath.mpmathify(value))


def _from_elements(name: str, torch: str, jax: str, limit: Callable[[int], float]) -> Op:
    """A row that pads with the tensor's own elements. torch, jax: what the frameworks call the mode."""
    return Op(
        name, "x, *, widths=...", f"torch.nn.functional.pad(x, widths, mode={torch!r})",
        f"jnp.pad(x, pads, mode={jax!r})",
        lambda x, *, widths: np.pad(x, _pads(x.shape, {"widths": widths}), mode=jax),  # type: ignore[call-overload]
        _shape(limit), floating, linear=("x",), jax_names=_names,
    )  # fmt: skip


ROWS = (
    Op(
        "pad", "x, *, widths=..., value=0", "torch.nn.functional.pad(x, widths, value=value)",
        "jnp.pad(x, pads, constant_values=value)", _constant, _shape(None), _number_dtype, jax_names=_names,
    ),
    _from_elements("pad_reflect", "reflect", "reflect", lambda size: size - 1),
    _from_elements("pad_replicate", "replicate", "edge", lambda size: math.inf if size else 0),
    _from_elements("pad_circular", "circular", "wrap", lambda size: size),
)  # fmt: skip
