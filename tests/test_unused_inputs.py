"""tape.grad with respect to a non-leaf that the outputs do not use, by the program or by PyTorch's formulas."""

from __future__ import annotations

import numpy as np
import pytest
from test_leaf_hooks import Case, recorded, runs

from compare.errors import ProgramError
from compare.functionalize import functionalize
from compare.observed import Array
from compare.tape import Tape


def numbers(case: Case, name: str) -> list[list[float]]:
    """What each leg shows."""
    seen = [run.observed[name] for run in runs(recorded(case)).values()]
    assert all(isinstance(one, Array) for one in seen)
    return [one.values.tolist() for one in seen]  # type: ignore[union-attr]


def unused(tape: Tape) -> None:
    x = tape.leaf([2.0, 1.0])
    h = x * 3
    of_h = tape.grad((x * 2).sum(), h, allow_unused=True)
    tape.observe(of_h)


def of_a_gradient_that_is_constant(tape: Tape) -> None:
    x = tape.leaf([2.0, 1.0])
    h = x * 3
    slope = tape.grad((h * 2).sum(), h, create_graph=True)
    of_h = tape.grad((slope * x).sum(), h, allow_unused=True)
    tape.observe(of_h)


def of_a_gradient_that_reads_another(tape: Tape) -> None:
    x, w = tape.leaf([2.0, 1.0]), tape.leaf([1.0, 3.0])
    h = x * 3
    slope = tape.grad((h * w).sum(), h, create_graph=True)
    of_h = tape.grad((slope * x).sum(), h, allow_unused=True)
    tape.observe(of_h)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (unused, "'h', which the outputs do not depend on: PyTorch has None or an error there"),
        (of_a_gradient_that_is_constant, "'h', of which the outputs use a gradient that does not depend on it"),
        (of_a_gradient_that_reads_another, "'h', of which the outputs use a gradient that does not depend on it"),
    ],
)
def test_none_in_pytorch_and_zeros_in_jax_are_refused(case: Case, message: str) -> None:
    with pytest.raises(ProgramError) as caught:
        functionalize(recorded(case))
    assert message in str(caught.value)


def test_zeros_are_zeros_where_they_are_asked_for() -> None:
    def first_order(tape: Tape) -> None:
        x = tape.leaf([2.0, 1.0])
        h = x * 3
        of_h, of_x = tape.grad((x * 2).sum(), [h, x], materialize_grads=True)
        tape.observe(of_h)
        tape.observe(of_x)

    def second_order(tape: Tape) -> None:
        x = tape.leaf([2.0, 1.0])
        h = x * 3
        slope = tape.grad((h * 2).sum(), h, create_graph=True)
        of_h = tape.grad((slope * x).sum(), h, materialize_grads=True)
        tape.observe(of_h)

    assert numbers(first_order, "of_h") == [[0.0, 0.0]] * 3
    assert numbers(first_order, "of_x") == [[2.0, 2.0]] * 3
    assert numbers(second_order, "of_h") == [[0.0, 0.0]] * 3


@pytest.mark.parametrize("op", ["square", "exp", "sin", "sigmoid"])
def test_a_gradient_that_reads_the_input_is_differentiated_by_it(op: str) -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([2.0, 1.0])
        h = x * 3
        slope = tape.grad(getattr(h, op)().sum(), h, create_graph=True)
        of_h = tape.grad((slope * x).sum(), h)
        tape.observe(of_h)

    torch, jax, reference = numbers(case, "of_h")
    np.testing.assert_allclose(jax, torch, rtol=1e-10)
    np.testing.assert_allclose(reference, torch, rtol=1e-10)
