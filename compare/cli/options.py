"""The options that several commands share."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from compare.cli.output import Output
from compare.errors import UsageError

__all__ = ["CACHED", "PROGRAM_OPTIONS", "global_options", "output_options", "with_options", "workers_option"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


# ---- on every command ----


def global_options(formats: Sequence[str], *, in_front: bool) -> list[Callable[[Any], Any]]:
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


def with_options(options: Sequence[Callable[[Any], Any]]) -> Callable[[_Command], _Command]:
    """A decorator that declares options in the order in which the help lists them."""

    def decorate(command: _Command) -> _Command:
        return functools.reduce(lambda declared, option: option(declared), reversed(options), command)

    return decorate


def output_options(*formats: str) -> Callable[[_Command], _Command]:
    """The global options after a command, which receives them as one `Output`."""

    def decorate(command: _Command) -> _Command:
        @functools.wraps(command)
        def wrapped(quiet: int, verbose: int, **options: Any) -> Any:
            given = {name: options.pop(name) for name in ("format", "path", "force", "color", "cases")}
            output = Output(verbosity=verbose - quiet, **given)
            if output.path is None and sys.stdout is None:
                raise UsageError("Standard output is closed. Open it, or name a file with -o.")
            return command(output=output, **options)

        return with_options(global_options(formats, in_front=False))(wrapped)  # type: ignore[return-value]  # click calls it

    return decorate


# ---- on what runs programs ----


class _Workers(click.ParamType[int]):
    """A number of processes; 0 stands for `auto`."""

    name = "workers"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        if value == "auto":
            return 0
        if not re.fullmatch("[1-9][0-9]{0,2}", str(value)):
            self.fail(f"'{value}' is neither a number of processes from 1 to 999 nor 'auto'.", parameter, context)
        return int(value)


def workers_option(default: str) -> Callable[[Any], Any]:
    """The option -j, which gives a command `workers`: a number, or 0 for `auto`."""
    return click.option(
        "-j",
        "workers",
        type=_Workers(),
        metavar="N|auto",
        default=default,
        show_default=default != "auto",
        help="Processes; auto: one per core.",
    )


CACHED = click.option(
    "--no-cache", "cached", is_flag=True, default=True, flag_value=False, help="Compile everything anew."
)
PROGRAM_OPTIONS = [
    click.option(
        "--dtype",
        type=click.Choice(["float64", "float32"]),
        default="float64",
        show_default=True,
        help="Precision of the legs.",
    ),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of random data."),
]
