"""Training state, optimizers, memory and debugging."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    CHECKPOINT,
    IMMUTABLE,
    PYTREES,
    REMAT,
    STATE,
    jax_guide,
    torch_guide,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="optimizer-step",
        title="A step writes to the parameters in PyTorch, and returns new ones in JAX.",
        status="idiom",
        torch="`w -= 0.1 * w.grad` under `no_grad` writes to the leaf, which stays the same leaf. An optimizer keeps "
        "its momentum in a state of its own.",
        jax="The step is a function of parameters, state and gradients, and returns new parameters and new state.",
        why="An optimizer owns what it updates; a function is given it.",
        instead="Carry both: `m = 0.9 * m + w_grad`, then `w = w - 0.1 * m`.",
        torch_page=torch_guide("torch.optim", "optim.html"),
        jax_page=STATE,
    ),
    Concept(
        id="rebound-parameter",
        title="A parameter that is rebound is no leaf any more.",
        status="silent",
        torch="`w = w - 0.1 * w.grad`, the very idiom of JAX, makes `w` the result of an op, and its `.grad` stays "
        "None. Under `no_grad` the new `w` requires no gradient at all, so a loss of other parameters leaves it out.",
        jax="The new array is passed in place of the old one, and its gradient is returned.",
        why="The leaf is the tensor and not the name; in JAX the argument is whatever is passed.",
        instead="Rebind it, which is right here: `w = w - 0.1 * jax.grad(loss_fn)(w)`.",
        torch_page=torch_reference("torch.Tensor.is_leaf"),
        jax_page=STATE,
    ),
    Concept(
        id="object-identity",
        title="An optimizer holds the tensor that it was given, not the name.",
        status="silent",
        torch="After a parameter was replaced by another tensor, `step()` goes on updating the old one. Tensors hash "
        "by identity, and state is kept under that.",
        jax="Parameters are passed to each step, so there is no old one to hold on to. Arrays cannot be hashed.",
        why="State kept beside an object belongs to that object; state that is passed along belongs to the call.",
        instead="Pass what is current: `w = w - 0.1 * jax.grad(loss_fn)(w)`.",
        torch_page=torch_guide("torch.optim", "optim.html"),
        jax_page=PYTREES,
    ),
    Concept(
        id="checkpoint",
        title="Checkpointing runs Python again in PyTorch, and operations again in JAX.",
        status="idiom",
        torch="`torch.utils.checkpoint.checkpoint(f, x, use_reentrant=False)` saves the input alone, and calls `f` "
        "again in the backward pass.",
        jax="`jax.checkpoint(f)` traces `f` once, and the backward pass computes the recorded operations again.",
        why="PyTorch has only the function to run again; JAX has recorded what it does.",
        instead="Wrap the function: `jax.grad(jax.checkpoint(loss_fn))(x)`.",
        torch_page=CHECKPOINT,
        jax_page=REMAT,
    ),
    Concept(
        id="checkpoint-global",
        title="A checkpointed function that reads a changed global has a wrong gradient.",
        status="silent",
        torch="The second run reads the global as it is by then, so the gradient is that of another function. "
        "Nothing compares the results.",
        jax="The global was read while the function was traced, and the recomputation uses that value.",
        why="Running Python again asks the world again; running recorded operations again does not.",
        instead="Pass it as an argument: `jax.grad(jax.checkpoint(loss_fn))(x, y)`.",
        torch_page=CHECKPOINT,
        jax_page=REMAT,
    ),
    Concept(
        id="reentrant-checkpoint",
        title="The reentrant checkpoint does not see what its function captures.",
        status="none",
        torch="With `use_reentrant=True` the result requires a gradient only if an argument does, so a captured "
        "parameter is left out with a warning. `torch.autograd.grad` through it raises.",
        jax="`jax.checkpoint` differentiates what its function captures, as any function does, and there is no other "
        "variant.",
        why="The reentrant variant hides the function from the graph, and runs a backward pass of its own inside.",
        instead="Capture what is needed: `jax.grad(lambda w: jnp.sum(jax.checkpoint(lambda c: c * w)(x)))(w)`.",
        torch_page=CHECKPOINT,
        jax_page=REMAT,
    ),
    Concept(
        id="nan-detection",
        title="Anomaly mode looks at backward results, debug_nans at every result.",
        status="idiom",
        torch="Under `torch.autograd.detect_anomaly()` a NaN in a gradient raises with the name of the node, and a "
        "warning shows the line of the forward op. So does a saved tensor that was written to.",
        jax="Under `jax.debug_nans(True)` any operation that gives a NaN raises a FloatingPointError, forward as "
        "well. A value that was written to cannot occur.",
        why="PyTorch knows for each node where it came from; JAX checks each operation as it runs.",
        instead="Switch it on for a call: `with jax.debug_nans(True): jax.grad(loss_fn)(x)`.",
        torch_page=torch_guide("torch.autograd: Anomaly detection", "autograd.html#anomaly-detection"),
        jax_page=jax_guide("Debugging runtime values: jax_debug_nans", "201/debugging.html#jax-debug-nans"),
    ),
    Concept(
        id="graph-memory",
        title="A loss that is kept keeps its graph; a JAX value keeps nothing.",
        status="none",
        torch="A sum of losses for the log is itself recorded, and holds the graph of every step as long as it lives.",
        jax="A value has no history, so a running sum is one number.",
        why="A tensor points to the nodes that made it; an array is only its value.",
        instead="Add the values: `total = 0.0 + loss_fn(x)`.",
        torch_page=torch_guide("Frequently Asked Questions", "notes/faq.html"),
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="running-statistics",
        title="A layer's running statistics are written in PyTorch, and returned in JAX.",
        status="idiom",
        torch="A batch normalization in training mode writes to its buffers during the forward pass. In evaluation "
        "mode it reads them, and the graph saves them like any tensor.",
        jax="The function takes the statistics and returns new ones, beside the scalar under `has_aux`. The variance "
        "that PyTorch keeps is the unbiased one.",
        why="A layer has a state; a function has arguments and results.",
        instead="Return them: `m = 0.9 * m + 0.1 * jnp.mean(x)`.",
        torch_page=torch_reference("torch.nn.BatchNorm1d"),
        jax_page=STATE,
    ),
    Concept(
        id="tied-weights",
        title="One parameter under two names is one leaf in PyTorch, and two in a pytree.",
        status="silent",
        torch="Two entries of a model may be the same tensor. It is one leaf, its gradient is the sum over both "
        "uses, and a step keeps them equal.",
        jax="A pytree that holds one array twice has two leaves. Each gets the gradient of its own use, and the "
        "first step makes them differ.",
        why="A leaf is an object in PyTorch, and a place in a container in JAX.",
        instead="Keep it once and use it twice: `jax.grad(lambda w: jnp.sum(w * w * 3))(w)`.",
        torch_page=torch_guide(
            "torch.nn.Module.named_parameters",
            "generated/torch.nn.Module.html#torch.nn.Module.named_parameters",
        ),
        jax_page=PYTREES,
    ),
)
