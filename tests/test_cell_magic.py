"""`%%compare` in IPython's own shell: the cell runs as it would, and its translation is shown under it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import compare

FORMER = "import torch\nw = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)\nx = torch.tensor([2.0, 0.5, 1.0])"
CELL = "y = w * x\nloss = (y * y).sum()\nloss.backward()\nprint('hello')\nw.grad"


class Notebook:
    """Cells of one notebook, run in this process; what each printed and displayed."""

    def __init__(self, directory: Path) -> None:
        InteractiveShell.clear_instance()
        self.shell = InteractiveShell.instance(ipython_dir=str(directory))
        self.shell.colors = "nocolor"
        self.shell.history_manager.enabled = False
        compare.load_ipython_extension(self.shell)
        self.printed = ""
        self.displayed: list[dict[str, str]] = []

    def close(self) -> None:
        self.shell.history_manager.end_session()
        self.shell.restore_sys_module_state()
        InteractiveShell.clear_instance()

    @property
    def names(self) -> dict[str, Any]:
        return self.shell.user_ns  # type: ignore[no-any-return]

    def run(self, cell: str) -> Any:
        """Run a cell. Returns its result; what it raised is `result.error_in_exec`."""
        with capture_output() as captured:
            result = self.shell.run_cell(cell, store_history=True)
        self.printed = captured.stdout + captured.stderr
        self.displayed = [one.data for one in captured.outputs]
        return result


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    made = Notebook(tmp_path)
    made.run(FORMER)
    yield made
    made.close()


def variables(names: dict[str, Any]) -> dict[str, Any]:
    """The user's own names and what they hold; tensors as lists with their gradients."""

    def plain(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        grad = value.grad.tolist() if value.is_leaf and value.grad is not None else None
        return value.tolist(), grad, value._version, value.requires_grad, value.is_leaf

    hidden = {"In", "Out", "exit", "quit", "open", "get_ipython", "made"}
    return {name: plain(one) for name, one in names.items() if not name.startswith("_") and name not in hidden}


def test_a_cell_leaves_prints_and_shows_what_it_would_and_its_translation(tmp_path: Path) -> None:
    seen = []
    for first in ("", "%%compare made\n"):
        one = Notebook(tmp_path)
        one.run(FORMER + "\ntorch.manual_seed(3)")
        result = one.run(first + CELL)
        assert result.success
        seen.append((variables(one.names), result.result.tolist(), one.names["_"].tolist(), list(one.names["Out"])))
        one.run("drawn = torch.rand(2)")
        seen[-1] += (one.names["drawn"].tolist(), torch.get_default_dtype(), torch.is_grad_enabled())
        one.close()
    assert seen[0] == seen[1]
    assert seen[0][1] == [8.0, 1.0, 6.0]
    made = one.names["made"]
    assert (made.verdict, made.reason) == ("proven", "")
    assert "jax.value_and_grad(loss_fn" in made.jax_source
    assert made.result.script == CELL + "\n"


def test_the_view_is_displayed_under_what_the_cell_prints(notebook: Notebook) -> None:
    notebook.run("%%compare\n" + CELL)
    assert notebook.printed.startswith("hello\n")
    [shown] = [one["text/html"] for one in notebook.displayed if "text/html" in one]
    assert shown.startswith('<div class="compare-view">')
    assert "✓ cell: proven." in shown
    assert shown.count("<svg ") == 2


def test_tensors_of_former_cells_enter_as_leaves_and_constants(notebook: Notebook) -> None:
    notebook.run("%%compare made\nloss = (w * x).sum()\nloss.backward()")
    source = notebook.names["made"].jax_source
    assert "w = jnp.array([1.0, 2.0, 3.0])" in source
    assert "x = jnp.array([2.0, 0.5, 1.0])" in source
    # The second time there is a gradient already, and the tape adds to it.
    notebook.run("%%compare again\nloss = (w * x).sum()\nloss.backward()")
    again = notebook.names["again"]
    assert again.verdict == "proven"
    assert "grad_before = jnp.array([2.0, 0.5, 1.0])" in again.jax_source
    assert notebook.names["w"].grad.tolist() == [4.0, 1.0, 2.0]


def test_a_history_of_a_former_cell_is_refused_and_the_cell_has_run(notebook: Notebook) -> None:
    notebook.run("y = w * x")
    result = notebook.run("%%compare made\nz = y.sum()\nz.backward()")
    assert result.success
    made = notebook.names["made"]
    assert made.verdict == "refused"
    assert made.reason.startswith("cell:1: A tensor of shape [3] with history is used here")
    assert notebook.names["w"].grad.tolist() == [2.0, 0.5, 1.0]


def test_what_a_cell_raises_is_raised_from_its_own_line(notebook: Notebook) -> None:
    result = notebook.run("%%compare made\nkept = 1\nw += 1\nnever = 2")
    assert isinstance(result.error_in_exec, RuntimeError)
    assert "a leaf Variable that requires grad" in str(result.error_in_exec)
    assert "----> 2 w += 1" in notebook.printed
    assert "scripts.py" not in notebook.printed
    assert notebook.names["kept"] == 1
    assert "never" not in notebook.names
    assert "made" not in notebook.names


def test_leaving_is_raised_too(notebook: Notebook) -> None:
    result = notebook.run("%%compare\nimport sys\nsys.exit(0)")
    assert isinstance(result.error_in_exec, SystemExit)


@pytest.mark.parametrize(
    ("cell", "raised"),
    [("%%compare\nif", "SyntaxError"), ("%%compare 1x\nw", "UsageError"), ("%%compare a b\nw", "UsageError")],
)
def test_what_is_no_cell_runs_nothing(notebook: Notebook, cell: str, raised: str) -> None:
    result = notebook.run(cell)
    error = result.error_in_exec or result.error_before_exec
    assert type(error).__name__ == raised
    assert not notebook.displayed


def test_magics_inside_and_definitions_work_as_in_a_cell(notebook: Notebook) -> None:
    result = notebook.run("%%compare made\n%time z = (w * 2).sum()\ndef double(a):\n    return a * 2\ndouble(3);")
    assert result.success
    assert notebook.names["made"].verdict == "proven"
    assert notebook.names["double"](4) == 8
    assert result.result is None or result.result == 6


def test_a_model_and_its_optimizer_of_former_cells_take_a_step(notebook: Notebook) -> None:
    notebook.run(
        "torch.manual_seed(0)\nmodel = torch.nn.Linear(3, 1)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)"
    )
    notebook.run("%%compare made\noptimizer.zero_grad()\nloss = model(x).sum()\nloss.backward()\noptimizer.step()")
    made = notebook.names["made"]
    assert (made.verdict, made.reason) == ("proven", "")
    assert 'params["weight"]' in made.jax_source


def test_a_shell_loads_the_extension_by_name(notebook: Notebook) -> None:
    notebook.shell.magics_manager.magics["cell"].pop("compare")
    assert notebook.run("%load_ext compare").success
    assert "compare" in notebook.shell.magics_manager.magics["cell"]
