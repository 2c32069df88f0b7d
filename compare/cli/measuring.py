"""`sweep`, `drift` and `conventions`: what the installed frameworks answer, against what is pinned or declared."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from compare.cli.exit_codes import AS_DECLARED, CRASHED, DEPARTED
from compare.cli.options import CACHED, output_options, with_options, workers_option
from compare.cli.output import Output, complain
from compare.cli.resources import cache_of, progress
from compare.errors import UsageError
from compare.report import FORMATS

if TYPE_CHECKING:
    from compare.conventions import Convention
    from compare.results import ConventionResult
    from compare.sweep.findings import Swept

__all__ = ["conventions", "drift", "observe_entries", "sweep"]

OPS_WORTH_A_PROCESS = 8


# ---- sweep, drift ----

_SWEEP_OPTIONS = [
    click.option(
        "--dtype",
        "dtypes",
        type=click.Choice(["float64", "float32"]),
        multiple=True,
        default=("float64", "float32"),
        help="Only this precision; both without it.",
    ),
    workers_option("2"),
    CACHED,
]


@click.command("sweep")
@click.argument("names", nargs=-1, metavar="[OP...]")
@click.option("--pin", is_flag=True, help="Pin what is found, in both precisions.")
@with_options(_SWEEP_OPTIONS)
@output_options("full", "concise", "json", "markdown", "github")
def sweep(
    output: Output, names: tuple[str, ...], pin: bool, dtypes: tuple[str, ...], workers: int, cached: bool
) -> int:
    """Compare ops where frameworks part: at kinks, ties, bounds, singular matrices, and what is not finite.

    Points are generated from the row of each op. Each answer is judged by exact one-sided derivatives, and what differs
    is compared with what is pinned: a difference that is new, gone or changed makes the exit code 1.
    """
    from compare.report.swept import SweepReport, render_sweep
    from compare.sweep.pinned import departures, pinned_with, read_pinned, write_pinned

    output.check()
    if pin and len(dtypes) < 2:
        raise UsageError("--pin needs both precisions; leave out --dtype.")
    pinned = read_pinned()
    swept, lost = _swept(output, names, dtypes, workers, cached)
    if pin:
        from compare.ops import OPS
        from compare.runs import environment

        versions = environment()
        pinned = pinned_with(pinned, swept, versions.torch, versions.jax, OPS)
        write_pinned(pinned)
    departed = departures(pinned, swept, dtypes)
    output.deliver(render_sweep(output.format, SweepReport(swept, departed, output.width, output.verbosity)))
    return CRASHED if lost else DEPARTED if departed else AS_DECLARED


def _swept(
    output: Output, names: tuple[str, ...], dtypes: tuple[str, ...], workers: int, cached: bool
) -> tuple[list[Swept], bool]:
    """Sweep the ops named, or all of them. Raises ProgramError for an unknown one.

    Returns: the sweeps that ended, and whether one was lost.
    """
    from compare.checks import find_op
    from compare.ops import OPS
    from compare.sweep.running import sweep_ops

    chosen = [find_op(name).name for name in dict.fromkeys(names)] or list(OPS)
    processes = min(workers or (os.cpu_count() or 1), -(-len(chosen) // OPS_WORTH_A_PROCESS))
    with progress(len(chosen), output) as advance:
        swept = sweep_ops(
            chosen,
            dtypes,
            workers=max(1, processes),
            cache=cache_of(output) if cached else None,
            on_op=lambda swept: advance(swept.op, "swept", sum(swept.seconds.values())),
        )
    lost = [one for one in swept if one.lost]
    for one in lost:
        complain(f"the sweep of {one.op} was lost: {one.lost}")
    return [one for one in swept if not one.lost], bool(lost)


@click.command("drift")
@click.argument("names", nargs=-1, metavar="[OP...]")
@with_options(_SWEEP_OPTIONS)
@output_options("markdown", "json", "github")
def drift(output: Output, names: tuple[str, ...], dtypes: tuple[str, ...], workers: int, cached: bool) -> int:
    """Tell what the installed releases change against the pinned ones.

    Sweeps the ops named, or all of them and the ledger of conventions, and tells every pinned difference that changed
    or is gone, and every new one: a table for the pull request that upgrades a framework. Exit code 1 when anything
    pinned changed; what is new fails nothing.
    """
    from compare.report.drifted import DRIFT_FORMATS, Drift, drift_of
    from compare.runs import environment
    from compare.sweep.pinned import departures, read_pinned

    output.check()
    pinned = read_pinned()
    swept, lost = _swept(output, names, dtypes, workers, cached)
    ledger = () if names else observe_entries(output, None, workers, cached)
    installed = environment()
    ops = {one.op for one in swept}
    drift = Drift(
        {"torch": pinned.torch, "jax": pinned.jax},
        {"torch": installed.torch, "jax": installed.jax},
        len(swept),
        sum(one.points for one in swept),
        sum(one.op in ops for one in pinned.differences),
        drift_of(departures(pinned, swept, dtypes)),
        len(ledger),
        {one.id: one.departures for one in ledger if not one.holds},
    )
    output.deliver(DRIFT_FORMATS[output.format](drift))
    return CRASHED if lost else DEPARTED if drift.fails else AS_DECLARED


# ---- conventions ----


@click.command("conventions")
@click.argument("names", nargs=-1, metavar="[CONVENTION...]")
@click.option("--reproducer", is_flag=True, help="Print a script for a bug report.")
@workers_option("2")
@CACHED
@output_options(*FORMATS)
def conventions(output: Output, names: tuple[str, ...], reproducer: bool, workers: int, cached: bool) -> int:
    """List where gradients differ by convention, by default or by mistake, and where they agree; or explain entries.

    Every entry is measured on both frameworks, in both precisions, and held against what it declares: an entry that
    stops being true makes the exit code 1. So do its remedies, which are code that has the other framework's gradient.
    """
    from compare.conventions import find_convention

    output.check()
    chosen = [find_convention(name) for name in dict.fromkeys(names)]
    if reproducer:
        from compare.conventions.reproducer import reproducer as script_of

        if len(chosen) != 1:
            raise UsageError("--reproducer prints the script of one convention; name it.")
        if output.format != "full":
            raise UsageError(f"--reproducer prints the script itself; it has no {output.format} form.")
        output.deliver(script_of(chosen[0]))
        return AS_DECLARED
    from compare.report.ledger import LedgerReport, render_ledger

    observed = observe_entries(output, chosen or None, workers, cached)
    report = LedgerReport(observed, bool(chosen), output.width, output.verbosity)
    output.deliver(render_ledger(output.format, report))
    return AS_DECLARED if all(one.holds for one in observed) else DEPARTED


def observe_entries(
    output: Output, entries: Sequence[Convention] | None, workers: int, cached: bool
) -> tuple[ConventionResult, ...]:
    """Observe these entries of the ledger, or all of them."""
    from compare import ledger
    from compare.conventions import CONVENTIONS

    chosen = list(CONVENTIONS.values()) if entries is None else list(entries)
    processes = min(workers or (os.cpu_count() or 1), -(-len(chosen) // ledger.ENTRIES_OF_A_JOB))
    with progress(len(chosen), output) as advance:
        return ledger.observe(
            chosen,
            workers=processes,
            cache=cache_of(output) if cached else None,
            on_result=lambda one: advance(one.id, one.verdict, 0.0),
        )
