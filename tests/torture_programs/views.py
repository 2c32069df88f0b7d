"""Writes through every kind of view, and through chains of them."""

from __future__ import annotations

import torch

from torture_programs.registry import Tensors, torture


@torture("A write through a slice reaches the base", expects={"a.grad": [8.0, 1600.0, 2400.0], "b": [2.0, 40.0, 60.0]})
def write_through_a_slice() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 2
    b[1:].mul_(10)
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture("A write through a strided slice", expects={"a.grad": [8.0, 8.0, 96.0, 80.0], "b": [2.0, 2.0, 12.0, 4.0]})
def write_through_a_strided_slice() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    b = a.clone()
    b[::2] *= a[1::2]
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture("A write through select()", expects={"a.grad": [[11.0, 20.0], [6.0, 16.0]], "b": [[1.0, 4.0], [9.0, 32.0]]})
def write_through_select() -> Tensors:
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    b = a * a
    b.select(0, 1).mul_(a[0])
    b.sum().backward()
    return {"a": a, "b": b}


@torture("A write through view()", expects={"a.grad": [[26.0, 40.0], [0.0, 72.0]], "b": [[3.0, 6.0], [2.0, 12.0]]})
def write_through_view() -> Tensors:
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    b = a * 3
    b.view(4)[2] = a[0, 0] * a[0, 1]
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A write through reshape(), which is a view of a contiguous tensor",
    expects={"a.grad": [[24.0, 48.0], [72.0, 96.0]], "b": [[4.0, 8.0], [12.0, 16.0]]},
)
def write_through_reshape_of_contiguous() -> Tensors:
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    b = a * 3
    b.reshape(-1).add_(a.detach().view(-1))
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "reshape() of a transposed tensor is a copy: the write does not reach the base",
    expects={"a.grad": [[18.0, 36.0], [54.0, 72.0]], "b": [[3.0, 6.0], [9.0, 12.0]], "c": [0.0, 0.0, 0.0, 0.0]},
)
def write_through_reshape_that_copies() -> Tensors:
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    b = a * 3
    c = b.t().reshape(-1)
    c.mul_(0)
    (b * b).sum().backward()
    return {"a": a, "b": b, "c": c}


@torture(
    "A write through transpose()",
    expects={"a.grad": [[0.0, 200.0, 300.0], [0.0, 10.0, 12.0]], "b": [[14.0, 2.0, 3.0], [21.0, 5.0, 6.0]]},
)
def write_through_transpose() -> Tensors:
    a = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    b = a + 0
    b.transpose(0, 1)[0] = a[0, 1:] * 7
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A write through permute()",
    expects={
        "a.grad": [[[0.0, 10.0], [4.0, 30.0]], [[8.0, 50.0], [12.0, 70.0]]],
        "b": [[[0.0, 5.0], [2.0, 15.0]], [[4.0, 25.0], [6.0, 35.0]]],
    },
)
def write_through_permute() -> Tensors:
    a = torch.arange(8.0).reshape(2, 2, 2).requires_grad_()
    b = a * 1
    b.permute(2, 0, 1)[1].mul_(5)
    (b * a).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A write through expand(), whose elements share a place, is refused",
    raises=RuntimeError,
    message="single memory location",
)
def write_through_expand() -> Tensors:
    a = torch.tensor([[1.0], [2.0]], requires_grad=True)
    b = a * 2
    b.expand(2, 3).add_(torch.ones(2, 3))
    b.sum().backward()
    return {"a": a, "b": b}


@torture(
    "An expanded view shows a later write to its base",
    expects={"a.grad": [[24.0], [192.0]], "wide": [[2.0, 2.0, 2.0], [8.0, 8.0, 8.0]]},
)
def expand_then_write_base() -> Tensors:
    a = torch.tensor([[1.0], [2.0]], requires_grad=True)
    b = a * 2
    wide = b.expand(2, 3)
    b.mul_(a.detach())
    (wide * wide).sum().backward()
    return {"a": a, "wide": wide}


@torture("A write through unsqueeze()", expects={"a.grad": [72.0, 256.0], "b": [6.0, 16.0]})
def write_through_unsqueeze() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    b.unsqueeze(1).mul_(torch.tensor([[3.0], [4.0]]))
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture("A write through squeeze()", expects={"a.grad": [[0.0], [32.0]], "b": [[5.0], [4.0]]})
def write_through_squeeze() -> Tensors:
    a = torch.tensor([[1.0], [2.0]], requires_grad=True)
    b = a * a
    b.squeeze(1)[0] = 5.0
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A write to one of several views that unbind() returns is refused",
    raises=RuntimeError,
    message="returns multiple views",
)
def write_through_unbind() -> Tensors:
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    b = a * 2
    first, _ = b.unbind(0)
    first.mul_(3)
    b.sum().backward()
    return {"a": a, "b": b}


@torture(
    "A write to one of several views that split() returns is refused",
    raises=RuntimeError,
    message="returns multiple views",
)
def write_through_split() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 2
    head, _ = b.split([2, 1])
    head.add_(1)
    b.sum().backward()
    return {"a": a, "b": b}


@torture(
    "A write to one of several views that chunk() returns is refused",
    raises=RuntimeError,
    message="returns multiple views",
)
def write_through_chunk() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    b = a * 2
    left, _ = b.chunk(2)
    left.mul_(2)
    b.sum().backward()
    return {"a": a, "b": b}


@torture(
    "What split() returned may not be read after a write to the base",
    raises=RuntimeError,
    message="its base or another view of its base has been modified inplace",
)
def split_then_write_base() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 2
    head, tail = b.split([2, 1])
    b.mul_(10)
    (head.sum() * tail.sum()).backward()
    return {"a": a, "head": head, "tail": tail}


@torture(
    "Two slices that cover the base show a later write to it",
    expects={"a.grad": [1200.0, 1200.0, 1200.0], "head": [20.0, 40.0], "tail": [60.0]},
)
def slices_then_write_base() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 2
    head, tail = b[:2], b[2:]
    b.mul_(10)
    (head.sum() * tail.sum()).backward()
    return {"a": a, "head": head, "tail": tail}


@torture(
    "A part of split() is written while nothing is tracked, and the base with it",
    expects={"a.grad": [10.0, 20.0], "data": [10.0, 20.0, 3.0]},
)
def write_through_split_of_untracked() -> Tensors:
    a = torch.tensor([2.0, 3.0], requires_grad=True)
    data = torch.tensor([1.0, 2.0, 3.0])
    head, _ = data.split([2, 1])
    head.mul_(10)
    (a * data[:2]).sum().backward()
    return {"a": a, "data": data}


@torture("A write through diagonal()", expects={"a.grad": [[2.0, 20.0], [24.0, 0.0]], "b": [[1.0, 4.0], [6.0, 2.0]]})
def write_through_diagonal() -> Tensors:
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    b = a * 2
    b.diagonal().copy_(a[0])
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture("A write through narrow()", expects={"a.grad": [40.0, 160.0, 96.0, 32.0], "b": [2.0, 4.0, 12.0, 8.0]})
def write_through_narrow() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    b = a * 2
    b.narrow(0, 1, 2).mul_(a[:2])
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture("A write through as_strided()", expects={"a.grad": [8.0, 144.0, 24.0, 288.0], "b": [2.0, 12.0, 6.0, 24.0]})
def write_through_as_strided() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    b = a * 2
    b.as_strided((2,), (2,), 1).mul_(3)
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A write through unfold(), without overlaps",
    expects={"a.grad": [8.0, 16.0, 216.0, 288.0], "b": [2.0, 4.0, 18.0, 24.0]},
)
def write_through_unfold() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    b = a * 2
    b.unfold(0, 2, 2)[1].mul_(3)
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A write through .T and .mT", expects={"a.grad": [[72.0, 28.0], [230.0, 72.0]], "b": [[6.0, 7.0], [18.0, 12.0]]}
)
def write_through_matrix_transposes() -> Tensors:
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    b = a * 2
    b.T[0].mul_(3)
    b.mT[1].add_(a[1])
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A write through flatten() and unflatten()",
    expects={"a.grad": [[32.0, 0.0], [96.0, 0.0]], "b": [[4.0, 9.0], [12.0, 9.0]]},
)
def write_through_flatten() -> Tensors:
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    b = a * 2
    b.flatten()[:3].mul_(2)
    b.unflatten(1, (1, 2))[:, 0, 1] = 9.0
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A write through view_as(), and through an expand_as() that expands nothing",
    expects={"a.grad": [[32.0, 256.0]], "b": [[4.0, 16.0]]},
)
def write_through_view_as() -> Tensors:
    a = torch.tensor([[1.0, 2.0]], requires_grad=True)
    b = a * 2
    b.view_as(torch.zeros(2)).mul_(a[0].detach())
    b.expand_as(a).mul_(2)
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A chain of three views is written",
    expects={
        "a.grad": [[80.0, 800.0, 24.0, 32.0], [40.0, 48.0, 224.0, 64.0]],
        "b": [[2.0, 4.0, 6.0, 8.0], [10.0, 12.0, 28.0, 16.0]],
    },
)
def write_through_chained_views() -> Tensors:
    a = torch.arange(1.0, 9.0).reshape(2, 4).requires_grad_()
    b = a * 2
    b.t()[1:3].reshape(2, 2)[1].mul_(a[0, :2])
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A chain of views ends in a view taken before another one is written",
    expects={
        "a.grad": [[3060.0, 360.0], [420.0, 0.0]],
        "b": [[30.0, 12.0], [30.0, 8.0]],
        "row": [30.0, 12.0],
        "column": [30.0, 30.0],
    },
)
def sibling_views_see_each_other() -> Tensors:
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    b = a * 2
    row, column = b[0], b[:, 0]
    row.mul_(3)
    column.mul_(5)
    (row.sum() * column.sum()).backward()
    return {"a": a, "b": b, "row": row, "column": column}


@torture(
    "A write to the base is read through a view taken before", expects={"a.grad": [20.0, 20.0, 0.0], "v": [20.0, 40.0]}
)
def write_base_read_view() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = a * 2
    v = y[:2]
    y *= 10
    v.sum().backward()
    return {"a": a, "v": v}


@torture(
    "A tracked value is written into a slice of an untracked buffer, which becomes tracked",
    expects={"a.grad": [8.0, 16.0], "buffer": [0.0, 1.0, 4.0, 3.0]},
)
def write_into_untracked_buffer() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    buffer = torch.zeros(4)
    buffer[1:3] = a * a
    buffer[3] = a.sum()
    (buffer * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    return {"a": a, "buffer": buffer}


@torture(
    "A view of an untracked buffer becomes tracked when the buffer is written",
    expects={"a.grad": [3.0, 0.0], "view": [3.0]},
)
def view_becomes_tracked() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    buffer = torch.zeros(2)
    view = buffer[:1]
    buffer.copy_(a * 3)
    view.sum().backward()
    return {"a": a, "view": view}


@torture(
    "A buffer filled row by row in a loop, each row from the one before",
    expects={"a.grad": [11.0, 11.0], "rows": [[1.0, 2.0], [3.0, 6.0], [7.0, 14.0]]},
)
def fill_rows_in_a_loop() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    rows = torch.zeros(3, 2)
    rows[0] = a
    for i in range(1, 3):
        rows[i] = 2 * rows[i - 1] + a
    rows.sum().backward()
    return {"a": a, "rows": rows}


@torture(
    "The same with a product, which saves the row before",
    raises=RuntimeError,
    message="modified by an inplace operation",
)
def fill_rows_with_saved_rows() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    rows = torch.zeros(3, 2)
    rows[0] = a
    for i in range(1, 3):
        rows[i] = rows[i - 1] * a
    rows.sum().backward()
    return {"a": a, "rows": rows}


@torture(
    "A tensor is overwritten wholly through a slice: its own history is cut",
    expects={"a.grad": [0.0, 0.0], "b.grad": [6.0, 8.0], "c": [9.0, 16.0]},
)
def overwrite_everything() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.tensor([3.0, 4.0], requires_grad=True)
    c = a * 2
    c[:] = b * b
    c.sum().backward()
    return {"a": a, "b": b, "c": c}


@torture(
    "Overlapping parts of one tensor are copied onto each other", raises=RuntimeError, message="single memory location"
)
def copy_onto_itself() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 2
    b[1:].copy_(b[:-1])
    b.sum().backward()
    return {"a": a, "b": b}
