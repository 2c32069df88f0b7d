"""Calls of functions that the program defines."""

from __future__ import annotations

from typing import Literal

from compare.errors import ProgramError
from compare.functionalize.reach import reached_from
from compare.functionalize.storages import Storages
from compare.functionalize.values import Values
from compare.functionalize.walk import Walk
from compare.pure import Call, Result, Value
from compare.statements import CallFunction, DefineFunction, Jvp, Ref

__all__ = ["Calls"]


class Calls:
    """Functions, and their calls: plainly, recomputed in backward, or with tangents."""

    def __init__(self, walk: Walk, values: Values, storages: Storages) -> None:
        self._walk = walk
        self._values = values
        self._storages = storages
        # The index of the statement that defines each function.
        self._defined: dict[str, int] = {}

    def define(self, statement: DefineFunction) -> None:
        """Note where a function is defined."""
        self._defined[statement.target] = self._walk.index

    def call(self, statement: CallFunction | Jvp) -> None:
        """The results of a call. Raises ProgramError where its backward rule would get None."""
        function = self._walk.facts.functions[statement.function]
        names = (*statement.inputs, *(statement.tangents if isinstance(statement, Jvp) else ()))
        arguments = []
        for name in names:
            value = self._storages.operand(Ref(name))
            assert isinstance(value, Value)
            arguments.append(value)
            self._values.consume(value)
        if isinstance(statement, Jvp):
            call = Call(function, self._defined[function.target], "jvp", tuple(arguments))
            self._walk.remark("functional-vjp")
        else:
            way: Literal["checkpoint", "call"] = "checkpoint" if statement.checkpoint else "call"
            call = Call(function, self._defined[function.target], way, tuple(arguments))
            self._remark(call)
        for place, target in enumerate(statement.targets):
            handle = self._walk.facts.handles[target]
            sources = tuple(arguments[number] for number in sorted(self._walk.facts.origins[handle.tensor]))
            result = Result(target, self._walk.index, handle.shape, handle.dtype, call, place, sources)
            self._storages.start(handle, self._walk.pure.add(result))

    def _remark(self, call: Call) -> None:
        rule = call.function.rule
        if rule is None:
            if call.way == "checkpoint":
                self._walk.remark("checkpoint")
            return
        self._walk.remark("custom-function")
        if rule.once_differentiable:
            self._walk.remark("once-differentiable")
        if rule.non_differentiable:
            self._walk.remark("non-differentiable-output")
        for argument, gradient in zip(call.arguments, rule.results, strict=True):
            if gradient is not None or not argument.tracked:
                continue
            self._walk.remark("rule-none")
            if any(isinstance(value, Result) and value.call.function.rule for value in reached_from((argument,))):
                raise ProgramError(
                    f"The backward rule of '{call.function.target}' gives None for an input that comes from a function "
                    "with a rule of its own: PyTorch calls that one with zeros. Return zeros, or detach the input."
                )
