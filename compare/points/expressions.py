"""Expressions of a point: data until they have been looked through, and then code of one framework.

What may stand there is what a derivative is taken of: calls of the framework, operators, literals. No name with an
underscore in front, nothing that reads or writes files.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Mapping
from types import CodeType
from typing import Any

from compare.errors import ProgramError

__all__ = ["ROOTS", "checked", "function_of"]

ROOTS: dict[str, tuple[str, ...]] = {"torch": ("torch",), "jax": ("jax", "jnp", "lax")}
"""The names that stand for a framework."""
_NODES = (
    ast.Module, ast.Expr, ast.Assign, ast.AugAssign, ast.Call, ast.Attribute, ast.Name, ast.Constant, ast.Tuple,
    ast.List, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Subscript, ast.Slice, ast.Starred, ast.keyword, ast.Lambda,
    ast.arguments, ast.arg, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip
_REFUSED = frozenset(
    "load loads save savez savetxt loadtxt fromfile tofile from_file hub compile export serialization utils jit "
    "library classes ops package multiprocessing distributed pure_callback io_callback debug experimental".split()
)


@functools.cache
def checked(text: str, framework: str, names: tuple[str, ...]) -> tuple[CodeType, str]:
    """The code of an expression over these names; it leaves the result in the name that is returned with it.

    Raises: ProgramError: for anything else than expressions over the names, with the name or syntax that is refused.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise ProgramError(f"{text!r} is not an expression: {error.msg}.") from error
    known = {*names, *ROOTS[framework], "int", "float", "bool"}
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            raise ProgramError(f"{text!r}: {type(node).__name__} has no place in the expression of a point.")
        if isinstance(node, ast.arg) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)):
            known.add(node.arg if isinstance(node, ast.arg) else node.id)
    for node in ast.walk(tree):
        word = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if word.startswith("_") or word in _REFUSED:
            raise ProgramError(f"{text!r}: '{word}' has no place in the expression of a point.")
        if isinstance(node, ast.Name) and word not in known:
            raise ProgramError(f"{text!r}: '{word}' is neither an operand ({', '.join(names)}) nor a framework.")
    if not tree.body or not isinstance(tree.body[-1], ast.Expr):
        raise ProgramError(f"{text!r}: the last line must be an expression, the result.")
    result = "result"
    while result in known:
        result += "_"
    tree.body[-1] = ast.Assign(targets=[ast.Name(id=result, ctx=ast.Store())], value=tree.body[-1].value)
    return compile(ast.fix_missing_locations(tree), f"<a point in {framework}>", "exec"), result


def function_of(text: str, framework: str, names: Iterable[str], modules: Mapping[str, Any]) -> Callable[..., Any]:
    """The function of an expression: it takes the operands by name. Raises ProgramError as `checked` does."""
    code, result = checked(text, framework, tuple(names))

    def function(**operands: Any) -> Any:
        scope = {**modules, **operands}
        exec(code, scope)
        return scope[result]

    return function
