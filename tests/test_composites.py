"""The registry of composites: every name is a function of PyTorch, under PyTorch's parameters."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from composite_checks import torch_function

from compare.composites import COMPOSITES, composite

PROPERTIES = {"torch.Tensor.T", "torch.Tensor.H", "torch.Tensor.mH"}
FREE = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}


@pytest.mark.parametrize("name", sorted(COMPOSITES))
def test_the_name_is_a_function_of_pytorch(name: str) -> None:
    function: Any = torch_function(name)
    assert callable(function)
    tape, *own = inspect.signature(COMPOSITES[name]).parameters.values()
    assert tape.name == "tape"
    if any(one.kind in FREE for one in own) or name in PROPERTIES:
        return
    try:
        theirs = list(inspect.signature(function).parameters.values())
    except ValueError:
        return  # Written in C++, it has no signature to look at.
    if any(one.kind in FREE for one in theirs):
        return
    assert [one.name for one in own][1:] == [one.name for one in theirs][1:], name
    assert [one.default for one in own][1:] == [one.default for one in theirs][1:], name


def test_two_composites_have_not_one_name() -> None:
    name = next(iter(COMPOSITES))
    with pytest.raises(RuntimeError, match="Two composites are"):
        composite(name)(lambda tape: None)
