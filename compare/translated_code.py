"""Translating functions of one's own, in Python: for notebooks and for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compare.report.notebook import as_html
from compare.report.translated import as_text, sentence
from compare.results import Note
from compare.translation import Translated, translate_function

__all__ = ["TranslatedCode", "assert_translates", "translate"]


class TranslatedCode:
    """A function, translated: `compare.translate(function, *arguments)`.

    verdict: `proven`, `not-proven`, `refused` or `raised`. reason: of every verdict but `proven`.
    """

    def __init__(self, translated: Translated) -> None:
        self.result = translated.result
        self.source = translated.source

    @property
    def verdict(self) -> str:
        return self.result.verdict

    @property
    def reason(self) -> str:
        return self.result.reason

    @property
    def jax_source(self) -> str:
        """The JAX program, as it was executed; empty where there is none."""
        return self.result.jax

    @property
    def torch_source(self) -> str:
        """The recorded program as PyTorch, as it was executed; empty where there is none."""
        return self.result.torch

    @property
    def notes(self) -> tuple[Note, ...]:
        return self.result.notes

    def report(self) -> str:
        """The verdict, every observation and the notes, as text."""
        return as_text(self.result, width=None, color=False)

    def _repr_html_(self) -> str:
        return as_html(self.result)

    def __repr__(self) -> str:
        return f"<{sentence(self.result)}>"


def translate(function: Callable[..., Any], *arguments: Any) -> TranslatedCode:
    """Run a function of PyTorch once, on these arguments, and translate what it did.

    The gradients that it computes are proven, and so are the tensors that it returns. Settings are put back.
    """
    return TranslatedCode(translate_function(function, arguments))


def assert_translates(function: Callable[..., Any], *arguments: Any) -> None:
    """For tests: raise AssertionError, with the reason, unless the translation is proven."""
    made = translate(function, *arguments)
    assert made.verdict == "proven", f"{made.verdict}: {made.reason}"
