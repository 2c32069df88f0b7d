"""The reference where gradients are taken of gradients, held in slots, or asked of several tensors at once.

Each program is printed and run as PyTorch too; beside that there are numbers worked out by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any

import msgspec
import numpy as np
import pytest
from nested_programs import nested_program
from test_reference import apply, constant, doubling_hook, item, leaf, no_grad, numbers, program, withdrawn, write

from compare.judge import compare
from compare.observed import Array, Directional, LegRun, Observed, OneSided, Surrogate
from compare.ops import OPS, Slice
from compare.reference import moves, plan, run_reference
from compare.statements import (
    AutogradGrad,
    Backward,
    Detach,
    Grad,
    Read,
    ReadKind,
    RetainGrad,
    SetGrad,
    Statement,
)
from compare.torch_leg import print_torch, run_torch

# ---- statements in few words ----


def grad(targets: str, outputs: str, inputs: str, gradients: str = "", **flags: bool) -> AutogradGrad:
    """`tape.grad`, with several names in one text; the graph is kept."""
    return AutogradGrad(
        targets=tuple(targets.split()), outputs=tuple(outputs.split()), inputs=tuple(inputs.split()),
        gradients=tuple(gradients.split()), retain_graph=True, **flags,
    )  # fmt: skip


def recorded(targets: str, outputs: str, inputs: str, gradients: str = "", **flags: bool) -> AutogradGrad:
    """The same with create_graph."""
    return grad(targets, outputs, inputs, gradients, create_graph=True, **flags)


def backward(
    roots: str, gradients: Sequence[str | None] = (), inputs: str = "", *, create_graph: bool = False
) -> Backward:
    return Backward(
        roots=tuple(roots.split()), gradients=tuple(gradients), inputs=tuple(inputs.split()), retain_graph=True,
        create_graph=create_graph,
    )  # fmt: skip


def slot(target: str, source: str) -> Grad:
    return Grad(target=target, source=source)


def assign(handle: str, source: str | None) -> SetGrad:
    return SetGrad(handle=handle, source=source)


def read(names: str, *kinds: ReadKind) -> list[Read]:
    """Reads named `x` for a value, otherwise `x.grad` and so on."""
    return [
        Read(name=name if kind == "value" else f"{name}.{kind}", what=kind, handle=name)
        for name in names.split()
        for kind in kinds or ("value",)
    ]


def named(read: Read, name: str) -> Read:
    return msgspec.structs.replace(read, name=name)


def powers(base: str, *exponents: int) -> list[Statement]:
    return [apply(f"{base}{exponent}", "power", base, exponent) for exponent in exponents]


def run(*statements: Statement | Sequence[Statement]) -> LegRun:
    found = run_reference(program(*statements))
    assert found.failure is None, found.failure
    return found


# ---- the same in PyTorch ----


@dataclass(frozen=True)
class Example:
    """A program, and what is known of it by hand."""

    name: str
    statements: Sequence[Statement | Sequence[Statement]]
    known: dict[str, Any]


EXAMPLES = [
    Example(
        "three derivatives of a power",
        [
            leaf("x", 3.0), powers("x", 4), recorded("first", "x4", "x"), recorded("second", "first", "x"),
            grad("third", "second", "x"), read("first second third"), read("first third", "requires_grad", "is_leaf"),
        ],
        {"first": 108.0, "second": 108.0, "third": 72.0, "first.requires_grad": True, "third.is_leaf": True},
    ),
    Example(
        "gradient penalty",
        [
            leaf("w", [1.0, 2.0]), leaf("x", [3.0, 4.0]), apply("wx", "multiply", "w", "x"), powers("wx", 2),
            apply("y", "sum", "wx2"), recorded("g", "y", "x"), powers("g", 2), apply("penalty", "sum", "g2"),
            backward("penalty"), read("w x", "grad"),
        ],
        {"w.grad": [144.0, 2048.0], "x.grad": [24.0, 512.0]},
    ),
    Example(
        "a Hessian times a vector",
        [
            leaf("x", [1.0, 2.0]), constant("v", [1.0, 0.0]), powers("x", 3), apply("s", "sum", "x3"),
            apply("x_0", "getitem", "x", index=(0,)), apply("y", "multiply", "s", "x_0"), recorded("g", "y", "x"),
            apply("gv", "vecdot", "g", "v"), grad("product", "gv", "x"), read("product"),
        ],
        {"product": [12.0, 12.0]},
    ),
    Example(
        "a step that is differentiated, and one that is not",
        [
            leaf("w", 2.0), leaf("rate", 0.1), powers("w", 2), recorded("g", "w2", "w"),
            apply("step", "multiply", "rate", "g"), apply("new", "subtract", "w", "step"), powers("new", 2),
            Detach(target="fixed", source="g"), apply("step1", "multiply", "rate", "fixed"),
            apply("new1", "subtract", "w", "step1"), powers("new1", 2),
            grad("full rate_full", "new2", "w rate"), grad("first_order", "new12", "w"),
            read("new full rate_full first_order"),
        ],
        {"new": 1.6, "full": 2 * 1.6 * 0.8, "rate_full": 2 * 1.6 * -4, "first_order": 3.2},
    ),
    Example(
        "gradients of a product and of a linear function",
        [
            leaf("w", 2.0), leaf("x", 3.0), apply("wx", "multiply", "w", "x"), recorded("g", "wx", "w"),
            grad("of_w of_x", "g", "w x", allow_unused=True), apply("x5", "multiply", 5.0, "x"),
            recorded("constant_slope", "x5", "x"), read("g of_w of_x constant_slope"),
            read("g constant_slope", "requires_grad", "is_leaf"),
        ],
        {"of_w": None, "of_x": 1.0, "constant_slope": 5.0, "g.requires_grad": True, "constant_slope.is_leaf": True},
    ),
    Example(
        "inputs that depend on one another, and a detached path",
        [
            leaf("x", [1.0, 2.0]), apply("h", "sin", "x"), RetainGrad(handle="h"), Detach(target="d", source="h"),
            apply("hx", "multiply", "h", "x"), apply("hd", "multiply", "hx", "d"), apply("y", "sum", "hd"),
            grad("of_x of_h", "y", "x h"), read("of_x of_h"), read("x h", "grad"),
        ],
        {
            "of_h": [1 * np.sin(1), 2 * np.sin(2)], "x.grad": None, "h.grad": [np.sin(1), 2 * np.sin(2)],
            "of_x": [np.cos(1) * np.sin(1) + np.sin(1) ** 2, 2 * np.cos(2) * np.sin(2) + np.sin(2) ** 2],
        },
    ),
    Example(
        "what the outputs do not depend on",
        [
            leaf("x", [1.0, 2.0]), leaf("w", 3.0), apply("h", "multiply", "w", 2.0), apply("y", "sum", "x"),
            grad("a b", "y", "x h", allow_unused=True), recorded("c d", "y", "x w", materialize_grads=True),
            apply("dd", "multiply", "d", "w"), backward("dd"), read("a b c d"),
            read("w d", "grad"), read("c d", "requires_grad", "is_leaf"),
        ],
        {"a": [1.0, 1.0], "b": None, "d": 0.0, "d.requires_grad": True, "d.grad": 3.0, "w.grad": 0.0},
    ),
    Example(
        "several roots with cotangents, and some inputs only",
        [
            leaf("x", [1.0, 2.0]), leaf("w", 3.0), constant("v", [10.0, 100.0]), apply("y", "multiply", "x", "w"),
            RetainGrad(handle="y"), apply("z", "multiply", "w", "w"), apply("aside", "multiply", "w", 7.0),
            RetainGrad(handle="aside"), apply("both", "add", "z", "aside"),
            backward("y both", ["v", None], "x"), read("x w y aside", "grad"), backward("y both", ["v", None]),
            [named(one, f"{one.name} again") for one in read("x w y aside", "grad")],
        ],
        {
            "x.grad": [30.0, 300.0], "w.grad": None, "y.grad": [10.0, 100.0], "aside.grad": None,
            "x.grad again": [60.0, 600.0], "w.grad again": 210.0 + 6.0 + 7.0, "aside.grad again": 1.0,
        },
    ),
    Example(
        "a slot is added to in place",
        [
            leaf("x", [1.0, 2.0]), powers("x", 2), apply("y", "sum", "x2"), backward("y"), slot("held", "x"),
            backward("y"), no_grad(write("held", "multiply", 10.0)), backward("y"), slot("same", "x"),
            read("held same"), read("x", "grad"), assign("x", None), named(read("x", "grad")[0], "none"), backward("y"),
            slot("new", "x"), read("new"), named(read("held")[0], "held at the end"),
            Read(name="shared", what="shares_storage", handle="held", other="same"),
            Read(name="apart", what="shares_storage", handle="held", other="new"),
        ],
        {"held": [42.0, 84.0], "x.grad": [42.0, 84.0], "new": [2.0, 4.0], "held at the end": [42.0, 84.0],
         "none": None, "shared": True, "apart": False},
    ),
    Example(
        "an assigned slot is that very tensor",
        [
            leaf("x", [1.0, 2.0]), constant("t", [100.0, 200.0]), powers("x", 2), apply("y", "sum", "x2"),
            assign("x", "t"), backward("y"), read("t", "value", "version"), read("x", "grad"), write("t", "zeros_like"),
            named(read("x", "grad")[0], "zeroed"), backward("y"), named(read("t")[0], "t at the end"),
        ],
        {"t": [102.0, 204.0], "t.version": 1, "zeroed": [0.0, 0.0], "t at the end": [2.0, 4.0]},
    ),
    Example(
        "a recorded sum is a new tensor, a plain one is not",
        [
            leaf("x", 3.0), powers("x", 2, 3), backward("x2"), slot("first", "x"), backward("x3", create_graph=True),
            slot("second", "x"), read("first second"), read("second", "requires_grad"),
            grad("again", "second", "x"), backward("x2"), named(read("second")[0], "added to"),
            grad("unchanged", "second", "x"), read("again unchanged"), read("x", "grad"),
        ],
        {"first": 6.0, "second": 33.0, "second.requires_grad": True, "again": 18.0, "added to": 39.0,
         "unchanged": 18.0, "x.grad": 39.0},
    ),
    Example(
        "a retained gradient with history",
        [
            leaf("x", 2.0), apply("h", "multiply", "x", "x"), RetainGrad(handle="h"), powers("h", 2),
            backward("h2", create_graph=True), slot("g", "h"), powers("g", 2), grad("of_x of_h", "g2", "x h"),
            backward("h2"), read("g of_x of_h"), read("h", "grad"), read("g", "is_leaf"),
        ],
        {"g": 8.0, "of_h": 2 * 8.0 * 2.0, "of_x": 2 * 8.0 * 2.0 * 4.0, "h.grad": 8.0 + 32.0 + 8.0, "g.is_leaf": False},
    ),
    Example(
        "views, writes and detached values on the way",
        [
            leaf("x", [1.0, 2.0, 3.0]), powers("x", 2), apply("v", "getitem", "x2", index=(Slice(0, 2),)),
            apply("x_part", "getitem", "x", index=(Slice(0, 2),)),
            write("v", "multiply", "x_part"), item("x2", 2, 5.0), no_grad(write("x2", "multiply", 10.0)),
            apply("c", "multiply", "x2", "x2"), apply("y", "sum", "c"),
            recorded("g", "y", "x"), apply("s", "sum", "g"), grad("gg", "s", "x"), read("g gg"),
        ],
        # What is recorded is x**3, at ten times its value: c = (9 x0**3 + x**3)**2 around x0.
        {"g": [2 * 10 * 3.0, 2 * 80 * 12.0, 0.0], "gg": [2 * (9 + 10 * 6.0), 2 * (144 + 80 * 12.0), 0.0]},
    ),
    Example(
        "cotangents with history",
        [
            leaf("x", [1.0, 2.0]), leaf("v", [3.0, 4.0]), powers("x", 3), recorded("g", "x3", "x", "v"),
            apply("s", "sum", "g"), grad("of_x of_v", "s", "x v"), read("g of_x of_v"),
        ],
        {"g": [9.0, 48.0], "of_x": [18.0, 48.0], "of_v": [3.0, 12.0]},
    ),
]  # fmt: skip


def same(ours: Observed, theirs: Observed) -> bool:
    return compare(theirs, ours, "float64").agree


def disagreements(example: Example) -> list[str]:
    """Where the reference differs from PyTorch, or from what is known by hand."""
    checked = program(*example.statements)
    torch, reference = run_torch(checked, print_torch(checked)), run_reference(checked)
    assert torch.failure is None, torch.failure
    assert reference.failure is None, reference.failure
    assert set(example.known) <= set(torch.observed)
    found = []
    for name, theirs in torch.observed.items():
        ours = reference.observed.get(name, "nothing")
        known = example.known.get(name, ours)
        known = Array(np.array(known), "float64") if isinstance(known, float | list) else known
        if not (same(ours, theirs) and same(ours, known)):
            found.append(f"{name}: reference {ours}, torch {theirs}, known {known}")
    return found


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])
def test_it_agrees_with_torch_and_with_what_is_known(example: Example) -> None:
    assert disagreements(example) == []


TANH = OPS["tanh"].reference


def test_a_wrong_second_derivative_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted op has the value and the slope of the right one at the point, and bends a little more."""
    at = np.tanh(0.5)

    def bent(x: Any) -> Any:
        return TANH(x) + 1e-8 * (x - 0.5) ** 2

    example = Example(
        "tanh",
        [leaf("x", 0.5), apply("y", "tanh", "x"), recorded("g", "y", "x"), grad("gg", "g", "x"), read("y g gg")],
        {"gg": -2 * at * (1 - at**2)},
    )
    assert disagreements(example) == []
    monkeypatch.setitem(OPS, "tanh", changed(OPS["tanh"], reference=bent))
    assert [line.split(":")[0] for line in disagreements(example)] == ["gg"]


# ---- random programs ----


def search(seeds: range, order: int, words: Sequence[str] = ()) -> tuple[list[str], int]:
    """Where random programs differ from PyTorch, and how many derivatives of gradients agreed."""
    found, compared = [], 0
    for seed in seeds:
        checked, torch = nested_program(seed, order=order, words=words)
        reference = run_reference(checked)
        assert reference.failure is None, (seed, reference.failure)
        nested = any(isinstance(one, AutogradGrad | Backward) and one.create_graph for one in checked.statements)
        for name, theirs in torch.observed.items():
            ours = reference.observed.get(name, Surrogate("withdrawn"))
            if isinstance(ours, Surrogate):
                continue
            if isinstance(theirs, Array) and isinstance(ours, Array) and not np.isfinite(theirs.values).all():
                continue  # PyTorch's chain rule meets 0 * inf.
            compared += nested and isinstance(ours, Array)
            if not compare(theirs, ours, "float32").agree:
                found.append(f"seed {seed}, {name}: torch {theirs}, reference {ours}")
    return found, compared


TAPE_WORDS = ("view", "view", "write", "item", "detach", "data", "mode", "retain", "hook", "set_grad")


@pytest.mark.parametrize(
    ("seeds", "order", "words"), [(range(150), 2, ()), (range(50), 3, ()), (range(150), 2, TAPE_WORDS)]
)
def test_random_programs_agree_with_torch(seeds: range, order: int, words: Sequence[str]) -> None:
    found, compared = search(seeds, order, words)
    assert found == []
    assert compared > 100


def test_the_random_search_notices_a_wrong_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPS, "tanh", changed(OPS["tanh"], reference=lambda x: TANH(x) * (1 + 1e-3 * x)))
    found, _ = search(range(20), 2)
    assert found != []


# ---- kinks ----


def cubed_with_a_kink(data: float) -> list[Statement]:
    """x * |x|: smooth once, with a kink in the slope at 0."""
    return [leaf("x", data), apply("a", "abs", "x"), apply("y", "multiply", "x", "a"), recorded("g", "y", "x")]


def test_a_kink_of_a_gradient_is_an_interval() -> None:
    found = run(cubed_with_a_kink(0.0), grad("gg", "g", "x"), read("g gg"))
    assert abs(numbers(found.observed["g"])) < 1e-40
    second = found.observed["gg"]
    assert isinstance(second, OneSided)
    assert (second.left.tolist(), second.right.tolist()) == (-2.0, 2.0)
    assert numbers(run(cubed_with_a_kink(3.0), grad("gg", "g", "x"), read("gg")).observed["gg"]) == 2.0


def test_what_a_gradient_at_a_kink_is_used_for_is_not_claimed() -> None:
    found = run(
        leaf("x", [0.0, 2.0]), apply("a", "abs", "x"), apply("s", "sum", "a"), recorded("g", "s", "x"),
        apply("gx", "multiply", "g", "x"), apply("t", "sum", "gx"), grad("gg", "t", "x"), read("g gx gg"),
    )  # fmt: skip
    assert isinstance(found.observed["g"], OneSided)
    assert found.observed["gx"] == found.observed["gg"] == Surrogate("a gradient at a kink is used as a value")


def test_a_kink_that_only_the_moved_program_has_is_withdrawn() -> None:
    """|x| * y at 0, 0: smooth along x where y is 0, and along x where y is a little more or less than 0, not."""
    found = run(
        leaf("x", 0.0), leaf("y", 0.0), apply("a", "abs", "x"), apply("ay", "multiply", "a", "y"),
        recorded("g", "ay", "x"), grad("gg", "g", "y"), read("g gg"),
    )  # fmt: skip
    assert numbers(found.observed["g"]) == 0.0
    assert "no derivative" in withdrawn(found, "gg")


def test_an_infinite_second_derivative_is_infinite() -> None:
    found = run(
        leaf("x", 0.0), apply("y", "power", "x", 1.5), recorded("g", "y", "x"), grad("gg", "g", "x"), read("g gg")
    )
    assert abs(numbers(found.observed["g"])) < 1e-20
    assert numbers(found.observed["gg"]) == np.inf


# ---- gradients that are made up ----


def test_a_hook_makes_every_later_derivative_a_surrogate() -> None:
    found = run(
        leaf("x", 2.0), leaf("w", 3.0), apply("h", "multiply", "x", "x"), doubling_hook("hook", "h"),
        apply("y", "multiply", "h", "h"), recorded("g", "y", "x"), apply("gw", "multiply", "g", "w"),
        grad("of_x of_w", "gw", "x w"), apply("ww", "multiply", "w", "w"), grad("apart", "ww", "w"),
        read("g of_x of_w apart"),
    )  # fmt: skip
    reason = Surrogate("a hook on 'h' edits the cotangent")
    assert [found.observed[name] for name in ("g", "of_x", "of_w")] == [reason] * 3
    assert numbers(found.observed["apart"]) == 6.0


# ---- what depends on PyTorch's own graph ----


def test_where_a_formula_reads_the_result_nothing_is_claimed_of_it() -> None:
    """PyTorch has 1 for exp and None for sin; what moves the program at `y` moves neither gradient."""

    def second(op: str) -> LegRun:
        return run(
            leaf("x", 0.5), apply("y", op, "x"), recorded("g", "y", "x"),
            grad("of_x of_y", "g", "x y", allow_unused=True), read("of_x of_y"),
        )  # fmt: skip

    assert "computes from that result" in withdrawn(second("exp"), "of_y")
    assert numbers(second("exp").observed["of_x"]) == pytest.approx(np.exp(0.5))
    assert second("sin").observed["of_y"] is None


def test_a_gradient_that_another_one_was_computed_through_is_not_claimed() -> None:
    found = run(
        leaf("x", 0.5), apply("h", "sin", "x"), apply("y", "exp", "h"), recorded("of_x of_h", "y", "x h"),
        grad("between", "of_x", "of_h"), read("of_x of_h between"),
    )  # fmt: skip
    assert "another gradient of the same call" in withdrawn(found, "between")


def test_what_may_be_the_cotangent_itself_has_no_tape_facts() -> None:
    found = run(
        leaf("x", [1.0, 2.0]), constant("v", [3.0, 4.0]), apply("y", "add", "x", 1.0), grad("g", "y", "x", "v"),
        read("g", "value", "is_leaf", "version"), Read(name="shares", what="shares_storage", handle="g", other="v"),
    )  # fmt: skip
    assert numbers(found.observed["g"]).tolist() == [3.0, 4.0]
    for name in ("g.is_leaf", "g.version", "shares"):
        assert "handed on" in withdrawn(found, name)


def test_the_version_of_a_gradient_is_not_claimed() -> None:
    found = run(
        leaf("x", 2.0), apply("a", "multiply", "x", 2.0), apply("b", "multiply", "x", 3.0), apply("y", "add", "a", "b"),
        backward("y"), slot("g", "x"), read("g", "value", "version"),
    )  # fmt: skip
    assert numbers(found.observed["g"]) == 5.0
    assert "version counter" in withdrawn(found, "g.version")


def third_order(*reads: Read | Sequence[Read]) -> LegRun:
    """Of x * x, PyTorch's second derivative is 2 and depends on nothing; of x**2 it is 2 * x**0, and does."""
    return run(
        leaf("x", 3.0), apply("y", "multiply", "x", "x"), recorded("g", "y", "x"), recorded("gg", "g", "x"),
        apply("z", "add", "gg", "x"), apply("w", "multiply", "gg", 2.0), *reads,
    )  # fmt: skip


def test_whether_a_second_derivative_requires_grad_is_not_claimed() -> None:
    found = third_order(read("gg z w", "value", "requires_grad"), read("z", "is_leaf"))
    assert [float(numbers(found.observed[name])) for name in ("gg", "z", "w")] == [2.0, 5.0, 4.0]
    assert "formulas for second derivatives" in withdrawn(found, "gg.requires_grad")
    assert "formulas for second derivatives" in withdrawn(found, "w.requires_grad")
    assert (found.observed["z.requires_grad"], found.observed["z.is_leaf"]) == (True, False)


def test_whether_a_third_derivative_of_zero_is_none_is_not_claimed() -> None:
    found = third_order(grad("of_w", "w", "x", allow_unused=True), grad("of_z", "z", "x"), read("of_w of_z"))
    assert "None or zeros" in withdrawn(found, "of_w")
    assert numbers(found.observed["of_z"]) == 1.0


# ---- many elements ----


def penalty_of(count: int) -> LegRun:
    data = (np.arange(count) / 10).tolist()
    return run(
        leaf("x", data), apply("y", "sin", "x"), apply("s", "sum", "y"), recorded("g", "s", "x"), powers("g", 2),
        apply("t", "sum", "g2"), backward("t"), read("g"), read("x", "grad"),
    )  # fmt: skip


def test_a_second_derivative_with_too_many_moves_is_withdrawn() -> None:
    data = np.arange(60) / 10
    small, large = penalty_of(6), penalty_of(60)
    np.testing.assert_allclose(numbers(small.observed["x.grad"]), -2 * (np.cos(data) * np.sin(data))[:6], rtol=1e-12)
    np.testing.assert_allclose(numbers(large.observed["g"]), np.cos(data), rtol=1e-12)
    assert "too many elements" in withdrawn(large, "x.grad")


def test_where_the_third_derivative_is_too_much_the_second_is_still_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MOST_WORK", 500)
    found = run(
        leaf("x", [1.0, 2.0]), apply("y", "sin", "x"), apply("s", "sum", "y"), recorded("g", "s", "x"),
        apply("t", "sum", "g"), recorded("gg", "t", "x"), apply("u", "sum", "gg"), grad("ggg", "u", "x"),
        read("gg ggg"),
    )  # fmt: skip
    np.testing.assert_allclose(numbers(found.observed["gg"]), -np.sin([1.0, 2.0]), rtol=1e-12)
    assert "too many elements" in withdrawn(found, "ggg")


def test_a_large_tensor_outside_is_moved_along_random_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MOST_WORK", 500)
    data = np.random.default_rng(0).standard_normal(10)
    found = run(
        leaf("w", data.tolist()), leaf("x", 0.5), apply("wx", "multiply", "w", "x"), apply("y", "sin", "wx"),
        apply("s", "sum", "y"), recorded("g", "s", "x"), backward("g"), read("w x", "grad"),
    )  # fmt: skip
    of_w = found.observed["w.grad"]
    assert isinstance(of_w, Directional)
    exact = np.cos(data * 0.5) - data * 0.5 * np.sin(data * 0.5)
    np.testing.assert_allclose(of_w.derivatives, [np.sum(vector * exact) for vector in of_w.directions], rtol=1e-12)
    np.testing.assert_allclose(numbers(found.observed["x.grad"]), np.sum(-(data**2) * np.sin(data * 0.5)), rtol=1e-12)


def test_a_program_without_gradients_of_gradients_keeps_its_precision() -> None:
    assert [moves.working_digits(plan.Plan(limit=order)) for order in (1, 2, 3)] == [50, 111, 199]
