"""Points: measured on both frameworks, and judged by exact one-sided derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
import pytest

from compare.errors import ProgramError
from compare.observed import Raised
from compare.ops import OPS
from compare.points import Finding, Point, checked, exact_derivatives, jax_side, judge, measure

NAN, INF = float("nan"), float("inf")


def judged(point: Point, dtype: str = "float64") -> dict[str, list[Finding]]:
    [torch], [jax] = measure([point], dtype, "torch"), measure([point], dtype, "jax")
    found: dict[str, list[Finding]] = {}
    for one in judge(torch, jax, exact_derivatives(point, dtype), dtype):
        found.setdefault(f"{one.aspect} {one.operand}".strip(), []).append(one)
    return found


def verdicts(point: Point, dtype: str = "float64") -> dict[str, list[str]]:
    return {aspect: [one.verdict for one in found] for aspect, found in judged(point, dtype).items()}


def row(op: str, torch: str, jax: str, operands: dict[str, Any], **attributes: Any) -> Point:
    return Point(torch, jax, operands, lambda *given: OPS[op].reference(*given, **attributes))


# ---- verdicts that are known ----


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_kink_where_both_choose_is_a_convention(dtype: str) -> None:
    found = judged(row("abs", "torch.abs(x)", "jnp.abs(x)", {"x": [0.0]}), dtype)
    [reverse] = found["reverse x"]
    assert (reverse.torch, reverse.jax, reverse.left, reverse.right) == (0.0, 1.0, -1.0, 1.0)
    assert reverse.verdict == found["forward"][0].verdict == "convention"
    assert reverse.kink
    assert found["value"][0].verdict == found["second x"][0].verdict == "match"


def test_a_tie_where_both_choose_the_same_is_a_match_at_a_kink() -> None:
    point = row("max", "x.amax()", "jnp.max(x)", {"x": [2.0, 2.0, 1.0]}, axis=None, keepdims=False)
    reverse = judged(point)["reverse x"]
    assert [(one.torch, one.left, one.right, one.verdict) for one in reverse] == [
        (0.5, 0.0, 1.0, "match"), (0.5, 0.0, 1.0, "match"), (0.0, 0.0, 0.0, "match"),
    ]  # fmt: skip
    assert [one.kink for one in reverse] == [True, True, False]


def test_a_smooth_point_where_pytorch_is_wrong() -> None:
    point = row("det", "torch.linalg.det(x)", "jnp.linalg.det(x)", {"x": [[1.0, 2.0], [2.0, 4.0]]})
    found = judged(point)
    assert [one.left for one in found["reverse x"]] == [4.0, -2.0, -2.0, 1.0]
    assert {one.verdict for one in found["reverse x"]} == {"torch-wrong"}
    assert {one.verdict for one in found["second x"]} == {"match"}


def test_a_second_derivative_where_jax_is_wrong() -> None:
    operands, moved = {"x": [3.0], "y": [3.0]}, {"x": [1.0], "y": [0.0]}
    exact = OPS["hypot"].reference
    point = Point("torch.hypot(x, y)", "jnp.hypot(x, y)", operands, exact, direction=moved)
    found = verdicts(point)
    assert found.pop("second x") == found.pop("second y") == ["jax-wrong"]
    assert {one for each in found.values() for one in each} == {"match"}


def test_both_are_wrong_together() -> None:
    point = Point(
        "torch.where(x > 0, torch.log(x), 0.0)", "jnp.where(x > 0, jnp.log(x), 0.0)", {"x": [-1.0]},
        lambda x: np.array([mpmath.log(one) if one > 0 else mpmath.mpf(0) for one in x], dtype=object),
    )  # fmt: skip
    assert verdicts(point)["reverse x"] == ["match"]
    at_zero = Point(
        "torch.sqrt(x) ** 2 + y", "jnp.sqrt(x) ** 2 + y", {"x": [0.0], "y": [1.0]}, lambda x, y: x + y,
    )  # fmt: skip
    assert verdicts(at_zero)["reverse x"] == ["both-wrong"]


def test_what_one_of_them_raises_is_told() -> None:
    found = judged(Point("x[5]", "x[5]", {"x": [1.0, 2.0]}))
    [value] = found["value"]
    assert value.verdict == "raises-differ"
    assert isinstance(value.torch, Raised)
    assert value.torch.type == "IndexError"
    assert list(found) == ["value"]


def test_an_unused_operand_is_none_in_pytorch() -> None:
    found = judged(Point("x * 2", "x * 2", {"x": [1.0], "y": [1.0]}))
    assert [one.verdict for one in found["reverse y"]] == ["default-differs"]
    assert found["reverse y"][0].torch is None


def test_a_statement_writes_in_place() -> None:
    point = Point(
        "z = x.clone()\nz[[0, 0]] = y\nz", "x.at[jnp.array([0, 0])].set(y)", {"x": [0.0, 1.0], "y": [2.0, 3.0]},
    )  # fmt: skip
    found = judged(point)
    assert [(one.torch, one.jax) for one in found["reverse y"]] == [(1.0, 0.0), (1.0, 1.0)]


# ---- what is exact ----


def exact_at(function: Any, numbers: Sequence[float], dtype: str = "float64") -> Any:
    exact = exact_derivatives(Point("x", "x", {"x": list(numbers)}, function, elementwise=True), dtype)
    assert exact is not None
    return exact


def test_a_derivative_is_taken_from_both_sides() -> None:
    exact = exact_at(OPS["relu"].reference, [0.0, 2.0, -1.0, NAN, INF])
    np.testing.assert_equal(exact.reverse["x"].left, [0.0, 1.0, 0.0, NAN, NAN])
    np.testing.assert_equal(exact.reverse["x"].right, [1.0, 1.0, 0.0, NAN, NAN])


def test_the_edge_of_a_domain_has_one_side_and_it_may_be_infinite() -> None:
    exact = exact_at(OPS["sqrt"].reference, [0.0, 4.0, -1.0])
    np.testing.assert_equal(exact.reverse["x"].left, [INF, 0.25, NAN])
    assert exact.reverse["x"].smooth


def test_a_subnormal_number_has_a_step_of_its_own() -> None:
    tiny = 5e-324
    exact = exact_at(OPS["sqrt"].reference, [tiny, 1.0])
    np.testing.assert_allclose(exact.reverse["x"].right, [0.5 / np.sqrt(tiny), 0.5], rtol=1e-12)


def test_second_derivatives_of_a_product_with_its_direction() -> None:
    point = Point(
        "x * x * y", "x * x * y", {"x": [3.0], "y": [2.0]}, lambda x, y: x * x * y,
        direction={"x": [1.0], "y": [10.0]},
    )  # fmt: skip
    exact = exact_derivatives(point, "float64")
    assert exact is not None
    np.testing.assert_allclose([exact.second["x"].left[0], exact.second["y"].left[0]], [4.0 + 60.0, 6.0], rtol=1e-12)
    assert verdicts(point)["second x"] == ["match"]


def test_a_second_derivative_that_jumps_has_two_sides() -> None:
    exact = exact_at(lambda x: np.array([one * abs(one) for one in x], dtype=object), [0.0, 1.0])
    np.testing.assert_allclose(exact.second["x"].left, [-2.0, 2.0])
    np.testing.assert_allclose(exact.second["x"].right, [2.0, 2.0])


def test_without_an_exact_function_nothing_is_claimed() -> None:
    assert exact_derivatives(Point("x", "x", {"x": 0.0}), "float64") is None
    assert verdicts(Point("x", "2 * x", {"x": 1.0}))["reverse x"] == ["convention"]


# ---- expressions are data ----


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("__import__('os')", "__import__"), ("torch._C", "_C"), ("torch.load('x')", "load"), ("z + 1", "z"),
        ("jnp.abs(x)", "jnp"), ("[y for y in x]", "ListComp"), ("import os", "Import"), ("x = 1", "last line"),
        ("x +", "not an expression"), ("print(x)", "print"),
    ],
)  # fmt: skip
def test_anything_else_than_an_expression_is_refused(text: str, refused: str) -> None:
    with pytest.raises(ProgramError, match=refused):
        checked(text, "torch", ("x",))


def test_an_operand_that_is_no_number_is_refused() -> None:
    with pytest.raises(ProgramError, match="'x' of a point is not made of numbers"):
        measure([Point("x", "x", {"x": ["a"]})], "float64", "torch")


def test_a_jump_has_no_derivative_on_its_side() -> None:
    exact = exact_at(OPS["floor"].reference, [1.0, 0.5])
    np.testing.assert_equal(exact.reverse["x"].left, [0.0, 0.0])
    exact = exact_at(OPS["sign"].reference, [0.0, 0.5])
    np.testing.assert_equal(exact.reverse["x"].left, [NAN, 0.0])


def test_nothing_is_claimed_that_the_sign_of_a_zero_decides() -> None:
    exact = exact_at(OPS["reciprocal"].reference, [0.0, -0.0, 2.0])
    np.testing.assert_equal(exact.value.left, [INF, NAN, 0.5])
    np.testing.assert_equal(exact.reverse["x"].left, [NAN, NAN, -0.25])
    exact = exact_at(OPS["abs"].reference, [-0.0])
    np.testing.assert_equal(
        [exact.value.left, exact.reverse["x"].left, exact.reverse["x"].right], [[0.0], [-1.0], [1.0]]
    )


def test_the_value_at_a_negative_zero_is_not_claimed_where_the_function_jumps() -> None:
    point = Point("x", "x", {"x": [-0.0, 0.0], "y": [-1.0, -1.0]}, OPS["atan2"].reference, elementwise=True)
    exact = exact_derivatives(point, "float64")
    assert exact is not None
    np.testing.assert_allclose(exact.value.left, [NAN, np.pi])


def test_a_number_that_feels_no_step_of_a_subnormal_one_takes_an_ordinary_step() -> None:
    exact = exact_at(OPS["exp"].reference, [5e-324])
    np.testing.assert_allclose(exact.reverse["x"].left, [1.0], rtol=1e-12)
    exact = exact_at(lambda x: OPS["logsumexp"].reference(x, axis=0, keepdims=True), [1e-40], "float32")
    np.testing.assert_allclose(exact.reverse["x"].left, [1.0], rtol=1e-12)
    exact = exact_at(OPS["abs"].reference, [-5e-324])
    np.testing.assert_equal(exact.reverse["x"].right, [-1.0])


def test_a_pole_beside_a_point_is_an_infinite_slope_and_a_leap_to_infinity_is_none() -> None:
    def masked(x: Any) -> Any:
        return np.array([mpmath.log(one) if one > 0 else mpmath.mpf(0) for one in x], dtype=object)

    exact = exact_at(masked, [0.0])
    np.testing.assert_equal([exact.reverse["x"].left, exact.reverse["x"].right], [[0.0], [-INF]])
    point = Point("x", "x", {"x": [0.0], "y": [0.0]}, OPS["power"].reference, elementwise=True)
    found = exact_derivatives(point, "float64")
    assert found is not None
    np.testing.assert_equal(found.reverse["y"].left, [NAN])


# ---- compiling ----


def test_options_that_this_release_of_jax_does_not_know_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax_side, "COMPILER_OPTIONS", {**jax_side.COMPILER_OPTIONS, "xla_no_such_option": True})
    jax_side._compiler_options.cache_clear()
    try:
        assert set(jax_side._compiler_options()) == set(jax_side.COMPILER_OPTIONS) - {"xla_no_such_option"}
        assert verdicts(Point("x * x", "x * x", {"x": [3.0]}))["second x"] == ["match"]
    finally:
        jax_side._compiler_options.cache_clear()
