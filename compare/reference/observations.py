"""What the reference shows of a tensor, or why it shows nothing."""

from __future__ import annotations

from types import EllipsisType
from typing import Any

import numpy as np

from compare.observed import Array, Directional, Observed, OneSided
from compare.ops import PARTS, is_complex
from compare.reference.arithmetic import Elements, is_single
from compare.reference.doubts import FLOAT32_ON_THE_WAY, Withdrawn, range_of
from compare.reference.layout import as_stored, read
from compare.reference.tensors import Tensor

__all__ = ["observed"]


def observed(tensor: Tensor) -> Observed | Withdrawn | EllipsisType:
    """The values of a tensor: an Array, or what stands for one where it is a gradient without a value.

    `...` for one along vectors that is at a kink: nothing bounds what a leg may have there.
    """
    storage, doubts = tensor.storage, tensor.storage.doubts
    if doubts.unknown is not None:
        return doubts.unknown
    if storage.vectors is not None and storage.left is not None:
        return ...
    if storage.vectors is not None:
        return Directional(storage.vectors, tuple(float(number) for number in storage.value))
    if doubts.coarse and not is_single(tensor.dtype):
        return FLOAT32_ON_THE_WAY
    if storage.left is not None:
        return OneSided(
            *(_floats(read(side, tensor.chain, tensor.dtype), tensor.dtype) for side in (storage.left, storage.value))
        )
    return Array(_floats(tensor.value, tensor.dtype), tensor.dtype)


def _floats(array: Elements, dtype: str) -> np.ndarray[Any, Any]:
    if dtype in ("int64", "bool"):
        return np.array(array.astype(dtype))
    if is_complex(dtype):
        parts = _floats(as_stored(array, dtype), PARTS[dtype])
        return np.ascontiguousarray(parts).view(np.complex128)[..., 0]
    values = np.array(array.astype(np.float64))
    # What the dtype cannot hold is an infinity in it.
    return np.where(np.abs(values) > range_of(dtype)[0], np.copysign(np.inf, values), values)
