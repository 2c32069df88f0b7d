"""no_grad, enable_grad, set_grad_enabled and inference mode."""

from __future__ import annotations

import torch

from torture_programs.registry import Tensors, torture


@torture(
    "enable_grad inside no_grad records again",
    expects={"a.grad": [12.0, 96.0], "a": [1.0, 2.0], "b": [2.0, 4.0], "c": [2.0, 8.0], "d": [6.0, 24.0]},
)
def enable_grad_inside_no_grad() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.no_grad():
        b = a * 2
        with torch.enable_grad():
            c = a * b
        d = c * 3
    (c * d).sum().backward()
    return {"a": a, "b": b, "c": c, "d": d}


@torture(
    "set_grad_enabled as a function stays off until it is turned on", expects={"a.grad": [1.0, 4.0], "b": [1.0, 4.0]}
)
def set_grad_enabled_function() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    torch.set_grad_enabled(False)
    b = a * a
    torch.set_grad_enabled(True)
    (a * b).sum().backward()
    return {"a": a, "b": b}


@torture("set_grad_enabled as a block takes a condition", expects={"a.grad": [3.0, 8.0], "part": [1.0, 4.0]})
def set_grad_enabled_block() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    parts = []
    for training in (True, False):
        with torch.set_grad_enabled(training):
            parts.append(a * a)
    (parts[0] + parts[1] * a).sum().backward()
    return {"a": a, "part": parts[1]}


@torture("no_grad as a decorator", expects={"a.grad": [1.0, 4.0], "a": [1.0, 2.0]})
def no_grad_decorator() -> Tensors:
    @torch.no_grad()
    def scale(x):
        return x * x

    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (a * scale(a)).sum().backward()
    return {"a": a}


@torture(
    "What inference mode made may not be saved for backward",
    raises=RuntimeError,
    message="Inference tensors cannot be saved",
)
def inference_tensor_saved() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.inference_mode():
        b = a * 2
    (a * b).sum().backward()
    return {"a": a, "b": b}


@torture("A clone of what inference mode made is a constant", expects={"a.grad": [2.0, 4.0], "b": [2.0, 4.0]})
def inference_tensor_cloned() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.inference_mode():
        b = a * 2
    (a * b.clone()).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A leaf made inside no_grad still requires a gradient",
    expects={"a.grad": [2.0, 4.0], "a": [1.0, 2.0], "b": [2.0, 4.0]},
)
def leaf_made_under_no_grad() -> Tensors:
    with torch.no_grad():
        a = torch.tensor([1.0, 2.0], requires_grad=True)
        b = a * 2
    (a * b).sum().backward()
    return {"a": a, "b": b}


@torture("A leaf is updated under no_grad in a loop")
def no_grad_update_loop() -> Tensors:
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    for _ in range(3):
        loss = (w * w * w).sum()
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
        w.grad = None
    (w * w).sum().backward()
    return {"w": w, "loss": loss}


@torture(
    "A leaf is updated under no_grad and its gradient accumulates, since nobody clears it",
    expects={"w.grad": [4.48, 8.96]},
)
def no_grad_update_without_zeroing() -> Tensors:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(3):
        (w * w).sum().backward()
        with torch.no_grad():
            w.sub_(w.grad, alpha=0.1)
    return {"w": w}


@torture(
    "A tracked non-leaf is written under no_grad: the value is new, the derivative old",
    expects={"a.grad": [6.0, 6.0], "a": [1.0, 2.0], "b": [30.0, 60.0]},
)
def no_grad_write_to_non_leaf() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 3
    with torch.no_grad():
        b.mul_(10)
    (b + b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A view made under no_grad is written with gradients on: refused",
    raises=RuntimeError,
    message="was created in no_grad mode",
)
def view_made_under_no_grad_written() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 3
    with torch.no_grad():
        v = b[:1]
    v.mul_(2)
    b.sum().backward()
    return {"a": a, "b": b}


@torture(
    "An optimizer-like running average is kept under no_grad across steps",
    expects={"w.grad": [3.0, 24.0], "w": [1.0, 2.0], "average": [0.75, 3.0]},
)
def moving_average_under_no_grad() -> Tensors:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    average = torch.zeros(2)
    for _ in range(2):
        y = w * w
        with torch.no_grad():
            average.lerp_(y, 0.5)
        (y - average).pow(2).sum().backward()
    return {"w": w, "average": average}
