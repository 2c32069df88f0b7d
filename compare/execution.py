"""Running a printed script and seeing what it prints.

The script is executed as it is shown. Its `print` is ours: `print("w1.grad =", w1.grad)` hands over the object itself,
at the moment it is read. Warnings are kept with the observation they came with.
"""

from __future__ import annotations

import linecache
import re
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from compare.errors import CaseError
from compare.observed import Array, Failure, LegRun, Observed, Raised
from compare.settings import WARNINGS, put_back
from compare.sources import Source

__all__ = ["Identified", "close_data", "directory_for", "execute", "folded", "plain"]


class Identified(Protocol):
    """Whatever a script is printed from: its id names the script."""

    @property
    def id(self) -> str: ...


def folded(text: str) -> str:
    """The text on one line, without what differs from build to build."""
    return " ".join(text.partition(" (Triggered internally at ")[0].split())


def plain(value: Any, convert: Callable[[Any], Observed]) -> Observed:
    """What no framework owns, as the judge reads it: lists item by item; of any other object its type's name."""
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.ndarray | np.generic):
        return Array(np.array(value, copy=True), str(value.dtype))
    if isinstance(value, list | tuple):
        return tuple(convert(item) for item in value)
    if isinstance(value, BaseException):
        return Raised(type(value).__name__, folded(str(value)))
    if isinstance(value, complex):
        return Array(np.array(value), "complex128")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value) if isinstance(value, np.dtype) else type(value).__name__


def execute(
    source: Source,
    *,
    leg: str,
    filename: str,
    convert: Callable[[Any], Observed],
    snippet: bool = False,
    finish: Callable[[], object] = lambda: None,
    ignored_warnings: str = "(?!)",
) -> LegRun:
    """Execute a printed script.

    Args:
        filename: what tracebacks call the script; its lines are registered there.
        convert: turns a printed object of the framework into what the judge reads, at once.
        snippet: of a demonstration: a label stands as it is, and a warning belongs to the print that follows it. In a
            script that a leg printed, a warning belongs to the print whose own statement gave it.
        finish: waits for what the framework still has to do when the script has ended.
        ignored_warnings: a pattern of warnings that say nothing of the script.
    Returns: what was printed and warned; a crash is `failure`, with the tape statement it happened at.
    Raises: CaseError: when a label is printed twice.
    """
    run = LegRun(leg)
    linecache.cache[filename] = (len(source.text), None, source.text.splitlines(keepends=True), filename)
    started = time.perf_counter()
    with (
        directory_for(source) as directory,
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        seen = 0
        repeated: list[str] = []

        def note_warnings(name: str, line: int) -> None:
            nonlocal seen
            for warning in caught[seen:]:
                if re.match(ignored_warnings, str(warning.message)):
                    continue
                # A print may stand on several lines; they all come from one statement.
                same_statement = source.statement_at(warning.lineno) == source.statement_at(line)
                here = line > 0 and (snippet or (warning.filename == filename and same_statement))
                run.warnings.setdefault(name if here else "", []).append(
                    f"{warning.category.__name__}: {folded(str(warning.message))}"
                )
            seen = len(caught)

        def see(label: str, value: Any) -> None:
            name = label if snippet else label.removesuffix(" =").removesuffix(" raised")
            if name in run.observed:
                repeated.append(name)
            run.observed[name] = convert(value)
            note_warnings(name, sys._getframe(1).f_lineno)

        namespace = {"__name__": "__main__", "__file__": str(Path(directory) / filename.strip("<>")), "print": see}
        try:
            with put_back(WARNINGS) as changed:
                exec(compile(source.text, filename, "exec"), namespace)
            run.changed.extend(changed)
            finish()
        except (Exception, SystemExit) as error:
            lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
            statement = source.statement_at(lines[-1] or 0) if lines else None
            text = "".join(traceback.format_exception(error))
            run.failure = Failure(statement, type(error).__name__, folded(str(error)), text)
        close_data(namespace)
        if repeated and run.failure is None:
            raise CaseError(f"The {leg} leg prints '{repeated[0]}' twice; give each observation a name of its own.")
        note_warnings("", -1)
    run.seconds = time.perf_counter() - started
    return run


@contextmanager
def directory_for(source: Source) -> Iterator[str]:
    """A directory that holds the data file of a script, where it has one."""
    if not source.arrays:
        yield "."
        return
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / source.data_name).write_bytes(source.packed())
        yield directory


def close_data(names: Mapping[str, Any]) -> None:
    """Close the data file that a script has opened: whoever runs a script of its own ends with it."""
    data = names.get("data")
    if isinstance(data, np.lib.npyio.NpzFile):
        data.close()
