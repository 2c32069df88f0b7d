"""A result as a notebook shows it: one HTML element that brings its styles and changes nothing around it.

Every rule begins with the element's own class. Colours are those of JupyterLab or of VS Code, in light and dark. No
script, no request.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from compare.concepts import Concept
from compare.pictures import verified
from compare.report.explanation import rows_of
from compare.report.translated import sentence
from compare.report.wording import SYMBOLS, error, naive, symbol, told, value, visible, visible_lines, worst
from compare.report.wording import summary as summary_of
from compare.results import CaseResult, NaivePort, Note, Observation, Pictures, Run, Translation

__all__ = ["as_html"]

STYLE = """
.compare-view {
  --ink: var(--jp-content-font-color1, var(--vscode-editor-foreground, CanvasText));
  --paper: var(--jp-layout-color1, var(--vscode-editor-background, Canvas));
  --panel: var(--jp-layout-color2, var(--vscode-textCodeBlock-background, transparent));
  --rule: var(--jp-border-color2, var(--vscode-panel-border, GrayText));
  --accent: var(--jp-content-link-color, var(--vscode-textLink-foreground, LinkText));
  --mono: var(--jp-code-font-family, var(--vscode-editor-font-family, ui-monospace, monospace));
  --keyword: var(--jp-mirror-editor-keyword-color, var(--vscode-debugTokenExpression-name, var(--ink)));
  --string: var(--jp-mirror-editor-string-color, var(--vscode-debugTokenExpression-string, var(--ink)));
  --number: var(--jp-mirror-editor-number-color, var(--vscode-debugTokenExpression-number, var(--ink)));
  --comment: var(--jp-mirror-editor-comment-color, var(--vscode-descriptionForeground, var(--ink)));
  color: var(--ink); background: var(--paper); border: 1px solid var(--rule); padding: .8em; text-align: left;
  font-size: 13px; line-height: 1.45;
}
.compare-view > .head { font-weight: bold; }
.compare-view details { margin: .5em 0 0; }
.compare-view summary { cursor: pointer; }
.compare-view .programs {
  display: grid; gap: .6em; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26em), 1fr));
}
.compare-view .programs > div { min-width: 0; }
.compare-view .name { margin: .5em 0 .2em; }
.compare-view pre {
  color: var(--ink); background: var(--panel); margin: 0; padding: .6em; overflow: auto; text-align: left;
  font: 12px/1.45 var(--mono); white-space: pre;
}
.compare-view pre.wrap { white-space: pre-wrap; }
.compare-view .wide { overflow: auto; margin: .3em 0 0; }
.compare-view table { border-collapse: collapse; margin: 0; width: max-content; }
.compare-view th, .compare-view td {
  padding: .15em 1em .15em 0; border: 0; text-align: left; vertical-align: top; color: var(--ink);
  background: var(--paper); white-space: normal; max-width: 40em;
}
.compare-view pre .k, .compare-view pre .kn, .compare-view pre .ow { color: var(--keyword); font-weight: bold; }
.compare-view pre .s1, .compare-view pre .s2 { color: var(--string); }
.compare-view pre .mi, .compare-view pre .mf { color: var(--number); }
.compare-view pre .c1 { color: var(--comment); font-style: italic; }
"""
LONGEST_VALUE = 60
MOST_SHOWN = 2_000
"""Characters of a value that can be folded out."""


def as_html(result: CaseResult | Run | Translation | Concept) -> str:
    """One `<div>`. Raises UsageError where the picture in a stored result is none."""
    match result:
        case CaseResult():
            parts = _case(result)
        case Run():
            parts = _run(result)
        case Translation():
            parts = _translation(result)
        case Concept():
            parts = _concept(result)
        case _:
            raise TypeError(f"{type(result).__name__} has no view.")
    return f'<div class="compare-view"><style>{STYLE}</style>{"".join(parts)}</div>'


# ---- what is shown ----


def _translation(result: Translation) -> list[str]:
    """The verdict, both programs, the graphs, every observation, and what was specialised."""
    parts = [_head(sentence(result))]
    said = "\n".join(visible_lines(result.reason))
    if result.divergence is not None:
        said += f"\nFirst difference: {visible(result.divergence)}"
    parts += [_said(said)] if said else []
    if result.jax:
        parts.append(_programs([("JAX", result.jax), ("PyTorch, as recorded", result.torch)]))
    parts += [*_pictures(result.pictures), *_observations(result.observations, reference=result.exact)]
    if result.specialised:
        taken = [(str(one.line or ""), one.what, one.why) for one in result.specialised]
        parts.append(_folded("Specialised to this run", _table(("line", "what", "why"), taken)))
    return parts + _notes(result.notes)


def _case(result: CaseResult) -> list[str]:
    """The outcome, the programs, the graphs, the observations with every leg, the naive port and the notes."""
    parts = [_head(f"{SYMBOLS[result.outcome]} {result.outcome}: {result.id}: {result.title}")]
    said = [*visible_lines(result.error or ""), *([visible(result.divergence)] if result.divergence else [])]
    parts += [_said("\n".join(said))] if said else []
    sources = result.sources
    programs = [("Case", sources.case), ("PyTorch", sources.torch), ("JAX", sources.jax)]
    if result.kind == "demonstration":
        programs = programs[1:]
    parts.append(_programs([(name, text) for name, text in programs if text]))
    parts += [*_pictures(result.pictures), *_observations(result.observations, reference=result.has_reference)]
    if result.naive is not None:
        parts.append(_naive(result, result.naive))
    return parts + _notes(result.notes)


def _naive(result: CaseResult, port: NaivePort) -> str:
    said = _said("\n".join(naive(result)))
    program = "" if not port.source or port.source == result.sources.jax else _code(port.source)
    return _folded("Naive port", said + program, opened=port.outcome == "differs")


def _run(run: Run) -> list[str]:
    """The counts, then every case by chapter, what is not as declared and silent differences first."""
    parts = [_head(summary_of(run))]
    chapters = groupby(sorted(run.cases, key=lambda case: case.chapter), key=lambda case: case.chapter)
    for chapter, cases in chapters:
        rows = []
        for case in sorted(cases, key=_rank):
            distance, count = worst(case)
            silent = case.naive is not None and case.naive.outcome == "differs"
            port = "naive port differs silently" if silent else ""
            outcome = f"{SYMBOLS[case.outcome]} {case.outcome}"
            rows.append((outcome, case.id, case.title, error(distance, count), port))
        wrong = any(case.outcome in ("mismatch", "error") for case in run.cases if case.chapter == chapter)
        shown = _table(("outcome", "case", "", "worst error", ""), rows)
        parts.append(_folded(f"{chapter} ({len(rows)})", shown, opened=wrong))
    return parts


def _rank(case: CaseResult) -> tuple[int, int]:
    silent = case.naive is not None and case.naive.outcome == "differs"
    return ("error", "mismatch", "diverges-as-documented", "match").index(case.outcome), not silent


def _concept(one: Concept) -> list[str]:
    return [_head(f"{one.id}: {one.title}"), _table((), rows_of(one))]


# ---- their parts ----


def _head(text: str) -> str:
    return f'<div class="head">{_text(text)}</div>'


def _said(text: str) -> str:
    return f'<pre class="wrap">{escape(text)}</pre>'


def _text(text: str) -> str:
    return escape(visible(text))


def _folded(title: str, content: str, *, opened: bool = False) -> str:
    """A part that can be folded; without a script, as every browser does it."""
    return f"<details{' open' * opened}><summary>{_text(title)}</summary>{content}</details>"


def _programs(programs: Sequence[tuple[str, str]]) -> str:
    """Programs beside each other where there is room, else one under another."""
    shown = "".join(f'<div><div class="name">{_text(name)}</div>{_code(text)}</div>' for name, text in programs)
    return f'<div class="programs">{shown}</div>'


def _pictures(pictures: Pictures | None) -> list[str]:
    if pictures is None:
        return []
    both = ("The tape, as PyTorch holds it", pictures.tape), ("The pure graph that JAX differentiates", pictures.pure)
    return [_folded(title, f'<div class="wide">{verified(picture)}</div>') for title, picture in both]


def _observations(observations: Sequence[Observation], *, reference: bool) -> list[str]:
    if not observations:
        return []
    rows = [_row(one, reference=reference) for one in observations]
    header = ("verdict", "name", "PyTorch", "JAX", *(["reference"] if reference else []), "error")
    departs = any(one.departs for one in observations)
    shown = _table(header, rows)
    wrong = [told(one) for one in observations if one.departs]
    return [
        _folded(
            f"Observations ({len(observations)})", shown + (_said("\n".join(wrong)) if wrong else ""), opened=departs
        )
    ]


def _row(one: Observation, *, reference: bool) -> tuple[str, ...]:
    sides = [one.torch, one.jax, *([one.reference] if reference else [])]
    seen = ["-" if one.kind == "tape" and side is None else value(side) for side in sides]
    return f"{symbol(one)} {one.verdict}", one.name, *seen, error(one.max_abs_error, one.max_ulp)


def _notes(notes: Sequence[Note]) -> list[str]:
    if not notes:
        return []
    kept = {one.concept: (str(one.line or ""), one.statement, one.concept, one.status, one.instead) for one in notes}
    return [_folded("Notes", _table(("line", "statement", "concept", "status", "instead"), [*kept.values()]))]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{_text(one)}</th>" for one in header)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(one)}</td>' for one in row)}</tr>" for row in rows)
    top = f"<thead><tr>{head}</tr></thead>" if header else ""
    return f'<div class="wide"><table>{top}<tbody>{body}</tbody></table></div>'


def _cell(text: str) -> str:
    """Text of any length: numbers of a large array stay folded."""
    shown = visible(text)
    brackets = shown.startswith("[")
    if not brackets or len(shown) <= LONGEST_VALUE:
        return escape(shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}…")
    whole = shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}…"
    return f"<details><summary>{escape(shown[:LONGEST_VALUE])}…</summary>{escape(whole)}</details>"


def _code(code: str) -> str:
    """A program, coloured; hostile characters are shown, not sent."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    shown = "\n".join(visible(line) for line in code.expandtabs().splitlines())
    return f"<pre>{highlight(shown, PythonLexer(), HtmlFormatter(nowrap=True))}</pre>"
