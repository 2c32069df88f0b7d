"""Points where both gradients are legitimate: kinks, NaN, complex numbers and dtypes."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    DTYPES,
    GRADIENTS_AT_KINKS,
    PROMOTION,
    jax_guide,
    jax_reference,
    torch_guide,
    torch_mechanics,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="complex-conjugate",
        title="The gradient of a complex tensor is the conjugate of what JAX returns.",
        status="silent",
        torch="`z.grad` of a real loss is `dL/dx + i dL/dy` for `z = x + iy`: it points where the loss grows.",
        jax="`jax.grad` returns `dL/dx - i dL/dy`, the complex derivative that the chain rule multiplies. A pullback "
        "takes and returns such cotangents.",
        why="Both describe the same derivative. PyTorch's form can be subtracted from the parameter, and JAX's form "
        "is the derivative of a holomorphic function, unconjugated.",
        instead="Conjugate the gradient, and the cotangent that a pullback is given: `z_grad = "
        "jnp.conj(jax.grad(loss_fn)(z))`. A descent step without it goes the wrong way along the imaginary axis, and "
        "nothing is raised.",
        torch_page=torch_mechanics("Autograd for Complex Numbers", "autograd-for-complex-numbers"),
        jax_page=jax_guide(
            "Autodiff cookbook: Relation to Wirtinger derivatives",
            "301/cookbook.html#relation-to-wirtinger-derivatives",
        ),
    ),
    Concept(
        id="complex-on-the-way",
        title="Complex numbers between real leaves and a real root change nothing about the gradient.",
        status="exact",
        torch="A real leaf has a real gradient, also beside complex factors: the imaginary part is dropped.",
        jax="The cotangent of a real argument is real in the same way.",
        why="The conjugate of a real number is that number, so the two conventions meet.",
        instead="Write the same: `x_grad = jax.grad(lambda x: jnp.sum(jnp.abs(lax.complex(x, x * x)) ** 2))(x)`.",
        torch_page=torch_guide("Complex Numbers", "complex_numbers.html"),
        jax_page=jax_reference("jax.lax.complex"),
    ),
    Concept(
        id="real-among-complex",
        title="Some ops of PyTorch take real numbers among complex ones and cannot go back.",
        status="jax-only",
        torch="Arithmetic drops the imaginary part of the gradient of a real operand. A real number that is "
        "written to several complex elements, and `where` of both kinds, raise in the backward pass.",
        jax="Every op promotes by a cast, and the cotangent of a cast to complex numbers is the real part.",
        why="In PyTorch each op handles the promotion by itself, and these two do not.",
        instead="Nothing is needed: `w_grad = jax.grad(lambda w: jnp.sum(z.at[:].set(w).real))(w)`. In PyTorch, cast "
        "first.",
        torch_page=torch_reference("torch.where"),
        jax_page=PROMOTION,
    ),
    Concept(
        id="complex-parts",
        title="The real and imaginary parts of a tensor are views of it; those of an array are arrays of their own.",
        status="silent",
        torch="`z.real`, `z.imag` and `torch.view_as_real(z)` share the storage of `z`. A write through one of them "
        "is a recorded write to `z`.",
        jax="`z.real` is a new array. What is computed from it does not come back to `z`.",
        why="Arrays are immutable, so no array can show what is written to another.",
        instead="Put the parts together again: `z = lax.complex(new, z.imag)`.",
        torch_page=torch_reference("torch.view_as_real"),
        jax_page=jax_reference("jax.numpy.real"),
    ),
    Concept(
        id="conjugated-view",
        title="The conjugate of a tensor is a view: what is written through it arrives conjugated.",
        status="silent",
        torch="`z.conj()` shares the storage of `z` and is marked as conjugated; the numbers are negated where they "
        "are read. A write through it is a recorded write to `z`.",
        jax="`jnp.conj(z)` is a new array.",
        why="PyTorch puts off the copy, and what is put off can be written to. Immutable arrays make no difference.",
        instead="Write the conjugate of the value to the array itself, `z = z.at[0].set(jnp.conj(4j))`, and conjugate "
        "again: `c = jnp.conj(z)`.",
        torch_page=torch_reference("torch.conj"),
        jax_page=jax_reference("jax.numpy.conj"),
    ),
    Concept(
        id="other-branch",
        title="A derivative formula may hold on one branch only.",
        status="silent",
        torch="The derivative of `torch.polar` along a negative radius has the wrong sign, and it is 0 at radius 0.",
        jax="The derivative of `jnp.acosh` in the left half-plane has the wrong sign.",
        why="The formulas divide by a modulus, or draw two square roots together; neither is allowed everywhere.",
        instead="Spell the function out, which has the right derivative on every branch: "
        "`y = 2 * jnp.log(jnp.sqrt((z + 1) / 2) + jnp.sqrt((z - 1) / 2))` for `jnp.acosh(z)`.",
        torch_page=torch_reference("torch.polar"),
        jax_page=jax_reference("jax.numpy.acosh"),
    ),
    Concept(
        id="complex-sign",
        title="JAX gives the sign of a complex number no derivative.",
        status="silent",
        torch="`torch.sgn(z)` is `z / abs(z)`, and its gradient is that of the quotient. `torch.sign` refuses complex "
        "numbers.",
        jax="`jnp.sign(z)` has the same value, and zero for a derivative.",
        why="The sign of a real number is constant almost everywhere; that of a complex number turns with its angle.",
        instead="Divide: `y = z / jnp.abs(z)`.",
        torch_page=torch_reference("torch.sgn"),
        jax_page=jax_reference("jax.numpy.sign"),
    ),
    Concept(
        id="integer-width",
        title="Integers have 64 bits in PyTorch, and 32 in JAX unless told otherwise.",
        status="silent",
        torch="A tensor made of Python integers is `int64`.",
        jax="An array made of Python integers is `int32` until 64-bit types are enabled. Arithmetic beyond 32 bits "
        "wraps around without an error.",
        why="This is a convention and no difference of concept: JAX defaults to the narrow types for speed.",
        instead="Enable 64-bit types before any array is made: `jax.config.update('jax_enable_x64', True)`.",
        torch_page=torch_reference("torch.arange"),
        jax_page=DTYPES,
    ),
    Concept(
        id="agreed-kink",
        title="At most kinks and zeros the two gradients are the same.",
        status="exact",
        torch="The derivative of `relu` at 0 is 0, `maximum` of equal values gives each a half, a stable sort passes "
        "gradients back by position, and `prod` with a zero needs no division. `round` and `floor` have the "
        "derivative zero.",
        jax="The same numbers.",
        why="Both choose a subgradient by hand, and often the same one.",
        instead="Nothing to rewrite: `jax.grad(jax.nn.relu)(0.0)`.",
        torch_page=GRADIENTS_AT_KINKS,
        jax_page=jax_reference("jax.nn.relu"),
    ),
    Concept(
        id="abs-at-zero",
        title="The derivative of abs at zero is 0 in PyTorch, and 1 in JAX.",
        status="silent",
        torch="`abs` has the derivative 0 at 0, and so have the 1-norm and an L1 loss.",
        jax="`jnp.abs` has the derivative 1 at 0, and so has all that is made of it.",
        why="Every number from -1 to 1 is a subgradient there; PyTorch takes the smallest, JAX that of the right side.",
        instead="For PyTorch's choice multiply by the sign: `y = x * lax.stop_gradient(jnp.sign(x))`.",
        torch_page=GRADIENTS_AT_KINKS,
        jax_page=jax_reference("jax.numpy.abs"),
    ),
    Concept(
        id="kink",
        title="At a kink of an activation each framework picks its own side.",
        status="silent",
        torch="`leaky_relu` at 0 has the small slope, `hardtanh` at its bounds 0, and `copysign` at 0 the derivative "
        "0.",
        jax="`leaky_relu` at 0 has the slope 1, `hard_tanh` at its bounds 1, and `copysign` at 0 the slope of the "
        "side that its sign names.",
        why="A comparison with the kink is strict in one and not in the other.",
        instead="For PyTorch's side state the comparison: `y = jnp.where(x > 0, x, 0.01 * x)`.",
        torch_page=GRADIENTS_AT_KINKS,
        jax_page=jax_reference("jax.nn.leaky_relu"),
    ),
    Concept(
        id="norm-at-zero",
        title="At the zero vector PyTorch's norms have the gradient zero, and JAX's NaN.",
        status="silent",
        torch="`norm`, `std` without variance, `cdist` of equal points and `cosine_similarity` give finite "
        "gradients. A square root of a sum of squares that is written out gives NaN.",
        jax="`jnp.linalg.norm` is such a square root, and gives NaN. So do the others, written out.",
        why="The derivative of the root is infinite at zero, and infinity times zero is NaN; PyTorch's formulas "
        "leave the point out.",
        instead="Keep zero out of the root: `s = jnp.sum(x * x)`, then `y = jnp.where(s > 0, jnp.sqrt(jnp.where(s > "
        "0, s, 1.0)), 0.0)`.",
        torch_page=torch_reference("torch.linalg.vector_norm"),
        jax_page=jax_reference("jax.numpy.linalg.norm"),
    ),
    Concept(
        id="ties",
        title="Tied elements share the gradient, or one of them takes it all.",
        status="silent",
        torch="`max()` and `amax()` share among equal elements. `max(dim=...)`, `cummax` and `fmax` give all to one "
        "of them, and a descending stable sort keeps the order of equals.",
        jax="`jnp.max` and `lax.cummax` share, along an axis too. A descending `jnp.sort` turns the order of equals "
        "round, and `fmax` gives all to the other operand.",
        why="Where the largest element is not unique, any division of the gradient among them is a subgradient.",
        instead="For one winner take it by index: `y = x[jnp.argmax(x)]`.",
        torch_page=torch_reference("torch.max"),
        jax_page=jax_reference("jax.numpy.max"),
    ),
    Concept(
        id="clamp-at-bound",
        title="At its bounds clamp passes all of the gradient, clip half of it, and lax.clamp none.",
        status="silent",
        torch="`clamp` has the derivative 1 at the bounds.",
        jax="`jnp.clip` is a minimum of a maximum and has 0.5 there; `lax.clamp` has 0.",
        why="The bound is a kink, and every number from 0 to 1 is a subgradient.",
        instead="For PyTorch's choice count the bounds in: `y = jnp.where((x >= 0) & (x <= 1), x, "
        "lax.stop_gradient(jnp.clip(x, 0.0, 1.0)))`.",
        torch_page=torch_reference("torch.clamp"),
        jax_page=jax_reference("jax.numpy.clip"),
    ),
    Concept(
        id="same-name",
        title="One name, two functions: std, median, gelu and cholesky differ by default.",
        status="silent",
        torch="`std` divides by n - 1, `median` is the lower of the two in the middle, `gelu` is exact, and "
        "`cholesky` reads one triangle.",
        jax="`jnp.std` divides by n, `jnp.median` takes the mean of the two, `jax.nn.gelu` approximates by tanh, and "
        "`jnp.linalg.cholesky` makes its input symmetric first.",
        why="JAX follows NumPy in the first two, and each has its own default in the others.",
        instead="Say which one is meant: `jnp.std(x, ddof=1)`, `jax.nn.gelu(x, approximate=False)`.",
        torch_page=torch_reference("torch.std"),
        jax_page=jax_reference("jax.numpy.std"),
    ),
    Concept(
        id="masked-nan",
        title="A NaN in the branch not taken reaches the gradient in both.",
        status="exact",
        torch="`torch.where(x > 0, x.log(), 0.0)` has the gradient NaN at 0, and so has a division whose infinite "
        "result is masked afterwards, and a softmax over nothing but -inf.",
        jax="The same, and the same remedy: the argument is made harmless inside of the branch as well.",
        why="Both branches are differentiated, and zero times infinity is NaN.",
        instead="Mask twice: `y = jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1.0)), 0.0)`.",
        torch_page=torch_mechanics("Division by Zero in Autograd", "division-by-zero-in-autograd"),
        jax_page=jax_reference("jax.numpy.where"),
    ),
    Concept(
        id="undefined-point",
        title="Where a function has no derivative each framework answers something else.",
        status="silent",
        torch="At the origin `atan2` gives 0 and `hypot` NaN, the power 0 to the 0 gives 0, and `xlogy` 0. `logit` "
        "outside of its domain gives NaN.",
        jax="There `arctan2` gives NaN and `hypot` 0.5, the power gives NaN, and `xlogy` -inf. `logit` outside of "
        "its domain gives a finite number.",
        why="A formula is evaluated where it does not hold, and formulas differ.",
        instead="Keep such points out: `y = jnp.hypot(jnp.where(x == 0, 1.0, x), w)`.",
        torch_page=GRADIENTS_AT_KINKS,
        jax_page=jax_reference("jax.numpy.hypot"),
    ),
    Concept(
        id="missing-derivative",
        title="What PyTorch has no derivative for is zero in JAX.",
        status="silent",
        torch="A backward pass through `floor_divide`, `heaviside` or `unique` raises 'derivative ... is not "
        "implemented'.",
        jax="`floor_divide` and `heaviside` have the derivative zero, and `unique` passes gradients to the elements "
        "that it keeps.",
        why="PyTorch needs a formula for each op; JAX composes what the function is made of.",
        instead="Nothing warns of the zero; stop it to say so: `y = lax.stop_gradient(jnp.floor_divide(x, 2.0))`.",
        torch_page=torch_reference("torch.heaviside"),
        jax_page=jax_reference("jax.numpy.floor_divide"),
    ),
    Concept(
        id="nan-input",
        title="A NaN that goes in gives gradients by no common rule.",
        status="silent",
        torch="`max` passes the gradient to the NaN, and `relu` of NaN has the derivative 1.",
        jax="`jnp.max` gives NaN for every element, and `relu` of NaN has the derivative 0.",
        why="A comparison with NaN is false, and what follows depends on how the comparison is written.",
        instead="Keep NaN out: `y = jnp.where(jnp.isnan(x), 0.0, x)`.",
        torch_page=GRADIENTS_AT_KINKS,
        jax_page=jax_reference("jax.numpy.max"),
    ),
    Concept(
        id="holomorphic",
        title="A complex result needs a cotangent in PyTorch, and holomorphic=True in JAX.",
        status="silent",
        torch="`backward()` of a complex root raises, and `backward(gradient=1)` gives the conjugate of the complex "
        "derivative.",
        jax="`jax.grad` of a complex result raises, and with `holomorphic=True` it gives the complex derivative "
        "itself.",
        why="Each keeps its convention for complex gradients, and the two are conjugates.",
        instead="Conjugate to compare: `jnp.conj(jax.grad(jnp.sin, holomorphic=True)(3.0 + 4.0j))`.",
        torch_page=torch_mechanics("Autograd for Complex Numbers", "autograd-for-complex-numbers"),
        jax_page=jax_guide(
            "Autodiff cookbook: Holomorphic functions",
            "301/cookbook.html#holomorphic-functions-and-grad-f-holomorphic-true",
        ),
    ),
    Concept(
        id="double-precision",
        title="In JAX float64 becomes float32 unless 64-bit types are enabled.",
        status="silent",
        torch="A tensor has the dtype that was asked for, and a NumPy array of 64 bits stays one.",
        jax="Without the flag a `float64` that is asked for is cut to `float32` with a warning, and one that comes "
        "from NumPy without.",
        why="Half the bits are fast on the devices that JAX is made for.",
        instead="Enable them before any array is made: `jax.config.update('jax_enable_x64', True)`.",
        torch_page=torch_guide("Tensor Attributes: torch.dtype", "tensor_attributes.html#torch-dtype"),
        jax_page=DTYPES,
    ),
    Concept(
        id="promotion",
        title="Which operand decides the dtype differs for scalars.",
        status="silent",
        torch="A tensor without axes gives way to one with axes, whatever its precision. `mean()` of integers raises.",
        jax="Only a Python number, or an array made of one, gives way, and its gradient is of that weak kind too. "
        "`jnp.float32(2.5)` decides the result; `mean` of integers is a float.",
        why="PyTorch looks at the shape and JAX at where the number came from.",
        instead="State the dtype: `y = x * jnp.asarray(2.5, x.dtype)`.",
        torch_page=torch_guide("Tensor Attributes: type promotion", "tensor_attributes.html#type-promotion-doc"),
        jax_page=PROMOTION,
    ),
    Concept(
        id="rounding",
        title="Sums in another order round differently, so equality needs a tolerance.",
        status="exact",
        torch="A sum or a product of matrices is computed in blocks, in an order that depends on shape and machine.",
        jax="So it is in JAX, and compiled code may fuse and reorder besides.",
        why="Floating point addition is not associative.",
        instead="Compare with a tolerance: `jnp.allclose(x, y, rtol=1e-5)`.",
        torch_page=torch_guide("Numerical accuracy", "notes/numerical_accuracy.html"),
        jax_page=jax_reference("jax.numpy.allclose"),
    ),
    Concept(
        id="algebraic-simplification",
        title="A compiler may simplify, and change an infinity into a number.",
        status="jax-only",
        torch="`x.exp().log()` of 1000 is infinite, and its gradient NaN.",
        jax="So it is op by op. Under `jit` the compiler knows that the two cancel: the value is 1000 and the "
        "gradient 1.",
        why="The compiler keeps to real numbers, in which nothing overflows.",
        instead="Say what is meant: `y = x`, and not the logarithm of an exponential.",
        torch_page=torch_reference("torch.exp"),
        jax_page=jax_guide(
            "Frequently asked questions: jit changes the exact numerics of outputs",
            "faq.html#jit-changes-the-exact-numerics-of-outputs",
        ),
    ),
    Concept(
        id="singular-determinant",
        title="On a singular matrix PyTorch's determinant has the gradient zero, which is wrong.",
        status="silent",
        torch="`torch.linalg.det` of an exactly singular matrix gives zeros as its gradient, in both precisions.",
        jax="`jnp.linalg.det` gives the transposed adjugate, which is the derivative.",
        why="PyTorch solves with the matrix, which a singular one does not allow; the determinant itself is a "
        "polynomial and smooth.",
        instead="Differentiate the polynomial: `jax.grad(jnp.linalg.det)(jnp.array([[1.0, 2.0], [2.0, 4.0]]))`.",
        torch_page=torch_reference("torch.linalg.det"),
        jax_page=jax_reference("jax.numpy.linalg.det"),
    ),
    Concept(
        id="bessel-at-zero",
        title="The function i0 has the derivative 1 at zero in JAX, which is wrong.",
        status="silent",
        torch="`torch.i0` has the derivative `i1`, which is 0 at 0.",
        jax="`jax.scipy.special.i0` has the derivative 1 at exactly 0, and the right one on both sides.",
        why="It is written with `abs`, whose derivative at zero is 1 in JAX, though the product is smooth.",
        instead="Give it its derivative: `i0 = jax.custom_jvp(jax.scipy.special.i0)`, then `i0.defjvps(lambda t, y, "
        "x: t * jax.scipy.special.i1(x))`.",
        torch_page=torch_guide("torch.special.i0", "special.html#torch.special.i0"),
        jax_page=jax_reference("jax.scipy.special.i0"),
        versions="It is so in JAX 0.10.2, and has been repaired in the repository since.",
    ),
)
