"""PyTorch's own database of ops, translated: `make opinfo` records its samples and compares every gradient.

An entry of OpInfo names an op and makes inputs for it. Each sample is run once by PyTorch alone and once recorded and
translated. The gradients of a random projection of all outputs have to be the same in the JAX program as in PyTorch's
own run, of which the translation knows nothing. What becomes of each sample is a row of the committed table:

    equal         every output and every gradient of the JAX program is PyTorch's
    refused       the translation says what it cannot do
    not proven    the translation says that something differs, and is not delivered
    WRONG         it was called proven, and differs
    CRASHED       the translation ended with an error of its own

The last two may never stand in the table.
"""

from __future__ import annotations

import argparse
import collections
import csv
import difflib
import itertools
import multiprocessing
import re
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

TABLE = Path(__file__).parents[1] / "docs" / "opinfo.csv"
FIRST = 2
"""Samples of each entry that the table holds."""
CHUNK = 10
"""Entries that a worker takes at a time."""
KEPT = 200
"""Samples after which a worker forgets what JAX compiled for them: all of it takes more memory than there is."""
WRONG, CRASHED = "WRONG", "CRASHED"
SEED = 7
"""Of what an op draws, and of the samples."""
RTOL, ATOL = 1e-9, 1e-10
"""Beside the proof's own, much tighter, tolerance: here a wrong number is looked for, not a rounding."""


@dataclass(frozen=True)
class Row:
    """What became of one sample."""

    entry: str
    sample: int
    verdict: str
    reason: str = ""


def name_of(info: Any) -> str:
    """The entry's name as PyTorch's own tests write it."""
    return f"{info.name}.{info.variant_test_name}" if info.variant_test_name else info.name


def entries() -> list[Any]:
    """The entries that PyTorch says it can differentiate in float64 on the CPU."""
    import torch
    from torch.testing._internal.common_methods_invocations import op_db

    return [one for one in op_db if one.supports_autograd and torch.float64 in one.supported_backward_dtypes("cpu")]


def samples(info: Any, most: int | None) -> Iterator[Any]:
    """Its first samples, drawn from a fixed seed."""
    import torch

    torch.manual_seed(SEED)
    np.random.seed(SEED)  # some samples draw from it
    return itertools.islice(info.sample_inputs("cpu", torch.float64, requires_grad=True), most)


class Projected:
    """A function of the leaves of a sample: to the gradients of a random projection of the outputs, and the outputs."""

    def __init__(self, info: Any, sample: Any) -> None:
        import torch
        from torch.utils._pytree import tree_flatten

        self.info, self.sample = info, sample
        self.flat, self.structure = tree_flatten((sample.input, sample.args, sample.kwargs))
        self.places = [
            place for place, one in enumerate(self.flat) if isinstance(one, torch.Tensor) and one.requires_grad
        ]
        self.weights: list[Any] = []

    def leaves(self) -> list[Any]:
        """Fresh leaves with the numbers of the sample."""
        return [self.flat[place].detach().clone().requires_grad_() for place in self.places]

    def outputs(self, leaves: Sequence[Any]) -> list[Any]:
        """The differentiable outputs, as PyTorch's own gradient tests take them."""
        import torch
        from torch.utils._pytree import tree_leaves, tree_unflatten

        torch.manual_seed(SEED)
        flat = list(self.flat)
        for place, leaf in zip(self.places, leaves, strict=True):
            flat[place] = leaf
        first, arguments, keywords = tree_unflatten(flat, self.structure)
        made = self.sample.output_process_fn_grad(self.info(first, *arguments, **keywords))
        return [one for one in tree_leaves(made) if isinstance(one, torch.Tensor) and one.requires_grad]

    def __call__(self, *leaves: Any) -> dict[str, Any]:
        import torch

        outputs = self.outputs(leaves)
        if not self.weights:
            self.weights = [_weights(one) for one in outputs]
        gradients = torch.autograd.grad(outputs, leaves, self.weights, allow_unused=True)
        shown = {f"gradient {place}": one for place, one in enumerate(gradients) if one is not None}
        return {**shown, **{f"output {place}": one for place, one in enumerate(outputs)}}


def _weights(output: Any) -> Any:
    import torch

    draw = np.random.default_rng(SEED).uniform
    weights = draw(0.5, 1.5, output.shape) + (1j * draw(0.5, 1.5, output.shape) if output.is_complex() else 0)
    return torch.tensor(weights, dtype=output.dtype)


def judged(info: Any, sample: Any, number: int) -> Row:
    """What becomes of a sample."""
    from compare.translation import translate_function

    run, name = Projected(info, sample), name_of(info)
    try:
        own = {key: _array(one) for key, one in run(*run.leaves()).items()} if run.places else {}
    except (RuntimeError, TypeError, NotImplementedError) as error:
        return Row(name, number, "no gradient", _short(f"{type(error).__name__}: {error}"))
    if not any(key.startswith("gradient") for key in own):
        return Row(name, number, "no gradient", "PyTorch returns None for every leaf")
    try:
        result = translate_function(run, tuple(run.leaves())).result
    except Exception as error:  # of one sample: the others are still told
        return Row(name, number, CRASHED, _short(f"{type(error).__name__}: {error}"))
    if result.verdict != "proven":
        return Row(name, number, result.verdict.replace("-", " "), _short(result.reason))
    seen = [one for one in result.observations if one.kind != "tape"]
    if len(seen) != len(own):
        return Row(name, number, WRONG, f"{len(own)} arrays, and compared were {[one.name for one in seen]}")
    for (key, numbers), one in zip(own.items(), seen, strict=True):
        if not _same(one.jax, numbers):
            return Row(name, number, WRONG, f"{key} differs from {one.name}")
    return Row(name, number, "equal")


def _array(tensor: Any) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = tensor.detach().resolve_conj().resolve_neg().numpy(force=True)
    return found.copy()


def _same(shown: Any, numbers: np.ndarray[Any, Any]) -> bool:
    """Whether nested lists are these numbers."""
    from compare.statements import from_number

    found = np.frompyfunc(from_number, 1, 1)(np.array(shown, dtype=object))
    if not numbers.size:
        return np.size(found) == 0  # of an empty array the lists may not say the shape
    found = np.asarray(found, dtype=complex)
    return found.shape == numbers.shape and np.allclose(found, numbers, rtol=RTOL, atol=ATOL, equal_nan=True)


def _short(reason: str) -> str:
    """One line without the place in this file, which says nothing about the op."""
    return re.sub(r"\s+", " ", re.sub(r"\S*(opinfo\.py|function):\d+[:,]?", "", reason)).strip()[:200]


def examined(names: Sequence[str], most: int | None) -> list[Row]:
    """The rows of these entries."""
    import jax
    import torch

    warnings.simplefilter("ignore")  # OpInfo's own samples call what is deprecated
    torch.set_num_threads(1)
    found = []
    for info in entries():
        if name_of(info) in names:
            for number, sample in enumerate(samples(info, most)):
                found.append(judged(info, sample, number))
                if len(found) % KEPT == 0:
                    jax.clear_caches()
    return found


def examined_by_workers(names: Sequence[str], most: int | None, workers: int) -> list[Row]:
    """The same, in several processes, in the order of the table."""
    chunks = [names[at : at + CHUNK] for at in range(0, len(names), CHUNK)]
    context = multiprocessing.get_context("spawn")  # forking after JAX started deadlocks
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        found = [row for rows in pool.map(examined, chunks, itertools.repeat(most)) for row in rows]
    return sorted(found, key=lambda row: (row.entry, row.sample))


# ---- the table ----


def read_table() -> list[Row]:
    """The committed rows."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        return [
            Row(entry, int(sample), verdict, reason) for entry, sample, verdict, reason in list(csv.reader(file))[1:]
        ]


def write_table(rows: Sequence[Row]) -> None:
    """Replace the committed rows."""
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow([field.name for field in fields(Row)])
        lines.writerows(map(astuple, rows))


def totals(rows: Sequence[Row]) -> str:
    """One line: how many samples of how many entries came to each verdict."""
    differentiated = [row for row in rows if row.verdict != "no gradient"]
    counts = collections.Counter(row.verdict for row in differentiated)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    number = len({row.entry for row in differentiated})
    bad = ", ".join(f"{counts[word]} {word}" for word in (WRONG, CRASHED))
    return f"{len(differentiated)} samples of {number} entries: {told}; {bad}"


def departures(rows: Sequence[Row], against: Sequence[Row]) -> list[str]:
    """What differs from the table, a line each; only the verdicts count, a reason may be worded anew."""
    before = {(row.entry, row.sample): row.verdict for row in against}
    now = {(row.entry, row.sample): row for row in rows}
    told = [
        f"{entry} [{sample}]: {now[entry, sample].verdict}, and the table says {before.get((entry, sample), 'nothing')}"
        f"{now[entry, sample].reason and ': ' + now[entry, sample].reason}"
        for entry, sample in now
        if now[entry, sample].verdict != before.get((entry, sample))
    ]
    return told + [f"{entry} [{sample}]: missing" for entry, sample in before if (entry, sample) not in now]


def main() -> int:
    """Examine, print the totals, and tell what differs from the table."""
    asked = argparse.ArgumentParser(description="Translate the samples of PyTorch's op database and compare gradients.")
    asked.add_argument("entries", nargs="*", metavar="ENTRY", help="only these, with their reasons")
    asked.add_argument("--all", action="store_true", help="every sample, not only the first two; no table")
    asked.add_argument("--write", action="store_true", help="replace the table by what was found")
    asked.add_argument("-j", "--workers", type=int, default=2, metavar="N")
    given = asked.parse_args()
    known = [name_of(info) for info in entries()]
    for name in given.entries:
        if name not in known:
            asked.error(f"no entry {name!r}; nearest: {', '.join(difflib.get_close_matches(name, known)) or 'none'}")
    started = time.perf_counter()
    rows = examined_by_workers(given.entries or known, None if given.all else FIRST, given.workers)
    print(totals(rows), f"({time.perf_counter() - started:.0f} s)")
    if given.entries or given.all:
        for row in rows:
            if given.entries or row.verdict not in ("equal", "no gradient"):
                print(f"{row.entry} [{row.sample}]: {row.verdict}{row.reason and ': ' + row.reason}")
        return int(any(row.verdict in (WRONG, CRASHED) for row in rows))
    if given.write:
        write_table(rows)
        return int(any(row.verdict in (WRONG, CRASHED) for row in rows))
    told = departures(rows, read_table())
    print("\n".join(told) if told else f"as {TABLE.name} has it")
    return int(bool(told))


if __name__ == "__main__":
    import conftest  # noqa: F401  # sets what the tests run under, which hold this table

    sys.exit(main())
