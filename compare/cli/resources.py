"""What commands work with: the cases, the cache of compiled programs, and a bar of progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from compare.cli.output import Output, complain, narrate

if TYPE_CHECKING:
    from compare.cases import Catalogue

__all__ = ["cache_of", "catalogue_of", "progress"]


def catalogue_of(output: Output) -> Catalogue:
    """The cases. Says on stderr which files or cases could not be loaded."""
    from compare.cases import find_directory, load_cases

    catalogue = load_cases(find_directory(output.cases))
    for failure in catalogue.failures:
        complain(failure.message)
    return catalogue


def cache_of(output: Output) -> Path | None:
    """The directory of compiled programs; None, and a word on stderr, where there is none."""
    from compare.cache import cache_directory

    directory = cache_directory()
    if directory is None:
        output.narrate("There is no directory to keep compiled programs in. COMPARE_CACHE_DIR names one.")
    return directory


@contextmanager
def progress(total: int, output: Output) -> Iterator[Callable[[str, str, float], None]]:
    """A bar on a terminal; lines when verbose; otherwise nothing. Told of each: its id, how it ended, its seconds."""
    if output.verbosity > 0:
        yield lambda id, ended, seconds: narrate(f"{ended}: {id} ({seconds:.2f} s)")
        return
    if output.verbosity < 0 or sys.stderr is None or not sys.stderr.isatty():
        yield lambda id, ended, seconds: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    console = Console(stderr=True, color_system="standard" if output.colored else None)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda id, ended, seconds: bar.update(task, advance=1, description=id)
