"""What every test runs under. Set before a framework is imported; child processes inherit it."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest

# One worker per core: more threads than that only wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"

_compiled = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep what JAX compiles in one directory of this run: shared by its workers, never the user's own."""
    if not hasattr(config, "workerinput"):
        config.stash[_compiled] = os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="compare-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove that directory; a worker leaves it to the process that made it."""
    if _compiled in config.stash:
        shutil.rmtree(config.stash[_compiled], ignore_errors=True)
