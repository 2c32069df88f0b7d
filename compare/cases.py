"""Finding and loading cases. Importing this module imports neither framework, nor NumPy."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import math
import re
import sys
import time
import tomllib
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from compare.errors import CaseError, UsageError, nearest, shown_path

if TYPE_CHECKING:
    from compare.program import Program
    from compare.results import Raise
    from compare.tape import Tape

__all__ = [
    "Case", "Catalogue", "LoadFailure", "bundled_directory", "case", "demonstration", "find_directory", "load_cases",
    "load_chapter", "raises",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One function of a chapter module.

    id: kebab-case, from the function's name. title: the first line of its docstring.
    concepts: what the case is there to show, from the docstring's line `Shows: retain-grad, tensor-hook.`
    chapter: the module's file name. line: the first line of the function in `path`.
    kind: a case is recorded on a tape; a demonstration is a pair of snippets with declared outcomes.
    """

    id: str
    title: str
    concepts: tuple[str, ...]
    chapter: str
    path: str
    line: int
    function: Callable[[Any], None]
    kind: Literal["case", "demonstration"] = "case"

    @functools.cached_property
    def source(self) -> str:
        """The case as its author wrote it."""
        return inspect.getsource(self.function)

    def record(self, *, dtype: str = "float64", seed: int = 0) -> Program:
        """Record the case's tape program. Raises CaseError."""
        from compare.tape import record

        return record(self.function, id=self.id, title=self.title, dtype=dtype, seed=seed)


@dataclass(frozen=True)
class LoadFailure:
    """A file of cases, or one case, that cannot be used. The other cases are not affected."""

    path: str
    line: int
    message: str


@dataclass(frozen=True)
class Catalogue:
    """Every case of a directory: chapters by `chapter_number` and name, cases as they stand in their file."""

    cases: tuple[Case, ...]
    failures: tuple[LoadFailure, ...] = ()

    def showing(self, concept: str) -> tuple[Case, ...]:
        """The cases and demonstrations that are there to show a concept."""
        return tuple(one for one in self.cases if concept in one.concepts)

    def find(self, id: str) -> Case:
        """The case of that id. Raises UsageError with the nearest id."""
        for one in self.cases:
            if one.id == id:
                return one
        known = [one.id for one in self.cases]
        raise UsageError(f"Unknown case '{id}'.{nearest(id, known)} `python -m compare list` names all {len(known)}.")


_Marked = tuple[Literal["case", "demonstration"], Callable[[Any], None]]
_collected: list[_Marked] = []


def case(function: Callable[[Tape], None]) -> Callable[[Tape], None]:
    """Mark a function as a case. Its docstring's first line is the title."""
    _collected.append(("case", function))
    return function


def demonstration(function: Callable[[Any], None]) -> Callable[[Any], None]:
    """Mark a function as a demonstration: a PyTorch snippet, a JAX snippet, and what each is declared to show."""
    _collected.append(("demonstration", function))
    return function


def raises(error: str) -> Raise:
    """Declare in a demonstration that an error is shown: its type, and a stable fragment of its message.

    Args: error: `"RuntimeError: Array has been deleted"`. Raises: CaseError.
    """
    from compare.results import Raise

    type, separator, fragment = error.partition(": ")
    if not type.isidentifier() or not separator or not fragment.strip():
        raise CaseError(f"raises takes 'Type: fragment of the message', not {error!r}.")
    return Raise(type, fragment)


@contextmanager
def _collecting() -> Iterator[list[_Marked]]:
    before = list(_collected)
    _collected.clear()
    try:
        yield _collected
    finally:
        _collected[:] = before


# ---- where the cases are ----


def find_directory(option: Path | None = None) -> Path:
    """`--cases`, else `[tool.compare] cases` of the nearest pyproject.toml, else the package's own cases."""
    if option is not None:
        if not option.is_dir():
            raise UsageError(f"--cases {option}: there is no such directory.")
        return option
    for directory in (Path.cwd(), *Path.cwd().parents):
        configuration = directory / "pyproject.toml"
        if configuration.is_file():
            return _configured(configuration) or bundled_directory()
    return bundled_directory()


def _configured(configuration: Path) -> Path | None:
    try:
        table = tomllib.loads(configuration.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{configuration} cannot be read: {error}") from error
    table = table.get("tool", {}).get("compare", {})
    unknown = sorted(set(table) - {"cases"})
    if unknown:
        raise UsageError(f"{configuration}: [tool.compare] has no setting '{unknown[0]}'. Settings: cases.")
    named = table.get("cases")
    if named is None:
        return None
    if not isinstance(named, str) or not (configuration.parent / named).is_dir():
        raise UsageError(f"{configuration}: [tool.compare] cases = {named!r} is not a directory beside it.")
    return configuration.parent / named


def bundled_directory() -> Path:
    """The cases inside the installed package, or beside it in a clone."""
    package = Path(__file__).parent
    bundled = package / "bundled_cases"
    return bundled if bundled.is_dir() else package.parent / "cases"


# ---- loading ----


def load_cases(directory: Path | None = None) -> Catalogue:
    """Load every chapter module of a directory. A module that cannot be loaded becomes a failure."""
    directory = (find_directory() if directory is None else directory).resolve()
    found = _load_chapters([path for path in sorted(directory.glob("*.py")) if not path.name.startswith("_")])
    if not found.cases and not found.failures:
        raise UsageError(f"{directory} holds no cases: a case is a function marked with @case in a module there.")
    return found


def load_chapter(path: Path) -> Catalogue:
    """Load one chapter module."""
    return _load_chapters([path])


def _load_chapters(paths: Sequence[Path]) -> Catalogue:
    failures: list[LoadFailure] = []
    chapters: list[_Chapter] = []
    for path in paths:
        try:
            chapters.append(_load_module(path))
        except (Exception, SystemExit) as error:
            failures.append(_failure(path, error))
    known: dict[str, Case] = {}
    for _, path, marked in sorted(chapters, key=lambda chapter: chapter[:2]):
        for one in marked:
            try:
                found = _as_case(*one, path, known)
                known[found.id] = found
            except CaseError as error:
                failures.append(LoadFailure(error.path, error.line, str(error)))
    return Catalogue(tuple(known.values()), tuple(failures))


_Chapter = tuple[float, Path, list[_Marked]]


class _FromSource(SourceFileLoader):
    """Compiles what the file holds now, and keeps no bytecode of it."""

    def get_code(self, fullname: str) -> types.CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _load_module(path: Path) -> _Chapter:
    # A name of its own keeps a user's module from hiding an installed one.
    name = f"compare_case_modules.{path.stem}"
    # Python tells bytecode of an older text by whole seconds: a file edited twice in one would run as it was before.
    just_written = time.time() - path.stat().st_mtime < 2
    loader = _FromSource(name, str(path)) if just_written else None
    specification = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    with _collecting() as found:
        sys.modules[name] = module
        # What a case file prints is narration; results alone go to stdout.
        with redirect_stdout(sys.stderr):
            specification.loader.exec_module(module)
        # A chapter without a number comes after those that have one.
        return getattr(module, "chapter_number", math.inf), path, list(found)


def _as_case(
    kind: Literal["case", "demonstration"], function: Callable[[Any], None], path: Path, known: dict[str, Case]
) -> Case:
    line = function.__code__.co_firstlineno
    id = function.__name__.strip("_").replace("_", "-")
    title, _, rest = (inspect.getdoc(function) or "").partition("\n")
    where = f"{shown_path(path)}:{line}"
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id):
        raise CaseError(
            f"{where}: '{function.__name__}' is not a case name; use lower_case_words.", path=str(path), line=line
        )
    if not title:
        raise CaseError(
            f"{where}: case '{id}' has no docstring; its first line is the title.", path=str(path), line=line
        )
    if id in known:
        first = known[id]
        raise CaseError(
            f"{where}: case '{id}' is defined twice; the first is at {shown_path(first.path)}:{first.line}. "
            "Rename one.",
            path=str(path),
            line=line,
        )
    shows = re.search(r"^Shows:(.*)$", rest, re.MULTILINE)
    if shows and not re.fullmatch(r" [a-z-]+(, [a-z-]+)*\.", shows[1]):
        raise CaseError(
            f"{where}: the line of concepts reads `Shows: retain-grad, tensor-hook.`, not `{shows[0]}`.",
            path=str(path),
            line=line,
        )
    concepts = tuple(shows[1].strip(" .").split(", ")) if shows else ()
    return Case(id, title.strip(), concepts, path.stem.replace("_", "-"), str(path), line, function, kind)


def _failure(path: Path, error: BaseException) -> LoadFailure:
    if isinstance(error, SyntaxError):
        line, what = error.lineno or 0, f"syntax error: {error.msg}"
    else:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line, what = (lines and lines[-1]) or 0, f"{type(error).__name__}: {error}"
    return LoadFailure(str(path), line, f"{shown_path(path)}:{line}: {what}. None of its cases can run.")
