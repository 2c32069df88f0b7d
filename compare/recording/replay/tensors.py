"""Which tensor of the tape each tensor of the run is."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from compare.errors import ProgramError
from compare.facts import Handle
from compare.recording.events import Seen
from compare.recording.replay.vocabulary import NARROW
from compare.tape import Tape, Tensor

__all__ = ["Tensors", "dtype_name"]


def dtype_name(dtype: Any) -> str:
    """`float64` for `torch.float64`."""
    return str(dtype).removeprefix("torch.")


class Tensors:
    """The tensors that are known so far.

    moving: by id, those whose memory will be exchanged: where they are at the end is not where they are now.
    reshaped: by id, those whose shape will be changed in place: it is not yet what it is at the end.
    kept: those that the program bound, in order.
    """

    def __init__(self, tape: Tape, *, moving: Set[int] = frozenset(), reshaped: Set[int] = frozenset()) -> None:
        self.tape = tape
        self.moving = moving
        self.reshaped = reshaped
        self.kept: list[Seen] = []
        self._handles: dict[int, Tensor] = {}
        self._by_storage: dict[int, list[Seen]] = {}
        # Sparse tensors, each as the dense one that it stands for.
        self._sparse: dict[int, Tensor] = {}
        # By id, the memory of integers that the tape holds as int64.
        self._widened: set[int] = set()

    # ---- reading ----

    def of(self, seen: Any) -> Tensor:
        """The tensor of the tape. Raises ProgramError where there is none."""
        found = self._handles.get(id(seen))
        if id(seen) in self._sparse:
            raise ProgramError("A sparse tensor is modelled from to_sparse to to_dense only. Compute with dense ones.")
        if found is None:
            raise ProgramError(
                f"A tensor of shape {list(seen.shape)} is used here that was made where the recording does not see "
                "it: inside a hook, a backward rule or a compiled function. Compute it in the open, or hand it over "
                "with detach().clone()."
            )
        return found

    def find(self, seen: Any) -> Tensor | None:
        """The tensor of the tape; None where there is none yet."""
        return self._handles.get(id(seen))

    def handle(self, seen: Seen) -> Handle:
        """What the tape knows of a tensor that is bound."""
        return self.facts(self._handles[id(seen)])

    def facts(self, tensor: Tensor) -> Handle:
        """What the tape knows of one of its own."""
        return self.tape._facts.handle(tensor._name, history=False)

    def holds_gradient(self, seen: Seen) -> bool:
        """Whether the tape has a gradient to read on a tensor that is bound."""
        handle, gradients = self.handle(seen), self.tape._facts.gradients
        return handle.family.number in gradients.slots or handle.tensor in gradients.retained

    def in_memory_of(self, seen: Seen) -> list[Seen]:
        """The tensors that were bound in the same memory, in order."""
        return self._by_storage.get(id(seen.storage), [])

    def converted(self, value: Any) -> Any:
        """An argument in the words of the tape."""
        import torch

        if isinstance(value, Seen):
            return self.of(value)
        if isinstance(value, torch.dtype):
            return dtype_name(value)
        if isinstance(value, torch.Size):
            return tuple(value)
        if isinstance(value, list | tuple):
            kind = type(value) if type(value) in (list, tuple) else tuple
            return kind(self.converted(one) for one in value)
        if isinstance(value, dict):
            return {key: self.converted(one) for key, one in value.items()}
        if isinstance(value, torch.device):
            return str(value)
        return value

    # ---- binding ----

    def bind(self, seen: Seen, tensor: Tensor) -> None:
        """From here on a tensor of the run is this one of the tape. Raises ProgramError where the two are not alike."""
        known = self.facts(tensor)
        shape, dtype = tuple(seen.shape), dtype_name(seen.dtype)
        if dtype in (*NARROW, "uint8") and id(seen.storage) in self._widened:
            dtype = "int64"
        if id(seen) in self.reshaped:
            shape = known.shape
        if (known.shape, known.dtype) != (shape, dtype):
            raise ProgramError(
                f"PyTorch made a {dtype}{list(shape)} here, and the row says {known.dtype}{list(known.shape)}. "
                "Cast the operands so that they have one dtype, or mend the row."
            )
        self.replace(seen, tensor)
        self.kept.append(seen)
        if seen.storage is not None and id(seen) not in self.moving:
            self._by_storage.setdefault(id(seen.storage), []).append(seen)

    def replace(self, seen: Seen, tensor: Tensor) -> None:
        """From here on it is this one, which nothing is asked of: an argument of a body, another view of the same."""
        self._handles[id(seen)] = tensor

    def widen(self, seen: Seen) -> None:
        """The tape holds the integers in the memory of this tensor as int64."""
        self._widened.add(id(seen.storage))

    # ---- sparse ----

    def stands_for(self, seen: Seen, dense: Tensor) -> None:
        """A sparse tensor of the run is this dense one of the tape."""
        self._sparse[id(seen)] = dense

    def is_sparse(self, seen: Any) -> bool:
        """Whether it stands for a dense one."""
        return id(seen) in self._sparse

    def dense(self, seen: Seen) -> Tensor:
        """The dense tensor that it stands for, or is."""
        return self._sparse[id(seen)] if id(seen) in self._sparse else self.of(seen)
