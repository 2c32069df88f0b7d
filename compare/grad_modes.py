"""Grad modes: whether PyTorch records at one point of a program, and what each word does to that."""

from __future__ import annotations

from dataclasses import dataclass, replace

from compare.statements import EnterGradMode

__all__ = ["GradMode"]


@dataclass(frozen=True)
class GradMode:
    """The mode inside one block, or outside of all of them.

    block: the word that opened it. enabled: the switch that no_grad, enable_grad and set_grad_enabled set.
    inference: an inference_mode block is open, in which that switch has no effect.
    """

    block: str = ""
    enabled: bool = True
    inference: bool = False

    @property
    def recording(self) -> bool:
        return self.enabled and not self.inference

    def entered(self, statement: EnterGradMode) -> GradMode:
        """The mode inside a block that is opened in this one."""
        if statement.mode == "inference_mode":
            return GradMode(statement.mode, enabled=not statement.flag, inference=statement.flag)
        enabled = {"no_grad": False, "enable_grad": True}.get(statement.mode, statement.flag)
        return GradMode(statement.mode, enabled, self.inference)

    def within(self, block: str) -> GradMode:
        """The same mode inside a block of another kind."""
        return replace(self, block=block)

    def switched(self, enabled: bool) -> GradMode:
        """The mode after `set_grad_enabled` on a line of its own."""
        return replace(self, enabled=enabled)
