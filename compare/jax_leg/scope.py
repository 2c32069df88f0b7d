"""Names and expressions for the values that one place computes."""

from __future__ import annotations

import ast

from compare.jax_leg.definitions import Functions
from compare.jax_leg.dialect import Dialect
from compare.jax_leg.names import Names, readable
from compare.pure import Accumulated, Applied, Call, Given, Put, Result, StopGradient, StraightThrough, Value
from compare.sources import call_tree, inferred_dtype, name_tree, number_tree, shape_tree
from compare.statements import Number

__all__ = ["Scope"]


class Scope:
    """The top level, or the body of one function.

    Args:
        dialect: how numbers, ops and dtypes are written. functions: those of the program.
        names: gives the names of this scope.

    now: the step that is being printed. trees: how each value is written from here on.
    uses, last_use: how often each value is read, and at which step for the last time.
    """

    def __init__(self, dialect: Dialect, functions: Functions, names: Names) -> None:
        self.dialect = dialect
        self.functions = functions
        self.names = names
        self.now = 0
        self.trees: dict[Value, ast.expr] = {}
        self.uses: dict[Value, int] = {}
        self.last_use: dict[Value, float] = {}

    # ---- names ----

    def key(self, value: Value) -> Value:
        """The value under whose name this one is known here."""
        return value

    def use(self, value: Value, now: float, times: int = 1) -> None:
        """Count that a step reads a value."""
        key = self.key(value)
        self.uses[key] = self.uses.get(key, 0) + times
        self.last_use[key] = max(now, self.last_use.get(key, now))

    def named(self, value: Value) -> str:
        """The name of a value, given now."""
        key = self.key(value)
        name = self.names.give(readable(key), self.now, self.last_use.get(key, self.now))
        self.trees[key] = name_tree(name)
        return name

    def look_up(self, value: Value) -> ast.expr:
        """How a value is written now."""
        return self.trees[self.key(value)]

    # ---- expressions ----

    def operand(self, value: Value | Number) -> ast.expr:
        """A value as it is written now, or a number."""
        return self.look_up(value) if isinstance(value, Value) else number_tree(value, "jnp")

    def argument(self, value: Applied, argument: Value | Number) -> ast.expr:
        """An operand as an op reads it."""
        return self.operand(argument)

    def tree(self, value: Value) -> ast.expr:
        """The expression that computes a value from its operands' expressions."""
        dialect = self.dialect
        match value:
            case Given():
                inferred = inferred_dtype(value.data, value.dtype, dialect.float_dtype)
                keywords = {} if inferred == value.dtype else dialect.dtype_keyword(value.dtype)
                if 0 in value.shape and value.shape != (0,):
                    return call_tree("jnp.zeros", shape_tree(value.shape), **keywords)
                data = dialect.large.tree(value.hint, value.data, value.dtype, "jnp")
                return call_tree("jnp.array", data, **keywords)
            case Applied():
                arguments = tuple(self.argument(value, argument) for argument in value.arguments)
                shapes = tuple(one.shape if isinstance(one, Value) else () for one in value.arguments)
                names = value.op.jax_names(shapes, value.attributes)
                return dialect.expressions.expression(value.op, arguments, {**value.attributes, **names})
            case Put():
                assert value.op.view is not None
                pair = (self.operand(value.base), self.operand(value.new))
                attributes = {**value.attributes, **value.op.jax_names((value.base.shape,), value.attributes)}
                statement = dialect.expressions.spell(value.op.view.put, value.op, pair, attributes)
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
                return self.call(value.call)
            case Accumulated():
                return ast.BinOp(left=self.operand(value.before), op=ast.Add(), right=self.operand(value.more))
        raise AssertionError(f"{type(value).__name__} has no expression")

    def call(self, call: Call) -> ast.expr:
        """The call of a function of the program."""
        function = name_tree(self.functions.name(call))
        arguments = [self.operand(argument) for argument in call.arguments]
        if call.way == "jvp":
            half = len(arguments) // 2
            tuples = (ast.Tuple(elts=part, ctx=ast.Load()) for part in (arguments[:half], arguments[half:]))
            return call_tree("jax.jvp", function, *tuples)
        called = call_tree("jax.checkpoint", function) if call.way == "checkpoint" else function
        return ast.Call(func=called, args=arguments, keywords=[])
