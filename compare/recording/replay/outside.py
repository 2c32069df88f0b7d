"""Tensors from outside: the leaves of the program, and its constants."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from compare.errors import ProgramError
from compare.recording.events import Filled, Met, Seen
from compare.recording.replay.aliasing import Aliases
from compare.recording.replay.notes import Notes
from compare.recording.replay.places import Naming
from compare.recording.replay.readings import Readings
from compare.recording.replay.tensors import Tensors, dtype_name
from compare.recording.replay.unseen import Unseen
from compare.recording.replay.vocabulary import NARROW
from compare.tape import Site, Tensor, recorded_at

__all__ = ["Outside"]


class Outside:
    """Brings tensors into the program that it does not make.

    parameters: by id, the only tensors that are differentiated, where the run becomes a function of its arguments.
    """

    def __init__(
        self,
        tensors: Tensors,
        aliases: Aliases,
        readings: Readings,
        unseen: Unseen,
        naming: Naming,
        notes: Notes,
        *,
        parameters: Set[int] | None = None,
    ) -> None:
        self.tensors = tensors
        self.aliases = aliases
        self.readings = readings
        self.unseen = unseen
        self.naming = naming
        self.notes = notes
        self.parameters = parameters

    def meet(self, event: Met) -> None:
        """A leaf, a constant, or one that is known already. Raises ProgramError for what no program can hold."""
        seen = event.tensor
        _check_can_be_held(event)
        tracked = self._is_tracked(seen)
        with recorded_at(self.naming.met(event, otherwise="leaf" if tracked else "values")):
            other = self.aliases.known_as(seen)
            if other is None:
                made = self._entered(event, tracked)
            else:
                made = self.tensors.of(other).detach()
                if tracked:
                    made.requires_grad_()
            if tracked and self.parameters is None:
                self.naming.join(seen)
        self.tensors.bind(seen, made)
        self.unseen.met(event)
        if event.drawn:
            self.notes.drew(event.site)
        if tracked:
            self.readings.collect(seen)
        if event.stale is not None:
            self.unseen.gradient(event.stale)
            made.grad = self.tensors.of(event.stale)
        if event.hint == "dropout_mask":
            self.notes.dropped(event.site)

    def fill(self, event: Filled) -> None:
        """A tensor was filled with random numbers."""
        target = self.tensors.of(event.tensor)
        with recorded_at(Site(self.naming.sites.line(event.site), "random", "")):
            drawn = self.tensors.tape.constant(event.values.numpy(), dtype=dtype_name(event.values.dtype))
        target.copy_(drawn)
        self.aliases.wrote(event.tensor)
        self.notes.drew(event.site)

    def _is_tracked(self, seen: Seen) -> bool:
        if self.parameters is None:
            return seen.tracked
        differentiable: bool = seen.tensor.is_floating_point() or seen.tensor.is_complex()
        return id(seen) in self.parameters and differentiable

    def _entered(self, event: Met, tracked: bool) -> Tensor:
        """A new leaf, or a new constant."""
        seen = event.tensor
        dtype = dtype_name(seen.dtype)
        numbers = _numbers(event.values)
        make = self.tensors.tape.leaf if tracked else self.tensors.tape.constant
        if dtype not in NARROW:
            return make(numbers, dtype=dtype)
        self.tensors.widen(seen)
        self.notes.note(event.site, dtype, f"data of {dtype} is written as int64; what arithmetic makes of it is not")
        return make(numbers, dtype="int64")


def _numbers(values: Any) -> Any:
    """NumPy has no bfloat16."""
    import torch

    data = values.resolve_conj().resolve_neg()
    return data.numpy(force=True) if data.dtype is not torch.bfloat16 else data.float().numpy()


def _check_can_be_held(event: Met) -> None:
    """Raises ProgramError for what is no plain dense tensor on the CPU, or has a history that is not known."""
    import torch

    seen, tensor = event.tensor, event.tensor.tensor
    if event.values is None:
        what = "a wrapped tensor of torch.func" if tensor.layout is torch.strided else str(tensor.layout)
        what = f"a tensor on {tensor.device}" if tensor.device.type != "cpu" else what
        raise ProgramError(f"{what} is not modelled: only dense tensors on the CPU are. Convert it first.")
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter, torch.nn.Buffer):
        raise ProgramError(f"A {type(tensor).__name__} is not modelled: only plain tensors and parameters are.")
    if seen.tracked and not seen.leaf:
        raise ProgramError(
            f"A tensor of shape {list(seen.shape)} with history is used here whose making was not recorded: it "
            "comes from before the recording, from another thread, or from compiled code. Compute it in here, or "
            "detach it."
        )
