"""Tensors that are made leaves, or cease to be."""

from __future__ import annotations

from compare.facts import Handle
from compare.functionalize.attached import Attached
from compare.functionalize.storages import Storages
from compare.functionalize.values import Values
from compare.functionalize.walk import Walk
from compare.pure import Given, Value
from compare.statements import Constant, DetachInPlace, Leaf, Member, RequiresGrad

__all__ = ["Leaves"]


class Leaves:
    """Leaves and constants, requires_grad_ and detach_."""

    def __init__(self, walk: Walk, values: Values, storages: Storages, attached: Attached) -> None:
        self._walk = walk
        self._values = values
        self._storages = storages
        self._attached = attached
        # By family of a leaf whose requires_grad is off: its value when that happened, and the same without derivative.
        self._frozen: dict[int, tuple[Value, Value]] = {}

    def tensor(self, statement: Leaf | Constant) -> None:
        """Data written in the program."""
        handle = self._walk.facts.handles[statement.target]
        given = Given(statement.target, self._walk.index, handle.shape, handle.dtype, statement.data)
        value: Value = self._walk.pure.add(given)
        if isinstance(statement, Leaf):
            self._walk.remark("leaf")
            value = self._values.differentiable(handle, value, statement.member)
        self._storages.start(handle, value)

    def requires_grad(self, statement: RequiresGrad) -> None:
        """A tensor is a leaf from here on, or none."""
        before, handle = self._walk.used[statement.handle], self._walk.facts.handles[statement.handle]
        old = self._storages.read(before)
        if not statement.flag:
            self._freeze(handle)
            return
        self._walk.remark("requires-grad")
        if not old.tracked:
            new = self._switched_on(handle, old, statement.member)
            self._storages.forget(handle)
            self._storages.start(handle, new)
            # Views that were made before keep what they show, and no history of the new leaf.
            self._storages.keep_views(old, new)

    def _switched_on(self, handle: Handle, value: Value, member: Member | None) -> Value:
        """The value of a tensor that is a leaf from here on: of the same leaf, where it was one before."""
        tracked, stopped = self._frozen.get(handle.family.number, (None, None))
        if tracked is None:
            return self._values.differentiable(handle, value, member)
        return tracked if value is stopped else self._values.carried(value, tracked, handle.name)

    def _freeze(self, handle: Handle) -> None:
        """The value of a leaf, from here on without its derivative."""
        self._walk.remark("frozen-leaf")
        value = self._storages.read(handle)
        if value.tracked:
            stopped = self._values.stopped(value)
            self._frozen[handle.family.number] = (value, stopped)
            self._storages.start(handle, stopped)

    def detach_in_place(self, statement: DetachInPlace) -> None:
        """A tensor has no history from here on."""
        handle = self._walk.used[statement.handle]
        self._walk.remark("detach-in-place")
        value = self._storages.read(handle)
        self._attached.detached(handle)
        if handle.family.frozen:
            self._freeze(handle)
        elif value.tracked:
            self._storages.start(handle, self._values.stop(value, handle.name, named=True))
