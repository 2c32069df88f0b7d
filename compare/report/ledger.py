"""The ledger of conventions in every format: the list of entries, and entries explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import msgspec

from compare.report.github import annotation
from compare.report.junit import legal
from compare.report.markdown import escaped, fenced, table
from compare.report.plain import columns
from compare.report.wording import count_of, value, visible

if TYPE_CHECKING:
    from compare.results import ConventionResult

__all__ = [
    "LEDGER_FORMATS", "VERDICTS", "LedgerReport", "add_suite", "convention_lines", "error_lines", "ledger_summary",
    "ranked", "render_ledger",
]  # fmt: skip

VERDICTS = {
    "torch-wrong": "PyTorch's answer is not one that the exact derivatives allow",
    "jax-wrong": "JAX's answer is not one that the exact derivatives allow",
    "both-wrong": "neither answer is one that the exact derivatives allow",
    "convention": "the answers differ, and nothing excludes either",
    "default-differs": "one name and two functions, by a default",
    "raises-differ": "one of the two raises, or has no gradient at all",
    "agrees": "one answer in both, and not a wrong one",
}
"""What each verdict means, in the order of the list: what costs a reader most comes first."""
HEADER = ("convention", "aspect", "torch", "JAX", "exact", "title")
FRAMEWORKS = {"torch": "PyTorch", "jax": "JAX"}


@dataclass(frozen=True)
class LedgerReport:
    """Entries, observed. explained: tell everything of each, as for entries that were asked for by name."""

    conventions: Sequence[ConventionResult]
    explained: bool = False
    width: int | None = None
    verbosity: int = 0


def render_ledger(format: str, report: LedgerReport) -> str:
    """The report as text that ends in a newline. Raises KeyError for a format that is not in LEDGER_FORMATS."""
    return LEDGER_FORMATS[format](report)


def ranked(conventions: Sequence[ConventionResult]) -> dict[str, list[ConventionResult]]:
    """Entries by verdict, differences first."""
    return {verdict: found for verdict in VERDICTS if (found := [one for one in conventions if one.verdict == verdict])}


def ledger_summary(conventions: Sequence[ConventionResult]) -> str:
    """The counts, on one line."""
    differ = sum(_differs(one) for one in conventions)
    departed = sum(not one.holds for one in conventions)
    counts = ", ".join(f"{len(found)} {verdict}" for verdict, found in ranked(conventions).items())
    ended = f"{departed} not as declared" if departed else "all as declared"
    entries = count_of(len(conventions), "convention", "conventions")
    return f"{entries}: {differ} differ, {len(conventions) - differ} the same ({counts}); {ended}."


def convention_lines(conventions: Sequence[ConventionResult]) -> list[str]:
    """A line for each thing that is not as declared."""
    return [visible(f"{one.id}: {departure}") for one in conventions for departure in one.departures]


# ---- words ----


def _differs(one: ConventionResult) -> bool:
    """Whether the two answers are different ones, in a dtype at least."""
    return any(numbers.expected.torch != numbers.expected.jax for numbers in one.numbers)


def _numbers(one: ConventionResult, framework: str) -> str:
    """A framework's answers: one where the dtypes have the same to six digits, otherwise each."""
    shown = {numbers.dtype: _short(getattr(numbers, framework)) for numbers in one.numbers}
    if len(set(shown.values())) == 1:
        return next(iter(shown.values()))
    return "; ".join(f"{number} in {dtype}" for dtype, number in shown.items())


def _short(number: Any) -> str:
    """An answer with numbers of six digits; an error by its type."""
    if hasattr(number, "raises"):
        return f"raises {number.raises.lstrip('_')}"
    if isinstance(number, list):
        return "[" + ", ".join(map(_short, number)) + "]"
    return f"{number:.6g}" if isinstance(number, float) else str(number)


def _exact(one: ConventionResult) -> str:
    """What is exact: a number, or what lies between two sides; `-` where mathematics has no answer."""
    if one.left is None:
        return "-"
    left, right = _short(one.left), _short(one.right)
    return left if left == right else f"{left} to {right}"


def _row(one: ConventionResult) -> tuple[str, ...]:
    mark = "" if one.holds else " (not as declared)"
    return one.id + mark, one.aspect, _numbers(one, "torch"), _numbers(one, "jax"), _exact(one), one.title


# ---- the list ----


def _full(report: LedgerReport) -> str:
    """A heading and its rows for each verdict; then what is not as declared, and the counts."""
    if report.explained:
        return "\n".join(_explanation(one, report.width) for one in report.conventions)
    parts = []
    for verdict, entries in ranked(report.conventions).items():
        if report.verbosity < 0:
            break
        heading = columns([[f"{verdict} ({len(entries)}): {VERDICTS[verdict]}"]], report.width)
        families: dict[str, list[tuple[str, str]]] = {}
        for one in entries:
            _, aspect, torch, jax, exact, title = _row(one)
            answers = f"torch {torch}, JAX {jax}" if torch != jax else f"both {torch}"
            told = f"{title} ({aspect}: {answers}{'' if exact == '-' else f', exact {exact}'})"
            families.setdefault(one.family, []).append((f"  {_row(one)[0]}", told))
        rows = "".join(
            columns([[f" {family}"]], report.width) + columns(found, report.width) for family, found in families.items()
        )
        parts.append(heading + rows)
    departed = convention_lines(report.conventions)
    parts += (
        [columns([["not as declared"]]) + columns([[f"  {line}"] for line in departed], report.width)]
        if departed
        else []
    )
    return "\n".join([*parts, columns([[ledger_summary(report.conventions)]], report.width)])


def _concise(report: LedgerReport) -> str:
    """One line for each entry."""
    lines = []
    for entries in ranked(report.conventions).values():
        for one in entries:
            name, aspect, torch, jax, exact, _ = _row(one)
            lines.append(visible(f"{one.verdict} {name} {aspect}: torch {torch}, JAX {jax}, exact {exact}"))
    return "".join(f"{line}\n" for line in lines)


def _json(report: LedgerReport) -> str:
    """The entries as a run stores them, differences first."""
    entries = [one for found in ranked(report.conventions).values() for one in found]
    return msgspec.json.format(msgspec.json.encode({"conventions": entries}), indent=2).decode() + "\n"


def _markdown(report: LedgerReport) -> str:
    """A table for each verdict, or a section for each entry that is explained."""
    if report.explained:
        return "\n".join(_section(one) for one in report.conventions)
    parts = [f"# Conventions\n\n{escaped(ledger_summary(report.conventions))}\n"]
    parts += [f"- Not as declared: {escaped(line)}\n" for line in convention_lines(report.conventions)]
    for verdict, entries in ranked(report.conventions).items():
        rows = [[escaped(cell) for cell in (one.family, *_row(one))] for one in entries]
        heading = f"## {verdict} ({len(entries)})\n\n{VERDICTS[verdict][0].upper()}{VERDICTS[verdict][1:]}.\n"
        parts.append(heading + "\n" + table(("family", *HEADER), rows))
    return "\n".join(parts)


def _junit(report: LedgerReport) -> str:
    """A testsuite with a testcase for each entry."""
    root = ElementTree.Element("testsuites")
    add_suite(root, report.conventions)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def add_suite(root: ElementTree.Element, conventions: Sequence[ConventionResult]) -> None:
    """The entries as a suite of JUnit's."""
    failed = sum(not one.holds for one in conventions)
    suite = ElementTree.SubElement(
        root, "testsuite", name="conventions", tests=str(len(conventions)), failures=str(failed), errors="0",
        skipped="0", time="0",
    )  # fmt: skip
    for one in conventions:
        test = ElementTree.SubElement(suite, "testcase", classname=legal(one.family), name=legal(one.id), time="0")
        if not one.holds:
            found = ElementTree.SubElement(test, "failure", type=one.verdict, message=legal(one.title))
            found.text = legal("\n".join(one.departures))


def _github(report: LedgerReport) -> str:
    """An `::error` line for each entry that is not as declared, then the counts."""
    lines = error_lines(report.conventions)
    return "\n".join([*lines, ledger_summary(report.conventions)]) + "\n"


def error_lines(conventions: Sequence[ConventionResult]) -> list[str]:
    """The `::error` lines."""
    return [
        annotation("\n".join(one.departures), None, f"{one.id}: not as declared")
        for one in conventions
        if not one.holds
    ]


# ---- entries explained ----


def _rows(one: ConventionResult) -> list[tuple[str, str]]:
    """Everything that is known of an entry, as labelled texts; code is told apart by the label."""
    rows = [("Verdict", f"{one.verdict}: {VERDICTS[one.verdict]}"), ("Why", one.reason)]
    rows += [("PyTorch", line) for line in one.torch.splitlines()]
    rows += [("JAX", line) for line in one.jax.splitlines()]
    rows.append(("At", ", ".join(f"{name} = {value(operand)}" for name, operand in one.operands.items())))
    aspect = {"value": "Value", "reverse": "Gradient", "forward": "Forward mode", "second": "Second derivative"}[
        one.aspect
    ]
    for numbers in one.numbers:
        rows.append((f"{aspect}, {numbers.dtype}", f"PyTorch {value(numbers.torch)}, JAX {value(numbers.jax)}"))
    if one.left is None:
        rows.append(("Exact", "mathematics has no answer"))
    elif one.left == one.right:
        rows.append(("Exact", value(one.left)))
    else:
        rows.append(("Exact", f"from the left {value(one.left)}, from the right {value(one.right)}"))
    rows += [(f"{name}'s rule", rule) for name, rule in (("PyTorch", one.torch_rule), ("JAX", one.jax_rule)) if rule]
    rows += [("Link", f"{link.title}, {link.url}") for link in one.links]
    rows.append(("Versions", ", ".join(f"{FRAMEWORKS[name]} {version}" for name, version in one.versions.items())))
    rows += [("Not as declared", departure) for departure in one.departures]
    return rows


def _remedies(one: ConventionResult) -> list[tuple[str, str, str]]:
    """A heading, the code, and what it answered, for each remedy."""
    found = []
    for remedy in one.remedies:
        other = FRAMEWORKS["torch" if remedy.framework == "jax" else "jax"]
        heading = f"{FRAMEWORKS[remedy.framework]} that answers as {other}"
        answered = ", ".join(f"{value(number)} in {dtype}" for dtype, number in remedy.numbers.items())
        found.append((heading, remedy.code, answered))
    return found


def _explanation(one: ConventionResult, width: int | None) -> str:
    text = columns([[f"{one.id}: {one.title}"]], width) + "\n" + columns(_rows(one), width)
    for heading, code, answered in _remedies(one):
        text += f"\n{visible(heading)}:\n" + "".join(f"    {visible(line)}\n" for line in code.splitlines())
        text += columns([["  ", f"answers {answered}"]], width)
    return text


def _section(one: ConventionResult) -> str:
    text = f"# {escaped(one.id)}: {escaped(one.title)}\n\n"
    text += "".join(f"- {label}: {escaped(said)}\n" for label, said in _rows(one))
    for heading, code, answered in _remedies(one):
        text += f"\n## {escaped(heading)}\n\n{fenced(code)}\nIt answers {escaped(answered)}.\n"
    return text


LEDGER_FORMATS = {
    "full": _full, "concise": _concise, "json": _json, "markdown": _markdown, "junit": _junit, "github": _github,
}  # fmt: skip
"""The formats of `all`, for the ledger alone."""
