"""What the program shows, and what of the run each number has to equal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from compare.errors import RecordingRefusedError
from compare.recording.events import Seen
from compare.recording.replay.tensors import Tensors
from compare.statements import Read
from compare.tape import Reading, Tensor

__all__ = ["FinalGradient", "Readings"]


@dataclass(frozen=True)
class FinalGradient:
    """The gradient that a tensor of the run holds at its end."""

    of: Any


class Readings:
    """The reads of the program.

    final: by observation name, the tensor of the run that has to show the same number when the program has ended.
    leaves: by id, the tensors that collect gradients, those whose gradient is retained among them.
    """

    def __init__(self, tensors: Tensors) -> None:
        self.tensors = tensors
        self.final: dict[str, Any] = {}
        self.leaves: dict[int, Seen] = {}
        # Those of them that have a gradient which is yet to be observed.
        self._unread: dict[int, Seen] = {}

    def observe(self, tensor: Tensor, what: Any) -> str:
        """Read something of a tensor. Returns the name of the observation."""
        tape = self.tensors.tape
        tape._read(Reading(tensor, what), None)
        statement = tape._statements[-1]
        assert isinstance(statement, Read)
        return statement.name

    def observe_value(self, seen: Seen, number: Any) -> None:
        """Read a tensor, which has to hold this."""
        self.final[self.observe(self.tensors.of(seen), "value")] = number

    # ---- gradients ----

    def collect(self, seen: Seen) -> None:
        """A tensor collects gradients from here on."""
        self.leaves[id(seen)] = seen

    def got_gradient(self, seen: Seen) -> None:
        """The gradient of a tensor is new: the end of its life is when it is read."""
        self._unread[id(seen)] = seen

    def got_gradients(self) -> None:
        """A backward ran."""
        for leaf in self.leaves.values():
            if self.tensors.holds_gradient(leaf):
                self.got_gradient(leaf)

    def read_gradient(self, seen: Seen, numbers: Any) -> None:
        """Observe a gradient at the end of its life. numbers: what it was."""
        if self._unread.pop(id(seen), None) is not None:
            self.final[self.observe(self.tensors.of(seen), "grad")] = FinalGradient(SimpleNamespace(grad=numbers))

    # ---- the end ----

    def end(self, updated: Iterable[Seen], results: Iterable[Any]) -> None:
        """Read every gradient, then what was updated and every result. Raises RecordingRefusedError."""
        for number, leaf in [*self._unread.items()]:
            self._unread.pop(number)
            self.final[self.observe(self.tensors.of(leaf), "grad")] = FinalGradient(leaf.tensor)
        for seen in updated:
            self.observe_value(seen, seen.tensor)
        statements = self.tensors.tape._statements
        shown = {one.handle for one in statements if isinstance(one, Read) and one.what == "value"}
        for seen in results:
            if self.tensors.is_sparse(seen):
                raise RecordingRefusedError("A result of the run is sparse. Return it made dense.")
            tensor = self.tensors.find(seen)
            if tensor is not None and tensor._name not in shown:
                shown.add(tensor._name)
                self.observe_value(seen, seen.tensor)
