"""The judge, fed hand-made runs: right ones, and ten wrong answers planted in one leg, the other, and both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from compare.errors import CompareError, ProgramError
from compare.judge import TOLERANCES, compare, judge_case, outcome, to_json_value
from compare.observed import UP_TO_A_SIGN, Array, Directional, Failure, LegRun, OneSided, Raised, Surrogate
from compare.program import Program
from compare.results import Declared, Observation, Raise
from compare.statements import Apply, Attempt, Backward, Constant, Expected, Leaf, Read, Ref, Statement, Write

# ---- a program and its runs, by hand ----

W = [[1.0, 2.0], [3.0, 4.0]]
V = [[5.0, 6.0], [7.0, 8.0]]


def program(*statements: Statement, dtype: str = "float64") -> Program:
    """`loss = (w * v).sum(); loss.backward()`, then the statements under test."""
    setup = (
        Leaf(target="w", data=W, dtype=dtype, line=1),
        Leaf(target="v", data=V, dtype=dtype, line=2),
        Constant(target="n", data=[1, 2], dtype="int64", line=3),
        Apply(target="product", op="multiply", operands=(Ref("w"), Ref("v")), line=4),
        Apply(target="loss", op="sum", operands=(Ref("product"),), line=5),
        Backward(roots=("loss",), line=6),
    )
    return Program("a-case", "A case", dtype, (*setup, *statements)).checked()  # type: ignore[arg-type]


def read(name: str, expected: Expected | None = None, *, line: int = 0) -> Read:
    """A read by its observation's name: `w.grad`, `w.version`, `loss`."""
    handle, _, what = name.partition(".")
    return Read(name=name, what=what or "value", handle=handle, expected=expected, line=line)  # type: ignore[arg-type]


def agreed(value: Any, warning: str | None = None) -> Expected:
    return Expected(torch=value, jax=value, warning=warning)


def array(values: Any, dtype: str = "float64") -> Array:
    return Array(np.array(values, dtype=dtype), dtype)


def observe(
    statements: Statement | Iterable[Statement], torch: Mapping[str, Any], jax: Mapping[str, Any],
    reference: Mapping[str, Any] | None = None, *, dtype: str = "float64", concepts: Mapping[str, str] | None = None,
    **warnings: Mapping[str, list[str]],
) -> tuple[Observation, ...]:  # fmt: skip
    found = (statements,) if isinstance(statements, Statement) else tuple(statements)
    return judge_case(
        program(*found, dtype=dtype),
        LegRun("torch", dict(torch), dict(warnings.get("torch_warnings", {}))),
        LegRun("jax", dict(jax), dict(warnings.get("jax_warnings", {}))),
        None
        if reference is None
        else LegRun("reference", dict(reference), dict(warnings.get("reference_warnings", {}))),
        concepts or {},
    )


def one(torch: Any, jax: Any, *reference: Any, expected: Expected | None = None, name: str = "w.grad") -> Observation:
    """Judge one read that the legs saw as given."""
    [observation] = observe(
        read(name, expected), {name: torch}, {name: jax}, {name: reference[0]} if reference else None
    )
    return observation


def ended(*observations: Observation) -> str:
    return outcome(observations, ())


# ---- the ten mutants ----

Run = dict[str, Any]


def edit(function: Callable[[np.ndarray[Any, Any]], Any]) -> Callable[[Run], Run]:
    return lambda seen: {**seen, "w.grad": replace(seen["w.grad"], values=function(seen["w.grad"].values))}


def swapped(seen: Run) -> Run:
    return {"w.grad": seen["v.grad"], "v.grad": seen["w.grad"]}


def wrong_dtype(seen: Run) -> Run:
    return {**seen, "w.grad": Array(seen["w.grad"].values.astype(np.float32), "float32")}


def nan_in_one_place(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.where(values == 7.0, np.nan, values)


def without_gradient(seen: Run) -> Run:
    return {**seen, "w.grad": None}


def without_entry(seen: Run) -> Run:
    return {"v.grad": seen["v.grad"]}


STALE = np.array([[5.0, 6.0], [7.0, 7.5]])
WHOLE = "[[5.0, 6.0], [7.0, 8.0]]"

# By name: the wrong answer; in what it is wrong; and of the sentence that tells of it: where, what the wrong side has,
# what the right sides have, and by how much they differ.
MUTANTS: dict[str, tuple[Callable[[Run], Run], str, str, str, str, str]] = {
    "wrong sign": (edit(lambda g: -g), "value", "at [1, 1]: ", "-8.0", "8.0", "largest error 16, allowed error 8e-10"),
    "scaled by 2": (edit(lambda g: 2 * g), "value", "at [1, 1]: ", "16.0", "8.0",
                    "largest error 8, allowed error 1.6e-09"),
    "transposed": (edit(lambda g: g.T), "value", "at [0, 1]: ", "7.0", "6.0", "largest error 1, allowed error 7e-10"),
    "zeroed": (edit(lambda g: 0 * g), "value", "at [1, 1]: ", "0.0", "8.0", "largest error 8, allowed error 8e-10"),
    "stale": (edit(lambda g: STALE), "value", "at [1, 1]: ", "7.5", "8.0", "largest error 0.5, allowed error 8e-10"),
    "swapped": (swapped, "value", "at [0, 0]: ", "1.0", "5.0", "largest error 4, allowed error 5e-10"),
    "wrong dtype": (wrong_dtype, "form", "", "dtype float32", "dtype float64", ""),
    "wrong shape": (edit(lambda g: g.ravel()), "form", "", "shape [4]", "shape [2, 2]", ""),
    "NaN in one place": (edit(nan_in_one_place), "value", "at [1, 0]: ", "nan", "7.0", ""),
    "missing gradient": (without_gradient, "none", "", "None", WHOLE, ""),
    "missing entry": (without_entry, "absent", "", "None", WHOLE, ""),
}  # fmt: skip
RIGHT: Run = {"w.grad": array(V), "v.grad": array(W)}
PLANTED = {"torch": ("torch",), "jax": ("jax",), "both": ("torch", "jax")}


def planted(mutate: Callable[[Run], Run], legs: tuple[str, ...], expected: Expected | None, third: Run | None) -> Any:
    sides = [mutate(RIGHT) if leg in legs else RIGHT for leg in ("torch", "jax")]
    return observe([read("w.grad", expected), read("v.grad")], sides[0], sides[1], third)


def test_the_right_answer_matches() -> None:
    observations = planted(lambda seen: seen, (), agreed(V), RIGHT)
    assert [(found.verdict, found.kind, found.detail) for found in observations] == [("match", "gradient", "")] * 2
    assert ended(*observations) == "match"


@pytest.mark.parametrize("place", PLANTED)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutant_against_the_reference(mutant: str, place: str) -> None:
    mutate, kind, *_ = MUTANTS[mutant]
    [found, *others] = planted(mutate, PLANTED[place], None, RIGHT)
    verdict = f"{place}-wrong" if kind == "value" else "mismatch"
    if kind == "none" and place == "both":
        verdict = "both-wrong"
    assert found.verdict == verdict
    assert ended(found, *others) == "mismatch"
    assert found.detail


@pytest.mark.parametrize("place", PLANTED)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_mutant_against_the_declaration_and_the_reference(mutant: str, place: str) -> None:
    mutate, kind, where, wrong, right, differ = MUTANTS[mutant]
    [found, *others] = planted(mutate, PLANTED[place], agreed(V), RIGHT)
    assert found.verdict == "mismatch"
    assert ended(found, *others) == "mismatch"
    if kind == "absent" and place != "jax":
        told = "torch saw nothing at this read"
    elif kind == "form":
        told = {
            "torch": f"torch has {wrong}; jax and the program agree on {right}",
            "jax": f"torch and the program agree on {right}; jax has {wrong}",
            "both": f"torch and jax agree on {wrong}; the program has {right}",
        }[place]
    else:
        told = {
            "torch": f"{where}torch has {wrong}; jax, reference and the case agree on {right}",
            "jax": f"{where}torch, reference and the case agree on {right}; jax has {wrong}",
            "both": f"{where}torch and jax agree on {wrong}; reference and the case agree on {right}",
        }[place]
    assert found.detail == (f"{told}; {differ}" if differ else told)


@pytest.mark.parametrize("place", PLANTED)
@pytest.mark.parametrize("mutant", MUTANTS)
@pytest.mark.parametrize("third", [None, {"w.grad": Surrogate("a hook"), "v.grad": Surrogate("a hook")}])
def test_mutant_without_a_reference(mutant: str, place: str, third: Run | None) -> None:
    """Caught by the declaration alone, and where the legs differ without any."""
    mutate = MUTANTS[mutant][0]
    assert planted(mutate, PLANTED[place], agreed(V), third)[0].verdict == "mismatch"
    if place != "both":
        assert planted(mutate, PLANTED[place], None, third)[0].verdict == "mismatch"


# ---- NaN, infinities, None and zeros ----

NAN, INF = float("nan"), float("inf")


def test_nan_matches_nan_in_the_same_place_only() -> None:
    there, elsewhere = array([[NAN, 1.0], [2.0, 3.0]]), array([[1.0, NAN], [2.0, 3.0]])
    assert one(there, there, there, expected=agreed([["nan", 1.0], [2.0, 3.0]])).verdict == "match"
    found = one(there, elsewhere, there)
    assert (found.verdict, found.detail) == ("jax-wrong", "at [0, 0]: torch and reference agree on nan; jax has 1.0")
    assert (found.max_abs_error, found.max_ulp, found.limit) == (None, None, None)


def test_infinity_has_a_sign() -> None:
    plus, minus = array([[INF, 1.0], [2.0, 3.0]]), array([[-INF, 1.0], [2.0, 3.0]])
    assert one(plus, plus).verdict == "match"
    found = one(plus, minus)
    assert found.verdict == "mismatch"
    assert found.detail == "at [0, 0]: torch has inf; jax has -inf; no reference says which is right"
    assert found.torch == [["inf", 1.0], [2.0, 3.0]]
    assert one(array([[INF, 1.0], [2.0, 3.0]]), array([[1e308, 1.0], [2.0, 3.0]])).verdict == "mismatch"


def test_numbers_beyond_the_range_of_their_difference() -> None:
    found = one(array([[1e308, 1.0], [2.0, 3.0]]), array([[-1e308, 1.0], [2.0, 3.0]]))
    assert (found.verdict, found.max_abs_error, found.max_ulp) == ("mismatch", None, None)


def test_none_is_not_zeros() -> None:
    zeros = array(np.zeros((2, 2)))
    found = one(None, zeros, zeros)
    assert (found.verdict, found.torch, found.kind) == ("mismatch", None, "gradient")
    assert found.detail == "torch has None; jax and reference agree on [[0.0, 0.0], [0.0, 0.0]]"
    assert one(zeros, None, zeros).verdict == "mismatch"
    assert one(None, None, None).verdict == "match"
    assert one(None, None, zeros).verdict == "both-wrong"


def test_none_against_a_number_as_declared_is_no_analogue_and_a_divergence() -> None:
    zeros = array(np.zeros((2, 2)))
    found = one(None, zeros, None, expected=Expected(torch=None, jax=0.0, concept="unused-input"))
    assert (found.verdict, found.concept, ended(found)) == ("no-analogue", "unused-input", "diverges-as-documented")
    assert found.expected == Declared(torch=None, jax=0.0)
    wrong = one(None, zeros, None, expected=Expected(torch=None, jax=1.0, concept="unused-input"))
    assert (wrong.verdict, ended(wrong)) == ("mismatch", "mismatch")
    assert wrong.detail == "at [0, 0]: jax has 0.0; the case declares 1.0; largest error 1, allowed error 1e-10"


def test_the_sign_of_zero_is_told_and_does_not_decide() -> None:
    found = one(array([[0.0, 1.0], [-0.0, 0.0]]), array([[0.0, 1.0], [0.0, 0.0]]), expected=agreed([[0, 1], [0, 0]]))
    assert (found.verdict, found.detail) == ("match", "at [1, 0]: torch has -0.0; jax has 0.0; the two zeros are equal")
    scalar = one(array(0.0), array(-0.0), name="loss")
    assert (scalar.verdict, scalar.detail) == ("match", "torch has 0.0; jax has -0.0; the two zeros are equal")


# ---- tolerances ----


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("size", [0.0, 1.0, 1000.0])
def test_the_boundary_of_the_tolerance(dtype: str, size: float) -> None:
    rtol, atol, _ = TOLERANCES[dtype]
    smaller = Array(np.array([1.0, size]), dtype)
    for inside, step in ((True, 0.99), (False, 1.02)):
        # Relative to the larger number; where nothing is allowed, the smallest integer step.
        allowed = (atol + rtol * size) / (1.0 - rtol) * step if rtol else float(not inside)
        larger = Array(np.array([1.0, size + allowed]), dtype)
        for sides in ((smaller, larger), (larger, smaller)):
            found = compare(*sides, dtype)
            assert found.agree is inside
            assert found.error is not None
            assert found.limit is not None
            assert (found.error <= found.limit) is inside
            assert found.index == ((1,) if found.error else (0,))


def test_the_tolerance_is_not_scaled_by_the_size_of_the_array() -> None:
    many = np.ones(100_000)
    assert not compare(array(many), array(np.append(many[:-1], 1.0 + 1.1e-10)), "float64").agree


def test_rounding_noise_matches_and_a_small_absolute_error_does_not() -> None:
    assert compare(array(0.0), array(5e-26), "float64").agree
    assert not compare(array(1.0), array(1.0 + 1e-9), "float64").agree
    assert compare(array(0.1 + 0.2), array(0.3), "float64").ulp == 1


def test_the_worst_element_is_the_one_furthest_beyond_its_limit() -> None:
    found = compare(array([1e6, 1e-3]), array([1e6 + 5e-5, 1e-3 + 1e-6]), "float64")
    assert (found.aspect, found.index) == ("value", (1,))
    assert found.error == pytest.approx(5e-5, rel=1e-4)
    assert found.limit == pytest.approx(1.1e-13, rel=1e-2)


def test_where_all_agree_the_limit_is_that_of_the_largest_error() -> None:
    found = compare(array([1e6, 1.0]), array([1e6 + 1e-5, 1.0 + 0.5e-10]), "float64")
    assert (found.aspect, found.index) == ("", (0,))
    assert found.limit == pytest.approx(1e-4, rel=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("number", [1.0, 0.1, 1e-2, 3e4])
def test_an_ulp_is_the_spacing_of_the_dtype(dtype: str, number: float) -> None:
    left = np.array(number, dtype)
    right = left + 3 * np.spacing(left)
    assert compare(Array(left, dtype), Array(right, dtype), dtype).ulp == 3
    assert compare(Array(-left, dtype), Array(-right, dtype), dtype).ulp == 3


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_below_atol_there_are_no_ulps(dtype: str) -> None:
    limits = np.finfo(dtype)
    right = np.array([limits.smallest_subnormal, TOLERANCES[dtype].atol / 2, 1.0 + limits.eps])
    found = compare(Array(np.array([0.0, 0.0, 1.0]), dtype), Array(right, dtype), dtype)
    assert (found.agree, found.ulp) == (True, 1)


def test_an_ulp_of_bfloat16_at_one_is_two_to_the_minus_seven() -> None:
    assert compare(Array(np.array(1.0), "bfloat16"), Array(np.array(1.0 + 2**-6), "bfloat16"), "bfloat16").ulp == 2


def test_integers_are_exact_where_floats_are_not() -> None:
    left, right = array([2**53, 0], "int64"), array([2**53 + 1, 0], "int64")
    found = compare(left, right, "int64")
    assert (found.aspect, found.index, found.error, found.limit, found.ulp) == ("value", (0,), 1.0, 0.0, None)
    assert compare(left, left, "int64").agree
    assert compare(array(-(2**63), "int64"), array(2**63 - 1, "int64"), "int64").error == 2.0**64
    assert not compare(array([True, False], "bool"), array([True, True], "bool"), "bool").agree


def test_empty_arrays_agree_and_a_number_does_not_stand_for_no_element() -> None:
    empty = array([])
    assert compare(empty, empty, "float64").agree
    made = Constant(target="empty", data=[], dtype="float64")
    for expected, verdict in ((agreed([]), "match"), (agreed(3.0), "mismatch")):
        [found] = observe([made, read("empty", expected)], {"empty": empty}, {"empty": empty})
        assert found.verdict == verdict


def test_a_dtype_without_a_tolerance_is_refused() -> None:
    with pytest.raises(CompareError) as caught:
        compare(array(1.0), array(1.0), "float8")
    assert str(caught.value) == "There is no tolerance for float8. Add a row to TOLERANCES in compare/judge.py."


# ---- dtypes ----


def test_dtypes_differ_though_the_values_agree() -> None:
    found = one(array(V, "float64"), array(V, "float32"), array(V))
    assert found.verdict == "mismatch"
    assert found.detail == "torch and the program agree on dtype float64; jax has dtype float32"


@pytest.mark.parametrize("expected", [None, agreed([1, 2])])
def test_narrow_integers_in_a_float32_run_are_a_convention(expected: Expected | None) -> None:
    def seen(torch: Any, jax: Any, dtype: str) -> tuple[str, str | None, str]:
        [found] = observe(read("n", expected), {"n": torch}, {"n": jax}, {"n": array([1, 2], "int64")}, dtype=dtype)
        return found.verdict, found.concept, ended(found)

    wide, narrow = array([1, 2], "int64"), array([1, 2], "int32")
    assert seen(wide, narrow, "float32") == ("convention", "integer-width", "match")
    assert seen(wide, narrow, "float64") == ("mismatch", None, "mismatch")
    assert seen(narrow, narrow, "float32") == ("mismatch", None, "mismatch")
    assert seen(narrow, wide, "float32") == ("mismatch", None, "mismatch")
    other = seen(wide, array([1, 3], "int32"), "float32")
    assert other == ("mismatch" if expected else "jax-wrong", None, "mismatch")


def test_a_dtype_that_is_read() -> None:
    def seen(torch: str, jax: str, expected: Expected, dtype: str = "float64") -> Observation:
        [found] = observe(read("n.dtype", expected), {"n.dtype": torch}, {"n.dtype": jax}, dtype=dtype)
        return found

    assert seen("int64", "int64", agreed("int64")).verdict == "match"
    assert seen("int64", "int32", agreed("int64"), "float32").verdict == "convention"
    found = seen("int64", "int32", agreed("int64"))
    assert (found.kind, found.verdict) == ("value", "mismatch")
    assert found.detail == "torch and the case agree on int64; jax has int32"
    declared = seen("int64", "int32", Expected(torch="int64", jax="int32", concept="promotion"))
    assert (declared.verdict, ended(declared)) == ("convention", "diverges-as-documented")


# ---- the reference ----


def test_the_error_is_that_of_the_pair_that_differs_most() -> None:
    step = float(np.spacing(6.0))
    found = one(array(6.0), array(6.0 + 2 * step), array(6.0 - 9 * step), name="loss")
    assert (found.verdict, found.max_abs_error, found.max_ulp) == ("match", 11 * step, 11)
    assert found.limit == pytest.approx(6e-10, rel=1e-3)


def test_each_near_the_reference_and_not_near_each_other() -> None:
    low, high = array(np.array(V) - 0.8e-10 * np.array(V)), array(np.array(V) + 0.8e-10 * np.array(V))
    found = one(low, high, array(V))
    assert (found.verdict, ended(found)) == ("match", "match")
    assert found.detail == (
        "at [1, 1]: torch has 7.99999999936; jax has 8.00000000064; largest error 1.3e-09, allowed error 8e-10; "
        "each alone is near enough to the reference"
    )
    assert found.max_abs_error is not None
    assert found.limit is not None
    assert found.max_abs_error <= found.limit


def test_near_the_inner_products_of_the_reference_is_not_near_every_element() -> None:
    directions = (np.array([[1.0, 1.0], [0.0, 0.0]]),)
    left, right = array([[1.0, 2.0], [0.0, 0.0]]), array([[2.0, 1.0], [0.0, 0.0]])
    found = one(left, right, Directional(directions, (3.0,)))
    assert found.verdict == "mismatch"
    assert found.detail.endswith("; along the reference's directions both agree")


def test_two_numbers_below_the_absolute_tolerance_are_told_and_not_judged() -> None:
    found = one(at_kink(1.0, 3e-18, 0.0, 0.0), at_kink(1.0, 1e-20, 0.0, 0.0))
    assert (found.verdict, found.max_ulp) == ("match", 0)
    assert found.detail == "at [0, 1]: torch has 3e-18; jax has 1e-20; below the absolute tolerance, not judged"
    assert one(at_kink(1.0, 3e-18, 0.0, 0.0), at_kink(1.0, 3e-18, 0.0, 0.0)).detail == ""


def test_what_the_reference_notes_is_told_with_a_difference() -> None:
    inf, note = array([[np.inf, 6.0], [7.0, 8.0]]), "overflow: a number on the way is beyond the range of float64"
    for torch, jax, third, verdict in (
        (inf, inf, {"w.grad": array(V)}, "both-wrong"),
        (array(V), inf, {}, "mismatch"),
        (array(V), array(V), {"w.grad": array(V)}, "match"),
    ):
        [found] = judge_case(
            program(read("w.grad")), LegRun("torch", {"w.grad": torch}), LegRun("jax", {"w.grad": jax}),
            LegRun("reference", third, {"w.grad": [note]}), {},
        )  # fmt: skip
        assert found.verdict == verdict
        assert found.detail.endswith(note) == (verdict != "match")


def test_inner_products_with_an_infinity_give_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    directions = (np.array([[1.0, -1.0], [0.0, 0.0]]),)
    seen = array([[np.inf, np.inf], [0.0, 0.0]])
    assert one(seen, seen, Directional(directions, (3.0,))).verdict == "both-wrong"
    assert [str(told.message) for told in recwarn] == []


KINK = OneSided(np.array([[-1.0, 1.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [np.nan, 1.0]]))


def at_kink(*values: float) -> Array:
    return array(np.array(values).reshape(2, 2))


def test_two_conventions_at_a_kink() -> None:
    left, right = at_kink(0.0, 1.0, 0.0, 0.0), at_kink(1.0, 1.0, 0.0, 0.5)
    found = one(left, right, KINK)
    assert (found.verdict, ended(found)) == ("convention", "mismatch")
    assert found.detail == (
        "at [0, 0]: torch has 0.0; jax has 1.0; reference allows between -1.0 and 1.0; "
        "largest error 1, allowed error 1e-10"
    )
    assert found.reference == [["between -1.0 and 1.0", 1.0], ["between 0.0 and nan", "between 0.0 and 1.0"]]
    expected = Expected(torch=[[0, 1], [0, 0]], jax=[[1, 1], [0, 0.5]], concept="abs-at-zero")
    declared = one(left, right, KINK, expected=expected)
    assert (declared.verdict, declared.concept) == ("convention", "abs-at-zero")
    assert ended(declared) == "diverges-as-documented"
    assert one(left, left, KINK).verdict == "match"


@pytest.mark.parametrize(
    ("outside", "position"),
    [
        (at_kink(1.5, 1.0, 0.0, 0.0), [0, 0]),
        (at_kink(0.0, 0.9, 0.0, 0.0), [0, 1]),
        (at_kink(0.0, 1.0, np.nan, 0.0), [1, 0]),
        (at_kink(0.0, 1.0, 0.0, -np.inf), [1, 1]),
    ],
)
def test_outside_the_one_sided_derivatives(outside: Array, position: list[int]) -> None:
    inside = at_kink(0.0, 1.0, 0.0, 0.0)
    found = [one(outside, inside, KINK), one(inside, outside, KINK), one(outside, outside, KINK)]
    assert [each.verdict for each in found] == ["torch-wrong", "jax-wrong", "both-wrong"]
    assert all(each.detail.startswith(f"at {position}: ") for each in found)


def test_a_large_gradient_is_judged_by_inner_products() -> None:
    right = np.array(V)
    directions = (np.array([[1.0, -1.0], [1.0, 1.0]]), np.array([[0.5, 0.0], [-0.5, 2.0]]))
    third = Directional(directions, tuple(float(np.sum(direction * right)) for direction in directions))
    found = one(array(right), array(right), third)
    assert (found.verdict, found.max_abs_error, found.reference) == ("match", 0.0, "2 directional derivatives")
    wrong = one(array(right), array(2 * right), third)
    assert wrong.verdict == "jax-wrong"
    assert wrong.detail == (
        "inner products, at [1]: torch and reference agree on 15.0; jax has 30.0; largest error 15, allowed error 3e-09"
    )
    assert one(array(right.T), array(right.T), third).verdict == "both-wrong"
    assert compare(array(right.ravel()), third, "float64").aspect == "shape"


# ---- declarations ----


def test_an_expectation_off_by_one_number() -> None:
    right = array(28.0)
    found = one(right, right, right, expected=agreed(29.0), name="loss")
    assert (found.name, found.verdict, found.expected) == ("loss", "mismatch", 29.0)
    assert found.detail == (
        "torch, jax and reference agree on 28.0; the case declares 29.0; largest error 1, allowed error 2.9e-09"
    )
    alone = one(right, right, expected=agreed(29.0), name="loss")
    assert alone.detail == "torch and jax agree on 28.0; the case declares 29.0; largest error 1, allowed error 2.9e-09"
    assert (found.max_abs_error, found.max_ulp) == (0.0, 0)


def test_one_number_stands_for_every_element() -> None:
    threes = array([[3.0, 3.0], [3.0, 3.0]])
    assert one(threes, threes, expected=agreed(3.0)).verdict == "match"
    found = one(threes, threes, expected=agreed([3.0, 3.0]))
    assert found.detail == "torch and jax agree on shape [2, 2]; the case declares shape [2]"


def test_a_declaration_that_is_no_array() -> None:
    right = array(V)
    assert one(right, right, expected=agreed(None)).detail == (
        "torch and jax agree on [[5.0, 6.0], [7.0, 8.0]]; the case declares None"
    )
    assert one(right, right, expected=agreed("nonsense")).verdict == "mismatch"
    with pytest.raises(ProgramError, match="ragged"):
        one(right, right, expected=agreed([[5.0], [7.0, 8.0]]))


def test_an_expectation_that_both_legs_meet_and_the_reference_does_not() -> None:
    found = one(array(1.0), array(1.0), array(2.0), expected=agreed(1.0), name="loss")
    assert (found.verdict, ended(found)) == ("mismatch", "mismatch")
    assert found.detail == "torch and jax agree on 1.0; reference has 2.0; largest error 1, allowed error 2e-10"


def diverging(torch: float, jax: float) -> Expected:
    return Expected(torch=torch, jax=jax, concept="data-write")


def test_torch_wrong_as_declared() -> None:
    torch, jax = array([[5.0, 5.0], [5.0, 5.0]]), array([[2.0, 2.0], [2.0, 2.0]])
    found = one(torch, jax, jax, expected=diverging(5.0, 2.0))
    assert (found.verdict, found.concept, ended(found)) == ("torch-wrong", "data-write", "diverges-as-documented")
    assert found.expected == Declared(torch=5.0, jax=2.0)
    assert found.detail == (
        "at [0, 0]: torch has 5.0; jax and reference agree on 2.0; largest error 3, allowed error 5e-10"
    )
    assert ended(one(torch, jax, jax)) == "mismatch"
    assert one(torch, jax, jax, expected=diverging(5.0, 3.0)).detail == (
        "at [0, 0]: jax has 2.0; the case declares 3.0; largest error 1, allowed error 3e-10"
    )
    swapped_declaration = one(torch, jax, jax, expected=diverging(2.0, 5.0))
    assert swapped_declaration.detail == (
        "at [0, 0]: torch has 5.0; the case declares 2.0; largest error 3, allowed error 5e-10; "
        "at [0, 0]: jax has 2.0; the case declares 5.0; largest error 3, allowed error 5e-10"
    )


def test_a_declared_divergence_that_disappears() -> None:
    right = array([[2.0, 2.0], [2.0, 2.0]])
    found = one(right, right, right, expected=diverging(5.0, 2.0))
    assert (found.verdict, ended(found)) == ("mismatch", "mismatch")
    assert found.detail == "declared to diverge (data-write), but both give [[2.0, 2.0], [2.0, 2.0]]"


def test_a_declared_divergence_without_a_reference_is_a_convention() -> None:
    torch, jax = array([[5.0, 5.0], [5.0, 5.0]]), array([[2.0, 2.0], [2.0, 2.0]])
    assert one(torch, jax, expected=diverging(5.0, 2.0)).verdict == "convention"
    surrogate = Surrogate("a hook edits it")
    found = one(torch, jax, surrogate, expected=diverging(5.0, 2.0))
    assert (found.verdict, found.reference, ended(found)) == ("convention", "surrogate", "diverges-as-documented")
    undeclared = one(torch, jax, surrogate)
    assert undeclared.detail == (
        "at [0, 0]: torch has 5.0; jax has 2.0; largest error 3, allowed error 5e-10; "
        "no reference says which is right: a hook edits it"
    )


def test_a_wrong_dtype_cannot_be_declared_away() -> None:
    found = one(array(V), array(V, "float32"), array(V), expected=diverging(5.0, 2.0))
    assert found.detail == "torch and the program agree on dtype float64; jax has dtype float32"


# ---- tape reads ----


def test_a_tape_read_has_no_analogue_and_keeps_the_case_a_match() -> None:
    reads = [read("w.version", agreed(0)), read("loss.grad", agreed(None)), read("w.grad", agreed(V))]
    torch = {"w.version": 0, "loss.grad": None, "w.grad": array(V)}
    observations = observe(
        reads, torch, {"w.grad": array(V)}, {"w.version": 0, "loss.grad": None, "w.grad": array(V)},
        concepts={"w.version": "version-counter", "loss.grad": "nonleaf-grad"},
    )  # fmt: skip
    assert [(found.kind, found.verdict, found.concept) for found in observations] == [
        ("tape", "no-analogue", "version-counter"),
        ("tape", "no-analogue", "nonleaf-grad"),
        ("gradient", "match", None),
    ]
    assert ended(*observations) == "match"


@pytest.mark.parametrize(
    ("name", "torch", "declared", "told"),
    [
        ("w.version", 3, 2, "torch has 3; the case declares 2"),
        ("w.is_leaf", True, 1, "torch has True; the case declares 1"),
        ("loss.grad_fn", "SumBackward0", "MeanBackward0", "torch has SumBackward0; the case declares MeanBackward0"),
        ("loss.grad", None, 1.0, "torch has None; the case declares 1.0"),
    ],
)
def test_a_tape_fact_against_its_declaration(name: str, torch: Any, declared: Any, told: str) -> None:
    [found] = observe(read(name, agreed(declared)), {name: torch}, {})
    assert (found.kind, found.verdict, found.detail, ended(found)) == ("tape", "mismatch", told, "mismatch")
    assert observe(read(name, agreed(torch)), {name: torch}, {})[0].verdict == "no-analogue"


def test_a_tape_fact_against_the_model_of_the_reference() -> None:
    [found] = observe(read("w.version"), {"w.version": 3}, {}, {"w.version": 2})
    assert found.verdict == "mismatch"
    assert found.detail == "torch has 3; reference has 2; the reference's model of the tape is wrong"


def test_a_gradient_that_neither_leg_has_and_the_reference_has() -> None:
    third = {"w.grad": array(V)}
    [found] = observe(read("w.grad"), {"w.grad": None}, {}, third)
    assert (found.kind, found.verdict) == ("tape", "mismatch")
    assert found.detail == "torch has None; reference has [[5.0, 6.0], [7.0, 8.0]]; the gradient is missing"
    refused = Attempt(name="backward", attempted=Backward(roots=("loss",)), torch="no", jax="no", concept="graph-freed")
    no = Raised("RuntimeError", "no")
    [_, found] = observe([refused, read("w.grad")], {"backward": no, "w.grad": None}, {"backward": no}, third)
    assert (found.kind, found.verdict) == ("tape", "no-analogue")


# ---- warnings ----

NONLEAF = "UserWarning: The .grad attribute of a Tensor that is not a leaf Tensor is being accessed."


def test_a_declared_warning() -> None:
    reading = read("loss.grad", agreed(None, "is not a leaf"))
    [found] = observe(reading, {"loss.grad": None}, {}, torch_warnings={"loss.grad": [NONLEAF, NONLEAF]})
    assert (found.verdict, found.detail) == ("no-analogue", "")
    [absent] = observe(reading, {"loss.grad": None}, {})
    assert (absent.verdict, ended(absent)) == ("mismatch", "mismatch")
    assert absent.detail == "torch does not give the warning that the case declares: 'is not a leaf'"


def test_an_undeclared_warning_is_an_observation_of_its_own() -> None:
    reads = [read("loss.grad", agreed(None)), read("w.grad")]
    observations = observe(
        reads, {"loss.grad": None, "w.grad": array(V)}, {"w.grad": array(V)},
        torch_warnings={"loss.grad": [NONLEAF], "": ["UserWarning: hello"]},
        jax_warnings={"w.grad": ["FutureWarning: soon"]},
    )  # fmt: skip
    assert [(found.name, found.kind, found.verdict, found.torch, found.jax) for found in observations] == [
        ("loss.grad", "tape", "no-analogue", None, None),
        ("warning at loss.grad", "error", "mismatch", [NONLEAF], None),
        ("w.grad", "gradient", "match", V, V),
        ("warning at w.grad", "error", "mismatch", None, ["FutureWarning: soon"]),
        ("warning", "error", "mismatch", ["UserWarning: hello"], None),
    ]
    assert observations[1].detail == f"torch warns '{NONLEAF}'; the case declares no such warning"
    assert ended(*observations) == "mismatch"


# ---- errors that are declared ----

LEAF_WRITE = Raised("RuntimeError", "a leaf Variable that requires grad is being used in an in-place operation.")


def attempt(torch: str | None, jax: str | None) -> Attempt:
    written = Write(handle="w", op="add", operands=(1.0,))
    return Attempt(name="w += 1", attempted=written, torch=torch, jax=jax, concept="inplace-on-leaf", line=9)


def test_an_error_of_one_framework_as_declared() -> None:
    [found] = observe(attempt("RuntimeError: a leaf Variable", None), {"w += 1": LEAF_WRITE}, {})
    assert (found.kind, found.verdict, found.concept, found.line) == ("error", "raises-differ", "inplace-on-leaf", 9)
    assert found.torch == Raise(raises="RuntimeError", message=LEAF_WRITE.message)
    assert (found.jax, found.detail, ended(found)) == (None, "", "diverges-as-documented")


def test_an_error_of_both_frameworks_as_declared_is_a_match() -> None:
    seen = {"w += 1": LEAF_WRITE}, {"w += 1": Raised("TypeError", "JAX arrays are immutable")}
    [found] = observe(attempt("a leaf Variable", "TypeError: JAX arrays"), *seen)
    assert (found.verdict, ended(found)) == ("match", "match")


TORCH_RAISES = f"torch raises 'RuntimeError: {LEAF_WRITE.message}'"


@pytest.mark.parametrize(
    ("declared", "torch", "jax", "told"),
    [
        (("a leaf", None), {}, {}, "torch raises nothing; the case declares 'a leaf'"),
        (("a view", None), {"w += 1": LEAF_WRITE}, {}, f"{TORCH_RAISES}; the case declares 'a view'"),
        ((None, "immutable"), {"w += 1": LEAF_WRITE}, {"w += 1": Raised("TypeError", "immutable")},
         f"{TORCH_RAISES}; the case declares no error"),
        (("a leaf", None), {"w += 1": LEAF_WRITE}, {"w += 1": Raised("TypeError", "immutable")},
         "jax raises 'TypeError: immutable'; the case declares no error"),
    ],
)  # fmt: skip
def test_an_error_not_as_declared(declared: tuple[str | None, str | None], torch: Run, jax: Run, told: str) -> None:
    # The integers: the program itself refuses a write to a leaf that PyTorch is declared to allow.
    written = Write(handle="n", op="add", operands=(1,))
    statement = Attempt(name="w += 1", attempted=written, torch=declared[0], jax=declared[1], concept="inplace-on-leaf")
    [found] = observe(statement, torch, jax)
    assert (found.verdict, found.detail, ended(found)) == ("mismatch", told, "mismatch")


def test_a_difference_after_an_error_that_did_not_come_accuses_no_leg() -> None:
    more = array(np.array(W) + 1.0)
    others = {"w": array(W), "v": array(V)}
    before_it = msgspec.structs.replace(read("v"), name="v before")
    statements = [before_it, attempt("a leaf", None), read("w"), read("v")]
    torch = {"v before": array(W), "w": more, "v": array(V)}
    rest = {"v before": array(V), **others}
    before, _, after, same = observe(statements, torch, rest, rest)
    assert (before.verdict, "declared to raise" in before.detail) == ("torch-wrong", False)
    assert after.verdict == "mismatch"
    assert after.detail.startswith("after 'w += 1', which was declared to raise and did not; at [0, 0]: torch has 2.0")
    assert (same.verdict, same.detail) == ("match", "")


def test_none_after_a_raised_backward_is_part_of_the_error() -> None:
    said = "modified by an inplace operation"
    refused = Attempt(
        name="backward", attempted=Backward(roots=("loss",)), torch=said, jax=None, concept="version-counter"
    )
    fives = array([[5.0, 5.0], [5.0, 5.0]])
    torch, others = {"backward": Raised("RuntimeError", said), "w.grad": None}, {"w.grad": fives}
    for expected, ends in ((Expected(None, 5.0, "version-counter"), "diverges-as-documented"), (None, "mismatch")):
        observations = observe([refused, read("w.grad", expected)], torch, others, others)
        assert [found.verdict for found in observations] == ["raises-differ", "raises-differ"]
        assert ended(*observations) == ends


# ---- a leg that stops ----


def test_what_a_failed_leg_never_reached_is_an_error() -> None:
    failure = Failure(5, "RuntimeError", "out of luck")
    statements = [read("loss", line=7), read("w.grad", line=8), read("w.version", line=9), attempt("a leaf", None)]
    seen: Run = {"loss": array(70.0), "w.grad": array(V), "w.version": 0, "w += 1": LEAF_WRITE}
    made = program(*statements)
    short: Run = {"loss": array(70.0)}
    whole = LegRun("torch", seen)

    stopped = judge_case(made, LegRun("torch", short, failure=failure), LegRun("jax", seen), None, {})
    assert [found.verdict for found in stopped] == ["match", "error", "error", "error"]
    assert {found.detail for found in stopped[1:]} == {
        "the torch leg stopped at statement 5 (backward, line 6) with RuntimeError: out of luck"
    }
    assert outcome(stopped, []) == "error"

    stopped = judge_case(made, whole, LegRun("jax", short, failure=failure), None, {})
    assert [found.verdict for found in stopped] == ["match", "error", "no-analogue", "error"]
    blank = LegRun("torch", {**seen, "w.grad": None})
    [_, unknown, *_] = judge_case(made, blank, LegRun("jax", short, failure=failure), None, {})
    assert (unknown.kind, unknown.verdict) == ("gradient", "error")

    nowhere = LegRun("reference", short, failure=replace(failure, statement=None))
    stopped = judge_case(made, whole, LegRun("jax", {**short, "w.grad": array(V)}), nowhere, {})
    assert [found.verdict for found in stopped] == ["match", "error", "no-analogue", "raises-differ"]
    assert stopped[1].detail == "the reference leg stopped with RuntimeError: out of luck"


def test_a_failure_makes_the_case_an_error_whatever_was_seen() -> None:
    found = one(array(V), array(V))
    assert outcome([found], []) == "match"
    assert outcome([found], [None, Failure(None, "RuntimeError", "")]) == "error"


def test_a_value_that_a_leg_does_not_show() -> None:
    [found] = observe(read("loss", agreed(70.0)), {"loss": array(70.0)}, {})
    assert (found.verdict, found.detail) == ("mismatch", "jax saw nothing at this read")


# ---- what a run stores ----


@pytest.mark.parametrize(
    ("seen", "stored"),
    [
        (array(28.0), 28.0),
        (array([[1.0, NAN], [INF, -INF]]), [[1.0, "nan"], ["inf", "-inf"]]),
        (array([True, False], "bool"), [True, False]),
        (array([1, 2], "int64"), [1, 2]),
        (array(np.zeros((0, 2))), []),
        (OneSided(np.array(-1.0), np.array(1.0)), "between -1.0 and 1.0"),
        (OneSided(np.array(2.0), np.array(2.0)), 2.0),
        (OneSided(np.array(NAN), np.array(NAN)), "nan"),
        (Surrogate("a hook"), "surrogate"),
        (None, None),
        (True, True),
        ("AddBackward0", "AddBackward0"),
        ((1, (2.5, "nan")), [1, [2.5, "nan"]]),
    ],
)
def test_json_values(seen: Any, stored: Any) -> None:
    value = to_json_value(seen)
    assert value == stored
    assert type(value) is type(stored)


# ---- vectors of either sign ----


@pytest.mark.parametrize(
    ("torch", "jax", "reference", "verdict"),
    [
        (V, W, W, "mismatch"), (W, V, W, "mismatch"), (V, W, np.negative(V), "mismatch"),
        (W, W, np.negative(W), "match"), (W, W, W, "match"),
    ],
)  # fmt: skip
def test_vectors_of_either_sign_make_no_leg_wrong(torch: Any, jax: Any, reference: Any, verdict: str) -> None:
    sides = ({"w.grad": array(side)} for side in (torch, jax, reference))
    [seen] = observe(read("w.grad"), *sides, reference_warnings={"w.grad": [UP_TO_A_SIGN]})
    assert seen.verdict == verdict
    assert (UP_TO_A_SIGN in seen.detail) == (not np.array_equal(reference, jax) or torch != jax)
    assert ("neither need be wrong" in seen.detail) == (UP_TO_A_SIGN in seen.detail)
    assert "reference" not in seen.detail
