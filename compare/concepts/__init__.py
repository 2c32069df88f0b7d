"""What PyTorch's tape has and JAX has not, or has otherwise: one entry per concept, in the order to read them.

One module per chapter. A note points to its concept by id, and takes `status`, `why` and `instead` from it.
"""

from __future__ import annotations

from compare.concepts import (
    back_doors,
    backward,
    conventions,
    custom_rules,
    detaching,
    functional,
    graph,
    hooks,
    in_place,
    leaves,
    references,
    tracing,
    training,
    views,
)
from compare.concepts.concept import OBSERVED_WITH, STATUSES, Concept, Contradiction, Page, Status
from compare.errors import UsageError, nearest

__all__ = [
    "CHAPTERS", "CONCEPTS", "OBSERVED_WITH", "STATUSES", "Concept", "Contradiction", "Page", "Status",
    "find_concept", "ranked",
]  # fmt: skip

CHAPTERS: dict[str, tuple[Concept, ...]] = {
    "leaves": leaves.ENTRIES,
    "backward": backward.ENTRIES,
    "graph": graph.ENTRIES,
    "detaching": detaching.ENTRIES,
    "in-place": in_place.ENTRIES,
    "back-doors": back_doors.ENTRIES,
    "views": views.ENTRIES,
    "hooks": hooks.ENTRIES,
    "custom-rules": custom_rules.ENTRIES,
    "functional": functional.ENTRIES,
    "conventions": conventions.ENTRIES,
    "tracing": tracing.ENTRIES,
    "training": training.ENTRIES,
    "references": references.ENTRIES,
}
"""The entries of each chapter, in the order to read them."""

CONCEPTS: dict[str, Concept] = {concept.id: concept for entries in CHAPTERS.values() for concept in entries}


def find_concept(id: str) -> Concept:
    """Return the concept with this id. Raises UsageError, with the nearest id, when there is none."""
    if id not in CONCEPTS:
        remedy = nearest(id, CONCEPTS) or f" The concepts are: {', '.join(CONCEPTS)}."
        raise UsageError(f"There is no concept '{id}'.{remedy}")
    return CONCEPTS[id]


def ranked() -> dict[Status, list[Concept]]:
    """The concepts of each status, in reading order; silent differences first."""
    return {status: [one for one in CONCEPTS.values() if one.status == status] for status in STATUSES}
