"""The run as Markdown. Text from cases and frameworks is escaped, so that it reads as it was."""

from __future__ import annotations

import re
from collections.abc import Sequence

from compare.concepts import STATUSES
from compare.report import Report
from compare.report.wording import (
    SYMBOLS,
    again,
    departures,
    location,
    naive,
    naive_departures,
    number,
    sides,
    summary,
    symbol,
    told,
    ulps,
    visible,
    worst,
)  # fmt: skip
from compare.results import CaseResult

__all__ = ["case_page", "escaped", "fenced", "index_page", "markdown", "table"]

_ACTIVE = re.compile(r"([\\`*_\[\]<>#|&~$])")


def markdown(report: Report) -> str:
    """The table of cases, then a section per case."""
    sections = [_case_section(case, report, level=2) for case in report.run.cases]
    return "\n".join([_overview(report, link=False), *sections])


def index_page(report: Report) -> str:
    """The first page of a folder: the table of cases, each linked to its own page."""
    return _overview(report, link=True)


def case_page(case: CaseResult, report: Report) -> str:
    """The page of one case, with its three programs."""
    return _case_section(case, report, level=1, sources=True)


# ---- pieces of Markdown ----


def escaped(text: str) -> str:
    """Text as Markdown that reads as that text, on one line, anywhere: in a heading, a table or a sentence."""
    return _ACTIVE.sub(r"\\\1", visible(text))


def fenced(code: str, language: str = "python") -> str:
    """Code in a fence longer than any run of backticks in it."""
    longest = max(map(len, re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{code}{'' if code.endswith(chr(10)) else chr(10)}{fence}\n"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


# ---- sections ----


def _overview(report: Report, *, link: bool) -> str:
    rows = []
    for case in report.run.cases:
        error, count = worst(case)
        name = f"[{escaped(case.id)}]({case.id}.md)" if link else escaped(case.id)
        outcome = f"{SYMBOLS[case.outcome]} {case.outcome}"
        port = "-" if case.naive is None else case.naive.outcome
        rows.append([name, escaped(case.chapter), outcome, number(error), ulps(count), str(len(case.notes)), port])
    made = report.run.environment
    facts = [[name, escaped(getattr(made, name))] for name in made.__struct_fields__]
    parts = ["# PyTorch and JAX, compared\n", f"{escaped(summary(report.run, len(report.failures)))}\n"]
    parts += [f"- Not loaded: {escaped(failure.message)}\n" for failure in report.failures]
    if report.run.conventions:
        from compare.report.ledger import convention_lines, ledger_summary

        parts.append(f"{escaped(ledger_summary(report.run.conventions))}\n")
        parts += [f"- Not as declared: {escaped(line)}\n" for line in convention_lines(report.run.conventions)]
    parts.append(table(["case", "chapter", "outcome", "worst error", "ulps", "notes", "naive port"], rows))
    parts.append(table(["made with", "version"], facts))
    return "\n".join(parts)


def _case_section(case: CaseResult, report: Report, *, level: int, sources: bool = False) -> str:
    heading = "#" * level
    outcome = f"{SYMBOLS[case.outcome]} {case.outcome}"
    facts = [f"Chapter: {escaped(case.chapter)}", f"Outcome: {outcome}", f"Dtype: {escaped(case.dtype)}"]
    where = location(report.place(case.id))
    facts += [f"Case: {escaped(where)}"] if where else []
    parts = [f"{heading} {escaped(case.id)}: {escaped(case.title)}\n", "".join(f"- {fact}\n" for fact in facts)]
    if case.error is not None:
        parts.append(fenced(case.error, "text"))
    if case.observations:
        parts += [f"{heading}# Observations\n", _observations(case)]
    for one in departures(case):
        parts.append(f"- Not as declared: {escaped(one.name)}: {escaped(told(one))}\n")
    parts += [f"- Not as declared: {escaped(line)}\n" for line in naive_departures(case)]
    if case.divergence is not None:
        parts.append(f"- First difference: {escaped(case.divergence)}\n")
    if case.outcome in ("mismatch", "error"):
        parts.append(fenced(again(case, report), "sh"))
    if case.naive is not None:
        parts += [f"{heading}# The naive port\n", "".join(f"- {escaped(line)}\n" for line in naive(case))]
    if case.notes:
        parts.append(f"{heading}# What became of the tape\n")
        header = ["line", "statement", "concept", "status", "why", "instead"]
        cells = [(str(one.line), one.statement, one.concept, one.status, one.why, one.instead) for one in case.notes]
        parts.append(table(header, [[escaped(cell) for cell in row] for row in cells]))
        met = {note.status for note in case.notes}
        parts.append("".join(f"- {status}: {meaning}.\n" for status, meaning in STATUSES.items() if status in met))
    if sources:
        programs = [("Case", case.sources.case), ("PyTorch", case.sources.torch), ("JAX", case.sources.jax)]
        programs += [("Naive port", case.naive.source)] if case.naive is not None and case.naive.source else []
        for name, code in programs:
            parts += [f"{heading}# {name}\n", fenced(code)]
    return "\n".join(parts)


def _observations(case: CaseResult) -> str:
    header = ["name", "kind", "torch", "jax", "reference", "expected", "error", "ulps", "allowed", "verdict", "concept"]
    rows = []
    for one in case.observations:
        shown = [escaped(side) for side in sides(one).values()]
        verdict = f"{symbol(one)} {one.verdict}"
        measured = [number(one.max_abs_error), ulps(one.max_ulp), number(one.limit)]
        rows.append([escaped(one.name), one.kind, *shown, *measured, verdict, escaped(one.concept or "-")])
    return table(header, rows)
