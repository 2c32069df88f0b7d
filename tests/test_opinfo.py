"""A slice of PyTorch's op database against the committed table, and the harness against planted wrong answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import opinfo
import pytest
from msgspec.structs import replace
from opinfo import WRONG, Row, departures, entries, examined, judged, name_of, read_table, samples, totals

import compare.translation
from compare.ops import OPS

EVERY = 40
"""One entry in so many is examined here; `make opinfo` examines all."""


def test_nothing_in_the_table_is_wrong_and_most_is_equal() -> None:
    rows = read_table()
    equal = [row for row in rows if row.verdict == "equal"]
    assert not [row for row in rows if row.verdict == WRONG]
    assert len(equal) >= 950
    assert all(row.reason for row in rows if row.verdict != "equal")


def test_the_table_has_every_entry() -> None:
    assert {row.entry for row in read_table()} == {name_of(info) for info in entries()}


def test_a_slice_is_as_the_table_has_it() -> None:
    chosen = sorted({row.entry for row in read_table()})[::EVERY]
    expected = [row for row in read_table() if row.entry in chosen]
    assert departures(examined(chosen, opinfo.FIRST), expected) == []


def the_first_sample_of(entry: str) -> Row:
    [info] = [info for info in entries() if name_of(info) == entry]
    return judged(info, next(iter(samples(info, 1))), 0)


@pytest.mark.parametrize("jax", ["jnp.sin(x)", "1.0000001 * jnp.tanh(x)"])
def test_a_row_that_is_wrong_is_not_proven(jax: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert the_first_sample_of("tanh").verdict == "equal"
    monkeypatch.setitem(OPS, "tanh", dataclasses.replace(OPS["tanh"], jax=jax))
    assert the_first_sample_of("tanh").verdict == "not proven"


@pytest.mark.parametrize(
    "change",
    [lambda values: (np.array(values) * 1.001).tolist(), lambda values: values[:-1]],
    ids=["scaled", "shorter"],
)
def test_a_translation_that_lies_is_called_wrong(
    change: Callable[[list[Any]], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = compare.translation.translate_function

    def lying(function: Any, arguments: Any) -> Any:
        made = honest(function, arguments)
        seen = tuple(
            one if one.kind == "tape" else replace(one, jax=change(one.jax)) for one in made.result.observations
        )
        return dataclasses.replace(made, result=replace(made.result, observations=seen))

    monkeypatch.setattr(compare.translation, "translate_function", lying)
    row = the_first_sample_of("cumsum")
    assert row.verdict == WRONG
    assert "1 WRONG" in totals([row])


def test_what_differs_from_the_table_is_told() -> None:
    before = [Row("a", 0, "equal"), Row("b", 0, "equal")]
    now = [Row("a", 0, "refused", "because"), Row("c", 0, "equal")]
    assert departures(now, before) == [
        "a [0]: refused, and the table says equal: because",
        "c [0]: equal, and the table says nothing",
        "b [0]: missing",
    ]
    assert departures(before, before) == []
