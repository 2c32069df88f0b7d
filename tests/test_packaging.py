"""The built distributions: what is in them, and that the wheel works away from the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from compare.cases import load_cases

ROOT = Path(__file__).parents[1]

# Building once is enough: with `--dist loadgroup`, one worker runs this file.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]


def succeed(*command: str | Path, cwd: Path, environment: dict[str, str] | None = None) -> str:
    command = (sys.executable, *command)
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@dataclass(frozen=True)
class Distributions:
    source: Path
    wheel: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """The source distribution, and the wheel built from it. Needs no network."""
    directory = tmp_path_factory.mktemp("dist")
    succeed("-m", "build", "--no-isolation", "--outdir", directory, ROOT, cwd=directory)
    [source], [wheel] = directory.glob("*.tar.gz"), directory.glob("*.whl")
    return Distributions(source, wheel)


@dataclass(frozen=True)
class Installed:
    """The wheel installed in a directory of its own, and an empty directory to work in."""

    packages: Path
    elsewhere: Path

    def run(self, *arguments: str) -> str:
        # -S leaves out the path files of this environment, and with them the repository.
        dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        path = os.pathsep.join([str(self.packages), *dependencies])
        return succeed("-S", *arguments, cwd=self.elsewhere, environment={**os.environ, "PYTHONPATH": path})


@pytest.fixture(scope="module")
def installed(built: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    packages = tmp_path_factory.mktemp("packages")
    pip = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check")
    succeed(*pip, "--target", packages, built.wheel, cwd=packages)
    return Installed(packages, tmp_path_factory.mktemp("elsewhere"))


def relative_files(directory: str, pattern: str) -> set[str]:
    return {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / directory).rglob(pattern)
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_wheel_holds_the_package_and_the_cases_and_nothing_else(built: Distributions) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        files = set(wheel.namelist())
    metadata = {file for file in files if file.partition("/")[0].endswith(".dist-info")}
    cases = {file.replace("cases/", "compare/bundled_cases/", 1) for file in relative_files("cases", "*")}
    assert any(file.endswith("/licenses/LICENSE") for file in metadata)
    assert files - metadata == relative_files("compare", "*") | cases
    assert "compare/py.typed" in files


def test_source_distribution_holds_what_building_and_testing_need(built: Distributions) -> None:
    with tarfile.open(built.source) as source:
        files = {name.partition("/")[2] for name in source.getnames()}
    needed = set().union(*(relative_files(directory, "*") for directory in ("compare", "cases", "tests", "benchmarks")))
    needed |= {"pyproject.toml", "constraints.txt", "Makefile", "README.md", "CHANGELOG.md", "LICENSE", ".ci/run"}
    assert needed - files == set()


def test_installed_package_is_the_one_that_runs(installed: Installed) -> None:
    script = "import compare, importlib.util as util; print(compare.__file__, util.find_spec('cases'))"
    assert installed.run("-c", script).split() == [str(installed.packages / "compare" / "__init__.py"), "None"]


def test_installed_package_knows_its_version(installed: Installed) -> None:
    assert installed.run("-c", "import compare; print(compare.__version__)").strip() == "0.1.0"


def test_installed_package_lists_every_case(installed: Installed) -> None:
    listed = installed.run("-m", "compare", "list")
    cases = load_cases(ROOT / "cases").cases
    assert cases
    assert [case.id for case in cases if case.id not in listed] == []


def test_installed_package_runs_a_case(installed: Installed) -> None:
    assert "three-weights" in installed.run("-m", "compare", "run", "three-weights")


def test_console_script_is_installed(installed: Installed) -> None:
    [script] = (installed.packages / "bin").glob("compare*")
    assert "run" in installed.run(str(script), "--help")
