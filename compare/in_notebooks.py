"""How a result shows itself in a notebook: it asks the reports, which stand above it, by name."""

from __future__ import annotations

import importlib

__all__ = ["shown_in_notebook"]


def shown_in_notebook(result: object) -> str:
    """The HTML of a case result, a run, a translation or a concept; see `compare.report.notebook`."""
    # As `compare.report.render` finds a format: a result imports no report, and costs none where none is shown.
    shown: str = importlib.import_module("compare.report.notebook").as_html(result)
    return shown
