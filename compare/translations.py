"""One script, translated in a fresh process.

This is the parent's side. It imports nothing that the script needs to run.
"""

from __future__ import annotations

import msgspec

from compare.errors import UsageError
from compare.results import Translation
from compare.workers import Lost, do_jobs

__all__ = ["TIME_LIMIT", "Reply", "Script", "translate_apart"]

TIME_LIMIT = 300.0
"""Seconds for a script, its translation and the proof."""


class Script(msgspec.Struct, frozen=True, array_like=True):
    """A script to translate. check: the JAX program asserts the numbers itself.

    torch_conventions: PyTorch's slopes at kinks are spelled out, whether this run touches one or not.
    """

    path: str
    dtype: str
    check: bool = False
    torch_conventions: bool = False


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """A translation, and the archive of data that its program loads; or why the script cannot be used."""

    result: Translation | None = None
    data_name: str = ""
    data: bytes = b""
    error: str = ""


def translate_apart(script: Script, *, limit: float = TIME_LIMIT) -> tuple[Reply, str]:
    """Translate a script in a process of its own: what it does to that process, or how it ends it, stays there.

    Returns: the reply, and what the script printed. Raises UsageError where there is nothing to run.
    """
    job = msgspec.msgpack.encode(script)
    [(_, ending)] = do_jobs(
        "compare.serving:serve_translations", [job], workers=1, limit=limit,
        environment={"JAX_ENABLE_COMPILATION_CACHE": "false"},
    )  # fmt: skip
    if isinstance(ending, Lost):
        reason = f"{script.path}: {ending.why}."
        return Reply(Translation("", script.path, script.dtype, "raised", reason)), ending.output
    reply = msgspec.msgpack.decode(ending.reply, type=Reply)
    if reply.error:
        raise UsageError(reply.error)
    return reply, ending.output
