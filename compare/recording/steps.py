"""A step of an optimizer, recorded as one event. What it did is found out later: it is done again.

A step of PyTorch's own optimizers calls a dozen functions for each parameter. Which ones they are follows from its
settings, from the shapes and from how many steps there were before, not from the numbers in the gradients. So they can
be recorded on other tensors of the same shapes, as if these were the real ones.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import Any

from compare.recording.events import Event, Seen, Updated
from compare.recording.recorder import Recorder

__all__ = ["calls_of"]


def calls_of(step: Updated) -> list[Event]:
    """The events that a step stands for, on the tensors of the run."""
    if not step.calls:
        step.calls = _taken_again(step)
    return step.calls


def _taken_again(step: Updated) -> list[Event]:
    """Take the step on tensors of the same shapes, and record that as if it had been the real ones."""
    import torch

    recorder = Recorder(site=step.site)
    twins: dict[int, Any] = {}

    def twin(seen: Seen) -> Any:
        """A tensor that the recorder takes for this one."""
        if id(seen) not in twins:
            made = torch.empty_strided(seen.shape, seen.stride, dtype=seen.dtype, device="cpu")
            twins[id(seen)] = made.zero_()
            recorder.known[id(made)] = seen
        return twins[id(seen)]

    optimizer = getattr(torch.optim, step.kind)([torch.zeros(1)])
    optimizer.state = defaultdict(dict)
    optimizer.param_groups = [{**settings, "params": []} for settings in step.groups]
    for one in step.parameters:
        parameter = twin(one.parameter)
        parameter.grad = twin(one.gradient)
        optimizer.param_groups[one.group]["params"].append(parameter)
        state = optimizer.state[parameter]
        state.update({word: twin(seen) for word, seen in one.before.items()})
        if one.count is not None:
            number, dtype = one.count
            state["step"] = state["step"].fill_(number) if "step" in state else torch.tensor(number, dtype=dtype)
    before = torch.get_default_dtype()
    torch.set_default_dtype(step.dtype)
    try:
        with torch.enable_grad(), recorder.mode:
            optimizer.step()
    finally:
        torch.set_default_dtype(before)
    real: dict[int, Seen] = {}
    for one in step.parameters:
        for word, seen in one.after.items():
            real[id(recorder.kept(optimizer.state[twin(one.parameter)][word]))] = seen
    return [_with_real(event, real) for event in recorder.events]


def _with_real(event: Event, real: dict[int, Seen]) -> Event:
    """The same event, about the tensors that the step made in the run."""

    def of(value: Any) -> Any:
        if isinstance(value, Seen):
            return real.get(id(value), value)
        return type(value)(map(of, value)) if type(value) in (list, tuple) else value

    return dataclasses.replace(event, **{one.name: of(getattr(event, one.name)) for one in dataclasses.fields(event)})
