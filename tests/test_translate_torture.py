"""No small tape program is translated into JAX that silently computes another gradient.

Each program is proven, or refused by name, or not proven and said so, or raises where PyTorch raises. Which of these it
is stands here, so that none changes unseen. What is proven is held once more against what the program declares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torture_programs import PROGRAMS, TortureProgram

from compare import translate
from compare.statements import from_number

NOT_PROVEN = {
    # ---- PyTorch is wrong, or JAX is ----
    "data_write_after_save": "torch-wrong",
    "leaf_data_write_after_save": "torch-wrong",
    "index_augmented_assignment": "torch-wrong",
    "functions_at_zero": "torch-wrong",
    "zero_to_the_zero": "jax-wrong",
    "std_of_equal_elements": "jax-wrong",
    # PyTorch multiplies by a sixth in single precision there.
    "hard_activations_at_corners": "torch-wrong",
    # ---- something happened that the recording does not see ----
    "hook_on_grad_fn": "does not end with the number of the recorded run",
    "module_backward_hook": "does not end with the number of the recorded run",
}
"""Programs whose translation is not proven, each with a fragment of the reason."""

REFUSED = {
    "backward_with_intermediate_input": "Use tape.grad for the gradient of an intermediate",
    "boolean_selection": "depends on values",
    "checkpointed_reentrant": "A function may compute with ops that return one tensor",
    "custom_function_in_place": "A function may compute with ops that return one tensor",
    "custom_non_differentiable_output": "reads a tensor that its forward neither got nor made",
    "forward_mode": "torch._make_dual",
    "func_grad": "torch.func",
    "func_vmap": "torch.func",
    "grad_batched": "is_grads_batched",
    "hook_branches_on_value": "did not do the same each time",
    "hook_reads_outside": "A hook may compute",
    "inference_tensor_cloned": "inference mode",
    "integer_division": "div with a rounding_mode of int64",
    "integers_and_booleans": "needs floating point",
    "numpy_alias_written": "where the recording does not see it",
    "numpy_alias_written_after_save": "where the recording does not see it",
    "masked_write_tensor": "depends on how many True",
    "promotion_of_half": "Unknown dtype 'bfloat16'",
    "write_between_orders": "may be an expanded one",
    "write_through_as_strided": "as_strided",
    "write_through_chained_views": "a view that was made a leaf",
    "write_through_unfold": "unfold",
}
"""Programs that are refused, each with a fragment of the reason."""

RTOL = 1e-10


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)
    torch.set_grad_enabled(True)  # in case a program that raises left it off


def numbers(value: Any) -> Any:
    return [numbers(one) for one in value] if isinstance(value, list) else from_number(value)


def shown_by_jax(observations: Any) -> dict[str, Any]:
    """The last thing that JAX shows under each name."""
    return {re.sub(r" \(\d+\)$", "", one.name): one.jax for one in observations if one.kind in ("value", "gradient")}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_program_is_proven_or_said_not_to_be(program: TortureProgram) -> None:
    made = translate(program.run)
    if program.raises is not None:
        assert made.verdict == "raised"
        assert program.message in made.reason
    elif program.name in REFUSED:
        assert made.verdict == "refused"
        assert REFUSED[program.name] in made.reason
        assert not made.jax_source
    elif program.name in NOT_PROVEN:
        assert made.verdict == "not-proven"
        assert NOT_PROVEN[program.name] in made.reason
    else:
        assert made.verdict == "proven", made.reason
        seen = shown_by_jax(made.result.observations)
        for name, expected in program.expects.items():
            if name in seen and expected is not None:
                np.testing.assert_allclose(numbers(seen[name]), expected, rtol=RTOL, err_msg=name)


def test_declared_programs_exist() -> None:
    names = {program.name for program in PROGRAMS}
    assert names >= NOT_PROVEN.keys() | REFUSED.keys()
    assert not NOT_PROVEN.keys() & REFUSED.keys()


def test_most_programs_are_proven() -> None:
    raising = sum(program.raises is not None for program in PROGRAMS)
    assert len(PROGRAMS) - raising - len(NOT_PROVEN) - len(REFUSED) >= 200
