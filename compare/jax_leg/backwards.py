"""The functions of all backwards: which of them are the same, and where each is defined."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from compare.jax_leg.body import Body
from compare.jax_leg.definitions import HookFunctions
from compare.jax_leg.gradients import BackwardFunction, GradientScope
from compare.jax_leg.names import Names, own_name
from compare.pure import Region, Value
from compare.regions import Differentiate, Form, Step
from compare.sources import ScriptWriter
from compare.updates import Update

__all__ = ["BackwardFunctions"]


class BackwardFunctions:
    """The functions of all backwards. Those through the same computation, as in a training loop, share one.

    Args:
        hooks: those of the program. names: gives the names of the top level. writer: of the script.
    """

    def __init__(self, hooks: HookFunctions, names: Names, writer: ScriptWriter) -> None:
        self._hooks = hooks
        self._names = names
        self._writer = writer
        # The functions that the top level calls; and the names of what is written there, by parameters, lines and what
        # is captured.
        self._shared: dict[Region, BackwardFunction] = {}
        self._written: dict[tuple[tuple[str, ...], tuple[str, ...], tuple[Value, ...]], str] = {}

    def share(self, steps: Iterable[Step | Update], key: Callable[[Value], Value]) -> None:
        """Find the backwards of the top level whose functions are the same but for what they capture.

        key: the value under whose name another one is known at top level.
        """
        found: dict[str, BackwardFunction] = {}
        for step in steps:
            if isinstance(step, Differentiate):
                form = Form(step)
                function = self._shared[step.region] = found.setdefault(form.text, BackwardFunction({}))
                function.forms[step.region] = form
                function.shows_root |= bool(step.shown_roots)
                own = {form.places[value] for value in step.auxiliary}
                function.handed = tuple(sorted(own.union(function.handed)))
        for function in found.values():
            captured = zip(*(map(key, region.captured) for region in function.forms), strict=True)
            function.captured = tuple(place for place, values in enumerate(captured) if len(set(values)) > 1)

    def define(self, scope: GradientScope, step: Differentiate) -> BackwardFunction:
        """Define the function of a backward that a scope takes, unless it is another's, too.

        It stands at top level where it reads nothing of the function around it. A function that is shared takes what
        its backwards capture differently as further parameters.
        """
        region = step.region
        function = self._shared[region] if scope.top_level else BackwardFunction({})
        if function.name:
            return function
        hooks = self._hooks.of(region)
        taken = [region.captured[place] for place in function.captured]
        captured = {value: scope.look_up(value) for value in region.captured if value not in taken}
        outer_probes = scope.probes_inside(region)
        printed = replace(step, auxiliary=function.handed_out(step))
        body = Body(scope, printed, captured, hooks, outer_probes, self.define, taken, scope.packed(region))
        function.parameters, lines = body.written()
        name = f"{own_name(region.roots[0])}_fn"
        header = ", ".join(function.parameters)
        if outer_probes or not all(map(scope.is_global, region.captured)):
            function.name = scope.names.reserve(name)
            if not scope.at_start:
                scope.emit("", None)
            scope.emit(f"def {function.name}({header}):", region.origin)
            for text, origin in lines:
                scope.emit(f"    {text}" if text else "", origin)
            scope.emit("", None)
            return function
        known = (function.parameters, tuple(text for text, _ in lines), tuple(captured))
        if known not in self._written:
            self._written[known] = self._names.reserve(name)
            with self._writer.definition(f"def {self._written[known]}({header}):", region.origin):
                for text, origin in lines:
                    self._writer.line(text, origin)
        function.name = self._written[known]
        return function
