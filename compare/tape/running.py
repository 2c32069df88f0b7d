"""Running a case on a fresh tape."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable

from compare.errors import CaseError, ProgramError, shown_path
from compare.program import Program
from compare.tape.tape import Tape

__all__ = ["record"]


def record(function: Callable[[Tape], None], *, id: str, title: str, dtype: str, seed: int = 0) -> Program:
    """Run a case on a fresh tape.

    Returns: the checked program. Raises: CaseError naming the case, its file and the line that is wrong.
    """
    path = inspect.getsourcefile(function) or function.__code__.co_filename
    tape = Tape(dtype=dtype, seed=seed)
    try:
        # What a case prints is narration; results alone go to stdout.
        with contextlib.redirect_stdout(sys.stderr):
            function(tape)
        return tape.program(id, title)
    except (ProgramError, CaseError) as error:
        line = error.line or _line_in(error, path)
        raise CaseError(f"Case '{id}' ({shown_path(path)}:{line}): {error}", path=path, line=line) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # A case that exits, too, is a case that crashed: it must not end the run, and least of all with success.
        line = _line_in(error, path)
        raise CaseError(
            f"Case '{id}' ({shown_path(path)}:{line}) crashed: {type(error).__name__}: {error}", path=path, line=line
        ) from error


def _line_in(error: BaseException, path: str) -> int:
    """The innermost line of `path` in an error's traceback."""
    found = 0
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            found = traceback.tb_lineno
        traceback = traceback.tb_next
    return found
