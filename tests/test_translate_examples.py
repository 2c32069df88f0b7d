"""Every example is proven, in both precisions; the JAX of each is committed, so that a change of it is seen."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from compare import translation
from compare.translation import Translated, translate_script

EXAMPLES = Path(__file__).parent.parent / "examples"
SCRIPTS = sorted((EXAMPLES / "torch").glob("*.py"))
NUMBER = re.compile(r"-?\b\d+(\.\d+)?(e-?\d+)?\b")
MISSING = "Write it with: python -m compare translate examples/torch/{0}.py -o examples/jax/{0}.py --force"


def translated(script: Path, dtype: str, monkeypatch: pytest.MonkeyPatch) -> Translated:
    monkeypatch.chdir(EXAMPLES.parent)
    made = translate_script(script.relative_to(EXAMPLES.parent), dtype=dtype)
    assert made.result.verdict == "proven", made.result.reason
    assert any(one.kind == "gradient" for one in made.result.observations)
    return made


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_example_is_proven_and_its_jax_is_the_committed_one(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = translated(script, "float64", monkeypatch)
    committed = EXAMPLES / "jax" / script.name
    assert committed.exists(), MISSING.format(script.stem)
    # Random data may differ in its last digits between processors, the program may not.
    shape = NUMBER.sub("#", made.result.jax)
    assert shape == NUMBER.sub("#", committed.read_text(encoding="utf-8")), MISSING.format(script.stem)
    assert made.source is not None
    if made.source.arrays:
        with np.load(committed.with_name(made.source.data_name)) as kept:
            assert {name: kept[name].shape for name in kept} == {
                name: array.shape for name, array in made.source.arrays.items()
            }


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_example_is_proven_in_single_precision(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The exact reference has judged the same program in double precision; it knows no other.
    monkeypatch.setattr(translation, "REFERENCE_LIMIT", -1)
    translated(script, "float32", monkeypatch)


def test_there_are_examples() -> None:
    assert len(SCRIPTS) >= 21
    assert {script.name for script in SCRIPTS} == {script.name for script in (EXAMPLES / "jax").glob("*.py")}
