"""What is defined at top level beside the functions of backwards: functions of the program, and hooks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from compare.jax_functions import function_lines, names_inside
from compare.jax_leg.dialect import Dialect
from compare.jax_leg.names import Names, readable
from compare.ops import Shape
from compare.pure import Call, HookedAt, Region, Value
from compare.sources import ScriptWriter
from compare.statements import DefineFunction

__all__ = ["Functions", "HookFunctions", "Hooks"]


@dataclass(frozen=True)
class _Definition:
    """A function of the program under its names: its own, and those of its rules. `blocks`: its lines."""

    function: DefineFunction
    names: tuple[str, ...]
    blocks: list[list[str]]
    origin: int


class Functions:
    """The functions of a program. All are named first; each is written once.

    Where the spelling of an op depends on shapes, the same function is another one for other arguments.

    Args:
        calls: all calls of the program.
        dialect: how their bodies are written. names: gives the names of the top level. writer: of the script.
    """

    def __init__(self, calls: Iterable[Call], dialect: Dialect, names: Names, writer: ScriptWriter) -> None:
        self._dialect = dialect
        self._writer = writer
        self._called: dict[tuple[str, tuple[Shape, ...]], str] = {}
        self._definitions: dict[str, _Definition] = {}
        self._defined: set[str] = set()
        for call in sorted(calls, key=lambda one: one.defined):
            self._prepare(call, names)

    @property
    def names(self) -> Collection[str]:
        """The names of all functions, those included that are not written yet."""
        return self._definitions.keys()

    def name(self, call: Call) -> str:
        """The name of the function of a call, which is written by now."""
        name = self._called[call.function.target, call.shapes]
        self._define(name)
        return name

    def define_before(self, origin: int) -> None:
        """Write the functions that the program defines before a statement."""
        for name, definition in self._definitions.items():
            if definition.origin < origin:
                self._define(name)

    def _prepare(self, call: Call, names: Names) -> None:
        """Name the function of a call, and say how it is written."""
        function = call.function
        key = function.target, call.shapes
        if key in self._called:
            return
        for name, known in self._definitions.items():
            if known.function is function and known.blocks == self._blocks(call, known.names):
                self._called[key] = name
                return
        inside = names_inside(function)
        name = names.reserve(function.target, inside)
        words = () if function.rule is None else ("forward", "backward")
        own = (name, *(names.reserve(f"{name}_{word}", inside) for word in words))
        self._called[key] = name
        self._definitions[name] = _Definition(function, own, self._blocks(call, own), call.defined)

    def _blocks(self, call: Call, names: tuple[str, ...]) -> list[list[str]]:
        return function_lines(call.function, names, call.shapes, self._dialect.inner_expressions)

    def _define(self, name: str) -> None:
        definition = self._definitions[name]
        if name not in self._defined:
            self._defined.add(name)
            for lines in definition.blocks:
                self._writer.define(lines, definition.origin)


@dataclass(frozen=True)
class Hooks:
    """The functions to apply to each value, in the order in which they wrap it.

    before: where the value is made, inside its probes. tensor: outside of them. after: to the operand of its op.
    """

    tensor: dict[Value, list[str]] = field(default_factory=dict)
    before: dict[Value, list[str]] = field(default_factory=dict)
    after: dict[Value, list[str]] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """The names of all these functions."""
        several = (*self.tensor.values(), *self.before.values(), *self.after.values())
        return {name for names in several for name in names}


class HookFunctions:
    """The functions that edit cotangents: identities with a backward rule. Each is written where it is first needed.

    Args:
        dialect: how their bodies are written. names: gives the names of the top level. writer: of the script.
    """

    def __init__(self, dialect: Dialect, names: Names, writer: ScriptWriter) -> None:
        self._dialect = dialect
        self._names = names
        self._writer = writer
        self._defined: dict[HookedAt, str] = {}

    def of(self, region: Region) -> Hooks:
        """The hooks of a backward, which are written by now."""
        found = Hooks()
        for hooked in region.hooks:
            if hooked.hook.result is None:
                continue
            name = self._defined.get(hooked)
            if name is None:
                name = self._defined[hooked] = self._names.reserve(hooked.hook.target)
                self._define(name, hooked, region.origin)
            # The hook registered first runs first, so it is applied last.
            places = {"tensor": found.tensor, "before": found.before, "after": found.after}
            value = region.arguments.get(hooked.value, hooked.value)
            places[hooked.hook.place].setdefault(value, []).insert(0, name)
        return found

    def _define(self, name: str, hooked: HookedAt, origin: int) -> None:
        writer, hook, edited = self._writer, hooked.hook, hooked.edited
        primal = readable(edited)
        forward, backward = self._names.reserve(f"{name}_forward"), self._names.reserve(f"{name}_backward")
        with writer.definition(f"def {name}({primal}):", origin, "@jax.custom_vjp"):
            writer.line(f"return {primal}", origin)
        with writer.definition(f"def {forward}({primal}):", origin):
            writer.line(f"return {name}({primal}), None", origin)
        with writer.definition(f"def {backward}(_, {hook.parameter}):", origin):
            shapes = {hook.parameter: edited.shape}
            lines, [result] = self._dialect.inner_expressions().body(hook.body, [hook.result], shapes=shapes)
            for line in lines:
                writer.line(line, origin)
            writer.line(f"return ({result},)", origin)
        writer.line(f"{name}.defvjp({forward}, {backward})", origin)
        writer.blank(2)
