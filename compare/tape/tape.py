"""`Tape`: the words of a case. Each makes statements of what the case says, and writes them into the tape's draft."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from compare.errors import CaseError, ProgramError
from compare.ops import OPS
from compare.program import Program
from compare.statements import (
    Apply,
    AutogradGrad,
    Backward,
    Constant,
    Expected,
    Grad,
    ItemWrite,
    Leaf,
    Read,
    Ref,
    Statement,
    Unpack,
    Warned,
    Write,
)
from compare.tape.arguments import arguments_of, data_of, declared_value, index_of, is_advanced
from compare.tape.draft import Draft, Refusal
from compare.tape.functions import Function
from compare.tape.hooks import Hook, hook_on, hook_on_leaf, saved_tensors_block
from compare.tape.modes import GradSwitch, grad_mode_block, switched
from compare.tape.sites import caller_line, current_site, is_subscripted
from compare.tape.tensors import GradSlot, Operators, Pieces, Reading, Tensor, operand_of, reading_of
from compare.tape.words import check_op

__all__ = ["Tape"]


class Tape:
    """Records what a case does to it.

    Args:
        dtype: the float dtype of the run: data written with a decimal point has it.
        seed: seeds `normal`, the random data of a case.
        as_pytorch: a composite has PyTorch's slope at every kink, also where it then reads worse.
    """

    def __init__(self, *, dtype: str = "float64", seed: int = 0, as_pytorch: bool = True) -> None:
        self.dtype = dtype
        self.as_pytorch = as_pytorch
        self._random = np.random.default_rng(seed)
        self._functions: dict[Callable[..., Any], Function] = {}
        self._draft = draft = Draft(dtype)
        # The parts of the draft that a composite, and whoever does to a tape what a run did, may look at.
        self._facts, self._statements, self._hints = draft.facts, draft.statements, draft.hints

    def _blank(self) -> Tape:
        """A tape with nothing on it, for what is traced."""
        return Tape(dtype=self.dtype)

    # -- making tensors --

    def leaf(self, data: Any, *, dtype: str | None = None) -> Tensor:
        """A tensor that requires grad. `data` is numbers, nested lists or a NumPy array."""
        return self._made(Leaf, data, dtype, "leaf")

    def constant(self, data: Any, *, dtype: str | None = None) -> Tensor:
        """A tensor that does not require grad."""
        return self._made(Constant, data, dtype, "constant")

    def _made(self, statement: type[Leaf | Constant], data: Any, dtype: str | None, kind: str) -> Tensor:
        return self._bind(
            lambda target, line: statement(target=target, line=line, **data_of(data, dtype, float_dtype=self.dtype)),
            kind,
        )

    def normal(self, shape: Sequence[int]) -> Any:
        """Random data for `leaf` or `constant`, drawn from the run's seed: nested lists of shape `shape`."""
        return self._random.standard_normal(tuple(shape)).tolist()

    # -- grad modes --

    def no_grad(self) -> contextlib.AbstractContextManager[None]:
        """A block in which nothing is recorded for backward."""
        return grad_mode_block(self._draft, "no_grad")

    def enable_grad(self) -> contextlib.AbstractContextManager[None]:
        """A block in which history is recorded again."""
        return grad_mode_block(self._draft, "enable_grad")

    def inference_mode(self, mode: bool = True) -> contextlib.AbstractContextManager[None]:
        """A block like no_grad, whose results can never be saved for backward; with False, a block that records."""
        return grad_mode_block(self._draft, "inference_mode", mode)

    def set_grad_enabled(self, flag: bool) -> GradSwitch:
        """Switch recording on or off until the block around closes, or inside of the block that this opens."""
        return switched(self._draft, flag)

    # -- declarations --

    def expect(self, what: Any, value: Any, *, warning: str | None = None) -> None:
        """Read `what` here and declare its value, the same for every leg that can read it.

        Args:
            what: a tensor (its value), `tensor.grad`, or a tape fact such as `tensor.version`.
            value: a number, nested lists, a word or None; one number may stand for every element.
            warning: a fragment of the warning that PyTorch gives at this read.
        """
        declared = declared_value(value)
        self._read(what, Expected(torch=declared, jax=declared, warning=warning))

    def expect_divergence(self, what: Any, *, torch: Any, jax: Any, concept: str, warning: str | None = None) -> None:
        """Read `what` here and declare that the frameworks differ, by the concept that explains it."""
        expected = Expected(torch=declared_value(torch), jax=declared_value(jax), concept=concept, warning=warning)
        self._read(what, expected)

    def observe(self, what: Any) -> None:
        """Read `what` here without declaring a value: the legs are still compared."""
        self._read(what, None)

    @contextlib.contextmanager
    def expect_error(self, *, torch: str | None, jax: str | None = None, concept: str) -> Iterator[None]:
        """Declare that the one tape statement of this block is refused.

        Args:
            torch, jax: a stable fragment of `"Type: message"`, or None where that framework raises nothing.
        """
        if self._draft.refusal is not None:
            raise CaseError("expect_error blocks do not nest.", line=caller_line())
        self._draft.refusal = Refusal(torch, jax, concept)
        line = caller_line()
        try:
            yield
            if not self._draft.refusal.used:
                raise CaseError("An expect_error block holds no statement that a framework could refuse.", line=line)
        finally:
            self._draft.refusal = None

    def expect_warning(self, fragment: str, *, concept: str) -> None:
        """Declare that PyTorch warns at a statement that is no read; say it right after that statement.

        Args: fragment: a stable piece of `"Category: message"`.
        """
        name = self._draft.unique_observation(f"warning '{fragment}'")
        self._record(Warned(name=name, warning=fragment, concept=concept, line=current_site().line))

    def shares_storage(self, one: Tensor, other: Tensor) -> Reading:
        """Whether two tensors are views of one storage."""
        return Reading(one, "shares_storage", other)

    def expect_naive(self, what: Any, value: Any) -> None:
        """Declare that the naive port silently shows `value` instead, at the latest read of `what`.

        Args:
            what: what `expect`, `expect_divergence` or `observe` has just read.
            value: a number, nested lists or a word; one number may stand for every element.
        """
        reading, line = reading_of(what), current_site().line
        if value is None:
            raise CaseError("The naive port never shows None; where it has nothing to read, say nothing.", line=line)
        read_before = (reading.what, reading.tensor._name, reading.other and reading.other._name)
        for position, read in reversed(list(enumerate(self._statements))):
            if not isinstance(read, Read) or (read.what, read.handle, read.other) != read_before:
                continue
            if read.naive is not None:
                raise CaseError(f"What the naive port shows as '{read.name}' is declared twice.", line=line)
            self._statements[position] = msgspec.structs.replace(read, naive=declared_value(value))
            return
        raise CaseError("expect_naive speaks of a read; put it right after the tape.expect that reads it.", line=line)

    def expect_naive_error(self, fragment: str) -> None:
        """Declare that the naive port of this case raises; `fragment` is a stable one of its `"Type: message"`."""
        if self._draft.naive_error is not None:
            raise CaseError("The error of the naive port is declared twice.", line=current_site().line)
        self._draft.naive_error = fragment

    def _read(self, what: Any, expected: Expected | None) -> None:
        site = current_site()
        what = reading_of(what)
        shown = self._shown(what.tensor._name)
        if what.other is not None:
            name = f"{shown} shares storage with {self._shown(what.other._name)}"
        else:
            name = shown if what.what == "value" else f"{shown}.{what.what}"
        self._record(
            Read(
                name=self._draft.unique_observation(name),
                what=what.what,
                handle=what.tensor._name,
                other=None if what.other is None else what.other._name,
                expected=expected,
                line=site.line,
            )
        )

    # -- gradients --

    def backward(
        self,
        roots: Sequence[Tensor],
        gradients: Sequence[Tensor | GradSlot | None] = (),
        *,
        inputs: Sequence[Tensor] = (),
        retain_graph: bool = False,
        create_graph: bool = False,
    ) -> None:
        """Add the gradients of several roots to `.grad` of every leaf that they reach, or of `inputs` alone."""
        statement = Backward(
            roots=self._names(roots),
            gradients=self._cotangents(gradients),
            inputs=self._names(inputs),
            retain_graph=retain_graph,
            create_graph=create_graph,
            line=current_site().line,
        )
        self._record(statement)

    def grad(
        self,
        outputs: Tensor | Sequence[Tensor],
        inputs: Any,
        gradients: Any = (),
        *,
        retain_graph: bool = False,
        create_graph: bool = False,
        allow_unused: bool = False,
        materialize_grads: bool = False,
    ) -> Any:
        """The gradients of `outputs` with respect to `inputs`, as new tensors: `torch.autograd.grad`.

        Returns: a tensor where `inputs` is one tensor, otherwise a tuple of them.
        """
        named = {
            "outputs": self._names(outputs),
            "inputs": self._names(inputs),
            "gradients": self._cotangents(gradients),
        }
        flags = {
            "retain_graph": retain_graph,
            "create_graph": create_graph,
            "allow_unused": allow_unused,
            "materialize_grads": materialize_grads,
        }
        found = self._bind_several(
            lambda targets, line: AutogradGrad(targets=targets, **named, **flags, line=line),  # type: ignore[arg-type]
            len(named["inputs"]),
            "grad",
        )
        return found[0] if isinstance(inputs, Operators) else found

    def _names(self, tensors: Any) -> tuple[str, ...]:
        several = [tensors] if isinstance(tensors, Operators) else list(tensors)
        names = []
        for one in several:
            operand = operand_of(self, one)
            if not isinstance(operand, Ref):
                raise ProgramError("Roots, outputs and inputs are tensors of the tape.", line=current_site().line)
            names.append(operand.name)
        return tuple(names)

    def _cotangents(self, gradients: Any) -> tuple[str | None, ...]:
        several = [gradients] if isinstance(gradients, Operators) else list(gradients)
        found = tuple(None if one is None else self._names(one)[0] for one in several)
        return found if any(name is not None for name in found) else ()

    # -- ops --

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        check_op(name)
        return lambda *operands, **attributes: self._call(name, operands, attributes)

    def _call(self, op: str, values: Sequence[Any], attributes: dict[str, Any]) -> Any:
        """A tensor; a tuple of them for an op that returns several views and is not told which."""
        view = OPS[op].view
        if view is None or view.pieces is None or "position" in attributes:
            return self._apply(op, values, attributes)
        if is_subscripted():
            return Pieces(lambda position: self._apply(op, values, {**attributes, "position": position}))
        return self._unpack(op, values, attributes)

    def _unpack(self, op: str, values: Sequence[Any], attributes: dict[str, Any]) -> tuple[Tensor, ...]:
        row = OPS[op]
        assert row.view is not None
        assert row.view.pieces is not None
        [source], given = arguments_of(self, op, values, attributes)
        shape = self._facts.handle(source.name).shape
        try:
            count = row.view.pieces(shape, {**row.defaults, **given})
        except ValueError as error:
            raise ProgramError(f"{op} of shape {list(shape)}: {error}.", line=current_site().line) from error
        return self._bind_several(
            lambda targets, line: Unpack(targets=targets, op=op, source=source.name, attributes=given, line=line),
            count,
            op,
        )

    def _apply(
        self, op: str, values: Sequence[Any], attributes: dict[str, Any] | None = None, *, kind: str | None = None
    ) -> Tensor:
        operands, given = arguments_of(self, op, values, attributes or {})
        return self._bind(
            lambda target, line: Apply(target=target, op=op, operands=operands, attributes=given, line=line), kind or op
        )

    def _write(self, target: Operators, op: str, values: Sequence[Any], attributes: dict[str, Any]) -> Tensor:
        operands = tuple(operand_of(self, value) for value in values)
        tensor = target._tensor()
        line = current_site().line
        self._record(Write(handle=tensor._name, op=op, operands=operands, attributes=attributes, line=line))
        return tensor

    def _grad(self, source: Tensor, *, named: bool) -> Tensor:
        return self._bind(lambda target, line: Grad(target=target, source=source._name, line=line), "grad", named=named)

    # -- items --

    def _get_item(self, tensor: Tensor, index: Any) -> Tensor:
        items, tensors = index_of(self, index, len(tensor.shape))
        op = "advanced_getitem" if is_advanced(items) else "getitem"
        return self._apply(op, (tensor, *tensors), {"index": items}, kind="getitem")

    def _set_item(self, tensor: Tensor, index: Any, value: Any) -> None:
        operand = operand_of(self, value)
        items, tensors = index_of(self, index, len(tensor.shape))
        line = current_site().line
        if not is_advanced(items):
            self._record(ItemWrite(handle=tensor._name, index=items, value=operand, line=line))  # type: ignore[arg-type]
            return
        found = [self._facts.handle(one._name) for one in tensors]
        shape = self._facts.handle(operand.name).shape if isinstance(operand, Ref) else ()
        # The elements that a known mask names are counted; for any other mask the value has to fit them all.
        masked = [one for one in found if one.dtype == "bool" and (one.known is None or not shape)]
        op = "masked_setitem" if len(masked) == len(found) == 1 else "advanced_setitem"
        operands = (operand, *(Ref(one._name) for one in tensors))
        self._record(Write(handle=tensor._name, op=op, operands=operands, attributes={"index": items}, line=line))

    # -- hooks --

    def _register_hook(
        self, tensor: Tensor, hook: Callable[..., Any], place: Literal["tensor", "before", "after"] = "tensor"
    ) -> Hook:
        return hook_on(tensor, hook, place)

    def _register_on_leaf(self, tensor: Tensor, hook: Callable[[Tensor], Any]) -> Hook:
        return hook_on_leaf(tensor, hook)

    def saved_tensors_hooks(
        self, pack: Callable[[Tensor], Tensor], unpack: Callable[[Tensor], Tensor]
    ) -> contextlib.AbstractContextManager[None]:
        """A block in which what is saved for backward goes through `pack`, and through `unpack` when it is read.

        Each may clone the tensor or hand it on.
        """
        return saved_tensors_block(self, pack, unpack)

    # -- functions --

    def function(self, body: Callable[..., Any]) -> Function:
        """A function of tensors, for `checkpoint` and `jvp`: `@tape.function` above its definition."""
        return self._as_function(body, current_site().hint)

    def custom_function(
        self,
        forward: Callable[..., Any] | None = None,
        backward: Callable[..., Any] | None = None,
        *,
        non_differentiable: Sequence[str] = (),
        once_differentiable: bool = False,
    ) -> Any:
        """A function with a backward rule of its own: `torch.autograd.Function`.

        Args:
            forward: the function. Without it, a decorator is returned.
            backward: the rule; or decorate it with `@function.backward`.
            non_differentiable: names of results that carry no history.
            once_differentiable: PyTorch refuses to differentiate the rule.
        """
        if forward is None:
            return lambda forward: self.custom_function(
                forward, backward, non_differentiable=non_differentiable, once_differentiable=once_differentiable
            )
        return Function(
            self,
            forward,
            current_site().hint,
            custom=True,
            rule=backward,
            non_differentiable=non_differentiable,
            once_differentiable=once_differentiable,
        )

    def checkpoint(self, function: Function | Callable[..., Any], *tensors: Any) -> Any:
        """Call a function so that backward computes again what it would have saved. Returns what the body returns."""
        return self._as_function(function)._called(tensors, checkpoint=True)

    def jvp(self, function: Function | Callable[..., Any], inputs: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Results and their tangents: the derivative of a function at `inputs` in the direction of `tangents`.

        Returns: a result and its tangent, or a tuple of results and a tuple of tangents.
        """
        return self._as_function(function)._jvp(inputs, tangents)

    def _as_function(self, function: Function | Callable[..., Any], hint: str | None = None) -> Function:
        if isinstance(function, Function):
            return function
        return self._functions.setdefault(function, Function(self, function, hint, custom=False))

    # -- recording --

    def _shown(self, name: str) -> str:
        return self._draft.shown(name)

    def _bind(self, make: Callable[[str, int], Statement], kind: str, *, named: bool = True) -> Tensor:
        return Tensor(self, self._draft.bind(make, kind, named=named))

    def _bind_several(
        self, make: Callable[[tuple[str, ...], int], Statement], count: int, kind: str
    ) -> tuple[Tensor, ...]:
        return tuple(Tensor(self, name) for name in self._draft.bind_several(make, count, kind))

    def _record(self, statement: Statement) -> None:
        self._draft.record(statement)

    def program(self, id: str, title: str) -> Program:
        """The recorded program, with its final names, checked."""
        return self._draft.finished(id, title)
