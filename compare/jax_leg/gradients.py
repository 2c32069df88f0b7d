"""Scopes that are written line by line, and the calls of `jax.grad` and `jax.vjp` in them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from compare.jax_leg.definitions import Functions
from compare.jax_leg.dialect import Dialect
from compare.jax_leg.dictionaries import Group
from compare.jax_leg.names import Names
from compare.jax_leg.scope import Scope
from compare.jax_leg.trees import group, item_tree
from compare.pure import Call, Region, Result, Value
from compare.regions import Bind, Differentiate, Form, Step
from compare.sources import call_tree, name_tree, shape_tree
from compare.updates import Update

__all__ = ["BackwardFunction", "Define", "GradientScope", "is_one_of_several"]


@dataclass
class BackwardFunction:
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


Define = Callable[["GradientScope", Differentiate], BackwardFunction]
"""Defines the function of a backward that a scope takes, where it belongs."""


@dataclass(frozen=True)
class _Call:
    """A call of the function of a backward.

    arguments: what is differentiated; zeros for probes included. captured: the parameters behind them.
    roots, auxiliary, gradients: names for what it returns; `_` where nobody asks. hands_out: it has auxiliary outputs.
    """

    step: Differentiate
    function: BackwardFunction
    arguments: list[ast.expr]
    captured: list[ast.expr]
    roots: list[str]
    auxiliary: str
    gradients: list[str]
    hands_out: bool

    @property
    def keywords(self) -> dict[str, ast.expr]:
        return {"has_aux": ast.Constant(True)} if self.hands_out else {}


class GradientScope(Scope):
    """A scope of lines, which may call functions with several results, and take gradients.

    Args:
        steps: what is computed here.
        define: defines the functions of the backwards.

    inner: values that something other than an expression of this scope reads: they need a name.
    """

    top_level: ClassVar[bool] = False

    def __init__(
        self,
        dialect: Dialect,
        functions: Functions,
        names: Names,
        steps: Sequence[Step | Update],
        define: Define,
    ) -> None:
        super().__init__(dialect, functions, names)
        self.steps = steps
        self.inner: set[Value] = set()
        self._define = define
        # The results of each call that this scope computes, by place.
        self._results: dict[Call, dict[int, Result]] = {}
        for step in steps:
            if isinstance(step, Bind) and isinstance(step.value, Result):
                self._results.setdefault(step.value.call, {})[step.value.place] = step.value

    # ---- to be said by each kind of scope ----

    def emit(self, text: str, origin: int | None) -> None:
        """Write a line."""
        raise NotImplementedError

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

    def probe(self, value: Value, zeros: ast.expr, origin: int) -> ast.expr:
        """The argument for a probe."""
        return zeros

    def packed(self, region: Region) -> list[Value | Group]:
        """What the function of a backward takes: values, and groups of them in one dictionary."""
        return list(region.parameters)

    def keep_gradient(self, gradient: Value, name: str, key: str) -> None:
        """Know a gradient as an item of a dictionary."""
        self.trees[gradient] = item_tree(name, key)

    def compiled(self, function: BackwardFunction, gradient_function: ast.expr, region: Region) -> ast.expr:
        """What is called for the gradient function of a backward."""
        return gradient_function

    # ---- results of calls ----

    def use_operands(self, region: Region, now: int) -> None:
        """Count that a backward reads its operands."""
        for value in region.operands:
            self.use(value, now)
            self.inner.add(self.key(value))

    def bind_together(self, value: Result) -> None:
        """Bind all results of a call that this scope computes, in one statement."""
        call = value.call
        tree = self.call(call)
        together = self._results[call]
        names = [self.named(together[place]) if place in together else "_" for place in range(call.count)]
        if call.way == "jvp":
            half = len(names) // 2
            names = [group(names[:half]), group(names[half:])]
        self.emit(f"{', '.join(names)} = {ast.unparse(tree)}", value.origin)

    # ---- backwards ----

    def differentiate(self, step: Differentiate) -> None:
        """Define the function of a backward where it belongs, and call it."""
        region = step.region
        function = self._define(self, step)
        packed = self.packed(region)
        arguments = [one.tree(region, self.look_up) if isinstance(one, Group) else self.look_up(one) for one in packed]
        for value in region.retained:
            zeros = call_tree("jnp.zeros", shape_tree(value.shape), **self.dialect.dtype_keyword(value.dtype))
            arguments.append(self.probe(value, zeros, region.origin))
        captured = [self.look_up(region.captured[place]) for place in function.captured]
        handed = function.handed_out(step)
        call = _Call(
            step=step,
            function=function,
            arguments=arguments,
            captured=captured,
            auxiliary=group([self.named(value) if value in step.auxiliary else "_" for value in handed]),
            roots=[self.named(root) if root in step.shown_roots else "_" for root in region.roots],
            gradients=self._gradient_names(step, packed),
            hands_out=bool(handed),
        )
        if len(region.roots) == 1 and region.cotangents == (None,) and region.roots[0].shape == ():
            self._grad(call)
        else:
            self._vjp(call)

    def _grad(self, call: _Call) -> None:
        """The gradient of one number: `loss, w_grad = jax.value_and_grad(loss_fn)(w)`."""
        region, keywords = call.step.region, call.keywords
        positions = [position for position, name in enumerate(call.gradients) if name != "_"] or [0]
        if positions != [0]:
            places: list[ast.expr] = [ast.Constant(position) for position in positions]
            argnums = places[0] if len(places) == 1 else ast.Tuple(elts=places, ctx=ast.Load())
            keywords = {"argnums": argnums, **keywords}
        shows_root = bool(call.step.shown_roots) or call.function.shows_root
        word = "jax.value_and_grad" if shows_root else "jax.grad"
        tree = self.compiled(call.function, call_tree(word, name_tree(call.function.name), **keywords), region)
        called = ast.Call(func=tree, args=[*call.arguments, *call.captured], keywords=[])
        wanted = [call.gradients[position] for position in positions]
        results = ", ".join(wanted)
        if shows_root:
            [root] = call.roots
            results = f"{f'({root}, {call.auxiliary})' if call.hands_out else root}, {group(wanted)}"
        elif call.hands_out:
            results = f"{group(wanted)}, {call.auxiliary}"
        self.emit(f"{results} = {ast.unparse(called)}", region.origin)

    def _vjp(self, call: _Call) -> None:
        """The gradient of anything else: `_, pullback = jax.vjp(y_fn, w)`, then `(w_grad,) = pullback(v)`."""
        region, differentiated = call.step.region, name_tree(call.function.name)
        if call.captured:
            own = call.function.parameters[: len(call.arguments)]
            body = ast.Call(func=differentiated, args=[*map(name_tree, own), *call.captured], keywords=[])
            taken = ast.arguments(
                posonlyargs=[], args=[ast.arg(one) for one in own], kwonlyargs=[], kw_defaults=[], defaults=[]
            )
            differentiated = ast.Lambda(args=taken, body=body)
        called = call_tree("jax.vjp", differentiated, *call.arguments, **call.keywords)
        pullback = self.names.give("pullback", self.now, self.now)
        results = f"{group(call.roots) if call.step.shown_roots else '_'}, {pullback}"
        if call.hands_out:
            results += f", {call.auxiliary}"
        self.emit(f"{results} = {ast.unparse(called)}", region.origin)
        cotangents = [
            self._ones(root) if cotangent is None else self.look_up(cotangent)
            for root, cotangent in zip(region.roots, region.cotangents, strict=True)
        ]
        together = cotangents[0] if len(cotangents) == 1 else ast.Tuple(elts=cotangents, ctx=ast.Load())
        results = f"({call.gradients[0]},)" if len(call.gradients) == 1 else ", ".join(call.gradients)
        self.emit(f"{results} = {ast.unparse(call_tree(pullback, together))}", region.origin)

    def _gradient_names(self, step: Differentiate, packed: Sequence[Value | Group]) -> list[str]:
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
            if isinstance(one, Group):
                names[place] = self._named_together(one, step)
        return names

    def _named_together(self, members: Group, step: Differentiate) -> str:
        """The name of the dictionary with the gradients of a group."""
        own = {gradient: key for gradient in step.gradients if (key := members.key_of(gradient.of)) is not None}
        last = max(self.last_use.get(gradient, self.now) for gradient in own)
        name = self.names.give(members.gradients, self.now, last)
        for gradient, key in own.items():
            self.keep_gradient(gradient, name, key)
        return name

    def _ones(self, root: Value) -> ast.expr:
        return call_tree("jnp.ones", shape_tree(root.shape), **self.dialect.dtype_keyword(root.dtype))


def is_one_of_several(value: Value) -> bool:
    """Whether a value is bound together with others: they are the results of one call."""
    return isinstance(value, Result) and value.call.count > 1
