"""Making pure values."""

from __future__ import annotations

from typing import Any

from compare.facts import Handle, ViewStep
from compare.functionalize.walk import Walk
from compare.ops import Op, Shape
from compare.pure import Applied, Differentiable, Lost, Put, StopGradient, StraightThrough, Value
from compare.statements import Member, Number

__all__ = ["Values"]


class Values:
    """Makes the values of one program, each from the statement where the walk is.

    consumed: the numbers of those that a recorded op or call read.
    """

    def __init__(self, walk: Walk) -> None:
        self.consumed: set[int] = set()
        self._walk = walk
        self._stops: dict[int, StopGradient] = {}
        self._lost: dict[int, Lost] = {}

    def differentiable(self, handle: Handle, source: Value, member: Member | None = None) -> Differentiable:
        """A leaf with the number of `source`."""
        family = handle.family.number
        return self._walk.pure.add(
            Differentiable(handle.name, self._walk.index, handle.shape, handle.dtype, source, family, member)
        )

    def applied(
        self,
        hint: str,
        shape: Shape,
        dtype: str,
        op: Op,
        arguments: tuple[Value | Number, ...],
        attributes: dict[str, Any],
    ) -> Applied:
        """The result of an op."""
        for argument in arguments:
            if isinstance(argument, Value):
                self.consume(argument)
        return self._walk.pure.add(Applied(hint, self._walk.index, shape, dtype, op, arguments, attributes))

    def consume(self, value: Value) -> None:
        """Note that something reads a value: PyTorch may save it for backward."""
        if self._walk.facts.recording:
            self.consumed.add(value.number)

    def view(self, value: Value, step: ViewStep, hint: str) -> Applied:
        """What one step of a view chain shows of a value."""
        shape = step.op.shape((step.shape,), step.attributes)
        dtype = step.op.result_dtype((value.dtype,), self._walk.pure.dtype, step.attributes)
        return self.applied(hint, shape, dtype, step.op, (value,), step.attributes)

    def put(self, base: Value, chain: tuple[ViewStep, ...], new: Value | Number, hint: str) -> Value:
        """`base` with what the chain shows replaced by `new`."""
        if not chain:
            assert isinstance(new, Value)
            return new
        first, rest = chain[0], chain[1:]
        if rest:
            inner = self.view(base, first, f"_{hint.lstrip('_')}_view")
            new = self.put(inner, rest, new, f"_{hint.lstrip('_')}_written")
        index = self._walk.index
        return self._walk.pure.add(Put(hint, index, base.shape, base.dtype, first.op, first.attributes, base, new))

    def stop(self, value: Value, hint: str, *, named: bool) -> StopGradient:
        """A new value with the number of another one, and without its derivative."""
        return self._walk.pure.add(StopGradient(hint, self._walk.index, value.shape, value.dtype, value, named))

    def stopped(self, value: Value) -> Value:
        """The value without its derivative; itself when it has none."""
        if not value.tracked:
            return value
        if value.number not in self._stops:
            self._stops[value.number] = self.stop(value, _stopped_hint(value), named=False)
        return self._stops[value.number]

    def lost(self, value: Value) -> Lost:
        """The value as one that requires grad and has no history."""
        if value.number not in self._lost:
            lost = Lost(_stopped_hint(value), self._walk.index, value.shape, value.dtype, value)
            self._lost[value.number] = self._walk.pure.add(lost)
        return self._lost[value.number]

    def carried(self, new: Value, old: Value, hint: str) -> Value:
        """The value of the new, the derivative of the old."""
        if not old.tracked or isinstance(old, Lost):
            return self.stopped(new)
        while isinstance(old, StraightThrough):
            # Only the derivative of the old value is carried on, and that is the oldest one's.
            old = old.old
        return self._walk.pure.add(StraightThrough(hint, self._walk.index, old.shape, old.dtype, new, old))


def _stopped_hint(value: Value) -> str:
    return f"_{value.hint.lstrip('_')}_stopped"
