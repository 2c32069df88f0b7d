"""Functions of the tape: traced where they are called, with a backward rule of their own where one is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from compare.errors import CaseError, ProgramError, nearest
from compare.facts import Handle
from compare.statements import BackwardRule, CallFunction, DefineFunction, Jvp, Operand, Ref
from compare.tape.names import usable_name
from compare.tape.sites import current_site
from compare.tape.tensors import operand_of
from compare.tape.tracing import parameters_of, trace

if TYPE_CHECKING:
    from compare.tape.tape import Tape

__all__ = ["Function"]


class Function:
    """A function of the tape: ops on its arguments, and a backward rule of its own where it was given one.

    It is defined in the program where the case defines it, and traced at a call: once for each kind of arguments.

    Args:
        hint: its name, where the case gives it none.
        custom: whether it is a tape.custom_function, which needs a rule.
        non_differentiable: names of results that carry no history.
        once_differentiable: PyTorch refuses to differentiate the rule.
    """

    def __init__(
        self,
        tape: Tape,
        forward: Callable[..., Any],
        hint: str | None,
        *,
        custom: bool,
        rule: Callable[..., Any] | None = None,
        non_differentiable: Sequence[str] = (),
        once_differentiable: bool = False,
    ) -> None:
        self._tape = tape
        self._forward = forward
        self._custom = custom
        self._rule = rule
        self._non_differentiable = tuple(non_differentiable)
        self._once_differentiable = once_differentiable
        self._line = current_site().line
        self._place = len(tape._statements)
        self._name = (hint if forward.__name__ == "<lambda>" else usable_name(forward.__name__)) or "function"
        self._definitions: list[DefineFunction] = []

    def backward(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Decorates the backward rule: the cotangents of the results, then what is saved, by its name in the function.

        The rule returns a cotangent for every argument, or None for one that gets no gradient.
        """
        if not self._custom:
            raise CaseError("A backward rule is for a tape.custom_function.", line=current_site().line)
        self._rule = rule
        return rule

    def __call__(self, *tensors: Any) -> Any:
        """Call the function. Returns what its body returns: a tensor, or a tuple of them."""
        return self._called(tensors, checkpoint=False)

    def _called(self, tensors: Sequence[Any], *, checkpoint: bool) -> Any:
        names = self._names(tensors)
        definition = self._definition(names)
        found = self._tape._bind_several(
            lambda targets, line: CallFunction(
                targets=targets, function=definition.target, inputs=names, checkpoint=checkpoint, line=line
            ),
            len(definition.results),
            definition.target,
        )
        return found[0] if len(found) == 1 else found

    def _jvp(self, inputs: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Results and their tangents: one of each, or a tuple of each."""
        primals, directions = self._names(inputs), self._names(tangents)
        definition = self._definition(primals)
        count = len(definition.results)
        found = self._tape._bind_several(
            lambda targets, line: Jvp(
                targets=targets, function=definition.target, inputs=primals, tangents=directions, line=line
            ),
            2 * count,
            "jvp",
        )
        return found if count == 1 else (found[:count], found[count:])

    def _names(self, tensors: Sequence[Any]) -> tuple[str, ...]:
        operands = [operand_of(self._tape, one) for one in tensors]
        if not all(isinstance(one, Ref) for one in operands):
            raise ProgramError(
                "A function takes tensors; write a number into its body, or make it a tape.constant.",
                line=current_site().line,
            )
        return tuple(one.name for one in operands)

    # -- tracing --

    def _definition(self, inputs: Sequence[str]) -> DefineFunction:
        """The function as it reads for these inputs: known already, or defined where the case defines it."""
        parameters = parameters_of(self._forward, "argument")
        if len(inputs) != len(parameters):
            raise ProgramError(
                f"'{self._name}' takes {len(parameters)} tensors, got {len(inputs)}.", line=current_site().line
            )
        facts = self._tape._facts
        arguments = {name: facts.handle(one) for name, one in zip(parameters, inputs, strict=True)}
        rule_parameters = [] if self._rule is None else parameters_of(self._rule, "cotangent")
        if self._custom and self._rule is None:
            raise ProgramError(
                f"'{self._name}' has no backward rule; give it one with @{self._name}.backward.", line=self._line
            )
        kept = (*rule_parameters, *self._non_differentiable)
        body, results, handles = trace(self._tape, "function", self._forward, arguments, kept)
        traced = DefineFunction(
            target="",
            parameters=tuple(parameters),
            body=body,
            results=results,  # type: ignore[arg-type]
            rule=None if self._rule is None else self._traced_rule(self._rule, rule_parameters, results, handles),
            line=self._line,
        )
        for known in self._definitions:
            if msgspec.structs.replace(known, target="") == traced:
                return known
        draft = self._tape._draft
        definition = msgspec.structs.replace(traced, target=draft.fresh_name(self._name))
        draft.define(definition, place=self._place)
        self._definitions.append(definition)
        return definition

    def _traced_rule(
        self,
        rule: Callable[..., Any],
        parameters: Sequence[str],
        results: Sequence[Operand | None],
        handles: dict[str, Handle],
    ) -> BackwardRule:
        """The backward rule, for what a tracing of the function returned and the handles of its names."""
        cotangents, saved = parameters[: len(results)], parameters[len(results) :]
        for name in saved:
            if name not in handles:
                raise ProgramError(
                    f"The backward rule of '{self._name}' asks for '{name}', which the function does not bind."
                    f"{nearest(name, handles)}",
                    line=self._line,
                )
        given = {
            **{name: handles[one.name] for name, one in zip(cotangents, results, strict=False) if isinstance(one, Ref)},
            **{name: handles[name] for name in saved},
        }
        body, gradients, _ = trace(self._tape, "backward rule", rule, given)
        return BackwardRule(
            cotangents=tuple(cotangents),
            saved=tuple(saved),
            body=body,
            results=gradients,  # type: ignore[arg-type]
            non_differentiable=self._non_differentiable,
            once_differentiable=self._once_differentiable,
        )
