"""The JAX leg: prints the pure program as JAX a person would write, and runs what it printed.

The only module that imports jax, and only to run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from compare.checks import RESERVED
from compare.execution import Identified, execute, plain
from compare.observed import Array, LegRun, Observed
from compare.pure import (
    Accumulated,
    Applied,
    Differentiable,
    Given,
    HookedAt,
    PureProgram,
    Put,
    Region,
    Shown,
    StopGradient,
    StraightThrough,
    Value,
)
from compare.regions import Bind, Differentiate, Show, Step, same_number, schedule
from compare.sources import (
    Expressions,
    LargeArrays,
    ScriptWriter,
    Source,
    call_tree,
    name_tree,
    number_tree,
    print_line,
)
from compare.statements import FLOAT_DTYPES, Number, RegisterHook

__all__ = ["print_jax", "readable", "run_jax"]


def print_jax(pure: PureProgram) -> Source:
    """Print a pure program as JAX."""
    return _JaxPrinter(pure).print()


class _Names:
    """Gives values names in one scope. A name is given again once its last reader has been printed."""

    def __init__(self, avoid: Iterable[str]) -> None:
        self.avoid = set(avoid)
        self.free_after: dict[str, float] = {}
        self.next_number: dict[str, int] = {}

    def give(self, hint: str, now: float, last_use: float) -> str:
        """A name for a value bound at step `now` and read until step `last_use`."""
        hint = hint.lstrip("_") or "value"
        candidate = hint
        while candidate in self.avoid or self.free_after.get(candidate, -1) > now:
            number = self.next_number.get(hint, 2)
            self.next_number[hint] = number + 1
            candidate = f"{hint}_{number}"
        # Two values bound by one statement are two names, even where one of them is never read.
        self.free_after[candidate] = max(last_use, now + 0.5)
        return candidate

    def reserve(self, hint: str) -> str:
        """A name for good."""
        name = self.give(hint, -1, float("inf"))
        self.avoid.add(name)
        return name


class _JaxPrinter:
    def __init__(self, pure: PureProgram) -> None:
        self.pure = pure
        self.writer = ScriptWriter()
        self.steps: list[Step] = schedule(pure)
        # Where anything is 64-bit, JAX's 64-bit types are on, and what is not says so.
        self.wide = pure.dtype == "float64" or any(value.dtype == "float64" for value in pure.values)
        self.expressions = Expressions("jnp", lambda op: op.jax, narrow=not self.wide)
        self.large = LargeArrays()
        self.names = _Names(RESERVED)
        self.top: dict[Value, ast.expr] = {}
        self.hook_names: dict[HookedAt, str] = {}
        self.functions: dict[tuple[tuple[str, ...], tuple[str, ...], tuple[Value, ...]], str] = {}

    def print(self) -> Source:
        self.plan()
        for self.now, step in enumerate(self.steps):
            match step:
                case Bind():
                    self.bind(step.value)
                case Differentiate():
                    self.differentiate(step)
                case Show():
                    self.show(step.shown)
        text = self.writer.text
        wanted = {
            "import jax": self.wide or re.search(r"\bjax\.", text),
            "import jax.numpy as jnp": re.search(r"\bjnp\.", text),
            "import numpy": self.large.arrays,
            "from jax import lax": re.search(r"\blax\.", text),
        }
        return self.writer.script(
            f"{self.pure.id}: {self.pure.title}",
            [line for line, needed in wanted.items() if needed],
            'jax.config.update("jax_enable_x64", True)' if self.wide else "",
            self.pure.id,
            self.large,
        )

    # ---- what is written where: names, and intermediates that need none ----

    def plan(self) -> None:
        """Find how often and how long each top-level value is read."""
        self.uses: dict[Value, int] = {}
        self.last_use: dict[Value, float] = {}
        self.inner: set[Value] = set()
        for now, step in enumerate(self.steps):
            match step:
                case Bind():
                    value = self.printed(step.value)
                    if value is step.value:
                        for operand in value.operands:
                            self.use(operand, now)
                    elif self.needs_line(step.value):
                        self.use(value, now)
                case Differentiate():
                    cotangent = () if step.region.cotangent is None else (step.region.cotangent,)
                    for value in (*step.arguments, *step.captured, *cotangent):
                        self.use(value, now)
                        self.inner.add(self.key(value))
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

    def printed(self, value: Value) -> Value:
        """The value whose line gives this one its number. An unnamed one takes the first name that asks for it."""
        found = same_number(value)
        if found.hint.startswith("_") and not value.hint.startswith("_"):
            found.hint = value.hint
        return found

    def needs_line(self, value: Value) -> bool:
        """Whether a value with another's number is written as an assignment of its own: `a = d`."""
        return not value.hint.startswith("_") and value.hint != self.printed(value).hint

    def key(self, value: Value) -> Value:
        return value if self.needs_line(value) else self.printed(value)

    def use(self, value: Value, now: int) -> None:
        key = self.key(value)
        self.uses[key] = self.uses.get(key, 0) + 1
        self.last_use[key] = now

    def is_inlined(self, value: Value) -> bool:
        return (
            value.hint.startswith("_")
            and value is same_number(value)
            and not isinstance(value, Given)
            and self.uses.get(value, 0) == 1
            and value not in self.inner
        )

    def named(self, value: Value) -> str:
        """The name of a top-level value, given now."""
        key = self.key(value)
        name = self.names.give(readable(key), self.now, self.last_use.get(key, self.now))
        self.top[key] = name_tree(name)
        return name

    def look_up(self, value: Value) -> ast.expr:
        return self.top[self.key(value)]

    # ---- steps ----

    def bind(self, value: Value) -> None:
        source = self.printed(value)
        if value is not source:
            if self.needs_line(value):
                tree = self.look_up(source)
                self.writer.line(f"{self.named(value)} = {ast.unparse(tree)}", value.origin)
            return
        if isinstance(value, Given):
            keywords = self.dtype_keyword(value.dtype) if value.dtype in FLOAT_DTYPES else {}
            tree = call_tree("jnp.array", self.large.tree(value.hint, value.data, value.dtype, "jnp"), **keywords)
        else:
            tree = self.tree(value, self.top_operand)
        if self.is_inlined(value):
            self.top[value] = tree
        else:
            self.writer.line(f"{self.named(value)} = {ast.unparse(tree)}", value.origin)

    def top_operand(self, value: Value | Number) -> ast.expr:
        return self.look_up(value) if isinstance(value, Value) else number_tree(value, "jnp")

    def tree(self, value: Value, operand: Any) -> ast.expr:
        """The expression that computes a value from its operands' expressions."""
        match value:
            case Applied():
                arguments = tuple(operand(argument) for argument in value.arguments)
                return self.expressions.expression(value.op, arguments, value.attributes)
            case Put():
                assert value.op.view is not None
                pair = (operand(value.base), operand(value.new))
                statement = self.expressions.spell(value.op.view.put, value.op, pair, value.attributes)
                assert isinstance(statement, ast.Expr)
                return statement.value
            case StopGradient():
                return call_tree("lax.stop_gradient", operand(value.source))
            case StraightThrough():
                new = operand(value.new)
                if value.new.tracked:
                    new = call_tree("lax.stop_gradient", new)
                old = operand(value.old)
                difference = ast.BinOp(left=old, op=ast.Sub(), right=call_tree("lax.stop_gradient", old))
                return ast.BinOp(left=new, op=ast.Add(), right=difference)
            case Accumulated():
                return ast.BinOp(left=operand(value.before), op=ast.Add(), right=operand(value.more))
        raise AssertionError(f"{type(value).__name__} has no expression")

    def show(self, shown: Shown) -> None:
        tree = self.look_up(shown.value)
        if shown.what == "dtype":
            tree = ast.Attribute(value=tree, attr="dtype", ctx=ast.Load())
        self.writer.line(print_line(f"{shown.name} =", tree), shown.origin)

    # ---- differentiated functions ----

    def differentiate(self, step: Differentiate) -> None:
        region = step.region
        hooks = self.define_hooks(region)
        probes = {value: f"{readable(value)}_probe" for value in region.retained}
        captured = {value: self.look_up(value) for value in step.captured}
        call_arguments = [self.look_up(argument) for argument in step.arguments]
        parameters, lines = _Body(self, step, captured, probes, hooks).written()
        # Two backwards through the same computation, as in a training loop, share one function.
        known = (parameters, tuple(text for text, _ in lines), tuple(captured))
        function = self.functions.get(known)
        if function is None:
            function = self.functions[known] = self.names.reserve(f"{_plain(region.root)}_fn")
            with self.writer.definition(f"def {function}({', '.join(parameters)}):", region.origin):
                for text, origin in lines:
                    self.writer.line(text, origin)
        for value in region.retained:
            probes[value] = self.names.give(f"{readable(value)}_probe", self.now, self.now)
            zeros = call_tree("jnp.zeros", _shape_tree(value.shape), **self.dtype_keyword(value.dtype))
            self.writer.line(f"{probes[value]} = {ast.unparse(zeros)}", region.origin)
            call_arguments.append(name_tree(probes[value]))
        self.call(step, function, call_arguments)

    def call(self, step: Differentiate, function: str, arguments: list[ast.expr]) -> None:
        region = step.region
        auxiliary = _group([self.named(value) for value in step.auxiliary])
        root = self.named(region.root) if step.shows_root else "_"
        for gradient in sorted(region.gradients, key=lambda gradient: gradient not in self.last_use):
            self.named(gradient)
        gradients = [ast.unparse(self.look_up(gradient)) for gradient in region.gradients]
        keywords: dict[str, ast.expr] = {}
        scalar = region.cotangent is None and region.root.shape == ()
        if scalar and len(arguments) > 1:
            positions = [ast.Constant(position) for position in range(len(arguments))]
            keywords["argnums"] = ast.Tuple(elts=list(positions), ctx=ast.Load())
        if step.auxiliary:
            keywords["has_aux"] = ast.Constant(True)
        if scalar:
            transform = "jax.value_and_grad" if step.shows_root else "jax.grad"
            tree = call_tree(transform, name_tree(function), **keywords)
            called: ast.expr = ast.Call(func=call_tree("jax.jit", tree), args=arguments, keywords=[])
            results = ", ".join(gradients)
            if step.shows_root:
                results = f"{f'({root}, {auxiliary})' if step.auxiliary else root}, {_group(gradients)}"
            elif step.auxiliary:
                results = f"{_group(gradients)}, {auxiliary}"
            self.writer.line(f"{results} = {ast.unparse(called)}", region.origin)
            return
        called = call_tree("jax.vjp", name_tree(function), *arguments, **keywords)
        pullback = self.names.give("pullback", self.now, self.now)
        results = f"{root}, {pullback}" + (f", {auxiliary}" if step.auxiliary else "")
        self.writer.line(f"{results} = {ast.unparse(called)}", region.origin)
        if region.cotangent is None:
            ones = self.dtype_keyword(region.root.dtype)
            cotangent = call_tree("jnp.ones", _shape_tree(region.root.shape), **ones)
        else:
            cotangent = self.look_up(region.cotangent)
        pulled = call_tree(pullback, cotangent)
        results = f"({gradients[0]},)" if len(gradients) == 1 else ", ".join(gradients)
        self.writer.line(f"{results} = {ast.unparse(pulled)}", region.origin)

    def define_hooks(self, region: Region) -> dict[Value, list[str]]:
        """Define the hooks of a region; return the names to apply to each value, in the order they wrap it."""
        arguments: dict[Value, Value] = dict(region.arguments.items())
        found: dict[Value, list[str]] = {}
        for hooked in region.hooks:
            if hooked.hook.result is None:
                continue
            name = self.hook_names.get(hooked)
            if name is None:
                name = self.hook_names[hooked] = self.names.reserve(hooked.hook.target)
                self.define_hook(name, hooked.hook, readable(hooked.value), region.origin)
            # The hook registered first runs first, so it is applied last.
            found.setdefault(arguments.get(hooked.value, hooked.value), []).insert(0, name)
        return found

    def define_hook(self, name: str, hook: RegisterHook, primal: str, origin: int) -> None:
        writer = self.writer
        forward, backward = self.names.reserve(f"{name}_forward"), self.names.reserve(f"{name}_backward")
        with writer.definition(f"def {name}({primal}):", origin, "@jax.custom_vjp"):
            writer.line(f"return {primal}", origin)
        with writer.definition(f"def {forward}({primal}):", origin):
            writer.line(f"return {name}({primal}), None", origin)
        with writer.definition(f"def {backward}(_, {hook.parameter}):", origin):
            inner = Expressions("jnp", lambda op: op.jax, narrow=not self.wide)
            lines, result = inner.body(hook.body, hook.result)
            for line in lines:
                writer.line(line, origin)
            writer.line(f"return ({result},)", origin)
        writer.line(f"{name}.defvjp({forward}, {backward})", origin)
        writer.blank(2)

    def dtype_keyword(self, dtype: str) -> dict[str, ast.expr]:
        """`dtype=...` where it is not what JAX makes of a float."""
        return {} if dtype == ("float64" if self.wide else "float32") else {"dtype": name_tree(f"jnp.{dtype}")}


class _Body:
    """The body of one differentiated function."""

    def __init__(
        self,
        printer: _JaxPrinter,
        step: Differentiate,
        captured: dict[Value, ast.expr],
        probes: dict[Value, str],
        hooks: dict[Value, list[str]],
    ) -> None:
        self.printer = printer
        self.step = step
        self.lines: list[tuple[str, int]] = []
        self.trees: dict[Value, ast.expr] = dict(captured)
        self.probes = probes
        self.hooks = hooks
        taken = {node.id for tree in captured.values() for node in ast.walk(tree) if isinstance(node, ast.Name)}
        applied = {name for names in hooks.values() for name in names}
        self.names = _Names({*RESERVED, *taken, *applied})
        self.count_uses()

    def count_uses(self) -> None:
        step = self.step
        self.uses: dict[Value, int] = {}
        self.last_use: dict[Value, float] = {}
        for now, value in enumerate(step.body):
            for operand in value.operands:
                times = 2 if isinstance(value, StraightThrough) and operand is value.old else 1
                self.uses[operand] = self.uses.get(operand, 0) + times
                self.last_use[operand] = now
        for value in (step.region.root, *step.auxiliary):
            self.uses[value] = self.uses.get(value, 0) + 1
            self.last_use[value] = float("inf")
        for value in reversed(step.body):
            if self.is_inlined(value) or isinstance(value, Differentiable):
                for operand in value.operands:
                    self.last_use[operand] = max(self.last_use[operand], self.last_use[value])

    def is_inlined(self, value: Value) -> bool:
        return (
            value.hint.startswith("_")
            and self.uses.get(value, 0) == 1
            and value not in self.probes
            and value not in self.hooks
            and value not in self.step.auxiliary
        )

    def written(self) -> tuple[tuple[str, ...], list[tuple[str, int]]]:
        """The parameters, and the lines with the statements they come from."""
        step, region = self.step, self.step.region
        parameters = []
        for argument in step.arguments:
            name = self.names.give(argument.hint, -1, self.last_use.get(argument, 0))
            self.trees[argument] = name_tree(name)
            parameters.append(name)
        for value in region.retained:
            self.probes[value] = self.names.give(self.probes[value], -1, float("inf"))
            parameters.append(self.probes[value])
        for argument in step.arguments:
            self.wrap(argument)
        for now, value in enumerate(step.body):
            if isinstance(value, Differentiable):
                # A leaf of another backward: here it is only a number, under the name of what it was made from.
                self.trees[value] = self.operand(value.source)
                continue
            tree = self.printer.tree(value, self.operand)
            if self.is_inlined(value):
                self.trees[value] = tree
                continue
            if value is region.root and self.is_plain_root(value):
                self.lines.append((f"return {ast.unparse(tree)}", value.origin))
                return tuple(parameters), self.lines
            name = self.names.give(readable(value), now, self.last_use.get(value, now))
            self.trees[value] = name_tree(name)
            self.lines.append((f"{name} = {ast.unparse(tree)}", value.origin))
            self.wrap(value)
        returned = ast.unparse(self.trees[region.root])
        if step.auxiliary:
            outputs = [ast.unparse(self.trees[value]) for value in step.auxiliary]
            returned = f"{returned}, {_group(outputs)}"
        self.lines.append((f"return {returned}", region.origin))
        return tuple(parameters), self.lines

    def is_plain_root(self, value: Value) -> bool:
        """Whether the root can be returned without a name: nothing else is done to it, and it has none."""
        return (
            value.hint.startswith("_")
            and self.uses[value] == 1
            and not self.step.auxiliary
            and value not in self.probes
            and value not in self.hooks
        )

    def wrap(self, value: Value) -> None:
        """Add the probe, then the hooks, right where the value is made."""
        origin = self.step.region.origin
        name = ast.unparse(self.trees[value])
        if value in self.probes:
            self.lines.append((f"{name} = {name} + {self.probes[value]}", origin))
        for hook in self.hooks.get(value, []):
            self.lines.append((f"{name} = {hook}({name})", origin))

    def operand(self, value: Value | Number) -> ast.expr:
        return self.trees[value] if isinstance(value, Value) else number_tree(value, "jnp")


# ---- small pieces of text ----


def readable(value: Value) -> str:
    """A name for a value: its own, or what is done to what: `loss_sum`."""
    if value.hint.startswith("_") and isinstance(value, Applied) and value.operands:
        return f"{_plain(value.operands[0])}_{value.op.name}"
    return _plain(value)


def _plain(value: Value) -> str:
    while value.hint.startswith("_") and value.operands:
        value = value.operands[0]
    return value.hint.lstrip("_")


def _group(names: list[str]) -> str:
    """`a` alone, or `(a, b)`."""
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def _shape_tree(shape: tuple[int, ...]) -> ast.expr:
    if len(shape) == 1:
        return ast.Constant(shape[0])
    return ast.Tuple(elts=[ast.Constant(size) for size in shape], ctx=ast.Load())


# ---- running ----


def run_jax(pure: Identified, source: Source, *, snippet: bool = False) -> LegRun:
    """Run a JAX script. The 64-bit flag is put back afterwards."""
    import jax

    enabled = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", False)
    try:
        return execute(
            source,
            leg="jax",
            filename=f"<{pure.id}.jax.py>",
            convert=_convert,
            snippet=snippet,
            finish=jax.effects_barrier,
        )
    finally:
        jax.config.update("jax_enable_x64", enabled)


def _convert(value: Any) -> Observed:
    import jax

    if isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer):
        return Array(np.array(value, copy=True), str(value.dtype))
    return plain(value, _convert)
