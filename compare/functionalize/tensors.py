"""Tensors that are computed, written to, and shared: ops, in-place writes and aliases."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from compare.checks import bound_attributes, find_op
from compare.facts import Handle, ViewStep, is_item
from compare.functionalize.attached import Attached
from compare.functionalize.storages import Storages
from compare.functionalize.values import Values
from compare.functionalize.walk import Walk
from compare.ops import OPS, Op, sets_twice
from compare.pure import StopGradient, Value
from compare.statements import Apply, AssignData, Data, Detach, ItemWrite, Operand, Ref, Unpack, Write

__all__ = ["Tensors"]

_OPS = {
    **dict.fromkeys(("clone", "contiguous_clone"), "clone"),
    **dict.fromkeys(("advanced_getitem", "take", "take_along_axis"), "maybe-view"),
    **dict.fromkeys(("masked_setitem", "masked_fill"), "masked-write"),
    **dict.fromkeys(("index_add", "scatter_add"), "index-accumulation"),
    **dict.fromkeys(("slice_scatter", "select_scatter", "diagonal_scatter", "index_put"), "functional-scatter"),
}
"""The concept that answers for an op."""


class Tensors:
    """Ops, views, in-place writes, detached aliases and assignments of data."""

    def __init__(self, walk: Walk, values: Values, storages: Storages, attached: Attached) -> None:
        self._walk = walk
        self._values = values
        self._storages = storages
        self._attached = attached
        # The word that made the root of a family an alias; and by storage, the statements that made aliases on it.
        self._alias_words: dict[int, str] = {}
        self._alias_statements: dict[int, list[int]] = {}

    # ---- ops ----

    def apply(self, statement: Apply) -> None:
        """An op out of place, or a view."""
        op = find_op(statement.op)
        attributes = bound_attributes(op, len(statement.operands), statement.attributes)
        handle = self._walk.facts.handles[statement.target]
        if op.view is not None and self._storages.holds(handle):
            # A view of a view is made from that view, so that a probe on it sees this reader too.
            shown = self._storages.operand(statement.operands[0])
            assert isinstance(shown, Value)
            self._storages.remember(handle, self._values.view(shown, handle.chain[-1], handle.name))
            self._alias_statements.setdefault(handle.storage.number, []).append(self._walk.index)
            return
        arguments = tuple(
            self._storages.operand(operand, history=name not in op.without_history)
            for name, operand in zip_longest(op.operand_names, statement.operands)
            if operand is not None
        )
        self._remark_op(op, attributes, statement.operands)
        if op.name in ("clone", "contiguous_clone"):
            [copied] = arguments
            if isinstance(copied, Value) and not copied.tracked:
                self._storages.start(handle, self._renamed_stop(copied, statement.target))
                return
        hint = f"_{statement.target}" if _is_made_up(statement.target, op.name) else statement.target
        self._storages.start(handle, self._values.applied(hint, handle.shape, handle.dtype, op, arguments, attributes))
        self._storages.rename(handle, hint)

    def _renamed_stop(self, value: Value, hint: str) -> Value:
        """The same value; an unnamed stop takes the name of the tensor it was made for."""
        if isinstance(value, StopGradient) and not value.named:
            return self._values.stop(value.source, hint, named=True)
        return value

    def unpack(self, statement: Unpack) -> None:
        """An op that returns several views at once."""
        for piece in statement.pieces:
            self.apply(piece)
        values = tuple(self._storages.read(self._walk.facts.handles[target]) for target in statement.targets)
        self._attached.pieces.update(dict.fromkeys(values, values))
        self._walk.remark("multiple-views")

    def _remark_op(self, op: Op, attributes: dict[str, Any], operands: Sequence[Operand]) -> None:
        """Say what is particular about an op."""
        used = self._walk.used
        if op.name in _OPS:
            self._walk.remark("index-accumulation" if attributes.get("accumulate") else _OPS[op.name])
        target, *others = (used[one.name] for one in operands if isinstance(one, Ref))
        positions = [used[one.name].known for one in op.index_operands(operands) if isinstance(one, Ref)]
        if len(others) > len(positions) and sets_twice(op, target.shape, positions, attributes):
            self._walk.remark("duplicate-index")

    # ---- writes ----

    def in_place(self, statement: Write) -> None:
        """An op in place."""
        op = find_op(statement.op)
        handle = self._walk.used[statement.handle]
        attributes = bound_attributes(op, len(statement.operands) + 1, statement.attributes)
        self._remark_write(handle)
        self._remark_op(op, attributes, (Ref(statement.handle), *statement.operands))
        operands = tuple(self._storages.operand(operand) for operand in statement.operands)
        current = self._storages.written_over(handle, self._attached.probed)
        if not self._walk.facts.recording:
            current = self._values.stopped(current)
        hint = f"_{handle.name.lstrip('_')}_next"
        new = self._values.applied(hint, handle.shape, handle.dtype, op, (current, *operands), attributes)
        self._storages.write(handle, new, handle.chain)
        if self._walk.facts.recording and handle.requires_grad:
            self._storages.forget(handle)
            self._attached.written_through(handle)

    def item_write(self, statement: ItemWrite) -> None:
        """`a[index] = value`."""
        handle = self._walk.used[statement.handle]
        self._remark_write(handle)
        step = ViewStep(OPS["getitem"], {"index": statement.index}, handle.shape, handle.dtype)
        value = statement.value
        if isinstance(value, Ref) and is_item(self._walk.used[value.name], handle, statement.index):
            return  # the last step of `a[0] += 1` writes the item onto itself
        self._storages.write(handle, self._storages.operand(value), (*handle.chain, step))

    def _remark_write(self, handle: Handle) -> None:
        """Say what kind of write this is."""
        walk, consumed = self._walk, self._values.consumed
        others = [value for value in self._storages.others(handle) if value.tracked]
        word = self._alias_words.get(handle.family.number)
        own = self._storages.root(handle)
        if word is not None and others:
            late = any(value.number in consumed for value in others)
            if word == "data":
                walk.remark("data-write-after-save" if late else "data-write")
            else:
                walk.remark("write-after-save" if late else "detached-write")
        elif not walk.facts.recording and own.tracked:
            walk.remark("write-after-save" if own.number in consumed else "no-grad-write")
        elif handle.storage.number in self._alias_statements:
            walk.remark("view-write")
            # Each alias is told of once, at the first write after it was made.
            for statement in self._alias_statements[handle.storage.number]:
                walk.remark("view", statement)
            self._alias_statements[handle.storage.number] = []
        else:
            walk.remark("inplace-write")

    # ---- aliases ----

    def alias(self, statement: Detach | Data) -> None:
        """The same storage without history."""
        handle = self._walk.facts.handles[statement.target]
        source = self._walk.used[statement.source]
        word = "detach" if isinstance(statement, Detach) else "data"
        self._walk.remark(word)
        self._alias_words[handle.family.number] = word
        self._alias_statements.setdefault(handle.storage.number, []).append(self._walk.index)
        value = self._storages.read(source)
        named = not statement.target.startswith("_") and not _is_made_up(statement.target, f"{word}(?:ed)?")
        if value.tracked:
            printed = named and word == "detach"
            hint = statement.target if printed else f"_{value.hint.lstrip('_')}_stopped"
            value = self._values.stop(value, hint, named=printed)
        self._storages.start(handle, value)
        if not named:
            self._storages.rename(handle, self._storages.name_of(source))

    def assign_data(self, statement: AssignData) -> None:
        """`a.data = b`: the tensor moves to the storage of another one."""
        before, handle = self._walk.used[statement.handle], self._walk.facts.handles[statement.handle]
        self._walk.remark("data-assignment")
        if before is handle:
            return
        shown = self._storages.read(self._walk.used[statement.source])
        self._attached.settle_views(handle)
        self._storages.move(handle, before, shown)
        self._attached.moved(handle)


def _is_made_up(name: str, word: str) -> bool:
    """Whether a name was only made up because its statement has a line of its own: `matmul_3`. It is none."""
    return re.fullmatch(rf"{word}(_[0-9]+)+", name) is not None
