"""Each format says what happened, and lets no text of a case or of a framework become anything but text."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from results_made_by_hand import (
    CRASHING,
    DIVERGING,
    MATCHING,
    MISMATCHING,
    NOTE,
    SOURCES,
    VIEWED,
    observation,
    result,
    run,
)

from compare.errors import UsageError
from compare.report import FORMATS, Place, Report, render
from compare.report.folder import pages, write_folder
from compare.report.markdown import escaped, fenced, table
from compare.report.plain import columns
from compare.report.side_by_side import align
from compare.report.wording import departures, symbol, ulps, visible
from compare.results import Declared, NaiveDifference, NaivePort, Outcome, read_run

PLACES = {case.id: Place(f"cases/{case.chapter}.py", 12) for case in (MATCHING, MISMATCHING, DIVERGING, CRASHING)}
WHOLE = Report(run(MATCHING, MISMATCHING, DIVERGING, CRASHING), PLACES)

HOSTILE = {
    "tag": "<script>alert(1)</script> &amp;",
    "brackets": "reduce_sum[axes=0] [bold]x[/bold] [link](page)",
    "pipe": r"a | b \| c \\",
    "backticks": "```python`` `x` ````",
    "newlines": "first\nsecond\r\n::error::third\n| - # fourth",
    "direction": "a\u202eb\u200fc\u2066d",
    "escape": "\x1b[31mred\x07\x00",
    "emphasis": "*a* _b_ ~~c~~ # d $e$",
    "percent": "100% %0A a:b,c=d",
    "long": "name_" * 2000,
    "wide": "漢字 é 🙂",
}


def hostile_run(text: str) -> Report:
    """The text as an observation's name, a title, a value, an error and a note."""
    shown = observation(text, torch=text, verdict="mismatch", detail=f"detail {text}")
    note = msgspec.structs.replace(NOTE, statement=text, why=text)
    case = result(
        "hostile", "error", title=text, chapter=text, error=text, observations=(shown,), notes=(note,), fault="leg",
        naive=NaivePort("raises", text, (NaiveDifference(text, text, text, text, text),), (text,), text),
    )  # fmt: skip
    return Report(run(case), {"hostile": Place(text, 1)})


def without_space(text: str) -> str:
    return re.sub(r"\s+", "", text)


# ---- every format, the same facts ----


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_names_every_case_that_is_not_as_declared(format: str) -> None:
    text = render(format, WHOLE)
    for case in (MISMATCHING, CRASHING):
        assert case.id in text
    assert text.endswith("\n")
    assert "29.0" in text
    assert "w1.grad" in text


@pytest.mark.parametrize("format", ["full", "concise", "markdown"])
def test_an_outcome_has_a_word_and_a_shape(format: str) -> None:
    text = render(format, WHOLE)
    for shown in ("✓ match", "✗ mismatch", "◇ diverges-as-documented", "! error"):
        assert shown in text


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_survives(format: str, kind: str) -> None:
    text = HOSTILE[kind]
    report = hostile_run(text)
    written = render(format, report)
    if format == "json":
        assert read_run(written.encode()) == report.run
    elif format == "junit":
        root = ElementTree.fromstring(written)
        legal = "".join(one if one in "\n\t" or unicodedata.category(one) != "Cc" else visible(one) for one in text)
        case = root.find(".//testcase")
        assert case is not None
        assert case.get("classname") == legal
        assert visible(legal) in (root.findtext(".//error") or "")
    elif format == "github":
        assert all(one.isprintable() or one == "\n" for one in written)
        annotations = [line for line in written.splitlines() if line.startswith("::")]
        assert len(annotations) == 3
        assert all(line.startswith("::error file=") for line in annotations)
        title = re.search(r"title=([^,:]*)::", annotations[0])
        assert title is not None
        decoded = title[1].replace("%3A", ":").replace("%2C", ",").replace("%0A", "\n").replace("%0D", "\r")
        assert decoded.replace("%25", "%") == f"hostile: {visible(text)}"
    elif format == "markdown":
        assert visible(text) in markdown_texts(written)
    else:
        assert visible(text) in written
        assert all(one.isprintable() or one == "\n" for one in written)


def test_quiet_concise_has_one_line_per_case() -> None:
    lines = render("concise", WHOLE).splitlines()
    assert len(lines) == 4
    assert lines[0] == "✓ match three-weights  error 0 (0 ulps)  1 note"


# ---- the terminal ----


def test_a_departure_says_what_where_how_far_and_how_to_see_it_again() -> None:
    text = render("full", WHOLE)
    block = text[text.index("✗ hook-order: mismatch") : text.index("! crash: error")]
    assert re.findall(r"^ +(\w+(?: at)?) +(\S.*)$", block, re.MULTILINE) == [
        ("torch", "28.0"),
        ("jax", "28.0"),
        ("reference", "28.0"),
        ("expected", "29.0"),
        ("verdict", MISMATCHING.observations[1].detail),
        ("apart", "legs differ by 0 (0 ulps), allowed 2.8e-09"),
        ("read at", "cases/leaves.py:23"),
        ("python", "-m compare run hook-order --dtype float64"),
    ]
    assert "w2.grad" not in block


def test_a_departure_of_a_leg_says_where_the_legs_first_differ() -> None:
    found = observation(jax=29.0, expected=None, verdict="jax-wrong", detail="jax has 29.0")
    case = result("a", "mismatch", observations=(found,), divergence="the values part at cases/x.py:3, `y = x.sin()`")
    lines = [re.split(r"  +", line.strip()) for line in render("full", Report(run(case), verbosity=-1)).splitlines()]
    assert ["expected", "nothing is declared"] in lines
    assert ["first difference", case.divergence] in lines


def test_the_table_has_the_worst_error_of_each_case() -> None:
    rows = dict.fromkeys(line.split()[0] for line in render("full", WHOLE).splitlines() if line and line[0] != " ")
    assert [case.id for case in WHOLE.run.cases if case.id not in rows] == []
    line = next(line for line in render("full", WHOLE).splitlines() if line.startswith("hook-order"))
    assert line.split() == ["hook-order", "leaves", "✗", "mismatch", "2.2e-16", "1", "1", "-"]


def test_the_last_line_sums_up() -> None:
    assert render("full", WHOLE).splitlines()[-1] == (
        "4 cases: 1 match, 1 diverge as documented, 1 mismatch, 1 error, 2 judged by all three legs. "
        "float64, torch 2.13.0, jax 0.10.2."
    )


NUMBERS = [0.39322386648296376, -1.0000000000000002e-300, 123456789.12345679]


@pytest.mark.parametrize("width", [80, 100, 200])
def test_a_terminal_gets_lines_that_fit_and_whole_numbers(width: int) -> None:
    shown = observation("a.grad", torch=NUMBERS, jax=NUMBERS[::-1], reference=NUMBERS, expected=NUMBERS)
    case = result("a-case-with-a-rather-long-name", observations=(shown, observation()))
    text = render("full", Report(run(case, MISMATCHING), width=width, verbosity=1))
    assert max(map(len, text.splitlines())) <= width
    for one in NUMBERS:
        assert re.search(rf"(?<![\d.]){re.escape(repr(one))}(?!\d)", text)
    assert "a-case-with-a-rather-long-name" in text


def test_nothing_is_wrapped_or_cut_where_there_is_no_terminal() -> None:
    long = "x" * 10_000
    text = render("full", Report(run(result(observations=(observation(long, torch=NUMBERS * 500),)))))
    assert long in text
    assert ", ".join(map(repr, NUMBERS * 500)) in text
    assert "…" not in text


def test_a_long_value_on_a_terminal_says_that_it_is_shortened() -> None:
    text = render("full", Report(run(result(observations=(observation(torch=NUMBERS * 500),))), width=80))
    assert "characters; --output-format json has them all)" in re.sub(r"\s+", " ", text)


def test_a_command_to_copy_is_never_broken() -> None:
    case = result("a-" + "long-" * 15 + "name", "mismatch", observations=(observation(verdict="mismatch"),))
    text = render("full", Report(run(case), width=80, again=" --seed 3"))
    assert f"  python -m compare run {case.id} --dtype float64 --seed 3\n" in text


def test_colour_only_when_asked() -> None:
    plain = render("full", WHOLE)
    coloured = render("full", Report(WHOLE.run, PLACES, color=True))
    assert "\x1b[" not in plain
    assert "\x1b[32m✓ match" in coloured
    stripped = re.sub(r"\x1b\[[\d;]*m", "", coloured)
    assert [line.rstrip() for line in stripped.splitlines()] == plain.splitlines()


def test_verbosity() -> None:
    quiet, normal, verbose = (render("full", Report(WHOLE.run, verbosity=level)) for level in (-1, 0, 1))
    assert "three-weights" not in quiet
    assert "w1.grad (gradient): mismatch" in quiet
    assert "note: nonleaf-grad" not in normal
    assert verbose.count("note: nonleaf-grad") == 4


def test_one_case_shows_its_observations_and_notes() -> None:
    tape = observation("l1.grad", kind="tape", torch=None, jax=None, reference=None, expected=None,
                       verdict="no-analogue", concept="nonleaf-grad", max_abs_error=None, max_ulp=None)  # fmt: skip
    text = render("full", Report(run(result(observations=(observation(), tape)))))
    cells = [line.split() for line in text.splitlines()]
    assert ["w1.grad", "gradient", "28.0", "28.0", "28.0", "28.0", "0", "0", "✓", "match"] in cells
    assert ["l1.grad", "tape", "None", "-", "None", "None", "-", "-", "◇", "no-analogue", "(nonleaf-grad)"] in cells
    assert "\n\nnote: nonleaf-grad (none)\n  tape     l1.grad (line 9)\n" in text
    assert f"  instead  {NOTE.instead}\n" in text


def test_a_run_of_no_case_still_sums_up() -> None:
    for format in FORMATS:
        assert render(format, Report(run())) != "" or format == "concise"


# ---- naive ports ----

SILENT = (
    "naive port: differs silently: a.grad is [2.0, 0.0], PyTorch and the faithful JAX have [20.0, 0.0]",
    "naive port: differs silently: v is 3.0, PyTorch has None, JAX -",
)
DEPARTED = "naive port, v: it shows 3.0, torch None; nothing is declared of it"


def ported(port: NaivePort, outcome: Outcome = "match") -> Report:
    return Report(run(result("viewed", outcome, naive=port)), {"viewed": Place("cases/views.py", 3)})


def test_what_the_naive_port_shows_stands_in_every_report() -> None:
    report = ported(VIEWED, "mismatch")
    lines = render("full", report).splitlines()
    row = next(line for line in lines if line.startswith("viewed"))
    assert row.split()[-1] == "differs"
    assert set(SILENT) <= set(lines)
    assert f"  {DEPARTED}" in lines
    [line] = render("concise", report).splitlines()
    assert line.endswith(f"{SILENT[0]} (and 1 more)  {DEPARTED}")
    told = markdown_texts(render("markdown", report))
    assert {*SILENT, f"Not as declared: {DEPARTED}"} <= set(told)
    suite = ElementTree.fromstring(render("junit", report)).find("testsuite")
    assert suite is not None
    [failure] = suite.iter("failure")
    assert failure.get("message") == "not as declared: naive port"
    assert DEPARTED in (failure.text or "")
    assert all(text in (suite.findtext("testcase/system-out") or "") for text in SILENT)
    annotations = [line for line in render("github", report).splitlines() if line.startswith("::error")]
    assert len(annotations) == 1
    assert annotations[0].startswith(
        "::error file=cases/views.py,line=3,title=viewed%3A naive port::naive port, v: it sh"
    )
    assert render("full", report).splitlines()[-1].startswith("1 case: 0 match, 0 diverge as documented, 1 mismatch, ")
    assert "naive ports: 1 silently different" in render("full", report)


def test_the_other_outcomes_of_a_naive_port() -> None:
    for port, told in {
        NaivePort("same", "", (), ()): "naive port: the same",
        NaivePort("raises", "", (), (), "IndexError: mask"): "naive port: raises IndexError: mask",
        NaivePort("none", "", (), (), "it computes with 'h.grad'"): "no naive port: it computes with 'h.grad'",
    }.items():
        assert told in render("full", ported(port)).splitlines()
        assert (told in render("concise", ported(port))) == (port.outcome != "same")
    assert "naive port" not in render("full", Report(run(MATCHING))).partition("\n")[2]


def test_the_page_of_a_case_holds_its_naive_port(tmp_path: Path) -> None:
    page = pages(ported(VIEWED))["viewed.md"].decode()
    assert VIEWED.source in [token.content for token in parse(page) if token.type == "fence"]
    assert read_run(render("json", ported(VIEWED)).encode()).cases[0].naive == VIEWED


# ---- what is not as declared ----


@pytest.mark.parametrize(
    ("changes", "departs"),
    [
        ({"verdict": "match"}, False),
        ({"verdict": "mismatch"}, True),
        ({"verdict": "error"}, True),
        ({"verdict": "torch-wrong"}, True),
        ({"verdict": "torch-wrong", "expected": Declared(torch=1.0, jax=2.0)}, False),
        ({"verdict": "mismatch", "expected": Declared(torch=1.0, jax=2.0)}, True),
        ({"verdict": "convention"}, True),
        ({"verdict": "convention", "concept": "integer-width"}, False),
        ({"verdict": "no-analogue", "kind": "tape"}, False),
        ({"verdict": "no-analogue", "kind": "gradient"}, True),
    ],
)
def test_departures(changes: dict[str, object], departs: bool) -> None:
    shown = observation(**changes)
    assert departures(result(observations=(shown,))) == ((shown,) if departs else ())
    assert (symbol(shown) in "✗!") == departs


def test_the_summary_counts_what_is_there() -> None:
    lying = msgspec.structs.replace(run(MISMATCHING), summary=run(MATCHING).summary)
    assert render("full", Report(lying)).splitlines()[-1].startswith("1 case: 0 match, 0 diverge as documented, 1 mis")


def test_ulps_that_mean_nothing_are_rounded() -> None:
    assert [ulps(count) for count in (None, 0, 99_999, 10**5, 2**63)] == ["-", "0", "99999", "1e+05", "9e+18"]
    assert ulps(10**400) == ">1e19"


# ---- Markdown ----


def parse(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def markdown_texts(text: str) -> list[str]:
    """Every text that a reader of the Markdown sees, block by block. Fails on a block or a style that is not ours."""
    texts = []
    for token in parse(text):
        assert token.type != "html_block"
        if token.type == "fence":
            texts.append(token.content.removesuffix("\n"))
        for child in token.children or []:
            assert child.type in ("text", "text_special", "link_open", "link_close"), child
        if token.type == "inline":
            texts.append("".join(child.content for child in token.children or []))
    return texts


@pytest.mark.parametrize("kind", HOSTILE)
def test_escaped_text_reads_as_it_was(kind: str) -> None:
    text = visible(HOSTILE[kind])
    assert markdown_texts(f"# {escaped(text)}\n")[0] == text
    row = markdown_texts(table(["name", "next"], [[escaped(text), "after"]]))
    assert row == ["name", "next", text, "after"]


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_fence_holds_any_code(kind: str) -> None:
    code = HOSTILE[kind].replace("\r\n", "\n").replace("\x00", "")
    tokens = parse(fenced(code))
    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].content == code + "\n"


def test_a_hostile_source_stays_inside_its_fence() -> None:
    sources = msgspec.structs.replace(SOURCES, jax='"""\n````\n# not a heading\n````\n"""\n')
    text = render("markdown", Report(run(result(sources=sources))))
    assert "not a heading" not in text  # the programs are on the pages of a folder
    from compare.report.markdown import case_page

    page = case_page(result(sources=sources), Report(run()))
    assert [token.content for token in parse(page) if token.type == "fence"] == [
        SOURCES.case,
        SOURCES.torch,
        sources.jax,
    ]


# ---- JUnit and annotations ----


def test_junit_counts_and_places() -> None:
    suite = ElementTree.fromstring(render("junit", WHOLE)).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "1")
    failed = suite.find("testcase[@name='hook-order']")
    assert failed is not None
    assert (failed.get("file"), failed.get("line")) == ("cases/leaves.py", "12")
    failure = failed.find("failure")
    assert failure is not None
    assert failure.get("message") == "not as declared: w1.grad"


def test_annotations_point_at_the_line_of_the_case() -> None:
    lines = render("github", WHOLE).splitlines()
    assert lines[0].startswith("::error file=cases/leaves.py,line=23,title=hook-order%3A w1.grad::mismatch: torch 28.0")
    assert lines[0].endswith("%0Apython -m compare run hook-order --dtype float64")
    assert lines[1].startswith("::error file=cases/leaves.py,line=12,title=crash%3A error::jax stopped")
    assert lines[2].startswith("4 cases: ")
    assert len(lines) == 3


def test_a_case_that_could_not_be_loaded_is_reported_too() -> None:
    from compare.cases import LoadFailure

    failure = LoadFailure("cases/broken.py", 3, "cases/broken.py:3: syntax error: invalid syntax.")
    report = Report(run(MATCHING), PLACES, failures=(failure,))
    assert "::error file=cases/broken.py,line=3,title=case not loaded::cases/broken.py:3: syn" in render(
        "github", report
    )
    suite = ElementTree.fromstring(render("junit", report)).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("errors")) == ("2", "1")
    for format in ("full", "markdown", "github"):
        assert "1 file or case not loaded" in render(format, report)


# ---- JSON ----


def test_json_is_the_stored_run() -> None:
    text = render("json", WHOLE)
    assert read_run(text.encode()) == WHOLE.run
    assert json.loads(text)["cases"][0]["observations"][0]["torch"] == 28.0


# ---- a folder of pages ----


def test_a_folder_has_an_index_and_two_files_per_case(tmp_path: Path) -> None:
    write_folder(pages(WHOLE), tmp_path / "out", force=False)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    ids = [case.id for case in WHOLE.run.cases]
    assert names == sorted(["index.md", *(f"{id}.md" for id in ids), *(f"{id}.json" for id in ids)])
    index = (tmp_path / "out" / "index.md").read_text("utf-8")
    assert [
        token.attrs["href"] for block in parse(index) for token in block.children or [] if "href" in token.attrs
    ] == [f"{id}.md" for id in ids]
    page = (tmp_path / "out" / "three-weights.md").read_text("utf-8")
    for shown in ("Only leaves collect a gradient", "leaves", "✓ match", *NOTE.instead.split("`")[1:2], NOTE.why):
        assert shown.replace("_", r"\_") in page
    assert [token.content for token in parse(page) if token.type == "fence"] == [
        SOURCES.case,
        SOURCES.torch,
        SOURCES.jax,
    ]
    stored = json.loads((tmp_path / "out" / "hook-order.json").read_text("utf-8"))
    assert stored["observations"][1]["expected"] == 29.0


@pytest.mark.parametrize("id", ["../escape", "/absolute", "a/b", "..", "", "A", "a\n", "index", "a" * 101, "a\x00"])
def test_an_id_that_is_no_file_name_is_refused(id: str) -> None:
    with pytest.raises(UsageError):
        pages(Report(run(result("first"), result(id))))


def test_an_id_that_is_there_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="is there twice"):
        pages(Report(run(result("one"), result("one"))))


def test_a_folder_that_is_not_empty_needs_force(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(UsageError, match="not empty"):
        write_folder(pages(WHOLE), tmp_path, force=False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    write_folder(pages(WHOLE), tmp_path, force=True)
    assert (tmp_path / "mine.txt").read_text() == "kept"
    assert (tmp_path / "index.md").exists()


# ---- plain columns ----


def test_columns_align_and_wrap_the_last() -> None:
    rows = [("a", "bb", "one two three four five six seven eight"), ("cccc", "d", "1e-16 2e-16")]
    assert columns(rows).splitlines()[1] == "cccc  d   1e-16 2e-16"
    assert columns(rows, 45).splitlines() == [
        "a     bb  one two three four five six seven",
        "          eight",
        "cccc  d   1e-16 2e-16",
    ]


def test_columns_on_a_narrow_page_lose_nothing() -> None:
    text = columns([("x" * 40, "word " * 30)], 40)
    assert without_space(text) == "x" * 40 + "word" * 30
    assert max(map(len, text.splitlines())) <= 42


# ---- alignment of the three programs ----


def rows_of(length: int, *origins: list[int | None]) -> list[tuple[int | None, ...]]:
    rows = align(length, origins)
    for column, count in enumerate([length, *map(len, origins)]):
        assert [row[column] for row in rows if row[column] is not None] == list(range(count)), "a column lost its order"
    return rows


def test_lines_of_one_statement_share_a_row() -> None:
    assert rows_of(3, [0, 1, 2], [0, 1, 2]) == [(0, 0, 0), (1, 1, 1), (2, 2, 2)]


def test_what_leads_up_to_a_line_stays_above_it() -> None:
    # The case: decorator, def, one statement. The program: an import, a blank line, that statement, and a print.
    assert rows_of(3, [None, None, 2, None]) == [(0, 0), (1, 1), (2, 2), (None, 3)]
    assert rows_of(2, [None, None, None, 1]) == [(0, 0), (None, 1), (None, 2), (1, 3)]
    assert rows_of(5, [0, None, None, 4]) == [(0, 0), (1, None), (2, 1), (3, 2), (4, 3)]
    assert rows_of(5, [0, 0, None, 4]) == [(0, 0), (1, 1), (2, None), (3, 2), (4, 3)]
    # A `def` that came from a later statement belongs to what follows the blank line above it.
    assert rows_of(5, [0, 0, None, 9, 4]) == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]
    assert rows_of(6, [0, 0, None, 9, 5]) == [(0, 0), (1, 1), (2, None), (3, 2), (4, 3), (5, 4)]


def test_a_program_begins_at_the_top() -> None:
    assert rows_of(4, [None, 3]) == [(0, 0), (1, None), (2, None), (3, 1)]


def test_a_statement_over_several_lines_begins_beside_its_case_line() -> None:
    assert rows_of(2, [0, 0, 0, 1]) == [(0, 0), (None, 1), (None, 2), (1, 3)]


def test_lines_out_of_order_keep_their_own_order() -> None:
    # The second program moves statement 3 before statement 1: one of the two cannot be beside its case line.
    rows = rows_of(4, [0, 1, 2, 3], [0, 3, 1, 2])
    assert (0, 0, 0) in rows
    assert {(1, 1, 2), (2, 2, 3)} <= set(rows)
    assert (3, 3, 1) not in rows


def test_distinct_statements_count_for_more_than_lines_of_one() -> None:
    assert {(1, 3), (2, 4)} <= set(rows_of(6, [5, 5, 5, 1, 2]))


def test_lines_from_outside_the_case_are_not_aligned() -> None:
    assert rows_of(2, [-1, 0, 99, 1]) == [(None, 0), (0, 1), (None, 2), (1, 3)]


def test_a_program_without_origins_still_shows() -> None:
    assert rows_of(1, [None, None], []) == [(0, 0, None), (None, 1, None)]
