"""The forms of backward and grad, and what happens to .grad."""

from __future__ import annotations

import torch

from torture_programs.registry import Tensors, torture


@torture("backward(gradient=...) of a vector", expects={"a.grad": [20.0, 2.0]})
def backward_with_gradient() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (a * a).backward(gradient=torch.tensor([10.0, 0.5]))
    return {"a": a}


@torture("backward of a vector without a gradient", raises=RuntimeError, message="only for scalar outputs")
def backward_of_vector() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (a * a).backward()
    return {"a": a}


@torture("backward(inputs=...) leaves the others alone", expects={"a.grad": [3.0, 4.0], "b.grad": None})
def backward_with_inputs() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.tensor([3.0, 4.0], requires_grad=True)
    (a * b).sum().backward(inputs=[a])
    return {"a": a, "b": b}


@torture(
    "backward(inputs=...) of an intermediate leaves its gradient there",
    expects={"a.grad": None, "b.grad": [2.0, 8.0], "b": [1.0, 4.0]},
)
def backward_with_intermediate_input() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    b.retain_grad()
    (b * b).sum().backward(inputs=[b])
    return {"a": a, "b": b}


@torture("Several roots in one backward", expects={"a.grad": [4.0, 5.0]})
def several_roots() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    first, second = (a * a).sum(), a.prod()
    torch.autograd.backward([first, second])
    return {"a": a}


@torture(
    "Several roots with a cotangent each, one of them an ancestor of the other", expects={"a.grad": [202.0, 440.0]}
)
def several_roots_with_gradients() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    c = b.sum()
    torch.autograd.backward([b, c], [torch.tensor([1.0, 10.0]), torch.tensor(100.0)])
    return {"a": a}


@torture("autograd.grad of several outputs with grad_outputs", expects={"g": [4.0, 9.0]})
def grad_of_several_outputs() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    (g,) = torch.autograd.grad([b, a.prod()], a, grad_outputs=[torch.tensor([1.0, 2.0]), None])
    return {"g": g}


@torture("autograd.grad of a batch of cotangents", expects={"jacobian": [[3.0, 0.0], [0.0, 12.0]]})
def grad_batched() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (jacobian,) = torch.autograd.grad(a**3, a, grad_outputs=torch.eye(2), is_grads_batched=True)
    return {"jacobian": jacobian}


@torture("Gradients add up over two losses", expects={"a.grad": [5.0, 7.0]})
def accumulation() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (a * a).sum().backward()
    (a * 3).sum().backward()
    return {"a": a}


@torture("One graph is walked twice with retain_graph", expects={"a.grad": [4.0, 8.0]})
def retain_graph() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    y = (a * a).sum()
    y.backward(retain_graph=True)
    y.backward()
    return {"a": a}


@torture(
    "One graph is walked twice without retain_graph",
    raises=RuntimeError,
    message="backward through the graph a second time",
)
def freed_graph() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    y = (a * a).sum()
    y.backward()
    y.backward()
    return {"a": a}


@torture("A graph that saved nothing may be walked twice without retain_graph", expects={"a.grad": [2.0, 2.0]})
def graph_without_saved_tensors_twice() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    y = (a + 1).sum()
    y.backward()
    y.backward()
    return {"a": a}


@torture(
    "A part shared by two losses was freed by the first",
    raises=RuntimeError,
    message="backward through the graph a second time",
)
def shared_part_freed() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    h = a * a
    h.sum().backward()
    (h * 2).sum().backward()
    return {"a": a}


@torture(
    "zero_grad with set_to_none, the default: the next gradient is new",
    expects={"a.grad": [3.0, 3.0], "a": [1.0, 2.0], "kept": [2.0, 4.0]},
)
def zero_grad_to_none() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = torch.optim.SGD([a], lr=0.1)
    (a * a).sum().backward()
    kept = a.grad
    optimizer.zero_grad()
    (a * 3).sum().backward()
    return {"a": a, "kept": kept}


@torture(
    "zero_grad without set_to_none writes zeros into the gradient that somebody kept",
    expects={"a.grad": [3.0, 3.0], "a": [1.0, 2.0], "kept": [3.0, 3.0]},
)
def zero_grad_to_zeros() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = torch.optim.SGD([a], lr=0.1)
    (a * a).sum().backward()
    kept = a.grad
    optimizer.zero_grad(set_to_none=False)
    (a * 3).sum().backward()
    return {"a": a, "kept": kept}


@torture(
    "The .grad that was read first is the tensor that accumulates further",
    expects={"a.grad": [4.0, 8.0], "kept": [4.0, 8.0]},
)
def grad_alias_accumulates() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (a * a).sum().backward()
    kept = a.grad
    (a * a).sum().backward()
    return {"a": a, "kept": kept}


@torture(".grad is edited in place before the next backward adds to it", expects={"a.grad": [1.0, 44.0]})
def grad_edited_in_place() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (a * a).sum().backward()
    a.grad.mul_(10)
    a.grad[0] = -1.0
    (a * a).sum().backward()
    return {"a": a}


@torture(".grad is assigned before the first backward, which adds to it", expects={"a.grad": [102.0, 204.0]})
def grad_assigned() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    a.grad = torch.tensor([100.0, 200.0])
    (a * a).sum().backward()
    return {"a": a}


@torture(
    ".grad of one leaf is assigned to another: both are one tensor",
    expects={"a.grad": [12.0, 14.0], "b.grad": [12.0, 14.0]},
)
def grad_shared_by_two_leaves() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.tensor([3.0, 4.0], requires_grad=True)
    (a * a).sum().backward()
    b.grad = a.grad
    (b * 10).sum().backward()
    return {"a": a, "b": b}


@torture(".grad of the wrong shape is refused", raises=RuntimeError, message="are the same size")
def grad_assigned_wrong_shape() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    a.grad = torch.tensor([1.0])
    return {"a": a}


@torture(".grad is part of a second loss as a constant", expects={"a.grad": [6.0, 24.0], "penalty": 27.0})
def grad_in_next_loss() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (a**3).sum().backward()
    penalty = (a.grad * a).sum()
    penalty.backward()
    return {"a": a, "penalty": penalty}


@torture("backward of a constant", raises=RuntimeError, message="does not require grad")
def backward_of_constant() -> Tensors:
    a = torch.tensor([1.0, 2.0])
    (a * a).sum().backward()
    return {"a": a}


@torture("backward of what no_grad computed", raises=RuntimeError, message="does not require grad")
def backward_of_no_grad_result() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.no_grad():
        y = (a * a).sum()
    y.backward()
    return {"a": a}
