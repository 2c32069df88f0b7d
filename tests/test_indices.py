"""Indices: views, positions and masks, several views at once; what is printed, what agrees, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from compare.errors import CaseError
from compare.functionalize import functionalize
from compare.jax_leg import print_jax, run_jax
from compare.observed import Array
from compare.program import Program
from compare.reference import run_reference
from compare.statements import Constant, Unpack
from compare.tape import Tape, record
from compare.torch_leg import print_torch, run_torch

Case = Callable[[Any], None]


def recorded(case: Case, dtype: str = "float64") -> Program:
    return record(case, id="a-case", title="A case", dtype=dtype)


def torch_lines(case: Case) -> list[str]:
    """The PyTorch lines after the header."""
    return print_torch(recorded(case)).text.partition("torch.float64)\n\n")[2].splitlines()


def jax_lines(case: Case) -> list[str]:
    """The stripped JAX lines."""
    return [line.strip() for line in print_jax(functionalize(recorded(case)).pure).text.splitlines()]


def check(case: Case, dtype: str = "float64") -> Program:
    """All three legs show the same numbers."""
    program = recorded(case, dtype)
    pure = functionalize(program).pure
    legs = run_torch(program, print_torch(program)), run_jax(pure, print_jax(pure)), run_reference(program)
    for leg in legs:
        assert leg.failure is None, leg.failure
    assert legs[1].observed
    for name in legs[1].observed:
        arrays = [leg.observed[name] for leg in legs]
        assert all(isinstance(one, Array) for one in arrays), (name, arrays)
        for one in arrays[1:]:
            np.testing.assert_allclose(one.values, arrays[0].values, rtol=1e-12, err_msg=name)
    return program


def refused(case: Case) -> str:
    with pytest.raises(CaseError) as caught:
        functionalize(recorded(case))
    return str(caught.value)


# ---- positions and masks ----


def test_positions_are_written_as_the_case_wrote_them() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        i = tape.constant([2, 0])
        y = x[..., i] * x[:, [0, -1]]
        y[[1], 0] = 7.0
        y.sum().backward()
        tape.observe(x.grad)

    assert torch_lines(case)[2:5] == ["y = x[:, i] * x[:, [0, -1]]", "y[[1], 0] = 7.0", "y.sum().backward()"]
    lines = jax_lines(case)
    assert "y = x[:, i] * x[:, jnp.array([0, -1])]" in lines
    assert "y = y.at[jnp.array([1]), 0].set(7.0)" in lines
    check(case)


def test_a_list_of_booleans_is_a_constant_that_both_frameworks_can_index_with() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([1.0, 2.0, 3.0])
        y = x[[True, False, True]]
        (y * y).sum().backward()
        tape.observe(x.grad)

    program = check(case)
    assert [type(statement) for statement in program.statements][1] is Constant
    assert "y = x[mask_1]" in torch_lines(case)


def test_a_mask_that_is_known_takes_as_many_values_as_it_has_true() -> None:
    def case(tape: Tape) -> None:
        v = tape.leaf([5.0, 6.0])
        x = tape.leaf([1.0, 2.0, 3.0])
        y = x * 1
        y[tape.constant([True, False, True])] = v
        (y * y).sum().backward()
        tape.observe(x.grad)
        tape.observe(v.grad)

    check(case)


def test_a_computed_mask_is_a_where() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([[1.0, -2.0], [3.0, 4.0]])
        v = tape.leaf([5.0, 6.0])
        y = x * 1
        y[y[:, 1] < 0] = v
        y[:, v > 5] = -1
        y.masked_fill_(y > 2, 0.5)
        (y * y).sum().backward()
        tape.observe(x.grad)
        tape.observe(v.grad)

    check(case)
    lines = jax_lines(case)
    assert "y = jnp.where(jnp.expand_dims(y[:, 1] < 0, (1,)), v, y)" in lines
    assert "y = jnp.where(v > 5, -1, y)" in lines


def test_a_constant_that_was_written_is_not_known_any_more() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([1.0, 2.0])
        mask = tape.constant([True, False])
        mask[1] = True
        x[mask].sum().backward()

    assert "how many elements the mask 'mask' names depends on values" in refused(case)


def test_computed_positions_read_and_write() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([1.0, 2.0, 3.0])
        i = tape.constant([0, 1]) + 1
        y = x * 1
        y[i] = x[i - 1] * 2
        (y * y).sum().backward()
        tape.observe(x.grad)

    check(case)


def test_a_read_by_positions_is_a_copy_and_an_augmented_write_reads_first() -> None:
    def case(tape: Tape) -> None:
        y = tape.constant([0.0, 0.0, 0.0])
        y[[0, 0, 1]] += 1.0
        tape.expect(y, [1.0, 1.0, 0.0])

    check(case)
    assert [remark.concept for remark in functionalize(recorded(case)).remarks].count("duplicate-index") == 1


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda x, i: x[x > 0], "where(mask, x, 0)"),
        (lambda x, i: x[0, :, [0, 1]], "an integer stands apart from the positions"),
        (lambda x, i: x[[3]], "index 3 is out of bounds for axis 0 with size 2"),
        (lambda x, i: x.take(i, axis=0), "position 2 is out of range for size 2"),
        (lambda x, i: x[i], "index 2 is out of bounds"),
        (lambda x, i: x[x], "positions must be a tensor of int64 or bool, got float64"),
        (lambda x, i: x[[]], "not list"),
        (lambda x, i: x.masked_scatter_(x > 0, x), "masked_scatter takes one value for each True"),
        (lambda x, i: x.__setitem__(x > 0, x[0, 0]), "depends on how many True"),
        (lambda x, i: x.__setitem__([0, 1], x), "they share elements of one storage"),
        (lambda x, i: x.__setitem__([0], i), "promotion is not modelled"),
        (lambda x, i: x.advanced_setitem(0.5, index=((0,),)), "has no out-of-place form in PyTorch"),
        (lambda x, i: x.matrix_transpose().view(-1), "its strides allow no view of that shape"),
    ],
)
def test_what_cannot_be_said_exactly_is_refused(act: Callable[[Any, Any], Any], message: str) -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]) * 1
        act(x, tape.constant([0, 2]))

    assert message in refused(case)


def test_an_expanded_tensor_is_not_written_by_positions() -> None:
    def case(tape: Tape) -> None:
        wide = tape.constant([1.0]).broadcast_to((3,))
        wide[[0]] = 2.0

    assert "clone it before the write" in refused(case)


# ---- views ----


def test_a_chain_of_every_view_is_written_through() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])
        y = x * 1
        y.unflatten(1, (2, 2)).moveaxis(2, 0)[1].swapaxes(0, 1).select(0, -1).narrow(0, 1, 1).mul_(10.0)
        y.expand_dims(0).squeeze().flatten()[::3].add_(1.0)
        y[None].diagonal(1, axis1=1, axis2=2).mul_(3.0)
        y.permute_dims(1, 0)[-2:].matrix_transpose().view(1, 2, 2)[0, 1].mul_(x[0, :2])
        y[:, 1:].unstack(axis=1)[0].sum().backward(retain_graph=True)
        (y * y).sum().backward()
        tape.observe(y)
        tape.observe(x.grad)

    check(case)


def test_positions_within_a_view_reach_the_base() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([1.0, 2.0, 3.0, 4.0])
        y = x * 1
        y[1:][[0, 2]] = x[:2] * 3
        y[::2][y[::2] > 2] += 0.5
        (y * y).sum().backward()
        tape.observe(x.grad)

    assert "how many elements the mask" in refused(case)

    def without_mask(tape: Tape) -> None:
        x = tape.leaf([1.0, 2.0, 3.0, 4.0])
        y = x * 1
        y[1:][[0, 2]] = x[:2] * 3
        y[::2][y[::2] > 2] = 0.5
        (y * y).sum().backward()
        tape.observe(x.grad)

    check(without_mask)


# ---- several views at once ----


def test_the_views_of_one_op_are_named_together() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        a, b = x.unstack()
        p, _ = x.split((1, 2), axis=1)
        c, d = x
        last = x.chunk(2, axis=1)[1]
        for row in x:
            (row * a * b * c * d).sum().backward(retain_graph=True)
        (p.sum() * last.sum()).backward()
        tape.observe(x.grad)

    assert torch_lines(case)[1:6] == [
        "a, b = x.unbind()",
        "p, split_1 = x.split((1, 2), dim=1)",
        "c, d = x.unbind()",
        "last = x.chunk(2, dim=1)[1]",
        "row_1, row_2 = x.unbind()",
    ]
    program = check(case)
    assert sum(isinstance(statement, Unpack) for statement in program.statements) == 4


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda tape, y, a: a.mul_(2.0), "PyTorch forbids a recorded write through it"),
        (lambda tape, y, a: a[:1].mul_(2.0), "PyTorch forbids a recorded write through it"),
        (lambda tape, y, a: (y.mul_(2.0), a * 2), "its base has been written since"),
        (lambda tape, y, a: (y.detach().mul_(2.0), a * 2), "its base has been written since"),
        (lambda tape, y, a: (y.mul_(2.0), tape.observe(a.is_leaf)), "its base has been written since"),
    ],
    ids=["a piece", "a part of a piece", "the base", "an alias of the base", "a flag"],
)
def test_one_of_several_views_is_refused_where_torch_refuses_it(act: Callable[..., Any], message: str) -> None:
    def case(tape: Tape) -> None:
        y = tape.leaf([1.0, 2.0, 3.0, 4.0]) * 1
        a, b = y.chunk(2)
        act(tape, y, a)
        b.sum()

    assert message in refused(case)
    tensors: dict[str, Any] = {"y": torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True) * 1}
    tensors["a"], _ = tensors["y"].chunk(2)
    shown = type("Shown", (), {"observe": staticmethod(lambda value: value)})
    with pytest.raises(RuntimeError, match="output of a function that returns multiple views"):
        act(shown, tensors["y"], tensors["a"])


def test_one_of_several_views_of_an_untracked_tensor_is_written_like_any() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([1.0, 2.0])
        y = tape.constant([1.0, 2.0, 3.0, 4.0])
        a, b = y.chunk(2)
        a.mul_(10.0)
        with tape.no_grad():
            b.copy_(x)
        (y[:2] * x).sum().backward()
        tape.observe(y)
        tape.observe(a)
        tape.observe(x.grad)

    check(case)


def test_what_a_written_base_left_may_still_be_looked_at() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([1.0, 2.0])
        y = x * 1
        a, _ = y.unstack()
        y *= 3
        tape.observe(a)
        tape.observe(a.version)
        tape.observe(a.detach() * 2)
        y.sum().backward()
        tape.observe(x.grad)

    check(case)


def test_a_hook_on_one_of_several_views_is_refused_where_torch_calls_it_with_none() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([1.0, 2.0])
        a, b = (x * 1).unstack()
        a.register_hook(lambda g: g * 2)
        b.backward()
        tape.observe(x.grad)

    with pytest.raises(Exception, match="PyTorch calls the hook with None"):
        functionalize(recorded(case))
    program = recorded(case)
    failure = run_torch(program, print_torch(program)).failure
    assert failure is not None
    assert "NoneType" in failure.message


def test_the_retained_gradient_of_one_of_several_views_is_its_own() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([1.0, 2.0])
        a, b = (x * 1).unstack()
        a.retain_grad()
        b.retain_grad()
        (a * 3 + b * b).backward()
        tape.expect(a.grad, 3.0)
        tape.expect(b.grad, 4.0)

    check(case)


# ---- hooks, and a narrow run ----


def test_a_hook_may_take_shapes_apart() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([[1.0, 2.0], [3.0, 4.0]])
        h = x * 2
        h.register_hook(lambda g: (g.flatten() * 2).unflatten(0, (2, 2))[[1, 0]])
        (h * h).sum().backward()
        tape.observe(h)

    assert "return ((g.reshape((4,)) * 2).reshape((2, 2))[jnp.array([1, 0])],)" in jax_lines(case)
    program = recorded(case)
    pure = functionalize(program).pure
    assert run_jax(pure, print_jax(pure)).failure is None


def test_positions_in_a_narrow_run() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([[1.0, 2.0], [3.0, 4.0]])
        y = x.take_along_axis(tape.constant([[1], [0]]), axis=1) * x.take(tape.constant([0]), axis=1)
        y.index_add_(tape.constant([1, 1]), x[:, 1:], axis=0)
        (y * y).sum().backward()
        tape.observe(x.grad)

    check(case, "float32")
