"""What a picture shows: nodes in the order in which the program made them, the edges between them, and folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

__all__ = ["MOST_NODES", "Edge", "Graph", "Node", "NodeKind", "folded"]

MOST_NODES = 60
"""Nodes up to which every one is drawn."""

NodeKind = Literal[
    "leaf", "argument", "constant", "op", "view", "cut", "write", "gradient", "backward", "grad", "refused", "fold"
]


@dataclass
class Node:
    """One node.

    text: its statement, or its part of one. kind: drawn as a shape, and said in `words`.
    words: what else is said of it, in order. statement: the index in the tape program. line: in the case; 0: unknown.
    storage: for the tape, the number of the storage that it shows. sign: what repeats: the op, without names.
    stands_for: how many nodes a fold is.
    """

    kind: NodeKind
    text: str
    words: list[str]
    statement: int
    line: int
    storage: int | None = None
    sign: str = ""
    stands_for: int = 1


@dataclass
class Edge:
    """From one node, by its place, to a later one.

    history: a gradient may come back along it. flow: one did. cut: the word that ended the history here.
    storage: nothing but memory: what was written is what the target reads.
    """

    source: int
    target: int
    history: bool = False
    flow: bool = False
    cut: str = ""
    storage: bool = False


@dataclass
class Graph:
    """A directed graph whose edges all go from an earlier node to a later one."""

    title: str
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)

    def add(self, node: Node) -> int:
        """Append a node. Returns its place."""
        self.nodes.append(node)
        return len(self.nodes) - 1


# ---- folding ----


def folded(graph: Graph, most: int = MOST_NODES) -> Graph:
    """The graph with at most `most` nodes, as far as folds can.

    What repeats is folded first, then what one line computes, then leaves that stand together, then runs. A fold is one
    node in place of several that follow each other, so no edge ever turns around.
    """
    while len(graph.nodes) > most:
        repeat = _longest_repeat(graph.nodes)
        if repeat is None:
            break
        start, period, copies = repeat
        first, last = start + period, start + period * (copies - 1)
        graph = _contracted(graph, [(first, last, f"{copies - 2} times more")])
    for inner in (COMPUTED, SUPPLIED):
        if len(graph.nodes) > most:
            graph = _contracted(graph, _runs(graph.nodes, inner, one_line=inner is COMPUTED))
    if len(graph.nodes) > most:
        inside = [place for place, one in enumerate(graph.nodes) if one.kind not in DIFFERENTIATES]
        size = -(-len(inside) // max(most - (len(graph.nodes) - len(inside)), 1))
        starts = [place for place in inside if place - 1 not in inside]
        runs = []
        for start in starts:
            end = next(place for place in range(start, len(graph.nodes) + 1) if place not in inside)
            runs += [(at, min(at + size, end), "") for at in range(start, end, size)]
        graph = _contracted(graph, [run for run in runs if run[1] - run[0] > 1])
    return graph


WORTH_A_FOLD = 4
"""Nodes that a fold of repeats has to save more than."""
MOST_NAMED = 16
"""Nodes of one line up to which the last that has a name stands for them."""
COMPUTED: frozenset[NodeKind] = frozenset({"op", "view", "cut", "write", "gradient", "constant", "fold"})
SUPPLIED: frozenset[NodeKind] = frozenset({"leaf", "argument", "constant"})
DIFFERENTIATES: frozenset[NodeKind] = frozenset({"backward", "grad", "refused"})


def _longest_repeat(nodes: Sequence[Node]) -> tuple[int, int, int] | None:
    """Where a slice begins, how long it is and how often it stands there, at least 3 times; the one that saves most."""
    known: dict[tuple[object, ...], int] = {}
    keys = [(place,) if one.kind == "fold" else (one.kind, one.line, one.sign) for place, one in enumerate(nodes)]
    signs = np.array([known.setdefault(key, len(known)) for key in keys])
    best: tuple[int, tuple[int, int, int] | None] = (WORTH_A_FOLD, None)
    for period in range(1, len(nodes) // 3 + 1):
        same = np.concatenate([[False], signs[period:] == signs[:-period], [False]])
        bounds = np.flatnonzero(same[1:] != same[:-1])
        for start, end in zip(bounds[::2].tolist(), bounds[1::2].tolist(), strict=True):
            copies = (end - start) // period + 1
            saved = (copies - 2) * period - 1
            if copies >= 3 and saved > best[0]:
                best = saved, (start, period, copies)
    return best[1]


def _runs(nodes: Sequence[Node], inner: frozenset[NodeKind], *, one_line: bool) -> list[tuple[int, int, str]]:
    """Runs of nodes of some kinds; of one line of the case, where that is asked for."""
    runs, start = [], 0
    for place in range(1, len(nodes) + 1):
        alike = place < len(nodes) and nodes[place].kind in inner and nodes[start].kind in inner
        if alike and not (one_line and nodes[place].line != nodes[start].line):
            continue
        if place - start > 1:
            runs.append((start, place, ""))
        start = place
    return runs


def _contracted(graph: Graph, runs: Sequence[tuple[int, int, str]]) -> Graph:
    """The graph with each run of nodes, from the first to before the last place, as one."""
    made, places = Graph(graph.title), {}
    following = {start: (end, told) for start, end, told in runs}
    place = 0
    while place < len(graph.nodes):
        end, told = following.get(place, (place + 1, ""))
        inside = graph.nodes[place:end]
        node = inside[0] if len(inside) == 1 else _fold(inside, told)
        places.update(dict.fromkeys(range(place, end), made.add(node)))
        place = end
    seen: dict[tuple[int, int, bool, str], Edge] = {}
    for one in graph.edges:
        source, target = places[one.source], places[one.target]
        if source == target:
            continue
        key = source, target, one.storage, one.cut
        if key not in seen:
            seen[key] = Edge(source, target, one.history, one.flow, one.cut, one.storage)
        seen[key].history |= one.history
        seen[key].flow |= one.flow
    # Of several edges between two folds, one that history goes along says more than one beside it.
    kept = {(one.source, one.target) for one in seen.values() if one.history}
    made.edges = [
        one for one in seen.values() if one.history or one.cut or one.storage or (one.source, one.target) not in kept
    ]
    return made


def _fold(nodes: Sequence[Node], told: str) -> Node:
    lines = sorted({one.line for one in nodes if one.line})
    where = "" if not lines else f"line {lines[0]}" if len(lines) == 1 else f"lines {lines[0]}-{lines[-1]}"
    count = sum(one.stands_for for one in nodes)
    kinds = {one.kind for one in nodes}
    named = [one.text for one in nodes if " = " in one.text]
    if told:
        text = told
    elif kinds <= SUPPLIED:
        word = "constants" if kinds == {"constant"} else "arguments" if "argument" in kinds else "leaves"
        text = f"{count} {word}: {nodes[0].text}, …"
    elif len(lines) == 1 and named and count <= MOST_NAMED:
        text = named[-1]  # the last is what the others were computed for
    else:
        text = where or f"{count} nodes"
    words = [f"{count} nodes", *([where] if where and text != where else [])]
    signs = Counter(one.sign for one in nodes if one.sign)
    if text == where and signs:
        words.append(", ".join(sign for sign, _ in signs.most_common(2)))
    return Node("fold", text, words, nodes[0].statement, nodes[0].line, stands_for=count)
