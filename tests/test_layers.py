"""Who imports whom, what importing costs, and what no file may contain."""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import compare

ROOT = Path(__file__).parents[1]
IMPORTABLE = ["compare", *(found.name for found in pkgutil.walk_packages(compare.__path__, "compare."))]
IMPORTABLE.remove("compare.__main__")  # importing it runs the command line


def run_python(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


# ---- importing stays light ----

FRAMEWORKS = {"torch", "jax", "jaxlib", "IPython"}


def test_importing_a_module_imports_no_framework() -> None:
    script = f"""
import importlib, sys
for module in {IMPORTABLE}:
    importlib.import_module(module)
    assert not {FRAMEWORKS} & set(sys.modules), f"importing {{module}} imports a framework"
from compare import *
assert not {FRAMEWORKS} & set(sys.modules), "a public name imports a framework"
"""
    done = run_python("-c", script)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["explain", "retain-grad"]], ids=" ".join)
def test_command_that_runs_nothing_imports_no_framework(arguments: list[str]) -> None:
    done = run_python("-X", "importtime", "-m", "compare", *arguments)
    imported = set(re.findall(r"^import time:.*\| +([\w.]+)$", done.stderr, re.MULTILINE))
    assert done.returncode == 0, done.stderr[-2000:]
    assert "click" in imported, "the import log was not read"
    assert not FRAMEWORKS & imported


def test_importing_compare_imports_nothing_else() -> None:
    done = run_python(
        "-c", "import sys; before = set(sys.modules); import compare; print(*(set(sys.modules) - before))"
    )
    heavy = {name.partition(".")[0] for name in done.stdout.split()} - sys.stdlib_module_names
    assert heavy == {"compare"}, done.stderr


def test_a_public_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'compare' has no attribute 'cases_of'$"):
        compare.cases_of  # noqa: B018


# ---- layers ----


def lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    return run_python(
        "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache", cwd=directory
    )


def test_layers_hold() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "planted", "broken"),
    [
        ("judge.py", "import torch", "Each framework is imported by its own leg"),
        ("torch_leg.py", "import jax.numpy", "Each framework is imported by its own leg"),
        ("jax_leg/script.py", "import jax", "Each framework is imported by its own leg"),
        ("cli/running.py", "def run():\n    import torch", "Each framework is imported by its own leg"),
        ("cli/running.py", "from compare import jax_leg", "Only what runs programs imports the legs"),
        ("program.py", "from compare.tape import record", "Data flows one way"),
        ("functionalize/lowering.py", "from compare.judge import judge", "Data flows one way"),
        (
            "reference/recording.py",
            "from compare import functionalize",
            "The reference shares no code with functionalize",
        ),
        ("convenience.py", "", "Data flows one way"),
        ("tape/tensors.py", "from compare.tape.running import record", "A tape is built from the inside out"),
        ("cli/reading.py", "from compare.cli.running import run", "Commands share options and output"),
    ],
)
def test_a_planted_import_breaks_its_contract(tmp_path: Path, file: str, planted: str, broken: str) -> None:
    shutil.copytree(ROOT / "compare", tmp_path / "compare", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "compare" / file).open("a", encoding="utf-8") as module:
        module.write(f"\n{planted}\n")
    done = lint_imports(tmp_path)
    broken_contracts = re.findall(r"^(.+?) BROKEN\b", done.stdout, re.MULTILINE)
    assert done.returncode == 1, done.stdout
    assert [name for name in broken_contracts if name.startswith(broken)], done.stdout


# ---- public names ----


def defined_names(source: str) -> set[str]:
    body = ast.parse(source).body
    names = {node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("module", IMPORTABLE)
def test_all_names_every_public_class_and_function(module: str) -> None:
    loaded = importlib.import_module(module)
    assert loaded.__file__ is not None
    named = loaded.__all__
    assert sorted(set(named)) == sorted(named), "a name is there twice"
    assert [name for name in named if not hasattr(loaded, name)] == []
    assert defined_names(Path(loaded.__file__).read_text("utf-8")) - set(named) == set()


# ---- what no file may contain ----


def repository_files() -> Iterator[Path]:
    for directory, directories, files in os.walk(ROOT):
        directories[:] = [name for name in directories if name == ".ci" or not name.startswith((".", "__pycache__"))]
        yield from (Path(directory, name) for name in files if name != ".git")  # a file, in a second worktree


# Each is spelled so that this file does not contain it.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.~-])/(?:root|work|home|Users|tmp)/\w",
    "a package registry": r"(?:pypi|pythonhosted|anaconda|download\.pytorch)\.org",
    "a directory that is not in this repository": r"\bshared" + "/",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_mentions(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what].encode())
    files = list(repository_files())
    assert ROOT / "pyproject.toml" in files
    found = [
        f"{file.relative_to(ROOT)}: {match[0]!r}" for file in files for match in pattern.finditer(file.read_bytes())
    ]
    assert found == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a path of one machine", "see /" + "home/me/run.json"),
        ("a package registry", "https://files.python" + "hosted.org/x"),
        ("a directory that is not in this repository", "as in ../sha" + "red/notes.md"),
    ],
)
def test_what_may_not_be_mentioned_is_recognised(what: str, text: str) -> None:
    assert re.search(FORBIDDEN[what], text)
