"""A folder of pages: `index.md`, and one Markdown and one JSON file per case."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from compare.errors import UsageError
from compare.report import Report
from compare.report.files import check_folder, write
from compare.report.markdown import case_page, index_page

__all__ = ["pages", "write_folder"]

# An id names a file, and a run file may come from anywhere: nothing else may leave the folder.
_CASE_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")


def pages(report: Report) -> dict[str, bytes]:
    """The content of each file by its name. Raises UsageError for an id that cannot name a file."""
    files: dict[str, bytes] = {"index.md": index_page(report).encode()}
    for case in report.run.cases:
        if not _CASE_ID.match(case.id) or len(case.id) > 100:
            raise UsageError(f"There is a case {case.id[:60]!r}: an id is lower-case words joined by hyphens.")
        if f"{case.id}.md" in files:
            taken = "is the name of the first page" if case.id == "index" else "is there twice"
            raise UsageError(f"The case '{case.id}' cannot have a page: '{case.id}' {taken}.")
        files[f"{case.id}.md"] = case_page(case, report).encode()
        files[f"{case.id}.json"] = msgspec.json.format(msgspec.json.encode(case), indent=2) + b"\n"
    return files


def write_folder(files: Mapping[str, bytes], folder: Path, *, force: bool) -> None:
    """Write the files. Raises UsageError before the first is written."""
    check_folder(folder, force=force)
    for name, content in files.items():
        write(folder / name, content)
