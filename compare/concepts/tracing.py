"""Control flow, tracing, randomness and captured state."""

from __future__ import annotations

from compare.concepts.concept import Concept

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = ()
