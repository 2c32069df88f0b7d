"""`report` and `env`: a stored run, the schema it has, and the versions that a run would have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from compare.cli.exit_codes import AS_DECLARED
from compare.cli.options import output_options
from compare.cli.output import Output
from compare.errors import UsageError
from compare.report import FORMATS, SITE

__all__ = ["env", "report"]


@click.command("report")
@click.argument("stored", metavar="RUN.json", type=click.Path(path_type=Path))
@output_options(*FORMATS, SITE)
def report(output: Output, stored: Path) -> int:
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


@click.command("env")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a stored run.")
@output_options("full", "json", "markdown")
def env(output: Output, schema: bool) -> int:
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
        output.deliver_rows(("name", "version"), list(facts.items()))
    return AS_DECLARED
