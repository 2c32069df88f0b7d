"""`list`, `show` and `explain`: what there is to read before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from compare.cli.exit_codes import AS_DECLARED, BAD_INPUT
from compare.cli.options import PROGRAM_OPTIONS, output_options, with_options
from compare.cli.output import Output, narrate
from compare.cli.resources import catalogue_of
from compare.errors import UsageError, shown_path

if TYPE_CHECKING:
    from compare.cases import Case
    from compare.runner import Prepared, PreparedDemonstration
    from compare.sources import Source

__all__ = ["explain", "list_cases", "show"]


@click.command("list")
@output_options("full", "concise", "json", "markdown")
def list_cases(output: Output) -> int:
    """List the cases: id, chapter and title."""
    output.check()
    catalogue = catalogue_of(output)
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
        output.deliver_rows(("case", "chapter", "title"), rows)
    return BAD_INPUT if catalogue.failures else AS_DECLARED


@click.command("show")
@click.argument("name", metavar="CASE")
@click.option("--code", type=click.Choice(["torch", "jax", "naive"]), help="Print only that program, ready to run.")
@with_options(PROGRAM_OPTIONS)
@output_options("full", "json", "markdown")
def show(output: Output, name: str, code: str | None, dtype: str, seed: int) -> int:
    """Show a case, its PyTorch and its JAX, side by side; then its naive port."""
    output.check()
    if code is not None and output.format != "full":
        raise UsageError(f"--code prints the program itself; it has no {output.format} form.")
    catalogue = catalogue_of(output)
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


def _deliver_source(output: Output, source: Source) -> None:
    """A script, and beside it the data it loads."""
    if source.arrays and output.path is None:
        narrate(f"This script loads {source.data_name}; with -o PATH both are written.")
    elif source.arrays and output.path is not None:
        output.write_data(output.path.parent / source.data_name, source.packed())
    output.deliver(source.text)


@click.command("explain")
@click.argument("name", metavar="[CONCEPT]", required=False)
@output_options("full", "concise", "json", "markdown")
def explain(output: Output, name: str | None) -> int:
    """Explain a concept, and name the cases that show it.

    What PyTorch does, what JAX does, why they differ, and what to write. Without CONCEPT: the map of all concepts,
    silent differences first.
    """
    from compare.concepts import CONCEPTS, find_concept
    from compare.report.explanation import ConceptMap, Explanation

    output.check()
    concept = None if name is None else find_concept(name)
    catalogue = catalogue_of(output)
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
