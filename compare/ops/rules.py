"""Shape and dtype rules that rows share. A rule raises ValueError with the reason when operands do not fit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from compare.ops.dtypes import COMPLEX, DIFFERENTIABLE, PARTS, is_complex
from compare.ops.op import Attributes, Shape, Slice

__all__ = [
    "NO_ATTRIBUTES", "Dtypes", "accumulated", "agreed", "along_axis", "boolean", "broadcast", "default_float", "filled",
    "fits", "floating", "indexed", "matrix_product", "modulus", "normalized_axes", "of_attribute", "of_parts",
    "on_every_axis", "one_axis", "promoted", "reduced", "reduced_nonempty", "same_shape", "unchanged",
]  # fmt: skip

Dtypes = tuple[str, ...]
NO_ATTRIBUTES: Attributes = {}

# ---- shapes ----


def broadcast(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    """NumPy broadcasting of every operand."""
    try:
        return tuple(np.broadcast_shapes(*shapes))
    except ValueError:
        raise ValueError(f"shapes {' and '.join(str(list(shape)) for shape in shapes)} do not broadcast") from None


def fits(shape: Shape, wanted: Shape) -> bool:
    """Whether `shape` broadcasts to `wanted`."""
    try:
        return bool(np.broadcast_shapes(shape, wanted) == wanted)
    except ValueError:
        return False


def same_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    """The shape of the first operand."""
    return shapes[0]


def normalized_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """`axis` (None, an integer or several) as sorted non-negative axes."""
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    if not axes:
        raise ValueError("axis=() means no axis to NumPy and every axis to PyTorch; name the axes or leave it out")
    for one in axes:
        if not -ndim <= one < ndim:
            raise ValueError(f"axis {one} is out of range for {ndim} dimensions")
    found = tuple(sorted(one % ndim for one in axes))
    if len(set(found)) != len(found):
        raise ValueError(f"axes {axes} repeat")
    return found


def one_axis(axis: Any, ndim: int) -> int:
    """`axis`, which must be a single integer, as a non-negative axis."""
    if not isinstance(axis, int):
        raise ValueError(f"takes one axis, got {axis!r}")
    return normalized_axes(axis, ndim)[0]


def on_every_axis(value: Any, rank: int) -> tuple[int, ...]:
    """`value`, an integer for all of `rank` axes or a tuple of one for each, as a tuple."""
    found = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(found) == 1:
        found *= rank
    if len(found) != rank:
        raise ValueError(f"takes one number, or one for each of {rank} axes, got {value!r}")
    return found


def reduced(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    """A reduction over `axis`, honouring `keepdims`."""
    shape, axis = shapes[0], attributes["axis"]
    axes = normalized_axes(axis, len(shape))
    if attributes["keepdims"] and axis is None:
        raise ValueError("keepdims needs axis: PyTorch has no keepdim without dim; name every axis")
    if attributes["keepdims"]:
        return tuple(1 if one in axes else size for one, size in enumerate(shape))
    return tuple(size for one, size in enumerate(shape) if one not in axes)


def reduced_nonempty(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    """A reduction that has no answer for no elements."""
    axes = normalized_axes(attributes["axis"], len(shapes[0]))
    if any(shapes[0][axis] == 0 for axis in axes):
        raise ValueError("an axis of size 0 has no element to reduce")
    return reduced(shapes, attributes)


def along_axis(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    """The shape of the operand, after checking that `axis` exists."""
    one_axis(attributes["axis"], len(shapes[0]))
    return shapes[0]


def matrix_product(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    """`matmul`: vectors, matrices, and stacks of matrices."""
    left, right = shapes
    if not left or not right:
        raise ValueError("matmul needs at least one dimension on each side")
    inner_left, inner_right = left[-1], right[-2] if len(right) > 1 else right[0]
    if inner_left != inner_right:
        raise ValueError(f"inner sizes {inner_left} and {inner_right} differ")
    stack = broadcast((left[:-2], right[:-2]), attributes)
    return (*stack, *left[-2:-1], *(right[-1:] if len(right) > 1 else ()))


def indexed(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    """Basic indexing by integers, slices and None."""
    shape, index = shapes[0], attributes["index"]
    taken = [item for item in index if item is not None]
    if len(taken) > len(shape):
        raise ValueError(f"too many indices for {len(shape)} dimensions")
    result: list[int] = []
    axis = 0
    for item in index:
        if item is None:
            result.append(1)
            continue
        size = shape[axis]
        if isinstance(item, tuple | str):
            raise ValueError("a view takes integers, slices and None; advanced_getitem takes positions")
        if isinstance(item, Slice):
            result.append(len(range(*item.to_python().indices(size))))
        elif not -size <= item < size:
            raise ValueError(f"index {item} is out of range for axis {axis} of size {size}")
        axis += 1
    return (*result, *shape[axis:])


def of_attribute(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    """Exactly the attribute `shape`; a single -1 is worked out from the number of elements."""
    shape = tuple(attributes["shape"])
    count = math.prod(shapes[0])
    if shape.count(-1) == 1:
        known = math.prod(size for size in shape if size != -1)
        if known and count % known == 0:
            shape = tuple(count // known if size == -1 else size for size in shape)
    if any(size < 0 for size in shape) or math.prod(shape) != count:
        raise ValueError(f"{count} elements do not fit the shape {list(shape)}")
    return shape


# ---- dtypes ----
# A bare Python number takes part as "python-bool", "python-int" or "python-float".


def agreed(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    """The one dtype of the tensors, whatever it is."""
    kinds = sorted({dtype for dtype in dtypes if not dtype.startswith("python-")})
    if not kinds:
        raise ValueError("needs a tensor among the numbers")
    if len(kinds) > 1:
        raise ValueError(
            f"operands have dtypes {' and '.join(kinds)}, whose promotion is not modelled; cast one with astype"
        )
    return kinds[0]


def promoted(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    """The dtype of the tensors, which must agree; a Python float beside integers gives the default float.

    A complex tensor or number makes complex numbers of floats that are as wide as its parts.
    """
    dtype = agreed(tuple(COMPLEX.get(dtype, dtype) for dtype in dtypes) if is_complex(*dtypes) else dtypes, default)
    if dtype == "bool" or "python-bool" in dtypes:
        raise ValueError("arithmetic on booleans differs between the frameworks; cast with astype")
    if "python-complex" in dtypes and dtype not in DIFFERENTIABLE:
        raise ValueError("a complex number beside integers; cast them to the complex dtype you mean with astype")
    return default if dtype not in DIFFERENTIABLE and "python-float" in dtypes else dtype


def default_float(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    """Like `promoted`, and integers become the default float dtype."""
    dtype = promoted(dtypes, default)
    return dtype if dtype in DIFFERENTIABLE else default


def floating(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    """The dtype of the tensors, which must be floating point, or complex where the row is defined for it."""
    dtype = agreed(dtypes, default)
    if dtype not in DIFFERENTIABLE:
        raise ValueError(f"needs floating point, got {dtype}; cast with astype")
    return promoted(dtypes, default)


def modulus(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    """Like `promoted`; of complex numbers it is the float dtype of their parts."""
    dtype = promoted(dtypes, default)
    return PARTS.get(dtype, dtype)


def of_parts(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    """The float dtype of the parts of a tensor, which must be complex."""
    if dtypes[0] not in PARTS:
        raise ValueError(f"needs a complex tensor, got {dtypes[0]}")
    return PARTS[dtypes[0]]


def filled(dtype: str, value: str) -> str:
    """The dtype of a tensor after a tensor or a Python number was written into it."""
    if not value.startswith("python-"):
        return agreed((dtype, value), dtype)
    kinds = {"bool": ("python-bool",), "int64": ("python-int",)}
    complex = ("python-complex",) if is_complex(dtype) else ()
    if value not in kinds.get(dtype, ("python-int", "python-float", *complex)):
        raise ValueError(f"a Python {value.removeprefix('python-')} is not a {dtype}")
    return dtype


def accumulated(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    """A sum or product of many elements: integers and booleans become int64."""
    return dtypes[0] if dtypes[0] in DIFFERENTIABLE else "int64"


def boolean(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    """A comparison of tensors of one dtype."""
    if agreed(dtypes, default) not in PARTS and "python-complex" in dtypes:
        raise ValueError("compares real numbers with a complex one; cast them with astype")
    return "bool"


def unchanged(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    """The dtype of the first operand, whatever it is."""
    return dtypes[0]
