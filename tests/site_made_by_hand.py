"""A small run for the tests of the site: real programs, tied together, with observations made by hand."""

from __future__ import annotations

import functools
import html.parser
import math
from dataclasses import dataclass, field
from typing import Any

import msgspec
from results_made_by_hand import CRASHING, DIVERGING, ENVIRONMENT, MISMATCHING, VIEWED, observation, result

from compare.cases import find_directory, load_cases
from compare.pictures import pictures
from compare.results import (
    CaseResult,
    ConventionLink,
    ConventionNumbers,
    ConventionRemedy,
    ConventionResult,
    Declared,
    NaivePort,
    Run,
    summarize,
)
from compare.runner import Prepared, prepare

__all__ = ["DEMONSTRATION", "ENTRY", "TIED", "Page", "prepared_result", "small_run"]

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta"}


@functools.cache
def prepared_result(id: str) -> CaseResult:
    """A case of the catalogue, recorded and printed; nothing has run."""
    catalogue = load_cases(find_directory(None))
    case = catalogue.find(id)
    prepared = prepare(case)
    naive = drawn = None
    if isinstance(prepared, Prepared):
        drawn = pictures(prepared.program, prepared.torch, prepared.lowering.pure, prepared.jax)
    if prepared.naive is not None and prepared.naive.source is not None:
        source = prepared.naive.source
        naive = msgspec.structs.replace(VIEWED, source=source.text, lines=source.origins, departures=())
    return result(
        id, chapter=case.chapter, title=case.title, kind=case.kind, notes=prepared.notes, sources=prepared.sources,
        naive=naive, pictures=drawn,
    )  # fmt: skip


def _wave(rows: int, columns: int, shift: float = 0.0) -> list[list[Any]]:
    return [[round(math.sin(row + 2 * column), 3) + shift for column in range(columns)] for row in range(rows)]


APART = _wave(12, 12, 1e-15)
APART[3][4] = 7.0
APART[0][0] = "nan"
LARGE = observation(
    "large", torch=_wave(12, 12), jax=APART, reference=_wave(12, 12), expected=None, max_abs_error=6.5, max_ulp=10**9,
    verdict="jax-wrong", concept="stale-value", detail="torch and reference agree",
)  # fmt: skip
HUGE = observation("huge", torch=_wave(70, 40), jax=_wave(70, 40, 1e-12), max_abs_error=1e-12, max_ulp=9000)
OTHERS = observation("words", torch=[True, False, True, True, False], jax=["1.0-2.5j", "inf", 0.0, 1.0, "nan"])
TIED = msgspec.structs.replace(
    prepared_result("base-written-after-view"), observations=(observation(line=1), LARGE, OTHERS)
)
DEMONSTRATION = msgspec.structs.replace(prepared_result("made-under-no-grad"), outcome="diverges-as-documented")
WITHOUT_PORT = result("no-port", observations=(HUGE,), naive=NaivePort("none", "", (), (), "it computes with 'h.grad'"))
RAISING = result("port-raises", naive=NaivePort("raises", "x = 1\n", (), (), "IndexError: mask"))
ENTRY = ConventionResult(
    id="abs-at-zero",
    family="kinks",
    title="The derivative of `abs` at 0",
    aspect="reverse",
    verdict="convention",
    reason="Both lie between -1 and 1.",
    torch="torch.abs(x)",
    jax="jnp.abs(x)",
    operands={"x": 0.0},
    numbers=(ConventionNumbers("float64", 0.0, 1.0, Declared(0.0, 1.0)),),
    left=-1.0,
    right=1.0,
    torch_rule="It takes the sign.",
    jax_rule="It takes the sign.",
    links=(ConventionLink("torch.abs", "https://docs.pytorch.org/docs/stable/generated/torch.abs.html"),),
    remedies=(ConventionRemedy("jax", "jnp.where(x == 0, 0.0, jnp.abs(x))", {"float64": 0.0}),),
    versions={"torch": "2.13", "jax": "0.10"},
)
AGREEING = msgspec.structs.replace(ENTRY, id="relu-at-zero", verdict="agrees", left=0.0, right=0.0, links=())
DEPARTED = msgspec.structs.replace(ENTRY, id="det-singular", verdict="torch-wrong", departures=("torch has 2.0",))


def small_run() -> Run:
    """A run with everything that a page may show."""
    cases = (TIED, DEMONSTRATION, MISMATCHING, DIVERGING, CRASHING, WITHOUT_PORT, RAISING)
    return Run(1, ENVIRONMENT, summarize(cases), cases, conventions=(ENTRY, AGREEING, DEPARTED))


@dataclass
class Page(html.parser.HTMLParser):
    """What a browser would see. Every tag has to be closed in its place, and every id is there once."""

    content: bytes | str
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str | None]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(self.content if isinstance(self.content, str) else self.content.decode())
        self.close()
        assert self.open == []
        assert len(self.ids) == len(set(self.ids))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                assert value
                self.ids.append(value)
            elif name in ("href", "src"):
                (self.links if tag == "a" else self.loaded).append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)
