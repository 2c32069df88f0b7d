"""The static site: what stands on its pages, that every link leads somewhere, and that no text becomes markup."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest
from results_made_by_hand import ENVIRONMENT, MATCHING, NOTE, observation, result, run
from site_made_by_hand import DEMONSTRATION, ENTRY, TIED, Page, small_run
from test_report import HOSTILE, hostile_run, markdown_texts

from compare.concepts import CONCEPTS
from compare.errors import UsageError
from compare.report import Place, Report
from compare.report.folder import pages, write_folder
from compare.report.heat_maps import array_of, difference_map, value_map
from compare.report.notebook import as_html
from compare.report.programs import Line, Remarks, colour_lines, tied
from compare.report.site import site, translation_page
from compare.report.translated import as_markdown, as_text
from compare.report.wording import silent, visible
from compare.results import (
    Lines,
    NaivePort,
    Note,
    Observation,
    Pictures,
    Run,
    Specialised,
    Translation,
    read_run,
    summarize,
)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return site(Report(small_run(), {TIED.id: Place("cases/views.py", 12)}))


@pytest.fixture(scope="module")
def parsed(files: dict[str, bytes]) -> dict[str, Page]:
    return {name: Page(content) for name, content in files.items() if name.endswith(".html")}


# ---- the site as a whole ----


def test_there_is_a_page_for_every_case_and_concept(files: dict[str, bytes]) -> None:
    wanted = {"index.html", "concepts.html", "conventions.html", "environment.html", "site.css", "site.js"}
    wanted |= {f"cases/{case.id}.html" for case in small_run().cases} | {f"concepts/{id}.html" for id in CONCEPTS}
    assert set(files) == wanted | {"cases/no-port.json"}  # the page of that case does not show all its numbers


def broken(files: Mapping[str, bytes], parsed: Mapping[str, Page]) -> list[str]:
    """The links that lead nowhere, and what a page loads from elsewhere."""
    found = []
    for name, page in parsed.items():
        for link in page.links + page.loaded:
            if link.startswith("https://") and link in page.links:
                continue
            path, _, anchor = link.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
            there = target in files and (not anchor or unquote(anchor) in parsed[target].ids)
            if not there and link != "data:,":
                found.append(f"{name}: {link}")
    return found


def test_every_link_and_anchor_resolves(files: dict[str, bytes], parsed: dict[str, Page]) -> None:
    assert broken(files, parsed) == []
    assert sum(len(page.links) for page in parsed.values()) > 1000


@pytest.mark.parametrize("planted", ["gone.html", "index.html#gone", "#gone", "https://example.org/x.js"])
def test_a_broken_link_would_be_found(files: dict[str, bytes], parsed: dict[str, Page], planted: str) -> None:
    tag = "script src" if planted.endswith(".js") else "a href"
    page = Page(f'<{tag}="{planted}"></{tag.split()[0]}>')
    assert broken(files, {**parsed, "planted.html": page}) == [f"planted.html: {planted}"]


def test_only_external_links_leave_the_site(parsed: dict[str, Page]) -> None:
    for page in parsed.values():
        assert all(link == "data:," or ":" not in link for link in page.loaded)
        assert all(link.startswith("https://") or ":" not in link for link in page.links)
        assert page.tags.count("script") == 1  # the site's own


def test_the_index_shows_silent_differences_first(parsed: dict[str, Page], files: dict[str, bytes]) -> None:
    silent_one, plain = result("second", naive=TIED.naive), result("first")
    index = site(Report(run(plain, silent_one)))["index.html"].decode()
    assert index.index("second.html") < index.index("first.html")
    text = parsed["index.html"].text
    for word in ("match", "diverges as documented", "mismatch", "error", "silent"):
        assert word in text
    assert "Convention det-singular: torch has 2.0" in text  # and what is not as declared in the ledger
    assert "abs-at-zero" not in text
    assert "Only leaves collect a gradient" in text


@pytest.mark.parametrize(
    ("case", "is_silent"),
    [
        (MATCHING, False),
        (TIED, True),
        (result(observations=(observation(verdict="torch-wrong"),)), True),
        (result(observations=(observation(verdict="raises-differ", kind="error"),)), False),
        (result(outcome="diverges-as-documented", kind="demonstration"), False),
        (
            result(
                outcome="diverges-as-documented",
                kind="demonstration",
                notes=(msgspec.structs.replace(NOTE, status="silent"),),
            ),
            True,
        ),
    ],
)
def test_what_is_silent(case: object, is_silent: bool) -> None:
    assert silent(case) is is_silent  # type: ignore[arg-type]


def test_a_run_without_cases_and_without_a_ledger() -> None:
    files = site(Report(run()))
    assert "This run has no ledger." in Page(files["conventions.html"]).text
    assert "No case of this run shows it." in Page(files["concepts/leaf.html"]).text


def test_the_ledger_has_every_fact_of_an_entry(parsed: dict[str, Page]) -> None:
    page = parsed["conventions.html"]
    assert {"abs-at-zero", "relu-at-zero", "det-singular"} <= set(page.ids)
    facts = (ENTRY.torch, ENTRY.jax, "x = 0.0", "from the left -1.0, from the right 1.0", "convention", "torch-wrong")
    for fact in (*facts, ENTRY.reason, ENTRY.remedies[0].code, "torch has 2.0", "Observed with torch 2.13, jax 0.10"):
        assert fact in page.text
    assert ENTRY.links[0].url in page.links
    # What is not as declared comes first, then what differs.
    assert page.ids.index("det-singular") < page.ids.index("abs-at-zero") < page.ids.index("relu-at-zero")


@pytest.mark.parametrize("id", ["../up", "a b", "x" * 101, "abs-at-zero"])
def test_an_entry_that_cannot_have_an_anchor_is_refused(id: str) -> None:
    entries = (ENTRY, msgspec.structs.replace(ENTRY, id=id))
    with pytest.raises(UsageError, match="entry"):
        site(Report(msgspec.structs.replace(run(MATCHING), conventions=entries)))


def test_a_link_of_the_ledger_is_no_script() -> None:
    link = msgspec.structs.replace(ENTRY.links[0], url="javascript:alert(1)")
    entry = msgspec.structs.replace(ENTRY, links=(link,))
    page = Page(site(Report(msgspec.structs.replace(run(), conventions=(entry,))))["conventions.html"])
    assert "javascript:alert(1)" in page.text
    assert not any(link.startswith("javascript") for link in page.links)


def test_a_run_of_all_cases_is_rendered_quickly_and_is_small(files: dict[str, bytes]) -> None:
    kept = msgspec.structs.replace(TIED, observations=(observation(line=1), observation("b.grad", line=2)))
    started = time.process_time()
    cases = [msgspec.structs.replace((kept, DEMONSTRATION)[number % 2], id=f"case-{number}") for number in range(100)]
    many = site(Report(run(*cases)))
    # The catalogue has four times as many, half of them demonstrations. Other processes may share the processor.
    assert 4 * (time.process_time() - started) < 15
    of_cases = sum(len(content) for name, content in many.items() if name.startswith("cases/"))
    assert sum(map(len, many.values())) + 3 * of_cases < 10_000_000
    assert max(map(len, [*many.values(), *files.values()])) < 1_000_000


def test_it_is_written_into_folders(files: dict[str, bytes], tmp_path: Path) -> None:
    write_folder(files, tmp_path / "site", force=False)
    assert (tmp_path / "site" / "cases" / f"{TIED.id}.html").read_bytes() == files[f"cases/{TIED.id}.html"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "cases").write_text("in the way")
    with pytest.raises(UsageError, match="cases is not a directory"):
        write_folder(files, tmp_path / "other", force=True)


# ---- the page of a case ----


def test_the_lines_of_one_statement_are_tied(parsed: dict[str, Page], files: dict[str, bytes]) -> None:
    text = files[f"cases/{TIED.id}.html"].decode()
    tied_lines: dict[str, set[str]] = {}
    for piece in text.split('<div class="line" id="')[1:]:
        id, _, rest = piece.partition('"')
        if rest.startswith(' data-statement="'):
            for statement in rest.split('"')[1].split():
                tied_lines.setdefault(statement, set()).add(id.partition("-")[0])
    lines = TIED.sources.lines
    assert lines is not None
    assert {"case", "torch", "jax", "naive"} in tied_lines.values()
    assert '<g data-statement="1"' in text  # nodes of the pictures are tied to them
    assert len(tied_lines) == len(lines.statements)


def test_every_note_stands_at_its_line() -> None:
    lines = TIED.sources.lines
    assert lines is not None
    programs = [("case", "Case", TIED.sources.case), ("torch", "T", TIED.sources.torch), ("jax", "J", TIED.sources.jax)]
    placed = tied(programs, lines, TIED.notes)
    assert placed.rest == ()
    last, seen = 0, 0
    for item in placed.columns[0].items:
        if isinstance(item, Line):
            last = item.number
        else:
            seen += len(item.notes)
            assert {note.line - lines.first + 1 for note in item.notes} == {last}
    assert seen == len({(note.line, note.concept) for note in TIED.notes})
    rows = [item.row for item in placed.columns[0].items]
    assert rows == sorted(set(rows))


def test_a_note_below_a_statement_over_several_lines() -> None:
    code = "def f(tape):\n    x = tape.leaf(\n        1.0\n    )\n    y = x\n"
    lines = Lines(10, (11, 14), (0, None), (0, 1))
    note = Note(11, "x = torch.tensor(1.0)", "leaf", "exact", "why", "instead")
    placed = tied([("case", "C", code), ("torch", "T", "a\nb"), ("jax", "J", "a\nb")], lines, (note, note))
    kinds = [item.number if isinstance(item, Line) else item.notes for item in placed.columns[0].items]
    assert kinds == [1, 2, 3, 4, (note,), 5]
    own = [item.statements for item in placed.columns[0].items if isinstance(item, Line)]
    assert own == [(), (0,), (0,), (0,), (1,)]
    assert next(item.label for item in placed.columns[2].items if isinstance(item, Line)) == "J 1, C 11 12 13, T 1"


@pytest.mark.parametrize("code", ["def f(:\n  x\n", "x = '\\ud800\n", "", "\x0c\n\tx\u2028y"])
def test_a_program_that_is_no_python_still_shows(code: str) -> None:
    lines = Lines(1, (1,) * 4, (None,), (None,))
    placed = tied([("case", "C", code), ("torch", "T", "a"), ("jax", "J", "a")], lines, ())
    assert len(placed.columns[0].items) == len(code.splitlines()) == len(colour_lines(code))
    assert not any(isinstance(item, Remarks) for item in placed.columns[0].items)


def test_a_case_page_has_all_legs_and_the_limit(parsed: dict[str, Page]) -> None:
    page = parsed[f"cases/{TIED.id}.html"]
    for fact in ("28.0", "allowed 2.8e-09", "6.5", "cases/views.py:12", "differs silently", "[2.0, 0.0]"):
        assert fact in page.text
    assert "observation-w1-grad" in page.ids
    assert page.tags.count("svg") == 7  # two pictures, and the arrays
    assert "case-3" in page.ids
    crashed = parsed["cases/crash.html"].text
    assert "jax stopped: TypeError: boom" in crashed
    assert "Not as declared" in parsed["cases/hook-order.html"].text
    assert "it computes with 'h.grad'" in parsed["cases/no-port.html"].text
    assert "IndexError: mask" in parsed["cases/port-raises.html"].text


def test_observations_of_one_name_have_anchors_of_their_own() -> None:
    shown = tuple(observation(name) for name in ("a.b", "a b", "a-b-2", "", "…", "a" * 10_000, "a" * 9_999))
    page = Page(site(Report(run(result(observations=shown))))["cases/three-weights.html"])
    assert len([id for id in page.ids if id.startswith("observation-")]) == len(shown)


# ---- heat maps ----


def test_arrays_of_more_than_a_few_elements_are_drawn(files: dict[str, bytes]) -> None:
    text = files[f"cases/{TIED.id}.html"].decode()
    assert 'aria-label="PyTorch: heat map of 12 by 12 values, from -1 to 1"' in text
    assert 'aria-label="PyTorch and JAX: heat map of the difference, at most nan"' in text
    assert "144 numbers, 12 by 12" in text
    assert "heat map of 5 magnitudes" in text
    huge = files["cases/no-port.html"].decode()
    assert "a cell shows the largest of 6 elements" in huge
    assert "The first 1000 of 2800; the JSON of this case has them all." in huge


@pytest.mark.parametrize(
    ("side", "shape"),
    [
        ([1.0, "nan", "-inf", True, "1.0-2.5j"], (5,)),
        ([[1, 2], [3, 4]], (2, 2)),
        ([[1, 2], [3]], None),
        ([[1, 2], 3], None),
        ([1.0, None], None),
        ([1.0, "word"], None),
        ([1.0, "j" * 9], None),
        ([10**400], None),
        ([], None),
        ([[]], None),
        (3.0, None),
    ],
)
def test_what_is_an_array(side: object, shape: tuple[int, ...] | None) -> None:
    array = array_of(side)
    assert (array and array.shape) == shape


def cells(svg: str, tag: str) -> int:
    return svg.count(f"<{tag} ")


def test_marks_say_what_colour_does_not() -> None:
    array = array_of([1.0, -2.0, 0.0, "nan", "inf"])
    assert array is not None
    drawn = value_map(array, "x")
    assert (cells(drawn, "rect"), cells(drawn, "path"), cells(drawn, "circle")) == (5, 1, 1)
    assert "<title>[1] -2.0</title>" in drawn
    other = array_of([1.0, -2.0, 5.0, "nan", "-inf"])
    assert other is not None
    # A dot on the two cells beyond the limit; NaN is where it was.
    assert cells(difference_map(array, other, 1e-9), "circle") == 2
    assert cells(difference_map(array, array, 0.0), "circle") == 0


def test_a_block_shows_its_largest_element() -> None:
    numbers: list[object] = [0.0] * 5000
    numbers[1234] = "nan"
    array = array_of(numbers)
    assert array is not None
    drawn = value_map(array, "x")
    assert cells(drawn, "rect") == 1000
    assert cells(drawn, "path") == 1
    grid = array_of([[[1.0] * 50] * 3] * 40)
    assert grid is not None
    assert cells(value_map(grid, "x"), "rect") == 30 * 25


# ---- hostile text ----


@pytest.fixture(scope="module")
def hostile_site() -> dict[str, bytes]:
    """A site of one case and one entry of the ledger for each kind of hostile text."""
    cases, entries = [], []
    for kind, text in HOSTILE.items():
        [case] = hostile_run(text).run.cases
        cases.append(msgspec.structs.replace(case, id=kind))
        entry = {"family": text, "torch": text, "jax": text, "torch_rule": text, "operands": {text: text}}
        entries.append(msgspec.structs.replace(ENTRY, id=kind, departures=(text,), **entry))
    whole = msgspec.structs.replace(run(*cases), conventions=tuple(entries))
    return site(Report(whole, {kind: Place(text, 1) for kind, text in HOSTILE.items()}))


@pytest.mark.parametrize("page", ["case", "index.html", "conventions.html"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_survives_on_every_page(hostile_site: dict[str, bytes], kind: str, page: str) -> None:
    shown = Page(hostile_site[f"cases/{kind}.html" if page == "case" else page])
    text = visible(HOSTILE[kind])
    # Of a case: the title, the chapter, a name, a value, an error, a note, the port, and what is not as declared.
    assert shown.text.count(text) >= {"case": 8, "index.html": 2, "conventions.html": 5}[page]
    assert all(one.isprintable() or one == "\n" for one in shown.text)
    assert shown.tags.count("script") == 1
    assert not {"img", "bold", "em"} & set(shown.tags)
    assert not any(attribute.startswith("on") for attribute, _ in shown.attributes)


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_survives_in_a_folder_and_in_translations(kind: str) -> None:
    text = HOSTILE[kind]
    assert visible(text) in markdown_texts(pages(hostile_run(text))["hostile.md"].decode())
    shown: Observation = observation(text, torch=text, verdict="mismatch", detail=text)
    taken = Specialised(1, text, text)
    made = Translation(
        "x", text, "float64", "not-proven", text, text, (shown,), (NOTE,), (taken,), "x = 1\n", text, text
    )
    page = Page(translation_page(made))
    assert page.text.count(visible(text)) >= 5
    assert page.tags.count("script") == 1
    assert visible(text) in as_text(made, width=None, color=False)
    assert visible(text) in markdown_texts(as_markdown(made))
    notebook = Page(as_html(made))
    assert visible(text) in notebook.text
    assert "script" not in notebook.tags


# ---- the page of a translation ----


def test_the_page_of_a_translation_is_complete_in_itself() -> None:
    lines = Lines(1, (2, 3), (None, 0, 1), (0, 1, 1))
    script, torch, jax = "import torch\nx = 1\ny = 2\n", "# t\nx = 1\ny = 2\n", "x = 1\ny = (\n2)\n"
    note = Note(3, "y = 2", "leaf", "exact", "why `so`", "instead")
    made = Translation(
        "x", "x.py", "float64", "proven", observations=(observation(line=3),), notes=(note,), jax=jax, torch=torch,
        script=script, lines=lines,
    )  # fmt: skip
    page = Page(translation_page(made))
    assert page.loaded == ["data:,"]
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert "Proven. 1 gradient and 0 values agree" in page.text
    assert {"case-3", "torch-3", "jax-2", "observation-w1-grad"} <= set(page.ids)
    refused = Page(translation_page(Translation("x", "x.py", "float64", "refused", "no row for `torch.fft`")))
    assert "no row for `torch.fft`" in refused.text
    assert "Programs" not in refused.text


# ---- stored runs ----


def spoiled(**changes: object) -> bytes:
    lines = TIED.sources.lines
    assert lines is not None
    sources = msgspec.structs.replace(TIED.sources, lines=msgspec.structs.replace(lines, **changes))
    cases = (MATCHING, msgspec.structs.replace(TIED, sources=sources))
    return Run(1, ENVIRONMENT, summarize(cases), cases).to_json()


def test_lines_survive_being_stored() -> None:
    whole = small_run()
    assert read_run(whole.to_json()) == whole


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (spoiled(torch=(None,)), r"`sources.lines.torch` maps 1 lines, but the program has \d+ - at `\$.cases\[1\]`"),
        (spoiled(jax=()), r"`sources.lines.jax` maps 0 lines, but the program has \d+ - at `\$.cases\[1\]`"),
        (spoiled(statements=()), r"`naive.lines` names a statement beyond the 0 of the tape - at `\$.cases\[1\]`"),
        (small_run().to_json()[:5000], r"truncated after 5000 bytes"),
        (
            small_run().to_json().replace(b'"schema": 1', b'"schema": 0', 1),
            r"has schema 0 - at `\$.schema`; .* reads schema 1",
        ),
        (small_run().to_json().replace(b'"verdict": "match"', b'"verdict": 3', 1), r"at `\$.cases\[0\].observations"),
    ],
)
def test_a_stored_run_that_is_damaged_says_where(content: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_run(content)


def test_a_stored_picture_that_is_none_is_refused() -> None:
    fine = TIED.pictures
    assert fine is not None
    planted = Pictures(fine.tape, fine.pure.replace("</svg>", "<script>alert(1)</script></svg>"))
    with pytest.raises(UsageError, match=r"The case 'drawn', `pictures.pure`: .* 'script'"):
        site(Report(run(MATCHING, result("drawn", pictures=planted))))
    assert "<svg" in site(Report(run(result("drawn", pictures=fine))))["cases/drawn.html"].decode()


def test_programs_without_maps_still_stand_beside_each_other() -> None:
    port = NaivePort("same", "x = 1\n", (), ())
    page = Page(site(Report(run(result(naive=port))))["cases/three-weights.html"])
    assert "data-statement" not in {name for name, _ in page.attributes}
    assert {"case-1", "torch-1", "jax-1", "naive-1"} <= set(page.ids)
