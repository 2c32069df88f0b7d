"""Reading a demonstration: a PyTorch snippet and a JAX snippet, and what each of them is declared to show.

A snippet is the body of a nested function, taken as text, dedented, and executed as a script of its own. The nested
function is never called, and the snippet sees nothing of what surrounds it. `print("name", object)` in it is an
observation. What it shows is declared beside it:

    shown.expect("y", [2.0, 4.0])
    shown.expect_divergence("x after", torch=[1.0, 2.0], jax=raises("RuntimeError: deleted"), concept="donation")
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from compare.cases import Case
from compare.errors import CaseError, CompareError, shown_path
from compare.results import Absent, Raise, Value
from compare.sources import Source
from compare.statements import as_number

__all__ = ["Demonstration", "Expectation", "Shown", "read_demonstration"]

_LEFT_OUT = Absent()


@dataclass(frozen=True)
class Expectation:
    """What each leg is declared to show under a name; `Absent` where it must show nothing.

    concept: why the two differ; None declares that they agree. line: in the file of the case.
    """

    name: str
    torch: Value
    jax: Value
    concept: str | None
    torch_warning: str | None
    jax_warning: str | None
    line: int


@dataclass(frozen=True)
class Demonstration:
    """Two scripts and what is declared of them. A leg without a snippet has a script without text."""

    case: Case
    torch: Source
    jax: Source
    expectations: tuple[Expectation, ...]


def read_demonstration(case: Case) -> Demonstration:
    """Read the snippets and the declarations. Runs no snippet. Raises CaseError, with the line."""
    shown = Shown(case)
    try:
        # What surrounds the snippets prints narration; results alone go to stdout.
        with contextlib.redirect_stdout(sys.stderr):
            case.function(shown)
        return shown.checked()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        line = getattr(error, "line", 0) or _line_in(error, case.path) or case.line
        crashed = "" if isinstance(error, CompareError) else f"crashed: {type(error).__name__}: "
        where = f"Demonstration '{case.id}' ({shown_path(case.path)}:{line})"
        told = f"{where} {crashed}{error}" if crashed else f"{where}: {error}"
        raise CaseError(told, path=case.path, line=line) from error


def _line_in(error: BaseException, path: str) -> int:
    """The innermost line of `path` in an error's traceback."""
    found, traceback = 0, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            found = traceback.tb_lineno
        traceback = traceback.tb_next
    return found


class Shown:
    """What a demonstration is written on: `@shown.torch`, `@shown.jax`, `shown.expect`, `shown.expect_divergence`."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._sources: dict[str, Source] = {}
        self._expectations: list[Expectation] = []

    def torch(self, function: Callable[[], None]) -> None:
        """Take the body of a function as the PyTorch script."""
        self._take("torch", function)

    def jax(self, function: Callable[[], None]) -> None:
        """Take the body of a function as the JAX script."""
        self._take("jax", function)

    def expect(
        self, name: str, value: Any, *, torch_warning: str | None = None, jax_warning: str | None = None
    ) -> None:
        """Declare that both legs show this value.

        Args:
            value: a number, a word, a boolean, None, nested lists of these, or `raises(...)`.
            torch_warning, jax_warning: a fragment of a warning given after the print before, up to this one.
        """
        self._declare(name, value, value, None, torch_warning, jax_warning)

    def expect_divergence(
        self,
        name: str,
        *,
        concept: str,
        torch: Any = _LEFT_OUT,
        jax: Any = _LEFT_OUT,
        torch_warning: str | None = None,
        jax_warning: str | None = None,
    ) -> None:
        """Declare what each leg shows where the two differ by a concept. A leg that is left out shows nothing."""
        self._declare(name, torch, jax, concept, torch_warning, jax_warning)

    def checked(self) -> Demonstration:
        """The whole demonstration. Raises CaseError where its parts do not fit together."""
        if not self._sources:
            raise CaseError("It has no snippet. Write one under @shown.torch and one under @shown.jax.")
        if not self._expectations:
            raise CaseError("It declares nothing, so nothing could be judged. Write shown.expect(name, value).")
        for one in self._expectations:
            for leg in ("torch", "jax"):
                if leg not in self._sources and not isinstance(getattr(one, leg), Absent):
                    raise CaseError(
                        f"It declares what {leg} shows as '{one.name}', but has no @shown.{leg} snippet. Write one, or "
                        f"leave {leg} out with shown.expect_divergence.",
                        line=one.line,
                    )
        nothing = Source("", ())
        torch, jax = self._sources.get("torch", nothing), self._sources.get("jax", nothing)
        return Demonstration(self._case, torch, jax, tuple(self._expectations))

    # ---- declarations ----

    def _declare(
        self, name: Any, torch: Any, jax: Any, concept: str | None, torch_warning: str | None, jax_warning: str | None
    ) -> None:
        line = sys._getframe(2).f_lineno
        sides = {"torch": (torch, torch_warning), "jax": (jax, jax_warning)}
        if not isinstance(name, str) or not name:
            raise CaseError(f"A name is the word that a snippet prints first, not {name!r}.", line=line)
        if any(one.name == name for one in self._expectations):
            raise CaseError(f"'{name}' is declared twice. Give each observation a name of its own.", line=line)
        if all(isinstance(side, Absent) for side, _ in sides.values()):
            raise CaseError(f"'{name}' leaves both legs out. Say what torch or jax shows.", line=line)
        for leg, (side, warning) in sides.items():
            if isinstance(side, Absent) and warning is not None:
                raise CaseError(f"'{name}' declares a warning of {leg}, which it leaves out.", line=line)
            if warning == "":
                raise CaseError(f"{leg}_warning of '{name}' is empty; give a fragment of the warning.", line=line)
        left, right = _checked_value(name, torch, line), _checked_value(name, jax, line)
        if concept is not None and left == right and type(left) is type(right):
            raise CaseError(f"'{name}' is declared to diverge, but both sides are the same. Use expect.", line=line)
        self._expectations.append(Expectation(name, left, right, concept, torch_warning, jax_warning, line))

    # ---- snippets ----

    def _take(self, leg: str, function: Any) -> None:
        if not inspect.isfunction(function) or function.__name__ == "<lambda>":
            raise CaseError(f"@shown.{leg} stands above a function: its body is the snippet.")
        if leg in self._sources:
            raise CaseError(f"There are two @shown.{leg} snippets. Make two demonstrations of them, or one snippet.")
        lines, first = inspect.getsourcelines(function)
        text, start = _body(lines, first, f"@shown.{leg}")
        header = f"# {self._case.id}: {self._case.title}\n"
        offset = start - self._case.line
        count = len(text.splitlines())
        # The origin of a printed line is its line in the source of the case, from 0.
        self._sources[leg] = Source(header + text, (None, *range(offset, offset + count)))


def _body(lines: list[str], first: int, word: str) -> tuple[str, int]:
    """The body of a function as a script, and the line of its file where it starts. Raises CaseError."""
    indent = len(lines[0]) - len(lines[0].lstrip())
    try:
        [node] = ast.parse("".join(line[indent:] or "\n" for line in lines)).body
    except SyntaxError as error:
        raise CaseError(f"The {word} snippet cannot be read as text: {error.msg}.", line=first) from error
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    if isinstance(node, ast.AsyncFunctionDef) or ast.unparse(node.args):
        raise CaseError(f"The {word} snippet is the body of `def _():`, without arguments.", line=first)
    if node.body[0].lineno == node.lineno:
        raise CaseError(f"The {word} snippet starts on the line below `def _():`.", line=first)
    body = lines[node.lineno :]
    while not body[-1].strip():
        body.pop()
    start = first + node.lineno
    margin = indent + node.body[0].col_offset
    for number, line in enumerate(body, start):
        if line.strip() and line[:margin].strip():
            raise CaseError(
                f"The {word} snippet has a line that is indented less than its first one; it cannot be dedented.",
                line=number,
            )
    text = "".join(line[margin:] or "\n" for line in body)
    text = text if text.endswith("\n") else f"{text}\n"
    try:
        tree = ast.parse(text)
        compile(tree, "<snippet>", "exec")
    except SyntaxError as error:
        number = start - 1 + (error.lineno or 1)
        raise CaseError(f"The {word} snippet is no script of its own: {error.msg}.", line=number) from error
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print":
            plain = len(call.args) == 2 and not any(isinstance(one, ast.Starred) for one in call.args)
            if not plain or call.keywords:
                raise CaseError(
                    f'An observation is print("name", object), a label and one object; not `{ast.unparse(call)}`.',
                    line=start - 1 + call.lineno,
                )
    return text, start


# ---- declared values ----


def _checked_value(name: str, value: Any, line: int) -> Value:
    """A declared value as a run stores it. Raises CaseError for what no leg could show."""
    if isinstance(value, Raise | Absent):
        return value
    try:
        return _plain(value)
    except TypeError as error:
        raise CaseError(
            f"'{name}' is declared as {error}. Declare a number, a word, a boolean, None, nested lists of these, or "
            "raises(...).",
            line=line,
        ) from error


def _plain(value: Any) -> Value:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    value = as_number(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a {type(value).__name__}")
