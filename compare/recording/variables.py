"""The modules and optimizers that the code's own functions hold in local variables: they name parameters."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["LocalVariables", "name_among"]


class LocalVariables:
    """What was found in the frames of the code, by name. It is looked for when a parameter is used first.

    When the run has ended, so have the functions, and their variables are gone.
    """

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self._named: set[int] = set()

    def look_for(self, parameter: Any, frames: Iterable[types.FrameType]) -> None:
        """Find the module that a parameter belongs to: that of the outermost of these frames, the innermost first."""
        if self.names(parameter):
            return
        for frame in reversed(list(frames)):
            for name, module in _modules(frame.f_locals):
                if any(one is parameter for one in module.parameters()):
                    self._named.update(id(one) for one in [*module.parameters(), *module.buffers()])
                    self.add(name, module)
                    return

    def names(self, tensor: Any) -> bool:
        """Whether it is a parameter or a buffer of a module that was found."""
        return id(tensor) in self._named

    def add(self, name: str, value: Any) -> None:
        """Keep a variable, under its own name unless another one has that."""
        if any(one is value for one in self.found.values()):
            return
        number, own = 1, name
        while own in self.found:
            number += 1
            own = f"{name}_{number}"
        self.found[own] = value


def name_among(value: Any, frames: Iterable[types.FrameType]) -> str:
    """The variable that is this object in the last of the frames that has one; empty where there is none."""
    found = ""
    for frame in frames:
        found = next((name for name, one in list(frame.f_locals.items()) if one is value), found)
    return found


def _modules(variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The modules among variables; behind them, those that are attributes of the objects among them."""
    others = []
    for name, value in list(variables.items()):
        if _is_module(value):
            yield "model" if name == "self" else name, value
        else:
            others.append(value)
    for one in others:
        for name, value in _attributes(one):
            if _is_module(value):
                yield name, value


# An object of the code's own may answer anything.


def _is_module(value: Any) -> bool:
    import torch

    try:
        return isinstance(value, torch.nn.Module)
    except Exception:
        return False


def _attributes(value: Any) -> list[tuple[str, Any]]:
    """What an object holds. Not what a class or a file of Python does: `torch` alone has two thousand names."""
    try:
        return [] if isinstance(value, types.ModuleType | type) else list(vars(value).items())
    except Exception:
        return []
