"""What a case declares of its naive port is checked in both directions; wrong declarations are planted and caught."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_runner import catalogue

from compare.cli import cli
from compare.errors import CaseError
from compare.jax_leg import run_jax
from compare.naive_outcome import judge_naive
from compare.observed import Array, Failure, LegRun, Observed
from compare.program import Program
from compare.results import Absent, CaseResult, NaiveDifference, NaivePort
from compare.runner import run_case
from compare.sources import Source
from compare.statements import Read
from compare.tape import Tape, record

VIEWED = """
a = tape.leaf([1.0, 2.0, 3.0])
y = a * 2
v = y[:2]
y *= 10
v.sum().backward()
tape.expect(v, [20.0, 40.0])
tape.expect_naive(v, [2.0, 4.0])
tape.expect(a.grad, [20.0, 20.0, 0.0])
tape.expect_naive(a.grad, [2.0, 2.0, 0.0])
tape.expect(y, [20.0, 40.0, 60.0])
"""
IN_PLACE = "a = tape.leaf([1.0, 2.0])\nb = a * 2\nb[0] = 5.0\nb.sum().backward()\ntape.expect(a.grad, [0.0, 2.0])\n"
SOURCE = Source("y = 3.0\n", (None,))
RETAINED = IN_PLACE.replace("b[0]", "b.retain_grad()\nb[0]")


def result(folder: Path, body: str) -> CaseResult:
    return run_case(catalogue(folder, one=body).cases[0])


def departures(folder: Path, body: str) -> tuple[str, ...]:
    """What departs in a case that must be a mismatch for that alone."""
    found = result(folder, body)
    assert (found.outcome, found.error) == ("mismatch", None)
    assert not any(one.departs for one in found.observations)
    assert found.naive is not None
    return found.naive.departures


# ---- cases ----


def test_a_silent_difference_that_is_declared_is_as_declared(tmp_path: Path) -> None:
    found = result(tmp_path, VIEWED)
    assert found.outcome == "match"
    assert found.naive is not None
    assert (found.naive.outcome, found.naive.departures, found.naive.error) == ("differs", (), None)
    assert found.naive.differences == (
        NaiveDifference("v", [20.0, 40.0], [20.0, 40.0], [2.0, 4.0], [2.0, 4.0], 12),
        NaiveDifference("a.grad", [20.0, 20.0, 0.0], [20.0, 20.0, 0.0], [2.0, 2.0, 0.0], [2.0, 2.0, 0.0], 14),
    )
    assert "    y = y * 10\n" in found.naive.source


def test_one_that_nobody_declares_is_a_mismatch(tmp_path: Path) -> None:
    body = VIEWED.replace("tape.expect_naive(v, [2.0, 4.0])\n", "")
    assert departures(tmp_path, body) == (
        "v: it shows [2.0, 4.0], torch and jax [20.0, 40.0]; nothing is declared of it: tape.expect_naive does that",
    )


def test_one_that_is_declared_with_another_value_is_a_mismatch(tmp_path: Path) -> None:
    body = VIEWED.replace("expect_naive(a.grad, [2.0, 2.0, 0.0])", "expect_naive(a.grad, [2.0, 2.0, 1e-9])")
    assert departures(tmp_path, body) == ("a.grad: it shows [2.0, 2.0, 0.0]; [2.0, 2.0, 1e-09] is declared",)


def test_one_that_is_declared_and_not_there_is_a_mismatch(tmp_path: Path) -> None:
    assert departures(tmp_path, f"{VIEWED}tape.expect_naive(y, 3.0)\n") == (
        "y: 3.0 is declared, but it shows what torch shows, [20.0, 40.0, 60.0]",
    )


def test_one_that_is_declared_where_the_port_shows_nothing_is_a_mismatch(tmp_path: Path) -> None:
    body = f"{RETAINED}tape.expect(b.grad, 1.0)\ntape.expect_naive(b.grad, 0.0)\n"
    assert departures(tmp_path, body) == ("b.grad: it shows nothing; 0.0 is declared",)


def test_an_error_that_is_declared_and_not_raised_is_a_mismatch(tmp_path: Path) -> None:
    assert departures(tmp_path, f"{IN_PLACE}tape.expect_naive_error('IndexError: mask')\n") == (
        "it raises nothing; 'IndexError: mask' is declared",
    )


def test_one_number_stands_for_every_element(tmp_path: Path) -> None:
    body = "x = tape.constant([1.0, 2.0])\nd = x.detach()\nd.fill_(7.0)\ntape.expect(x, 7.0)\n"
    found = result(tmp_path, f"{body}tape.expect_naive(x, [1.0, 2.0])\n")
    assert (found.outcome, found.naive and found.naive.outcome) == ("match", "differs")
    assert departures(tmp_path, f"{body}tape.expect_naive(x, 1.0)\n") == ("x: it shows [1.0, 2.0]; 1.0 is declared",)


def test_a_port_that_is_as_right_as_the_faithful_jax_is_the_same(tmp_path: Path) -> None:
    body = """
    a = tape.leaf([10.0, 5.0])
    loss = (a * a).sum()
    a.data.fill_(1.0)
    loss.backward()
    tape.expect_divergence(a.grad, torch=2.0, jax=[20.0, 10.0], concept="data-write-after-save")
    """
    found = result(tmp_path, body)
    assert (found.outcome, found.naive and found.naive.outcome) == ("diverges-as-documented", "same")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("a = tape.leaf(1.0)\ntape.expect(a, 1.0)\ntape.expect_naive(a, 2.0)\n", "no write, alias, grad mode"),
        ("a = tape.leaf(1.0)\ntape.expect(a, 1.0)\ntape.expect_naive_error('X')\n", "no write, alias, grad mode"),
        (f"{RETAINED}c = b.grad * 2\ntape.expect(c, 2.0)\ntape.expect_naive(c, 1.0)\n", "it computes with 'b.grad'"),
    ],
)
def test_a_declaration_about_a_port_that_is_not_there_is_refused(tmp_path: Path, body: str, why: str) -> None:
    found = result(tmp_path, body)
    assert (found.outcome, found.fault) == ("error", "input")
    assert why in (found.error or "")


def test_a_port_that_is_refused_is_told_of(tmp_path: Path) -> None:
    found = result(tmp_path, f"{RETAINED}c = b.grad * 2\ntape.expect(c, 2.0)\n")
    assert found.outcome == "match"
    assert found.naive is not None
    assert (found.naive.outcome, found.naive.source) == ("none", "")
    assert found.naive.error == "it computes with 'b.grad', which is no gradient of an argument"


def test_what_reads_like_the_faithful_jax_is_not_run_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []

    def counted(pure: Any, source: Source) -> LegRun:
        runs.append(source.text)
        return run_jax(pure, source)

    monkeypatch.setattr("compare.runner.run_jax", counted)
    found = result(tmp_path, IN_PLACE)
    assert found.naive is not None
    assert runs == [found.sources.jax]
    assert (found.naive.outcome, found.naive.source) == ("same", found.sources.jax)
    found = result(tmp_path, VIEWED)
    assert found.naive is not None
    assert runs[1:] == [found.sources.jax, found.naive.source]


def test_the_run_counts_and_fails_with_it(tmp_path: Path) -> None:
    from click.testing import CliRunner

    catalogue(tmp_path, one=VIEWED, two=IN_PLACE, three=VIEWED.replace("tape.expect_naive(v, [2.0, 4.0])\n", ""))
    done = CliRunner().invoke(cli, ["all", "--cases", str(tmp_path)])
    assert done.exit_code == 1
    summary = done.stdout.splitlines()[-1]
    assert "2 match, 0 diverge as documented, 1 mismatch, 0 errors" in summary
    assert "naive ports: 1 the same, 2 silently different" in summary
    assert "  naive port, v: it shows [2.0, 4.0], torch and jax [20.0, 40.0]; nothing is declared" in done.stdout


# ---- ports that raise, and legs that stop ----


def judged(case: Callable[[Any], None], *legs: dict[str, Observed], failure: Failure | None = None) -> NaivePort:
    program = record(case, id="judged", title="Judged", dtype="float64")
    torch, jax, naive = (LegRun(name, shown) for name, shown in zip(("torch", "jax", "jax"), legs, strict=True))
    naive.failure = failure
    return judge_naive(program, torch, jax, naive, SOURCE)


def numbers(*values: float) -> Array:
    return Array(np.array(values), "float64")


BOOM = Failure(1, "IndexError", "boolean mask")


@pytest.mark.parametrize(
    ("declared", "departures"),
    [
        ("boolean mask", ()),
        ("IndexError: bool", ()),
        (None, ("it raises 'IndexError: boolean mask'; nothing is declared of it: tape.expect_naive_error does that",)),
        ("TypeError", ("it raises 'IndexError: boolean mask'; 'TypeError' is declared",)),
    ],
)
def test_a_port_that_raises_is_declared(declared: str | None, departures: tuple[str, ...]) -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 2.0])
        tape.expect(a, [1.0, 2.0])
        if declared is not None:
            tape.expect_naive_error(declared)

    shown: dict[str, Observed] = {"a": numbers(1.0, 2.0)}
    port = judged(case, shown, shown, {}, failure=BOOM)
    assert (port.outcome, port.error, port.departures) == ("raises", "IndexError: boolean mask", departures)


def test_shape_and_dtype_count() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, 1.0])
        tape.observe(a)
        tape.observe(a.grad)
        b = a * 1
        tape.observe(b)

    narrow = Array(np.array([1.0, 1.0], dtype=np.float32), "float32")
    legs: dict[str, Observed] = {"a": numbers(1.0, 1.0), "a.grad": None, "b": numbers(1.0, 1.0)}
    shown: dict[str, Observed] = {"a": narrow, "a.grad": numbers(0.0), "b": numbers(1.0)}
    port = judged(case, legs, {"a": numbers(1.0, 1.0)}, shown)
    assert [(one.name, one.torch, one.jax, one.naive) for one in port.differences] == [
        ("a", [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]),
        ("a.grad", None, Absent(), [0.0]),
        ("b", [1.0, 1.0], Absent(), [1.0]),
    ]
    assert port.departures[1].startswith("a.grad: it shows [0.0], torch None; nothing is declared")


def test_a_leg_that_stopped_is_told_of_elsewhere() -> None:
    def case(tape: Tape) -> None:
        tape.observe(tape.leaf(1.0))

    program = record(case, id="judged", title="Judged", dtype="float64")
    stopped = LegRun("torch", failure=BOOM)
    name = next(one.name for one in program.statements if isinstance(one, Read))
    port = judge_naive(program, stopped, LegRun("jax"), LegRun("jax", {name: numbers(3.0)}), SOURCE)
    assert port.departures == ()


# ---- declaring ----


def refused(case: Callable[[Any], None]) -> str:
    with pytest.raises(CaseError) as caught:
        record(case, id="declared", title="Declared", dtype="float64")
    return str(caught.value)


def test_a_declaration_follows_its_read() -> None:
    def early(tape: Tape) -> None:
        a = tape.leaf(1.0)
        tape.expect_naive(a, 2.0)
        tape.expect(a, 1.0)

    def other(tape: Tape) -> None:
        a = tape.leaf(1.0)
        tape.expect(a, 1.0)
        tape.expect_naive(a.grad, 2.0)

    for case in (early, other):
        assert "expect_naive speaks of a read; put it right after the tape.expect that reads it" in refused(case)


def test_a_declaration_is_made_once() -> None:
    def values(tape: Tape) -> None:
        a = tape.leaf(1.0)
        tape.expect(a, 1.0)
        tape.expect_naive(a, 2.0)
        tape.expect_naive(a, 2.0)

    def errors(tape: Tape) -> None:
        tape.leaf(1.0)
        tape.expect_naive_error("TypeError")
        tape.expect_naive_error("TypeError")

    assert "What the naive port shows as 'a' is declared twice" in refused(values)
    assert "The error of the naive port is declared twice" in refused(errors)


def test_what_cannot_be_shown_cannot_be_declared() -> None:
    def nothing(tape: Tape) -> None:
        a = tape.leaf(1.0)
        tape.expect(a, 1.0)
        tape.expect_naive(a, None)

    def fact(tape: Tape) -> None:
        a = tape.leaf(1.0)
        tape.expect(a.version, 0)
        tape.expect_naive(a.version, 1)

    def tensor(tape: Tape) -> None:
        tape.expect_naive(1.0, 1.0)

    assert "The naive port never shows None" in refused(nothing)
    assert "The naive port has no version to read" in refused(fact)
    assert "expect and observe read a tensor" in refused(tensor)


def test_the_latest_of_two_reads_is_meant() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf(1.0)
        tape.expect(a, 1.0)
        tape.expect(a, 1.0)
        tape.expect_naive(a, 2.0)

    program = record(case, id="twice", title="Twice", dtype="float64")
    assert [one.naive for one in program.statements if isinstance(one, Read)] == [None, 2.0]
    assert Program.from_json(program.to_json()) == program
