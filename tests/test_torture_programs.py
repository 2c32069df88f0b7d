"""Every torture program does in plain PyTorch what it declares, in either precision, and without a warning."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torture_programs import PROGRAMS, Tensors, TortureProgram

RTOL = {torch.float32: 1e-6, torch.float64: 1e-12}


@pytest.fixture(params=[torch.float64, torch.float32], ids=["float64", "float32"])
def dtype(request: pytest.FixtureRequest) -> Iterator[torch.dtype]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(before)
    torch.set_grad_enabled(True)  # in case a program that raises left it off


def collects(tensor: torch.Tensor) -> bool:
    """Whether a backward leaves a gradient in `tensor.grad`."""
    return (tensor.is_leaf and tensor.requires_grad) or tensor.retains_grad


def observed(tensors: Tensors) -> dict[str, torch.Tensor | None]:
    """What a program left behind, under the names that `expects` uses."""
    gradients = {f"{name}.grad": tensor.grad for name, tensor in tensors.items() if collects(tensor)}
    return {**tensors, **gradients}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_pytorch_does_what_the_program_declares(program: TortureProgram, dtype: torch.dtype) -> None:
    if program.raises is not None:
        with pytest.raises(program.raises) as raised:
            program.run()
        assert program.message
        assert program.message in str(raised.value)
        return
    seen = observed(program.run())
    assert seen
    assert program.expects.keys() <= seen.keys()
    for name, expected in program.expects.items():
        actual = seen[name]
        if expected is None or actual is None:
            assert actual is expected, name
            continue
        wanted = torch.tensor(expected, dtype=actual.dtype)
        torch.testing.assert_close({name: actual.detach()}, {name: wanted}, rtol=RTOL[dtype], atol=0, equal_nan=True)


def test_names_and_descriptions_are_unique() -> None:
    assert len({program.name for program in PROGRAMS}) == len(PROGRAMS)
    assert len({program.description for program in PROGRAMS}) == len(PROGRAMS)


def test_a_program_either_raises_or_expects() -> None:
    assert not [program.name for program in PROGRAMS if program.raises is not None and program.expects]


@pytest.mark.parametrize("program", [one for one in PROGRAMS if one.derivative], ids=lambda program: program.name)
def test_a_declared_derivative_is_not_what_pytorch_delivers(program: TortureProgram, dtype: torch.dtype) -> None:
    seen = observed(program.run())
    for name, derivative in program.derivative.items():
        actual = seen[name]
        assert actual is not None
        assert not torch.allclose(actual, torch.tensor(derivative, dtype=dtype))
