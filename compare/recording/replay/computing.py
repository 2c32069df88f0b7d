"""Calls that are a row of the vocabulary, or a composite of rows."""

from __future__ import annotations

import inspect
from typing import Any

from compare.composites import Composite
from compare.errors import CompareError, ProgramError
from compare.ops import Op
from compare.recording.calls import Recognised, described, find_composite, recognise
from compare.recording.events import Called, Seen
from compare.recording.replay.aliasing import Aliases
from compare.recording.replay.contents import given_to
from compare.recording.replay.notes import Notes
from compare.recording.replay.tensors import Tensors, dtype_name
from compare.recording.replay.vocabulary import NARROW, SEVERAL
from compare.statements import ItemWrite, Write
from compare.tape import Tensor

__all__ = ["Computing"]


class Computing:
    """Does to the tape what calls did.

    as_pytorch: where a call is a row and a composite, too, it is the composite.
    """

    def __init__(self, tensors: Tensors, aliases: Aliases, notes: Notes, *, as_pytorch: bool) -> None:
        self.tensors = tensors
        self.aliases = aliases
        self.notes = notes
        self.as_pytorch = as_pytorch

    def compute(self, event: Called) -> None:
        """A row, where one knows the call; else a composite. Raises ProgramError."""
        row = recognise(event.function, event.arguments, event.keywords)
        composite = find_composite(event.function)
        if row is not None and not (self.as_pytorch and composite is not None):
            try:
                self._apply(row, event)
                self.notes.cautioned(event.site, row.op, spelled_out=composite is not None)
                return
            except ProgramError:
                # The row knows the call, but not for these operands: where the whole is a composite, that decides.
                if composite is None:
                    raise
        assert composite is not None
        tape = self.tensors.tape
        before = len(tape._statements)
        self.bind_results(event, self.composed(composite, event))
        written = {one.handle for one in tape._statements[before:] if isinstance(one, Write | ItemWrite)}
        for one in given_to(event):
            if self.tensors.of(one)._name in written:
                self.aliases.wrote(one)  # running statistics

    # ---- results ----

    def bind_results(self, event: Called, made: Any) -> None:
        """What a call returned, in whichever nesting, is what was made of it. Raises ProgramError where it is not."""
        result = event.result
        if isinstance(result, Seen):
            self._bind_result(event, result, made)
            return
        if isinstance(result, list | tuple) and isinstance(made, list | tuple) and len(result) == len(made):
            for one, tensor in zip(result, made, strict=True):
                if isinstance(one, Seen):
                    self._bind_result(event, one, tensor)
            return
        if result is not None or made is not None:
            raise ProgramError(
                f"{described(event.function)} returned {type(result).__name__}, its composite another thing."
            )

    def _bind_result(self, event: Called, result: Seen, made: Tensor) -> None:
        known = self.tensors.find(result)
        if known is not None:
            if event.written:
                known.copy_(made)
            elif known._name != made._name:
                raise ProgramError(f"{described(event.function)} returned a tensor that it got, its row a new one.")
            self.aliases.wrote(result)
            return
        self.aliases.compare(event, result, made)
        narrow = {*NARROW, "uint8"}
        if dtype_name(result.dtype) in narrow and not any(dtype_name(one.dtype) in narrow for one in given_to(event)):
            self.tensors.widen(result)  # pivots and the like, which no arithmetic has made
        self.tensors.bind(result, made)

    # ---- composites ----

    def composed(self, composite: Composite, event: Called) -> Any:
        """What a composite makes of the arguments of a call. Raises ProgramError, also where the composite fails."""
        tape = self.tensors.tape
        arguments = tuple(self.tensors.converted(one) for one in event.arguments)
        keywords = {key: self.tensors.converted(one) for key, one in event.keywords.items()}
        signature = inspect.signature(composite)
        for name, parameter in signature.parameters.items():
            if parameter.kind is parameter.VAR_POSITIONAL and name in keywords:
                arguments = (*arguments, keywords.pop(name))  # x.flip(dims=(0,)) is x.flip((0,))
        try:
            signature.bind(tape, *arguments, **keywords)
        except TypeError as error:
            raise ProgramError(f"{described(event.function)}: {error}.") from error
        try:
            return composite(tape, *arguments, **keywords)
        except CompareError:
            raise
        except Exception as error:
            raise ProgramError(
                f"{described(event.function)}: its composite failed on these arguments, with {type(error).__name__}: "
                f"{error}. That is a fault of this package, not of the code."
            ) from error

    # ---- rows ----

    def _apply(self, row: Recognised, event: Called) -> None:
        op, result = row.op, event.result
        attributes = self._attributes(row)
        if isinstance(result, Seen) and "shape" in attributes and op.name != "unflatten":
            attributes["shape"] = tuple(result.shape)
        operands = [self.tensors.converted(one) for one in row.operands]
        if row.writes:
            # A number that a tensor holds is copied; fill takes one that is written down.
            name = "copy" if op.name == "fill" and isinstance(operands[1], Tensor) else op.name
            target, *values = _in_one_dtype(op, operands, dtype_name(row.operands[0].dtype))
            self.tensors.tape._write(target, name, values, attributes)
            self.aliases.wrote(row.operands[0])
            return
        if isinstance(result, Seen):
            operands = _in_one_dtype(op, operands, dtype_name(result.dtype))
        self.bind_results(event, self.tensors.tape._apply(op.name, operands, attributes))

    def _attributes(self, row: Recognised) -> dict[str, Any]:
        """As the row takes them, without those that it would be given None for."""
        said = {name: self.tensors.converted(one) for name, one in row.attributes.items()}
        return {
            name: tuple(one) if isinstance(one, list) else (one,) if name in SEVERAL and isinstance(one, int) else one
            for name, one in said.items()
            if not (one is None and row.op.defaults[name] is ...)
        }


def _in_one_dtype(op: Op, operands: list[Any], result: str) -> list[Any]:
    """The operands of an elementwise op, cast as PyTorch casts them by itself."""
    dtypes = {one.dtype_name for one in operands if isinstance(one, Tensor)}
    if op.index_operands(operands) or op.name == "where" or len(dtypes) < 2:
        return operands
    wanted = _promoted(sorted(dtypes)) if result == "bool" else result
    return [
        one.astype(dtype=wanted) if isinstance(one, Tensor) and one.dtype_name != wanted else one for one in operands
    ]


def _promoted(dtypes: list[str]) -> str:
    """The dtype in which PyTorch compares."""
    import torch

    first, *others = [getattr(torch, one) for one in dtypes]
    for one in others:
        first = torch.promote_types(first, one)
    return dtype_name(first)
