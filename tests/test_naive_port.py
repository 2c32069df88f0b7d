"""The naive port: each of its rules, and random programs, whose ports must print, run, and differ for a reason only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import pytest
from hypothesis import HealthCheck, given, note, settings
from tape_programs import tape_programs

from compare.errors import ProgramError
from compare.functionalize import functionalize
from compare.jax_leg import print_jax, run_jax
from compare.judge import compare
from compare.naive_port import NoPortError, naive_port
from compare.observed import Array, LegRun
from compare.program import Program
from compare.statements import (
    AssignData,
    Detach,
    DetachInPlace,
    EnterGradMode,
    ItemWrite,
    RegisterHook,
    RegisterPostAccumulateGradHook,
    RequiresGrad,
    SetGradMode,
    Write,
    unwrap,
)
from compare.tape import Tape, record
from compare.torch_leg import print_torch, run_torch


def recorded(case: Callable[[Any], None]) -> Program:
    return record(case, id="ported", title="Ported", dtype="float64")


def ported(case: Callable[[Any], None]) -> tuple[list[str], dict[str, Any]]:
    """The lines of a port after its header, without prints; and what it shows, as lists."""
    pure = naive_port(recorded(case))
    assert pure is not None
    source = print_jax(pure)
    run = run_jax(pure, source)
    assert run.failure is None, run.failure
    lines = source.text.partition('enable_x64", True)\n\n')[2].splitlines()
    shown = {name: seen.values.tolist() if isinstance(seen, Array) else seen for name, seen in run.observed.items()}
    return [line for line in lines if line and not line.startswith("print(")], shown


# ---- the rules ----


def test_a_write_in_place_rebinds_its_own_name_and_no_other() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0, 3.0])
        y = a * 2
        v = y[:2]
        y *= 10
        loss = v.sum()
        loss.backward()
        tape.observe(a.grad)
        tape.observe(y)

    assert ported(case) == (
        [
            "a = jnp.array([1.0, 2.0, 3.0])",
            "def loss_fn(a):",
            "    y = a * 2",
            "    v = y[:2]",
            "    y = y * 10",
            "    loss = jnp.sum(v)",
            "    return loss, y",
            "a_grad, y = jax.jit(jax.grad(loss_fn, has_aux=True))(a)",
        ],
        {"a.grad": [2.0, 2.0, 0.0], "y": [20.0, 40.0, 60.0]},
    )


def test_a_write_to_a_named_view_stays_with_the_view() -> None:
    def case(tape: Tape) -> None:
        x = tape.constant([1.0, 2.0, 3.0])
        v = x[1:]
        v[0] = 9.0
        v.fill_(7.0)
        tape.observe(x)
        tape.observe(v)

    lines, shown = ported(case)
    assert lines == [
        "x = jnp.array([1.0, 2.0, 3.0])", "v = x[1:]", "v = v.at[0].set(9.0)", "v = jnp.full_like(v, 7.0)",
    ]  # fmt: skip
    assert shown == {"x": [1.0, 2.0, 3.0], "v": [7.0, 7.0]}


@pytest.mark.parametrize("word", ["detach", "data"])
def test_a_named_alias_is_an_array_of_its_own(word: str) -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        y = a * 3
        if word == "detach":
            d = y.detach()
        else:
            d = y.data
        d *= 10
        loss = y.sum()
        loss.backward()
        tape.observe(a.grad)
        tape.observe(loss)
        tape.observe(d)

    lines, shown = ported(case)
    assert lines[1:6] == [
        "def loss_fn(a):", "    y = a * 3", "    d = lax.stop_gradient(y)", "    d = d * 10", "    loss = jnp.sum(y)",
    ]  # fmt: skip
    assert shown == {"a.grad": [3.0, 3.0], "loss": 9.0, "d": [30.0, 60.0]}


def test_an_alias_without_a_name_is_read_as_the_tensor_on_its_line() -> None:
    def case(tape: Tape) -> None:
        x = tape.constant([[1.0, 2.0], [3.0, 4.0]])
        x.data.add_(1.0)
        x[1].mul_(10.0)
        x.detach()[0][1] = 7.0
        x.reshape((4,))[1:3].fill_(0.5)
        tape.observe(x)

    assert ported(case)[1] == {"x": [[2.0, 0.5], [0.5, 50.0]]}


def test_an_item_that_is_written_back_reaches_its_array() -> None:
    def case(tape: Tape) -> None:
        x = tape.constant([1.0, 2.0])
        x[0] += 5.0
        tape.observe(x)

    assert ported(case)[1] == {"x": [6.0, 2.0]}


def test_no_grad_is_dropped() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf(1.0)
        b = tape.leaf(2.0)
        y = a * 2
        with tape.no_grad():
            y *= 10
            target = b * 4
        loss = y * target
        loss.backward()
        tape.observe(loss)
        tape.observe(a.grad)
        tape.observe(b.grad)

    assert ported(case)[1] == {"loss": 160.0, "a.grad": 160.0, "b.grad": 80.0}


def test_hooks_and_retain_grad_are_dropped_and_leave_nothing_to_read() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        h = a * 3
        h[0] = 5.0
        h.retain_grad()
        kept = h.register_hook(lambda cotangent: cotangent * 2)
        kept.remove()
        h.register_hook(lambda cotangent: cotangent * 100)
        h.sum().backward()
        tape.observe(a.grad)
        tape.observe(h.grad)
        tape.observe(h.version)

    assert ported(case)[1] == {"a.grad": [0.0, 3.0]}


def test_what_requires_grad_later_is_an_argument_from_there_on() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        c = (a * 3).detach()
        c[0] = 10.0
        c.requires_grad_()
        y = a * 2
        y.requires_grad_()  # nothing: it does already
        loss = (c * c * y).sum()
        loss.backward()
        tape.observe(c.grad)
        tape.observe(a.grad)

    assert ported(case)[1] == {"c.grad": [40.0, 48.0], "a.grad": [200.0, 72.0]}


def test_a_leaf_whose_flag_is_switched_off_is_none() -> None:
    def case(tape: Tape) -> None:
        a, b = tape.leaf([1.0, 2.0]), tape.leaf([1.0, 2.0])
        with tape.no_grad():
            b[0] = 3.0
        b.requires_grad_(False)
        (a * b).sum().backward()
        tape.observe(a.grad)
        tape.observe(b.grad)

    assert ported(case)[1] == {"a.grad": [3.0, 2.0]}


def test_every_write_is_a_line_whether_or_not_anything_reads_it() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        x = tape.constant([3.0, 4.0])
        x[0] = 5.0
        y = a * 2
        loss = y.sum()
        y[0] = 6.0
        loss.backward()
        tape.observe(a.grad)

    lines, shown = ported(case)
    assert "x = x.at[0].set(5.0)" in lines
    assert lines.index("y = y.at[0].set(6.0)") > lines.index("    return loss, y")
    assert shown == {"a.grad": [2.0, 2.0]}


def test_a_leaf_is_written_before_the_function_until_the_function_uses_it() -> None:
    def before(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        with tape.no_grad():
            a[0] = 10.0
            a *= 2
        (a * a).sum().backward()
        tape.observe(a.grad)

    def inside(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        y = a * 3
        with tape.no_grad():
            a[0] = 10.0
        (y + a * 5).sum().backward()
        tape.observe(a.grad)
        tape.observe(a)

    lines, shown = ported(before)
    assert lines[:4] == ["a = jnp.array([1.0, 2.0])", "a = a.at[0].set(10.0)", "a = a * 2", "def a_fn(a):"]
    assert shown == {"a.grad": [40.0, 8.0]}
    lines, shown = ported(inside)
    assert lines[2:4] == ["    y = a * 3", "    a = a.at[0].set(10.0)"]
    assert shown == {"a.grad": [3.0, 8.0], "a": [10.0, 2.0]}


def test_gradients_add_up_and_steps_take_them() -> None:
    def case(tape: Tape) -> None:
        w = tape.leaf([1.0, 2.0])
        for _ in range(2):
            (w * w).sum().backward()
            with tape.no_grad():
                w -= 0.5 * w.grad
        tape.observe(w)
        tape.observe(w.grad)

    # [1, 2] - 0.5 * [2, 4] = [0, 0]; there the second gradient is zero, and the first is still in the slot.
    assert ported(case)[1] == {"w": [-1.0, -2.0], "w.grad": [2.0, 4.0]}


def test_a_slot_is_written_on_its_own_line_and_not_through_a_name() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        (a * a).sum().backward()
        a.grad *= 10.0
        a.grad[0] = 1.0
        g = a.grad
        g.zero_()
        tape.observe(a.grad)
        tape.observe(g)
        (a * 1.0).sum().backward()
        tape.observe(a.grad)
        tape.observe(g)
        a.grad = None
        (a * 2.0).sum().backward()
        tape.observe(a.grad)
        a.grad = g
        tape.observe(a.grad)

    assert ported(case)[1] == {
        "a.grad": [1.0, 40.0], "g": [0.0, 0.0], "a.grad (2)": [2.0, 41.0], "g (2)": [0.0, 0.0],
        "a.grad (3)": [2.0, 2.0], "a.grad (4)": [0.0, 0.0],
    }  # fmt: skip


def test_a_leaf_in_a_slot_is_not_written_through_it() -> None:
    def case(tape: Tape) -> None:
        a, b = tape.leaf([1.0, 2.0]), tape.leaf([3.0, 4.0])
        a.grad = b
        g = a.grad
        with tape.no_grad():
            a.grad *= 10.0
            g *= 2.0
        (a * b).sum().backward()
        tape.observe(b)
        tape.observe(b.grad)
        tape.observe(a.grad)
        tape.observe(g)

    assert ported(case)[1] == {"b": [3.0, 4.0], "b.grad": [1.0, 2.0], "a.grad": [33.0, 44.0], "g": [6.0, 8.0]}


def test_a_gradient_under_a_name_of_its_own_stays_as_it_was() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        (a * 3).sum().backward()
        g = a.grad
        (a * 4).sum().backward()
        tape.observe(g)
        tape.observe(a.grad)

    assert ported(case)[1] == {"g": [3.0, 3.0], "a.grad": [7.0, 7.0]}


def test_what_pytorch_refuses_is_not_there_but_for_the_gradient() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 3.0])
        with tape.expect_error(torch="a leaf Variable that requires grad", concept="inplace-on-leaf"):
            a += 1
        b = a + 2
        loss = (b * b).sum()
        b[0] = 100.0
        with tape.expect_error(torch="is at version 1; expected version 0 instead", concept="write-after-save"):
            loss.backward()
        tape.observe(a)
        tape.observe(a.grad)

    assert ported(case)[1] == {"a": [1.0, 3.0], "a.grad": [6.0, 10.0]}


def test_a_buffer_filled_through_views_stays_empty_and_its_gradient_zero() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        buffer = tape.constant([1.0, 1.0, 1.0])
        row = buffer[:2]
        row *= a
        loss = buffer.sum()
        loss.backward()
        tape.observe(loss)
        tape.observe(a.grad)

    assert ported(case)[1] == {"loss": 3.0, "a.grad": [0.0, 0.0]}


def test_a_leaf_that_is_written_into_a_tensor_after_its_last_reader_is_no_argument() -> None:
    def case(tape: Tape) -> None:
        a, b = tape.leaf([1.0, 2.0]), tape.leaf(3.0)
        x = tape.constant([1.0, 1.0, 1.0])
        total = x.sum()
        x[:2] = a
        loss = b * total
        loss.backward()
        tape.observe(a.grad)
        tape.observe(b.grad)

    assert ported(case)[1] == {"b.grad": 3.0}


def test_gradients_of_gradients_follow_the_names() -> None:
    def case(tape: Tape) -> None:
        a, b = tape.leaf([1.0, 2.0]), tape.leaf([3.0, 4.0])
        h = a * b
        v = h[:1]
        h *= 2
        loss = (h * h).sum() + v.sum()
        ga, gh = tape.grad(loss, [a, h], create_graph=True)
        tape.backward([ga.sum(), gh.sum()], inputs=[b])
        tape.observe(ga)
        tape.observe(gh)
        tape.observe(b.grad)
        tape.observe(a.grad)

    # v stays a[0] * b[0]; d loss / d a = 8 a b^2 + [b0, 0] and d loss / d h = 2 h = 4 a b.
    assert ported(case)[1] == {"ga": [75.0, 256.0], "gh": [12.0, 32.0], "b.grad": [53.0, 136.0]}


# ---- where there is no port ----


def test_programs_without_anything_of_the_tapes_have_no_port() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        h = (a * 3).clone()
        h.register_hook(lambda cotangent: cotangent * 2)
        h.sum().backward()
        tape.observe(a.grad)

    assert naive_port(recorded(case)) is None


def test_a_gradient_that_only_a_probe_would_give_is_refused_by_name() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        h = a * 3
        h[0] = 1.0
        h.retain_grad()
        h.sum().backward()
        tape.observe(h.grad * 2)

    with pytest.raises(NoPortError, match=r"it computes with 'h\.grad'"):
        naive_port(recorded(case))


def test_what_is_assigned_to_data_goes_on_under_its_own_name() -> None:
    """Two leaves are two arguments, whatever numbers they have; one that the loss does not use is none."""

    def case(tape: Tape) -> None:
        a, b = tape.leaf([1.0, 2.0]), tape.leaf([3.0, 4.0])
        a.data = b
        (b * b).sum().backward()
        (a * b).sum().backward()
        tape.expect(a, [3.0, 4.0])
        tape.expect(a.grad, [3.0, 4.0])
        tape.expect(b.grad, [9.0, 12.0])

    lines, shown = ported(case)
    assert "    a = lax.stop_gradient(b)" in lines
    assert shown == {"a": [3.0, 4.0], "a.grad": [3.0, 4.0], "b.grad": [9.0, 12.0]}


def test_an_argument_that_a_function_does_not_use_is_none_of_the_gradient() -> None:
    def case(tape: Tape) -> None:
        a, b = tape.leaf(2.0), tape.leaf(3.0)
        function = tape.function(lambda x, y: y * y)
        d = tape.checkpoint(function, a, b).detach()
        c = tape.checkpoint(function, a, b)
        (c * d).backward()
        tape.expect(a.grad, None)
        tape.expect(b.grad, 54.0)

    assert ported(case)[1] == {"b.grad": 54.0}


# ---- random programs ----


CAUSES = (
    Write, ItemWrite, AssignData, EnterGradMode, SetGradMode, RegisterHook, RegisterPostAccumulateGradHook,
    RequiresGrad, DetachInPlace,
)  # fmt: skip
"""What a silent difference of a port can come from."""


def check(program: Program, explain: Callable[[str], None] = lambda text: None) -> None:
    """The port prints and runs. Where it differs from PyTorch and from the faithful JAX, one of the causes is there."""
    try:
        lowering = functionalize(program)
        pure = naive_port(program)
    except (ProgramError, NoPortError):
        return  # refused by name, which is an answer
    if pure is None:
        return
    source, faithful_source = print_jax(pure), print_jax(lowering.pure)
    explain(source.text)
    with jax.disable_jit():
        port, faithful = run_jax(pure, source), run_jax(lowering.pure, faithful_source)
    assert port.failure is None, port.failure
    torch = run_torch(program, print_torch(program))
    differing = [name for name in port.observed if not shown_by(name, port, torch, faithful)]
    if differing and torch.failure is None:
        assert any(isinstance(unwrap(statement), CAUSES) for statement in program.statements), differing


def shown_by(name: str, port: LegRun, *legs: LegRun) -> bool:
    """Whether one of the legs shows what the port shows."""
    seen = port.observed[name]
    return any(name in leg.observed and compare(seen, leg.observed[name], "float64").agree for leg in legs)


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(tape_programs(tape_words=True, length=14))
def test_ports_of_random_programs_run(program: Program) -> None:
    check(program, note)


def test_a_planted_slip_of_the_port_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search can fail: a port that lets history through a detach is caught."""

    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        d = a.detach()
        (a * d).sum().backward()
        tape.observe(a.grad)

    program = recorded(case)
    check(program)

    def slip(self: Any, statement: Detach) -> None:
        self.bind(statement.target, self.values[statement.source])

    monkeypatch.setattr("compare.naive_port._Port.detach", slip)
    with pytest.raises(AssertionError, match=r"a\.grad"):
        check(program)
