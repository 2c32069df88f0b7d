"""The HTML of a result is one element, complete in itself, in which nothing of the code is markup."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
import site_made_by_hand
from results_made_by_hand import CRASHING, MATCHING, MISMATCHING, run

from compare.concepts import CONCEPTS
from compare.errors import UsageError
from compare.report.notebook import as_html
from compare.report.site import translation_page
from compare.report.wording import summary, visible
from compare.results import Pictures, Specialised, Translation
from compare.translation import translate_script

HOSTILE = "<script>alert(1)</script>&\"'\x1b[31m\u202e"
LATE = CONCEPTS["late-retain-grad"]
SOURCE = (
    "import torch\nx = torch.tensor([1.0, 2.0], requires_grad=True)\n(x * x).sum().backward()\nprint(x.sum().item())\n"
)


class Page(HTMLParser):
    """What a browser would see: tags, their attributes, and the text; every tag has to be closed in its place."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.open: list[str] = []
        self.roots = 0
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.roots += not self.open
        self.open.append(tag)
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Translation:
    path: Path = tmp_path_factory.mktemp("scripts") / "square.py"
    path.write_text(SOURCE, "utf-8")
    return translate_script(path, dtype="float64").result


HTML = frozenset("div pre span details summary table thead tbody tr th td style".split())
DRAWN = frozenset("svg title desc style g path rect text".split())
DRAWN_ATTRIBUTES = frozenset(
    "xmlns role aria-label width height viewbox d x y rx data-statement data-line class open".split()
)


def views() -> dict[str, object]:
    """One of each kind of result that shows itself."""
    return {
        "case": MISMATCHING,
        "demonstration": msgspec.structs.replace(MATCHING, kind="demonstration"),
        "crash": CRASHING,
        "run": run(MATCHING, MISMATCHING),
        "concept": LATE,
    }


@pytest.mark.parametrize("kind", ["translation", *views()])
def test_it_is_one_element_without_scripts_requests_or_names(result: Translation, kind: str) -> None:
    shown = {"translation": result, **views()}[kind]._repr_html_()  # type: ignore[attr-defined]
    page = Page(shown)
    assert page.roots == 1
    assert set(page.tags) <= HTML | DRAWN
    assert page.attributes <= DRAWN_ATTRIBUTES
    assert not re.search(r"url\(|@import|\bid=|<script|javascript:|src=|href=", shown)


def test_every_rule_of_its_styles_stays_inside_of_it(result: Translation) -> None:
    styles = re.findall("<style>(.*?)</style>", as_html(result), re.DOTALL)
    assert len(styles) == 3
    selectors = [
        one.strip() for style in styles for group in re.findall(r"([^{}]+)\{", style) for one in group.split(",")
    ]
    assert len(selectors) > 20
    assert all(re.match(r"\.(compare-view|tape-picture)\b", one) for one in selectors)


def test_a_case_shows_its_programs_every_leg_and_its_notes() -> None:
    text = Page(MISMATCHING._repr_html_()).text
    for word in (f"✗ mismatch: {MISMATCHING.id}", "import torch", "import jax", "PyTorch", "reference", "nonleaf-grad"):
        assert word in text
    for one in MISMATCHING.observations:
        assert one.name in text
        assert one.verdict in text
    for note in MISMATCHING.notes:
        assert visible(note.instead) in text


def test_a_run_shows_its_counts_and_what_is_not_as_declared_first() -> None:
    text = Page(run(MATCHING, MISMATCHING, CRASHING)._repr_html_()).text
    assert summary(run(MATCHING, MISMATCHING, CRASHING)) in text
    places = [text.index(one.id) for one in (CRASHING, MISMATCHING, MATCHING)]
    assert places == sorted(places)


def test_a_concept_shows_what_to_write_instead() -> None:
    text = Page(LATE._repr_html_()).text
    for word in (LATE.id, LATE.title, LATE.torch, LATE.jax, LATE.why, LATE.instead, LATE.torch_page.url):
        assert word in text


def test_the_pictures_are_in_it(result: Translation) -> None:
    page = Page(as_html(result))
    assert page.tags["svg"] == 2
    assert "a gradient came back this way" in page.text


def test_a_stored_picture_that_is_none_is_refused(result: Translation) -> None:
    wrong = msgspec.structs.replace(result, pictures=Pictures("<svg onload=alert(1)></svg>", "<svg></svg>"))
    with pytest.raises(UsageError, match="not a picture of a program"):
        as_html(wrong)


def test_large_arrays_are_folded(result: Translation) -> None:
    numbers = [float(one) for one in range(3000)]
    large = tuple(msgspec.structs.replace(one, torch=numbers) for one in result.observations)
    shown = as_html(msgspec.structs.replace(result, observations=large))
    assert len(shown) < 80_000
    assert "…</summary>" in shown


def test_it_holds_both_programs_character_for_character(result: Translation) -> None:
    page = Page(as_html(result))
    assert result.jax in page.text
    assert result.torch in page.text
    assert page.tags["span"] > 10


def test_the_verdict_is_a_word_and_a_shape(result: Translation) -> None:
    assert "✓" in Page(as_html(result)).text
    assert "proven" in Page(as_html(result)).text
    wrong = msgspec.structs.replace(result, verdict="not-proven", reason="x.grad differs", divergence="at line 3")
    shown = Page(as_html(wrong)).text
    assert "✗" in shown
    assert "not proven" in shown
    assert "First difference: at line 3" in shown
    refused = Translation("square", "square.py", "float64", "refused", "no row for `torch.fft`")
    shown = Page(as_html(refused)).text
    assert "! square.py: not translated." in shown
    assert "no row for `torch.fft`" in shown


def test_observations_notes_and_what_was_specialised_are_shown(result: Translation) -> None:
    text = Page(as_html(result)).text
    for word in ("x.grad", "[2.0, 4.0]", "match", "item", "Python took a number out of a tensor", "backward"):
        assert word in text


def test_its_page_ties_the_code_to_both_programs(result: Translation) -> None:
    assert result.script == SOURCE
    lines = result.lines
    assert lines is not None
    assert lines.first == 1
    assert set(lines.statements) <= {0, 2, 3, 4}  # 0: read when the run had ended
    assert (len(lines.torch), len(lines.jax)) == (len(result.torch.splitlines()), len(result.jax.splitlines()))
    page = site_made_by_hand.Page(translation_page(result))
    assert {"case-3", "torch-1", "jax-1", "observation-x-grad"} <= set(page.ids)
    assert {statement for name, statement in page.attributes if name == "data-statement"}
    assert page.loaded == ["data:,"]
    for fact in ("Proven. ", "Python took a number out of a tensor", "[2.0, 4.0]", *SOURCE.splitlines()):
        assert fact in page.text


def test_nothing_of_the_code_is_markup(result: Translation) -> None:
    hostile = msgspec.structs.replace(
        result,
        path=HOSTILE,
        verdict="not-proven",
        reason=HOSTILE,
        divergence=HOSTILE,
        jax=f"# {HOSTILE}\n'{HOSTILE}'\n",
        torch=HOSTILE,
        specialised=(Specialised(1, HOSTILE, HOSTILE),),
        observations=tuple(msgspec.structs.replace(one, name=HOSTILE, torch=HOSTILE) for one in result.observations),
    )
    page = Page(as_html(hostile))
    assert page.tags["script"] == 0
    assert page.text.count("<script>alert(1)</script>") >= 7
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
