"""The command line. Results go to stdout, narration to stderr.

`entrance` has the group `cli`, `options` and `output` what every command shares; each other module has commands.
Everything that is slow to import is imported inside the command that needs it: `list`, `explain` and `--help` import
neither framework.
"""

from __future__ import annotations

from compare.cli.entrance import cli
from compare.cli.measuring import conventions, drift, sweep
from compare.cli.reading import explain, list_cases, show
from compare.cli.running import run, run_all
from compare.cli.stored import env, report
from compare.cli.translating import translate

__all__ = ["cli"]

# The help lists them in this order.
for _command in (run_all, run, sweep, drift, conventions, list_cases, show, explain, translate, report, env):
    cli.add_command(_command)
