"""Derivative rules of one's own."""

from __future__ import annotations

from compare.concepts.concept import Concept

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = ()
