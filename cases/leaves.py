"""Leaves, and where gradients are kept."""

from compare import case, demonstration, raises

chapter_number = 1

NON_LEAF_WARNING = "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed"


@case
def three_weights(tape):
    """Only leaves collect a gradient

    Shows: leaf, backward, nonleaf-grad, grad-fn.
    """
    x = tape.constant([[1.0, 1.0], [1.0, 1.0]])
    w1, w2, w3 = tape.leaf(2.0), tape.leaf(3.0), tape.leaf(4.0)
    l1 = x * w1
    l2 = l1 + w2
    l3 = l1 * w3
    l4 = l2 * l3
    loss = l4.mean()
    tape.expect(w1.grad_fn, None)
    tape.expect(l1.grad_fn, "MulBackward0")
    tape.expect(l2.grad_fn, "AddBackward0")
    tape.expect(loss.grad_fn, "MeanBackward0")
    tape.expect(loss, 40.0)
    loss.backward()
    tape.expect(w1.grad, 28.0)
    tape.expect(w2.grad, 8.0)
    tape.expect(w3.grad, 10.0)
    for intermediate in (l1, l2, l3, l4, loss):
        tape.expect(intermediate.grad, None, warning=NON_LEAF_WARNING)


@case
def nonleaf_grad(tape):
    """A tensor made by an op keeps no gradient

    Shows: nonleaf-grad, is-leaf, requires-grad, storage-identity.
    """
    a = tape.leaf([[1.0, 1.0], [1.0, 1.0]])
    b = 3 * a + 2
    loss = b.sum()
    tape.expect(a.is_leaf, True)
    tape.expect(b.is_leaf, False)
    tape.expect(b.requires_grad, True)
    tape.expect(tape.shares_storage(a, b), False)
    loss.backward()
    tape.expect(a.grad_fn, None)
    tape.expect(a.grad, 3.0)
    tape.expect(b.grad_fn, "AddBackward0")
    tape.expect(b.grad, None, warning=NON_LEAF_WARNING)


@case
def nothing_requires_grad(tape):
    """Without a leaf that requires grad there is nothing to go backward through

    Shows: backward-without-graph, empty-grad.
    """
    a = tape.constant([[1.0, 1.0], [1.0, 1.0]])
    b = 3 * a + 2
    loss = b.sum()
    tape.expect(a.is_leaf, True)
    tape.expect(b.is_leaf, True)
    tape.expect(b.requires_grad, False)
    with tape.expect_error(
        torch="RuntimeError: can't retain_grad on Tensor that has requires_grad=False", concept="backward-without-graph"
    ):
        b.retain_grad()
    with tape.expect_error(
        torch="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn",
        concept="backward-without-graph",
    ):
        loss.backward()
    tape.expect(a.grad, None)
    tape.expect(loss, 20.0)


@case
def retain_grad(tape):
    """retain_grad before backward keeps the gradient of an intermediate

    Shows: retain-grad.
    """
    a = tape.leaf([[1.0, 1.0], [1.0, 1.0]])
    b = 3 * a + 2
    b.retain_grad()
    loss = b.sum()
    tape.expect(b.is_leaf, False)
    tape.expect(b.retains_grad, True)
    loss.backward()
    tape.expect(a.grad, 3.0)
    tape.expect(b.grad, 1.0)


@case
def retain_grad_after_backward(tape):
    """retain_grad after backward keeps nothing, and says nothing

    Shows: late-retain-grad.
    """
    a = tape.leaf([[1.0, 1.0], [1.0, 1.0]])
    b = 3 * a + 2
    loss = b.sum()
    loss.backward()
    b.retain_grad()
    tape.expect(b.retains_grad, True)
    tape.expect(b.grad, None)
    tape.expect(a.grad, 3.0)


@case
def gradient_of_itself(tape):
    """The gradient of a tensor with respect to itself is one

    Shows: backward, autograd-grad.
    """
    x = tape.leaf(3.0)
    x.backward()
    tape.expect(x.grad, 1.0)
    y = x * 2
    gradient = tape.grad(y, y)
    tape.expect(gradient, 1.0)


# ---- flags ----


@case
def flags_spread(tape):
    """A result requires grad where one operand does, and is a leaf where none does

    Shows: requires-grad, is-leaf.
    """
    x, w = tape.constant([1.0, 1.0]), tape.leaf([1.0, 1.0])
    plain, mixed = x + x, x + w
    element, cut = mixed[0], mixed.detach()
    with tape.no_grad():
        unrecorded = w * 2
    tape.expect(x.requires_grad, False)
    tape.expect(plain.requires_grad, False)
    tape.expect(plain.is_leaf, True)
    tape.expect(mixed.requires_grad, True)
    tape.expect(mixed.is_leaf, False)
    tape.expect(element.is_leaf, False)
    tape.expect(cut.is_leaf, True)
    tape.expect(unrecorded.is_leaf, True)
    mixed.sum().backward()
    tape.expect(w.grad, 1.0)


@demonstration
def flag_at_the_call(shown):
    """PyTorch asks for a gradient on the tensor, JAX at the call

    Shows: requires-grad.
    """

    @shown.torch
    def _():
        import torch

        print(
            "flags of a tensor and a parameter",
            [torch.ones(2).requires_grad, torch.nn.Parameter(torch.ones(2)).requires_grad],
        )
        x, z = torch.ones(2), torch.ones(2, requires_grad=True)
        (x * z).sum().backward()
        print("gradient of the second", z.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.ones(2)
        try:
            print("flag of an array", x.requires_grad)
        except AttributeError as error:
            print("flag of an array", error)
        print("gradient of the second", jax.grad(lambda x, z: jnp.sum(x * z), argnums=1)(x, x))

    shown.expect_divergence("flags of a tensor and a parameter", torch=[False, True], concept="requires-grad")
    shown.expect_divergence(
        "flag of an array",
        jax=raises("AttributeError: 'jaxlib._jax.ArrayImpl' object has no attribute 'requires_grad'"),
        concept="requires-grad",
    )
    shown.expect("gradient of the second", [1.0, 1.0])


@demonstration
def old_variable(shown):
    """A Variable is a tensor under its old name

    Shows: requires-grad.
    """

    @shown.torch
    def _():
        import torch
        from torch.autograd import Variable

        variable = Variable(torch.ones(1), requires_grad=True)
        print("type", type(variable).__name__)
        print("every tensor is one", isinstance(torch.ones(1), Variable))

    @shown.jax
    def _():
        import jax

        print("exists", hasattr(jax, "Variable"))

    shown.expect_divergence("type", torch="Tensor", concept="requires-grad")
    shown.expect_divergence("every tensor is one", torch=True, concept="requires-grad")
    shown.expect_divergence("exists", jax=False, concept="requires-grad")


@case
def flag_switched_on_midway(tape):
    """Recording starts when the flag is set; what was computed before stays a constant

    Shows: requires-grad.
    """
    a = tape.constant(2.0)
    before = a * a
    a.requires_grad_()
    after = a * 3
    with tape.expect_error(
        torch="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn",
        concept="backward-without-graph",
    ):
        before.backward()
    after.backward()
    tape.expect(a.grad, 3.0)


@case
def leaf_frozen_after_use(tape):
    """A leaf that is frozen after it was used collects nothing, until the flag is set again

    Shows: frozen-leaf.
    """
    a, b = tape.leaf(2.0), tape.leaf(3.0)
    y = a * b
    a.requires_grad_(False)
    y.backward(retain_graph=True)
    tape.expect(a.grad, None)
    tape.expect(b.grad, 2.0)
    a.requires_grad_()
    y.backward()
    tape.expect(a.grad, 3.0)
    tape.expect(b.grad, 4.0)


@demonstration
def flag_of_a_result(shown):
    """Only a leaf may change its flag; a result is cut instead

    Shows: nonleaf-flag.
    """

    @shown.torch
    def _():
        import torch

        a = torch.ones(2, requires_grad=True)
        b = a * 2
        try:
            b.requires_grad_(False)
        except RuntimeError as error:
            print("switched off", error)
        b.requires_grad_(True)
        print("is a leaf when switched on", b.is_leaf)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        from jax import lax

        print("gradient of a result that is cut", jax.grad(lambda a: jnp.sum(lax.stop_gradient(a * 2)))(jnp.ones(2)))

    shown.expect_divergence(
        "switched off",
        torch=raises("RuntimeError: you can only change requires_grad flags of leaf variables"),
        concept="nonleaf-flag",
    )
    shown.expect_divergence("is a leaf when switched on", torch=False, concept="nonleaf-flag")
    shown.expect_divergence("gradient of a result that is cut", jax=[0.0, 0.0], concept="nonleaf-flag")


@demonstration
def made_under_no_grad(shown):
    """A parameter made under no_grad requires grad; a result does not

    Shows: requires-grad, no-grad.
    """

    @shown.torch
    def _():
        import torch

        with torch.no_grad():
            parameter = torch.nn.Parameter(torch.ones(2))
            tensor = torch.ones(2, requires_grad=True)
            result = parameter * 2
        print("flags", [parameter.requires_grad, tensor.requires_grad, result.requires_grad])

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        from jax import lax

        print("gradient through a stop", jax.grad(lambda w: jnp.sum(lax.stop_gradient(w) * 2))(jnp.ones(2)))

    shown.expect_divergence("flags", torch=[True, True, False], concept="requires-grad")
    shown.expect_divergence("gradient through a stop", jax=[0.0, 0.0], concept="no-grad")


@demonstration
def integer_leaf(shown):
    """Neither framework differentiates with respect to integers

    Shows: integer-leaf.
    """

    @shown.torch
    def _():
        import torch

        try:
            torch.tensor([1, 2], requires_grad=True)
        except RuntimeError as error:
            print("integers", error)
        try:
            torch.tensor([True]).requires_grad_()
        except RuntimeError as error:
            print("booleans", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def loss_fn(x):
            return jnp.sum(x * 1.0)

        try:
            jax.grad(loss_fn)(jnp.array([1, 2]))
        except TypeError as error:
            print("integers", error)
        try:
            jax.grad(loss_fn)(jnp.array([True]))
        except TypeError as error:
            print("booleans", error)
        print("dtype where it is allowed", str(jax.grad(loss_fn, allow_int=True)(jnp.array([1, 2])).dtype))

    shown.expect_divergence(
        "integers",
        torch=raises("RuntimeError: Only Tensors of floating point and complex dtype can require gradients"),
        jax=raises("TypeError: grad requires real- or complex-valued inputs"),
        concept="integer-leaf",
    )
    shown.expect_divergence(
        "booleans",
        torch=raises("RuntimeError: only Tensors of floating point dtype can require gradients"),
        jax=raises("TypeError: grad requires real- or complex-valued inputs"),
        concept="integer-leaf",
    )
    shown.expect_divergence("dtype where it is allowed", jax="[('float0', 'V')]", concept="integer-leaf")


@demonstration
def dtype_of_a_slot(shown):
    """A leaf can be told to accumulate in another dtype; a JAX gradient has the argument's

    Shows: gradient-dtype.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([1.0, 2.0], requires_grad=True)
        x.grad_dtype = torch.float64
        (x * x).sum().backward()
        print("dtype of the gradient", str(x.grad.dtype).removeprefix("torch."))
        try:
            print("of a result", (x * 2).grad_dtype)
        except RuntimeError as error:
            print("of a result", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        gradient = jax.grad(lambda x: jnp.sum(x * x))(jnp.array([1.0, 2.0]))
        print("dtype of the gradient", str(gradient.dtype))

    shown.expect_divergence("dtype of the gradient", torch="float64", jax="float32", concept="gradient-dtype")
    shown.expect_divergence(
        "of a result",
        torch=raises("RuntimeError: grad_dtype can only be accessed on leaf tensors"),
        concept="gradient-dtype",
    )


@case
def view_of_a_constant_as_leaf(tape):
    """requires_grad_ on a view of a constant makes a leaf of the view, and not of its base

    Shows: requires-grad, leaf.
    """
    x = tape.constant([1.0, 2.0])
    v = x[:1]
    v.requires_grad_()
    tape.expect(v.is_leaf, True)
    tape.expect(x.requires_grad, False)
    x.mul_(10.0)
    loss = (v * v).sum()
    loss.backward()
    tape.expect(loss, 100.0)
    tape.expect_naive(loss, 1.0)
    tape.expect(v.grad, 20.0)
    tape.expect_naive(v.grad, 2.0)


@case
def view_older_than_the_flag(tape):
    """A view older than the flag of its base requires grad too, and its gradient reaches nothing

    Shows: nodeless-view.
    """
    x = tape.constant([1.0, 2.0])
    v = x[:1]
    x.requires_grad_()
    tape.expect(v.requires_grad, True)
    tape.expect(v.is_leaf, True)
    loss = (v * 3).sum() + x.sum()
    loss.backward()
    tape.expect(x.grad, 1.0)
    tape.expect(v.grad, None)


@case
def view_renewed_by_a_write(tape):
    """The first write to its storage gives such a view a history

    Shows: nodeless-view.
    """
    x = tape.constant([1.0, 2.0])
    v = x[:1]
    x.requires_grad_()
    with tape.no_grad():
        x.mul_(10.0)
    tape.expect(v.is_leaf, False)
    loss = (v * 3).sum()
    loss.backward()
    tape.expect(loss, 30.0)
    tape.expect_naive(loss, 3.0)
    tape.expect(x.grad, [3.0, 0.0])
    tape.expect_naive(x.grad, 0.0)


# ---- leaves that are lost ----


@demonstration
def cast_after_the_flag(shown):
    """A cast after requires_grad leaves the leaf behind

    Shows: lost-leaf.
    """

    @shown.torch
    def _():
        import torch

        w = torch.tensor([1.0, 2.0], requires_grad=True).double()
        print("is a leaf", w.is_leaf)
        (w * w).sum().backward()
        print("gradient", w.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        w = jnp.array([1.0, 2.0], jnp.float32).astype(jnp.float64)
        print("gradient", jax.grad(lambda w: jnp.sum(w * w))(w))

    shown.expect_divergence("is a leaf", torch=False, concept="lost-leaf")
    shown.expect_divergence(
        "gradient",
        torch=None,
        jax=[2.0, 4.0],
        concept="lost-leaf",
        torch_warning="UserWarning: The .grad attribute of a Tensor that is not a leaf Tensor is being accessed",
    )


@demonstration
def copy_of_a_result(shown):
    """torch.tensor copies numbers and drops the history; jnp.array keeps the derivative

    Shows: data-copy.
    """

    @shown.torch
    def _():
        import warnings

        import torch

        a = torch.tensor([1.0, 2.0], requires_grad=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch recommends another spelling, and goes on
            copied = torch.tensor(a * 2, requires_grad=True)
        copied.sum().backward()
        print("gradient", a.grad)
        torch.as_tensor(a * 2).sum().backward()
        print("gradient through as_tensor", a.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        a = jnp.array([1.0, 2.0])
        print("gradient", jax.grad(lambda a: jnp.sum(jnp.array(a * 2)))(a))
        print("gradient through as_tensor", jax.grad(lambda a: jnp.sum(jnp.asarray(a * 2)))(a))

    shown.expect_divergence("gradient", torch=None, jax=[2.0, 2.0], concept="data-copy")
    shown.expect("gradient through as_tensor", [2.0, 2.0])


@demonstration
def tensor_made_of_scalars(shown):
    """A tensor made of tracked scalars has lost them; a stack has not

    Shows: data-copy.
    """

    @shown.torch
    def _():
        import warnings

        import torch

        a = torch.tensor(2.0, requires_grad=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the conversion to numbers
            print("made of a list: requires grad", torch.tensor([a, a * a]).requires_grad)
        torch.stack([a, a * a]).sum().backward()
        print("gradient of a stack", a.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        print("gradient of a list", jax.grad(lambda a: jnp.sum(jnp.array([a, a * a])))(2.0))
        print("gradient of a stack", jax.grad(lambda a: jnp.sum(jnp.stack([a, a * a])))(2.0))

    shown.expect_divergence("made of a list: requires grad", torch=False, concept="data-copy")
    shown.expect_divergence("gradient of a list", jax=5.0, concept="data-copy")
    shown.expect("gradient of a stack", 5.0)


@demonstration
def number_taken_out(shown):
    """item() takes a number out of the derivative; float() under jax.grad raises

    Shows: python-number.
    """

    @shown.torch
    def _():
        import warnings

        import torch

        for name, number in (("item()", lambda x: x.item()), ("float()", float)):
            a = torch.tensor(2.0, requires_grad=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # float() warns once for each process
                (a * number(a * a)).backward()
            print(f"gradient with {name}", a.grad)

    @shown.jax
    def _():
        import jax

        print("gradient with item()", jax.grad(lambda a: a * (a * a).item())(2.0))
        try:
            print("gradient with float()", jax.grad(lambda a: a * float(a * a))(2.0))
        except jax.errors.ConcretizationTypeError as error:
            print("gradient with float()", error)
        try:
            jax.jit(lambda a: a * (a * a).item())(2.0)
        except jax.errors.ConcretizationTypeError as error:
            print("item() under jit", error)
        print("gradient without", jax.grad(lambda a: a * (a * a))(2.0))

    shown.expect("gradient with item()", 4.0)
    shown.expect_divergence(
        "gradient with float()",
        torch=4.0,
        jax=raises("ConcretizationTypeError: Abstract tracer value encountered where concrete value is expected"),
        concept="python-number",
    )
    shown.expect_divergence(
        "item() under jit",
        jax=raises("ConcretizationTypeError: Abstract tracer value encountered where concrete value is expected"),
        concept="python-number",
    )
    shown.expect_divergence("gradient without", jax=12.0, concept="python-number")


@demonstration
def conversions_to_python(shown):
    """PyTorch turns a differentiated value into any number; jax.grad allows bool, int and item()

    Shows: python-number, branch-on-value.
    """

    @shown.torch
    def _():
        import math
        import warnings

        import torch

        conversions = {
            "bool": bool,
            "int": int,
            "item": lambda x: x.item(),
            "float": float,
            "tolist": lambda x: x.tolist(),
            "format": lambda x: f"{x:.2f}",
            "math.sin": math.sin,
            "range": range,
        }
        x, allowed = torch.tensor(2.0, requires_grad=True), []
        for name, conversion in conversions.items():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # some of them warn once for each process
                    conversion(x)
            except TypeError:
                continue
            allowed.append(name)
        print("allowed", allowed)

    @shown.jax
    def _():
        import math

        import jax

        conversions = {
            "bool": bool,
            "int": int,
            "item": lambda x: x.item(),
            "float": float,
            "tolist": lambda x: x.tolist(),
            "format": lambda x: f"{x:.2f}",
            "math.sin": math.sin,
            "range": range,
        }
        allowed = []

        def convert(x):
            for name, conversion in conversions.items():
                try:
                    conversion(x)
                except TypeError:
                    continue
                allowed.append(name)
            return x

        jax.grad(convert)(2.0)
        print("allowed", allowed)

    shown.expect_divergence(
        "allowed",
        torch=["bool", "int", "item", "float", "tolist", "format", "math.sin"],
        jax=["bool", "int", "item"],
        concept="python-number",
    )


@demonstration
def numpy_and_gradients(shown):
    """NumPy is refused a differentiated value, and takes a concrete JAX array out of JAX

    Shows: numpy-conversion.
    """

    @shown.torch
    def _():
        import numpy as np
        import torch

        a = torch.tensor([1.0, 4.0], requires_grad=True)
        try:
            np.asarray(a)
        except RuntimeError as error:
            print("a differentiated value", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        import numpy as np

        a = jnp.array([1.0, 4.0])
        try:
            jax.grad(lambda a: np.sqrt(a).sum())(a)
        except jax.errors.TracerArrayConversionError as error:
            print("a differentiated value", error)
        print("type of NumPy's root", type(np.sqrt(a)).__name__)
        try:
            np.asarray(a)[0] = 9.0
        except ValueError as error:
            print("a write through NumPy", error)

    shown.expect_divergence(
        "a differentiated value",
        torch=raises("RuntimeError: Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy()"),
        jax=raises("TracerArrayConversionError: The numpy.ndarray conversion method __array__() was called"),
        concept="numpy-conversion",
    )
    shown.expect_divergence("type of NumPy's root", jax="ndarray", concept="numpy-conversion")
    shown.expect_divergence(
        "a write through NumPy",
        jax=raises("ValueError: assignment destination is read-only"),
        concept="numpy-conversion",
    )


# ---- what a tensor knows of the graph ----


@demonstration
def state_of_the_tape(shown):
    """A tensor knows its place on the tape; a JAX array has no attribute for it

    Shows: is-leaf, grad-fn, version-counter, data.
    """

    @shown.torch
    def _():
        import torch

        w = torch.tensor(2.0, requires_grad=True)
        print("grad, grad_fn, version", [w.grad, w.grad_fn, w._version])
        print("is a leaf, requires grad, retains grad", [w.is_leaf, w.requires_grad, w.retains_grad])
        print("data", w.data)

    @shown.jax
    def _():
        import jax.numpy as jnp

        w = jnp.array(2.0)
        names = ("grad", "grad_fn", "_version", "is_leaf", "requires_grad", "retains_grad", "data")
        print("attributes of an array", [name for name in names if hasattr(w, name)])

    shown.expect_divergence("grad, grad_fn, version", torch=[None, None, 0], concept="grad-fn")
    shown.expect_divergence("is a leaf, requires grad, retains grad", torch=[True, True, False], concept="is-leaf")
    shown.expect_divergence("data", torch=2.0, concept="data")
    shown.expect_divergence("attributes of an array", jax=[], concept="is-leaf")


@demonstration
def graph_behind_a_tensor(shown):
    """A tensor leads to the nodes behind it; a JAX function shows its equations

    Shows: grad-fn, leaf.
    """

    @shown.torch
    def _():
        import torch

        a = torch.tensor(2.0, requires_grad=True)
        y = (a * 3.0 + a).exp()
        names, nodes = [], [y.grad_fn]
        while nodes:
            node = nodes.pop(0)
            names.append(node.name())
            nodes += [one for one, _ in node.next_functions if one is not None]
        print("nodes", names)
        print("the last one holds the leaf", node.variable is a)
        print("node of a constant factor", (a * torch.tensor(3.0)).grad_fn.next_functions[1][0])

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        jaxpr = jax.make_jaxpr(lambda a: jnp.exp(a * 3.0 + a))(2.0)
        print("equations", [str(one.primitive) for one in jaxpr.eqns])
        jaxpr = jax.make_jaxpr(jax.grad(lambda a: jnp.exp(a * 3.0 + a)))(2.0)
        print("equations of the gradient", [str(one.primitive) for one in jaxpr.eqns])

    shown.expect_divergence(
        "nodes",
        torch=[
            "ExpBackward0",
            "AddBackward0",
            "MulBackward0",
            "torch::autograd::AccumulateGrad",
            "torch::autograd::AccumulateGrad",
        ],
        concept="grad-fn",
    )
    shown.expect_divergence("the last one holds the leaf", torch=True, concept="grad-fn")
    shown.expect_divergence("node of a constant factor", torch=None, concept="leaf")
    shown.expect_divergence("equations", jax=["mul", "add", "exp"], concept="grad-fn")
    shown.expect_divergence(
        "equations of the gradient", jax=["mul", "add", "exp", "mul", "mul", "add_any"], concept="grad-fn"
    )


@demonstration
def what_the_tape_kept(shown):
    """A square keeps its input, an exponential its result; a pullback holds its residuals

    Shows: saved-value.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([0.0, 0.0], requires_grad=True)
        square, exponential = x.pow(2), x.exp()
        print("the square keeps its input", square.grad_fn._saved_self is x)
        print("the exponential keeps", exponential.grad_fn._saved_result)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        _, pullback = jax.vjp(jnp.exp, jnp.array([0.0, 0.0]))
        print("the exponential keeps", jax.tree.leaves(pullback)[0])

    shown.expect_divergence("the square keeps its input", torch=True, concept="saved-value")
    shown.expect("the exponential keeps", [1.0, 1.0])


@demonstration
def copies_of_a_graph(shown):
    """A recorded graph cannot be copied, and does not survive being stored

    Shows: graph-copy.
    """

    @shown.torch
    def _():
        import copy
        import pickle

        import torch

        a = torch.tensor([1.0, 2.0], requires_grad=True)
        b = a * 2
        print("deep copy of a leaf is a leaf", copy.deepcopy(a).is_leaf)
        try:
            copy.deepcopy(b)
        except RuntimeError as error:
            print("deep copy", error)
        stored = pickle.loads(pickle.dumps(b))
        print("stored value", stored.detach())
        print("stored: leaf, requires grad", [stored.is_leaf, stored.requires_grad])

    @shown.jax
    def _():
        import copy
        import pickle

        import jax.numpy as jnp

        b = jnp.array([1.0, 2.0]) * 2
        print("deep copy", copy.deepcopy(b))
        print("stored value", pickle.loads(pickle.dumps(b)))

    shown.expect_divergence(
        "deep copy",
        torch=raises("RuntimeError: Only Tensors created explicitly by the user (graph leaves) support the deepcopy"),
        jax=[2.0, 4.0],
        concept="graph-copy",
    )
    shown.expect_divergence("deep copy of a leaf is a leaf", torch=True, concept="graph-copy")
    shown.expect("stored value", [2.0, 4.0])
    shown.expect_divergence("stored: leaf, requires grad", torch=[True, True], concept="graph-copy")


@demonstration
def container_of_parameters(shown):
    """Gradients come back in the container that the parameters came in

    Shows: parameter-container.
    """

    @shown.torch
    def _():
        import torch

        parameters = {"w": torch.tensor(2.0, requires_grad=True), "b": [torch.tensor(1.0, requires_grad=True)]}
        (parameters["w"] * 3 + parameters["b"][0]).backward()
        print("gradients of w and b", [parameters["w"].grad, parameters["b"][0].grad])
        gradients = torch.autograd.grad(parameters["w"] ** 2, {"w": parameters["w"]})
        print("gradient in a dictionary", gradients["w"])
        try:
            torch.autograd.grad(parameters["w"] ** 2, {"w": None})
        except RuntimeError as error:
            print("None among the inputs", error)

    @shown.jax
    def _():
        import jax

        parameters = {"w": 2.0, "b": [1.0], "unused": None}
        gradients = jax.grad(lambda parameters: parameters["w"] * 3 + parameters["b"][0])(parameters)
        print("gradients of w and b", [gradients["w"], gradients["b"][0]])
        print("gradient in a dictionary", jax.grad(lambda parameters: parameters["w"] ** 2)({"w": 2.0})["w"])
        print("gradient of None", gradients["unused"])
        try:
            jax.grad(lambda parameters: parameters["w"] * 3)({"w": 2.0, "layers": 3})
        except TypeError as error:
            print("an integer in the container", error)
        try:
            jax.grad(lambda parameters: parameters["w"] * 3)({"w": 2.0, "name": "layer"})
        except TypeError as error:
            print("a word in the container", error)

    shown.expect("gradients of w and b", [3.0, 1.0])
    shown.expect("gradient in a dictionary", 4.0)
    shown.expect_divergence(
        "None among the inputs",
        torch=raises("RuntimeError: all inputs have to be Tensors or GradientEdges, but got NoneType"),
        concept="parameter-container",
    )
    shown.expect_divergence("gradient of None", jax=None, concept="parameter-container")
    shown.expect_divergence(
        "an integer in the container",
        jax=raises("TypeError: grad requires real- or complex-valued inputs"),
        concept="parameter-container",
    )
    shown.expect_divergence(
        "a word in the container",
        jax=raises("TypeError: Argument 'layer' of type <class 'str'> is not a valid JAX type"),
        concept="parameter-container",
    )


@demonstration
def identity_and_equality(shown):
    """A tensor is hashed by its identity; a JAX array is a value that cannot be hashed

    Shows: object-identity.
    """

    @shown.torch
    def _():
        import torch

        a = torch.tensor([1.0, 2.0])
        print("is its own key", a in {a: 1})
        print("compared with itself", a == a)

    @shown.jax
    def _():
        import jax.numpy as jnp

        a = jnp.array([1.0, 2.0])
        try:
            hash(a)
        except TypeError as error:
            print("is its own key", error)
        print("compared with itself", a == a)

    shown.expect_divergence(
        "is its own key", torch=True, jax=raises("TypeError: unhashable type"), concept="object-identity"
    )
    shown.expect("compared with itself", [True, True])
