"""A graph as inline SVG: compact, without script and without ids, so that several can stand on one page.

Colours are the page's custom properties (`--ink`, `--accent`, `--paper`), or the text's own colour. Nothing is said by
colour alone: every kind of node has a shape and a word, a gradient's way is thick and has arrow heads, a cut is a gap.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from html import escape
from xml.etree import ElementTree

from compare.errors import UsageError
from compare.pictures.graph import Edge, Graph, Node, folded
from compare.pictures.layout import LAYER_GAP, Placed, laid_out

__all__ = ["draw", "verified"]

STYLE = (
    ".tape-picture{color:var(--ink,currentColor);font:12px var(--mono,ui-monospace,Menlo,Consolas,monospace)}"
    ".tape-picture text{fill:currentColor;text-anchor:middle}"
    ".tape-picture .s{font-size:10.5px}"
    ".tape-picture .n{fill:none;stroke:currentColor}"
    ".tape-picture .e{fill:none;stroke:currentColor;stroke-opacity:.6}"
    ".tape-picture .f{fill:none;stroke:var(--accent,#2f7fe0);stroke-width:3}"
    ".tape-picture .h{fill:var(--accent,#2f7fe0)}"
    ".tape-picture .t{fill:currentColor;fill-opacity:.6}"
    ".tape-picture .b{fill:none;stroke:currentColor;stroke-width:2}"
    ".tape-picture .m{stroke-dasharray:2 4}"
    ".tape-picture .w{font-size:10.5px;text-anchor:start;paint-order:stroke;stroke:var(--paper,Canvas);stroke-width:4}"
    ".tape-picture .k{text-anchor:start}"
)
TEXT, SMALL = 7.5, 6.5
"""Pixels that a character takes, with room for wider monospaced fonts."""
LONGEST_TEXT, LONGEST_WORDS = 32, 38
MARGIN = 12
NARROWEST = 72
WORDS = {
    "leaf": "leaf", "argument": "argument", "constant": "constant", "view": "view", "write": "in place",
    "backward": "backward", "grad": "differentiates",
}  # fmt: skip
"""What is said of a node beside its shape."""
CUT_GAP = 12


def draw(graph: Graph, about: str) -> str:
    """The graph as an `<svg>` element, folded where it is large. `about`: what a reader who sees no picture is told."""
    graph = folded(graph)
    lettered = _with_storages(graph)
    words = [_words(node, lettered) for node in graph.nodes]
    texts = [_short(node.text, LONGEST_TEXT) for node in graph.nodes]
    sizes = [_size(text, lines) for text, lines in zip(texts, words, strict=True)]
    placed = laid_out(sizes, [(one.source, one.target) for one in graph.edges])
    middles = [(round(x), sum(placed.bands[layer]) // 2) for x, layer in zip(placed.x, placed.layers, strict=True)]
    body, rightmost = _edges(graph, placed, middles, sizes)
    for node, (x, y), text, lines, size in zip(graph.nodes, middles, texts, words, sizes, strict=True):
        body.append(_node(node, x, y, text, lines, size))
    bottom = placed.bands[-1][1] if placed.bands else 0
    legend, width = _legend(graph, bottom + 26)
    wide, high = max(placed.width, width, rightmost), bottom + (18 * len(legend) + 16 if legend else 0)
    shown = escape(graph.title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tape-picture" role="img" aria-label="{shown}" '
        f'width="{wide + 2 * MARGIN}" height="{high + 2 * MARGIN}" '
        f'viewBox="{-MARGIN} {-MARGIN} {wide + 2 * MARGIN} {high + 2 * MARGIN}">'
        f"<title>{shown}</title><desc>{escape(about)}</desc><style>{STYLE}</style>{''.join([*body, *legend])}</svg>"
    )


# ---- what may stand on a page ----

NUMBERS = re.compile(r"[-0-9. ]*")
ATTRIBUTES: dict[str, dict[str, re.Pattern[str]]] = {
    "svg": {
        "class": re.compile("tape-picture"), "role": re.compile("img"), "aria-label": re.compile(".*"),
        "width": NUMBERS, "height": NUMBERS, "viewBox": NUMBERS,
    },
    "g": {"data-statement": NUMBERS, "data-line": NUMBERS},
    "rect": {"class": re.compile("n"), **dict.fromkeys(("x", "y", "width", "height", "rx"), NUMBERS)},
    "path": {"class": re.compile("[a-z]( m)?"), "d": re.compile(r"[-0-9. MVCmvhlz]*")},
    "text": {"class": re.compile("[a-z]( k)?"), "x": NUMBERS, "y": NUMBERS},
    "title": {}, "desc": {}, "style": {},
}  # fmt: skip
"""The elements that a picture has, and the whole of what each attribute may say."""


def verified(picture: str) -> str:
    """The picture of a stored run, which anybody may have written, where it is nothing but one. Raises UsageError."""
    wrong = "" if picture.startswith("<svg ") and not re.search("<[!?]", picture) else "it is no <svg> element"
    try:
        root = ElementTree.fromstring("<svg/>" if wrong else picture)  # no declaration, so no entity to expand
    except (ElementTree.ParseError, ValueError) as error:
        raise UsageError(f"This is not a picture of a program: {error}.") from error
    for element in root.iter():
        name = element.tag.removeprefix("{http://www.w3.org/2000/svg}")
        allowed = ATTRIBUTES.get(name, {})
        if name not in ATTRIBUTES or (name == "style" and element.text != STYLE):
            wrong = wrong or f"it has an element {name[:40]!r} that no picture has"
        for attribute, value in element.attrib.items():
            if attribute not in allowed or not allowed[attribute].fullmatch(value):
                wrong = wrong or f"it has an attribute {attribute[:40]!r} that no picture has"
    if wrong:
        raise UsageError(f"This is not a picture of a program: {wrong}.")
    return picture


# ---- nodes ----


def _with_storages(graph: Graph) -> dict[int, str]:
    """A letter for each storage that more than one node shows."""
    counts = Counter(node.storage for node in graph.nodes if node.storage is not None and node.kind != "fold")
    shared = [number for number, count in counts.items() if count > 1]
    return {number: _letters(place) for place, number in enumerate(shared)}


def _letters(place: int) -> str:
    """`A` to `Z`, then `A2` and so on."""
    return chr(ord("A") + place % 26) + (str(place // 26 + 1) if place >= 26 else "")


def _words(node: Node, lettered: dict[int, str]) -> list[str]:
    """The lines under the text of a node."""
    first = [WORDS[node.kind]] if node.kind in WORDS else []
    if node.storage in lettered and node.kind != "fold":
        first.append(f"storage {lettered[node.storage]}")
    lines = [""]
    for word in [*first, *node.words]:
        joined = f"{lines[-1]} · {word}" if lines[-1] else word
        if lines[-1] and len(joined) > LONGEST_WORDS:
            lines.append(word)
        else:
            lines[-1] = joined
    return [_short(line, LONGEST_WORDS) for line in lines if line]


def _size(text: str, lines: list[str]) -> tuple[int, int]:
    longest = max([TEXT * len(text), *[SMALL * len(line) for line in lines]])
    return max(round(longest) + 24, NARROWEST), 26 + 13 * len(lines)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _node(node: Node, x: int, y: int, text: str, lines: list[str], size: tuple[int, int]) -> str:
    width, height = size
    top, step = y - height // 2, 13
    written = [f'<text x="{x}" y="{top + 17}">{escape(text)}</text>']
    written += [
        f'<text class="s" x="{x}" y="{top + 17 + step * place}">{escape(line)}</text>'
        for place, line in enumerate(lines, 1)
    ]
    full = f"<title>{escape(node.text)}</title>" if text != node.text else ""
    at = f' data-line="{node.line}"' if node.line else ""
    shape = _shape(node, x - width // 2, top, width, height)
    return f'<g data-statement="{node.statement}"{at}>{full}{shape}{"".join(written)}</g>'


def _shape(node: Node, x: int, y: int, width: int, height: int) -> str:
    """The outline of a kind: no two are alike."""

    def box(round: int, inset: int = 0) -> str:
        corners = f' rx="{round}"' if round else ""
        size = f'width="{width - 2 * inset}" height="{height - 2 * inset}"{corners}'
        return f'<rect class="n" x="{x + inset}" y="{y + inset}" {size}/>'

    middle, slant = height // 2, 8
    match node.kind:
        case "leaf" | "argument":
            return box(middle)
        case "constant":
            return box(0)
        case "view" | "cut":
            return _outline(f"M{x + slant} {y}h{width - slant}l{-slant} {height}h{slant - width}z")
        case "write":
            side = width - 2 * slant
            return _outline(f"M{x} {y + middle}l{slant}-{middle}h{side}l{slant} {middle}-{slant} {middle}h-{side}z")
        case "backward" | "grad" | "gradient":
            return box(0) + box(0, 3)
        case "refused":
            cut = 8
            return _outline(
                f"M{x + cut} {y}h{width - 2 * cut}l{cut} {cut}v{height - 2 * cut}l-{cut} {cut}h-{width - 2 * cut}"
                f"l-{cut}-{cut}v-{height - 2 * cut}z"
            )
        case "fold":
            behind = f"M{x + 6} {y}v-3h{width - 9 + 6}v{height}h-3"
            return box(4) + _outline(behind)
    return box(4)


def _outline(path: str) -> str:
    return f'<path class="n" d="{path}"/>'


# ---- edges ----


def _edges(
    graph: Graph, placed: Placed, middles: list[tuple[int, int]], sizes: list[tuple[int, int]]
) -> tuple[list[str], int]:
    """Every edge, those that a gradient came back along last, so that they lie on top; then the words beside them.

    What is drawn alike is one path: a picture has as many elements as kinds of lines.

    Returns: the elements, and where the words end.
    """
    starts, ends = _ports(graph.edges, middles, sizes, placed)
    lines: dict[str, list[str]] = {kind: [] for kind in ("e", "e m", "t", "b", "f", "h")}
    said: dict[tuple[int, str], tuple[int, int]] = {}
    for place, one in enumerate(graph.edges):
        points = [(starts[place], middles[one.source][1] + sizes[one.source][1] // 2)]
        layer = placed.layers[one.source]
        for x in placed.ways[place]:
            layer += 1
            top, bottom = placed.bands[layer]
            points += [(round(x), top), (round(x), bottom)]
        points.append((ends[place], middles[one.target][1] - sizes[one.target][1] // 2))
        for kind, drawn in _edge(one, points):
            lines[kind].append(drawn)
        if one.cut:
            (left, upper), (right, lower) = points[-2:]
            upper = max(upper, lower - LAYER_GAP)
            at = ((left + right) // 2 + 9, (upper + lower) // 2 + 4)
            # Said once where several edges end alike, at the right of all.
            said[one.target, one.cut] = max(said.get((one.target, one.cut), at), at)
    words = [f'<text class="w" x="{x}" y="{y}">{escape(word)}</text>' for (_, word), (x, y) in said.items()]
    rightmost = max([x + round(SMALL * len(word)) for (_, word), (x, _) in said.items()], default=0)
    return [f'<path class="{kind}" d="{"".join(paths)}"/>' for kind, paths in lines.items() if paths] + words, rightmost


def _ports(
    edges: list[Edge], middles: list[tuple[int, int]], sizes: list[tuple[int, int]], placed: Placed
) -> tuple[list[int], list[int]]:
    """Where each edge leaves its source and enters its target: side by side, in the order of where they come from."""
    starts, ends = [0] * len(edges), [0] * len(edges)
    leaving: dict[int, list[int]] = {}
    entering: dict[int, list[int]] = {}
    for place, one in enumerate(edges):
        leaving.setdefault(one.source, []).append(place)
        entering.setdefault(one.target, []).append(place)
    for ports, found, first in ((starts, leaving, True), (ends, entering, False)):
        for node, places in found.items():

            def towards(place: int, first: bool = first) -> float:
                way = placed.ways[place]
                if way:
                    return way[0] if first else way[-1]
                return middles[edges[place].target if first else edges[place].source][0]

            places.sort(key=towards)
            room = min(16.0, (sizes[node][0] - 30) / max(len(places) - 1, 1))
            for number, place in enumerate(places):
                ports[place] = round(middles[node][0] + (number - (len(places) - 1) / 2) * room)
    return starts, ends


def _edge(one: Edge, points: list[tuple[int, int]]) -> list[tuple[str, str]]:
    """The way of an edge, its arrow head, and the gap of a cut: each with how it is drawn."""
    (x, y), (end, bottom) = points[0], points[-1]
    way = _way(points)
    if one.flow:
        # The gradient comes back: its head points up, at the source.
        return [("f", way), ("h", f"M{x} {y}l-5 10h10z")]
    head = ("t", f"M{end} {bottom}l-3-7h6z")
    if not one.cut:
        return [("e m" if one.storage else "e", way), head]
    start = points[-2]
    start = (start[0], max(start[1], bottom - LAYER_GAP))
    middle, level = (start[0] + end) // 2, (start[1] + bottom) // 2
    # Two pieces with a gap between two bars.
    half = CUT_GAP // 2
    pieces = _way([*points[:-1], (middle, level - half)]) + _way([(middle, level + half), (end, bottom)])
    bars = "".join(f"M{middle - 6} {level + side}h12" for side in (-half, half))
    return [("e", pieces), ("b", bars), head]


def _way(points: list[tuple[int, int]]) -> str:
    x, y = points[0]
    return f"M{x} {y}" + "".join(_curve(left, right) for left, right in itertools.pairwise(points))


def _curve(left: tuple[int, int], right: tuple[int, int]) -> str:
    """From one point to one below it: upright at both ends, and within the gap between two layers."""
    (x, y), (end, bottom) = left, right
    if x == end:
        return f"V{bottom}"
    straight = bottom - y - LAYER_GAP
    lead = f"V{y + straight}" if straight > 3 else ""
    y += max(straight, 0)
    bend = (bottom - y) // 2
    return f"{lead}C{x} {y + bend} {end} {bottom - bend} {end} {bottom}"


# ---- what the signs mean ----


FLOW_SIGN = '<path class="f" d="M0 {y}h26"/><path class="h" d="M0 {y}l10-5v10z"/>'
CUT_SIGN = '<path class="e" d="M0 {y}h9m8 0h9"/><path class="b" d="M9 {up}v12m8-12v12"/>'
MEMORY_SIGN = '<path class="e m" d="M0 {y}h26"/>'


def _legend(graph: Graph, top: int) -> tuple[list[str], int]:
    """A line for each sign that is drawn; and how wide they are."""
    signs = [
        (any(one.flow for one in graph.edges), FLOW_SIGN, "a gradient came back this way"),
        (any(one.cut for one in graph.edges), CUT_SIGN, "cut: no gradient comes back"),
        (any(one.storage for one in graph.edges), MEMORY_SIGN, "the same memory: reads what was written there"),
    ]
    drawn = [(sign, meaning) for used, sign, meaning in signs if used]
    rows = []
    for row, (sign, meaning) in enumerate(drawn):
        y = top + 18 * row
        shown = sign.replace("{y}", str(y)).replace("{up}", str(y - 6))
        rows.append(f'{shown}<text class="s k" x="34" y="{y + 4}">{meaning}</text>')
    return rows, max([34 + round(SMALL * len(meaning)) for _, meaning in drawn], default=0)
