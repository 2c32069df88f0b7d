"""The printed scripts run on their own: a fresh interpreter, with the other framework and this package blocked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from compare.cases import Case, load_cases
from compare.functionalize import functionalize
from compare.jax_leg import print_jax
from compare.program import Program
from compare.runner import prepare, run_case
from compare.sources import Source
from compare.statements import Apply, Backward, ItemWrite, Leaf, Read, Ref, Write
from compare.torch_leg import print_torch

CATALOGUE = load_cases(Path(__file__).parent.parent / "cases")
RUN = "import runpy, sys; sys.modules.update(dict.fromkeys(sys.argv[2:])); runpy.run_path(sys.argv[1])"


def run_alone(source: Source, blocked: str, folder: Path) -> str:
    script = folder / "script.py"
    script.write_text(source.text, "utf-8")
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN, str(script), "compare", blocked],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "JAX_PLATFORMS": "cpu", "HOME": str(folder)},
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.slow
@pytest.mark.parametrize("case", CATALOGUE.cases, ids=lambda case: case.id)
def test_scripts_run_with_one_framework_only(case: Case, tmp_path: Path) -> None:
    prepared = prepare(case)
    observed = {one.name for one in run_case(case).observations}
    for source, blocked in ((prepared.torch, "jax"), (prepared.jax, "torch")):
        shown = run_alone(source, blocked, tmp_path)
        labels = [line.partition(" =")[0] for line in source.text.splitlines() if line.startswith("print(")]
        for label in labels:
            name = label.removeprefix('print("')
            assert name in observed
            assert f"{name} =" in shown


def test_printing_is_deterministic() -> None:
    for case in CATALOGUE.cases:
        one, other = prepare(case), prepare(case)
        assert (one.torch, one.jax) == (other.torch, other.jax)


def test_the_source_that_ran_is_the_source_that_is_shown() -> None:
    for case in CATALOGUE.cases[:3]:
        prepared, result = prepare(case), run_case(case)
        assert (result.sources.torch, result.sources.jax) == (prepared.torch.text, prepared.jax.text)


@pytest.mark.parametrize("leg", ["torch", "jax"])
def test_printed_sources_are_these(leg: str, snapshot: object) -> None:
    printed = {case.id: getattr(prepare(case), leg).text for case in CATALOGUE.cases}
    assert printed == snapshot


def test_large_data_is_loaded_from_a_file() -> None:
    data = [[0.01 * (row + column) for column in range(20)] for row in range(10)]
    program = Program(
        id="large-data",
        title="Large data",
        dtype="float64",
        statements=(
            Leaf(target="x", data=data, dtype="float64"),
            Apply(target="y", op="sin", operands=(Ref("x"),)),
            Apply(target="loss", op="sum", operands=(Ref("y"),)),
            Backward(root="loss"),
            Read(name="x.grad", what="grad", handle="x"),
        ),
    ).checked()
    from compare.jax_leg import run_jax
    from compare.torch_leg import run_torch

    lowering = functionalize(program)
    torch_source, jax_source = print_torch(program), print_jax(lowering.pure)
    assert 'data = numpy.load(pathlib.Path(__file__).with_name("large-data.npz"))' in torch_source.text
    torch, jax = run_torch(program, torch_source), run_jax(lowering.pure, jax_source)
    assert torch.failure is None
    assert jax.failure is None
    one, other = torch.observed["x.grad"], jax.observed["x.grad"]
    assert abs(one.values - other.values).max() < 1e-14  # type: ignore[union-attr]


def test_lowering_is_linear_in_its_work() -> None:
    """Ten times the statements make ten times the lines, values and steps: nothing is visited again and again."""

    def lines(length: int) -> int:
        statements: list[object] = [
            Leaf(target="a", data=[1.0, 2.0], dtype="float64"),
            Apply(target="h", op="multiply", operands=(Ref("a"), 1.5)),
        ]
        for _ in range(length):
            statements += [
                ItemWrite(handle="h", index=(0,), value=0.5),
                Write(handle="h", op="multiply", operands=(0.9,)),
            ]
        statements += [Apply(target="loss", op="sum", operands=(Ref("h"),)), Backward(root="loss")]
        program = Program(id="chain", title="A chain", dtype="float64", statements=tuple(statements))  # type: ignore[arg-type]
        return len(print_jax(functionalize(program.checked()).pure).text.splitlines())

    assert lines(1000) - lines(100) == 1800
