"""The command line: exit codes, formats and files, and what bad input is answered with. The runner is a fake one."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from results_made_by_hand import CRASHING, DIVERGING, ENVIRONMENT, MATCHING, MISMATCHING, NOTE, observation, result

import compare
from compare.cases import Case
from compare.cli import cli
from compare.concepts import CONCEPTS, STATUSES, Contradiction, Page, ranked
from compare.errors import CompareError, UsageError
from compare.report import Report
from compare.report.files import write
from compare.results import CaseResult, Run, json_schema, read_run, summarize
from compare.selection import selector
from compare.sources import Source

ROOT = Path(__file__).parents[1]

CHAPTER = '''
from compare import case


@case
def {name}(tape):
    """{title}"""
    a = tape.leaf(1.0)
'''


@dataclass
class FakeRunner:
    """Stands for `compare.runner` and `compare.runs`: every case gets the result set for its id, or a match."""

    results: dict[str, CaseResult] = field(default_factory=dict)
    interrupt_after: int | None = None
    printed: dict[str, str] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    jax: Source = field(default_factory=lambda: Source("import jax\nw = 1\n", (None, 0)))
    naive: types.SimpleNamespace | None = None

    def run_cases(self, cases: Sequence[Case], *, on_result: Callable[[CaseResult, str], None], **options: Any) -> Run:
        self.calls.append({"ids": [case.id for case in cases], **options})
        done = []
        for position, case in enumerate(cases):
            if position == self.interrupt_after:
                raise KeyboardInterrupt
            done.append(self.results.get(case.id, result(case.id)))
            on_result(done[-1], self.printed.get(case.id, ""))
            if options["stop_at_first"] and done[-1].outcome in ("mismatch", "error"):
                break
        return Run(1, ENVIRONMENT, summarize(tuple(done)), tuple(done))

    def assembled(self, results: Sequence[CaseResult]) -> Run:
        return Run(1, ENVIRONMENT, summarize(tuple(results)), tuple(results))

    def prepare(self, case: Case, *, dtype: str, seed: int) -> types.SimpleNamespace:
        self.calls.append({"ids": [case.id], "dtype": dtype, "seed": seed})
        return types.SimpleNamespace(
            lines=[3],
            torch=Source("import torch\r\n# 漢字\nw = torch.tensor(1.0)\n", (None, None, 0)),
            jax=self.jax,
            notes=(NOTE,),
            naive=self.naive,
        )

    def environment(self) -> object:
        return ENVIRONMENT


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeRunner:
    fake = FakeRunner()
    for name in ("runner", "runs"):
        monkeypatch.setitem(sys.modules, f"compare.{name}", fake)  # type: ignore[arg-type]
        monkeypatch.setattr(compare, name, fake, raising=False)
    monkeypatch.setenv("COMPARE_CACHE_DIR", str(tmp_path / "compiled"))
    return fake


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """A directory of four cases in two chapters."""
    directory = tmp_path / "my_cases"
    directory.mkdir()
    first = CHAPTER.format(name="three_weights", title="Only leaves collect")
    keeping = "Keeping a gradient\n\n    Shows: leaf, retain-grad.\n    "
    (directory / "leaves.py").write_text(first + CHAPTER.format(name="retain_grad", title=keeping))
    second = CHAPTER.format(name="hook_order", title="Hooks run in order")
    (directory / "hooks.py").write_text(second + CHAPTER.format(name="hook_twice", title="A hook [axes=0] | twice"))
    return directory


@pytest.fixture
def invoke(runner: FakeRunner, cases: Path) -> Callable[..., Result]:
    def run(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(cli, [*arguments, "--cases", str(cases)], **options)

    return run


Invoke = Callable[..., Result]


# ---- exit codes ----


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ((MATCHING,), 0),
        ((DIVERGING, MATCHING), 0),
        ((MATCHING, MISMATCHING), 1),
        ((result("x", "error", error="undecided"),), 1),
        ((result("x", "error", error="no op 'y'", fault="input"), MISMATCHING), 2),
        ((CRASHING, result("x", "error", fault="input"), MISMATCHING), 3),
    ],
)
def test_a_run_ends_with_the_gravest_of_its_outcomes(
    invoke: Invoke, runner: FakeRunner, outcomes: tuple[CaseResult, ...], code: int
) -> None:
    ids = ("hook-order", "hook-twice", "three-weights")
    runner.results = dict(zip(ids, outcomes, strict=False))
    done = invoke("all")
    assert done.exit_code == code, done.output
    for one in outcomes:
        assert one.id in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "three-weihgts"], 2, "Unknown case 'three-weihgts'. Did you mean 'three-weights'?"),
        (["show", "hook-ordr"], 2, "Did you mean 'hook-order'?"),
        (["explain", "retain-gard"], 2, "Did you mean 'retain-grad'?"),
        (["lst"], 2, "Unknown command 'lst'. Did you mean 'list'?"),
        (["list", "--colour", "never"], 2, "No such option"),
        (["all", "--dtype", "float16"], 2, "'float16' is not one of 'float64', 'float32'"),
        (["all", "-j", "0"], 2, "'0' is neither a number of processes from 1 to 999 nor 'auto'."),
        (["all", "-j", "9" * 5000], 2, "nor 'auto'."),
        (["all", "--seed", "-1"], 2, "-1 is not in the range"),
        (["all", "--output-format", "html"], 2, "writes a folder of pages; name it with -o DIR"),
        (["run", "hook-order", "--output-format", "html", "-o", "pyproject.toml"], 2, "is not a directory"),
        (["list", "--output-format", "html"], 2, "'html' is not one of"),
        (["list", "--output-format", "junit"], 2, "'junit' is not one of"),
        (["show", "hook-order", "--code", "jax", "--output-format", "json"], 2, "it has no json form"),
        (["run", "-k", "hook and"], 2, "a word is missing at the end"),
        (["run", "-k", "nothing-like-it"], 5, "No case selected."),
        (["run", "three-weights", "-k", "hook"], 5, "No case selected."),
        (["run"], 5, "No case selected. Name cases, or give -k"),
    ],
)
def test_what_cannot_be_done_says_so(
    invoke: Invoke, runner: FakeRunner, arguments: list[str], code: int, message: str
) -> None:
    done = invoke(*arguments)
    assert done.exit_code == code
    assert message in done.stderr
    assert done.stdout == ""
    assert runner.calls == []


def test_a_directory_of_cases_that_is_not_there() -> None:
    done = CliRunner().invoke(cli, ["list", "--cases", "no-such-directory"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "Error: --cases no-such-directory: there is no such directory.\n"


def test_a_mistake_in_the_workbench_is_3(invoke: Invoke, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeRunner, "run_cases", lambda *arguments, **options: 1 / 0)
    done = invoke("all")
    assert done.exit_code == 3
    assert "Error: this is a mistake in compare itself." in done.stderr
    assert "ZeroDivisionError" in done.stderr


@pytest.mark.parametrize("code", [0, 1, None])
def test_an_exit_inside_a_command_does_not_choose_the_exit_code(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, code: int | None
) -> None:
    def leave(*arguments: object, **options: object) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(FakeRunner, "run_cases", leave)
    done = invoke("all")
    assert done.exit_code == 3
    assert "Error: this is a mistake in compare itself." in done.stderr
    assert "raise SystemExit(code)" in done.stderr


def test_ctrl_c_prints_what_finished_and_is_130(invoke: Invoke, runner: FakeRunner) -> None:
    runner.interrupt_after = 2
    done = invoke("all", "--output-format", "json")
    assert done.exit_code == 130
    assert [case.id for case in read_run(done.stdout_bytes).cases] == ["hook-order", "hook-twice"]
    assert "Interrupted: 2 of 4 cases had finished." in done.stderr


def test_ctrl_c_while_the_report_is_made_prints_it(
    invoke: Invoke, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    from compare.report import json_report

    made = json_report.json

    def pressed(report: Report) -> str:
        signal.raise_signal(signal.SIGINT)
        return made(report)

    monkeypatch.setattr(json_report, "json", pressed)
    done = invoke("all", "--output-format", "json")
    assert (done.exit_code, done.stderr) == (130, "Interrupted: 4 of 4 cases had finished.\n")
    assert len(read_run(done.stdout_bytes).cases) == 4


def test_ctrl_c_anywhere_else_is_130(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("compare.cases.load_cases", interrupted)
    assert invoke("list").exit_code == 130


# ---- bad case files ----


def test_a_broken_file_leaves_the_other_cases_running(invoke: Invoke, cases: Path) -> None:
    (cases / "broken.py").write_text("def x(:\n")
    done = invoke("all")
    assert done.exit_code == 2
    assert "three-weights" in done.stdout
    assert "1 file or case not loaded" in done.stdout
    assert f"{cases / 'broken.py'}:1: syntax error" in done.stderr
    annotated = invoke("all", "--output-format", "github")
    assert f"::error file={cases / 'broken.py'},line=1,title=case not loaded::" in annotated.stdout
    assert invoke("list").exit_code == 2


def test_nothing_selected_beside_a_broken_file_is_bad_input(invoke: Invoke, cases: Path) -> None:
    (cases / "broken.py").write_text("1 / 0\n")
    assert invoke("run", "-k", "nothing-like-it").exit_code == 2


# ---- what is run ----


def test_run_options_reach_the_runner(invoke: Invoke, runner: FakeRunner, tmp_path: Path) -> None:
    invoke("run", "hook-twice", "three-weights", "hook-twice", "--dtype", "float32", "--seed", "7", "-j", "3", "-x")
    assert runner.calls == [
        {
            "ids": ["hook-twice", "three-weights"],
            "dtype": "float32",
            "seed": 7,
            "workers": 3,
            "stop_at_first": True,
            "limit": 60.0,
            "cache": tmp_path / "compiled",
        }
    ]


def test_the_cache_can_be_left_out(invoke: Invoke, runner: FakeRunner, tmp_path: Path) -> None:
    invoke("all", "--no-cache", "--timeout", "0.5")
    assert (runner.calls[0]["cache"], runner.calls[0]["limit"]) == (None, 0.5)
    assert not (tmp_path / "compiled").exists()


def test_a_run_without_a_place_for_a_cache_says_so(
    invoke: Invoke, runner: FakeRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("COMPARE_CACHE_DIR", str(tmp_path / "file" / "below"))
    done = invoke("all")
    assert (done.exit_code, runner.calls[0]["cache"]) == (0, None)
    assert "There is no directory to keep compiled programs in." in done.stderr


def test_what_a_case_prints_is_told_when_it_is_not_as_declared(invoke: Invoke, runner: FakeRunner) -> None:
    runner.results["hook-order"] = MISMATCHING
    runner.printed = {"hook-order": "first [axes=0]\nsecond\n", "hook-twice": "third\n"}
    assert invoke("all").stderr == "hook-order printed:\nfirst [axes=0]\nsecond\n"
    assert "hook-twice printed:\nthird\n" in invoke("all", "-v").stderr
    assert invoke("all", "-q").stderr == ""


def test_all_takes_the_options_of_run(invoke: Invoke, runner: FakeRunner) -> None:
    invoke("all", "-k", "hook")
    assert runner.calls[0]["ids"] == ["hook-order", "hook-twice"]
    assert runner.calls[0]["workers"] == 1


def test_auto_is_a_worker_for_each_core_that_has_enough_to_do(
    invoke: Invoke, runner: FakeRunner, cases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2, 5}, raising=False)
    invoke("all")
    many = "".join(CHAPTER.format(name=f"case_{number}", title="One of many") for number in range(60))
    (cases / "many.py").write_text(many)
    invoke("all", "-j", "auto")
    invoke("all", "-k", "many", "-j", "auto")
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    invoke("all")
    assert [call["workers"] for call in runner.calls] == [1, 3, 3, 2]


def test_the_command_to_reproduce_has_the_seed_and_the_cases(invoke: Invoke, runner: FakeRunner, cases: Path) -> None:
    runner.results["hook-order"] = MISMATCHING
    done = invoke("all", "--seed", "7")
    assert f"  python -m compare run hook-order --dtype float64 --seed 7 --cases {cases}\n" in done.stdout


def test_global_options_may_come_first(runner: FakeRunner, cases: Path) -> None:
    done = CliRunner().invoke(cli, ["--cases", str(cases), "--output-format", "json", "-q", "all"])
    assert done.exit_code == 0
    assert len(read_run(done.stdout_bytes).cases) == 4
    overridden = CliRunner().invoke(cli, ["--cases", "nowhere", "list", "--cases", str(cases)])
    assert overridden.exit_code == 0


# ---- -k ----


def some_case(id: str, chapter: str, title: str) -> Case:
    return Case(id, title, (), chapter, "cases/x.py", 1, lambda tape: None)


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ("hook", True),
        ("HOOK", True),
        ("in-place", True),
        ("twice", True),
        ("leaf", False),
        ("not leaf", True),
        ("not not hook", True),
        ("hook and leaf", False),
        ("hook and not leaf", True),
        ("leaf or hook", True),
        ("leaf or nothing and hook", False),
        ("hook or nothing and leaf", True),
        ("(hook or nothing) and leaf", False),
        ("not (leaf or nothing)", True),
        ("scaling-hookin-place", False),
    ],
)
def test_selection(expression: str, matches: bool) -> None:
    assert selector(expression)(some_case("scaling-hook", "in-place", "A hook runs Twice")) is matches


@pytest.mark.parametrize(
    "expression", ["", " ", "and", "a and", "or a", "not", "(a", "a)", "()", "a b", "a (b)", "a not b", "(" * 100_000]
)
def test_a_malformed_selection_is_refused(expression: str) -> None:
    with pytest.raises(UsageError, match=r"^-k"):
        selector(expression)


# ---- where results go ----


@pytest.mark.parametrize("format", ["full", "concise", "json", "markdown", "junit", "github"])
def test_o_writes_what_stdout_would_show(invoke: Invoke, runner: FakeRunner, tmp_path: Path, format: str) -> None:
    runner.results["hook-order"] = MISMATCHING
    shown = invoke("all", "--output-format", format)
    target = tmp_path / "out"
    written = invoke("all", "--output-format", format, "-o", str(target))
    assert shown.exit_code == written.exit_code == 1
    assert (written.stdout, written.stderr) == ("", f"Wrote {target}.\n")
    assert target.read_bytes() == shown.stdout_bytes
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out"]


def test_an_existing_file_is_not_touched_without_force(invoke: Invoke, runner: FakeRunner, tmp_path: Path) -> None:
    target = tmp_path / "run.json"
    target.write_text("mine")
    refused = invoke("all", "-o", str(target))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "exists already. Add --force to replace it." in refused.stderr
    assert target.read_text() == "mine"
    assert runner.calls == []
    assert invoke("all", "-o", str(target), "--force", "--output-format", "json").exit_code == 0
    assert len(read_run(target.read_bytes()).cases) == 4


def test_a_forced_file_keeps_its_link(invoke: Invoke, tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    link.symlink_to(real)
    assert invoke("list", "-o", str(link), "--force").exit_code == 0
    assert link.is_symlink()
    assert real.read_text().startswith("hook-order")


def test_a_written_file_has_the_usual_permissions(invoke: Invoke, tmp_path: Path) -> None:
    invoke("list", "-o", str(tmp_path / "list.txt"))
    (tmp_path / "plain.txt").write_text("")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("list.txt", "plain.txt")}
    assert len(modes) == 1


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("missing/out.json", "there is no directory"),
        (".", "is a directory; name a file in it"),
        ("file.txt/out.json", "there is no directory"),
        ("pipe", "is not a regular file"),
    ],
)
def test_a_target_that_cannot_be_written_is_refused_before_the_run(
    invoke: Invoke, runner: FakeRunner, tmp_path: Path, target: str, message: str
) -> None:
    (tmp_path / "file.txt").write_text("")
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.rglob("*"))
    done = invoke("all", "-o", str(tmp_path / target), "--force")
    assert done.exit_code == 2
    assert message in done.stderr
    assert runner.calls == []
    assert sorted(tmp_path.rglob("*")) == before


def test_a_directory_without_permission_is_refused_before_the_run(
    invoke: Invoke, runner: FakeRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Permissions do not bind every user that runs the tests; the refusal of the system does.
    def refused(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    done = invoke("all", "-o", str(tmp_path / "out.json"))
    assert done.exit_code == 2
    assert "cannot be written into: Permission denied." in done.stderr
    assert runner.calls == []


def test_writing_never_replaces_what_is_not_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is not a regular file"):
        write(tmp_path / "pipe", b"text")
    assert (tmp_path / "pipe").is_fifo()


def test_a_write_that_fails_leaves_the_old_file(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")

    def full(self: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    done = invoke("list", "-o", str(target), "--force")
    assert done.exit_code == 2
    assert "cannot be written: No space left on device." in done.stderr
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.txt"]


# ---- colour, quiet, verbose ----


def test_colour_is_off_where_there_is_no_terminal(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" not in invoke("all").stdout
    assert "\x1b[32m" in invoke("all", "--color", "always", color=True).stdout
    assert "\x1b" not in invoke("all", "--color", "never").stdout


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}])
def test_a_terminal_gets_colour_unless_it_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    from compare.cli.output import Output

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr("sys.stdout", types.SimpleNamespace(isatty=lambda: True))
    output = Output("full", None, False, "auto", 0, None)
    assert output.colored is (not variables)
    assert Output("full", None, False, "always", 0, None).colored
    assert not Output("full", Path("file"), False, "auto", 0, None).colored


def test_narration_goes_to_stderr(invoke: Invoke) -> None:
    verbose = invoke("all", "-v", "--output-format", "json")
    assert len(read_run(verbose.stdout_bytes).cases) == 4
    assert verbose.stderr.splitlines()[0] == "Running 4 of 4 cases in float64, 1 at a time."
    assert verbose.stderr.splitlines()[1].startswith("match: hook-order (")
    assert invoke("all").stderr == ""


def test_quiet_says_only_what_is_not_as_declared(invoke: Invoke, runner: FakeRunner, tmp_path: Path) -> None:
    runner.results["hook-order"] = MISMATCHING
    done = invoke("all", "-q")
    assert "three-weights" not in done.stdout
    assert "✗ hook-order: mismatch" in done.stdout
    assert invoke("all", "-q", "-o", str(tmp_path / "out")).stderr == ""


def test_one_case_shows_its_observations(invoke: Invoke) -> None:
    done = invoke("run", "hook-order")
    assert "w1.grad" in done.stdout
    assert NOTE.why in done.stdout
    assert NOTE.why not in invoke("all").stdout


# ---- list, show, explain, env ----


def test_list_in_every_format(invoke: Invoke) -> None:
    rows = [line.split("  ") for line in invoke("list").stdout.splitlines()]
    assert rows[0][0] == "hook-order"
    assert invoke("list", "--output-format", "concise").stdout.split() == [
        "hook-order",
        "hook-twice",
        "three-weights",
        "retain-grad",
    ]
    listed = json.loads(invoke("list", "--output-format", "json").stdout)
    assert listed[1] == {
        "id": "hook-twice",
        "chapter": "hooks",
        "title": "A hook [axes=0] | twice",
        "kind": "case",
    }
    assert (
        r"| hook-twice | hooks | A hook \[axes=0\] \| twice |" in invoke("list", "--output-format", "markdown").stdout
    )


def test_code_is_printed_byte_for_byte(invoke: Invoke, runner: FakeRunner) -> None:
    assert invoke("show", "hook-order", "--code", "torch").stdout_bytes == (
        "import torch\r\n# 漢字\nw = torch.tensor(1.0)\n".encode()
    )
    assert invoke("show", "hook-order", "--code", "jax", "--dtype", "float32").stdout_bytes == b"import jax\nw = 1\n"
    assert runner.calls[1] == {"ids": ["hook-order"], "dtype": "float32", "seed": 0}


def test_code_that_loads_data_is_written_with_its_data(invoke: Invoke, runner: FakeRunner, tmp_path: Path) -> None:
    runner.jax = Source("import numpy\n", (None,), "big.npz", {"x": np.arange(3.0)})
    shown = invoke("show", "hook-order", "--code", "jax")
    assert shown.stderr == "This script loads big.npz; with -o PATH both are written.\n"
    assert invoke("show", "hook-order", "--code", "jax", "-o", str(tmp_path / "p.py")).exit_code == 0
    assert (tmp_path / "p.py").read_text() == "import numpy\n"
    with np.load(tmp_path / "big.npz", allow_pickle=False) as data:
        assert data["x"].tolist() == [0.0, 1.0, 2.0]
    (tmp_path / "p.py").unlink()
    other = invoke("show", "hook-order", "--code", "jax", "-o", str(tmp_path / "other.py"))
    assert other.exit_code == 0  # both programs of a case load one file
    runner.jax = Source("import numpy\n", (None,), "big.npz", {"x": np.arange(4.0)})
    refused = invoke("show", "hook-order", "--code", "jax", "-o", str(tmp_path / "p.py"))
    assert refused.exit_code == 2
    assert f"{tmp_path / 'big.npz'} exists already" in refused.stderr
    assert not (tmp_path / "p.py").exists()


def test_the_naive_port_is_printed_and_shown(invoke: Invoke, runner: FakeRunner) -> None:
    refused = invoke("show", "hook-order", "--code", "naive")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "Error: The case 'hook-order' has no naive port: it has no write, alias, grad mode or complex leaf.\n"
    )
    assert json.loads(invoke("show", "hook-order", "--output-format", "json").stdout)["sources"]["naive"] is None
    assert "naive port" not in invoke("show", "hook-order").stdout
    assert "Naive port" not in invoke("show", "hook-order", "--output-format", "markdown").stdout

    runner.naive = types.SimpleNamespace(source=Source("w = 2\n", (0,)), reason="")
    assert invoke("show", "hook-order", "--code", "naive").stdout == "w = 2\n"
    assert json.loads(invoke("show", "hook-order", "--output-format", "json").stdout)["sources"]["naive"] == "w = 2\n"
    assert "\n\nnaive port\nw = 2\n" in invoke("show", "hook-order").stdout
    assert (
        "## Naive port\n\n```python\nw = 2\n```\n" in invoke("show", "hook-order", "--output-format", "markdown").stdout
    )

    runner.naive = types.SimpleNamespace(source=runner.jax, reason="")
    assert "\n\nnaive port: line by line the JAX above\n" in invoke("show", "hook-order").stdout

    runner.naive = types.SimpleNamespace(source=None, reason="it computes with 'h.grad'")
    refused = invoke("show", "hook-order", "--code", "naive")
    assert refused.stderr == "Error: The case 'hook-order' has no naive port: it computes with 'h.grad'.\n"
    assert "\n\nno naive port: it computes with 'h.grad'\n" in invoke("show", "hook-order").stdout


def test_show_puts_the_three_side_by_side(invoke: Invoke) -> None:
    lines = invoke("show", "hook-order").stdout.splitlines()
    beside = [line for line in lines if line.count("│") == 2]
    assert [cell.strip() for cell in beside[0].split("│")[1:]] == ["PyTorch", "JAX"]
    assert ["a = tape.leaf(1.0)", "w = torch.tensor(1.0)", "w = 1"] in [
        [cell.strip() for cell in line.split("│")] for line in beside
    ]
    assert f"  why      {NOTE.why}" in lines


def test_show_stacks_the_three_on_a_narrow_terminal(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compare.cli.output.Output.width", 80)
    lines = invoke("show", "hook-order").stdout.splitlines()
    assert "│" not in "".join(lines)
    assert invoke("show", "hook-order").stderr == "Side by side needs 120 columns; this terminal has 80.\n"
    assert invoke("show", "hook-order", "-q").stderr == ""
    assert [line for line in lines if line in ("PyTorch", "JAX")] == ["PyTorch", "JAX"]
    assert "w = torch.tensor(1.0)" in lines


def test_show_as_json_and_markdown(invoke: Invoke, cases: Path) -> None:
    shown = json.loads(invoke("show", "hook-order", "--output-format", "json").stdout)
    assert shown["sources"]["jax"] == "import jax\nw = 1\n"
    assert shown["sources"]["case"] in (cases / "hooks.py").read_text()
    assert shown["notes"][0]["concept"] == "nonleaf-grad"
    assert "```python\nimport jax\nw = 1\n```\n" in invoke("show", "hook-order", "--output-format", "markdown").stdout


def test_a_case_that_cannot_be_prepared_is_bad_input(
    invoke: Invoke, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object, **options: object) -> None:
        raise CompareError("hooks.py:8: no such op\n\x1b[31m'y'")

    monkeypatch.setattr(FakeRunner, "prepare", refused)
    done = invoke("show", "hook-order")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "Error: hooks.py:8: no such op\n\\x1b[31m'y'\n"


def test_explain_says_everything_and_names_the_cases(invoke: Invoke) -> None:
    concept = CONCEPTS["retain-grad"]
    text = invoke("explain", "retain-grad").stdout
    for shown in (concept.title, concept.torch, concept.jax, concept.why, concept.instead, concept.jax_page.url):
        assert shown in text
    assert f"Status        idiom: {STATUSES['idiom']}\n" in text
    assert "Case          retain-grad: Keeping a gradient\n" in text
    stored = json.loads(invoke("explain", "retain-grad", "--output-format", "json").stdout)
    assert stored["cases"] == [{"id": "retain-grad", "kind": "case", "title": "Keeping a gradient"}]
    assert stored["torch_page"]["url"] == concept.torch_page.url
    assert invoke("explain", "retain-grad", "--output-format", "markdown").stdout.startswith("# retain-grad: ")
    assert invoke("explain", "retain-grad", "--output-format", "concise").stdout.startswith("retain-grad: idiom: ")


def test_explain_marks_demonstrations(invoke: Invoke, cases: Path) -> None:
    written = CHAPTER.format(name="given_away", title="A buffer is given away\n\n    Shows: donation.\n    ")
    (cases / "references.py").write_text(written.replace("case", "demonstration"))
    assert "\nDemonstration  given-away: A buffer is given away\n" in invoke("explain", "donation").stdout


def test_explain_shows_versions_and_contradicted_documentation(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page("A guide", "https://docs.jax.dev/en/latest/guide.html")
    refuted = Contradiction("It is said to raise.", page, "It does not raise.")
    known = replace(CONCEPTS["retain-grad"], versions="JAX 0.11 raises.", contradicts=refuted)
    monkeypatch.setitem(CONCEPTS, known.id, known)
    text = invoke("explain", known.id).stdout
    assert "Versions        Observed with PyTorch 2.13 and JAX 0.10. JAX 0.11 raises.\n" in text
    assert f"It is written   It is said to raise. (A guide, {page.url})\n" in text
    assert "What runs show  It does not raise.\n" in text
    stored = json.loads(invoke("explain", known.id, "--output-format", "json").stdout)
    assert stored["versions"] == "JAX 0.11 raises."
    assert stored["contradicts"]["page"] == {"title": "A guide", "url": page.url}


def test_explain_without_a_concept_prints_the_map(invoke: Invoke) -> None:
    def counted(id: str) -> int:
        return int(id in ("leaf", "retain-grad"))

    groups = ranked()
    text = invoke("explain").stdout
    assert text.startswith(f"{len(CONCEPTS)} concepts, shown by 1 case or demonstration. ")
    lines = iter(text.splitlines())
    for status, group in groups.items():
        assert f"{status} ({len(group)}): {STATUSES[status]}" in lines  # `in` goes on from where the last one was found
        for one in group:
            assert next(lines).split(maxsplit=2) == [one.id, str(counted(one.id)), one.title]
    stored = json.loads(invoke("explain", "--output-format", "json").stdout)
    assert stored["counts"] == {status: len(group) for status, group in groups.items()}
    every = [one for group in groups.values() for one in group]
    assert [row["id"] for row in stored["concepts"]] == [one.id for one in every]
    assert {row["id"]: len(row["cases"]) for row in stored["concepts"]} == {one.id: counted(one.id) for one in every}
    concise = invoke("explain", "--output-format", "concise").stdout.splitlines()
    assert concise[0] == f"{every[0].id}: silent: {every[0].title}"
    assert invoke("explain", "--output-format", "markdown").stdout.count("\n## ") == len(STATUSES)


def test_env_shows_versions_and_the_schema(invoke: Invoke) -> None:
    assert "jax       0.10.2\n" in invoke("env").stdout
    assert json.loads(invoke("env", "--output-format", "json").stdout)["numpy"] == "2.4.6"
    assert json.loads(invoke("env", "--schema").stdout) == json_schema()


# ---- report ----


@pytest.fixture
def stored(invoke: Invoke, runner: FakeRunner, tmp_path: Path) -> Path:
    runner.results = {"hook-order": MISMATCHING, "retain-grad": result("retain-grad", title="<script>")}
    invoke("all", "--output-format", "json", "-o", str(tmp_path / "run.json"))
    return tmp_path / "run.json"


def test_report_writes_a_folder(invoke: Invoke, stored: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    done = invoke("report", str(stored), "-o", str(folder))
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"Wrote 9 files into {folder}.\n"
    assert r"# retain-grad: \<script\>" in (folder / "retain-grad.md").read_text()
    refused = invoke("report", str(stored), "-o", str(folder))
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"Error: -o {folder} is not empty. Add --force")
    assert invoke("report", str(stored), "-o", str(folder), "--force").exit_code == 0


def test_report_on_stdout_in_any_format(invoke: Invoke, stored: Path) -> None:
    assert invoke("report", str(stored), "--output-format", "json").stdout_bytes == stored.read_bytes()
    assert ElementTree.fromstring(invoke("report", str(stored), "--output-format", "junit").stdout).tag == "testsuites"
    assert invoke("report", str(stored), "--output-format", "junit", "-o", "x").exit_code == 2


def test_a_site_of_a_run_and_of_a_stored_run_is_the_same(
    invoke: Invoke, runner: FakeRunner, stored: Path, tmp_path: Path
) -> None:
    done = invoke("all", "--output-format", "html", "-o", str(tmp_path / "site"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.endswith(f"The first page is {tmp_path / 'site' / 'index.html'}.\n")
    again = invoke("report", str(stored), "--output-format", "html", "-o", str(tmp_path / "again"))
    assert (again.exit_code, again.stdout) == (0, "")
    names = sorted(path.relative_to(tmp_path / "site") for path in (tmp_path / "site").rglob("*"))
    assert names == sorted(path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*"))
    index = (tmp_path / "site" / "index.html").read_text()
    assert "&lt;script&gt;" in index
    assert index == (tmp_path / "again" / "index.html").read_text()
    # Only a run knows where the cases are.
    assert "leaves.py:" in (tmp_path / "site" / "cases" / "retain-grad.html").read_text()
    assert "leaves.py:" not in (tmp_path / "again" / "cases" / "retain-grad.html").read_text()
    runner.calls.clear()
    refused = invoke("all", "--output-format", "html", "-o", str(tmp_path / "site"))
    assert refused.exit_code == 2
    assert "is not empty. Add --force" in refused.stderr
    assert runner.calls == []
    assert invoke("report", str(stored), "--output-format", "html").exit_code == 2


def hostile_ids() -> Iterator[str]:
    yield from ("../escape", "a/b", "index")


@pytest.mark.parametrize("id", list(hostile_ids()))
def test_report_never_leaves_its_folder(invoke: Invoke, tmp_path: Path, id: str) -> None:
    file = tmp_path / "hostile.json"
    file.write_bytes(Run(1, ENVIRONMENT, summarize(()), (result(id),)).to_json())
    before = sorted(tmp_path.rglob("*"))
    done = invoke("report", str(file), "-o", str(tmp_path / "pages"))
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {file}: ")
    assert sorted(tmp_path.rglob("*")) == before
    if id != "index":  # which is a fine name among the cases of a site
        done = invoke("report", str(file), "--output-format", "html", "-o", str(tmp_path / "pages"))
        assert done.exit_code == 2
        assert done.stderr.startswith(f"Error: {file}: ")
        assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "This is not a run file"),
        (b"{}", "it has no 'schema'"),
        (b"[1, 2]", "it has no 'schema'"),
        (b'{"schema": 99}', "has schema 99"),
        (b'{"schema": 1}', "damaged"),
        (b"\xff\xfe", "This is not a run file"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_run_is_refused(invoke: Invoke, tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "run.json"
    file.write_bytes(content)
    done = invoke("report", str(file), "-o", str(tmp_path / "pages"))
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert str(file) in done.stderr
    assert not (tmp_path / "pages").exists()


def test_a_truncated_run_is_refused(invoke: Invoke, stored: Path) -> None:
    whole = stored.read_bytes()
    for length in (1, len(whole) // 2, len(whole) - 3):
        stored.write_bytes(whole[:length])
        done = invoke("report", str(stored))
        assert done.exit_code == 2
        assert "not a run file" in done.stderr


def test_a_run_file_that_is_not_there(invoke: Invoke, tmp_path: Path) -> None:
    done = invoke("report", str(tmp_path / "none.json"))
    assert done.exit_code == 2
    assert "cannot be read: No such file or directory." in done.stderr


# ---- real processes ----


def compare_command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "compare", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False, **options)


def test_help_names_every_command() -> None:
    done = compare_command("--help")
    assert done.returncode == 0
    for name in cli.commands:
        assert f"  {name} ".encode() in done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["explain"]], ids=" ".join)
def test_what_runs_nothing_imports_nothing_heavy(arguments: list[str]) -> None:
    heavy = ("torch", "jax", "numpy", "rich")
    script = f"""
import sys
from compare.cli import cli
cli.main({arguments}, standalone_mode=False)
print(*[name for name in {heavy} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=60, check=True)
    assert done.stderr.split() == []


def test_a_closed_pipe_is_quiet(cases: Path) -> None:
    first = CHAPTER.format(name="case_{}", title="x" * 200)
    (cases / "many.py").write_text("".join(first.replace("{}", str(number)) for number in range(1000)))
    command = [sys.executable, "-m", "compare", "list", "--cases", str(cases)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    with process.stderr as stderr:
        assert stderr.read() == b""
    assert process.wait(60) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot start a process without a standard output")
@pytest.mark.parametrize("command", ["list", "run three-weights", "show three-weights"])
def test_a_closed_stdout_is_refused_unless_a_file_is_named(tmp_path: Path, command: str) -> None:
    shell = ["sh", "-c", f'"$0" -m compare {command} "$@" >&-', sys.executable]
    refused = subprocess.run(shell, cwd=ROOT, capture_output=True, timeout=60, check=False, text=True)
    assert refused.returncode == 2
    assert refused.stderr == "Error: Standard output is closed. Open it, or name a file with -o.\n"
    target = tmp_path / "out"
    assert subprocess.run([*shell, "-q", "-o", str(target)], cwd=ROOT, timeout=60, check=False).returncode == 0
    assert target.stat().st_size > 0


def test_output_is_utf8_whatever_the_locale() -> None:
    done = compare_command("explain", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert CONCEPTS["retain-grad"].title in done.stdout.decode("utf-8")


def test_every_option_has_one_line_of_help() -> None:
    for name, command in cli.commands.items():
        context = click.Context(command, info_name=name)
        options = [option for option in command.get_params(context) if isinstance(option, click.Option)]
        told = [(option.get_help_record(context) or ("", ""))[1] for option in options]
        assert len(told) >= 8
        assert [text for text in told if not 5 < len(text) <= 46 or not re.search(r"\.(  \[.*\])?$", text)] == []


def test_version() -> None:
    assert compare_command("--version").stdout.decode() == f"compare {compare.__version__}\n"


def test_three_weights_in_fact() -> None:
    done = compare_command("run", "three-weights", "--output-format", "json")
    assert done.returncode == 0, done.stderr
    (case,) = read_run(done.stdout).cases
    gradients = [one for one in case.observations if one.kind == "gradient" and one.torch is not None]
    sides = [(one.torch, one.jax, one.reference) for one in gradients]
    assert sides == [(28.0, 28.0, 28.0), (8.0, 8.0, 8.0), (10.0, 10.0, 10.0)]


def test_show_in_fact_aligns_each_statement() -> None:
    done = compare_command("show", "three-weights")
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("│")] for line in done.stdout.decode().splitlines()]
    for statement in ("l1 = x * w1", "l2 = l1 + w2", "l3 = l1 * w3"):
        assert [statement] * 3 in rows


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_ctrl_c_in_fact(tmp_path: Path) -> None:
    target = tmp_path / "run.json"
    command = [sys.executable, "-m", "compare", "all", "-v", "--output-format", "json", "-o", str(target)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process.stderr as stderr:
        finished = next(line for line in stderr if line.startswith(("match: ", "diverges-as-documented: ")))
        process.send_signal(signal.SIGINT)
        narrated = stderr.read()
    assert process.wait(60) == 130
    assert re.fullmatch(
        r"((match|diverges-as-documented): .*\n)*Wrote .*\nInterrupted: \d+ of \d+ cases had finished.\n", narrated
    )
    assert read_run(target.read_bytes()).cases[0].id == finished.split()[1]


def test_the_page_of_observations_survives_a_hostile_name(invoke: Invoke, runner: FakeRunner) -> None:
    runner.results["hook-order"] = result("hook-order", observations=(observation("[bold]x[/bold] [axes=0]"),))
    assert "[bold]x[/bold] [axes=0]" in invoke("run", "hook-order").stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups to signal")
def test_ctrl_c_is_answered_once_for_all_workers() -> None:
    command = [sys.executable, "-m", "compare", "all", "-v", "-j", "2"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    next(line for line in process.stderr if line.startswith(("match: ", "diverges-as-documented: ")))
    os.killpg(process.pid, signal.SIGINT)
    output, narrated = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(
        r"((match|diverges-as-documented): .*\n)*Interrupted: \d+ of \d+ cases had finished.\n", narrated
    )
    assert "1 match" in output or " cases: " in output
