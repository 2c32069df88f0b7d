"""Global settings: read before a case, put back after it, and told of where the case left them changed.

The settings of a framework stand in its leg; those of the process stand here.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["PROCESS", "STUCK", "WARNINGS", "Setting", "differences", "put_back"]

STUCK = ", which cannot be put back"
"""How the words for a setting end that stays changed."""


@dataclass(frozen=True)
class Setting:
    """One setting. read: its value now, compared with `==`. write: puts a value back, as far as that is possible."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]


@contextmanager
def put_back(settings: Sequence[Setting], *, allowed: Sequence[str] = ()) -> Iterator[list[str]]:
    """Put settings back at the end.

    Args: allowed: names of settings, or of keys of one, that may be left changed without being told.
    Yields: what was left changed, in words; filled at the end.
    """
    changed: list[str] = []
    before = [(setting, setting.read()) for setting in settings]
    try:
        yield changed
    finally:
        for setting, value in before:
            now = setting.read()
            if now != value:
                with suppress(Exception):
                    setting.write(value)
                told = differences(setting.name, value, now, allowed)
                changed.extend(told if setting.read() == value else [f"{one}{STUCK}" for one in told])


def differences(name: str, before: Any, after: Any, allowed: Sequence[str] = ()) -> list[str]:
    """What changed, in words: the keys of a mapping, or the value before and after."""
    if name in allowed:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [
            key for key in {**before, **after} if before.get(key) != after.get(key) or (key in before) != (key in after)
        ]
        return [f"{name} {key}" for key in keys if key not in allowed]
    plain = (bool, int, float, str)
    told = f" from {before} to {after}" if isinstance(before, plain) and isinstance(after, plain) else ""
    return [f"{name}{told}"]


# ---- the process ----


def _write_environment(value: dict[str, str]) -> None:
    for key in [key for key in os.environ if key not in value]:
        del os.environ[key]
    os.environ.update(value)


def _handlers() -> dict[str, Any]:
    # A handler that is None was installed by C code; Python can neither compare nor restore it.
    found = {one.name: signal.getsignal(one) for one in signal.Signals}
    return {name: handler for name, handler in found.items() if handler is not None}


def _write_handlers(value: dict[str, Any]) -> None:
    if threading.current_thread() is threading.main_thread():
        for name, handler in value.items():
            if signal.getsignal(signal.Signals[name]) is not handler:
                signal.signal(signal.Signals[name], handler)


def _directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109  # a path that is compared and put back as it is
    except OSError:
        return "a directory that is gone"


def _write_filters(value: list[Any]) -> None:
    warnings.resetwarnings()  # makes Python forget what the old filters decided
    warnings.filters.extend(value)  # type: ignore[attr-defined]  # a list, whatever its declared type


WARNINGS = (Setting("the warning filters", lambda: list(warnings.filters), _write_filters),)

PROCESS = (
    Setting("the current directory", _directory, os.chdir),
    Setting("the environment variable", lambda: dict(os.environ), _write_environment),
    Setting("sys.path", lambda: list(sys.path), lambda value: sys.path.__setitem__(slice(None), value)),
    Setting("the signal handler of", _handlers, _write_handlers),
    Setting("NumPy's error state", np.geterr, lambda value: np.seterr(**value)),
    Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    *WARNINGS,
)
