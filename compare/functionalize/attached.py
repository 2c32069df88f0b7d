"""What is attached to tensors: retain_grad and hooks. They sit at a value, never at a name."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import msgspec

from compare.facts import Handle
from compare.functionalize.storages import Storages
from compare.functionalize.walk import Walk
from compare.ops import is_complex
from compare.pure import Applied, Differentiable, HookedAt, Region, Value
from compare.statements import Apply, Ref, RegisterHook, RemoveHook, RetainGrad, bound

__all__ = ["Attached", "Retained"]


@dataclass
class Retained:
    """A tensor that retain_grad was called on, and the value that it had then.

    late: a backward had already passed the tensor. fixed: the producer that it stays with after detach_.
    """

    handle: Handle
    producer: Value
    statement: int
    late: bool
    filled: bool = False
    fixed: Value | None = None


class Attached:
    """The tensors that retain their gradient, and the live hooks.

    retained: by tensor. hooks: by name. probed: the values that have either.
    pieces: for a value that is one of several views that an op returned at once, all of them.
    """

    def __init__(self, walk: Walk, storages: Storages) -> None:
        self.retained: dict[int, Retained] = {}
        self.hooks: dict[str, HookedAt] = {}
        self.probed: set[Value] = set()
        self.pieces: dict[Value, tuple[Value, ...]] = {}
        self._walk = walk
        self._storages = storages
        # By tensor that is a view, the value where its hooks sit.
        self._places: dict[int, Value] = {}
        # What is said of a hook at the end: its tensor, the value where it sits, and its statement.
        self._hooked: list[tuple[Handle, Value, int]] = []
        # The values that a backward has passed.
        self._passed: set[Value] = set()

    # ---- statements ----

    def retain_grad(self, statement: RetainGrad) -> None:
        """The gradient of a tensor is kept, at the value that it has when a backward passes."""
        handle = self._walk.used[statement.handle]
        producer = self._storages.producer(handle)
        if isinstance(producer, Differentiable):
            self._walk.remark("retain-grad")
            return
        self.probed.add(producer)
        self.retained[handle.tensor] = Retained(handle, producer, self._walk.index, late=producer in self._passed)
        if any(hooked.value is producer for hooked in self.hooks.values()):
            self._walk.remark("hook-and-retain-grad")

    def register_hook(self, statement: RegisterHook) -> None:
        """A hook stays with the value that its tensor has now."""
        handle = self._walk.used[statement.handle]
        if statement.place != "tensor":
            self._hook_node(statement, handle)
            return
        # All hooks of a view sit where the first one was put, until it is written through.
        value = self._places.get(handle.tensor) or self._storages.producer(handle)
        if handle.link is not None:
            self._places[handle.tensor] = value
        self._walk.remark("leaf-hook" if isinstance(value, Differentiable) else "tensor-hook")
        if any(hooked.value is value for hooked in self.hooks.values()):
            self._walk.remark("hook-order")
        if any(retained.producer is value for retained in self.retained.values()):
            self._walk.remark("hook-and-retain-grad")
        self.probed.add(value)
        self._hooked.append((handle, value, self._walk.index))
        self.hooks[statement.target] = HookedAt(value, self._on_cotangent(statement, value.dtype))

    def _hook_node(self, statement: RegisterHook, handle: Handle) -> None:
        value = self._storages.producer(handle)
        assert isinstance(value, Applied)
        self._walk.remark("node-hook")
        if any(one.value is value and one.hook.place == statement.place for one in self.hooks.values()):
            self._walk.remark("hook-order")
        self.probed.add(value)
        operand = self._walk.facts.hooks.made[handle.tensor]
        edited = value.dtype if statement.place == "before" or operand is None else operand.dtype
        self.hooks[statement.target] = HookedAt(value, self._on_cotangent(statement, edited))

    def _on_cotangent(self, hook: RegisterHook, dtype: str) -> RegisterHook:
        """A hook on gradients as a hook on JAX's cotangents, which are their conjugates."""
        if not is_complex(dtype) or hook.result is None:
            return hook
        self._walk.remark("complex-conjugate")
        taken = {name for applied in hook.body for name in bound(applied)}
        target = next(name for n in itertools.count() if (name := f"_conjugated{'_' * n}") not in taken)
        arrives = Apply(target=hook.parameter, op="conj", operands=(Ref(hook.parameter),))
        returns = Apply(target=target, op="conj", operands=(hook.result,))
        return msgspec.structs.replace(hook, body=(arrives, *hook.body, returns), result=Ref(target))

    def remove_hook(self, statement: RemoveHook) -> None:
        """From here on, no backward runs the hook."""
        self._walk.remark("hook-removal")
        self.hooks.pop(statement.hook, None)

    # ---- what becomes of the tensor that something is attached to ----

    def written_through(self, handle: Handle) -> None:
        """A view was made anew from what was written, and so is the place of its hooks."""
        self._places.pop(handle.tensor, None)

    def detached(self, handle: Handle) -> None:
        """detach_ is called on a tensor: its gradient is still that of the value it has now."""
        retained = self.retained.get(handle.tensor)
        if retained is not None:
            retained.fixed = self._storages.producer(handle)

    def settle_views(self, root: Handle) -> None:
        """Say of the probes and hooks on views of a tensor where they stay: nothing may use those views any more."""
        for retained in self.retained.values():
            if retained.handle.family is root.family and retained.handle.tensor != root.tensor:
                retained.fixed = retained.fixed or self._storages.producer(retained.handle)
        left, self._hooked = self._hooked, []
        for one in left:
            if one[0].family is root.family and one[0].tensor != root.tensor:
                self._remark_hooks([one])
            else:
                self._hooked.append(one)

    def moved(self, handle: Handle) -> None:
        """A tensor is on another storage from here on."""
        retained = self.retained.get(handle.tensor)
        if retained is not None:
            retained.handle = handle
        self._hooked = [
            (handle if one.tensor == handle.tensor else one, value, index) for one, value, index in self._hooked
        ]

    # ---- backwards ----

    def retained_among(self, passed: Collection[Value]) -> list[tuple[Retained, Value]]:
        """The tensors that retain their gradient among the values that a backward passes, each with its value."""
        found = [(one, one.fixed or self._storages.producer(one.handle)) for one in self.retained.values()]
        return [(one, producer) for one, producer in found if producer in passed]

    def hooks_of(self, region: Region, passed: Collection[Value]) -> tuple[HookedAt, ...]:
        """The hooks that a backward runs."""
        # A gradient that is asked for is taken before the node: no hook of that node runs.
        starts = {*region.arguments, *region.arguments.values()}
        return tuple(
            hooked
            for hooked in self.hooks.values()
            if hooked.value in passed and (hooked.hook.place == "tensor" or hooked.value not in starts)
        )

    def passed(self, values: Iterable[Value]) -> None:
        """A backward passes values: for them, a retain_grad comes too late from here on."""
        self._passed.update(values)

    # ---- the end ----

    def remark_positions(self) -> None:
        """Say of each retain_grad and hook where it ended up; that is known at the end."""
        for retained in self.retained.values():
            late = retained.late and not retained.filled
            self._walk.remark("late-retain-grad" if late else "retain-grad", retained.statement)
            if retained.fixed is None and self._storages.producer(retained.handle) is not retained.producer:
                self._walk.remark("retain-grad-follows", retained.statement)
        self._remark_hooks(self._hooked)

    def _remark_hooks(self, hooked: Iterable[tuple[Handle, Value, int]]) -> None:
        for handle, value, statement in hooked:
            if self._storages.producer(handle) is not value:
                self._walk.remark("hook-position", statement)
