"""Corners of the printed JAX: names that collide, dtypes that are not the run's, hooks under one name."""

from __future__ import annotations

from typing import Any

import numpy as np

from compare.functionalize import functionalize
from compare.jax_leg import print_jax, run_jax
from compare.observed import LegRun
from compare.program import Program
from compare.statements import Apply, Backward, Leaf, Read, Ref, RegisterHook, RemoveHook
from compare.tape import Tape, record
from compare.torch_leg import print_torch, run_torch


def both(program: Program) -> tuple[LegRun, LegRun]:
    """Run the two printed sources; neither may fail."""
    lowering = functionalize(program)
    torch, jax = run_torch(program, print_torch(program)), run_jax(lowering.pure, print_jax(lowering.pure))
    assert torch.failure is None, torch.failure
    assert jax.failure is None, jax.failure
    return torch, jax


def agree(program: Program) -> dict[str, Any]:
    """Every number that JAX shows is PyTorch's."""
    torch, jax = both(program)
    assert jax.observed
    for name, seen in jax.observed.items():
        one, other = torch.observed[name], seen
        assert np.array_equal(one.values, other.values), name  # type: ignore[union-attr]
        assert one.dtype == other.dtype, name  # type: ignore[union-attr]
    return jax.observed


def test_names_that_printed_jax_uses_itself() -> None:
    def case(tape: Tape) -> None:
        pullback = tape.leaf([1.0, 2.0])
        loss_fn = pullback * 2
        h_hook_forward = loss_fn * 3
        h = h_hook_forward + 1
        h.register_hook(lambda g: g * 2)
        h.retain_grad()
        h_probe = h * 2
        loss = h_probe.sum()
        weights = tape.constant([1.0, 0.5])
        h_probe.backward(gradient=weights, retain_graph=True)
        loss.backward()
        for tensor in (pullback, loss_fn, h_hook_forward, h_probe, loss):
            tape.observe(tensor)
        tape.observe(pullback.grad)
        tape.observe(h.grad)

    agree(record(case, id="names", title="Names", dtype="float64"))


def test_a_hook_name_is_not_used_twice_in_one_program() -> None:
    def hook(factor: int) -> RegisterHook:
        body = (Apply(target="_1", op="multiply", operands=(Ref("g"), factor)),)
        return RegisterHook(target=f"s{factor}", handle="h", parameter="g", body=body, result=Ref("_1"))

    program = Program(
        id="hooks",
        title="Hooks",
        dtype="float64",
        statements=(
            Leaf(target="a", data=2.0, dtype="float64"),
            Apply(target="h", op="multiply", operands=(Ref("a"), 3)),
            hook(2),
            RemoveHook(hook="s2"),
            hook(6),
            Apply(target="loss", op="multiply", operands=(Ref("h"), Ref("h"))),
            Backward(roots=("loss",)),
            Read(name="a.grad", what="grad", handle="a"),
        ),
    )
    assert agree(program.checked())["a.grad"].values == 216.0


def test_a_root_of_one_element_in_another_dtype() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([2.0], dtype="float32")
        b = a * a
        b.retain_grad()
        b.backward()
        tape.observe(a.grad)
        tape.observe(b.grad)

    agree(record(case, id="narrow", title="Narrow", dtype="float64"))


def test_a_value_of_another_dtype_beside_the_runs() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        flags = tape.constant([True, False])
        narrow = a.astype("float32")
        picked = tape.where(flags, narrow, narrow * 2)
        picked.sum().backward()
        tape.observe(picked)
        tape.observe(a.grad)

    agree(record(case, id="casts", title="Casts", dtype="float64"))


def test_the_cotangent_may_also_be_an_operand() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        v = tape.constant([3.0, 4.0])
        b = a * v
        b.backward(gradient=v)
        tape.observe(a.grad)

    assert agree(record(case, id="both", title="Both", dtype="float64"))["a.grad"].values.tolist() == [9.0, 16.0]


def test_casts_in_a_narrow_run() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.5, 2.5])
        whole = a.astype("int64")
        b = a * whole.astype("float32")
        b.sum().backward()
        tape.observe(b)
        tape.observe(a.grad)

    agree(record(case, id="narrow", title="Narrow", dtype="float32"))


def test_a_wide_cast_in_a_narrow_run_turns_64_bits_on() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.5, 2.5])
        wide = a.astype("float64") * 2
        wide.sum().backward()
        tape.observe(wide)
        tape.observe(a.grad)

    agree(record(case, id="wide", title="Wide", dtype="float32"))


def test_an_augmented_item_write_is_one_update() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        b = a * 2
        b[0] += 3
        b[1] *= 2
        b.sum().backward()
        tape.observe(b)
        tape.observe(a.grad)

    program = record(case, id="augmented", title="Augmented", dtype="float64")
    assert print_jax(functionalize(program).pure).text.count(".at[") == 2
    agree(program)


def test_a_refused_backward_without_a_scalar_root_has_no_gradient_in_jax() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        b = a * 2
        with tape.expect_error(torch="RuntimeError: grad can be implicitly created", concept="backward"):
            b.backward()
        tape.observe(a.grad)
        tape.observe(b)

    _, jax = both(record(case, id="vector", title="Vector", dtype="float64"))
    assert list(jax.observed) == ["b"]


def test_a_training_loop_shares_one_function() -> None:
    def case(tape: Tape) -> None:
        x = tape.constant([1.0, 2.0])
        w = tape.leaf([0.5, -0.5])
        for _ in range(3):
            loss = ((x * w - 1) ** 2).sum()
            loss.backward()
            with tape.no_grad():
                w -= 0.01 * w.grad
            tape.observe(w)
        tape.observe(w.grad)

    program = record(case, id="loop", title="Loop", dtype="float64")
    text = print_jax(functionalize(program).pure).text
    assert text.count("def loss_fn") == 1
    assert text.count("loss_grad_fn = jax.jit(jax.grad(loss_fn))\n") == 1
    assert text.count("= loss_grad_fn(w)\n") == 3
    torch, jax = both(program)
    for name, seen in jax.observed.items():
        one, other = torch.observed[name], seen
        assert np.allclose(one.values, other.values, rtol=1e-12, atol=0)  # type: ignore[union-attr]


def test_what_a_shared_function_captures_differently_is_a_parameter() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf(2.0)
        offset = tape.constant(1.0)
        for factor in (3.0, 5.0):
            scale = tape.constant(factor)
            loss = a * scale + offset
            loss.backward()
        tape.observe(a.grad)

    program = record(case, id="scales", title="Scales", dtype="float64")
    text = print_jax(functionalize(program).pure).text
    assert text.count("def loss_fn(a, scale):") == 1
    assert text.count("loss_grad_fn(a, scale)") == 2
    assert agree(program)["a.grad"].values == 8.0


def test_functions_are_shared_only_when_they_compute_the_same() -> None:
    def case(tape: Tape) -> None:
        a, b = tape.leaf([2.0, 3.0]), tape.leaf([5.0, 7.0])
        scale = tape.constant(3.0)
        for way in ("exact", "power", "negative", "swapped", "captured twice"):
            if way == "exact":
                loss = (a * scale - b).sum()
            elif way == "power":
                loss = ((a * scale - b) ** 2).sum()
            elif way == "negative":
                loss = ((a * scale - b) ** -2).sum()
            elif way == "swapped":
                loss = (b - a * scale).sum()
            else:
                loss = (a * scale - scale * b).sum()
            loss.backward()
        tape.observe(a.grad)
        tape.observe(b.grad)

    program = record(case, id="others", title="Others", dtype="float64")
    text = print_jax(functionalize(program).pure).text
    assert text.count("def loss") == 5
    agree(program)


def test_a_shared_function_hands_out_what_any_call_needs() -> None:
    def case(tape: Tape) -> None:
        w = tape.leaf([1.0, 2.0])
        for step in range(3):
            x = tape.constant([1.0 + step, 2.0])
            h = w * x
            loss = h.sum()
            loss.backward()
            if step == 1:
                tape.observe(h)
            if step == 2:
                tape.observe(loss)
        tape.observe(w.grad)

    program = record(case, id="handed", title="Handed", dtype="float64")
    text = print_jax(functionalize(program).pure).text
    assert text.count("def loss_fn(w, x):") == 1
    assert text.count("(_, _), ") == 1
    assert text.count("(_, h), ") == 1
    assert text.count("(loss, _), ") == 1
    agree(program)


def test_a_shared_function_is_pulled_back_through_what_is_differentiated_only() -> None:
    def case(tape: Tape) -> None:
        w = tape.leaf([1.0, 2.0])
        for step in range(2):
            positions = tape.constant([step, 1], dtype="int64")
            weights = tape.constant([1.0, 0.5 + step])
            y = tape.take(w, positions, axis=0) * w
            y.backward(gradient=weights)
        tape.observe(w.grad)

    program = record(case, id="pulled", title="Pulled", dtype="float64")
    text = print_jax(functionalize(program).pure).text
    assert text.count("def y_fn(w, positions):") == 1
    assert text.count("jax.vjp(lambda w: y_fn(w, positions), w)") == 2
    agree(program)


def test_hooks_probes_and_functions_inside_are_shared_too() -> None:
    def case(tape: Tape) -> None:
        w = tape.leaf([1.0, 2.0])
        for step in range(3):
            x = tape.constant([1.0, 2.0 + step])
            h = w * x
            h.retain_grad()
            h.register_hook(lambda g: g * 2)
            y = (h**3).sum()
            (slope,) = tape.grad([y], [w], create_graph=True)
            loss = (slope * slope * x).sum() + h.sum()
            loss.backward()
            tape.observe(h.grad)
        tape.observe(w.grad)

    program = record(case, id="penalty", title="Penalty", dtype="float64")
    text = print_jax(functionalize(program).pure).text
    assert text.count("def loss_fn(w, h_probe, x):") == 1
    assert text.count("@jax.custom_vjp") == 1
    agree(program)


def test_a_hook_that_comes_later_makes_another_function() -> None:
    def case(tape: Tape) -> None:
        w = tape.leaf([1.0, 2.0])
        for step in range(4):
            loss = (w * w).sum()
            if step == 2:
                w.register_hook(lambda g: g * 10)
            loss.backward()
            tape.observe(w.grad)

    program = record(case, id="later", title="Later", dtype="float64")
    text = print_jax(functionalize(program).pure).text
    assert text.count("def loss") == 2
    agree(program)
