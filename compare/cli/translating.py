"""`translate`: PyTorch code, run once, as the JAX program that computes the same gradients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from compare.cli.exit_codes import AS_DECLARED, BAD_INPUT, CRASHED, DEPARTED
from compare.cli.options import output_options
from compare.cli.output import Output, narrate
from compare.errors import UsageError

if TYPE_CHECKING:
    from compare.results import Translation

__all__ = ["translate"]

PRINTED_LINES, PRINTED_COLUMNS = 20, 400


@click.command("translate")
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
@output_options("full", "json", "markdown", "html")
def translate(
    output: Output,
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
            narrate(f"This script loads {reply.data_name}; with -o PATH both are written.")
        elif reply.data and output.path is not None:
            data = output.path.parent / reply.data_name
            if data.resolve() == output.path.resolve():
                raise UsageError(f"-o {output.path} is where the data of the script goes; name another file.")
            output.write_data(data, reply.data)
        text = result.torch if as_torch else result.jax
        output.deliver(text if result.verdict == "proven" else _unproven(result) + text)
    if output.path is not None:
        click.echo(said, nl=False)
    else:
        narrate(said.rstrip("\n"))
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
