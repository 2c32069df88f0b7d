"""What a recording keeps, and what it gives up again; the steps of optimizers that it takes as one."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import compare
from compare.recording.calls import bare_name
from compare.recording.events import Called, Met, Updated
from compare.recording.optimizer_calls import OptimizerCalls
from compare.recording.recorder import SMALL, Recorder
from compare.recording.steps import calls_of

LARGE = SMALL // 8 + 1  # of float64


def recorded(run: Callable[[], object]) -> Recorder:
    recorder = Recorder()
    with recorder.running():
        run()
    return recorder


# ---- memory ----


def test_a_large_result_lives_as_long_as_the_code_keeps_it() -> None:
    alive = []

    def run() -> None:
        x = torch.ones(LARGE, dtype=torch.float64, requires_grad=True)
        large, small = x * 2, x[:3] * 2
        references = [weakref.ref(large), weakref.ref(small)]
        del large, small
        alive.extend(one() is not None for one in references)

    recorded(run)
    assert alive == [False, True]


def test_memory_that_is_used_again_is_another_one() -> None:
    recorder, numbers = Recorder(), np.zeros(LARGE)
    first, beside = torch.from_numpy(numbers), torch.from_numpy(numbers)
    seen = recorder.know(first), recorder.know(beside), recorder.know(beside[1:])
    assert seen[0].storage is seen[1].storage is seen[2].storage, "both are alive: each sees what the other writes"
    assert seen[2].base is seen[1]
    del first, beside
    again = recorder.know(torch.from_numpy(numbers))
    assert again.place[1:] == seen[0].place[1:]
    assert again.storage is not seen[0].storage, "no tensor of before can see what is written now"


def test_a_loop_that_uses_its_memory_again_is_proven() -> None:
    def writes(w: torch.Tensor) -> torch.Tensor:
        total = w.sum()
        for n in range(1, 8):
            y = w.detach() * n
            y.add_(n)
            total = total * y.mean()
            del y
        return total

    w = torch.linspace(0, 1, 8 * LARGE, dtype=torch.float64).requires_grad_()
    made = compare.translate(lambda w: torch.autograd.grad(writes(w), [w])[0], w)
    assert made.verdict == "proven", made.report()


def test_what_comes_from_outside_is_kept() -> None:
    kept = []

    def run() -> None:
        x = torch.ones(LARGE)
        x * 2
        kept.append(weakref.ref(x))

    recorder = recorded(run)
    gc.collect()
    [met] = [one for one in recorder.events if isinstance(one, Met)]
    assert met.tensor.tensor is kept[0]()


# ---- steps of optimizers ----

OPTIMIZERS: dict[str, Callable[[list[Any]], Any]] = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "SGD with dampening": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5, maximize=True),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.1, weight_decay=0.1),
    "Adam with the maximum": lambda p: torch.optim.Adam(p, amsgrad=True),
    "AdamW": lambda p: torch.optim.AdamW([{"params": p[:1], "lr": 0.1}, {"params": p[1:]}], betas=(0.8, 0.9)),
    "RMSprop": lambda p: torch.optim.RMSprop(p, momentum=0.5, centered=True),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr_decay=0.1, initial_accumulator_value=0.5),
}


def stepped(make: Callable[[list[Any]], Any]) -> tuple[list[list[str]], list[torch.Tensor]]:
    """The calls of each of three steps, and the parameters in the end. One of them has one element, one no gradient."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 3), (1,), (2,))
    parameters = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    optimizer = make(parameters)
    recorder, steps = Recorder(), []
    with recorder.running():
        for _ in range(3):
            optimizer.zero_grad()
            (parameters[0].sum() ** 2 + parameters[1].sum() ** 3).backward()
            before = len(recorder.events)
            optimizer.step()
            steps.append(recorder.events[before:])
    names = []
    for events in steps:
        told = [call for one in events for call in (calls_of(one) if isinstance(one, Updated) else [one])]
        called = [one for one in told if isinstance(one, Called)]
        names.append([bare_name(one.function) for one in called if bare_name(one.function) != "grad.__get__"])
    return names, parameters


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_step_taken_again_calls_what_it_called(make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    as_one, moved = stepped(make)
    monkeypatch.setattr(OptimizerCalls, "_is_whole", lambda self, optimizer: False)
    one_by_one, wanted = stepped(make)
    assert as_one == one_by_one
    assert all(as_one)
    assert all(map(torch.equal, moved, wanted))


def whole_steps(make: Callable[[list[Any]], Any], *arguments: Any) -> int:
    """How many of two steps are recorded as one event."""
    parameters = [torch.nn.Parameter(torch.ones(3))]
    optimizer = make(parameters)

    def run() -> None:
        for _ in range(2):
            (parameters[0] ** 2).sum().backward()
            optimizer.step(*arguments)

    return sum(isinstance(one, Updated) for one in recorded(run).events)


class Own(torch.optim.SGD):
    """May do anything in its steps."""


def hooked(parameters: list[Any]) -> Any:
    optimizer = torch.optim.SGD(parameters)
    optimizer.register_step_post_hook(lambda *_: None)
    return optimizer


SEEN_IN_FULL: dict[str, Callable[[list[Any]], Any]] = {
    "another class": Own,
    "an optimizer that reads numbers": torch.optim.Rprop,
    "a hook": hooked,
    "a rate that is a tensor": lambda p: torch.optim.SGD(p, lr=torch.tensor(0.1)),
    "several at once": lambda p: torch.optim.SGD(p, foreach=True),
    "all in one": lambda p: torch.optim.SGD(p, fused=True),
}


@pytest.mark.parametrize("make", SEEN_IN_FULL.values(), ids=SEEN_IN_FULL)
def test_a_step_that_its_settings_do_not_tell_is_seen_in_full(make: Callable[..., Any]) -> None:
    assert whole_steps(torch.optim.SGD) == 2
    assert whole_steps(make) == 0


def test_a_step_with_a_closure_or_in_another_mode_is_seen_in_full() -> None:
    assert whole_steps(torch.optim.SGD, lambda: torch.tensor(0.0)) == 0

    class Other(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return function(*args, **(kwargs or {}))

    def run() -> None:
        with Other():
            parameter = torch.nn.Parameter(torch.ones(3))
            (parameter**2).sum().backward()
            torch.optim.SGD([parameter]).step()

    assert not any(isinstance(one, Updated) for one in recorded(run).events)


def test_what_a_recording_stands_in_for_is_put_back() -> None:
    optimizers = [torch.optim.Optimizer, *(getattr(torch.optim, name) for name in ("SGD", "Adam", "AdamW", "Adagrad"))]
    before = [(vars(one).get("step"), vars(one).get("zero_grad")) for one in optimizers]

    def run() -> None:
        torch.optim.AdamW([torch.nn.Parameter(torch.ones(3))]).step()
        raise KeyError

    with pytest.raises(KeyError):
        recorded(run)
    assert [(vars(one).get("step"), vars(one).get("zero_grad")) for one in optimizers] == before


def test_a_replaced_function_in_an_optimizer_is_not_taken_for_the_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def doubled(parameters: list[Any], gradients: list[Any], *_: Any, lr: float, **__: Any) -> None:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.add_(gradient, alpha=-2 * lr)

    parameter = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))

    def step() -> torch.Tensor:
        monkeypatch.setattr(sys.modules["torch.optim.sgd"], "sgd", doubled)
        optimizer = torch.optim.SGD([parameter], lr=0.1)
        loss = (parameter**2).sum()
        loss.backward()
        optimizer.step()
        monkeypatch.undo()
        return parameter

    made = compare.translate(step)
    assert made.verdict == "not-proven", made.report()


# ---- dropout ----


@pytest.mark.parametrize("tracked", [True, False])
def test_dropout_draws_once_and_its_mask_is_the_one_it_drew(tracked: bool) -> None:
    x = torch.linspace(1, 2, 64).requires_grad_(tracked)
    torch.manual_seed(3)
    plain, state = torch.nn.functional.dropout(x, 0.25), torch.get_rng_state()
    torch.manual_seed(3)
    results = []
    recorder = recorded(lambda: results.append(torch.nn.functional.dropout(x, 0.25)))
    assert torch.equal(results[0], plain)
    assert torch.equal(torch.get_rng_state(), state)
    [mask] = [one.values for one in recorder.events if isinstance(one, Met) and one.hint == "dropout_mask"]
    assert torch.equal(x * mask, plain)
    assert set(mask.tolist()) == {0.0, torch.tensor(4 / 3).item()}
