"""The JAX leg: prints the pure program as JAX a person would write, and runs what it printed.

The only module that imports jax, and only to run.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from compare.checks import RESERVED
from compare.execution import Identified, close_data, directory_for, execute, plain
from compare.jax_functions import function_lines, names_inside
from compare.observed import Array, LegRun, Observed
from compare.ops import Shape
from compare.pure import (
    Accumulated,
    Applied,
    Call,
    Differentiable,
    Given,
    Gradient,
    HookedAt,
    PureProgram,
    Put,
    Region,
    Result,
    Shown,
    StopGradient,
    StraightThrough,
    Value,
)
from compare.regions import Bind, Differentiate, Form, Show, Step, same_number, schedule
from compare.settings import Setting, put_back
from compare.sources import (
    Expressions,
    LargeArrays,
    ScriptWriter,
    Source,
    call_tree,
    inferred_dtype,
    name_tree,
    number_tree,
    print_line,
    shape_tree,
)
from compare.statements import DefineFunction, Number
from compare.updates import Update, UpdateForm, with_updates

__all__ = ["Check", "jax_settings", "last_function", "print_jax", "readable", "run_jax"]


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

    def reserve(self, hint: str, inside: Collection[str] = ()) -> str:
        """A name for good. `inside`: names that stand in its way elsewhere."""
        while (name := self.give(hint, -1, float("inf"))) in inside:
            self.avoid.add(name)
        self.avoid.add(name)
        return name


class _Scope:
    """What is printed at top level, or inside one function: lines, and names for values.

    Args:
        script: the whole, for what all scopes share: hooks and functions are defined at top level.
        names: gives the names of this scope.
        steps: what is computed here.
    """

    def __init__(self, script: _Script, names: _Names, steps: Sequence[Step | Update]) -> None:
        self.script = script
        self.names = names
        self.steps = steps
        self.now = 0
        self.trees: dict[Value, ast.expr] = {}
        self.uses: dict[Value, int] = {}
        self.last_use: dict[Value, float] = {}
        # The results of each call that this scope computes, by place.
        self.results: dict[Call, dict[int, Result]] = {}
        for step in steps:
            if isinstance(step, Bind) and isinstance(step.value, Result):
                self.results.setdefault(step.value.call, {})[step.value.place] = step.value
        # Values that something other than an expression of this scope reads: they need a name.
        self.inner: set[Value] = set()

    # ---- to be said by each kind of scope ----

    def emit(self, text: str, origin: int | None) -> None:
        raise NotImplementedError

    def key(self, value: Value) -> Value:
        """The value under whose name this one is known here."""
        return value

    @property
    def at_start(self) -> bool:
        """Whether nothing is printed here yet."""
        return False

    def is_global(self, value: Value) -> bool:
        """Whether the value's name is one of the top level."""
        raise NotImplementedError

    def probes_inside(self, region: Region) -> dict[Value, str]:
        """The probes of this function on values that a function inside it computes."""
        raise NotImplementedError

    # ---- names ----

    def use(self, value: Value, now: float, times: int = 1) -> None:
        key = self.key(value)
        self.uses[key] = self.uses.get(key, 0) + times
        self.last_use[key] = max(now, self.last_use.get(key, now))

    def use_operands(self, region: Region, now: int) -> None:
        for value in region.operands:
            self.use(value, now)
            self.inner.add(self.key(value))

    def named(self, value: Value) -> str:
        """The name of a value, given now."""
        key = self.key(value)
        name = self.names.give(readable(key), self.now, self.last_use.get(key, self.now))
        self.trees[key] = name_tree(name)
        return name

    def look_up(self, value: Value) -> ast.expr:
        return self.trees[self.key(value)]

    def operand(self, value: Value | Number) -> ast.expr:
        return self.look_up(value) if isinstance(value, Value) else number_tree(value, "jnp")

    def argument(self, value: Applied, argument: Value | Number) -> ast.expr:
        """An operand as an op reads it."""
        return self.operand(argument)

    # ---- expressions ----

    def tree(self, value: Value) -> ast.expr:
        """The expression that computes a value from its operands' expressions."""
        match value:
            case Given():
                inferred = inferred_dtype(value.data, value.dtype, self.script.float_dtype)
                keywords = {} if inferred == value.dtype else self.script.dtype_keyword(value.dtype)
                if 0 in value.shape and value.shape != (0,):
                    return call_tree("jnp.zeros", shape_tree(value.shape), **keywords)
                data = self.script.large.tree(value.hint, value.data, value.dtype, "jnp")
                return call_tree("jnp.array", data, **keywords)
            case Applied():
                arguments = tuple(self.argument(value, argument) for argument in value.arguments)
                shapes = tuple(one.shape if isinstance(one, Value) else () for one in value.arguments)
                names = value.op.jax_names(shapes, value.attributes)
                return self.script.expressions.expression(value.op, arguments, {**value.attributes, **names})
            case Put():
                assert value.op.view is not None
                pair = (self.operand(value.base), self.operand(value.new))
                attributes = {**value.attributes, **value.op.jax_names((value.base.shape,), value.attributes)}
                statement = self.script.expressions.spell(value.op.view.put, value.op, pair, attributes)
                assert isinstance(statement, ast.Expr)
                return statement.value
            case StopGradient():
                return call_tree("lax.stop_gradient", self.operand(value.source))
            case StraightThrough():
                new = self.operand(value.new)
                if value.new.tracked:
                    new = call_tree("lax.stop_gradient", new)
                old = self.operand(value.old)
                difference = ast.BinOp(left=old, op=ast.Sub(), right=call_tree("lax.stop_gradient", old))
                return ast.BinOp(left=new, op=ast.Add(), right=difference)
            case Result():
                return self.call_tree(value.call)
            case Accumulated():
                return ast.BinOp(left=self.operand(value.before), op=ast.Add(), right=self.operand(value.more))
        raise AssertionError(f"{type(value).__name__} has no expression")

    # ---- calls ----

    def call_tree(self, call: Call) -> ast.expr:
        """The call of a function of the program."""
        function = name_tree(self.script.function(call))
        arguments = [self.operand(argument) for argument in call.arguments]
        if call.way == "jvp":
            half = len(arguments) // 2
            tuples = (ast.Tuple(elts=part, ctx=ast.Load()) for part in (arguments[:half], arguments[half:]))
            return call_tree("jax.jvp", function, *tuples)
        called = call_tree("jax.checkpoint", function) if call.way == "checkpoint" else function
        return ast.Call(func=called, args=arguments, keywords=[])

    def bind_together(self, value: Result) -> None:
        """Bind all results of a call that this scope computes, in one statement."""
        call = value.call
        tree = self.call_tree(call)
        together = self.results[call]
        names = [self.named(together[place]) if place in together else "_" for place in range(call.count)]
        if call.way == "jvp":
            half = len(names) // 2
            names = [_group(names[:half]), _group(names[half:])]
        self.emit(f"{', '.join(names)} = {ast.unparse(tree)}", value.origin)

    # ---- differentiated functions ----

    def differentiate(self, step: Differentiate, transform: str = "") -> None:
        """Define the function of a backward where it belongs, and call it.

        transform: what is done to the gradient function before it is called: `jax.jit`.
        """
        region = step.region
        function = self.script.define(self, step)
        packed = self.packed(region)
        arguments = [one.look_up(region, self) if isinstance(one, _Group) else self.look_up(one) for one in packed]
        for value in region.retained:
            zeros = call_tree("jnp.zeros", shape_tree(value.shape), **self.script.dtype_keyword(value.dtype))
            arguments.append(self.probe(value, zeros, region.origin))
        captured = [self.look_up(region.captured[place]) for place in function.captured]
        shows_root = bool(step.shown_roots) or function.shows_root
        handed = function.handed_out(step)
        auxiliary = _group([self.named(value) if value in step.auxiliary else "_" for value in handed])
        roots = [self.named(root) if root in step.shown_roots else "_" for root in region.roots]
        gradients = self.gradient_names(step, packed)
        keywords: dict[str, ast.expr] = {"has_aux": ast.Constant(True)} if handed else {}
        if len(roots) == 1 and region.cotangents == (None,) and region.roots[0].shape == ():
            positions = [position for position, name in enumerate(gradients) if name != "_"] or [0]
            if positions != [0]:
                places: list[ast.expr] = [ast.Constant(position) for position in positions]
                argnums = places[0] if len(places) == 1 else ast.Tuple(elts=places, ctx=ast.Load())
                keywords = {"argnums": argnums, **keywords}
            word = "jax.value_and_grad" if shows_root else "jax.grad"
            tree: ast.expr = call_tree(word, name_tree(function.name), **keywords)
            if transform:
                tree = self.script.compiled(function, call_tree(transform, tree), region)
            called: ast.expr = ast.Call(func=tree, args=[*arguments, *captured], keywords=[])
            wanted = [gradients[position] for position in positions]
            results = ", ".join(wanted)
            if shows_root:
                results = f"{f'({roots[0]}, {auxiliary})' if handed else roots[0]}, {_group(wanted)}"
            elif handed:
                results = f"{_group(wanted)}, {auxiliary}"
            self.emit(f"{results} = {ast.unparse(called)}", region.origin)
            return
        differentiated = name_tree(function.name)
        if captured:
            own = function.parameters[: len(arguments)]
            body = ast.Call(func=differentiated, args=[*map(name_tree, own), *captured], keywords=[])
            taken = ast.arguments(
                posonlyargs=[], args=[ast.arg(one) for one in own], kwonlyargs=[], kw_defaults=[], defaults=[]
            )
            differentiated = ast.Lambda(args=taken, body=body)
        called = call_tree("jax.vjp", differentiated, *arguments, **keywords)
        pullback = self.names.give("pullback", self.now, self.now)
        results = f"{_group(roots) if step.shown_roots else '_'}, {pullback}" + (f", {auxiliary}" if handed else "")
        self.emit(f"{results} = {ast.unparse(called)}", region.origin)
        cotangents = [
            self.ones(root) if cotangent is None else self.look_up(cotangent)
            for root, cotangent in zip(region.roots, region.cotangents, strict=True)
        ]
        together = cotangents[0] if len(cotangents) == 1 else ast.Tuple(elts=cotangents, ctx=ast.Load())
        results = f"({gradients[0]},)" if len(gradients) == 1 else ", ".join(gradients)
        self.emit(f"{results} = {ast.unparse(call_tree(pullback, together))}", region.origin)

    def probe(self, value: Value, zeros: ast.expr, origin: int) -> ast.expr:
        """The argument for a probe."""
        return zeros

    def packed(self, region: Region) -> list[Value | _Group]:
        """What the function of a backward takes: values, and groups of them in one dictionary."""
        return list(region.parameters)

    def gradient_names(self, step: Differentiate, packed: Sequence[Value | _Group]) -> list[str]:
        """For every argument of the function, the name of its gradient; `_` where nobody asks."""
        region = step.region
        places = {of: packed.index(argument) for of, argument in region.arguments.items() if argument in packed}
        places |= {value: len(packed) + number for number, value in enumerate(region.retained)}
        names = ["_"] * (len(packed) + len(region.retained))
        # A gradient that is read gets the plain name, one that nobody reads a numbered one.
        for gradient in sorted(step.gradients, key=lambda gradient: gradient not in self.last_use):
            if gradient.of in places:
                names[places[gradient.of]] = self.named(gradient)
        for place, one in enumerate(packed):
            if isinstance(one, _Group):
                names[place] = self.named_together(one, step)
        return names

    def named_together(self, group: _Group, step: Differentiate) -> str:
        """The name of the dictionary with the gradients of a group."""
        own = {gradient: key for gradient in step.gradients if (key := group.key_of(gradient.of)) is not None}
        last = max(self.last_use.get(gradient, self.now) for gradient in own)
        name = self.names.give(group.gradients, self.now, last)
        for gradient, key in own.items():
            self.keep_gradient(gradient, name, key)
        return name

    def keep_gradient(self, gradient: Value, name: str, key: str) -> None:
        """Know a gradient as an item of a dictionary."""
        self.trees[gradient] = _item_tree(name, key)

    def ones(self, root: Value) -> ast.expr:
        return call_tree("jnp.ones", shape_tree(root.shape), **self.script.dtype_keyword(root.dtype))


@dataclass
class _Function:
    """A differentiated function as it is printed, for all backwards that call it at top level.

    forms: of these backwards. captured: the places, among what each captures, of what differs from one to the other:
        it is a parameter. handed: what it hands out beside its roots, by its place in the forms.
    shows_root: whether any of them reads the root's number. name, parameters: once it is printed.
    bound: the name under which its gradient is compiled, where it is called more than once.
    """

    forms: dict[Region, Form]
    captured: tuple[int, ...] = ()
    handed: tuple[int, ...] = ()
    shows_root: bool = False
    name: str = ""
    parameters: tuple[str, ...] = ()
    bound: str = ""

    def handed_out(self, step: Differentiate) -> tuple[Value, ...]:
        """What the function hands out, of this backward."""
        members = self.forms[step.region].members if self.forms else []
        own = [one for place in self.handed if isinstance(one := members[place], Value)] if members else step.auxiliary
        return tuple(sorted(own, key=lambda value: value.number))


@dataclass(eq=False)
class _Group:
    """Leaves that every backward differentiates together, in one dictionary.

    name: of the dictionary. keys: by family. pending: what it starts with, until it is written: expressions by key.
    """

    name: str
    keys: dict[int, str]
    pending: dict[str, ast.expr] | None = field(default_factory=dict)

    @property
    def gradients(self) -> str:
        """The name of the dictionary of their gradients."""
        return self.name.removesuffix("params") + "grads"

    def key_of(self, value: Value) -> str | None:
        """The key of a leaf, or of what an unrecorded write made of it."""
        leaf = value.old if isinstance(value, StraightThrough) else value
        return self.keys.get(leaf.family) if isinstance(leaf, Differentiable) else None

    def arguments(self, region: Region) -> dict[str, Value]:
        """The arguments that a backward takes for the group."""
        pairs = [(self.key_of(of), argument) for of, argument in region.arguments.items()]
        return {key: argument for key, argument in pairs if key is not None}

    def look_up(self, region: Region, scope: _Scope) -> ast.expr:
        """The dictionary as it is now, or one made for this call, where something else is in its places."""
        items = {key: scope.look_up(argument) for key, argument in self.arguments(region).items()}
        if all(ast.unparse(tree) == ast.unparse(_item_tree(self.name, key)) for key, tree in items.items()):
            return name_tree(self.name)
        return _dictionary_tree(items)


@dataclass(frozen=True)
class _Definition:
    """A function of the program under its names: its own, and those of its rules. `blocks`: its lines."""

    function: DefineFunction
    names: tuple[str, ...]
    blocks: list[list[str]]
    origin: int


class _Script(_Scope):
    """The top level."""

    def __init__(self, pure: PureProgram, expected: Mapping[str, Check]) -> None:
        super().__init__(self, _Names(RESERVED), with_updates(schedule(pure)))
        self.pure = pure
        self.expected = expected
        self.writer = ScriptWriter()
        # Where anything is 64-bit, JAX's 64-bit types are on, and what is not says so.
        dtypes = {pure.dtype, *(value.dtype for value in pure.values)}
        self.wide = not dtypes.isdisjoint({"float64", "complex128"})
        self.float_dtype = "float64" if self.wide else "float32"
        self.expressions = Expressions("jnp", lambda op: op.jax, narrow=not self.wide)
        self.large = LargeArrays()
        self.hook_names: dict[HookedAt, str] = {}
        self.functions: dict[tuple[tuple[str, ...], tuple[str, ...], tuple[Value, ...]], str] = {}
        self.shared: dict[Region, _Function] = {}
        # The leaves that go into one dictionary; where in one a value is kept; the gradients that are in one, by name.
        self.groups: list[_Group] = []
        self.slots: dict[Value, tuple[_Group, str]] = {}
        self.gradients: dict[Value, tuple[str, str]] = {}
        self.called: dict[tuple[str, tuple[Shape, ...]], str] = {}
        self.updates: dict[UpdateForm, str] = {}
        self.definitions: dict[str, _Definition] = {}
        self.defined: set[str] = set()
        for call in sorted(_calls(self.steps), key=lambda one: one.defined):
            self.prepare(call)

    def print(self) -> Source:
        self.plan()
        for self.now, step in enumerate(self.steps):
            for name, definition in self.definitions.items():
                if definition.origin < _origin(step):
                    self.define_function(name)
            match step:
                case Bind():
                    self.bind(step.value)
                case Differentiate():
                    self.differentiate(step, "jax.jit")
                case Update():
                    self.update(step)
                case Show():
                    self.show(step.shown)
        text = self.writer.text
        wanted = {
            "import jax": self.wide or re.search(r"\bjax\.", text),
            "import jax.numpy as jnp": re.search(r"\bjnp\.", text),
            "import numpy": self.large.arrays or self.expected,
            "from jax import lax": re.search(r"\blax\.", text),
        }
        return self.writer.script(
            f"{self.pure.id}: {self.pure.title}",
            [line for line, needed in wanted.items() if needed],
            'jax.config.update("jax_enable_x64", True)' if self.wide else "",
            self.pure.id,
            self.large,
        )

    def emit(self, text: str, origin: int | None) -> None:
        self.writer.line(text, origin)

    def is_global(self, value: Value) -> bool:
        return True

    def probes_inside(self, region: Region) -> dict[Value, str]:
        return {}

    # ---- what is written where: names, and intermediates that need none ----

    def plan(self) -> None:
        """Find how often and how long each top-level value is read."""
        self.gather()
        for now, step in enumerate(self.steps):
            match step:
                case Bind():
                    value = self.printed(step.value)
                    if value is step.value:
                        for operand in value.operands:
                            self.use(operand, now)
                    elif self.needs_line(step.value):
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
        self.share()

    def gather(self) -> None:
        """Find the leaves that go into one dictionary: each backward that differentiates one differentiates all."""
        keys: dict[str, dict[int, str]] = {}
        met: dict[str, list[tuple[Region, set[int]]]] = {}
        spoilt: set[str] = set()
        regions = [step.region for step in self.steps if isinstance(step, Differentiate)]
        for region in regions:
            here: dict[str, set[int]] = {}
            for of, argument in region.arguments.items():
                if isinstance(of, Differentiable) and of.member is not None:
                    name = of.member.group
                    keys.setdefault(name, {})[of.family] = of.member.key
                    here.setdefault(name, set()).add(of.family)
                    alone = list(region.arguments.values()).count(argument) == 1
                    if (
                        not alone
                        or of.hint.startswith("_")
                        or not isinstance(argument, Differentiable | StraightThrough)
                    ):
                        spoilt.add(name)
            for name, families in here.items():
                met.setdefault(name, []).append((region, families))
        for name, found in keys.items():
            whole = all(families == found.keys() for _, families in met[name])
            if whole and name not in spoilt and len(set(found.values())) == len(found):
                self.groups.append(_Group(self.names.reserve(name), found))
        values = [step.value for step in self.steps if isinstance(step, Bind)]
        for value in (*values, *(argument for region in regions for argument in region.parameters)):
            number = self.printed(value)
            for group in self.groups:
                key = group.key_of(value)
                if key is not None and value.hint == number.hint:
                    self.slots.setdefault(number, (group, key))
        for value in values:
            for group in self.groups:
                key = group.key_of(value)
                if key is not None and self.needs_line(value):
                    self.slots[value] = (group, key)

    def packed(self, region: Region) -> list[Value | _Group]:
        of = {argument: group for group in self.groups for argument in group.arguments(region).values()}
        return list(dict.fromkeys(of.get(argument, argument) for argument in region.parameters))

    def keep_gradient(self, gradient: Value, name: str, key: str) -> None:
        super().keep_gradient(gradient, name, key)
        self.gradients[gradient] = name, key

    def accumulated(self, value: Value) -> str | None:
        """The place of a gradient that was added to, in the dictionary that it came from."""
        before = self.key(value.before) if isinstance(value, Accumulated) else None
        if before is None or before not in self.gradients or self.last_use.get(before, self.now) > self.now:
            return None
        name, key = self.gradients[before]
        self.keep_gradient(value, name, key)
        last = max(self.last_use.get(value, self.now), self.now + 0.5)
        self.names.free_after[name] = max(self.names.free_after[name], last)
        return ast.unparse(self.trees[value])

    def look_up(self, value: Value) -> ast.expr:
        key = self.key(value)
        if key in self.slots:
            self.open(self.slots[key][0], value.origin)
        return self.trees[key]

    def open(self, group: _Group, origin: int) -> None:
        """Write a dictionary with what is known of it."""
        if group.pending:
            self.emit(f"{group.name} = {ast.unparse(_dictionary_tree(group.pending))}", origin)
            group.pending = None

    def share(self) -> None:
        """Find the backwards whose functions are the same but for what they capture."""
        found: dict[str, _Function] = {}
        for step in self.steps:
            if isinstance(step, Differentiate):
                form = Form(step)
                function = self.shared[step.region] = found.setdefault(form.text, _Function({}))
                function.forms[step.region] = form
                function.shows_root |= bool(step.shown_roots)
                own = {form.places[value] for value in step.auxiliary}
                function.handed = tuple(sorted(own.union(function.handed)))
        for function in found.values():
            captured = zip(*(map(self.key, region.captured) for region in function.forms), strict=True)
            function.captured = tuple(place for place, values in enumerate(captured) if len(set(values)) > 1)

    def printed(self, value: Value) -> Value:
        """The value whose line gives this one its number. An unnamed one takes the first name that asks for it."""
        found = same_number(value)
        if found.hint.startswith("_") and not value.hint.startswith("_"):
            found.hint = value.hint
        return found

    def needs_line(self, value: Value) -> bool:
        """Whether a value with another's number is written as an assignment of its own: `a = d`."""
        number = self.printed(value)
        if value.hint.startswith("_") or value is number:
            return False
        slot = next(((group, key) for group in self.groups if (key := group.key_of(value)) is not None), None)
        return value.hint != number.hint or (slot is not None and self.slots.get(number, slot) != slot)

    def key(self, value: Value) -> Value:
        return value if self.needs_line(value) else self.printed(value)

    def named(self, value: Value, starting: bool = False) -> str:
        """The name of a value, given now. starting: it may be one of those that a dictionary starts with."""
        # A function may hand out a value whose number others know under another name: they read this one.
        key, number = self.key(value), self.printed(value)
        if number not in self.trees:
            self.last_use[key] = max(self.last_use.get(one, self.now) for one in (key, number))
        name = self.in_dictionary(key, starting) or super().named(value)
        self.trees.setdefault(number, self.trees[key])
        return name

    def in_dictionary(self, key: Value, starting: bool) -> str | None:
        """The place of a value in its group's dictionary, unless what is there is still read later."""
        if key not in self.slots:
            return None
        group, word = self.slots[key]
        if not starting:
            self.open(group, key.origin)
            if group.pending is not None:
                return None
        tree = _item_tree(group.name, word)
        place = ast.unparse(tree)
        if self.names.free_after.get(place, -1) > self.now:
            return None
        self.names.free_after[place] = max(self.last_use.get(key, self.now), self.now + 0.5)
        self.trees[key] = tree
        return place

    def is_inlined(self, value: Value) -> bool:
        return (
            value.hint.startswith("_")
            and value is same_number(value)
            and not isinstance(value, Given | Gradient)
            and not _is_one_of_several(value)
            and self.uses.get(value, 0) == 1
            and value not in self.inner
        )

    # ---- steps ----

    def bind(self, value: Value) -> None:
        source = self.printed(value)
        if value is not source:
            if self.needs_line(value):
                self.assign(value, self.look_up(source))
            return
        if isinstance(value, Result) and _is_one_of_several(value):
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
        slot = self.slots.get(self.key(value))
        if slot is None or slot[0].pending is None or name.isidentifier():
            self.emit(f"{name} = {ast.unparse(tree)}", value.origin)
            return
        group, key = slot
        assert group.pending is not None
        group.pending[key] = tree
        # What is no data is written at once: the names that it reads may change.
        if not isinstance(value, Given) or len(group.pending) == len(group.keys):
            self.open(group, value.origin)

    def show(self, shown: Shown) -> None:
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
        data = self.large.tree(f"{readable(value)}_expected", check.values.tolist(), dtype, "numpy")
        if not check.rtol and not check.atol:
            return call_tree("numpy.testing.assert_array_equal", tree, data)
        limits = {"rtol": ast.Constant(check.rtol), "atol": ast.Constant(check.atol)}
        return call_tree("numpy.testing.assert_allclose", tree, data, **limits)

    def probe(self, value: Value, zeros: ast.expr, origin: int) -> ast.expr:
        name = self.names.give(f"{readable(value)}_probe", self.now, self.now)
        self.emit(f"{name} = {ast.unparse(zeros)}", origin)
        return name_tree(name)

    def update(self, step: Update) -> None:
        """Call the function of an update, which is defined by now."""
        form, origin = step.form, step.values[-1].origin
        if form not in self.updates:
            body = _UpdateBody(self, step)
            lines = body.written()
            self.updates[form] = name = self.names.reserve("update")
            with self.writer.definition(f"def {name}({', '.join(body.parameters)}):", origin, "@jax.jit"):
                for text, place in lines:
                    self.writer.line(text, place)
        arguments = [self.look_up(value) for value in step.inputs]
        arguments += [number_tree(step.numbers[place], "jnp") for place in form.numbers]
        outputs = [step.values[place] for place in form.outputs]
        names = [self.named(value) if value in step.read else "_" for value in outputs]
        called = ast.Call(func=name_tree(self.updates[form]), args=arguments, keywords=[])
        self.emit(f"{', '.join(names)} = {ast.unparse(called)}", origin)

    # ---- definitions ----

    def define(self, scope: _Scope, step: Differentiate) -> _Function:
        """Define the function of a backward, unless it is another's, too.

        It stands at top level where it reads nothing of the function around it. Backwards through the same computation,
        as in a training loop, share one function: it takes what they capture differently as further parameters.
        """
        region = step.region
        function = self.shared[region] if scope is self else _Function({})
        if function.name:
            return function
        hooks = self.define_hooks(region)
        taken = [region.captured[place] for place in function.captured]
        captured = {value: scope.look_up(value) for value in region.captured if value not in taken}
        outer_probes = scope.probes_inside(region)
        printed = replace(step, auxiliary=function.handed_out(step))
        body = _Body(scope, printed, captured, hooks, outer_probes, taken, scope.packed(region))
        function.parameters, lines = body.written()
        name = f"{_plain(region.roots[0])}_fn"
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
        if known not in self.functions:
            self.functions[known] = self.names.reserve(name)
            with self.writer.definition(f"def {self.functions[known]}({header}):", region.origin):
                for text, origin in lines:
                    self.writer.line(text, origin)
        function.name = self.functions[known]
        return function

    def compiled(self, function: _Function, tree: ast.expr, region: Region) -> ast.expr:
        """The gradient function of a backward, under a name where several call it: so it is compiled once."""
        if len(function.forms) < 2:
            return tree
        if not function.bound:
            word = "and_grad" if function.shows_root else "grad_fn"
            function.bound = self.names.reserve(f"{_plain(region.roots[0])}_{word}")
            self.emit(f"{function.bound} = {ast.unparse(tree)}", region.origin)
        return name_tree(function.bound)

    def prepare(self, call: Call) -> None:
        """Name the function of a call, and say how it is written.

        Where the spelling of an op depends on shapes, the same function is another one for other arguments.
        """
        function = call.function
        key = function.target, call.shapes
        if key in self.called:
            return
        for name, known in self.definitions.items():
            if known.function is function and known.blocks == self.blocks(call, known.names):
                self.called[key] = name
                return
        inside = names_inside(function)
        name = self.names.reserve(function.target, inside)
        words = () if function.rule is None else ("forward", "backward")
        names = (name, *(self.names.reserve(f"{name}_{word}", inside) for word in words))
        self.called[key] = name
        self.definitions[name] = _Definition(function, names, self.blocks(call, names), call.defined)

    def blocks(self, call: Call, names: tuple[str, ...]) -> list[list[str]]:
        return function_lines(call.function, names, call.shapes, self.inner_expressions)

    def function(self, call: Call) -> str:
        """The name of the function of a call, which is defined by now."""
        name = self.called[call.function.target, call.shapes]
        self.define_function(name)
        return name

    def define_function(self, name: str) -> None:
        definition = self.definitions[name]
        if name not in self.defined:
            self.defined.add(name)
            for lines in definition.blocks:
                self.writer.define(lines, definition.origin)

    def inner_expressions(self) -> Expressions:
        return Expressions("jnp", lambda op: op.jax, narrow=not self.wide)

    def define_hooks(self, region: Region) -> _Hooks:
        """Define the hooks of a region; return the names to apply to each value, in the order they wrap it."""
        found = _Hooks()
        for hooked in region.hooks:
            if hooked.hook.result is None:
                continue
            name = self.hook_names.get(hooked)
            if name is None:
                name = self.hook_names[hooked] = self.names.reserve(hooked.hook.target)
                self.define_hook(name, hooked, region.origin)
            # The hook registered first runs first, so it is applied last.
            places = {"tensor": found.tensor, "before": found.before, "after": found.after}
            value = region.arguments.get(hooked.value, hooked.value)
            places[hooked.hook.place].setdefault(value, []).insert(0, name)
        return found

    def define_hook(self, name: str, hooked: HookedAt, origin: int) -> None:
        writer, hook, edited = self.writer, hooked.hook, hooked.edited
        primal = readable(edited)
        forward, backward = self.names.reserve(f"{name}_forward"), self.names.reserve(f"{name}_backward")
        with writer.definition(f"def {name}({primal}):", origin, "@jax.custom_vjp"):
            writer.line(f"return {primal}", origin)
        with writer.definition(f"def {forward}({primal}):", origin):
            writer.line(f"return {name}({primal}), None", origin)
        with writer.definition(f"def {backward}(_, {hook.parameter}):", origin):
            shapes = {hook.parameter: edited.shape}
            lines, [result] = self.inner_expressions().body(hook.body, [hook.result], shapes=shapes)
            for line in lines:
                writer.line(line, origin)
            writer.line(f"return ({result},)", origin)
        writer.line(f"{name}.defvjp({forward}, {backward})", origin)
        writer.blank(2)

    def dtype_keyword(self, dtype: str) -> dict[str, ast.expr]:
        """`dtype=...` where it is not what JAX makes of a float."""
        return {} if dtype == self.float_dtype else {"dtype": self.expressions.dtype(dtype)}


class _UpdateBody(_Scope):
    """The body of the function of updates that compute the same; one of its calls stands for all."""

    def __init__(self, script: _Script, call: Update) -> None:
        super().__init__(script, _Names({*RESERVED, *script.definitions}), [Bind(value) for value in call.values])
        self.call = call
        self.parameters: list[str] = []
        # Numbers are read in order, each once: the ones that are parameters, by place.
        self.numbers: dict[int, ast.expr] = {}
        self.places = itertools.count()
        calls = call.form.calls
        columns = zip(*([*one.inputs, *one.values] for one in calls), strict=True)
        self.hints = {values[calls.index(call)]: values for values in columns}
        self.returned = [call.values[place] for place in call.form.outputs]
        for now, value in enumerate(call.values):
            for operand in value.operands:
                self.use(operand, now)
        for value in self.returned:
            self.use(value, float("inf"))

    def key(self, value: Value) -> Value:
        return same_number(value)

    def own_name(self, value: Value, otherwise: str) -> str:
        """A name for a value of all calls; that of an input where it has the input's name outside."""
        same = (place for place, one in enumerate(self.call.inputs) if one.hint == value.hint)
        own = next((self.parameters[place] for place in same if place < len(self.parameters)), otherwise)
        name = self.call.form.name_of(self.hints[value], own)
        return self.names.give(name, self.now, self.last_use.get(value, self.now))

    def argument(self, value: Applied, argument: Value | Number) -> ast.expr:
        """An operand as an op reads it: a number that is not the same in all calls is a parameter."""
        if isinstance(argument, Value):
            return self.look_up(argument)
        return self.numbers.get(next(self.places)) or number_tree(argument, "jnp")

    def written(self) -> list[tuple[str, int | None]]:
        """The lines, with the statements that they come from."""
        self.now = -1
        for value in self.call.inputs:
            self.parameters.append(self.own_name(value, "parameter"))
            self.trees[value] = name_tree(self.parameters[-1])
        for place in self.call.form.numbers:
            self.parameters.append(self.names.give("factor", self.now, float("inf")))
            self.numbers[place] = name_tree(self.parameters[-1])
        lines: list[tuple[str, int | None]] = []
        for self.now, value in enumerate(self.call.values):
            tree = self.tree(value)
            if value.hint.startswith("_") and self.uses[value] == 1 and value not in self.returned:
                self.trees[value] = tree
                continue
            name = self.own_name(value, "value")
            self.trees[value] = name_tree(name)
            lines.append((f"{name} = {ast.unparse(tree)}", value.origin))
        results = ", ".join(ast.unparse(self.trees[value]) for value in self.returned)
        return [*lines, (f"return {results}", self.call.values[-1].origin)]


@dataclass(frozen=True)
class _Hooks:
    """The functions to apply to each value, in the order in which they wrap it.

    before: where the value is made, inside its probes. tensor: outside of them. after: to the operand of its op.
    """

    tensor: dict[Value, list[str]] = field(default_factory=dict)
    before: dict[Value, list[str]] = field(default_factory=dict)
    after: dict[Value, list[str]] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        several = (*self.tensor.values(), *self.before.values(), *self.after.values())
        return {name for names in several for name in names}


class _Body(_Scope):
    """The body of one differentiated function.

    Args:
        around: the scope that calls it.
        captured: how the values that it reads from there are written.
        hooks: the functions to apply to a value where it is made, or to its operand.
        outer_probes: probes of the functions around it on values that it computes.
        taken: what it reads from there and takes as further parameters, because it differs from call to call.
        packed: what it takes, where that is not a value each.
    """

    def __init__(
        self,
        around: _Scope,
        step: Differentiate,
        captured: dict[Value, ast.expr],
        hooks: _Hooks,
        outer_probes: dict[Value, str],
        taken: Sequence[Value] = (),
        packed: Sequence[Value | _Group] = (),
    ) -> None:
        read = {node.id for tree in captured.values() for node in ast.walk(tree) if isinstance(node, ast.Name)}
        called = around.script.definitions
        names = _Names({*RESERVED, *read, *hooks.names, *called, *outer_probes.values()})
        super().__init__(around.script, names, step.body)
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
            and not _is_one_of_several(value)
            and self.uses.get(value, 0) == 1
            and value not in self.inner
            and value not in self.step.auxiliary
            and not self.is_touched(value)
        )

    def written(self) -> tuple[tuple[str, ...], list[tuple[str, int | None]]]:
        """The parameters, and the lines with the statements they come from."""
        step, region = self.step, self.step.region
        parameters = []
        for argument in self.takes:
            if isinstance(argument, _Group):
                name = self.names.give(argument.name, -1, float("inf"))
                members = argument.arguments(region)
                self.trees.update({value: _item_tree(name, key) for key, value in members.items()})
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
            if isinstance(value, Result) and _is_one_of_several(value):
                if value not in self.trees:
                    self.bind_together(value)
                self.wrap(value)
                continue
            tree = self.tree(value)
            if self.is_inlined(value):
                self.trees[value] = tree
                continue
            if (value,) == region.roots and self.is_plain_root(value):
                self.emit(f"return {ast.unparse(tree)}", value.origin)
                return tuple(parameters), self.lines
            self.emit(f"{self.named(value)} = {ast.unparse(tree)}", value.origin)
            self.wrap(value)
        returned = ", ".join(ast.unparse(self.trees[root]) for root in region.roots)
        if len(region.roots) > 1 and step.auxiliary:
            returned = f"({returned})"
        if step.auxiliary:
            outputs = [ast.unparse(self.trees[value]) for value in step.auxiliary]
            returned = f"{returned}, {_group(outputs)}"
        self.emit(f"return {returned}", region.origin)
        return tuple(parameters), self.lines

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


# ---- small pieces of text ----


def readable(value: Value) -> str:
    """A name for a value: its own, or what is done to what: `loss_sum`."""
    if value.hint.startswith("_") and isinstance(value, Applied) and value.operands:
        return f"{_plain(value.operands[0])}_{value.op.name}"
    if value.hint.startswith("_") and isinstance(value, Result):
        return value.call.function.target
    return _plain(value)


def _calls(steps: Iterable[Step | Update]) -> Iterator[Call]:
    """The calls of functions, those inside differentiated functions included."""
    for step in steps:
        if isinstance(step, Differentiate):
            yield from _calls(step.body)
        elif isinstance(step, Bind) and isinstance(step.value, Result):
            yield step.value.call


def _origin(step: Step | Update) -> int:
    match step:
        case Bind():
            return step.value.origin
        case Differentiate():
            return step.region.origin
        case Update():
            return step.values[0].origin
        case Show():
            return step.shown.origin


def _is_one_of_several(value: Value) -> bool:
    return isinstance(value, Result) and value.call.count > 1


def _plain(value: Value) -> str:
    while value.hint.startswith("_") and value.operands:
        value = value.operands[0]
    return value.hint.lstrip("_")


def _group(names: list[str]) -> str:
    """`a` alone, or `(a, b)`."""
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def _item_tree(name: str, key: str) -> ast.expr:
    """`params["hidden.weight"]`."""
    return ast.Subscript(value=name_tree(name), slice=_quoted(key), ctx=ast.Load())


def _dictionary_tree(items: dict[str, ast.expr]) -> ast.expr:
    return ast.Dict(keys=[_quoted(key) for key in items], values=list(items.values()))


def _quoted(text: str) -> ast.expr:
    """A string in double quotes, the way JSON has it, which Python reads alike."""
    return ast.Name(id=json.dumps(text, ensure_ascii=False), ctx=ast.Load())


# ---- running ----


def jax_settings() -> tuple[Setting, ...]:
    """The global settings of JAX. Imports it."""
    import jax

    def write(value: dict[str, Any]) -> None:
        for name, now in jax.config.values.items():
            if now != value.get(name, now):
                jax.config.update(name, value[name])

    return (Setting("JAX's setting", lambda: dict(jax.config.values), write),)


def run_jax(pure: Identified, source: Source, *, snippet: bool = False) -> LegRun:
    """Run a JAX script from the settings of a fresh process; all are put back, and told where left changed.

    A script may leave 64-bit types enabled.
    """
    import jax

    with put_back(jax_settings()):
        jax.config.update("jax_enable_x64", False)
        with put_back(jax_settings(), allowed=("jax_enable_x64",)) as changed:
            run = execute(
                source,
                leg="jax",
                filename=f"<{pure.id}.jax.py>",
                convert=_convert,
                snippet=snippet,
                finish=jax.effects_barrier,
                # An entry that another process is just writing, or did not finish: JAX compiles instead.
                ignored_warnings="Error (reading|writing) persistent compilation cache entry",
            )
    run.changed.extend(changed)
    return run


def last_function(pure: Identified, source: Source) -> Callable[..., Any]:
    """The function that a printed script defines last, that of its backward. The script runs once, and settings stay.

    Where it computes in 64 bits, whoever calls the function has to enable them.
    """
    defined = [one.name for one in ast.parse(source.text).body if isinstance(one, ast.FunctionDef)]
    with put_back(jax_settings()), directory_for(source) as directory:
        names: dict[str, Any] = {
            "__name__": "__main__", "__file__": str(Path(directory) / f"{pure.id}.py"), "print": lambda *_: None,
        }  # fmt: skip
        exec(compile(source.text, f"<{pure.id}.jax.py>", "exec"), names)
        close_data(names)
    function: Callable[..., Any] = names[defined[-1]]
    return function


def _convert(value: Any) -> Observed:
    import jax

    if isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer):
        return Array(np.array(value, copy=True), str(value.dtype))
    return plain(value, _convert)
