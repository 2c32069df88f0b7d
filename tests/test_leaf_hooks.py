"""Hooks that run after a gradient was added to a leaf: what they become, and what is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from compare.errors import CompareError
from compare.functionalize import functionalize
from compare.jax_leg import print_jax, run_jax
from compare.naive_port import naive_port
from compare.observed import Array, LegRun
from compare.program import Program
from compare.reference import run_reference
from compare.statements import EnterHook, ExitHook, RegisterPostAccumulateGradHook
from compare.tape import Tape, Tensor
from compare.torch_leg import print_torch, run_torch

Case = Callable[[Tape], None]


def recorded(case: Case) -> Program:
    tape = Tape()
    case(tape)
    return tape.program("hooks", "Hooks")


def runs(program: Program) -> dict[str, LegRun]:
    pure = functionalize(program).pure
    return {
        "torch": run_torch(program, print_torch(program)),
        "jax": run_jax(pure, print_jax(pure)),
        "reference": run_reference(program),
    }


def check(case: Case, **expected: Any) -> None:
    """All three legs show these numbers."""
    for leg, run in runs(recorded(case)).items():
        assert run.failure is None, (leg, run.failure)
        for name, value in expected.items():
            seen = run.observed[name.replace("_grad", ".grad")]
            assert isinstance(seen, Array), (leg, name)
            np.testing.assert_array_equal(seen.values, value, err_msg=f"{leg}: {name}")


def halve_the_leaf(leaf: Tensor) -> None:
    leaf *= 0.5


def step(leaf: Tensor) -> None:
    leaf -= 0.5 * leaf.grad


# ---- what they do ----


def test_the_hook_becomes_lines_after_the_gradient() -> None:
    def case(tape: Tape) -> None:
        w = tape.leaf([1.0, 2.0])

        def stepping(leaf: Tensor) -> None:
            with tape.no_grad():
                change = 0.5 * leaf.grad
                leaf -= change
            leaf.grad = None

        w.register_post_accumulate_grad_hook(stepping)
        (w * w).sum().backward()
        tape.observe(w)

    program = recorded(case)
    torch = print_torch(program).text
    assert (
        "def w_hook_function(leaf):\n"
        "    with torch.no_grad():\n"
        "        change = 0.5 * leaf.grad\n"
        "        leaf -= change\n"
        "    leaf.grad = None\n"
        "\nw.register_post_accumulate_grad_hook(w_hook_function)\n"
    ) in torch
    jax = print_jax(functionalize(program).pure).text
    assert "w_grad = jax.jit(jax.grad(w_fn))(w)\nchange = 0.5 * w_grad\nw = w - change\n" in jax


def test_names_in_a_hook_are_its_own() -> None:
    def case(tape: Tape) -> None:
        w, v = tape.leaf(1.0), tape.leaf(10.0)
        change = tape.constant(100.0)

        def hook(v: Tensor) -> None:
            change = v.grad * 2
            v -= change

        w.register_post_accumulate_grad_hook(hook)
        (w * v * change).backward()
        tape.observe(w)
        tape.observe(v)
        tape.observe(change)

    check(case, w=1.0 - 2 * 1000, v=10.0, change=100.0)


def test_a_hook_may_write_items_and_assign_data() -> None:
    def case(tape: Tape) -> None:
        w = tape.leaf([2.0, 1.0])

        def items(leaf: Tensor) -> None:
            leaf[0] = 7.0
            leaf.grad[1:] = 5.0

        def double(leaf: Tensor) -> None:
            leaf.data = leaf * 2

        w.register_post_accumulate_grad_hook(items)
        w.register_post_accumulate_grad_hook(double)
        (w * 3).sum().backward()
        (w * w).sum().backward()
        tape.observe(w)
        tape.observe(w.grad)

    check(case, w=[14.0, 4.0], w_grad=[31.0, 5.0])


def test_backward_with_inputs_runs_the_hooks_of_those_alone() -> None:
    def case(tape: Tape) -> None:
        w, v = tape.leaf(2.0), tape.leaf(4.0)
        for leaf in (w, v):
            leaf.register_post_accumulate_grad_hook(halve_the_leaf)
        (w * v).backward(inputs=[w])
        tape.observe(w)
        tape.observe(v)

    check(case, w=1.0, v=4.0)


def test_a_write_in_a_hook_after_the_value_was_saved_elsewhere_is_refused_by_pytorch() -> None:
    def case(tape: Tape) -> None:
        w = tape.leaf(2.0)
        w.register_post_accumulate_grad_hook(halve_the_leaf)
        saved = w * w
        (w * 3).backward()
        saved.backward()

    torch = runs(recorded(case))["torch"]
    assert torch.failure is not None
    assert "modified by an inplace operation" in torch.failure.message


def test_the_naive_port_drops_the_hook() -> None:
    def case(tape: Tape) -> None:
        w = tape.leaf(2.0)
        w.register_post_accumulate_grad_hook(halve_the_leaf)
        d = w.clone().detach()
        (w * d).backward()
        tape.observe(w)

    pure = naive_port(recorded(case))
    assert pure is not None
    assert "0.5" not in print_jax(pure).text


def test_a_walk_goes_through_the_hook_after_each_backward() -> None:
    def case(tape: Tape) -> None:
        w = tape.leaf(2.0)
        w.register_post_accumulate_grad_hook(halve_the_leaf)
        (w * 3).backward()
        (w * 3).backward()

    program = recorded(case)
    walked = [(index, type(statement)) for index, statement, _, _ in program.steps()]
    backwards = [index for index, one in enumerate(program.statements) if type(one).__name__ == "Backward"]
    assert [index for index, kind in walked if kind is EnterHook] == backwards
    assert [index for index, kind in walked if kind is ExitHook] == backwards
    assert sum(isinstance(one, RegisterPostAccumulateGradHook) for one in program.statements) == 1


# ---- what is refused ----


def on_a_result(tape: Tape) -> None:
    y = tape.leaf(2.0) * 1
    y.register_post_accumulate_grad_hook(step)


def on_a_constant(tape: Tape) -> None:
    tape.constant(2.0).register_post_accumulate_grad_hook(step)


def that_returns(tape: Tape) -> None:
    tape.leaf(2.0).register_post_accumulate_grad_hook(lambda leaf: leaf.grad)


def of_two_arguments(tape: Tape) -> None:
    tape.leaf(2.0).register_post_accumulate_grad_hook(lambda leaf, other: None)  # type: ignore[arg-type,misc]


def with_a_tensor_from_outside(tape: Tape) -> None:
    v = tape.leaf(1.0)
    tape.leaf(2.0).register_post_accumulate_grad_hook(lambda leaf: leaf.grad.mul_(v))


def that_observes(tape: Tape) -> None:
    tape.leaf(2.0).register_post_accumulate_grad_hook(tape.observe)


def that_switches_the_flag(tape: Tape) -> None:
    def hook(leaf: Tensor) -> None:
        leaf.requires_grad_(False)

    tape.leaf(2.0).register_post_accumulate_grad_hook(hook)


def that_enables_grad(tape: Tape) -> None:
    def hook(leaf: Tensor) -> None:
        with tape.enable_grad():
            leaf.grad.mul_(2.0)

    tape.leaf(2.0).register_post_accumulate_grad_hook(hook)


def that_reads_an_empty_slot(tape: Tape) -> None:
    def empty(leaf: Tensor) -> None:
        leaf.grad = None

    w = tape.leaf(2.0)
    w.register_post_accumulate_grad_hook(empty)
    w.register_post_accumulate_grad_hook(step)
    (w * w).backward()


def in_a_recorded_backward(tape: Tape) -> None:
    w = tape.leaf(2.0)
    w.register_post_accumulate_grad_hook(step)
    (w * w).backward(create_graph=True)


def while_the_flag_is_off(tape: Tape) -> None:
    w, v = tape.leaf(2.0), tape.leaf(3.0)
    w.register_post_accumulate_grad_hook(step)
    y = w * v
    w.requires_grad_(False)
    y.backward()


def behind_a_rule_that_gives_none(tape: Tape) -> None:
    a, w = tape.leaf(1.0), tape.leaf(2.0)
    w.register_post_accumulate_grad_hook(step)
    function = tape.custom_function(lambda a, w: a * w, lambda cotangent: (cotangent, None))
    function(a, w).backward()


def with_an_alias_of_the_leaf(tape: Tape) -> None:
    w = tape.leaf(2.0)
    d = w.detach()
    w.register_post_accumulate_grad_hook(step)
    (w * d).backward()


def with_an_alias_under_a_name_that_is_gone(tape: Tape) -> None:
    w, x = tape.leaf(2.0), tape.leaf(3.0)
    d = w.data
    y = x * d
    d = tape.constant(1.0)
    w.register_post_accumulate_grad_hook(step)
    (w * y * d).backward()


def with_a_view_that_has_no_node(tape: Tape) -> None:
    w, x = tape.leaf([2.0]), tape.leaf(3.0)
    with tape.no_grad():
        v = w[:1]
    w.register_post_accumulate_grad_hook(step)
    (w * v * x).sum().backward()


def with_a_gradient_that_two_leaves_have(tape: Tape) -> None:
    w, v = tape.leaf(2.0), tape.leaf(2.0)
    (w * v).backward()
    v.grad = w.grad
    w.register_post_accumulate_grad_hook(step)
    (w * v).backward()


def in_a_backward_that_raises(tape: Tape) -> None:
    w = tape.leaf(2.0)
    w.register_post_accumulate_grad_hook(step)
    y = w * w
    y.backward(retain_graph=True)
    with tape.expect_error(torch="RuntimeError: one of the variables needed", concept="write-after-save"):
        y.backward()


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (on_a_result, "hook on 'y', which is no leaf: PyTorch raises"),
        (on_a_constant, "which does not require grad: PyTorch raises"),
        (that_returns, "A post-accumulate-grad hook returns something, and PyTorch raises. Return None."),
        (of_two_arguments, "takes one argument, the leaf"),
        (with_a_tensor_from_outside, "a tensor from outside it is not supported"),
        (that_observes, "touches a tensor from outside it"),
        (that_switches_the_flag, "may not observe, call a function, run a backward or register a hook"),
        (that_enables_grad, "opens a block of enable_grad. Only no_grad is modelled there."),
        (that_reads_an_empty_slot, "'w.grad' is used as a tensor, before any backward has reached it"),
        (in_a_recorded_backward, "runs in a backward with create_graph"),
        (while_the_flag_is_off, "because requires_grad is off"),
        (behind_a_rule_that_gives_none, "a backward rule gives None for it"),
        (with_an_alias_of_the_leaf, "'d' shares memory with the leaf or its gradient"),
        (with_an_alias_under_a_name_that_is_gone, "'d' shares memory with the leaf or its gradient"),
        (with_a_view_that_has_no_node, "'v' shares memory with the leaf or its gradient"),
        (with_a_gradient_that_two_leaves_have, "another leaf has the same tensor for its gradient"),
        (in_a_backward_that_raises, "may have run the hook 'w_hook' before it did"),
    ],
)
def test_what_a_hook_may_not_is_refused_by_name(case: Case, message: str) -> None:
    with pytest.raises(CompareError) as caught:
        functionalize(recorded(case))
    assert message in str(caught.value)


def test_an_alias_is_refused_in_a_stored_program_that_binds_its_name_again() -> None:
    """The recorder keeps every name; a program that was read may have lost one."""

    def case(tape: Tape) -> None:
        w = tape.leaf(2.0)
        d = w.data
        y = w * d
        w.register_post_accumulate_grad_hook(lambda leaf: None)
        y.backward()
        d = tape.constant(1.0)
        tape.observe(d)

    program = recorded(case)
    stored = program.to_json().decode().replace('"body":[]', '"body":[' + WRITE + "]")
    assert WRITE in stored
    with pytest.raises(CompareError, match="'d' shares memory with the leaf"):
        Program.from_json(stored)


WRITE = '{"statement":"write","handle":"leaf","op":"multiply","operands":[2]}'


@pytest.mark.parametrize("word", ["enter-hook", "exit-hook"])
def test_a_stored_program_has_no_hook_that_runs(word: str) -> None:
    text = Program("one", "One", "float64", ()).to_json().decode().replace("[]", f'[{{"statement":"{word}"}}]')
    assert word in text
    with pytest.raises(CompareError, match="This is not a tape program"):
        Program.from_json(text)


# ---- hooks and probes on views of a tensor whose data is assigned ----


@pytest.mark.parametrize("retain", [False, True])
def test_what_sits_on_a_view_stays_when_the_data_of_its_base_is_assigned(retain: bool) -> None:
    def case(tape: Tape) -> None:
        w, c = tape.leaf([1.0, 2.0]), tape.constant([4.0, 5.0])
        v = w[:1]
        if retain:
            v.retain_grad()
        else:
            v.register_hook(lambda cotangent: cotangent * 1)
        y = (v * 3).sum()
        w.data = c
        y.backward()
        tape.observe(w)
        tape.observe(w.grad)

    program = recorded(case)
    found = runs(program)
    for leg in ("torch", "jax"):
        seen = found[leg].observed["w.grad"]
        assert isinstance(seen, Array)
        np.testing.assert_array_equal(seen.values, [3.0, 0.0])
