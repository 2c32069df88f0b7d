"""What happened to tensors where the recording did not see it: it shows in them when the run has ended."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, NoReturn

from compare.errors import RecordingRefusedError
from compare.facts import Handle
from compare.recording.events import Looked, Met, Seen
from compare.recording.replay.aliasing import Aliases
from compare.recording.replay.readings import Readings
from compare.recording.replay.tensors import Tensors

__all__ = ["Unseen"]


class Unseen:
    """The numbers that tensors held when they were seen, to be compared with those at the end."""

    def __init__(self, tensors: Tensors, aliases: Aliases, readings: Readings) -> None:
        self.tensors = tensors
        self.aliases = aliases
        self.readings = readings
        self._met: dict[int, Met] = {}
        # Each time Python got a way to write to memory, and how often the recording had seen it written by then.
        self._doors: list[tuple[Looked, int]] = []
        # By id, gradients: a backward adds to them.
        self._gradients: set[int] = set()

    def met(self, event: Met) -> None:
        """A tensor came from outside."""
        self._met[id(event.tensor)] = event

    def gradient(self, seen: Any) -> None:
        """A tensor, or None, is or was the gradient of another one."""
        self._gradients.add(id(seen))

    def looked(self, event: Looked) -> None:
        """Python took numbers, and may have a way to write there."""
        if event.values is not None:
            self._doors.append((event, self.aliases.writes_to(event.tensor)))

    # ---- the end ----

    def refuse(self) -> None:
        """Raises RecordingRefusedError where a tensor was written, or got a gradient, and no event says so."""
        handles = [self.tensors.handle(one) for one in self.tensors.kept]
        written = {id(one.storage) for one in handles if one.version.count}
        for seen, handle in zip(self.tensors.kept, handles, strict=True):
            self._refuse_changed(seen, handle, written)
        for looked, writes in self._doors:
            if id(looked.tensor) in self._gradients or self.aliases.writes_to(looked.tensor) != writes:
                continue
            if not _same_numbers(looked.tensor.tensor, looked.values):
                self._refuse(looked.tensor, "was written", f"through what `{looked.word}` gave")
        for leaf in self.readings.leaves.values():
            if leaf.tensor.grad is not None and not self.tensors.holds_gradient(leaf):
                self._refuse(leaf, "got a gradient", "from a backward in another thread, or in compiled code")

    def _refuse_changed(self, seen: Seen, handle: Handle, written: Set[int]) -> None:
        """written: by id, the memory that the tape has written."""
        now = seen.tensor
        if id(seen) in self.tensors.reshaped and now is not None and now.shape != handle.shape:
            raise RecordingRefusedError(
                f"A tensor is of shape {list(now.shape)} at the end of the run, and of {list(handle.shape)} here."
            )
        if id(handle.storage) in written or id(seen) in self._gradients or seen.version is None:
            return  # a backward adds to gradients
        if self.aliases.is_written(handle) or id(seen) in self.tensors.moving:
            return  # through `.data`, which has a version counter of its own
        if now is not None and now._version > seen.version:
            self._refuse(seen, "was written", "in another thread, or in compiled code")
        met = self._met.get(id(seen))
        if met and not _same_numbers(now, met.values):
            self._refuse(seen, "was written", "through NumPy or another alias, or in another thread")

    def _refuse(self, seen: Seen, what: str, how: str) -> NoReturn:
        name = self.tensors.tape._shown(self.tensors.of(seen)._name)
        raise RecordingRefusedError(
            f"'{name}', a tensor of shape {list(seen.shape)}, {what} where the recording does not see it: {how}. Do "
            "it in the open, or work on a clone."
        )


def _same_numbers(tensor: Any, values: Any) -> bool:
    import torch

    with torch.no_grad():
        now, then = tensor.detach(), values.detach()
        return bool(((now == then) | ((now != now) & (then != then))).all())
