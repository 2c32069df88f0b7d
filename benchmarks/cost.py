"""What the workbench costs beyond running the frameworks. Run with: make benchmark

(a) `compare all` over a bare script that imports both frameworks and executes the same printed sources and snippets:
    in one process, with nothing compiled before and with everything; and in as many processes as `compare all` starts.
(b) a second `compare all` over a first, which compiles everything.
(c) `compare list`, `compare --help` and `compare explain`, which import neither framework.
(d) lowering and printing 10,000 statements over 1,000.

Each figure is the median of paired runs, taken in turn, so that a machine that drifts does not favour either side.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from compare.cases import load_cases
from compare.functionalize import functionalize
from compare.jax_leg import print_jax
from compare.program import Program
from compare.runner import prepare
from compare.statements import Apply, Backward, ItemWrite, Leaf, Read, Ref, Write
from compare.torch_leg import print_torch

PAIRS = 7
PAIRS_OF_RUNS = 3

BARE = """
import contextlib, pathlib, sys
import torch
import jax

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.py")):
    torch.set_default_dtype(torch.float32)
    jax.config.update("jax_enable_x64", False)
    code = compile(path.read_text("utf-8"), str(path), "exec")
    with contextlib.suppress(Exception):  # a naive port may raise
        exec(code, {"__name__": "__main__", "print": lambda *shown: None})
"""


def timed(*commands: tuple[str, ...], cache: Path | None = None) -> float:
    """Seconds that commands take together, from start to end."""
    environment = dict(os.environ)
    if cache is not None:
        environment |= {
            "COMPARE_CACHE_DIR": str(cache),
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
    started = time.perf_counter()
    running = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        for command in commands
    ]
    failed = [process.args for process in running if process.wait()]
    seconds = time.perf_counter() - started
    if failed:
        raise SystemExit(f"failed: {failed[0]}")
    return seconds


def write_scripts(folder: Path, processes: int) -> list[tuple[str, ...]]:
    """Write what `compare all` prints, shared among bare scripts; the command of each."""
    script = folder / "bare"
    script.write_text(BARE, "utf-8")
    shares = [folder / str(number) for number in range(processes)]
    for share in shares:
        share.mkdir()
    for number, case in enumerate(load_cases().cases):
        prepared = prepare(case)
        sources = {"torch": prepared.torch, "jax": prepared.jax}
        port = prepared.naive and prepared.naive.source
        if port and port is not prepared.jax:
            sources["naive"] = port
        for leg, source in sources.items():
            (shares[number % processes] / f"{number:03}_{leg}.py").write_text(source.text, "utf-8")
    return [(sys.executable, str(script), str(share)) for share in shares]


def cost_of_all() -> None:
    """Print ratios (a) and (b)."""
    compare = (sys.executable, "-m", "compare", "all")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for names in ("one", "each", "cold", "warm"):
            (folder / names).mkdir()
        one, each = write_scripts(folder / "one", 1), write_scripts(folder / "each", os.cpu_count() or 1)
        warm = folder / "warm"
        timed(compare, cache=warm), timed(*one, cache=warm)
        told = "at most 1.25"
        report("(a) nothing compiled, one process", "bare", told,
               lambda: timed((*compare, "-j", "1", "--no-cache")), lambda: timed(*one))  # fmt: skip
        report("(a) all compiled before, one process", "bare", told,
               lambda: timed((*compare, "-j", "1"), cache=warm), lambda: timed(*one, cache=warm))  # fmt: skip
        report(f"(a) all compiled before, {len(each)} processes", "bare", told,
               lambda: timed(compare, cache=warm), lambda: timed(*each, cache=warm))  # fmt: skip

        def first_run() -> float:
            shutil.rmtree(folder / "cold")
            return timed(compare, cache=folder / "cold")

        report("(b) a second run", "the first", "at most 0.33", lambda: timed(compare, cache=warm), first_run)


def report(what: str, other: str, told: str, measure: Callable[[], float], measure_other: Callable[[], float]) -> None:
    """Print the median of paired ratios, and the medians of both."""
    pairs = [(measure(), measure_other()) for _ in range(PAIRS_OF_RUNS)]
    ratio = statistics.median(one / against for one, against in pairs)
    seconds = [statistics.median(column) for column in zip(*pairs, strict=True)]
    print(f"{what}: compare all {seconds[0]:.2f} s, {other} {seconds[1]:.2f} s: ratio {ratio:.3f} ({told})", flush=True)


def commands_without_frameworks() -> None:
    """Print the times of (c), and whether a framework was imported."""
    for words in (["list"], ["--help"], ["explain", "retain-grad"]):
        timed((sys.executable, "-m", "compare", *words))
        seconds = statistics.median(timed((sys.executable, "-m", "compare", *words)) for _ in range(PAIRS))
        probe = f"import sys; from compare.cli import cli; cli({words!r}, standalone_mode=False); "
        probe += "sys.exit(any(name in sys.modules for name in ('torch', 'jax')))"
        imported = subprocess.run([sys.executable, "-c", probe], check=False, stdout=subprocess.DEVNULL).returncode
        told = "imports a framework" if imported else "imports neither framework"
        print(f"(c) compare {' '.join(words)}: {seconds:.3f} s (at most 0.3), {told}")


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
    """Print (d)."""
    short, long = chain(1_000), chain(10_000)
    lowering(short)
    pairs = [(lowering(long), lowering(short)) for _ in range(PAIRS)]
    ratio = statistics.median(one / other for one, other in pairs)
    seconds = statistics.median(one for one, _ in pairs)
    print(f"(d) 10,000 statements {seconds:.2f} s (under 3), ratio to 1,000: {ratio:.1f} (at most 12)")


if __name__ == "__main__":
    cost_of_all()
    commands_without_frameworks()
    growth_of_lowering()
