"""Programs that JAX compiled are kept for the next run: where, and that no verdict ever depends on them."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from compare.cache import cache_directory
from compare.cases import load_cases
from compare.results import Run
from compare.runs import run_cases

CASE = """
a = tape.leaf([1.0, 2.0])
(a * tape.tanh(a)).sum().backward()
tape.observe(a.grad)
tape.expect(a * 2, [2.0, 4.0])
"""
DONATED = """
@shown.jax
def _():
    import jax
    import jax.numpy as jnp

    x = jnp.array([1.0, 2.0])
    y = jax.jit(lambda x: x * 2, donate_argnums=0)(x)
    print("y", y)
    print("deleted", x.is_deleted())

shown.expect_divergence("y", jax=[2.0, 4.0], concept="donation")
shown.expect_divergence("deleted", jax=True, concept="donation")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "cases"
    made.mkdir()
    write(made, CASE)
    return made


def write(folder: Path, case: str) -> None:
    text = "from compare import case, demonstration\n\n\n"
    text += f'@case\ndef one(tape):\n    """One"""\n{indent(case, "    ")}\n'
    text += f'@demonstration\ndef two(shown):\n    """Two"""\n{indent(DONATED, "    ")}'
    (folder / "chapter.py").write_text(text, "utf-8")


def run(folder: Path, cache: Path | None) -> Run:
    return run_cases(load_cases(folder).cases, cache=cache)


def outcomes(run: Run) -> list[str]:
    return [case.outcome for case in run.cases]


AS_DECLARED = ["match", "diverges-as-documented"]


def test_a_second_run_compiles_nothing_and_says_the_same(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "compiled"
    first = run(folder, cache)
    entries = {entry.name for entry in cache.iterdir()}
    assert len(entries) >= 2
    second = run(folder, cache)
    assert outcomes(first) == outcomes(second) == AS_DECLARED
    assert [case.observations for case in first.cases] == [case.observations for case in second.cases]
    assert {entry.name for entry in cache.iterdir()} == entries


@pytest.mark.parametrize("content", [b"", b"damaged", None])
def test_a_damaged_entry_changes_no_result(folder: Path, tmp_path: Path, content: bytes | None) -> None:
    cache = tmp_path / "compiled"
    run(folder, cache)
    for entry in cache.iterdir():
        whole = entry.read_bytes()
        entry.write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert outcomes(run(folder, cache)) == AS_DECLARED


def test_no_verdict_is_kept(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "compiled"
    run(folder, cache)
    write(folder, CASE.replace("4.0", "5.0"))
    assert outcomes(run(folder, cache)) == ["mismatch", "diverges-as-documented"]


def test_without_a_cache_nothing_is_kept(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "elsewhere"))
    assert outcomes(run(folder, None)) == AS_DECLARED
    assert not (tmp_path / "elsewhere").exists()


# ---- where it is ----


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("COMPARE_CACHE_DIR", "JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("platform", "place"),
    [("linux", ".cache"), ("darwin", "Library/Caches"), ("win32", "AppData/Local")],
)
def test_each_platform_has_its_place(home: Path, monkeypatch: pytest.MonkeyPatch, platform: str, place: str) -> None:
    monkeypatch.setattr("sys.platform", platform)
    found = cache_directory()
    assert found == home / place / "compare" / "compiled"
    assert found.is_dir()


def test_the_environment_names_another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory() == tmp_path / "xdg" / "compare" / "compiled"
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "of jax"))
    assert cache_directory() == tmp_path / "of jax"
    monkeypatch.setenv("COMPARE_CACHE_DIR", str(tmp_path / "ours"))
    assert cache_directory() == tmp_path / "ours"


def test_a_relative_place_of_the_platform_is_ignored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert cache_directory() == home / ".cache" / "compare" / "compiled"


def test_where_nothing_can_be_written_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("COMPARE_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert cache_directory() is None
