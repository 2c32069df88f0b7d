"""Blocks: what the words that open and close them do to the grad mode."""

from __future__ import annotations

from compare.errors import ProgramError
from compare.grad_modes import GradMode
from compare.statements import (
    EnterGradMode,
    EnterSavedTensorsHooks,
    ExitGradMode,
    ExitSavedTensorsHooks,
    SetGradMode,
)

__all__ = ["HOOK", "SAVED_TENSORS_HOOKS", "change"]

SAVED_TENSORS_HOOKS = "saved_tensors_hooks"
HOOK = "hook"
"""What opened a block that is no grad mode's."""


def change(
    modes: list[GradMode],
    statement: EnterGradMode | ExitGradMode | EnterSavedTensorsHooks | ExitSavedTensorsHooks | SetGradMode,
) -> None:
    """Open a block, close the innermost one, or change its mode. Raises ProgramError.

    Args: modes: that outside of all blocks, then that inside each open one. It is changed in place.
    """
    now = modes[-1]
    match statement:
        case EnterGradMode():
            modes.append(now.entered(statement))
        case ExitGradMode():
            if len(modes) == 1 or now.block in (SAVED_TENSORS_HOOKS, HOOK):
                raise ProgramError("A grad-mode block is closed that was never opened, or is not the innermost one.")
            modes.pop()
        case EnterSavedTensorsHooks():
            modes.append(now.within(SAVED_TENSORS_HOOKS))
        case ExitSavedTensorsHooks():
            if now.block != SAVED_TENSORS_HOOKS:
                raise ProgramError(
                    "A saved_tensors_hooks block is closed that was never opened, or is not the innermost one."
                )
            modes.pop()
        case SetGradMode():
            if now.block == SAVED_TENSORS_HOOKS:
                raise ProgramError(
                    "set_grad_enabled on a line of a saved_tensors_hooks block outlasts the block, which is not "
                    "modelled. Use it as a block of its own."
                )
            modes[-1] = now.switched(statement.flag)
