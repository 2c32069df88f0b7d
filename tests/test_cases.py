"""Every case in both dtypes, every observation on its own: the same registry and the same judge as `compare all`."""

from __future__ import annotations

from pathlib import Path

import pytest

from compare.cases import Case, load_cases
from compare.runner import run_case

CATALOGUE = load_cases(Path(__file__).parent.parent / "cases")


def test_every_chapter_loads() -> None:
    assert CATALOGUE.failures == ()
    assert len(CATALOGUE.cases) >= 24


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CATALOGUE.cases, ids=lambda case: case.id)
def test_case_is_as_declared(case: Case, dtype: str, subtests: pytest.Subtests) -> None:
    result = run_case(case, dtype=dtype)
    assert result.error is None, result.error
    assert result.observations
    for observation in result.observations:
        with subtests.test(observation.name):
            assert observation.verdict not in ("mismatch", "error"), observation.detail
            declared_divergence = observation.verdict not in ("match", "no-analogue")
            assert not declared_divergence or observation.concept is not None
    assert result.outcome in ("match", "diverges-as-documented")


@pytest.mark.parametrize("case", CATALOGUE.cases, ids=lambda case: case.id)
def test_every_tape_read_has_a_concept_and_a_note(case: Case) -> None:
    result = run_case(case)
    noted = {note.statement for note in result.notes}
    for observation in result.observations:
        if observation.kind == "tape":
            assert observation.concept is not None, observation.name
            assert observation.name in noted
