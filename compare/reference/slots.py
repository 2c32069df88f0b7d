"""What `.grad` holds, and how a gradient is added to it."""

from __future__ import annotations

from dataclasses import replace

import mpmath

from compare.reference.arithmetic import Elements, array_of, conjugate, is_single, objects, to_exact
from compare.reference.doubts import AT_A_KINK
from compare.reference.layout import as_stored, overwrite, read
from compare.reference.recording import Recording
from compare.reference.tensors import Path, Storage, Tensor, Version

__all__ = ["accumulate"]


def accumulate(tape: Recording, tensor: Tensor, gradient: Tensor, create_graph: bool) -> None:
    """Add to what `.grad` holds: into that very tensor, or for a retained gradient and a recorded sum a new one."""
    held = tensor.grad
    if held is None:
        tensor.grad = gradient
        return
    _align(held, gradient)
    if tensor.is_leaf and not create_graph:
        _add_in_place(held, gradient)
    else:
        tensor.grad = _sum(tape, held, gradient, create_graph)


def _sum(tape: Recording, held: Tensor, gradient: Tensor, create_graph: bool) -> Tensor:
    index, position = gradient.born
    assert index == tape.index
    total = tape.bind(gradient.dtype, _copied(held), position=position + 1)
    _add_in_place(total, gradient)
    total.version = Version()
    if create_graph and any(one.family.requires_grad for one in (held, gradient)):
        tape.renew(held)
        family = total.family
        family.requires_grad, family.leaf = True, False
        tape.join(family, [(one, Path(narrowed=is_single(total.dtype))) for one in (held, gradient)])
        for direction in tape.directions.reaching(family.history.keys(), family.order):
            shifts = [shift for one in (held, gradient) if (shift := one.shift(direction)) is not None]
            family.shifts[direction] = as_stored(objects(sum(shifts[1:], shifts[0])), total.dtype)
        tape.produced(total)
    return total


def _held_dtype(tensor: Tensor) -> str:
    """The dtype of what the storage holds: derivatives along vectors are real."""
    return tensor.dtype if tensor.storage.vectors is None else "float64"


def _copied(held: Tensor) -> Storage:
    """The numbers of a gradient in a storage of their own."""
    storage, dtype = held.storage, _held_dtype(held)
    value, left = (
        None if side is None else as_stored(read(side, held.chain, dtype).copy(), dtype)
        for side in (storage.value, storage.left)
    )
    assert value is not None
    return Storage(value, storage.doubts, left, storage.vectors)


def _add_in_place(held: Tensor, gradient: Tensor) -> None:
    old, new, dtype = held.storage, gradient.storage, _held_dtype(held)

    def add(stored: Elements, side: Elements) -> None:
        total = objects(read(stored, held.chain, dtype) + read(side, (), dtype))
        overwrite(stored, held.chain, dtype, total)

    if old.left is not None or new.left is not None:
        old.left = (old.value if old.left is None else old.left).copy()
        add(old.left, new.value if new.left is None else new.left)
    add(old.value, new.value)
    old.doubts |= new.doubts
    if not held.chain:
        negative_zero = any(number == 0 for number in old.value.flat)
        old.doubts = replace(old.doubts, negative_zero=negative_zero, coarse=is_single(held.dtype))
    held.version.count += 1
    old.written()


def _align(one: Tensor, other: Tensor) -> None:
    """Where one gradient has derivatives along vectors and the other has elements, take both along the vectors."""
    for tensor, vectors in ((one, other.storage.vectors), (other, one.storage.vectors)):
        storage = tensor.storage
        if vectors is not None and storage.vectors is None:
            if storage.left is not None:
                storage.doubts = replace(storage.doubts, unknown=AT_A_KINK)
            products = [mpmath.re(sum((conjugate(to_exact(vector)) * tensor.value).flat)) for vector in vectors]
            storage.value, storage.left, storage.vectors = array_of(products, (len(vectors),)), None, vectors
