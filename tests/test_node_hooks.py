"""Hooks on the node of an op: where they act, for which ops, and what is refused by name."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from op_samples import SAMPLES
from test_leaf_hooks import Case, recorded, runs

from compare.errors import CompareError
from compare.functionalize import functionalize
from compare.jax_leg import print_jax
from compare.observed import Array, Surrogate
from compare.ops import OPS
from compare.ops.formulas import COMMUTING, ONE_NODE, one_result
from compare.tape import Tape
from compare.torch_leg import print_torch


def check(case: Case, **expected: Any) -> None:
    """PyTorch and JAX show these numbers."""
    found = runs(recorded(case))
    for leg in ("torch", "jax"):
        assert found[leg].failure is None, (leg, found[leg].failure)
        for name, value in expected.items():
            seen = found[leg].observed[name.replace("_grad", ".grad")]
            assert isinstance(seen, Array), (leg, name)
            np.testing.assert_allclose(seen.values, value, rtol=1e-12, err_msg=f"{leg}: {name}")


# ---- where they act ----


def test_hooks_around_a_node_run_in_order() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf(2.0)
        y = x * 3
        y.retain_grad()
        y.grad_fn.register_prehook(lambda before: (before[0] + 1,))
        y.grad_fn.register_prehook(lambda before: (before[0] * 10,))
        y.grad_fn.register_hook(lambda after, before: (after[0] * 2,))
        y.grad_fn.register_hook(lambda after, before: (after[0] + 100,))
        y.register_hook(lambda cotangent: cotangent * 1.5)
        (y * y).backward()
        tape.observe(x.grad)
        tape.observe(y.grad)

    check(case, x_grad=(12 * 1.5 + 1) * 10 * 3 * 2 + 100, y_grad=18.0)
    lines = print_jax(functionalize(recorded(case)).pure).text
    assert (
        "    y = y_hook_3(y_hook_4(x)) * 3\n"
        "    y = y_hook_2(y)\n"
        "    y = y_hook(y)\n"
        "    y = y + y_probe\n"
        "    y = y_hook_5(y)\n"
    ) in lines


def test_a_hook_of_several_lines_uses_its_gradient_twice() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([3.0, 4.0])
        y = x * 1

        def unit(after: Any, before: Any) -> Any:
            size = (after[0] * after[0]).sum().sqrt()
            return (after[0] / size,)

        y.grad_fn.register_hook(unit)
        (y * y).sum().backward()
        tape.observe(x.grad)

    check(case, x_grad=[0.6, 0.8])
    printed = print_torch(recorded(case)).text
    assert "    size = torch.sqrt((after[0] * after[0]).sum())\n    return (after[0] / size, *after[1:])\n" in printed


def test_removed_hooks_and_those_that_return_none_do_nothing() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf(2.0)
        y = x * 3
        first = y.grad_fn.register_prehook(lambda before: (before[0] * 10,))
        second = y.grad_fn.register_hook(lambda after, before: (after[0] + 1,))
        y.grad_fn.register_prehook(lambda before: None)
        y.backward(retain_graph=True)
        first.remove()
        second.remove()
        y.backward()
        tape.observe(x.grad)

    check(case, x_grad=31.0 + 3.0)


def test_a_gradient_that_is_asked_for_is_taken_before_the_node() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf(2.0)
        y = x * 3
        y.grad_fn.register_prehook(lambda before: (before[0] * 10,))
        z = y * y
        both_x, both_y = tape.grad(z, [x, y], retain_graph=True)
        alone = tape.grad(z, y)
        for one in (both_x, both_y, alone):
            tape.observe(one)

    check(case, both_x=360.0, both_y=12.0, alone=12.0)
    reference = runs(recorded(case))["reference"].observed
    assert reference["both_x"] == Surrogate("a hook on the node of 'y' edits the cotangent")
    assert isinstance(reference["both_y"], Array)


def test_a_hook_stays_with_the_node_when_the_result_is_written() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([2.0, 1.0])
        y = x * 1
        y.grad_fn.register_prehook(lambda before: (before[0] * before[0],))
        y.mul_(10)
        y.sum().backward()
        tape.observe(x.grad)

    check(case, x_grad=[100.0, 100.0])


def test_a_hook_sees_the_gradient_of_a_complex_number() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([2.0 + 1j])
        y = x * 1.0
        y.grad_fn.register_prehook(lambda before: (before[0] * 1j,))
        z = x.abs()
        z.grad_fn.register_hook(lambda after, before: (after[0] * 1j,))
        (y.real().sum() + z.sum()).backward()
        tape.observe(x.grad)

    check(case, x_grad=[1j + 1j * (2 + 1j) / np.sqrt(5)])


def test_a_hook_before_a_node_acts_on_the_second_backward_too() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf(2.0)
        y = x**3
        y.grad_fn.register_prehook(lambda before: (before[0] * 10,))
        first = tape.grad(y * y, x, create_graph=True)
        first.backward()
        tape.observe(first)
        tape.observe(x.grad)

    # first = 10 * 2 y * 3 x^2; its derivative goes through y, and so by the hook, or past it through x.
    check(case, first=1920.0, x_grad=10 * 10 * 2 * 12 * 12 + 10 * 2 * 8 * 12)


# ---- for which ops ----


def nodes_of(name: str, *, number_first: bool = False) -> list[Any]:
    """The nodes that PyTorch makes for the samples of an op with one tensor operand."""
    found = []
    for one in SAMPLES[name]:
        tensors = [value for value in one.operands if isinstance(value, np.ndarray)]
        if len(tensors) != 1 or tensors[0].dtype.kind not in "fc" or not isinstance(one.operands[0], np.ndarray):
            continue
        tape = Tape()
        x = tape.leaf(tensors[0])
        others = one.operands[1:]
        operands = (*others, x) if number_first else (x, *others)
        y = getattr(tape, name)(*operands, **one.attributes)
        y.register_hook(lambda cotangent: None)
        namespace: dict[str, Any] = {}
        dtype = torch.get_default_dtype()
        try:
            exec(print_torch(tape.program("node", "Node")).text, namespace)
        finally:
            torch.set_default_dtype(dtype)
        found.append((namespace["y"].grad_fn, namespace["x"]))
    return found


@pytest.mark.parametrize("name", sorted(ONE_NODE))
def test_the_ops_that_take_a_hook_after_their_node_are_one_node_in_pytorch(name: str) -> None:
    nodes = nodes_of(name) + (nodes_of(name, number_first=True) if name in COMMUTING else [])
    assert nodes
    for node, leaf in nodes:
        first, *others = [function for function, _ in node.next_functions]
        assert first.variable is leaf
        assert not any(others)


def test_one_of_several_results_has_a_node_that_is_not_its_own() -> None:
    assert one_result(OPS["sin"])
    for spelling in ("torch.sort(x).values", "torch.linalg.slogdet(x)[1]"):
        assert not one_result(dataclasses.replace(OPS["sin"], torch=spelling))


# ---- what is refused ----


def nothing_before(before: Any) -> None:
    return None


def nothing_after(after: Any, before: Any) -> None:
    return None


def on_a_leaf(tape: Tape) -> None:
    x = tape.leaf(2.0)
    x.grad_fn.register_prehook(nothing_before)


def on_a_view(tape: Tape) -> None:
    v = tape.leaf([2.0])[:1]
    v.grad_fn.register_prehook(nothing_before)


def on_a_written_tensor(tape: Tape) -> None:
    y = tape.leaf(2.0) * 1
    y.mul_(2)
    y.grad_fn.register_prehook(nothing_before)


def after_an_op_of_two_tensors(tape: Tape) -> None:
    x = tape.leaf(2.0)
    y = x * x
    y.grad_fn.register_hook(nothing_after)


def after_a_number_less_a_tensor(tape: Tape) -> None:
    y = 2 - tape.leaf(2.0)
    y.grad_fn.register_hook(nothing_after)


def that_returns_no_tuple(tape: Tape) -> None:
    y = tape.leaf(2.0) * 1
    y.grad_fn.register_prehook(lambda before: before[0])


def that_reads_what_goes_in(tape: Tape) -> None:
    y = tape.leaf(2.0) * 1
    y.grad_fn.register_hook(lambda after, before: (before[0],))


def of_one_argument(tape: Tape) -> None:
    y = tape.leaf(2.0) * 1
    y.grad_fn.register_hook(lambda after: None)


def of_another_shape(tape: Tape) -> None:
    y = (tape.leaf([2.0, 3.0]) * 1).sum()
    y.grad_fn.register_hook(lambda after, before: (after[0].sum(),))


def on_a_result_that_its_formula_reads(tape: Tape) -> None:
    x = tape.leaf(0.5)
    y = x.exp()
    y.register_hook(lambda cotangent: cotangent * 2)
    tape.grad(y * y, x, create_graph=True).backward()


def before_a_node_whose_result_is_read(tape: Tape) -> None:
    x = tape.leaf(0.5)
    y = x.exp()
    y.grad_fn.register_prehook(lambda before: (before[0] * 2,))
    tape.grad(y * y, x, create_graph=True).backward()


def after_a_node_whose_operand_is_read(tape: Tape) -> None:
    x = tape.leaf(2.0)
    y = x**3
    y.grad_fn.register_hook(lambda after, before: (after[0] * 3,))
    tape.grad(y * y, x, create_graph=True).backward()


def on_an_input_above_another(tape: Tape) -> None:
    x = tape.leaf(2.0)
    y = x * 3
    y.register_hook(lambda cotangent: cotangent * 10)
    tape.grad(y * y, [x, y])


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (on_a_leaf, "which is a leaf: its grad_fn is None. Use register_hook of the tensor."),
        (on_a_view, "only the result of an op out of place, which is no view"),
        (on_a_written_tensor, "which was written since: its node is that of the write"),
        (after_an_op_of_two_tensors, "the op has several tensor operands, or is several nodes in PyTorch"),
        (after_a_number_less_a_tensor, "the op has several tensor operands, or is several nodes in PyTorch"),
        (that_returns_no_tuple, "A hook on a node returns a tuple with one gradient, or None"),
        (that_reads_what_goes_in, "may use what the node gives, and not the gradients before it"),
        (of_one_argument, "A hook after a node takes two tuples of gradients"),
        (of_another_shape, "a cotangent of float64[2] is needed"),
        (on_a_result_that_its_formula_reads, "at an op whose gradient PyTorch computes from its result"),
        (before_a_node_whose_result_is_read, "Put the hook on a clone."),
        (after_a_node_whose_operand_is_read, "or for a hook after its node, from its operand"),
        (on_an_input_above_another, "on an input of tape.grad that another input goes into"),
    ],
)
def test_what_is_not_exact_is_refused_by_name(case: Case, message: str) -> None:
    with pytest.raises(CompareError) as caught:
        functionalize(recorded(case))
    assert message in str(caught.value)


def test_a_hook_on_a_clone_may_be_differentiated_again() -> None:
    """The remedy that the refusal names is right: PyTorch and JAX agree on it."""

    def case(tape: Tape) -> None:
        x = tape.leaf(0.5)
        y = x.exp().clone()
        y.register_hook(lambda cotangent: cotangent * 10)
        first = tape.grad(y * y, x, create_graph=True)
        first.backward()
        tape.observe(x.grad)

    found = runs(recorded(case))
    torch_grad, jax_grad = found["torch"].observed["x.grad"], found["jax"].observed["x.grad"]
    assert isinstance(torch_grad, Array)
    assert isinstance(jax_grad, Array)
    np.testing.assert_allclose(jax_grad.values, torch_grad.values, rtol=1e-12)
