"""The script that a pure program becomes: its top level, step by step."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from compare.checks import RESERVED
from compare.jax_leg.backwards import BackwardFunctions
from compare.jax_leg.definitions import Functions, HookFunctions
from compare.jax_leg.dialect import Dialect
from compare.jax_leg.dictionaries import Dictionaries, Group
from compare.jax_leg.gradients import BackwardFunction, GradientScope, is_one_of_several
from compare.jax_leg.names import Names, own_name, printed, readable
from compare.jax_leg.updates import UpdateFunctions
from compare.pure import Accumulated, Call, Given, Gradient, PureProgram, Region, Result, Shown, Value
from compare.regions import Bind, Differentiate, Show, Step, same_number, schedule
from compare.sources import ScriptWriter, Source, call_tree, name_tree, number_tree, print_line
from compare.updates import Update, with_updates

__all__ = ["Check", "print_jax"]


def print_jax(pure: PureProgram, expected: Mapping[str, Check] | None = None) -> Source:
    """Print a pure program as JAX.

    expected: by observation name, what the script itself asserts of a number that it shows.
    """
    return _Script(pure, expected or {}).print()


@dataclass(frozen=True)
class Check:
    """What a number has to be, within `atol + rtol * abs(values)`; where both are 0, exactly."""

    values: np.ndarray[Any, Any]
    rtol: float
    atol: float


class _Script(GradientScope):
    """The top level. Nothing is differentiated here, so that values that differ in their history alone are one number.

    Such a number is written on one line, under one key: a second name for it is an assignment of its own.
    """

    top_level: ClassVar[bool] = True

    def __init__(self, pure: PureProgram, expected: Mapping[str, Check]) -> None:
        self.pure = pure
        self.expected = expected
        self.writer = writer = ScriptWriter()
        names, dialect, steps = Names(RESERVED), Dialect(pure), with_updates(schedule(pure))
        functions = Functions(_calls(steps), dialect, names, writer)
        self.backwards = BackwardFunctions(HookFunctions(dialect, names, writer), names, writer)
        self.updates = UpdateFunctions(dialect, functions, names, writer)
        super().__init__(dialect, functions, names, steps, self.backwards.define)
        self.dictionaries = Dictionaries(steps, names, self.emit)

    def print(self) -> Source:
        """The whole script."""
        self.plan()
        self.backwards.share(self.steps, self.key)
        for self.now, step in enumerate(self.steps):
            self.functions.define_before(_origin(step))
            match step:
                case Bind():
                    self.bind(step.value)
                case Differentiate():
                    self.differentiate(step)
                case Update():
                    self.update(step)
                case Show():
                    self.show(step.shown)
        text, dialect = self.writer.text, self.dialect
        wanted = {
            "import jax": dialect.wide or re.search(r"\bjax\.", text),
            "import jax.numpy as jnp": re.search(r"\bjnp\.", text),
            "import numpy": dialect.large.arrays or self.expected,
            "from jax import lax": re.search(r"\blax\.", text),
        }
        return self.writer.script(
            f"{self.pure.id}: {self.pure.title}",
            [line for line, needed in wanted.items() if needed],
            'jax.config.update("jax_enable_x64", True)' if dialect.wide else "",
            self.pure.id,
            dialect.large,
        )

    def emit(self, text: str, origin: int | None) -> None:
        self.writer.line(text, origin)

    def is_global(self, value: Value) -> bool:
        return True

    def probes_inside(self, region: Region) -> dict[Value, str]:
        return {}

    # ---- which intermediates need a name, and for how long ----

    def plan(self) -> None:
        """Find how often and how long each value is read."""
        for now, step in enumerate(self.steps):
            match step:
                case Bind():
                    value = printed(step.value)
                    if value is step.value:
                        for operand in value.operands:
                            self.use(operand, now)
                    elif self.dictionaries.needs_line(step.value):
                        self.use(step.value, now)
                        self.last_use[value] = max(now, self.last_use.get(value, now))
                case Differentiate():
                    self.use_operands(step.region, now)
                case Update():
                    for operand in step.inputs:
                        self.use(operand, now)
                case Show():
                    self.use(step.shown.value, now)
                    if step.shown.what == "dtype":
                        self.inner.add(self.key(step.shown.value))
        # An unnamed value is written inside its reader, so what it reads lives as long as that reader.
        for step in reversed(self.steps):
            if isinstance(step, Bind) and self.is_inlined(step.value):
                for operand in step.value.operands:
                    key = self.key(operand)
                    self.last_use[key] = max(self.last_use[key], self.last_use[step.value])

    def is_inlined(self, value: Value) -> bool:
        """Whether a value is written inside the one line that reads it."""
        return (
            value.hint.startswith("_")
            and value is same_number(value)
            and not isinstance(value, Given | Gradient)
            and not is_one_of_several(value)
            and self.uses.get(value, 0) == 1
            and value not in self.inner
        )

    # ---- names ----

    def key(self, value: Value) -> Value:
        return value if self.dictionaries.needs_line(value) else printed(value)

    def look_up(self, value: Value) -> ast.expr:
        key = self.key(value)
        self.dictionaries.open_for(key, value.origin)
        return self.trees[key]

    def named(self, value: Value, starting: bool = False) -> str:
        """The name of a value, given now. starting: it may be one of those that a dictionary starts with."""
        # A function may hand out a value whose number others know under another name: they read this one.
        key, number = self.key(value), printed(value)
        if number not in self.trees:
            self.last_use[key] = max(self.last_use.get(one, self.now) for one in (key, number))
        place = self.dictionaries.place(key, self.now, self.last_use.get(key, self.now), starting=starting)
        if place is None:
            name = super().named(value)
        else:
            self.trees[key] = place
            name = ast.unparse(place)
        self.trees.setdefault(number, self.trees[key])
        return name

    def keep_gradient(self, gradient: Value, name: str, key: str) -> None:
        super().keep_gradient(gradient, name, key)
        self.dictionaries.gradients[gradient] = name, key

    def accumulated(self, value: Value) -> str | None:
        """The place of a gradient that was added to, in the dictionary that it came from."""
        before = self.key(value.before) if isinstance(value, Accumulated) else None
        known = None if before is None else self.dictionaries.gradients.get(before)
        if before is None or known is None or self.last_use.get(before, self.now) > self.now:
            return None
        name, key = known
        self.keep_gradient(value, name, key)
        self.names.keep(name, self.now, self.last_use.get(value, self.now))
        return ast.unparse(self.trees[value])

    # ---- steps ----

    def bind(self, value: Value) -> None:
        """The line of a value, if it needs one."""
        source = printed(value)
        if value is not source:
            if self.dictionaries.needs_line(value):
                self.assign(value, self.look_up(source))
            return
        if isinstance(value, Result) and is_one_of_several(value):
            if value not in self.trees:
                self.bind_together(value)
            return
        tree = self.tree(value)
        if self.is_inlined(value):
            self.trees[value] = tree
        else:
            self.assign(value, tree)

    def assign(self, value: Value, tree: ast.expr) -> None:
        """One line; or, as long as a dictionary is not written, one of the items that it starts with."""
        name = self.accumulated(value) or self.named(value, starting=True)
        if name.isidentifier() or not self.dictionaries.starts_with(self.key(value), value, tree):
            self.emit(f"{name} = {ast.unparse(tree)}", value.origin)

    def show(self, shown: Shown) -> None:
        """Print an observation, and assert what is expected of it."""
        tree = self.look_up(shown.value)
        if shown.what == "dtype":
            tree = ast.Attribute(value=tree, attr="dtype", ctx=ast.Load())
        self.emit(print_line(f"{shown.name} =", tree), shown.origin)
        check = self.expected.get(shown.name)
        if check is not None and shown.what == "value" and check.values.size:
            self.emit(ast.unparse(self.assertion(shown.value, tree, check)), shown.origin)

    def assertion(self, value: Value, tree: ast.expr, check: Check) -> ast.expr:
        """`numpy.testing.assert_allclose(w_grad, [0.5, 1.0], rtol=1e-10, atol=1e-14)`."""
        dtype = value.dtype
        if dtype == "bfloat16":
            # NumPy has no arithmetic for it.
            dtype, tree = "float32", call_tree("jnp.float32", tree)
        data = self.dialect.large.tree(f"{readable(value)}_expected", check.values.tolist(), dtype, "numpy")
        if not check.rtol and not check.atol:
            return call_tree("numpy.testing.assert_array_equal", tree, data)
        limits = {"rtol": ast.Constant(check.rtol), "atol": ast.Constant(check.atol)}
        return call_tree("numpy.testing.assert_allclose", tree, data, **limits)

    def update(self, step: Update) -> None:
        """Call the function of an update."""
        form = step.form
        function = name_tree(self.updates.name(step))
        arguments = [self.look_up(value) for value in step.inputs]
        arguments += [number_tree(step.numbers[place], "jnp") for place in form.numbers]
        outputs = [step.values[place] for place in form.outputs]
        names = [self.named(value) if value in step.read else "_" for value in outputs]
        called = ast.Call(func=function, args=arguments, keywords=[])
        self.emit(f"{', '.join(names)} = {ast.unparse(called)}", step.values[-1].origin)

    # ---- backwards ----

    def packed(self, region: Region) -> list[Value | Group]:
        return self.dictionaries.packed(region)

    def probe(self, value: Value, zeros: ast.expr, origin: int) -> ast.expr:
        name = self.names.give(f"{readable(value)}_probe", self.now, self.now)
        self.emit(f"{name} = {ast.unparse(zeros)}", origin)
        return name_tree(name)

    def compiled(self, function: BackwardFunction, gradient_function: ast.expr, region: Region) -> ast.expr:
        """The gradient function compiled, under a name where several backwards call it: so it is compiled once."""
        tree = call_tree("jax.jit", gradient_function)
        if len(function.forms) < 2:
            return tree
        if not function.bound:
            word = "and_grad" if function.shows_root else "grad_fn"
            function.bound = self.names.reserve(f"{own_name(region.roots[0])}_{word}")
            self.emit(f"{function.bound} = {ast.unparse(tree)}", region.origin)
        return name_tree(function.bound)


def _calls(steps: Iterable[Step | Update]) -> Iterator[Call]:
    """The calls of functions, those inside differentiated functions included."""
    for step in steps:
        if isinstance(step, Differentiate):
            yield from _calls(step.body)
        elif isinstance(step, Bind) and isinstance(step.value, Result):
            yield step.value.call


def _origin(step: Step | Update) -> int:
    """The statement that a step comes from."""
    match step:
        case Bind():
            return step.value.origin
        case Differentiate():
            return step.region.origin
        case Update():
            return step.values[0].origin
        case Show():
            return step.shown.origin
