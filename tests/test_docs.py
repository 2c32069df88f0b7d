"""The documentation: its commands print what it shows, generated pages are current, links lead somewhere."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pytest
from documents import DOCS, PAGES, ROOT, blocks, followed, in_this_process

from compare.cli import cli
from compare.cli.exit_codes import AS_DECLARED, BAD_INPUT, CRASHED, DEPARTED, INTERRUPTED, NOTHING_SELECTED
from compare.report.site import OUTCOMES, VERDICTS
from compare.results import Outcome, Verdict

GENERATE = runpy.run_path(str(DOCS / "generate.py"))
GENERATED = GENERATE["pages"]()
GUIDES = [
    page
    for page in PAGES
    # A report of drift is what a command printed in other releases than these.
    if page.parent == DOCS and page.name not in GENERATED and not page.name.startswith("drift-")
]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_a_reader_who_follows_a_guide_sees_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    in_this_process(monkeypatch)
    shown = list(followed(page))
    for command, expected, output in shown:
        assert output == expected, command
    assert shown


def test_every_kind_of_guide_is_there() -> None:
    names = {page.stem for page in PAGES}
    assert names >= {
        "first-case",
        "port-a-model",
        "read-a-mismatch",
        "command-line",
        "json",
        "verdicts",
        "tape-and-trace",
    }


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_a_generated_file_is_current(name: str) -> None:
    """What fails here is put right by `make docs`."""
    assert (DOCS / name).read_text("utf-8") == GENERATED[name]


def test_the_tables_know_every_word() -> None:
    assert set(VERDICTS) == set(get_args(Verdict))
    assert set(OUTCOMES) == set(get_args(Outcome))
    codes = (AS_DECLARED, DEPARTED, BAD_INPUT, CRASHED, NOTHING_SELECTED, INTERRUPTED)
    assert [*GENERATE["EXIT_CODES"]] == [str(code) for code in codes]
    for command in cli.commands:
        assert f"\n## {command}\n" in GENERATED["command-line.md"]


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings of a page."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in LINK.findall(text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert found.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(found), target


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, pending = set(), [ROOT / "README.md"]
    while pending:
        page = pending.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = [one.partition("#")[0] for one in LINK.findall(page.read_text("utf-8")) if "://" not in one]
        pending += [(page.parent / one).resolve() for one in links if one]
    assert set(PAGES) <= reached


def test_the_pictures_stand_alone() -> None:
    for name in ("tape.svg", "pure.svg"):
        root = ElementTree.parse(DOCS / name).getroot()
        assert "prefers-color-scheme:dark" in "".join(root.itertext())


def test_python_blocks_that_are_no_files_are_cells() -> None:
    for page in GUIDES:
        for block in blocks(page):
            assert block.language != "python" or block.file or block.text.startswith("%"), block.text
