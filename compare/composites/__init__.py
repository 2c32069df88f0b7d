"""PyTorch functions that are several ops here, each written once in the words of the tape.

A composite takes a tape, then what PyTorch's function takes, under PyTorch's names and with PyTorch's defaults; tensors
are tensors of the tape. It returns what PyTorch returns. What it cannot do exactly, it refuses by raising ProgramError.
Every module of this package registers the composites that it holds.
"""

from __future__ import annotations

import importlib
import pkgutil

from compare.composites.composite import COMPOSITES, Composite, composite

__all__ = ["COMPOSITES", "Composite", "composite"]

for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
