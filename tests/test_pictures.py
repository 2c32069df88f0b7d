"""Pictures of programs: what they say is held to PyTorch itself, how they are drawn to what a page needs."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from op_samples import SAMPLES
from test_formulas import data

from compare.cases import load_cases
from compare.errors import ProgramError, UsageError
from compare.functionalize import functionalize
from compare.jax_leg import print_jax
from compare.ops import OPS
from compare.pictures import MOST_NODES, pictures, tape_picture, verified
from compare.pictures.graph import Edge, Graph, Node, folded
from compare.pictures.layout import laid_out
from compare.pictures.pure import pure_graph
from compare.pictures.svg import STYLE, draw
from compare.pictures.tape import tape_graph
from compare.program import Program
from compare.runner import Prepared, prepare
from compare.settings import put_back
from compare.statements import Apply, Constant, Leaf, Ref, RegisterPostAccumulateGradHook, Statement, bound
from compare.tape import Tape, record
from compare.torch_leg import print_torch, torch_settings

pytestmark = pytest.mark.xdist_group("pictures")  # all cases are prepared once

SVG = "{http://www.w3.org/2000/svg}"


def tape_of(case: Callable[[Any], None]) -> Graph:
    program = record(case, id="drawn", title="Drawn", dtype="float64")
    return tape_graph(program, print_torch(program))[0]


def pure_of(case: Callable[[Any], None]) -> Graph:
    program = record(case, id="drawn", title="Drawn", dtype="float64")
    pure = functionalize(program).pure
    return pure_graph(pure, print_jax(pure), [one.line for one in program.statements])[0]


def edges(graph: Graph, **wanted: Any) -> set[tuple[str, str]]:
    """The ends of the edges with these properties, by their texts."""
    found = [one for one in graph.edges if all(getattr(one, name) == value for name, value in wanted.items())]
    return {(graph.nodes[one.source].text, graph.nodes[one.target].text) for one in found}


def words(graph: Graph, text: str) -> list[str]:
    [node] = [node for node in graph.nodes if node.text == text]
    return node.words


def executed(text: str) -> dict[str, Any]:
    """The names of a printed PyTorch program after it ran."""
    names: dict[str, Any] = {}
    with put_back(torch_settings()), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        exec(text, names)
    return names


@pytest.fixture(scope="module")
def prepared() -> list[Prepared]:
    """Every case, recorded and printed."""
    found = [prepare(case) for case in load_cases().cases if case.kind == "case"]
    return [one for one in found if isinstance(one, Prepared)]


# ---- what the tape says is what PyTorch does ----


def single_ops() -> Iterator[tuple[str, Program]]:
    """Each op of the vocabulary on operands that are leaves, where they may be."""
    for name, samples in SAMPLES.items():
        op, sample = OPS[name], samples[0]
        statements: list[Statement] = []
        operands: list[Any] = []
        for place, operand in enumerate(sample.operands):
            if not isinstance(operand, np.ndarray):
                operands.append(operand)
                continue
            carries = place not in op.places(tuple(op.without_history), place + 1)
            kind = Leaf if carries and operand.dtype.kind == "f" else Constant
            statements.append(kind(target=f"x{place}", data=data(operand), dtype=operand.dtype.name))
            operands.append(Ref(f"x{place}"))
        statements.append(Apply(target="result", op=name, operands=tuple(operands), attributes=sample.attributes))
        with contextlib.suppress(ProgramError):  # a mask of unknown elements
            yield name, Program(name.replace("_", "-"), "One op", "float64", tuple(statements)).checked()  # type: ignore[arg-type]


def test_what_a_node_saves_is_what_pytorch_saves() -> None:
    """Wherever the op is one node of PyTorch's graph, its `_saved_` attributes are the operands and results named."""
    compared = 0
    for name, program in single_ops():
        source = print_torch(program)
        graph, _ = tape_graph(program, source)
        if graph.nodes[-1].kind == "view" or OPS[name].torch is None or source.arrays:
            continue
        names = executed(source.text)
        node = names["result"].grad_fn
        if node is None or any(up is not None and up.name() != "torch::autograd::AccumulateGrad"
                               for up, _ in node.next_functions):  # fmt: skip
            continue
        known = {one.data_ptr(): key for key, one in names.items() if re.fullmatch(r"x\d+", key)}
        known[names["result"].data_ptr()] = "its result"
        kept = [getattr(node, one) for one in dir(node) if one.startswith("_saved_")]
        flat = [one for each in kept for one in (each if isinstance(each, tuple | list) else [each])]
        saved = {known[one.data_ptr()] for one in flat if isinstance(one, torch.Tensor) and one.data_ptr() in known}
        said = [word.removeprefix("saves ") for word in graph.nodes[-1].words if word.startswith("saves ")]
        assert set(", ".join(said).split(", ")) - {""} == saved, name
        compared += 1
    assert compared > 100


def test_a_gradient_arrives_at_the_leaves_whose_grad_pytorch_fills(prepared: list[Prepared]) -> None:
    """Every case is run as PyTorch; each leaf says `.grad arrives` exactly where its slot is not empty at the end."""
    compared = 0
    for one in prepared:
        statements = one.program.statements
        if one.torch.arrays or ".grad = " in one.torch.text:  # a slot that is emptied says nothing
            continue
        targets = [target for each in statements for target in bound(each)]
        names = executed(one.torch.text)
        graph, _ = tape_graph(one.program, one.torch)
        for node in graph.nodes:
            leaf = statements[node.statement]
            if node.kind != "leaf" or not isinstance(leaf, Leaf) or targets.count(leaf.target) > 1:
                continue
            arrives = not any(word == "no .grad arrives" for word in node.words)
            assert arrives == (names[leaf.target].grad is not None), (one.case.id, leaf.target)
            compared += 1
    assert compared > 150


def test_a_gradient_goes_no_way_that_was_cut() -> None:

    def case(tape: Tape) -> None:
        a, b = tape.leaf([1.0, 2.0]), tape.leaf([3.0, 4.0])
        y = a * b
        z = y.detach() * b
        with tape.no_grad():
            k = a * 3
        loss = (z + k).sum()
        loss.backward()
        tape.observe(b.grad)

    graph = tape_of(case)
    assert ("b", "z = multiply(·, b)") in edges(graph, flow=True)
    assert ("y = a * b", "y.detach()") in edges(graph, cut="detach")
    assert ("a", "k = a * 3") in edges(graph, cut="no_grad")
    assert not {pair for pair in edges(graph, flow=True) if "a" in pair or "y = a * b" in pair}
    assert "no .grad arrives" in words(graph, "a")
    assert ".grad arrives" in words(graph, "b")


def test_a_write_counts_a_version_and_its_views_are_taken_again() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0, 3.0])
        y = a * 2
        v = y[:2]
        y *= 10
        loss = v.sum()
        loss.backward()
        tape.observe(a.grad)

    graph = tape_of(case)
    assert "version 0 → 1" in words(graph, "y *= 10")
    assert edges(graph, flow=True) == {
        ("a", "y = a * 2"), ("y = a * 2", "y *= 10"), ("y *= 10", "v"), ("v", "loss = v.sum()"),
        ("loss = v.sum()", "loss.backward()"),
    }  # fmt: skip
    assert edges(graph, flow=False) == {("y = a * 2", "v = y[:2]")}
    assert len({node.storage for node in graph.nodes if node.text in ("y = a * 2", "v = y[:2]", "y *= 10", "v")}) == 1


def test_a_write_through_data_is_seen_where_it_is_read_and_where_it_was_saved() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        early = (a * a).sum()
        d = a.data
        d.fill_(3.0)
        late = (a * 2).sum()
        loss = early + late
        loss.backward()
        tape.observe(loss)

    graph = tape_of(case)
    assert edges(graph, storage=True) == {("d.fill_(3.0)", "multiply(a, 2)")}
    assert "a was written since" in words(graph, "multiply(a, a)")
    assert not [word for word in words(graph, "multiply(a, 2)") if "written" in word]
    assert ("a", "d = a.data") in edges(graph, cut=".data")


def test_an_update_under_no_grad_keeps_the_history_of_its_leaf() -> None:
    def case(tape: Tape) -> None:
        w = tape.leaf([1.0, 2.0])
        for _ in range(3):
            loss = (w * w).sum()
            loss.backward()
            with tape.no_grad():
                w -= 0.1 * w.grad
        tape.observe(w)

    graph = tape_of(case)
    writes = [node for node in graph.nodes if node.kind == "write"]
    assert [node.words[1] for node in writes] == ["version 0 → 1", "version 1 → 2", "version 2 → 3"]
    assert all("history kept, no_grad" in node.words for node in writes)
    assert ".grad arrives 3 times" in words(graph, "w")
    # The second and the third backward come back through the writes before them; nothing comes through the last.
    through = [(one.source, one.target) for one in graph.edges if one.flow and graph.nodes[one.target].kind == "write"]
    first, second, last = (place for place, node in enumerate(graph.nodes) if node.kind == "write")
    assert through == [(0, first), (first, second)]
    assert not [one for one in graph.edges if one.source == last]


def test_what_pytorch_refuses_is_a_node_of_its_own() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0])
        with tape.expect_error(torch="a leaf Variable that requires grad", concept="inplace-on-leaf"):
            a += 1.0
        tape.observe(a)

    graph = tape_of(case)
    assert [node.words[0] for node in graph.nodes if node.kind == "refused"] == ["PyTorch raises"]
    assert len(edges(graph, cut="raises")) == 1


def test_what_was_written_after_it_was_saved_is_said_where_pytorch_raises() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        y = a.sigmoid()
        y *= 2.0
        z = a.exp()
        z = z + 1.0
        with tape.expect_error(torch="modified by an inplace operation", concept="stale-value"):
            (y.sum() + z.sum()).backward()
        tape.observe(a)

    graph = tape_of(case)
    [place] = [place for place, node in enumerate(graph.nodes) if "sigmoid" in node.text]
    assert "its result was written since" in graph.nodes[place].words
    assert not [node for node in graph.nodes if "exp" in node.text and "its result was written since" in node.words]
    assert not edges(graph, flow=True)


def test_a_second_backward_goes_through_the_first() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([1.0, 2.0])
        w = tape.leaf([3.0, 4.0])
        y = (w * x).tanh().sum()
        (slope,) = tape.grad([y], [x], create_graph=True)
        loss = (slope * slope).sum()
        loss.backward()
        tape.observe(w.grad)

    for graph in (tape_of(case), pure_of(case)):
        below = {
            graph.nodes[one.target].text for one in graph.edges if one.flow and graph.nodes[one.source].text == "w"
        }
        assert below == {"multiply(w, x)"}
        grads = [place for place, node in enumerate(graph.nodes) if node.kind in ("backward", "grad")]
        assert [one.flow for one in graph.edges if one.source == grads[0]] != [False]
        reached = {one.target for one in graph.edges if one.flow}
        assert {place for place, node in enumerate(graph.nodes) if node.text.startswith("loss = ")} <= reached


def test_hooks_and_retained_gradients_are_said_at_their_tensor() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        h = a * 2
        h.retain_grad()
        h.register_hook(lambda grad: grad * 3)
        h.sum().backward()
        tape.observe(h.grad)

    said = words(tape_of(case), "h = a * 2")
    assert "retains its gradient" in said
    assert any(word.startswith("hook ") for word in said)


# ---- the pure graph ----


def test_the_pure_graph_shows_what_jax_stops_and_where_its_gradient_comes_back() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        y = a * 2
        c = y.detach()
        loss = (y * c).sum()
        loss.backward()
        tape.observe(a.grad)

    graph = pure_of(case)
    assert {target for _, target in edges(graph, cut="stop_gradient")} == {"c = lax.stop_gradient(y)"}
    flow = edges(graph, flow=True)
    assert ("a", "y = a * 2") in flow
    assert not [pair for pair in flow if pair[0].startswith("c = ")]
    [grad] = [node for node in graph.nodes if node.kind == "grad"]
    assert grad.text == "jax.value_and_grad(loss_fn)" or grad.text.startswith("jax.")
    assert [node.text for node in graph.nodes if node.kind == "argument"] == ["a"]
    assert [node.text for node in graph.nodes if node.kind == "gradient"] == ["gradient for a"]


def test_an_update_that_no_gradient_passes_is_one_plain_value() -> None:
    def case(tape: Tape) -> None:
        w = tape.leaf([1.0, 2.0])
        (w * w).sum().backward()
        with tape.no_grad():
            w -= 0.1 * w.grad
        tape.observe(w)

    graph = pure_of(case)
    assert not edges(graph, cut="stop_gradient")
    assert [node.text for node in graph.nodes].count("w = w - 0.1 * w_grad") == 1


# ---- folds ----


def loop(count: int, period: int = 7) -> Graph:
    graph = Graph("A loop")
    graph.add(Node("leaf", "w", [], 0, 1, sign="Leaf"))
    for step in range(count):
        for place in range(period):
            at = graph.add(Node("op", f"h{place}_{step} = h", [], 1, 10 + place, sign=f"op{place}"))
            graph.edges.append(Edge(at - 1, at, history=True, flow=True))
    at = graph.add(Node("backward", "loss.backward()", [], 2, 30, sign="Backward"))
    graph.edges.append(Edge(at - 1, at, history=True, flow=True))
    return graph


def test_repeated_slices_fold_into_one_that_counts_them() -> None:
    graph = folded(loop(100))
    assert [node.text for node in graph.nodes if node.kind == "fold"] == ["98 times more"]
    assert len(graph.nodes) == 1 + 7 + 1 + 7 + 1
    assert all(one.flow for one in graph.edges)
    [fold] = [node for node in graph.nodes if node.kind == "fold"]
    assert (fold.stands_for, fold.words) == (98 * 7, ["686 nodes", "lines 10-16"])


def test_a_small_graph_is_drawn_as_it_is() -> None:
    assert folded(loop(8)) == loop(8)
    assert len(loop(8).nodes) <= MOST_NODES


def test_what_repeats_nowhere_folds_too_and_never_turns_an_edge() -> None:
    random = np.random.default_rng(7)
    graph = Graph("No repeat")
    for place in range(700):
        kind = "leaf" if place % 11 == 0 else "op"
        graph.add(Node(kind, f"n{place}", [], place, place, sign=str(place)))  # type: ignore[arg-type]
        graph.edges += [Edge(int(source), place) for source in random.integers(0, place, 2)] if place else []
    made = folded(graph)
    assert len(made.nodes) <= MOST_NODES
    assert sum(node.stands_for for node in made.nodes) == 700
    assert all(one.source < one.target for one in made.edges)


def test_a_long_loop_is_folded_quickly() -> None:
    started = time.process_time()
    draw(loop(400, 25), "")
    assert time.process_time() - started < 20


# ---- the layout ----


def test_nodes_do_not_overlap_and_edges_go_down(prepared: list[Prepared]) -> None:
    for one in prepared:
        graph = folded(tape_graph(one.program, one.torch)[0])
        sizes = [(60 + 3 * len(node.text), 40) for node in graph.nodes]
        placed = laid_out(sizes, [(edge.source, edge.target) for edge in graph.edges])
        for edge in graph.edges:
            assert placed.layers[edge.source] < placed.layers[edge.target]
        for layer in range(len(placed.bands)):
            row = sorted(
                (placed.x[place] - size[0] / 2, placed.x[place] + size[0] / 2)
                for place, size in enumerate(sizes)
                if placed.layers[place] == layer
            )
            assert all(left[1] <= right[0] + 1e-6 for left, right in itertools.pairwise(row)), one.case.id
            assert not row or (row[0][0] >= -1e-6 and row[-1][1] <= placed.width + 1)


def test_two_chains_do_not_cross() -> None:
    # Listed alternately, and with the last pair the other way round.
    links = [(0, 2), (1, 3), (2, 5), (3, 4)]
    placed = laid_out([(50, 20)] * 6, links)
    assert (placed.x[2] - placed.x[3]) * (placed.x[5] - placed.x[4]) > 0
    assert (placed.x[0] - placed.x[1]) * (placed.x[2] - placed.x[3]) > 0


# ---- the drawing ----


def test_every_case_is_drawn_as_inline_svg_that_names_its_statements(prepared: list[Prepared]) -> None:
    started, size = time.process_time(), 0
    for one in prepared:
        drawn = pictures(one.program, one.torch, one.lowering.pure, one.jax)
        for picture in (drawn.tape, drawn.pure):
            assert verified(picture) is picture
            root = ElementTree.fromstring(picture)
            assert root.get("role") == "img"
            assert [child.tag for child in root[:2]] == [f"{SVG}title", f"{SVG}desc"]
            nodes = root.findall(f"{SVG}g")
            statements = [one.program.statements[int(node.attrib["data-statement"])] for node in nodes]
            assert nodes or one.case.id in picture
            lines = [int(node.attrib["data-line"]) for node in nodes]
            if not any(isinstance(each, RegisterPostAccumulateGradHook) for each in one.program.statements):
                assert lines == [statement.line for statement in statements]
            assert " id=" not in picture
            size += len(picture)
    assert size < 2_000_000
    assert time.process_time() - started < 30


def test_a_kind_is_said_in_words_and_a_cut_by_its_gap() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        (a.detach() * a).sum().backward()
        tape.observe(a.grad)

    program = record(case, id="drawn", title="Drawn", dtype="float64")
    picture = tape_picture(program, print_torch(program))
    assert "leaf · storage A · f64[2]" in picture
    assert ">detach</text>" in picture
    assert "cut: no gradient comes back" in picture
    assert "a gradient came back this way" in picture
    assert "the same memory" not in picture


def test_text_of_a_program_is_text() -> None:
    graph = Graph('<script>alert("&")</script>')
    graph.add(Node("op", "x = '<b>' " + "y" * 400, ["<i>"], 0, 3))
    picture = draw(graph, "</desc><script>")
    assert "<script" not in picture
    assert "<b>" not in picture
    assert "<i>" not in picture
    root = ElementTree.fromstring(verified(picture))
    assert root.findtext(f"{SVG}title") == '<script>alert("&")</script>'
    assert (root.findtext(f"{SVG}g/{SVG}title") or "").endswith("y" * 400)


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("<title>", "<script>1</script><title>", "an element 'script'"),
        ('class="n"', 'class="n" onclick="x()"', "an attribute 'onclick'"),
        ('role="img"', 'role="img" style="position:fixed"', "an attribute 'style'"),
        (STYLE, STYLE + "body{display:none}", "an element 'style'"),
        ("<title>", "<!DOCTYPE svg><title>", "no <svg> element"),
        ("<title>", "<title", "not well-formed"),
        ("<svg ", "<p/><svg ", "no <svg> element"),
        ("<g ", '<a href="//x"/><g ', "an element 'a'"),
        ('class="n"', 'class="url(//x)"', "an attribute 'class'"),
    ],
)
def test_a_picture_of_a_foreign_run_file_has_to_be_one(old: str, new: str, wrong: str) -> None:
    picture = draw(loop(1), "Told.")
    assert old in picture
    with pytest.raises(UsageError, match=wrong):
        verified(picture.replace(old, new, 1))
