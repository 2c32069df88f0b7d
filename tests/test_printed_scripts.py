"""The printed scripts run on their own: a fresh interpreter, with the other framework and this package blocked."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import subprocess
import sys
import warnings
from pathlib import Path

import jax
import pytest
import torch

from compare.cases import load_cases
from compare.functionalize import functionalize
from compare.jax_leg import print_jax
from compare.naive_port import naive_port
from compare.ops import Slice
from compare.program import Program
from compare.runner import prepare, run_case
from compare.sources import Source, wrapped
from compare.statements import Apply, Backward, EnterGradMode, ExitGradMode, ItemWrite, Leaf, Read, Ref, Write
from compare.torch_leg import print_torch

CATALOGUE = load_cases(Path(__file__).parent.parent / "cases")
RUN = "import runpy, sys; sys.modules.update(dict.fromkeys(sys.argv[2:])); runpy.run_path(sys.argv[1])"

PRINTED = (
    "three-weights", "inplace-nonleaf-before-use", "leaf-data-write", "sigmoid-detach",
    "detached-write-sigmoid", "hook-on-nonleaf", "hook-with-retain-grad", "retain-grad",
)  # fmt: skip
"""One case of each shape of printed source."""


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


def run_here(source: Source) -> str:
    """What the same source prints in this process."""
    shown = io.StringIO()
    before = torch.get_default_dtype(), jax.config.read("jax_enable_x64")
    try:
        with contextlib.redirect_stdout(shown), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(source.text, "<script>", "exec"), {"__name__": "__main__"})
    finally:
        torch.set_default_dtype(before[0])
        jax.config.update("jax_enable_x64", before[1])
    return shown.getvalue()


def without_addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", text)


@pytest.mark.parametrize("id", PRINTED)
def test_a_script_prints_alone_what_it_prints_here(id: str, tmp_path: Path) -> None:
    prepared = prepare(CATALOGUE.find(id))
    for source, blocked in ((prepared.torch, "jax"), (prepared.jax, "torch")):
        assert without_addresses(run_alone(source, blocked, tmp_path)) == without_addresses(run_here(source))


def imported(source: str) -> set[str]:
    """The packages that a script imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [one.name for node in nodes if isinstance(node, ast.Import) for one in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(("leg", "other"), [("torch", "jax"), ("jax", "torch")])
def test_scripts_need_one_framework_only(leg: str, other: str) -> None:
    """Those of all cases; a demonstration is its author's own script. Some are run alone, above."""
    assert imported("import torch.nn as nn\ndef f():\n    from jax.numpy import sin") == {"torch", "jax"}
    for case in CATALOGUE.cases:
        if case.kind == "case":
            text = getattr(prepare(case), leg).text
            assert leg in imported(text), case.id
            assert not imported(text) & {"compare", other}, case.id
            assert "__import__" not in text, case.id
            assert "importlib" not in text, case.id


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
    printed = {id: getattr(prepare(CATALOGUE.find(id)), leg).text for id in PRINTED}
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
            Backward(roots=("loss",)),
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


def training_loop(steps: int) -> Program:
    """Statements of every costly kind: ops, views, item writes, in-place ops, unrecorded writes, backwards."""
    statements: list[object] = [
        Leaf(target="w", data=[1.0, 2.0], dtype="float64"),
        Apply(target="kept", op="multiply", operands=(Ref("w"), 2.0)),
    ]
    for step in range(steps):
        statements += [
            Apply(target="h", op="multiply", operands=(Ref("w"), 1.5)),
            ItemWrite(handle="h", index=(0,), value=0.5),
            Write(handle="h", op="multiply", operands=(0.9,)),
            Apply(target="v", op="getitem", operands=(Ref("kept"),), attributes={"index": (Slice(0, 1),)}),
            Write(handle="v", op="multiply", operands=(0.9,)),
            Apply(target="loss", op="sum", operands=(Ref("h"),)),
            Backward(roots=("loss",)),
            EnterGradMode(mode="no_grad"),
            Write(handle="w", op="multiply", operands=(0.99,)),
            ExitGradMode(),
            Read(name=f"w after {step}", what="value", handle="w"),
        ]
    return Program(id="loop", title="A loop", dtype="float64", statements=tuple(statements))  # type: ignore[arg-type]


def calls_to_lower(program: Program) -> int:
    """How many functions are called to lower and print a program: its cost, without a clock."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        print_jax(functionalize(program).pure)
        print_jax(naive_port(program) or functionalize(program).pure)
        print_torch(program)
    finally:
        sys.setprofile(None)
    return calls


def test_lowering_is_linear() -> None:
    calls_to_lower(training_loop(2))
    assert calls_to_lower(training_loop(600)) < 12 * calls_to_lower(training_loop(60))


def test_long_lines_are_broken_without_changing_what_they_say() -> None:
    rows = [[0.125 * column + row for column in range(9)] for row in range(4)]
    long = "argument_of_some_length"
    lines = [
        f"x = torch.tensor({rows}, requires_grad=True)",
        f"    loss, (a_grad, b_grad) = jax.jit(jax.value_and_grad(loss_fn, argnums=(0, 1)))({long}, {long}, {long})",
        f'print("a name with (brackets, and \\" quotes), long enough to be broken =", {long} + {long} + {long})',
        f"y = x.at[({', '.join(map(str, range(40)))})]",
        f"z = jnp.where({long}, ({long} + {long}) * {long}, jnp.array([{long}, {long}, {long}]))",
        f"w = jnp.sin({long} * {long} * {long} * {long})",
        f'params["{long}"] = params["{long}"] - grads["{long}"] / (jnp.sqrt({long}) + {long}) * 0.1 + -1.0',
        f'    return {long} @ params["{long}"].mT + {long} * -{long} - {long} @ params["{long}"]',
        f"(loss, ({', '.join(f'{long}_{n}' for n in range(6))})), grads = jax.jit(jax.grad(loss_fn))(params)",
        f'print("{long} = ({long}, {long})", {long} + {long}({long}))',
        f"a, ({', '.join(f'{long}_{n}' for n in range(5))}), _ = function({long}, {long}, {long}, {long}, {long})",
        f"# a comment ({long}, {long}, {long}, {long}, {long})",
    ]
    for line in lines:
        pieces = wrapped(line)
        assert ast.dump(ast.parse("\n".join(pieces).strip())) == ast.dump(ast.parse(line.strip()))
        assert len(pieces) > 1 or line.startswith("#")
        assert max(map(len, pieces)) <= 110 or line.startswith("#")


def test_no_printed_line_is_very_long() -> None:
    for case in CATALOGUE.cases:
        prepared = prepare(case)
        for source in (prepared.torch, prepared.jax):
            # A demonstration may have a snippet for one framework alone.
            lines = [line for line in source.text.splitlines() if not line.startswith("#")]
            assert max(map(len, lines), default=0) <= 110, case.id
