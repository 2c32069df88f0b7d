"""Translating functions of one's own, in Python: for notebooks and for tests."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from compare.errors import CompareError
from compare.report.notebook import as_html
from compare.report.translated import as_text, sentence
from compare.results import Note
from compare.translation import Translated, as_jax_function, translate_function

__all__ = ["TranslatedCell", "TranslatedCode", "assert_translates", "translate"]


class TranslatedCell:
    """Code that was run and translated: a cell of a notebook under `%%compare`.

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


class TranslatedCode(TranslatedCell):
    """A function, translated: `compare.translate(function, *arguments)`."""

    def __init__(self, translated: Translated, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        super().__init__(translated)
        self._function, self._arguments = function, arguments

    @functools.cached_property
    def jax_function(self) -> Callable[..., Any]:
        """A pure JAX function: of the tensors among the arguments, in their order, to what the function returns.

        It can be jitted, differentiated and vmapped. Tensors that the code reads besides are constants in it, as is
        what the run specialised. The code runs once more for it. Of float64, it wants JAX's 64-bit types enabled.

        Raises: CompareError: where the translation is not proven, or the code computes gradients itself.
        """
        if self.verdict != "proven":
            raise CompareError(f"The translation is {self.verdict}: {self.reason}")
        return as_jax_function(self._function, self._arguments)


def translate(function: Callable[..., Any], *arguments: Any) -> TranslatedCode:
    """Run a function of PyTorch once, on these arguments, and translate what it did.

    The gradients that it computes are proven, and so are the tensors that it returns. Settings are put back.
    """
    return TranslatedCode(translate_function(function, arguments), function, arguments)


def assert_translates(function: Callable[..., Any], *arguments: Any) -> None:
    """For tests: raise AssertionError, with the reason, unless the translation is proven."""
    made = translate(function, *arguments)
    assert made.verdict == "proven", f"{made.verdict}: {made.reason}"
