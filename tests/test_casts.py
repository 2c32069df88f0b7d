"""Casts on the tape: the dtypes of gradients, what casts round, and the precision that is left."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from compare.errors import ProgramError
from compare.functionalize import functionalize
from compare.jax_leg import print_jax, run_jax
from compare.judge import judge_case
from compare.ops import OPS
from compare.reference import run_reference
from compare.results import Observation
from compare.tape import Tape
from compare.torch_leg import print_torch, run_torch


def judged(case: Callable[[Tape], None], *, dtype: str = "float64") -> dict[str, Observation]:
    tape = Tape(dtype=dtype)
    case(tape)
    program = tape.program("casts", "Casts")
    pure = functionalize(program).pure
    legs = run_torch(program, print_torch(program)), run_jax(pure, print_jax(pure)), run_reference(program)
    assert [leg.failure for leg in legs] == [None, None, None]
    return {one.name: one for one in judge_case(program, *legs, {})}


@pytest.mark.parametrize("run_dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("leaf_dtype", "cast_dtype"),
    [
        ("float32", "float64"),
        ("float64", "float32"),
        ("float32", "complex64"),
        ("float64", "complex128"),
        ("float32", "complex128"),
        ("complex64", "complex128"),
        ("complex128", "complex64"),
    ],
)
def test_the_gradient_has_the_dtype_of_its_leaf(leaf_dtype: str, cast_dtype: str, run_dtype: str) -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([0.1, -2.3], dtype=leaf_dtype)
        cast = x.astype(cast_dtype)
        loss = (cast * cast).abs().sum()
        loss.backward()
        gradient = x.grad
        for one in (cast.dtype, gradient.dtype, cast, gradient):
            tape.observe(one)

    found = judged(case, dtype=run_dtype)
    assert [one.verdict for one in found.values()] == ["match"] * 4
    assert (found["cast.dtype"].torch, found["gradient.dtype"].torch) == (cast_dtype, leaf_dtype)


def test_a_cast_to_integers_ends_the_history() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([1.7, -2.3])
        whole = x.astype("int64")
        tape.observe(whole)
        tape.observe(whole.requires_grad)
        loss = (x * whole.astype("float64")).sum()
        loss.backward()
        tape.expect(x.grad, [1.0, -2.0])

    found = judged(case)
    assert found["whole.requires_grad"].torch is False
    assert found["x.grad"].verdict == "match"


def through_float32(tape: Tape) -> None:
    x = tape.leaf([0.1, 0.7], dtype="float32")
    wide = x.tanh().astype("float64")
    loss = (wide * wide).sum()
    loss.backward()
    w = tape.leaf([0.1, 0.7])
    tape.observe(wide)
    scaled = (w.astype("float32").tanh().astype("float64") * 3.0).sum()
    scaled.backward()
    tape.observe(w.grad)


def test_a_float64_number_behind_float32_arithmetic_is_held_to_float32() -> None:
    found = judged(through_float32)
    for one in found.values():
        assert (one.verdict, one.reference) == ("match", None)
        assert one.limit is not None
        assert one.limit > 1e-7
    # The frameworks' tanh differs in the last place of float32, which float64 would not forgive.
    assert found["wide"].max_abs_error is not None
    assert 1e-10 < found["wide"].max_abs_error < 1e-7


def test_an_error_beyond_float32_is_still_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPS, "tanh", dataclasses.replace(OPS["tanh"], jax="jnp.tanh(x * 1.0001)"))
    assert {one.verdict for one in judged(through_float32).values()} == {"mismatch"}


def test_a_plain_float64_number_is_held_to_float64() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([0.1, 0.7])
        y = x.tanh() * x.detach().astype("float32").astype("float64")
        tape.observe(y)

    [found] = judged(case).values()
    assert found.limit is not None
    assert found.limit < 1e-9


def test_dtypes_do_not_mix_by_themselves() -> None:
    tape = Tape()
    x, y = tape.leaf([1.0], dtype="float32"), tape.leaf([1.0])
    with pytest.raises(ProgramError, match="float32 and float64, whose promotion is not modelled; cast one"):
        x * y
    assert (x * 2.5).dtype_name == "float32"
    assert (tape.constant([1, 2]) * 2.5).dtype_name == "float64"
    assert (x * 1j).dtype_name == "complex64"
