"""Running what was printed. The only module of the JAX leg that imports jax, and only in its functions."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from compare.execution import Identified, close_data, directory_for, execute, plain
from compare.observed import Array, LegRun, Observed
from compare.settings import Setting, put_back
from compare.sources import Source

__all__ = ["as_observed", "jax_settings", "last_function", "run_jax"]


def jax_settings() -> tuple[Setting, ...]:
    """The global settings of JAX. Imports it."""
    import jax

    def write(value: dict[str, Any]) -> None:
        for name, now in jax.config.values.items():
            if now != value.get(name, now):
                jax.config.update(name, value[name])

    return (Setting("JAX's setting", lambda: dict(jax.config.values), write),)


def run_jax(pure: Identified, source: Source, *, snippet: bool = False) -> LegRun:
    """Run a JAX script from the settings of a fresh process; all are put back, and told where left changed.

    A script may leave 64-bit types enabled.
    """
    import jax

    with put_back(jax_settings()):
        jax.config.update("jax_enable_x64", False)
        with put_back(jax_settings(), allowed=("jax_enable_x64",)) as changed:
            run = execute(
                source,
                leg="jax",
                filename=f"<{pure.id}.jax.py>",
                convert=as_observed,
                snippet=snippet,
                finish=jax.effects_barrier,
                # An entry that another process is just writing, or did not finish: JAX compiles instead.
                ignored_warnings="Error (reading|writing) persistent compilation cache entry",
            )
    run.changed.extend(changed)
    return run


def last_function(pure: Identified, source: Source) -> Callable[..., Any]:
    """The function that a printed script defines last, that of its backward. The script runs once, and settings stay.

    Where it computes in 64 bits, whoever calls the function has to enable them.
    """
    defined = [one.name for one in ast.parse(source.text).body if isinstance(one, ast.FunctionDef)]
    with put_back(jax_settings()), directory_for(source) as directory:
        names: dict[str, Any] = {
            "__name__": "__main__", "__file__": str(Path(directory) / f"{pure.id}.py"), "print": lambda *_: None,
        }  # fmt: skip
        exec(compile(source.text, f"<{pure.id}.jax.py>", "exec"), names)
        close_data(names)
    function: Callable[..., Any] = names[defined[-1]]
    return function


def as_observed(value: Any) -> Observed:
    """What a script printed, as an observation: an array is copied."""
    import jax

    if isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer):
        return Array(np.array(value, copy=True), str(value.dtype))
    return plain(value, as_observed)
