"""torch.func, forward mode, and the calling convention of JAX."""

from __future__ import annotations

from compare.concepts.concept import Concept

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = ()
