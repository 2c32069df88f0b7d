"""The report for people: a table of cases, a block for whatever is not as declared, and one line that sums up."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from compare.report import Report
from compare.report.ledger import convention_lines, ledger_summary
from compare.report.page import Page, natural_width
from compare.report.wording import (
    SYMBOLS,
    again,
    apart,
    count_of,
    departures,
    error,
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
    visible_lines,
    worst,
)
from compare.results import CaseResult, Note, Observation

__all__ = ["concise", "full", "notes"]

STYLES = {"✓": "green", "◇": "cyan", "✗": "bold red", "!": "bold red"}
NUMERIC = ("worst error", "error", "ulps", "notes")
PIPED_TABLE = 160  # the widest table of observations worth aligning when there is no terminal to fit
LONGEST_VALUE = 400  # characters of a value shown on a terminal


def full(report: Report) -> str:
    """Quiet: only what is not as declared. Verbose, or a run of one case: every observation and note as well."""
    page = Page(report.width, report.color)
    detailed = report.verbosity > 0 or (len(report.run.cases) == 1 and report.verbosity == 0)
    if report.verbosity >= 0 and report.run.cases:
        _cases(page, report)
        page.line()
    for case in report.run.cases:
        if detailed:
            _details(page, case)
        if case.outcome in ("mismatch", "error"):
            _departed(page, case, report)
    failed = report.failures or any(case.outcome in ("mismatch", "error") for case in report.run.cases)
    if report.run.conventions:
        _conventions(page, report)
    page.line(summary(report.run, len(report.failures)), "bold red" if failed else "bold green")
    return page.text()


def concise(report: Report) -> str:
    """One line per case, never wrapped."""
    page = Page(None, report.color)
    for case in report.run.cases:
        shape = SYMBOLS[case.outcome]
        measured = error(*worst(case))
        facts = [f"error {measured}" if measured else "", count_of(len(case.notes), "note", "notes")]
        facts += [f"{visible(one.name)}: {told(one)}" for one in departures(case)[:1]]
        if case.naive is not None and case.naive.outcome != "same":
            first, *more = naive(case)
            facts.append(f"{first} (and {len(more)} more)" if more else first)
        facts += naive_departures(case)[:1]
        facts += [visible(case.error)] if case.error is not None else []
        line = Text.assemble((f"{shape} {case.outcome}", STYLES[shape]), f" {visible(case.id)}  ")
        page.add(line + Text("  ".join(filter(None, facts))))
    for line_of in convention_lines(report.run.conventions):
        page.line(f"✗ mismatch {line_of}", STYLES["✗"])
    return page.text()


def _conventions(page: Page, report: Report) -> None:
    """What is not as the ledger declares, and its counts."""
    departed = convention_lines(report.run.conventions)
    for line in departed:
        page.line(f"✗ {line}", STYLES["✗"])
    page.line(ledger_summary(report.run.conventions), "bold red" if departed else "bold green")


# ---- the table of cases ----


def _cases(page: Page, report: Report) -> None:
    header = _header("case", "chapter", "outcome", "worst error", "ulps", "notes", "naive port")
    rows = [_case_row(case) for case in report.run.cases]
    if page.width is None or natural_width([header, *rows]) <= page.width:
        table = _table(header)
        for row in rows:
            table.add_row(*row)
    else:
        # Too narrow for a column of chapters: each chapter becomes a line above its cases.
        table = _table(_header("case", "outcome", "error", "ulps", "notes", "naive"))
        chapter = None
        for row in rows:
            if row[1].plain != chapter:
                chapter = row[1].plain
                table.add_row(Text(f"{chapter}:", "bold"))
            table.add_row(row[0], *row[2:])
    page.add(table)


def _case_row(case: CaseResult) -> list[Text]:
    distance, count = worst(case)
    shape = SYMBOLS[case.outcome]
    return [
        Text(visible(case.id)),
        Text(visible(case.chapter)),
        Text(f"{shape} {case.outcome}", STYLES[shape]),
        Text(number(distance)),
        Text(ulps(count)),
        Text(str(len(case.notes))),
        Text("-" if case.naive is None else case.naive.outcome),
    ]


def _header(*words: str) -> list[Text]:
    return [Text(word, "bold") for word in words]


def _table(header: list[Text]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for word in header:
        numeric = word.plain in NUMERIC
        whole = numeric or word.plain == "outcome"
        table.add_column(word, no_wrap=whole, overflow="fold", justify="right" if numeric else "left")
    return table


# ---- one case ----


def _details(page: Page, case: CaseResult) -> None:
    page.line(visible(f"{case.id}: {case.title}"), "bold")
    header = _header("name", "kind", "torch", "jax", "reference", "expected", "error", "ulps", "verdict")
    rows = [_observation_row(page, one) for one in case.observations]
    if rows and natural_width([header, *rows]) <= (page.width or PIPED_TABLE):
        table = _table(header)
        for row in rows:
            table.add_row(*row)
        page.add(table)
    else:
        for one, row in zip(case.observations, rows, strict=True):
            _stacked(page, one, row)
    if case.naive is not None:
        page.line()
        for line in naive(case):
            page.line(_shown(page, line))
    notes(page, case.notes)
    page.line()


def _observation_row(page: Page, one: Observation) -> list[Text]:
    shape = symbol(one)
    verdict = f"{shape} {one.verdict}" + (f" ({visible(one.concept)})" if one.concept else "")
    return [
        Text(visible(one.name)),
        Text(one.kind),
        *[Text(_shown(page, side)) for side in sides(one).values()],
        Text(number(one.max_abs_error)),
        Text(ulps(one.max_ulp)),
        Text(verdict, STYLES[shape]),
    ]


def _shown(page: Page, text: str) -> str:
    """A value, shortened only on a terminal, and saying so."""
    if page.width is None or len(text) <= LONGEST_VALUE:
        return text
    return f"{text[:LONGEST_VALUE]}… ({len(text)} characters; --output-format json has them all)"


def _stacked(page: Page, one: Observation, row: list[Text]) -> None:
    """An observation over several lines, for a page too narrow for its row. Legs that show the same share a line."""
    name, kind, *sides, _, _, verdict = row
    measured = error(one.max_abs_error, one.max_ulp)
    line = Text.assemble(
        name, f" ({kind.plain})  ", verdict, f"  error {measured}" if measured else "", overflow="fold"
    )
    page.add(line)
    together: dict[str, list[str]] = {}
    for word, side in zip(("torch", "jax", "reference", "expected"), sides, strict=True):
        together.setdefault(side.plain, []).append(word)
    page.labelled([(", ".join(words), side) for side, words in together.items()], indent=2)


def notes(page: Page, notes: tuple[Note, ...]) -> None:
    """What became of the tape in JAX. Statements that became the same share a paragraph."""
    together: dict[tuple[str, ...], list[str]] = {}
    for note in notes:
        said = (f"note: {note.concept} ({note.status})", note.why, note.instead)
        together.setdefault(said, []).append(f"{note.statement} (line {note.line})" if note.statement else "")
    for (heading, why, instead), statements in together.items():
        page.line()
        page.line(visible(heading), "bold")
        rows = [("tape", ", ".join(filter(None, statements))), ("why", why), ("instead", instead)]
        page.labelled([(label, visible(text)) for label, text in rows if text], indent=2)


# ---- what is not as declared ----


def _departed(page: Page, case: CaseResult, report: Report) -> None:
    shape = SYMBOLS[case.outcome]
    page.line(visible(f"{shape} {case.id}: {case.outcome}"), STYLES[shape])
    for line in visible_lines(case.error or ""):
        page.line(line, indent=2)
    for one in departures(case):
        page.line(visible(f"{one.name} ({one.kind}): {one.verdict}"), "bold", indent=2)
        shown = sides(one)
        if one.expected is None and shown["expected"] == "-":
            shown["expected"] = "nothing is declared"
        rows = [(word, _shown(page, side)) for word, side in shown.items()]
        rows += [("verdict", visible(one.detail)), ("apart", apart(one))]
        rows += [("read at", location(report.place(case.id, one.line)))]
        page.labelled([(label, text) for label, text in rows if text], indent=4)
    for line in naive_departures(case):
        page.line(_shown(page, line), indent=2)
    if case.divergence is not None:
        page.labelled([("first difference", visible(case.divergence))], indent=2)
    where = location(report.place(case.id))
    if where and not departures(case):
        page.unbroken(f"  at {where}")
    page.unbroken(f"  {again(case, report)}")
    page.line()
