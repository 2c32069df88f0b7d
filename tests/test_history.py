"""The history of views, frozen leaves and tensors that were detached in place: what is refused, with the remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from compare.errors import CaseError
from compare.tape import Tape, record


def stale_view(tape: Tape) -> Any:
    """A view that PyTorch has not used since its base was written."""
    y = tape.leaf([1.0, 2.0]) * 1
    v = y[:1]
    y.mul_(3.0)
    return v


def older_view(tape: Tape) -> Any:
    """A view that is older than the flag of its base."""
    x = tape.constant([1.0, 2.0])
    v = x[:1]
    x.requires_grad_()
    return v


def hook_on_a_stale_view(tape: Tape) -> None:
    stale_view(tape).register_hook(lambda g: g * 2)


def hook_on_a_view_without_a_node(tape: Tape) -> None:
    older_view(tape).register_hook(lambda g: g * 2)


def retain_grad_on_a_view_without_a_node(tape: Tape) -> None:
    older_view(tape).retain_grad()


def flag_on_a_view_without_a_node(tape: Tape) -> None:
    older_view(tape).requires_grad_()


def flag_on_an_expanded_tensor(tape: Tape) -> None:
    tape.constant([1.0, 2.0]).broadcast_to((2, 2)).detach().requires_grad_()


def flag_on_a_tensor_with_hooks(tape: Tape) -> None:
    y = tape.leaf(1.0) * 2
    y.register_hook(lambda g: g * 2)
    y.detach_().requires_grad_()


def view_of_a_detached_base(tape: Tape) -> None:
    y = tape.leaf([1.0, 2.0]) * 2
    v = y[:1]
    y.detach_()
    tape.observe(v * 2)


def view_of_a_frozen_leaf(tape: Tape) -> None:
    x = tape.leaf([1.0, 2.0])
    v = x[:1]
    x.requires_grad_(False)
    tape.observe(v * 2)


def recorded_write_to_a_frozen_leaf(tape: Tape) -> None:
    x, w = tape.leaf(1.0), tape.leaf(2.0)
    x.requires_grad_(False)
    x.mul_(w)


def view_of_a_leaf_view(tape: Tape) -> None:
    v = tape.constant([1.0, 2.0])[:1].requires_grad_()
    tape.observe(v[0])


def leaf_view_of_a_tracked_base(tape: Tape) -> None:
    x, w = tape.constant([1.0, 2.0]), tape.leaf(2.0)
    v = x[:1].requires_grad_()
    x.mul_(w)
    tape.observe(v * 2)


def no_grad_view_of_a_written_base(tape: Tape) -> None:
    y = tape.leaf([1.0, 2.0]) * 2
    with tape.no_grad():
        v = y[:1]
        y.mul_(2.0)
    tape.observe(v * 2)


def detach_in_inference_mode(tape: Tape) -> None:
    y = tape.leaf(1.0) * 2
    with tape.inference_mode():
        y.detach_()


def data_of_another_shape(tape: Tape) -> None:
    tape.leaf([1.0, 2.0]).data = tape.constant([1.0])


def data_of_a_view(tape: Tape) -> None:
    y = tape.leaf([1.0, 2.0]) * 1
    v = y[:1]
    v.data = tape.constant([5.0])


def data_that_is_a_number(tape: Tape) -> None:
    tape.leaf(1.0).data = 2.0


def view_of_the_old_storage(tape: Tape) -> None:
    x = tape.leaf([1.0, 2.0])
    v = x[:1]
    x.data = tape.constant([5.0, 6.0])
    tape.observe(v * 1)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (data_of_another_shape, "PyTorch would give it another shape or dtype"),
        (data_of_a_view, "Assigning 'v.data', which is a view: it would leave its base without a word"),
        (data_that_is_a_number, "A tensor is assigned to .data; make the number a tape.constant."),
        (view_of_the_old_storage, "'v' is a view made before 'x.data' was assigned: it shows the old storage"),
        (hook_on_a_stale_view, "PyTorch 2.13 may crash. Make the view after the write, or use it first."),
        (hook_on_a_view_without_a_node, "A hook on 'v', a view made before its base required grad"),
        (retain_grad_on_a_view_without_a_node, "retain_grad on 'v', a view made before its base required grad"),
        (flag_on_a_view_without_a_node, "requires_grad_ on 'v', a view made before its base required grad"),
        (flag_on_an_expanded_tensor, "a leaf whose elements share memory is not modelled. Clone it first."),
        (flag_on_a_tensor_with_hooks, "PyTorch keeps those for the new leaf. Use detach, which makes another tensor."),
        (view_of_a_detached_base, "'v' is a view made before detach_ on 'y'"),
        (view_of_a_frozen_leaf, "'v' is a view made before requires_grad_(False) on 'x'"),
        (recorded_write_to_a_frozen_leaf, "PyTorch refuses every later backward that reaches the leaf"),
        (view_of_a_leaf_view, "A view of 'v', a view that was made a leaf by requires_grad_"),
        (leaf_view_of_a_tracked_base, "its base requires grad since"),
        (no_grad_view_of_a_written_base, "'v' is a view that was made under no_grad, and its base has been written"),
        (detach_in_inference_mode, "detach_ in inference mode is not modelled"),
    ],
)
def test_what_is_not_modelled_is_refused_by_name(case: Callable[[Tape], None], message: str) -> None:
    with pytest.raises(CaseError) as caught:
        record(case, id="a-case", title="A case", dtype="float64")
    assert message in str(caught.value)


def test_a_view_of_a_write_that_used_it_can_be_hooked() -> None:
    def case(tape: Tape) -> None:
        v = stale_view(tape)
        tape.observe(v)
        v.register_hook(lambda g: g * 2)

    record(case, id="a-case", title="A case", dtype="float64")
