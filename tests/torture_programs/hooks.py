"""Hooks on leaves, intermediates, views and modules."""

from __future__ import annotations

import torch

from torture_programs.registry import Tensors, torture


@torture("A hook on a leaf replaces its gradient", expects={"a.grad": [20.0, 40.0]})
def hook_on_leaf() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    a.register_hook(lambda grad: grad * 10)
    (a * a).sum().backward()
    return {"a": a}


@torture("A hook on a leaf sees the sum over both uses, once")
def hook_on_leaf_used_twice() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    a.register_hook(lambda grad: grad * grad)
    (a.sin() + a * 3).sum().backward()
    return {"a": a}


@torture("A hook on an intermediate changes what flows on", expects={"a.grad": [0.2, 2.0]})
def hook_on_intermediate() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    b.register_hook(lambda grad: grad.clamp(max=0.5))
    (b * torch.tensor([0.1, 3.0])).sum().backward()
    return {"a": a}


@torture("A hook that returns None changes nothing", expects={"a.grad": [2.0, 4.0]})
def hook_returning_none() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    b.register_hook(lambda grad: None)
    b.sum().backward()
    return {"a": a}


@torture("A hook that only looks, and keeps what it saw", expects={"a.grad": [4.0, 32.0], "seen": [2.0, 8.0]})
def hook_that_stores() -> Tensors:
    seen = []
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    b.register_hook(seen.append)
    (b * b).sum().backward()
    return {"a": a, "seen": seen[0]}


@torture("Two hooks run in the order they were registered", expects={"a.grad": [40.0, 80.0]})
def two_hooks() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    b.register_hook(lambda grad: grad + 1)
    b.register_hook(lambda grad: grad * 10)
    b.sum().backward()
    return {"a": a}


@torture("A hook that was removed does not run", expects={"a.grad": [4.0, 8.0]})
def removed_hook() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    handle = b.register_hook(lambda grad: grad * 100)
    b.register_hook(lambda grad: grad * 2)
    handle.remove()
    b.sum().backward()
    return {"a": a}


@torture("A hook runs in the first backward and is removed before the second", expects={"a.grad": [202.0, 404.0]})
def hook_removed_between() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    handle = a.register_hook(lambda grad: grad * 100)
    (a * a).sum().backward()
    handle.remove()
    (a * a).sum().backward()
    return {"a": a}


@torture("A hook registered before a write stays with the value before the write", expects={"a.grad": [3000.0, 3000.0]})
def hook_before_write() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    b.register_hook(lambda grad: grad * 100)
    b.mul_(3)
    (b * 5).sum().backward()
    return {"a": a}


@torture("A hook registered after a write sees the gradient of the written value", expects={"a.grad": [36.0, 36.0]})
def hook_after_write() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    b.mul_(3)
    b.register_hook(lambda grad: grad + 1)
    (b * 5).sum().backward()
    return {"a": a}


@torture("A hook on a view runs only for what flows through the view", expects={"a.grad": [2.0, 22.0, 22.0]})
def hook_on_view() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 2
    v = b[1:]
    v.register_hook(lambda grad: grad * 10)
    (v.sum() + b.sum()).backward()
    return {"a": a}


@torture(
    "A hook on a view whose base is then rewritten goes off the path",
    expects={"a.grad": [0.0, 6.0, 6.0], "v": [12.0, 18.0]},
)
def hook_on_view_then_base_written() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 2
    v = b[1:]
    v.register_hook(lambda grad: grad * 10)
    b.mul_(3)
    v.sum().backward()
    return {"a": a, "v": v}


@torture(
    "A hook on the base runs for the write through its view",
    expects={"a.grad": [0.0, 20.0, 20.0], "b": [5.0, 4.0, 6.0]},
)
def hook_on_base_then_view_written() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 2
    b.register_hook(lambda grad: grad * 10)
    b[0] = 5.0
    b.sum().backward()
    return {"a": a, "b": b}


@torture("A hook reads a tensor from outside at the time of backward", expects={"a.grad": [14.0, 28.0]})
def hook_reads_outside() -> Tensors:
    scale = torch.tensor(2.0)
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    a.register_hook(lambda grad: grad * scale)
    scale.fill_(7.0)
    (a * a).sum().backward()
    return {"a": a}


@torture("A hook branches on the value of the gradient", expects={"a.grad": [1.1, 2.1]})
def hook_branches_on_value() -> Tensors:
    def halve_if_large(grad):
        return grad / 2 if grad.norm() > 1 else grad

    a = torch.tensor([1.0, 2.0], requires_grad=True)
    a.register_hook(halve_if_large)
    (a * a).sum().backward()
    (a * 0.1).sum().backward()
    return {"a": a}


@torture("A hook takes part in the second derivative", expects={"a.grad": [520.0, 65664.0], "first": [8.0, 256.0]})
def hook_under_create_graph() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    b.register_hook(lambda grad: grad * grad)
    (first,) = torch.autograd.grad((b * b).sum(), a, create_graph=True)
    first.sum().backward()
    return {"a": a, "first": first}


@torture("A hook that changes the shape is refused", raises=RuntimeError, message="has changed the size")
def hook_changes_shape() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    b.register_hook(lambda grad: grad.sum())
    b.sum().backward()
    return {"a": a}


@torture(
    "A hook on a tensor that requires no gradient is refused", raises=RuntimeError, message="doesn't require gradient"
)
def hook_on_constant() -> Tensors:
    a = torch.tensor([1.0, 2.0])
    a.register_hook(lambda grad: grad * 2)
    return {"a": a}


@torture("A post-accumulate hook steps a leaf and clears its gradient", expects={"a.grad": None, "a": [0.64, 1.28]})
def post_accumulate_hook() -> Tensors:
    def step(leaf):
        leaf.data.sub_(leaf.grad, alpha=0.1)
        leaf.grad = None

    a = torch.tensor([1.0, 2.0], requires_grad=True)
    a.register_post_accumulate_grad_hook(step)
    for _ in range(2):
        (a * a).sum().backward()
    return {"a": a}


@torture("A hook and a post-accumulate hook on one leaf", expects={"a.grad": [14.0, 26.0]})
def hook_and_post_accumulate_hook() -> Tensors:
    def add_one(leaf):
        leaf.grad.add_(1)

    a = torch.tensor([1.0, 2.0], requires_grad=True)
    a.register_hook(lambda grad: grad * 3)
    a.register_post_accumulate_grad_hook(add_one)
    (a * a).sum().backward()
    (a * a).sum().backward()
    return {"a": a}


@torture("A post-accumulate hook that returns something", raises=RuntimeError, message="should return None")
def post_accumulate_hook_returning() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    a.register_post_accumulate_grad_hook(lambda leaf: leaf.grad)
    (a * a).sum().backward()
    return {"a": a}


@torture(
    "A full backward hook on a module doubles what flows to its input",
    expects={"a.grad": [[6.0, 8.0]], "a": [[1.0, 2.0]], "weight.grad": [[1.0, 2.0]], "weight": [[3.0, 4.0]]},
)
def module_backward_hook() -> Tensors:
    layer = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0]]))
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 2,))
    a = torch.tensor([[1.0, 2.0]], requires_grad=True)
    layer(a).sum().backward()
    return {"a": a, "weight": layer.weight}


@torture(
    "A forward hook on a module changes its output",
    expects={"a.grad": [[6.0, 8.0]], "a": [[1.0, 2.0]], "weight.grad": [[2.0, 4.0]], "weight": [[3.0, 4.0]]},
)
def module_forward_hook() -> Tensors:
    layer = torch.nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0]]))
    layer.register_forward_hook(lambda module, args, output: output * 2)
    a = torch.tensor([[1.0, 2.0]], requires_grad=True)
    layer(a).sum().backward()
    return {"a": a, "weight": layer.weight}


@torture("A node's prehook, registered on grad_fn, changes the gradient", expects={"a.grad": [8.0, 16.0]})
def hook_on_grad_fn() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    b.grad_fn.register_prehook(lambda grads: (grads[0] * 4,))
    b.sum().backward()
    return {"a": a}


@torture("saved_tensors_hooks pack what is saved and unpack it again", expects={"a.grad": [2.0, 4.0]})
def saved_tensors_hooks() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x * 2, lambda x: x / 2):
        b = a * a
    b.sum().backward()
    return {"a": a}
