"""A case that crashes, hangs or leaves global state changed fails alone, with its name and what happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import indent

import pytest

from compare.cases import load_cases
from compare.results import CaseResult, read_run
from compare.runner import run_case
from compare.runs import run_cases

ROOT = Path(__file__).parents[1]

GOOD = """
a = tape.leaf([1.0, 2.0])
(a * a).sum().backward()
tape.expect(a.grad, [2.0, 4.0])
"""

SNIPPETS = '''

@demonstration
def {name}(shown):
    """Title of {name}"""

    @shown.torch
    def _():
        import torch
{torch}
        print("y", 1)

    @shown.jax
    def _():
        import jax
{jax}
        print("y", 1)

    shown.expect("y", 1)
'''


def chapter(folder: Path, file: str = "chapter", **bodies: str) -> Path:
    """A directory of one chapter. A body is a case's; with `torch: ` or `jax: ` before, a line of that snippet."""
    text = "from compare import case, demonstration\n"
    for name, body in bodies.items():
        leg, separator, line = body.partition(": ")
        if separator and leg in ("torch", "jax"):
            lines = {"torch": "", "jax": "", leg: indent(line, " " * 8)}
            text += SNIPPETS.format(name=name, **lines)
        else:
            text += f'\n\n@case\ndef {name}(tape):\n    """Title of {name}"""\n{indent(body, "    ")}\n'
    (folder / f"{file}.py").write_text(text, "utf-8")
    return folder


def compare_command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "compare", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **environment}
    )


# ---- crashes and time limits ----


CRASHES = {
    "first": GOOD,
    "segmentation_fault": "torch: import ctypes; ctypes.string_at(0)",
    "leaves_with_success": "jax: import os; os._exit(0)",
    "hangs": "torch: import time; time.sleep(600)",
    "crashes_while_it_is_recorded": "import os\nos._exit(7)",
    "keeps_inference_mode": "torch: torch.kept = torch.inference_mode(); torch.kept.__enter__()",
    "last": GOOD,
}


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Two good cases with the others between them, in one run."""
    folder = chapter(tmp_path_factory.mktemp("crashes"), **CRASHES)
    words = ["all", "--cases", str(folder), "--output-format", "json", "--timeout", "5", "--no-cache"]
    return folder, compare_command(*words)


def result_of(crashed: tuple[Path, subprocess.CompletedProcess[str]], id: str) -> CaseResult:
    run = read_run(crashed[1].stdout.encode())
    assert [case.id for case in run.cases] == [name.replace("_", "-") for name in CRASHES]
    return next(case for case in run.cases if case.id == id)


def test_a_crash_ends_the_run_with_3(crashed: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    assert crashed[1].returncode == 3
    assert "mistake in compare itself" not in crashed[1].stderr


@pytest.mark.parametrize("id", ["first", "last"])
def test_the_other_cases_match(crashed: tuple[Path, subprocess.CompletedProcess[str]], id: str) -> None:
    assert result_of(crashed, id).outcome == "match"


@pytest.mark.parametrize(
    ("id", "fault", "told"),
    [
        ("segmentation-fault", "leg", "the process that ran it ended with signal SIGSEGV."),
        ("segmentation-fault", "leg", 'File "<segmentation-fault.torch.py>", line 3 in <module>'),
        ("leaves-with-success", "leg", "the process that ran it ended with exit code 0."),
        ("hangs", "leg", "it did not end within 5 seconds."),
        ("hangs", "leg", 'File "<hangs.torch.py>", line 3 in <module>'),
        ("crashes-while-it-is-recorded", "leg", "the process that ran it ended with exit code 7."),
        (
            "keeps-inference-mode",
            "input",
            "PyTorch's inference mode from False to True, which cannot be put back",
        ),
    ],
)
def test_a_case_that_ends_its_process_says_what_happened(
    crashed: tuple[Path, subprocess.CompletedProcess[str]], id: str, fault: str, told: str
) -> None:
    result = result_of(crashed, id)
    assert (result.outcome, result.fault) == ("error", fault)
    assert f"Case '{id}' ({crashed[0]}/chapter.py:" in (result.error or "")
    assert told in (result.error or "")


def test_stopping_at_the_first_counts_a_crash(tmp_path: Path) -> None:
    cases = load_cases(chapter(tmp_path, crash="import os\nos._exit(7)", good=GOOD)).cases
    assert [case.outcome for case in run_cases(cases, stop_at_first=True).cases] == ["error"]


# ---- global state ----

TORCH_STATE = {
    "torch.set_grad_enabled(False)": "PyTorch's grad mode from True to False",
    "torch.set_warn_always(False)": "PyTorch's warn-always flag from True to False",
    "torch.use_deterministic_algorithms(True)": "PyTorch's deterministic algorithms",
    "torch.autograd.set_detect_anomaly(True)": "PyTorch's anomaly mode",
    "torch.set_autocast_enabled('cpu', True)": "PyTorch's autocast on the CPU from False to True",
    "torch.autograd.set_multithreading_enabled(False)": "PyTorch's multithreaded backward from True to False",
    "torch.set_default_device('meta')": "PyTorch's default device",
    "torch.set_num_threads(torch.get_num_threads() + 1)": "PyTorch's number of threads from",
    "torch.set_float32_matmul_precision('high')": "PyTorch's float32 matmul precision from highest to high",
}
JAX_STATE = {
    "jax.config.update('jax_debug_nans', True)": "JAX's setting jax_debug_nans",
    "jax.config.update('jax_numpy_dtype_promotion', 'strict')": "JAX's setting jax_numpy_dtype_promotion",
    "jax.config.update('jax_disable_jit', True)": "JAX's setting jax_disable_jit",
}
PROCESS_STATE = {
    "import warnings; warnings.simplefilter('ignore')": "the warning filters",
    "import warnings; warnings.filterwarnings('ignore', 'never')": "the warning filters",
    "import numpy; numpy.seterr(divide='raise')": "NumPy's error state divide",
    "import os; os.environ['PLANTED_BY_A_TEST'] = '1'": "the environment variable PLANTED_BY_A_TEST",
    "import os; del os.environ['HOME_OF_A_TEST']": "the environment variable HOME_OF_A_TEST",
    "import os; os.chdir('/')": "the current directory",
    "import sys; sys.path.append('planted')": "sys.path",
    "import sys; sys.setrecursionlimit(4321)": "the recursion limit",
    "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)": "the signal handler of SIGUSR1",
}
PLANTED = [
    *[("torch", line, told) for line, told in (TORCH_STATE | PROCESS_STATE).items()],
    *[("jax", line, told) for line, told in (JAX_STATE | PROCESS_STATE).items()],
]


@pytest.mark.parametrize(("leg", "line", "told"), PLANTED, ids=[f"{leg} {line}" for leg, line, _ in PLANTED])
def test_a_script_that_leaves_state_changed_is_an_error_and_it_is_put_back(
    tmp_path: Path, leg: str, line: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME_OF_A_TEST", "here")
    changing, good = load_cases(chapter(tmp_path, changes=f"{leg}: {line}", good=GOOD)).cases
    for _ in range(2):  # it is found out again, so the first run put it back
        result = run_case(changing)
        assert (result.outcome, result.fault) == ("error", "input")
        assert f"Case 'changes' ({tmp_path}/chapter.py:4) leaves global state changed: {told}" in (result.error or "")
    assert run_case(good).outcome == "match"


@pytest.mark.parametrize("line", [line for line in PROCESS_STATE if "HOME" not in line])
def test_a_case_that_changes_state_while_it_is_recorded_is_an_error(tmp_path: Path, line: str) -> None:
    [changing] = load_cases(chapter(tmp_path, changes=f"{line}\n{GOOD}")).cases
    result = run_case(changing)
    assert (result.outcome, result.fault) == ("error", "input")
    assert PROCESS_STATE[line] in (result.error or "")


@pytest.mark.parametrize(
    "body",
    [
        "torch: torch.set_default_dtype(torch.float64)",
        "jax: jax.config.update('jax_enable_x64', True)",
        "torch: torch.manual_seed(0)",
        "torch: import warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('error')",
    ],
)
def test_what_a_script_may_set_is_no_error(tmp_path: Path, body: str) -> None:
    [case] = load_cases(chapter(tmp_path, sets=body)).cases
    assert run_case(case).outcome == "match"


def test_what_an_import_changes_is_not_the_cases_doing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "changes_once.py").write_text("import os\nos.environ['SET_BY_A_LIBRARY'] = '1'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "cases").mkdir()
    [case] = load_cases(chapter(tmp_path / "cases", imports="torch: import changes_once")).cases
    assert run_case(case).outcome == "match"
    assert "SET_BY_A_LIBRARY" not in os.environ


def test_a_seed_of_one_script_is_not_the_seed_of_the_next(tmp_path: Path) -> None:
    draw = 'torch: torch.manual_seed({seed})\nprint("x", torch.rand(3).tolist())'
    cases = load_cases(chapter(tmp_path, one=draw.format(seed=0), two=draw.format(seed="torch.initial_seed()"))).cases
    drawn = [next(seen.torch for seen in run_case(case).observations if seen.name == "x") for case in cases]
    assert drawn[0] != drawn[1]


# ---- what is printed, and Ctrl-C ----


def test_what_a_case_prints_is_no_part_of_the_result(tmp_path: Path) -> None:
    body = 'print("from the case")\nimport os\nos.write(1, b"from below\\n")\n' + GOOD
    folder = chapter(tmp_path, talks=body)
    done = compare_command("all", "--cases", str(folder), "--output-format", "json", "-v")
    assert json.loads(done.stdout)["summary"]["match"] == 1
    assert "talks printed:\nfrom the case\nfrom below\n" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
@pytest.mark.parametrize(("workers", "expected"), [("1", ["first", "second", "third"]), ("2", ["first", "third"])])
def test_ctrl_c_reports_what_finished_also_behind_a_case_that_hangs(
    tmp_path: Path, workers: str, expected: list[str]
) -> None:
    def hanging(mark: Path) -> str:
        return f"import time\nopen({str(mark)!r}, 'w').close()\ntime.sleep(600)"

    marks = [tmp_path / name for name in ("fourth", "second")[: int(workers)]]
    bodies = {"first": GOOD, "second": GOOD if workers == "1" else hanging(marks[1]), "third": GOOD}
    folder = chapter(tmp_path, **bodies, fourth=hanging(marks[0]))
    command = [sys.executable, "-m", "compare", "all", "--cases", str(folder), "-j", workers, "-q", "--no-cache"]
    with subprocess.Popen(
        [*command, "--output-format", "json"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not all(mark.exists() for mark in marks):  # a process that starts on a case has replied to the one before
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, narrated = process.communicate(timeout=20)
    assert process.returncode == 130
    assert [case.id for case in read_run(output.encode()).cases] == expected
    assert narrated == f"Interrupted: {len(expected)} of 4 cases had finished.\n"
