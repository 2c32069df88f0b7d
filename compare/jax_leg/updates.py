"""Functions of updates that compute the same: what an optimizer does for one parameter after another."""

from __future__ import annotations

import ast
import itertools

from compare.checks import RESERVED
from compare.jax_leg.definitions import Functions
from compare.jax_leg.dialect import Dialect
from compare.jax_leg.names import Names
from compare.jax_leg.scope import Scope
from compare.pure import Applied, Value
from compare.regions import same_number
from compare.sources import ScriptWriter, name_tree, number_tree
from compare.statements import Number
from compare.updates import Update, UpdateForm

__all__ = ["UpdateFunctions"]


class UpdateFunctions:
    """The functions of updates. Each is written before its first call.

    Args:
        dialect: how numbers, ops and dtypes are written. functions: those of the program.
        names: gives the names of the top level. writer: of the script.
    """

    def __init__(self, dialect: Dialect, functions: Functions, names: Names, writer: ScriptWriter) -> None:
        self._dialect = dialect
        self._functions = functions
        self._names = names
        self._writer = writer
        self._defined: dict[UpdateForm, str] = {}

    def name(self, step: Update) -> str:
        """The name of the function of an update, which is written by now."""
        form, origin = step.form, step.values[-1].origin
        if form not in self._defined:
            body = _UpdateBody(self._dialect, self._functions, step)
            lines = body.written()
            self._defined[form] = name = self._names.reserve("update")
            with self._writer.definition(f"def {name}({', '.join(body.parameters)}):", origin, "@jax.jit"):
                for text, place in lines:
                    self._writer.line(text, place)
        return self._defined[form]


class _UpdateBody(Scope):
    """The body of the function of updates that compute the same; one of them is its sample."""

    def __init__(self, dialect: Dialect, functions: Functions, sample: Update) -> None:
        super().__init__(dialect, functions, Names({*RESERVED, *functions.names}))
        self.sample = sample
        self.parameters: list[str] = []
        # Numbers are read in order, each once: the ones that are parameters, by place.
        self.numbers: dict[int, ast.expr] = {}
        self.places = itertools.count()
        calls = sample.form.calls
        columns = zip(*([*one.inputs, *one.values] for one in calls), strict=True)
        self.hints = {values[calls.index(sample)]: values for values in columns}
        self.returned = [sample.values[place] for place in sample.form.outputs]
        for now, value in enumerate(sample.values):
            for operand in value.operands:
                self.use(operand, now)
        for value in self.returned:
            self.use(value, float("inf"))

    def key(self, value: Value) -> Value:
        return same_number(value)

    def shared_name(self, value: Value, otherwise: str) -> str:
        """A name for a value of all calls; that of an input where it has the input's name outside."""
        same = (place for place, one in enumerate(self.sample.inputs) if one.hint == value.hint)
        own = next((self.parameters[place] for place in same if place < len(self.parameters)), otherwise)
        name = self.sample.form.name_of(self.hints[value], own)
        return self.names.give(name, self.now, self.last_use.get(value, self.now))

    def argument(self, value: Applied, argument: Value | Number) -> ast.expr:
        """An operand as an op reads it: a number that is not the same in all calls is a parameter."""
        if isinstance(argument, Value):
            return self.look_up(argument)
        return self.numbers.get(next(self.places)) or number_tree(argument, "jnp")

    def written(self) -> list[tuple[str, int | None]]:
        """The lines, with the statements that they come from."""
        self.now = -1
        for value in self.sample.inputs:
            self.parameters.append(self.shared_name(value, "parameter"))
            self.trees[value] = name_tree(self.parameters[-1])
        for place in self.sample.form.numbers:
            self.parameters.append(self.names.give("factor", self.now, float("inf")))
            self.numbers[place] = name_tree(self.parameters[-1])
        lines: list[tuple[str, int | None]] = []
        for self.now, value in enumerate(self.sample.values):
            tree = self.tree(value)
            if value.hint.startswith("_") and self.uses[value] == 1 and value not in self.returned:
                self.trees[value] = tree
                continue
            name = self.shared_name(value, "value")
            self.trees[value] = name_tree(name)
            lines.append((f"{name} = {ast.unparse(tree)}", value.origin))
        results = ", ".join(ast.unparse(self.trees[value]) for value in self.returned)
        return [*lines, (f"return {results}", self.sample.values[-1].origin)]
