"""Random programs: PyTorch, JAX and the reference agree on everything read, or PyTorch raises and the run says so.

The search is the same in every run of one version: what it finds is about the code, not about luck.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from compiled_leg import run_compiled
from complex_programs import complex_programs
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from op_samples import SAMPLES, UP_TO_SIGNS
from tape_programs import tape_programs

from compare.errors import ProgramError
from compare.functionalize import functionalize
from compare.jax_leg import print_jax, run_jax
from compare.judge import compare, judge_case
from compare.observed import Array, OneSided
from compare.ops import OPS
from compare.program import Program
from compare.reference import run_reference
from compare.statements import AssignData, Data, Leaf, Member
from compare.tape import Tape, Tensor
from compare.torch_leg import print_torch, run_torch

RAISED_BY_DESIGN = (
    "modified by an inplace operation",
    "a leaf Variable that requires grad",
    "is a view and is being modified inplace",
    "A different number of tensors was saved during the original forward and recomputation",
    "its base or another view of its base has been modified inplace",
    "detached in-place",
)


def check(program: Program, explain: Callable[[str], None] = lambda text: None, *, compiled: bool = False) -> None:
    """Run the three legs and require every observation to agree; `explain` is shown the sources.

    compiled: compile the script whole, which is faster where its ops are of shapes that no other program has.
    """
    assert Program.from_json(program.to_json()) == program
    try:
        lowering = functionalize(program)
    except ProgramError:
        return  # refused by name, which is an answer
    torch_source, jax_source = print_torch(program), print_jax(lowering.pure)
    explain(torch_source.text)
    explain(jax_source.text)
    torch, reference = run_torch(program, torch_source), run_reference(program)
    if compiled:
        jax_run = run_compiled(jax_source)
    else:
        with jax.disable_jit():
            jax_run = run_jax(lowering.pure, jax_source)
    assert jax_run.failure is None, jax_run.failure
    assert reference.failure is None, reference.failure
    if torch.failure is not None:
        # PyTorch refuses; the gradient of the program as it was computed is still one and the same.
        assert any(fragment in torch.failure.message for fragment in RAISED_BY_DESIGN), torch.failure
        for name, seen in jax_run.observed.items():
            exact = reference.observed.get(name)
            if isinstance(seen, Array) and isinstance(exact, Array | OneSided):
                assert compare(seen, exact, "float64").agree, name
        return
    torch.warnings.clear()
    allowed = {"match", "no-analogue"}
    if any(isinstance(statement, Data | AssignData) for _, statement, _, _ in program.steps()):
        # A write through .data after the value was saved: PyTorch is wrong and silent, and the verdict says so.
        allowed.add("torch-wrong")
    wrong = [
        (observation.name, observation.detail, observation.torch, observation.jax, observation.reference)
        for observation in judge_case(program, torch, jax_run, reference, {})
        if observation.verdict not in allowed
        and not ("torch-wrong" in allowed and observation.reference == "surrogate")
    ]
    assert not wrong, wrong


@st.composite
def programs_over_the_vocabulary(draw: Callable[..., Any]) -> Program:
    """A chain of ops from the whole vocabulary.

    Each op reads its sample operands, inside its domain, moved a little by everything computed before it.
    """
    tape = Tape()
    earlier = tape.leaf(draw(st.integers(-8, 8)) / 8)
    for _ in range(draw(st.integers(1, 5))):
        # tests/test_ops.py compares what does not depend on the signs that each library chooses.
        name = draw(st.sampled_from(sorted(SAMPLES.keys() - UP_TO_SIGNS)))
        # Empty arrays with further axes have no nested lists; tests/test_ops.py has them.
        filled = [one for one in SAMPLES[name] if all(np.size(value) for value in one.operands)]
        chosen = draw(st.sampled_from(filled))
        nudge = 0.001 * earlier.tanh()
        operands = []
        for value in chosen.operands:
            floating = isinstance(value, np.ndarray) and value.dtype.kind in "fc"
            operands.append(tape.leaf(value) + nudge if floating else value)
        operands = [tape.constant(one) if isinstance(one, np.ndarray) else one for one in operands]
        if OPS[name].torch is None:
            result = getattr(operands[0].clone(), f"{name}_")(*operands[1:], **chosen.attributes)
        else:
            result = getattr(tape, name)(*operands, **chosen.attributes)
        tape.observe(result)
        if result.dtype_name == "complex128":
            result = (result * (1 - 0.5j)).real()
        if result.dtype_name == tape.dtype and math.prod(result.shape):
            earlier = earlier * 0.5 + result.mean()
    earlier.backward()
    for statement in list(tape._statements):
        if isinstance(statement, Leaf):
            tape.observe(Tensor(tape, statement.target).grad)
    return tape.program("random", "Random")


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs_over_the_vocabulary())
def test_programs_over_the_whole_vocabulary_agree_on_all_three_legs(program: Program) -> None:
    check(program, note, compiled=True)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(tape_programs(tape_words=False, length=8))
def test_straight_line_programs_agree_on_all_three_legs(program: Program) -> None:
    check(program, note)


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(tape_programs(tape_words=True, length=10))
def test_tape_programs_agree_or_raise(program: Program) -> None:
    check(program, note)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(complex_programs(length=10))
def test_programs_with_complex_tensors_agree_or_raise(program: Program) -> None:
    check(program, note)


@st.composite
def training_loops(draw: Callable[..., Any]) -> Program:
    """A few steps of one computation, now and then another one, with leaves in groups."""
    tape = Tape()
    a, b, c = tape.leaf([0.5, -0.75]), tape.leaf([1.5, -0.75]), tape.leaf([-0.25, 2.0])
    leaves = dict(list({"a": a, "b": b, "c": c}.items())[: draw(st.integers(1, 3))])
    shared = tape.constant([1.25, 0.5])
    recipe = draw(st.lists(st.sampled_from(WORDS), min_size=2, max_size=6))
    several = draw(st.booleans())
    update = draw(st.sampled_from(("no_grad", "data", "new data", "none")))
    forget = draw(st.sampled_from(("None", "zero", "keep")))
    reached: set[str] = set()
    for step in range(draw(st.integers(2, 3))):
        # What holds a gradient: all that a backward reached since it was forgotten.
        reached = {"a"} if forget == "None" else {"a", *reached}
        odd = draw(st.integers(0, 5)) == 0
        value = shared * leaves["a"]
        for number, word in enumerate(recipe[:-1] if odd else recipe):
            name, leaf = list(leaves.items())[number % len(leaves)]
            reached |= {name} if word in ("product", "sum", "hooked", "slope", "written") else set()
            batch = tape.constant([0.25 * (step + 1), 0.5 + number])
            value = _continued(tape, word, value, leaf, batch)
            if draw(st.integers(0, 9)) == 0:
                value.retain_grad()
        loss = (value * shared).sum()
        for name, leaf in leaves.items():
            if draw(st.integers(0, 9)):
                reached.add(name)
                loss = loss + (leaf * leaf).mean()
        if several:
            (loss * 0.5).backward(retain_graph=True)
        loss.backward()
        for leaf in (leaves[name] for name in sorted(reached)):
            if draw(st.booleans()):
                tape.observe(leaf.grad)
            _updated(tape, leaf, update)
            if draw(st.booleans()):
                tape.observe(leaf)
            if forget == "None":
                leaf.grad = None
            elif forget == "zero":
                with tape.no_grad():
                    leaf.grad *= 0.0
        if draw(st.booleans()):
            tape.observe(value)
    for leaf in leaves.values():
        tape.observe(leaf)
        tape.observe(leaf.grad)
    program = tape.program("loop", "Loop")
    group = {name: draw(st.sampled_from((None, "params", "params", "other_params"))) for name in leaves}
    members = {name: Member(one, f"the.{name}") for name, one in group.items() if one is not None}
    statements = tuple(
        replace(one, member=members.get(one.target)) if isinstance(one, Leaf) else one for one in program.statements
    )
    return replace(program, statements=statements).checked()


WORDS = ("product", "sum", "tanh", "detached", "hooked", "slope", "written", "power")


def _continued(tape: Tape, word: str, value: Tensor, leaf: Tensor, batch: Tensor) -> Tensor:
    """One more step of the computation."""
    if word == "product":
        return value * leaf
    if word == "sum":
        return value + leaf * batch
    if word == "tanh":
        return value.tanh() * batch
    if word == "detached":
        return value + leaf.detach() * batch
    if word == "hooked":
        hooked = value * leaf
        hooked.register_hook(lambda g: g * 2)
        return hooked
    if word == "slope":
        (slope,) = tape.grad([(leaf * leaf * batch).sum()], [leaf], create_graph=True)
        return value * slope
    if word == "written":
        written = value * leaf
        written[0] = batch[1]
        return written
    return value**2 + batch


def _updated(tape: Tape, leaf: Tensor, update: str) -> None:
    if update == "no_grad":
        with tape.no_grad():
            leaf -= 0.125 * leaf.grad
    elif update == "data":
        leaf.data.copy_(leaf.detach() * 0.5)
    elif update == "new data":
        leaf.data = leaf.detach() * 0.5


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(training_loops())
def test_training_loops_share_functions_and_keep_leaves_in_dictionaries(program: Program) -> None:
    check(program, note, compiled=True)


def test_a_planted_wrong_op_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search can fail: a row whose JAX spelling is wrong by a sign is caught."""
    import dataclasses

    from compare.statements import Apply, Backward, Leaf, Read, Ref

    monkeypatch.setitem(OPS, "sin", dataclasses.replace(OPS["sin"], jax="-jnp.sin(x)"))
    planted = Program(
        id="planted",
        title="Planted",
        dtype="float64",
        statements=(
            Leaf(target="a", data=0.5, dtype="float64"),
            Apply(target="b", op="sin", operands=(Ref("a"),)),
            Backward(roots=("b",)),
            Read(name="a.grad", what="grad", handle="a"),
        ),
    )
    with pytest.raises(AssertionError, match=r"a\.grad"):
        check(planted)
