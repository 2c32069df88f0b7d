"""JAX's own mutation: immutability, donation, references and what vjp returns."""

from __future__ import annotations

from compare.concepts.concept import Concept

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = ()
