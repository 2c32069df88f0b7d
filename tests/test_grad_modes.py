"""Grad modes, alone and nested, held to what PyTorch does; tensors made in inference mode."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

import pytest
import torch

from compare.errors import CaseError
from compare.grad_modes import GradMode
from compare.statements import EnterGradMode
from compare.tape import Tape, record
from compare.torch_leg import print_torch

BLOCKS = [
    ("no_grad", True),
    ("enable_grad", True),
    *(itertools.product(("set_grad_enabled", "inference_mode"), (True, False))),
]


def opened(word: str, flag: bool) -> Any:
    return getattr(torch, word)(*([] if word in ("no_grad", "enable_grad") else [flag]))


@pytest.mark.parametrize("switch", [None, True, False])
@pytest.mark.parametrize("blocks", list(itertools.product(BLOCKS, BLOCKS)))
def test_nested_blocks_record_when_pytorch_does(blocks: tuple[tuple[str, bool], ...], switch: bool | None) -> None:
    x = torch.tensor(1.0, requires_grad=True)
    mode = GradMode()
    with contextlib.ExitStack() as stack:
        for word, flag in blocks:
            mode = mode.entered(EnterGradMode(mode=word, flag=flag))  # type: ignore[arg-type]
            stack.enter_context(opened(word, flag))
            assert (x * 1).requires_grad == mode.recording
        if switch is not None:
            mode = mode.switched(switch)
            torch.set_grad_enabled(switch)
        made = x * 1
        assert (made.requires_grad, made.is_inference()) == (mode.recording, mode.inference)
    assert torch.is_grad_enabled()


def printed(case: Any) -> list[str]:
    program = record(case, id="a-case", title="A case", dtype="float64")
    return print_torch(program).text.partition("torch.float64)\n\n")[2].splitlines()


def test_modes_are_printed_as_people_write_them() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf(1.0)
        tape.set_grad_enabled(False)
        with tape.set_grad_enabled(True), tape.inference_mode(False):
            tape.observe(x)
        with tape.inference_mode():
            tape.observe(x.is_leaf)

    assert printed(case) == [
        "x = torch.tensor(1.0, requires_grad=True)",
        "torch.set_grad_enabled(False)",
        "with torch.set_grad_enabled(True):",
        "    with torch.inference_mode(False):",
        '        print("x =", x)',
        "with torch.inference_mode():",
        '    print("x.is_leaf =", x.is_leaf)',
    ]


def test_a_switch_kept_for_later_is_refused() -> None:
    def case(tape: Tape) -> None:
        switch = tape.set_grad_enabled(False)
        x = tape.leaf(1.0)
        with switch:
            tape.observe(x)

    with pytest.raises(CaseError, match="Open a set_grad_enabled block where it is called"):
        printed(case)


REFUSED = {
    "PyTorch raises where it saves such a tensor": lambda tape, w, i: w * i,
    "multiply of 'i', which was made in inference mode": lambda tape, w, i: (w * 1).mul_(i),
    "in-place update of a tensor made in inference mode": lambda tape, w, i: i.add_(1.0),
    "requires_grad_ on 'i', which was made in inference mode": lambda tape, w, i: i.requires_grad_(),
    "The version of 'i'": lambda tape, w, i: tape.observe(i.version),
    "gradient 'i' was made in inference mode": lambda tape, w, i: (w * 1).backward(i),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_an_inference_tensor_cannot_do_is_refused_by_name(message: str) -> None:
    def case(tape: Tape) -> None:
        w = tape.leaf([1.0, 2.0])
        with tape.inference_mode():
            i = tape.constant([1.0, 1.0]) * 3
        REFUSED[message](tape, w, i)

    with pytest.raises(CaseError, match=message):
        printed(case)


@pytest.mark.parametrize("word", ["leaf", "backward", "requires_grad_"])
def test_words_that_inference_mode_changes_are_refused_inside(word: str) -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf(1.0)
        y = x * 2
        with tape.inference_mode():
            {"leaf": lambda: tape.leaf(2.0), "backward": y.backward, "requires_grad_": x.requires_grad_}[word]()

    with pytest.raises(CaseError, match="in inference mode is not modelled"):
        printed(case)
