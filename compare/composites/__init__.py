"""PyTorch functions that are several ops here, each written once in the words of the tape.

A composite takes a tape, then what PyTorch's function takes, under PyTorch's names and with PyTorch's defaults; tensors
are tensors of the tape. It returns what PyTorch returns. What it cannot do exactly, it refuses by raising ProgramError.
"""

from __future__ import annotations

from compare.composites import (  # noqa: F401  each of these modules registers what it holds
    activations,
    arithmetic,
    attention,
    constants,
    foreach,
    linear_algebra,
    losses,
    reductions,
    shapes,
    sorting,
    transforms,
)
from compare.composites.composite import COMPOSITES, Composite, composite

__all__ = ["COMPOSITES", "Composite", "composite"]
