"""What one entry of the ledger is: the record that every entry of a family fills."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from compare.concepts.concept import Page
from compare.errors import CompareError
from compare.ops import OPS
from compare.points import Point
from compare.results import Aspect, ConventionVerdict, Raise

__all__ = ["OBSERVED_WITH", "WRONG", "Convention", "jax_issue", "jax_pull", "of", "raises", "torch_issue", "torch_pull"]

OBSERVED_WITH = {"torch": "2.13.0", "jax": "0.10.2"}
"""The releases that every entry is pinned to."""

WRONG: dict[ConventionVerdict, tuple[str, ...]] = {
    "torch-wrong": ("torch",), "jax-wrong": ("jax",), "both-wrong": ("torch", "jax"),
}  # fmt: skip
"""Who is wrong, by verdict."""

_LINK = re.compile(
    r"https://github\.com/(pytorch/pytorch|jax-ml/jax|google/gemma_pytorch|sayakpaul/cmmd-pytorch)/(issues|pull)/[1-9]\d*"
    r"|https://docs\.(pytorch\.org/docs/stable|jax\.dev/en/latest)/[\w./]+\.html(#[\w.-]+)?"
)


def torch_issue(number: int) -> Page:
    """An issue of PyTorch's."""
    return Page(f"pytorch #{number}", f"https://github.com/pytorch/pytorch/issues/{number}")


def torch_pull(number: int) -> Page:
    """A pull request to PyTorch."""
    return Page(f"pytorch PR #{number}", f"https://github.com/pytorch/pytorch/pull/{number}")


def jax_issue(number: int) -> Page:
    """An issue of JAX's."""
    return Page(f"jax #{number}", f"https://github.com/jax-ml/jax/issues/{number}")


def jax_pull(number: int) -> Page:
    """A pull request to JAX."""
    return Page(f"jax PR #{number}", f"https://github.com/jax-ml/jax/pull/{number}")


def of(name: str, **attributes: Any) -> Any:
    """The exact function of a row of the vocabulary."""
    op = OPS[name]
    return lambda *operands: op.reference(*operands, **op.bind(len(operands), attributes))


def raises(type: str, message: str) -> Raise:
    """A declared error: its type, and a stable fragment of its message."""
    return Raise(type, message)


@dataclass(frozen=True)
class Convention:
    """One entry: one thing, at one point. Texts are one line of whole sentences, with code in backticks.

    point: both expressions and the operands. aspect: which number differs, or was looked at.
    torch, jax: the declared numbers of `aspect`: nested lists as the aspect has them, or `raises(...)`.
    torch_single, jax_single: those of float32, where they are not the same to within its tolerance.
    left, right: the declared one-sided derivatives of the exact function; of a value and a second derivative, the
        exact number. `right` is left out where both are the same, and both where mathematics has no answer.
    reason: why the two differ, or agree, and why the verdict is what it is.
    torch_rule, jax_rule: the framework's own rule, where one is written.
    as_torch: a JAX expression with PyTorch's number. as_jax: a PyTorch expression with JAX's.
    ordinary: further operands, where each remedy has to equal what it stands for.
    """

    id: str
    title: str
    point: Point
    aspect: Aspect
    verdict: ConventionVerdict
    torch: Any
    jax: Any
    reason: str
    torch_single: Any = None
    jax_single: Any = None
    left: Any = None
    right: Any = None
    torch_rule: str = ""
    jax_rule: str = ""
    links: tuple[Page, ...] = ()
    as_torch: str = ""
    as_jax: str = ""
    ordinary: tuple[dict[str, Any], ...] = ()

    def __post_init__(self) -> None:
        """Refuse an entry that is not well formed. Raises CompareError."""
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.id):
            raise CompareError(f"Convention {self.id!r}: an id is small letters and digits, joined by hyphens.")
        for link in self.links:
            if not _LINK.fullmatch(link.url):
                raise CompareError(f"Convention '{self.id}': {link.url!r} is no issue, pull request or page of theirs.")
        if self.verdict in ("convention", "default-differs") and not (self.as_torch and self.as_jax):
            raise CompareError(f"Convention '{self.id}': a {self.verdict} needs a remedy in both directions.")
        if (self.as_torch or self.as_jax) and not self.ordinary:
            raise CompareError(f"Convention '{self.id}': its remedies are judged at no ordinary point.")
