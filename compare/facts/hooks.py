"""Hooks: on tensors, on the nodes that made them, and on leaves whose `.grad` was added to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from compare.checks import check_identifier, find_op
from compare.errors import ProgramError, nearest
from compare.facts.applying import take
from compare.facts.gradients import Gradients
from compare.facts.handles import Handle, check_not_lost
from compare.facts.scope import Scope
from compare.ops.formulas import one_operand, one_result
from compare.statements import (
    Apply,
    AssignData,
    EnterHook,
    ExitHook,
    ItemWrite,
    Ref,
    RegisterHook,
    RegisterPostAccumulateGradHook,
    RemoveHook,
    Step,
    Write,
)

__all__ = ["Hooks"]


@dataclass
class Hooks:
    """The hooks of a program.

    names: of all that were ever registered. live: those that were not removed.
    on_leaves: the live ones that run after `.grad` of a leaf was added to, each with the leaf's family, in order.
    made: for every result of an op out of place, by tensor, its operand where the op is one node with one operand.
    """

    names: set[str] = field(default_factory=set)
    live: set[str] = field(default_factory=set)
    on_leaves: dict[str, tuple[int, RegisterPostAccumulateGradHook]] = field(default_factory=dict)
    made: dict[int, Handle | None] = field(default_factory=dict)

    def remove(self, statement: RemoveHook) -> None:
        """Remove a hook that is live. Raises ProgramError."""
        if statement.hook not in self.live:
            raise ProgramError(f"'{statement.hook}' is not a live hook.{nearest(statement.hook, self.live)}")
        self.live.remove(statement.hook)
        self.on_leaves.pop(statement.hook, None)

    # -- on tensors and on nodes --

    def note_node(self, scope: Scope, statement: Apply, handle: Handle) -> None:
        """Remember what a hook on the node of a result, not bound yet, would edit."""
        op = find_op(statement.op)
        if handle.link is None and not handle.is_leaf and one_result(op):
            place = one_operand(op, statement.operands)
            operand = None if place is None else statement.operands[place]
            self.made[handle.tensor] = scope.handles[operand.name] if isinstance(operand, Ref) else None

    def register(self, scope: Scope, statement: RegisterHook) -> None:
        """Register a hook on a tensor or its node, and walk it on a cotangent. Raises ProgramError."""
        handle = scope.handle(statement.handle)
        check_identifier(statement.target)
        check_identifier(statement.parameter)
        if not handle.requires_grad:
            raise ProgramError(f"A hook on '{handle.name}', which does not require grad: PyTorch raises.")
        edited = handle
        if statement.place == "tensor":
            self._check_hookable(handle)
            scope.watched.add(handle.tensor)
        else:
            edited = self._edited_at_node(handle, statement.place)
        inner = scope.inner()
        cotangent = scope.fresh(edited.shape, edited.dtype, creator=statement.parameter)
        inner.bind(statement.parameter, cotangent)
        for applied in statement.body:
            take(inner, applied)
        if isinstance(statement.result, Ref):
            result = inner.handle(statement.result.name)
            if (result.shape, result.dtype) != (edited.shape, edited.dtype):
                raise ProgramError(
                    f"The hook on '{handle.name}' returns {result.dtype}{list(result.shape)}; "
                    f"a cotangent of {edited.dtype}{list(edited.shape)} is needed."
                )
        elif statement.result is not None:
            raise ProgramError(f"The hook on '{handle.name}' must return a tensor or None.")
        self._name(statement.target)

    def _check_hookable(self, handle: Handle) -> None:
        link = handle.link
        if link is None or link.hooked:
            return
        if handle.outdated:
            raise ProgramError(
                f"A hook on '{handle.name}', a view whose storage was written since it was last used: PyTorch 2.13 may "
                "crash. Make the view after the write, or use it first."
            )
        check_not_lost(handle, "A hook")
        link.hooked = True

    def _edited_at_node(self, handle: Handle, place: str) -> Handle:
        """What a hook on the node of a tensor edits: its gradient, or that of the one operand."""
        where = f"A hook on the node of '{handle.name}'"
        if handle.is_leaf:
            raise ProgramError(f"{where}, which is a leaf: its grad_fn is None. Use register_hook of the tensor.")
        if handle.tensor not in self.made:
            raise ProgramError(
                f"{where}: only the result of an op out of place, which is no view, has a node that is modelled. Use "
                "register_hook of the tensor."
            )
        if handle.version.count:
            raise ProgramError(f"{where}, which was written since: its node is that of the write. Register it before.")
        if place == "before":
            return handle
        operand = self.made[handle.tensor]
        if operand is None:
            raise ProgramError(
                f"{where} that edits what the node gives: the op has several tensor operands, or is several nodes in "
                "PyTorch. Use register_hook of the operand, or register_prehook."
            )
        return operand

    # -- on leaves, after `.grad` was added to --

    def check_on_leaf(self, scope: Scope, statement: RegisterPostAccumulateGradHook) -> Handle:
        """The leaf that a hook is registered on. Raises ProgramError where it is none."""
        handle = scope.handle(statement.handle)
        check_identifier(statement.target)
        scope.outside_inference_mode("A hook on a leaf")
        if not handle.requires_grad:
            raise ProgramError(f"A hook on '{handle.name}', which does not require grad: PyTorch raises.")
        if not handle.is_leaf or handle.link is not None:
            raise ProgramError(
                f"A post-accumulate-grad hook on '{handle.name}', which is no leaf: PyTorch raises. Put it on a leaf, "
                "or declare the error with tape.expect_error."
            )
        return handle

    def register_on_leaf(self, scope: Scope, statement: RegisterPostAccumulateGradHook, leaf: Handle) -> None:
        """Register a hook that was tried. Raises ProgramError where its name is taken."""
        scope.watched.add(leaf.tensor)
        self._name(statement.target)
        self.on_leaves[statement.target] = (leaf.family.number, statement)

    def enter(self, scope: Scope, gradients: Gradients, statement: RegisterPostAccumulateGradHook) -> None:
        """Go into a hook on a leaf."""
        family, _ = self.on_leaves[statement.target]
        scope.enter_hook(statement.parameter, gradients.leaves[family])

    def exit(self, scope: Scope, gradients: Gradients) -> None:
        """Come back out of a hook on a leaf."""
        scope.exit_hook()
        for name, handle in scope.handles.items():
            # An assignment of .data gave the leaf another storage.
            leaf = gradients.leaves.get(handle.family.number)
            if leaf is not None and leaf.tensor == handle.tensor:
                scope.handles[name] = replace(leaf, name=handle.name)

    def run(self, scope: Scope, gradients: Gradients, families: Sequence[int], create_graph: bool) -> list[Step]:
        """What the hooks do that a backward runs, which reaches the leaves of these families.

        PyTorch runs each as soon as its leaf has the gradient. Behind the backward they do the same, as long as no two
        leaves share memory. Raises ProgramError where they do.
        """
        due: list[Step] = []
        for family, statement in self.on_leaves.values():
            if family not in families:
                continue
            leaf = gradients.leaves[family]
            where = f"The hook '{statement.target}' on '{leaf.name}'"
            if not leaf.requires_grad:
                raise ProgramError(
                    f"{where} runs in a backward that adds nothing to its .grad, because requires_grad is off: which "
                    "gradient it meets is not modelled. Remove the hook first."
                )
            if create_graph:
                raise ProgramError(
                    f"{where} runs in a backward with create_graph, where PyTorch records what it does. That is not "
                    "modelled. Take the gradient with tape.grad, or remove the hook first."
                )
            writes = any(isinstance(one, Write | ItemWrite | AssignData) for one in statement.body)
            _check_alone(scope, gradients, leaf, where, writes)
            due += [EnterHook(registered=statement, line=statement.line), *statement.body, ExitHook()]
        return due

    def check_attempt(self, scope: Scope, roots: tuple[str, ...]) -> None:
        """Refuse a backward that PyTorch refuses, where hooks on leaves may have run. Raises ProgramError."""
        for family, hook in self.on_leaves.values():
            if any(family in scope.handle(name).leaves for name in roots):
                raise ProgramError(
                    f"A backward that PyTorch refuses may have run the hook '{hook.target}' before it did. Remove "
                    "the hook first."
                )

    def _name(self, name: str) -> None:
        if name in self.names:
            raise ProgramError(f"The hook name '{name}' is taken.")
        self.names.add(name)
        self.live.add(name)


def _check_alone(scope: Scope, gradients: Gradients, leaf: Handle, where: str, writes: bool) -> None:
    """Refuse a hook on a leaf whose elements, or those of its `.grad`, something else shows that may be read yet.

    writes: the hook writes to them.
    """
    slot = gradients.slots[leaf.family.number]
    others = [one for family, one in gradients.slots.items() if family != leaf.family.number]
    if writes:
        sharing = [
            name
            for one in (leaf, slot)
            for family, name in scope.aliases.get(one.storage.number, {}).items()
            if family != one.family.number
        ]
        sharing += [
            one.name
            for one in scope.handles.values()
            if (one.family is leaf.family and one.is_lost) or (one.family is slot.family and one.tensor != slot.tensor)
        ]
        if sharing:
            raise ProgramError(
                f"{where} writes in the middle of a backward, and '{sharing[0]}' shares memory with the leaf or "
                "its gradient: what the rest of the backward reads there depends on the order. Clone it."
            )
    if slot.storage is leaf.storage or any(other.tensor == slot.tensor for other in others):
        raise ProgramError(
            f"{where} runs in the middle of a backward, and another leaf has the same tensor for its gradient, or "
            "the leaf is its own: what it sees depends on the order. Assign a clone."
        )
