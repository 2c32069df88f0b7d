"""Pages of HTML: the static site of a run, and the one page of a translation.

A site needs no server and no network. Its script only filters and lights lines up; everything can be read without.
Addresses are meant to be kept: `cases/ID.html`, `concepts/ID.html`, `conventions.html#ID`; on the page of a case
`#observation-NAME`, and `#case-LINE`, `#torch-LINE`, `#jax-LINE`, `#naive-LINE`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import jinja2
import msgspec
from markupsafe import Markup, escape

from compare.concepts import CHAPTERS, CONCEPTS, OBSERVED_WITH, STATUSES, ranked
from compare.errors import UsageError
from compare.pictures import verified
from compare.pictures.svg import STYLE as PICTURE_STYLE
from compare.report import Report
from compare.report.folder import check_ids
from compare.report.heat_maps import array_of, difference_map, shape_words, value_map
from compare.report.ledger import VERDICTS as LEDGER_VERDICTS
from compare.report.programs import Tied, column, tied
from compare.report.translated import SHAPES as TRANSLATION_SHAPES
from compare.report.translated import sentence
from compare.report.wording import (
    SYMBOLS,
    again,
    count_of,
    departures,
    location,
    naive,
    naive_departures,
    number,
    sides,
    silent,
    summary,
    symbol,
    told,
    ulps,
    value,
    visible,
    visible_lines,
    worst,
)
from compare.results import (
    Absent,
    CaseResult,
    ConventionResult,
    Declared,
    Lines,
    Note,
    Observation,
    Pictures,
    Translation,
    Value,
    summarize,
)

__all__ = ["site", "translation_page"]

TEMPLATES = Path(__file__).with_name("templates")
FEW = 4
"""Elements up to which an array is written out; a larger one is drawn, and its numbers are folded."""
FOLDED_NUMBERS = 1_000
"""Numbers up to which an array is written into a page; the JSON beside the page has them all."""
LONG = 160
"""Characters from which a text in a table is folded."""

OUTCOMES = {
    "error": "something stopped the case or a leg",
    "mismatch": "not as the case declares",
    "diverges-as-documented": "the legs differ, in the way that the case declares",
    "match": "the legs agree",
}
VERDICTS = {
    "match": "the legs agree",
    "convention": "both gradients lie in what the one-sided derivatives allow",
    "torch-wrong": "JAX has the exact number, PyTorch has not",
    "jax-wrong": "PyTorch has the exact number, JAX has not",
    "both-wrong": "neither has the exact number",
    "raises-differ": "one raises and the other does not, or they raise different errors",
    "no-analogue": "one of the two has nothing like it",
    "mismatch": "not as declared",
    "error": "a leg could not be read",
}
RANKS = {"error": 0, "mismatch": 1}
SILENT = "◆"
STATUS_SHAPES = {"silent": SILENT, "none": "○", "jax-only": "▷", "idiom": "≈", "exact": "="}
CONVENTION_SHAPES = {
    "torch-wrong": "✗", "jax-wrong": "✗", "both-wrong": "✗", "raises-differ": "!", "default-differs": "◇",
    "convention": "◇", "agrees": "✓",
}  # fmt: skip


# ---- pieces ----


def _prose(text: str) -> Markup:
    """Sentences of this project, in which code stands between backticks."""
    pieces = visible(text).split("`")
    if len(pieces) % 2 == 0:
        return escape(visible(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece) for place, piece in enumerate(pieces)
    )


def _anchor(name: str) -> str:
    """A word for an anchor made of any name. Two names may have the same one; `_anchors` tells them apart."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name[:80]).strip("-").lower() or "x"


def _anchors(names: Sequence[str], prefix: str) -> list[str]:
    """An anchor for each name, every one its own."""
    found: list[str] = []
    for name in names:
        plain = made = f"{prefix}-{_anchor(name)}"
        count = 1
        while made in found:
            count += 1
            made = f"{plain}-{count}"
        found.append(made)
    return found


def _shown(side: Value | Declared, name: str = "") -> Markup:
    """A value in a table. `name`: draw an array of more than a few elements under this name."""
    if isinstance(side, Declared):
        both = (("PyTorch", side.torch), ("JAX", side.jax))
        return Markup("").join(
            Markup('<div class="leg"><span>{}</span> {}</div>').format(leg, _shown(one)) for leg, one in both
        )
    array = array_of(side)
    if array is None or len(array.numbers) <= FEW:
        return _folded(value(side))
    drawn = Markup(value_map(array, name)) if name else Markup("")
    count = f"{len(array.numbers)} numbers" + (f", {shape_words(array)}" if len(array.shape) > 1 else "")
    return drawn + Markup("<details><summary>{}</summary>{}</details>").format(count, _numbers(array.rows))


def _numbers(rows: Sequence[Sequence[str]]) -> Markup:
    total = sum(map(len, rows))
    kept, left = [], FOLDED_NUMBERS
    for row in rows:
        kept.append(row[:left])
        left -= len(kept[-1])
        if left <= 0:
            break
    table = Markup('<table class="numbers">{}</table>').format(
        Markup("").join(
            Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(one) for one in row))
            for row in kept
        )
    )
    if total <= FOLDED_NUMBERS:
        return table
    return table + Markup("<p>The first {} of {}; the JSON of this case has them all.</p>").format(
        FOLDED_NUMBERS, total
    )


def _folded(text: str) -> Markup:
    """Text of a case or of a framework; a long one is folded behind its beginning."""
    text = visible(text)
    if len(text) <= LONG:
        return Markup('<span class="value">{}</span>').format(text)
    return Markup('<details><summary class="value">{}…</summary><span class="value">{}</span></details>').format(
        text[: LONG // 2], text
    )


def _difference(one: Observation) -> Markup:
    """The map of how far PyTorch and JAX are apart; nothing for a few elements."""
    left, right = array_of(one.torch), array_of(one.jax)
    if left is None or right is None or left.shape != right.shape or len(left.numbers) <= FEW:
        return Markup("")
    return Markup(difference_map(left, right, one.limit))


def _drawn(pictures: Pictures | None, of: str) -> dict[str, Markup]:
    """Both pictures, without their style: it stands in the sheet of the site. Raises UsageError for what is none."""
    found = {}
    for name, text in () if pictures is None else (("tape", pictures.tape), ("pure", pictures.pure)):
        try:
            found[name] = Markup(verified(text).replace(f"<style>{PICTURE_STYLE}</style>", ""))
        except UsageError as error:
            raise UsageError(f"{of}, `pictures.{name}`: {error}") from error
    return found


def _sheet() -> str:
    return _text("site.css") + PICTURE_STYLE + "\n"


@functools.cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"prose": _prose, "visible": visible, "folded": _folded, "number": number, "ulps": ulps}
    made.globals |= {
        "CONCEPTS": CONCEPTS, "STATUSES": STATUSES, "STATUS_SHAPES": STATUS_SHAPES, "OUTCOMES": OUTCOMES,
        "VERDICTS": VERDICTS, "SYMBOLS": SYMBOLS, "SILENT": SILENT, "OBSERVED_WITH": OBSERVED_WITH,
        "LEDGER_VERDICTS": LEDGER_VERDICTS, "CONVENTION_SHAPES": CONVENTION_SHAPES,
        "shown": _shown, "difference": _difference, "symbol": symbol,
        "sides": sides, "value": value, "departures": departures, "naive": naive, "silent": silent, "worst": worst,
        "naive_departures": naive_departures, "told": told, "visible_lines": visible_lines, "count_of": count_of,
        "is_absent": lambda side: isinstance(side, Absent), "is_declared": lambda side: isinstance(side, Declared),
    }  # fmt: skip
    return made


def _page(template: str, **facts: Any) -> bytes:
    return _environment().get_template(template).render(**facts).encode("utf-8", "backslashreplace")


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text("utf-8")


# ---- the site of a run ----


@dataclass(frozen=True)
class _Chapter:
    """A chapter of the index: its cases, those that are not as declared and silent differences first."""

    name: str
    anchor: str
    cases: tuple[CaseResult, ...]


def site(report: Report) -> dict[str, bytes]:
    """The content of each file of the site by its name. Raises UsageError for an id or a picture that is none."""
    run = report.run
    check_ids(run.cases)
    showing: dict[str, list[CaseResult]] = {}
    for case in run.cases:
        met = [note.concept for note in case.notes] + [one.concept for one in case.observations if one.concept]
        for concept in dict.fromkeys(met):
            showing.setdefault(concept, []).append(case)
    facts = {
        "report": report,
        "run": run,
        "counts": summarize(run.cases),
        "summary": summary(run, len(report.failures)),
        "silent_count": sum(map(silent, run.cases)),
        "showing": showing,
        "self_contained": False,
    }
    files = {
        "index.html": _page("index.html", root="", here="cases", chapters=_chapters(run.cases), **facts),
        "concepts.html": _page("concepts.html", root="", here="concepts", groups=ranked(), **facts),
        "conventions.html": _page("conventions.html", root="", here="conventions", **_ledger(report), **facts),
        "environment.html": _page("environment.html", root="", here="environment", **facts),
        "site.css": _sheet().encode(),
        "site.js": _text("site.js").encode(),
    }
    for case, beside in _with_neighbours(run.cases):
        files[f"cases/{case.id}.html"] = _page(
            "case.html", root="../", here="cases", beside=beside, **_case_facts(case, report), **facts
        )
        if _overflows(case):
            files[f"cases/{case.id}.json"] = msgspec.json.format(msgspec.json.encode(case), indent=2) + b"\n"
    chapter_of = {one.id: chapter for chapter, entries in CHAPTERS.items() for one in entries}
    for one, around in _with_neighbours([*CONCEPTS.values()]):
        files[f"concepts/{one.id}.html"] = _page(
            "concept.html", root="../", here="concepts", concept=one, chapter=chapter_of[one.id], beside=around, **facts
        )
    return files


_Paged = TypeVar("_Paged")


def _with_neighbours(pages: Sequence[_Paged]) -> Iterator[tuple[_Paged, tuple[_Paged | None, _Paged | None]]]:
    """What each page is about, and what the ones before and after it are about."""
    around = [None, *pages, None]
    for place, page in enumerate(pages):
        yield page, (around[place], around[place + 2])


def _chapters(cases: Sequence[CaseResult]) -> list[_Chapter]:
    grouped: dict[str, list[CaseResult]] = {}
    for case in cases:
        grouped.setdefault(case.chapter, []).append(case)

    def rank(case: CaseResult) -> int:
        return RANKS.get(case.outcome, 2 if silent(case) else 3 if case.outcome != "match" else 4)

    names = _anchors(list(grouped), "chapter")
    return [
        _Chapter(name, made, tuple(sorted(found, key=rank)))
        for (name, found), made in zip(grouped.items(), names, strict=True)
    ]


def _overflows(case: CaseResult) -> bool:
    """Whether an array of a case has more numbers than its page shows."""
    arrays = [array_of(side) for one in case.observations for side in (one.torch, one.jax, one.reference, one.expected)]
    return any(one is not None and len(one.numbers) > FOLDED_NUMBERS for one in arrays)


def _case_facts(case: CaseResult, report: Report) -> dict[str, Any]:
    sources, port = case.sources, case.naive
    legs = [("torch", "PyTorch", sources.torch), ("jax", "JAX", sources.jax)]
    programs = legs if case.kind == "demonstration" else [("case", "Case", sources.case), *legs]
    programs = [one for one in programs if one[2]]
    tied_lines = sources.lines if len(programs) == 3 else None
    ported = None
    if port is not None and port.source and port.source != sources.jax:
        ported = column("naive", "Naive port", port.source, port.lines)
    return {
        "case": case,
        "programs": _tied_or_plain(programs, tied_lines, case.notes),
        "port": ported,
        "pictures": _drawn(case.pictures, f"The case '{case.id}'"),
        "overflows": _overflows(case),
        "where": location(report.place(case.id)),
        "again": again(case, report),
        "anchors": _anchors([one.name for one in case.observations], "observation"),
        "read_at": _read_at(sources.lines, sources.case),
    }


def _tied_or_plain(programs: Sequence[tuple[str, str, str]], lines: Lines | None, notes: tuple[Note, ...]) -> Tied:
    placed = tied(programs, lines, notes)
    # One paragraph for what is said of several statements, and of none that the page shows.
    return Tied(placed.columns, placed.height, tuple({(one.concept, one.why): one for one in placed.rest}.values()))


def _read_at(lines: Lines | None, code: str) -> Callable[[Observation], int]:
    """The line of the shown case (from 1) that an observation is read at; 0 where it is not known."""
    length = len(code.splitlines())

    def at(one: Observation) -> int:
        line = 0 if lines is None or not one.line else one.line - lines.first + 1
        return line if 1 <= line <= length else 0

    return at


def _ledger(report: Report) -> dict[str, Any]:
    """The entries by family: what is not as declared, then what differs. And how many there are of each verdict."""
    entries = report.run.conventions
    check_ids(entries, "entry")
    families: dict[str, list[ConventionResult]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.holds, not entry.differs)):
        families.setdefault(entry.family, []).append(entry)
    ordered = {entry.family: families[entry.family] for entry in entries}
    counted = {word: sum(entry.verdict == word for entry in entries) for word in LEDGER_VERDICTS}
    return {
        "families": [(*one, made) for one, made in zip(ordered.items(), _anchors([*ordered], "family"), strict=True)],
        "verdicts": {word: count for word, count in counted.items() if count},
        "departed": sum(not entry.holds for entry in entries),
    }


# ---- the page of a translation ----


def translation_page(result: Translation) -> str:
    """One page that is complete in itself: the code, PyTorch and JAX beside each other, and what was proven."""
    programs = [("case", "Your code", result.script), ("torch", "PyTorch, as recorded", result.torch)]
    programs = [one for one in [*programs, ("jax", "JAX", result.jax)] if one[2]]
    lines = result.lines if len(programs) == 3 else None
    facts: Mapping[str, Any] = {
        "result": result,
        "sentence": sentence(result).removeprefix(f"{TRANSLATION_SHAPES[result.verdict]} {result.path}: "),
        "shape": TRANSLATION_SHAPES[result.verdict],
        "programs": _tied_or_plain(programs, lines, result.notes),
        "pictures": _drawn(result.pictures, result.path),
        "anchors": _anchors([one.name for one in result.observations], "observation"),
        "read_at": _read_at(lines, result.script),
        "self_contained": True,
        "style": Markup(_sheet()),
        "script": Markup(_text("site.js")),
        "root": "",
        "here": "",
    }
    return _page("translation.html", **facts).decode()
