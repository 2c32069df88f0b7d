"""The pure graph that JAX differentiates: values, what stops a gradient, and its way from a root to an argument."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from compare.pictures.graph import Edge, Graph, Node, NodeKind
from compare.pictures.printed import statement_lines, typed
from compare.pictures.svg import draw
from compare.pure import (
    Accumulated,
    Applied,
    Differentiable,
    Given,
    Gradient,
    Lost,
    PureProgram,
    Put,
    Region,
    Result,
    StopGradient,
    StraightThrough,
    Value,
)
from compare.sources import Source

__all__ = ["pure_graph", "pure_picture"]

DIFFERENTIATES = re.compile(r"\bjax\.(grad|value_and_grad|vjp|linearize)\(\w+")
"""What the line of a script says that differentiates."""


def pure_picture(pure: PureProgram, source: Source, lines: Sequence[int]) -> str:
    """The graph of a pure program as an inline SVG.

    Args:
        source: the program as JAX was printed.
        lines: of each statement of the tape, its line in the case.
    """
    graph, about = pure_graph(pure, source, lines)
    return draw(graph, about)


def pure_graph(pure: PureProgram, source: Source, lines: Sequence[int]) -> tuple[Graph, str]:
    """What `pure_picture` draws, unfolded, and what is told of it to a reader who sees no picture."""
    return _Pure(pure, source, lines).finished()


@dataclass
class _Pure:
    """places: of the values that are drawn. regions: of the differentiations, each drawn once."""

    pure: PureProgram
    source: Source
    lines: Sequence[int]
    graph: Graph = field(init=False)
    printed: dict[int, str] = field(init=False)
    differentiated: set[Value] = field(init=False)
    places: dict[Value, int] = field(default_factory=dict)
    regions: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.graph = Graph(f"The pure graph of {self.pure.id}")
        self.printed = statement_lines(self.source)
        self.differentiated = {value for region in self.pure.regions for value in region.body}

    def finished(self) -> tuple[Graph, str]:
        needed = self.needed()
        pending = sorted(self.pure.regions, key=lambda region: region.origin)
        for value in self.pure.values:
            while pending and pending[0].origin < value.origin:
                self.region(pending.pop(0))
            if value in needed:
                self.value(value)
        for region in pending:
            self.region(region)
        for region in self.pure.regions:
            self.flow(region)
        asked = dict.fromkeys(value.hint for region in self.pure.regions for value in region.arguments)
        cuts = dict.fromkeys(f"{one.cut} at {self.graph.nodes[one.target].text}" for one in self.graph.edges if one.cut)
        parts = [f"{len(self.graph.nodes)} nodes, from the top: what a value was computed from, then the value."]
        parts += [f"JAX differentiates with respect to {', '.join(asked)}."] if asked else []
        parts += [f"Cut: {'; '.join(list(cuts)[:8])}."] if cuts else []
        return self.graph, " ".join(parts)

    def idle(self, value: Value) -> bool:
        """Whether this stops a gradient where none comes: JAX has plain numbers there, and prints nothing."""
        named = isinstance(value, StopGradient) and value.named
        return isinstance(value, StopGradient | StraightThrough) and not named and value not in self.differentiated

    def needed(self) -> set[Value]:
        """What an observation, a differentiation or a printed name depends on; idle values are not drawn."""
        found: set[Value] = {one.value for one in self.pure.shown} | set(self.pure.kept)
        for region in self.pure.regions:
            found.update(region.operands, region.roots, region.body, region.arguments)
        pending = list(found)
        while pending:
            value = pending.pop()
            for operand in value.operands:
                if operand not in found:
                    found.add(operand)
                    pending.append(operand)
        return found

    def node(self, kind: NodeKind, text: str, origin: int, *words: str, sign: str = "") -> int:
        line = self.lines[origin] if origin < len(self.lines) else 0
        said = [*words, *([f"line {line}"] if line else [])]
        return self.graph.add(Node(kind, text, said, origin, line, sign=sign))

    def said(self, value: Value) -> str:
        """The line that binds the value, where it has one of its own; its op and operands otherwise."""
        name = value.hint
        printed = self.printed.get(value.origin, "")
        made = "" if name.startswith("_") else name
        if isinstance(value, StraightThrough):
            return f"{made or '·'}: the new value, the old slope"
        if made and printed.startswith(f"{made} = "):
            return printed
        match value:
            case Applied():
                called = f"{value.op.name}({', '.join(self.operand(one) for one in value.arguments)})"
            case Put():
                called = f"{self.operand(value.base)} with {self.operand(value.new)} put in"
            case StopGradient():
                called = f"stop_gradient({self.operand(value.source)})"
            case Accumulated():
                called = f"{self.operand(value.before)} + {self.operand(value.more)}"
            case Result():
                called = f"{value.call.function.target}({', '.join(map(self.operand, value.call.arguments))})"
            case _:
                called = ""
        return f"{made} = {called}" if made and called else called or made or "·"

    def operand(self, operand: object) -> str:
        if not isinstance(operand, Value):
            return str(operand)
        return "·" if operand.hint.startswith("_") else operand.hint

    def value(self, value: Value) -> None:
        shown = typed(value.shape, value.dtype)
        if self.idle(value):
            self.places[value] = self.places[value.operands[0]]
            return
        if isinstance(value, Given):
            text = value.hint.lstrip("_") or "data"
            self.places[value] = self.node("constant", text, value.origin, shown)
            return
        if isinstance(value, Differentiable):
            self.argument(value, shown)
            return
        if isinstance(value, Gradient):
            region = self.region(value.region)
            text = f"gradient for {value.of.hint.lstrip('_') or '·'}"
            self.places[value] = node = self.node("gradient", text, value.origin, shown)
            self.graph.edges.append(Edge(region, node, history=value.tracked))
            return
        self.places[value] = node = self.node(
            "cut" if isinstance(value, StopGradient) else "op", self.said(value), value.origin, shown
        )
        through = set(value.differentiable)
        for operand in dict.fromkeys(value.operands):
            if operand not in self.places:
                continue
            history = operand in through
            cut = operand.tracked and not history and not isinstance(value, Lost)
            self.graph.edges.append(Edge(self.places[operand], node, history=history, cut=_word(value) if cut else ""))

    def argument(self, value: Differentiable, shown: str) -> None:
        """An argument of a differentiated function. Its data has no node of its own where nothing else reads it."""
        text = value.hint.lstrip("_") or "·"
        source = value.source
        place = self.places.get(source)
        if isinstance(source, Given) and place is not None and not any(one.source == place for one in self.graph.edges):
            node = self.graph.nodes[place]
            node.kind, node.text = "argument", text
            self.places[value] = place
            return
        self.places[value] = node_place = self.node("argument", text, value.origin, shown)
        if place is not None:
            self.graph.edges.append(Edge(place, node_place))

    def region(self, region: Region) -> int:
        """What differentiates: one node, below its roots."""
        known = self.regions.get(id(region))
        if known is not None:
            return known
        several = len(region.parameters) != 1
        words = f"by {len(region.parameters)} {'arguments' if several else 'argument'}"
        lines = zip(self.source.text.splitlines(), self.source.origins, strict=True)
        printed = (text for text, origin in lines if origin == region.origin)
        called = next(filter(None, map(DIFFERENTIATES.search, printed)), None)
        text = "jax.grad" if called is None else f"{called[0]})"
        self.regions[id(region)] = node = self.node("grad", text, region.origin, words)
        for value, argument in region.arguments.items():
            if argument is not value and argument in self.places:
                self.graph.nodes[self.places[argument]].words.append("is the argument")
        for root in dict.fromkeys(region.roots):
            if root in self.places:
                self.graph.edges.append(Edge(self.places[root], node, history=True, flow=True))
        for one in region.cotangents:
            if one is not None and one in self.places:
                self.graph.edges.append(Edge(self.places[one], node, history=one.tracked))
        return node

    def flow(self, region: Region) -> None:
        """Mark the way from the roots of a region to what is differentiated with respect to."""
        ends = {self.places[value] for value in self.ends(region) if value in self.places}
        inside = self.inside(region)
        reaches = set(ends)
        above = self.above([self.places[root] for root in region.roots if root in self.places], inside | ends)
        for one in sorted(self.graph.edges, key=lambda edge: edge.target):
            if one.history and one.source in reaches and one.target in above and one.target in inside:
                one.flow = True
                reaches.add(one.target)

    def inside(self, region: Region) -> set[int]:
        """The nodes of what the function computes; of a gradient among that, those of the function it is taken of."""
        found: set[int] = set()
        for value in region.body:
            if value in self.places:
                found.add(self.places[value])
            if isinstance(value, Gradient) and value.tracked:
                found |= {self.regions[id(value.region)], *self.inside(value.region)}
                found |= {self.places[one] for one in value.region.arguments.values() if one in self.places}
        return found

    def ends(self, region: Region) -> Iterable[Value]:
        return (*region.arguments.values(), *region.retained)

    def above(self, roots: list[int], inside: set[int]) -> set[int]:
        into: dict[int, list[int]] = {}
        for one in self.graph.edges:
            if one.history:
                into.setdefault(one.target, []).append(one.source)
        found, pending = set(roots), list(roots)
        while pending:
            for source in into.get(pending.pop(), []):
                if source in inside and source not in found:
                    found.add(source)
                    pending.append(source)
        return found


def _sign(value: Value) -> str:
    return value.op.name if isinstance(value, Applied | Put) else type(value).__name__


def _word(value: Value) -> str:
    return "stop_gradient" if isinstance(value, StopGradient | StraightThrough) else "not differentiable"
