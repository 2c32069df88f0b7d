"""The command line. Results go to stdout, narration to stderr.

Everything that is slow to import is imported inside the command that needs it: `list`, `explain` and `--help` import
neither framework.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from compare.errors import CompareError, UsageError, nearest, shown_path
from compare.report import FORMATS, SITE

if TYPE_CHECKING:
    from compare.cases import Case, Catalogue
    from compare.conventions import Convention
    from compare.report import Report
    from compare.results import CaseResult, ConventionResult, Translation
    from compare.runner import Prepared, PreparedDemonstration
    from compare.sources import Source
    from compare.sweep.findings import Swept

__all__ = ["cli"]

AS_DECLARED, DEPARTED, BAD_INPUT, CRASHED, NOTHING_SELECTED, INTERRUPTED = 0, 1, 2, 3, 5, 130
CASES_WORTH_A_PROCESS, OPS_WORTH_A_PROCESS = 16, 8
PRINTED_LINES, PRINTED_COLUMNS = 20, 400
_Command = TypeVar("_Command", bound=Callable[..., Any])


# ---- the entrance: errors become exit codes ----


class _Commands(click.Group):
    """A group that answers every error with a message and the exit code of its kind."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(f"Unknown command '{args[0]}'.{nearest(args[0], self.commands)}", ctx)
        return super().resolve_command(ctx, args)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """The whole program. At its end all is written, and the interpreter would answer Ctrl-C with a traceback."""
        try:
            return super().__call__(*arguments, **options)
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    # click overloads `main` by what it returns; one signature stands for both.
    def main(  # type: ignore[override]
        self, args: Any = None, prog_name: Any = None, standalone_mode: bool = True, **extra: Any
    ) -> Any:
        try:
            code = super().main(args, prog_name, standalone_mode=False, **extra)
        except click.ClickException as error:
            error.show()
            code = BAD_INPUT
        except CompareError as error:
            _complain(str(error))
            code = BAD_INPUT
        except (click.Abort, KeyboardInterrupt):
            _narrate("Interrupted.")
            code = INTERRUPTED
        except (Exception, SystemExit):
            import traceback

            # An exit code is decided here alone: a case or a framework that calls sys.exit does not choose it.
            _complain(f"this is a mistake in compare itself.\n{traceback.format_exc()}")
            code = CRASHED
        if standalone_mode:
            sys.exit(code)
        return code


def _narrate(message: str) -> None:
    click.echo(message, err=True)


def _complain(message: str) -> None:
    from compare.report.wording import visible_lines

    _narrate("Error: " + "\n".join(visible_lines(message)))


# ---- options that every command shares ----


@dataclass(frozen=True)
class _Output:
    """Where and how a command writes its result, and where the cases are."""

    format: str
    path: Path | None
    force: bool
    color: str
    verbosity: int
    cases: Path | None

    def check(self) -> None:
        """Refuse a target that must not or cannot be written, before any work is done. Raises UsageError."""
        if self.path is not None:
            from compare.report.files import check_target

            check_target(self.path, force=self.force)

    def check_site(self) -> None:
        """Make the folder of a site, or refuse one that must not or cannot be written into. Raises UsageError."""
        from compare.report.files import check_folder

        check_folder(self.site_folder(), force=self.force)

    def site_folder(self) -> Path:
        """The folder that a site goes into. Raises UsageError where none is named."""
        if self.path is None:
            raise UsageError(f"--output-format {SITE} writes a folder of pages; name it with -o DIR.")
        return self.path

    def deliver_site(self, files: Mapping[str, bytes]) -> None:
        """Write the pages of a site. Raises UsageError."""
        from compare.report.folder import write_folder

        write_folder(files, self.site_folder(), force=True)
        self.narrate(f"Wrote {len(files)} files. The first page is {self.site_folder() / 'index.html'}.")

    @property
    def _on_terminal(self) -> bool:
        return self.path is None and sys.stdout.isatty()

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None when the result goes elsewhere and must not be wrapped."""
        return shutil.get_terminal_size().columns if self._on_terminal else None

    @property
    def colored(self) -> bool:
        if self.color != "auto":
            return self.color == "always"
        return self._on_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def deliver(self, text: str) -> None:
        """Write a result, byte for byte. Raises UsageError."""
        content = text.encode("utf-8", "backslashreplace")
        if self.path is not None:
            from compare.report.files import write

            write(self.path, content)
            self.narrate(f"Wrote {self.path}.")
            return
        try:
            click.echo(content, nl=False)
        except BrokenPipeError:
            # The reader has seen enough. Nothing else may complain when the interpreter flushes at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OSError as error:
            raise UsageError(f"Standard output cannot be written: {error.strerror}.") from error

    def deliver_json(self, content: Any) -> None:
        self.deliver(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def narrate(self, message: str) -> None:
        if self.verbosity >= 0:
            _narrate(message)


def _global_options(formats: Sequence[str], *, in_front: bool) -> list[Callable[[Any], Any]]:
    """The global options. In front of the command each is None unless given, so that it replaces no default."""

    def option(*names: str, default: Any, **settings: Any) -> Callable[[Any], Any]:
        shown = isinstance(default, str) and not in_front
        return click.option(*names, default=None if in_front else default, show_default=shown, **settings)

    path, color = click.Path(path_type=Path), click.Choice(["auto", "always", "never"])
    written = "How to write the result."
    return [
        option("--output-format", "format", default=formats[0], type=click.Choice(formats), help=written),
        option("-o", "path", default=None, type=path, metavar="PATH", help="Write the result to a file."),
        option("--force", default=False, is_flag=True, help="Replace what is there already."),
        option("--color", default="auto", type=color, help="When to use colour."),
        option("-q", "--quiet", default=0, count=True, help="Say less."),
        option("-v", "--verbose", default=0, count=True, help="Say more."),
        option("--cases", default=None, type=path, metavar="DIR", help="Directory of cases."),
    ]


def _with(options: Sequence[Callable[[Any], Any]]) -> Callable[[_Command], _Command]:
    """A decorator that declares options in the order in which the help lists them."""

    def decorate(command: _Command) -> _Command:
        return functools.reduce(lambda declared, option: option(declared), reversed(options), command)

    return decorate


def _output_options(*formats: str) -> Callable[[_Command], _Command]:
    """The global options after a command, which receives them as one `_Output`."""

    def decorate(command: _Command) -> _Command:
        @functools.wraps(command)
        def wrapped(quiet: int, verbose: int, **options: Any) -> Any:
            given = {name: options.pop(name) for name in ("format", "path", "force", "color", "cases")}
            output = _Output(verbosity=verbose - quiet, **given)
            if output.path is None and sys.stdout is None:
                raise UsageError("Standard output is closed. Open it, or name a file with -o.")
            return command(output=output, **options)

        return _with(_global_options(formats, in_front=False))(wrapped)  # type: ignore[return-value]  # click calls it

    return decorate


def _version(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if asked:
        import compare

        click.echo(f"compare {compare.__version__}")
        context.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@_with(_global_options([*FORMATS, SITE], in_front=True))
@click.pass_context
def cli(context: click.Context, /, **given: Any) -> None:
    """Run one computation as PyTorch, as JAX and exactly, and compare what each of them shows.

    The options here may also follow the command. Exit codes: 0 all as declared, 1 not as declared, 2 bad input,
    3 crash, 5 no case selected, 130 interrupted.
    """
    defaults = {name: option for name, option in given.items() if option is not None}
    context.default_map = dict.fromkeys(cli.commands, defaults)


# ---- all, run ----


class _Workers(click.ParamType[int]):
    """A number of processes; 0 stands for `auto`."""

    name = "workers"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        if value == "auto":
            return 0
        if not re.fullmatch("[1-9][0-9]{0,2}", str(value)):
            self.fail(f"'{value}' is neither a number of processes from 1 to 999 nor 'auto'.", parameter, context)
        return int(value)


def _workers_option(default: str) -> Callable[[Any], Any]:
    return click.option(
        "-j",
        "workers",
        type=_Workers(),
        metavar="N|auto",
        default=default,
        show_default=default != "auto",
        help="Processes; auto: one per core.",
    )


_CACHED = click.option(
    "--no-cache", "cached", is_flag=True, default=True, flag_value=False, help="Compile everything anew."
)
_PROGRAM_OPTIONS = [
    click.option(
        "--dtype",
        type=click.Choice(["float64", "float32"]),
        default="float64",
        show_default=True,
        help="Precision of the legs.",
    ),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of random data."),
]
_RUN_OPTIONS = [
    click.option("-k", "expression", metavar="EXPR", help="Only cases that match: 'grad and not hook'."),
    click.option("-x", "stop_at_first", is_flag=True, help="Stop at the first case not as declared."),
    *_PROGRAM_OPTIONS,
    _workers_option("auto"),
    click.option(
        "--timeout",
        "limit",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        default=60.0,
        show_default=True,
        help="Time limit of each case.",
    ),
    _CACHED,
]


@cli.command("all")
@_with(_RUN_OPTIONS)
@_output_options(*FORMATS, SITE)
def _all(output: _Output, **options: Any) -> int:
    """Run every case, and the ledger of conventions."""
    # The ledger belongs to the cases that come along, and is no part of a selection.
    with_ledger = output.cases is None and options["expression"] is None
    return _run_cases(output, (), **options, with_ledger=with_ledger)


@cli.command("run")
@click.argument("names", nargs=-1, metavar="CASE...")
@_with(_RUN_OPTIONS)
@_output_options(*FORMATS, SITE)
def _run(output: _Output, names: tuple[str, ...], **options: Any) -> int:
    """Run the cases named, or those that -k selects."""
    if not names and options["expression"] is None:
        _narrate("No case selected. Name cases, or give -k; `python -m compare all` runs every case.")
        return NOTHING_SELECTED
    return _run_cases(output, names, **options)


def _run_cases(
    output: _Output,
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
    catalogue = _catalogue(output)
    chosen = list(dict.fromkeys(catalogue.find(name) for name in names)) if names else list(catalogue.cases)
    chosen = [case for case in chosen if selects is None or selects(case)]
    if not chosen:
        _narrate("No case selected.")
        return BAD_INPUT if catalogue.failures else NOTHING_SELECTED
    if output.format == SITE:
        output.check_site()

    from compare import runs
    from compare.report import Place, Report, render

    finished: dict[str, CaseResult] = {}
    interrupted = False
    workers = workers or _worth_starting(len(chosen))
    if output.verbosity > 0:
        _narrate(f"Running {len(chosen)} of {len(catalogue.cases)} cases in {dtype}, {workers} at a time.")
    with _progress(len(chosen), output) as advance:

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
                cache=_cache(output) if cached else None,
                on_result=on_result,
            )
            if with_ledger and len(done.cases) == len(chosen):
                done = runs.with_conventions(done, _observed(output, None, workers, cached))
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
        _narrate(f"Interrupted: {len(done.cases)} of {len(chosen)} cases had finished.")
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


def _cache(output: _Output) -> Path | None:
    from compare.cache import cache_directory

    directory = cache_directory()
    if directory is None:
        output.narrate("There is no directory to keep compiled programs in. COMPARE_CACHE_DIR names one.")
    return directory


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


@contextmanager
def _progress(total: int, output: _Output) -> Iterator[Callable[[str, str, float], None]]:
    """A bar on a terminal; lines when verbose; otherwise nothing. Told of each: its id, how it ended, its seconds."""
    if output.verbosity > 0:
        yield lambda id, ended, seconds: _narrate(f"{ended}: {id} ({seconds:.2f} s)")
        return
    if output.verbosity < 0 or sys.stderr is None or not sys.stderr.isatty():
        yield lambda id, ended, seconds: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    console = Console(stderr=True, color_system="standard" if output.colored else None)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda id, ended, seconds: bar.update(task, advance=1, description=id)


def _catalogue(output: _Output) -> Catalogue:
    """The cases. Says on stderr which files or cases could not be loaded."""
    from compare.cases import find_directory, load_cases

    catalogue = load_cases(find_directory(output.cases))
    for failure in catalogue.failures:
        _complain(failure.message)
    return catalogue


# ---- sweep ----

_SWEEP_OPTIONS = [
    click.option(
        "--dtype",
        "dtypes",
        type=click.Choice(["float64", "float32"]),
        multiple=True,
        default=("float64", "float32"),
        help="Only this precision; both without it.",
    ),
    _workers_option("2"),
    _CACHED,
]


@cli.command("sweep")
@click.argument("names", nargs=-1, metavar="[OP...]")
@click.option("--pin", is_flag=True, help="Pin what is found, in both precisions.")
@_with(_SWEEP_OPTIONS)
@_output_options("full", "concise", "json", "markdown", "github")
def _sweep(
    output: _Output, names: tuple[str, ...], pin: bool, dtypes: tuple[str, ...], workers: int, cached: bool
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
    swept = _swept(output, names, dtypes, workers, cached)
    lost = any(one.lost for one in swept)
    swept = [one for one in swept if not one.lost]
    if pin:
        from compare.ops import OPS
        from compare.runs import environment

        versions = environment()
        pinned = pinned_with(pinned, swept, versions.torch, versions.jax, OPS)
        write_pinned(pinned)
    departed = departures(pinned, swept, dtypes)
    output.deliver(render_sweep(output.format, SweepReport(swept, departed, output.width, output.verbosity)))
    return CRASHED if lost else DEPARTED if departed else AS_DECLARED


def _swept(output: _Output, names: tuple[str, ...], dtypes: tuple[str, ...], workers: int, cached: bool) -> list[Swept]:
    """Sweep the ops named, or all of them. Raises ProgramError for an unknown one."""
    from compare.checks import find_op
    from compare.ops import OPS
    from compare.sweep.running import sweep_ops

    chosen = [find_op(name).name for name in dict.fromkeys(names)] or list(OPS)
    processes = min(workers or (os.cpu_count() or 1), -(-len(chosen) // OPS_WORTH_A_PROCESS))
    with _progress(len(chosen), output) as advance:
        swept = sweep_ops(
            chosen,
            dtypes,
            workers=max(1, processes),
            cache=_cache(output) if cached else None,
            on_op=lambda swept: advance(swept.op, "swept", sum(swept.seconds.values())),
        )
    for one in swept:
        if one.lost:
            _complain(f"the sweep of {one.op} was lost: {one.lost}")
    return swept


@cli.command("drift")
@click.argument("names", nargs=-1, metavar="[OP...]")
@_with(_SWEEP_OPTIONS)
@_output_options("markdown", "json", "github")
def _drift(output: _Output, names: tuple[str, ...], dtypes: tuple[str, ...], workers: int, cached: bool) -> int:
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
    swept = _swept(output, names, dtypes, workers, cached)
    lost = any(one.lost for one in swept)
    swept = [one for one in swept if not one.lost]
    ledger = () if names else _observed(output, None, workers, cached)
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


@cli.command("conventions")
@click.argument("names", nargs=-1, metavar="[CONVENTION...]")
@click.option("--reproducer", is_flag=True, help="Print a script for a bug report.")
@_workers_option("2")
@_CACHED
@_output_options(*FORMATS)
def _conventions(output: _Output, names: tuple[str, ...], reproducer: bool, workers: int, cached: bool) -> int:
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

    observed = _observed(output, chosen or None, workers, cached)
    report = LedgerReport(observed, bool(chosen), output.width, output.verbosity)
    output.deliver(render_ledger(output.format, report))
    return AS_DECLARED if all(one.holds for one in observed) else DEPARTED


def _observed(
    output: _Output, entries: Sequence[Convention] | None, workers: int, cached: bool
) -> tuple[ConventionResult, ...]:
    """Observe these entries of the ledger, or all of them."""
    from compare import ledger
    from compare.conventions import CONVENTIONS

    chosen = list(CONVENTIONS.values()) if entries is None else list(entries)
    processes = min(workers or (os.cpu_count() or 1), -(-len(chosen) // ledger.ENTRIES_OF_A_JOB))
    with _progress(len(chosen), output) as advance:
        return ledger.observe(
            chosen,
            workers=processes,
            cache=_cache(output) if cached else None,
            on_result=lambda one: advance(one.id, one.verdict, 0.0),
        )


# ---- list, show, explain ----


@cli.command("list")
@_output_options("full", "concise", "json", "markdown")
def _list(output: _Output) -> int:
    """List the cases: id, chapter and title."""
    output.check()
    catalogue = _catalogue(output)
    rows = [(case.id, case.chapter, case.title) for case in catalogue.cases]
    if output.format == "json":
        output.deliver_json(
            [
                {"id": case.id, "chapter": case.chapter, "title": case.title, "kind": case.kind}
                for case in catalogue.cases
            ]
        )
    elif output.format == "concise":
        output.deliver("".join(f"{row[0]}\n" for row in rows))
    else:
        _deliver_rows(output, ("case", "chapter", "title"), rows)
    return BAD_INPUT if catalogue.failures else AS_DECLARED


def _deliver_rows(output: _Output, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    if output.format == "markdown":
        from compare.report.markdown import escaped, table

        output.deliver(table(header, [[escaped(cell) for cell in row] for row in rows]))
    else:
        from compare.report.plain import columns

        output.deliver(columns(list(rows), output.width))


@cli.command("show")
@click.argument("name", metavar="CASE")
@click.option("--code", type=click.Choice(["torch", "jax", "naive"]), help="Print only that program, ready to run.")
@_with(_PROGRAM_OPTIONS)
@_output_options("full", "json", "markdown")
def _show(output: _Output, name: str, code: str | None, dtype: str, seed: int) -> int:
    """Show a case, its PyTorch and its JAX, side by side; then its naive port."""
    output.check()
    if code is not None and output.format != "full":
        raise UsageError(f"--code prints the program itself; it has no {output.format} form.")
    catalogue = _catalogue(output)
    case = catalogue.find(name)
    from compare import runner

    prepared = runner.prepare(case, dtype=dtype, seed=seed)
    if code is not None:
        _deliver_source(output, _code(case, prepared, code))
    elif output.format == "json":
        from msgspec import to_builtins

        naive = prepared.naive.source.text if prepared.naive and prepared.naive.source else None
        sources = {"case": case.source, "torch": prepared.torch.text, "jax": prepared.jax.text, "naive": naive}
        described = {"id": case.id, "chapter": case.chapter, "title": case.title, "kind": case.kind, "dtype": dtype}
        output.deliver_json({**described, "sources": sources, "notes": to_builtins(prepared.notes)})
    elif output.format == "markdown":
        from compare.report.markdown import escaped, fenced

        programs = {case.kind.title(): case.source, "PyTorch": prepared.torch.text, "JAX": prepared.jax.text}
        if prepared.naive and prepared.naive.source:
            programs["Naive port"] = prepared.naive.source.text
        sections = [f"## {title}\n\n{fenced(text)}" for title, text in programs.items()]
        output.deliver("\n".join([f"# {escaped(case.id)}: {escaped(case.title)}\n", *sections]))
    else:
        from compare.report.side_by_side import NARROWEST, side_by_side

        where, quiet = f"{shown_path(case.path)}:{case.line}", output.verbosity < 0
        page = side_by_side(case, prepared, where, width=output.width, color=output.colored, with_notes=not quiet)
        output.deliver(page)
        if output.width is not None and output.width < NARROWEST:
            output.narrate(f"Side by side needs {NARROWEST} columns; this terminal has {output.width}.")
    return BAD_INPUT if catalogue.failures else AS_DECLARED


def _code(case: Case, prepared: Prepared | PreparedDemonstration, code: str) -> Source:
    """The program that --code names. Raises UsageError where the case has none of that name."""
    if code == "naive":
        if prepared.naive is not None and prepared.naive.source is not None:
            return prepared.naive.source
        from compare.naive_port import NOTHING_TO_PORT

        why = NOTHING_TO_PORT if case.kind == "case" else "its JAX is written by hand"
        why = why if prepared.naive is None else prepared.naive.reason
        raise UsageError(f"The {case.kind} '{case.id}' has no naive port: {why}.")
    source = prepared.torch if code == "torch" else prepared.jax
    if not source.text:
        raise UsageError(f"The demonstration '{case.id}' has no {code} snippet: there is nothing to write.")
    return source


def _deliver_source(output: _Output, source: Source) -> None:
    """A script, and beside it the data it loads."""
    if source.arrays and output.path is None:
        _narrate(f"This script loads {source.data_name}; with -o PATH both are written.")
    elif source.arrays and output.path is not None:
        _write_data(output, output.path.parent / source.data_name, source.packed())
    output.deliver(source.text)


def _write_data(output: _Output, path: Path, content: bytes) -> None:
    """Write the data of a script. The two programs of a case load the same: the second finds it there."""
    from compare.report.files import check_target, holds, write

    if not holds(path, content):
        check_target(path, force=output.force)
        write(path, content)


@cli.command("explain")
@click.argument("name", metavar="[CONCEPT]", required=False)
@_output_options("full", "concise", "json", "markdown")
def _explain(output: _Output, name: str | None) -> int:
    """Explain a concept, and name the cases that show it.

    What PyTorch does, what JAX does, why they differ, and what to write. Without CONCEPT: the map of all concepts,
    silent differences first.
    """
    from compare.concepts import CONCEPTS, find_concept
    from compare.report.explanation import ConceptMap, Explanation

    output.check()
    concept = None if name is None else find_concept(name)
    catalogue = _catalogue(output)
    page: ConceptMap | Explanation
    if concept is None:
        page = ConceptMap({id: catalogue.showing(id) for id in CONCEPTS})
    else:
        page = Explanation(concept, catalogue.showing(concept.id))
    if output.format == "json":
        output.deliver_json(page.as_dict())
    elif output.format == "concise":
        output.deliver(page.as_line())
    elif output.format == "markdown":
        output.deliver(page.as_markdown())
    else:
        output.deliver(page.as_text(output.width))
    return BAD_INPUT if catalogue.failures else AS_DECLARED


# ---- translate ----


@cli.command("translate")
@click.argument("script", metavar="FILE.py|FILE.ipynb", type=click.Path(path_type=Path))
@click.option("--unproven", is_flag=True, help="Write the JAX even where it is not proven.")
@click.option("--check", is_flag=True, help="Let the JAX assert every number of the run.")
@click.option("--torch", "as_torch", is_flag=True, help="Print the recorded program as PyTorch.")
@click.option("--torch-conventions", is_flag=True, help="Spell PyTorch's slopes out at all kinks.")
@click.option(
    "--dtype",
    type=click.Choice(["float64", "float32"]),
    default="float64",
    show_default=True,
    help="Default float dtype.",
)
@click.option(
    "--timeout",
    "limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    default=300.0,
    show_default=True,
    help="Time limit of it all.",
)
@_output_options("full", "json", "markdown", "html")
def _translate(
    output: _Output,
    script: Path,
    unproven: bool,
    check: bool,
    as_torch: bool,
    torch_conventions: bool,
    dtype: str,
    limit: float,
) -> int:
    """Run PyTorch code once, and write the JAX program that computes the same gradients.

    The program goes to stdout, or with -o OUT.py into a file; the verdict goes to stderr, or to stdout when the program
    goes into a file. What is not proven is not written, unless --unproven asks for it.

    Exit codes: 0 proven, 1 not proven, 2 refused or the code raised, 3 the code ended its process or took too long.
    """
    from compare.report import translated
    from compare.report.wording import visible
    from compare.translations import Script, translate_apart

    output.check()
    if not script.is_file():
        raise UsageError(f"{script} is not a file.")
    if not str(script).isprintable():
        raise UsageError(f"{str(script)!r}: the name of a script has to be printable text; rename it.")
    if output.path is not None and output.path.resolve() == script.resolve():
        raise UsageError(f"-o {output.path} is the script itself; name another file.")
    reply, printed = translate_apart(Script(str(script), dtype, check, torch_conventions), limit=limit)
    result = reply.result
    assert result is not None
    if printed.strip() and (output.verbosity > 0 or result.verdict == "raised"):
        lines = printed.rstrip().splitlines()[-PRINTED_LINES:]
        output.narrate("\n".join(["The code printed, at last:", *[visible(line[:PRINTED_COLUMNS]) for line in lines]]))
    written = bool(result.jax) and (result.verdict == "proven" or unproven)
    if output.format == "html":
        from compare.report.site import translation_page

        output.deliver(translation_page(result))
        return _translation_code(result)
    if output.format != "full":
        output.deliver(translated.as_json(result) if output.format == "json" else translated.as_markdown(result))
        return _translation_code(result)
    said = translated.as_text(result, width=output.width, color=output.colored, verbosity=output.verbosity)
    if written:
        if reply.data and output.path is None:
            _narrate(f"This script loads {reply.data_name}; with -o PATH both are written.")
        elif reply.data and output.path is not None:
            data = output.path.parent / reply.data_name
            if data.resolve() == output.path.resolve():
                raise UsageError(f"-o {output.path} is where the data of the script goes; name another file.")
            _write_data(output, data, reply.data)
        text = result.torch if as_torch else result.jax
        output.deliver(text if result.verdict == "proven" else _unproven(result) + text)
    if output.path is not None:
        click.echo(said, nl=False)
    else:
        _narrate(said.rstrip("\n"))
    return _translation_code(result)


def _unproven(result: Translation) -> str:
    """The header of a program that is not proven."""
    lines = ["NOT PROVEN: this program does not show what the PyTorch code showed.", *result.reason.splitlines()]
    lines += [f"First difference: {result.divergence}"] if result.divergence else []
    return "".join(f"# {line}\n" for line in lines)


def _translation_code(result: Translation) -> int:
    if result.verdict == "raised" and not result.id:
        return CRASHED
    return {"proven": AS_DECLARED, "not-proven": DEPARTED}.get(result.verdict, BAD_INPUT)


# ---- report, env ----


@cli.command("report")
@click.argument("stored", metavar="RUN.json", type=click.Path(path_type=Path))
@_output_options(*FORMATS, SITE)
def _report(output: _Output, stored: Path) -> int:
    """Render a stored run.

    With -o DIR as a folder of Markdown and JSON pages, or with --output-format html as a site; without, on stdout in
    the format asked for.
    """
    from compare.report import Report, render
    from compare.results import read_run

    if output.format == SITE:
        output.site_folder()
    elif output.path is not None and output.format != "full":
        raise UsageError(
            f"-o DIR writes Markdown and JSON pages, or a site with --output-format {SITE}; "
            f"leave out --output-format {output.format}."
        )
    try:
        content = stored.read_bytes()
    except OSError as error:
        raise UsageError(f"{stored} cannot be read: {error.strerror}.") from error
    with _about(stored):
        shown = Report(read_run(content), width=output.width, color=output.colored, verbosity=output.verbosity)
    if output.format == SITE:
        from compare.report.site import site

        with _about(stored):
            files = site(shown)
        output.check_site()
        output.deliver_site(files)
        return AS_DECLARED
    if output.path is None:
        output.deliver(render(output.format, shown))
        return AS_DECLARED
    from compare.report.folder import pages, write_folder

    with _about(stored):
        files = pages(shown)
    write_folder(files, output.path, force=output.force)
    output.narrate(f"Wrote {len(files)} files into {output.path}.")
    return AS_DECLARED


@contextmanager
def _about(file: Path) -> Iterator[None]:
    """Name the file in what is wrong with it."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error


@cli.command("env")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a stored run.")
@_output_options("full", "json", "markdown")
def _env(output: _Output, schema: bool) -> int:
    """Show the versions in use."""
    output.check()
    if schema:
        from compare.results import json_schema

        output.deliver_json(json_schema())
        return AS_DECLARED
    from msgspec import to_builtins

    from compare import runs

    facts: dict[str, str] = to_builtins(runs.environment())
    if output.format == "json":
        output.deliver_json(facts)
    else:
        _deliver_rows(output, ("name", "version"), list(facts.items()))
    return AS_DECLARED
