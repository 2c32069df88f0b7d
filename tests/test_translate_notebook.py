"""A notebook about the tape: every gradient in it is proven, every other print is an observation or a note."""

from __future__ import annotations

import contextlib
import io
import json
import re
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import torch

from compare.results import Translation
from compare.translation import translate_script

NOTEBOOK = Path(__file__).parent / "notebooks" / "leaves_and_versions.ipynb"
CELLS = [
    "".join(one["source"]) for one in json.loads(NOTEBOOK.read_text("utf-8"))["cells"] if one["cell_type"] == "code"
]
LINES = "\n\n".join(CELLS).splitlines()


@pytest.fixture(scope="module")
def result() -> Translation:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of an intermediate's gradient and of the old storage class
        return translate_script(NOTEBOOK, dtype="float64").result


def run_plainly() -> dict[str, list[Any]]:
    """By variable, the gradients that the cells leave behind when they simply run."""
    found: dict[str, list[Any]] = defaultdict(list)
    names: dict[str, Any] = {}
    seen: set[int] = set()
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            for cell in CELLS:
                exec(cell, names)
                tensors = {name: one for name, one in names.items() if isinstance(one, torch.Tensor)}
                for name, tensor in tensors.items():
                    if (tensor.is_leaf or tensor.retains_grad) and tensor.grad is not None and id(tensor) not in seen:
                        seen.add(id(tensor))
                        names[f"kept {len(seen)}"] = tensor
                        found[name].append(tensor.grad.tolist())
    finally:
        torch.set_default_dtype(before)
    return found


def test_every_gradient_of_the_notebook_is_proven(result: Translation) -> None:
    assert (result.verdict, result.reason) == ("proven", "")
    proven: dict[str, list[Any]] = defaultdict(list)
    for one in result.observations:
        if one.kind == "gradient" and one.torch is not None:
            assert one.verdict == "match"
            proven[re.sub(r"\.grad( \(\d+\))?$", "", one.name)].append(one.jax)
    wanted = run_plainly()
    assert proven.keys() == wanted.keys()
    for name, gradients in wanted.items():
        for one, expected in zip(proven[name], gradients, strict=True):
            torch.testing.assert_close(torch.tensor(one), torch.tensor(expected), rtol=1e-10, atol=0)


@pytest.mark.parametrize(
    ("word", "what"),
    [("is_leaf", "is_leaf"), ("requires_grad", "requires_grad"), ("_version", "version"), ("grad_fn", "grad_fn")],
)
def test_every_print_of_a_tape_fact_is_observed(result: Translation, word: str, what: str) -> None:
    asked = sum(len(re.findall(rf"\.{word}\b(?!_)", line)) for line in LINES if line.startswith("print("))
    assert asked
    assert asked == sum(re.fullmatch(rf"\w+\.{what}( \(\d+\))?", one.name) is not None for one in result.observations)


def test_an_intermediate_without_a_gradient_is_observed(result: Translation) -> None:
    asked = [one for one in result.observations if re.fullmatch(r"\w+\.grad( \(\d+\))?", one.name)]
    nothing = [one.name for one in asked if one.torch is None]
    assert nothing == ["l1.grad", "l4.grad", "loss.grad", "b.grad"]
    assert "nonleaf-grad" in {one.concept for one in result.notes}


def test_every_print_of_storage_is_noted_with_its_line(result: Translation) -> None:
    asked = [number for number, line in enumerate(LINES, 1) if "data_ptr()" in line]
    noted = [one.line for one in result.specialised if one.what in ("storage", "untyped_storage", "data_ptr")]
    assert asked
    assert noted == asked


def test_every_backward_that_raises_is_noted_with_its_line(result: Translation) -> None:
    raising = [number for number, line in enumerate(LINES, 1) if line.startswith("    ") and ".backward()" in line]
    assert [one.line for one in result.specialised if one.what == "backward"] == raising


def test_the_concepts_that_the_notebook_is_about_are_noted(result: Translation) -> None:
    about = (
        "leaf backward retain-grad inplace-write version-counter data-write no-grad-write detach is-leaf requires-grad "
        "grad-fn retain-graph"
    )
    assert set(about.split()) <= {one.concept for one in result.notes}
