"""Grad modes: the blocks, and the switch that may also stand by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

from compare.errors import CaseError
from compare.grad_modes import GradMode
from compare.statements import EnterGradMode, ExitGradMode, SetGradMode
from compare.tape.draft import Draft
from compare.tape.sites import caller_line

__all__ = ["GradSwitch", "grad_mode_block", "switched"]


@contextlib.contextmanager
def grad_mode_block(
    draft: Draft, mode: Literal["no_grad", "enable_grad", "inference_mode"], flag: bool = True
) -> Iterator[None]:
    """A block of the case in which the mode holds: also inside of a hook on a leaf, which is traced elsewhere."""
    line = caller_line()
    written = draft if draft.traced_into is None else draft.traced_into
    written.record(EnterGradMode(mode=mode, flag=flag, line=line))
    yield
    written.record(ExitGradMode(line=line))


def switched(draft: Draft, flag: bool) -> GradSwitch:
    """Switch the mode here, as `set_grad_enabled` does. Returns the switch, which `with` makes a block."""
    before = draft.facts.modes[-1]
    switch = SetGradMode(flag=flag, line=caller_line())
    draft.record(switch)
    return GradSwitch(draft, switch, before)


class GradSwitch:
    """What `tape.set_grad_enabled` returns: a statement by itself, a block after `with`."""

    def __init__(self, draft: Draft, switch: SetGradMode, before: GradMode) -> None:
        self._draft = draft
        self._switch = switch
        self._before = before

    def __enter__(self) -> None:
        # `with` has evaluated the call first: what it recorded becomes the opening of the block.
        draft, switch = self._draft, self._switch
        if draft.statements[-1] is not switch:
            raise CaseError("Open a set_grad_enabled block where it is called: with tape.set_grad_enabled(...):")
        draft.statements.pop()
        draft.facts.modes[-1] = self._before
        draft.record(EnterGradMode(mode="set_grad_enabled", flag=switch.flag, line=switch.line))

    def __exit__(self, *_: object) -> None:
        self._draft.record(ExitGradMode(line=caller_line()))
