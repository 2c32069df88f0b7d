"""The report of a translation: what was proven, what was specialised, and what became of the tape."""

from __future__ import annotations

import msgspec

from compare.report.page import Page
from compare.report.terminal import STYLES, notes
from compare.report.wording import SYMBOLS, error, number, symbol, value, visible, visible_lines
from compare.results import Observation, Translation

__all__ = ["as_json", "as_markdown", "as_text", "sentence"]

SHAPES = {
    "proven": SYMBOLS["match"],
    "not-proven": SYMBOLS["mismatch"],
    "refused": SYMBOLS["error"],
    "raised": SYMBOLS["error"],
}
LONGEST_VALUE = 60


def sentence(result: Translation) -> str:
    """The verdict in one sentence."""
    shape = SHAPES[result.verdict]
    if result.verdict in ("refused", "raised"):
        ended = "not translated" if result.verdict == "refused" else "it did not get to its end"
        return f"{shape} {result.path}: {ended}."
    gradients = sum(one.kind == "gradient" for one in result.observations)
    values = sum(one.kind == "value" for one in result.observations)
    legs = "PyTorch, JAX and the exact reference" if result.exact else "PyTorch and JAX"
    counted = f"{gradients} gradient{'s' * (gradients != 1)} and {values} value{'s' * (values != 1)}"
    if result.verdict == "proven":
        return f"{shape} {result.path}: proven. {counted} agree between {legs}, in {result.dtype}."
    wrong, total = sum(one.departs for one in result.observations), f"{gradients + values} ({counted})"
    return f"{shape} {result.path}: not proven. {wrong} of {total} differ between {legs}, in {result.dtype}."


def as_text(result: Translation, *, width: int | None, color: bool, verbosity: int = 0) -> str:
    """The verdict; then every observation, what was specialised, and the notes. Quiet: the verdict alone."""
    page = Page(width, color)
    page.line(visible(sentence(result)), STYLES[SHAPES[result.verdict]])
    for line in visible_lines(result.reason):
        page.line(line, indent=2)
    if result.divergence is not None:
        page.labelled([("first difference", visible(result.divergence))], indent=2)
    if verbosity < 0:
        return page.text()
    if result.observations:
        page.line()
        rows = [(f"{symbol(one)} {visible(one.name)}", _measured(one)) for one in result.observations]
        page.labelled(rows, indent=2)
    if result.specialised:
        page.line()
        page.line("Specialised to this run", "bold")
        page.labelled(
            [(f"line {one.line}" if one.line else "", visible(f"{one.what}: {one.why}")) for one in result.specialised],
            indent=2,
        )
    notes(page, result.notes)
    return page.text()


def _measured(one: Observation) -> str:
    measured = error(one.max_abs_error, one.max_ulp)
    limit = "" if one.limit is None else f", allowed {number(one.limit)}"
    shown = value(one.torch)
    shown = shown if len(shown) <= LONGEST_VALUE else f"{shown[:LONGEST_VALUE]}…"
    detail = f"  {visible(one.detail)}" if one.departs and one.detail else ""
    return f"{one.verdict}  {shown}" + (f"  error {measured}{limit}" if measured else "") + detail


def as_json(result: Translation) -> str:
    """Everything, as one object."""
    return (msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n").decode()


def as_markdown(result: Translation) -> str:
    """The verdict, the two programs and the observations, for a pull request."""
    from compare.report.markdown import escaped, fenced, table

    parts = [f"# {escaped(result.path)}\n", f"{escaped(sentence(result))}\n"]
    if result.reason:
        parts.append(fenced(result.reason))
    if result.divergence:
        parts.append(f"First difference: {escaped(result.divergence)}\n")
    if result.jax:
        parts += ["## JAX\n", fenced(result.jax)]
    if result.observations:
        rows = [
            [escaped(one.name), one.kind, escaped(one.verdict), number(one.max_abs_error)]
            for one in result.observations
        ]
        parts += ["## Observations\n", table(("name", "kind", "verdict", "error"), rows)]
    if result.specialised:
        rows = [[str(one.line), escaped(one.what), escaped(one.why)] for one in result.specialised]
        parts += ["## Specialised to this run\n", table(("line", "what", "why"), rows)]
    return "\n".join(parts)
