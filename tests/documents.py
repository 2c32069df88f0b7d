"""The pages of documentation: the files that they tell a reader to write, the commands, and what each prints."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]

BLOCK = re.compile(
    r"(?:<!-- file: (?P<file>\S+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """One fenced block: a file to write, or commands with what they print."""

    language: str
    text: str
    file: str = ""

    @property
    def commands(self) -> list[tuple[str, str]]:
        """Each command of a console block, and the lines under it."""
        found = [one.partition("\n") for one in self.text.split("$ ")[1:]] if self.language == "console" else []
        return [(command, expected) for command, _, expected in found]


def blocks(page: Path) -> list[Block]:
    return [Block(one["language"], one["text"], one["file"] or "") for one in BLOCK.finditer(page.read_text("utf-8"))]


def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cases and scripts run here, where both frameworks are imported already, instead of in fresh processes."""
    from compare import runs, translations
    from compare.runner import run_case
    from compare.translation import translate_script

    def run_cases(cases: Sequence[Any], *, dtype: str, seed: int, on_result: Any, **_: Any) -> Any:
        done = [run_case(one, dtype=dtype, seed=seed) for one in cases]
        for one in done:
            on_result(one, "")
        return runs.assembled(done)

    def translate_apart(script: Any, **_: Any) -> tuple[Any, str]:
        made = translate_script(Path(script.path), dtype=script.dtype, check=script.check)
        assert made.source is None or not made.source.arrays
        return translations.Reply(made.result), ""

    monkeypatch.setattr(runs, "run_cases", run_cases)
    monkeypatch.setattr(translations, "translate_apart", translate_apart)


def printed(command: str) -> str:
    """What a terminal shows of `python -m compare ...`, run in this process."""
    from compare.cli import cli

    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "compare"], command
    result = CliRunner().invoke(cli, words[3:], prog_name="python -m compare")
    assert result.exit_code in (0, 1, 2), result.output
    return "".join(f"{line.rstrip()}\n" for line in result.output.strip("\n").splitlines())


def followed(page: Path) -> Iterator[tuple[str, str, str]]:
    """Follow a page in the current directory: write its files, run its commands.

    Yields: each command, what the page shows under it, and what it printed.
    """
    for block in blocks(page):
        if block.file:
            path = Path(block.file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
        for command, expected in block.commands:
            yield command, expected, printed(command)
