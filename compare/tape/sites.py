"""Where in the case we are, and which name it assigns to: read from the source of the frame that is running."""

from __future__ import annotations

import ast
import contextlib
import linecache
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import executing

from compare.tape.names import usable_name

__all__ = [
    "Site", "assigned_name", "assigned_names", "caller_line", "current_site", "is_subscripted", "recorded_at",
]  # fmt: skip

_PACKAGE = str(Path(__file__).parent) + os.sep
"""The files of the tape itself: none of their frames is the case's."""


@dataclass(frozen=True)
class Site:
    """The line of the case that is running, the name it assigns to (if any), and its text.

    hints: the names of `a, b = ...`, where that is what it assigns to.
    """

    line: int
    hint: str | None
    text: str
    hints: tuple[str | None, ...] = ()


_given: list[Site] = []


@contextlib.contextmanager
def recorded_at(site: Site) -> Iterator[None]:
    """What is done to a tape inside of the block comes from this place: of a program that ran before."""
    _given.append(site)
    try:
        yield
    finally:
        _given.pop()


def _is_replay(frame: FrameType) -> bool:
    """Whether the frame does to a tape what another program did."""
    return str(frame.f_globals.get("__name__", "")).startswith("compare.recording")


def _frame_of_the_case(*, skipped: str | tuple[str, ...] = _PACKAGE) -> FrameType | None:
    """The innermost frame that is not of a skipped file."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(skipped):
        frame = frame.f_back
    return frame


def current_site() -> Site:
    """Find the case's own frame, and the name that the expression being evaluated is assigned to."""
    frame = _frame_of_the_case()
    if frame is None:
        return Site(0, None, "")
    if _given:
        # A composite names its intermediates itself; what it returns has the name that the caller gives it.
        given = _given[-1]
        return given if _is_replay(frame) else replace(given, hint=assigned_name(frame), hints=assigned_names(frame))
    line = frame.f_lineno
    text = linecache.getline(frame.f_code.co_filename, line).strip()
    return Site(line, assigned_name(frame), text, assigned_names(frame))


def caller_line() -> int:
    """The line of the case that opened a `with` block."""
    if _given:
        return _given[-1].line
    frame = _frame_of_the_case(skipped=(_PACKAGE, contextlib.__file__))
    return frame.f_lineno if frame is not None else 0


def assigned_names(frame: FrameType | None) -> tuple[str | None, ...]:
    """`a` and `b` for the frame that evaluates the value of `a, b = ...`; a returned tuple takes its caller's names."""
    while frame is not None:
        if _given and _is_replay(frame):
            return _given[-1].hints
        running = executing.Source.executing(frame)
        node, parent = _chosen(running.node)
        if isinstance(parent, ast.Return):
            frame = frame.f_back
            continue
        if node is None and len(running.statements) == 1:
            # Taking apart the value of `a, b = x` is no expression of its own.
            [parent] = running.statements
            node = getattr(parent, "value", None)
        if isinstance(parent, ast.Assign) and parent.value is node and isinstance(parent.targets[0], ast.Tuple):
            return tuple(map(_target_name, _flattened(parent.targets[0])))
        return ()
    return ()


def _chosen(node: Any) -> tuple[Any, Any]:
    """An expression and what it stands in; one that `a if test else b` chooses stands for all of that."""
    parent = getattr(node, "parent", None)
    while isinstance(parent, ast.IfExp) and node is not parent.test:
        node, parent = parent, getattr(parent, "parent", None)
    return node, parent


def is_subscripted() -> bool:
    """Whether the case takes an item of what it is calling: `x.unstack()[0]`."""
    frame = _frame_of_the_case()
    node: Any = None if frame is None else executing.Source.executing(frame).node
    parent = getattr(node, "parent", None)
    return isinstance(parent, ast.Subscript) and parent.value is node


def _flattened(targets: ast.Tuple) -> Iterator[ast.expr]:
    """The targets of `(a, b), (c, d) = ...`, one by one."""
    for target in targets.elts:
        yield from _flattened(target) if isinstance(target, ast.Tuple) else (target,)


def assigned_name(frame: FrameType | None) -> str | None:
    """`b` for the frame that evaluates the value of `b = ...`; a returned value takes its caller's name."""
    while frame is not None:
        if _given and _is_replay(frame):
            return _given[-1].hint
        node: Any
        node, parent = _chosen(executing.Source.executing(frame).node)
        loop = parent if isinstance(parent, ast.For) and parent.iter is node else node
        if isinstance(loop, ast.For):
            return _target_name(loop.target)
        while isinstance(parent, ast.Attribute) and parent.attr.endswith("_") and isinstance(parent.parent, ast.Call):  # type: ignore[attr-defined]
            # `b = a.detach().requires_grad_()`: an in-place word returns the tensor itself.
            node = parent.parent  # type: ignore[attr-defined]
            parent = node.parent
        if isinstance(parent, ast.Return):
            frame = frame.f_back
            continue
        if isinstance(parent, ast.Assign) and parent.value is node:
            return next(filter(None, map(_target_name, parent.targets)), None)
        if isinstance(parent, ast.AnnAssign | ast.NamedExpr) and parent.value is node:
            return _target_name(parent.target)
        if isinstance(parent, ast.Tuple) and isinstance(parent.parent, ast.Assign):  # type: ignore[attr-defined]
            [*targets] = parent.parent.targets  # type: ignore[attr-defined]
            if len(targets) == 1 and isinstance(targets[0], ast.Tuple) and len(targets[0].elts) == len(parent.elts):
                return _target_name(targets[0].elts[parent.elts.index(node)])
        return None
    return None


def _target_name(target: ast.expr) -> str | None:
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        # `weights["w1"] = ...` names a tensor; `h[0] = ...` is a write, or a place in a list.
        key = target.slice.value
        return usable_name(key) if isinstance(key, str) else None
    if isinstance(target, ast.Attribute):
        # What is assigned to `.data` has no name of its own.
        return None if target.attr == "data" else usable_name(target.attr)
    return usable_name(target.id) if isinstance(target, ast.Name) else None
