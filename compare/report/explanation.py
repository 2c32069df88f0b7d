"""A concept in words: what PyTorch does, what JAX does, why, what to write, and which cases show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from compare.report.plain import columns
from compare.report.wording import visible

if TYPE_CHECKING:
    from compare.concepts import Concept

__all__ = ["as_dict", "as_markdown", "as_text"]


def as_text(concept: Concept, cases: Sequence[str], width: int | None) -> str:
    """Labelled paragraphs."""
    return visible(f"{concept.id}: {concept.title}") + "\n\n" + columns(_rows(concept, cases), width)


def as_markdown(concept: Concept, cases: Sequence[str]) -> str:
    """A section."""
    from compare.report.markdown import escaped

    rows = "".join(f"- {label}: {escaped(text)}\n" for label, text in _rows(concept, cases))
    return f"# {escaped(concept.id)}: {escaped(concept.title)}\n\n{rows}"


def as_dict(concept: Concept, cases: Sequence[str]) -> dict[str, Any]:
    """For JSON."""
    words = {name: getattr(concept, name) for name in ("id", "title", "status", "torch", "jax", "why", "instead")}
    pages = {
        name: {"title": page.title, "url": page.url}
        for name, page in (("torch_page", concept.torch_page), ("jax_page", concept.jax_page))
    }
    return {**words, **pages, "cases": list(cases)}


def _rows(concept: Concept, cases: Sequence[str]) -> list[tuple[str, str]]:
    return [
        ("Status", concept.status),
        ("PyTorch", concept.torch),
        ("JAX", concept.jax),
        ("Why", concept.why),
        ("Instead", concept.instead),
        ("Cases", ", ".join(cases) or "no case shows it yet"),
        ("PyTorch page", f"{concept.torch_page.title}, {concept.torch_page.url}"),
        ("JAX page", f"{concept.jax_page.title}, {concept.jax_page.url}"),
    ]
