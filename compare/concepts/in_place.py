"""In-place writes, and the version counter."""

from __future__ import annotations

from compare.concepts.concept import Concept, Page
from compare.concepts.pages import (
    IMMUTABLE,
    IN_PLACE,
    IN_PLACE_CHECKS,
    INDEXING,
    REMAT,
    SAVED_TENSORS,
    jax_reference,
    torch_guide,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="inplace-write",
        title="An in-place write is a new array in JAX.",
        status="idiom",
        torch="`b[0] = 1.0`, `b.mul_(2)` and `b += 1` change the storage, so every alias sees it. On a tracked "
        "tensor the write is recorded, and the gradient passes through it.",
        jax="`.at[]` returns an updated array and leaves the old one as it was. `b[0] = 1.0` raises, and `b += 1` "
        "only rebinds the name. The nearest thing to a write is a reference, `jax.new_ref`, which `jax.grad` "
        "supports in part.",
        why="JAX arrays are immutable, so an update is another value under the same name.",
        instead="Rebind the name: `b = b.at[0].set(1.0)`, or `b = b * 2` for all of it.",
        torch_page=IN_PLACE,
        jax_page=jax_reference("jax.Array.at"),
    ),
    Concept(
        id="inplace-on-leaf",
        title="PyTorch refuses to write to a leaf; in JAX the hazard does not exist.",
        status="none",
        torch="`a += 1` on a leaf that requires a gradient raises 'a leaf Variable that requires grad is being used "
        "in an in-place operation'. An item write raises the same about a view of it.",
        jax="`a += 1` binds the name to a new array, and the old one stays as it was.",
        why="A recorded write would turn the leaf into the result of an op, with no leaf left to collect the "
        "gradient; a new array takes nothing away.",
        instead="Write `a = a + 1`, and pass as the argument whichever of the two the gradient is asked for.",
        torch_page=Page(
            "The Fundamentals of Autograd: Autograd and In-place Operations",
            "https://docs.pytorch.org/tutorials/beginner/introyt/autogradyt_tutorial.html#autograd-and-in-place-operations",
        ),
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="version-counter",
        title="PyTorch counts writes, and JAX has none to count.",
        status="none",
        torch="`_version` counts the writes to a tensor. Views and detached aliases share the counter; `.data` and "
        "`clone()` start one of their own.",
        jax="An array never changes, so it has no version.",
        why="The counter guards values saved for a backward pass against being overwritten, and a JAX array cannot be.",
        instead="Nothing to write; an update is another array: `y = x.at[0].set(1.0)`.",
        torch_page=IN_PLACE_CHECKS,
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="write-after-save",
        title="Writing to a value that a backward pass needs raises; in JAX it cannot be said.",
        status="none",
        torch="The backward pass finds a saved tensor at a newer version than it was saved at, and raises 'one of "
        "the variables needed for gradient computation has been modified by an inplace operation'.",
        jax="A later update makes another array. The gradient stays that of the program as it was computed.",
        why="A saved tensor is a reference to storage that may change; a saved JAX array is a value that may not.",
        instead="Nothing to avoid: after the loss, `b = b.at[0].set(1000.0)` leaves its gradient alone.",
        torch_page=IN_PLACE_CHECKS,
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="saved-value",
        title="Which writes are legal depends on what each op has saved.",
        status="none",
        torch="`sigmoid` and `exp` save their result, `sin` and powers their input. Writing to what was saved makes "
        "the backward pass raise; writing to the other is harmless.",
        jax="JAX saves values as well. Nobody can write to them, so the choice changes no result.",
        why="The check looks only at the tensors that an op kept for its own backward formula.",
        instead="Nothing to avoid; to list what is kept, `from jax.ad_checkpoint import print_saved_residuals` and "
        "call `print_saved_residuals(loss_fn, x)`.",
        torch_page=SAVED_TENSORS,
        jax_page=REMAT,
    ),
    Concept(
        id="written-value",
        title="A written element passes its gradient to what was written.",
        status="idiom",
        torch="After `y[1] = v` the gradient of that element goes to `v`, and none of it to what stood there. A "
        "buffer that required no gradient becomes a tracked tensor, and so does the base of a view that is written.",
        jax="`y.at[1].set(v)` has the same derivative: of `v` where it was written, and of `y` elsewhere.",
        why="The element is a function of what was written, and no longer of what was there.",
        instead="Update the array: `y = jnp.zeros(3).at[0].set(x[0]).at[1].set(x[0] * x[0])`.",
        torch_page=IN_PLACE,
        jax_page=jax_reference("jax.Array.at"),
    ),
    Concept(
        id="augmented-assignment",
        title="The operator += writes in PyTorch, and rebinds a name in JAX.",
        status="silent",
        torch="`y += 1` writes to the tensor, and every alias of it shows the sum. Dtype and shape stay, and a "
        "result that does not fit raises.",
        jax="`y += 1` binds `y` to a new array, and other names keep the old one. The new array has whatever dtype "
        "and shape the sum has.",
        why="Without a method for it Python reads `y += 1` as `y = y + 1`, and JAX arrays have none.",
        instead="Where an alias is to change too, bind it too: `y = y + 1.0`, then `x = y`.",
        torch_page=IN_PLACE,
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="masked-write",
        title="A masked write is a where.",
        status="idiom",
        torch="`y[y < 0] = 0.0` and `masked_fill_` write where the mask is true, and no gradient passes there.",
        jax="`jnp.where` chooses by element. `.at[mask].set` writes where the mask is true, as long as the mask is "
        "concrete, which under `jit` it is not.",
        why="The mask says for each element which of two values it has.",
        instead="Choose: `y = jnp.where(y < 0, 0.0, y)`.",
        torch_page=torch_reference("torch.Tensor.masked_fill_"),
        jax_page=jax_reference("jax.numpy.where"),
    ),
    Concept(
        id="index-accumulation",
        title="Adding at indices with accumulation is an update by .at[].add.",
        status="idiom",
        torch="`index_add_` and `index_put_(..., accumulate=True)` add every value, also where an index occurs again.",
        jax="`.at[indices].add(values)` adds every value. The gradient takes the values back from where they were "
        "added.",
        why="Both state the sum, in which the order of the values does not matter.",
        instead="Write `y = jnp.zeros(3).at[jnp.array([0, 0, 1])].add(x)`.",
        torch_page=torch_reference("torch.Tensor.index_add_"),
        jax_page=jax_reference("jax.Array.at"),
    ),
    Concept(
        id="duplicate-index",
        title="An index that occurs twice counts once in one spelling, and twice in another.",
        status="silent",
        torch="`y[indices] += v` reads, adds and writes, so one of the values is lost where an index occurs twice. "
        "After `y[indices] = v` both values get a gradient, the one that was overwritten too.",
        jax="`y.at[indices].add(v)`, the port that suggests itself, adds both. After `.at[indices].set(v)` only the "
        "value that stayed gets a gradient.",
        why="The first is a write of a sum, the second a sum of writes; PyTorch documents a write to one place twice "
        "as undefined.",
        instead="To lose what PyTorch loses, write the sum: `y = y.at[jnp.array([0, 0, 1])].set(y[jnp.array([0, 0, "
        "1])] + 1.0)`.",
        torch_page=torch_reference("torch.Tensor.index_put_"),
        jax_page=jax_reference("jax.Array.at"),
    ),
    Concept(
        id="out-of-bounds",
        title="An index out of bounds raises in PyTorch; JAX clamps the read and drops the write.",
        status="silent",
        torch="Reading or writing past the end raises an IndexError.",
        jax="A read past the end gives the last element, and the gradient goes there too. An update past the end "
        "changes nothing; `mode` asks for other behaviour.",
        why="A compiled program on an accelerator cannot raise in the middle.",
        instead="Ask for NaN in place of what is not there: `y = x.at[10].get(mode='fill')`.",
        torch_page=torch_guide(
            "torch: Indexing, Slicing, Joining, Mutating Ops", "torch.html#indexing-slicing-joining-mutating-ops"
        ),
        jax_page=INDEXING,
    ),
    Concept(
        id="out-argument",
        title="Writing a result into out= is closed to autograd, and unknown to JAX.",
        status="none",
        torch="`torch.mul(a, 2, out=o)` raises where an argument requires a gradient. Under `no_grad` it writes to "
        "`o`.",
        jax="Functions of `jax.numpy` accept no array to write to, and raise.",
        why="The result would replace what `o` was, with a history that `o` did not have.",
        instead="Bind the result: `y = jnp.multiply(x, 2.0)`.",
        torch_page=torch_guide("Out Notes", "notes/out.html"),
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="shape-write",
        title="In PyTorch even the shape of a tensor is written in place.",
        status="none",
        torch="`unsqueeze_` and `transpose_` change the shape of the tensor, are recorded and are counted. A leaf "
        "refuses them, and `resize_` refuses what requires a gradient.",
        jax="An array has one shape for good.",
        why="The shape belongs to the tensor object, and the object can be changed.",
        instead="Bind the array of the new shape: `y = y[None]`.",
        torch_page=torch_reference("torch.Tensor.unsqueeze_"),
        jax_page=IMMUTABLE,
    ),
)
