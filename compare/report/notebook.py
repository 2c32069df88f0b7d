"""A translation as a notebook shows it: one HTML element that brings its styles and changes nothing around it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from compare.report.translated import sentence
from compare.report.wording import error, symbol, value, visible, visible_lines
from compare.results import Translation

__all__ = ["as_html"]

BOX = "color: #1f2328; background: #ffffff; border: 1px solid #d1d9e0; padding: 0.8em; font-family: sans-serif"
CODE = "color: #1f2328; background: #f6f8fa; margin: 0; padding: 0.6em; overflow: auto; text-align: left"
CELL = "padding: 0 1em 0 0; border: 0; text-align: left; vertical-align: top; color: #1f2328; background: #ffffff"
LONGEST_VALUE = 60


def as_html(result: Translation) -> str:
    """The verdict, both programs, every observation, and what was specialised."""
    said = [f'<div style="font-weight: bold">{_text(sentence(result))}</div>']
    reason = "\n".join(visible_lines(result.reason))
    if result.divergence is not None:
        reason += f"\nFirst difference: {visible(result.divergence)}"
    if reason:
        said.append(f'<pre style="{CODE}; white-space: pre-wrap">{escape(reason)}</pre>')
    if result.jax:
        said.append(_folded("JAX", _coloured(result.jax), opened=True))
        said.append(_folded("PyTorch, as recorded", _coloured(result.torch)))
    if result.observations:
        rows = [(f"{symbol(one)} {one.verdict}", one.name, _shown(one.torch), error(one.max_abs_error, one.max_ulp))
                for one in result.observations]  # fmt: skip
        said.append(_folded("Observations", _table(("verdict", "name", "PyTorch", "error"), rows)))
    if result.specialised:
        taken = [(str(one.line or ""), one.what, one.why) for one in result.specialised]
        said.append(_folded("Specialised to this run", _table(("line", "what", "why"), taken)))
    if result.notes:
        kept = {one.concept: (one.concept, one.status, one.instead) for one in result.notes}
        said.append(_folded("Notes", _table(("concept", "status", "instead"), [*kept.values()])))
    return f'<div style="{BOX}">{"".join(said)}</div>'


def _text(text: str) -> str:
    return escape(visible(text))


def _shown(seen: object) -> str:
    shown = value(seen)  # type: ignore[arg-type]  # what an observation holds
    return shown if len(shown) <= LONGEST_VALUE else f"{shown[:LONGEST_VALUE]}…"


def _folded(title: str, content: str, *, opened: bool = False) -> str:
    """A part that can be folded; without a script, as every browser does it."""
    return f"<details{' open' * opened}><summary>{_text(title)}</summary>{content}</details>"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def cell(text: str) -> str:
        return f'<td style="{CELL}">{_text(text)}</td>'

    head = "".join(f'<th style="{CELL}">{_text(one)}</th>' for one in header)
    body = "".join(f"<tr>{''.join(cell(one) for one in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _coloured(code: str) -> str:
    """A program, coloured by styles of its own; hostile characters are shown, not sent."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    shown = "\n".join(visible(line) for line in code.splitlines())
    return f'<pre style="{CODE}">{highlight(shown, PythonLexer(), HtmlFormatter(noclasses=True, nowrap=True))}</pre>'
