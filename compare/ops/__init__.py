"""The op vocabulary: one row per op, in one of the tables below."""

from __future__ import annotations

from compare.ops import (
    complex_numbers,
    convolutions,
    decompositions,
    elementwise,
    indexing,
    linear_algebra,
    padding,
    pooling,
    reductions,
    shaping,
    special_functions,
    transforms,
    views,
)
from compare.ops.dtypes import COMPLEX, DIFFERENTIABLE, FLOATS, PARTS, is_complex
from compare.ops.indexing import sets_twice
from compare.ops.op import TENSOR, Attributes, BasicIndex, Index, Op, Shape, Slice, Span, View, fill_spelling

__all__ = [
    "COMPLEX", "DIFFERENTIABLE", "FLOATS", "OPS", "PARTS", "TENSOR", "Attributes", "BasicIndex", "Index", "Op", "Shape",
    "Slice", "Span", "View", "fill_spelling", "is_complex", "sets_twice",
]  # fmt: skip

_ROWS = (
    *elementwise.ROWS, *views.ROWS, *indexing.ROWS, *shaping.ROWS, *reductions.ROWS, *linear_algebra.ROWS,
    *decompositions.ROWS, *complex_numbers.ROWS, *convolutions.ROWS, *pooling.ROWS, *padding.ROWS, *transforms.ROWS,
    *special_functions.ROWS,
)  # fmt: skip

OPS: dict[str, Op] = {row.name: row for row in _ROWS}
"""Every op of the vocabulary by name."""

if len(OPS) != len(_ROWS):
    raise RuntimeError("Two rows of the op vocabulary have one name.")
