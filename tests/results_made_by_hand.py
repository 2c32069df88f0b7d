"""Results made by hand, for the tests of the reports and of the command line: no framework runs."""

from __future__ import annotations

from typing import Any

from compare.results import (
    Absent,
    CaseResult,
    Declared,
    Environment,
    NaiveDifference,
    NaivePort,
    Note,
    Observation,
    Outcome,
    Raise,
    Run,
    Sources,
    summarize,
)

ENVIRONMENT = Environment("0.1.0", "3.11.7", "2.13.0", "0.10.2", "0.10.2", "2.4.6", "Linux")
SOURCES = Sources("@case\ndef three_weights(tape):\n    ...\n", "import torch\n", "import jax\n")
NOTE = Note(
    line=9,
    statement="l1.grad",
    concept="nonleaf-grad",
    status="none",
    why="A JAX array has no place for a gradient.",
    instead="`jax.grad(loss_fn)(w1)` returns it: reduce_sum[axes=(0,)]",
)


def observation(name: str = "w1.grad", **changes: Any) -> Observation:
    """A gradient of 28 that every leg agrees on."""
    fields: dict[str, Any] = {
        "name": name, "kind": "gradient", "torch": 28.0, "jax": 28.0, "reference": 28.0, "expected": 28.0,
        "max_abs_error": 0.0, "max_ulp": 0, "verdict": "match", "limit": 2.8e-9, "line": 23,
    }  # fmt: skip
    return Observation(**{**fields, **changes})


def result(id: str = "three-weights", outcome: Outcome = "match", **changes: Any) -> CaseResult:
    """A case with one observation and one note."""
    fields: dict[str, Any] = {
        "id": id, "chapter": "leaves", "title": "Only leaves collect a gradient", "outcome": outcome,
        "observations": (observation(),), "notes": (NOTE,), "sources": SOURCES,
    }  # fmt: skip
    return CaseResult(**{**fields, **changes})


def run(*cases: CaseResult) -> Run:
    return Run(schema=1, environment=ENVIRONMENT, summary=summarize(cases), cases=cases)


MATCHING = result()
MISMATCHING = result(
    "hook-order",
    "mismatch",
    observations=(
        observation("w2.grad", max_abs_error=2.2e-16, max_ulp=1),
        observation(
            expected=29.0,
            verdict="mismatch",
            detail="torch, jax and reference agree on 28.0; the case declares 29.0; allowed error 2.9e-09",
        ),
    ),
)
DIVERGING = result(
    "write-after-use",
    "diverges-as-documented",
    observations=(
        observation(
            "loss.backward()",
            kind="error",
            torch=Raise("RuntimeError", "modified by an inplace operation"),
            jax=None,
            reference=None,
            expected=Declared(torch="modified by an inplace operation", jax=None),
            verdict="raises-differ",
            concept="stale-value",
            max_abs_error=None,
            max_ulp=None,
            limit=None,
        ),
    ),
)
VIEWED = NaivePort(
    outcome="differs",
    source="import jax\ny = y * 10\n",
    differences=(
        NaiveDifference("a.grad", [20.0, 0.0], [20.0, 0.0], [2.0, 0.0], [2.0, 0.0], 14),
        NaiveDifference("v", None, Absent(), 3.0, None, 15),
    ),
    departures=("v: it shows 3.0, torch None; nothing is declared of it",),
)
CRASHING = result("crash", "error", observations=(), error="jax stopped: TypeError: boom\n  [axes=0]", fault="leg")
