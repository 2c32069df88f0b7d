"""Storage and views."""

from __future__ import annotations

from compare.concepts.concept import Concept, Contradiction
from compare.concepts.pages import (
    IMMUTABLE,
    IN_PLACE,
    TENSOR_VIEWS,
    jax_guide,
    jax_reference,
    torch_guide,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="storage-identity",
        title="Shared storage is part of a PyTorch program's meaning, and never of a JAX program's.",
        status="none",
        torch="A write through one of two tensors that share storage is seen through the other.",
        jax="Whether two arrays share a buffer changes no result. `unsafe_buffer_pointer()`, which is undocumented, "
        "shows it on concrete arrays.",
        why="Sharing is noticed only through a write, and a JAX array cannot be written.",
        instead="Nothing to write; to look at it anyway, `x.unsafe_buffer_pointer() == y.unsafe_buffer_pointer()`.",
        torch_page=TENSOR_VIEWS,
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="view",
        title="A view is an alias in PyTorch and a value in JAX.",
        status="silent",
        torch="A slice, a reshape by `view` or a transpose shares storage with its base, and each sees what is "
        "written to the other.",
        jax="A slice or a reshape is an array of its own. A later update of the base does not reach it.",
        why="A view is a window onto storage that may change; where nothing changes, a window and a copy are the same.",
        instead="Take the view again after the base was updated: `v = base[:2]`.",
        torch_page=TENSOR_VIEWS,
        jax_page=jax_guide("jax.numpy module", "jax.numpy.html"),
    ),
    Concept(
        id="view-write",
        title="Writing to a view is writing to its base.",
        status="silent",
        torch="A write to a view changes the base and every other view of it. Autograd rewrites the history of them "
        "all.",
        jax="The base is updated where the view shows it, and its views are taken again.",
        why="The storage belongs to the base; nothing connects a JAX slice to the array it came from.",
        instead="Write the base, `base = base.at[:2].set(value)`, and take its views again, `v = base[:2]`.",
        torch_page=TENSOR_VIEWS,
        jax_page=jax_reference("jax.Array.at"),
        contradicts=Contradiction(
            claim="PyTorch's note says that an in-place function raises if another tensor refers to the same storage.",
            page=IN_PLACE,
            observed="A base with views, a view with siblings and a tensor with a detached alias are all written in "
            "place, and gradients follow. An error is raised only where a saved value was written to.",
        ),
    ),
    Concept(
        id="maybe-view",
        title="Whether an op gives a view depends on strides, dtype and the kind of index.",
        status="silent",
        torch="A slice is a view, and a list of indices makes a copy. `reshape`, `contiguous()`, `to()` and "
        "`float()` return a view or the tensor itself where nothing has to be moved, and a copy otherwise.",
        jax="Each of them gives a value. Sharing may happen and cannot be seen.",
        why="A write tells a view from a copy, and nothing else does.",
        instead="Nothing to write; where a write was meant to reach the base, update the base: `base = "
        "base.at[:2].set(value)`.",
        torch_page=torch_reference("torch.reshape"),
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="multiple-views",
        title="Outputs of unbind and split may not be written; in JAX a write reaches only its name.",
        status="silent",
        torch="`for row in y: row += 1` writes to `y`, and raises where `y` has a history: 'This view is the output "
        "of a function that returns multiple views'.",
        jax="The same loop binds `row` to new arrays, and `y` is as it was.",
        why="One write to one of several views cannot be put into the history of the others; in JAX there is none to "
        "put it into.",
        instead="Update the whole: `y = y + 1.0`.",
        torch_page=TENSOR_VIEWS,
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="expanded-write",
        title="A write to one element of an expanded tensor writes them all.",
        status="silent",
        torch="The elements of `t.expand(3)` are one place in memory. `e.add_(1)` raises, and `e[0] = 1.0` is "
        "accepted and changes all three.",
        jax="What is broadcast is an array, and an update changes the element that was named.",
        why="Expanding changes the strides and not the memory; PyTorch checks the write to the whole, and not to a "
        "part.",
        instead="Broadcast and update: `jnp.broadcast_to(x[:1], (3,)).at[0].set(1.0)`.",
        torch_page=torch_reference("torch.Tensor.expand"),
        jax_page=jax_reference("jax.numpy.broadcast_to"),
    ),
    Concept(
        id="strides",
        title="Strides are part of a tensor, and a JAX array has none to speak of.",
        status="none",
        torch="`as_strided` and `unfold` make windows that overlap, and a write to them may write one place twice. A "
        "gradient takes the strides of its leaf.",
        jax="Windows are taken by index, and are copies. An array has no attribute for its strides.",
        why="How an array lies in memory is left to the compiler.",
        instead="Take the windows by index: `x[jnp.arange(2)[:, None] + jnp.arange(2)]`.",
        torch_page=torch_reference("torch.as_strided"),
        jax_page=jax_reference("jax.Array"),
    ),
    Concept(
        id="functional-scatter",
        title="The scatter functions of PyTorch are the .at[] updates of JAX.",
        status="exact",
        torch="`slice_scatter`, `select_scatter`, `diagonal_scatter` and `index_put` return a new tensor, with the "
        "gradient of both arguments. `torch.func.functionalize` rewrites in-place programs into them.",
        jax="`.at[...].set(...)` is the same function, with the same gradients.",
        why="An update that returns its result needs no storage to be shared.",
        instead="Write `y = x.at[0:1].set(value[:1])`.",
        torch_page=torch_reference("torch.slice_scatter"),
        jax_page=jax_reference("jax.Array.at"),
    ),
    Concept(
        id="live-snapshot",
        title="A state dict is an alias of the parameters; a JAX name is a snapshot.",
        status="silent",
        torch="`state_dict()` and `best = w` hold the tensors that training goes on writing, `w.detach()` as well. A "
        "snapshot needs `clone()`.",
        jax="A step makes new arrays, and what was kept stays as it was.",
        why="A name holds an object in both; only in PyTorch does the object change.",
        instead="Keep it under a name: `best = w`, then `w = w - 0.1 * w_grad`.",
        torch_page=torch_guide(
            "torch.nn.Module.state_dict", "generated/torch.nn.Module.html#torch.nn.Module.state_dict"
        ),
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="numpy-write",
        title="A write through NumPy is counted by nobody, and makes the gradient wrong.",
        status="silent",
        torch="`a.detach().numpy()` shares the storage. Writing to it after `a` was saved changes what the backward "
        "pass reads, and no version tells.",
        jax="`np.asarray` of an array is read-only, and writing to it raises.",
        why="NumPy knows nothing of version counters; JAX hands out its memory for reading only.",
        instead="Copy before writing: `n = np.array(x)`.",
        torch_page=torch_reference("torch.Tensor.numpy"),
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="shared-memory",
        title="Memory shared with NumPy or another framework changes under both.",
        status="silent",
        torch="`torch.from_numpy` and `torch.from_dlpack` share memory, and a write on one side shows on the other. "
        "`torch.tensor` copies.",
        jax="`jnp.array` and `jnp.asarray` copy NumPy arrays. `jnp.from_dlpack`, and `jax.device_put` with "
        "`may_alias=True`, may share, and then a write from outside changes an array that cannot change.",
        why="Sharing is cheap, and safe only if nobody writes.",
        instead="Copy what may be written: `x = jnp.array(np.ones(3))`.",
        torch_page=torch_reference("torch.from_numpy"),
        jax_page=jax_guide("jax.dlpack module", "jax.dlpack.html"),
    ),
)
