"""The site in Chromium: loaded from disk, readable on a telephone, working by mouse, by keyboard and without script.

Skipped, with a message, where Chromium is not installed; `.ci/run` installs Debian's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from site_made_by_hand import TIED, small_run

from compare.report import Report
from compare.report.folder import write_folder
from compare.report.site import site, translation_page
from compare.results import Lines, Translation

sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text("utf-8")
CASE = f"cases/{TIED.id}.html"
PAGES = (
    "index.html", CASE, "cases/made-under-no-grad.html", "cases/crash.html", "cases/hook-order.html",
    "concepts/view-write.html", "concepts.html", "conventions.html", "environment.html", "translation.html",
)  # fmt: skip

# One browser is started for all of them: with `--dist loadgroup`, one worker runs this file.
pytestmark = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed; with Debian: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a small run, and the page of a translation beside it."""
    folder = tmp_path_factory.mktemp("site")
    files = site(Report(small_run()))
    made = Translation(
        "x", "x.py", "float64", "proven", jax="y = 1\n", torch="y = 1\n", script="y = 1\n",
        lines=Lines(1, (1,), (0,), (0,)), observations=TIED.observations[:2],
    )  # fmt: skip
    write_folder({**files, "translation.html": translation_page(made).encode()}, folder / "pages", force=False)
    return folder / "pages"


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    # Chromium's sandbox does not start for root, which containers run as; these pages are our own.
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def page(browser: sync_api.Browser) -> Iterator[sync_api.Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)  # of a machine that does other work, too
    yield page
    page.close()


@pytest.fixture(autouse=True)
def quiet(page: sync_api.Page, root: Path) -> Iterator[None]:
    """No test may see an error on the console, or a request that leaves the site."""
    said: list[str] = []

    def on_request(request: sync_api.Request) -> None:
        if not request.url.startswith((root.as_uri(), "data:")):
            said.append(request.url)

    listeners = {
        "console": lambda message: said.append(message.text) if message.type in ("error", "warning") else None,
        "pageerror": lambda error: said.append(str(error)),
        "request": on_request,
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    yield
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    assert said == []


def violations(page: sync_api.Page, *rules: str) -> list[str]:
    """What axe finds serious or critical, by these rules or by all: the rule, and the elements."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    # Rows of numbers are alike. Preloading would fetch the style sheet, which no page on disk may.
    where = {"exclude": ["table.numbers tr:nth-child(n+3)", "svg.heat rect:nth-child(n+9)"]}
    how = {"resultTypes": ["violations"], "preload": False, **({"runOnly": list(rules)} if rules else {})}
    found = page.evaluate("([where, how]) => axe.run(where, how)", [where, how])["violations"]
    return [
        f"{one['id']}: {[node['target'] for node in one['nodes'][:5]]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def lit(page: sync_api.Page) -> list[str]:
    """The anchors of the lines that are lit, and `picture` for a node of a picture."""
    return page.locator(".lit").evaluate_all("lines => lines.map(line => line.id || 'picture')")


def shown(page: sync_api.Page, selector: str) -> int:
    return page.locator(f"{selector}:visible").count()


@pytest.mark.parametrize("name", PAGES)
def test_it_is_accessible_in_light_and_dark_and_fits_a_telephone(page: sync_api.Page, root: Path, name: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto((root / name).as_uri())
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    assert violations(page, "color-contrast") == []
    page.set_viewport_size({"width": 375, "height": 700})
    # Folded parts count as well.
    page.locator("details").evaluate_all("parts => parts.forEach(part => { part.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")


def test_a_violation_would_be_seen(page: sync_api.Page, root: Path) -> None:
    page.goto((root / "index.html").as_uri())
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img alt><p style=\"color: #eee\">pale</p><button></button>')"
    )
    found = violations(page)
    assert any(one.startswith("color-contrast") for one in found)
    assert any(one.startswith("button-name") for one in found)


def test_pointing_at_a_line_lights_up_its_counterparts(page: sync_api.Page, root: Path) -> None:
    page.goto((root / CASE).as_uri())
    assert lit(page) == []
    line = page.locator(".line", has_text="loss = v.sum()").first
    line.hover()
    kinds = {id.partition("-")[0] for id in lit(page)}
    assert kinds == {"case", "torch", "jax", "naive", "picture"}
    assert page.locator(".lit:not([data-statement])").count() == 0
    page.locator("h1").hover()
    assert lit(page) == []


def test_the_focus_lights_up_the_same_and_moves_by_arrow_keys(page: sync_api.Page, root: Path) -> None:
    page.goto((root / CASE).as_uri())
    # One stop of the tab key for each program.
    assert page.locator(".line > a[tabindex='0']").count() == 4
    page.locator("#case-1 > a").focus()
    while "loss = v.sum()" not in page.evaluate("document.activeElement.parentElement.textContent"):
        page.keyboard.press("ArrowDown")
    by_keyboard = lit(page)
    assert {id.partition("-")[0] for id in by_keyboard} == {"case", "torch", "jax", "naive", "picture"}
    page.keyboard.press("ArrowRight")
    here = page.evaluate("document.activeElement.parentElement.id")
    assert here.startswith("torch-")
    assert here in by_keyboard
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.parentElement.id") == "case-1"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.line, summary') !== null")


def test_a_link_to_a_line_lights_it_up(page: sync_api.Page, root: Path) -> None:
    page.goto("about:blank")
    page.goto(f"{(root / CASE).as_uri()}#torch-8")
    assert "torch-8" in lit(page)
    assert len(lit(page)) >= 3


def test_the_filter_by_keyboard_and_by_mouse(page: sync_api.Page, root: Path) -> None:
    page.goto((root / "index.html").as_uri())
    everything = shown(page, "[data-item]")
    assert shown(page, "[data-tile]") == everything == len(small_run().cases)
    page.keyboard.press("/")
    page.keyboard.type("written VIEW")
    assert shown(page, "[data-item]") == shown(page, "[data-tile]") == 1
    assert page.locator("output").inner_text() == f"1 of {everything} cases"
    page.keyboard.type(" nothing-like-it")
    assert shown(page, "[data-item]") == 0
    assert page.get_by_text("No case matches.").is_visible()
    page.keyboard.press("Escape")
    assert shown(page, "[data-item]") == everything
    page.get_by_label("mismatches").check()
    assert page.locator("[data-item]:visible th a").all_inner_texts() == ["hook-order"]
    page.get_by_label("silent differences").check()
    assert shown(page, "[data-item]") == 2
    page.get_by_label("mismatches").uncheck()
    assert page.locator("[data-item]:visible th a").all_inner_texts() == [TIED.id]
    # A chapter without a case left is hidden with its heading.
    assert shown(page, "section.chapter") == 1


@pytest.mark.parametrize("name", ["concepts.html", "conventions.html"])
def test_the_other_lists_are_filtered_too(page: sync_api.Page, root: Path, name: str) -> None:
    page.goto((root / name).as_uri())
    everything = shown(page, "[data-item]")
    page.get_by_role("searchbox").fill("retain" if name == "concepts.html" else "relu")
    assert 0 < shown(page, "[data-item]") < everything


def test_following_links_by_keyboard(page: sync_api.Page, root: Path) -> None:
    page.goto((root / "index.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.locator(f"[data-tile][href='{CASE}']").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{CASE}")
    assert page.locator("h1").inner_text() == TIED.title


def test_it_can_be_read_without_a_script(browser: sync_api.Browser, root: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((root / "index.html").as_uri())
    assert shown(page, "[data-item]") == len(small_run().cases)
    assert shown(page, "form") == 0  # what would not work is not there
    page.goto((root / CASE).as_uri())
    assert shown(page, ".line") > 30
    page.locator(".remarks summary").first.click()
    page.locator(".remarks details[open] p").first.wait_for()
    context.close()


def test_print_shows_what_is_folded(page: sync_api.Page, root: Path) -> None:
    page.goto((root / CASE).as_uri())
    folded = page.locator(".remarks details p")
    assert folded.first.evaluate("part => part.getBoundingClientRect().height") == 0
    page.emulate_media(media="print")
    assert folded.first.evaluate("part => part.getBoundingClientRect().height") > 0
    assert shown(page, ".top nav") == 0
    page.emulate_media(media="screen")
