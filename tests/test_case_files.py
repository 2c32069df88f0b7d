"""Finding and loading case files: whose directory is used, and what a broken file does to the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from compare.cases import bundled_directory, find_directory, load_cases
from compare.errors import UsageError

CASE = 'from compare import case\n\n\n@case\ndef {name}(tape):\n    """{title}"""\n    tape.observe(tape.leaf(1.0))\n'


def write(folder: Path, file: str, text: str) -> None:
    (folder / file).write_text(text, "utf-8")


# ---- which directory ----


def test_the_option_comes_first(tmp_path: Path) -> None:
    assert find_directory(tmp_path) == tmp_path
    with pytest.raises(UsageError, match="there is no such directory"):
        find_directory(tmp_path / "missing")


def test_the_nearest_configuration_names_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    write(tmp_path, "pyproject.toml", '[tool.compare]\ncases = "mine"\n')
    monkeypatch.chdir(tmp_path / "deep" / "er")
    assert find_directory() == tmp_path / "mine"


def test_without_configuration_the_packages_own_cases_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_directory() == bundled_directory()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[tool.compare]\ncases = "nowhere"\n', "is not a directory beside it"),
        ("[tool.compare]\ncases = 3\n", "is not a directory beside it"),
        ('[tool.compare]\ncasess = "x"\n', "has no setting 'casess'"),
        ("[tool.compare\n", "cannot be read"),
    ],
)
def test_a_wrong_configuration_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    write(tmp_path, "pyproject.toml", text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        find_directory()


# ---- what is loaded ----


def test_chapters_come_by_number_then_by_name(tmp_path: Path) -> None:
    write(tmp_path, "a.py", CASE.format(name="last", title="No number"))
    write(tmp_path, "b.py", "chapter_number = 2\n" + CASE.format(name="second", title="Two"))
    write(tmp_path, "c.py", "chapter_number = 1\n" + CASE.format(name="first", title="One"))
    write(tmp_path, "_hidden.py", CASE.format(name="hidden", title="Not a chapter"))
    assert [case.id for case in load_cases(tmp_path).cases] == ["first", "second", "last"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("def f(:\n", 1, "syntax error"),
        ("x = 1\nraise ValueError('boom')\n", 2, "ValueError: boom"),
        ("import sys\nsys.exit(0)\n", 2, "SystemExit: 0"),
        ("import torchh\n", 1, "No module named 'torchh'"),
        (CASE.format(name="good", title="Twice"), 4, "case 'good' is defined twice; the first is at"),
        (CASE.format(name="untitled", title=""), 4, "has no docstring"),
        (CASE.format(name="x", title="X\n\n    Shows: leaf"), 4, "the line of concepts reads"),
        (CASE.format(name="ÜberCase", title="A name"), 4, "is not a case name"),
    ],
)
def test_a_broken_file_leaves_the_others(tmp_path: Path, text: str, line: int, message: str) -> None:
    write(tmp_path, "a_good.py", CASE.format(name="good", title="Good"))
    write(tmp_path, "b_broken.py", text)
    catalogue = load_cases(tmp_path)
    assert [case.id for case in catalogue.cases] == ["good"]
    [failure] = catalogue.failures
    assert message in failure.message
    assert failure.line == line
    assert f"b_broken.py:{line}: " in failure.message


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no cases"):
        load_cases(tmp_path)


def test_an_unknown_case_is_answered_with_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "a.py", CASE.format(name="three_weights", title="T"))
    with pytest.raises(UsageError, match="Did you mean 'three-weights'"):
        load_cases(tmp_path).find("three-wieghts")


def test_a_file_edited_twice_in_a_second_runs_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "edited.py"
    for number in ("1", "2", "3"):
        text = f'from compare import case\n\n\n@case\ndef edited(tape):\n    """Title {number}"""\n    tape.leaf(1.0)\n'
        path.write_text(text, "utf-8")
        [found] = load_cases(tmp_path).cases
        assert found.title == f"Title {number}"
