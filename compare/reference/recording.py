"""The tape itself: what ops, views and writes do to storages, histories and shifts."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from itertools import zip_longest
from typing import Any

import numpy as np

from compare.checks import bound_attributes
from compare.facts import ViewStep
from compare.grad_modes import GradMode
from compare.ops import OPS, Op
from compare.ops.formulas import backward_formula
from compare.reference.arithmetic import Elements, applied, as_dtype, copied, is_single, objects, shifted, zeros
from compare.reference.doubts import (
    Doubts,
    doubts_of_numbers,
    doubts_of_result,
    is_negative_zero,
)
from compare.reference.layout import as_stored, overwrite, read, turns_zeros, viewed
from compare.reference.moves import Direction, Directions, Probe
from compare.reference.plan import Key, Node, Place, Plan
from compare.reference.tensors import Family, Path, Storage, Tensor, Version, merged
from compare.statements import (
    DIFFERENTIABLE_DTYPES,
    Apply,
    Constant,
    ItemWrite,
    Leaf,
    Operand,
    Ref,
    Write,
)

__all__ = ["Recording", "doubts_of"]

Ways = list[tuple[Tensor, Path]]
"""Operands with history, each with the way of a cotangent to it."""
NOWHERE: frozenset[Node] = frozenset()


class Recording:
    """One pass over the program.

    plan: what to move. steep: what to move by several steps. rules: by the node of a result, the function that has a
    backward rule of its own, and the nodes of the history before it.
    """

    def __init__(self, plan: Plan, steep: Set[Key]) -> None:
        self.plan = plan
        self.directions = Directions(plan, steep)
        self.index = 0
        self.modes = [GradMode()]
        self.tensors: dict[str, Tensor | None] = {}
        self.probes: dict[Node, Probe] = {}
        self.upstream: dict[Node, set[Node]] = {}
        self.rules: dict[Node, tuple[str, frozenset[Node]]] = {}
        self.collecting: list[Tensor] = []
        self.used: set[Place] = set()
        self.work = 0

    @property
    def recording(self) -> bool:
        return self.modes[-1].recording

    # -- tensors --

    def tensor(self, name: str) -> Tensor:
        """The tensor of a name that is computed with."""
        tensor = self.tensors[name]
        if tensor is None:
            raise TypeError(f"'{name}' is None: the gradient of what the outputs do not depend on")
        self.used.add(tensor.born)
        return tensor

    def bind(
        self, dtype: str, storage: Storage, *, requires_grad: bool = False, leaf: bool = True,
        version: Version | None = None, chain: tuple[ViewStep, ...] = (), position: int = 0,
    ) -> Tensor:  # fmt: skip
        """A tensor with a family of its own. `position`: among those that this statement makes."""
        family = Family(requires_grad, leaf)
        place = (self.index, position)
        tensor = Tensor(dtype, storage, family, version or Version(), place, self.index, chain)
        family.base = tensor
        return tensor

    def made(self, statement: Leaf | Constant) -> Tensor:
        """A tensor of numbers in the program."""
        rounded = np.frompyfunc(lambda number: as_dtype(number, statement.dtype), 1, 1)
        data = np.array(statement.data, dtype=object)
        data = data if statement.shape is None else data.reshape(statement.shape)
        value = objects(rounded(data))
        negative_zero = any(is_negative_zero(*pair) for pair in zip(data.flat, value.flat, strict=True))
        storage = Storage(as_stored(value, statement.dtype), Doubts(negative_zero=negative_zero))
        tensor = self.bind(statement.dtype, storage)
        if isinstance(statement, Leaf):
            self.require_grad(tensor, True)
        return tensor

    def alias(self, source: Tensor, version: Version) -> Tensor:
        """A tensor that shares the storage, with a history of its own: none."""
        return self.bind(source.dtype, source.storage, version=version, chain=source.chain)

    def assign_data(self, tensor: Tensor, source: Tensor) -> None:
        """Put the storage of `source` under a tensor, which keeps its history."""
        if tensor is source:
            return
        family = tensor.family
        moved = {direction: copied(tensor.family_shift(direction)) for direction in family.shifts}
        tensor.storage, tensor.chain = source.storage, source.chain
        for direction, shift in moved.items():
            array = family.shifts[direction] = zeros(tensor.storage.value.shape)
            overwrite(array, tensor.chain, tensor.dtype, shift)

    def require_grad(self, tensor: Tensor, flag: bool) -> None:
        """Set the flag of a leaf."""
        if not tensor.is_leaf or tensor.family.requires_grad == flag:
            return
        if tensor.is_view:
            # A view of a constant becomes a leaf by itself.
            tensor.family, tensor.linked, tensor.recorded = Family(base=tensor), True, True
        family, once_leaf = tensor.family, tensor in self.collecting
        family.requires_grad = flag
        family.forget()
        if flag:
            self.collect(tensor)
            self.produced(tensor, again=once_leaf)

    def detach_in_place(self, tensor: Tensor) -> None:
        """`tensor.detach_()`."""
        family = tensor.family
        if family.leaf:
            self.require_grad(tensor, False)
        elif not tensor.is_view:
            family.requires_grad, family.leaf = False, True
            family.forget()

    def collect(self, tensor: Tensor) -> None:
        """Let backwards fill the tensor's `.grad`."""
        if tensor not in self.collecting:
            self.collecting.append(tensor)

    def produced(self, tensor: Tensor, *, again: bool = False) -> None:
        """The tensor has new history from this statement on: mark the place where the plan says so.

        again: it is the leaf that it was before.
        """
        if not again:
            tensor.produced = self.index
        node, family = tensor.node, tensor.family
        self.upstream[node] = {*tensor.history, node}
        marked = node in self.plan.marks
        if not (marked or (family.leaf and not tensor.is_view)):
            return
        if not again:
            self.probes[node] = Probe.at(node, tensor.value, tensor.dtype, self.directions)
        probe = self.probes[node]
        if tensor.is_view:
            tensor.passed.append((node, probe, len(tensor.chain)))
            return
        family.history[node] = Path()
        moved = {}
        for direction in self.directions.reaching(family.history.keys(), family.order):
            here = [move for move in direction if move.node == node]
            if here:
                shift = self._whole_shift(family, direction.difference(here), tensor.storage)
                there = read(shift, tensor.chain, tensor.dtype)
                there = objects(sum((probe.offsets[move] for move in here), there))
                overwrite(shift, tensor.chain, tensor.dtype, there)
                moved[direction] = shift
        family.shifts.update(moved)

    def _whole_shift(self, family: Family, direction: Direction, storage: Storage) -> Elements:
        """A new array of the shifts of the whole storage."""
        shift = family.shift(direction) if direction else None
        return zeros(storage.value.shape) if shift is None else shift.copy()

    def renew(self, tensor: Tensor) -> None:
        """What PyTorch does when a view's history is asked for: after a write, it starts again at the base."""
        if tensor.outdated and tensor.recorded:
            self._renewed(tensor)

    def _renewed(self, tensor: Tensor) -> None:
        tensor.linked, tensor.has_node, tensor.renewed, tensor.passed = True, True, tensor.version.count, []
        self.produced(tensor)

    # -- histories --

    def _ways(self, op: Op, operands: Sequence[Tensor | Any], result: Node, dtype: str, *, in_place: bool) -> Ways:
        """The way of a cotangent from an op's result to each operand that has history."""
        values = _values(operands)
        histories = [frozenset(one.history) if isinstance(one, Tensor) else NOWHERE for one in operands]
        at_result = NOWHERE.union({result} & self.plan.marks)
        found: Ways = []
        for place, (name, operand) in enumerate(zip_longest(op.operand_names, operands)):
            if not isinstance(operand, Tensor) or (name in op.without_history and not in_place):
                continue
            formula = backward_formula(op, place, values, in_place=in_place)
            reads = NOWHERE.union(*(histories[one] for one in formula.reads))
            if formula.result:
                reads = reads.union(at_result, *histories)
            results = at_result if formula.result else NOWHERE
            found.append((operand, Path(reads, results, formula.passes, is_single(dtype), exact=formula.exact)))
        return found

    def join(self, family: Family, ways: Ways) -> None:
        """The family takes on the history of operands, each behind the way to it."""
        ways = [(tensor, way) for tensor, way in ways if tensor.history]
        found = [{node: way.then(path) for node, path in tensor.history.items()} for tensor, way in ways]
        family.history = merged([family.history, *found])
        family.order = max([family.order, *(tensor.family.order for tensor, _ in ways)])
        family.inner = family.inner.union(*(tensor.family.inner for tensor, _ in ways))

    # -- ops --

    def _operand(self, operand: Operand, dtype: str) -> Tensor | Any:
        return self.tensor(operand.name) if isinstance(operand, Ref) else as_dtype(operand, dtype)

    def apply(self, statement: Apply, dtype: str, position: int = 0) -> Tensor:
        """An op out of place: a view where it can be one, otherwise a new tensor.

        position: among those that this statement makes.
        """
        op = OPS[statement.op]
        attributes = bound_attributes(op, len(statement.operands), statement.attributes)
        number_dtype = next(self.tensor(one.name).dtype for one in statement.operands if isinstance(one, Ref))
        if number_dtype not in DIFFERENTIABLE_DTYPES:
            number_dtype = dtype
        operands = [self._operand(operand, number_dtype) for operand in statement.operands]
        tensors = [operand for operand in operands if isinstance(operand, Tensor)]
        if op.view is not None:
            if self.recording:
                self.renew(tensors[0])
            view = self._view(op, tensors[0], attributes, dtype, position)
            if view is not None:
                return view
        values = _values(operands)
        value = applied(op, values, attributes, dtype)
        self.work += value.size
        tensors = [
            operand
            for name, operand in zip_longest(op.operand_names, operands)
            if isinstance(operand, Tensor) and name not in op.without_history
        ]
        inherited = doubts_of(tensors) | doubts_of_numbers([*statement.operands, *attributes.values()])
        storage = Storage(as_stored(value, dtype), doubts_of_result(op, values, value, dtype, inherited))
        carrying = any(tensor.family.requires_grad for tensor in tensors)
        tracked = self.recording and dtype in DIFFERENTIABLE_DTYPES and carrying
        if tracked:
            for operand in operands:
                if isinstance(operand, Tensor):
                    self.renew(operand)
        result = self.bind(dtype, storage, requires_grad=tracked, leaf=not tracked, position=position)
        if tracked:
            family = result.family
            self.join(family, self._ways(op, operands, result.node, dtype, in_place=False))
            for direction in self.directions.reaching(family.history.keys(), family.order):
                shifts = [_shift(operand, direction) for operand in operands]
                moved = shifted(op, values, shifts, attributes, dtype, value)
                family.shifts[direction] = as_stored(moved, dtype)
            self.produced(result)
        return result

    def _view(self, op: Op, base: Tensor, attributes: dict[str, Any], dtype: str, position: int) -> Tensor | None:
        """The alias, or None where PyTorch has to copy."""
        assert op.view is not None
        chain = (*base.chain, ViewStep(op, attributes, base.value.shape, base.dtype))
        try:
            viewed(base.storage.value, chain)
        except ValueError:
            if op.view.otherwise != "copy":
                raise
            return None
        view = Tensor(
            dtype, base.storage, base.family, base.version, (self.index, position), self.index, chain,
            linked=self.recording and base.linked and base.family.requires_grad,
            has_node=self.recording and base.family.requires_grad,
            recorded=self.recording and base.recorded, renewed=base.version.count, passed=list(base.passed),
        )  # fmt: skip
        if view.linked:
            self.produced(view)
        return view

    # -- writes --

    def write(self, statement: Write) -> None:
        """An op in place."""
        target, op = self.tensor(statement.handle), OPS[statement.op]
        attributes = bound_attributes(op, len(statement.operands) + 1, statement.attributes)
        operands = [target, *(self._operand(operand, target.dtype) for operand in statement.operands)]
        values = [target.value.copy(), *_values(operands[1:])]
        result = applied(op, values, attributes, target.dtype)
        self.work += result.size
        tensors = [operand for operand in operands if isinstance(operand, Tensor)]
        # fill and copy leave nothing of what was there.
        inherited = doubts_of(tensors[1:] if op.without_history else tensors)
        inherited |= doubts_of_numbers([*statement.operands, *attributes.values()])
        doubts = doubts_of_result(op, values, result, target.dtype, inherited)
        if op.without_history and not target.chain:
            target.storage.doubts = Doubts()

        def shift(direction: Direction) -> Elements:
            # History goes on from the base, past the probes on a view.
            shifts = [target.family_shift(direction), *(_shift(operand, direction) for operand in operands[1:])]
            return shifted(op, values, shifts, attributes, target.dtype, result)

        def ways() -> tuple[Path, Ways]:
            assert target.family.base is not None
            node = Node(target.family.base.born, self.index)
            (_, own), *others = self._ways(op, operands, node, target.dtype, in_place=True)
            # What a view does not see keeps its history as it is.
            return own | Path() if target.is_view else own, others

        self._put(target, (), tensors[1:], result, shift, ways, doubts)
        if target.is_view and self.recording and target.family.requires_grad:
            self._renewed(target)
            target.hooks_at = None

    def item_write(self, statement: ItemWrite) -> None:
        """`handle[index] = value`."""
        target = self.tensor(statement.handle)
        value = self._operand(statement.value, target.dtype)
        step = ViewStep(OPS["getitem"], {"index": statement.index}, target.value.shape, target.dtype)
        tensors = [value] if isinstance(value, Tensor) else []
        [new] = _values([value])
        doubts = doubts_of([target, *tensors]) | doubts_of_numbers([statement.value])
        way = Path(narrowed=is_single(target.dtype))
        self._put(
            target, (step,), tensors, new, lambda direction: _shift(value, direction),
            lambda: (way, [(tensor, way) for tensor in tensors]), doubts,
        )  # fmt: skip

    def _put(
        self,
        target: Tensor,
        index: tuple[ViewStep, ...],
        operands: list[Tensor],
        value: Any,
        shift: Callable[[Direction], Elements | None],
        ways: Callable[[], tuple[Path, Ways]],
        doubts: Doubts,
    ) -> None:
        """Write a value, and its shift in each run, to the elements of `target` that `index` sees.

        ways: that of a cotangent to what the family was before, and those to the operands.
        """
        family, storage = target.family, target.storage
        if self.recording:
            for tensor in (target, *operands):
                self.renew(tensor)
        tracked = self.recording and (family.requires_grad or any(tensor.family.requires_grad for tensor in operands))
        if tracked:
            self._put_shifts(target, index, operands, shift, ways)
        chain = (*target.chain, *index)
        overwrite(storage.value, chain, target.dtype, copied(value))
        doubts |= Doubts(negative_zero=turns_zeros(value, chain))
        storage.doubts |= doubts
        storage.left = None
        storage.written()
        target.version.count += 1
        if tracked:
            family.requires_grad, family.leaf = True, False
            assert family.base is not None
            self.produced(family.base)

    def _put_shifts(
        self,
        target: Tensor,
        index: tuple[ViewStep, ...],
        operands: list[Tensor],
        shift: Callable[[Direction], Elements | None],
        ways: Callable[[], tuple[Path, Ways]],
    ) -> None:
        """Write the shifts, and take on the history."""
        family = target.family
        own, others = ways()
        joined = Family(history={node: own.then(path) for node, path in family.history.items()})
        joined.order, joined.inner = family.order, family.inner
        self.join(joined, others)
        for direction in self.directions.reaching(joined.history.keys(), joined.order):
            moved = self._whole_shift(family, direction, target.storage)
            overwrite(moved, (*target.chain, *index), target.dtype, copied(shift(direction)))
            joined.shifts[direction] = moved
        family.history, family.shifts = joined.history, joined.shifts
        family.order, family.inner = joined.order, joined.inner


def doubts_of(tensors: Sequence[Tensor]) -> Doubts:
    """The doubts about several tensors together."""
    doubts = Doubts()
    for tensor in tensors:
        doubts |= tensor.doubts
    return doubts


def _values(operands: Sequence[Tensor | Any]) -> list[Any]:
    return [operand.value if isinstance(operand, Tensor) else operand for operand in operands]


def _shift(operand: Tensor | Any, direction: Direction) -> Elements | None:
    return operand.shift(direction) if isinstance(operand, Tensor) else None
