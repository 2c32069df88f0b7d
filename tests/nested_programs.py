"""Random programs that take gradients of gradients, cut off where PyTorch refuses to go on.

Every statement passes the checks that a recorded case goes through. What is None or not tracked in PyTorch depends on
its formulas, so a program that computes with such a tensor is cut off in front of it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from tape_programs import Builder

from compare.observed import LegRun
from compare.program import Program
from compare.statements import Apply, AutogradGrad, Backward, ExitGradMode, Grad, Read, Ref, Statement, bound
from compare.torch_leg import print_torch, run_torch

UNARY = "sin cos tanh sigmoid exp negative square softplus erf gelu silu expm1 atan asinh log_sigmoid relu abs".split()
BINARY = "add subtract multiply multiply maximum logaddexp".split()
ALONG = "softmax log_softmax cumulative_sum".split()
REDUCTIONS: tuple[tuple[str, dict[str, object]], ...] = (
    ("mean", {}), ("prod", {}), ("vector_norm", {}), ("logsumexp", {"axis": (0,)}), ("var", {"correction": 0}),
)  # fmt: skip


class NestedBuilder(Builder):
    """Draws expressions, then a gradient of them that later expressions use, and so on."""

    def __init__(self, seed: int, *, words: Sequence[str]) -> None:
        self.random = random.Random(seed)
        super().__init__(lambda choices: self.random.choice(list(choices)), tape_words=bool(words))
        self.words = ("unary", "unary", "binary", "binary", "scalar", "along", "reduction", *words)
        self.gradients: list[str] = []
        self.newest: str | None = None

    def tracked(self) -> list[str]:
        handles = self.facts.handles
        return [name for name, handle in handles.items() if handle.requires_grad and not handle.is_none]

    def pick(self) -> str:
        tracked = self.tracked()
        return str(self.choose(tracked[-5:] * 3 + tracked + list(self.facts.handles)[-2:]))

    def apply(self, op: str, *operands: str, **attributes: object) -> str | None:
        name = self.name()
        refs = tuple(map(Ref, operands))
        statement = Apply(target=name, op=op, operands=refs, attributes=attributes)  # type: ignore[arg-type]
        return name if self.offer(statement) else None

    def draw_unary(self) -> None:
        self.apply(self.choose(UNARY), self.pick())

    def draw_binary(self) -> None:
        self.apply(self.choose(BINARY), self.pick(), self.pick())

    def draw_along(self) -> None:
        self.apply(self.choose(ALONG), self.pick(), axis=0)

    def draw_reduction(self) -> None:
        op, attributes = self.choose(REDUCTIONS)
        self.apply(op, self.pick(), **attributes)

    def expression(self) -> None:
        """Some statements, then one that uses an earlier gradient."""
        for _ in range(self.choose((1, 2, 3))):
            getattr(self, f"draw_{self.choose(self.words)}")()
        alive = [name for name in self.gradients if name in self.tracked()]
        if alive:
            gradient = self.choose(alive)
            used = self.apply(self.choose(BINARY), gradient, self.pick()) or self.apply("square", gradient)
            self.newest = used or self.newest

    def gradient(self, *, create_graph: bool) -> None:
        """A gradient of the newest expression: from autograd.grad, or in the `.grad` of a leaf."""
        source = self.newest if self.newest is not None and self.choose((True, True, False)) else self.pick()
        root = self.apply("sum", source)
        if root is None or root not in self.tracked():
            return
        leaves = [name for name in self.tracked() if self.facts.handles[name].is_leaf]
        wanted = [self.choose(leaves), *([self.choose(self.tracked())] if self.choose((False, False, True)) else [])]
        inputs = tuple(dict.fromkeys(wanted))
        if self.choose((True, False)):
            targets = tuple(self.name() for _ in inputs)
            found = self.offer(
                AutogradGrad(
                    targets=targets, outputs=(root,), inputs=inputs, retain_graph=True, create_graph=create_graph,
                    allow_unused=True,
                )
            )  # fmt: skip
            self.gradients += targets if found else ()
        elif self.offer(Backward(roots=(root,), retain_graph=True, create_graph=create_graph)):
            name = self.name()
            if self.offer(Grad(target=name, source=inputs[0])):
                self.gradients.append(name)

    def build(self, order: int) -> tuple[Statement, ...]:
        self.tensors()
        self.expression()
        for taken in range(order):
            self.gradient(create_graph=taken < order - 1)
            self.expression()
        self.gradient(create_graph=False)
        while self.facts.blocks:
            self.offer(ExitGradMode())
        return tuple(self.statements)


def observed(statements: Sequence[Statement]) -> Program:
    """The statements, and reads of what they bound."""
    builder = NestedBuilder(0, words=())
    for statement in statements:
        assert builder.offer(statement)
    while builder.facts.blocks:
        builder.offer(ExitGradMode())
    of_grad = {target for one in statements if isinstance(one, AutogradGrad | Grad) for target in bound(one)}
    for name in sorted(builder.facts.handles):
        builder.offer(Read(name=name, what="value", handle=name))
        # Of None, nothing else can be read.
        if name not in of_grad:
            builder.offer(Read(name=f"{name}.grad", what="grad", handle=name))
            builder.offer(Read(name=f"{name}.requires_grad", what="requires_grad", handle=name))
            builder.offer(Read(name=f"{name}.is_leaf", what="is_leaf", handle=name))
    return Program(id="nested", title="Nested", dtype="float64", statements=tuple(builder.statements)).checked()  # type: ignore[arg-type]


def nested_program(seed: int, *, order: int, words: Sequence[str] = ()) -> tuple[Program, LegRun]:
    """A program whose derivatives go up to an order, and PyTorch's run of it.

    words: the tape's words to mix in, as `Builder` names them.
    """
    statements = NestedBuilder(seed, words=words).build(order)
    while True:
        program = observed(statements)
        run = run_torch(program, print_torch(program))
        if run.failure is None:
            return program, run
        assert run.failure.statement is not None, run.failure
        assert run.failure.statement < len(statements), run.failure
        statements = statements[: run.failure.statement]
