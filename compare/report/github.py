"""Workflow commands of GitHub Actions: an annotation for whatever is not as declared, then the summary."""

from __future__ import annotations

from compare.report import Place, Report
from compare.report.wording import again, departures, summary, told, visible, visible_lines

__all__ = ["github"]


def github(report: Report) -> str:
    """One `::error` line per departure and per file that could not be loaded."""
    lines = [_annotation(one.message, Place(one.path, one.line), "case not loaded") for one in report.failures]
    for case in report.run.cases:
        for one in departures(case):
            message = "\n".join(filter(None, [told(one), case.divergence, again(case, report)]))
            lines.append(_annotation(message, report.place(case.id, one.line), f"{case.id}: {one.name}"))
        if case.error is not None or (case.outcome in ("mismatch", "error") and not departures(case)):
            message = f"{case.error or case.outcome}\n{again(case, report)}"
            lines.append(_annotation(message, report.place(case.id), f"{case.id}: {case.outcome}"))
    # A line of ours that starts with `::` is a command; the summary starts with a number.
    return "\n".join([*lines, summary(report.run, len(report.failures))]) + "\n"


def _annotation(message: str, place: Place | None, title: str) -> str:
    """`::error file=…,line=…,title=…::message`, with nothing in it that ends a property or the line."""
    properties = {} if place is None else {"file": visible(place.path), "line": str(max(place.line, 1))}
    properties["title"] = visible(title)
    listed = [f"{name}={_data(text).replace(':', '%3A').replace(',', '%2C')}" for name, text in properties.items()]
    shown = "\n".join(visible_lines(message))
    return f"::error {','.join(listed)}::{_data(shown)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
