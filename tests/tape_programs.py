"""A hypothesis strategy that builds random tape programs, statement by statement.

Every candidate statement is offered to the same checks that a recorded case goes through; what they refuse is left
out, so what remains is a program that the workbench claims to express exactly.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from compare.errors import ProgramError
from compare.facts import Facts
from compare.ops import OPS, TENSOR, Slice, sets_twice
from compare.program import Program
from compare.statements import (
    Apply,
    AssignData,
    AutogradGrad,
    Backward,
    BackwardRule,
    CallFunction,
    Constant,
    Data,
    DefineFunction,
    Detach,
    DetachInPlace,
    EnterGradMode,
    EnterSavedTensorsHooks,
    ExitGradMode,
    ExitSavedTensorsHooks,
    Grad,
    ItemWrite,
    Jvp,
    Leaf,
    Read,
    Ref,
    RegisterHook,
    RegisterPostAccumulateGradHook,
    RemoveHook,
    RequiresGrad,
    RetainGrad,
    SetGrad,
    SetGradMode,
    Statement,
    Unpack,
    Write,
)

UNARY = ("sin", "cos", "tanh", "sigmoid", "exp", "negative", "clone", "square", "softplus", "erf", "zeros_like")
BINARY = ("add", "subtract", "multiply", "maximum", "logaddexp")
NUMBERS = (0.5, -0.75, 2, 1.25)
INDICES = (
    (0,), (Slice(0, 1),), (Slice(),), (Slice(1, None),), (-1,), (Slice(None, None, 2),), (Slice(-1, None),),
    (Slice(), 0), (Slice(), Slice(1, None)), (None, -1), (1, Slice(None, -1)),
)  # fmt: skip
VIEWS: tuple[tuple[str, dict[str, Any]], ...] = (
    *(("getitem", {"index": index}) for index in INDICES),
    ("select", {"axis": -1, "position": 1}),
    ("narrow", {"axis": 0, "start": 1, "length": 1}),
    ("unstack", {"axis": 0, "position": 1}),
    ("split", {"sizes": 1, "axis": -1, "position": 1}),
    ("chunk", {"chunks": 2, "axis": -1, "position": 0}),
    ("reshape", {"shape": (-1,)}),
    ("view", {"shape": (1, -1)}),
    ("flatten", {}),
    ("unflatten", {"axis": -1, "shape": (-1, 1)}),
    ("matrix_transpose", {}),
    ("swapaxes", {"axis1": 0, "axis2": -1}),
    ("moveaxis", {"source": 0, "destination": -1}),
    ("expand_dims", {"axis": 0}),
    ("squeeze", {}),
    ("broadcast_to", {"shape": (2, 2)}),
    ("diagonal", {}),
    ("diagonal", {"offset": -1}),
)
UNPACKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("unstack", {}),
    ("unstack", {"axis": -1}),
    ("split", {"sizes": 1}),
    ("split", {"sizes": (1, 1), "axis": -1}),
    ("chunk", {"chunks": 2}),
)
POSITIONS = ([1, 0], [0], [0, 0, 1], [[1], [0]], [[0, 1], [0, 0]], [True, False], [[True, False], [True, True]])
"""Constants to index with: without repetition, with it, along one axis, and masks."""
PLACES = (((1, 0),), ((0,),), (Slice(), (1,)), ((0, 1), (1, 0)), (0, (1, 0)), (None, (-1, 0)))
"""Indices with lists of positions, none of them twice."""


class Builder:
    """Draws statements until the program is long enough."""

    def __init__(self, choose: Callable[[Sequence[Any]], Any], *, tape_words: bool) -> None:
        self.choose = choose
        self.tape_words = tape_words
        self.facts = Facts(float_dtype="float64")
        self.statements: list[Statement] = []
        self.count = 0
        self.hooks: list[str] = []

    gradient_words: tuple[str, ...] = ()

    def offer(self, statement: Statement) -> bool:
        try:
            if self.facts.hooks.on_leaves and isinstance(statement, Backward):
                # A hook that is refused halfway would leave the walk inside of it.
                trial = Facts(float_dtype="float64")
                for one in (*self.statements, statement):
                    for _ in trial.steps(one):
                        pass
            for _ in self.facts.steps(statement):
                pass
        except ProgramError:
            return False
        self.statements.append(statement)
        return True

    def name(self) -> str:
        self.count += 1
        return f"t{self.count}"

    def pick(self) -> str:
        return str(self.choose(sorted(self.facts.handles)))

    def position(self) -> Ref:
        """A new constant to index with."""
        name, data = self.name(), self.choose(POSITIONS)
        kind = "bool" if isinstance(data[0], bool) or data[0] == [True, False] else "int64"
        self.offer(Constant(target=name, data=data, dtype=kind))
        return Ref(name)

    def value(self) -> Any:
        """A number or a tensor."""
        return self.choose(NUMBERS) if self.choose((True, False)) else Ref(self.pick())

    def numbers(self, shape: tuple[int, ...]) -> Any:
        if not shape:
            return self.choose(range(3, 21)) / 8
        return [self.numbers(shape[1:]) for _ in range(shape[0])]

    def tensors(self) -> None:
        for kind in (Leaf, Leaf, Constant):
            shape = self.choose([(2,), (2,), (2, 2), ()])
            self.offer(kind(target=self.name(), data=self.numbers(shape), dtype="float64"))

    def statement(self) -> None:
        words = ["unary", "binary", "scalar"]
        if self.tape_words:
            words += [
                "view",
                "view",
                "unpack",
                "read_places",
                "write",
                "item",
                "write_places",
                "scatter",
                "detach",
                "data",
                "mode",
                "retain",
                "hook",
                "leaf_hook",
                "remove",
                "flag",
                "cut",
                "assign",
                "rebind",
            ]
            words += ["define", "call", "call", "jvp", "saved", "backward", *self.gradient_words]
        word = self.choose(words)
        getattr(self, f"draw_{word}")()

    def draw_unary(self) -> None:
        self.offer(Apply(target=self.name(), op=self.choose(UNARY), operands=(Ref(self.pick()),)))

    def draw_binary(self) -> None:
        operands = (Ref(self.pick()), Ref(self.pick()))
        self.offer(Apply(target=self.name(), op=self.choose(BINARY), operands=operands))

    def draw_scalar(self) -> None:
        number = self.choose(NUMBERS)
        operands = (Ref(self.pick()), number) if self.choose((True, False)) else (number, Ref(self.pick()))
        self.offer(Apply(target=self.name(), op=self.choose(BINARY[:3]), operands=operands))

    def draw_rebind(self) -> None:
        name = self.pick()
        self.offer(Apply(target=name, op="multiply", operands=(Ref(name), 1.5)))

    def draw_view(self) -> None:
        op, attributes = self.choose(VIEWS)
        self.offer(Apply(target=self.name(), op=op, operands=(Ref(self.pick()),), attributes=attributes))

    def draw_unpack(self) -> None:
        op, attributes = self.choose(UNPACKED)
        source = self.pick()
        view = OPS[op].view
        assert view is not None
        assert view.pieces is not None
        try:
            count = view.pieces(self.facts.handles[source].shape, {**OPS[op].defaults, **attributes})
        except ValueError:
            return
        targets = tuple(self.name() for _ in range(count))
        self.offer(Unpack(targets=targets, op=op, source=source, attributes=attributes))

    def draw_read_places(self) -> None:
        x, target = Ref(self.pick()), self.name()
        word = self.choose(["list", "tensor", "tensor", "take", "take_along_axis"])
        if word == "list":
            read = Apply(target=target, op="advanced_getitem", operands=(x,), attributes={"index": self.choose(PLACES)})
        elif word == "tensor":
            index = self.choose([(TENSOR,), (Slice(), TENSOR), (TENSOR, 0)])
            operands = (x, self.position())
            read = Apply(target=target, op="advanced_getitem", operands=operands, attributes={"index": index})
        else:
            axis = self.choose([0, -1])
            read = Apply(target=target, op=word, operands=(x, self.position()), attributes={"axis": axis})
        self.offer(read)

    def draw_write_places(self) -> None:
        handle = self.pick()
        word = self.choose(["list", "mask", "fill", "put"])
        if word == "list":
            attributes = {"index": self.choose(PLACES)}
            shape = self.facts.handles[handle].shape
            # On an axis of one element, -1 and 0 are one place, and of two values written there one is lost.
            with contextlib.suppress(IndexError):
                if sets_twice(OPS["advanced_setitem"], shape, [], attributes):
                    return
                self.offer(Write(handle=handle, op="advanced_setitem", operands=(self.value(),), attributes=attributes))
        elif word == "put":
            operands = (Ref(self.pick()), self.position())
            self.offer(Write(handle=handle, op="index_put", operands=operands, attributes={"accumulate": True}))
        else:
            mask = self.name()
            if not self.offer(Apply(target=mask, op="greater", operands=(Ref(self.pick()), 1.0))):
                return
            if word == "mask":
                operands = (self.value(), Ref(mask))
                self.offer(
                    Write(handle=handle, op="masked_setitem", operands=operands, attributes={"index": (TENSOR,)})
                )
            else:
                self.offer(Write(handle=handle, op="masked_fill", operands=(Ref(mask), self.value())))

    def draw_scatter(self) -> None:
        handle, axis = self.pick(), self.choose([0, -1])
        word = self.choose(
            ["index_add", "scatter_add", "index_fill", "slice_scatter", "select_scatter", "diagonal_scatter"]
        )
        if word in ("index_add", "scatter_add", "index_fill"):
            operands = (self.position(), self.choose(NUMBERS) if word == "index_fill" else Ref(self.pick()))
            self.offer(Write(handle=handle, op=word, operands=operands, attributes={"axis": axis}))
            return
        attributes: dict[str, Any] = {
            "slice_scatter": {"axis": axis, "start": 1}, "select_scatter": {"axis": axis, "position": 0},
            "diagonal_scatter": {"offset": self.choose([0, 1])},
        }[word]  # fmt: skip
        operands = (Ref(handle), Ref(self.pick()))
        self.offer(Apply(target=self.name(), op=word, operands=operands, attributes=attributes))

    def draw_write(self) -> None:
        op = self.choose(["add", "multiply", "fill", "sin", "tanh", "copy", "zeros_like"])
        number = self.choose(NUMBERS)
        operands: tuple[Any, ...] = ()
        if op in ("add", "multiply"):
            operands = (number if self.choose((True, False)) else Ref(self.pick()),)
        elif op == "fill":
            operands = (float(number),)
        elif op == "copy":
            operands = (Ref(self.pick()),)
        self.offer(Write(handle=self.pick(), op=op, operands=operands))

    def draw_item(self) -> None:
        value: Any = self.choose(NUMBERS) if self.choose((True, False)) else Ref(self.pick())
        self.offer(ItemWrite(handle=self.pick(), index=self.choose(INDICES), value=value))

    def draw_detach(self) -> None:
        self.offer(Detach(target=self.name(), source=self.pick()))

    def draw_data(self) -> None:
        self.offer(Data(target=self.name(), source=self.pick()))

    def draw_mode(self) -> None:
        if self.facts.blocks and self.choose((True, False)):
            self.close_block()
        elif len(self.facts.blocks) < 3:
            mode = self.choose(["no_grad", "no_grad", "enable_grad", "set_grad_enabled", "inference_mode"])
            flag = mode not in ("set_grad_enabled", "inference_mode") or self.choose((True, False))
            self.offer(EnterGradMode(mode=mode, flag=flag))
        else:
            self.offer(SetGradMode(flag=self.choose((True, False))))

    def close_block(self) -> None:
        assert self.offer(ExitGradMode()) or self.offer(ExitSavedTensorsHooks())

    def draw_saved(self) -> None:
        # What is not copied is read as it has become, which no version check refuses: PyTorch alone is wrong then.
        self.offer(EnterSavedTensorsHooks(pack_clones=True, unpack_clones=self.choose((True, False))))

    def draw_define(self) -> None:
        parameters = ("x", "y")[: self.choose((1, 1, 2))]
        body = self.body(parameters, self.choose((1, 2, 3)))
        results = tuple(Ref(one.target) for one in body[-self.choose((1, 1, 2)) :])
        rule = self.rule(parameters, body, results) if self.choose((True, False)) else None
        self.offer(
            DefineFunction(
                target=f"function{len(self.facts.functions)}",
                parameters=parameters,
                body=body,
                results=results,
                rule=rule,
            )
        )

    def body(self, parameters: Sequence[str], length: int) -> tuple[Apply, ...]:
        """Ops on the parameters, each on what is known so far."""
        known, body = list(parameters), []
        for number in range(length):
            arity = self.choose((1, 1, 2, 3))
            one, other = Ref(self.choose(known)), Ref(self.choose(known))
            op = self.choose((*UNARY, "floor", "sign") if arity == 1 else BINARY)
            operands = {1: (one,), 2: (one, other), 3: (one, self.choose(NUMBERS))}[arity]
            if arity == 3 and op not in BINARY[:3]:
                op = "multiply"
            body.append(Apply(target=f"b{number}", op=op, operands=operands))
            known.append(f"b{number}")
        return tuple(body)

    def rule(self, parameters: Sequence[str], body: Sequence[Apply], results: Sequence[Ref]) -> BackwardRule:
        """A made-up rule: a cotangent, edited, times something saved."""
        cotangents = tuple(f"g{number}" for number in range(len(results)))
        saved = tuple({self.choose([*parameters, *(one.target for one in body)]) for _ in range(self.choose((1, 2)))})
        op = self.choose(("multiply", "minimum"))
        edited = Apply(target="edited", op=op, operands=(Ref(cotangents[0]), Ref(saved[0])))
        summed = Apply(target="summed", op="add", operands=(Ref("edited"), Ref(cotangents[-1])))
        gradients = tuple(self.choose((Ref("edited"), Ref("summed"), Ref(cotangents[0]), None)) for _ in parameters)
        marked = tuple(one.name for one in results[1:] if self.choose((False, False, True)))
        return BackwardRule(
            cotangents=cotangents, saved=saved, body=(edited, summed), results=gradients, non_differentiable=marked
        )

    def inputs(self, function: DefineFunction) -> tuple[str, ...]:
        return tuple(self.pick() for _ in function.parameters)

    def draw_call(self) -> None:
        if self.facts.functions:
            function = self.facts.functions[self.choose(sorted(self.facts.functions))]
            self.offer(
                CallFunction(
                    targets=tuple(self.name() for _ in function.results),
                    function=function.target,
                    inputs=self.inputs(function),
                    checkpoint=function.rule is None and self.choose((True, False)),
                )
            )

    def draw_jvp(self) -> None:
        if self.facts.functions:
            function = self.facts.functions[self.choose(sorted(self.facts.functions))]
            self.offer(
                Jvp(
                    targets=tuple(self.name() for _ in (*function.results, *function.results)),
                    function=function.target,
                    inputs=self.inputs(function),
                    tangents=self.inputs(function),
                )
            )

    def draw_retain(self) -> None:
        self.offer(RetainGrad(handle=self.pick()))

    def draw_hook(self) -> None:
        name = f"hook{self.count}"
        self.count += 1
        body = (Apply(target="_1", op="multiply", operands=(Ref("g"), self.choose(NUMBERS))),)
        place = self.choose(("tensor", "tensor", "before", "after"))
        named = {"target": name, "handle": self.pick(), "place": place}
        if self.offer(RegisterHook(**named, parameter="g", body=body, result=Ref("_1"))):
            self.hooks.append(name)

    def draw_leaf_hook(self) -> None:
        name, number = f"hook{self.count}", self.choose(NUMBERS)
        self.count += 1
        gradient = Grad(target="_1", source="leaf")
        scaled = Apply(target="_2", op="multiply", operands=(Ref("_1"), number))
        body = self.choose(
            (
                (gradient, scaled, Write(handle="leaf", op="subtract", operands=(Ref("_2"),))),
                (gradient, scaled, SetGrad(handle="leaf", source="_2")),
                (gradient, Write(handle="_1", op="multiply", operands=(number,))),
                (Data(target="_1", source="leaf"), Write(handle="_1", op="multiply", operands=(number,))),
                (
                    Apply(target="_1", op="multiply", operands=(Ref("leaf"), number)),
                    AssignData(handle="leaf", source="_1"),
                ),
                (SetGrad(handle="leaf"),),
            )
        )
        hook = RegisterPostAccumulateGradHook(target=name, handle=self.pick(), parameter="leaf", body=body)
        if self.offer(hook):
            self.hooks.append(name)

    def draw_remove(self) -> None:
        if self.hooks:
            self.offer(RemoveHook(hook=self.hooks.pop()))

    def draw_flag(self) -> None:
        self.offer(RequiresGrad(handle=self.pick(), flag=self.choose((True, True, False))))

    def draw_assign(self) -> None:
        self.offer(AssignData(handle=self.pick(), source=self.pick()))

    def draw_cut(self) -> None:
        self.offer(DetachInPlace(handle=self.pick()))

    def draw_backward(self) -> None:
        self.backward(self.pick())

    def draw_autograd_grad(self) -> None:
        root = self.name()
        if self.offer(Apply(target=root, op="sum", operands=(Ref(self.pick()),))):
            inputs = tuple(dict.fromkeys(self.pick() for _ in range(self.choose((1, 1, 2)))))
            self.offer(
                AutogradGrad(
                    targets=tuple(self.name() for _ in inputs),
                    outputs=(root,),
                    inputs=inputs,
                    retain_graph=True,
                    create_graph=self.choose((True, True, False)),
                    materialize_grads=self.choose((True, False)),
                )
            )

    def draw_set_grad(self) -> None:
        self.offer(SetGrad(handle=self.pick(), source=None if self.choose((True, False)) else self.pick()))

    def draw_gradient(self) -> None:
        name = self.name()
        if self.offer(Grad(target=name, source=self.pick())) and self.choose((True, False)):
            self.offer(Write(handle=name, op="multiply", operands=(self.choose(NUMBERS),)))

    def backward(self, name: str) -> None:
        root = self.name()
        if self.offer(Apply(target=root, op="sum", operands=(Ref(name),))):
            create = bool(self.gradient_words) and self.choose((True, False, False))
            self.offer(Backward(roots=(root,), retain_graph=True, create_graph=create))

    def finish(self) -> None:
        while self.facts.blocks:
            self.close_block()
        for name in list(self.facts.handles)[-3:]:
            self.backward(name)
        for name in sorted(self.facts.handles):
            self.offer(Read(name=name, what="value", handle=name))
            self.offer(Read(name=f"{name}.requires_grad", what="requires_grad", handle=name))
            self.offer(Read(name=f"{name}.is_leaf", what="is_leaf", handle=name))
            self.offer(Read(name=f"{name}.version", what="version", handle=name))
            self.offer(Read(name=f"{name}.grad", what="grad", handle=name))


def build(
    choose: Callable[[Sequence[Any]], Any], *, tape_words: bool, length: int, kind: type[Builder] = Builder
) -> Program:
    """One checked program. `tape_words` adds views, writes, aliases, grad modes, probes, hooks and backwards."""
    builder = kind(choose, tape_words=tape_words)
    builder.tensors()
    for _ in range(choose(range(1, length + 1))):
        builder.statement()
    builder.finish()
    return Program(id="random", title="Random", dtype="float64", statements=tuple(builder.statements)).checked()  # type: ignore[arg-type]


@st.composite
def tape_programs(draw: Any, *, tape_words: bool, length: int) -> Program:
    """Programs that hypothesis can shrink."""
    return build(lambda choices: draw(st.sampled_from(choices)), tape_words=tape_words, length=length)
