"""Every example is a plain PyTorch script that runs quickly, without a warning, in the precision it is given."""

from __future__ import annotations

import ast
import contextlib
import io
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

EXAMPLES = sorted((Path(__file__).parent.parent / "examples" / "torch").glob("*.py"))


@pytest.fixture(params=[torch.float64, torch.float32], ids=["float64", "float32"])
def dtype(request: pytest.FixtureRequest) -> Iterator[torch.dtype]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(before)


def tensors_in(value: object) -> Iterator[torch.Tensor]:
    """The tensors that a module-level name of a script leads to."""
    match value:
        case torch.Tensor():
            yield value
        case torch.nn.Module():
            yield from (*value.parameters(), *value.buffers())
        case list() | tuple():
            for item in value:
                yield from tensors_in(item)


def run(path: Path) -> list[torch.Tensor]:
    with contextlib.redirect_stdout(io.StringIO()):
        names = runpy.run_path(str(path), run_name="__main__")
    return [tensor for value in names.values() for tensor in tensors_in(value)]


def test_there_are_twenty_one() -> None:
    assert len(EXAMPLES) == 21


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_in_the_default_dtype_alone(path: Path, dtype: torch.dtype) -> None:
    tensors = run(path)
    tensors += [tensor.grad for tensor in tensors if tensor.is_leaf and tensor.grad is not None]
    floating = [tensor for tensor in tensors if tensor.is_floating_point()]
    assert floating
    assert {tensor.dtype for tensor in floating} == {dtype}
    assert all(tensor.isfinite().all() for tensor in floating)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_seeded(path: Path) -> None:
    first, second = run(path), run(path)
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_imports_pytorch_and_nothing_of_ours(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert "torch" in imported
    assert {name.split(".")[0] for name in imported} <= {"torch", *sys.stdlib_module_names}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_no_gradient_of_an_example_is_rounding_noise(path: Path, dtype: torch.dtype) -> None:
    """A gradient that is zero but for rounding, divided by its own size as Adam does, moves a parameter at random."""
    sizes: list[float] = []

    def look(optimizer: torch.optim.Optimizer, *_: object) -> None:
        for parameter in (parameter for group in optimizer.param_groups for parameter in group["params"]):
            if parameter.grad is not None:
                sizes.extend(parameter.grad.abs().flatten().tolist())

    handle = register_optimizer_step_pre_hook(look)
    try:
        run(path)
    finally:
        handle.remove()
    assert not [size for size in sizes if 0 < size < torch.finfo(dtype).eps]
