"""The entrance: the group of commands, which turns every error into a message and an exit code."""

from __future__ import annotations

import signal
import sys
from typing import Any

import click

from compare.cli.exit_codes import BAD_INPUT, CRASHED, INTERRUPTED
from compare.cli.options import global_options, with_options
from compare.cli.output import complain, narrate
from compare.errors import CompareError, nearest
from compare.report import FORMATS, SITE

__all__ = ["cli"]


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
            complain(str(error))
            code = BAD_INPUT
        except (click.Abort, KeyboardInterrupt):
            narrate("Interrupted.")
            code = INTERRUPTED
        except (Exception, SystemExit):
            import traceback

            # An exit code is decided here alone: a case or a framework that calls sys.exit does not choose it.
            complain(f"this is a mistake in compare itself.\n{traceback.format_exc()}")
            code = CRASHED
        if standalone_mode:
            sys.exit(code)
        return code


def _version(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if asked:
        import compare

        click.echo(f"compare {compare.__version__}")
        context.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@with_options(global_options([*FORMATS, SITE], in_front=True))
@click.pass_context
def cli(context: click.Context, /, **given: Any) -> None:
    """Run one computation as PyTorch, as JAX and exactly, and compare what each of them shows.

    The options here may also follow the command. Exit codes: 0 all as declared, 1 not as declared, 2 bad input,
    3 crash, 5 no case selected, 130 interrupted.
    """
    defaults = {name: option for name, option in given.items() if option is not None}
    context.default_map = dict.fromkeys(cli.commands, defaults)
