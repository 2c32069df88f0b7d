"""Random tape programs with complex tensors beside real ones: views of parts, conjugates, complex cotangents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from tape_programs import INDICES, NUMBERS, UNARY, VIEWS, Builder, build

from compare.ops import is_complex
from compare.program import Program
from compare.statements import (
    Apply,
    Backward,
    Constant,
    ItemWrite,
    Leaf,
    Ref,
    RegisterHook,
    Write,
    as_number,
)

COMPLEX_UNARY = ("sin", "tanh", "exp", "negative", "clone", "square", "zeros_like", "abs", "sigmoid", "conj", "real")
COMPLEX_BINARY = ("add", "subtract", "multiply", "complex", "multiply")
COMPLEX_NUMBERS = (*NUMBERS, "0.5-0.75j", "0.0+1.5j")
OF_PARTS = tuple((name, {}) for name in ("real", "imag", "conj", "conj", "view_as_real"))


class ComplexBuilder(Builder):
    """Draws complex tensors as often as real ones."""

    def is_complex(self, name: str) -> bool:
        return is_complex(self.facts.handles[name].dtype)

    def complex_numbers(self, shape: tuple[int, ...]) -> Any:
        if not shape:
            return as_number(complex(self.numbers(()), self.choose((-1, 1)) * self.numbers(())))
        return [self.complex_numbers(shape[1:]) for _ in range(shape[0])]

    def tensors(self) -> None:
        for kind in (Leaf, Leaf, Constant):
            shape = self.choose([(2,), (2,), (2, 2), ()])
            self.offer(kind(target=self.name(), data=self.complex_numbers(shape), dtype="complex128"))
        self.offer(Leaf(target=self.name(), data=self.numbers((2,)), dtype="float64"))
        self.offer(Leaf(target=self.name(), data=self.numbers((2, 2)), dtype="float64"))

    def draw_unary(self) -> None:
        name = self.pick()
        op = self.choose(COMPLEX_UNARY if self.is_complex(name) else UNARY)
        self.offer(Apply(target=self.name(), op=op, operands=(Ref(name),)))

    def draw_binary(self) -> None:
        operands = (Ref(self.pick()), Ref(self.pick()))
        self.offer(Apply(target=self.name(), op=self.choose(COMPLEX_BINARY), operands=operands))

    def draw_scalar(self) -> None:
        number = self.choose(COMPLEX_NUMBERS)
        operands = (Ref(self.pick()), number) if self.choose((True, False)) else (number, Ref(self.pick()))
        self.offer(Apply(target=self.name(), op=self.choose(COMPLEX_BINARY[:3]), operands=operands))

    def draw_view(self) -> None:
        name = self.pick()
        of_parts = OF_PARTS if self.is_complex(name) else (("view_as_complex", {}),)
        op, attributes = self.choose(of_parts if self.choose((True, False)) else VIEWS)
        self.offer(Apply(target=self.name(), op=op, operands=(Ref(name),), attributes=attributes))

    def draw_write(self) -> None:
        op = self.choose(["add", "multiply", "fill", "sin", "tanh", "copy", "zeros_like"])
        number = self.choose(COMPLEX_NUMBERS)
        operands: tuple[Any, ...] = ()
        if op in ("add", "multiply"):
            operands = (number if self.choose((True, False)) else Ref(self.pick()),)
        elif op == "fill":
            operands = (number if isinstance(number, str) else float(number),)
        elif op == "copy":
            operands = (Ref(self.pick()),)
        self.offer(Write(handle=self.pick(), op=op, operands=operands))

    def draw_item(self) -> None:
        value: Any = self.choose(COMPLEX_NUMBERS) if self.choose((True, False)) else Ref(self.pick())
        self.offer(ItemWrite(handle=self.pick(), index=self.choose(INDICES), value=value))

    def draw_hook(self) -> None:
        name, handle = f"hook{self.count}", self.pick()
        self.count += 1
        number = self.choose(COMPLEX_NUMBERS if self.is_complex(handle) else NUMBERS)
        body = (Apply(target="_1", op="multiply", operands=(Ref("g"), number)),)
        if self.offer(RegisterHook(target=name, handle=handle, parameter="g", body=body, result=Ref("_1"))):
            self.hooks.append(name)

    def finish(self) -> None:
        tracked = [name for name in self.facts.handles if self.facts.handles[name].requires_grad]
        for name in tracked[-3:]:
            self.backward(name)
        super().finish()

    def backward(self, name: str) -> None:
        if not self.is_complex(name):
            super().backward(name)
            return
        if self.choose((True, False)):
            real = self.name()
            self.offer(Apply(target=real, op=self.choose(("real", "abs")), operands=(Ref(name),)))
            super().backward(real)
            return
        cotangent = self.name()
        data = self.complex_numbers(self.facts.handles[name].shape)
        self.offer(Constant(target=cotangent, data=data, dtype="complex128"))
        self.offer(Backward(roots=(name,), gradients=(cotangent,), retain_graph=True))
        # It may have become the .grad of a leaf, which the next backward adds to; nothing else reads it.
        del self.facts.handles[cotangent]


def build_complex(choose: Callable[[Sequence[Any]], Any], *, length: int) -> Program:
    """One checked program."""
    return build(choose, tape_words=True, length=length, kind=ComplexBuilder)


@st.composite
def complex_programs(draw: Any, *, length: int) -> Program:
    """Programs that hypothesis can shrink."""
    return build_complex(lambda choices: draw(st.sampled_from(choices)), length=length)
