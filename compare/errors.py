"""The errors a user of the workbench can cause. Each says what, where, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "CaseError",
    "CompareError",
    "ProgramError",
    "RecordingRefusedError",
    "RefusedError",
    "UsageError",
    "nearest",
    "shown_path",
]


class CompareError(Exception):
    """Base of every error that bad input can cause; the command line answers it with exit code 2."""


class ProgramError(CompareError):
    """A tape program that cannot be expressed exactly: unknown op, wrong shape, unsafe name, unsupported aliasing."""

    def __init__(self, message: str, *, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class RefusedError(ProgramError):
    """A statement that PyTorch refuses, too: a case may declare that."""


class RecordingRefusedError(CompareError):
    """A run that no tape program says exactly. Names what it is, its file and line, and the remedy."""


class CaseError(CompareError):
    """A case that cannot be loaded or recorded. Names the case, the file and the line."""

    def __init__(self, message: str, *, path: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.path = path
        self.line = line


class UsageError(CompareError):
    """A command line, configuration or file that cannot be used."""


def shown_path(path: str | Path) -> str:
    """A path as a reader of this directory writes it: relative where it lies below, absolute elsewhere."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the closest known name, or an empty string."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{matches[0]}'?" if matches else ""
