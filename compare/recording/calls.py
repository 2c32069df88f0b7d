"""Which row or composite a call of PyTorch is: the rows' own spellings, read backwards.

A call and a spelling are both bound to the parameters of PyTorch's own schema of the function. A name in the spelling
is an operand or an attribute of the row, a constant must be what the call passes, and what the spelling leaves out must
have PyTorch's default in the call.
"""

from __future__ import annotations

import ast
import functools
import inspect
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compare.composites import COMPOSITES, Composite
from compare.ops import OPS, Op
from compare.recording.events import Seen

__all__ = ["Recognised", "bare_name", "described", "find_composite", "is_known", "recognise", "recognised_functions"]

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow", ast.Mod: "remainder",
    ast.MatMult: "matmul", ast.USub: "neg", ast.Invert: "bitwise_not", ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt",
    ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.BitAnd: "bitwise_and", ast.BitOr: "bitwise_or",
    ast.BitXor: "bitwise_xor",
}  # fmt: skip
"""The function that each of Python's operators is on tensors."""

REFLECTED = {
    "__rdiv__": "div", "__rtruediv__": "div", "__rpow__": "pow", "__rsub__": "sub", "__rmatmul__": "matmul",
    "__rmod__": "remainder",
}  # fmt: skip
"""Python's reflected operators: the same function with its operands the other way round."""

DUNDERS = {
    "__eq__": "eq", "__ne__": "ne", "__lt__": "lt", "__le__": "le", "__gt__": "gt", "__ge__": "ge",
    "__floordiv__": "floor_divide", "__and__": "bitwise_and",
    "__or__": "bitwise_or", "__xor__": "bitwise_xor", "__truediv__": "div", "__iand__":
    "bitwise_and_", "__ior__": "bitwise_or_", "__itruediv__": "div_", "__ipow__": "pow_", "__imod__": "remainder_",
    "absolute": "abs", "arccos": "acos", "arcsin": "asin", "arctan": "atan", "arctan2": "atan2", "clip": "clamp",
    "clip_": "clamp_", "multiply": "mul", "subtract": "sub", "divide": "div", "true_divide": "div", "negative": "neg",
    "multiply_": "mul_", "subtract_": "sub_", "divide_": "div_", "greater": "gt", "greater_equal": "ge", "less": "lt",
    "less_equal": "le", "not_equal": "ne", "swapaxes": "transpose", "swapdims": "transpose", "moveaxis": "movedim",
    "concat": "cat", "concatenate": "cat",
}  # fmt: skip
"""Other names that PyTorch has for one function."""


TAKES_NUMBER = frozenset("masked_fill index_fill index_put scatter fill".split())
"""Rows that take a number for `y`, though not for their other operands."""

ABOUT_MEMORY = frozenset("memory_format non_blocking pin_memory".split())
"""Arguments that change no number and no history."""


def bare_name(function: Any) -> str:
    """PyTorch's own name of a function: `add` for `torch.add`, `Tensor.add`, `torch.ops.aten.add.Tensor` and `+`."""
    name = str(getattr(function, "__name__", function))
    if getattr(function, "__module__", None) == "torch._ops.aten":
        name = name.partition(".")[0]  # which overload it is, the arguments say
    if name in ("__get__", "__set__", "__delete__"):
        return f"{function.__self__.__name__}.{name}"
    return DUNDERS.get(name, name)


def described(function: Any) -> str:
    """The name a user knows a function by."""
    name = bare_name(function)
    if name.endswith(".__get__"):
        return f"Tensor.{name.removesuffix('.__get__')}"
    module = getattr(function, "__module__", None) or ""
    if module in ("torch._C._nn", "torch.nn.functional"):
        return f"torch.nn.functional.{name}"
    if module and not module.startswith("torch"):
        return f"{module}.{name}"  # the code's own, put in the place of one of PyTorch's
    for prefix in ("linalg_", "fft_", "special_"):
        if name.startswith(prefix) and module.startswith("torch._C"):
            return f"torch.{prefix[:-1]}.{name.removeprefix(prefix)}"
    if module == "torch._ops.aten":
        return f"torch.ops.aten.{name}"
    if module.startswith("torch") and module not in ("torch._tensor", "torch.functional", "torch._C"):
        return f"{module}.{name}"
    return f"torch.{name}" if module else f"Tensor.{name}"


@dataclass(frozen=True)
class Recognised:
    """A row, and what the call gives it. writes: the call is the row's in-place form, on the first operand."""

    op: Op
    operands: tuple[Any, ...]
    attributes: dict[str, Any]
    writes: bool


@dataclass(frozen=True)
class _Pattern:
    """A spelling of a row: the call it is, by name of the function."""

    op: Op
    positional: tuple[ast.expr, ...]
    keywords: dict[str, ast.expr]
    writes: bool


# ---- the table ----


def _resolved(path: str) -> Any:
    """The object that a dotted path names; None where this version of PyTorch has none."""
    import torch

    found: Any = torch
    for word in path.split(".")[1:]:
        found = getattr(found, word, None)
    return found


def _dotted(node: ast.expr) -> str | None:
    words: list[str] = []
    while isinstance(node, ast.Attribute):
        words.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(words)]) if isinstance(node, ast.Name) and node.id == "torch" else None


def _spelled(op: Op, spelling: str, *, writes: bool) -> tuple[str, _Pattern] | None:
    """The name of the function that a spelling calls, and the pattern; None for what is no call: an index."""
    [statement] = ast.parse(spelling).body
    if isinstance(statement, ast.AugAssign):
        word = f"{OPERATORS[type(statement.op)]}_"
        return word, _Pattern(op, (statement.target, statement.value), {}, writes)
    if not isinstance(statement, ast.Expr):
        return None
    match statement.value:
        case ast.BinOp(left=left, op=operator, right=right):
            return OPERATORS[type(operator)], _Pattern(op, (left, right), {}, writes)
        case ast.UnaryOp(op=operator, operand=operand):
            return OPERATORS[type(operator)], _Pattern(op, (operand,), {}, writes)
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return OPERATORS[type(operator)], _Pattern(op, (left, right), {}, writes)
        case ast.Attribute(value=ast.Name() as owner, attr=word):
            return f"{word}.__get__", _Pattern(op, (owner,), {}, writes)
        case ast.Call(func=ast.Attribute(value=owner, attr=word) as called, args=positional, keywords=keywords):
            named = {str(one.arg): one.value for one in keywords}
            path = _dotted(called)
            if path is None:
                return DUNDERS.get(word, word), _Pattern(op, (owner, *positional), named, writes)
            function = _resolved(path)
            return None if function is None else (_key(function), _Pattern(op, tuple(positional), named, writes))
    return None


def _key(function: Any) -> str:
    """How functions are looked up: Python's own by where they are, the others by their name alone."""
    if isinstance(function, types.GetSetDescriptorType):
        return f"{function.__name__}.__get__"
    if isinstance(function, types.FunctionType) and function.__module__ in ("torch.nn.functional", "torch.functional"):
        return f"{function.__module__}.{function.__name__}"
    return bare_name(function)


@functools.cache
def _patterns() -> Mapping[str, list[_Pattern]]:
    found: dict[str, list[_Pattern]] = {}
    for op in OPS.values():
        spellings = [(op.torch, False), (op.write, True), *((one, False) for one in op.calls)]
        for spelling, writes in spellings:
            spelled = None if spelling is None else _spelled(op, spelling, writes=writes)
            if spelled is not None:
                found.setdefault(spelled[0], []).append(spelled[1])
    return found


@functools.cache
def _composites() -> Mapping[str, Composite]:
    found: dict[str, Composite] = {}
    for name, made in COMPOSITES.items():
        function = _resolved(name)
        found[name.rpartition(".")[2] if function is None else _key(function)] = made
    return found


@functools.cache
def recognised_functions() -> frozenset[Any]:
    """The Python functions of PyTorch that are taken whole."""
    from torch import functional
    from torch.nn import functional as layers

    return frozenset(
        one
        for module in (functional, layers)
        for one in vars(module).values()
        if isinstance(one, types.FunctionType) and (_key(one) in _composites() or _key(one) in _patterns())
    )


def find_composite(function: Any) -> Composite | None:
    """The composite that a function is, if it is one."""
    return _composites().get(_key(function))


def is_known(function: Any) -> bool:
    """Whether some row is this function, for some arguments."""
    return _key(function) in _patterns()


# ---- binding ----


@dataclass(frozen=True)
class _Parameter:
    name: str
    type: str
    default: Any
    keyword_only: bool
    required: bool


_Schema = tuple[_Parameter, ...]


@functools.cache
def _schemas(key: str) -> tuple[_Schema, ...]:
    """PyTorch's schemas of a function, as far as they take tensors and return new ones."""
    import torch

    if key.startswith(("torch.nn.functional.", "torch.functional.")):
        module, _, word = key.rpartition(".")
        signature = inspect.signature(getattr(_resolved(module), word))
        return (
            tuple(
                _Parameter(
                    one.name, "", None if one.default is one.empty else one.default,
                    one.kind is one.KEYWORD_ONLY, one.default is one.empty,
                )
                for one in signature.parameters.values()
            ),
        )  # fmt: skip
    if key.endswith(".__get__"):
        return ((_Parameter("self", "Tensor", None, False, True),),)
    found = []
    for schema in torch._C._jit_get_schemas_for_operator(f"aten::{key}"):
        parameters = tuple(
            _Parameter(
                one.name, _type_name(one), one.default_value, one.kwarg_only,
                not one.has_default_value() and not _type_name(one).startswith("Optional"),
            )
            for one in schema.arguments
        )  # fmt: skip
        if not any(one.is_out for one in schema.arguments) and any("Tensor" in one.type for one in parameters):
            found.append(parameters)
    return tuple(found)


def _type_name(argument: Any) -> str:
    return str(argument.type)


def _fits(value: Any, type: str) -> bool:
    """Whether a value may be passed for a parameter of this type."""
    optional, kind = type.startswith("Optional["), type.removeprefix("Optional[").removesuffix("]")
    if not type:
        return True
    if value is None:
        return optional
    if kind == "Tensor":
        return isinstance(value, Seen)
    if kind.startswith("List["):
        inner = kind.removeprefix("List[").removesuffix("]")
        return (isinstance(value, list | tuple) and all(_fits(one, inner) for one in value)) or (
            inner == "int" and _fits(value, "int")
        )
    if kind in ("int", "SymInt"):
        return (isinstance(value, int | Seen) and not isinstance(value, bool)) or _is_dtype(value)
    if kind in ("float", "number", "Scalar"):
        return isinstance(value, int | float | complex)
    if kind == "bool":
        return isinstance(value, bool)
    return kind == "str" and isinstance(value, str)


def _is_dtype(value: Any) -> bool:
    """PyTorch's schemas call dtypes, layouts and the like integers."""
    import torch

    return isinstance(value, torch.dtype | torch.layout | torch.memory_format | torch.device)


def _bound(
    schema: _Schema, positional: Sequence[Any], keywords: Mapping[str, Any], *, typed: bool
) -> dict[str, Any] | None:
    """The arguments by parameter; None where they do not fit."""
    places = [one for one in schema if not one.keyword_only]
    given = list(positional)
    if typed and len(places) == 2 and len(given) > 2 and places[1].type.startswith("List["):
        given = [given[0], tuple(given[1:])]  # x.permute(0, 2, 1)
    if len(given) > len(places):
        return None
    found = {place.name: value for place, value in zip(places, given, strict=False)}
    names = {one.name for one in schema}
    for name, value in keywords.items():
        own = {"input": "self", "axis": "dim", "keepdims": "keepdim"}.get(name, name) if name not in names else name
        if own not in names or own in found:
            return None
        found[own] = value
    for one in schema:
        if one.name not in found:
            if one.required and typed:
                return None
        elif typed and not _fits(found[one.name], one.type):
            return None
    return found


# ---- matching ----


def recognise(function: Any, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Recognised | None:
    """The row that a call is. Values are the call's own; None where no spelling of any row is this call."""
    key = _key(function)
    keywords = {name: value for name, value in keywords.items() if name not in ABOUT_MEMORY}
    if key == "where" and isinstance(function, types.MethodDescriptorType) and len(arguments) == 3:
        arguments = (arguments[1], arguments[0], arguments[2])  # x.where(condition, y)
    if key in REFLECTED:
        key, arguments = REFLECTED[key], arguments[::-1]
    if key in ("pow", "sub", "div", "matmul") and len(arguments) == 2 and not keywords:
        # Also with a number on the left, for which the schemas have no form of their own.
        for pattern in _patterns().get(key, ()):
            if pattern.op.torch in ("x ** y", "x - y", "x / y", "x @ y"):
                return Recognised(pattern.op, tuple(arguments), {}, writes=False)
    for schema in _schemas(key):
        called = _bound(schema, arguments, keywords, typed=True)
        if called is None:
            continue
        for pattern in _patterns().get(key, ()):
            found = _matched(pattern, schema, called)
            if found is not None:
                return found
    return None


def _matched(pattern: _Pattern, schema: _Schema, called: dict[str, Any]) -> Recognised | None:
    spelled = _bound(schema, pattern.positional, pattern.keywords, typed=False)
    if spelled is None:
        return None
    op = pattern.op
    names: dict[str, Any] = {}
    for one in schema:
        value = called.get(one.name, one.default)
        if one.name not in spelled:
            if one.name in called and not _is_default(value, one.default):
                return None
            continue
        match spelled[one.name]:
            case ast.Name(id=name):
                if one.name in called or one.default is not None:
                    names[name] = value
            case ast.Constant(value=wanted):
                if value != wanted or isinstance(value, bool) != isinstance(wanted, bool):
                    return None
            case _:
                return None
    operands: list[Any] = []
    for name in op.operand_names:
        if name.lstrip("*") not in names:
            return None
        value = names.pop(name.lstrip("*"))
        several = value if name.startswith("*") and isinstance(value, list | tuple) else (value,)
        if not all(_is_operand(op, one) for one in several):
            return None
        operands += several
    if any(isinstance(value, Seen) for value in names.values()):
        return None
    if set(names) - set(op.defaults) or any(
        default is ... and name not in names for name, default in op.defaults.items()
    ):
        return None
    return Recognised(op, tuple(operands), names, pattern.writes)


def _is_operand(op: Op, value: Any) -> bool:
    number = isinstance(value, bool | int | float | complex)
    return isinstance(value, Seen) or (number and (op.scalars or op.name in TAKES_NUMBER))


def _is_default(value: Any, default: Any) -> bool:
    if value is None or default is None:
        return value is default
    if isinstance(value, list | tuple) and isinstance(default, list | tuple):
        return list(value) == list(default)
    return bool(value == default) and isinstance(value, bool) == isinstance(default, bool)
