"""Hooks and backward rules that PyTorch calls with zeros, where no cotangent arrives in JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_leaf_hooks import recorded, runs

from compare.errors import ProgramError
from compare.functionalize import functionalize
from compare.functions import keeps_zeros
from compare.observed import Array
from compare.program import Program
from compare.statements import RegisterHook
from compare.tape import Tape, Tensor

Edit = Callable[[Tensor], Tensor]
Use = Callable[[Tape, Tensor], Tensor]


def one_more(cotangent: Tensor) -> Tensor:
    return cotangent + 1


def double(cotangent: Tensor) -> Tensor:
    return cotangent * 2


def squared(cotangent: Tensor) -> Tensor:
    return cotangent * cotangent


def program(edit: Edit, use: Use) -> Program:
    """A hook on the result of an op, and a loss of what is made of it."""

    def case(tape: Tape) -> None:
        x = tape.leaf([1.5, 2.5])
        h = 3 * x
        h.register_hook(edit)
        use(tape, h).sum().backward()
        tape.observe(x.grad)

    return recorded(case)


def gradients(written: Program) -> tuple[Any, Any]:
    found = runs(written)
    seen = [found[leg].observed["x.grad"] for leg in ("torch", "jax")]
    assert all(isinstance(one, Array) for one in seen)
    return tuple(one.values for one in seen)  # type: ignore[union-attr,return-value]


ZEROS: dict[str, Use] = {
    "fill": lambda tape, h: h.fill_(4.0),
    "copy": lambda tape, h: h.copy_(tape.constant([1.0, 2.0])),
    "sign": lambda tape, h: h.sign(),
    "floor": lambda tape, h: h.floor(),
    "ceil": lambda tape, h: h.ceil(),
    "round": lambda tape, h: h.round(),
    "power-zero": lambda tape, h: h**0,
    "sign-of-a-copy": lambda tape, h: (h * 2).sign() * 5,
}
"""What passes zeros on in PyTorch, and nothing in JAX."""

NUMBERS: dict[str, Use] = {
    "fill-and-the-value-before": lambda tape, h: h * 2 + h.clone().fill_(4.0),
    "times-zero": lambda tape, h: h * 0,
    "items": lambda tape, h: item_written(h),
    "where": lambda tape, h: tape.where(tape.constant([False, False]), h, 0.0),
    "clip": lambda tape, h: h.clip(min=100.0),
}
"""What passes on a cotangent, though it may be zeros."""


def item_written(h: Tensor) -> Tensor:
    h[:] = 5.0
    return h


@pytest.mark.parametrize("name", ZEROS)
def test_a_hook_that_makes_something_of_zeros_is_refused(name: str) -> None:
    with pytest.raises(ProgramError, match="makes a gradient of zeros"):
        functionalize(program(one_more, ZEROS[name]))


@pytest.mark.parametrize("edit", [double, squared])
@pytest.mark.parametrize("name", ZEROS)
def test_a_hook_that_keeps_zeros_agrees(name: str, edit: Edit) -> None:
    torch, jax = gradients(program(edit, ZEROS[name]))
    np.testing.assert_array_equal(torch, [0.0, 0.0])
    np.testing.assert_array_equal(jax, torch)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_hook_that_is_called_in_both_agrees(name: str) -> None:
    torch, jax = gradients(program(one_more, NUMBERS[name]))
    assert np.all(torch != 0)
    np.testing.assert_array_equal(jax, torch)


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_hook_on_a_node_is_held_to_the_same(place: str) -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([1.5, 2.5])
        h = 3 * x
        if place == "before":
            h.grad_fn.register_prehook(lambda before: (before[0] + 1,))
        else:
            h.grad_fn.register_hook(lambda after, before: (after[0] + 1,))
        h.sign().sum().backward()

    with pytest.raises(ProgramError, match="makes a gradient of zeros"):
        functionalize(recorded(case))


def test_a_backward_rule_that_is_not_linear_is_held_to_the_same() -> None:
    def case(rule: Edit) -> Program:
        def written(tape: Tape) -> None:
            x = tape.leaf([1.5, 2.5])
            function = tape.custom_function(lambda x: x * 3, rule)
            function(x).sign().sum().backward()
            tape.observe(x.grad)

        return recorded(written)

    with pytest.raises(ProgramError, match="which is not linear, gets zeros"):
        functionalize(case(one_more))
    torch, jax = gradients(case(double))
    np.testing.assert_array_equal(torch, [0.0, 0.0])
    np.testing.assert_array_equal(jax, torch)


@pytest.mark.parametrize(
    ("edit", "keeps"),
    [
        (double, True), (squared, True), (one_more, False), (lambda g: g.cos(), False), (lambda g: g.sin(), True),
        (lambda g: g / g, False), (lambda g: g.clip(min=-1.0, max=1.0), True), (lambda g: (g + 1).log(), True),
        (lambda g: g.log(), False), (lambda g: None, True), (lambda g: g, True),
    ],
    ids="double squared one-more cosine sine quotient clip log-of-one-more log none itself".split(),
)  # fmt: skip
def test_what_a_hook_gives_for_zeros(edit: Any, keeps: bool) -> None:
    [hook] = [one for one in program(edit, lambda tape, h: h).statements if isinstance(one, RegisterHook)]
    assert keeps_zeros(hook, (2,)) == keeps
