"""A printed JAX script as one compiled function, where a test is about ops and about no way of running them.

Run line by line, a script compiles every op alone, at forty milliseconds each: most of what such a test would take.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax

from compare.execution import close_data, directory_for
from compare.jax_leg.running import as_observed, jax_settings
from compare.observed import LegRun
from compare.settings import put_back
from compare.sources import Source


def run_compiled(source: Source) -> LegRun:
    """What the script prints. An error is raised: of a script that fails, nothing is compiled.

    All settings are put back, 64-bit types that the script enables included.
    """

    def script() -> dict[str, Any]:
        printed: dict[str, Any] = {}

        def see(label: str, value: Any) -> None:
            name = label.removesuffix(" =")
            assert name not in printed, name
            printed[name] = value

        names = {"__name__": "__main__", "__file__": str(Path(directory) / "script.py"), "print": see}
        try:
            exec(compile(source.text, "<compiled>", "exec"), names)
        finally:
            close_data(names)
        return printed

    run = LegRun("jax")
    with directory_for(source) as directory, put_back(jax_settings()):
        # Before tracing, which goes by it from the first line on.
        jax.config.update("jax_enable_x64", '"jax_enable_x64", True' in source.text)
        run.observed.update({name: as_observed(value) for name, value in jax.jit(script)().items()})
    return run
