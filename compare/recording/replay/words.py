"""Calls that the tape has words of its own for: detaching, casts, views of several parts, items, shapes in place."""

from __future__ import annotations

from typing import Any

from compare.errors import ProgramError
from compare.recording.calls import bare_name, find_composite, recognise
from compare.recording.events import Called, Seen
from compare.recording.replay.aliasing import Aliases
from compare.recording.replay.computing import Computing
from compare.recording.replay.contents import with_own_first
from compare.recording.replay.gradients import Gradients
from compare.recording.replay.places import Naming
from compare.recording.replay.readings import Readings
from compare.recording.replay.tensors import Tensors, dtype_name
from compare.recording.replay.vocabulary import CASTS, COPIES, SEVERAL_VIEWS, SHAPES_IN_PLACE, SPARSE, WORDS
from compare.tape import Tensor

__all__ = ["Words"]


class Words:
    """Does to the tape what calls did, in its own words."""

    def __init__(
        self,
        tensors: Tensors,
        aliases: Aliases,
        readings: Readings,
        naming: Naming,
        computing: Computing,
        gradients: Gradients,
    ) -> None:
        self.tensors = tensors
        self.aliases = aliases
        self.readings = readings
        self.naming = naming
        self.computing = computing
        self.gradients = gradients

    def take(self, event: Called) -> bool:
        """Whether there is a word for the call; then it is done."""
        name, event = bare_name(event.function), with_own_first(event)
        if name in SPARSE:
            self._sparse_or_dense(name, event)
        elif name in COPIES:
            self._copy(name, event)
        elif name in SHAPES_IN_PLACE:
            self._change_shape(name, event)
        elif name in WORDS:
            self._say(name, self.tensors.of(event.arguments[0]), event)
        else:
            return False
        return True

    def _say(self, name: str, tensor: Tensor, event: Called) -> None:
        own = event.arguments[0]
        if name in CASTS:
            dtype = dtype_name(event.result.dtype)
            cast = tensor.clone() if dtype == tensor.dtype_name else tensor.astype(dtype=dtype)
            self.computing.bind_results(event, cast)
            return
        if name in SEVERAL_VIEWS:
            self._several_views(name, tensor, event)
            return
        match name:
            case "detach":
                self.tensors.bind(event.result, tensor.detach())
            case "alias":
                self.tensors.bind(event.result, self.tensors.tape.view(tensor, shape=tensor.shape))
            case "detach_":
                tensor.detach_()
            case "data.__get__":
                self.tensors.bind(event.result, tensor.data)
            case "data.__set__":
                tensor.data = self.tensors.of(event.arguments[1])
                self.aliases.wrote(own)
            case "T.__get__":
                if len(tensor.shape) != 2:
                    raise ProgramError("Tensor.T of a tensor that is no matrix is deprecated; write mT or permute.")
                self.tensors.bind(event.result, tensor.matrix_transpose())
            case "contiguous":
                self.tensors.bind(event.result, tensor.contiguous_clone())
            case "positive":
                self.tensors.bind(event.result, tensor.clone())
            case "grad.__get__":
                self.gradients.get(event)
            case "grad.__set__" | "grad.__delete__":
                self.gradients.set(event)
            case "requires_grad_" | "requires_grad.__set__":
                self._require_grad(tensor, event)
            case "retain_grad":
                tensor.retain_grad()
                self.readings.collect(own)
            case "__getitem__":
                self.computing.bind_results(event, tensor[self._index(event.arguments[1])])
            case "__setitem__":
                self._set_item(tensor, event)

    # ---- history ----

    def _copy(self, name: str, event: Called) -> None:
        """`torch.tensor(x)`, which has no history."""
        if not isinstance(event.arguments[0], Seen):
            raise ProgramError(f"torch.{name} of a list of tensors: build it with torch.stack.")
        copied = self.tensors.of(event.arguments[0]).detach().clone()
        if event.result.tracked:
            copied.requires_grad_()
            self.readings.collect(event.result)
        self.tensors.bind(event.result, copied)

    def _require_grad(self, tensor: Tensor, event: Called) -> None:
        own, *given = *event.arguments, *event.keywords.values()
        flag = bool(given[0]) if given else True
        tensor.requires_grad_(flag)
        if flag and own.leaf:
            self.naming.join(own)
            self.readings.collect(own)

    # ---- items ----

    def _index(self, index: Any) -> Any:
        return tuple(map(self.tensors.converted, index)) if isinstance(index, tuple) else self.tensors.converted(index)

    def _set_item(self, tensor: Tensor, event: Called) -> None:
        own, index, value = event.arguments[:3]
        given = self.tensors.converted(value)
        if isinstance(given, Tensor) and given.dtype_name != tensor.dtype_name:
            given = given.astype(dtype=tensor.dtype_name)
        self.tensors.tape._set_item(tensor, self._index(index), given)
        self.aliases.wrote(own)

    # ---- views ----

    def _several_views(self, name: str, tensor: Tensor, event: Called) -> None:
        arguments, keywords = list(event.arguments[1:]), dict(event.keywords)
        axis = keywords.pop("dim", keywords.pop("axis", None))
        attributes: dict[str, Any] = {}
        if name != "unbind":
            given = arguments.pop(0) if arguments else next(iter(keywords.values()))
            if name == "chunk":
                attributes["chunks"] = given
            else:
                attributes["sizes"] = tuple(given) if isinstance(given, list | tuple) else given
        axis = arguments.pop(0) if arguments else axis
        if axis:
            attributes["axis"] = axis
        made = self.tensors.tape._unpack(SEVERAL_VIEWS[name], (tensor,), attributes)
        for one, view in zip(event.result, made, strict=True):
            self.tensors.bind(one, view)

    def _change_shape(self, name: str, event: Called) -> None:
        """From here on the tensor is a view of what it was."""
        import torch

        own, tape = event.arguments[0], self.tensors.tape
        tensor = self.tensors.of(own)
        before = tape._facts.handle(tensor._name)
        if before.tensor in tape._facts.gradients.retained:
            raise ProgramError(f"{name} of a tensor whose gradient is retained is not modelled. Retain it afterwards.")
        function = getattr(torch.Tensor, name.removesuffix("_"))
        row, composite = recognise(function, event.arguments, event.keywords), find_composite(function)
        if composite is not None:
            view = self.computing.composed(composite, event)
        elif row is not None:
            view = tape._apply(row.op.name, [tensor], row.attributes)
        else:
            raise ProgramError(
                f"Tensor.{name} with these arguments is not modelled. Take a view of that shape instead."
            )
        self.tensors.replace(own, view)
        self.aliases.wrote_memory(before)

    def _sparse_or_dense(self, name: str, event: Called) -> None:
        """A sparse tensor is the dense one, whose gradient stops where no element is specified."""
        import torch

        own, *axes = event.arguments
        if name == "to_dense":
            if axes or event.keywords.get("dtype") or event.keywords.get("masked_grad") is False:
                raise ProgramError("to_dense with another dtype, or without masked_grad, is not modelled.")
            self.tensors.bind(event.result, self.tensors.dense(own).clone())
            return
        dense = self.tensors.of(own)
        if event.keywords or len(axes) > 1 or event.result.tensor.layout is not torch.sparse_coo:
            raise ProgramError("to_sparse is modelled with the number of sparse axes only.")
        specified = dense != 0
        within = tuple(range(axes[0], len(dense.shape))) if axes else ()
        if within:
            specified = specified.any(axis=within, keepdims=True)
        zero = 0 if dense.dtype_name == "int64" else 0.0
        self.tensors.stands_for(event.result, self.tensors.tape.where(specified, dense, zero))
