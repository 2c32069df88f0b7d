"""Where JAX keeps the programs it compiled, for the next run. Only compiled programs are kept, never a verdict."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["cache_directory"]


def cache_directory() -> Path | None:
    """`COMPARE_CACHE_DIR`, else `JAX_COMPILATION_CACHE_DIR`, else a directory of the user's own, made when missing.

    Returns: None where no such directory can be written.
    """
    named = os.environ.get("COMPARE_CACHE_DIR") or os.environ.get("JAX_COMPILATION_CACHE_DIR")
    try:
        directory = Path(named).absolute() if named else _of_the_user() / "compare" / "compiled"
        directory.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # a home that is not known is a RuntimeError
        return None
    return directory if os.access(directory, os.W_OK | os.X_OK) else None


def _of_the_user() -> Path:
    """The platform's place for what can be made again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    named = os.environ.get("XDG_CACHE_HOME", "")
    # The specification says to ignore a relative path.
    return Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
