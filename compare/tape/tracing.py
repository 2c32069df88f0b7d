"""Tracing: a function of the case is run on a tape of its own, which finds out what it does with its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from compare.errors import ProgramError
from compare.facts import Handle
from compare.statements import Apply, HookStatement, Operand, Ref, renamed
from compare.tape.names import final_names, usable_name
from compare.tape.sites import current_site
from compare.tape.tensors import Tensor, operand_of

if TYPE_CHECKING:
    from compare.tape.tape import Tape

__all__ = ["parameters_of", "trace", "trace_on_leaf"]


def parameters_of(function: Callable[..., Any], word: str) -> list[str]:
    """The names of a function's parameters; one that cannot be printed is called by the word and its place."""
    return [usable_name(name) or f"{word}_{n}" for n, name in enumerate(inspect.signature(function).parameters, 1)]


def trace(
    outer: Tape,
    what: str,
    function: Callable[..., Any],
    arguments: dict[str, Handle],
    kept: Sequence[str] = (),
) -> tuple[tuple[Apply, ...], tuple[Operand | None, ...], dict[str, Handle]]:
    """Run a function of the case on arguments of the shapes and dtypes of `arguments`.

    Args:
        outer: the tape of the case.
        what: what the function is, for a message.
        kept: names that it binds and that are needed afterwards.

    Returns: its body, what it returns, and the handles of its names.
    Raises: ProgramError, where it does more than to compute with ops.
    """
    inner = outer._blank()
    draft = inner._draft
    for name, handle in arguments.items():
        draft.facts.bind(name, draft.facts.fresh(handle.shape, handle.dtype, creator=name))
        draft.hints[name] = name
    with outer._draft.tracing(what):
        result = function(*(Tensor(inner, name) for name in arguments))
    several = result if isinstance(result, tuple) else (result,)
    returned = tuple(None if one is None else operand_of(inner, one) for one in several)
    for statement in draft.statements:
        if not isinstance(statement, Apply):
            raise ProgramError(
                f"A {what} may compute with ops that return one tensor; it may not write, read, detach or call.",
                line=statement.line,
            )
    bound_last = {hint: name for name, hint in draft.hints.items()}
    wanted = [bound_last[name] for name in kept if name in bound_last]
    names = final_names(draft.statements, draft.hints, parameters=tuple(arguments), results=returned, kept=wanted)
    body = tuple(renamed(statement, names) for statement in draft.statements)
    final = tuple(Ref(names.get(one.name, one.name)) if isinstance(one, Ref) else one for one in returned)
    handles = {names.get(name, name): handle for name, handle in draft.facts.handles.items()}
    return body, final, handles  # type: ignore[return-value]


def trace_on_leaf(tensor: Tensor, parameter: str, hook: Callable[[Tensor], Any]) -> tuple[Any, ...]:
    """What a hook does with a leaf that has a gradient. Raises ProgramError where no hook may do that."""
    tape = tensor._tape
    outer, inner = tape._facts.handle(tensor._name), tape._blank()
    draft = inner._draft
    facts = draft.facts
    leaf = facts.fresh(outer.shape, outer.dtype, creator=parameter, requires_grad=True)
    facts.bind(parameter, leaf)
    facts.gradients.slots[leaf.family.number] = facts.fresh(outer.shape, outer.dtype, creator=f"{parameter}_grad")
    facts.modes[-1] = facts.modes[-1].switched(False)
    draft.hints[parameter] = parameter
    with tape._draft.tracing("hook", into=draft):
        result = hook(Tensor(inner, parameter))
    if result is not None:
        raise ProgramError(
            "A post-accumulate-grad hook returns something, and PyTorch raises. Return None.", line=current_site().line
        )
    for statement in draft.statements:
        if not isinstance(statement, HookStatement):
            raise ProgramError(
                "A hook on a leaf may compute, write, detach, and read or assign .grad; it may not observe, call "
                "a function, run a backward or register a hook.",
                line=statement.line,
            )
    names = final_names(draft.statements, draft.hints, parameters=(parameter,))
    return tuple(renamed(statement, names) for statement in draft.statements)
