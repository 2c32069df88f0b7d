"""Reports: every format renders the same results. Importing this package imports no format.

`render` finds a format by name. A `Report` is a run, and what the run file does not carry: where the cases are, which
files of cases could not be loaded, and the page that is written on.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from compare.cases import LoadFailure
    from compare.results import Run

__all__ = ["FORMATS", "SITE", "Place", "Report", "render"]

FORMATS = {
    "full": "terminal:full",
    "concise": "terminal:concise",
    "json": "json_report:json",
    "markdown": "markdown:markdown",
    "junit": "junit:junit",
    "github": "github:github",
}
"""The formats of a run: the module of this package and the function that writes each."""

SITE = "html"
"""The format of a run that is a folder of pages: `compare.report.site` makes them."""


@dataclass(frozen=True)
class Place:
    """Where a case is: its file, and the first line of its function."""

    path: str
    line: int


@dataclass(frozen=True)
class Report:
    """What a format renders.

    places: by case id; empty for a stored run, which knows no files.
    again: options, besides `--dtype`, that the command reproducing a case needs.
    width: columns of the terminal, or None when nothing may be wrapped. verbosity: below 0 quiet, above 0 verbose.
    """

    run: Run
    places: Mapping[str, Place] = field(default_factory=dict)
    failures: tuple[LoadFailure, ...] = ()
    again: str = ""
    width: int | None = None
    color: bool = False
    verbosity: int = 0

    def place(self, id: str, line: int = 0) -> Place | None:
        """Where a line of a case is: the function's first line when `line` is 0; None when the file is not known."""
        found = self.places.get(id)
        return found if found is None or not line else Place(found.path, line)


def render(format: str, report: Report) -> str:
    """The report as text that ends in a newline. Raises KeyError for a format that is not in FORMATS."""
    module, _, function = FORMATS[format].partition(":")
    write = cast("Callable[[Report], str]", getattr(importlib.import_module(f"compare.report.{module}"), function))
    return write(report)
