"""Hooks on tensors, nodes, leaves and saved tensors. What one does is traced when it is registered."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from compare.errors import ProgramError
from compare.statements import (
    EnterSavedTensorsHooks,
    ExitSavedTensorsHooks,
    Ref,
    RegisterHook,
    RegisterPostAccumulateGradHook,
    RemoveHook,
)
from compare.tape.draft import Draft
from compare.tape.sites import caller_line, current_site
from compare.tape.tensors import Tensor
from compare.tape.tracing import parameters_of, trace, trace_on_leaf

if TYPE_CHECKING:
    from compare.tape.tape import Tape

__all__ = ["Hook", "hook_on", "hook_on_leaf", "saved_tensors_block"]


class Hook:
    """A registered hook."""

    def __init__(self, draft: Draft, name: str) -> None:
        self._draft = draft
        self._name = name

    def remove(self) -> None:
        """Take the hook off again."""
        self._draft.record(RemoveHook(hook=self._name, line=current_site().line))


# ---- on tensors and nodes ----


def hook_on(tensor: Tensor, hook: Callable[..., Any], place: Literal["tensor", "before", "after"]) -> Hook:
    """Register a hook on a tensor, or on the node that produced it: before or after it. Raises ProgramError."""
    draft = tensor._tape._draft
    site = current_site()
    parameters = parameters_of(hook, "cotangent")
    if len(parameters) != (2 if place == "after" else 1):
        takes = {
            "tensor": "A tensor hook takes one argument, the cotangent.",
            "before": "A hook before a node takes one argument, a tuple of gradients.",
            "after": "A hook after a node takes two tuples of gradients, after it and before it.",
        }
        raise ProgramError(takes[place], line=site.line)
    edited = cotangent = draft.facts.handle(tensor._name)
    if place == "after":
        edited = draft.facts.hooks.made.get(cotangent.tensor) or cotangent
    called = hook if place == "tensor" else _on_tuples(hook, place)
    body, returned, _ = trace(tensor._tape, "hook", called, {parameters[0]: edited})
    if len(returned) != 1:
        raise ProgramError("A tensor hook returns one tensor or None.", line=site.line)
    name = draft.fresh_name(site.hint or f"{draft.shown(tensor._name)}_hook")
    draft.record(
        RegisterHook(
            target=name,
            handle=tensor._name,
            parameter=parameters[0],
            body=body,
            result=returned[0],
            place=place,
            line=site.line,
        )
    )
    return Hook(draft, name)


class _BeforeTheNode:
    """What stands for the gradients before a node in a hook after it."""

    def __getattr__(self, name: str) -> Any:
        raise ProgramError(
            "A hook after a node may use what the node gives, and not the gradients before it. Put a prehook on it.",
            line=current_site().line,
        )

    __getitem__ = __iter__ = __len__ = __getattr__


def _on_tuples(hook: Callable[..., Any], place: str) -> Callable[[Tensor], Any]:
    """A hook on the tuples of a node as one on the tensor that they have."""

    def called(gradient: Tensor) -> Any:
        returned = hook((gradient,), _BeforeTheNode()) if place == "after" else hook((gradient,))
        if returned is None:
            return None
        if not isinstance(returned, tuple) or len(returned) != 1:
            raise ProgramError(
                "A hook on a node returns a tuple with one gradient, or None; write (gradient * 2,).",
                line=current_site().line,
            )
        return returned[0]

    return called


# ---- on leaves ----


def hook_on_leaf(tensor: Tensor, hook: Callable[[Tensor], Any]) -> Hook:
    """Register a hook on a leaf, called after each backward that added to its `.grad`. Raises ProgramError."""
    draft = tensor._tape._draft
    site = current_site()
    parameters = parameters_of(hook, "leaf")
    if len(parameters) != 1:
        raise ProgramError("A post-accumulate-grad hook takes one argument, the leaf.", line=site.line)
    name = draft.fresh_name(site.hint or f"{draft.shown(tensor._name)}_hook")
    statement = RegisterPostAccumulateGradHook(
        target=name, handle=tensor._name, parameter=parameters[0], body=(), line=site.line
    )
    if draft.facts.handle(tensor._name).requires_grad and draft.refusal is None:
        statement = msgspec.structs.replace(statement, body=trace_on_leaf(tensor, parameters[0], hook))
    draft.record(statement)
    return Hook(draft, name)


# ---- on saved tensors ----


@contextlib.contextmanager
def saved_tensors_block(
    tape: Tape, pack: Callable[[Tensor], Tensor], unpack: Callable[[Tensor], Tensor]
) -> Iterator[None]:
    """A block in which what is saved for backward goes through two hooks. Raises ProgramError."""
    line = caller_line()
    pack_clones, unpack_clones = _clones(tape, pack), _clones(tape, unpack)
    tape._record(EnterSavedTensorsHooks(pack_clones=pack_clones, unpack_clones=unpack_clones, line=line))
    yield
    tape._record(ExitSavedTensorsHooks(line=line))


def _clones(tape: Tape, hook: Callable[[Tensor], Tensor]) -> bool:
    """Whether a hook on saved tensors clones, or does nothing. Raises ProgramError where it does more."""
    parameters = parameters_of(hook, "tensor")
    if len(parameters) == 1:
        [name] = parameters
        scalar = tape._facts.fresh((), tape.dtype, creator=name)
        body, results, _ = trace(tape, "hook on saved tensors", hook, {name: scalar})
        if not body and results == (Ref(name),):
            return False
        if len(body) == 1 and body[0].op == "clone" and results == (Ref(body[0].target),):
            return True
    raise ProgramError(
        "A hook on saved tensors may clone its tensor or hand it on. One that changes numbers makes another "
        "gradient, and what PyTorch saves is its own affair: write a demonstration.",
        line=caller_line(),
    )
