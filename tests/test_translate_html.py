"""The HTML of a translation is one element, complete in itself, in which nothing of the code is markup."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
import site_made_by_hand

from compare.report.notebook import as_html
from compare.report.site import translation_page
from compare.results import Specialised, Translation
from compare.translation import translate_script

HOSTILE = "<script>alert(1)</script>&\"'\x1b[31m\u202e"
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


def test_it_is_one_element_without_scripts_styles_or_names(result: Translation) -> None:
    page = Page(as_html(result))
    assert page.roots == 1
    assert set(page.tags) <= set("div pre span details summary table thead tbody tr th td".split())
    assert page.attributes <= {"style", "open"}


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
