"""The body of the function of one backward: the slice of the program that it differentiates, with probes and hooks."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from compare.checks import RESERVED
from compare.jax_leg.definitions import Hooks
from compare.jax_leg.dictionaries import Group
from compare.jax_leg.gradients import Define, GradientScope, is_one_of_several
from compare.jax_leg.names import Names, readable
from compare.jax_leg.trees import group, item_tree
from compare.pure import Applied, Differentiable, Gradient, Region, Result, StraightThrough, Value
from compare.regions import Bind, Differentiate
from compare.sources import call_tree, name_tree
from compare.statements import Number

__all__ = ["Body"]


class Body(GradientScope):
    """The body of one differentiated function.

    Args:
        around: the scope that calls it. define: defines the functions that it calls itself.
        captured: how the values that it reads from there are written.
        hooks: the functions to apply to a value where it is made, or to its operand.
        outer_probes: probes of the functions around it on values that it computes.
        taken: what it reads from there and takes as further parameters, because it differs from call to call.
        packed: what it takes, where that is not a value each.
    """

    def __init__(
        self,
        around: GradientScope,
        step: Differentiate,
        captured: dict[Value, ast.expr],
        hooks: Hooks,
        outer_probes: dict[Value, str],
        define: Define,
        taken: Sequence[Value] = (),
        packed: Sequence[Value | Group] = (),
    ) -> None:
        read = {node.id for tree in captured.values() for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names = Names({*RESERVED, *read, *hooks.names, *around.functions.names, *outer_probes.values()})
        super().__init__(around.dialect, around.functions, names, step.body, define)
        self.around = around
        self.step = step
        self.taken = taken
        self.takes = packed
        self.lines: list[tuple[str, int | None]] = []
        self.trees = dict(captured)
        self.hooks = hooks
        self.probes = dict(outer_probes)
        self.own_probes: dict[Value, str] = {}
        self.count_uses()

    def emit(self, text: str, origin: int | None) -> None:
        self.lines.append((text, origin))

    @property
    def at_start(self) -> bool:
        return not self.lines

    def is_global(self, value: Value) -> bool:
        captured = value in self.step.region.captured and value not in self.taken
        return captured and self.around.is_global(value)

    def probes_inside(self, region: Region) -> dict[Value, str]:
        inside = _computed_inside(region)
        return {value: name for value, name in {**self.probes, **self.own_probes}.items() if value in inside}

    def count_uses(self) -> None:
        step, end = self.step, float("inf")
        for now, one in enumerate(self.steps):
            if isinstance(one, Differentiate):
                self.use_operands(one.region, now)
            elif isinstance(one, Bind):
                for operand in one.value.operands:
                    times = 2 if isinstance(one.value, StraightThrough) and operand is one.value.old else 1
                    self.use(operand, now, times)
        for value in (*step.region.roots, *step.auxiliary):
            self.use(value, end)
        for one in reversed(self.steps):
            if isinstance(one, Bind) and (self.is_inlined(one.value) or isinstance(one.value, Differentiable)):
                for operand in one.value.operands:
                    self.last_use[operand] = max(self.last_use[operand], self.last_use.get(one.value, 0))

    def argument(self, value: Applied, argument: Value | Number) -> ast.expr:
        """An operand as an op reads it: through the hooks that edit what the op's node gives for it."""
        tree = self.operand(argument)
        for hook in self.hooks.after.get(value, []) if isinstance(argument, Value) else []:
            tree = call_tree(hook, tree)
        return tree

    def is_touched(self, value: Value) -> bool:
        """Whether a probe or a hook acts on the value where it is made."""
        hooked = value in self.hooks.before or value in self.hooks.tensor
        return value in self.step.region.retained or value in self.probes or hooked

    def is_inlined(self, value: Value) -> bool:
        return (
            value.hint.startswith("_")
            and not isinstance(value, Gradient)
            and not is_one_of_several(value)
            and self.uses.get(value, 0) == 1
            and value not in self.inner
            and value not in self.step.auxiliary
            and not self.is_touched(value)
        )

    def written(self) -> tuple[tuple[str, ...], list[tuple[str, int | None]]]:
        """The parameters, and the lines with the statements they come from."""
        parameters = self.take()
        for self.now, one in enumerate(self.steps):
            if isinstance(one, Differentiate):
                self.differentiate(one)
                # What the inner function hands out has its probes and hooks already.
                for gradient in one.gradients:
                    self.wrap(gradient)
                continue
            assert isinstance(one, Bind)
            value = one.value
            if isinstance(value, Differentiable):
                # A leaf of another backward: here it is only a number, under the name of what it was made from.
                self.trees[value] = self.operand(value.source)
                continue
            if isinstance(value, Result) and is_one_of_several(value):
                if value not in self.trees:
                    self.bind_together(value)
                self.wrap(value)
                continue
            tree = self.tree(value)
            if self.is_inlined(value):
                self.trees[value] = tree
                continue
            if (value,) == self.step.region.roots and self.is_plain_root(value):
                self.emit(f"return {ast.unparse(tree)}", value.origin)
                return parameters, self.lines
            self.emit(f"{self.named(value)} = {ast.unparse(tree)}", value.origin)
            self.wrap(value)
        self.emit(f"return {self.returned()}", self.step.region.origin)
        return parameters, self.lines

    def take(self) -> tuple[str, ...]:
        """Name the parameters: what is differentiated, the probes, and what is captured; give the first their hooks."""
        region = self.step.region
        parameters = []
        for argument in self.takes:
            if isinstance(argument, Group):
                name = self.names.give(argument.name, -1, float("inf"))
                members = argument.arguments(region)
                self.trees.update({value: item_tree(name, key) for key, value in members.items()})
            else:
                name = self.names.give(argument.hint, -1, self.last_use.get(argument, 0))
                self.trees[argument] = name_tree(name)
            parameters.append(name)
        for value in region.retained:
            self.own_probes[value] = self.names.give(f"{readable(value)}_probe", -1, float("inf"))
            parameters.append(self.own_probes[value])
        for value in self.taken:
            name = self.names.give(readable(value), -1, self.last_use.get(value, 0))
            self.trees[value] = name_tree(name)
            parameters.append(name)
        for argument in region.parameters:
            if self.is_touched(argument) and not isinstance(self.trees[argument], ast.Name):
                item = ast.unparse(self.trees[argument])
                name = self.names.give(argument.hint, -1, self.last_use.get(argument, 0))
                self.trees[argument] = name_tree(name)
                self.emit(f"{name} = {item}", region.origin)
            self.wrap(argument)
        return tuple(parameters)

    def returned(self) -> str:
        """The roots, and what the function hands out beside them."""
        step, region = self.step, self.step.region
        returned = ", ".join(ast.unparse(self.trees[root]) for root in region.roots)
        if len(region.roots) > 1 and step.auxiliary:
            returned = f"({returned})"
        if step.auxiliary:
            outputs = [ast.unparse(self.trees[value]) for value in step.auxiliary]
            returned = f"{returned}, {group(outputs)}"
        return returned

    def is_plain_root(self, value: Value) -> bool:
        """Whether the root can be returned without a name: nothing else is done to it, and it has none."""
        return (
            value.hint.startswith("_")
            and self.uses[value] == 1
            and not self.step.auxiliary
            and not self.is_touched(value)
        )

    def wrap(self, value: Value) -> None:
        """Add the hooks of the node, the probes, then the hooks of the tensor, right where the value is made."""
        origin = self.step.region.origin
        name = ast.unparse(self.trees[value])
        for hook in self.hooks.before.get(value, []):
            self.emit(f"{name} = {hook}({name})", origin)
        for probes in (self.probes, self.own_probes):
            if value in probes:
                self.emit(f"{name} = {name} + {probes[value]}", origin)
        for hook in self.hooks.tensor.get(value, []):
            self.emit(f"{name} = {hook}({name})", origin)


def _computed_inside(region: Region) -> set[Value]:
    """The values that the function of a backward computes, functions inside it included."""
    inside = set(region.body)
    for value in region.body:
        if isinstance(value, Gradient):
            inside |= _computed_inside(value.region)
    return inside
