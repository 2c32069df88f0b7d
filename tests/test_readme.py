"""The README's commands print what it says they print, and its case runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

ROOT = Path(__file__).parent.parent
AS_EVERYBODY = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
"""The environment without the flags by which the other tests compile faster."""


def run_console(example: Example) -> str | None:
    """`$ command` lines and the output below each."""
    commands = example.parsed.split("$ ")[1:]
    for block in commands:
        command, _, expected = block.partition("\n")
        words = command.split()
        assert words[0] == "python"
        finished = subprocess.run(
            [sys.executable, *words[1:]], check=False, capture_output=True, text=True, cwd=ROOT, env=AS_EVERYBODY
        )
        if finished.stdout.strip() != expected.strip():
            return f"{command} prints:\n{finished.stdout}\n{finished.stderr}"
    return None


DOCUMENT = Sybil(parsers=[CodeBlockParser(language="console", evaluator=run_console)], path=str(ROOT)).parse(
    ROOT / "README.md"
)
EXAMPLES = list(DOCUMENT.examples())


def test_the_readme_has_examples() -> None:
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.parsed.split("\n")[0])
def test_commands_print_what_the_readme_says(example: Example) -> None:
    example.evaluate()


def test_the_case_in_the_readme_runs(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    [block] = [part.partition("```")[0] for part in text.split("```python\n")[1:]]
    (tmp_path / "mine.py").write_text(block, "utf-8")
    words = [sys.executable, "-m", "compare", "all", "--cases", str(tmp_path)]
    finished = subprocess.run(words, check=False, capture_output=True, text=True, cwd=ROOT)
    assert finished.returncode == 0, finished.stderr
    assert "1 case: 1 match" in finished.stdout


def test_the_published_schema_is_current() -> None:
    words = [sys.executable, "-m", "compare", "env", "--schema"]
    finished = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT)
    assert (ROOT / "docs" / "run.schema.json").read_text("utf-8") == finished.stdout
