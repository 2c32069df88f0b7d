"""Run one computation as PyTorch, as JAX and exactly, and compare what each of them shows.

The public names are loaded when they are first used: importing `compare` imports neither framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compare.cases import case, demonstration, raises
    from compare.concepts import CONCEPTS
    from compare.program import Program
    from compare.runs import run_cases
    from compare.translated_code import assert_translates, translate

    __version__: str

_HOMES = {
    "CONCEPTS": "compare.concepts",
    "Program": "compare.program",
    "case": "compare.cases",
    "demonstration": "compare.cases",
    "raises": "compare.cases",
    "assert_translates": "compare.translated_code",
    "run_cases": "compare.runs",
    "translate": "compare.translated_code",
}

__all__ = [
    "CONCEPTS", "Program", "__version__", "assert_translates", "case", "demonstration", "load_ipython_extension",
    "raises", "run_cases", "translate",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = _version()
    elif name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'compare' has no attribute '{name}'")
    globals()[name] = value
    return value


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext compare`: the cell magic `%%compare`."""
    from compare.cell_magic import register

    register(shell)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("compare")
    except metadata.PackageNotFoundError:
        return "0+unknown"  # a source tree on the path that was never installed
