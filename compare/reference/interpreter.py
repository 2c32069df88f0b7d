"""The statements of a program, one by one, and what is read."""

from __future__ import annotations

import time
import traceback
from collections.abc import Set
from types import EllipsisType
from typing import assert_never

import mpmath
import numpy as np

from compare.facts import Facts
from compare.observed import UP_TO_A_SIGN, Failure, LegRun, Observed
from compare.program import Program
from compare.reference.differentiation import Differentiator
from compare.reference.doubts import (
    HANDED_ON,
    TRACKED_OR_NOT,
    UNREACHED,
    VERSION_OF_A_GRADIENT,
    Doubts,
    Withdrawn,
)
from compare.reference.functions import call
from compare.reference.layout import as_stored
from compare.reference.moves import working_digits
from compare.reference.observations import observed
from compare.reference.plan import Key, Owner, Plan
from compare.reference.recording import Recording
from compare.reference.tensors import Storage, Tensor, Version
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
    Read,
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
)

__all__ = ["run_reference"]


def run_reference(program: Program) -> LegRun:
    """Interpret a checked program.

    Returns: by Read name: values as float64, int64 or bool arrays, not rounded to the dtype of the run; gradients as
        Array, as OneSided where an element is at a kink, as Directional where there are too many elements, as Surrogate
        where a hook edits them. Absent: grad_fn reads, the gradient of a large tensor at a kink, and what is withdrawn.
        `warnings` has, by Read name, why it is withdrawn, or that a number on the way is beyond the range of its dtype.
    """
    started = time.perf_counter()
    run = LegRun("reference")
    last, run.failure = _passes(program)
    run.observed, run.warnings = last.observed, last.notes
    run.seconds = time.perf_counter() - started
    return run


def _passes(program: Program) -> tuple[_Interpreter, Failure | None]:
    """The last pass over a program, and where it crashed."""
    plan = Plan(survey=True, blind=True)
    while plan.survey:
        survey, _ = _pass(program, plan)
        plan = survey.plan()
    steep: set[Key] = set()
    while True:
        last, failure = _pass(program, plan, frozenset(steep))
        if last.gradients.unsettled <= steep:
            return last, failure
        steep |= last.gradients.unsettled


def _pass(program: Program, plan: Plan, steep: Set[Key] = frozenset()) -> tuple[_Interpreter, Failure | None]:
    with mpmath.workdps(working_digits(plan)), np.errstate(all="ignore"):
        interpreter = _Interpreter(plan, steep)
        return interpreter, interpreter.take(program)


class _Interpreter:
    """One pass over a program.

    hooked: the leaves of hooks that run behind a backward. outer: the names outside of the hook that runs.
    """

    def __init__(self, plan: Plan, steep: Set[Key]) -> None:
        self.tape = Recording(plan, steep)
        self.gradients = Differentiator(self.tape)
        self.observed: dict[str, Observed] = {}
        self.notes: dict[str, list[str]] = {}
        self.hooked: dict[str, Tensor] = {}
        self.outer: dict[str, Tensor | None] = {}

    def take(self, program: Program) -> Failure | None:
        """Take every statement, up to the first that crashes."""
        for number, (index, statement, _, facts) in enumerate(program.steps()):
            self.tape.index = number
            try:
                self._step(statement, facts)
            except Exception as error:
                return Failure(index, type(error).__name__, str(error), traceback.format_exc())
        return None

    def plan(self) -> Plan:
        """What to do next, after what this survey found."""
        gradients = self.gradients
        if self.tape.plan.blind and any(one.order > 1 for one in gradients.found):
            # Which gradients have history depends on where in the history the others are taken.
            return Plan(survey=True, marks=frozenset(gradients.marks))
        results: set[Owner] = {("result", place) for place in self.tape.used}
        return Plan.of(gradients.found, gradients.marks, gradients.read, gradients.used | results, self.tape.work)

    def _step(self, statement: Step, facts: Facts) -> None:
        """Take one statement. `facts`: after it, for dtypes."""
        tape = self.tape
        match statement:
            case Leaf() | Constant():
                tape.tensors[statement.target] = tape.made(statement)
            case Apply():
                tape.tensors[statement.target] = tape.apply(statement, facts.handles[statement.target].dtype)
            case Unpack():
                for position, piece in enumerate(statement.pieces):
                    dtype = facts.handles[piece.target].dtype
                    tape.tensors[piece.target] = tape.apply(piece, dtype, position)
            case Write():
                tape.write(statement)
            case ItemWrite():
                tape.item_write(statement)
            case Detach() | Data():
                source = tape.tensor(statement.source)
                version = source.version if isinstance(statement, Detach) else Version()
                tape.tensors[statement.target] = tape.alias(source, version)
            case AssignData():
                tape.assign_data(tape.tensor(statement.handle), tape.tensor(statement.source))
            case DetachInPlace():
                tape.detach_in_place(tape.tensor(statement.handle))
            case RequiresGrad():
                tape.require_grad(tape.tensor(statement.handle), statement.flag)
            case EnterGradMode():
                tape.modes.append(tape.modes[-1].entered(statement))
            case ExitGradMode():
                tape.modes.pop()
            case SetGradMode():
                tape.modes[-1] = tape.modes[-1].switched(statement.flag)
            case RetainGrad():
                self._retain_grad(tape.tensor(statement.handle))
            case RegisterHook():
                self._register_hook(statement)
            case RegisterPostAccumulateGradHook():
                self.hooked[statement.target] = tape.tensor(statement.handle)
            case EnterHook():
                registered = statement.registered
                self.outer, tape.tensors = tape.tensors, {registered.parameter: self.hooked[registered.target]}
                tape.modes.append(tape.modes[-1].switched(False))
            case ExitHook():
                tape.modes.pop()
                tape.tensors = self.outer
            case RemoveHook():
                self.gradients.hooks.pop(statement.hook, None)
            case Backward():
                self.gradients.backward(statement)
            case DefineFunction() | EnterSavedTensorsHooks() | ExitSavedTensorsHooks():
                pass
            case CallFunction() | Jvp():
                call(tape, statement, facts)
            case AutogradGrad():
                self.gradients.autograd_grad(statement)
            case Grad():
                self._grad(statement)
            case SetGrad():
                held = None if statement.source is None else tape.tensor(statement.source)
                self.gradients.assign(tape.tensor(statement.handle), held)
            case Read():
                self._read(statement)
            case Warned():
                pass
            case Attempt():
                # Of a backward that PyTorch refuses, the gradient still exists where there is history.
                attempted = statement.attempted
                if statement.torch is None or (isinstance(attempted, Backward) and self._has_start(attempted)):
                    self._step(attempted, facts)
            case _:
                assert_never(statement)

    def _retain_grad(self, tensor: Tensor) -> None:
        self.tape.renew(tensor)
        if not tensor.is_leaf and not tensor.retains_grad:
            tensor.retains_grad = True
            self.tape.collect(tensor)

    def _register_hook(self, statement: RegisterHook) -> None:
        tensor = self.tape.tensor(statement.handle)
        if tensor.hooks_at is None:
            self.tape.renew(tensor)
        # All hooks of a view sit where the first one was put, until it is written through.
        node = tensor.hooks_at or tensor.node
        if tensor.is_view:
            tensor.hooks_at = node
        if statement.result is not None:
            self.gradients.marks.add(node)
            self.gradients.hooks[statement.target] = (statement.handle, node, statement.place == "tensor")

    def _has_start(self, statement: Backward) -> bool:
        """Whether the roots have cotangents, or need none."""
        return bool(statement.gradients) or all(self.tape.tensor(name).value.size == 1 for name in statement.roots)

    def _grad(self, statement: Grad) -> None:
        source = self.tape.tensor(statement.source)
        self.gradients.used.add(("slot", source.born))
        held = source.grad
        if held is None:
            held = self.tape.bind(
                source.dtype, Storage(as_stored(source.value.copy(), source.dtype), Doubts(UNREACHED))
            )
        self.tape.tensors[statement.target] = held

    # -- reads --

    def _read(self, statement: Read) -> None:
        seen = self._seen(statement)
        if isinstance(seen, Withdrawn):
            self.notes[statement.name] = [seen.reason]
        elif seen is not ...:
            self.observed[statement.name] = seen

    def _seen(self, statement: Read) -> Observed | Withdrawn | EllipsisType:
        """What a read shows; `...` where there is nothing to say."""
        tensor = self.tape.tensors[statement.handle]
        if tensor is None:
            return None if statement.what == "value" else ...
        self.gradients.read.add(("result", tensor.born))
        if statement.what in ("is_leaf", "grad_fn", "value"):
            # Printing a tensor shows its node, too.
            self.tape.renew(tensor)
        match statement.what:
            case "value":
                return self._noted(statement, tensor)
            case what if tensor.handed_on and what not in ("dtype", "requires_grad"):
                return HANDED_ON
            case "grad":
                self.gradients.read.add(("slot", tensor.born))
                return None if tensor.grad is None else self._noted(statement, tensor.grad)
            case "is_leaf" | "requires_grad" if not tensor.surely_tracked:
                return TRACKED_OR_NOT
            case "is_leaf":
                return tensor.is_leaf
            case "requires_grad":
                return HANDED_ON if tensor.storage.doubts.unknown == HANDED_ON else tensor.family.requires_grad
            case "retains_grad":
                return tensor.retains_grad
            case "version":
                return tensor.version.count if tensor.version.known else VERSION_OF_A_GRADIENT
            case "dtype":
                return tensor.dtype
            case "shares_storage":
                assert statement.other is not None
                return tensor.storage is self.tape.tensor(statement.other).storage
        return ...

    def _noted(self, statement: Read, tensor: Tensor) -> Observed | Withdrawn | EllipsisType:
        """The values of a tensor; beside them, what happened to a number on the way."""
        seen, doubts = observed(tensor), tensor.storage.doubts
        notes = [doubts.beyond, UP_TO_A_SIGN if doubts.ambiguous else ""]
        if seen is not ... and not isinstance(seen, Withdrawn) and any(notes):
            self.notes[statement.name] = [note for note in notes if note]
        return seen
