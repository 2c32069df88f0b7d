"""Optimizers, schedules and clipping."""

from __future__ import annotations

import torch

from torture_programs.registry import Tensors, torture


@torture("SGD with momentum and weight decay")
def sgd_with_momentum() -> Tensors:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9, weight_decay=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        (w**4).sum().backward()
        optimizer.step()
    return {"w": w}


@torture("SGD with Nesterov momentum and dampening off, maximising")
def sgd_nesterov_maximize() -> Tensors:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.5, nesterov=True, maximize=True)
    for _ in range(2):
        optimizer.zero_grad()
        w.sin().sum().backward()
        optimizer.step()
    return {"w": w}


@torture("Adam with amsgrad: the bias correction counts its steps")
def adam_with_amsgrad() -> Tensors:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=0.1, amsgrad=True)
    for _ in range(3):
        optimizer.zero_grad()
        (w**2).sum().backward()
        optimizer.step()
    return {"w": w}


@torture("AdamW decays the weight itself, in two groups")
def adamw_with_groups() -> Tensors:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    b = torch.tensor([0.5], requires_grad=True)
    optimizer = torch.optim.AdamW([{"params": [w]}, {"params": [b], "weight_decay": 0.0}], lr=0.1, weight_decay=0.5)
    for _ in range(2):
        optimizer.zero_grad()
        (w * b).pow(2).sum().backward()
        optimizer.step()
    return {"w": w, "b": b}


@torture("Centred RMSprop and Adagrad with a decaying rate")
def rmsprop_and_adagrad() -> Tensors:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    v = torch.tensor([3.0], requires_grad=True)
    optimizers = [torch.optim.RMSprop([w], lr=0.1, centered=True), torch.optim.Adagrad([v], lr=0.1, lr_decay=0.5)]
    for _ in range(2):
        w.grad = v.grad = None
        (w * v).pow(2).sum().backward()
        for optimizer in optimizers:
            optimizer.step()
    return {"w": w, "v": v}


@torture("The foreach form of an optimizer")
def adam_foreach() -> Tensors:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    b = torch.tensor([0.5], requires_grad=True)
    optimizer = torch.optim.Adam([w, b], lr=0.1, foreach=True)
    for _ in range(2):
        optimizer.zero_grad()
        (w * b).pow(2).sum().backward()
        optimizer.step()
    return {"w": w, "b": b}


@torture(
    "A parameter without a gradient is skipped by the step, weight decay included",
    expects={"w.grad": [2.0, -4.0], "w": [0.75, -1.5], "unused.grad": None, "unused": [3.0]},
)
def optimizer_skips_none() -> Tensors:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    unused = torch.tensor([3.0], requires_grad=True)
    optimizer = torch.optim.SGD([w, unused], lr=0.1, weight_decay=0.5)
    (w * w).sum().backward()
    optimizer.step()
    return {"w": w, "unused": unused}


@torture("A learning rate schedule between the steps", expects={"w": [0.684, -1.368]})
def learning_rate_schedule() -> Tensors:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
        schedule.step()
    return {"w": w}


@torture(
    "An optimizer step with a closure that computes the loss",
    expects={"w.grad": [2.0, -4.0], "w": [0.8, -1.6], "loss": 5.0},
)
def optimizer_closure() -> Tensors:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    loss = optimizer.step(closure)
    return {"w": w, "loss": loss}


@torture(
    "A step between forward and backward changes what was saved",
    raises=RuntimeError,
    message="modified by an inplace operation",
)
def step_before_backward() -> Tensors:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    (w * w).sum().backward()
    loss = (w * w).sum()
    optimizer.step()
    loss.backward()
    return {"w": w}


@torture("Gradients are clipped by their norm and by their value")
def clipped_gradients() -> Tensors:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    b = torch.tensor([5.0], requires_grad=True)
    (w * w * b).sum().backward()
    norm = torch.nn.utils.clip_grad_norm_([w, b], max_norm=1.0)
    torch.nn.utils.clip_grad_value_([w], clip_value=0.5)
    return {"w": w, "b": b, "norm": norm}


@torture(
    "Spectral or weight normalisation: a parametrised weight is computed anew at each call",
    expects={"g.grad": [[2.2]], "g": [[2.0]], "v": [[3.0, 4.0]]},
)
def parametrised_weight() -> Tensors:
    layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        layer.parametrizations.weight.original0.fill_(2.0)
        layer.parametrizations.weight.original1.copy_(torch.tensor([[3.0, 4.0]]))
    layer(torch.tensor([[1.0, 2.0]])).sum().backward()
    return {"g": layer.parametrizations.weight.original0, "v": layer.parametrizations.weight.original1}
