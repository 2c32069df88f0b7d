"""What every test runs under. Set before a framework is imported; child processes inherit it."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest

# One worker per core: more threads than that only wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"

# Many tests compile the same small programs: each of them is kept, however small.
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "0"

# Compiling is most of what JAX does here, and what is compiled runs once. What is computed is the same; the README's
# commands, tests/test_readme.py, run as everybody runs them.
FLAGS = (
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
)
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {FLAGS}".strip()

_compiled = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep what JAX compiles in a directory of this process, so that no other one reads what it is just writing."""
    config.stash[_compiled] = os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="compare-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove that directory."""
    shutil.rmtree(config.stash[_compiled], ignore_errors=True)
