"""The boundary sweep: its points, its strictness, and the planted errors that it has to catch."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from compare import cli
from compare.errors import ProgramError, UsageError
from compare.ops import OPS, Op
from compare.sweep.calls import calls_of, is_elementwise
from compare.sweep.findings import Difference, Swept, merged, number_of
from compare.sweep.pinned import Pinned, departures, pinned_with, read_pinned, write_pinned
from compare.sweep.rows import points_of
from compare.sweep.running import DTYPES, sweep

SLICE = ["abs", "clip", "max", "det", "hypot", "index_put"]
"""Swept here, as CI does: kinks, bounds, ties, singular matrices, second derivatives, repeated positions."""


@pytest.fixture(scope="module")
def swept() -> dict[str, Swept]:
    return {one.op: one for one in sweep([OPS[name] for name in SLICE])}


# ---- points ----


@pytest.mark.parametrize("name", sorted(OPS))
def test_every_row_has_points(name: str) -> None:
    points = points_of(OPS[name], "float64")
    assert points
    assert all(array.size for array in points[0].point.operands.values())


def test_a_row_whose_operands_nobody_finds_is_refused() -> None:
    def never(shapes: object, attributes: object) -> tuple[int, ...]:
        raise ValueError("no shape will do")

    with pytest.raises(ProgramError, match=r"finds no operands that 'abs' takes.*SHAPES"):
        calls_of(dataclasses.replace(OPS["abs"], shape=never))


def test_which_rows_are_of_elements() -> None:
    of_elements = {name for name, op in OPS.items() if is_elementwise(op, calls_of(op)[0])}
    assert {"abs", "clip", "where", "hypot", "clone"} <= of_elements
    assert not {"cumulative_sum", "softmax", "flip", "sum", "matmul", "roll", "take_along_axis"} & of_elements


def test_special_numbers_are_among_the_points() -> None:
    [point, *_] = [one.point for one in points_of(OPS["clip"], "float32") if "min=-1.0, max=1.0" in one.attributes]
    numbers = point.arrays("float32")["x"]
    assert {-1.0, 1.0, 0.0, np.inf, -np.inf} <= set(numbers.tolist())
    assert np.isnan(numbers).any()
    assert np.signbit(numbers[numbers == 0]).any()
    assert ((numbers != 0) & (abs(numbers) < np.finfo(np.float32).tiny)).any()


def test_matrices_are_singular_and_degenerate_and_empty() -> None:
    patterns = {one.pattern for one in points_of(OPS["inv"], "float64")}
    assert {"singular", "identity", "nilpotent", "positive definite", "zeros", "a nan"} <= patterns
    sizes = {one.point.operands["x"].shape for one in points_of(OPS["inv"], "float64")}
    assert {(1, 1), (0, 0)} <= sizes


def test_positions_are_repeated_and_degrees_of_freedom_used_up() -> None:
    assert any(one.pattern.startswith("repeated") for one in points_of(OPS["scatter"], "float64"))
    assert any("correction=6" in one.attributes for one in points_of(OPS["var"], "float64"))


# ---- what is found, and what is pinned ----


def test_the_slice_is_as_pinned(swept: dict[str, Swept]) -> None:
    departed = departures(read_pinned(), list(swept.values()), DTYPES)
    assert not departed, "Look at what changed; `python -m compare sweep OP --pin` pins it."


def difference(swept: dict[str, Swept], op: str, point: str, aspect: str, attributes: str = "") -> Difference:
    [found] = [
        one
        for one in swept[op].differences
        if one.point == point and aspect in one.aspects and one.attributes == attributes
    ]
    return found


def test_known_differences_are_found_and_judged(swept: dict[str, Swept]) -> None:
    at_zero = difference(swept, "abs", "x=0", "reverse x")
    assert (at_zero.torch, at_zero.jax, at_zero.truth, at_zero.verdict) == (0.0, 1.0, (-1.0, 1.0), "convention")
    assert at_zero.dtypes == DTYPES
    singular = difference(swept, "det", "x=[[1, 2], [2, 4]]", "reverse x")
    assert (singular.torch, singular.jax, singular.verdict, singular.elements) == (0.0, 4.0, "torch-wrong", 4)
    assert difference(swept, "hypot", "x=1, y=1", "second x").verdict == "jax-wrong"
    bound = difference(swept, "clip", "x=1", "reverse x", "max=1.0")
    assert (bound.torch, bound.jax, bound.verdict) == (1.0, 0.5, "convention")


def test_agreement_at_kinks_is_a_green_row(swept: dict[str, Swept]) -> None:
    ties = [one for one in swept["max"].kinks if one.point == "x=[[2, 2, 1], [2, 2, 1]]" and not one.attributes]
    assert ("reverse x",) in [one.aspects for one in ties]
    assert all(one.both == 0.25 for one in ties if one.aspects == ("reverse x",))


ONE = Difference("abs", "", "x=0", ("reverse x",), DTYPES, 0.0, 1.0, (-1.0, 1.0), "convention")


def kinds(pinned: tuple[Difference, ...], found: tuple[Difference, ...]) -> list[str]:
    return [
        one.kind for one in departures(Pinned("", "", pinned), [Swept("abs", 1, 1, found)], DTYPES)
    ]  # fmt: skip


def changed(**fields: object) -> Difference:
    return msgspec.structs.replace(ONE, **fields)


def test_pins_are_strict_in_both_directions() -> None:
    assert kinds((ONE,), (ONE,)) == []
    assert kinds((), (ONE,)) == ["new", "new"]
    assert kinds((ONE,), ()) == ["gone", "gone"]
    assert kinds((ONE,), (changed(dtypes=("float64",)),)) == ["gone"]
    assert kinds((ONE,), (changed(jax=0.5),)) == ["changed", "changed"]
    assert kinds((ONE,), (changed(verdict="jax-wrong"),)) == ["changed", "changed"]
    assert kinds((ONE,), (changed(jax="nan"),)) == ["changed", "changed"]
    assert kinds((ONE,), (changed(jax=1.0001),)) == []
    assert kinds((changed(op="sign"),), ()) == []  # it was not swept


def test_pins_are_written_in_order_and_read_back(tmp_path: Path) -> None:
    other = changed(op="sign")
    pinned = pinned_with(Pinned("1", "1", (other, ONE)), [Swept("abs", 1, 1, (changed(jax="nan"),))], "2", "3", OPS)
    write_pinned(pinned, tmp_path / "pinned.json")
    read = read_pinned(tmp_path / "pinned.json")
    assert read.differences == (changed(jax="nan"), other)
    assert (read.torch, read.jax) == ("2", "3")
    (tmp_path / "pinned.json").write_text("{}")
    with pytest.raises(UsageError, match="does not hold pinned differences"):
        read_pinned(tmp_path / "pinned.json")


def test_the_committed_pins_are_in_order_and_of_rows_that_exist(tmp_path: Path) -> None:
    pinned = read_pinned()
    assert {one.op for one in pinned.differences} <= set(OPS)
    write_pinned(pinned, tmp_path / "again.json")
    assert read_pinned(tmp_path / "again.json") == pinned


def test_differences_of_both_dtypes_are_one() -> None:
    both = merged([changed(dtypes=("float64",)), changed(dtypes=("float32",), jax=1.0000001)])
    assert both == (ONE,)
    assert number_of(1e-20) == 0.0
    assert number_of(float("-inf")) == "-inf"


# ---- planted errors ----


def wrongs(op: Op) -> set[tuple[str, str]]:
    """The aspects and points at which JAX alone is found wrong, in float64."""
    [found] = sweep([op], ["float64"])
    return {
        (aspect, one.point) for one in found.differences if one.verdict == "jax-wrong" for aspect in one.aspects
    }  # fmt: skip


def test_a_wrong_factor_is_caught() -> None:
    found = wrongs(dataclasses.replace(OPS["tanh"], jax="1.0001 * jnp.tanh(x)"))
    assert {("value", "x=1"), ("reverse x", "x=1"), ("forward", "x=1"), ("second x", "x=1")} <= found


def test_a_wrong_axis_is_caught() -> None:
    wrong = dataclasses.replace(OPS["cumulative_sum"], jax="jnp.cumsum(x, axis=1 - axis)")
    [found] = sweep([wrong], ["float64"])
    assert {one.verdict for one in found.differences if one.attributes == "axis=0"} >= {"jax-wrong"}


def test_an_error_at_a_single_point_is_caught() -> None:
    wrong = dataclasses.replace(OPS["sin"], jax="jnp.where(x == 0.25, 1.0, 0.0) * (x - 0.25) * 0.01 + jnp.sin(x)")
    assert wrongs(wrong) - wrongs(OPS["sin"]) == {("reverse x", "x=0.25"), ("forward", "x=0.25")}


def test_an_error_in_second_order_alone_is_caught() -> None:
    # The gradient of what is added is 0 everywhere; only its derivative is not.
    wrong = dataclasses.replace(OPS["cos"], jax="jnp.cos(x) + 0.01 * (x - lax.stop_gradient(x)) ** 2")
    found = wrongs(wrong) - wrongs(OPS["cos"])
    assert {aspect for aspect, _ in found} == {"second x"}
    assert ("second x", "x=0.5") in found


# ---- the command ----


def test_the_command_sweeps_and_exits_by_what_is_pinned(
    monkeypatch: pytest.MonkeyPatch, swept: dict[str, Swept]
) -> None:
    answers = [swept["abs"]]
    monkeypatch.setattr("compare.sweep.running.sweep_ops", lambda *given, **options: answers)
    done = CliRunner().invoke(cli.cli, ["sweep", "abs", "--output-format", "json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["departures"] == []
    answers[0] = msgspec.structs.replace(swept["abs"], differences=swept["abs"].differences[1:])
    for format in ("full", "concise", "markdown", "github", "json"):
        done = CliRunner().invoke(cli.cli, ["sweep", "abs", "--output-format", format])
        assert done.exit_code == 1, format
        assert ("gone: abs at x=" in done.stdout) == (format not in ("json", "concise")), done.stdout


def test_an_unknown_op_is_answered_with_the_nearest() -> None:
    done = CliRunner().invoke(cli.cli, ["sweep", "absolut"])
    assert done.exit_code == 2
    assert "Unknown op 'absolut'" in done.stderr
