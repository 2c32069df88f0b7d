"""Writes the pages of `docs/` that are made from the code itself: `python docs/generate.py`, or `make docs`.

A test compares what this makes with what is committed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from compare.cases import load_cases
from compare.cli import cli
from compare.concepts import STATUSES
from compare.report.site import OUTCOMES, VERDICTS
from compare.report.wording import SYMBOLS
from compare.results import json_schema
from compare.runner import Prepared, prepare

DIRECTORY = Path(__file__).parent
WIDTH = 100
MADE = "<!-- Made by `make docs`. Change the code that says it, not this page. -->\n"
EXIT_CODES = {
    "0": "all as declared; a translation is proven",
    "1": "something is not as declared; a translation is not proven",
    "2": "bad input: usage, configuration, an unknown case, a script that is refused or raised",
    "3": "a crash, or a case or a script that did not end in time",
    "5": "no case selected",
    "130": "interrupted; what had finished is reported",
}
STANDALONE = (
    "<style>svg{--ink:#1b1f24;--paper:#fff;--accent:#0a58c4;background:#fff}"
    "@media(prefers-color-scheme:dark){svg{--ink:#e4e7eb;--paper:#14171b;--accent:#8ab6ff;background:#14171b}}"
)
"""What a picture needs where no page around it gives it colours."""
ABOUT_JSON = """\
`python -m compare all --output-format json -o RUN.json` writes one object, a [Run](#run). Its JSON Schema is
[run.schema.json](run.schema.json). Numbers that JSON lacks are words: `"nan"`, `"inf"`, `"-inf"`, and a complex number
as Python writes it, `"1.0-2.5j"`.
"""
PICTURED = "base-written-after-view"


def pages() -> dict[str, str]:
    """The text of every generated file, by name."""
    schema = json_schema()
    return {
        "command-line.md": command_line(),
        "json.md": json_page(schema),
        "verdicts.md": verdicts(),
        "run.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
        **pictures(),
    }


# ---- the command line ----


def command_line() -> str:
    """Every command and option, as `--help` prints it."""
    parts = [f"# Command line\n\n{MADE}\nResults go to stdout, narration to stderr. Exit codes:\n"]
    parts.append(table(("code", "meaning"), list(EXIT_CODES.items())))
    settings = {**cli.context_settings, "max_content_width": WIDTH, "terminal_width": WIDTH}
    with click.Context(cli, info_name="python -m compare", **settings) as context:
        parts.append(f"```text\n{cli.get_help(context)}\n```\n")
        for name, command in cli.commands.items():
            inner = click.Context(command, parent=context, info_name=name)
            parts.append(f"## {name}\n\n```text\n{command.get_help(inner)}\n```\n")
    return "\n".join(parts)


# ---- JSON ----


def json_page(schema: dict[str, Any]) -> str:
    """Every object of a stored run, with its fields."""
    parts = [f"# JSON of a run\n\n{MADE}\n{ABOUT_JSON}"]
    for name in sorted(schema["$defs"], key=lambda name: (name != "Run", name)):
        one = schema["$defs"][name]
        if "properties" not in one:
            continue
        said = " ".join(one.get("description", "").split())
        rows = []
        for field, kind in one["properties"].items():
            needed = "required" if field in one.get("required", ()) else f"`{json.dumps(kind.get('default'))}`"
            rows.append((f"`{field}`", cell(typed(kind)), needed))
        fields = table(("field", "type", "default"), rows)
        parts.append(f"## {name}\n\n{cell(said)}\n\n{fields}" if said else f"## {name}\n\n{fields}")
    return "\n".join(parts)


def typed(kind: dict[str, Any]) -> str:
    """A type of the schema in words, with links to objects."""
    if "$ref" in kind:
        name = kind["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in kind:
        return " or ".join(dict.fromkeys(map(typed, kind["anyOf"])))
    if "enum" in kind:
        return " ".join(f"`{json.dumps(one)}`" for one in kind["enum"])
    if kind.get("type") == "array":
        inner = kind.get("items")
        return f"list of {typed(inner)}" if isinstance(inner, dict) and inner else "list"
    if kind.get("type") == "object" and "additionalProperties" in kind:
        return f"object of {typed(kind['additionalProperties'])}"
    return str(kind.get("type", "anything"))


# ---- verdicts ----


def verdicts() -> str:
    """The words of the judge, of a case and of a concept."""
    outcomes = [(f"{SYMBOLS[name]} `{name}`", meaning) for name, meaning in reversed(OUTCOMES.items())]
    return "\n".join(
        [
            f"# Verdicts\n\n{MADE}\n## Of an observation\n",
            table(("verdict", "meaning"), [(f"`{name}`", meaning) for name, meaning in VERDICTS.items()]),
            "## Of a case\n",
            table(("outcome", "meaning"), outcomes),
            "## Of a concept\n",
            table(("status", "meaning"), [(f"`{name}`", meaning) for name, meaning in STATUSES.items()]),
        ]
    )


# ---- pictures ----


def pictures() -> dict[str, str]:
    """Both graphs of one case, each as a file that brings its colours."""
    from compare.pictures import pictures as drawn

    made = prepare(load_cases().find(PICTURED))
    assert isinstance(made, Prepared)
    both = drawn(made.program, made.torch, made.lowering.pure, made.jax)
    return {
        f"{name}.svg": picture.replace("<style>", STANDALONE, 1) + "\n"
        for name, picture in (("tape", both.tape), ("pure", both.pure))
    }


# ---- Markdown ----


def cell(text: str) -> str:
    """Text in a table."""
    return text.replace("|", "\\|")


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def changed() -> Iterator[str]:
    """Write what differs. Yields the name of each file that did."""
    for name, text in pages().items():
        path = DIRECTORY / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            yield name


if __name__ == "__main__":
    for name in changed():
        sys.stderr.write(f"Wrote docs/{name}.\n")
