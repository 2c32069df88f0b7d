"""The registry of composites, by the public name of the PyTorch function that each of them is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["COMPOSITES", "Composite", "composite"]

Composite = Callable[..., Any]

COMPOSITES: dict[str, Composite] = {}
"""Every composite by name: `torch.addmm`, which is the method of a tensor, too, or `torch.nn.functional.linear`."""


def composite(*names: str) -> Callable[[Composite], Composite]:
    """Decorates a composite: these PyTorch functions are this computation."""

    def register(function: Composite) -> Composite:
        for name in names:
            if name in COMPOSITES:
                raise RuntimeError(f"Two composites are {name}.")
            COMPOSITES[name] = function
        return function

    return register
