"""torch.autograd.Function: what it saves, returns and writes."""

from __future__ import annotations

import torch

from torture_programs.registry import Tensors, torture


class Cube(torch.autograd.Function):
    """The cube, with a derivative of its own."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 3 * x**2


class RoundThrough(torch.autograd.Function):
    """Rounding whose gradient is the incoming one."""

    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, grad):
        return grad


class SumAndProduct(torch.autograd.Function):
    """Two outputs; what is not used arrives as zeros."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x + y, x * y

    @staticmethod
    def backward(ctx, of_sum, of_product):
        x, y = ctx.saved_tensors
        return of_sum + of_product * y, of_sum + of_product * x


class MaximumAndIndex(torch.autograd.Function):
    """The largest element and where it is; the place has no derivative."""

    @staticmethod
    def forward(ctx, x):
        value, index = x.max(dim=0)
        ctx.save_for_backward(index)
        ctx.length = x.shape[0]
        ctx.mark_non_differentiable(index)
        return value, index

    @staticmethod
    def backward(ctx, grad, _):
        (index,) = ctx.saved_tensors
        return torch.zeros(ctx.length).scatter(0, index.unsqueeze(0), grad.unsqueeze(0))


class WrongByTen(torch.autograd.Function):
    """A backward that is deliberately not the derivative."""

    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.factor * 10, None


class ScaleInPlace(torch.autograd.Function):
    """Writes its argument and says so."""

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(5)

    @staticmethod
    def backward(ctx, grad):
        return grad * 5


class ExpSavesResult(torch.autograd.Function):
    """Saves its result."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad):
        (y,) = ctx.saved_tensors
        return grad * y


@torture("A custom function with a saved tensor", expects={"a.grad": [32.0, 256.0]})
def custom_function() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (Cube.apply(a * 2) * a).sum().backward()
    return {"a": a}


@torture(
    "A custom function is differentiated twice, through what its backward computes",
    expects={"a.grad": [9.0, 36.0], "first": [3.0, 12.0]},
)
def custom_function_twice() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (first,) = torch.autograd.grad(Cube.apply(a).sum(), a, create_graph=True)
    (first * a).sum().backward()
    return {"a": a, "first": first}


@torture("A custom function that saves its result is differentiated twice")
def custom_function_saving_result_twice() -> Tensors:
    a = torch.tensor([0.5, 1.0], requires_grad=True)
    (first,) = torch.autograd.grad(ExpSavesResult.apply(a).sum(), a, create_graph=True)
    (first * first).sum().backward()
    return {"a": a, "first": first}


@torture("Rounding with a straight-through gradient", expects={"a.grad": [4.0, 12.0], "b": [1.0, 3.0]})
def custom_straight_through() -> Tensors:
    a = torch.tensor([0.4, 1.6], requires_grad=True)
    b = RoundThrough.apply(a * 2)
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture("Straight-through by detach, without a custom function", expects={"a.grad": [0.0, 4.0], "b": [0.0, 2.0]})
def straight_through_by_detach() -> Tensors:
    a = torch.tensor([0.4, 1.6], requires_grad=True)
    b = a + (a.round() - a).detach()
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture("A custom function with two outputs, both used", expects={"a.grad": [15.0, 32.0], "b.grad": [7.0, 20.0]})
def custom_two_outputs() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.tensor([3.0, 4.0], requires_grad=True)
    total, product = SumAndProduct.apply(a, b)
    (total * product).sum().backward()
    return {"a": a, "b": b}


@torture("A custom function with two outputs, one of them unused", expects={"a.grad": [3.0, 4.0], "b.grad": [1.0, 2.0]})
def custom_two_outputs_one_used() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.tensor([3.0, 4.0], requires_grad=True)
    _, product = SumAndProduct.apply(a, b)
    product.sum().backward()
    return {"a": a, "b": b}


@torture("A custom function with an output that has no derivative", expects={"a.grad": [0.0, 10.0, 0.0], "index": 1})
def custom_non_differentiable_output() -> Tensors:
    a = torch.tensor([1.0, 5.0, 2.0], requires_grad=True)
    value, index = MaximumAndIndex.apply(a * a)
    (value * index).backward()
    return {"a": a, "index": index}


@torture(
    "A custom function whose backward is not the derivative, with a number as argument",
    expects={"a.grad": [30.0, 30.0]},
)
def custom_wrong_backward() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    WrongByTen.apply(a, 3.0).sum().backward()
    return {"a": a}


@torture(
    "A custom function's result is written into a view", expects={"a.grad": [728.0, 1440.0, 0.0], "b": [2.0, 6.0, 12.0]}
)
def custom_function_into_view() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 2
    b[1:] = WrongByTen.apply(b[:2], 3.0)
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A custom function is applied to a view, whose base is written afterwards",
    raises=RuntimeError,
    message="modified by an inplace operation",
)
def custom_function_of_view_then_write() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 2
    c = Cube.apply(b[1:])
    b.mul_(10)
    (c.sum() + b.sum()).backward()
    return {"a": a}


@torture(
    "A custom function of a view, and the base is written after nothing was saved",
    expects={"a.grad": [20.0, 22.0, 22.0], "b": [6.0, 24.0, 52.0], "c": [2.0, 5.0]},
)
def custom_function_of_view_without_saving() -> Tensors:
    a = torch.tensor([0.3, 1.2, 2.6], requires_grad=True)
    b = a * 2
    c = RoundThrough.apply(b[1:])
    b.mul_(10)
    (c.sum() + b.sum()).backward()
    return {"a": a, "b": b, "c": c}


@torture("A custom function that writes its argument in place", expects={"a.grad": [200.0, 400.0], "b": [10.0, 20.0]})
def custom_function_in_place() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    c = ScaleInPlace.apply(b)
    (c * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A custom function under no_grad is only its forward",
    expects={"a.grad": [3.0, 6.0], "a": [1.0, 2.0], "b": [3.0, 6.0]},
)
def custom_function_under_no_grad() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.no_grad():
        b = WrongByTen.apply(a, 3.0)
    (a * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "once_differentiable: the second derivative of a custom function is refused",
    raises=RuntimeError,
    message="once_differentiable",
)
def custom_once_differentiable() -> Tensors:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(ctx, grad):
            return grad * 2 * ctx.saved_tensors[0]

    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (first,) = torch.autograd.grad((Square.apply(a) * a).sum(), a, create_graph=True)
    first.sum().backward()
    return {"a": a}


@torture("A custom function with setup_context", expects={"a.grad": [6.0, 12.0]})
def custom_function_with_setup_context() -> Tensors:
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, grad):
            return grad * 2 * ctx.saved_tensors[0]

    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (Square.apply(a) * 3).sum().backward()
    return {"a": a}
