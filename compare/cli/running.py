"""`all` and `run`: cases through the legs, and what came out."""

from __future__ import annotations

import os
import shlex
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from compare.cli.exit_codes import AS_DECLARED, BAD_INPUT, CRASHED, DEPARTED, INTERRUPTED, NOTHING_SELECTED
from compare.cli.measuring import observe_entries
from compare.cli.options import CACHED, PROGRAM_OPTIONS, output_options, with_options, workers_option
from compare.cli.output import Output, narrate
from compare.cli.resources import cache_of, catalogue_of, progress
from compare.errors import shown_path
from compare.report import FORMATS, SITE

if TYPE_CHECKING:
    from compare.report import Report
    from compare.results import CaseResult

__all__ = ["run", "run_all"]

CASES_WORTH_A_PROCESS = 16

_RUN_OPTIONS = [
    click.option("-k", "expression", metavar="EXPR", help="Only cases that match: 'grad and not hook'."),
    click.option("-x", "stop_at_first", is_flag=True, help="Stop at the first case not as declared."),
    *PROGRAM_OPTIONS,
    workers_option("auto"),
    click.option(
        "--timeout",
        "limit",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        default=60.0,
        show_default=True,
        help="Time limit of each case.",
    ),
    CACHED,
]


@click.command("all")
@with_options(_RUN_OPTIONS)
@output_options(*FORMATS, SITE)
def run_all(output: Output, **options: Any) -> int:
    """Run every case, and the ledger of conventions."""
    # The ledger belongs to the cases that come along, and is no part of a selection.
    with_ledger = output.cases is None and options["expression"] is None
    return _run_cases(output, (), **options, with_ledger=with_ledger)


@click.command("run")
@click.argument("names", nargs=-1, metavar="CASE...")
@with_options(_RUN_OPTIONS)
@output_options(*FORMATS, SITE)
def run(output: Output, names: tuple[str, ...], **options: Any) -> int:
    """Run the cases named, or those that -k selects."""
    if not names and options["expression"] is None:
        narrate("No case selected. Name cases, or give -k; `python -m compare all` runs every case.")
        return NOTHING_SELECTED
    return _run_cases(output, names, **options)


def _run_cases(
    output: Output,
    names: tuple[str, ...],
    *,
    expression: str | None,
    stop_at_first: bool,
    dtype: str,
    seed: int,
    workers: int,
    limit: float,
    cached: bool,
    with_ledger: bool = False,
) -> int:
    from compare.selection import selector

    if output.format == SITE:
        output.site_folder()
    else:
        output.check()
    selects = None if expression is None else selector(expression)
    catalogue = catalogue_of(output)
    chosen = list(dict.fromkeys(catalogue.find(name) for name in names)) if names else list(catalogue.cases)
    chosen = [case for case in chosen if selects is None or selects(case)]
    if not chosen:
        narrate("No case selected.")
        return BAD_INPUT if catalogue.failures else NOTHING_SELECTED
    if output.format == SITE:
        output.check_site()

    from compare import runs
    from compare.report import Place, Report, render

    finished: dict[str, CaseResult] = {}
    interrupted = False
    workers = workers or _worth_starting(len(chosen))
    if output.verbosity > 0:
        narrate(f"Running {len(chosen)} of {len(catalogue.cases)} cases in {dtype}, {workers} at a time.")
    with progress(len(chosen), output) as advance:

        def on_result(result: CaseResult, printed: str) -> None:
            finished[result.id] = result
            advance(result.id, result.outcome, result.seconds)
            if printed.strip() and (output.verbosity > 0 or result.outcome in ("mismatch", "error")):
                output.narrate(f"{result.id} printed:\n{printed.rstrip()}")

        try:
            done = runs.run_cases(
                chosen,
                dtype=dtype,
                seed=seed,
                workers=workers,
                stop_at_first=stop_at_first,
                limit=limit,
                cache=cache_of(output) if cached else None,
                on_result=on_result,
            )
            if with_ledger and len(done.cases) == len(chosen):
                done = runs.with_conventions(done, observe_entries(output, None, workers, cached))
        except KeyboardInterrupt:
            interrupted = True
            done = runs.assembled([finished[case.id] for case in chosen if case.id in finished])
    again = f" --seed {seed}" if seed else ""
    again += f" --cases {shlex.quote(str(output.cases))}" if output.cases else ""
    report = Report(
        run=done,
        places={case.id: Place(shown_path(case.path), case.line) for case in catalogue.cases},
        failures=catalogue.failures,
        again=again,
        width=output.width,
        color=output.colored,
        verbosity=output.verbosity,
    )
    with _interrupt_held_back() as asked:
        if output.format == SITE:
            from compare.report.site import site

            output.deliver_site(site(report))
        else:
            output.deliver(render(output.format, report))
        interrupted = interrupted or asked()
    if interrupted:
        narrate(f"Interrupted: {len(done.cases)} of {len(chosen)} cases had finished.")
        return INTERRUPTED
    return _exit_code(report)


def _exit_code(report: Report) -> int:
    """The gravest of what happened: a crash, then bad input, then an outcome that is not as declared."""
    faults = {case.fault for case in report.run.cases}
    if "leg" in faults:
        return CRASHED
    if "input" in faults or report.failures:
        return BAD_INPUT
    departed = report.run.summary.mismatch or report.run.summary.error
    return DEPARTED if departed or not all(one.holds for one in report.run.conventions) else AS_DECLARED


def _worth_starting(cases: int) -> int:
    """How many processes are worth starting: importing the frameworks takes each as long as many a case."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, cases // CASES_WORTH_A_PROCESS))


@contextmanager
def _interrupt_held_back() -> Iterator[Callable[[], bool]]:
    """Hold the first Ctrl-C back and yield whether it came; the second interrupts."""
    came = False

    def take(number: int, frame: object) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    usual = signal.getsignal(signal.SIGINT)
    here = threading.current_thread() is threading.main_thread()
    if not here or usual is not signal.default_int_handler:
        yield lambda: False
        return
    signal.signal(signal.SIGINT, take)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGINT, usual)
