"""Writing files without losing any: refused before the work is done, and replaced in one step."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from compare.errors import UsageError

__all__ = ["check_folder", "check_target", "holds", "write"]


def check_target(path: Path, *, force: bool) -> None:
    """Refuse a path that must not or cannot be written. Raises UsageError; touches nothing."""
    if path.is_dir():
        raise UsageError(f"-o {path} is a directory; name a file in it.")
    if path.exists() and not path.is_file():
        raise UsageError(f"-o {path} is not a regular file.")
    if path.exists() and not force:
        raise UsageError(f"-o {path} exists already. Add --force to replace it.")
    _check_directory(path.resolve().parent)


def check_folder(folder: Path, *, force: bool) -> None:
    """Make a folder, or refuse one that must not or cannot be written into. Raises UsageError."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"-o {folder} is not a directory.")
    try:
        if not folder.exists():
            folder.mkdir()
        elif any(folder.iterdir()) and not force:
            raise UsageError(f"-o {folder} is not empty. Add --force to write into it, or name a new directory.")
    except OSError as error:
        raise UsageError(f"-o {folder} cannot be used: {error.strerror}.") from error
    _check_directory(folder)


def holds(path: Path, content: bytes) -> bool:
    """Whether the file is there already with just this content."""
    try:
        return path.is_file() and path.read_bytes() == content
    except OSError:
        return False


def _check_directory(directory: Path) -> None:
    if not directory.is_dir():
        raise UsageError(f"-o: there is no directory {directory}.")
    try:
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise UsageError(f"-o: the directory {directory} cannot be written into: {error.strerror}.") from error


def write(path: Path, content: bytes) -> None:
    """Replace a file in one step: whoever reads it sees the old content or the new. Raises UsageError."""
    target = path.resolve()  # a link keeps pointing where it points
    if target.exists() and not target.is_file():
        raise UsageError(f"{path} is not a regular file.")  # replacing a device would take it from everybody
    partial = target.with_name(f".compare-{os.getpid()}.partial")
    try:
        try:
            partial.write_bytes(content)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
