"""A wrong op in the middle of a long program is pointed at exactly, by its value or by its cotangent."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from compare.cases import Case, load_cases
from compare.ops import OPS
from compare.report import Report, render
from compare.results import Run, summarize
from compare.runner import run_case
from compare.runs import environment

LENGTH = 40


def long_case(folder: Path, middle: str) -> Case:
    """Forty statements that use every tensor more than once, and one other op in the middle."""
    lines = ["a = tape.leaf([0.5, 0.75])", "b = tape.leaf([1.5, 0.25])", "h = a * b"]
    for number in range(LENGTH - 4):
        op = (
            middle
            if number == LENGTH // 2
            else ("h = h.sin() + a", "h = h * b", "h = h.exp() - h", "k = h.cos()")[number % 4]
        )
        lines.append(op)
    lines += ["loss = (h * k).sum()", "loss.backward()", "tape.observe(a.grad)"]
    body = "".join(f"    {line}\n" for line in lines)
    (folder / "chapter.py").write_text(
        f'from compare import case\n\n\n@case\ndef long(tape):\n    """Long"""\n{body}', "utf-8"
    )
    [case] = load_cases(folder).cases
    return case


WRONG = {
    "value": "jnp.tanh(x) * 1.001",
    "cotangent": "jnp.tanh(x) + 0.1 * (x - jax.lax.stop_gradient(x))",
}


@pytest.mark.parametrize("kind", WRONG)
def test_the_wrong_row_is_pointed_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    case = long_case(tmp_path, "h = h.tanh()")
    line = next(number for number, text in enumerate(case.source.splitlines()) if "tanh" in text) + case.line
    assert run_case(case).divergence is None
    monkeypatch.setitem(OPS, "tanh", dataclasses.replace(OPS["tanh"], jax=WRONG[kind]))
    result = run_case(case)
    assert result.outcome == "mismatch"
    assert result.divergence is not None
    expected = "the values part at " if kind == "value" else "the values agree; the cotangents part at "
    assert result.divergence.startswith(f"{expected}{tmp_path / 'chapter.py'}:{line}, `h = torch.tanh(h)`: ")
    assert "torch and reference agree on" in result.divergence


@pytest.mark.parametrize("kind", WRONG)
def test_the_call_of_a_function_is_pointed_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    case = long_case(tmp_path, "h = tape.checkpoint(lambda x: x.tanh(), h)")
    line = next(number for number, text in enumerate(case.source.splitlines()) if "tanh" in text) + case.line
    assert run_case(case).divergence is None
    monkeypatch.setitem(OPS, "tanh", dataclasses.replace(OPS["tanh"], jax=WRONG[kind]))
    result = run_case(case)
    assert result.divergence is not None
    expected = "the values part at " if kind == "value" else "the values agree; the cotangents part at "
    assert result.divergence.startswith(f"{expected}{tmp_path / 'chapter.py'}:{line}, `h = checkpoint(function, h")


@pytest.mark.parametrize("format", ["full", "markdown", "github", "junit"])
def test_every_report_tells_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str) -> None:
    case = long_case(tmp_path, "h = h.tanh()")
    monkeypatch.setitem(OPS, "tanh", dataclasses.replace(OPS["tanh"], jax=WRONG["value"]))
    found = tuple(run_case(one) for one in (case,))
    report = Report(Run(1, environment(), summarize(found), found))
    assert "the values part at" in render(format, report).replace("\\", "")


def test_a_write_is_pointed_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = long_case(tmp_path, "h.tanh_()")
    monkeypatch.setitem(OPS, "tanh", dataclasses.replace(OPS["tanh"], jax=WRONG["value"]))
    result = run_case(case)
    assert result.divergence is not None
    assert "`h.tanh_()`" in result.divergence


def test_what_was_made_from_one_of_several_views_and_from_positions_is_pointed_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    middle = "p, q = h.unstack(); h = p * h[[1, 0]]; h[[0]] = q * 2; h = h.tanh()"
    case = long_case(tmp_path, middle)
    assert run_case(case).divergence is None
    monkeypatch.setitem(OPS, "tanh", dataclasses.replace(OPS["tanh"], jax=WRONG["cotangent"]))
    result = run_case(case)
    assert result.divergence is not None
    assert "the cotangents part at" in result.divergence
    assert "`h = torch.tanh(h)`" in result.divergence


def test_legs_that_agree_on_an_undeclared_number_part_nowhere(tmp_path: Path) -> None:
    text = '"""One."""\nfrom compare import case\n\n\n@case\ndef one(tape):\n    """One"""\n'
    text += "    a = tape.leaf(2.0)\n    (a * a).backward()\n    tape.expect(a.grad, 5.0)\n"
    (tmp_path / "chapter.py").write_text(text, "utf-8")
    [case] = load_cases(tmp_path).cases
    result = run_case(case)
    assert (result.outcome, result.divergence) == ("mismatch", None)
