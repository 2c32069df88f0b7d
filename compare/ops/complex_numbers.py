"""Rows that make complex numbers, and take them apart.

`real`, `imag`, `conj` and `view_as_real` are views: a write through one writes the complex tensor. A conjugated view
holds the same parts, and reads the imaginary one with the other sign.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from compare.ops.dtypes import COMPLEX, FLOATS
from compare.ops.exact import each
from compare.ops.op import Attributes, Op, Shape, View
from compare.ops.rules import NO_ATTRIBUTES, agreed, of_parts, same_shape

__all__ = ["ROWS"]

# ---- dtypes and shapes ----


def _complex_only(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    of_parts(dtypes, default)
    return dtypes[0]


def _from_parts(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    dtype = agreed(dtypes, default)
    if dtype not in FLOATS:
        raise ValueError(f"needs floating-point parts, got {dtype}")
    return COMPLEX[dtype]


def _one_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if len(set(shapes)) > 1:
        raise ValueError(f"shapes {' and '.join(str(list(shape)) for shape in shapes)} differ; lax.complex needs one")
    return shapes[0]


def _pairs(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if shapes[0][-1:] != (2,):
        raise ValueError(f"needs a last axis of two parts, got shape {list(shapes[0])}")
    return shapes[0][:-1]


# ---- exact arithmetic ----


def _take_apart(x: Any) -> Any:
    return np.stack([_real(x), _imag(x)], axis=-1)


def _put_together(x: Any) -> Any:
    return _complex(x[..., 0], x[..., 1])


def _complex(x: Any, y: Any) -> Any:
    return np.asarray(_whole(x, y), dtype=object)


_whole = np.frompyfunc(mpmath.mpc, 2, 1)
_turned = np.frompyfunc(lambda x, y: (x * mpmath.cos(y), x * mpmath.sin(y)), 2, 2)
_real, _imag = each(mpmath.re), each(mpmath.im)


# ---- rows ----

ROWS = (
    Op(
        "real", "x", "x.real", "x.real", _real, same_shape, of_parts, linear=("x",), complex=True,
        view=View(lambda parts: parts[..., 0], "lax.complex(new, x.imag)", tells_parts=True), calls=("torch.real(x)",),
    ),
    Op(
        "imag", "x", "x.imag", "x.imag", _imag, same_shape, of_parts, linear=("x",), complex=True,
        view=View(lambda parts: parts[..., 1], "lax.complex(x.real, new)", tells_parts=True), calls=("torch.imag(x)",),
    ),
    Op(
        "conj", "x", "x.conj()", "jnp.conj(x)", each(mpmath.conj), same_shape, _complex_only, linear=("x",),
        complex=True, view=View(lambda parts: parts, "jnp.conj(new)", tells_parts=True),
    ),
    Op(
        "view_as_real", "x", "torch.view_as_real(x)", "jnp.stack([x.real, x.imag], axis=-1)", _take_apart,
        lambda shapes, attributes: (*shapes[0], 2), of_parts, linear=("x",), complex=True,
        view=View(lambda parts: parts, "lax.complex(*jnp.moveaxis(new, -1, 0))", tells_parts=True),
    ),
    Op(
        "view_as_complex", "x", "torch.view_as_complex(x)", "lax.complex(*jnp.moveaxis(x, -1, 0))", _put_together,
        _pairs, _from_parts, linear=("x",),
        view=View(lambda parts: parts, "jnp.stack([new.real, new.imag], axis=-1)", tells_parts=True),
    ),
    Op("complex", "x, y", "torch.complex(x, y)", "lax.complex(x, y)", _complex, _one_shape, _from_parts),
    Op(
        "polar", "x, y", "torch.polar(x, y)", "lax.complex(x * jnp.cos(y), x * jnp.sin(y))",
        lambda x, y: _complex(*_turned(x, y)), _one_shape, _from_parts,
    ),
    Op("angle", "x", "torch.angle(x)", "jnp.angle(x)", each(mpmath.arg), same_shape, of_parts, complex=True),
)  # fmt: skip
