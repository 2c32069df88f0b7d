"""From the tape to the pure program: no storage, no history, the same numbers and the same gradients.

Every storage holds, for each family of handles on it, the pure value of its whole extent. Reading a handle applies its
view chain to that value; writing through a handle makes a new value and leaves the other handles to be re-derived when
they are next read. A write that the tape does not record has the value of the new and the derivative of the old.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Literal, assert_never

import msgspec
import numpy as np

from compare.checks import bound_attributes, find_op
from compare.errors import ProgramError
from compare.facts import Facts, Handle, ViewStep, is_item
from compare.functions import is_linear, keeps_zeros
from compare.ops import OPS, Op, Shape, is_complex, sets_twice
from compare.ops.formulas import backward_formula
from compare.program import Program
from compare.pure import (
    Accumulated,
    Applied,
    Call,
    Differentiable,
    Given,
    Gradient,
    HookedAt,
    Lost,
    PureProgram,
    Put,
    Region,
    Result,
    Shown,
    StopGradient,
    StraightThrough,
    Value,
)
from compare.statements import (
    Apply,
    AssignData,
    Attempt,
    AutogradGrad,
    Backward,
    CallFunction,
    Constant,
    Data,
    DefineFunction,
    Detach,
    DetachInPlace,
    EnterGradMode,
    EnterHook,
    EnterSavedTensorsHooks,
    ExitGradMode,
    ExitHook,
    ExitSavedTensorsHooks,
    Grad,
    ItemWrite,
    Jvp,
    Leaf,
    Member,
    Number,
    Operand,
    Read,
    Ref,
    RegisterHook,
    RegisterPostAccumulateGradHook,
    RemoveHook,
    RequiresGrad,
    RetainGrad,
    SetGrad,
    SetGradMode,
    Step,
    Unpack,
    Warned,
    Write,
    bound,
)

__all__ = ["Lowering", "Remark", "functionalize"]


@dataclass(frozen=True)
class Remark:
    """A tape statement, by index, and the concept that says what became of it."""

    statement: int
    concept: str


@dataclass(frozen=True)
class Lowering:
    """The pure program, and what there is to say about the statements it came from."""

    pure: PureProgram
    remarks: tuple[Remark, ...]


def functionalize(program: Program) -> Lowering:
    """Lower a tape program. Takes time linear in its statements. Raises ProgramError where it cannot be exact."""
    return _Functionalizer(program).run()


@dataclass
class _Retained:
    """A tensor that retain_grad was called on, and the value that it had then.

    late: a backward had already passed the tensor. fixed: the producer that it stays with after detach_.
    """

    handle: Handle
    producer: Value
    statement: int
    late: bool
    filled: bool = False
    fixed: Value | None = None


@dataclass(frozen=True)
class _Seen:
    """What a view showed when it was last read.

    root: the value of its root then. version: that of its storage when its history was decided.
    """

    root: Value
    version: int
    value: Value


class _Functionalizer:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.pure = PureProgram(program.id, program.title, program.dtype)
        self.remarks: list[Remark] = []
        self.facts = Facts(float_dtype=program.dtype)
        self.used: dict[str, Handle] = {}
        self.index = 0
        self.bases: dict[int, dict[int, Value]] = {}
        self.roots: dict[int, tuple[ViewStep, ...]] = {}
        self.family_names: dict[int, str] = {}
        self.views: dict[int, _Seen] = {}
        self.frozen: dict[int, tuple[Value, Value]] = {}
        self.lost: dict[int, Lost] = {}
        self.alias_words: dict[int, str] = {}
        self.alias_statements: dict[int, list[int]] = {}
        self.stops: dict[int, StopGradient] = {}
        self.slots: dict[int, Handle] = {}
        self.conjugates: dict[Value, Value] = {}
        self.retained_gradients: dict[int, Value] = {}
        self.retained: dict[int, _Retained] = {}
        self.reached: set[Value] = set()
        self.hooks: dict[str, HookedAt] = {}
        self.pieces: dict[Value, tuple[Value, ...]] = {}
        self.hook_places: dict[int, Value] = {}
        self.hooked: list[tuple[Handle, Value, int]] = []
        self.probed: set[Value] = set()
        self.consumed: set[int] = set()
        self.defined: dict[str, int] = {}
        self.registered: dict[str, int] = {}
        self.inside: int | None = None

    def run(self) -> Lowering:
        for self.index, statement, self.used, self.facts in self.program.steps():
            try:
                self.lower(statement)
            except ProgramError as error:
                error.line = error.line or statement.line
                raise
        self.remark_positions()
        self.remarks.sort(key=lambda remark: remark.statement)
        return Lowering(self.pure, tuple(dict.fromkeys(self.remarks)))

    def remark(self, concept: str, statement: int | None = None) -> None:
        """Say something of a statement: by default of this one, or of the one that registered the hook it is in."""
        here = self.index if self.inside is None else self.inside
        self.remarks.append(Remark(here if statement is None else statement, concept))

    # ---- reading and writing through handles ----

    def read(self, handle: Handle) -> Value:
        """The value a handle shows now."""
        root = self.bases[handle.storage.number][handle.family.number]
        if handle.link is None:
            return root
        known = self.views.get(handle.tensor)
        if known is None or known.version != handle.link.seen:
            value = self.derived(handle, root)
        elif known.root is root:
            return known.value
        else:
            # Written, and not used since: the view still has its old history.
            value = self.carried(self.derived(handle, self.stopped(root)), known.value, handle.name)
        return self.remember(handle, value)

    def derived(self, handle: Handle, value: Value) -> Value:
        """What a view shows of the value of its root."""
        for position, step in enumerate(handle.chain[handle.family.depth :], handle.family.depth + 1):
            value = self.view(value, step, handle.name if position == len(handle.chain) else f"_{handle.name}")
        return value

    def remember(self, handle: Handle, value: Value) -> Value:
        """Keep what a view shows until its storage is written."""
        assert handle.link is not None
        root = self.bases[handle.storage.number][handle.family.number]
        self.views[handle.tensor] = _Seen(root, handle.link.seen, value)
        return value

    def recorded(self, handle: Handle) -> Value:
        """The value that a recorded use of a handle reads: one that requires grad, where the tensor does."""
        value = self.read(handle)
        if value.tracked or not handle.requires_grad:
            return value
        self.remark("no-grad-view" if handle.viewed_without_grad else "nodeless-view")
        if value.number not in self.lost:
            hint = f"_{value.hint.lstrip('_')}_stopped"
            self.lost[value.number] = self.pure.add(Lost(hint, self.index, value.shape, value.dtype, value))
        return self.lost[value.number]

    def view(self, value: Value, step: ViewStep, hint: str) -> Value:
        shape = step.op.shape((step.shape,), step.attributes)
        dtype = step.op.result_dtype((value.dtype,), self.program.dtype, step.attributes)
        return self.applied(hint, shape, dtype, step.op, (value,), step.attributes)

    def applied(
        self,
        hint: str,
        shape: Shape,
        dtype: str,
        op: Op,
        arguments: tuple[Value | Number, ...],
        attributes: dict[str, Any],
    ) -> Applied:
        for argument in arguments:
            if isinstance(argument, Value) and self.facts.recording:
                self.consumed.add(argument.number)
        return self.pure.add(Applied(hint, self.index, shape, dtype, op, arguments, attributes))

    def stopped(self, value: Value) -> Value:
        """The value without its derivative; itself when it has none."""
        if not value.tracked:
            return value
        if value.number not in self.stops:
            hint = f"_{value.hint.lstrip('_')}_stopped"
            self.stops[value.number] = self.pure.add(StopGradient(hint, self.index, value.shape, value.dtype, value))
        return self.stops[value.number]

    def operand(self, operand: Operand, *, history: bool = True) -> Value | Number:
        if not isinstance(operand, Ref):
            return operand
        handle = self.used[operand.name]
        if self.facts.recording and history:
            return self.recorded(handle)
        value = self.read(handle)
        if value.tracked and history:
            self.remark("no-grad")
        return self.stopped(value)

    def put(self, base: Value, chain: tuple[ViewStep, ...], new: Value | Number, hint: str) -> Value:
        """`base` with what the chain shows replaced by `new`."""
        if not chain:
            assert isinstance(new, Value)
            return new
        first, rest = chain[0], chain[1:]
        if rest:
            inner = self.view(base, first, f"_{hint.lstrip('_')}_view")
            new = self.put(inner, rest, new, f"_{hint.lstrip('_')}_written")
        return self.pure.add(Put(hint, self.index, base.shape, base.dtype, first.op, first.attributes, base, new))

    def write(
        self, handle: Handle, new: Value | Number, chain: tuple[ViewStep, ...], *, recording: bool | None = None
    ) -> None:
        """Replace what `chain` shows of the handle's storage by `new`, for every family on the storage.

        recording: whether the tape records the write; None: as the grad mode says.
        """
        families = self.bases[handle.storage.number]
        own = handle.family.number
        old = families[own]
        name = self.family_names[own]
        carries = old.tracked and not (self.facts.recording if recording is None else recording)
        inner = chain[handle.family.depth :]
        written = self.put(self.stopped(old) if carries else old, inner, new, f"_{name}" if carries else name)
        if not inner and written.hint.startswith("_") and not carries:
            written.hint = name
        others = [family for family in families if family != own]
        whole = self.whole(families, own, written) if others else written
        for family in others:
            shown = written if self.roots[family] == self.roots[own] else self.part(whole, family)
            families[family] = self.carried(shown, families[family], self.family_names[family])
        families[own] = self.carried(written, old, name) if carries else written

    def whole(self, families: dict[int, Value], own: int, written: Value) -> Value:
        """The whole storage after what the root of one family shows was replaced by `written`."""
        if not self.roots[own]:
            return written
        other = next(family for family in families if not self.roots[family])
        return self.put(self.stopped(families[other]), self.roots[own], written, f"_{self.family_names[other]}")

    def part(self, whole: Value, family: int) -> Value:
        """What the root of a family shows of the whole storage."""
        for step in self.roots[family]:
            whole = self.view(whole, step, f"_{self.family_names[family]}")
        return whole

    def carried(self, new: Value, old: Value, hint: str) -> Value:
        if not old.tracked or isinstance(old, Lost):
            return self.stopped(new)
        while isinstance(old, StraightThrough):
            # Only the derivative of the old value is carried on, and that is the oldest one's.
            old = old.old
        return self.pure.add(StraightThrough(hint, self.index, old.shape, old.dtype, new, old))

    # ---- statements ----

    def lower(self, statement: Step) -> None:
        match statement:
            case Leaf() | Constant():
                self.tensor(statement)
            case Apply():
                self.apply(statement)
            case Unpack():
                self.unpack(statement)
            case Write():
                self.in_place(statement)
            case ItemWrite():
                self.item_write(statement)
            case Detach() | Data():
                self.alias(statement)
            case RequiresGrad():
                self.requires_grad(statement)
            case DetachInPlace():
                self.detach_in_place(statement)
            case AssignData():
                self.assign_data(statement)
            case EnterGradMode():
                self.remark(_MODES[statement.mode])
            case SetGradMode():
                self.remark("grad-switch")
            case RetainGrad():
                self.retain_grad(statement)
            case RegisterHook():
                self.register_hook(statement)
            case RegisterPostAccumulateGradHook():
                self.remark("post-accumulate-hook")
                self.registered[statement.target] = self.index
            case EnterHook():
                self.inside = self.registered[statement.registered.target]
            case ExitHook():
                self.inside = None
            case RemoveHook():
                self.remark("hook-removal")
                self.hooks.pop(statement.hook, None)
            case Backward():
                self.backward(statement)
            case Grad():
                self.grad(statement)
            case AutogradGrad():
                self.autograd_grad(statement)
            case SetGrad():
                self.set_grad(statement)
            case Read():
                self.observe(statement)
            case Attempt():
                self.attempt(statement)
            case Warned():
                self.remark(statement.concept)
            case CallFunction() | Jvp():
                self.call(statement)
            case DefineFunction():
                self.defined[statement.target] = self.index
            case EnterSavedTensorsHooks():
                self.remark("saved-tensor-hook")
            case ExitGradMode() | ExitSavedTensorsHooks():
                pass
            case _:
                assert_never(statement)

    def start(self, handle: Handle, value: Value) -> None:
        """A new family, whose root shows `value`."""
        self.bases.setdefault(handle.storage.number, {})[handle.family.number] = value
        self.roots[handle.family.number] = handle.chain[: handle.family.depth]
        self.family_names.setdefault(handle.family.number, handle.name)

    def tensor(self, statement: Leaf | Constant) -> None:
        handle = self.facts.handles[statement.target]
        value: Value = Given(statement.target, self.index, handle.shape, handle.dtype, statement.data)
        self.pure.add(value)
        if isinstance(statement, Leaf):
            self.remark("leaf")
            value = self.differentiable(handle, value, statement.member)
        self.start(handle, value)

    def differentiable(self, handle: Handle, source: Value, member: Member | None = None) -> Value:
        return self.pure.add(
            Differentiable(handle.name, self.index, handle.shape, handle.dtype, source, handle.family.number, member)
        )

    def apply(self, statement: Apply) -> None:
        op = find_op(statement.op)
        attributes = bound_attributes(op, len(statement.operands), statement.attributes)
        handle = self.facts.handles[statement.target]
        if op.view is not None and handle.storage.number in self.bases:
            # A view of a view is made from that view, so that a probe on it sees this reader too.
            shown = self.operand(statement.operands[0])
            assert isinstance(shown, Value)
            self.remember(handle, self.view(shown, handle.chain[-1], handle.name))
            self.alias_statements.setdefault(handle.storage.number, []).append(self.index)
            return
        arguments = tuple(
            self.operand(operand, history=name not in op.without_history)
            for name, operand in zip_longest(op.operand_names, statement.operands)
            if operand is not None
        )
        self.remark_op(op, attributes, statement.operands)
        if op.name in ("clone", "contiguous_clone"):
            [copied] = arguments
            if isinstance(copied, Value) and not copied.tracked:
                self.start(handle, self.renamed_stop(copied, statement.target))
                return
        hint = f"_{statement.target}" if _is_made_up(statement.target, op.name) else statement.target
        self.start(handle, self.applied(hint, handle.shape, handle.dtype, op, arguments, attributes))
        self.family_names[handle.family.number] = hint

    def unpack(self, statement: Unpack) -> None:
        for piece in statement.pieces:
            self.apply(piece)
        values = tuple(self.read(self.facts.handles[target]) for target in statement.targets)
        self.pieces.update(dict.fromkeys(values, values))
        self.remark("multiple-views")

    def remark_op(self, op: Op, attributes: dict[str, Any], operands: Sequence[Operand]) -> None:
        """Say what is particular about an op."""
        if op.name in _OPS:
            self.remark("index-accumulation" if attributes.get("accumulate") else _OPS[op.name])
        target, *others = (self.used[one.name] for one in operands if isinstance(one, Ref))
        positions = [self.used[one.name].known for one in op.index_operands(operands) if isinstance(one, Ref)]
        if len(others) > len(positions) and sets_twice(op, target.shape, positions, attributes):
            self.remark("duplicate-index")

    def renamed_stop(self, value: Value, hint: str) -> Value:
        """The same value; an unnamed stop takes the name of the tensor it was made for."""
        if isinstance(value, StopGradient) and not value.named:
            return self.pure.add(StopGradient(hint, self.index, value.shape, value.dtype, value.source, named=True))
        return value

    def in_place(self, statement: Write) -> None:
        op = find_op(statement.op)
        handle = self.used[statement.handle]
        attributes = bound_attributes(op, len(statement.operands) + 1, statement.attributes)
        self.remark_write(handle)
        self.remark_op(op, attributes, (Ref(statement.handle), *statement.operands))
        operands = tuple(self.operand(operand) for operand in statement.operands)
        current = self.written_over(handle)
        if not self.facts.recording:
            current = self.stopped(current)
        hint = f"_{handle.name.lstrip('_')}_next"
        new = self.applied(hint, handle.shape, handle.dtype, op, (current, *operands), attributes)
        self.write(handle, new, handle.chain)
        if self.facts.recording and handle.requires_grad:
            # The view is made anew from what was written, and so is the place of its hooks.
            self.views.pop(handle.tensor, None)
            self.hook_places.pop(handle.tensor, None)

    def written_over(self, handle: Handle) -> Value:
        """The value that an in-place op starts from. Its history is that of the root: it passes no probe on a view."""
        root = self.bases[handle.storage.number][handle.family.number]
        known = self.views.get(handle.tensor)
        if known is not None and known.root is root and known.value not in self.probed:
            return known.value
        return self.derived(handle, root)

    def item_write(self, statement: ItemWrite) -> None:
        handle = self.used[statement.handle]
        self.remark_write(handle)
        step = ViewStep(OPS["getitem"], {"index": statement.index}, handle.shape, handle.dtype)
        if isinstance(statement.value, Ref) and is_item(self.used[statement.value.name], handle, statement.index):
            return  # the last step of `a[0] += 1` writes the item onto itself
        self.write(handle, self.operand(statement.value), (*handle.chain, step))

    def alias(self, statement: Detach | Data) -> None:
        handle = self.facts.handles[statement.target]
        source = self.used[statement.source]
        word = "detach" if isinstance(statement, Detach) else "data"
        self.remark(word)
        self.alias_words[handle.family.number] = word
        self.alias_statements.setdefault(handle.storage.number, []).append(self.index)
        value = self.read(source)
        named = not statement.target.startswith("_") and not _is_made_up(statement.target, f"{word}(?:ed)?")
        if value.tracked:
            hint = statement.target if named and word == "detach" else f"_{value.hint.lstrip('_')}_stopped"
            value = self.pure.add(
                StopGradient(hint, self.index, value.shape, value.dtype, value, named and word == "detach")
            )
        self.start(handle, value)
        if not named:
            of_root = self.family_names[source.family.number]
            self.family_names[handle.family.number] = of_root if source.link is None else source.name

    def requires_grad(self, statement: RequiresGrad) -> None:
        before, handle = self.used[statement.handle], self.facts.handles[statement.handle]
        old = self.read(before)
        if not statement.flag:
            self.freeze(handle)
            return
        self.remark("requires-grad")
        if not old.tracked:
            new = self.switched_on(handle, old, statement.member)
            self.views.pop(handle.tensor, None)
            self.start(handle, new)
            for tensor, seen in self.views.items():
                if seen.root is old:
                    # Views that were made before keep what they show, and no history of the new leaf.
                    self.views[tensor] = replace(seen, root=new)

    def switched_on(self, handle: Handle, value: Value, member: Member | None) -> Value:
        """The value of a tensor that is a leaf from here on: of the same leaf, where it was one before."""
        tracked, stopped = self.frozen.get(handle.family.number, (None, None))
        if tracked is None:
            return self.differentiable(handle, value, member)
        return tracked if value is stopped else self.carried(value, tracked, handle.name)

    def freeze(self, handle: Handle) -> None:
        """The value of a leaf, from here on without its derivative."""
        self.remark("frozen-leaf")
        value = self.read(handle)
        if value.tracked:
            stopped = self.stopped(value)
            self.frozen[handle.family.number] = (value, stopped)
            self.start(handle, stopped)

    def detach_in_place(self, statement: DetachInPlace) -> None:
        handle = self.used[statement.handle]
        self.remark("detach-in-place")
        value = self.read(handle)
        retained = self.retained.get(handle.tensor)
        if retained is not None:
            retained.fixed = self.producer(handle)
        if handle.family.frozen:
            self.freeze(handle)
        elif value.tracked:
            self.start(
                handle,
                self.pure.add(StopGradient(handle.name, self.index, value.shape, value.dtype, value, named=True)),
            )

    # ---- functions ----

    def call(self, statement: CallFunction | Jvp) -> None:
        function = self.facts.functions[statement.function]
        names = (*statement.inputs, *(statement.tangents if isinstance(statement, Jvp) else ()))
        arguments = []
        for name in names:
            value = self.operand(Ref(name))
            assert isinstance(value, Value)
            arguments.append(value)
            if self.facts.recording:
                self.consumed.add(value.number)
        if isinstance(statement, Jvp):
            call = Call(function, self.defined[function.target], "jvp", tuple(arguments))
            self.remark("functional-vjp")
        else:
            way: Literal["checkpoint", "call"] = "checkpoint" if statement.checkpoint else "call"
            call = Call(function, self.defined[function.target], way, tuple(arguments))
            self.remark_call(call)
        for place, target in enumerate(statement.targets):
            handle = self.facts.handles[target]
            sources = tuple(arguments[number] for number in sorted(self.facts.origins[handle.tensor]))
            result = Result(target, self.index, handle.shape, handle.dtype, call, place, sources)
            self.start(handle, self.pure.add(result))

    def remark_call(self, call: Call) -> None:
        rule = call.function.rule
        if rule is None:
            if call.way == "checkpoint":
                self.remark("checkpoint")
            return
        self.remark("custom-function")
        if rule.once_differentiable:
            self.remark("once-differentiable")
        if rule.non_differentiable:
            self.remark("non-differentiable-output")
        for argument, gradient in zip(call.arguments, rule.results, strict=True):
            if gradient is not None or not argument.tracked:
                continue
            self.remark("rule-none")
            if any(isinstance(value, Result) and value.call.function.rule for value in _reached((argument,))):
                raise ProgramError(
                    f"The backward rule of '{call.function.target}' gives None for an input that comes from a function "
                    "with a rule of its own: PyTorch calls that one with zeros. Return zeros, or detach the input."
                )

    def assign_data(self, statement: AssignData) -> None:
        before, handle = self.used[statement.handle], self.facts.handles[statement.handle]
        self.remark("data-assignment")
        if before is handle:
            return
        number = handle.family.number
        shown = self.read(self.used[statement.source])
        self.settle_views(handle)
        families = self.bases[before.storage.number]
        old = families.pop(number)
        # What the old storage holds stays there for its other aliases.
        left = next(self.facts.counter)
        families[left], self.roots[left], self.family_names[left] = self.stopped(old), self.roots[number], before.name
        self.start(handle, self.carried(shown, old, handle.name))
        retained = self.retained.get(handle.tensor)
        if retained is not None:
            retained.handle = handle
        self.hooked = [
            (handle if one.tensor == handle.tensor else one, value, index) for one, value, index in self.hooked
        ]

    def settle_views(self, root: Handle) -> None:
        """Say of the probes and hooks on views of a tensor where they stay: nothing may use those views any more."""
        for retained in self.retained.values():
            if retained.handle.family is root.family and retained.handle.tensor != root.tensor:
                retained.fixed = retained.fixed or self.producer(retained.handle)
        left, self.hooked = self.hooked, []
        for one in left:
            if one[0].family is root.family and one[0].tensor != root.tensor:
                self.remark_hooks([one])
            else:
                self.hooked.append(one)

    # ---- probes and hooks: they sit at a value, never at a name ----

    def producer(self, handle: Handle) -> Value:
        """The value of the newest recorded statement that made the tensor, as far as PyTorch has noticed it."""
        value = self.read(handle)
        while isinstance(value, StraightThrough):
            value = value.old
        return value

    def retain_grad(self, statement: RetainGrad) -> None:
        handle = self.used[statement.handle]
        producer = self.producer(handle)
        if isinstance(producer, Differentiable):
            self.remark("retain-grad")
            return
        self.probed.add(producer)
        self.retained[handle.tensor] = _Retained(handle, producer, self.index, late=producer in self.reached)
        if any(hooked.value is producer for hooked in self.hooks.values()):
            self.remark("hook-and-retain-grad")

    def remark_positions(self) -> None:
        """Say of each retain_grad and hook where it ended up; that is known at the end."""
        for retained in self.retained.values():
            late = retained.late and not retained.filled
            self.remark("late-retain-grad" if late else "retain-grad", retained.statement)
            if retained.fixed is None and self.producer(retained.handle) is not retained.producer:
                self.remark("retain-grad-follows", retained.statement)
        self.remark_hooks(self.hooked)

    def remark_hooks(self, hooked: Sequence[tuple[Handle, Value, int]]) -> None:
        for handle, value, statement in hooked:
            if self.producer(handle) is not value:
                self.remark("hook-position", statement)

    def register_hook(self, statement: RegisterHook) -> None:
        handle = self.used[statement.handle]
        if statement.place != "tensor":
            self.hook_node(statement, handle)
            return
        # All hooks of a view sit where the first one was put, until it is written through.
        value = self.hook_places.get(handle.tensor) or self.producer(handle)
        if handle.link is not None:
            self.hook_places[handle.tensor] = value
        self.remark("leaf-hook" if isinstance(value, Differentiable) else "tensor-hook")
        if any(hooked.value is value for hooked in self.hooks.values()):
            self.remark("hook-order")
        if any(retained.producer is value for retained in self.retained.values()):
            self.remark("hook-and-retain-grad")
        self.probed.add(value)
        self.hooked.append((handle, value, self.index))
        self.hooks[statement.target] = HookedAt(value, self.on_cotangent(statement, value.dtype))

    def hook_node(self, statement: RegisterHook, handle: Handle) -> None:
        value = self.producer(handle)
        assert isinstance(value, Applied)
        self.remark("node-hook")
        if any(one.value is value and one.hook.place == statement.place for one in self.hooks.values()):
            self.remark("hook-order")
        self.probed.add(value)
        operand = self.facts.hooks.made[handle.tensor]
        edited = value.dtype if statement.place == "before" or operand is None else operand.dtype
        self.hooks[statement.target] = HookedAt(value, self.on_cotangent(statement, edited))

    def on_cotangent(self, hook: RegisterHook, dtype: str) -> RegisterHook:
        """A hook on gradients as a hook on JAX's cotangents, which are their conjugates."""
        if not is_complex(dtype) or hook.result is None:
            return hook
        self.remark("complex-conjugate")
        taken = {name for applied in hook.body for name in bound(applied)}
        target = next(name for n in itertools.count() if (name := f"_conjugated{'_' * n}") not in taken)
        arrives = Apply(target=hook.parameter, op="conj", operands=(Ref(hook.parameter),))
        returns = Apply(target=target, op="conj", operands=(hook.result,))
        return msgspec.structs.replace(hook, body=(arrives, *hook.body, returns), result=Ref(target))

    # ---- backward and .grad ----

    def backward(self, statement: Backward) -> None:
        roots, cotangents = self.differentiated(statement.roots, statement.gradients)
        self.remark("backward" if not any(cotangents) else "backward-gradient")
        self.remark_graph(statement)
        reached = _reached(roots)
        leaves = [value for value in reached if isinstance(value, Differentiable) and self.collects(value)]
        if statement.inputs:
            self.remark("backward-inputs")
            families = {self.used[name].family.number for name in statement.inputs}
            leaves = [leaf for leaf in leaves if leaf.family in families]
        arguments = _arguments(leaves, reached)
        region = self.region(
            roots,
            cotangents,
            arguments,
            statement.create_graph,
            anchors=() if statement.inputs else self.anchors(reached),
        )
        if not statement.inputs:
            self.check_leaf_hooks(reached, leaves)
        for leaf in leaves:
            self.deposit(region, leaf)

    def check_leaf_hooks(self, reached: dict[Value, None], leaves: Collection[Differentiable]) -> None:
        """Refuse a hook that PyTorch runs on a leaf though a backward rule gave it None for a gradient."""
        behind = _behind_none({value.call for value in reached if isinstance(value, Result)})
        for family, hook in self.facts.hooks.on_leaves.values():
            for leaf in behind:
                if isinstance(leaf, Differentiable) and leaf.family == family and leaf not in leaves:
                    raise ProgramError(
                        f"The hook '{hook.target}' on '{leaf.hint}' runs in PyTorch, though a backward rule gives None "
                        "for it and nothing is added to its .grad. Remove the hook, or return zeros from the rule."
                    )

    def collects(self, leaf: Differentiable) -> bool:
        """Whether a gradient that arrives is added to `.grad`: it is not while requires_grad is off."""
        return self.facts.gradients.leaves[leaf.family].requires_grad

    def anchors(self, reached: dict[Value, None]) -> tuple[Value, ...]:
        """Where a derivative ends in nothing, though on its way it fills what is retained."""
        if not self.retained:
            return ()
        return tuple(
            value
            for value in reached
            if isinstance(value, Lost) or (isinstance(value, Differentiable) and not self.collects(value))
        )

    def autograd_grad(self, statement: AutogradGrad) -> None:
        roots, cotangents = self.differentiated(statement.outputs, statement.gradients)
        self.remark("autograd-grad")
        self.remark_graph(statement)
        reached = _reached(roots)
        inputs = {name: self.producer(self.used[name]) for name in statement.inputs}
        zeros = statement.materialize_grads and not statement.create_graph
        for name, value in inputs.items():
            if value not in reached and not isinstance(value, Differentiable) and not zeros:
                raise ProgramError(
                    f"tape.grad with respect to '{name}', which the outputs do not depend on: PyTorch has None or an "
                    "error there. Leave it out."
                )
        self.check_read(roots, {} if statement.materialize_grads else inputs)
        # An input that another one goes into is probed where it is made, so that both gradients are whole.
        upstream = {value: set(_reached((value,))) - {value} for value in inputs.values()}
        probed = tuple(
            value for value in dict.fromkeys(inputs.values()) if any(other in upstream[value] for other in upstream)
        )
        self.check_probed(probed)
        cut = [value for value in dict.fromkeys(inputs.values()) if value not in probed]
        regions: dict[Value, Region] = {}
        for used in (True, False) if statement.create_graph else (None,):
            # The zeros of an unused input have no history: no later backward reaches it through them.
            group = [value for value in cut if used is None or (value in reached) == used]
            if group:
                recorded = statement.create_graph and used is True
                region = self.region(
                    roots, cotangents, _arguments(group, reached), recorded, () if used is False else probed
                )
                regions |= dict.fromkeys([*group, *region.retained], region)
        gradients: dict[Value, Value] = {
            gradient.of: self.conjugates.get(gradient, gradient)
            for region in regions.values()
            for gradient in region.gradients
        }
        for target, value in zip(statement.targets, inputs.values(), strict=True):
            handle = self.facts.handles[target]
            if handle.is_none or value not in reached:
                self.remark("unused-input")
            if value not in gradients:
                gradients[value] = self.gradient(regions[value], value, target)
            elif gradients[value].hint.startswith("_"):
                gradients[value].hint = target
            is_leaf = handle.is_leaf and handle.requires_grad
            self.start(handle, self.differentiable(handle, gradients[value]) if is_leaf else gradients[value])

    def check_read(self, roots: tuple[Value, ...], inputs: dict[str, Value]) -> None:
        """Refuse a non-leaf that only gradients lead to whose formulas do not read it: JAX has zeros there."""
        unsure = {name: value for name, value in inputs.items() if not isinstance(value, Differentiable)}
        read = _reached(roots, by_formula=True) if unsure else {}
        for name, value in unsure.items():
            if value not in read:
                raise ProgramError(
                    f"tape.grad with respect to '{name}', of which the outputs use a gradient that does not depend on "
                    "it: PyTorch has None or an error there, JAX zeros. Leave it out, or give materialize_grads=True."
                )

    def check_probed(self, probed: tuple[Value, ...]) -> None:
        """Refuse a tensor hook on an input of tape.grad that another input goes into: PyTorch passes it by there."""
        for hooked in self.hooks.values():
            if hooked.value in probed and hooked.hook.place == "tensor" and hooked.hook.result is not None:
                raise ProgramError(
                    f"The hook '{hooked.hook.target}' is on an input of tape.grad that another input goes into: then "
                    "PyTorch gives the gradient from before the hook, and otherwise that from behind it. Ask for the "
                    "two in two calls, with retain_graph."
                )

    def differentiated(
        self, roots: tuple[str, ...], gradients: tuple[str | None, ...]
    ) -> tuple[tuple[Value, ...], tuple[Value | None, ...]]:
        """The values of the roots, and a cotangent for each."""
        values = tuple(self.recorded(self.used[name]) for name in roots)
        cotangents = tuple(
            None if name is None else self.conjugated(self.read(self.used[name]), "_cotangent") for name in gradients
        )
        if len(roots) > 1:
            self.remark("several-roots")
        return values, cotangents or (None,) * len(roots)

    def remark_graph(self, statement: Backward | AutogradGrad) -> None:
        if statement.create_graph:
            self.remark("create-graph")
        elif statement.retain_graph:
            self.remark("retain-graph")

    def region(
        self,
        roots: tuple[Value, ...],
        cotangents: tuple[Value | None, ...],
        arguments: dict[Value, Value],
        recorded: bool,
        probed: tuple[Value, ...] = (),
        anchors: tuple[Value, ...] = (),
    ) -> Region:
        """Start a backward; fill what is retained on its way."""
        number = len(self.pure.regions)
        region = Region(self.index, roots, cotangents, arguments, (), (), recorded, number, anchors=anchors)
        passed = _passed(region)
        self.reached.update(_reached(roots))
        kept: list[tuple[_Retained, Value]] = []
        for retained in self.retained.values():
            producer = retained.fixed or self.producer(retained.handle)
            if producer in passed:
                kept.append((retained, producer))
        region.retained = tuple(dict.fromkeys([*probed, *(producer for _, producer in kept)]))
        if arguments or region.retained:
            self.pure.regions.append(region)
        # A gradient that is asked for is taken before the node: no hook of that node runs.
        starts = {*region.arguments, *region.arguments.values()}
        region.hooks = tuple(
            hooked
            for hooked in self.hooks.values()
            if hooked.value in passed and (hooked.hook.place == "tensor" or hooked.value not in starts)
        )
        self.check_hooks(region)
        self.check_zeros(region)
        self.check_pieces(passed)
        self.check_ends(region, passed)
        of_probed = {value: self.gradient(region, value, f"_{value.hint.lstrip('_')}_grad") for value in probed}
        for retained, producer in kept:
            retained.filled = True
            name = f"{retained.handle.name.lstrip('_')}_grad"
            gradient: Value = of_probed.get(producer) or self.gradient(region, producer, name)
            before = self.retained_gradients.get(retained.handle.tensor)
            if before is not None:
                self.remark("grad-accumulation")
                gradient = self.accumulated(name, before, gradient, recorded)
            self.retained_gradients[retained.handle.tensor] = gradient
        return region

    def check_hooks(self, region: Region) -> None:
        """Refuse hooks that another differentiation of the same values did not have, or would have twice."""
        for inner in _nested(region):
            own = set(inner.arguments.values()) | set(inner.arguments)
            then = {hooked.hook.target for hooked in inner.hooks}
            inside = set(inner.body) | own
            now = {
                hooked.hook.target
                for hooked in region.hooks
                if hooked.value in inside and (hooked.hook.place == "tensor" or hooked.value not in own)
            }
            if then != now:
                name = min(then ^ now)
                raise ProgramError(
                    f"The hook '{name}' came or went between a backward with create_graph and the one through its "
                    "gradients: the JAX form has one set of hooks for both. Register it before the first, and keep it."
                )
            for hooked in inner.hooks:
                if hooked.hook.result is not None and _reads_behind_a_hook(hooked):
                    raise ProgramError(
                        f"The hook '{hooked.hook.target}' is at an op whose gradient PyTorch computes from its result, "
                        "or for a hook after its node, from its operand. Through a gradient that is differentiated "
                        "again, that goes by the hook another way than in JAX. Put the hook on a clone."
                    )
                if hooked.value in own:
                    raise ProgramError(
                        f"The hook '{hooked.hook.target}' is on an input of a gradient that is differentiated again, "
                        "which is not supported. Apply its function to the gradient instead."
                    )

    def check_zeros(self, region: Region) -> None:
        """Refuse what makes a gradient of the zeros that PyTorch passes on behind `sign` and `fill_`: JAX has none."""
        alive = set[Value]().union(*(_reached(one.roots, passing=True) for one in (region, *_nested(region))))
        for hooked in region.hooks:
            hook = hooked.hook
            if hook.result is not None and hooked.value not in alive and not keeps_zeros(hook, hooked.edited.shape):
                raise ProgramError(
                    f"The hook '{hook.target}' makes a gradient of zeros: its tensor was overwritten, or only the sign "
                    "or the like is taken of it. PyTorch calls it with zeros there, and JAX does not call it. Let it "
                    "give zeros for zeros."
                )
        calls = {value.call for value in region.body if isinstance(value, Result)}
        calls -= {value.call for value in alive if isinstance(value, Result)}
        for call in calls:
            if call.function.rule is not None and not is_linear(call.function.rule):
                raise ProgramError(
                    f"The backward rule of '{call.function.target}', which is not linear, gets zeros: its result was "
                    "overwritten, or only the sign or the like is taken of it. PyTorch calls it with zeros there, and "
                    "JAX does not call it. Detach the result."
                )

    def check_pieces(self, passed: Collection[Value]) -> None:
        """Refuse a hook on one of several views, where only others of them are passed: PyTorch calls it with None."""
        for hooked in self.hooks.values():
            others = self.pieces.get(hooked.value, ())
            if hooked.hook.body and hooked.value not in passed and any(other in passed for other in others):
                raise ProgramError(
                    f"The hook '{hooked.hook.target}' is on one of several views that an op returned at once, and this "
                    "backward passes only others of them: PyTorch calls the hook with None. Take the view by an index."
                )

    def check_ends(self, region: Region, passed: set[Value]) -> None:
        """Refuse a hook that PyTorch calls with None: behind a backward rule's None, or on an unused result."""
        if not self.hooks:
            return
        calls = {value.call for value in (*region.body, *region.roots) if isinstance(value, Result)}
        behind = _behind_none(calls)
        for hooked in self.hooks.values():
            value = hooked.value
            unused = isinstance(value, Result) and value.call.function.rule is not None and value.call in calls
            if (unused or value in behind) and value not in passed and hooked.hook.result is not None:
                raise ProgramError(
                    f"The hook '{hooked.hook.target}' would get None in PyTorch: a function with a backward rule gives "
                    "its tensor no gradient, or another result of that function is the only one used. Remove the hook."
                )

    def gradient(self, region: Region, of: Value, hint: str) -> Value:
        """The gradient that PyTorch has: of a complex value, the conjugate of the cotangent that JAX returns."""
        own = f"{hint.removesuffix('_grad')}_cotangent" if is_complex(of.dtype) else hint
        gradient = self.pure.add(Gradient(own, self.index, of.shape, of.dtype, region, of))
        region.gradients.append(gradient)
        if not is_complex(of.dtype):
            return gradient
        self.conjugates[gradient] = self.conjugated(gradient, hint)
        return self.conjugates[gradient]

    def conjugated(self, value: Value, hint: str) -> Value:
        """A cotangent of JAX from a gradient of PyTorch, or the other way round: for real numbers the same."""
        if not is_complex(value.dtype):
            return value
        self.remark("complex-conjugate")
        return self.pure.add(Applied(hint, self.index, value.shape, value.dtype, OPS["conj"], (value,), {}))

    def accumulated(self, hint: str, before: Value, more: Value, recorded: bool) -> Value:
        value = self.pure.add(Accumulated(hint, self.index, more.shape, more.dtype, before, more))
        return value if recorded else self.stopped(value)

    def deposit(self, region: Region, leaf: Differentiable) -> None:
        """Add a gradient to what `.grad` of a leaf holds: to that tensor, or with create_graph into a new one."""
        hint = f"{leaf.hint.lstrip('_')}_grad"
        gradient = self.gradient(region, leaf, hint)
        held, slot = self.slots.get(leaf.family), self.facts.gradients.slots[leaf.family]
        self.slots[leaf.family] = slot
        if held is None:
            self.start(slot, gradient)
            return
        self.remark("grad-accumulation")
        if held.tensor != slot.tensor:
            self.start(slot, self.accumulated(hint, self.read(held), gradient, recorded=True))
            return
        before = self.read(held)
        total = self.pure.add(
            Accumulated(hint, self.index, gradient.shape, gradient.dtype, self.stopped(before), gradient)
        )
        self.write(held, total, held.chain, recording=False)

    def slot(self, handle: Handle) -> Value | None:
        """What `.grad` of a tensor holds. A leaf is known by its family, a retained tensor by itself."""
        held = None if handle.link is not None else self.slots.get(handle.family.number)
        return self.retained_gradients.get(handle.tensor) if held is None else self.read(held)

    def set_grad(self, statement: SetGrad) -> None:
        self.remark("zero-grad" if statement.source is None else "assigned-grad")
        family = self.used[statement.handle].family.number
        if statement.source is None:
            self.slots.pop(family, None)
        else:
            self.slots[family] = self.facts.gradients.slots[family]

    def grad(self, statement: Grad) -> None:
        self.remark("grad-as-value")
        handle = self.facts.handles[statement.target]
        if handle.storage.number in self.bases:
            return  # the slot holds a tensor that is known already
        found = self.slot(self.used[statement.source])
        if found is None:
            raise ProgramError(
                f"'{statement.source}.grad' is used as a tensor, but no backward has reached it: it is None."
            )
        self.start(handle, found)

    # ---- observations ----

    def observe(self, statement: Read) -> None:
        handle = self.used[statement.handle]
        if statement.what in ("value", "dtype"):
            self.pure.shown.append(Shown(statement.name, self.read(handle), statement.what, self.index))
        elif statement.what == "grad":
            found = self.slot(handle)
            if found is not None:
                self.pure.shown.append(Shown(statement.name, found, "value", self.index))
            elif handle.tensor in self.retained:
                self.remark("late-retain-grad" if self.retained[handle.tensor].late else "empty-grad")
            else:
                self.remark("empty-grad" if handle.is_leaf else "nonleaf-grad")
        else:
            self.remark(_READS[statement.what])

    def attempt(self, statement: Attempt) -> None:
        if statement.jax is not None:
            raise ProgramError(
                f"'{statement.name}' is declared to raise in JAX, but nothing that it becomes there can: "
                "a pure program has no leaf, version or graph to refuse. Declare jax=None."
            )
        attempted = statement.attempted
        self.remark(statement.concept)
        if statement.torch is None:
            self.lower(attempted)
        elif isinstance(attempted, Backward):
            roots, cotangents = self.differentiated(attempted.roots, attempted.gradients)
            pairs = list(zip(roots, cotangents, strict=True))
            if all(root.tracked and (cotangent is not None or _is_one_real(root)) for root, cotangent in pairs):
                # PyTorch refuses; the gradient of the program as it was computed exists all the same.
                self.backward(attempted)

    def remark_write(self, handle: Handle) -> None:
        """Say what kind of write this is."""
        families = self.bases[handle.storage.number]
        others = [value for family, value in families.items() if family != handle.family.number and value.tracked]
        word = self.alias_words.get(handle.family.number)
        own = families[handle.family.number]
        if word is not None and others:
            late = any(value.number in self.consumed for value in others)
            if word == "data":
                self.remark("data-write-after-save" if late else "data-write")
            else:
                self.remark("write-after-save" if late else "detached-write")
        elif not self.facts.recording and own.tracked:
            self.remark("write-after-save" if own.number in self.consumed else "no-grad-write")
        elif handle.storage.number in self.alias_statements:
            self.remark("view-write")
            # Each alias is told of once, at the first write after it was made.
            for statement in self.alias_statements[handle.storage.number]:
                self.remark("view", statement)
            self.alias_statements[handle.storage.number] = []
        else:
            self.remark("inplace-write")


_MODES = {
    "no_grad": "no-grad", "enable_grad": "enable-grad", "set_grad_enabled": "grad-switch",
    "inference_mode": "inference-mode",
}  # fmt: skip
"""The concept that answers for each grad mode."""

_OPS = {
    **dict.fromkeys(("clone", "contiguous_clone"), "clone"),
    **dict.fromkeys(("advanced_getitem", "take", "take_along_axis"), "maybe-view"),
    **dict.fromkeys(("masked_setitem", "masked_fill"), "masked-write"),
    **dict.fromkeys(("index_add", "scatter_add"), "index-accumulation"),
    **dict.fromkeys(("slice_scatter", "select_scatter", "diagonal_scatter", "index_put"), "functional-scatter"),
}
"""The concept that answers for an op."""

_READS = {
    "is_leaf": "is-leaf", "requires_grad": "requires-grad", "retains_grad": "retain-grad", "grad_fn": "grad-fn",
    "version": "version-counter", "shares_storage": "storage-identity",
}  # fmt: skip
"""The concept that answers for each tape fact."""


def _is_made_up(name: str, word: str) -> bool:
    """Whether a name was only made up because its statement has a line of its own: `matmul_3`. It is none."""
    return re.fullmatch(rf"{word}(_[0-9]+)+", name) is not None


def _is_one_real(root: Value) -> bool:
    """Whether a root needs no gradient= of its own."""
    return math.prod(root.shape) == 1 and not is_complex(root.dtype)


def _reached(roots: tuple[Value, ...], *, passing: bool = False, by_formula: bool = False) -> dict[Value, None]:
    """Every value that a derivative of the roots flows back to, the roots included, in order.

    passing: only through gradients that read the cotangent, and not through those that are zeros whatever it is.
    by_formula: from a gradient only to what PyTorch's formulas for it read.
    """
    reached: dict[Value, None] = dict.fromkeys(roots)
    pending = list(roots)
    while pending:
        value = pending.pop()
        operands: Collection[Value] = value.differentiable
        if passing and isinstance(value, Applied):
            operands = _passed_on(value)
        elif by_formula and isinstance(value, Gradient):
            operands = _read_for(value)
        for operand in operands:
            if operand not in reached:
                reached[operand] = None
                pending.append(operand)
    return dict.fromkeys(sorted(reached, key=lambda value: value.number))


def _read_for(gradient: Gradient) -> set[Value]:
    """What has history among what PyTorch's formulas read on the way to a gradient; at most everything."""
    region = gradient.region
    if not region.recorded:
        return set()
    leading = {gradient.of, region.arguments.get(gradient.of, gradient.of)}
    read = {cotangent for cotangent in region.cotangents if cotangent is not None}
    for value in region.body:
        passed = [one for one in value.differentiable if one in leading]
        if not passed:
            continue
        leading.add(value)
        if isinstance(value, Applied):
            read |= _read_by_formulas(value, passed)
        elif isinstance(value, Result | Gradient):
            read |= {value, *value.operands}
    return {value for value in read if value.tracked}


def _read_by_formulas(value: Applied, of: Collection[Value]) -> set[Value]:
    """What PyTorch's formulas for the gradients of some operands read."""
    values = [np.ones(one.shape) if isinstance(one, Value) else one for one in value.arguments]
    read: set[Value] = set()
    for place, argument in enumerate(value.arguments):
        if argument not in of:
            continue
        for in_place in {False, bool(value.op.without_history)} if value.op.write is not None else {False}:
            formula = backward_formula(value.op, place, values, in_place=in_place)
            found = [value, *value.arguments] if not formula.exact else [value.arguments[one] for one in formula.reads]
            read |= {one for one in [*found, *([value] if formula.result else [])] if isinstance(one, Value)}
    return read


def _passed_on(value: Applied) -> list[Value]:
    """The operands for which PyTorch's gradient reads the cotangent."""
    values = [np.ones(one.shape) if isinstance(one, Value) else one for one in value.arguments]
    return [
        one
        for place, one in enumerate(value.arguments)
        if isinstance(one, Value)
        and one.tracked
        and backward_formula(value.op, place, values, in_place=bool(value.op.without_history)).passes
    ]


def _behind_none(calls: Collection[Call]) -> dict[Value, None]:
    """What PyTorch reaches with None for a cotangent, because the backward rule of a call gives that."""
    ends: list[Value] = []
    for call in calls:
        if call.function.rule is not None:
            pairs = zip(call.arguments, call.function.rule.results, strict=True)
            ends += [argument for argument, gradient in pairs if gradient is None and argument.tracked]
    return _reached(tuple(ends))


def _reads_behind_a_hook(hooked: HookedAt) -> bool:
    """Whether PyTorch's gradient of the op at a hook reads what the hook stands between: its result, or its operand."""
    value = hooked.value
    if isinstance(value, Result):
        return _rule_reads(value)
    if not isinstance(value, Applied):
        return False
    values = [np.ones(one.shape) if isinstance(one, Value) else one for one in value.arguments]
    for place, argument in enumerate(value.arguments):
        if not isinstance(argument, Value) or not argument.tracked:
            continue
        for in_place in (False, True) if value.op.write is not None else (False,):
            formula = backward_formula(value.op, place, values, in_place=in_place)
            if formula.result or (hooked.hook.place == "after" and place in formula.reads):
                return True
    return False


def _rule_reads(value: Result) -> bool:
    """Whether the gradient of a call reads the result that the hook is on; of a function without a rule, it may."""
    function, way = value.call.function, value.call.way
    if function.rule is None or way == "jvp":
        return True
    return function.results[value.place].name in function.rule.saved


def _nested(region: Region) -> list[Region]:
    """The backwards whose gradients the region differentiates again, at any depth."""
    found: dict[Region, None] = {}
    pending = [region]
    while pending:
        for value in pending.pop().body:
            if isinstance(value, Gradient) and value.region not in found:
                found[value.region] = None
                pending.append(value.region)
    return list(found)


def _passed(region: Region) -> set[Value]:
    """The values that the backward passes: those between its arguments and its roots, nested ones included."""
    passed: set[Value] = set()
    for one in (region, *_nested(region)):
        inside = {*one.body, *one.arguments, *one.arguments.values()}
        passed.update(value for value in _reached(one.roots) if value in inside)
    return passed


def _arguments(leaves: Sequence[Value], reached: dict[Value, None]) -> dict[Value, Value]:
    """The argument that stands for each leaf or input: moved past unrecorded writes that came before the first use."""
    consumers: dict[Value, list[Value]] = {}
    for value in reached:
        for operand in value.differentiable:
            consumers.setdefault(operand, []).append(value)
    arguments: dict[Value, Value] = {}
    for leaf in leaves:
        argument: Value = leaf
        while True:
            users = consumers.get(argument, [])
            if len(users) != 1 or not isinstance(users[0], StraightThrough):
                break
            argument = users[0]
        arguments[leaf] = argument
    return arguments
