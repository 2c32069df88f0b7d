"""What one concept is: the record that every entry of a chapter fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Concept", "Page", "Status"]

Status = Literal["exact", "idiom", "none"]


@dataclass(frozen=True)
class Page:
    """A page of a framework's own documentation."""

    title: str
    url: str


@dataclass(frozen=True)
class Concept:
    """One concept. Every text is one line of whole sentences, with code in backticks.

    title: the finding. torch, jax: what each framework does. why: why the two differ.
    instead: what to write in JAX. Its code runs as it stands, where the names it uses are bound.
    torch_page, jax_page: the official pages that say so.
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
