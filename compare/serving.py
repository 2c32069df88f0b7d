"""In a worker: runs the cases that the parent sends."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import msgspec

from compare.cases import Catalogue, load_chapter
from compare.runner import import_frameworks, run_and_check_settings, settings_put_back
from compare.runs import Job
from compare.workers import serve

__all__ = ["serve_cases"]

_chapters: dict[str, Catalogue] = {}


def serve_cases() -> NoReturn:
    """Run the cases that the parent sends."""
    serve(import_frameworks, _run_job)


def _run_job(job: bytes) -> tuple[bytes, bool]:
    """The result of one case, and whether it left settings changed, so that this process is spent."""
    wanted = msgspec.json.decode(job, type=Job)
    if wanted.path not in _chapters:
        with settings_put_back():
            _chapters[wanted.path] = load_chapter(Path(wanted.path))
    case = _chapters[wanted.path].find(wanted.id)
    result, changed = run_and_check_settings(case, dtype=wanted.dtype, seed=wanted.seed)
    return msgspec.json.encode(result), changed
