"""The reference leg against numbers worked out by hand, and against PyTorch on programs that PyTorch gets right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

from compare.observed import Array, Directional, LegRun, OneSided, Surrogate
from compare.ops import OPS, Slice
from compare.program import Program
from compare.reference import run_reference
from compare.statements import (
    Apply,
    AssignData,
    Attempt,
    Backward,
    Constant,
    Data,
    Detach,
    EnterGradMode,
    ExitGradMode,
    Grad,
    ItemWrite,
    Leaf,
    Operand,
    Read,
    Ref,
    RegisterHook,
    RemoveHook,
    RequiresGrad,
    RetainGrad,
    Statement,
    Write,
)

# ---- a program in few words ----


def program(*statements: Statement | Sequence[Statement], dtype: str = "float64") -> Program:
    flat: list[Any] = [one for item in statements for one in ([item] if isinstance(item, Statement) else item)]
    return Program("an-example", "An example", dtype, tuple(flat)).checked()


def leaf(target: str, data: Any, dtype: str = "float64") -> Leaf:
    return Leaf(target=target, data=data, dtype=dtype)


def constant(target: str, data: Any, dtype: str = "float64") -> Constant:
    return Constant(target=target, data=data, dtype=dtype)


def operand(value: str | float) -> Operand:
    return Ref(value) if isinstance(value, str) else value


def apply(target: str, op: str, *operands: str | float, **attributes: Any) -> Apply:
    return Apply(target=target, op=op, operands=tuple(map(operand, operands)), attributes=attributes)


def write(handle: str, op: str, *operands: str | float) -> Write:
    return Write(handle=handle, op=op, operands=tuple(map(operand, operands)))


def item(handle: str, index: Any, value: str | float) -> ItemWrite:
    return ItemWrite(handle=handle, index=index if isinstance(index, tuple) else (index,), value=operand(value))


def backward(root: str, gradient: str | None = None, *, retain_graph: bool = False) -> Backward:
    gradients = () if gradient is None else (gradient,)
    return Backward(roots=(root,), gradients=gradients, retain_graph=retain_graph)


def no_grad(*statements: Statement) -> list[Statement]:
    return [EnterGradMode(mode="no_grad"), *statements, ExitGradMode()]


def doubling_hook(name: str, handle: str) -> RegisterHook:
    return RegisterHook(
        target=name, handle=handle, parameter="g", body=(apply("twice", "multiply", "g", 2.0),), result=Ref("twice")
    )


def refused(statement: Any, name: str = "an error") -> Attempt:
    return Attempt(name=name, attempted=statement, torch="RuntimeError: refused", jax=None, concept="refused")


def read(*names: str) -> list[Read]:
    """The value and the gradient of each name, and every fact that the tape keeps about it."""
    kinds: tuple[Any, ...] = ("value", "grad", "is_leaf", "requires_grad", "retains_grad", "version", "dtype")
    facts = [Read(name=f"{name}.{what}", what=what, handle=name) for name in names for what in kinds]
    shares = [
        Read(name=f"{one} shares {other}", what="shares_storage", handle=one, other=other)
        for place, one in enumerate(names)
        for other in names[place + 1 :]
    ]
    return [*facts, *shares]


def gradient(run: LegRun, name: str) -> Any:
    assert run.failure is None, run.failure
    return run.observed[f"{name}.grad"]


def numbers(seen: Any) -> np.ndarray[Any, Any]:
    assert isinstance(seen, Array), seen
    assert seen.values.dtype == np.float64
    return seen.values


# ---- the same program in PyTorch, by hand ----


def leaf_tensor(data: Any, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.tensor(data, dtype=dtype, requires_grad=True)


def three_weights() -> dict[str, torch.Tensor]:
    x = torch.ones(2, 2, dtype=torch.float64)
    w1, w2, w3 = leaf_tensor(2.0), leaf_tensor(3.0), leaf_tensor(4.0)
    l1 = x * w1
    l2, l3 = l1 + w2, l1 * w3
    loss = (l2 * l3).mean()
    loss.backward()
    return {"x": x, "w1": w1, "w2": w2, "w3": w3, "l1": l1, "loss": loss}


def nonleaf_grad() -> dict[str, torch.Tensor]:
    a = leaf_tensor([[1.0, 1.0], [1.0, 1.0]])
    b = 3 * a + 2
    b.retain_grad()
    loss = b.sum()
    loss.backward(retain_graph=True)
    loss.backward()
    return {"a": a, "b": b}


def item_writes_before_use() -> dict[str, torch.Tensor]:
    a = leaf_tensor([1.0, 3.0])
    b = a + 2
    b[0] = 1000.0
    b[0] = 1
    loss = (b * b).mean()
    loss.backward()
    return {"a": a, "b": b, "loss": loss}


def data_fill_before_use() -> dict[str, torch.Tensor]:
    a = leaf_tensor([10.0, 5.0, 2.0, 3.0])
    raw = a.data
    raw.fill_(10.0)
    alias = a.detach()
    alias.mul_(1.0)
    loss = (a * a).mean()
    loss.backward()
    return {"a": a, "raw": raw, "alias": alias, "loss": loss}


def no_grad_write_in_mid_graph() -> dict[str, torch.Tensor]:
    x = leaf_tensor(1.0)
    y = x * 2
    with torch.no_grad():
        y.mul_(10.0)
        unrecorded = y * 1.0
        with torch.enable_grad():
            recorded = y * 1.0
    z = y * 3
    z.backward()
    return {"x": x, "y": y, "z": z, "unrecorded": unrecorded, "recorded": recorded}


def sigmoid_detach_clone() -> dict[str, torch.Tensor]:
    a = leaf_tensor([1.0, 2.0, 3.0])
    out = a.sigmoid()
    c = out.detach().clone()
    c[0] = 10
    c.requires_grad_()
    loss, loss2 = out * 2, torch.sigmoid(c * 6)
    loss.sum().backward()
    loss2.sum().backward()
    return {"a": a, "out": out, "c": c}


def view_then_write() -> dict[str, torch.Tensor]:
    a = leaf_tensor([1.0, 2.0, 3.0])
    y = a * 2
    v = y[:2]
    y *= 10
    v.sum().backward()
    return {"a": a, "y": y, "v": v}


def retain_grad_follows_a_write() -> dict[str, torch.Tensor]:
    a = leaf_tensor(2.0)
    b = a * 3
    b.retain_grad()
    b.mul_(10.0)
    (b * b).backward()
    return {"a": a, "b": b}


def retained_view() -> dict[str, torch.Tensor]:
    a = leaf_tensor([1.0, 2.0, 3.0])
    h = a * 3
    v = h[:2]
    v.retain_grad()
    h.retain_grad()
    row = v[:1]
    (v.sum() * 7 + row.sum() * 100 + h.sum()).backward(retain_graph=True)
    h.mul_(10.0)
    (v.sum() * 3 + row.sum() * 11 + h.sum()).backward()
    return {"a": a, "h": h, "v": v}


def tracked_value_into_a_buffer() -> dict[str, torch.Tensor]:
    buffer = torch.zeros(2, 2, dtype=torch.float64)
    w, v = leaf_tensor([4.0, 5.0]), leaf_tensor(2.0)
    row = buffer[1]
    row.copy_(w)
    diagonal = buffer.diagonal()
    diagonal.mul_(v)
    (buffer * buffer).sum().backward()
    return {"buffer": buffer, "w": w, "v": v, "row": row, "diagonal": diagonal}


def two_backwards_and_a_cotangent() -> dict[str, torch.Tensor]:
    a = leaf_tensor([1.0, 2.0])
    v = torch.tensor([3.0, -1.0], dtype=torch.float64)
    y = a.exp()
    y.backward(v, retain_graph=True)
    y.sum().backward()
    return {"a": a, "y": y, "v": v}


def a_training_step() -> dict[str, torch.Tensor]:
    w, x = leaf_tensor([0.5, -1.5]), torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
    (x @ w).tanh().sum().backward()
    assert w.grad is not None
    step = w.grad.clone()
    with torch.no_grad():
        w -= 0.1 * step
    (x @ w).tanh().sum().backward()
    total = w.grad
    return {"w": w, "step": step, "total": total}


def float32_data() -> dict[str, torch.Tensor]:
    x = leaf_tensor([0.1, 0.7], torch.float32)
    y = (x * 0.1 + 0.3).sin()
    y.sum().backward()
    return {"x": x, "y": y}


@dataclass(frozen=True)
class Example:
    """A program, the same in PyTorch, and what is known by hand of it."""

    program: Program
    torch: Callable[[], dict[str, torch.Tensor]]
    known: dict[str, Any]
    rtol: float = 1e-10


SLOPES = [0.39322386648296, 0.20998717080701, 0.09035331946182]

EXAMPLES = [
    Example(
        program(
            constant("x", [[1.0, 1.0], [1.0, 1.0]]), leaf("w1", 2.0), leaf("w2", 3.0), leaf("w3", 4.0),
            apply("l1", "multiply", "x", "w1"), apply("l2", "add", "l1", "w2"), apply("l3", "multiply", "l1", "w3"),
            apply("l4", "multiply", "l2", "l3"), apply("loss", "mean", "l4"), backward("loss"),
            read("x", "w1", "w2", "w3", "l1", "loss"),
        ),
        three_weights,
        {"loss.value": 40.0, "w1.grad": 28.0, "w2.grad": 8.0, "w3.grad": 10.0, "l1.grad": None},
    ),
    Example(
        program(
            leaf("a", [[1.0, 1.0], [1.0, 1.0]]), apply("a3", "multiply", 3, "a"), apply("b", "add", "a3", 2),
            apply("loss", "sum", "b"), RetainGrad(handle="b"), backward("loss", retain_graph=True),
            backward("loss"), read("a", "b"),
        ),
        nonleaf_grad,
        {"a.grad": [[6.0, 6.0], [6.0, 6.0]], "b.grad": [[2.0, 2.0], [2.0, 2.0]], "b.retains_grad": True},
    ),
    Example(
        program(
            leaf("a", [1.0, 3.0]), apply("b", "add", "a", 2), item("b", 0, 1000.0), item("b", 0, 1),
            apply("bb", "multiply", "b", "b"), apply("loss", "mean", "bb"), backward("loss"), read("a", "b", "loss"),
        ),
        item_writes_before_use,
        {"a.grad": [0.0, 5.0], "b.version": 2},
    ),
    Example(
        program(
            leaf("a", [10.0, 5.0, 2.0, 3.0]), Data(target="raw", source="a"), write("raw", "fill", 10.0),
            Detach(target="alias", source="a"), write("alias", "multiply", 1.0), apply("aa", "multiply", "a", "a"),
            apply("loss", "mean", "aa"), backward("loss"), read("a", "raw", "alias", "loss"),
        ),
        data_fill_before_use,
        {"loss.value": 100.0, "a.grad": [5.0] * 4, "raw.version": 1, "a.version": 1, "a shares raw": True},
    ),
    Example(
        program(
            leaf("x", 1.0), apply("y", "multiply", "x", 2),
            no_grad(
                write("y", "multiply", 10.0), apply("unrecorded", "multiply", "y", 1.0),
                EnterGradMode(mode="enable_grad"), apply("recorded", "multiply", "y", 1.0), ExitGradMode(),
            ),
            apply("z", "multiply", "y", 3), backward("z"), read("x", "y", "z", "unrecorded", "recorded"),
        ),
        no_grad_write_in_mid_graph,
        {"z.value": 60.0, "x.grad": 6.0, "unrecorded.requires_grad": False, "recorded.requires_grad": True},
    ),
    Example(
        program(
            leaf("a", [1.0, 2.0, 3.0]), apply("out", "sigmoid", "a"), Detach(target="d", source="out"),
            apply("c", "clone", "d"), item("c", 0, 10), RequiresGrad(handle="c"), apply("loss", "multiply", "out", 2),
            apply("c6", "multiply", "c", 6), apply("loss2", "sigmoid", "c6"), apply("total", "sum", "loss"),
            apply("total2", "sum", "loss2"), backward("total"), backward("total2"), read("a", "out", "c"),
        ),
        sigmoid_detach_clone,
        {"a.grad": SLOPES, "c.grad": [0.0, 0.030102903, 0.0196384906], "c.version": 1, "out.version": 0},
    ),
    Example(
        program(
            leaf("a", [1.0, 2.0, 3.0]), apply("y", "multiply", "a", 2),
            apply("v", "getitem", "y", index=(Slice(0, 2),)), write("y", "multiply", 10),
            apply("loss", "sum", "v"), backward("loss"), read("a", "y", "v"),
        ),
        view_then_write,
        {"a.grad": [20.0, 20.0, 0.0], "v.value": [20.0, 40.0], "v.version": 1},
    ),
    Example(
        program(
            leaf("a", 2.0), apply("b", "multiply", "a", 3), RetainGrad(handle="b"), write("b", "multiply", 10.0),
            apply("loss", "multiply", "b", "b"), backward("loss"), read("a", "b"),
        ),
        retain_grad_follows_a_write,
        {"b.grad": 120.0, "a.grad": 3600.0},
    ),
    Example(
        program(
            leaf("a", [1.0, 2.0, 3.0]), apply("h", "multiply", "a", 3),
            apply("v", "getitem", "h", index=(Slice(0, 2),)), RetainGrad(handle="v"),
            RetainGrad(handle="h"), apply("row", "getitem", "v", index=(Slice(0, 1),)),
            apply("v1", "sum", "v"), apply("v7", "multiply", "v1", 7), apply("r1", "sum", "row"),
            apply("r100", "multiply", "r1", 100), apply("h1", "sum", "h"), apply("s", "add", "v7", "r100"),
            apply("loss", "add", "s", "h1"), backward("loss", retain_graph=True), write("h", "multiply", 10.0),
            apply("v2", "sum", "v"), apply("v3", "multiply", "v2", 3), apply("r2", "sum", "row"),
            apply("r11", "multiply", "r2", 11), apply("h2", "sum", "h"), apply("s2", "add", "v3", "r11"),
            apply("loss2", "add", "s2", "h2"), backward("loss2"), read("a", "h", "v"),
        ),
        retained_view,
        # First through the view and the view of it; once the base is written, the view of the view starts at the base.
        {"v.grad": [107.0 + 3.0, 7.0 + 3.0], "h.grad": [108.0 + 15.0, 8.0 + 4.0, 1.0 + 1.0]},
    ),
    Example(
        program(
            constant("buffer", [[0.0, 0.0], [0.0, 0.0]]), leaf("w", [4.0, 5.0]), leaf("v", 2.0),
            apply("row", "getitem", "buffer", index=(1,)), write("row", "copy", "w"),
            apply("diagonal", "diagonal", "buffer"), write("diagonal", "multiply", "v"),
            apply("bb", "multiply", "buffer", "buffer"), apply("loss", "sum", "bb"),
            backward("loss"), read("buffer", "w", "v", "row", "diagonal"),
        ),
        tracked_value_into_a_buffer,
        {"w.grad": [8.0, 40.0], "v.grad": 100.0, "buffer.is_leaf": False, "row.requires_grad": True},
    ),
    Example(
        program(
            leaf("a", [1.0, 2.0]), constant("v", [3.0, -1.0]), apply("y", "exp", "a"),
            backward("y", gradient="v", retain_graph=True), apply("loss", "sum", "y"), backward("loss"),
            read("a", "y", "v"),
        ),
        two_backwards_and_a_cotangent,
        {"a.grad": [4 * np.e, 0.0]},
    ),
    Example(
        program(
            leaf("w", [0.5, -1.5]), constant("x", [[1.0, 2.0], [3.0, 4.0]]), apply("y", "matmul", "x", "w"),
            apply("t", "tanh", "y"), apply("loss", "sum", "t"), backward("loss"), Grad(target="g", source="w"),
            apply("step", "clone", "g"),
            no_grad(apply("move", "multiply", 0.1, "step"), write("w", "subtract", "move")),
            apply("y2", "matmul", "x", "w"), apply("t2", "tanh", "y2"), apply("loss2", "sum", "t2"),
            backward("loss2"), Grad(target="total", source="w"), read("w", "step"),
            Read(name="total.value", what="value", handle="total"),
        ),
        a_training_step,
        {"w.version": 1},
    ),
    Example(
        program(
            leaf("x", [0.1, 0.7], "float32"), apply("x1", "multiply", "x", 0.1), apply("x2", "add", "x1", 0.3),
            apply("y", "sin", "x2"), apply("loss", "sum", "y"), backward("loss"), read("x", "y"), dtype="float32",
        ),
        float32_data,
        {"x.dtype": "float32"},
        rtol=3e-7,
    ),
]  # fmt: skip


def of_torch(read: Read, tensors: dict[str, torch.Tensor]) -> Any:
    tensor = tensors[read.handle]
    match read.what:
        case "value":
            return tensor.detach().numpy()
        case "grad":
            with pytest.warns() if not tensor.is_leaf and not tensor.retains_grad else pytest.MonkeyPatch.context():
                return None if tensor.grad is None else tensor.grad.numpy()
        case "version":
            return tensor._version
        case "dtype":
            return str(tensor.dtype).removeprefix("torch.")
        case "shares_storage":
            assert read.other is not None
            return tensor.untyped_storage().data_ptr() == tensors[read.other].untyped_storage().data_ptr()
        case what:
            return getattr(tensor, what)


def disagreements(example: Example) -> list[str]:
    """The observations at which the reference and PyTorch, or the reference and the known numbers, differ."""
    run = run_reference(example.program)
    assert run.failure is None, run.failure
    tensors = example.torch()
    reads = [statement for statement in example.program.statements if isinstance(statement, Read)]
    found = []
    for one in reads:
        seen = run.observed[one.name]
        ours = seen.values if isinstance(seen, Array) else seen
        for name, theirs in (("torch", of_torch(one, tensors)), ("known", example.known.get(one.name, ours))):
            if isinstance(ours, np.ndarray) and theirs is not None:
                rtol, atol = (1e-7, 1e-8) if name == "known" else (example.rtol, 1e-14)
                same = ours.shape == np.shape(theirs) and np.allclose(
                    ours, theirs, rtol=rtol, atol=atol, equal_nan=True
                )
            else:
                same = type(ours) is type(theirs) and ours == theirs
            if not same:
                found.append(f"{one.name}: reference {ours}, {name} {theirs}")
    assert set(example.known) <= {one.name for one in reads}
    return found


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.torch.__name__ for example in EXAMPLES])
def test_it_agrees_with_torch_and_with_what_is_known(example: Example) -> None:
    assert disagreements(example) == []


TANH = OPS["tanh"].reference


@pytest.mark.parametrize(
    ("op", "wrong"),
    [
        ("multiply", OPS["add"].reference),
        ("mean", OPS["sum"].reference),
        ("sigmoid", OPS["tanh"].reference),
        ("tanh", lambda x: TANH(x) * mpmath.mpf("1.000000001")),
    ],
)
def test_a_wrong_op_is_noticed(op: str, wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPS, op, replace(OPS[op], reference=wrong))
    assert any(".grad" in line for example in EXAMPLES for line in disagreements(example))


def test_the_precision_of_the_caller_is_left_alone() -> None:
    with mpmath.workdps(17):
        run_reference(EXAMPLES[0].program)
        assert mpmath.mp.dps == 17


# ---- where PyTorch is wrong or refuses ----


def test_a_write_through_data_after_the_forward_leaves_the_gradient_of_what_was_computed() -> None:
    run = run_reference(
        program(
            leaf("a", [10.0, 5.0, 2.0, 3.0]), apply("aa", "multiply", "a", "a"), apply("loss", "mean", "aa"),
            Data(target="raw", source="a"), write("raw", "fill", 10.0), backward("loss"), read("a", "raw"),
        )
    )  # fmt: skip
    assert numbers(gradient(run, "a")).tolist() == [5.0, 2.5, 1.0, 1.5]
    assert numbers(run.observed["a.value"]).tolist() == [10.0] * 4
    assert (run.observed["a.version"], run.observed["raw.version"]) == (0, 1)


def test_integers_are_compared_with_a_number_and_not_with_its_truth() -> None:
    run = run_reference(
        program(
            constant("labels", [2, -100, 0], "int64"),
            apply("kept", "not_equal", "labels", -100),
            apply("above", "greater", "labels", 1.5),
            Read(name="kept", what="value", handle="kept"),
            Read(name="above", what="value", handle="above"),
        )
    )
    assert run.failure is None
    assert [run.observed[name].values.tolist() for name in ("kept", "above")] == [  # type: ignore[union-attr]
        [True, False, True],
        [True, False, False],
    ]


def test_a_tensor_put_under_itself_is_no_change() -> None:
    run = run_reference(
        program(
            leaf("a", [1.0, 2.0]),
            apply("v", "getitem", "a", index=(0,)),
            AssignData(handle="v", source="v"),
            apply("loss", "sum", "a"),
            backward("loss"),
            read("a"),
        )
    )
    assert numbers(gradient(run, "a")).tolist() == [1.0, 1.0]


def test_of_a_refused_backward_the_gradient_still_exists() -> None:
    run = run_reference(
        program(
            leaf("a", [1.0, 3.0]), apply("b", "add", "a", 2), apply("bb", "multiply", "b", "b"),
            apply("loss", "sum", "bb"), item("b", 0, 1000.0), refused(backward("loss")), read("a"),
        )
    )  # fmt: skip
    assert numbers(gradient(run, "a")).tolist() == [6.0, 10.0]
    assert "an error" not in run.observed


def test_a_refused_write_and_a_refused_backward_without_history_have_no_effect() -> None:
    run = run_reference(
        program(
            leaf("a", [1.0, 3.0]), refused(write("a", "add", 1.0)), constant("c", 2.0), apply("d", "multiply", "c", 3),
            refused(backward("d"), "another"), refused(RetainGrad(handle="d"), "a third"), read("a", "c", "d"),
        )
    )  # fmt: skip
    assert numbers(run.observed["a.value"]).tolist() == [1.0, 3.0]
    assert (run.observed["a.version"], run.observed["c.grad"], run.observed["d.retains_grad"]) == (0, None, False)


# ---- hooks ----


def hooked(*statements: Statement) -> LegRun:
    """x and y meet in h = x * y, and y goes to the loss by another way too; z does not pass h."""
    return run_reference(
        program(
            leaf("x", 2.0), leaf("y", 3.0), leaf("z", 5.0), apply("h", "multiply", "x", "y"), RetainGrad(handle="h"),
            apply("used", "multiply", "h", "z"), *statements, apply("loss", "add", "used", "y"), backward("loss"),
            read("x", "y", "z", "h"),
        )
    )  # fmt: skip


def test_a_hook_makes_every_gradient_that_passes_it_a_surrogate() -> None:
    run = hooked(doubling_hook("hook", "h"))
    for name in ("x", "y", "h"):
        assert gradient(run, name) == Surrogate("a hook on 'h' edits the cotangent")
    assert numbers(gradient(run, "z")) == 6.0


def test_a_hook_on_a_leaf_is_the_leafs_own() -> None:
    run = hooked(doubling_hook("hook", "x"))
    assert gradient(run, "x") == Surrogate("a hook on 'x' edits the cotangent")
    assert [float(numbers(gradient(run, name))) for name in ("y", "h")] == [11.0, 5.0]


@pytest.mark.parametrize(
    "statements",
    [
        (doubling_hook("hook", "h"), RemoveHook(hook="hook")),
        (RegisterHook(target="hook", handle="h", parameter="g", body=(), result=None),),
        (apply("aside", "multiply", "h", 2.0), doubling_hook("hook", "aside")),
    ],
    ids=["removed", "returns None", "off the path"],
)
def test_a_hook_that_changes_nothing_leaves_numbers(statements: tuple[Statement, ...]) -> None:
    run = hooked(*statements)
    found = {name: float(numbers(gradient(run, name))) for name in ("x", "y", "z", "h")}
    assert found == {"x": 15.0, "y": 11.0, "z": 6.0, "h": 5.0}


def test_what_is_computed_from_a_surrogate_is_not_known() -> None:
    run = run_reference(
        program(
            leaf("x", 2.0), leaf("z", 5.0), apply("y", "multiply", "x", "x"), doubling_hook("hook", "x"),
            backward("y"), Grad(target="g", source="x"), constant("c", [1.0, 2.0]), item("c", 0, "g"),
            apply("loss", "multiply", "g", "z"), read("g", "c", "loss"), backward("loss"), read("z"),
        )
    )  # fmt: skip
    reason = Surrogate("a hook on 'x' edits the cotangent")
    assert [run.observed[name] for name in ("g.value", "loss.value", "z.grad", "c.value")] == [reason] * 4


# ---- kinks, edges and infinities ----


def elementwise(op: str, data: list[float], *operands: float | str) -> Any:
    statements = (
        leaf("x", data), constant("zero", 0.0), apply("y", op, "x", *operands), apply("loss", "sum", "y"),
        backward("loss"), read("x"),
    )  # fmt: skip
    return gradient(run_reference(program(*statements)), "x")


def test_the_absolute_value_at_zero_is_an_interval() -> None:
    found = elementwise("abs", [-2.0, 0.0, 3.0])
    assert isinstance(found, OneSided)
    assert (found.left.tolist(), found.right.tolist()) == ([-1.0, -1.0, 1.0], [-1.0, 1.0, 1.0])


def test_relu_at_zero_is_an_interval() -> None:
    found = elementwise("maximum", [-2.0, 0.0, 3.0], "zero")
    assert isinstance(found, OneSided)
    assert (found.left.tolist(), found.right.tolist()) == ([0.0, 0.0, 1.0], [0.0, 1.0, 1.0])


def test_kinks_add_up_over_two_backwards() -> None:
    run = run_reference(
        program(
            leaf("x", 0.0), apply("y", "abs", "x"), backward("y"), apply("z", "multiply", "x", 3.0),
            backward("z"), read("x"),
        )
    )  # fmt: skip
    found = gradient(run, "x")
    assert isinstance(found, OneSided)
    assert (found.left.tolist(), found.right.tolist()) == (2.0, 4.0)


def test_a_square_at_zero_is_smooth_and_exactly_zero() -> None:
    assert numbers(elementwise("power", [0.0, 1e-30, -1.5], 2)).tolist() == [0.0, 2e-30, -3.0]


@pytest.mark.parametrize(
    ("op", "operands", "expected"),
    [
        ("sqrt", (), [np.inf, 0.25]),
        ("power", (0.9,), [np.inf, 0.9 * 4**-0.1]),
        ("power", (1.5,), [0.0, 3.0]),
        ("log", (), [np.inf, 0.25]),
    ],
)
def test_at_the_edge_of_a_domain_the_side_that_exists_counts(op: str, operands: Any, expected: list[float]) -> None:
    np.testing.assert_allclose(numbers(elementwise(op, [0.0, 4.0], *operands)), expected, rtol=1e-12, atol=1e-20)


def test_the_norm_at_zero_is_a_kink_where_a_chain_rule_has_no_number() -> None:
    run = run_reference(
        program(
            leaf("x", [0.0, 0.0]), apply("xx", "multiply", "x", "x"), apply("s", "sum", "xx"),
            apply("norm", "sqrt", "s"), backward("norm"), read("x"),
        )
    )  # fmt: skip
    found = gradient(run, "x")
    assert isinstance(found, OneSided)
    assert (found.left.tolist(), found.right.tolist()) == ([-1.0, -1.0], [1.0, 1.0])


def test_a_kink_used_as_a_value_is_not_a_number() -> None:
    run = run_reference(
        program(
            leaf("x", 0.0), apply("y", "abs", "x"), backward("y"), Grad(target="g", source="x"),
            apply("h", "multiply", "g", 2.0), read("x", "h"),
        )
    )  # fmt: skip
    assert isinstance(gradient(run, "x"), OneSided)
    assert run.observed["h.value"] == Surrogate("a gradient at a kink is used as a value")


# ---- numbers ----


def test_data_and_numbers_are_rounded_to_the_dtype_of_the_run() -> None:
    run = run_reference(
        program(
            leaf("x", [0.1], "float32"), apply("y", "multiply", "x", 0.1), constant("i", [1, 2], "int64"),
            apply("j", "multiply", "i", 3), apply("loss", "sum", "y"), backward("loss"), read("x", "y", "i", "j"),
            dtype="float32",
        )
    )  # fmt: skip
    tenth = float(np.float32(0.1))
    assert numbers(run.observed["x.value"])[0] == tenth != 0.1
    assert numbers(run.observed["y.value"])[0] == tenth * tenth
    assert numbers(gradient(run, "x"))[0] == tenth
    integers = run.observed["j.value"]
    assert isinstance(integers, Array)
    assert (integers.values.tolist(), str(integers.values.dtype), integers.dtype) == ([3, 6], "int64", "int64")


# ---- what exact numbers cannot decide ----


def withdrawn(run: LegRun, name: str) -> str:
    """Why the reference says nothing at a read."""
    assert run.failure is None, run.failure
    assert name not in run.observed, run.observed[name]
    [reason] = run.warnings[name]
    return reason


def summed(data: Any, *statements: Statement) -> LegRun:
    """`x = data`, the statements, which end in `y`, `loss = y.sum()`, and its backward."""
    end = (apply("loss", "sum", "y"), backward("loss"), read("x", "y"))
    return run_reference(program(leaf("x", data), *statements, *end))


NAN_DATA = ["nan", 1.0, 2.0]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (apply("y", "multiply", "x", 2.0), [2.0, 2.0, 2.0]),
        (apply("y", "multiply", "c", "x"), [np.inf, 3.0, 4.0]),
        (apply("y", "divide", "x", "c"), [0.0, 1 / 3, 0.25]),
        (apply("y", "subtract", 1.0, "x"), [-1.0, -1.0, -1.0]),
        (apply("y", "add", "x", "c"), [1.0, 1.0, 1.0]),
        (apply("y", "vecdot", "x", "c"), [np.inf, 3.0, 4.0]),
        (apply("y", "outer", "c", "x"), [np.inf, np.inf, np.inf]),
        (apply("y", "matmul", "m", "x"), [1.0, 0.0, 2.0]),
        (apply("y", "stack", "x", "c"), [1.0, 1.0, 1.0]),
        (apply("y", "where", "few", "x", "c"), [0.0, 0.0, 1.0]),
        (apply("y", "mean", "x"), [1 / 3, 1 / 3, 1 / 3]),
        (apply("y", "getitem", "x", index=(0,)), [1.0, 0.0, 0.0]),
    ],
)
@pytest.mark.parametrize("data", [NAN_DATA, ["inf", 1.0, 2.0]])
def test_what_is_linear_in_the_moved_operand_is_exact_beside_nan_and_infinity(
    statement: Apply, expected: list[float], data: Any
) -> None:
    constants = (
        constant("c", ["inf", 3.0, 4.0]), constant("m", [[1.0, 0.0, 2.0]]),
        constant("few", [False, False, True], "bool"),
    )  # fmt: skip
    found = numbers(gradient(summed(data, *constants, statement), "x"))
    np.testing.assert_allclose(found, expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("op", "data"), [("exp", ["inf", 1.0]), ("square", NAN_DATA), ("sqrt", [-1.0, 4.0]), ("log", [-1.0, 4.0])]
)
def test_a_derivative_that_is_not_a_number_is_withdrawn(op: str, data: Any) -> None:
    reason = withdrawn(summed(data, apply("y", op, "x")), "x.grad")
    assert reason == "the function has no derivative there, or a value on the way is not finite"


def test_nan_data_gives_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    summed(NAN_DATA, apply("z", "less", "x", 1.0), apply("w", "where", "z", "x", 0.5), apply("y", "maximum", "x", "w"))
    assert [str(told.message) for told in recwarn] == []


@pytest.mark.parametrize(
    "statements",
    [
        (apply("y", "divide", 1.0, "x"),),
        (constant("c", -1.0), apply("y", "atan2", "x", "c")),
        (apply("n", "negative", "x"), apply("m", "multiply", "n", 0.0), apply("y", "reciprocal", "m")),
        (apply("y", "power", "x", -1),),
        (apply("y", "sqrt", "x"),),
        (apply("y", "divide", "x", -0.0),),
    ],
)
def test_where_the_sign_of_a_zero_decides_nothing_is_claimed(statements: tuple[Statement, ...]) -> None:
    run = summed([-0.0, 1.0], *statements)
    assert {withdrawn(run, name) for name in ("y.value", "x.grad")} == {
        "the sign of a zero decides, and exact numbers have none"
    }


def test_a_zero_that_is_surely_positive_or_whose_sign_decides_nothing_stays_known() -> None:
    assert numbers(summed([0.0, 2.0], apply("y", "divide", 1.0, "x")).observed["y.value"]).tolist() == [np.inf, 0.5]
    assert numbers(gradient(summed([-0.0, 2.0], apply("y", "sin", "x")), "x")).tolist() == [1.0, np.cos(2.0)]
    squares = (apply("s", "square", "x"), apply("t", "sum", "s"), apply("y", "sqrt", "t"))
    assert isinstance(gradient(summed([-0.0, 0.0], *squares), "x"), OneSided)


def test_a_cast_to_float32_rounds() -> None:
    run = summed(
        [0.1, 0.7], apply("s", "astype", "x", dtype="float32"), apply("wide", "astype", "s", dtype="float64"),
        apply("y", "multiply", "wide", 3.0), leaf("w", 2.0), apply("h", "multiply", "wide", "w"),
        apply("t", "sum", "h"), backward("t", retain_graph=True), read("s", "w"),
    )  # fmt: skip
    rounded = np.float32([0.1, 0.7]).astype(np.float64)
    assert numbers(run.observed["s.value"]).tolist() == rounded.tolist()
    np.testing.assert_allclose(numbers(run.observed["y.value"]), 3 * rounded, rtol=1e-15)
    # The gradient of `w` passes no float32 tensor, that of `x` does.
    np.testing.assert_allclose(numbers(gradient(run, "w")), rounded.sum(), rtol=1e-15)
    assert "through float32" in withdrawn(run, "x.grad")


def test_a_float64_number_behind_float32_arithmetic_is_withdrawn() -> None:
    run = summed(
        [0.1, 0.7], constant("c", [0.3, 0.9], "float32"), apply("s", "multiply", "c", 0.1),
        apply("wide", "astype", "s", dtype="float64"), apply("y", "multiply", "wide", "x"), read("s"),
    )  # fmt: skip
    assert isinstance(run.observed["s.value"], Array)
    for name in ("y.value", "x.grad"):
        assert "through float32" in withdrawn(run, name)


def test_overflow_and_underflow_are_noted() -> None:
    run = summed([800.0], apply("e", "exp", "x"), apply("f", "add", "e", 1.0), apply("y", "divide", "e", "f"))
    note = "overflow: a number on the way is beyond the range of float64"
    assert (numbers(run.observed["y.value"]), run.warnings["y.value"]) == (1.0, [note])
    assert run.warnings["x.grad"] == [note]
    assert "x.value" not in run.warnings
    run = summed([-800.0], apply("e", "exp", "x"), apply("y", "log", "e"))
    assert run.warnings["y.value"] == ["underflow: a number on the way is nearer to zero than any float64"]


def test_a_float32_value_beyond_its_range_is_an_infinity() -> None:
    run = run_reference(program(leaf("x", [90.0, 1.0], "float32"), apply("y", "exp", "x"), read("y"), dtype="float32"))
    assert numbers(run.observed["y.value"])[0] == np.inf


@pytest.mark.parametrize(
    "statements",
    [
        (constant("n", [2**62], "int64"), apply("m", "multiply", "n", 4)),
        (constant("f", [1.0, "nan"]), apply("m", "astype", "f", dtype="int64")),
    ],
)
def test_an_integer_that_int64_cannot_hold_is_withdrawn(statements: tuple[Statement, ...]) -> None:
    cast = apply("wide", "astype", "m", dtype="float64")
    run = summed([1.0], *statements, cast, apply("y", "multiply", "x", "wide"), read("m"))
    for name in ("m.value", "y.value", "x.grad"):
        assert "beyond the range of int64" in withdrawn(run, name)


# ---- many elements ----


def large(power: int) -> tuple[np.ndarray[Any, Any], LegRun]:
    data = np.random.default_rng(0).standard_normal((10, 10))
    run = run_reference(
        program(
            leaf("x", data.tolist()), leaf("w", 2.0), apply("y", "power", "x", power), apply("z", "multiply", "y", "w"),
            apply("a", "abs", "z"), apply("loss", "sum", "a"), backward("loss"), read("x", "w"),
        )
    )  # fmt: skip
    return data, run


def test_a_large_gradient_is_seen_along_fixed_random_directions() -> None:
    data, run = large(3)
    found = gradient(run, "x")
    assert isinstance(found, Directional)
    exact = 6 * data**2 * np.sign(data)
    assert len(found.directions) == 4
    products = [np.sum(direction * exact) for direction in found.directions]
    np.testing.assert_allclose(found.derivatives, products, rtol=1e-12)
    np.testing.assert_allclose(numbers(gradient(run, "w")), np.sum(np.abs(data**3)), rtol=1e-12)
    again = gradient(large(3)[1], "x")
    assert found.derivatives == again.derivatives


def test_a_large_gradient_that_the_program_computes_with_is_known_elementwise() -> None:
    data = np.random.default_rng(1).standard_normal(70)
    run = run_reference(
        program(
            leaf("x", data.tolist()), apply("y", "sin", "x"), apply("loss", "sum", "y"), backward("loss"),
            Grad(target="g", source="x"), apply("h", "multiply", "g", 2.0), read("x", "h"),
        )
    )  # fmt: skip
    np.testing.assert_allclose(numbers(gradient(run, "x")), np.cos(data), rtol=1e-12)
    np.testing.assert_allclose(numbers(run.observed["h.value"]), 2 * np.cos(data), rtol=1e-12)


def test_a_crash_is_a_failure_that_names_its_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(x: Any) -> Any:
        raise OverflowError("too large")

    monkeypatch.setitem(OPS, "exp", replace(OPS["exp"], reference=broken))
    run = run_reference(
        program(leaf("x", 1.0), read("x"), apply("y", "exp", "x"), Read(name="y", what="value", handle="y"))
    )
    assert run.failure is not None
    assert run.failure.type == "OverflowError"
    assert isinstance(EXAMPLES[0].program.statements[0], Constant)
    assert "x.value" in run.observed
    assert "y" not in run.observed
