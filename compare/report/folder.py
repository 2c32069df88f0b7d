"""Folders of pages: what may name a file in one, and the folder of `index.md` and two files per case."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from compare.errors import UsageError
from compare.report import Report
from compare.report.files import check_folder, write
from compare.report.markdown import case_page, index_page
from compare.results import CaseResult, ConventionResult

__all__ = ["check_ids", "pages", "write_folder"]

# An id names a file, and a run file may come from anywhere: nothing else may leave the folder.
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")


def pages(report: Report) -> dict[str, bytes]:
    """The content of each file by its name. Raises UsageError for an id that cannot name a file."""
    files: dict[str, bytes] = {"index.md": index_page(report).encode()}
    check_ids(report.run.cases)
    for case in report.run.cases:
        if case.id == "index":
            raise UsageError("The case 'index' cannot have a page: 'index' is the name of the first page.")
        files[f"{case.id}.md"] = case_page(case, report).encode()
        files[f"{case.id}.json"] = msgspec.json.format(msgspec.json.encode(case), indent=2) + b"\n"
    return files


def check_ids(named: Sequence[CaseResult] | Sequence[ConventionResult], what: str = "case") -> None:
    """Refuse an id that cannot name a page, or names two. Raises UsageError."""
    seen: set[str] = set()
    for one in named:
        if not _ID.match(one.id) or len(one.id) > 100:
            raise UsageError(f"There is the {what} {one.id[:60]!r}: an id is lower-case words joined by hyphens.")
        if one.id in seen:
            raise UsageError(f"The {what} '{one.id}' cannot have a page: '{one.id}' is there twice.")
        seen.add(one.id)


def write_folder(files: Mapping[str, bytes], folder: Path, *, force: bool) -> None:
    """Write the files. Raises UsageError before the first is written."""
    check_folder(folder, force=force)
    for parent in sorted({(folder / name).parent for name in files} - {folder}):
        check_folder(parent, force=True)
    for name, content in files.items():
        write(folder / name, content)
