"""What every handle shows: the values of storages, and reading and writing them through handles."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from compare.facts import Handle, ViewStep
from compare.functionalize.values import Values
from compare.functionalize.walk import Walk
from compare.pure import StraightThrough, Value
from compare.statements import Number, Operand, Ref

__all__ = ["Storages"]


@dataclass(frozen=True)
class _Seen:
    """What a view showed when it was last read.

    root: the value of its root then. version: that of its storage when its history was decided.
    """

    root: Value
    version: int
    value: Value


class Storages:
    """The values of all storages. A storage holds one for the root of each family of handles on it."""

    def __init__(self, walk: Walk, values: Values) -> None:
        self._walk = walk
        self._values = values
        # By storage, then by family; then by family, what the root shows of the storage, and the name that it has.
        self._bases: dict[int, dict[int, Value]] = {}
        self._roots: dict[int, tuple[ViewStep, ...]] = {}
        self._family_names: dict[int, str] = {}
        # By tensor that is a view.
        self._views: dict[int, _Seen] = {}

    def start(self, handle: Handle, value: Value) -> None:
        """A new family, or a family whose history starts anew: its root shows `value`."""
        self._bases.setdefault(handle.storage.number, {})[handle.family.number] = value
        self._roots[handle.family.number] = handle.chain[: handle.family.depth]
        self._family_names.setdefault(handle.family.number, handle.name)

    def holds(self, handle: Handle) -> bool:
        """Whether the handle is on a storage that is known already."""
        return handle.storage.number in self._bases

    def move(self, handle: Handle, before: Handle, shown: Value) -> None:
        """Put a tensor, which is `before`, on another storage, where it shows `shown`."""
        number = handle.family.number
        families = self._bases[before.storage.number]
        old = families.pop(number)
        # What the old storage holds stays there for its other aliases.
        left = next(self._walk.facts.counter)
        families[left], self._roots[left] = self._values.stopped(old), self._roots[number]
        self._family_names[left] = before.name
        self.start(handle, self._values.carried(shown, old, handle.name))

    # ---- names ----

    def name_of(self, handle: Handle) -> str:
        """The name of a tensor, as what is written to it is called: of a root, that of its family."""
        return self._family_names[handle.family.number] if handle.link is None else handle.name

    def rename(self, handle: Handle, name: str) -> None:
        """Call what is written to the family of a handle by another name."""
        self._family_names[handle.family.number] = name

    # ---- reading ----

    def root(self, handle: Handle) -> Value:
        """What the root of a handle's family shows now."""
        return self._bases[handle.storage.number][handle.family.number]

    def others(self, handle: Handle) -> list[Value]:
        """What the roots of the other families on the same storage show now."""
        families = self._bases[handle.storage.number]
        return [value for family, value in families.items() if family != handle.family.number]

    def read(self, handle: Handle) -> Value:
        """The value a handle shows now."""
        root = self.root(handle)
        if handle.link is None:
            return root
        known = self._views.get(handle.tensor)
        if known is None or known.version != handle.link.seen:
            value = self._derived(handle, root)
        elif known.root is root:
            return known.value
        else:
            # Written, and not used since: the view still has its old history.
            value = self._values.carried(self._derived(handle, self._values.stopped(root)), known.value, handle.name)
        return self.remember(handle, value)

    def _derived(self, handle: Handle, value: Value) -> Value:
        """What a view shows of the value of its root."""
        for position, step in enumerate(handle.chain[handle.family.depth :], handle.family.depth + 1):
            hint = handle.name if position == len(handle.chain) else f"_{handle.name}"
            value = self._values.view(value, step, hint)
        return value

    def remember(self, handle: Handle, value: Value) -> Value:
        """Keep what a view shows until its storage is written."""
        assert handle.link is not None
        self._views[handle.tensor] = _Seen(self.root(handle), handle.link.seen, value)
        return value

    def forget(self, handle: Handle) -> None:
        """Derive a view anew when it is next read."""
        self._views.pop(handle.tensor, None)

    def keep_views(self, old: Value, new: Value) -> None:
        """What views of `old` show is not derived anew, now that their root shows `new`."""
        for tensor, seen in self._views.items():
            if seen.root is old:
                self._views[tensor] = replace(seen, root=new)

    def recorded(self, handle: Handle) -> Value:
        """The value that a recorded use of a handle reads: one that requires grad, where the tensor does."""
        value = self.read(handle)
        if value.tracked or not handle.requires_grad:
            return value
        self._walk.remark("no-grad-view" if handle.viewed_without_grad else "nodeless-view")
        return self._values.lost(value)

    def operand(self, operand: Operand, *, history: bool = True) -> Value | Number:
        """What a statement reads. history: with its derivative, where the tape records."""
        if not isinstance(operand, Ref):
            return operand
        handle = self._walk.used[operand.name]
        if self._walk.facts.recording and history:
            return self.recorded(handle)
        value = self.read(handle)
        if value.tracked and history:
            self._walk.remark("no-grad")
        return self._values.stopped(value)

    def producer(self, handle: Handle) -> Value:
        """The value of the newest recorded statement that made the tensor, as far as PyTorch has noticed it."""
        value = self.read(handle)
        while isinstance(value, StraightThrough):
            value = value.old
        return value

    def written_over(self, handle: Handle, probed: Collection[Value]) -> Value:
        """The value that an in-place op starts from.

        Its history is that of the root: it passes no probe on a view. probed: the values that have one.
        """
        root = self.root(handle)
        known = self._views.get(handle.tensor)
        if known is not None and known.root is root and known.value not in probed:
            return known.value
        return self._derived(handle, root)

    # ---- writing ----

    def write(
        self, handle: Handle, new: Value | Number, chain: tuple[ViewStep, ...], *, recording: bool | None = None
    ) -> None:
        """Replace what `chain` shows of the handle's storage by `new`, for every family on the storage.

        recording: whether the tape records the write; None: as the grad mode says.
        """
        values, families = self._values, self._bases[handle.storage.number]
        own = handle.family.number
        old = families[own]
        name = self._family_names[own]
        carries = old.tracked and not (self._walk.facts.recording if recording is None else recording)
        inner = chain[handle.family.depth :]
        written = values.put(values.stopped(old) if carries else old, inner, new, f"_{name}" if carries else name)
        if not inner and written.hint.startswith("_") and not carries:
            written.hint = name
        others = [family for family in families if family != own]
        whole = self._whole(families, own, written) if others else written
        for family in others:
            shown = written if self._roots[family] == self._roots[own] else self._part(whole, family)
            families[family] = values.carried(shown, families[family], self._family_names[family])
        families[own] = values.carried(written, old, name) if carries else written

    def _whole(self, families: dict[int, Value], own: int, written: Value) -> Value:
        """The whole storage after what the root of one family shows was replaced by `written`."""
        if not self._roots[own]:
            return written
        other = next(family for family in families if not self._roots[family])
        base, hint = self._values.stopped(families[other]), f"_{self._family_names[other]}"
        return self._values.put(base, self._roots[own], written, hint)

    def _part(self, whole: Value, family: int) -> Value:
        """What the root of a family shows of the whole storage."""
        for step in self._roots[family]:
            whole = self._values.view(whole, step, f"_{self._family_names[family]}")
        return whole
