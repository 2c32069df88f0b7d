"""Drift: what the installed releases change against the pinned ones, as a table, JSON and annotations."""

from __future__ import annotations

import json

import msgspec
import pytest
from click.testing import CliRunner

from compare import cli
from compare.report.drifted import DRIFT_FORMATS, Drift, drift_of
from compare.sweep.findings import Difference, Swept
from compare.sweep.pinned import Pinned, departures
from compare.sweep.running import DTYPES

BOUND = Difference(
    "clip", "min=0.0", "x=0", ("reverse x", "forward"), DTYPES, 1.0, 0.5, (0.0, 1.0), "convention"
)  # fmt: skip
ZERO = Difference("abs", "", "x=0", ("reverse x",), ("float32",), 0.0, 1.0, (-1.0, 1.0), "convention")


def drift(pinned: tuple[Difference, ...], found: tuple[Difference, ...]) -> Drift:
    swept = [Swept(op, 3, 2, tuple(one for one in found if one.op == op)) for op in ("abs", "clip")]
    moved = drift_of(departures(Pinned("1.0", "2.0", pinned), swept, DTYPES))
    return Drift({"torch": "1.0", "jax": "2.0"}, {"torch": "1.1", "jax": "2.0"}, 2, 6, len(pinned), moved)


def test_what_changed_is_one_row_of_all_its_aspects_and_dtypes() -> None:
    [moved] = drift((BOUND,), (msgspec.structs.replace(BOUND, torch=0.0),)).moved
    assert (moved.kind, moved.aspects, moved.dtypes) == ("changed", ("reverse x", "forward"), DTYPES)
    assert (moved.torch, moved.jax, moved.verdict) == (("1", "0"), ("0.5", "0.5"), ("convention", "convention"))


def test_the_table_tells_what_changed_and_between_which_releases() -> None:
    text = DRIFT_FORMATS["markdown"](drift((BOUND, ZERO), (msgspec.structs.replace(BOUND, torch=0.0),)))
    assert text.startswith("# Gradients under torch 1.0 → 1.1, jax 2.0\n")
    assert "1 changed, 1 gone, 0 new" in text
    [changed, gone] = [line for line in text.splitlines() if line.startswith(("| changed", "| gone"))]
    assert "| 1 → 0 | 0.5 | between 0 and 1 | convention |" in changed
    assert "reverse x (float32) | 0 → agree | 1 → agree |" in gone
    assert gone.rstrip(" |").endswith("convention → match")


def test_what_is_new_fails_nothing() -> None:
    assert not drift((), (BOUND,)).fails
    assert drift((BOUND,), ()).fails
    assert drift((BOUND,), (msgspec.structs.replace(BOUND, jax="nan"),)).fails
    assert not drift((BOUND,), (BOUND,)).moved
    lines = DRIFT_FORMATS["github"](drift((ZERO,), (BOUND,))).splitlines()
    assert [line.partition(" ")[0] for line in lines[:-1]] == ["::error", "::notice"]


def test_a_convention_no_longer_as_declared_fails() -> None:
    changed = msgspec.structs.replace(drift((), ()), conventions={"abs-at-zero": ("JAX answers [0.0]",)})
    assert changed.fails
    assert "- `abs-at-zero`: JAX answers \\[0.0\\]" in DRIFT_FORMATS["markdown"](changed)


def test_the_command_sweeps_and_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compare.sweep.running.sweep_ops", lambda *given, **options: [Swept("clip", 3, 2, (BOUND,))])
    monkeypatch.setattr("compare.sweep.pinned.read_pinned", lambda: Pinned("1.0", "2.0", ()))
    done = CliRunner().invoke(cli.cli, ["drift", "clip", "--output-format", "json"])
    assert done.exit_code == 0, done.output
    [moved] = json.loads(done.stdout)["moved"]
    assert (moved["kind"], moved["op"]) == ("new", "clip")
    monkeypatch.setattr(
        "compare.sweep.pinned.read_pinned", lambda: Pinned("1.0", "2.0", (msgspec.structs.replace(BOUND, jax=1.0),))
    )
    done = CliRunner().invoke(cli.cli, ["drift", "clip"])
    assert done.exit_code == 1
    assert "| changed | clip | min=0.0; x=0 |" in done.stdout
