"""Every case in both dtypes, every observation on its own: the same registry and the same judge as `compare all`."""

from __future__ import annotations

from pathlib import Path

import pytest

from compare.cases import Case, load_cases
from compare.runner import run_case

CATALOGUE = load_cases(Path(__file__).parent.parent / "cases")


def test_every_chapter_loads() -> None:
    assert CATALOGUE.failures == ()


EVERY = [(case, "float64") for case in CATALOGUE.cases]
# A demonstration chooses its own dtypes.
EVERY += [(case, "float32") for case in CATALOGUE.cases if case.kind == "case"]


@pytest.mark.parametrize(("case", "dtype"), EVERY, ids=lambda one: getattr(one, "id", one))
def test_case_is_as_declared(case: Case, dtype: str, subtests: pytest.Subtests) -> None:
    result = run_case(case, dtype=dtype)
    assert result.error is None, result.error
    assert result.observations
    noted = {note.statement for note in result.notes}
    for observation in result.observations:
        with subtests.test(observation.name):
            assert not observation.departs, observation.detail
            assert not observation.diverges or observation.concept is not None
            if observation.kind == "tape" and case.kind == "case":
                assert observation.concept is not None
                assert observation.name in noted
    assert result.outcome in ("match", "diverges-as-documented")


def test_the_catalogue_covers_the_tape() -> None:
    assert len({case.chapter for case in CATALOGUE.cases}) == 14
    assert len(CATALOGUE.cases) >= 250
    assert all(case.concepts for case in CATALOGUE.cases)
