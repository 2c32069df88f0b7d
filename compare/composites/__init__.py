"""PyTorch functions that are several ops here, each written once in the words of the tape.

A composite takes a tape, then what PyTorch's function takes, under PyTorch's names and with PyTorch's defaults; tensors
are tensors of the tape. It returns what PyTorch returns. What it cannot do exactly, it refuses by raising ProgramError.
"""

from __future__ import annotations

from compare.composites import (
    arguments,
    convolutions,
    embedding,
    linear,
    normalizations,
    padding,
    pooling,
    recurrent,
    resizing,
    windows,
)
from compare.composites.composite import COMPOSITES, Composite, composite

__all__ = [
    "COMPOSITES", "Composite", "arguments", "composite", "convolutions", "embedding", "linear", "normalizations",
    "padding", "pooling", "recurrent", "resizing", "windows",
]  # fmt: skip
