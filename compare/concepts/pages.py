"""Pages of the official documentation: how their addresses are made, and those that several concepts point to."""

from __future__ import annotations

from compare.concepts.concept import Page

__all__ = [
    "ARGNUMS",
    "ASYNCHRONOUS",
    "AUXILIARY",
    "BACKWARD_HOOKS",
    "CACHING",
    "CALLBACKS",
    "CAPTURED",
    "CHECKING",
    "CHECKPOINT",
    "CONTROL_FLOW",
    "CUSTOM_VJP",
    "DEBUG_PRINT",
    "DONATION",
    "DTYPES",
    "ERRORS",
    "EXTENDING",
    "FIRST_CLASS_VJPS",
    "FUNC_LIMITS",
    "GRADIENTS_AT_KINKS",
    "HOOK_ORDER",
    "IMMUTABLE",
    "INDEXING",
    "IN_PLACE",
    "IN_PLACE_CHECKS",
    "JACOBIANS",
    "KEYS",
    "MIGRATION",
    "NESTED_GRAD",
    "NO_GRAD_MODE",
    "PLAIN_CONTROL_FLOW",
    "PROMOTION",
    "PURITY",
    "PYTREES",
    "RANDOMNESS",
    "REFS",
    "REFS_AUTODIFF",
    "REMAT",
    "RULE_ORDERS",
    "SAVED_TENSORS",
    "SHAPES",
    "STATE",
    "STOPPING",
    "TENSOR_VIEWS",
    "TRACING",
    "TRANSFORMATIONS",
    "VECTORIZATION",
    "jax_guide",
    "jax_reference",
    "torch_guide",
    "torch_mechanics",
    "torch_reference",
]


def torch_reference(name: str) -> Page:
    """The page of one name in PyTorch's reference."""
    return Page(name, f"https://docs.pytorch.org/docs/stable/generated/{name}.html")


def torch_guide(title: str, path: str) -> Page:
    """A page of PyTorch's documentation, by its path below that of the stable version."""
    return Page(title, f"https://docs.pytorch.org/docs/stable/{path}")


def torch_mechanics(section: str, anchor: str) -> Page:
    """A section of the note "Autograd mechanics"."""
    return torch_guide(f"Autograd mechanics: {section}", f"notes/autograd.html#{anchor}")


def jax_reference(name: str) -> Page:
    """The page of one name in JAX's reference."""
    return Page(name, f"https://docs.jax.dev/en/latest/_autosummary/{name}.html")


def jax_guide(title: str, path: str) -> Page:
    """A page of JAX's guides, by its path below the documentation of the newest version."""
    return Page(title, f"https://docs.jax.dev/en/latest/{path}")


BACKWARD_HOOKS = torch_mechanics("Backward Hooks execution", "backward-hooks-execution")
CHECKPOINT = torch_guide("torch.utils.checkpoint", "checkpoint.html")
EXTENDING = torch_guide("Extending PyTorch: How to use", "notes/extending.html#how-to-use")
FUNC_LIMITS = torch_guide("torch.func: UX Limitations", "func.ux_limitations.html")
GRADIENTS_AT_KINKS = torch_mechanics(
    "Gradients for non-differentiable functions", "gradients-for-non-differentiable-functions"
)
HOOK_ORDER = torch_mechanics(
    "The order in which the different hooks are fired", "the-order-in-which-the-different-hooks-are-fired"
)
IN_PLACE = torch_mechanics("In-place operations with autograd", "in-place-operations-with-autograd")
IN_PLACE_CHECKS = torch_mechanics("In-place correctness checks", "in-place-correctness-checks")
NO_GRAD_MODE = torch_mechanics("No-grad Mode", "no-grad-mode")
RANDOMNESS = torch_guide("Reproducibility", "notes/randomness.html")
SAVED_TENSORS = torch_mechanics("Saved tensors", "saved-tensors")
TENSOR_VIEWS = torch_guide("Tensor Views", "tensor_view.html")
MIGRATION = Page(
    "PyTorch 0.4.0 Migration Guide: What about .data?", "https://pytorch.org/blog/pytorch-0_4_0-migration-guide/"
)

ARGNUMS = jax_guide(
    "Transformations: Differentiating with respect to different arguments",
    "101/transformations.html#differentiating-with-respect-to-different-arguments",
)
AUXILIARY = jax_guide(
    "Transformations: value_and_grad and auxiliary outputs",
    "101/transformations.html#value-and-grad-and-auxiliary-outputs",
)
CACHING = jax_guide("Just-in-time compilation: JIT and caching", "201/jit.html#jit-and-caching")
CALLBACKS = jax_guide("External callbacks: Exploring pure_callback", "201/callbacks.html#exploring-pure-callback")
CAPTURED = jax_guide(
    "Just-in-time compilation: What the compiled function captures", "201/jit.html#what-the-compiled-function-captures"
)
CHECKING = jax_guide(
    "Transformations: Checking derivatives numerically", "101/transformations.html#checking-derivatives-numerically"
)
CONTROL_FLOW = jax_guide("Control flow and logical operators with jit", "201/control-flow.html")
CUSTOM_VJP = jax_guide("Custom JVPs or VJPs with custom_jvp and custom_vjp", "301/custom-jvp-vjp.html")
DEBUG_PRINT = jax_guide(
    "Debugging runtime values: jax.debug.print", "201/debugging.html#jax-debug-print-for-simple-inspection"
)
DONATION = jax_guide("Just-in-time compilation: Buffer donation", "201/jit.html#buffer-donation")
DTYPES = jax_guide("Default dtypes and the X64 flag", "101/default_dtypes.html")
ERRORS = jax_guide("Errors", "101/errors.html")
FIRST_CLASS_VJPS = jax_guide("First-class VJPs", "301/vjp-objects.html")
IMMUTABLE = jax_guide("Arrays: JAX arrays are immutable", "101/arrays.html#jax-arrays-are-immutable")
INDEXING = jax_guide("Arrays: Indexing differences", "101/arrays.html#indexing-differences")
JACOBIANS = jax_guide(
    "Autodiff cookbook: Jacobians and Hessians", "301/cookbook.html#jacobians-and-hessians-using-jacfwd-and-jacrev"
)
KEYS = jax_guide("Pseudorandom numbers: Keys are values", "101/random.html#keys-are-values")
NESTED_GRAD = jax_guide(
    "Transformations: Automatic differentiation with jax.grad",
    "101/transformations.html#automatic-differentiation-with-jax-grad",
)
PROMOTION = jax_guide("Type promotion semantics", "101/type_promotion.html")
PURITY = jax_guide(
    "Transformations: Transformations require traceable functions",
    "101/transformations.html#consequence-1-transformations-require-traceable-functions",
)
PYTREES = jax_guide("Pytrees: Pytrees and JAX transformations", "101/pytrees.html#pytrees-and-jax-transformations")
REFS = jax_guide("Stateful computations: Refs, mutable arrays", "101/state.html#refs-mutable-arrays")
REFS_AUTODIFF = jax_guide("Autodiff with refs", "301/refs.html")
REMAT = jax_guide("Gradient checkpointing with jax.checkpoint", "301/remat.html")
RULE_ORDERS = jax_guide(
    "Custom JVPs or VJPs: Rules at higher orders",
    "301/custom-jvp-vjp.html#use-jax-custom-jvp-to-define-forward-mode-and-indirectly-reverse-mode-rules",
)
STATE = jax_guide(
    "Stateful computations: Threading state through pure functions",
    "101/state.html#threading-state-through-pure-functions",
)
STOPPING = jax_guide("Autodiff cookbook: Stopping gradients", "301/cookbook.html#stopping-gradients")
TRACING = jax_guide(
    "Transformations: How transformations work", "101/transformations.html#how-transformations-work-tracing"
)
TRANSFORMATIONS = jax_guide("Transformations: grad and vmap", "101/transformations.html")
VECTORIZATION = jax_guide(
    "Transformations: Automatic vectorization with jax.vmap",
    "101/transformations.html#automatic-vectorization-with-jax-vmap",
)
PLAIN_CONTROL_FLOW = jax_guide(
    "Control flow and logical operators: Python control flow without jit",
    "201/control-flow.html#python-control-flow-without-jit",
)
SHAPES = jax_guide(
    "Control flow and logical operators: Shapes that depend on argument values",
    "201/control-flow.html#shapes-that-depend-on-argument-values",
)
ASYNCHRONOUS = jax_guide("Just-in-time compilation: Asynchronous dispatch", "201/jit.html#asynchronous-dispatch")
