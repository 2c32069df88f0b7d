"""The walk over the statements of a tape program: each is checked, and what it changes is known from there on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from compare.checks import check_text
from compare.errors import ProgramError
from compare.facts import blocks, calls, history, observations, writes
from compare.facts.applying import result_of, unpack
from compare.facts.gradients import Gradients
from compare.facts.handles import Handle
from compare.facts.hooks import Hooks
from compare.facts.scope import Scope
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
    Statement,
    Step,
    Unpack,
    Warned,
    Write,
    used,
)

__all__ = ["Facts"]


@dataclass
class Facts(Scope):
    """The scope of a whole program at one point of a walk, with its gradients, hooks, calls and observations.

    origins: for a result of a call, by tensor, the places of the inputs that its history goes to; those of a jvp's
        tangents count on behind its inputs.
    observations: the names of those so far.
    due: what hooks on leaves do that the latest statement has to run.
    """

    gradients: Gradients = field(default_factory=Gradients)
    hooks: Hooks = field(default_factory=Hooks)
    origins: dict[int, frozenset[int]] = field(default_factory=dict)
    observations: set[str] = field(default_factory=set)
    due: list[Step] = field(default_factory=list)

    def check(self, statement: Apply) -> None:
        """Check an op without taking its effect. Raises ProgramError."""
        result_of(self, statement)

    def step(self, statement: Statement) -> None:
        """Check one statement and take its effect on the handles. Raises ProgramError."""
        try:
            self._take(statement)
        except ProgramError as error:
            error.line = error.line or statement.line
            raise

    def steps(self, statement: Step) -> Iterator[tuple[Step, dict[str, Handle]]]:
        """Take a statement, and what hooks on leaves do behind it: each one, and the handles that it used."""
        ahead = [statement]
        while ahead:
            one = ahead.pop(0)
            handles = {name: self.handles[name] for name in used(one) if name in self.handles}
            self.step(one)
            yield one, handles
            ahead, self.due = [*self.due, *ahead], []

    def _take(self, statement: Statement) -> None:
        match statement:
            case Leaf() | Constant():
                history.make(self, self.gradients, statement)
            case Apply():
                result = result_of(self, statement)
                self.hooks.note_node(self, statement, result)
                self.bind(statement.target, result)
            case Unpack():
                unpack(self, statement)
            case Write():
                writes.write(self, self.gradients, statement)
            case ItemWrite():
                writes.write_item(self, self.gradients, statement)
            case Detach() | Data():
                history.detach(self, statement)
            case DetachInPlace():
                history.detach_in_place(self, statement)
            case AssignData():
                history.assign_data(self, self.gradients, statement)
            case RequiresGrad():
                history.requires_grad(self, self.gradients, statement)
            case EnterGradMode() | ExitGradMode() | EnterSavedTensorsHooks() | ExitSavedTensorsHooks() | SetGradMode():
                blocks.change(self.modes, statement)
            case RetainGrad():
                self.gradients.retain_grad(self, statement)
            case RegisterHook():
                self.hooks.register(self, statement)
            case RegisterPostAccumulateGradHook():
                leaf = self.hooks.check_on_leaf(self, statement)
                self._try(statement, leaf)
                self.hooks.register_on_leaf(self, statement, leaf)
            case EnterHook():
                self.hooks.enter(self, self.gradients, statement.registered)
            case ExitHook():
                self.hooks.exit(self, self.gradients)
            case RemoveHook():
                self.hooks.remove(statement)
            case DefineFunction():
                calls.define(self, self.hooks.names, statement)
            case CallFunction():
                self.origins |= calls.call(self, statement)
            case Jvp():
                self.origins |= calls.jvp(self, statement)
            case Backward():
                families = self.gradients.backward(self, statement)
                self.due += self.hooks.run(self, self.gradients, families, statement.create_graph)
            case AutogradGrad():
                self.gradients.autograd_grad(self, statement)
            case Grad():
                self.gradients.grad(self, statement)
            case SetGrad():
                self.gradients.set_grad(self, statement)
            case Read():
                observations.check_read(self, self.gradients, statement)
                observations.observe(self.observations, statement.name)
            case Attempt():
                self._attempt(statement)
            case Warned():
                check_text(statement.warning, "A declared warning")
                observations.observe(self.observations, statement.name)
            case _:
                raise ProgramError(f"Unknown statement {type(statement).__name__}.")

    def _attempt(self, statement: Attempt) -> None:
        observations.observe(self.observations, statement.name)
        observations.check_attempt(statement)
        attempted = statement.attempted
        if statement.torch is None:
            self._take(attempted)
            return
        for name in used(attempted):
            self.handle(name, history=False)
        if isinstance(attempted, Backward):
            self.hooks.check_attempt(self, attempted.roots)
            self.gradients.attempt(self, attempted.roots)

    def _try(self, statement: RegisterPostAccumulateGradHook, leaf: Handle) -> None:
        """Walk a hook on a leaf and a gradient of its own, so that what is wrong is told where it is registered."""
        inner = Facts(float_dtype=self.float_dtype, counter=self.counter)
        own = inner.fresh(leaf.shape, leaf.dtype, creator=leaf.name, requires_grad=True)
        inner.gradients.becomes_leaf(own)
        inner.gradients.slots[own.family.number] = inner.fresh(leaf.shape, leaf.dtype, creator=f"{leaf.name}_grad")
        inner.hooks.on_leaves[statement.target] = (own.family.number, statement)
        inner.step(EnterHook(registered=statement))
        for one in statement.body:
            if isinstance(one, EnterGradMode) and one.mode != "no_grad":
                reason = f"The hook on '{leaf.name}' opens a block of {one.mode}. Only no_grad is modelled there."
                raise ProgramError(reason, line=one.line)
            inner.step(one)
        if inner.modes[-1].block != blocks.HOOK:
            raise ProgramError(f"The hook on '{leaf.name}' leaves a {inner.modes[-1].block} block open.")
