"""The life of the graph, and higher order."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    FIRST_CLASS_VJPS,
    NESTED_GRAD,
    STOPPING,
    jax_guide,
    jax_reference,
    torch_guide,
    torch_mechanics,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="create-graph",
        title="A gradient with create_graph is a gradient inside a differentiated function.",
        status="exact",
        torch="With `create_graph=True` the backward pass is recorded too, and the gradient is a tensor with history.",
        jax="`jax.grad` gives a function, and that function may be called inside another one that is differentiated.",
        why="PyTorch records the ops of the backward pass on the same tape; JAX differentiates the function that "
        "computes the gradient.",
        instead="Nest the calls: `jax.grad(lambda x: jnp.sum(jax.grad(loss_fn)(x)))(x)`.",
        torch_page=torch_reference("torch.autograd.grad"),
        jax_page=NESTED_GRAD,
    ),
    Concept(
        id="retain-graph",
        title="Keeping the graph for a second backward pass is keeping the pullback.",
        status="idiom",
        torch="A backward pass frees what the graph saved. With `retain_graph=True` another pass may go through it.",
        jax="`jax.vjp` returns a pullback that may be called any number of times. It keeps what it needs as long as "
        "somebody holds it.",
        why="The graph is freed by the pass that walks it; a pullback is an ordinary value, and lives as long as it "
        "is held.",
        instead="Call one pullback twice: `y, pullback = jax.vjp(f, x)`, then `pullback(v)` and `pullback(2 * v)`.",
        torch_page=torch_reference("torch.Tensor.backward"),
        jax_page=jax_reference("jax.vjp"),
    ),
    Concept(
        id="freed-graph",
        title="A backward pass frees its graph; a pullback can be called again.",
        status="none",
        torch="A second pass through nodes that saved something raises 'Trying to backward through the graph a "
        "second time', and so does reading what they saved.",
        jax="`jax.vjp` returns a pullback that keeps its residuals as long as somebody holds it.",
        why="PyTorch frees the memory early, because most graphs are walked once.",
        instead="Hold on to the pullback: `y, pullback = jax.vjp(f, x)`, then `pullback(v)` and `pullback(v)` again.",
        torch_page=torch_reference("torch.Tensor.backward"),
        jax_page=jax_reference("jax.vjp"),
    ),
    Concept(
        id="second-backward",
        title="A second pass through sums alone doubles the gradient without an error.",
        status="silent",
        torch="Nodes that saved nothing, such as those of additions, can be walked again without `retain_graph`, and "
        "`.grad` is added to again.",
        jax="A pullback gives the same gradient each time, and adding is written out.",
        why="What is checked is whether saved values are gone, and where nothing was saved nothing is gone.",
        instead="Take the gradient once: `w_grad = jax.grad(loss_fn)(w)`.",
        torch_page=torch_reference("torch.Tensor.backward"),
        jax_page=jax_reference("jax.vjp"),
    ),
    Concept(
        id="differentiable-step",
        title="Without create_graph a step is differentiated as if its gradient were constant.",
        status="silent",
        torch="A gradient taken without `create_graph` has no history, so what is computed from it is differentiated "
        "in part: the first-order gradient, without a word.",
        jax="A gradient inside a differentiated function is differentiated like anything else. To leave it out, it "
        "is stopped.",
        why="PyTorch records a backward pass only when it is told to; JAX has no pass to record.",
        instead="Differentiate through the step: `jax.grad(lambda w: loss_fn(w - 0.1 * jax.grad(loss_fn)(w)))(w)`.",
        torch_page=torch_reference("torch.autograd.grad"),
        jax_page=NESTED_GRAD,
    ),
    Concept(
        id="hessian-vector-product",
        title="A Hessian-vector product is forward over reverse in JAX.",
        status="idiom",
        torch="The gradient is taken with `create_graph=True`, multiplied by the vector, and differentiated again. A "
        "dual tensor through `torch.autograd.grad` gives forward over reverse.",
        jax="`jax.jvp` of the gradient function gives the product in one pass, with no second graph to keep.",
        why="The derivative of the gradient along a direction is a forward derivative.",
        instead="Push the vector through the gradient: `jax.jvp(jax.grad(loss_fn), (x,), (v,))[1]`.",
        torch_page=torch_reference("torch.autograd.grad"),
        jax_page=jax_guide("Autodiff cookbook", "301/cookbook.html"),
    ),
    Concept(
        id="linear-second-derivative",
        title="The second derivative of a linear function is an error in PyTorch, and zero in JAX.",
        status="silent",
        torch="The gradient of `5 * x` does not depend on `x`, so even with `create_graph` it has no history, and "
        "differentiating it raises. `torch.func.grad` twice gives zero.",
        jax="`jax.grad` twice gives zero.",
        why="There is no node to walk back through; a function that is constant has the derivative zero.",
        instead="Nest the calls: `jax.grad(jax.grad(lambda a: 5 * a))(3.0)`.",
        torch_page=torch_reference("torch.autograd.grad"),
        jax_page=NESTED_GRAD,
    ),
    Concept(
        id="truncated-backpropagation",
        title="A state passed on is cut at the call in JAX, and still attached in PyTorch.",
        status="silent",
        torch="A hidden state carries its history into the next window. Backward there goes on into the freed graph "
        "and raises, until the state is detached.",
        jax="A state that is passed as an argument and not differentiated is a constant of the call, so the gradient "
        "ends at the window without a word. Inside a scan it is cut by `lax.stop_gradient`.",
        why="A history goes with the tensor; a derivative goes as far as the function.",
        instead="Cut where the window ends: `h = jnp.where(x > 2, lax.stop_gradient(h), h)`.",
        torch_page=torch_reference("torch.Tensor.detach"),
        jax_page=STOPPING,
    ),
    Concept(
        id="unrolled-loop",
        title="A recorded Python loop is a scan.",
        status="idiom",
        torch="A loop is recorded pass by pass, and the graph grows with it.",
        jax="A Python loop in a differentiated function is unrolled alike. `lax.scan` states it as one operation, "
        "whose gradient is a scan backwards.",
        why="Both save what each pass needs; a scan keeps it in one array.",
        instead="Carry the state: `h, hs = lax.scan(lambda h, a: (h * a, h * a), 1.0, x)`.",
        torch_page=torch_mechanics("How autograd encodes the history", "how-autograd-encodes-history"),
        jax_page=jax_reference("jax.lax.scan"),
    ),
    Concept(
        id="while-loop",
        title="A lax.while_loop is differentiated forward only; a Python loop under grad both ways.",
        status="jax-only",
        torch="A `while` on a value is recorded for as many passes as it took, and a backward pass walks them.",
        jax="`jax.grad` of `lax.while_loop` raises 'Reverse-mode differentiation does not work for lax.while_loop', "
        "and `jax.jvp` works. A Python `while` under `jax.grad` alone works both ways.",
        why="Reverse mode saves something for each pass, and a compiled loop does not know how many there will be.",
        instead="Give the number of passes: `jax.grad(lambda a: lax.fori_loop(0, 3, lambda i, y: y * a, a))(2.0)`.",
        torch_page=torch_mechanics("How autograd encodes the history", "how-autograd-encodes-history"),
        jax_page=jax_reference("jax.lax.while_loop"),
    ),
    Concept(
        id="staged-backward",
        title="A backward pass in stages is a composition of pullbacks.",
        status="idiom",
        torch="An intermediate is detached and made a leaf, the second stage is run backward, and its `.grad` is "
        "passed to `backward(gradient=...)` of the first.",
        jax="Each stage has a pullback, and the cotangent of one is passed to the other.",
        why="A backward pass is one pullback after another, wherever it is cut.",
        instead="Compose them: `h, pull_first = jax.vjp(f, x)`, then `y, pull_second = jax.vjp(f, h)` and "
        "`pull_first(pull_second(v)[0])`.",
        torch_page=torch_reference("torch.Tensor.backward"),
        jax_page=FIRST_CLASS_VJPS,
    ),
    Concept(
        id="gradient-edge",
        title="A gradient edge names a place in the graph without the tensor.",
        status="none",
        torch="`torch.autograd.graph.get_gradient_edge(h)` names the place where `h` was made. Gradients can be "
        "taken there after `h` was written to or is gone.",
        jax="A place is named by a function that starts there.",
        why="A tensor may be written and then stands for another place; a value stands for itself.",
        instead="Start there: `jax.grad(rest_fn)(h)`.",
        torch_page=torch_guide(
            "torch.autograd.graph.get_gradient_edge", "autograd.html#torch.autograd.graph.get_gradient_edge"
        ),
        jax_page=jax_reference("jax.grad"),
    ),
)
