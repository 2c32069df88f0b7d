"""The naive port: a case in JAX, line by line, by a person who knows `.at[]` and `jax.grad` but not the tape.

From the tape program to a pure program of its own, printed and run like the faithful one. Its rules:

- A name is an array, and nothing is shared. A view, `detach()` and `.data` make arrays of their own; the last two are
  `lax.stop_gradient`, and so is what is assigned to `.data` under a name of its own.
- A write rebinds the name that stands on its line, and no other: `x += 1` becomes `x = x + 1`, `x[i] = v` becomes
  `x = x.at[i].set(v)`. An alias that has no name is read as the tensor it is made from on that line:
  `x.data.fill_(0)` and `x[1:].mul_(2)` rebind `x`.
- Grad modes, hooks and `retain_grad` are dropped. What cannot be asked without them is left out.
- A leaf is an argument of the differentiated function where one of its lines uses the leaf, or where PyTorch's gradient
  reaches it; `requires_grad_()` makes an array a leaf from there on.
- A backward becomes the gradient of a function made of every line between the leaves and its root; a write to anything
  that the function computes is one of those lines, whether or not its result needs it. A leaf that was written before
  the function first uses it is written before the function.
- A gradient of complex numbers is what JAX returns, without the conjugate, and so is the cotangent that it is given.
- `.grad` still adds up, and the gradient that PyTorch refuses is taken: what is shown is the price of aliases,
  writes, grad modes and conjugates, not of other slips. Any other statement that PyTorch refuses is not there to be
  ported.
"""

from __future__ import annotations

import math
from itertools import zip_longest
from typing import Any, Literal, assert_never

from compare.checks import bound_attributes, find_op
from compare.errors import CompareError
from compare.facts import Facts, Handle, ViewStep
from compare.naive_lines import Lines
from compare.ops import OPS, is_complex
from compare.program import Program
from compare.pure import (
    Accumulated,
    Applied,
    Call,
    Differentiable,
    Given,
    Gradient,
    PureProgram,
    Put,
    Region,
    Result,
    Shown,
    StopGradient,
    Value,
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
    EnterHook,
    EnterSavedTensorsHooks,
    ExitGradMode,
    ExitHook,
    ExitSavedTensorsHooks,
    Grad,
    ItemWrite,
    Jvp,
    Leaf,
    Number,
    Operand,
    Read,
    Ref,
    RegisterHook,
    RegisterPostAccumulateGradHook,
    RemoveHook,
    RequiresGrad,
    RetainGrad,
    SetGrad,
    SetGradMode,
    Step,
    Unpack,
    Warned,
    Write,
    inlined_names,
)

__all__ = ["NOTHING_TO_PORT", "NoPortError", "naive_port"]

NOTHING_TO_PORT = "it has no write, alias, grad mode or complex leaf"
"""Why most programs have no naive port: it would be the faithful one."""


class NoPortError(CompareError):
    """A program that has no naive port. The message is the reason."""


def naive_port(program: Program) -> PureProgram | None:
    """The naive port of a checked program; None where there is nothing to port.

    Raises: NoPortError.
    """
    inlined = inlined_names(program.statements)
    if not any(_is_the_tapes(statement, inlined) for statement in program.statements):
        return None
    return _Port(program, inlined).run()


def _is_the_tapes(statement: AnyStatement, inlined: set[str]) -> bool:
    """Whether a statement writes, makes an alias, sets a grad mode, or asks for complex gradients."""
    match statement:
        case Leaf():
            return is_complex(statement.dtype)
        case Write() | ItemWrite() | Unpack() | Detach() | DetachInPlace() | Data() | AssignData():
            return True
        case EnterGradMode() | SetGradMode():
            return True
        case Apply():
            return find_op(statement.op).view is not None
        case Grad():
            return statement.target not in inlined
        case SetGrad():
            return statement.source is not None
        case Attempt():
            return statement.torch is None and _is_the_tapes(statement.attempted, inlined)
        case _:
            return False


Place = str | int
"""What can be rebound: a name, or the `.grad` of a leaf, which is known by the leaf's family."""


class _Port:
    def __init__(self, program: Program, inlined: set[str]) -> None:
        self.program = program
        self.inlined = inlined
        self.pure = PureProgram(program.id, f"{program.title} (naive port)", program.dtype)
        self.facts = Facts(float_dtype=program.dtype)
        self.used: dict[str, Handle] = {}
        self.index = 0
        self.values: dict[Place, Value] = {}
        self.lines = Lines()
        self.aliases: dict[Place, tuple[Place, tuple[ViewStep, ...]]] = {}
        self.defined: dict[str, int] = {}

    def run(self) -> PureProgram:
        hooked = False
        for self.index, statement, self.used, self.facts in self.program.steps():
            hooked = (hooked or isinstance(statement, EnterHook)) and not isinstance(statement, ExitHook)
            if not hooked:
                self.lower(statement)
        return self.pure

    def lower(self, statement: Step) -> None:
        match statement:
            case Leaf() | Constant():
                self.tensor(statement)
            case Apply():
                self.apply(statement)
            case Unpack():
                for piece in statement.pieces:
                    self.apply(piece)
            case Write():
                self.in_place(statement)
            case ItemWrite():
                self.item_write(statement)
            case Detach() | Data():
                self.detach(statement)
            case AssignData():
                self.assign_data(statement)
            case DetachInPlace():
                self.cut(statement.handle, named=True)
            case RequiresGrad():
                self.requires_grad(statement)
            case Backward():
                self.backward(statement)
            case AutogradGrad():
                self.autograd_grad(statement)
            case Grad():
                self.grad(statement)
            case SetGrad():
                self.set_grad(statement)
            case Read():
                self.observe(statement)
            case DefineFunction():
                self.defined[statement.target] = self.index
            case CallFunction() | Jvp():
                self.call(statement)
            case Attempt():
                self.attempt(statement)
            case EnterGradMode() | ExitGradMode() | SetGradMode() | RetainGrad():
                pass  # dropped
            case RegisterHook() | RegisterPostAccumulateGradHook() | RemoveHook() | EnterHook() | ExitHook():
                pass  # dropped, and with them what they do
            case EnterSavedTensorsHooks() | ExitSavedTensorsHooks() | Warned():
                pass
            case _:
                assert_never(statement)

    # ---- names ----

    def bind(self, place: Place, value: Value) -> None:
        self.values[place] = value
        handle = self.facts.handles[place] if isinstance(place, str) else self.facts.gradients.slots.get(place)
        if handle is not None:
            self.lines.bound(value, handle)
        self.aliases.pop(place, None)

    def alias(self, target: str, source: Place, chain: tuple[ViewStep, ...]) -> None:
        """Remember what an alias without a name was made from."""
        if target in self.inlined:
            self.aliases[target] = (source, chain)

    def operand(self, operand: Operand) -> Value | Number:
        return self.values[operand.name] if isinstance(operand, Ref) else operand

    def view(self, value: Value, step: ViewStep, hint: str) -> Value:
        shape = step.op.shape((step.shape,), step.attributes)
        dtype = step.op.result_dtype((value.dtype,), self.program.dtype, step.attributes)
        return self.pure.add(Applied(hint, self.index, shape, dtype, step.op, (value,), step.attributes))

    # ---- tensors and ops ----

    def tensor(self, statement: Leaf | Constant) -> None:
        handle = self.facts.handles[statement.target]
        value: Value = Given(statement.target, self.index, handle.shape, handle.dtype, statement.data)
        self.bind(statement.target, self.pure.add(value))
        if isinstance(statement, Leaf):
            self.differentiable(statement.target)

    def call(self, statement: CallFunction | Jvp) -> None:
        function = self.facts.functions[statement.function]
        names = (*statement.inputs, *(statement.tangents if isinstance(statement, Jvp) else ()))
        arguments = tuple(self.values[name] for name in names)
        way: Literal["call", "checkpoint", "jvp"] = "jvp"
        if isinstance(statement, CallFunction):
            way = "checkpoint" if statement.checkpoint else "call"
        call = Call(function, self.defined[function.target], way, arguments)
        for place, target in enumerate(statement.targets):
            handle = self.facts.handles[target]
            # Without a grad mode every argument counts, of a recorded call those that PyTorch goes back to.
            origins = self.facts.origins[handle.tensor] if handle.requires_grad else range(len(arguments))
            sources = tuple(arguments[number] for number in sorted(origins))
            result = self.pure.add(Result(target, self.index, handle.shape, handle.dtype, call, place, sources))
            self.bind(target, result)
            self.lines.carried[result] = sources

    def differentiable(self, name: str) -> None:
        """Make the array of that name an argument of what is differentiated from here on."""
        source, handle = self.values[name], self.facts.handles[name]
        leaf = Differentiable(name, self.index, source.shape, source.dtype, source, handle.family.number)
        self.bind(name, self.pure.add(leaf))
        self.lines.new_leaf(leaf)

    def apply(self, statement: Apply) -> None:
        op = find_op(statement.op)
        attributes = bound_attributes(op, len(statement.operands), statement.attributes)
        arguments = tuple(self.operand(operand) for operand in statement.operands)
        handle = self.facts.handles[statement.target]
        value = Applied(statement.target, self.index, handle.shape, handle.dtype, op, arguments, attributes)
        self.bind(statement.target, self.pure.add(value))
        if op.without_history:
            named = zip_longest(op.operand_names, arguments)
            carried = [one for name, one in named if isinstance(one, Value) and name not in op.without_history]
            self.lines.carried[value] = tuple(carried)
        if op.view is not None:
            [(name, source)] = self.used.items()
            if source.storage is handle.storage:
                self.alias(statement.target, name, handle.chain[-1:])

    def detach(self, statement: Detach | Data) -> None:
        source = self.values[statement.source]
        named = statement.target not in self.inlined
        if named or source.tracked:
            hint = statement.target if named else f"_{source.hint.lstrip('_')}_stopped"
            source = self.pure.add(StopGradient(hint, self.index, source.shape, source.dtype, source, named))
        self.bind(statement.target, source)
        self.alias(statement.target, statement.source, ())

    def assign_data(self, statement: AssignData) -> None:
        if self.used[statement.handle].tensor == self.used[statement.source].tensor:
            return
        value = self.values[statement.source]
        if statement.source not in self.inlined:
            # An array that has a name of its own goes on under it, as what it was.
            value = self.pure.add(
                StopGradient(statement.handle, self.index, value.shape, value.dtype, value, named=True)
            )
        self.rebind(statement.handle, (), value)

    def requires_grad(self, statement: RequiresGrad) -> None:
        value = self.values[statement.handle]
        if statement.flag and self.lines.leaf_of(value) is None and self.used[statement.handle].is_leaf:
            self.differentiable(statement.handle)
        elif not statement.flag and self.lines.leaf_of(value) is not None:
            self.cut(statement.handle, named=False)

    def cut(self, name: str, *, named: bool) -> None:
        """Bind the name to its value without derivative; `named`: on a line of its own."""
        value = self.values[name]
        hint = name if named else f"_{value.hint.lstrip('_')}_stopped"
        self.bind(name, self.pure.add(StopGradient(hint, self.index, value.shape, value.dtype, value, named)))

    # ---- writes: a name is rebound, nothing else ----

    def in_place(self, statement: Write) -> None:
        op = find_op(statement.op)
        attributes = bound_attributes(op, len(statement.operands) + 1, statement.attributes)
        place, chain = self.written(statement.handle)
        current, name = self.values[place], self.name(place)
        for step in chain:
            current = self.view(current, step, f"_{name.lstrip('_')}_view")
        arguments = (current, *(self.operand(operand) for operand in statement.operands))
        hint = f"_{name.lstrip('_')}_next" if chain else name
        new = Applied(hint, self.index, current.shape, current.dtype, op, arguments, attributes)
        self.rebind(place, chain, self.pure.add(new))

    def item_write(self, statement: ItemWrite) -> None:
        place, chain = self.written(statement.handle)
        handle = self.used[statement.handle]
        step = ViewStep(OPS["getitem"], {"index": statement.index}, handle.shape, handle.dtype)
        self.rebind(place, (*chain, step), self.operand(statement.value))

    def written(self, name: str) -> tuple[Place, tuple[ViewStep, ...]]:
        """What stands on a write's line, and the views between it and what is written."""
        place: Place = name
        chain: tuple[ViewStep, ...] = ()
        while isinstance(place, str) and place in self.aliases:
            place, steps = self.aliases[place]
            chain = (*steps, *chain)
        return place, chain

    def name(self, place: Place) -> str:
        return place if isinstance(place, str) else f"{self.facts.gradients.leaves[place].name.lstrip('_')}_grad"

    def rebind(self, place: Place, chain: tuple[ViewStep, ...], new: Value | Number) -> None:
        old = self.values[place]
        written = self.put(old, chain, new, self.name(place))
        self.bind(place, written)
        leaf = self.lines.leaf_of(old)
        self.lines.written(written, leaf if leaf is not None and leaf.hint == place else None)
        if place not in self.inlined:
            self.pure.kept.append(written)

    def put(self, base: Value, chain: tuple[ViewStep, ...], new: Value | Number, hint: str) -> Value:
        """`base` with what the chain shows replaced by `new`."""
        if not chain:
            assert isinstance(new, Value)
            return new
        first, rest = chain[0], chain[1:]
        if rest:
            inner = self.view(base, first, f"_{hint.lstrip('_')}_view")
            new = self.put(inner, rest, new, f"_{hint.lstrip('_')}_written")
        return self.pure.add(Put(hint, self.index, base.shape, base.dtype, first.op, first.attributes, base, new))

    # ---- gradients ----

    def backward(self, statement: Backward) -> None:
        roots = tuple(self.values[name] for name in statement.roots)
        reached = frozenset[int]().union(*(self.used[name].leaves for name in statement.roots))
        arguments = self.lines.arguments(roots, reached)
        if statement.inputs:
            families = {self.used[name].family.number for name in statement.inputs}
            arguments = {leaf: value for leaf, value in arguments.items() if leaf.family in families}
        if not arguments:
            raise NoPortError(f"no line that makes '{statement.roots[0]}' has an argument to differentiate")
        region = self.region(roots, statement, dict(arguments.items()))
        for leaf in arguments:
            hint = f"{leaf.hint.lstrip('_')}_grad"
            found: Value = self.gradient(region, leaf, hint)
            if leaf.family in self.values:
                before = self.values[leaf.family]
                found = self.pure.add(Accumulated(hint, self.index, leaf.shape, leaf.dtype, before, found))
            self.bind(leaf.family, found)

    def autograd_grad(self, statement: AutogradGrad) -> None:
        outputs = tuple(self.values[name] for name in statement.outputs)
        inputs = {name: self.values[name] for name in statement.inputs}
        of = {name: self.lines.leaf_of(value) or value for name, value in inputs.items()}
        # An input that another one goes into is probed where it is made, so that both gradients are whole.
        upstream = {value: self.lines.upstream(value) for value in of.values()}
        probed = [value for value in dict.fromkeys(of.values()) if any(other in upstream[value] for other in upstream)]
        cut = {value for value in of.values() if value not in probed}
        # A leaf that the outputs do not depend on is passed as it is now.
        arguments = {of[name]: value for name, value in inputs.items() if of[name] in cut}
        used = self.lines.arguments(outputs, cut=cut)
        arguments |= {leaf: value for leaf, value in used.items() if leaf in cut}
        region = self.region(outputs, statement, arguments, tuple(probed))
        gradients: dict[Value, Value] = {}
        for target, name in zip(statement.targets, statement.inputs, strict=True):
            if of[name] not in gradients:
                gradients[of[name]] = self.gradient(region, of[name], target)
            self.bind(target, gradients[of[name]])
            if self.facts.handles[target].requires_grad and self.facts.handles[target].is_leaf:
                self.differentiable(target)

    def region(
        self,
        roots: tuple[Value, ...],
        statement: Backward | AutogradGrad,
        arguments: dict[Value, Value],
        probed: tuple[Value, ...] = (),
    ) -> Region:
        cotangents = tuple(None if name is None else self.values[name] for name in statement.gradients)
        region = Region(
            self.index,
            roots,
            cotangents or (None,) * len(roots),
            arguments,
            probed,
            (),
            statement.create_graph,
            len(self.pure.regions),
            self.lines.writes_between(set(arguments.values()), roots),
        )
        self.pure.regions.append(region)
        return region

    def gradient(self, region: Region, of: Value, hint: str) -> Gradient:
        gradient = self.pure.add(Gradient(hint, self.index, of.shape, of.dtype, region, of))
        region.gradients.append(gradient)
        return gradient

    # ---- .grad ----

    def slot(self, handle: Handle) -> Value | None:
        return None if handle.link is not None else self.values.get(handle.family.number)

    def grad(self, statement: Grad) -> None:
        source = self.used[statement.source]
        found = self.slot(source)
        if found is None:
            raise NoPortError(f"it computes with '{statement.source}.grad', which is no gradient of an argument")
        self.bind(statement.target, found)
        self.alias(statement.target, source.family.number, ())

    def set_grad(self, statement: SetGrad) -> None:
        family = self.used[statement.handle].family.number
        self.values.pop(family, None)
        if statement.source is not None:
            self.values[family] = self.values[statement.source]

    # ---- observations ----

    def observe(self, statement: Read) -> None:
        if statement.what in ("value", "dtype"):
            found: Value | None = self.values[statement.handle]
        elif statement.what == "grad":
            found = self.slot(self.used[statement.handle])
        else:
            return
        if found is not None:
            what: Any = "dtype" if statement.what == "dtype" else "value"
            self.pure.shown.append(Shown(statement.name, found, what, self.index))

    def attempt(self, statement: Attempt) -> None:
        attempted = statement.attempted
        if statement.torch is None:
            self.lower(attempted)
        elif isinstance(attempted, Backward):
            roots = tuple(self.values[name] for name in attempted.roots)
            cotangents = attempted.gradients or (None,) * len(roots)
            pairs = zip(roots, cotangents, strict=True)
            if self.lines.arguments(roots) and all(
                name is not None or math.prod(root.shape) == 1 for root, name in pairs
            ):
                self.backward(attempted)
