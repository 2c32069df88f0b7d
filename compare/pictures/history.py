"""The edges between the nodes of a tape, and which of them a gradient comes back along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compare.pictures.graph import Edge, Graph

__all__ = ["History"]


class History:
    """The edges of a graph by the node that they lead to.

    A write that only replaces numbers is no part of the history: that goes on to the node that its origin is.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._into: dict[int, list[Edge]] = {}
        # Of writes that only replace numbers, the node that the history goes on to, past other such writes.
        self._origins: dict[int, int] = {}
        # Those of them that a gradient passed by.
        self._passed: set[int] = set()

    def edge(self, source: int, target: int, **settings: Any) -> None:
        """Add an edge. One that says nothing is not drawn beside another one."""
        one = Edge(source, target, **settings)
        known = self._into.setdefault(target, [])
        if one.history or one.cut or one.storage or all(other.source != source for other in known):
            self.graph.edges.append(one)
            known.append(one)

    def replaces_numbers(self, write: int, made: int) -> None:
        """The history of what was written is that of the node that made it."""
        self._origins[write] = self._origins.get(made, made)

    def above(self, roots: Sequence[int]) -> set[int]:
        """The nodes that the history of the roots goes through; writes that only replace numbers are passed by."""
        found, pending = set(roots), list(roots)
        while pending:
            here = pending.pop()
            if here in self._origins:
                ups = [self._origins[here]]
            else:
                ups = [one.source for one in self._into.get(here, []) if one.history]
            pending += [up for up in ups if up not in found]
            found.update(ups)
        return found

    def flows(self, node: int, roots: Sequence[int], ends: Sequence[int]) -> set[int]:
        """Mark the edges that lie between the ends that a gradient arrives at and the roots it starts from.

        Returns: the nodes on the way, for the backward that is this node.
        """
        above = self.above(roots)
        reaches = {self._origins.get(end, end) for end in ends} & above
        for here in sorted(above):
            if here in self._origins:
                if self._origins[here] in reaches:
                    reaches.add(here)
                    self._passed.add(here)
                continue
            for one in self._into.get(here, []):
                if one.history and one.source in reaches:
                    one.flow = True
                    reaches.add(here)
        for one in self._into.get(node, []):
            one.flow = one.source in roots and one.source in reaches
        return reaches

    def finish(self) -> None:
        """Mark the edges into writes that gradients passed by."""
        for node in sorted(self._origins, reverse=True):
            if node in self._passed:
                kept = next(one for one in self._into[node] if one.history)
                kept.flow = True
                self._passed.add(kept.source)
