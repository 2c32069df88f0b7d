"""Training: parameters, optimizers, state of layers, checkpoints, memory, debugging."""

from compare import case, demonstration, raises

chapter_number = 13


# ---- parameters and steps ----


@case
def steps_by_hand(tape):
    """A step writes to the leaf in PyTorch; in JAX it gives the next parameters

    Shows: optimizer-step, no-grad-write.
    """
    w = tape.leaf([1.0, 2.0])
    for _ in range(3):
        loss = (w**2).sum()
        loss.backward()
        with tape.no_grad():
            w -= 0.1 * w.grad
        w.grad = None
    tape.expect(w, [0.512, 1.024])
    tape.expect(w.is_leaf, True)
    tape.expect(w.version, 3)


@case
def gradient_at_the_new_point(tape):
    """After a step the next backward is taken where the leaf is now

    Shows: optimizer-step.
    """
    w = tape.leaf([[0.5, -1.0], [2.0, 0.25]])
    x = tape.constant([1.0, 2.0])
    ((w @ x) ** 2).sum().backward()
    with tape.no_grad():
        w -= 0.05 * w.grad
    w.grad = None
    ((w @ x) ** 2).sum().backward()
    tape.expect(w, [[0.65, -0.7], [1.75, -0.25]])
    tape.expect(w.grad, [[-1.5, -3.0], [2.5, 5.0]])


@demonstration
def momentum(shown):
    """Momentum is hidden in the optimizer in PyTorch, and carried along in JAX

    Shows: optimizer-step.
    """

    @shown.torch
    def _():
        import torch

        w = torch.nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
        optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9)
        for _ in range(3):
            optimizer.zero_grad()
            (w**2).backward()
            optimizer.step()
        print("parameter", w)
        print("momentum", optimizer.state[w]["momentum_buffer"])

    @shown.jax
    def _():
        import jax
        from jax import lax

        jax.config.update("jax_enable_x64", True)

        def step(carried, _):
            w, momentum = carried
            momentum = 0.9 * momentum + jax.grad(lambda w: w**2)(w)
            return (w - 0.1 * momentum, momentum), None

        (w, momentum), _ = lax.scan(step, (1.0, 0.0), length=3)
        print("parameter", w)
        print("momentum", momentum)

    shown.expect("parameter", 0.062)
    shown.expect("momentum", 3.98)


@case
def micro_batches(tape):
    """Gradients of micro-batches accumulate to the gradient of the batch

    Shows: grad-accumulation.
    """
    w = tape.leaf(1.0)
    for x in (1.0, 2.0, 3.0):
        ((w * x) ** 2 / 3).backward()
    tape.expect(w.grad, 28 / 3)


@case
def clipped_step(tape):
    """Clipping is an edit of .grad between the backward and the step

    Shows: gradient-edit.
    """
    w = tape.leaf([3.0, 4.0])
    (w**2).sum().backward()
    norm = (w.grad * w.grad).sum().sqrt()
    with tape.no_grad():
        w.grad *= 1.0 / norm
        w -= w.grad
    tape.expect(norm, 10.0)
    tape.expect(w, [2.4, 3.2])


@demonstration
def clipping_of_the_library(shown):
    """clip_grad_norm_ edits .grad in place; a JAX clip returns new gradients

    Shows: gradient-edit.
    """

    @shown.torch
    def _():
        import torch

        w = torch.nn.Parameter(torch.tensor([3.0, 4.0], dtype=torch.float64))
        (w**2).sum().backward()
        print("norm", torch.nn.utils.clip_grad_norm_([w], 5.0))
        print("norm of the clipped gradient", w.grad.norm())

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        gradient = jax.grad(lambda w: jnp.sum(w**2))(jnp.array([3.0, 4.0]))
        norm = jnp.linalg.norm(gradient)
        clipped = gradient * jnp.minimum(1.0, 5.0 / norm)
        print("norm", norm)
        print("norm of the clipped gradient", jnp.linalg.norm(clipped))

    shown.expect("norm", 10.0)
    # PyTorch divides by the norm plus 1e-6.
    shown.expect_divergence("norm of the clipped gradient", torch=4.9999995000000, jax=5.0, concept="gradient-edit")


@case
def rebound_parameter(tape):
    """The step of JAX, written in PyTorch, makes the parameter a non-leaf

    Shows: rebound-parameter.
    """
    w = tape.leaf([1.0, 2.0])
    (w**2).sum().backward()
    w = w - 0.1 * w.grad
    tape.expect(w.is_leaf, False)
    (w**2).sum().backward()
    tape.expect(w, [0.8, 1.6])
    tape.expect(w.grad, None, warning="The .grad attribute of a Tensor that is not a leaf Tensor is being accessed")


@case
def parameter_rebound_under_no_grad(tape):
    """The step of JAX under no_grad makes the parameter a constant

    Shows: rebound-parameter.
    """
    w = tape.leaf([1.0, 2.0])
    (w**2).sum().backward()
    with tape.no_grad():
        w = w - 0.1 * w.grad
    tape.expect(w.requires_grad, False)
    loss = (w**2).sum()
    with tape.expect_error(
        torch="element 0 of tensors does not require grad and does not have a grad_fn", concept="backward-without-graph"
    ):
        loss.backward()


@demonstration
def replaced_parameter(shown):
    """An optimizer goes on with the tensor that it was given, whatever the name means now

    Shows: object-identity.
    """

    @shown.torch
    def _():
        import torch

        w = torch.nn.Parameter(torch.tensor(1.0))
        optimizer = torch.optim.SGD([w], lr=0.1)
        w = torch.nn.Parameter(w.detach() * 2)
        (w * w).backward()
        optimizer.step()
        print("parameter after the step", w)
        print("what the optimizer holds", optimizer.param_groups[0]["params"][0])

    @shown.jax
    def _():
        import jax

        w = 1.0
        w = w * 2
        w = w - 0.1 * jax.grad(lambda w: w * w)(w)
        print("parameter after the step", w)

    shown.expect_divergence("parameter after the step", torch=2.0, jax=1.6, concept="object-identity")
    shown.expect_divergence("what the optimizer holds", torch=1.0, concept="object-identity")


# ---- which parameters a loss trains ----


@case
def frozen_parameter(tape):
    """A parameter without requires_grad is an argument that is not differentiated

    Shows: frozen-leaf.
    """
    frozen = tape.leaf([[1.0, 2.0], [3.0, 4.0]])
    frozen.requires_grad_(False)
    trained = tape.leaf([0.5, -1.0])
    loss = ((frozen @ trained) ** 2).sum()
    loss.backward()
    tape.expect(frozen.grad, None)
    tape.expect(trained.grad, [-18.0, -26.0])


@case
def frozen_in_one_loss(tape):
    """A critic's loss runs the actor without training it

    Shows: frozen-leaf.
    """
    actor, critic = tape.leaf([0.5, -1.0]), tape.leaf([1.0, 2.0])
    with tape.no_grad():
        action = actor.tanh()
    loss = (critic * action).sum() ** 2
    loss.backward()
    tape.expect(actor.grad, None)
    tape.expect_naive(actor.grad, [-1.6689540081824534, -1.7824906383216264])
    tape.observe(critic.grad)


@case
def shared_forward(tape):
    """One forward serves an actor and a critic when the actor's loss cuts its own use of it

    Shows: shared-forward.
    """
    backbone = tape.leaf([[0.5, -0.25], [0.75, 0.1]])
    actor, critic = tape.leaf([1.0, -1.0]), tape.leaf([0.5, 2.0])
    x = tape.constant([0.3, -0.7])
    features = (backbone @ x).tanh()
    actor_loss = (actor * features.detach()).sum() ** 2
    critic_loss = (critic * features).sum() ** 2
    (actor_loss + critic_loss).backward()
    tape.observe(backbone.grad)
    tape.observe(actor.grad)
    tape.observe(critic.grad)


@case
def tied_weights(tape):
    """A leaf under two names collects both gradients

    Shows: tied-weights.
    """
    w = tape.leaf(2.0)
    encoder, decoder = w, w
    loss = encoder * decoder * 3
    loss.backward()
    tape.expect(w.grad, 12.0)


@case
def tied_matrix(tape):
    """A matrix that encodes and decodes collects the sum of both gradients

    Shows: tied-weights.
    """
    w = tape.leaf([[0.5, -1.0], [0.25, 0.75]])
    x = tape.constant([1.0, -0.5])
    code = (w @ x).tanh()
    decoded = w.matrix_transpose() @ code
    loss = decoded.sum()
    loss.backward()
    tape.observe(w.grad)


@demonstration
def tied_weights_in_a_pytree(shown):
    """One array twice in a pytree is two arguments, with a gradient each

    Shows: tied-weights.
    """

    @shown.torch
    def _():
        import torch

        w = torch.nn.Parameter(torch.tensor(2.0))
        parameters = {"encoder": w, "decoder": w}
        (parameters["encoder"] * parameters["decoder"] * 3).backward()
        print("gradients", [parameters["encoder"].grad, parameters["decoder"].grad])

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def loss(parameters):
            return parameters["encoder"] * parameters["decoder"] * 3

        w = jnp.float32(2.0)
        gradients = jax.grad(loss)({"encoder": w, "decoder": w})
        print("gradients", [gradients["encoder"], gradients["decoder"]])
        print("gradient of one argument", jax.grad(lambda w: loss({"encoder": w, "decoder": w}))(w))

    shown.expect_divergence("gradients", torch=[12.0, 12.0], jax=[6.0, 6.0], concept="tied-weights")
    shown.expect_divergence("gradient of one argument", jax=12.0, concept="tied-weights")


# ---- layers with state ----


@case
def running_statistics(tape):
    """Running statistics are written under no_grad in PyTorch, and are new values in JAX

    Shows: running-statistics.
    """
    mean, variance = tape.constant([0.0, 0.0]), tape.constant([1.0, 1.0])
    x = tape.leaf([[1.0, -2.0], [3.0, 4.0], [2.0, 0.0]])
    batch_mean = x.mean(axis=0)
    centered = x - batch_mean
    normalized = centered / (x.var(axis=0, correction=0) + 1e-5).sqrt()
    with tape.no_grad():
        mean.mul_(0.9).add_(0.1 * batch_mean)
        variance.mul_(0.9).add_(0.1 * x.var(axis=0, correction=1))
    (normalized**3).sum().backward()
    tape.expect(mean, [0.2, 0.06666666666666667])
    tape.expect(variance, [1.0, 1.8333333333333333])
    tape.expect(
        x.grad,
        [
            [1.8370759727229944, 0.6626964072234188],
            [1.8370759727229944, 0.3313495842286488],
            [-3.674151945445989, -0.9940459914520677],
        ],
    )


@demonstration
def batch_normalization(shown):
    """A normalizing layer changes its statistics in each forward; in JAX they come back as a result

    Shows: running-statistics.
    """

    @shown.torch
    def _():
        import torch

        torch.set_default_dtype(torch.float64)
        layer = torch.nn.BatchNorm1d(2)
        x = torch.tensor([[1.0, -2.0], [3.0, 4.0], [2.0, 0.0]], requires_grad=True)
        (layer(x) ** 3).sum().backward()
        print("running mean", layer.running_mean)
        print("running variance", layer.running_var)
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        from jax import lax

        jax.config.update("jax_enable_x64", True)

        def normalize(x, state, momentum=0.1, epsilon=1e-5):
            mean, variance, count = x.mean(0), x.var(0), x.shape[0]
            unbiased = lax.stop_gradient(variance) * count / (count - 1)
            state = {
                "mean": (1 - momentum) * state["mean"] + momentum * lax.stop_gradient(mean),
                "variance": (1 - momentum) * state["variance"] + momentum * unbiased,
            }
            return (x - mean) / jnp.sqrt(variance + epsilon), state

        def loss_fn(x, state):
            y, state = normalize(x, state)
            return jnp.sum(y**3), state

        x = jnp.array([[1.0, -2.0], [3.0, 4.0], [2.0, 0.0]])
        state = {"mean": jnp.zeros(2), "variance": jnp.ones(2)}
        gradient, state = jax.grad(loss_fn, has_aux=True)(x, state)
        print("running mean", state["mean"])
        print("running variance", state["variance"])
        print("gradient", gradient)

    shown.expect("running mean", [0.2, 0.06666666666666667])
    shown.expect("running variance", [1.0, 1.8333333333333333])
    shown.expect(
        "gradient",
        [
            [1.8370759727229944, 0.6626964072234188],
            [1.8370759727229944, 0.3313495842286488],
            [-3.674151945445989, -0.9940459914520677],
        ],
    )


@demonstration
def buffer_written_before_the_backward(shown):
    """A buffer may be written until a layer has saved it, and is watched from then on

    Shows: write-after-save.
    """

    @shown.torch
    def _():
        import torch

        layer = torch.nn.BatchNorm1d(1, affine=False)
        x = torch.tensor([[1.0], [3.0]], requires_grad=True)
        (layer(x).sum() + layer(x * 2).sum()).backward()
        print("running mean after two batches and a backward", layer.running_mean)
        layer.eval()
        y = layer(x)
        layer.running_mean.add_(1.0)
        try:
            y.sum().backward()
        except RuntimeError as error:
            print("gradient", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x, mean = jnp.array([[1.0], [3.0]]), jnp.zeros(1)
        mean = 0.9 * mean + 0.1 * x.mean(0)
        mean = 0.9 * mean + 0.1 * (x * 2).mean(0)
        print("running mean after two batches and a backward", mean)
        _, pullback = jax.vjp(lambda x: jnp.sum(x - mean), x)
        mean = mean + 1.0
        print("gradient", pullback(1.0)[0])

    shown.expect("running mean after two batches and a backward", [0.58])
    shown.expect_divergence(
        "gradient",
        torch=raises("RuntimeError: one of the variables needed for gradient computation has been modified"),
        jax=[[1.0], [1.0]],
        concept="write-after-save",
    )


# ---- checkpoints ----


@case
def checkpoint_of_several_results(tape):
    """A checkpoint changes what is saved, not what is computed

    Shows: checkpoint.
    """

    @tape.function
    def layer(x, w):
        h = (x * w).tanh()
        return h * w, h.exp()

    x = tape.leaf([0.5, -0.25])
    w = tape.leaf([2.0, 4.0])
    kept, wide = layer(x, w)
    again, wide_again = tape.checkpoint(layer, x, w)
    (kept * wide).sum().backward()
    x_grad = x.grad.clone()
    (again * wide_again).sum().backward()
    tape.observe(x_grad)
    tape.expect((x.grad - 2 * x_grad).abs().max(), 0.0)


@demonstration
def checkpointed_function(shown):
    """A checkpoint runs Python again in PyTorch, and equations again in JAX

    Shows: checkpoint.
    """

    @shown.torch
    def _():
        import torch
        from torch.utils.checkpoint import checkpoint

        calls = []

        def f(x):
            calls.append(1)
            return torch.sin(torch.sin(x))

        x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
        checkpoint(f, x, use_reentrant=False).backward()
        print("gradient", x.grad)
        print("calls of the function", len(calls))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        calls = []

        def f(x):
            calls.append(1)
            return jnp.sin(jnp.sin(x))

        print("gradient", jax.grad(jax.checkpoint(f))(1.0))
        print("calls of the function", len(calls))
        print("sines with a checkpoint", str(jax.make_jaxpr(jax.grad(jax.checkpoint(f)))(1.0)).count("= sin"))
        print("sines without", str(jax.make_jaxpr(jax.grad(f))(1.0)).count("= sin"))

    shown.expect("gradient", 0.36003948908964344)
    shown.expect_divergence("calls of the function", torch=2, jax=1, concept="checkpoint")
    shown.expect_divergence("sines with a checkpoint", jax=3, concept="checkpoint")
    shown.expect_divergence("sines without", jax=2, concept="checkpoint")


@case
def write_to_what_a_checkpoint_computes_again(tape):
    """The result of a checkpoint was not saved, so it may be written

    Shows: checkpoint.
    """
    a = tape.leaf(0.0)
    y = tape.checkpoint(lambda x: x.exp(), a)
    y.mul_(3.0)
    y.backward()
    tape.expect(y, 3.0)
    tape.expect(a.grad, 3.0)


@case
def write_to_the_input_of_a_checkpoint(tape):
    """The input of a checkpoint is what it computes from again, so it may not be written

    Shows: checkpoint.
    """
    a = tape.leaf(0.5)
    h = 2 * a
    y = tape.checkpoint(lambda x: x * x, h)
    h.mul_(10.0)
    with tape.expect_error(
        torch="RuntimeError: one of the variables needed for gradient computation has been modified",
        concept="write-after-save",
    ):
        y.backward()
    tape.expect_divergence(a.grad, torch=None, jax=4.0, concept="write-after-save")


@case
def flag_of_the_input_of_a_checkpoint(tape):
    """A flag that changed since a checkpoint changes what is saved, and that is counted

    Shows: checkpoint.
    """
    a = tape.leaf([1.0, 2.0])
    w = tape.leaf([3.0, 4.0])
    y = tape.checkpoint(lambda a, w: a * w, a, w)
    w.requires_grad_(False)
    with tape.expect_error(
        torch="CheckpointError: torch.utils.checkpoint: A different number of tensors was saved during the original",
        concept="checkpoint",
    ):
        y.sum().backward()
    tape.expect_divergence(a.grad, torch=None, jax=[3.0, 4.0], concept="checkpoint")


@case
def second_derivative_through_a_checkpoint(tape):
    """A checkpoint can be differentiated twice

    Shows: checkpoint, create-graph.
    """
    a = tape.leaf(2.0)
    y = tape.checkpoint(lambda x: x**4, a)
    slope = tape.grad(y, a, create_graph=True)
    slope.backward()
    tape.expect(slope, 32.0)
    tape.expect(a.grad, 48.0)


@demonstration
def checkpointed_dropout(shown):
    """A checkpoint draws the same mask again: PyTorch restores the generator, a JAX key is a value

    Shows: dropout-mask.
    """

    @shown.torch
    def _():
        import torch
        from torch.utils.checkpoint import checkpoint

        torch.manual_seed(0)
        x = torch.ones(6, requires_grad=True)
        y = checkpoint(lambda x: torch.nn.functional.dropout(x * x, 0.5), x, use_reentrant=False)
        y.sum().backward()
        print("one mask in both passes", torch.equal(2 * y, x.grad))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def dropout(x, key):
            return jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x * x / 0.5, 0.0)

        x, key = jnp.ones(6), jax.random.key(0)
        gradient = jax.grad(lambda x: jnp.sum(jax.checkpoint(dropout)(x, key)))(x)
        print("one mask in both passes", bool(jnp.all(2 * dropout(x, key) == gradient)))

    shown.expect("one mask in both passes", True)


@demonstration
def checkpoint_that_reads_a_global(shown):
    """A checkpointed function that reads a changed global has a wrong gradient

    Shows: checkpoint-global.
    """

    @shown.torch
    def _():
        import torch
        from torch.utils.checkpoint import checkpoint

        factor = 2.0

        def f(x):
            return (x * factor) ** 2

        x = torch.tensor(3.0, requires_grad=True)
        y = checkpoint(f, x, use_reentrant=False)
        factor = 10.0
        y.backward()
        print("value", y.detach())
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax

        factor = 2.0

        def f(x):
            return (x * factor) ** 2

        y, pullback = jax.vjp(jax.checkpoint(f), 3.0)
        factor = 10.0
        print("value", y)
        print("gradient", pullback(1.0)[0])

    shown.expect("value", 36.0)
    shown.expect_divergence("gradient", torch=120.0, jax=24.0, concept="checkpoint-global")


@demonstration
def reentrant_checkpoint(shown):
    """The reentrant checkpoint does not see what its function captures

    Shows: reentrant-checkpoint.
    """

    @shown.torch
    def _():
        import warnings

        import torch
        from torch.utils.checkpoint import checkpoint

        x, c = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            reentrant = checkpoint(lambda c: c * x, c, use_reentrant=True)
        print("warning", str(caught[0].message))
        print("reentrant requires grad", reentrant.requires_grad)
        (gradient,) = torch.autograd.grad(checkpoint(lambda c: c * x, c, use_reentrant=False), x)
        print("gradient of the captured value", gradient)
        try:
            torch.autograd.grad(checkpoint(lambda x: x * x, x, use_reentrant=True), x)
        except RuntimeError as error:
            print("autograd.grad through it", error)

    @shown.jax
    def _():
        import jax

        def outer(x):
            return jax.checkpoint(lambda c: c * x)(3.0)

        print("gradient of the captured value", jax.grad(outer)(2.0))

    shown.expect_divergence(
        "warning",
        torch="None of the inputs have requires_grad=True. Gradients will be None",
        concept="reentrant-checkpoint",
    )
    shown.expect_divergence("reentrant requires grad", torch=False, concept="reentrant-checkpoint")
    shown.expect("gradient of the captured value", 3.0)
    shown.expect_divergence(
        "autograd.grad through it",
        torch=raises("RuntimeError: When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad()"),
        concept="reentrant-checkpoint",
    )


# ---- debugging and memory ----


@demonstration
def where_a_nan_is_found(shown):
    """Anomaly mode looks at the results of the backward, debug_nans at every result

    Shows: nan-detection.
    """

    @shown.torch
    def _():
        import warnings

        import torch

        x = torch.tensor(-1.0, requires_grad=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it announces that it is on, and shows the forward line
            with torch.autograd.detect_anomaly():
                y = torch.sqrt(x)
                print("forward", y.detach())
                try:
                    y.backward()
                except RuntimeError as error:
                    print("backward", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        with jax.debug_nans(True):
            try:
                print("forward", jnp.sqrt(-1.0))
            except FloatingPointError as error:
                print("forward", error)
            try:
                jax.grad(lambda x: jnp.where(x > 0, jnp.log(x), 0.0))(0.0)
            except FloatingPointError as error:
                print("backward", error)

    shown.expect_divergence(
        "forward",
        torch=float("nan"),
        jax=raises("FloatingPointError: invalid value (nan) encountered in sqrt"),
        concept="nan-detection",
    )
    shown.expect_divergence(
        "backward",
        torch=raises("RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output"),
        jax=raises("FloatingPointError: invalid value (nan) encountered in"),
        concept="nan-detection",
    )


@demonstration
def where_a_write_is_found(shown):
    """Anomaly mode names the forward op whose value was overwritten

    Shows: nan-detection, write-after-save.
    """

    @shown.torch
    def _():
        import warnings

        import torch

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with torch.autograd.detect_anomaly():
                x = torch.tensor([1.0, 2.0], requires_grad=True)
                y = x.exp()
                y.add_(1.0)
                try:
                    y.sum().backward()
                except RuntimeError as error:
                    print("gradient", error)
        print("the op is named", any("Error detected in ExpBackward0" in str(one.message) for one in caught))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        print("gradient", jax.grad(lambda x: jnp.sum(jnp.exp(x) + 1.0))(jnp.array([0.0, 0.0])))

    shown.expect_divergence(
        "gradient",
        torch=raises("RuntimeError: one of the variables needed for gradient computation has been modified"),
        jax=[1.0, 1.0],
        concept="write-after-save",
    )
    shown.expect_divergence("the op is named", torch=True, concept="nan-detection")


@demonstration
def losses_that_keep_their_graphs(shown):
    """A sum of losses keeps the graph of every one; a JAX number keeps nothing

    Shows: graph-memory.
    """

    @shown.torch
    def _():
        import torch

        x = torch.ones(3, requires_grad=True)
        total = torch.tensor(0.0)
        for _ in range(3):
            total = total + (x * 2).sum()
        nodes, pending = set(), [total.grad_fn]
        while pending:
            node = pending.pop()
            nodes.add(node)
            pending += [one for one, _ in node.next_functions if one is not None and one not in nodes]
        print("total", total.detach())
        print("nodes behind the total", len(nodes))

    @shown.jax
    def _():
        import jax.numpy as jnp

        total = 0.0
        for _ in range(3):
            total += jnp.sum(jnp.ones(3) * 2)
        print("total", total)

    shown.expect("total", 18.0)
    shown.expect_divergence("nodes behind the total", torch=10, concept="graph-memory")
