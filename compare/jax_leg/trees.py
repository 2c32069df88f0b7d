"""Small pieces of Python that several parts of a script write."""

from __future__ import annotations

import ast
import json

from compare.sources import name_tree

__all__ = ["dictionary_tree", "group", "item_tree"]


def group(names: list[str]) -> str:
    """`a` alone, or `(a, b)`."""
    return names[0] if len(names) == 1 else f"({', '.join(names)})"


def item_tree(name: str, key: str) -> ast.expr:
    """`params["hidden.weight"]`."""
    return ast.Subscript(value=name_tree(name), slice=_quoted(key), ctx=ast.Load())


def dictionary_tree(items: dict[str, ast.expr]) -> ast.expr:
    """`{"hidden.weight": weight}`."""
    return ast.Dict(keys=[_quoted(key) for key in items], values=list(items.values()))


def _quoted(text: str) -> ast.expr:
    """A string in double quotes, the way JSON has it, which Python reads alike."""
    return ast.Name(id=json.dumps(text, ensure_ascii=False), ctx=ast.Load())
