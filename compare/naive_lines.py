"""The lines of a naive port: which of them make a value, and which leaves are arguments of a function made of them.

Values know what they are computed from. Beside that, a reader of the tape program knows which values are one leaf under
its name, and what else was written to the storage that a line reads.
"""

from __future__ import annotations

import bisect
import math
import operator
from collections.abc import Callable, Collection, Iterable

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
        self._leaves: dict[int, Differentiable] = {}

    # ---- telling it ----

    def bound(self, value: Value, handle: Handle) -> None:
        """A value is bound to a name that is this handle on the tape."""
        self._handles.setdefault(value, handle)

    def new_leaf(self, leaf: Differentiable) -> None:
        """A leaf, as it is before it is written."""
        self._leaves[leaf.family] = leaf
        self._versions[leaf] = [leaf]
        self._version_of[leaf] = (leaf, 0)

    def written(self, value: Value, leaf: Differentiable | None) -> None:
        """A value, bound already, is what a write made. `leaf`: it is that leaf from here on."""
        self._writes.setdefault(self._handles[value].storage.number, []).append(value)
        if leaf is not None:
            self._version_of[value] = (leaf, len(self._versions[leaf]))
            self._versions[leaf].append(value)

    # ---- asking it ----

    def leaf_of(self, value: Value) -> Differentiable | None:
        """The leaf that a value is, as it was made or as it was written later."""
        return self._version_of[value][0] if value in self._version_of else None

    def arguments(
        self, roots: tuple[Value, ...], families: Collection[int] = (), cut: Collection[Value] = ()
    ) -> dict[Differentiable, Value]:
        """The leaves that a function of these roots takes, and each as the earliest line of the function uses it.

        Args:
            families: of leaves that it takes in any case.
            cut: other values that it takes, so that no line before them is one of its own.
        """
        used = self._earliest(roots, cut, self._carrying)
        wanted = [leaf for family, leaf in self._leaves.items() if family in families and leaf not in used]
        if wanted:
            last = max(root.number for root in roots)
            lines = self._earliest(roots, cut, lambda value: (*value.operands, *self._written_to(value, last)))
            used |= {leaf: lines.get(leaf, len(self._versions[leaf]) - 1) for leaf in wanted}
        leaves = sorted(used.items(), key=lambda item: item[0].number)
        return {leaf: self._versions[leaf][number] for leaf, number in leaves}

    def _earliest(
        self, roots: tuple[Value, ...], cut: Collection[Value], edges: Callable[[Value], Iterable[Value]]
    ) -> dict[Differentiable, int]:
        """The leaves that edges lead to, and the number of the earliest version among those that a line uses."""
        earliest: dict[Differentiable, int] = {}
        again = True
        while again:
            again = False
            seen, pending = set(roots), list(roots)
            while pending:
                value = pending.pop()
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
                found = [one for one in edges(value) if one not in seen]
                pending += found
                seen.update(found)
        return earliest

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
                written = self._written_to(value, last, after=first.get(storage, -1))
                lines += written
                found += written
            pending += [one for one in found if one not in seen]
            seen.update(found)
        return tuple(sorted(lines, key=lambda value: value.number))

    def _written_to(self, value: Value, last: int, after: int = -1) -> list[Value]:
        """The writes to the storage that a value was read from: those after one number, up to another."""
        if value not in self._handles:
            return []
        writes, numbered = self._writes.get(self._handles[value].storage.number, []), operator.attrgetter("number")
        return writes[bisect.bisect(writes, after, key=numbered) : bisect.bisect(writes, last, key=numbered)]

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
