"""What a torture program is, and the list of all of them.

`raises` and `message` declare the error with which PyTorch itself ends a program; without them it runs to its end.
`expects` declares what PyTorch leaves behind, by the name of a tensor (`b`) or of its gradient (`a.grad`). Where
PyTorch is silently wrong, that is its wrong gradient, and `derivative` declares the right one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class TortureProgram:
    """One program, and what PyTorch itself does with it."""

    name: str
    description: str
    run: Callable[[], Tensors]
    expects: dict[str, Any]
    derivative: dict[str, Any]
    raises: type[BaseException] | None
    message: str


PROGRAMS: list[TortureProgram] = []


def torture(
    description: str,
    *,
    expects: dict[str, Any] | None = None,
    derivative: dict[str, Any] | None = None,
    raises: type[BaseException] | None = None,
    message: str = "",
) -> Callable[[Callable[[], Tensors]], Callable[[], Tensors]]:
    """Register a program under its function's name."""

    def register(run: Callable[[], Tensors]) -> Callable[[], Tensors]:
        PROGRAMS.append(
            TortureProgram(run.__name__, description, run, expects or {}, derivative or {}, raises, message)
        )
        return run

    return register
