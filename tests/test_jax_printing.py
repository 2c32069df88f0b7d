"""Corners of the printed JAX: names that collide, dtypes that are not the run's, hooks under one name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from compare.errors import ProgramError
from compare.functionalize import functionalize
from compare.jax_leg import print_jax, run_jax
from compare.observed import LegRun
from compare.program import Program
from compare.statements import Apply, Backward, Leaf, Member, Read, Ref, RegisterHook, RemoveHook
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


# ---- leaves that belong together ----


def in_groups(program: Program, groups: dict[str, str]) -> Program:
    """The same program with leaves as members of groups, each under its own name as key."""
    statements = tuple(
        replace(one, member=Member(groups[one.target], f"of.{one.target}"))
        if isinstance(one, Leaf) and one.target in groups
        else one
        for one in program.statements
    )
    return replace(program, statements=statements).checked()


def test_leaves_of_a_group_are_one_dictionary() -> None:
    def case(tape: Tape) -> None:
        w, b, other = tape.leaf([0.5, -0.5]), tape.leaf(0.0), tape.leaf(2.0)
        for step in range(3):
            x = tape.constant([1.0, 2.0 + step])
            loss = ((x * w + b - other) ** 2).sum()
            loss.backward()
            with tape.no_grad():
                w -= 0.125 * w.grad
                b -= 0.125 * b.grad
            tape.observe(w)
            tape.observe(other.grad)
        tape.observe(b.grad)

    plain = record(case, id="grouped", title="Grouped", dtype="float64")
    program = in_groups(plain, {"w": "params", "b": "params"})
    assert Program.from_json(program.to_json()) == program
    text = print_jax(functionalize(program).pure).text
    assert 'params = {"of.w": jnp.array([0.5, -0.5]), "of.b": jnp.array(0.0)}\n' in text
    assert text.count("def loss_fn(params, other, x):") == 1
    assert "loss_grad_fn = jax.jit(jax.grad(loss_fn, argnums=(0, 1)))" in text
    assert "grads, other_grad = loss_grad_fn(params, other, x)\n" in text
    # The gradients of the first step are added to; those of later steps need a dictionary of their own.
    assert 'grads["of.w"] = grads["of.w"] + grads_2["of.w"]\n' in text
    assert text.count('params["of.w"] = params["of.w"] - 0.125 * grads["of.w"]\n') == 3
    agree(program)


def test_a_value_that_is_still_read_stays_in_its_dictionary() -> None:
    def case(tape: Tape) -> None:
        w, b = tape.leaf([0.5, -0.5]), tape.leaf(1.0)
        (w.sum() * b).backward()
        before = w.detach().clone()
        first = w * 3
        with tape.no_grad():
            w *= 10
        second = w * b
        (first + second).sum().backward()
        tape.observe(before)
        tape.observe(w)
        tape.observe(w.grad)
        tape.observe(b.grad)

    program = in_groups(record(case, id="older", title="Older", dtype="float64"), {"w": "params", "b": "params"})
    agree(program)


def test_a_dictionary_is_made_for_a_call_where_an_older_value_is_in_its_place() -> None:
    def case(tape: Tape) -> None:
        w, b = tape.leaf([0.5, -0.5]), tape.leaf(1.0)
        old = (w * b).sum()
        old.backward(retain_graph=True)
        with tape.no_grad():
            w.data = w * 10
        ((w * b) ** 2).sum().backward()
        old.backward()
        tape.observe(w)
        tape.observe(w.grad)
        tape.observe(b.grad)

    program = in_groups(record(case, id="data", title="Data", dtype="float64"), {"w": "params", "b": "params"})
    text = print_jax(functionalize(program).pure).text
    assert '{"of.w": w' in text
    agree(program)


def test_a_group_that_is_differentiated_in_part_is_separate_arguments() -> None:
    def case(tape: Tape) -> None:
        w, b = tape.leaf([0.5, -0.5]), tape.leaf(1.0)
        (w * b).sum().backward()
        w.sum().backward()
        tape.observe(w.grad)
        tape.observe(b.grad)

    program = in_groups(record(case, id="part", title="Part", dtype="float64"), {"w": "params", "b": "params"})
    assert "params" not in print_jax(functionalize(program).pure).text
    agree(program)


def test_two_groups_and_a_hook_on_a_member() -> None:
    def case(tape: Tape) -> None:
        w, b, c = tape.leaf([0.5, -0.5]), tape.leaf(1.0), tape.leaf(3.0)
        w.register_hook(lambda g: g * 2)
        for _ in range(2):
            fake = w * b
            (fake.detach() * c).sum().backward()
            c.grad = None
            (fake * c).sum().backward()
            with tape.no_grad():
                w -= w.grad
        tape.observe(w.grad)
        tape.observe(b.grad)
        tape.observe(c.grad)

    groups = {"w": "maker_params", "b": "maker_params", "c": "judge_params"}
    program = in_groups(record(case, id="two", title="Two", dtype="float64"), groups)
    text = print_jax(functionalize(program).pure).text
    assert "(maker_params, judge_params)" in text
    assert "maker_grads, judge_grads" in text
    assert '    w = maker_params["of.w"]\n    w = ' in text
    agree(program)


def test_a_gradient_inside_a_function_takes_members_one_by_one() -> None:
    def case(tape: Tape) -> None:
        w, b = tape.leaf([0.5, -0.5]), tape.leaf(1.5)
        for _ in range(2):
            inner = ((w * b) ** 3).sum()
            fast, slope = tape.grad([inner], [w, b], create_graph=True)
            loss = (((w - 0.5 * fast) * (b - 0.5 * slope)) ** 2).sum()
            loss.backward()
            with tape.no_grad():
                w -= 0.125 * w.grad
                b -= 0.125 * b.grad
        tape.observe(w)
        tape.observe(w.grad)
        tape.observe(b.grad)

    program = in_groups(record(case, id="maml", title="MAML", dtype="float64"), {"w": "params", "b": "params"})
    text = print_jax(functionalize(program).pure).text
    assert text.count("def loss_fn(params):") == 1
    assert 'jax.grad(inner_fn, argnums=(0, 1))(params["of.w"], params["of.b"])' in text
    torch, jax = both(program)
    for name, seen in jax.observed.items():
        assert np.allclose(torch.observed[name].values, seen.values, rtol=1e-12, atol=0)  # type: ignore[union-attr]


def test_a_group_whose_name_is_taken_or_a_key_that_is_code() -> None:
    key = 'a"]; import os; x = ["'
    statements = (
        Leaf(target="params", data=[1.0, 2.0], dtype="float64", member=Member("params", key)),
        Apply(target="grads", op="multiply", operands=(Ref("params"), Ref("params"))),
        Apply(target="loss", op="sum", operands=(Ref("grads"),)),
        Backward(roots=("loss",)),
        Read(name="params.grad", what="grad", handle="params"),
        Read(name="grads", what="value", handle="grads"),
    )
    program = Program(id="names", title="Names", dtype="float64", statements=statements)
    assert agree(program.checked())["params.grad"].values.tolist() == [2.0, 4.0]
    for member in (Member("import", "a"), Member("a b", "a"), Member("jnp", "a"), Member("params", "a\nb")):
        wrong = replace(program, statements=(replace(statements[0], member=member), *statements[1:]))
        with pytest.raises(ProgramError):
            wrong.checked()
