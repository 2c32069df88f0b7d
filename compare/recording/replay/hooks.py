"""Tensor hooks: each is a function of its cotangent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from compare.errors import ProgramError
from compare.recording.events import Hooked, Unhooked
from compare.recording.replay.contents import deeds_of
from compare.recording.replay.tensors import Tensors
from compare.tape import Tape, Tensor
from compare.tape.hooks import Hook

if TYPE_CHECKING:
    from compare.recording.replay.player import Player

__all__ = ["Hooks"]


class Hooks:
    """The hooks that are registered.

    inside: a player into the body of a hook.
    """

    def __init__(self, tensors: Tensors, inside: Callable[[Tape], Player]) -> None:
        self.tensors = tensors
        self.inside = inside
        self._registered: dict[int, Hook] = {}

    def register(self, event: Hooked) -> None:
        """Register what the first call of the hook did. Raises ProgramError where another call did something else."""
        runs = event.runs
        if not runs:
            return
        if len({deeds_of(one.events, one.result is None) for one in runs}) > 1:
            raise ProgramError(
                "The hook did not do the same each time it was called. Only a hook that always does the same is a "
                "function of its cotangent."
            )
        first = runs[0]

        def body(grad: Tensor) -> Tensor | None:
            player = self.inside(grad._tape)
            player.tensors.replace(first.cotangent, grad)
            player.play(first.events)
            return None if first.result is None else player.tensors.of(first.result)

        self._registered[id(event)] = self.tensors.tape._register_hook(self.tensors.of(event.tensor), body)

    def remove(self, event: Unhooked) -> None:
        """Remove a hook; one that was never called is not registered."""
        hook = self._registered.get(id(event.hook))
        if hook is not None:
            hook.remove()
