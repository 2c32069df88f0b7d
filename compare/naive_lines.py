"""The lines of a naive port: which of them make a value, and which leaves are arguments of a function made of them.

Values know what they are computed from. Beside that, a reader of the tape program knows which values are one leaf under
its name, and what else was written to the storage that a line reads.
"""

from __future__ import annotations

import bisect
import math
import operator
from collections.abc import Collection

from compare.facts import Handle
from compare.pure import Differentiable, StopGradient, Value
from compare.statements import DIFFERENTIABLE_DTYPES

__all__ = ["Lines"]


class Lines:
    """What is known of the values of a port.

    carried: of a value that does not carry the history of all its operands, those whose history it does.
    """

    def __init__(self) -> None:
        self.carried: dict[Value, tuple[Value, ...]] = {}
        self._handles: dict[Value, Handle] = {}
        self._versions: dict[Differentiable, list[Value]] = {}
        self._version_of: dict[Value, tuple[Differentiable, int]] = {}
        self._writes: dict[int, list[Value]] = {}
        self._recorded_writes: dict[int, list[Value]] = {}

    # ---- telling it ----

    def bound(self, value: Value, handle: Handle) -> None:
        """A value is bound to a name that is this handle on the tape."""
        self._handles.setdefault(value, handle)

    def new_leaf(self, leaf: Differentiable) -> None:
        """A leaf, as it is before it is written."""
        self._versions[leaf] = [leaf]
        self._version_of[leaf] = (leaf, 0)

    def written(self, value: Value, *, recorded: bool, leaf: Differentiable | None) -> None:
        """A value, bound already, is what a write made. `leaf`: it is that leaf from here on."""
        handle = self._handles[value]
        self._writes.setdefault(handle.storage.number, []).append(value)
        if recorded:
            self._recorded_writes.setdefault(handle.family.number, []).append(value)
        if leaf is not None:
            self._version_of[value] = (leaf, len(self._versions[leaf]))
            self._versions[leaf].append(value)

    # ---- asking it ----

    def leaf_of(self, value: Value) -> Differentiable | None:
        """The leaf that a value is, as it was made or as it was written later."""
        return self._version_of[value][0] if value in self._version_of else None

    def arguments(self, roots: tuple[Value, ...], cut: Collection[Value] = frozenset()) -> dict[Differentiable, Value]:
        """The leaves among the lines that make the roots, and for each its earliest version that a line uses.

        cut: other values that are arguments, so that no line before them is one of the function's.
        """
        earliest: dict[Differentiable, int] = {}
        again = True
        while again:
            again = False
            seen, families = set[Value](), dict[int, float]()
            pending = [(root, math.inf) for root in roots]
            while pending:
                value, reader = pending.pop()
                if value in self._version_of:
                    leaf, number = self._version_of[value]
                    if number < earliest.get(leaf, math.inf):
                        # What was passed as an argument before is a line of the function now.
                        again = again or leaf in earliest
                        earliest[leaf] = number
                    if number == earliest[leaf]:
                        continue
                elif value in cut:
                    continue
                family = self._handles[value].family.number if value in self._handles else -1
                known = families.get(family, -1)
                if reader > known:
                    # PyTorch shows the reader what was written to the value's family until then.
                    families[family] = reader
                    writes = _between(known, self._recorded_writes.get(family, []), reader)
                    pending += [(one, one.number) for one in writes]
                if value not in seen:
                    seen.add(value)
                    pending += [(one, value.number) for one in self._carrying(value)]
        leaves = sorted(earliest.items(), key=lambda item: item[0].number)
        return {leaf: self._versions[leaf][number] for leaf, number in leaves}

    def writes_between(self, arguments: set[Value], roots: tuple[Value, ...]) -> tuple[Value, ...]:
        """The writes to what the lines between the arguments and the roots read, under whatever name."""
        first = {self._handles[value].storage.number: value.number for value in arguments}
        last = max(root.number for root in roots)
        lines: list[Value] = []
        seen, storages, pending = set(roots), set[int](), list(roots)
        while pending:
            value = pending.pop()
            found = [] if value in arguments else [*value.operands]
            storage = self._handles[value].storage.number if value in self._handles else -1
            if storage not in storages:
                storages.add(storage)
                written = _between(first.get(storage, -1), self._writes.get(storage, []), last)
                lines += written
                found += written
            pending += [one for one in found if one not in seen]
            seen.update(found)
        return tuple(sorted(lines, key=lambda value: value.number))

    def upstream(self, value: Value) -> set[Value]:
        """What a value is made from, along its history."""
        seen, pending = set[Value](), [value]
        while pending:
            found = [one for one in self._carrying(pending.pop()) if one not in seen]
            pending += found
            seen.update(found)
        return seen

    def _carrying(self, value: Value) -> tuple[Value, ...]:
        """The operands whose history PyTorch would look for."""
        if isinstance(value, StopGradient | Differentiable) or value.dtype not in DIFFERENTIABLE_DTYPES:
            return ()
        return self.carried.get(value, value.operands)


def _between(first: float, writes: list[Value], last: float) -> list[Value]:
    """The writes that were made after the value numbered `first`, up to the one numbered `last`."""
    numbered = operator.attrgetter("number")
    return writes[bisect.bisect(writes, first, key=numbered) : bisect.bisect(writes, last, key=numbered)]
