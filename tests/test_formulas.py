"""What a gradient depends on in PyTorch: every row's formulas, out of place and in place, as the reference has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from op_samples import COMPLEX_SAMPLES, SAMPLES, Sample

from compare.errors import ProgramError
from compare.facts import Facts
from compare.observed import LegRun, Observed
from compare.ops import OPS, formulas
from compare.program import Program
from compare.reference import plan, run_reference
from compare.statements import Apply, AutogradGrad, Constant, Leaf, Read, Ref, Statement, Write, as_number
from compare.torch_leg import print_torch, run_torch

WITHOUT_DERIVATIVE = frozenset(
    "equal not_equal less less_equal greater greater_equal logical_not logical_and logical_or "
    "logical_xor isnan isinf isfinite one_hot any all argmax argmin argsort exponent lu_pivots "
    "pivots_to_permutation".split()
)

DIFFERENTIATED_ONCE = frozenset({"hard_sigmoid"})
OF_SOME_LOSSES = frozenset({"eig_eigenvectors"})
"""Rows of which PyTorch differentiates only what does not depend on a choice that it makes: on phases."""
"""Rows whose derivative PyTorch cannot differentiate again: it raises."""


def data(operand: np.ndarray[Any, Any]) -> Any:
    return np.vectorize(as_number, otypes=[object])(operand).tolist()


class Example:
    """A sample as a program: the op's result, and the gradient with respect to each of its operands."""

    def __init__(self, name: str, sample: Sample, *, in_place: bool) -> None:
        self.facts = Facts()
        self.statements: list[Statement] = []
        self.leaves: list[str] = []
        op = OPS[name]
        operands: list[Any] = []
        for place, operand in enumerate(sample.operands):
            carries = in_place or op.operand_names[min(place, len(op.operand_names) - 1)] not in op.without_history
            operands.append(
                self.operand(place, operand, carries) if isinstance(operand, np.ndarray) else as_number(operand)
            )
        if in_place:
            self.result = operands[0].name
            self.add(Write(handle=self.result, op=name, operands=tuple(operands[1:]), attributes=sample.attributes))
        else:
            self.result = "result"
            self.add(Apply(target="result", op=name, operands=tuple(operands), attributes=sample.attributes))
        result = self.facts.handles[self.result]
        ones = np.ones(result.shape) * (1 + 0j if result.dtype.startswith("complex") else 1.0)
        self.add(Leaf(target="cotangent", data=data(ones), dtype=result.dtype))
        for leaf in self.leaves:
            self.take(f"{leaf}_grad", self.result, leaf, gradient="cotangent")
            self.add(Read(name=f"{leaf}_grad", what="requires_grad", handle=f"{leaf}_grad"))

    def operand(self, place: int, operand: np.ndarray[Any, Any], carries: bool) -> Ref:
        dtype, leaf = operand.dtype.name, f"x{place}"
        if carries and operand.dtype.kind in "fc":
            self.add(Leaf(target=leaf, data=data(operand), dtype=dtype))
            self.add(Apply(target=f"operand{place}", op="clone", operands=(Ref(leaf),)))
            self.leaves.append(leaf)
            return Ref(f"operand{place}")
        self.add(Constant(target=leaf, data=data(operand), dtype=dtype))
        return Ref(leaf)

    def add(self, statement: Statement) -> None:
        self.facts.step(statement)
        self.statements.append(statement)

    def take(self, target: str, output: str, *inputs: str, gradient: str) -> None:
        targets = (target,) if len(inputs) == 1 else tuple(f"{target}_{one}" for one in inputs)
        self.add(
            AutogradGrad(
                targets=targets,
                outputs=(output,),
                inputs=inputs,
                gradients=(gradient,),
                retain_graph=True,
                create_graph=len(inputs) == 1,
                allow_unused=True,
            )
        )

    def differentiate_again(self, leaf: str) -> None:
        """What the gradient of a leaf depends on: the cotangent, the leaves, the result itself."""
        gradient = self.facts.handles[f"{leaf}_grad"]
        ones = np.ones(gradient.shape) * (1 + 0j if gradient.dtype.startswith("complex") else 1.0)
        self.add(Constant(target=f"{leaf}_ones", data=data(ones), dtype=gradient.dtype))
        inputs = ("cotangent", *self.leaves, self.result)
        self.take(f"{leaf}_on", gradient.name, *inputs, gradient=f"{leaf}_ones")
        for one in inputs:
            self.add(Read(name=f"{leaf}_on_{one}", what="value", handle=f"{leaf}_on_{one}"))

    @property
    def program(self) -> Program:
        return Program(id="a-row", title="A row", dtype="float64", statements=tuple(self.statements))  # type: ignore[arg-type]

    def of_torch(self) -> dict[str, Observed]:
        run = run_torch(self.program, print_torch(self.program))
        assert run.failure is None, run.failure
        return run.observed

    def of_reference(self) -> LegRun:
        run = run_reference(self.program)
        assert run.failure is None, run.failure
        return run


def examples(name: str) -> Iterator[Example]:
    op = OPS[name]
    for sample in (*SAMPLES[name], *COMPLEX_SAMPLES.get(name, ())):
        if not all(np.size(operand) for operand in sample.operands):
            continue
        for in_place in (False, True):
            if (op.write if in_place else op.torch) is None or (
                in_place and not isinstance(sample.operands[0], np.ndarray)
            ):
                continue
            try:
                yield Example(name, sample, in_place=in_place)
            except ProgramError:
                continue


@pytest.fixture(autouse=True)
def no_second_derivatives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only whether there is one matters here, not which numbers it has."""
    monkeypatch.setattr(plan, "MOST_WORK", 0)


def disagreements(name: str) -> list[str]:
    found = []
    for example in examples(name):
        tracked = example.of_torch()
        for leaf in example.leaves:
            if tracked[f"{leaf}_grad"]:
                example.differentiate_again(leaf)
        reference = example.of_reference()
        for read, seen in example.of_torch().items():
            theirs = seen if isinstance(seen, bool) else seen is not None
            ours = reference.observed.get(read)
            # A derivative that is withdrawn is there.
            ours = ours if isinstance(ours, bool) else ours is not None or read in reference.warnings
            if ours != theirs:
                found.append(f"{read}: torch {seen}, reference {reference.observed.get(read)}")
    return found


@pytest.mark.parametrize("name", sorted(set(OPS) - WITHOUT_DERIVATIVE - DIFFERENTIATED_ONCE - OF_SOME_LOSSES))
def test_a_gradient_depends_on_what_the_formula_reads(name: str) -> None:
    assert disagreements(name) == []


def test_every_row_with_a_derivative_was_looked_at() -> None:
    looked_at = {name for name in OPS if any(True for _ in examples(name))}
    assert looked_at >= set(OPS) - WITHOUT_DERIVATIVE - {"zeros_like", "ones_like", "fill"}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("tanh", formulas.Formula()),
        ("multiply", formulas.Formula((0, 1))),
        ("sin", formulas.Formula((0,), result=True)),
    ],
)
def test_a_wrong_formula_is_noticed(name: str, wrong: formulas.Formula, monkeypatch: pytest.MonkeyPatch) -> None:
    right = formulas.backward_formula
    monkeypatch.setattr(
        "compare.reference.recording.backward_formula",
        lambda op, *arguments, **keywords: wrong if op.name == name else right(op, *arguments, **keywords),
    )
    assert disagreements(name) != []
