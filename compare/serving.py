"""In a worker: runs the cases, or translates the scripts, that the parent sends."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import msgspec

from compare.cases import Catalogue, load_chapter
from compare.errors import CompareError
from compare.runner import import_frameworks, run_and_check_settings, settings_put_back
from compare.runs import Job
from compare.translation import translate_script
from compare.translations import Reply, Script
from compare.workers import serve

__all__ = ["serve_cases", "serve_translations"]

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


def serve_translations() -> NoReturn:
    """Translate the scripts that the parent sends."""
    serve(import_frameworks, _translate)


def _translate(job: bytes) -> tuple[bytes, bool]:
    """The translation of one script. What the script did to this process is not undone, so the process is spent."""
    script = msgspec.msgpack.decode(job, type=Script)
    try:
        translated = translate_script(
            Path(script.path), dtype=script.dtype, check=script.check, torch_conventions=script.torch_conventions
        )
    except CompareError as error:
        return msgspec.msgpack.encode(Reply(error=str(error))), True
    source = translated.source
    reply = Reply(translated.result)
    if source is not None and source.arrays:
        reply = Reply(translated.result, source.data_name, source.packed())
    return msgspec.msgpack.encode(reply), True
