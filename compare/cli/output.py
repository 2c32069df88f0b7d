"""Where and how a command writes: its result to stdout or a file, narration to stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from compare.errors import UsageError
from compare.report import SITE

__all__ = ["Output", "complain", "narrate"]


def narrate(message: str) -> None:
    """Say something on stderr, where no result goes."""
    click.echo(message, err=True)


def complain(message: str) -> None:
    """Say on stderr what is wrong, with every control character made visible."""
    from compare.report.wording import visible_lines

    narrate("Error: " + "\n".join(visible_lines(message)))


@dataclass(frozen=True)
class Output:
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
            narrate(message)

    def deliver_rows(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write a table, as Markdown or as columns. Raises UsageError."""
        if self.format == "markdown":
            from compare.report.markdown import escaped, table

            self.deliver(table(header, [[escaped(cell) for cell in row] for row in rows]))
        else:
            from compare.report.plain import columns

            self.deliver(columns(list(rows), self.width))

    def write_data(self, path: Path, content: bytes) -> None:
        """Write the data of a script. The two programs of a case load the same: the second finds it there.

        Raises: UsageError.
        """
        from compare.report.files import check_target, holds, write

        if not holds(path, content):
            check_target(path, force=self.force)
            write(path, content)
