"""The statements of a program, one by one, and what is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import assert_never

from compare.errors import ProgramError
from compare.facts import Facts
from compare.functionalize.attached import Attached
from compare.functionalize.calls import Calls
from compare.functionalize.gradients import Gradients
from compare.functionalize.leaves import Leaves
from compare.functionalize.storages import Storages
from compare.functionalize.tensors import Tensors
from compare.functionalize.values import Values
from compare.functionalize.walk import Remark, Walk
from compare.ops import is_complex
from compare.program import Program
from compare.pure import PureProgram, Shown, Value
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

__all__ = ["Lowering", "functionalize"]

_MODES = {
    "no_grad": "no-grad", "enable_grad": "enable-grad", "set_grad_enabled": "grad-switch",
    "inference_mode": "inference-mode",
}  # fmt: skip
"""The concept that answers for each grad mode."""

_READS = {
    "is_leaf": "is-leaf", "requires_grad": "requires-grad", "retains_grad": "retain-grad", "grad_fn": "grad-fn",
    "version": "version-counter", "shares_storage": "storage-identity",
}  # fmt: skip
"""The concept that answers for each tape fact."""


@dataclass(frozen=True)
class Lowering:
    """The pure program, and what there is to say about the statements it came from."""

    pure: PureProgram
    remarks: tuple[Remark, ...]


def functionalize(program: Program) -> Lowering:
    """Lower a tape program. Takes time linear in its statements. Raises ProgramError where it cannot be exact."""
    return _Lowering(program).run()


class _Lowering:
    """The lowering of one program: hands every statement to what it is about."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._walk = Walk(PureProgram(program.id, program.title, program.dtype), Facts(float_dtype=program.dtype))
        values = Values(self._walk)
        self._storages = Storages(self._walk, values)
        self._attached = Attached(self._walk, self._storages)
        self._leaves = Leaves(self._walk, values, self._storages, self._attached)
        self._tensors = Tensors(self._walk, values, self._storages, self._attached)
        self._calls = Calls(self._walk, values, self._storages)
        self._gradients = Gradients(self._walk, values, self._storages, self._attached)
        # The index of the statement that registers each hook that runs behind a backward, by the hook's name.
        self._registered: dict[str, int] = {}

    def run(self) -> Lowering:
        """All statements, in order."""
        walk = self._walk
        for walk.index, statement, walk.used, walk.facts in self._program.steps():
            try:
                self.lower(statement)
            except ProgramError as error:
                error.line = error.line or statement.line
                raise
        self._attached.remark_positions()
        walk.remarks.sort(key=lambda remark: remark.statement)
        return Lowering(walk.pure, tuple(dict.fromkeys(walk.remarks)))

    def lower(self, statement: Step) -> None:
        """One statement. Raises ProgramError."""
        match statement:
            case Leaf() | Constant():
                self._leaves.tensor(statement)
            case Apply():
                self._tensors.apply(statement)
            case Unpack():
                self._tensors.unpack(statement)
            case Write():
                self._tensors.in_place(statement)
            case ItemWrite():
                self._tensors.item_write(statement)
            case Detach() | Data():
                self._tensors.alias(statement)
            case RequiresGrad():
                self._leaves.requires_grad(statement)
            case DetachInPlace():
                self._leaves.detach_in_place(statement)
            case AssignData():
                self._tensors.assign_data(statement)
            case EnterGradMode():
                self._walk.remark(_MODES[statement.mode])
            case SetGradMode():
                self._walk.remark("grad-switch")
            case RetainGrad():
                self._attached.retain_grad(statement)
            case RegisterHook():
                self._attached.register_hook(statement)
            case RegisterPostAccumulateGradHook():
                self._walk.remark("post-accumulate-hook")
                self._registered[statement.target] = self._walk.index
            case EnterHook():
                self._walk.inside = self._registered[statement.registered.target]
            case ExitHook():
                self._walk.inside = None
            case RemoveHook():
                self._attached.remove_hook(statement)
            case Backward():
                self._gradients.backward(statement)
            case Grad():
                self._gradients.grad(statement)
            case AutogradGrad():
                self._gradients.autograd_grad(statement)
            case SetGrad():
                self._gradients.set_grad(statement)
            case Read():
                self._observe(statement)
            case Attempt():
                self._attempt(statement)
            case Warned():
                self._walk.remark(statement.concept)
            case CallFunction() | Jvp():
                self._calls.call(statement)
            case DefineFunction():
                self._calls.define(statement)
            case EnterSavedTensorsHooks():
                self._walk.remark("saved-tensor-hook")
            case ExitGradMode() | ExitSavedTensorsHooks():
                pass
            case _:
                assert_never(statement)

    def _observe(self, statement: Read) -> None:
        """What is read: the pure program shows a number; of a fact of the tape there is nothing to show."""
        walk = self._walk
        handle = walk.used[statement.handle]
        if statement.what in ("value", "dtype"):
            walk.pure.shown.append(Shown(statement.name, self._storages.read(handle), statement.what, walk.index))
        elif statement.what == "grad":
            found = self._gradients.slot(handle)
            if found is not None:
                walk.pure.shown.append(Shown(statement.name, found, "value", walk.index))
            elif handle.tensor in self._attached.retained:
                walk.remark("late-retain-grad" if self._attached.retained[handle.tensor].late else "empty-grad")
            else:
                walk.remark("empty-grad" if handle.is_leaf else "nonleaf-grad")
        else:
            walk.remark(_READS[statement.what])

    def _attempt(self, statement: Attempt) -> None:
        """A statement that is declared to raise: in JAX it does not. Raises ProgramError where it is declared to."""
        if statement.jax is not None:
            raise ProgramError(
                f"'{statement.name}' is declared to raise in JAX, but nothing that it becomes there can: "
                "a pure program has no leaf, version or graph to refuse. Declare jax=None."
            )
        attempted = statement.attempted
        self._walk.remark(statement.concept)
        if statement.torch is None:
            self.lower(attempted)
        elif isinstance(attempted, Backward):
            roots, cotangents = self._gradients.differentiated(attempted.roots, attempted.gradients)
            pairs = list(zip(roots, cotangents, strict=True))
            if all(root.tracked and (cotangent is not None or _is_one_real(root)) for root, cotangent in pairs):
                # PyTorch refuses; the gradient of the program as it was computed exists all the same.
                self._gradients.backward(attempted)


def _is_one_real(root: Value) -> bool:
    """Whether a root needs no gradient= of its own."""
    return math.prod(root.shape) == 1 and not is_complex(root.dtype)
