"""How storages hold numbers, and how view chains show them.

A complex number is held as its two parts, along one more axis at the end: the views of real and imaginary parts are
NumPy views as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compare.facts import ViewStep
from compare.ops import exact, is_complex
from compare.reference.arithmetic import Elements, complex_number, conjugate, imaginary_part, objects, real_part

__all__ = ["as_stored", "overwrite", "read", "turns_zeros", "viewed"]


def as_stored(numbers: Any, dtype: str) -> Elements:
    """Numbers as a storage holds them: complex ones as their parts."""
    if not is_complex(dtype):
        return objects(numbers)
    return np.stack([objects(real_part(numbers)), objects(imaginary_part(numbers))], axis=-1)


def viewed(stored: Elements, chain: Sequence[ViewStep]) -> tuple[Elements, bool]:
    """The NumPy view that a chain takes of what a storage holds, and whether it reads it conjugated."""
    conjugated = False
    for step in chain:
        stored = step.aliased(stored)
        conjugated ^= step.op.name == "conj"
    return stored, conjugated


def read(stored: Elements, chain: Sequence[ViewStep], dtype: str) -> Elements:
    """The numbers that a chain shows of what a storage holds: a NumPy view, or a copy of complex ones."""
    view, conjugated = viewed(stored, chain)
    if not is_complex(dtype):
        return view
    imaginary = -view[..., 1] if conjugated else view[..., 1]
    return objects(complex_number(view[..., 0], imaginary))


def overwrite(stored: Elements, chain: Sequence[ViewStep], dtype: str, new: Any) -> None:
    """Write numbers to what a chain shows of what a storage holds."""
    view, conjugated = viewed(stored, chain)
    if not view.flags.writeable:
        # NumPy marks a diagonal read-only, though it is a view like any other.
        view.flags.writeable = True
    view[...] = as_stored(objects(conjugate(new)) if conjugated else new, dtype)


def turns_zeros(numbers: Any, chain: Sequence[ViewStep]) -> bool:
    """Whether a zero gets the other sign on its way through a chain: among imaginary parts that it conjugates."""
    conjugated = sum(step.op.name == "conj" for step in chain) % 2 == 1
    return conjugated and any(part == 0 for part in exact.parts(numbers))
