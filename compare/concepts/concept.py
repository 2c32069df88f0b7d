"""What one concept is: the record that every entry of a chapter fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compare.in_notebooks import shown_in_notebook

__all__ = ["OBSERVED_WITH", "STATUSES", "Concept", "Contradiction", "Page", "Status"]

OBSERVED_WITH = {"torch": "2.13", "jax": "0.10"}
"""The versions that every entry was observed with; its `versions` says where another one is known to do otherwise."""

Status = Literal["silent", "none", "jax-only", "idiom", "exact"]

STATUSES: dict[Status, str] = {
    "silent": "written line by line a value, a gradient or a state is another one, and nothing says so",
    "none": "JAX has no counterpart, or needs none",
    "jax-only": "PyTorch has no counterpart",
    "idiom": "JAX says it in another way, and the numbers agree",
    "exact": "JAX has the same thing",
}
"""What each status means, in the order of the map: what costs a reader most comes first."""


@dataclass(frozen=True)
class Page:
    """A page of a framework's own documentation."""

    title: str
    url: str


@dataclass(frozen=True)
class Contradiction:
    """What an official page says, in this project's words, and what runs show instead."""

    claim: str
    page: Page
    observed: str


@dataclass(frozen=True)
class Concept:
    """One concept. Every text is one line of whole sentences, with code in backticks.

    title: the finding. torch, jax: what each framework does. why: why the two differ.
    instead: what to write in JAX. Its code runs as it stands, where the names it uses are bound.
    torch_page, jax_page: the official pages that say so.
    versions: where another version than those of OBSERVED_WITH is known to do otherwise.
    contradicts: the sentence of an official page that the cases of this concept refute.
    """

    id: str
    title: str
    status: Status
    torch: str
    jax: str
    why: str
    instead: str
    torch_page: Page
    jax_page: Page
    versions: str = ""
    contradicts: Contradiction | None = None

    def _repr_html_(self) -> str:
        return shown_in_notebook(self)
