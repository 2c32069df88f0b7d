"""The life of the graph, and higher order."""

from __future__ import annotations

from compare.concepts.concept import Concept

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = ()
