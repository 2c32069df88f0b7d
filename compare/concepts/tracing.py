"""Control flow, tracing, randomness and captured state."""

from __future__ import annotations

from compare.concepts.concept import Concept, Contradiction
from compare.concepts.pages import (
    ASYNCHRONOUS,
    CACHING,
    CAPTURED,
    CHECKPOINT,
    CONTROL_FLOW,
    DEBUG_PRINT,
    ERRORS,
    FUNC_LIMITS,
    KEYS,
    PLAIN_CONTROL_FLOW,
    RANDOMNESS,
    SHAPES,
    TRACING,
    jax_guide,
    jax_reference,
    torch_guide,
    torch_mechanics,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="branch-on-value",
        title="Without jit a Python branch works on a value that is differentiated.",
        status="exact",
        torch="An `if`, a `while` or `bool()` on a tensor of one element takes its value, and the ops of the branch "
        "that ran are recorded. More than one element raises.",
        jax="Under `jax.grad` alone a comparison has a concrete value too, so the branch that ran is the one that is "
        "differentiated.",
        why="Both differentiate the ops that ran for this value, and know nothing of the other branch.",
        instead="Write the branch as it is: `jax.grad(lambda a: a**2 if a > 1 else -a)(2.0)`.",
        torch_page=torch_mechanics("How autograd encodes the history", "how-autograd-encodes-history"),
        jax_page=PLAIN_CONTROL_FLOW,
    ),
    Concept(
        id="branch-under-jit",
        title="Under jit a Python branch on a value raises.",
        status="jax-only",
        torch="An eager program may branch on any value, at any time.",
        jax="A jitted function is traced with a stand-in for every value, so `if x < 3` raises a "
        "TracerBoolConversionError. `lax.cond` branches inside the compiled function, and a static argument is known "
        "while tracing.",
        why="The compiled function has to serve values that are not known yet.",
        instead="Branch inside: `jax.jit(lambda a: lax.cond(a < 3, lambda a: 3 * a, lambda a: a, a))(2.0)`.",
        torch_page=torch_mechanics("How autograd encodes the history", "how-autograd-encodes-history"),
        jax_page=CONTROL_FLOW,
    ),
    Concept(
        id="batched-branch",
        title="A cond that is mapped over a batch runs both branches.",
        status="jax-only",
        torch="A Python `if` on each element runs one branch for each.",
        jax="`lax.cond` runs one branch. Under `jax.vmap` with a mapped condition it becomes a select, which runs "
        "both and chooses by element.",
        why="The elements of a batch need different branches at once, so all branches are computed.",
        instead="Keep both branches harmless: `jax.vmap(lambda a: lax.cond(a > 0, jnp.sqrt, jnp.zeros_like, a))(x)`.",
        torch_page=torch_reference("torch.where"),
        jax_page=jax_reference("jax.lax.cond"),
    ),
    Concept(
        id="static-shape",
        title="Under jit a shape may not depend on a value; under grad alone it may.",
        status="jax-only",
        torch="A tensor may have any size that a value asks for, as `x[x > 0]` and `torch.zeros(n)` do.",
        jax="Under `jit` a boolean mask as an index raises a NonConcreteBooleanIndexError, and a traced number in "
        "place of a size or an index of a list raises as well. Without `jit` they work, and `jax.grad` "
        "differentiates through a mask.",
        why="A compiled program has fixed shapes, and `jax.grad` compiles nothing.",
        instead="Keep the shape and choose by value: `jnp.where(x > 0, x**2, 0.0)`.",
        torch_page=torch_reference("torch.masked_select"),
        jax_page=SHAPES,
        contradicts=Contradiction(
            claim="JAX's list of sharp bits says that code inside `jax.grad` needs static shapes, as under `jax.jit`.",
            page=jax_guide("The Sharp Bits: Dynamic shapes", "notebooks/Common_Gotchas_in_JAX.html#dynamic-shapes"),
            observed="Under `jax.grad` without `jit` an array indexed by a boolean mask is differentiated like any "
            "other.",
        ),
    ),
    Concept(
        id="traced-side-effect",
        title="A side effect in a jitted function happens once, while it is traced.",
        status="silent",
        torch="A counter, an appended value or a print runs in every call, in hooks and backward rules as well.",
        jax="Python runs while the function is traced, and not in the calls that follow. What it sees then is a "
        "tracer; `jax.debug.print` and `jax.debug.callback` run each time with the value.",
        why="The compiled function holds array operations only, and Python is not one of them.",
        instead="Return what is to be kept, and print with `jax.debug.print('x = {}', x)`.",
        torch_page=torch_reference("torch.Tensor.register_hook"),
        jax_page=DEBUG_PRINT,
    ),
    Concept(
        id="leaked-tracer",
        title="An intermediate that is saved outside cannot be used afterwards.",
        status="none",
        torch="A tensor that a function saves in a global stays a tensor, with its history. One saved from inside "
        "`torch.func.grad` can be used too, though its guide disallows that.",
        jax="What is saved is a tracer, and using it after the transformation has ended raises an "
        "UnexpectedTracerError. `jax.checking_leaks` raises where it is saved.",
        why="A tracer stands for a value only while its transformation runs.",
        instead="Return it: `w_grad, h = jax.grad(lambda w: (jnp.sum(w * w), w * 2), has_aux=True)(w)`.",
        torch_page=FUNC_LIMITS,
        jax_page=ERRORS,
    ),
    Concept(
        id="tracer-type",
        title="Under a transformation a Python float is not a float.",
        status="silent",
        torch="A tensor is a tensor in every context, and a Python float stays one.",
        jax="`jax.grad` and `jax.jit` call the function with tracers, which are instances of `jax.Array`. "
        "`isinstance(x, float)` is True outside and False inside, and the other branch is taken without a word.",
        why="The transformation has to see the operations, so it puts an object of its own in place of the number.",
        instead="Ask for what both have: `jnp.ndim(x) == 0`.",
        torch_page=torch_guide("torch.Tensor", "tensors.html"),
        jax_page=TRACING,
    ),
    Concept(
        id="random-state",
        title="PyTorch draws from a hidden state, JAX from a key.",
        status="idiom",
        torch="`torch.manual_seed` sets a generator, and each draw advances it. Under `torch.func.vmap` a draw "
        "raises until `randomness=` says 'same' or 'different'.",
        jax="A draw is a function of its key. The same key under `vmap` gives the same numbers, and a key for each "
        "element gives different ones.",
        why="A hidden state depends on the order of calls, which a transformation or a compiler may change.",
        instead="Split the key for each draw: `key = jax.random.key(0)`, then `draws = "
        "jax.vmap(jax.random.normal)(jax.random.split(key, 3))`.",
        torch_page=RANDOMNESS,
        jax_page=KEYS,
    ),
    Concept(
        id="key-reuse",
        title="A key that is used twice gives the same numbers, without a word.",
        status="silent",
        torch="Two draws in a row are different, because the generator has moved on.",
        jax="Two draws from one key are equal. Under `jax.debug_key_reuse(True)` the second one raises a "
        "KeyReuseError.",
        why="A pure function of the same argument has the same value.",
        instead="Take a new key for each draw: `first, second = jax.random.split(jax.random.key(0))`.",
        torch_page=RANDOMNESS,
        jax_page=KEYS,
    ),
    Concept(
        id="dropout-mask",
        title="A random mask is the same forward and backward, saved or drawn again.",
        status="idiom",
        torch="Dropout saves its mask for the backward pass. A checkpointed function restores the generator, so that "
        "it draws the same mask again.",
        jax="The mask is a function of the key, which is the same whenever it is computed, in a checkpointed "
        "function too.",
        why="A state has to be put back to be drawn from twice, and a key does not.",
        instead="Pass the key: `mask = jax.random.bernoulli(jax.random.key(0), 0.5, x.shape)`, then `y = "
        "jnp.where(mask, x / 0.5, 0.0)`.",
        torch_page=CHECKPOINT,
        jax_page=KEYS,
    ),
    Concept(
        id="captured-constant",
        title="A jitted function keeps the outside values it saw while it was traced.",
        status="silent",
        torch="A function reads a global number, tensor or NumPy buffer anew in each call, and draws new random "
        "numbers.",
        jax="What is read from outside becomes a constant of the compiled function: a number, an array, a NumPy "
        "buffer, a draw of `np.random`. Later changes are not seen until it is traced again.",
        why="Only arguments are inputs of the compiled function; everything else was known while tracing.",
        instead="Pass it as an argument: `jax.jit(lambda x, w: x * w)(x, w)`.",
        torch_page=torch_mechanics("How autograd encodes the history", "how-autograd-encodes-history"),
        jax_page=CAPTURED,
    ),
    Concept(
        id="reparameterization",
        title="A sample passes a gradient if its noise is drawn apart.",
        status="exact",
        torch="`rsample()` computes a sample from its parameters and a noise, so a gradient passes. `sample()` is "
        "detached, and the gradient through a Bernoulli draw is zero without a word.",
        jax="The noise is drawn from a key and the sample computed from it. A Bernoulli draw has a gradient of zero "
        "here as well.",
        why="Noise that does not depend on the parameters is a constant; a discrete draw jumps, and is flat in "
        "between.",
        instead="Add the noise: `jax.grad(lambda m: m + 2 * jax.random.normal(jax.random.key(0)))(1.0)`.",
        torch_page=torch_guide("torch.distributions", "distributions.html"),
        jax_page=KEYS,
    ),
    Concept(
        id="value-assertion",
        title="An assertion on a value works without jit, and needs checkify under it.",
        status="idiom",
        torch="`assert x > 0` looks at the value, while gradients are recorded too.",
        jax="Under `jax.grad` alone it does as well. Under `jit` it raises a TracerBoolConversionError, and "
        "`checkify.check` records an error that is handed out with the result.",
        why="A compiled function can compute whether something failed, but cannot stop in the middle.",
        instead="Import it, `from jax.experimental import checkify`, and check: `error, y = "
        "checkify.checkify(jax.jit(lambda a: (checkify.check(a > 0, 'negative'), a)[1]))(1.0)`.",
        torch_page=torch_mechanics("How autograd encodes the history", "how-autograd-encodes-history"),
        jax_page=jax_guide("jax.experimental.checkify module", "jax.experimental.checkify.html"),
    ),
    Concept(
        id="loop-carry",
        title="A loop in JAX may not change the type of what it carries.",
        status="jax-only",
        torch="`x = x + 0.5` in a Python loop turns an integer tensor into a float one, and the loop goes on.",
        jax="`lax.scan` and `lax.fori_loop` require the carry that goes out to have the type of the carry that went "
        "in, and raise a TypeError that names both. A Python number is converted beforehand.",
        why="The body is compiled once for all passes.",
        instead="Start with the final type: `lax.fori_loop(0, 3, lambda i, a: a + 0.5, jnp.float32(0))`.",
        torch_page=torch_guide("Tensor Attributes: torch.dtype", "tensor_attributes.html#torch-dtype"),
        jax_page=jax_reference("jax.lax.scan"),
    ),
    Concept(
        id="asynchronous-dispatch",
        title="A JAX operation returns before its result is computed.",
        status="jax-only",
        torch="On a CPU an op has finished when it returns; on a GPU, says its guide, it is queued as well.",
        jax="An operation returns an array whose value may be still to come. `block_until_ready()` waits for it, and "
        "so does looking at it.",
        why="Python can prepare the next operations while a device works on the last.",
        instead="Wait before stopping a clock: `y = (x + 1).block_until_ready()`.",
        torch_page=torch_guide("CUDA semantics: Asynchronous execution", "notes/cuda.html#asynchronous-execution"),
        jax_page=ASYNCHRONOUS,
    ),
    Concept(
        id="retracing",
        title="Each new shape, dtype or static value traces a function again.",
        status="jax-only",
        torch="An eager program is recorded anew in each call, so nothing is cached and nothing can be stale.",
        jax="A jitted function is traced once for each type of its arguments, where a Python number and an array of "
        "the same dtype are two, and once for each value of a static argument.",
        why="A compiled program fits one signature.",
        instead="Name what is static: `jax.jit(lambda x, n: sum([x] * n), static_argnums=1)(x, 3)`.",
        torch_page=torch_mechanics("How autograd encodes the history", "how-autograd-encodes-history"),
        jax_page=CACHING,
    ),
)
