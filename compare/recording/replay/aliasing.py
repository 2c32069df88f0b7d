"""Whether the tape and the run agree on which tensors share memory. Where they do not, nobody may write there."""

from __future__ import annotations

from collections.abc import Iterator

from compare.errors import ProgramError
from compare.facts import Handle
from compare.recording.calls import described
from compare.recording.events import Called, Seen
from compare.recording.replay.contents import given_to
from compare.recording.replay.places import where
from compare.recording.replay.tensors import Tensors
from compare.tape import Tensor

__all__ = ["Aliases"]


class Aliases:
    """What was written, and what had better not be."""

    def __init__(self, tensors: Tensors) -> None:
        self.tensors = tensors
        # By id of memory, the call after which the tape has a copy and PyTorch a view, or the other way round.
        self._doubtful: dict[int, str] = {}
        # By number in the tape, the memory that the recording saw written.
        self._written: set[int] = set()
        self._updated: dict[int, Seen] = {}

    # ---- sharing ----

    def known_as(self, seen: Seen) -> Seen | None:
        """A tensor that is known, and the same memory seen in the same way. Raises ProgramError for another way."""
        if seen.storage is None:
            return None
        others = self.tensors.in_memory_of(seen)
        for one in reversed(others):
            if one.place == seen.place and id(one) not in self.tensors.reshaped:
                return one
        if others:
            raise ProgramError(
                f"A tensor of shape {list(seen.shape)} shares memory with one that the recording knows, and it did "
                "not see how: through NumPy, dlpack, or in another thread. Clone it, or make it a view with PyTorch."
            )
        return None

    def compare(self, event: Called, result: Seen, made: Tensor) -> None:
        """Doubt a result that shares memory with what it was made from where the tape says otherwise."""
        own = self.tensors.facts(made).storage
        memory = result.storage
        if memory is None:
            return
        for one in given_to(event):
            other = self.tensors.find(one)
            if other is None or one.storage is None or id(one) in self.tensors.moving:
                continue
            shares = one.storage is memory
            if shares != (self.tensors.facts(other).storage is own):
                what = "a view" if shares else "a copy"
                said = (
                    f"{described(event.function)} at {where(event.site)} returned {what}, and the tape says otherwise"
                )
                # As long as nobody writes into either, a view and a copy are the same.
                self._doubtful.update({id(memory): said, id(one.storage): said})

    # ---- writing ----

    def wrote(self, seen: Seen) -> None:
        """A tensor of the run was written. Raises ProgramError where the two do not agree on who sees that."""
        doubt = self._doubtful.get(id(seen.storage))
        if doubt is not None:
            raise ProgramError(f"A write: {doubt}, so that it would show in other places. Clone the result there.")
        self.wrote_memory(self.tensors.facts(self.tensors.of(seen)))
        base = seen.base if seen.base is not None and self.tensors.find(seen.base) is not None else seen
        self._updated[id(base)] = base

    def wrote_memory(self, handle: Handle) -> None:
        """PyTorch counted a write to this memory."""
        self._written.add(handle.storage.number)

    def updated(self) -> Iterator[Seen]:
        """The tensors that were written, whose numbers at the end the program has to show."""
        yield from self._updated.values()

    def is_written(self, handle: Handle) -> bool:
        """Whether the recording saw this memory written."""
        return handle.storage.number in self._written

    def writes_to(self, seen: Seen) -> int:
        """How often the recording saw the memory of a tensor written, through whichever alias."""
        handles = [self.tensors.handle(one) for one in self.tensors.kept]
        own = self.tensors.handle(seen).storage
        return sum({id(one.version): one.version.count for one in handles if one.storage is own}.values())
