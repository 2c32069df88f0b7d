"""Running cases: what a case or a leg does wrong stays with that case, and global state is put back."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import jax
import pytest
import torch

from compare.cases import Catalogue, load_cases
from compare.runner import prepare, run_case
from compare.runs import run_cases

PREAMBLE = "from compare import case\n\n"


def catalogue(folder: Path, **bodies: str) -> Catalogue:
    """A directory of one chapter; each keyword is a case's name and body."""
    parts = [PREAMBLE]
    for name, body in bodies.items():
        text = indent(dedent(body), "    ")
        parts.append(f'@case\ndef {name}(tape):\n    """Title of {name}"""\n{text}\n\n')
    (folder / "chapter.py").write_text("".join(parts), "utf-8")
    return load_cases(folder)


GOOD = """
a = tape.leaf([1.0, 2.0])
(a * a).sum().backward()
tape.expect(a.grad, [2.0, 4.0])
"""


def test_a_bad_case_does_not_touch_the_others(tmp_path: Path) -> None:
    cases = catalogue(tmp_path, first=GOOD, broken="raise ValueError('boom')", last=GOOD)
    run = run_cases(cases.cases)
    assert [case.outcome for case in run.cases] == ["match", "error", "match"]
    assert run.cases[1].fault == "input"
    assert "Case 'broken'" in (run.cases[1].error or "")
    assert run.summary.error == 1


def test_an_undeclared_error_of_a_framework_names_the_line_and_the_remedy(tmp_path: Path) -> None:
    body = "a = tape.leaf([1.0])\nb = a.exp()\nb[0] = 1.0\nb.sum().backward()\ntape.observe(a.grad)"
    [case] = catalogue(tmp_path, stale=body).cases
    result = run_case(case)
    assert (result.outcome, result.fault) == ("error", "leg")
    assert result.error is not None
    assert "The torch leg stopped at" in result.error
    assert f":{case.line + 6}, `b.sum().backward()`: RuntimeError" in result.error
    assert "declare it with tape.expect_error" in result.error


def test_an_undeclared_divergence_is_a_mismatch(tmp_path: Path) -> None:
    body = "a = tape.leaf([3.0])\nloss = (a * a).sum()\na.data.fill_(5.0)\nloss.backward()\ntape.observe(a.grad)"
    [case] = catalogue(tmp_path, silent=body).cases
    result = run_case(case)
    assert result.outcome == "mismatch"
    [observation] = result.observations
    assert (observation.verdict, observation.torch, observation.jax) == ("torch-wrong", [10.0], [6.0])


def test_a_divergence_that_disappears_is_a_mismatch(tmp_path: Path) -> None:
    body = """
    a = tape.leaf([1.0, 2.0])
    (a * a).sum().backward()
    tape.expect_divergence(a.grad, torch=[2.0, 4.0], jax=[2.0, 4.0], concept="leaf")
    """
    [case] = catalogue(tmp_path, gone=body).cases
    assert run_case(case).outcome == "mismatch"


def test_an_expected_error_that_does_not_come_is_a_mismatch(tmp_path: Path) -> None:
    body = """
    a = tape.leaf([1.0, 2.0])
    loss = a.sum()
    with tape.expect_error(torch="RuntimeError: never", concept="write-after-save"):
        loss.backward()
    """
    [case] = catalogue(tmp_path, calm=body).cases
    assert run_case(case).outcome == "mismatch"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("tape.leaf(1.0)", "It observes nothing"),
        (GOOD + "tape.expect_divergence(a, torch=1, jax=2, concept='lef')", "Did you mean 'leaf'?"),
        ("a = tape.leaf(1.0)\ntape.expect(a.grad, 1.0)\na.backward()\na.frad", "Unknown op 'frad'"),
    ],
)
def test_a_case_that_cannot_be_judged_is_refused(tmp_path: Path, body: str, message: str) -> None:
    [case] = catalogue(tmp_path, wrong=body).cases
    result = run_case(case)
    assert result.fault == "input"
    assert message in (result.error or "")


def test_a_concept_of_the_whole_case_has_a_note_of_its_own(tmp_path: Path) -> None:
    text = PREAMBLE + '@case\ndef one(tape):\n    """One\n\n    Shows: tensor-hook.\n    """\n' + indent(GOOD, "    ")
    (tmp_path / "chapter.py").write_text(text, "utf-8")
    [case] = load_cases(tmp_path).cases
    assert [note.line for note in run_case(case).notes if note.concept == "tensor-hook"] == [case.line]


def test_global_state_is_put_back(tmp_path: Path) -> None:
    [case] = catalogue(tmp_path, good=GOOD).cases
    before = (torch.get_default_dtype(), torch.is_grad_enabled(), torch.is_warn_always_enabled())
    enabled = jax.config.jax_enable_x64
    run_case(case)
    assert (torch.get_default_dtype(), torch.is_grad_enabled(), torch.is_warn_always_enabled()) == before
    assert jax.config.jax_enable_x64 == enabled


def test_workers_give_the_same_results_in_order(tmp_path: Path) -> None:
    cases = catalogue(tmp_path, first=GOOD, second=GOOD.replace("4.0", "5.0"), third=GOOD)
    seen: set[str] = set()
    run = run_cases(cases.cases, workers=2, on_result=lambda result, printed: seen.add(result.id))
    alone = run_cases(cases.cases)
    assert seen == {"first", "second", "third"}
    assert [case.id for case in run.cases] == ["first", "second", "third"]
    assert [case.observations for case in run.cases] == [case.observations for case in alone.cases]
    assert [case.outcome for case in run.cases] == ["match", "mismatch", "match"]


@pytest.mark.parametrize("workers", [1, 2])
def test_stopping_at_the_first_departure(tmp_path: Path, workers: int) -> None:
    wrong = GOOD.replace("4.0", "5.0")
    cases = catalogue(tmp_path, first=GOOD, second=wrong, third=wrong, fourth=GOOD)
    run = run_cases(cases.cases, stop_at_first=True, workers=workers)
    assert [case.id for case in run.cases] == ["first", "second"]


def test_the_seed_changes_random_data_and_nothing_else(tmp_path: Path) -> None:
    body = "a = tape.leaf(tape.normal((3,)))\n(a * a).sum().backward()\ntape.observe(a.grad)"
    [case] = catalogue(tmp_path, random=body).cases
    one, again, other = (run_case(case, seed=seed) for seed in (1, 1, 2))
    assert one.outcome == other.outcome == "match"
    assert one.observations == again.observations != other.observations


def test_notes_name_their_statement(tmp_path: Path) -> None:
    body = "a = tape.leaf([1.0, 2.0])\nc = a.exp().detach().clone()\nc[0] = 3.0\ntape.observe(c)"
    [case] = catalogue(tmp_path, alias=body).cases
    notes = {note.concept: note.statement for note in prepare(case).notes}
    assert notes["detach"] == notes["clone"] == "c = torch.exp(a).detach().clone()"
    assert notes["inplace-write"] == "c[0] = 3.0"


def test_a_warning_on_a_broken_line_belongs_to_its_read(tmp_path: Path) -> None:
    name = "intermediate_with_a_name_so_long_that_its_line_is_broken"
    body = f"""
    a = tape.leaf([1.0, 2.0])
    {name} = a * 2
    {name}.sum().backward()
    tape.expect({name}.grad, None, warning="that is not a leaf")
    """
    [case] = catalogue(tmp_path, broken_line=body).cases
    assert "print(\n" in prepare(case).torch.text
    assert run_case(case).outcome == "match"
