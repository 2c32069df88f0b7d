"""Recording: names come from the assignment, intermediates stay where they are written, mistakes name their line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compare.errors import CaseError, ProgramError
from compare.functionalize import functionalize
from compare.jax_leg import print_jax, run_jax
from compare.observed import Array
from compare.program import Program
from compare.reference import run_reference
from compare.statements import Read
from compare.tape import Tape, record
from compare.torch_leg import print_torch, run_torch


def recorded(function: Callable[[Any], None], dtype: str = "float64", seed: int = 0) -> Program:
    return record(function, id="a-case", title="A case", dtype=dtype, seed=seed)


def printed(function: Callable[[Any], None]) -> list[str]:
    """The PyTorch lines after the header."""
    text = print_torch(recorded(function)).text
    return text.partition("torch.float64)\n\n")[2].splitlines()


def test_names_are_those_of_the_assignment() -> None:
    def case(tape: Tape) -> None:
        x, y = tape.leaf(2.0), tape.constant([1.0, 2.0])
        z: Any = x * y
        (w := z + 1).sum().backward()
        tape.observe(w)

    assert printed(case) == [
        "x = torch.tensor(2.0, requires_grad=True)",
        "y = torch.tensor([1.0, 2.0])",
        "z = x * y",
        "w = z + 1",
        "w.sum().backward()",
        'print("w =", w)',
    ]


def test_a_returned_value_takes_its_callers_name() -> None:
    def layer(x: Any) -> Any:
        return (2 * x).tanh()

    def case(tape: Tape) -> None:
        x = tape.leaf(1.0)
        y = layer(x)
        y.backward()

    assert "y = torch.tanh(2 * x)" in printed(case)


def test_a_loop_binds_one_name_again_and_again() -> None:
    def case(tape: Tape) -> None:
        h = tape.leaf(1.0)
        for _ in range(3):
            h = h.sin()
        h.backward()

    assert printed(case)[1:] == ["h = torch.sin(h)"] * 3 + ["h.backward()"]


def test_a_tensor_that_outlives_its_name_gets_one_of_its_own() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf(1.0)
        old = a
        a = a + 1
        loss = old * a
        loss.backward()

    assert printed(case)[1:] == ["a_2 = a + 1", "loss = a * a_2", "loss.backward()"]


def test_an_augmented_item_write_is_three_steps() -> None:
    def case(tape: Tape) -> None:
        a = tape.constant([1.0, 2.0])
        a[0] += 1
        tape.expect(a.version, 2)

    assert printed(case)[1:] == [
        "getitem_1 = a[0]",
        "getitem_1 += 1",
        "a[0] = getitem_1",
        'print("a.version =", a._version)',
    ]


def test_writes_through_unnamed_aliases_are_methods() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        a.data.add_(1)
        a.detach()[0] = 5.0
        tape.observe(a)

    assert printed(case)[1:] == ["a.data.add_(1)", "a.detach()[0] = 5.0", 'print("a =", a)']


def test_blocks_hooks_and_errors_are_printed_as_people_write_them() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        with tape.no_grad():
            a[:] = 3.0
            with tape.enable_grad():
                b = a * 2
        scale = b.register_hook(lambda g: g * 2)
        scale.remove()
        b.register_hook(lambda g: None)
        with tape.expect_error(torch="RuntimeError: a leaf", concept="inplace-on-leaf"):
            a += 1

    assert printed(case)[1:] == [
        "with torch.no_grad():",
        "    a[:] = 3.0",
        "    with torch.enable_grad():",
        "        b = a * 2",
        "scale = b.register_hook(lambda g: g * 2)",
        "scale.remove()",
        "b.register_hook(lambda g: None)",
        "try:",
        "    a += 1",
        "except Exception as error:",
        '    print("a += 1 raised", error)',
    ]


def test_seed_and_dtype_decide_random_data() -> None:
    def case(tape: Tape) -> None:
        tape.leaf(tape.normal((2, 3)))

    assert recorded(case, seed=1) == recorded(case, seed=1)
    assert recorded(case, seed=1) != recorded(case, seed=2)
    [leaf] = recorded(case, dtype="float32").statements
    data = np.array(leaf.data)  # type: ignore[union-attr]
    assert np.array_equal(data, data.astype(np.float32))


# ---- mistakes ----


def message(function: Callable[[Any], None]) -> str:
    with pytest.raises(CaseError) as caught:
        recorded(function)
    first = function.__code__.co_firstlineno
    assert first < caught.value.line <= first + 8, caught.value.line
    assert f":{caught.value.line})" in str(caught.value)
    assert "'a-case'" in str(caught.value)
    return str(caught.value)


def test_an_unknown_op_names_the_nearest() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf(1.0)
        a.sigmoyd()

    assert "Unknown op 'sigmoyd'. Did you mean 'sigmoid'?" in message(case)


def test_shapes_that_do_not_fit_name_both() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        b = tape.leaf([1.0, 2.0, 3.0])
        a + b

    assert "add(a: float64[2], b: float64[3]): shapes [2] and [3] do not broadcast" in message(case)


def test_an_expanded_tensor_is_not_written() -> None:
    def case(tape: Tape) -> None:
        a = tape.constant([1.0, 2.0])
        b = a.broadcast_to((3, 2))
        b += 1

    assert "clone it before the write" in message(case)


def test_a_gradient_of_a_constant_is_refused() -> None:
    def case(tape: Tape) -> None:
        a, b = tape.leaf(1.0), tape.constant(2.0)
        (a * b).backward()
        tape.expect(b.grad, 1.0)

    assert "A gradient is asked of 'b', a constant" in message(case)


def test_a_branch_on_a_value_is_refused() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf(1.0)
        if a > 0:
            a.backward()

    assert "A branch on a tensor needs a value" in message(case)


def test_a_partial_overlap_is_refused() -> None:
    def case(tape: Tape) -> None:
        a = tape.constant([1.0, 2.0, 3.0])
        a[1:] = a[:-1]

    assert "Clone the source" in message(case)


def test_a_crash_in_a_case_is_the_cases_error() -> None:
    def case(tape: Tape) -> None:
        tape.leaf(1.0)
        raise ValueError("boom")

    assert "crashed: ValueError: boom" in message(case)


def test_an_error_block_needs_a_statement() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf(1.0)
        with tape.expect_error(torch="RuntimeError", concept="leaf"):
            a * 2

    assert "holds no statement" in message(case)


def test_a_hook_may_not_reach_outside() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf(1.0)
        b = a * 2
        b.register_hook(lambda g: g * a)

    assert "only; a tensor from outside it is not supported" in message(case)


def test_names_that_cannot_be_printed_are_changed_not_refused() -> None:
    def case(tape: Tape) -> None:
        print = tape.leaf(1.0)
        data = print * 2
        match = data + 1
        θ = match * 2
        _ = θ + 1
        tape.observe(_)

    assert printed(case) == [
        "print_ = torch.tensor(1.0, requires_grad=True)",
        "data_ = print_ * 2",
        "match = data_ + 1",
        'print("add_2 =", match * 2 + 1)',
    ]


def test_names_through_attributes_chains_and_several_targets() -> None:
    class Model:
        pass

    def case(tape: Tape) -> None:
        model = Model()
        model.weight = tape.leaf([1.0, 2.0])  # type: ignore[attr-defined]
        x = y = model.weight * 2  # type: ignore[attr-defined]  # noqa: F841
        c = x.detach().requires_grad_()
        tape.observe(c.grad)

    assert printed(case) == [
        "weight = torch.tensor([1.0, 2.0], requires_grad=True)",
        "x = weight * 2",
        "c = x.detach()",
        "c.requires_grad_()",
        'print("c.grad =", c.grad)',
    ]


def test_numpy_numbers_and_sizes_by_position() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        b = np.float64(2.5) * a
        c = b.reshape(2, 1)[np.int64(1)]
        a.data += 1
        tape.observe(c)

    assert printed(case)[1:] == [
        "b = 2.5 * a",
        "c = b.reshape((2, 1))[1]",
        "a.data.add_(1)",
        'print("c =", c)',
    ]


def test_a_long_sum_is_split_over_lines() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf(1.0)
        loss: Any = sum(a * number for number in range(300))
        loss.backward()

    lines = printed(case)
    assert max(map(len, lines)) < 120
    assert len(lines) > 30


def test_the_grad_tensor_is_one_tensor_until_the_slot_is_assigned() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf(1.0)
        (a * 2).backward()
        held = a.grad
        (a * 3).backward()
        again = a.grad
        tape.observe(tape.shares_storage(held, again))
        a.grad = None
        (a * 4).backward()
        a.grad *= 2
        a.grad = held

    kinds = [type(statement).__name__ for statement in recorded(case).statements]
    assert kinds.count("SetGrad") == 2  # the augmented assignment only writes


def test_names_of_several_gradients_come_from_the_assignment() -> None:
    def case(tape: Tape) -> None:
        a, b = tape.leaf(1.0), tape.leaf(2.0)
        a_gradient, b_gradient = tape.grad(a * b, (a, b))
        tape.observe(a_gradient)
        tape.observe(b_gradient)

    assert [one.name for one in recorded(case).statements if isinstance(one, Read)] == ["a_gradient", "b_gradient"]


def test_a_gradient_is_bound_where_it_is_assigned() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        (a * a).sum().backward()
        g = a.grad
        step = g * 0.1
        other = a.grad + 1
        tape.observe(step)
        tape.observe(other)

    assert printed(case)[2:] == [
        "g = a.grad",
        "step = g * 0.1",
        "other = a.grad + 1",
        'print("step =", step)',
        'print("other =", other)',
    ]


def test_items_of_lists_and_dictionaries() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        weights, hidden = {}, [None]
        weights["first"] = a * 2
        hidden[0] = weights["first"] * 3
        b = hidden[0] + 1
        b[0] = a[1] * 3
        tape.observe(b)

    assert printed(case)[1:] == [
        "first = a * 2",
        "b = first * 3 + 1",
        "b[0] = a[1] * 3",
        'print("b =", b)',
    ]


def test_hook_functions_do_not_take_the_name_of_a_tensor() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        a_hook_function = a * 2

        def twice(g: Any) -> Any:
            doubled = g * 2
            return doubled * doubled

        a.register_hook(twice)
        a_hook_function.sum().backward()
        tape.observe(a.grad)

    assert "def a_hook_function_(g):" in printed(case)


# ---- what would be wrong without a word ----


def test_a_hook_may_not_write_outside_itself() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        b = a * 2

        def hook(g: Any) -> Any:
            b.data.fill_(0.0)
            return g

        b.register_hook(hook)

    assert "it touches a tensor from outside it" in message(case)


def test_a_case_that_exits_is_a_case_that_crashed() -> None:
    def case(tape: Tape) -> None:
        tape.leaf(1.0)
        raise SystemExit(0)

    assert "crashed: SystemExit: 0" in message(case)


@pytest.mark.parametrize(
    ("write", "remedy"),
    [
        (lambda a: setattr(a, "grad", 2.0), "A .grad slot holds a tensor or None"),
        (lambda a: setattr(a, "requires_grad", True), "Write a.requires_grad_()"),
        (lambda a: setattr(a, "data", 2.0), "A tensor is assigned to .data"),
        (lambda a: a.unbind(), "PyTorch's unbind is 'unstack' here"),
        (lambda a: a.masked_select(a > 0), "returns as many elements as the values decide"),
        (lambda a: a.masked_scatter(a > 0, a), "takes one value for each True of the mask"),
        (lambda a: a[[[0, 1], [1, 0]]], "make nested lists a tape.constant"),
        (lambda a: a[a > 0], "how many elements the mask"),
        (lambda a: a.sum(dim=0), "it is 'axis' here"),
        (lambda a: a * 10**30, "does not fit 64 bits"),
    ],
)
def test_words_of_pytorch_are_answered_with_ours(write: Callable[[Any], Any], remedy: str) -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        write(a)

    with pytest.raises(CaseError) as caught:
        recorded(case)
    assert remedy in str(caught.value)


def test_an_empty_tensor_has_the_shape_it_is_given() -> None:
    tape = Tape()
    x = tape.leaf(np.zeros((2, 0, 3)))
    mask = tape.constant(np.zeros((0, 3), dtype=bool))
    assert (x.shape, mask.shape) == ((2, 0, 3), (0, 3))
    x.sum().backward()
    tape.observe(x.grad)
    program = tape.program("empty", "Empty")
    assert Program.from_json(program.to_json()) == program
    pure = functionalize(program).pure
    for run in (run_torch(program, print_torch(program)), run_jax(pure, print_jax(pure)), run_reference(program)):
        [seen] = run.observed.values()
        assert isinstance(seen, Array)
        assert seen.values.shape == (2, 0, 3)


@pytest.mark.parametrize(("data", "shape"), [([1.0], [1]), ([], [2, 3]), ([], [-1, 0]), ([], [0] * 33)])
def test_a_shape_beside_data_or_of_no_empty_tensor_is_refused(data: list[float], shape: list[int]) -> None:
    leaf = {"statement": "leaf", "target": "x", "data": data, "dtype": "float64", "shape": shape}
    program = {"id": "x", "title": "X", "dtype": "float64", "statements": [leaf]}
    with pytest.raises(ProgramError, match="A shape is given for an empty tensor only"):
        Program.from_json(json.dumps(program))
