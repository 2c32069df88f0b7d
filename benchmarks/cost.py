"""What the workbench costs beyond running the frameworks. Run with: make benchmark

(a) `compare all` over a bare script that imports both frameworks and executes the same printed sources.
(b) `compare list`, `compare --help` and `compare explain`, which import neither framework.
(c) lowering and printing 10,000 statements over 1,000.

Each figure is the median of paired runs, taken in turn, so that a machine that drifts does not favour either side.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare.cases import load_cases
from compare.functionalize import functionalize
from compare.jax_leg import print_jax
from compare.program import Program
from compare.runner import prepare
from compare.statements import Apply, Backward, ItemWrite, Leaf, Read, Ref, Write
from compare.torch_leg import print_torch

PAIRS = 7

BARE = """
import builtins, pathlib, sys
import torch
import jax

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.py")):
    exec(compile(path.read_text("utf-8"), str(path), "exec"), {"__name__": "__main__", "print": lambda *shown: None})
"""


def timed(*command: str) -> float:
    """Seconds that a command takes, from start to end."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def overhead_of_all() -> None:
    """Print ratio (a)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, case in enumerate(load_cases().cases):
            prepared = prepare(case)
            (folder / f"{number:03}_torch.py").write_text(prepared.torch.text, "utf-8")
            (folder / f"{number:03}_jax.py").write_text(prepared.jax.text, "utf-8")
            port = prepared.naive and prepared.naive.source
            if port and port is not prepared.jax:
                (folder / f"{number:03}_naive.py").write_text(port.text, "utf-8")
        script = folder / "bare"
        script.write_text(BARE, "utf-8")
        whole, bare = (sys.executable, "-m", "compare", "all"), (sys.executable, str(script), name)
        timed(*whole), timed(*bare)
        pairs = [(timed(*whole), timed(*bare)) for _ in range(PAIRS)]
    ratio = statistics.median(one / other for one, other in pairs)
    seconds = [statistics.median(column) for column in zip(*pairs, strict=True)]
    print(f"(a) compare all {seconds[0]:.2f} s, bare script {seconds[1]:.2f} s: ratio {ratio:.3f} (at most 1.25)")


def commands_without_frameworks() -> None:
    """Print the times of (b), and whether a framework was imported."""
    for words in (["list"], ["--help"], ["explain", "retain-grad"]):
        timed(sys.executable, "-m", "compare", *words)
        seconds = statistics.median(timed(sys.executable, "-m", "compare", *words) for _ in range(PAIRS))
        probe = f"import sys; from compare.cli import cli; cli({words!r}, standalone_mode=False); "
        probe += "sys.exit(any(name in sys.modules for name in ('torch', 'jax')))"
        imported = subprocess.run([sys.executable, "-c", probe], check=False, stdout=subprocess.DEVNULL).returncode
        told = "imports a framework" if imported else "imports neither framework"
        print(f"(b) compare {' '.join(words)}: {seconds:.3f} s (at most 0.3), {told}")


def chain(length: int) -> Program:
    """A program of about `length` statements: ops, rebinding, item writes, in-place ops, views, one backward."""
    statements: list[object] = [
        Leaf(target="a", data=[1.0, 2.0], dtype="float64"),
        Apply(target="h", op="multiply", operands=(Ref("a"), 1.5)),
    ]
    for _ in range(length // 6):
        statements += [
            Apply(target="t", op="sin", operands=(Ref("h"),)),
            Apply(target="h", op="add", operands=(Ref("h"), Ref("t"))),
            ItemWrite(handle="h", index=(0,), value=0.5),
            Write(handle="h", op="multiply", operands=(0.9,)),
            Apply(target="v", op="getitem", operands=(Ref("h"),), attributes={"index": (0,)}),
            Write(handle="v", op="multiply", operands=(1.1,)),
        ]
    statements += [
        Apply(target="loss", op="sum", operands=(Ref("h"),)),
        Backward(roots=("loss",)),
        Read(name="a.grad", what="grad", handle="a"),
    ]
    return Program(id="chain", title="A chain", dtype="float64", statements=tuple(statements))  # type: ignore[arg-type]


def lowering(program: Program) -> float:
    """Seconds to functionalize a program and print both sources."""
    started = time.perf_counter()
    print_jax(functionalize(program).pure)
    print_torch(program)
    return time.perf_counter() - started


def growth_of_lowering() -> None:
    """Print (c)."""
    short, long = chain(1_000), chain(10_000)
    lowering(short)
    pairs = [(lowering(long), lowering(short)) for _ in range(PAIRS)]
    ratio = statistics.median(one / other for one, other in pairs)
    seconds = statistics.median(one for one, _ in pairs)
    print(f"(c) 10,000 statements {seconds:.2f} s (under 3), ratio to 1,000: {ratio:.1f} (at most 12)")


if __name__ == "__main__":
    overhead_of_all()
    commands_without_frameworks()
    growth_of_lowering()
