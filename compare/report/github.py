"""Workflow commands of GitHub Actions: an annotation for whatever is not as declared, then the summary."""

from __future__ import annotations

from compare.report import Place, Report
from compare.report.wording import again, departures, naive_departures, summary, told, visible, visible_lines
from compare.results import CaseResult

__all__ = ["annotation", "github"]


def github(report: Report) -> str:
    """One `::error` line per departure and per file that could not be loaded."""
    lines = [annotation(one.message, Place(one.path, one.line), "case not loaded") for one in report.failures]
    for case in report.run.cases:
        for one in departures(case):
            message = "\n".join(filter(None, [told(one), case.divergence, again(case, report)]))
            lines.append(annotation(message, report.place(case.id, one.line), f"{case.id}: {one.name}"))
        for one_more in naive_departures(case):
            message = f"{one_more}\n{again(case, report)}"
            lines.append(annotation(message, report.place(case.id), f"{case.id}: naive port"))
        if case.error is not None or _unexplained(case):
            message = f"{case.error or case.outcome}\n{again(case, report)}"
            lines.append(annotation(message, report.place(case.id), f"{case.id}: {case.outcome}"))
    if report.run.conventions:
        from compare.report.ledger import error_lines, ledger_summary

        lines += error_lines(report.run.conventions)
        return (
            "\n".join([*lines, summary(report.run, len(report.failures)), ledger_summary(report.run.conventions)])
            + "\n"
        )
    # A line of ours that starts with `::` is a command; the summary starts with a number.
    return "\n".join([*lines, summary(report.run, len(report.failures))]) + "\n"


def _unexplained(case: CaseResult) -> bool:
    """Whether a case is not as declared, though nothing that it shows says why."""
    return case.outcome in ("mismatch", "error") and not departures(case) and not naive_departures(case)


def annotation(message: str, place: Place | None, title: str, level: str = "error") -> str:
    """`::error file=…,line=…,title=…::message`, with nothing in it that ends a property or the line."""
    properties = {} if place is None else {"file": visible(place.path), "line": str(max(place.line, 1))}
    properties["title"] = visible(title)
    listed = [f"{name}={_data(text).replace(':', '%3A').replace(',', '%2C')}" for name, text in properties.items()]
    shown = "\n".join(visible_lines(message))
    return f"::{level} {','.join(listed)}::{_data(shown)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
