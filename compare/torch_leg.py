"""The PyTorch leg: prints the tape program statement for statement, and runs what it printed.

The only module that imports torch, and only to run.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import re
import warnings
from typing import Any, assert_never

import numpy as np

from compare.checks import bound_attributes, find_op
from compare.execution import Identified, execute, plain
from compare.observed import Array, LegRun, Observed
from compare.program import Program
from compare.settings import Setting, put_back
from compare.sources import (
    Expressions,
    LargeArrays,
    ScriptWriter,
    Source,
    call_tree,
    index_tree,
    inferred_dtype,
    name_tree,
    print_line,
    shape_tree,
)
from compare.statements import (
    AnyStatement,
    Apply,
    AssignData,
    Attempt,
    AutogradGrad,
    Backward,
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
    RegisterHook,
    RegisterPostAccumulateGradHook,
    RemoveHook,
    RequiresGrad,
    RetainGrad,
    SetGrad,
    SetGradMode,
    Unpack,
    Warned,
    Write,
    bound,
    inlined_names,
)
from compare.torch_functions import class_name, function_lines

__all__ = ["is_tensor", "print_torch", "run_torch", "torch_settings"]

METHODS = {ast.Add: "add_", ast.Sub: "sub_", ast.Mult: "mul_", ast.Div: "div_", ast.Pow: "pow_"}
"""How an augmented assignment is written where its target is not a plain name."""


FORWARD_MODE = re.compile(r"\bjvp\b|\bforward_ad\b|\bjacfwd\b|\bhessian\b|\blinearize\b")
"""What a script says that differentiates forward."""


def print_torch(program: Program) -> Source:
    """Print a checked program as plain PyTorch."""
    return _TorchPrinter(program).print()


class _TorchPrinter:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.writer = ScriptWriter()
        self.expressions = self.new_expressions()
        self.inlined = inlined_names(program.statements)
        self.large = LargeArrays()
        self.removed = {statement.hook for statement in program.statements if isinstance(statement, RemoveHook)}
        self.functions: dict[str, str] = {}
        self.taken = {name for statement in program.statements for name in bound(statement)}
        self.origin = 0

    def print(self) -> Source:
        for self.origin, statement in enumerate(self.program.statements):
            self.statement(statement)
        recomputes = any(isinstance(one, CallFunction) and one.checkpoint for one in self.program.statements)
        return self.writer.script(
            f"{self.program.id}: {self.program.title}",
            [
                *(["import numpy"] if self.large.arrays else []),
                "import torch",
                *(["from torch.utils.checkpoint import checkpoint"] if recomputes else []),
            ],
            "torch.set_default_dtype(torch.float64)" if self.program.dtype == "float64" else "",
            self.program.id,
            self.large,
        )

    def new_expressions(self) -> Expressions:
        return Expressions("torch", lambda op: op.torch)

    def emit(self, tree: ast.stmt | ast.expr) -> None:
        self.writer.line(ast.unparse(tree), self.origin)

    def bind(self, target: str, tree: ast.expr) -> None:
        """Assign, or keep the expression for the one statement that uses it."""
        if target in self.inlined:
            self.expressions.inlined[target] = tree
        else:
            self.writer.line(f"{target} = {ast.unparse(tree)}", self.origin)

    def method(self, handle: str, word: str, *arguments: ast.expr, **keywords: ast.expr) -> ast.expr:
        function = ast.Attribute(value=self.expressions.handle(handle), attr=word, ctx=ast.Load())
        found = [ast.keyword(arg=name, value=value) for name, value in keywords.items()]
        return ast.Call(func=function, args=list(arguments), keywords=found)

    def attribute(self, handle: str, path: str) -> ast.expr:
        tree = self.expressions.handle(handle)
        for word in path.split("."):
            tree = ast.Attribute(value=tree, attr=word, ctx=ast.Load())
        return tree

    def slot(self, handle: str, word: str) -> ast.expr:
        """An attribute that is assigned to."""
        return ast.Attribute(value=self.expressions.handle(handle), attr=word, ctx=ast.Store())

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        self.emit(ast.Assign(targets=[target], value=value, lineno=0))

    def statement(self, statement: AnyStatement) -> None:
        match statement:
            case Leaf() | Constant():
                self.tensor(statement)
            case Apply():
                self.bind(statement.target, self.expressions.apply(statement))
            case Unpack():
                self.unpack(statement)
            case Write():
                self.emit(self.write(statement))
            case ItemWrite():
                index = index_tree(statement.index, "torch")
                item = ast.Subscript(value=self.expressions.handle(statement.handle), slice=index, ctx=ast.Store())
                self.assign(item, self.expressions.operand(statement.value))
            case Detach():
                self.bind(statement.target, self.method(statement.source, "detach"))
            case AssignData():
                self.assign(self.slot(statement.handle, "data"), self.expressions.handle(statement.source))
            case DetachInPlace():
                self.emit(self.method(statement.handle, "detach_"))
            case Data():
                self.bind(statement.target, self.attribute(statement.source, "data"))
            case Grad():
                self.bind(statement.target, self.attribute(statement.source, "grad"))
            case RequiresGrad():
                flag = [] if statement.flag else [ast.Constant(False)]
                self.emit(self.method(statement.handle, "requires_grad_", *flag))
            case EnterGradMode():
                takes_flag = statement.mode == "set_grad_enabled" or not statement.flag
                argument = str(statement.flag) if takes_flag else ""
                self.writer.line(f"with torch.{statement.mode}({argument}):", self.origin)
                self.writer.open_block()
            case EnterSavedTensorsHooks():
                self.enter_saved_tensors_hooks(statement)
            case ExitGradMode() | ExitSavedTensorsHooks():
                self.writer.close_block()
            case SetGradMode():
                self.writer.line(f"torch.set_grad_enabled({statement.flag})", self.origin)
            case RetainGrad():
                self.emit(self.method(statement.handle, "retain_grad"))
            case RegisterHook():
                self.hook(statement)
            case RegisterPostAccumulateGradHook():
                self.hook_on_leaf(statement)
            case RemoveHook():
                self.writer.line(f"{statement.hook}.remove()", self.origin)
            case DefineFunction():
                self.define(statement)
            case CallFunction():
                self.call(statement)
            case Jvp():
                self.jvp(statement)
            case Backward():
                self.emit(self.backward(statement))
            case AutogradGrad():
                self.autograd_grad(statement)
            case SetGrad():
                [held] = self.cotangents((statement.source,))
                self.assign(self.slot(statement.handle, "grad"), held)
            case Read():
                self.read(statement)
            case Attempt():
                self.attempt(statement)
            case Warned():
                pass  # a declaration
            case _:
                assert_never(statement)

    def enter_saved_tensors_hooks(self, statement: EnterSavedTensorsHooks) -> None:
        pack, unpack = (
            f"lambda {name}: {name}.clone()" if clones else f"lambda {name}: {name}"
            for name, clones in (("tensor", statement.pack_clones), ("packed", statement.unpack_clones))
        )
        self.writer.line(f"with torch.autograd.graph.saved_tensors_hooks({pack}, {unpack}):", self.origin)
        self.writer.open_block()

    def backward(self, statement: Backward) -> ast.expr:
        keywords: dict[str, ast.expr] = {}
        roots = [self.expressions.handle(name) for name in statement.roots]
        gradients = self.cotangents(statement.gradients)
        if statement.inputs:
            names = [self.expressions.handle(name) for name in statement.inputs]
            keywords["inputs"] = ast.List(elts=names, ctx=ast.Load())
        keywords |= _flags(retain_graph=statement.retain_graph, create_graph=statement.create_graph)
        if len(roots) > 1:
            several = [ast.List(elts=list(items), ctx=ast.Load()) for items in (roots, gradients) if items]
            return call_tree("torch.autograd.backward", *several, **keywords)
        if gradients:
            keywords = {"gradient": gradients[0], **keywords}
        function = ast.Attribute(value=roots[0], attr="backward", ctx=ast.Load())
        return ast.Call(
            func=function, args=[], keywords=[ast.keyword(arg=name, value=keywords[name]) for name in keywords]
        )

    def autograd_grad(self, statement: AutogradGrad) -> None:
        keywords: dict[str, ast.expr] = {}
        if statement.gradients:
            keywords["grad_outputs"] = _one_or_several(self.cotangents(statement.gradients))
        keywords |= _flags(
            retain_graph=statement.retain_graph,
            create_graph=statement.create_graph,
            allow_unused=statement.allow_unused,
            materialize_grads=statement.materialize_grads,
        )
        operands = (
            _one_or_several([self.expressions.handle(name) for name in names])
            for names in (statement.outputs, statement.inputs)
        )
        called = ast.unparse(call_tree("torch.autograd.grad", *operands, **keywords))
        targets = ", ".join(statement.targets)
        targets = targets if len(statement.targets) > 1 else f"({targets},)"
        self.writer.line(f"{targets} = {called}", self.origin)

    def cotangents(self, names: tuple[str | None, ...]) -> list[ast.expr]:
        return [ast.Constant(None) if name is None else self.expressions.handle(name) for name in names]

    def tensor(self, statement: Leaf | Constant) -> None:
        maker, data = "torch.tensor", self.large.tree(statement.target, statement.data, statement.dtype, "torch")
        if statement.shape is not None:
            maker, data = "torch.zeros", shape_tree(statement.shape)
        keywords: dict[str, ast.expr] = {}
        if inferred_dtype(statement.data, statement.dtype, self.program.dtype) != statement.dtype:
            keywords["dtype"] = self.expressions.dtype(statement.dtype)
        if isinstance(statement, Leaf):
            keywords["requires_grad"] = ast.Constant(True)
        self.bind(statement.target, call_tree(maker, data, **keywords))

    def unpack(self, statement: Unpack) -> None:
        piece = self.expressions.apply(statement.pieces[0])
        assert isinstance(piece, ast.Subscript)  # the row spells one of the views: `x.unbind()[position]`
        comma = "," if len(statement.targets) == 1 else ""
        self.writer.line(f"{', '.join(statement.targets)}{comma} = {ast.unparse(piece.value)}", self.origin)

    def write(self, statement: Write) -> ast.stmt:
        op = find_op(statement.op)
        assert op.write is not None
        attributes = bound_attributes(op, len(statement.operands) + 1, statement.attributes)
        target = self.expressions.handle(statement.handle)
        operands = tuple(self.expressions.operand(operand) for operand in statement.operands)
        spelled = self.expressions.spell(op.write, op, (target, *operands), attributes)
        if isinstance(spelled, ast.AugAssign) and not isinstance(spelled.target, ast.Name):
            # `x.data += y` would also assign the attribute; the method only writes.
            function = ast.Attribute(value=spelled.target, attr=METHODS[type(spelled.op)], ctx=ast.Load())
            return ast.Expr(ast.Call(func=function, args=[spelled.value], keywords=[]))
        return spelled

    def hook(self, statement: RegisterHook) -> None:
        """Print a hook. One on a node takes tuples, and leaves what is behind the first as it is."""
        expressions, first, of_node = self.new_expressions(), statement.parameter, statement.place != "tensor"
        parameters = first
        if of_node:
            expressions.spelled[first] = ast.parse(f"{first}[0]", mode="eval").body
        if statement.place == "after":
            bound_inside = {first, *(name for applied in statement.body for name in bound(applied))}
            parameters += ", " + next(name for name in ("before", "before_", "before__") if name not in bound_inside)
        lines, [result] = expressions.body(statement.body, [statement.result])
        if of_node and statement.result is not None:
            result = f"({result}, *{first}[1:])"
        function = f"lambda {parameters}: {result}"
        if lines:
            function = self.function_name(statement.target)
            self.writer.blank()
            self.writer.line(f"def {function}({parameters}):", self.origin)
            with self.writer.indented():
                for line in (*lines, f"return {result}"):
                    self.writer.line(line, self.origin)
            self.writer.blank()
        words = {"tensor": "register_hook", "before": "grad_fn.register_prehook", "after": "grad_fn.register_hook"}
        self.register(statement, words[statement.place], function)

    def hook_on_leaf(self, statement: RegisterPostAccumulateGradHook) -> None:
        function, outer = self.function_name(statement.target), (self.expressions, self.inlined)
        self.writer.blank()
        self.writer.line(f"def {function}({statement.parameter}):", self.origin)
        self.expressions, self.inlined = self.new_expressions(), inlined_names(statement.body)
        self.writer.open_block()
        for one in statement.body:
            self.statement(one)
        self.writer.close_block()
        self.expressions, self.inlined = outer
        self.writer.blank()
        self.register(statement, "register_post_accumulate_grad_hook", function)

    def function_name(self, hook: str) -> str:
        function = f"{hook}_function"
        while function in self.taken:
            function += "_"
        return function

    def register(self, statement: RegisterHook | RegisterPostAccumulateGradHook, word: str, function: str) -> None:
        named = f"{statement.target} = " if statement.target in self.removed else ""
        method = ast.unparse(self.attribute(statement.handle, word))
        self.writer.line(f"{named}{method}({function})", self.origin)

    def define(self, statement: DefineFunction) -> None:
        name = statement.target
        if statement.rule is not None:
            name = class_name(name)
            while name in self.taken:
                name += "_"
            self.taken.add(name)
        self.functions[statement.target] = name if statement.rule is None else f"{name}.apply"
        self.writer.define(function_lines(statement, name), self.origin)

    def call(self, statement: CallFunction) -> None:
        function = self.functions[statement.function]
        arguments = [self.expressions.handle(name) for name in statement.inputs]
        if statement.checkpoint:
            tree = call_tree("checkpoint", name_tree(function), *arguments, use_reentrant=ast.Constant(value=False))
        else:
            tree = call_tree(function, *arguments)
        if len(statement.targets) == 1:
            self.bind(statement.targets[0], tree)
        else:
            self.writer.line(f"{', '.join(statement.targets)} = {ast.unparse(tree)}", self.origin)

    def jvp(self, statement: Jvp) -> None:
        function = name_tree(self.functions[statement.function])
        inputs, tangents = (
            ast.Tuple(elts=[self.expressions.handle(name) for name in names], ctx=ast.Load())
            for names in (statement.inputs, statement.tangents)
        )
        count = len(statement.targets) // 2
        halves = [statement.targets[:count], statement.targets[count:]]
        targets = ", ".join(half[0] if count == 1 else f"({', '.join(half)})" for half in halves)
        self.writer.line(
            f"{targets} = {ast.unparse(call_tree('torch.func.jvp', function, inputs, tangents))}", self.origin
        )

    def read(self, statement: Read) -> None:
        match statement.what:
            case "value":
                tree = self.expressions.handle(statement.handle)
            case "version":
                tree = self.attribute(statement.handle, "_version")
            case "shares_storage":
                assert statement.other is not None
                tree = ast.Compare(
                    left=_storage(self.expressions.handle(statement.handle)),
                    ops=[ast.Eq()],
                    comparators=[_storage(self.expressions.handle(statement.other))],
                )
            case what:
                tree = self.attribute(statement.handle, what)
        self.writer.line(print_line(f"{statement.name} =", tree), self.origin)

    def attempt(self, statement: Attempt) -> None:
        self.writer.line("try:", self.origin)
        with self.writer.indented():
            self.statement(statement.attempted)
        self.writer.line("except Exception as error:", self.origin)
        with self.writer.indented():
            self.writer.line(print_line(f"{statement.name} raised", name_tree("error")), self.origin)


def _flags(**flags: bool) -> dict[str, ast.expr]:
    """The keywords that are on; off is PyTorch's default for each of them."""
    return {name: ast.Constant(True) for name, on in flags.items() if on}


def _one_or_several(trees: list[ast.expr]) -> ast.expr:
    """`y` alone, or `[y, z]`."""
    return trees[0] if len(trees) == 1 else ast.List(elts=trees, ctx=ast.Load())


def _storage(tree: ast.expr) -> ast.expr:
    storage = ast.Call(func=ast.Attribute(value=tree, attr="untyped_storage", ctx=ast.Load()), args=[], keywords=[])
    return ast.Call(func=ast.Attribute(value=storage, attr="data_ptr", ctx=ast.Load()), args=[], keywords=[])


# ---- running ----


def torch_settings() -> tuple[Setting, ...]:
    """The global settings of PyTorch. Imports it."""
    import torch
    from torch import autograd

    return (
        Setting(_DEFAULT_DTYPE, torch.get_default_dtype, torch.set_default_dtype),
        Setting("PyTorch's grad mode", torch.is_grad_enabled, torch.set_grad_enabled),
        # Only what entered it can leave it.
        Setting("PyTorch's inference mode", torch.is_inference_mode_enabled, lambda value: None),
        Setting("PyTorch's warn-always flag", torch.is_warn_always_enabled, torch.set_warn_always),
        Setting(
            "PyTorch's deterministic algorithms",
            lambda: (
                torch.are_deterministic_algorithms_enabled(),
                torch.is_deterministic_algorithms_warn_only_enabled(),
            ),
            lambda value: torch.use_deterministic_algorithms(value[0], warn_only=value[1]),
        ),
        Setting(
            "PyTorch's anomaly mode",
            lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
            lambda value: torch.set_anomaly_enabled(*value),
        ),
        Setting(
            "PyTorch's autocast on the CPU",
            lambda: torch.is_autocast_enabled("cpu"),
            lambda value: torch.set_autocast_enabled("cpu", value),
        ),
        Setting(
            "PyTorch's multithreaded backward",
            autograd.is_multithreading_enabled,
            autograd.set_multithreading_enabled,
        ),
        Setting("PyTorch's default device", torch.get_default_device, lambda value: torch.set_default_device(None)),
        Setting("PyTorch's number of threads", torch.get_num_threads, torch.set_num_threads),
        Setting(
            "PyTorch's float32 matmul precision",
            torch.get_float32_matmul_precision,
            torch.set_float32_matmul_precision,
        ),
    )


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of PyTorch. Imports it."""
    import torch

    return isinstance(value, torch.Tensor)


_DEFAULT_DTYPE = "PyTorch's default dtype"


def run_torch(program: Identified, source: Source, *, snippet: bool = False) -> LegRun:
    """Run a PyTorch script from the settings of a fresh process; all are put back, and told where left changed.

    A script may leave the default dtype changed.
    """
    import torch

    filename = f"<{program.id}.torch.py>"
    if FORWARD_MODE.search(source.text):
        # The first use of forward mode loads these, with a deprecation warning for each: none of the program's.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module("torch._decomp.decompositions_for_jvp")
    with put_back(torch_settings()):
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        torch.set_warn_always(True)
        drawn = torch.default_generator.get_state()
        torch.default_generator.seed()  # a seed that an earlier script set is no part of this one
        try:
            with put_back(torch_settings(), allowed=(_DEFAULT_DTYPE,)) as changed:
                run = execute(source, leg="torch", filename=filename, convert=_convert, snippet=snippet)
        finally:
            torch.default_generator.set_state(drawn)  # a notebook goes on with its own random numbers
    run.changed.extend(changed)
    return run


def _convert(value: Any) -> Observed:
    import torch

    if isinstance(value, torch.Tensor):
        with contextlib.suppress(RuntimeError):
            _ = value.grad_fn  # as print does, which renews the history of a view whose base was written
        shown = value.detach().cpu().resolve_conj().resolve_neg()
        # NumPy has no bfloat16; every bfloat16 is a float32.
        numbers = shown.float() if shown.dtype == torch.bfloat16 else shown
        return Array(np.array(numbers.numpy(force=True), copy=True), str(value.dtype).removeprefix("torch."))
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    return plain(value, _convert)
