"""`%%compare`: a cell of a notebook runs as it would, and under it stands the JAX that computes the same gradients.

The only module that imports IPython, and only where the extension is loaded: `%load_ext compare`.
"""

from __future__ import annotations

import ast
from types import CodeType, TracebackType
from typing import Any

from compare.translated_code import TranslatedCell
from compare.translation import translate_cell

__all__ = ["register"]


def register(shell: Any) -> None:
    """Make `%%compare` a magic of an IPython shell."""

    def compare(line: str, cell: str) -> Any:
        """Run the cell, and show the JAX program that computes the same gradients and values, proven.

        Tensors of former cells enter as leaves and constants. What the cell binds, prints, shows and raises is what
        it would without this line. `%%compare NAME` also binds the translation to NAME.
        """
        return _compared(shell, line.strip(), cell)

    shell.register_magic_function(compare, magic_kind="cell", magic_name="compare")


def _compared(shell: Any, name: str, cell: str) -> Any:
    """Run a cell and show its translation. Returns the value of its last expression, as a cell does."""
    from IPython.core.error import UsageError
    from IPython.display import display

    if name and not name.isidentifier():
        raise UsageError(f"%%compare takes one name to bind the translation to, not {name!r}.")
    body, last = _compiled(shell, cell)
    names = shell.user_ns
    value: list[Any] = []
    stopped: list[BaseException] = []

    def run() -> None:
        try:
            exec(body, names)
            if last is not None:
                value.append(eval(last, names))
        except BaseException as error:
            stopped.append(error)
            raise

    translated = translate_cell(run, names, text=cell, filename=body.co_filename)
    for error in stopped:
        raise error.with_traceback(_from_cell(error, body.co_filename))
    shown = TranslatedCell(translated)
    if name:
        names[name] = shown
    display(shown)  # type: ignore[no-untyped-call]  # IPython gives it no types
    return value[0] if value else None


def _compiled(shell: Any, cell: str) -> tuple[CodeType, CodeType | None]:
    """The statements of a cell, and its last expression, whose value a cell shows. Raises SyntaxError."""
    text = shell.transform_cell(cell)
    filename = shell.compile.cache(text, shell.execution_count, raw_code=cell)
    tree = shell.compile.ast_parse(text, filename)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = shell.compile(ast.Expression(tree.body.pop().value), filename, "eval")
    return shell.compile(tree, filename, "exec"), last


def _from_cell(error: BaseException, filename: str) -> TracebackType | None:
    """The traceback from the cell on: who ran it is nobody's concern."""
    own = error.__traceback__
    while own is not None and own.tb_frame.f_code.co_filename != filename:
        own = own.tb_next
    return own or error.__traceback__
